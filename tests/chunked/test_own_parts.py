"""Parts of a user's own by chunks: what a rule opts into, cells without a fast form, and factors that are wrong."""

import numpy as np
import pytest
from chunk_problems import as_dict, assert_close, definition, differences, results

from bpm_numpy import gradcheck
from bpm_numpy.bptt import ByStep
from bpm_numpy.cells import Cell
from bpm_numpy.cells.gru import GRU
from bpm_numpy.chunked.engine import ByChunks
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.modulators import Modulator
from bpm_numpy.parts import Parameter, normal
from bpm_numpy.proof.problems import random_problem
from bpm_numpy.rules import EligibilityRule
from bpm_numpy.rules.outer import outer_backward, outer_forward, outer_jvp

PLANS = (Plan(4, 1, 1), Plan(5, 3, 2), Plan(1, 2, 1))


class Leak(EligibilityRule):
    """E = X - leak ⊗ Hebb, with a learnt leak of every post-synaptic neuron."""

    name = "leak"
    sums = Gated

    def parameters(self, net):
        return {"leak": Parameter((net.n_hidden,), 0.5)}

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        return X - params["leak"] * hebb, None, (of_X, params["leak"], hebb)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        of_X, leak, hebb = cache
        return -leak * dE, *outer_backward(dE, of_X), None, {"leak": -(hebb * dE).sum(axis=(0, 1))}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        of_X, leak, hebb = cache
        return outer_jvp(t_h_prev, t_p, of_X) - leak * t_hebb - t_params["leak"] * hebb, None

    def factors(self, net, params, mu, p):
        return 1 - mu * params["leak"], mu * p, (mu, p, params["leak"])

    def factors_backward(self, net, dg, dq, cache):
        mu, p, leak = cache
        return p * dq - leak * dg, mu * dq, {"leak": -(mu * dg).sum(axis=0)}


class SlowLeak(Leak):
    """The same rule, which has not opted in."""

    name = "slow leak"
    sums = None


class Contradicting(Leak):
    """Its factors forget the leak: another function than its equations."""

    name = "contradicting"

    def factors(self, net, params, mu, p):
        return None, mu * p, (mu, p)

    def factors_backward(self, net, dg, dq, cache):
        mu, p = cache
        return p * dq, mu * dq, {}


class WrongFactorsBackward(Leak):
    """Right values, and a wrong gradient of the fast form alone."""

    name = "wrong backward"

    def factors_backward(self, net, dg, dq, cache):
        dmu, dp, grads = super().factors_backward(net, dg, dq, cache)
        return dmu, dp, {"leak": -grads["leak"]}


class SlowGRU(GRU):
    """A cell that gives its definition alone."""

    name = "slow gru"
    fast = None


class TwoMemories(Cell):
    """h_t = tanh(x W_x + y + Σ of two memories), which keep h at two rates: what it carries is (2, N)."""

    name = "two memories"
    plastic_name = "W_h"
    rates = np.array([0.5, 0.125])[:, None]  # (2, 1)

    def parameters(self, net):
        return {"W_x": Parameter((net.n_inputs, net.n_hidden), normal), "W_h": Parameter((net.n_hidden,) * 2, normal)}

    def carried(self, net):
        return 2, net.n_hidden

    def forward(self, net, params, x, h_prev, c_prev, y):
        h = np.tanh(x @ params["W_x"] + y + c_prev.sum(axis=1))  # (B, N)
        c = (1 - self.rates) * c_prev + self.rates * h[:, None]  # (B, 2, N)
        return h, c, h, (params, x, h)

    def backward(self, net, dh, dc, dp, cache):
        params, x, h = cache
        dz = (dh + dp + (self.rates * dc).sum(axis=1)) * (1 - h**2)  # (B, N)
        dc_prev = (1 - self.rates) * dc + dz[:, None]
        return dz @ params["W_x"].T, np.zeros_like(dh), dc_prev, dz, {"W_x": x.T @ dz}

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        params, x, h = cache
        t_h = (1 - h**2) * (t_x @ params["W_x"] + x @ t_params["W_x"] + t_y + t_c_prev.sum(axis=1))
        return t_h, (1 - self.rates) * t_c_prev + self.rates * t_h[:, None], t_h


class Square(Modulator):
    """M = (h · W_sq)², which gives no quick gradient of h."""

    name = "square"

    def parameters(self, net):
        return {"W_sq": Parameter((net.n_hidden,), normal)}

    def forward(self, net, params, h):
        a = h @ params["W_sq"]
        return a**2, (a, h, params["W_sq"])

    def backward(self, net, dM, cache):
        a, h, W = cache
        da = 2 * a * dM
        return da[:, None] * W, {"W_sq": da @ h}

    def jvp(self, net, t_params, t_h, cache):
        a, h, W = cache
        return 2 * a * (t_h @ W + h @ t_params["W_sq"])


