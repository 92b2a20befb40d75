"""Cue-reward association: which of the cues is the hidden target? Only rewards tell (the paper's first task)."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_count
from .base import RewardTask, check_patterns, draw_patterns, last_third

BLANK, GO = -1, -2


class Drawn(NamedTuple):
    """What is random: M trials an episode, more than it has time for; n = cues // 2 shown in each."""

    cues: np.ndarray  # (B, cues, bits), ±1, distinct in an episode
    target: np.ndarray  # (B,) the number of the target
    orders: np.ndarray  # (B, M, n) the cues a trial shows, in their order
    gaps: np.ndarray  # (B, M, n + 1) further blank steps before each of them, and after the last


class CueReward(RewardTask):
    """An episode is a run of trials with the same cues and the same hidden target, one of the cues.

    A trial: a blank step; half of the cues (cues // 2, drawn anew), one a step, in random order, and 0 to
    ``max_blanks`` further blank steps anywhere before, between and after them (each number equally likely, and each
    arrangement); a go step; a last blank step. The action at the go step answers "was the target among them?", 1 for
    yes: reward +1 if right, -1 if wrong. All other actions are without consequence. The time may end amid a trial.

    With 4 cues and more one trial can't tell the target: the reward says in which half it is, no more. With 2 or 3
    there is a single cue a trial, and one trial may tell.

    Inputs: the cue's bits (0 where none is shown), the go bit, then as ``RewardTask``: D = bits + 6. Defaults: the
    paper's, with as many blanks as in its authors' code.
    """

    name = "cue-reward"
    SMALL = {
        "small": {"batch": 16, "cues": 4, "bits": 8, "T": 60, "max_blanks": 0},
        "tiny": {"batch": 16, "cues": 2, "bits": 8, "T": 40, "max_blanks": 0},
        "four": {"batch": 16, "cues": 4, "bits": 20, "T": 120, "max_blanks": 3},
    }
    score_label = "reward per decision, last third"
    has_trials = True

    def __init__(self, *, batch=30, cues=4, bits=20, T=120, max_blanks=3):
        check_patterns("cues", cues, bits, smallest=2)
        check_count("max_blanks", max_blanks, smallest=0)
        super().__init__(batch, T, n_seen=bits + 1, n_actions=2)
        self.cues, self.bits, self.max_blanks = int(cues), int(bits), int(max_blanks)
        self.n_shown = self.cues // 2
        longest = self.n_shown + 3 + self.max_blanks
        if self.T // 3 < longest:  # so that the last third has a go step
            raise ValueError(f"T: expected at least {3 * longest}, three times the longest trial, got {T}")

    def draw(self, rng):
        B, M, n = self.batch, -(-self.T // (self.n_shown + 3)), self.n_shown
        numbers = np.broadcast_to(np.arange(self.cues), (B, M, self.cues))
        return Drawn(
            cues=draw_patterns(rng, B, self.cues, self.bits),
            target=rng.integers(0, self.cues, B),
            orders=rng.permuted(numbers, axis=-1)[..., :n],
            gaps=self._draw_gaps(rng, B, M, n),
        )

    def _draw_gaps(self, rng, B, M, n):
        """Blank after blank is put at a place drawn among those before, between and after all that is there."""
        number = rng.integers(0, self.max_blanks + 1, (B, M))
        gaps = np.zeros((B, M, n + 1), int)
        for there in range(self.max_blanks):
            place = rng.integers(0, n + there + 1, (B, M))  # how much stands in front of the new blank
            cues = gaps[..., :n].cumsum(axis=-1) + np.arange(n)  # (B, M, n) their places
            gap = (cues < place[..., None]).sum(axis=-1)  # (B, M) cues in front of it
            gaps += (np.arange(n + 1) == gap[..., None]) & (there < number)[..., None]
        return gaps

    def _begin(self):
        super()._begin()
        _, target, orders, gaps = self.drawn
        B, M, n = orders.shape
        blanks = gaps.cumsum(axis=-1)  # (B, M, n + 1) so far
        offsets = 1 + np.arange(n) + blanks[..., :n]  # (B, M, n) of the cues in their trial
        go = 1 + n + blanks[..., -1]  # (B, M)
        lengths = go + 2
        starts = lengths.cumsum(axis=-1) - lengths  # (B, M)

        self.shown = np.full((self.T + 1, B), BLANK)  # the cue's number, BLANK or GO; BLANK after the end
        self.yes = np.zeros((self.T + 1, B), bool)  # at a go step: was the target among the cues?
        self.firsts = np.zeros((self.T + 1, B), bool)  # the first step of a trial
        self._put(self.firsts, starts, True)
        self._put(self.shown, starts[..., None] + offsets, orders)
        self._put(self.shown, starts + go, GO)
        self._put(self.yes, starts + go, (orders == target[:, None, None]).any(axis=-1))
        cues = self.drawn.cues[np.arange(B), self.shown] * (self.shown >= 0)[..., None]  # (T + 1, B, bits)
        self.seen = np.concatenate([cues, (self.shown == GO)[..., None]], axis=-1)  # (T + 1, B, bits + 1)

    def _put(self, table, steps, values):
        """table[steps[b, ...], b] = values[b, ...] for all steps before T; table (T + 1, B), steps (B, ...)."""
        inside = steps < self.T
        episodes = np.broadcast_to(np.arange(self.batch).reshape(-1, *[1] * (steps.ndim - 1)), steps.shape)
        table[steps[inside], episodes[inside]] = np.broadcast_to(values, steps.shape)[inside]

    def _see(self):
        return self.seen[self.t]

    def _decides(self):
        return self.shown[self.t] == GO

    def _trial_begins(self):
        return self.firsts[self.t].copy()

    def _earn(self, actions):
        right = (actions == 1) == self.yes[self.t]
        return np.where(self._decides(), np.where(right, 1.0, -1.0), 0.0)  # (B,)

    def summarise(self, episode):
        """score: mean reward per decision in the last third of each episode, chance 0; score_all: in all of them."""
        late = last_third(self.T)
        return {
            "score": float(episode.rewards[late].sum() / episode.counts[late].sum()),
            "score_all": float(episode.rewards.sum() / episode.counts.sum()),
        }
