"""Oja's rule (Oja 1982): E_ij(t) = h_{t-1}[i] p_t[j] - p_t[j]² Hebb_ij(t). What a neuron holds shrinks as it fires.

Derivation. E holds Hebb, and p a second time, squared. Both further paths are added to those of the outer product:

    dHebb[b, i, j] = -p[b, j]² dE[b, i, j]
    dp[b, j]       = Σ_i h[b, i] dE[b, i, j] - 2 p[b, j] Σ_i Hebb[b, i, j] dE[b, i, j]
"""

from ..chunked.gated import Gated
from .base import EligibilityRule
from .outer import outer_backward, outer_forward, outer_jvp


class Oja(EligibilityRule):
    """E(t) = X_t - p_t² ⊗ Hebb(t)."""

    name = "oja"
    sums = Gated

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        return X - p[:, None, :] ** 2 * hebb, None, (of_X, hebb, p)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        of_X, hebb, p = cache
        dh_prev, dp = outer_backward(dE, of_X)
        dp = dp - 2 * p * (hebb * dE).sum(axis=1)  # (B, N)
        return -(p[:, None, :] ** 2) * dE, dh_prev, dp, None, {}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        of_X, hebb, p = cache
        t_E = outer_jvp(t_h_prev, t_p, of_X)  # (B, N, N)
        return t_E - 2 * (p * t_p)[:, None, :] * hebb - p[:, None, :] ** 2 * t_hebb, None

    def factors(self, net, params, mu, p):
        """Hebb(t+1) = (1 - mu p²) ⊗ Hebb(t) + h_{t-1} (mu p)ᵀ."""
        return 1 - mu * p**2, mu * p, (mu, p)

    def factors_backward(self, net, dg, dq, cache):
        mu, p = cache
        return p * dq - p**2 * dg, mu * dq - 2 * mu * p * dg, {}