def problem(seed, T=11, regime="sometimes", **options):
    return random_problem(np.random.default_rng(seed), 2, 3, 2, T, 3, regime, **options)


OWN = {
    "a rule": {"rule": Leak()},
    "a rule with a rate": {"rule": Leak(), "plasticity": "hebbian", "alpha": "neuron"},
    "a rule with fan-out": {"rule": Leak(), "fanout": True, "cell": "lstm", "reading": "paper"},
    "a cell without a fast form": {"cell": SlowGRU(), "rule": "oja"},
    "a cell with memories of its own": {"cell": TwoMemories(), "rule": "trace", "alpha": "scalar"},
    "a modulator": {"modulator": Square(), "rule": "decay"},
    "all of them": {"cell": TwoMemories(), "rule": Leak(), "modulator": Square(), "fanout": True, "readout_hidden": 2},
}


@pytest.mark.parametrize("regime", ["inactive", "sometimes", "mostly"])
@pytest.mark.parametrize("options", OWN.values(), ids=OWN)
def test_parts_of_ones_own_by_chunks_are_their_definition(options, regime):
    one = problem(0, regime=regime, **options)
    expected, _ = definition(one)
    for plan in PLANS:
        assert_close(results(one, plan), expected, 1e-11)
    for name in ("leak", "W_sq"):
        assert f"gradient of {name}" not in expected or expected[f"gradient of {name}"].any()


@pytest.mark.parametrize("options", OWN.values(), ids=OWN)
def test_the_gradients_of_ones_own_parts_are_right(options):
    one = problem(1, T=5, **options)
    for plan in (PLANS[0], "steps"):
        assert gradcheck(one.loss, one.inputs, one.gradients(plan), method="complex")


@pytest.mark.parametrize("options", OWN.values(), ids=OWN)
def test_a_run_of_ones_own_parts_is_the_whole_sequence(options):
    one = problem(2, **options)
    params, x, state = one.split(one.inputs)
    run = one.net.begin(params, state, plan=PLANS[0])
    for x_t in x[:6]:
        run.step(x_t)
    traj = run.advance(x[6:])
    assert isinstance(traj.record, ByChunks)
    grads = one.net.backward(params, traj, one.d_logits, one.d_values, one.d_state)
    expected, _ = definition(one)
    ours = as_dict({"h": traj.h, "c": traj.c, "logits": traj.logits}, traj.state, grads)
    assert_close(ours, {name: expected[name] for name in ours}, 1e-11)


def test_a_rule_that_has_not_opted_in_goes_by_steps_and_is_the_same_rule():
    fast, slow = (problem(3, rule=rule) for rule in (Leak(), SlowLeak()))
    records = [one.forward(one.inputs, PLANS[0]).record for one in (fast, slow)]
    assert [type(record) for record in records] == [ByChunks, ByStep]
    expected, ours = fast.gradients(PLANS[0]), slow.gradients(PLANS[0])
    assert all(np.allclose(ours[name], grad, rtol=0, atol=1e-11) for name, grad in expected.items())


def test_a_cell_without_a_fast_form_is_the_same_cell():
    one, other = (problem(4, cell=cell) for cell in ("gru", SlowGRU()))
    assert_close(results(one, PLANS[0]), results(other, PLANS[0]), 1e-12)


# What a rule says twice, it may say in two ways.


def largest_difference(one):
    expected, _ = definition(one)
    return max(differences(results(one, PLANS[0]), expected).values())


def test_the_comparison_of_the_two_ways_finds_factors_that_contradict_the_equations():
    assert largest_difference(problem(5, rule=Leak())) < 1e-12
    for rule in (Contradicting(), WrongFactorsBackward()):
        assert largest_difference(problem(5, rule=rule)) > 1e-2, rule


def test_a_gradient_check_by_chunks_alone_does_not_find_them():
    """Forward and backward are wrong together: why the two ways have to be compared."""

    def passes(rule):
        one = problem(6, regime="inactive", rule=rule)

        def loss(inputs):
            traj = one.forward(inputs, PLANS[0])
            return one.pair(traj.logits, traj.values, traj.state)

        options = {"directions": 2, "rng": np.random.default_rng(7), "raise_on_failure": False}
        return gradcheck(loss, one.inputs, one.gradients(PLANS[0]), **options).passed

    assert passes(Leak()) and passes(Contradicting()) and not passes(WrongFactorsBackward())
