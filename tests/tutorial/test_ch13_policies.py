"""The maze of chapter 13: its rules, what a policy can reach in it, and walks with and without memory."""

import numpy as np
import pytest

from bpm_numpy import gradcheck
from bpm_numpy.equations.softmax import softmax_forward
from bpm_numpy.tutorial import ch13_policies as policies
from bpm_numpy.tutorial.ch13_policies import CORRIDOR, FORWARD, JUNCTION, LEFT, RIGHT, WALL
from bpm_numpy.tutorial.grader import grade

T = 4


@pytest.fixture
def net():
    return policies.maze_network(3)


@pytest.fixture
def params(net):
    return net.init(np.random.default_rng(0))


def follow(net, params, light, plan, **options):
    return policies.walk(net, params, np.array([light]), lambda t, logits: np.array([plan[t]]), len(plan), **options)


@pytest.mark.parametrize(
    "plan, states, reward",
    [
        ([FORWARD, FORWARD, FORWARD, RIGHT], [RIGHT, CORRIDOR, CORRIDOR, JUNCTION], 1),
        ([FORWARD, FORWARD, FORWARD, LEFT], [RIGHT, CORRIDOR, CORRIDOR, JUNCTION], 0),
        ([FORWARD, LEFT, FORWARD, RIGHT], [RIGHT, CORRIDOR, WALL, WALL], 0),
        ([RIGHT, RIGHT, RIGHT, RIGHT], [RIGHT, WALL, WALL, WALL], 0),
    ],
)
def test_the_rules_of_the_maze(net, params, plan, states, reward):
    walked = follow(net, params, RIGHT, plan)
    assert walked.states[:, 0].tolist() == states
    assert walked.rewards[:, 0].tolist() == [0, 0, 0, reward]


def test_the_right_way_is_the_only_one_that_earns(net, params):
    every = policies.every_walk(net, params, T)
    earned = every.actions[:, every.rewards.sum(axis=0) > 0]  # (T, 2)
    ways = [[action for _, _, action in policies.right_way(light, T)] for light in (LEFT, RIGHT)]
    assert earned.T.tolist() == ways


def test_best_reward_needs_the_light():
    assert policies.best_reward(lambda history, state: state, T) == 0.5
    assert policies.best_reward(lambda history, state: (history[:1], state), T) == 1.0
    assert policies.best_reward(lambda history, state: None, T) == 0.0  # one action for all steps


@pytest.mark.parametrize("memory", [True, False])
def test_the_trajectory_is_what_the_walker_acted_on(net, params, memory):
    walked = follow(net, params, LEFT, [FORWARD, FORWARD, FORWARD, LEFT], memory=memory)
    assert np.allclose(walked.traj.logits.reshape(T, 1, 3), walked.logits, rtol=0, atol=1e-15)
    alone, _ = net.step(params, walked.x[-1], net.initial_state(1))
    assert np.allclose(alone.logits, walked.logits[-1], rtol=0, atol=1e-15) == (not memory)


def test_every_walk_has_its_probability(net, params):
    p = policies.probabilities(policies.every_walk(net, params, T))
    assert p.shape == (2 * 3**T,) and np.isclose(p.sum(), 1, rtol=0, atol=1e-14)
    drawn = policies.walk(net, params, np.zeros(4000, int), policies.by_chance(np.random.default_rng(1)), T)
    numbers = np.ravel_multi_index(drawn.actions, (3,) * T)
    share = np.bincount(numbers, minlength=3**T) / 4000
    assert np.abs(share - 2 * p[: 3**T]).max() < 0.03


def test_gradient_of_the_expected_reward_without_memory(net, params):
    walked = policies.every_walk(net, params, 3, memory=False)
    weights = policies.probabilities(walked) * walked.rewards.sum(axis=0)
    grads = policies.walk_gradient(net, params, walked, np.tile(-len(weights) * weights, (3, 1)))
    gradcheck(lambda p: policies.expected_reward(net, p, 3, memory=False), params, grads, method="complex")


def log_softmax_backward(d_log_p, z):
    return d_log_p - softmax_forward(z) * d_log_p.sum(axis=-1, keepdims=True)


def softmax_backward(dP, z):
    P = softmax_forward(z)
    return P * (dP - (dP * P).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("right", [log_softmax_backward, softmax_backward])
def test_the_right_gradients_are_right(right):
    assert grade(policies.EXERCISES[right.__name__], right, np.random.default_rng(7)).right


@pytest.mark.parametrize(
    "name, text", [(name, text) for name, of in policies.EXERCISES.items() for text in of.mistakes]
)
def test_each_planted_mistake_is_named(name, text):
    exercise = policies.EXERCISES[name]
    verdict = grade(exercise, lambda *d, **at: exercise.mistakes[text](*d, **at), np.random.default_rng(8))
    assert verdict.written and not verdict.right and text in verdict.text
