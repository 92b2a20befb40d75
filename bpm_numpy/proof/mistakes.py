"""Gradients broken on purpose: what a gradient check has to catch.

    with MISTAKES["missing alpha"].made():
        grads = gradients_by_step(problem)  # wrong

Each mistake is one that people make. It takes the right backward function first, then its arguments, and returns
what the mistaken derivation would. ``made()`` puts it in the place of the right function for the length of a
``with`` block; ``matters(problem)`` says whether a ``bpm_numpy.proof.problems.Problem`` has a gradient that it changes.
The mistakes are made in the definition, ``bptt.backward_through_time``; ``net.backward`` has a faster way.
"""

import contextlib
from collections.abc import Callable
from functools import partial, partialmethod
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

import numpy as np

from .. import bptt, drive, step
from ..cells.gru import GRU
from ..cells.lstm import LSTM
from ..cells.rnn import RNN
from ..equations import hebb_update
from ..modulators.difference import Difference
from ..modulators.linear import Linear
from ..modulators.sigmoid import Sigmoid
from ..modulators.tanh import Tanh
from ..rules import soft, taylor, trace
from ..rules.base import EligibilityRule
from ..rules.decay import Decay
from ..rules.oja import Oja
from ..rules.soft import Soft
from .problems import join


class Mistake(NamedTuple):
    """One wrong function: the modules or classes and the name of the right one, and where the mistake matters."""

    owners: tuple
    function: str
    wrong: Callable
    matters: Callable

    @contextlib.contextmanager
    def made(self):
        """Context manager: inside it, the package's backward pass makes this mistake."""
        with contextlib.ExitStack() as stack:
            for owner in self.owners:
                right, wrong = getattr(owner, self.function), partial(self.wrong, getattr(owner, self.function))
                if isinstance(owner, type):  # a method: its object comes first, then what the function is given
                    wrong = partialmethod(_method, self.wrong, right)
                stack.enter_context(mock.patch.object(owner, self.function, wrong))
            yield

    @property
    def description(self):
        """What is wrong, in one line."""
        return self.wrong.__doc__


def _method(part, wrong, right, *arguments):
    return wrong(partial(right, part), *arguments)


MISTAKES = {}  # name: Mistake


def gradients_by_step(problem):
    """The same as ``problem.gradients()``, by the definition: a dict like ``problem.inputs``."""
    traj = problem.forward(problem.inputs)
    adjoints = problem.d_logits, problem.d_values, problem.d_state
    return join(*bptt.backward_through_time(problem.net, traj.params, traj.steps, *adjoints))


def mistake(owners, function, matters):
    """Decorator: file a wrong function under its own name, with spaces."""

    def register(wrong):
        places = owners if isinstance(owners, tuple) else (owners,)
        MISTAKES[wrong.__name__.replace("_", " ")] = Mistake(places, function, wrong, matters)
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
    """Clip lets something pass, so that the rule and the drive matter."""
    return plastic(problem) and problem.cut_share() < 1


def kept(problem):
    """Some Hebb(t) passes Clip, and is an input or has passed at the step before as well."""
    if not plastic(problem):
        return False
    inside = np.abs(problem.forward(problem.inputs).hebb[1:]) < problem.net.clip  # (T, B, N, N)
    return bool(inside[0].any() or (inside[1:] & inside[:-1]).any())


def of_rule(name, also=written):
    """In networks with that rule, where ``also`` holds."""
    return lambda problem: plastic(problem) and problem.net.rule.name == name and also(problem)


def read(problem):
    """Something of the product X reaches Hebb, or the trace of the final state."""
    return written(problem) or of_rule("trace", everywhere)(problem)


def modulated(problem):
    return problem.net.plasticity == "modulated" and written(problem)


def of_modulator(name):
    return lambda problem: modulated(problem) and problem.net.modulator.name == name


def of_cell(name):
    return lambda problem: problem.net.cell.name == name


# The weights of a step


@mistake(step, "plastic_input_backward", plastic)
def missing_alpha(right, dy, cache):
    """dHebb = dW~, without the factor alpha."""
    dh_prev, dw, dalpha, _ = right(dy, cache)
    return dh_prev, dw, dalpha, cache[0][:, :, None] * dy[:, None, :]


