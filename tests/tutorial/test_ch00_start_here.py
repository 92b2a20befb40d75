"""Chapter 00: its exercises tell their mistakes apart, its pictures show what they are given."""

import numpy as np
import pytest

from bpm_numpy.figures.draw_start_here import plot_binding, plot_pre_to_post, plot_two_networks
from bpm_numpy.figures.style import looks
from bpm_numpy.tutorial import ch00_start_here as chapter
from bpm_numpy.tutorial.grader import grade
from tests.tutorial.exercises import check_named

EXERCISES = {"readout": chapter.READOUT, "one_shot": chapter.ONE_SHOT}
MISTAKES = [(name, text) for name, exercise in EXERCISES.items() for text in exercise.mistakes]


def readout_backward(d_logits, h, W_y, b_y):
    return {"h": W_y @ d_logits, "W_y": np.outer(h, d_logits), "b_y": d_logits}


def one_shot_backward(d_logits, **inputs):
    return chapter.one_shot_mistake(d_logits, **inputs, wrong="nothing")


RIGHT = {"readout": readout_backward, "one_shot": one_shot_backward}


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize("seed", range(3))
def test_the_right_answer_is_right(name, seed):
    assert grade(EXERCISES[name], RIGHT[name], np.random.default_rng(seed)).right


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(EXERCISES[name], RIGHT[name], text)


def test_the_sentence_is_read_letter_by_letter():
    reading = chapter.read_sentence(np.random.default_rng(0), text="abca", n_hidden=4)
    assert reading.alphabet == "abc" and reading.x[:, 0].tolist() == np.eye(3).tolist()
    assert reading.targets[:, 0].tolist() == [1, 2, 0]


def test_a_connection_is_drawn_beside_its_entry():
    left, right = plot_pre_to_post(np.array([2.0, -3.0]), np.array([5.0, 7.0])).axes
    written = [text.get_text() for text in right.texts]
    assert written[:4] == ["10", "14", "−15", "−21"]  # [pre, post], row by row
    assert {"2", "−3", "5", "7"} <= {text.get_text() for text in left.texts}


def test_the_episode_is_drawn_with_one_arrow_per_pair_of_steps():
    names = ["cue", "label", "cue again", "answer due"]
    (axis,) = plot_binding(names, [(0, 1)], (2, 3)).axes
    texts = [text.get_text() for text in axis.texts]
    assert [text for text in texts if text in names] == names
    assert texts.count("") == 3  # the arrows 0 → 1, 1 → 2, 2 → 3


def test_two_networks_have_a_line_per_run_and_their_median():
    shares = {"plastic weights": np.array([[0.0, 1.0], [0.4, 0.6], [0.5, 0.9]]), "fixed weights": np.zeros((3, 2))}
    (axis,) = plot_two_networks(shares, 0.6, "guess", every=2).axes
    assert [line.get_ydata().item() for line in axis.lines[:4]] == pytest.approx([0.5, 0.5, 0.7, 0.5])
    assert len(axis.lines) == 2 * (3 + 1) + 1 and list(axis.lines[-1].get_ydata()) == [0.6, 0.6]
    assert {"plastic weights", "fixed weights", "dotted: guess"} == {text.get_text() for text in axis.texts}
    colours = [look["color"] for look in looks(["simple", "none"]).values()]  # as in every other figure
    assert [axis.lines[3].get_color(), axis.lines[7].get_color()] == colours
