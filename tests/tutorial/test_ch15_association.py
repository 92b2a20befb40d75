"""Chapter 15's experiments: what a partial memory is worth, and what the two layouts of an episode hold."""

import numpy as np
import pytest

from bpm_numpy.equations.softmax import softmax_forward
from bpm_numpy.figures.draw_association import plot_final_scores, plot_two_layouts
from bpm_numpy.figures.draw_hebb import plot_modulator_by_step
from bpm_numpy.lab.runs import Group
from bpm_numpy.learning.losses import cross_entropy
from bpm_numpy.tasks import TASKS
from bpm_numpy.tutorial import ch15_association as chapter
from bpm_numpy.tutorial.grader import grade


def task(**changes):
    return TASKS["association"](**TASKS["association"].SMALL["small"] | changes)


@pytest.mark.parametrize(
    "pairs, known, expected", [(2, 0, 0), (2, 1, 1), (4, 1, 1 / 2), (4, 2, 2 / 3), (4, 3, 1), (6, 5, 1)]
)
def test_score_of_who_knows_some_pairs(pairs, known, expected):
    assert np.isclose(chapter.score_of_known(pairs, known), expected)


def test_score_of_one_vector():
    rng = np.random.default_rng(0)
    assert chapter.score_of_sum(rng, task(bits=400, batch=200)) > 0.999
    # the four cues of 2 bits: the opposite one cancels if it has the same label, which it has in a third of the cases
    assert np.isclose(chapter.score_of_sum(rng, task(bits=2, batch=20_000)), 2 / 3, atol=0.02)


def test_apart_moves_the_label_and_the_question_one_step_on():
    x, targets, counts = task().sequences(np.random.default_rng(1))
    before = x.copy()
    batch = chapter.apart(x, targets, counts, 8)
    assert np.array_equal(x, before) and batch.x.shape == (16, 16, 12)
    for t in range(8):
        cue, rest = batch.x[2 * t], batch.x[2 * t + 1]
        assert np.array_equal(cue[:, :8], x[t, :, :8]) and not cue[:, 8:11].any()
        assert np.array_equal(rest[:, 8:11], x[t, :, 8:11]) and not rest[:, :8].any()
        assert not batch.mask[2 * t].any() and np.array_equal(batch.mask[2 * t + 1], counts[t])
        assert np.array_equal(batch.targets[2 * t + 1], targets[t])
    assert np.all(batch.x[:, :, 11] == 1)


def test_flipped_turns_what_it_says_and_nothing_else():
    judged = task(pairs=2, verdict=True)
    x, _, _ = judged.sequences(np.random.default_rng(2))
    before = x.copy()
    both = chapter.flipped(x, 8, 3 - 1, True, True)
    assert np.array_equal(x, before)
    different = np.argwhere((both != x).any(axis=1))
    assert different.tolist() == [[2, 8], [2, 9], [3, 10]]
    assert np.array_equal(both[2, :, 8:10], x[2, :, [9, 8]].T) and np.array_equal(both[3, :, 10], -x[3, :, 10])
    assert np.array_equal(chapter.flipped(x, 8, 2, True, False), chapter.flipped(both, 8, 2, False, True))
    assert np.array_equal(chapter.flipped(x, 8, 2, False, False), x)


def test_learn_apart_trains_every_kind_anew():
    learnt = chapter.learn_apart(np.random.default_rng(3), updates=2, runs=2)
    assert list(learnt) == list(chapter.KINDS)
    for trained in learnt.values():
        assert trained.shares.shape == (2, 2) and trained.net.n_hidden == 24
        first, second = (params["W_y"] for params in trained.params)
        assert not np.allclose(first, second)
    assert learnt["LSTM"].net.cell.name == "lstm" and learnt["plastic"].net.plasticity == "hebbian"


def test_final_scores_have_a_dot_a_seed_and_a_bar_at_their_median():
    scores = np.array([[0.1, 0.2], [0.3, 0.9], [0.5, 0.4]])  # (S, R)
    figure = plot_final_scores(
        {"a": [Group("association", "small", "x", 1, np.array([1, 2]), scores, 0.0)]}, {"half": 0.5}
    )
    dots, bar, line = figure.axes[0].lines
    assert sorted(dots.get_xdata()) == [0.2, 0.4, 0.9] and list(bar.get_xdata()) == pytest.approx([0.4, 0.4])
    assert list(line.get_xdata()) == [0.5, 0.5]


def test_modulator_by_step_names_its_groups():
    modulator, groups = np.zeros((2, 3)), np.array([[-1, -1, -1], [0, 1, 1]])
    figure = plot_modulator_by_step(modulator, groups, ["pair", "verdict"], ("neither", "wrong", "right"))
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["neither", "wrong", "right"]
    assert [len(line.get_xdata()) for line in figure.axes[0].lines[1:]] == [3, 1, 2]


def test_two_layouts_have_a_line_per_run_and_their_median_on_one_scale():
    scores = np.array([[0.1, 0.2], [0.3, 0.9], [0.5, 0.4]])  # (S, R)
    group = Group("association", "small", "LSTM", 1, np.array([1, 2]), scores, 0.0)
    figure = plot_two_layouts([group], {"LSTM": np.array([[0.5, 0.7, 0.8, 1.0], [1.0, 1.0, 0.5, 0.5]])}, every=2)
    left, right = figure.axes
    assert len(left.lines) == 4 and len(right.lines) == 3
    assert left.lines[0].get_ydata() == pytest.approx([0.3, 0.4])
    assert right.lines[1].get_ydata() == pytest.approx([0.2, 0.8]) and list(right.lines[1].get_xdata()) == [1, 3]


def answer_backward(d, z, labels, counts):
    return d * counts[:, :, None] / counts.sum() * (softmax_forward(z) - labels)


def test_the_right_gradient_of_the_cross_entropy_is_right():
    assert grade(chapter.CROSS_ENTROPY, answer_backward, np.random.default_rng(4)).right


@pytest.mark.parametrize("text", chapter.CROSS_ENTROPY.mistakes)
def test_each_planted_mistake_is_named(text):
    mistake = chapter.CROSS_ENTROPY.mistakes[text]
    verdict = grade(chapter.CROSS_ENTROPY, lambda *d, **at: mistake(*d, **at), np.random.default_rng(5))
    assert verdict.written and not verdict.right and text in verdict.text


def test_the_loss_of_the_exercise_is_the_package_s_cross_entropy():
    at = chapter.CROSS_ENTROPY.draw(np.random.default_rng(6))
    loss, _ = cross_entropy(at["z"], at["labels"].argmax(axis=-1), at["counts"] == 1)
    assert loss == pytest.approx(chapter.answer_loss(**at), rel=1e-12)
