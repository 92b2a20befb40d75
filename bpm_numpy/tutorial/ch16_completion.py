"""Chapter 16's experiments: pattern completion, and how much of it a memory can do."""

import numpy as np

from ..figures.draw_completion import plot_restored
from ..lab.studies import load_recorded
from ..learning.episodes import evaluate
from ..tasks import TASKS


def score_of_perfect_memory(rng, task, batches=20):
    """The score of one who remembers all patterns of ``task`` and says each bit as most of those that fit do.

    A pattern fits if it agrees with every bit that is not hidden; a tie counts half.
    """

    def say(drawn, whole):
        agree = (drawn.patterns == whole[:, None]) | drawn.hidden[:, None]  # (B, P, bits)
        fits = agree.all(axis=2)  # (B, P)
        return (drawn.patterns * fits[:, :, None]).sum(axis=1)  # (B, bits)

    return _score_of(say, rng, task, batches)


def score_by_hand(rng, task, batches=20):
    """The score of outer products without any training: what is said are the signs of d · Σ_k p_k p_k^T.

    d is the pattern asked for, its hidden bits 0; a tie counts half.
    """

    def say(drawn, whole):
        d = np.where(drawn.hidden, 0, whole)
        stored = np.einsum("bki,bkj->bij", drawn.patterns, drawn.patterns)  # (B, bits, bits)
        return np.einsum("bi,bij->bj", d, stored)

    return _score_of(say, rng, task, batches)


def _score_of(say, rng, task, batches):
    """The score of the signs of say(drawn, whole) (B, bits); whole (B, bits): the patterns asked for."""
    scores = []
    for _ in range(batches):
        drawn = task.draw(rng)
        whole = drawn.patterns[np.arange(task.batch), drawn.asked]  # (B, bits)
        scores.append((np.sign(say(drawn, whole)) * whole)[drawn.hidden].mean())
    return float(np.mean(scores))


def scores_beyond(nets, task, changes, rng, episodes=640):
    """Networks on the task with other options than they were trained on.

    nets: label -> (net, params); changes: a list of dicts of options -> dict label -> a score for each (K,); also of
    outer products "by hand", and of a "perfect memory".
    """
    tasks = [TASKS["completion"](**task.options | change) for change in changes]
    scores = {
        label: np.array([evaluate(*of, other, rng, episodes)["score"] for other in tasks]) for label, of in nets.items()
    }
    for label, score in (("by hand", score_by_hand), ("perfect memory", score_of_perfect_memory)):
        scores[label] = np.array([score(rng, other) for other in tasks])
    return scores


def restored(net, params, task, rng):
    """Fresh episodes: what was asked with, the answers as 2 P(+1) - 1, and the truth; each (B, bits)."""
    x, targets, _ = task.sequences(rng)
    return x[-1], np.tanh(net.forward(params, x).logits[-1] / 2), targets[-1]


def figure_restored():
    """What the recorded plastic network restores in six episodes."""
    return plot_restored(*restored(*load_recorded("completion", "plastic", 6), np.random.default_rng(14)))


FIGURES = {"completion_restored.png": figure_restored}
