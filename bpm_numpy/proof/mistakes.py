"""Gradients broken on purpose: what a gradient check has to catch.

    with MISTAKES["missing alpha"].made():
        grads = gradients_by_step(problem)  # wrong

Each mistake is one that people make. It takes the right backward function first, then its arguments, and returns
what the mistaken derivation would. ``made()`` puts it in the place of the right function for the length of a
``with`` block; ``matters(problem)`` says whether a ``bpm_numpy.proof.problems.Problem`` has a gradient that it changes.
The mistakes are made in the definition, ``bptt.backward_through_time``; ``net.backward`` has a faster way.
"""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import NamedTuple
from unittest import mock

import numpy as np

from .. import bptt, step
from ..equations.hebb_update import hebb_update_forward
from .problems import join


class Mistake(NamedTuple):
    """One wrong function: the module and the name under which the right one is called, and where it matters."""

    module: ModuleType
    function: str
    wrong: Callable
    matters: Callable

    def made(self):
        """Context manager: inside it, the package's backward pass makes this mistake."""
        right = getattr(self.module, self.function)
        return mock.patch.object(self.module, self.function, partial(self.wrong, right))

    @property
    def description(self):
        """What is wrong, in one line."""
        return self.wrong.__doc__


MISTAKES = {}  # name: Mistake


def gradients_by_step(problem):
    """The same as ``problem.gradients()``, by the definition: a dict like ``problem.inputs``."""
    traj = problem.forward(problem.inputs)
    adjoints = problem.d_logits, problem.d_values, problem.d_state
    return join(*bptt.backward_through_time(problem.net, traj.params, traj.steps, *adjoints))


def mistake(module, function, matters):
    """Decorator: file a wrong function under its own name, with spaces."""

    def register(wrong):
        MISTAKES[wrong.__name__.replace("_", " ")] = Mistake(module, function, wrong, matters)
        return wrong

    return register


# Where a mistake matters


def everywhere(problem):
    return True


def plastic(problem):
    return problem.net.plasticity != "none"


def cut(problem):
    """Clip cuts something."""
    return plastic(problem) and problem.cut_share() > 0


def written(problem):
    """Clip lets something pass, so that E and the drive matter."""
    return plastic(problem) and problem.cut_share() < 1


def kept(problem):
    """Some Hebb(t) passes Clip, and is an input or has passed at the step before as well."""
    if not plastic(problem):
        return False
    inside = np.stack([step.inside for step in problem.forward(problem.inputs).steps])  # (T, B, N, N)
    return bool(inside[0].any() or (inside[1:] & inside[:-1]).any())


def traced(problem):
    return problem.net.eligibility == "trace"


def read(problem):
    """Something of the product X reaches Hebb, or the trace of the final state."""
    return traced(problem) or written(problem)


# The weights of a step


@mistake(step, "plastic_input_backward", plastic)
def missing_alpha(right, dy, h_prev, w, alpha, hebb):
    """dHebb = dW~, without the factor alpha."""
    dh_prev, dw, dalpha, _ = right(dy, h_prev, w, alpha, hebb)
    return dh_prev, dw, dalpha, h_prev[:, :, None] * dy[:, None, :]


@mistake(step, "plastic_input_backward", plastic)
def transposed_outer_product(right, dy, h_prev, w, alpha, hebb):
    """dW~[i, j] = dy[i] h[j], pre and post exchanged."""
    dh_prev = right(dy, h_prev, w, alpha, hebb)[0]
    return dh_prev, *right(h_prev, dy, w, alpha, hebb)[1:]


@mistake(step, "plastic_input_backward", plastic)
def Hebb_not_used_as_a_weight(right, dy, h_prev, w, alpha, hebb):
    """dHebb(t) lacks the path through W~(t)."""
    dh_prev, dw, dalpha, dhebb = right(dy, h_prev, w, alpha, hebb)
    return dh_prev, dw, dalpha, np.zeros_like(dhebb)


# The Hebb update


@mistake(step, "hebb_update_backward", written)
def sign(right, d_hebb_next, mu, eligibility, inside):
    """The drive's gradient has the wrong sign."""
    dhebb, dmu, deligibility = right(d_hebb_next, mu, eligibility, inside)
    return dhebb, -dmu, deligibility


