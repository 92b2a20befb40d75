"""Parts of a user's own by chunks: what a rule opts into, cells without a fast form, and factors that are wrong."""

import numpy as np
import pytest
from chunk_problems import as_dict, assert_close, definition, differences, results
from own_parts import Contradicting, Leak, Presynaptic, SlowGRU, SlowLeak, Square, TwoMemories, WrongFactorsBackward

from bpm_numpy import gradcheck
from bpm_numpy.bptt import ByStep
from bpm_numpy.chunked.engine import ByChunks
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.proof.problems import random_problem

PLANS = (Plan(4, 1, 1), Plan(5, 3, 2), Plan(1, 2, 1))


def problem(seed, T=11, regime="sometimes", **options):
    return random_problem(np.random.default_rng(seed), 2, 3, 2, T, 3, regime, **options)


OWN = {
    "a rule": {"rule": Leak()},
    "a rule with a rate": {"rule": Leak(), "plasticity": "hebbian", "alpha": "neuron"},
    "a rule whose factors no episode changes": {"rule": Presynaptic(), "plasticity": "hebbian"},
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
