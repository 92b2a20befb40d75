"""The checks of rules, modulators and cells: what is right passes, and every planted mistake is found and named."""

import pickle
import re

import numpy as np
import pytest
from outside_parts import Drift, Half, Stacked

from bpm_numpy import check_cell, check_modulator, check_rule, compare_ways
from bpm_numpy.cells.fast import FastRNN
from bpm_numpy.cells.lstm import LSTM
from bpm_numpy.cells.rnn import RNN
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.modulators import Modulator
from bpm_numpy.modulators.tanh import Tanh
from bpm_numpy.network import PlasticNetwork
from bpm_numpy.parts import REGISTRIES, Parameter, normal
from bpm_numpy.proof.findings import CheckError, CheckReport, conclude
from bpm_numpy.rules import EligibilityRule
from bpm_numpy.rules.decay import Decay
from bpm_numpy.rules.outer import Outer, outer_backward, outer_forward, outer_jvp
from bpm_numpy.rules.trace import Trace

CHECKS = {"rule": check_rule, "modulator": check_modulator, "cell": check_cell}


def rng():
    return np.random.default_rng(0)


def wrongs(part, **options):
    """What a check finds wrong with a part, as one text."""
    report = CHECKS[part.kind](part, rng(), raise_on_failure=False, **options)
    assert not report and "FAILED" in str(report)
    return "\n".join(f"{finding.what}: {finding.wrong}" for finding in report.wrong())


# What is right


def drift_loops(net, params, hebb, mu, h_prev, p, s):
    N = range(len(p))
    u = [[params["keep"] * hebb[i][j] + mu[j] * h_prev[i] * (p[j] + s[0][j]) for j in N] for i in N]
    return [[max(-2.0, min(2.0, value)) for value in row] for row in u], [s[1], p]


def outer_loops(net, params, hebb, mu, h_prev, p, trace):
    N = range(len(p))
    u = [[hebb[i][j] + mu[j] * h_prev[i] * p[j] for j in N] for i in N]
    return [[max(-net.clip, min(net.clip, value)) for value in row] for row in u], None


class Fading(EligibilityRule):
    """E(t) = X_t - fade Hebb(t), with a parameter of its own, which goes by chunks."""

    name = "fading"
    sums = Gated

    def parameters(self, net):
        return {"fade": Parameter((net.n_hidden,), 0.2)}

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        return X - params["fade"] * hebb, None, (params["fade"], hebb, of_X)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        fade, hebb, of_X = cache
        return -fade * dE, *outer_backward(dE, of_X), None, {"fade": -(hebb * dE).sum(axis=(0, 1))}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        fade, hebb, of_X = cache
        return outer_jvp(t_h_prev, t_p, of_X) - fade * t_hebb - t_params["fade"] * hebb, None

    def factors(self, net, params, mu, p):
        mu = np.broadcast_to(mu, p.shape)
        return 1 - mu * params["fade"], mu * p, (mu, p, params["fade"])

    def factors_backward(self, net, dg, dq, cache):
        mu, p, fade = cache
        return p * dq - fade * dg, mu * dq, {"fade": -(mu * dg).sum(axis=0)}


def test_right_parts_of_ones_own_pass():
    report = check_rule(Drift(), rng(), loops=drift_loops)
    assert report and str(report).endswith("rule drift: passed")
    what = [finding.what for finding in report.findings]
    assert "notes, Hebb at its bound: backward, complex" in what and not any("sometimes" in words for words in what)
    assert check_rule(Fading(), rng())
    assert check_cell(Stacked(), rng())
    assert check_modulator(
        Half(), rng(), loops=lambda net, params, h: np.tanh(np.dot(params["W_m"], h) + params["b_m"]) / 2
    )


@pytest.mark.parametrize("kind, name", [("rule", "soft"), ("cell", "lstm")])
def test_the_packages_own_parts_pass(kind, name):
    report = CHECKS[kind](REGISTRIES[kind][name], rng())
    assert report.passed and report.not_checked == "orientation (give loops=)"
    assert all(finding.compared for finding in report.findings)


def test_a_report_without_anything_compared_has_not_passed():
    empty = CheckReport("rule nothing", [])
    assert not empty
    with pytest.raises(CheckError, match="^rule nothing: nothing: expected something to compare"):
        conclude(empty, raise_on_failure=True)


# Rules that are wrong, each in one way


