"""Chapter 14: its exercises, and that the README's row says what is recorded."""

import re
from pathlib import Path

import numpy as np
import pytest

from bpm_numpy.equations.softmax import softmax_forward
from bpm_numpy.lab.studies import load_study
from bpm_numpy.learning.losses import actor_critic
from bpm_numpy.tutorial import ch14_cue_reward as chapter
from bpm_numpy.tutorial.grader import grade

README = Path(__file__).parents[2] / "README.md"
CASES = [(name, text) for name, exercise in chapter.EXERCISES.items() for text in exercise.mistakes]


def policy_backward(d, z, chosen, advantage, counts):
    return d * (counts * advantage)[:, :, None] * (softmax_forward(z) - chosen) / z.shape[1]


def critic_backward(d, v, returns):
    return -2 * d * (returns - v) / v.shape[1]


def even_backward(d, z, counts):
    P = softmax_forward(z)
    return 2 * d * counts[:, :, None] * P * (P - (P**2).sum(axis=-1, keepdims=True)) / z.shape[1]


@pytest.mark.parametrize("right", [policy_backward, critic_backward, even_backward])
def test_the_right_gradients_are_right(right):
    assert grade(chapter.EXERCISES[right.__name__], right, np.random.default_rng(0)).right


@pytest.mark.parametrize("name, text", CASES)
def test_each_planted_mistake_is_named(name, text):
    exercise = chapter.EXERCISES[name]
    verdict = grade(exercise, lambda *d, **at: exercise.mistakes[text](*d, **at), np.random.default_rng(1))
    assert verdict.written and not verdict.right and text in verdict.text


def test_the_three_terms_make_the_loss_that_trains():
    rng = np.random.default_rng(2)
    inputs = chapter.POLICY.draw(rng)
    values, rewards = rng.standard_normal((2, 4, 3))
    returns = 0.9 ** (np.arange(4)[None] - np.arange(4)[:, None]) * np.triu(np.ones((4, 4))) @ rewards  # (T, B)
    loss, _, _ = actor_critic(
        inputs["z"],
        values,
        inputs["chosen"].argmax(axis=-1),
        rewards,
        discount=0.9,
        value_weight=0.1,
        entropy_weight=0.03,
        entropy="sum_of_squares",
        counts=inputs["counts"] == 1,
    )
    ours = chapter.policy_term(**inputs | {"advantage": returns - values})
    ours += 0.1 * chapter.critic_term(values, returns) + 0.03 * chapter.even_term(inputs["z"], inputs["counts"])
    assert loss == pytest.approx(ours, rel=1e-12)


def test_the_readme_says_the_medians_that_are_recorded():
    row = next(line for line in README.read_text(encoding="utf-8").splitlines() if "cue-reward association |" in line)
    ends = {group.label: np.median(group.scores[:, -1]) for group in load_study("cue-reward")[1]}
    said = {
        "modulated": re.search(r"end at (\d\.\d+) and (\d\.\d+) in the median", row).groups(),
        "others": re.search(r"plastic one at (\d\.\d+) and the non-plastic one at (\d\.\d+)", row).groups(),
    }
    assert [float(number) for number in said["modulated"]] == pytest.approx(
        [ends["simple"], ends["retroactive"]], abs=6e-3
    )
    assert [float(number) for number in said["others"]] == pytest.approx([ends["plastic"], ends["none"]], abs=6e-3)
