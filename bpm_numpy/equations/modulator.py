"""What drives the Hebb update: the modulator M(t), its fan-out, or a fixed rate (notes, below (2.6)).

    M(t)    = tanh(h_t · W_m + b_m)               one scalar an episode and step
    mu_j(t) = M(t)                                the notes: the same for every neuron
    mu_j(t) = M(t) W_fan[j] + b_fan[j]            with fan-out (the authors' code)
    mu_j(t) = rate                                no modulation (paper Eq. 2)

The notes say only that M(t) is "a scalar that the network will compute at every time step"; reading it
from h_t, after step t, is the authors' choice.

Derivation. tanh'(z) = 1 - tanh(z)² = 1 - M². With dM = Σ_j dmu_j (∂mu_j/∂M):

    dz = dM (1 - M²),   dh_t = dz W_m,   dW_m = Σ_b dz h_t,   db_m = Σ_b dz
    fan-out:  dM = Σ_j dmu_j W_fan[j],   dW_fan[j] = Σ_b M dmu_j,   db_fan[j] = Σ_b dmu_j
    rate:     drate = Σ_b Σ_j dmu_j
"""

import numpy as np


def modulator_forward(h, W_m, b_m):
    """h (B, N), W_m (N,), b_m () -> M (B,)."""
    return np.tanh(h @ W_m + b_m)  # (B,)


def modulator_backward(dM, h, M, W_m):
    """dM (B,) -> dh (B, N), dW_m (N,), db_m ()."""
    dz = modulator_backward_z(dM, M)
    return dz[:, None] * W_m, dz @ h, dz.sum()


def modulator_backward_z(dM, M):
    """Through tanh: dM (B,) -> dz (B,)."""
    return dM * (1 - M**2)


def modulator_jvp(h, M, W_m, t_h, t_W_m, t_b_m):
    """Tangent of M (B,)."""
    return (1 - M**2) * (t_h @ W_m + h @ t_W_m + t_b_m)


def fanout_forward(M, W_fan, b_fan):
    """M (B,), W_fan (N,), b_fan (N,) -> mu (B, N)."""
    return M[:, None] * W_fan + b_fan  # (B, N)


def fanout_backward(dmu, M, W_fan):
    """dmu (B, N) -> dM (B,), dW_fan (N,), db_fan (N,)."""
    return dmu @ W_fan, M @ dmu, dmu.sum(axis=0)


def fanout_jvp(M, W_fan, t_M, t_W_fan, t_b_fan):
    """Tangent of mu (B, N)."""
    return t_M[:, None] * W_fan + M[:, None] * t_W_fan + t_b_fan