class WrongSign(Outer):
    name = "wrong sign"

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dh_prev, dp = outer_backward(dE, cache)
        return None, -dh_prev, dp, None, {}


class Transposed(Outer):
    """post times pre, in both passes: all gradients of a wrong function are right."""

    name, sums = "transposed", None

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, cache = outer_forward(p, h_prev)
        return X, None, cache

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dp, dh_prev = outer_backward(dE, cache)
        return None, dh_prev, dp, None, {}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return outer_jvp(t_p, t_h_prev, cache), None


class WritesIntoHebb(Outer):
    name, sums = "writes into hebb", None

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        hebb += mu[:, None, :] * outer_forward(h_prev, p)[0]
        return super().forward(net, params, hebb, mu, h_prev, p, trace)


class WritesIntoCache(Outer):
    name, sums = "writes into its cache", None

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        hebb_next, _, cache = super().forward(net, params, hebb, mu, h_prev, p, trace)
        return hebb_next, None, (mu.copy(), cache)

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        cache[0][...] *= 2
        return super().backward(net, d_hebb_next, d_trace_next, cache[1])[:-1] + ({},)

    def jvp(self, net, *tangents):
        return super().jvp(net, *tangents[:-1], tangents[-1][1])


class UsesWhatItWrote(WritesIntoCache):
    name = "uses what it wrote"

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        dhebb, dmu, *others = super().backward(net, d_hebb_next, d_trace_next, cache)
        return dhebb, dmu * cache[0], *others


class NoGradientOfItsOwn(Fading):
    name = "no gradient of its own"

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        return *super().eligibility_backward(net, dE, d_trace_next, cache)[:-1], {}


class WrongTraceAdjoint(Trace):
    name, sums = "wrong adjoint of the trace", None

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dhebb, dh_prev, dp, dtrace, grads = super().eligibility_backward(net, dE, d_trace_next, cache)
        return dhebb, dh_prev, dp, d_trace_next, grads


class NoTraceAdjoint(Trace):
    name, sums = "no adjoint of the trace", None

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dhebb, dh_prev, dp, dtrace, grads = super().eligibility_backward(net, dE, d_trace_next, cache)
        return dhebb, dh_prev, dp, None, grads


class WrongJvp(Decay):
    name = "wrong jvp"

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return outer_jvp(t_h_prev, t_p, cache), None


class DoublePrecision(Outer):
    name = "double precision"

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dhebb, dh_prev, dp, dtrace, grads = super().eligibility_backward(net, dE, d_trace_next, cache)
        return dhebb, dh_prev.astype(np.float64), dp, dtrace, grads


class WrongAtItsBound(Drift):
    """The derivative at the bound is 0 in backward, while forward lets the value pass there."""

    name = "wrong at its bound"

    def parameters(self, net):
        return {}

    def forward(self, net, params, hebb, mu, h_prev, p, s):
        return super().forward(net, params | {"keep": hebb.dtype.type(1)}, hebb, mu, h_prev, p, s)

    def backward(self, net, d_hebb_next, d_s_next, cache):
        params, hebb, mu, X, of_X, inside = cache
        u = hebb + mu[:, None, :] * X
        cache = params, hebb, mu, X, of_X, np.abs(u) < self.bound
        return *super().backward(net, d_hebb_next, d_s_next, cache)[:-1], {}

    def jvp(self, net, t_params, *tangents):
        return super().jvp(net, t_params | {"keep": tangents[0].dtype.type(0)}, *tangents)


class SaysItClips(Drift):
    name, uses_clip = "says that it clips", True


class NoChainToHebb(Decay):
    name = "forgets the Hebb in E"

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        return None, *super().eligibility_backward(net, dE, d_trace_next, cache)[1:]


class OtherFactors(Decay):
    """The equations decay, the factors do not: both passes by chunks are those of another rule."""

    name = "other factors"

    def factors(self, net, params, mu, p):
        return None, mu * p, (mu, p)

    def factors_backward(self, net, dg, dq, cache):
        mu, p = cache
        return p * dq, mu * dq, {}


class ForgetsInTheMean(Fading):
    """By chunks each episode forgets as they all do in the mean."""

    name = "forgets in the mean"

    def factors(self, net, params, mu, p):
        g, q, cache = super().factors(net, params, mu, p)
        return np.broadcast_to(g.mean(axis=0), g.shape), q, cache

    def factors_backward(self, net, dg, dq, cache):
        return super().factors_backward(net, np.broadcast_to(dg.mean(axis=0), dg.shape), dq, cache)


