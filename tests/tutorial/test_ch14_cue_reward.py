"""Chapter 14: its exercises, and that their terms make the loss that trains."""

import numpy as np
import pytest

from bpm_numpy.equations.softmax import softmax_forward
from bpm_numpy.learning.losses import actor_critic
from bpm_numpy.tutorial import ch14_cue_reward as chapter
from bpm_numpy.tutorial.grader import grade

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
