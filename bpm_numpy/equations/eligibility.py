"""Eligibility E(t): what the drive multiplies (notes (2.13-2.16), paper Eq. 3-5).

Below, h = h_{t-1} is the pre-synaptic activity and p = p_t the post-synaptic one (h_t in the RNN, i_t in
the LSTM). Everything is laid out [episode, pre, post], like w + alpha ⊗ Hebb.

Outer product (2.15)    X[b, i, j] = h[b, i] p[b, j]

    dh[b, i] = Σ_j dX[b, i, j] p[b, j]            dp[b, j] = Σ_i dX[b, i, j] h[b, i]

Taylor series (2.14)    E_ab = A_ab + B_abc h_c + C_abc p_c + D_abcd h_c h_d + G_abcd p_c p_d + H_abcd h_c p_d

    with learnable tensors. A = B = C = D = G = 0 and H_abcd = [a = c][b = d] is the outer product.
    The series is a sum of products, so each tensor's gradient is dE times the product it stands with:
    dB_abc = Σ_n dE_ab h_c, dH_abcd = Σ_n dE_ab h_c p_d, ... (n runs over episodes). The gradient to a
    product, say K_cd = h_c p_d, is dK_cd = Σ_ab dE_ab H_abcd, and from there dh_c = Σ_d dK_cd p_d and
    dp_d = Σ_c dK_cd h_c. In D's K_cd = h_c h_d the same h stands twice, so both positions contribute:
    dh_c = Σ_d (dK_cd + dK_dc) h_d.

Trace (2.16)            next = (1 - eta) trace + eta X

    reading "notes":  E(t) = next             the X of step t drives the update of step t
    reading "paper":  E(t) = trace            X enters afterwards, and drives from step t+1 on

    dtrace = (1 - eta) dnext,   dX = eta dnext,   deta = Σ (X - trace) dnext
"""

import numpy as np

TAYLOR_TENSORS = ("A", "B", "C", "D", "G", "H")


def outer_forward(h_prev, p):
    """h_prev, p (B, N) -> X (B, N, N)."""
    return h_prev[:, :, None] * p[:, None, :]  # (B, N, N)


def outer_backward(dX, h_prev, p):
    """dX (B, N, N) -> dh_prev (B, N), dp (B, N)."""
    dh_prev = np.matmul(dX, p[:, :, None])[:, :, 0]  # (B, N)
    dp = np.matmul(h_prev[:, None, :], dX)[:, 0, :]  # (B, N)
    return dh_prev, dp


def outer_jvp(h_prev, p, t_h_prev, t_p):
    """Tangent of X (B, N, N)."""
    return outer_forward(t_h_prev, p) + outer_forward(h_prev, t_p)


def taylor_forward(h_prev, p, A, B, C, D, G, H):
    """h_prev, p (B, N); A (N, N); B, C (N, N, N); D, G, H (N, N, N, N) -> E (B, N, N)."""
    return (
        A
        + np.tensordot(h_prev, B, axes=(1, 2))
        + np.tensordot(p, C, axes=(1, 2))
        + np.tensordot(outer_forward(h_prev, h_prev), D, axes=((1, 2), (2, 3)))
        + np.tensordot(outer_forward(p, p), G, axes=((1, 2), (2, 3)))
        + np.tensordot(outer_forward(h_prev, p), H, axes=((1, 2), (2, 3)))
    )  # (B, N, N)


def taylor_backward(dE, h_prev, p, A, B, C, D, G, H):
    """dE (B, N, N) -> dh_prev (B, N), dp (B, N), and (dA, dB, dC, dD, dG, dH) shaped like the tensors."""
    episode = ((0,), (0,))
    d_tensors = (
        dE.sum(axis=0),
        np.tensordot(dE, h_prev, axes=episode),
        np.tensordot(dE, p, axes=episode),
        np.tensordot(dE, outer_forward(h_prev, h_prev), axes=episode),
        np.tensordot(dE, outer_forward(p, p), axes=episode),
        np.tensordot(dE, outer_forward(h_prev, p), axes=episode),
    )
    pair = ((1, 2), (0, 1))
    d_hh = np.tensordot(dE, D, axes=pair)  # (B, N, N)
    d_pp = np.tensordot(dE, G, axes=pair)  # (B, N, N)
    dh_from_hp, dp_from_hp = outer_backward(np.tensordot(dE, H, axes=pair), h_prev, p)
    dh_prev = np.tensordot(dE, B, axes=pair) + sum(outer_backward(d_hh, h_prev, h_prev)) + dh_from_hp
    dp = np.tensordot(dE, C, axes=pair) + sum(outer_backward(d_pp, p, p)) + dp_from_hp
    return dh_prev, dp, d_tensors


def taylor_jvp(h_prev, p, tensors, t_h_prev, t_p, t_tensors):
    """Tangent of E (B, N, N). ``tensors`` and ``t_tensors`` are (A, B, C, D, G, H) and their tangents."""
    _, B, C, D, G, H = tensors
    return (
        taylor_forward(h_prev, p, *t_tensors)
        + np.tensordot(t_h_prev, B, axes=(1, 2))
        + np.tensordot(t_p, C, axes=(1, 2))
        + np.tensordot(outer_jvp(h_prev, h_prev, t_h_prev, t_h_prev), D, axes=((1, 2), (2, 3)))
        + np.tensordot(outer_jvp(p, p, t_p, t_p), G, axes=((1, 2), (2, 3)))
        + np.tensordot(outer_jvp(h_prev, p, t_h_prev, t_p), H, axes=((1, 2), (2, 3)))
    )


def trace_forward(trace, X, eta):
    """trace, X (B, N, N), eta () -> next trace (B, N, N)."""
    return (1 - eta) * trace + eta * X  # (B, N, N)


def trace_backward(d_next, trace, X, eta):
    """d_next (B, N, N) -> dtrace (B, N, N), dX (B, N, N), deta ()."""
    return (1 - eta) * d_next, eta * d_next, ((X - trace) * d_next).sum()


def trace_jvp(trace, X, eta, t_trace, t_X, t_eta):
    """Tangent of the next trace (B, N, N)."""
    return (1 - eta) * t_trace + eta * t_X + t_eta * (X - trace)
