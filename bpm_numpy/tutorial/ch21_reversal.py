"""Chapter 21: reversal learning. Before the reversal and after it, trial by trial, for rules and recorded networks."""

from functools import partial

import numpy as np

from ..figures.draw_reversal import plot_reversal
from ..lab.studies import DATA, load_recorded, load_study
from ..learning.episodes import rollout
from ..learning.training import NETWORKS
from ..tasks import reversal

FIRST, LAST = -6, 5  # trials, counted from the reversal, that every episode of 18 has


def fading_count(task, rng, keep=0.6):
    """The pattern that a fading count speaks for, either one at 0 -> Play.

    A trial adds 1 for the pattern chosen if it has paid, and for the other one if not. What was counted before is
    multiplied by ``keep``.
    """

    def choose(chosen, rewards):
        weights = keep ** np.arange(len(chosen))[::-1, None]  # (m, 1), 1 for the trial just over
        count = (weights * (2 * chosen - 1) * rewards).sum(axis=0)  # (B,), for pattern 1
        return np.where(count == 0, rng.integers(0, 2, task.batch), count > 0).astype(np.int64)

    return reversal.play_trials(task, rng, choose)


RULES = {
    "ideal observer": reversal.ideal_observer,
    "fading count": fading_count,
    "win-stay, lose-shift": reversal.win_stay_lose_shift,
    "Thompson, no change expected": reversal.thompson_sampling,
}

recorded = partial(load_recorded, "reversal")  # (label, batch) -> net, params, task


def shares_around(task, actions):
    """Share of episodes in which the better pattern is chosen in trials FIRST ... LAST: actions (T, B) -> (K,)."""
    return task.right_since(actions, FIRST, LAST).mean(axis=1)


def shares_of_trials(rng, episodes=400, data=DATA):
    """``shares_around`` of the RULES, name -> (K,), and of the study's networks of seed 0, label -> (K,)."""
    networks = {}
    for label in NETWORKS:
        net, params, task = recorded(label, episodes, data)
        networks[label] = shares_around(task, rollout(net, params, task, rng).actions)
    return {name: shares_around(task, rule(task, rng).actions) for name, rule in RULES.items()}, networks


def scores_of_rules(rng, episodes=4000):
    """What ``summarise`` says of the RULES: name -> dict."""
    _, _, task = recorded("none", episodes)
    return {name: task.summarise(rule(task, rng)) for name, rule in RULES.items()}


def figure_reversal():
    """The share of the better pattern, trial by trial around the reversal, and the scores by seed."""
    rng = np.random.default_rng(21)
    by_seed = {group.label: group.scores[:, -1] for group in load_study("reversal")[1]}
    levels = {name: scores["score"] for name, scores in scores_of_rules(rng).items()}
    return plot_reversal(*shares_of_trials(rng), FIRST, by_seed, levels)


FIGURES = {"reversal.png": figure_reversal}
