"""Pattern completion: a few patterns are shown, then one of them with half of its bits hidden.

The task of T. Miconi, J. Clune, K. O. Stanley, *Differentiable plasticity*, ICML 2018.
"""

from typing import NamedTuple

import numpy as np

from ..arguments import check_count, check_number
from .base import SequenceTask, check_actions, check_patterns, draw_patterns


class Drawn(NamedTuple):
    """What is random; P patterns, each shown in each of R rounds."""

    patterns: np.ndarray  # (B, P, bits), ±1, distinct in an episode
    orders: np.ndarray  # (B, R, P) the patterns of a round, in their order
    asked: np.ndarray  # (B,) the pattern to be completed
    hidden: np.ndarray  # (B, bits) bool: which of its bits are hidden


class Completion(SequenceTask):
    """``rounds`` times all patterns in random order, each for ``shown`` steps with ``blank`` steps of zeros after it.

    Then one of them is shown for ``asked`` steps with a share ``hidden`` of its bits, drawn at random, set to 0. The
    answer at the last step counts: all bits of the pattern, each a logit whose sigmoid is the chance of +1. An action
    of ``step`` is (B, bits), 1 for +1 and 0 for -1, and its reward the share of the hidden bits that are right.

    A pattern shown, with the blank steps after it, is a trial, and so is the question.

    T = rounds · patterns · (shown + blank) + asked. Inputs: the bits, D = bits. Targets: (T, B, bits) float64, ±1, at
    every step the pattern that will be asked for. Defaults: the example program that the authors published with
    their paper (one episode an update, 1000 bits; far too big for this package's tutorial).
    """

    name = "completion"
    SMALL = {
        "small": {"batch": 16, "bits": 16, "patterns": 2, "rounds": 2, "shown": 3, "blank": 1, "asked": 3},
        "tiny": {"batch": 16, "bits": 8, "patterns": 2, "rounds": 1, "shown": 2, "blank": 1, "asked": 2},
    }
    score_label = "hidden bits right (0 chance, 1 all)"
    has_trials = True

    def __init__(self, *, batch=1, bits=1000, patterns=5, rounds=2, shown=6, blank=4, asked=6, hidden=0.5):
        check_patterns("patterns", patterns, bits)
        check_count("rounds", rounds)
        check_count("shown", shown)
        check_count("blank", blank, smallest=0)
        check_count("asked", asked)
        check_number("hidden", hidden, above=0, below=1)
        if not 0 < int(hidden * bits) < bits:
            raise ValueError(f"hidden: expected a share that hides some of {bits} bits and not all, got {hidden}")
        super().__init__(batch, rounds * patterns * (shown + blank) + asked, bits, bits)
        self.bits, self.patterns, self.rounds, self.hidden = int(bits), int(patterns), int(rounds), float(hidden)
        self.shown, self.blank, self.asked = int(shown), int(blank), int(asked)

    def draw(self, rng):
        B, P = self.batch, self.patterns
        hides = np.arange(self.bits) < int(self.hidden * self.bits)
        return Drawn(
            patterns=draw_patterns(rng, B, P, self.bits),
            orders=rng.permuted(np.broadcast_to(np.arange(P), (B, self.rounds, P)), axis=-1),
            asked=rng.integers(0, P, B),
            hidden=rng.permuted(np.broadcast_to(hides, (B, self.bits)), axis=-1),
        )

    def lay_out(self, drawn):
        patterns, orders, asked, hidden = drawn
        B, shows = self.batch, self.rounds * self.patterns
        episodes = np.arange(B)

        inputs = np.zeros((self.T, B, self.bits))
        shown = patterns[episodes[:, None], orders.reshape(B, shows)]  # (B, shows, bits)
        shows_and_blanks = inputs[: self.T - self.asked].reshape(shows, self.shown + self.blank, B, self.bits)
        shows_and_blanks[:, : self.shown] = shown.transpose(1, 0, 2)[:, None]
        whole = patterns[episodes, asked]  # (B, bits)
        inputs[self.T - self.asked :] = np.where(hidden, 0, whole)

        targets = np.tile(whole, (self.T, 1, 1))  # (T, B, bits)
        counts = np.zeros((self.T, B), bool)
        counts[-1] = True
        return inputs, targets, counts

    def begins(self, inputs):
        begins = super().begins(inputs)
        begins[: self.T - self.asked : self.shown + self.blank] = begins[self.T - self.asked] = True
        return begins

    def _check_actions(self, actions):
        check_actions(actions, (self.batch, self.bits), 2)

    def answers(self, logits):
        return (logits > 0).astype(np.int64)  # (..., bits)

    def grade(self, actions, inputs, targets, counts):
        hidden = inputs == 0  # (..., B, bits), wherever an answer counts
        right = (actions == 1) == (targets > 0)  # (..., B, bits)
        return counts * (right & hidden).sum(axis=-1) / hidden.sum(axis=-1).clip(1)

    def summarise(self, episode):
        """score: share of the hidden bits that are right, scaled: 0 is chance and 1 all; accuracy: the share itself."""
        accuracy = self._accuracy(episode)
        return {"score": 2 * accuracy - 1, "accuracy": accuracy}
