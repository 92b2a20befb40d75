"""Reversal learning: which of two patterns pays more often? In mid-episode it becomes the other one.

And rules that need no training, to compare with.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from ..arguments import check_count, check_number
from .base import RewardTask, check_patterns, draw_patterns, play_by_rule

SHOWN, ASKED, TOLD = range(3)  # the steps of a trial
STEPS = 3
SETTLED = 4  # trials after a change of which a score expects nothing


class Drawn(NamedTuple):
    """What is random; M trials."""

    patterns: np.ndarray  # (B, 2, bits), ±1, distinct in an episode; pattern 0 is the better one at first
    left: np.ndarray  # (M, B) the pattern at the left, 0 or 1; the other one is at the right
    reversal: np.ndarray  # (B,) the first trial in which pattern 1 is the better one
    luck: np.ndarray  # (M, B) uniform in 0 ... 1: the better pattern pays if this is below ``chance``, else the other


class Reversal(RewardTask):
    """An episode is a run of trials with the same two patterns, of which one pays more often.

    A trial has three steps. First both patterns are shown, one at the left and one at the right, at random. Then they
    are still there, with the go bit, and the action at this step chooses: 0 the left one, 1 the right one. At the third
    step nothing is shown but what every ``RewardTask`` shows, the reward and the action. Other actions are without
    consequence.

    The better pattern pays with ``chance``, the other one in all other trials: reward +1 if the pattern chosen pays,
    -1 if not. From one trial on, drawn from the middle third of the episode, the other pattern is the better one.
    Nothing says so, except rewards.

    T = 3 trials. Inputs: the two patterns (zeros where nothing is shown), the go bit, then as ``RewardTask``:
    D = 2 bits + 6. The paper has no such task; the defaults are ours.
    """

    name = "reversal"
    SMALL = {"small": {"batch": 16, "bits": 8, "trials": 18, "chance": 0.8}}
    score_label = "better one chosen (0 chance, 1 always)"
    has_trials = True

    def __init__(self, *, batch=30, bits=20, trials=30, chance=0.8):
        check_patterns("patterns", 2, bits)
        check_count("trials", trials, smallest=3 * SETTLED)
        check_number("chance", chance, at_least=0.5, below=1)
        super().__init__(batch, STEPS * trials, n_seen=2 * bits + 1, n_actions=2)
        self.bits, self.trials, self.chance = int(bits), int(trials), float(chance)

    def draw(self, rng):
        B, M = self.batch, self.trials
        return Drawn(
            patterns=draw_patterns(rng, B, 2, self.bits),
            left=rng.integers(0, 2, (M, B)),
            reversal=rng.choice(possible_reversals(self), B),
            luck=rng.random((M, B)),
        )

    def _see(self):
        trial, step = divmod(self.t, STEPS)
        seen = np.zeros((self.batch, 2 * self.bits + 1))
        if step != TOLD and self.t < self.T:
            left, episodes = self.drawn.left[trial], np.arange(self.batch)
            seen[:, : self.bits] = self.drawn.patterns[episodes, left]
            seen[:, self.bits : -1] = self.drawn.patterns[episodes, 1 - left]
            seen[:, -1] = step == ASKED
        return seen

    def _decides(self):
        return np.full(self.batch, self.t % STEPS == ASKED)

    def _trial_begins(self):
        return np.full(self.batch, self.t % STEPS == SHOWN and self.t < self.T)

    def _earn(self, actions):
        trial, step = divmod(self.t, STEPS)
        if step != ASKED:
            return np.zeros(self.batch)
        right = other_if(actions, self.drawn.left[trial]) == self.better_pattern()[trial]  # (B,)
        return np.where(right == (self.drawn.luck[trial] < self.chance), 1.0, -1.0)

    def better_pattern(self):
        """The number of the better pattern in each trial, (M, B), in the episodes of the last ``reset``."""
        return (np.arange(self.trials)[:, None] >= self.drawn.reversal).astype(np.int64)

    def chosen(self, actions):
        """The pattern chosen in each trial: actions (T, B) -> (M, B), in the episodes of the last ``reset``."""
        return other_if(actions[ASKED::STEPS], self.drawn.left)

    def right_since(self, actions, first, last):
        """Whether the better pattern is chosen in trials ``first`` ... ``last``, counted from the reversal (0).

        actions (T, B) -> (last - first + 1, B) bool; ``first`` may be negative: the trials before.
        """
        right = self.chosen(actions) == self.better_pattern()  # (M, B)
        return np.take_along_axis(right, self.drawn.reversal + np.arange(first, last + 1)[:, None], axis=0)

    def summarise(self, episode):
        """score: of the last third, all after the reversal; before: of the last trials before it; needed: see below.

        Both scores are shares of trials with the better pattern chosen, scaled: 0 is chance and 1 always. ``before`` is
        about SETTLED trials. ``needed``: trials from the reversal to the first two in a row with the better pattern,
        among as many trials as a third of the episode has; that number less 1 if there are no such two. The patterns
        are those of the last ``reset``.
        """
        third = self.trials // 3
        right = self.chosen(episode.actions) == self.better_pattern()  # (M, B)
        after = self.right_since(episode.actions, 0, third - 1)  # (third, B)
        twice = np.append(after[:-1] & after[1:], np.ones((1, self.batch), bool), axis=0)  # the last row: nowhere
        return {
            "score": float(2 * right[self.trials - third :].mean() - 1),
            "before": float(2 * self.right_since(episode.actions, -SETTLED, -1).mean() - 1),
            "needed": float(twice.argmax(axis=0).mean()),
        }


def other_if(condition, number):
    """``number``, 0 and 1 exchanged where ``condition`` is not 0: from sides to the patterns there, and back."""
    return np.where(condition, 1 - number, number)


def play_trials(task, rng, choose):
    """B episodes drawn from the Generator ``rng``, without a network -> Play, for ``task.summarise``.

    choose(chosen, rewards), both (m, B), of the m trials so far -> the patterns (B,) chosen in trial m.
    """

    def act(actions, rewards):
        trial, step = divmod(len(actions), STEPS)
        if step != ASKED:
            return np.zeros(task.batch, np.int64)
        left = task.drawn.left
        return other_if(choose(other_if(actions[ASKED::STEPS], left[:trial]), rewards[ASKED::STEPS]), left[trial])

    return play_by_rule(task, rng, act)


def win_stay_lose_shift(task, rng):
    """The pattern chosen before if it has paid, else the other one -> Play."""

    def choose(chosen, rewards):
        if len(chosen) == 0:
            return rng.integers(0, 2, task.batch)
        return other_if(rewards[-1] < 0, chosen[-1])

    return play_trials(task, rng, choose)


def chance_of_pattern_1(task, chosen, rewards, reversals):
    """The posterior chance that pattern 1 is the better one in trial m: chosen, rewards (m, B) -> (B,).

    How often patterns pay is taken as known. Each of the trials ``reversals`` is as likely as the others to be that of
    the reversal; which pattern was better at first is not known.
    """
    m = len(chosen)
    changed = np.arange(m + 1)[:, None] >= np.asarray(reversals)  # (m+1, R)
    better = np.stack([changed, ~changed], axis=1)  # (m+1, 2, R): under every hypothesis, is pattern 1 the better one?
    agrees = (chosen[:, None, None] == better[:m, ..., None]) == (rewards[:, None, None] > 0)  # (m, 2, R, B)
    logs = np.where(agrees, np.log(task.chance), np.log(1 - task.chance)).sum(axis=0)  # (2, R, B)
    likelihood = np.exp(logs - logs.max(axis=(0, 1)))  # the largest is 1, however many trials there were
    return (likelihood * better[m, ..., None]).sum(axis=(0, 1)) / likelihood.sum(axis=(0, 1))


def possible_reversals(task):
    """The trials from which the reversal is drawn."""
    return range(task.trials // 3, task.trials - task.trials // 3 + 1)


def thompson_sampling(task, rng, change=False):
    """A pattern drawn with the posterior chance that it is the better one -> Play.

    Without ``change`` nothing is believed to change, with it it is known when a reversal can come.
    """
    reversals = possible_reversals(task) if change else [task.trials]

    def choose(chosen, rewards):
        return (rng.random(task.batch) < chance_of_pattern_1(task, chosen, rewards, reversals)).astype(np.int64)

    return play_trials(task, rng, choose)


def ideal_observer(task, rng):
    """The pattern that is more probably the better one, if it is known when a reversal can come -> Play.

    Nobody can do better on average: both patterns tell as much, so there is nothing to explore.
    """

    def choose(chosen, rewards):
        chance = chance_of_pattern_1(task, chosen, rewards, possible_reversals(task))
        return np.where(np.isclose(chance, 0.5), rng.integers(0, 2, task.batch), chance > 0.5)

    return play_trials(task, rng, choose)


RULES = {
    "ideal observer": ideal_observer,
    "Thompson, change expected": partial(thompson_sampling, change=True),
    "Thompson, no change expected": thompson_sampling,
    "win-stay, lose-shift": win_stay_lose_shift,
}