class WrongFactorsBackward(Fading):
    name = "wrong backward of factors"

    def factors_backward(self, net, dg, dq, cache):
        dmu, dp, grads = super().factors_backward(net, dg, dq, cache)
        return dmu, dp, {"fade": -grads["fade"]}


class NotAnalytic(Drift):
    """np.abs of a complex number is real: no derivative comes through."""

    name = "not analytic"

    def forward(self, net, params, hebb, mu, h_prev, p, s):
        hebb_next, s_next, cache = super().forward(net, params, hebb, mu, h_prev, p, s)
        return np.abs(hebb_next), s_next, cache


class Raises(Outer):
    name = "raises"

    def eligibility_jvp(self, *_):
        raise NotImplementedError("jvp comes later")


class ReadsOtherEpisodes(Outer):
    """An episode's Hebb depends on the others: all gradients of a wrong function are right."""

    name, sums = "reads other episodes", None

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        return super().eligibility(net, params, hebb, h_prev, p - p.mean(axis=0), trace)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dhebb, dh_prev, dp, dtrace, grads = super().eligibility_backward(net, dE, d_trace_next, cache)
        return dhebb, dh_prev, dp - dp.mean(axis=0), dtrace, grads

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        t_q = t_p - t_p.mean(axis=0)
        return super().eligibility_jvp(net, t_params, t_hebb, t_h_prev, t_q, t_trace, cache)


WRONG_RULES = [
    (ReadsOtherEpisodes, r"one episode at a time: forward: an episode changes what comes of another: Hebb\(t\+1\)"),
    (WrongSign, r"clip inactive: backward, complex: backward: wrong gradient of h_prev"),
    (WritesIntoHebb, r"runs: ValueError: output array is read-only"),
    (UsesWhatItWrote, r"expected the same gradients from the same cache, got others"),
    (NoGradientOfItsOwn, r"shapes and dtypes: backward: expected a gradient of fade, got none"),
    (WrongTraceAdjoint, r"backward, complex: backward: wrong gradient of trace"),
    (NoTraceAdjoint, r"shapes and dtypes: backward: expected a gradient of trace, got none"),
    (WrongJvp, r"jvp, complex: jvp: wrong tangent of Hebb\(t\+1\)"),
    (DoublePrecision, r"backward: expected float32 from float32, got float64 for h_prev"),
    (WrongAtItsBound, r"Hebb at its bound: backward, complex: backward: wrong gradient of hebb"),
    (SaysItClips, r"clip sometimes: bound of Hebb: forward: expected Hebb\(t\+1\) within net.clip"),
    (NoChainToHebb, r"backward: wrong gradient of hebb"),
    (OtherFactors, r"in a network: .*by chunks is another function than the definition: "),
    (ForgetsInTheMean, r"in a network: .*by chunks is another function than the definition: "),
    (WrongFactorsBackward, r"in a network: .*by chunks is another function than the definition: fade differs"),
    (NotAnalytic, r"backward, complex: backward: wrong gradient of hebb|loss: expected an analytic loss"),
    (Raises, r"runs: NotImplementedError: jvp comes later"),
]


@pytest.mark.parametrize("rule, words", WRONG_RULES, ids=[rule.name for rule, _ in WRONG_RULES])
def test_a_wrong_rule_is_found_and_named(rule, words):

    assert re.search(words, wrongs(rule()), re.DOTALL)


@pytest.mark.parametrize(
    "kind, base", [("rule", Outer), ("cell", type(REGISTRIES["cell"]["rnn"])), ("modulator", Tanh)]
)
def test_a_parameter_called_as_an_input_is_refused(kind, base):
    parameters = {"parameters": lambda self, net: {"p": Parameter((), 0.0)}, "name": "odd"}
    with pytest.raises(ValueError, match=f"^parameters: expected names that no input has, got p from <{kind} odd>"):
        CHECKS[kind](type("Odd", (base,), parameters)(), rng())


def test_only_loops_find_a_product_that_is_transposed_in_both_passes():
    assert check_rule(Transposed(), rng())
    assert "another function than the loops (transposed?): Hebb(t+1)" in wrongs(Transposed(), loops=outer_loops)
    assert check_rule(Outer(), rng(), loops=outer_loops).not_checked == ""


