"""Chapter 16's experiments: what memories without training can do, and what is drawn of a trained one."""

import numpy as np

from bpm_numpy import PlasticNetwork
from bpm_numpy.figures.draw_completion import plot_restored
from bpm_numpy.tasks import TASKS
from bpm_numpy.tutorial import ch16_completion as chapter


def task(**changes):
    return TASKS["completion"](**TASKS["completion"].SMALL["small"] | changes)


def test_one_pattern_is_restored_from_any_visible_bit():
    rng = np.random.default_rng(0)
    for hidden in (1 / 16, 0.5, 15 / 16):
        one = task(patterns=1, hidden=hidden)
        assert chapter.score_of_perfect_memory(rng, one) == chapter.score_by_hand(rng, one) == 1


def test_a_perfect_memory_is_at_a_loss_only_where_two_patterns_fit():
    rng = np.random.default_rng(1)
    assert chapter.score_of_perfect_memory(rng, task(batch=500)) > 0.99  # eight visible bits tell two patterns apart
    # one visible bit: the other pattern fits in half of the cases, and then has half of the hidden bits
    one_bit = task(hidden=15 / 16, batch=500)
    assert np.isclose(chapter.score_of_perfect_memory(rng, one_bit), 1 / 2 + 1 / 2 * 1 / 2, atol=0.02)


def test_outer_products_by_hand_suffer_from_crosstalk():
    # one visible bit, two patterns: d · Σ p p^T is p_1 ± p_2, so half of the bits are right and half of them tie
    rng = np.random.default_rng(2)
    assert np.isclose(chapter.score_by_hand(rng, task(hidden=15 / 16, batch=500)), 1 / 2, atol=0.02)


def test_scores_beyond_and_restored():
    rng = np.random.default_rng(3)
    net = PlasticNetwork(16, 5, 16, plasticity="hebbian")
    params = net.init(rng)
    scores = chapter.scores_beyond({"new": (net, params)}, task(), [{"patterns": 1}, {"patterns": 3}], rng, 160)
    assert list(scores) == ["new", "by hand", "perfect memory"] and all(of.shape == (2,) for of in scores.values())
    assert np.abs(scores["new"]).max() < 0.2 and scores["by hand"][0] == 1 > scores["by hand"][1]

    asked, answers, truth = chapter.restored(net, params, task(batch=6), rng)
    assert asked.shape == answers.shape == truth.shape == (6, 16)
    assert np.array_equal(asked[asked != 0], truth[asked != 0]) and np.abs(answers).max() < 1


def test_crosses_mark_wrong_hidden_bits_only():
    truth = np.array([[1.0, 1.0, -1.0, -1.0]])
    asked = np.array([[1.0, 0.0, 0.0, -1.0]])
    answers = np.array([[-0.5, 0.5, 0.5, 0.5]])  # bits 0 and 3 are wrong, but were visible
    figure = plot_restored(asked, answers, truth)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [2]
