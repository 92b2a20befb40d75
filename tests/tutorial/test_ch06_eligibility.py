"""Chapter 06's experiments: what the notebook takes for granted; and exercises that tell mistakes apart."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.figures.draw_eligibility import plot_verdict
from bpm_numpy.rules.outer import outer_forward
from bpm_numpy.rules.taylor import taylor_forward
from bpm_numpy.tutorial import ch06_eligibility as chapter
from tests.tutorial.exercises import check_named, check_right

MISTAKES = [(name, text) for name, exercise in chapter.EXERCISES.items() for text in exercise.mistakes]


def one_term_backward(dE, h, D):
    d_hh = np.tensordot(dE, D, axes=((0, 1), (0, 1)))
    return {"h": d_hh @ h + h @ d_hh, "D": dE[:, :, None, None] * np.outer(h, h)}


def trace_backward(from_update, X, eta):
    before, traces = np.zeros(X.shape[1:]), []
    for X_t in X:
        traces.append(before)
        before = (1 - eta) * before + eta * X_t
    dE, dX, deta = 0, np.empty_like(X), 0
    for t in reversed(range(len(X))):
        dE = from_update[t] + (1 - eta) * dE
        dX[t] = eta * dE
        deta += ((X[t] - traces[t]) * dE).sum()
    return {"X": dX, "eta": np.asarray(deta)}


def paper_trace_backward(from_update, X, eta):
    """The notes' with what drives one step later."""
    late = np.concatenate([from_update[1:], 0 * from_update[:1]])
    return trace_backward(late, X, eta)


RIGHT = {function.__name__: function for function in (one_term_backward, trace_backward, paper_trace_backward)}


@pytest.mark.parametrize("name", chapter.EXERCISES)
def test_a_right_backward_pass_is_right(name):
    check_right(chapter.EXERCISES[name], RIGHT[name])


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(chapter.EXERCISES[name], RIGHT[name], text)


@pytest.mark.parametrize("reading", ["notes", "paper"])
def test_the_trace_of_the_exercises_is_the_networks(reading):
    rng = np.random.default_rng(5)
    net = PlasticNetwork(2, 3, 1, rule="trace", reading=reading)
    params = net.init(rng) | {"eta": np.asarray(0.3)}
    traj = net.forward(params, rng.standard_normal((6, 1, 2)))
    X = traj.h[:-1, 0, :, None] * traj.h[1:, 0, None, :]
    np.testing.assert_allclose(chapter.trace_by_steps(X, 0.3, reading), traj.eligibility[:, 0], rtol=0, atol=1e-14)


def test_one_connection_follows_the_four_rules():
    hebb = chapter.one_connection()
    product = 0.8 * 0.9
    assert hebb["outer"][9] == 1 and np.all(hebb["outer"][9:] == 1)  # cut, and then kept
    assert np.isclose(hebb["decay"][10], product * (1 - 0.7**10), rtol=1e-12, atol=0)
    assert np.isclose(hebb["oja"][10], 0.8 / 0.9 * (1 - (1 - 0.3 * 0.81) ** 10), rtol=1e-12, atol=0)
    assert np.isclose(hebb["soft"][10], 1 - (1 - 0.3 * product) ** 10, rtol=1e-12, atol=0)
    assert np.ptp(hebb["oja"][10:19]) == 0 == np.ptp(hebb["soft"][10:]) and hebb["decay"][18] < hebb["decay"][10] / 10


def test_taylor_tensors_recover_a_polynomial():
    rng = np.random.default_rng(0)
    N = 3
    A, B, C, D, G, H = (rng.standard_normal((N,) * rank) for rank in (2, 3, 3, 4, 4, 4))
    D, G = D + D.swapaxes(2, 3), G + G.swapaxes(2, 3)  # only the symmetric part has a meaning
    tensors = A, B, C, D, G, H
    found = chapter.taylor_tensors(lambda h, p: taylor_forward(h, p, *tensors)[0], N)
    for tensor, other in zip(tensors, found):
        np.testing.assert_allclose(other, tensor, rtol=0, atol=1e-9)


def test_a_quiet_verdict_follows_its_pairing_and_nothing_else():
    x, cue, goal = chapter.late_verdict(np.random.default_rng(1), delay=3, batch=5)
    label, verdict = x[1, :, chapter.CUE : -1], x[4, :, -1]
    assert x.shape == (5, 5, chapter.CUE + chapter.LABEL + 1)
    assert np.array_equal(x[0, :, : chapter.CUE], cue) and np.array_equal(goal, verdict[:, None] * label)
    assert np.count_nonzero(x) == cue.size + label.size + verdict.size


def test_a_busy_stream_shows_every_step_a_pairing_but_one_verdict():
    x, cue, _ = chapter.late_verdict(np.random.default_rng(2), delay=3, batch=5, busy=True)
    assert np.all(np.abs(x[:, :, : chapter.CUE]) == 1) and np.all(np.abs(x[1:, :, chapter.CUE : -1]) == 1)
    assert np.all(x[:-1, :, -1] == 0) and np.all(np.abs(x[-1, :, -1]) == 1)
    assert np.array_equal(x[0, :, : chapter.CUE], cue)


def test_recall_of_the_product_itself_is_one_and_of_its_transpose_is_not():
    rng = np.random.default_rng(3)
    x, cue, goal = chapter.late_verdict(rng, delay=0, batch=4)
    ends = np.zeros((2, 4, x.shape[-1]))
    ends[0, :, : chapter.CUE], ends[1, :, chapter.CUE : -1] = cue, goal
    np.testing.assert_allclose(chapter.recall(outer_forward(*ends)[0], cue, goal), 1)
    np.testing.assert_allclose(chapter.recall(outer_forward(*ends[::-1])[0], cue, goal), 0)


def test_the_verdict_network_writes_only_at_the_verdict():
    net, params = chapter.verdict_network("trace", eta=0.4, held=True)
    x, _, _ = chapter.late_verdict(np.random.default_rng(4), delay=4, batch=3, busy=True)
    traj = net.forward(params, x)
    assert np.all(traj.modulator[:-1] == 0) and np.all(np.abs(traj.modulator[-1]) > 0.999)
    assert np.all(traj.hebb[:-1] == 0) and traj.hebb[-1].any()


def test_the_time_line_says_what_each_rule_still_holds_of_the_pairing():
    _, outer, trace = plot_verdict(2, 0.5).axes
    assert [text.get_text() for text in outer.texts] == ["0.00", "0.00", "0.00", "1.00"]
    assert [text.get_text() for text in trace.texts] == ["0.00", "0.12", "0.25", "0.50"]
    assert outer.texts[1].get_color() == trace.texts[1].get_color() != trace.texts[2].get_color()