@mistake(step, "hebb_update_backward", cut)
def forgotten_clip_mask(right, d_hebb_next, mu, eligibility, inside):
    """What Clip cut still passes a gradient on."""
    return right(d_hebb_next, mu, eligibility, np.ones_like(inside))


@mistake(step, "hebb_update_backward", kept)
def Hebb_not_kept(right, d_hebb_next, mu, eligibility, inside):
    """dHebb(t) lacks the path through Hebb(t+1)."""
    dhebb, dmu, deligibility = right(d_hebb_next, mu, eligibility, inside)
    return np.zeros_like(dhebb), dmu, deligibility


# The eligibility


@mistake(step, "eligibility_backward", read)
def missing_path_through_the_previous_h(right, *arguments):
    """E(t) does not pass its gradient on to h_{t-1}."""
    dh_prev, dp, dtrace, grads = right(*arguments)
    return np.zeros_like(dh_prev), dp, dtrace, grads


@mistake(step, "eligibility_backward", read)
def missing_path_through_p(right, *arguments):
    """E(t) does not pass its gradient on to p_t."""
    dh_prev, dp, dtrace, grads = right(*arguments)
    return dh_prev, np.zeros_like(dp), dtrace, grads


@mistake(step, "trace_backward", traced)
def detached_trace(right, d_next, trace, X, eta):
    """The trace does not pass its gradient on to the step before."""
    dtrace, dX, deta = right(d_next, trace, X, eta)
    return np.zeros_like(dtrace), dX, deta


@mistake(step, "trace_backward", traced)
def missing_path_through_eta(right, d_next, trace, X, eta):
    """deta counts eta X, but not (1 - eta) E(t-1)."""
    return right(d_next, np.zeros_like(trace), X, eta)


@mistake(step, "taylor_backward", lambda problem: problem.net.eligibility == "taylor" and written(problem))
def half_of_the_square(right, dE, h_prev, p, A, B, C, D, G, H):
    """d(h h) = h dh, which is half of it."""
    return right(dE, h_prev, p, A, B, C, D / 2, G / 2, H)


# The modulator


def modulated(problem):
    return problem.net.plasticity == "modulated" and written(problem)


@mistake(step, "modulator_backward", modulated)
def missing_path_through_M(right, dM, h, M, W_m):
    """M(t) does not pass its gradient on to h_t."""
    dh, dW_m, db_m = right(dM, h, M, W_m)
    return np.zeros_like(dh), dW_m, db_m


@mistake(step, "modulator_backward", modulated)
def tanh_of_tanh_in_M(right, dM, h, M, W_m):
    """1 - tanh(M)², though M is a tanh already."""
    return right(dM, h, np.tanh(M), W_m)


@mistake(step, "fanout_backward", lambda problem: problem.net.fanout and written(problem))
def forgotten_fanout(right, dmu, M, W_fan):
    """dM = Σ_j dmu_j, without the weights W_fan."""
    return right(dmu, M, np.ones_like(W_fan))


# The cell


@mistake(step, "cell_backward", everywhere)
def tanh_of_tanh(right, net, params, step, *adjoints):
    """1 - tanh(h_t)², though h_t is a tanh already (rnn); tanh(c_t) taken for c_t (lstm)."""
    gates = step.gates and step.gates._replace(c=np.tanh(step.gates.c))
    return right(net, params, step._replace(h=np.tanh(step.h), gates=gates), *adjoints)


@mistake(step, "lstm_backward", lambda problem: problem.net.cell == "lstm")
def other_reading(right, *arguments):
    """The lstm's gradient of the other reading: its carry and its gate j_t."""
    *arguments, reading = arguments
    return right(*arguments, "paper" if reading == "notes" else "notes")


# Time


@mistake(bptt, "backward_step", everywhere)
def h_off_by_one(right, net, params, step, *adjoints):
    """h_t where h_{t-1} belongs."""
    return right(net, params, step._replace(state=step.state._replace(h=step.h)), *adjoints)


@mistake(bptt, "backward_step", plastic)
def Hebb_off_by_one(right, net, params, step, *adjoints):
    """Hebb(t+1) where Hebb(t) belongs."""
    if net.plasticity != "none":
        after, _ = hebb_update_forward(step.state.hebb, step.mu, step.eligibility, net.clip)
        step = step._replace(state=step.state._replace(hebb=after))
    return right(net, params, step, *adjoints)
