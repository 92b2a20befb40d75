"""Eligibility trace (notes (2.16), paper Eq. 4-5): an exponential average of the outer products X_t.

    next = (1 - eta) trace + eta X

    reading "notes":  E(t) = next             the X of step t drives the update of step t
    reading "paper":  E(t) = trace            X enters afterwards, and drives from step t+1 on

Derivation. The trace is a state of its own, so an adjoint of it arrives from step t+1, and E(t) adds to it: to that of
``next`` in "notes", to that of ``trace`` in "paper". Then

    dtrace = (1 - eta) dnext,   dX = eta dnext,   deta = Σ (X - trace) dnext
"""

from ..chunked.traced import Traced
from ..parts import Parameter
from .base import EligibilityRule
from .outer import outer_backward, outer_forward, outer_jvp


def trace_forward(trace, X, eta):
    """trace, X (B, N, N), eta () -> next trace (B, N, N), cache."""
    return (1 - eta) * trace + eta * X, (trace, X, eta)


def trace_backward(d_next, cache):
    """d_next (B, N, N) -> dtrace (B, N, N), dX (B, N, N), deta ()."""
    trace, X, eta = cache
    return (1 - eta) * d_next, eta * d_next, ((X - trace) * d_next).sum()


def trace_jvp(t_trace, t_X, t_eta, cache):
    """Tangent of the next trace (B, N, N)."""
    trace, X, eta = cache
    return (1 - eta) * t_trace + eta * t_X + t_eta * (X - trace)


class Trace(EligibilityRule):
    """E(t) is the trace, with X_t in it ("notes") or without ("paper")."""

    name = "trace"
    sums = Traced

    def parameters(self, net):
        return {"eta": Parameter((), 0.1)}

    def carried(self, net):
        return net.n_hidden, net.n_hidden

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        trace_next, of_trace = trace_forward(trace, X, params["eta"])
        return (trace_next if net.reading == "notes" else trace), trace_next, (of_X, of_trace)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        of_X, of_trace = cache
        if net.reading == "notes":
            dtrace, dX, deta = trace_backward(d_trace_next + dE, of_trace)
        else:
            dtrace, dX, deta = trace_backward(d_trace_next, of_trace)
            dtrace = dtrace + dE
        return None, *outer_backward(dX, of_X), dtrace, {"eta": deta}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        of_X, of_trace = cache
        t_next = trace_jvp(t_trace, outer_jvp(t_h_prev, t_p, of_X), t_params["eta"], of_trace)
        return (t_next if net.reading == "notes" else t_trace), t_next
