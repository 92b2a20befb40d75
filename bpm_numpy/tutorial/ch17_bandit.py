"""Chapter 17: the two-armed bandit. What there is to remember is a single number, the evidence n."""

from functools import partial

import numpy as np

from ..figures.draw_bandit import plot_regret
from ..lab.studies import DATA, load_recorded, load_study
from ..learning.episodes import rollout
from ..learning.training import NETWORKS
from ..tasks.bandit import one_arm, thompson_sampling, win_stay_lose_shift
from ..tasks.base import play_by_rule


def evidence(actions, rewards):
    """n for arm 0, of two, before each pull and after the last: actions, rewards (T, B) -> (T+1, B) integers.

    A pull of arm 0 that paid adds 1, and so does one of arm 1 that did not; the other two take 1 off.
    """
    steps = ((2 * rewards - 1) * (1 - 2 * actions)).astype(np.int64)  # (T, B)
    return np.concatenate([np.zeros_like(steps[:1], shape=(1, steps.shape[1])), steps.cumsum(axis=0)])


def follow_evidence(task, rng):
    """Pull the arm that the evidence speaks for, either one at n = 0 -> Play."""

    def choose(actions, rewards):
        n = evidence(actions, rewards)[-1]  # (B,)
        return np.where(n == 0, rng.integers(0, 2, task.batch), n < 0)

    return play_by_rule(task, rng, choose)


RULES = {
    "without memory": one_arm,
    "win-stay, lose-shift": win_stay_lose_shift,
    "Thompson sampling": thompson_sampling,
    "follow n": follow_evidence,
}


recorded = partial(load_recorded, "bandit")  # (label, batch) -> net, params, task


def regret_of_steps(rng, episodes=800, data=DATA):
    """Mean regret of each step: of the RULES, name -> (T,), and of the study's networks of seed 0, label -> (T,)."""
    networks = {}
    for label in NETWORKS:
        net, params, task = recorded(label, episodes, data)
        networks[label] = task.regret_by_step(rollout(net, params, task, rng).actions).mean(axis=1)
    rules = {name: task.regret_by_step(rule(task, rng).actions).mean(axis=1) for name, rule in RULES.items()}
    return rules, networks


def figure_regret():
    """Regret over the steps of an episode, and by seed, of the recorded study."""
    by_seed = {group.label: group.scores[:, -1] for group in load_study("bandit", column="regret")[1]}
    return plot_regret(*regret_of_steps(np.random.default_rng(15)), by_seed)


FIGURES = {"bandit_regret.png": figure_regret}
