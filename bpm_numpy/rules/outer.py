"""Outer product (notes (2.15), paper Eq. 3): E(t) = h_{t-1} p_tᵀ.

    X[b, i, j] = h[b, i] p[b, j]

Derivation. Each h[b, i] enters the row i of X[b], each p[b, j] the column j:

    dh[b, i] = Σ_j dX[b, i, j] p[b, j]            dp[b, j] = Σ_i dX[b, i, j] h[b, i]
"""

import numpy as np

from ..chunked.gated import Gated
from .base import EligibilityRule


def outer_forward(h_prev, p):
    """h_prev, p (B, N) -> X (B, N, N), cache."""
    return h_prev[:, :, None] * p[:, None, :], (h_prev, p)


def outer_backward(dX, cache):
    """dX (B, N, N) -> dh_prev (B, N), dp (B, N)."""
    h_prev, p = cache
    dh_prev = np.matmul(dX, p[:, :, None])[:, :, 0]  # (B, N)
    dp = np.matmul(h_prev[:, None, :], dX)[:, 0, :]  # (B, N)
    return dh_prev, dp


def outer_jvp(t_h_prev, t_p, cache):
    """Tangent of X (B, N, N)."""
    h_prev, p = cache
    return t_h_prev[:, :, None] * p[:, None, :] + h_prev[:, :, None] * t_p[:, None, :]


class Outer(EligibilityRule):
    """E(t) = X_t."""

    name = "outer"
    sums = Gated

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, cache = outer_forward(h_prev, p)
        return X, None, cache

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        return None, *outer_backward(dE, cache), None, {}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return outer_jvp(t_h_prev, t_p, cache), None

    def factors(self, net, params, mu, p):
        """Hebb(t+1) = Hebb(t) + h_{t-1} (mu p)ᵀ: the factor of Hebb is 1."""
        return None, mu * p, (mu, p)

    def factors_backward(self, net, dg, dq, cache):
        mu, p = cache
        return p * dq, mu * dq, {}
