"""The frame of chapter 10: a rule in the place of the Hebb update."""

import numpy as np
import pytest

from bpm_numpy import GradientCheckError, PlasticNetwork
from bpm_numpy.proof.problems import join, random_problem
from bpm_numpy.tutorial.ch10_new_rule import HEBB, OJA, RuleNetwork, check_network, check_rule, pair_modes

CONFIGURATIONS = (
    {},
    {"cell": "lstm", "fanout": True},
    {"cell": "lstm", "reading": "paper", "plasticity": "hebbian", "alpha": "neuron", "readout_hidden": 2},
)
by_configuration = pytest.mark.parametrize("options", CONFIGURATIONS, ids=str)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@by_configuration
def test_with_the_old_rule_it_is_the_old_network(rng, options):
    problem = random_problem(rng, 3, 4, 2, T=5, B=2, regime="sometimes", **options)
    params, x, state = problem.split(problem.inputs)
    network = RuleNetwork(problem.net, HEBB)
    traj, known = network.forward(params, x, state), problem.forward(problem.inputs)
    for name in ("logits", "values", "h", "hebb"):
        assert np.allclose(getattr(traj, name), getattr(known, name), rtol=1e-12, atol=1e-12), name
    grads = join(*network.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state))
    for name, grad in problem.gradients().items():
        assert np.allclose(grads[name], grad, rtol=1e-9, atol=1e-10), name


@by_configuration
@pytest.mark.parametrize("rule", (HEBB, OJA), ids=("hebb", "oja"))
def test_gradients_and_tangents_through_time(rng, rule, options):
    problem = random_problem(rng, 3, 4, 2, T=5, B=2, regime="sometimes", **options)
    assert check_network(rule, problem).max_relative_error < 1e-10
    params, x, state = problem.split(problem.inputs)
    u = {name: rng.standard_normal(value.shape) for name, value in problem.inputs.items()}
    network = RuleNetwork(problem.net, rule)
    traj = network.forward(params, x, state)
    tangent = network.jvp(params, traj, *problem.split(u))
    grads = join(*network.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state))
    assert np.isclose(problem.pair(*tangent), sum((grads[name] * u[name]).sum() for name in u), rtol=1e-10)


@pytest.mark.parametrize("output", range(4), ids=("dhebb", "dmu", "dh_prev", "dp"))
def test_check_rule_catches_each_wrong_output(rng, output):
    def wrong_backward(d_hebb_next, cache):
        grads = list(OJA.backward(d_hebb_next, cache))
        grads[output] = grads[output] * 1.001
        return grads

    with pytest.raises(GradientCheckError):
        check_rule(OJA._replace(backward=wrong_backward), rng)


@pytest.mark.parametrize("bound", (np.inf, 1.0, 0.1))
def test_the_modes_of_a_rule_agree(rng, bound):
    for rule in (HEBB, OJA):
        assert np.isclose(*pair_modes(rule, rng, bound), rtol=1e-10)
    assert not np.isclose(*pair_modes(OJA._replace(jvp=HEBB.jvp), rng, np.inf), rtol=1e-3)


@pytest.mark.parametrize("options", ({"plasticity": "none"}, {"rule": "trace"}), ids=str)
def test_networks_that_a_rule_does_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="net: expected a plastic network"):
        RuleNetwork(PlasticNetwork(3, 4, 2, **options), OJA)