@mistake(step, "plastic_input_backward", plastic)
def transposed_outer_product(right, dy, cache):
    """dW~[i, j] = dy[i] h[j], pre and post exchanged."""
    h_prev, *others = cache
    return right(dy, cache)[0], *right(h_prev, (dy, *others))[1:]


@mistake(step, "plastic_input_backward", plastic)
def Hebb_not_used_as_a_weight(right, dy, cache):
    """dHebb(t) lacks the path through W~(t)."""
    dh_prev, dw, dalpha, dhebb = right(dy, cache)
    return dh_prev, dw, dalpha, np.zeros_like(dhebb)


# The Hebb update, whatever the rule

UPDATES = (EligibilityRule, Soft)


@mistake(UPDATES, "backward", written)
def sign(right, *arguments):
    """The drive's gradient has the wrong sign."""
    dhebb, dmu, *others = right(*arguments)
    return dhebb, -dmu, *others


@mistake((hebb_update, soft), "clip_backward", cut)
def forgotten_clip_mask(right, d_clipped, inside):
    """What Clip cut still passes a gradient on."""
    return d_clipped


@mistake(UPDATES, "backward", kept)
def Hebb_not_kept(right, *arguments):
    """dHebb(t) lacks the path through Hebb(t+1)."""
    dhebb, *others = right(*arguments)
    return np.zeros_like(dhebb), *others


@mistake(UPDATES, "backward", read)
def missing_path_through_the_previous_h(right, *arguments):
    """The rule does not pass its gradient on to h_{t-1}."""
    dhebb, dmu, dh_prev, *others = right(*arguments)
    return dhebb, dmu, np.zeros_like(dh_prev), *others


@mistake(UPDATES, "backward", read)
def missing_path_through_p(right, *arguments):
    """The rule does not pass its gradient on to p_t."""
    dhebb, dmu, dh_prev, dp, *others = right(*arguments)
    return dhebb, dmu, dh_prev, np.zeros_like(dp), *others


# Each rule's own


@mistake(trace, "trace_backward", of_rule("trace", everywhere))
def detached_trace(right, d_next, cache):
    """The trace does not pass its gradient on to the step before."""
    dtrace, dX, deta = right(d_next, cache)
    return np.zeros_like(dtrace), dX, deta


@mistake(trace, "trace_backward", of_rule("trace", everywhere))
def missing_path_through_eta(right, d_next, cache):
    """deta counts eta X, but not (1 - eta) E(t-1)."""
    trace_before, X, eta = cache
    return right(d_next, (np.zeros_like(trace_before), X, eta))


@mistake(taylor, "taylor_backward", of_rule("taylor"))
def half_of_the_square(right, dE, cache):
    """d(h h) = h dh, which is half of it."""
    *others, (A, B, C, D, G, H) = cache
    return right(dE, (*others, (A, B, C, D / 2, G / 2, H)))


@mistake(Decay, "eligibility_backward", of_rule("decay", kept))
def decay_forgotten(right, *arguments):
    """E = X - Hebb does not pass its gradient on to Hebb."""
    dhebb, *others = right(*arguments)
    return None, *others


@mistake(Oja, "eligibility_backward", of_rule("oja"))
def the_square_of_p_taken_for_a_constant(right, *arguments):
    """E = X - p² Hebb passes no gradient on to p through p²."""
    net, dE, d_trace_next, (of_X, hebb, p) = arguments
    dhebb = right(*arguments)[0]
    return dhebb, *right(net, dE, d_trace_next, (of_X, np.zeros_like(hebb), p))[1:]


@mistake(Soft, "backward", of_rule("soft", kept))
def the_room_taken_for_a_constant(right, *arguments):
    """The room that is left does not pass its gradient on to Hebb."""
    *given, (mu, X, of_X, slope, *others) = arguments
    return right(*given, (mu, X, of_X, np.ones_like(slope), *others))


# The drive


@mistake((Tanh, Sigmoid, Linear, Difference), "backward", modulated)
def missing_path_through_M(right, *arguments):
    """M(t) does not pass its gradient on to h_t."""
    dh, grads = right(*arguments)
    return np.zeros_like(dh), grads


