"""One-shot association: pairs of a cue and a label are shown once, then each cue asks for its label."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_bool, check_count
from .base import SequenceTask, check_patterns, draw_patterns, one_hot


class Drawn(NamedTuple):
    """What is random; K pairs."""

    cues: np.ndarray  # (B, K, bits), ±1, distinct in an episode
    labels: np.ndarray  # (B, K), the right ones
    shown: np.ndarray  # (B, K), the ones shown
    queries: np.ndarray  # (B, K) the pairs asked for, in their order


class Association(SequenceTask):
    """K pairs of a cue and its label, one a step; then the K cues in random order, each asking for its label.

    Each label has as many of the K cues as any other (K must be a multiple of ``labels``), so that counting the
    labels doesn't help: a score above chance takes the binding of labels to cues.

    An episode has two trials: pairs shown, and cues that ask.

    With ``verdict`` (two labels only) the shown label is right or wrong, at random, and the step after it says
    which: +1 or -1. Neither the label nor the verdict says anything alone.

    T = 2 K, with a verdict 3 K. Inputs: the cue's bits, the shown label (one-hot), the verdict if there are any, the
    query bit, bias 1; zeros where there is nothing. Defaults are ours: the paper has no such task.
    """

    name = "association"
    SMALL = {
        "small": {"batch": 16, "pairs": 4, "bits": 8, "labels": 2, "verdict": False},
        "tiny": {"batch": 16, "pairs": 2, "bits": 8, "labels": 2, "verdict": False},
        "verdict": {"batch": 16, "pairs": 4, "bits": 8, "labels": 2, "verdict": True},
        "tiny-verdict": {"batch": 16, "pairs": 2, "bits": 8, "labels": 2, "verdict": True},
    }
    score_label = "right answers (0 chance, 1 all)"
    has_trials = True

    def __init__(self, *, batch=30, pairs=4, bits=20, labels=2, verdict=False):
        check_patterns("pairs", pairs, bits)
        check_count("labels", labels, smallest=2)
        check_bool("verdict", verdict)
        if pairs % labels:
            raise ValueError(f"pairs: expected a multiple of the {labels} labels, got {pairs}")
        if verdict and labels != 2:
            raise ValueError(f"labels: expected 2 with a verdict, got {labels}")
        self.pairs, self.bits, self.labels, self.verdict = int(pairs), int(bits), int(labels), bool(verdict)
        super().__init__(batch, (2 + self.verdict) * pairs, bits + labels + self.verdict + 2, labels)

    def draw(self, rng):
        B, K = self.batch, self.pairs
        labels = rng.permuted(np.broadcast_to(np.arange(K) % self.labels, (B, K)), axis=-1)
        wrong = rng.integers(0, 2, (B, K)) if self.verdict else 0
        return Drawn(
            cues=draw_patterns(rng, B, K, self.bits),
            labels=labels,
            shown=labels ^ wrong,
            queries=rng.permuted(np.broadcast_to(np.arange(K), (B, K)), axis=-1),
        )

    def lay_out(self, drawn):
        cues, labels, shown, queries = drawn
        K, asked, label_inputs = self.pairs, self.T - self.pairs, slice(self.bits, self.bits + self.labels)
        pair_steps = np.arange(0, asked, 1 + self.verdict)  # (K,)
        episodes = np.arange(self.batch)[:, None]

        inputs = np.zeros((self.T, self.batch, self.n_inputs))
        inputs[pair_steps, :, : self.bits] = cues.transpose(1, 0, 2)
        inputs[pair_steps, :, label_inputs] = one_hot(shown.T, self.labels)
        if self.verdict:
            inputs[pair_steps + 1, :, -3] = np.where(shown == labels, 1, -1).T
        inputs[asked:, :, : self.bits] = cues[episodes, queries].transpose(1, 0, 2)
        inputs[asked:, :, -2] = 1
        inputs[:, :, -1] = 1

        targets = np.zeros((self.T, self.batch), np.int64)
        targets[asked:] = labels[episodes, queries].T
        counts = np.zeros((self.T, self.batch), bool)
        counts[self.T - K :] = True
        return inputs, targets, counts

    def begins(self, inputs):
        begins = super().begins(inputs)
        begins[self.T - self.pairs] = True
        return begins

    def summarise(self, episode):
        """score: share of right answers, scaled: 0 is chance and 1 all; accuracy: the share itself."""
        accuracy, chance = self._accuracy(episode), 1 / self.labels
        return {"score": (accuracy - chance) / (1 - chance), "accuracy": accuracy}
