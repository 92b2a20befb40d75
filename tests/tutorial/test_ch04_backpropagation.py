"""Chapter 04's experiments: the adjoints are gradients, and the test problems are what they are called."""

import numpy as np
import pytest

from bpm_numpy.proof.mistakes import MISTAKES
from bpm_numpy.proof.problems import random_problem
from bpm_numpy.tutorial import ch04_backpropagation as chapter


@pytest.mark.parametrize("options", [{}, {"cell": "lstm", "reading": "paper", "rule": "trace"}])
def test_the_first_adjoint_is_the_gradient_to_the_initial_state_and_the_last_is_zero(options):
    problem = random_problem(np.random.default_rng(0), 2, 3, 2, 5, 2, "sometimes", **options)
    traj = problem.forward(problem.inputs)
    adjoints = chapter.adjoints_through_time(traj, problem.d_logits)
    gradient = problem.net.backward(traj.params, traj, problem.d_logits).state
    for adjoint, expected in zip(adjoints, gradient):
        assert (adjoint is None) == (expected is None)
        if adjoint is not None:
            assert np.allclose(adjoint[0], expected, rtol=1e-10, atol=1e-12)
            assert adjoint.shape == (6, *expected.shape) and np.all(adjoint[-1] == 0)


def test_errors_of_steps_are_relative_to_the_derivative():
    problem = random_problem(np.random.default_rng(1), 2, 3, 2, 3, 1, "inactive")
    errors = chapter.errors_of_steps(problem, np.random.default_rng(2), [1e-20, 1e-5], directions=3)
    assert list(errors) == ["one-sided", "central", "complex step"]
    assert all(values.shape == (2, 3) for values in errors.values())
    assert errors["complex step"].max() < 1e-6 and errors["complex step"][0].max() < 1e-13
    assert np.all(errors["central"][0] == 1)  # x + 1e-20 is x: the difference is 0
    assert np.all(errors["central"][1] < errors["one-sided"][1])


def test_problems_from_zeros_start_there_and_ask_for_outputs_alone():
    for T, start in ((1, False), (3, True)):
        problem, names = chapter.from_zeros(np.random.default_rng(3), T, start)
        assert len(problem.inputs["x"]) == T
        states = [value for name, value in problem.inputs.items() if name.startswith("state.")]
        assert len(states) == 3 and not any(value.any() for value in states)
        assert not any(value.any() for value in problem.d_state if value is not None)
        assert names == [name for name in problem.inputs if name != "x" and not name.startswith("state.")]


def test_right_gradients_show_no_error_and_wrong_ones_do():
    rng = np.random.default_rng(4)
    problem = random_problem(rng, 2, 3, 2, 3, 2, "sometimes")
    names = list(problem.inputs)
    assert chapter.error_found(problem, names, rng) == 0
    found = chapter.catch_all(rng, MISTAKES, {"": (problem, names)})
    assert np.array_equal(found > 0, chapter.where_it_matters(MISTAKES, {"": (problem, names)}))
    assert found.shape == (len(MISTAKES), 1) and 5 < (found > 0).sum() < len(MISTAKES)


def test_flow_of_networks_that_cannot_differ_is_the_same():
    networks = {"none": {"clip": np.inf}, "wide": {"clip": 1e3}}
    none, wide = chapter.flow(np.random.default_rng(5), networks, n_networks=2, T=5, N=3).values()
    assert none.h.shape == none.hebb.shape == (2, 6) and none.c is None
    assert np.array_equal(none.h, wide.h) and np.array_equal(none.hebb, wide.hebb)
    assert np.all(none.hebb[:, :-1] > 0) and np.all(none.hebb[:, -1] == 0)


def test_the_walk_back_gives_gradients_that_add_up_to_those_of_the_whole():
    problem = random_problem(np.random.default_rng(6), 2, 3, 2, 5, 2, "sometimes", rule="trace")
    traj = problem.forward(problem.inputs)
    walked = list(chapter.walk_back(problem.net, traj.steps, problem.d_logits))
    assert [t for t, _, _ in walked] == [4, 3, 2, 1, 0]
    whole = problem.net.backward(traj.params, traj, problem.d_logits).params
    for name, grad in whole.items():
        assert np.allclose(sum(grads[name] for _, _, grads in walked), grad, rtol=1e-10, atol=1e-12)
    assert np.any(walked[0][2]["W_h"]) and not np.allclose(walked[0][2]["W_h"], whole["W_h"])


def test_mistakes_that_no_problem_can_show_are_left_out():
    problems = chapter.checked_problems(np.random.default_rng(7))
    mistakes = chapter.mistakes_in(problems)
    assert chapter.where_it_matters(mistakes, problems).any(axis=1).all()
    others = {name: mistake for name, mistake in MISTAKES.items() if name not in mistakes}
    assert others and not chapter.where_it_matters(others, problems).any()
