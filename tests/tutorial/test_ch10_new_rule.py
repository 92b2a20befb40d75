"""Chapter 10: the draft is wrong where the chapter says so, the rule of its own is right, and both go into networks."""

import numpy as np
import pytest

from bpm_numpy import GradientCheckError, PlasticNetwork, gradcheck
from bpm_numpy.proof.problems import random_problem
from bpm_numpy.rules.oja import Oja
from bpm_numpy.rules.outer import Outer, outer_jvp
from bpm_numpy.tutorial.ch10_new_rule import (
    OjaDraft,
    SignedOja,
    draw_inputs,
    forward_alone,
    gradcheck_alone,
    pair_modes,
)

CONFIGURATIONS = (
    {},
    {"cell": "lstm", "fanout": True},
    {"cell": "lstm", "reading": "paper", "plasticity": "hebbian", "alpha": "neuron", "readout_hidden": 2},
)
by_configuration = pytest.mark.parametrize("options", CONFIGURATIONS, ids=str)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_draft_computes_what_the_finished_rule_does(rng):
    problem = random_problem(rng, 3, 4, 2, T=5, B=2, regime="sometimes", rule=OjaDraft())
    finished = PlasticNetwork(**problem.net.options | {"rule": "oja"})
    ours, theirs = (net.forward(*problem.split(problem.inputs)) for net in (problem.net, finished))
    assert np.array_equal(ours.logits, theirs.logits) and np.array_equal(ours.hebb, theirs.hebb)


def test_the_draft_is_wrong_in_hebb_and_p_and_both_modes_agree_that_it_is_not(rng):
    report = gradcheck_alone(OjaDraft(), rng, raise_on_failure=False)
    assert [row.name for row in report.parameters if row.failed] == ["hebb", "p"]
    assert np.isclose(*pair_modes(OjaDraft(), rng), rtol=1e-10)


def test_the_draft_is_wrong_through_time(rng):
    problem = random_problem(rng, 3, 4, 2, T=5, B=2, regime="sometimes", rule=OjaDraft())
    with pytest.raises(GradientCheckError):
        gradcheck(problem.loss, problem.inputs, problem.gradients(), method="complex")


@by_configuration
@pytest.mark.parametrize("regime", ("inactive", "sometimes", "mostly"))
def test_gradients_and_tangents_of_the_signed_rule_through_time(rng, options, regime):
    problem = random_problem(rng, 3, 4, 2, T=5, B=2, regime=regime, rule=SignedOja(), **options)
    grads = problem.gradients()
    assert gradcheck(problem.loss, problem.inputs, grads, method="complex").max_relative_error < 1e-10
    u = {name: np.asarray(rng.standard_normal(value.shape)) for name, value in problem.inputs.items()}
    params, _, _ = problem.split(problem.inputs)
    tangent = problem.net.jvp(params, problem.forward(problem.inputs), *problem.split(u))
    assert np.isclose(problem.pair(*tangent), sum((grads[name] * u[name]).sum() for name in u), rtol=1e-10)


def test_the_signed_rule_is_its_equation_by_loops(rng):
    inputs = draw_inputs(rng)
    hebb, mu, h, p = inputs.values()
    for clip in (np.inf, 0.7):
        after, _ = forward_alone(SignedOja(), inputs, clip)
        for b, i, j in np.ndindex(hebb.shape):
            q = mu[b, j] * p[b, j]
            u = hebb[b, i, j] + h[b, i] * q - q**2 * hebb[b, i, j]
            assert np.isclose(after[b, i, j], min(max(u, -clip), clip), rtol=1e-13, atol=1e-15)


def test_the_signed_rule_keeps_the_dtype(rng):
    net = PlasticNetwork(3, 4, 2, rule=SignedOja(), dtype=np.float32)
    params = net.init(rng)
    traj = net.forward(params, rng.standard_normal((3, 2, 3)).astype(np.float32))
    grads = net.backward(params, traj, np.ones_like(traj.logits))
    assert {traj.hebb.dtype, grads.state.hebb.dtype, grads.params["alpha"].dtype} == {np.dtype(np.float32)}
    step = traj.steps[0]
    t_hebb, _ = net.rule.jvp(net, params, step.state.hebb, step.mu, step.state.h, step.p, None, step.caches.rule)
    assert t_hebb.dtype == np.float32


@pytest.mark.parametrize("rule", (Outer(), Oja(), SignedOja()), ids=str)
@pytest.mark.parametrize("clip", (np.inf, 1.0, 0.1))
def test_a_right_rule_passes_alone(rng, rule, clip):
    assert gradcheck_alone(rule, rng, clip).max_relative_error < 1e-10
    assert np.isclose(*pair_modes(rule, rng, clip), rtol=1e-10)


@pytest.mark.parametrize("output", range(4), ids=("dhebb", "dmu", "dh_prev", "dp"))
def test_checking_alone_catches_each_wrong_output(rng, output):
    class Wrong(Oja):
        def backward(self, *arguments):
            grads = list(super().backward(*arguments))
            grads[output] = grads[output] * 1.001
            return grads

    with pytest.raises(GradientCheckError):
        gradcheck_alone(Wrong(), rng)


def test_modes_that_do_not_belong_together_differ(rng):
    class Mixed(Oja):
        def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
            of_X, _, _ = cache
            return outer_jvp(t_h_prev, t_p, of_X), None

    assert not np.isclose(*pair_modes(Mixed(), rng), rtol=1e-3)