@mistake(Tanh, "backward", of_modulator("tanh"))
def tanh_of_tanh_in_M(right, net, dM, cache):
    """1 - tanh(M)², though M is a tanh already."""
    M, of_a = cache
    return right(net, dM, (np.tanh(M), of_a))


@mistake(Sigmoid, "backward", of_modulator("sigmoid"))
def the_slope_of_tanh_in_a_sigmoid(right, net, dM, cache):
    """1 - M², though M is a sigmoid: M (1 - M)."""
    M, _ = cache
    return right(net, dM * (1 - M**2) / (M * (1 - M)), cache)


@mistake(Linear, "backward", of_modulator("linear"))
def a_slope_where_there_is_none(right, net, dM, cache):
    """1 - tanh(a)², though M is a itself."""
    M, _ = cache
    return right(net, dM * (1 - np.tanh(M) ** 2), cache)


@mistake(Difference, "backward", of_modulator("difference"))
def a_difference_taken_for_a_sum(right, net, dM, cache):
    """The second tanh's gradient without its minus."""
    P, Q, gain, of_a, (h, W_m2) = cache
    dh, grads = right(net, dM, cache)
    da2 = -dM * gain * (1 - Q**2)  # (B,)
    return dh - 2 * da2[:, None] * W_m2, grads | {"W_m2": -grads["W_m2"], "b_m2": -grads["b_m2"]}


@mistake(drive, "fanout_backward", lambda problem: problem.net.fanout and written(problem))
def forgotten_fanout(right, dmu, cache):
    """dM = Σ_j dmu_j, without the weights W_fan."""
    M, W_fan = cache
    return right(dmu, (M, np.ones_like(W_fan)))


# The cell


@mistake(RNN, "backward", of_cell("rnn"))
def tanh_of_tanh(right, net, dh, dc, dp, cache):
    """1 - tanh(h_t)², though h_t is a tanh already."""
    params, x, h = cache
    return right(net, dh, dc, dp, (params, x, np.tanh(h)))


@mistake(LSTM, "backward", of_cell("lstm"))
def c_taken_for_its_tanh(right, net, dh, dc, dp, cache):
    """tanh(tanh(c_t)) in the place of tanh(c_t)."""
    return right(net, dh, dc, dp, cache._replace(c=np.tanh(cache.c)))


@mistake(LSTM, "backward", of_cell("lstm"))
def other_reading(right, net, *arguments):
    """The lstm's gradient of the other reading: its carry and its gate j_t."""
    return right(SimpleNamespace(reading="paper" if net.reading == "notes" else "notes"), *arguments)


@mistake(GRU, "backward", of_cell("gru"))
def forgotten_reset(right, net, dh, dc, dp, cache):
    """dy_t without the factor r_t."""
    dx, dh_prev, dc_prev, dy, grads = right(net, dh, dc, dp, cache)
    r = cache[4]
    return dx, dh_prev, dc_prev, dy / r, grads


@mistake(GRU, "backward", of_cell("gru"))
def the_gate_z_the_other_way_round(right, net, dh, dc, dp, cache):
    """h_t = z n + (1 - z) h_{t-1}, as some textbooks write it."""
    params, x, h_prev, y, r, z, n = cache
    dx, dh_prev, dc_prev, dy, grads = right(net, dh, dc, dp, cache)
    return dx, dh_prev + dh * (1 - 2 * z), dc_prev, dy, grads


# Time


@mistake(bptt, "backward_step", everywhere)
def h_off_by_one(right, net, step, *adjoints):
    """h_t where h_{t-1} belongs, in the gradient of the recurrent weights."""
    _, *others = step.caches.weights
    return right(net, step._replace(caches=step.caches._replace(weights=(step.h, *others))), *adjoints)


@mistake(bptt, "backward_step", plastic)
def Hebb_off_by_one(right, net, step, *adjoints):
    """Hebb(t+1) where Hebb(t) belongs, in the weights of the step."""
    if net.plasticity != "none":
        params = step.caches.readout[0]
        h_prev, _, hebb, before = step.state
        after, *_ = net.rule.forward(net, params, hebb, step.mu, h_prev, step.p, before)
        weights = (*step.caches.weights[:3], after)
        step = step._replace(caches=step.caches._replace(weights=weights))
    return right(net, step, *adjoints)
