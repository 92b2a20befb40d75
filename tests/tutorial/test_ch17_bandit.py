"""The two-armed bandit of chapter 17: the evidence n, and who goes by it."""

import numpy as np
import pytest

from bpm_numpy.learning.training import NETWORKS
from bpm_numpy.tasks import Bandit
from bpm_numpy.tasks.bandit import thompson_sampling
from bpm_numpy.tutorial import ch17_bandit as chapter


def test_evidence_counts_for_and_against_arm_0():
    actions = np.array([[0, 1], [0, 1], [1, 0], [1, 0]])
    rewards = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(chapter.evidence(actions, rewards), [[0, 0], [1, -1], [0, 0], [-1, 1], [0, 0]])


@pytest.mark.parametrize("first, second, won", [(0, 0, (1, 1)), (1, 0, (1, 0)), (1, 1, (0, 1)), (0, 1, (0, 0))])
def test_the_odds_are_a_power_of_the_evidence(first, second, won):
    "The likelihood ratio of two pulls under (.8, .2) and (.2, .8), written out."
    ratio = 1.0
    for arm, paid in zip((first, second), won):
        of_best, of_other = (0.8, 0.2) if paid else (0.2, 0.8)
        ratio *= of_best / of_other if arm == 0 else of_other / of_best
    n = chapter.evidence(np.array([[first], [second]]), np.array(won, float)[:, None])[-1, 0]
    assert 4.0**n == pytest.approx(ratio)


def test_who_follows_the_evidence_loses_less_than_thompson():
    task = Bandit(batch=1000, chances=[0.8, 0.2], T=30)
    play = chapter.follow_evidence(task, np.random.default_rng(0))
    n = chapter.evidence(play.actions, play.rewards)[:-1]
    assert np.all(play.actions[n > 0] == 0) and np.all(play.actions[n < 0] == 1)
    assert 0.4 < play.actions[n == 0].mean() < 0.6
    followed = task.summarise(play)["regret"]
    assert followed < 0.7 * task.summarise(thompson_sampling(task, np.random.default_rng(0)))["regret"]


def test_regret_of_steps_adds_up_to_the_regret_of_an_episode():
    rules, networks = chapter.regret_of_steps(np.random.default_rng(0), episodes=200)
    assert list(rules) == list(chapter.RULES) and list(networks) == list(NETWORKS)
    assert all(regret.shape == (30,) and np.all(regret >= 0) for regret in [*rules.values(), *networks.values()])
    assert abs(rules["without memory"].sum() - 9) < 1.5


def test_figure_is_the_same_every_time():
    from bpm_numpy.figures.style import png

    assert png(chapter.figure_regret()) == png(chapter.figure_regret())