def test_loops_that_are_none_are_found():
    assert "against loops over single numbers: TypeError" in wrongs(Outer(), loops=lambda net: None)
    no_trace = wrongs(Drift(), loops=lambda *given: (drift_loops(*given)[0], None))
    assert "loops: expected Hebb(t+1), the next trace, None where the part has none" in no_trace


# Modulators that are wrong


class OtherBackwardH(Tanh):
    name = "other backward_h"

    def backward_h(self, net, dM, cache):
        return 2 * super().backward_h(net, dM, cache)


class WrongSlope(Tanh):
    name = "wrong slope"

    def slope(self, M):
        return 1 - M


class WithoutBias(Tanh):
    name = "without bias"
    backward_h = Modulator.backward_h

    def backward(self, net, dM, cache):
        dh, grads = super().backward(net, dM, cache)
        return dh, {"W_m": grads["W_m"]}


class MixesEpisodes(Modulator):
    """M reads the mean over the batch: right derivatives of a function that no episode has on its own."""

    name = "mixes episodes"

    def parameters(self, net):
        return {"W_m": Parameter((net.n_hidden,), normal)}

    def forward(self, net, params, h):
        return (h - h.mean(axis=0)) @ params["W_m"], (h, params["W_m"])

    def backward(self, net, dM, cache):
        h, W_m = cache
        d = dM - dM.mean()
        return d[:, None] * W_m, {"W_m": d @ h}

    def jvp(self, net, t_params, t_h, cache):
        h, W_m = cache
        return (t_h - t_h.mean(axis=0)) @ W_m + (h - h.mean(axis=0)) @ t_params["W_m"]


WRONG_MODULATORS = [
    (OtherBackwardH, r"backward_h: backward, complex: backward: wrong gradient of h"),
    (WrongSlope, r"backward, complex: backward: wrong gradient of h, W_m, b_m"),
    (WithoutBias, r"backward: expected a gradient of b_m, got none"),
    (MixesEpisodes, r"one episode at a time: forward: an episode changes what comes of another: M\(t\)"),
]


@pytest.mark.parametrize("modulator, words", WRONG_MODULATORS, ids=[part.name for part, _ in WRONG_MODULATORS])
def test_a_wrong_modulator_is_found_and_named(modulator, words):

    assert re.search(words, wrongs(modulator()), re.DOTALL)


# Cells that are wrong


class ForgetsC(Stacked):
    name = "forgets the adjoint of c"

    def backward(self, net, dh, dc, dp, cache):
        return super().backward(net, dh, np.zeros_like(dc), dp, cache)


class OtherFast(RNN):
    name = "another fast form"

    class Fast(FastRNN):
        def forward(self, net, W_h, inputs, h_prev, c_prev, y):
            return super().forward(net, W_h, inputs, h_prev, c_prev, y / 2)

    fast = Fast()


class ForgetsP(RNN):
    name = "forgets the adjoint of p"

    def backward(self, net, dh, dc, dp, cache):
        return super().backward(net, dh, dc, 0 * dp, cache)


class SwapsReadings(LSTM):
    name, fast = "swaps the readings on its way back", None

    def backward(self, net, dh, dc, dp, cache):
        other = "paper" if net.reading == "notes" else "notes"
        return super().backward(PlasticNetwork(**net.options | {"reading": other}), dh, dc, dp, cache)


WRONG_CELLS = [
    (ForgetsC, r"backward, complex: backward: wrong gradient of .*c_prev"),
    (OtherFast, r"in a network: another fast form .*by chunks is another function than the definition: logits"),
    (ForgetsP, r"backward, complex: backward: wrong gradient of x, y, W_x, b"),
    (SwapsReadings, r"backward: wrong gradient of x, h_prev, c_prev"),
]


@pytest.mark.parametrize("cell, words", WRONG_CELLS, ids=[cell.name for cell, _ in WRONG_CELLS])
def test_a_wrong_cell_is_found_and_named(cell, words):

    assert re.search(words, wrongs(cell()), re.DOTALL)


# The checks themselves


def test_the_error_names_part_check_and_fault_and_can_be_pickled():
    with pytest.raises(
        CheckError, match=r"^rule wrong sign: notes, clip inactive: backward, complex: .*h_prev"
    ) as caught:
        check_rule(WrongSign(), rng())
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and not again.report.passed
    assert "not checked: orientation (give loops=), in networks" in str(again)


