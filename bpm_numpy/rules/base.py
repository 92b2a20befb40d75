"""What a plasticity rule is: how Hebb(t+1) follows from Hebb(t), the drive and the activities.

Below, h_prev is the pre-synaptic activity h_{t-1}, p the post-synaptic one p_t (h_t in the RNN, i_t in the LSTM, n_t in
the GRU), and mu the drive of each post-synaptic neuron: (B, N), or (B, 1) or (1, 1) where neurons share it. Matrices
are laid out [episode, pre, post], like w + alpha ⊗ Hebb.
"""

from ..equations.hebb_update import hebb_update_backward, hebb_update_forward, hebb_update_jvp
from ..parts import Part, check_own


class Rule(Part):
    """The whole update, for rules that need more freedom than ``EligibilityRule`` has.

    ``net.clip`` is the bound of Clip and ``net.reading`` the reading of the notes; a rule may use either or not.
    ``uses_clip``: whether Hebb stays within ``net.clip``; a rule with a bound of its own says False.
    ``sums``: how the rule's Hebb unrolls over a chunk of steps (see ``chunked``); None: it always goes step by step.
    """

    kind = "rule"
    uses_clip = True
    sums = None

    def carried(self, net):
        """Shape, of one episode, of what the rule carries from step to step beside Hebb (``State.trace``), or None."""
        return None

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        """hebb (B, N, N), mu, h_prev and p (B, N), trace (B, *carried) or None -> Hebb(t+1), next trace, cache."""
        self.lacks("forward")

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        """-> dhebb (B, N, N), dmu (B, N), dh_prev, dp (B, N), dtrace (like the trace, or None), gradients.

        dmu is summed over the pre-synaptic neurons alone, also where neurons share one drive.
        """
        self.lacks("backward")

    def jvp(self, net, t_params, t_hebb, t_mu, t_h_prev, t_p, t_trace, cache):
        """-> tangents of Hebb(t+1) (B, N, N) and of the next trace (or None)."""
        self.lacks("jvp")


def check_sums(rule):
    """TypeError for ``sums`` that are no class such as ``chunked.gated.Gated``. ValueError for a rule whose ``sums``
    can't be its own: of a class that it changes, without the functions that they call, or without Clip's bound.
    """
    check_own(rule, "sums", ("forward", "eligibility"))
    if rule.sums is None:
        return
    if not isinstance(rule.sums, type) or not hasattr(rule.sums, "prepare"):
        came = f"{rule.sums!r} ({type(rule.sums).__name__})"
        raise TypeError(f"rule: expected sums of {rule} to be None or a class such as Gated, and no object, got {came}")
    missing = [name for name in rule.sums.needs if not hasattr(rule, name)]
    if missing:
        came = f"{rule.sums.__name__} without {' and '.join(missing)}"
        raise ValueError(f"rule: expected {', '.join(rule.sums.needs)} of {rule} for its sums, got {came}")
    if not rule.uses_clip:
        raise ValueError(f"rule: expected sums None for {rule}, whose bound is not Clip's, got {rule.sums.__name__}")


class EligibilityRule(Rule):
    """A rule of the notes' form (2.5), Hebb(t+1) = Clip(Hebb(t) + mu(t) ⊗ E(t)): a subclass says what E(t) is.

    Its cache is (cache of the Hebb update, cache of E): ``cache[0].eligibility`` is E(t).
    """

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        """-> E(t) (B, N, N), next trace (or None), cache."""
        self.lacks("eligibility")

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        """dE (B, N, N), d_trace_next (or None) -> dhebb (None for zero), dh_prev, dp (B, N), dtrace, gradients."""
        self.lacks("eligibility_backward")

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        """-> tangents of E(t) (B, N, N) and of the next trace (or None)."""
        self.lacks("eligibility_jvp")

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        E, trace_next, cache = self.eligibility(net, params, hebb, h_prev, p, trace)
        hebb_next, update = hebb_update_forward(hebb, mu, E, net.clip)
        return hebb_next, trace_next, (update, cache)

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        update, cache = cache
        dhebb, dmu, dE = hebb_update_backward(d_hebb_next, update)
        dhebb_through_E, dh_prev, dp, dtrace, grads = self.eligibility_backward(net, dE, d_trace_next, cache)
        if dhebb_through_E is not None:
            dhebb = dhebb + dhebb_through_E  # (B, N, N)
        return dhebb, dmu, dh_prev, dp, dtrace, grads

    def jvp(self, net, t_params, t_hebb, t_mu, t_h_prev, t_p, t_trace, cache):
        update, cache = cache
        t_E, t_trace_next = self.eligibility_jvp(net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache)
        return hebb_update_jvp(t_hebb, t_mu, t_E, update), t_trace_next
