"""Chapter 12's experiments: what the notebook takes for granted."""

import numpy as np

from bpm_numpy.proof.problems import random_problem
from bpm_numpy.tutorial import ch12_slips as slips


def test_the_unit_holds_a_bit_because_its_gates_are_open_and_it_reads_nothing_more():
    c = slips.hold_a_bit("notes", 4)
    np.testing.assert_allclose(c, [1, np.tanh(1), np.tanh(np.tanh(1)), np.tanh(np.tanh(np.tanh(1)))], rtol=1e-12)
    np.testing.assert_allclose(slips.hold_a_bit("paper", 4), 1, rtol=1e-12)


def test_what_is_held_as_printed_falls_like_the_root_of_three_over_two_t():
    assert np.isclose(slips.hold_a_bit("notes", 2001)[-1], np.sqrt(3 / (2 * 2000)), rtol=0.01)


def test_resume_says_zero_only_if_what_was_forgotten_does_not_matter():
    rng = np.random.default_rng(5)
    problem = random_problem(rng, 3, 4, 2, 6, 2, cell="rnn", rule="outer")
    params, x, _ = problem.split(problem.inputs)
    assert slips.resume(problem.net, params, x, 3) < 1e-12
    assert slips.resume(problem.net, params, x, 3, "hebb") > 1e-3
    params = params | {"alpha": 0 * params["alpha"]}  # now nothing reads Hebb
    assert slips.resume(problem.net, params, x, 3, "hebb") < 1e-12


def test_the_literal_trace_starts_where_it_is_told():
    E = slips.literal_trace(0.25, 1.0, -0.5, 2)
    np.testing.assert_allclose(E, [-0.5, -0.125, 0.15625])