@pytest.mark.parametrize("check, part", [(check_rule, Outer), (check_cell, Outer()), (check_modulator, "tanh")])
def test_what_is_no_part_is_refused(check, part):
    with pytest.raises(TypeError, match=r"^(rule|cell|modulator): expected a (Rule|Cell|Modulator) \(an object"):
        check(part, rng())
    with pytest.raises(TypeError, match="^rng: expected a numpy.random.Generator"):
        check_rule(Outer(), 0)


def test_compare_ways_tells_rounding_from_another_function():
    def difference(rule):
        net = PlasticNetwork(2, 3, 2, rule=rule, clip=5.0)
        return compare_ways(net, net.init(rng()), rng().standard_normal((9, 2, 2)), rng())

    assert difference(Fading()) < 1e-13 and difference("oja") < 1e-13
    assert difference(OtherFactors()) > 1e-3
    assert difference(ForgetsInTheMean()) > 1e-3


@pytest.mark.parametrize("check, part", [(check_rule, Fading()), (check_cell, Stacked()), (check_modulator, Half())])
def test_in_networks_a_part_meets_every_other_part_reading_alpha_and_fan_out(check, part):
    found = [finding.what for finding in check(part, rng()).findings if finding.what.startswith("in a network: ")]
    words = [set(re.split("[ ,]+", what)) for what in found]
    for kind, known in REGISTRIES.items():
        for name in known if kind != part.kind else ():
            assert any(name in of for of in words), name
    assert part.kind == "modulator" or any("rate" in of for of in words)
    for reading in ("notes", "paper"):
        for alpha in ("full", "neuron", "scalar"):
            assert any({reading, alpha} <= of for of in words)
        for fan in (True, False):
            assert any(reading in of and ("fan-out" in of) == fan and "rate" not in of for of in words)


class ByLength(Outer):
    """E(t) = X_t / |h_{t-1}|, which is 0 / 0 at the first step of an episode."""

    name = "by length"
    sums = None

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        length = np.sqrt((h_prev**2).sum(axis=1, keepdims=True))  # (B, 1)
        X, of_X = outer_forward(h_prev / length, p)
        return X, None, (of_X, length)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        of_X, length = cache
        d_unit, dp = outer_backward(dE, of_X)
        unit = of_X[0]  # (B, N)
        dh = (d_unit - unit * (unit * d_unit).sum(axis=1, keepdims=True)) / length
        return None, dh, dp, None, {}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        of_X, length = cache
        t_unit = (t_h_prev - of_X[0] * (of_X[0] * t_h_prev).sum(axis=1, keepdims=True)) / length
        return outer_jvp(t_unit, t_p, of_X), None


def test_a_part_that_has_no_value_at_the_first_step_is_found():
    wrong = wrongs(ByLength())
    assert "from zeros: expected finite numbers where hebb, h_prev are zero, got others in Hebb(t+1)" in wrong
    assert "backward: wrong" not in wrong


class OfUnitInput(RNN):
    """h_t = tanh(x_t W_x + b + y_t / |y_t|), which is 0 / 0 at the first step of an episode."""

    name, fast = "of unit input", None

    def forward(self, net, params, x, h_prev, c_prev, y):
        return super().forward(net, params, x, h_prev, c_prev, y / np.sqrt((y**2).sum(axis=1, keepdims=True)))


def test_a_cell_that_has_no_value_at_the_first_step_is_found():
    assert "from zeros: expected finite numbers where h_prev, y are zero, got others in h_t" in wrongs(OfUnitInput())


class OwnEta(Fading):
    """``Fading`` with an eta for every neuron, and a gain, which the modulator difference has too."""

    name = "own eta"
    sums = None

    def parameters(self, net):
        return {"eta": Parameter((net.n_hidden,), 0.1), "gain": Parameter((), 1.0)}

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        return params["gain"] * X - params["eta"] * hebb, None, (of_X, X, hebb, params["eta"], params["gain"])

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        of_X, X, hebb, eta, gain = cache
        grads = {"eta": -(hebb * dE).sum(axis=(0, 1)), "gain": (X * dE).sum()}
        return -eta * dE, *outer_backward(gain * dE, of_X), None, grads

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        of_X, X, hebb, eta, gain = cache
        t_E = gain * outer_jvp(t_h_prev, t_p, of_X) + t_params["gain"] * X
        return t_E - eta * t_hebb - t_params["eta"] * hebb, None


def test_a_parameter_may_have_any_name_and_what_it_cannot_be_joined_with_is_said():
    report = check_rule(OwnEta(), rng())
    assert "with modulator difference, which has gain too" in report.not_checked
