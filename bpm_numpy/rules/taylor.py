"""Taylor series (notes (2.14)): E(t) as a learnt function of second order of h = h_{t-1} and p = p_t.

    E_ab = A_ab + B_abc h_c + C_abc p_c + D_abcd h_c h_d + G_abcd p_c p_d + H_abcd h_c p_d

with learnable tensors. A = B = C = D = G = 0 and H_abcd = [a = c][b = d] is the outer product.

Derivation. The series is a sum of products, so each tensor's gradient is dE times the product it stands with:
dB_abc = Σ_n dE_ab h_c, dH_abcd = Σ_n dE_ab h_c p_d, ... (n runs over episodes). The gradient to a product, say
K_cd = h_c p_d, is dK_cd = Σ_ab dE_ab H_abcd, and from there dh_c = Σ_d dK_cd p_d and dp_d = Σ_c dK_cd h_c. In D's
K_cd = h_c h_d the same h stands twice, so both positions contribute: dh_c = Σ_d (dK_cd + dK_dc) h_d.
"""

import numpy as np

from ..parts import Parameter
from .base import EligibilityRule
from .outer import outer_backward, outer_forward, outer_jvp

TAYLOR_TENSORS = ("A", "B", "C", "D", "G", "H")


def taylor_forward(h_prev, p, A, B, C, D, G, H):
    """h_prev, p (B, N); A (N, N); B, C (N, N, N); D, G, H (N, N, N, N) -> E (B, N, N), cache."""
    hh, hp, pp = (outer_forward(*pair) for pair in ((h_prev, h_prev), (h_prev, p), (p, p)))  # each with its cache
    E = (
        A
        + np.tensordot(h_prev, B, axes=(1, 2))
        + np.tensordot(p, C, axes=(1, 2))
        + np.tensordot(hh[0], D, axes=((1, 2), (2, 3)))
        + np.tensordot(pp[0], G, axes=((1, 2), (2, 3)))
        + np.tensordot(hp[0], H, axes=((1, 2), (2, 3)))
    )  # (B, N, N)
    return E, (h_prev, p, hh, hp, pp, (A, B, C, D, G, H))


def taylor_backward(dE, cache):
    """dE (B, N, N) -> dh_prev (B, N), dp (B, N), dA, dB, dC, dD, dG, dH shaped like the tensors."""
    h_prev, p, (hh, of_hh), (hp, of_hp), (pp, of_pp), (_, B, C, D, G, H) = cache
    episode = ((0,), (0,))
    dA, dB, dC = dE.sum(axis=0), np.tensordot(dE, h_prev, axes=episode), np.tensordot(dE, p, axes=episode)
    dD, dG, dH = (np.tensordot(dE, product, axes=episode) for product in (hh, pp, hp))
    pair = ((1, 2), (0, 1))
    d_hh = np.tensordot(dE, D, axes=pair)  # (B, N, N)
    d_pp = np.tensordot(dE, G, axes=pair)  # (B, N, N)
    dh_from_hp, dp_from_hp = outer_backward(np.tensordot(dE, H, axes=pair), of_hp)
    dh_prev = np.tensordot(dE, B, axes=pair) + sum(outer_backward(d_hh, of_hh)) + dh_from_hp
    dp = np.tensordot(dE, C, axes=pair) + sum(outer_backward(d_pp, of_pp)) + dp_from_hp
    return dh_prev, dp, dA, dB, dC, dD, dG, dH


def taylor_jvp(t_h_prev, t_p, t_A, t_B, t_C, t_D, t_G, t_H, cache):
    """Tangent of E (B, N, N)."""
    h_prev, p, (_, of_hh), (_, of_hp), (_, of_pp), (_, B, C, D, G, H) = cache
    t_of_tensors, _ = taylor_forward(h_prev, p, t_A, t_B, t_C, t_D, t_G, t_H)
    return (
        t_of_tensors
        + np.tensordot(t_h_prev, B, axes=(1, 2))
        + np.tensordot(t_p, C, axes=(1, 2))
        + np.tensordot(outer_jvp(t_h_prev, t_h_prev, of_hh), D, axes=((1, 2), (2, 3)))
        + np.tensordot(outer_jvp(t_p, t_p, of_pp), G, axes=((1, 2), (2, 3)))
        + np.tensordot(outer_jvp(t_h_prev, t_p, of_hp), H, axes=((1, 2), (2, 3)))
    )


def identity(rng, shape):
    """H_abcd = [a = c][b = d], with which the series starts as the outer product."""
    eye = np.eye(shape[0])
    return eye[:, None, :, None] * eye[None, :, None, :]


class Taylor(EligibilityRule):
    """E(t) is the series."""

    name = "taylor"

    def parameters(self, net):
        ranks = (2, 3, 3, 4, 4, 4)
        starts = (0.0, 0.0, 0.0, 0.0, 0.0, identity)
        return {
            name: Parameter((net.n_hidden,) * rank, start) for name, rank, start in zip(TAYLOR_TENSORS, ranks, starts)
        }

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        E, cache = taylor_forward(h_prev, p, *(params[name] for name in TAYLOR_TENSORS))
        return E, None, cache

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dh_prev, dp, *d_tensors = taylor_backward(dE, cache)
        return None, dh_prev, dp, None, dict(zip(TAYLOR_TENSORS, d_tensors))

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return taylor_jvp(t_h_prev, t_p, *(t_params[name] for name in TAYLOR_TENSORS), cache), None
