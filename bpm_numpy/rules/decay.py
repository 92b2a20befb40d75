"""Decay: E(t) = h_{t-1} p_tᵀ - Hebb(t), so that Hebb forgets at the rate at which it learns.

    Hebb(t) + mu E(t) = (1 - mu) Hebb(t) + mu h_{t-1} p_tᵀ

With a learnt rate this is the rule of plasticity's first paper (Miconi, Stanley, Clune, ICML 2018, Eq. 2).

Derivation. E holds X and, with a minus, Hebb: dX = dE, dHebb = -dE (beside the Hebb that the update adds to).
"""

from ..chunked.gated import Gated
from .base import EligibilityRule
from .outer import outer_backward, outer_forward, outer_jvp


class Decay(EligibilityRule):
    """E(t) = X_t - Hebb(t)."""

    name = "decay"
    sums = Gated

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, cache = outer_forward(h_prev, p)
        return X - hebb, None, cache

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        return -dE, *outer_backward(dE, cache), None, {}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return outer_jvp(t_h_prev, t_p, cache) - t_hebb, None

    def factors(self, net, params, mu, p):
        """Hebb(t+1) = (1 - mu) ⊗ Hebb(t) + h_{t-1} (mu p)ᵀ."""
        return 1 - mu, mu * p, (mu, p)

    def factors_backward(self, net, dg, dq, cache):
        mu, p = cache
        return p * dq - dg, mu * dq, {}
