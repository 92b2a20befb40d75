"""Chapter 15's experiments: one-shot association, what a partial memory is worth, and the task with its steps apart.

Its exercise is the gradient of the cross-entropy.
"""

from functools import partial
from itertools import combinations

import numpy as np

from ..equations.softmax import log_softmax_forward, softmax_forward
from ..figures.draw_association import plot_two_layouts
from ..lab.settings import settings_for
from ..lab.studies import DATA, load_study
from ..learning.training import build
from .ch01_weights import Trained, train
from .grader import Exercise
from .learn import Batch

# Label: network, cell.
KINDS = {"none": ("none", "rnn"), "plastic": ("plastic", "rnn"), "LSTM": ("none", "lstm")}


def answer_loss(z, labels, counts):
    """-(1/n) Σ_tb g_tb log P_tb(y_tb), n = Σ_tb g_tb: z (T, B, A), labels one-hot, counts, which is g, (T, B)."""
    log_p = (labels * log_softmax_forward(z)).sum(axis=-1)  # (T, B)
    return -(counts * log_p).sum() / counts.sum()


def _draw_answers(rng):
    counts = np.arange(4)[:, None] >= np.array([[2, 1, 2]])  # (T, B)
    return {
        "z": rng.standard_normal((4, 3, 5)),
        "labels": np.eye(5)[rng.integers(0, 5, (4, 3))],
        "counts": counts.astype(float),
    }


def _wrong_answer(d, z, labels, counts, wrong):
    P = softmax_forward(z)
    d_log_p = -d * counts[:, :, None] / counts.sum() * labels  # (T, B, A)
    if wrong == "softmax":
        return {"z": d_log_p}
    if wrong == "all steps":
        return {"z": d * (P - labels) / counts.sum()}
    if wrong == "mean":
        return {"z": d * counts[:, :, None] * (P - labels) / counts.size}
    if wrong == "unmasked share":
        return {"z": d_log_p + d * P / counts.sum()}
    if wrong == "logits":
        return {"z": d * counts[:, :, None] * (z - labels) / counts.sum()}
    return {"z": d * counts[:, :, None] * (labels - P) / counts.sum()}


CROSS_ENTROPY = Exercise(
    forward=answer_loss,
    draw=_draw_answers,
    wanted=("z",),
    mistakes={
        text: partial(_wrong_answer, wrong=wrong)
        for wrong, text in {
            "sign": "(c): the loss has a minus, so its gradient is P(a) - [a = y], and not [a = y] - P(a)",
            "softmax": "(b): every logit is in the sum of the softmax, so -P(a) stands beside [a = y]",
            "all steps": "(c): only steps with g = 1 are in the sum",
            "unmasked share": "(c): g stands before both parts, [a = y] and P(a)",
            "mean": "(c): the mean is over the n answers that count, not over all steps and episodes",
            "logits": "(b): the sum's derivative is the softmax P(a), not the logit z_a",
        }.items()
    },
)

EXERCISES = {"answer_backward": CROSS_ENTROPY}


def score_of_known(pairs, known):
    """The best score, scaled as the task's, of one who knows the first ``known`` of the pairs, and that labels balance.

    The mean over all ways to give each of two labels to half of the pairs; the unknown ones get the likelier label.
    """
    right = []
    for ones in combinations(range(pairs), pairs // 2):
        left_over = pairs // 2 - sum(pair < known for pair in ones)  # how often label 1 is among the unknown
        right.append(known + max(left_over, pairs - known - left_over))
    return float(2 * np.mean(right) / pairs - 1)


def score_of_sum(rng, task):
    """The score of a memory of one vector, v = Σ_k y_k c_k over the cues c_k with labels y_k = ±1: sign(c · v).

    A tie counts half.
    """
    drawn = task.draw(rng)
    y = 2 * drawn.labels - 1  # (B, K)
    v = (y[:, :, None] * drawn.cues).sum(axis=1, keepdims=True)  # (B, 1, bits)
    return float((np.sign((drawn.cues * v).sum(axis=2)) * y).mean())


def apart(x, targets, counts, bits):
    """Sequences of the task with each step made two: x (T, B, D), targets and counts (T, B) -> Batch of 2 T steps.

    The cue, the first ``bits`` inputs, comes one step before the label or the query bit that stands beside it; the
    bias, the last input, is always there. Answers count at the second of the two steps.
    """
    cue, rest = x.copy(), x.copy()
    cue[:, :, bits:-1] = 0
    rest[:, :, :bits] = 0
    counts = np.repeat(counts, 2, axis=0)  # (2 T, B)
    counts[::2] = False
    return Batch(np.stack([cue, rest], axis=1).reshape(-1, *x.shape[1:]), np.repeat(targets, 2, axis=0), counts)


def learn_apart(rng, updates=300, runs=3):
    """Train each of KINDS on the setting "small" with its steps ``apart``: dict label -> Trained."""
    results = {}
    for label, (network, cell) in KINDS.items():
        task, net = build(settings_for("association", network, "small", changes={"network_options.cell": cell}))
        params, shares = zip(*(_learn(task, net, child, updates) for child in rng.spawn(runs)))
        results[label] = Trained(net, list(params), False, np.array(shares))
    return results


def _learn(task, net, rng, updates):
    return train(net, net.init(rng), lambda: apart(*task.sequences(rng), task.bits), updates)


def flipped(x, bits, t, label, verdict):
    """Inputs (T, B, D) with verdicts, changed for the pair at step t: its shown label exchanged, its verdict turned.

    ``label``, ``verdict``: which of the two is done.
    """
    x = x.copy()
    if label:
        x[t, :, bits : bits + 2] = x[t, :, bits : bits + 2][:, ::-1]
    if verdict:
        x[t + 1, :, bits + 2] *= -1
    return x


def figure_apart(data=DATA):
    """The recorded study beside ``learn_apart``: the same cues and labels, in one step or a step apart."""
    _, groups = load_study("association", data)
    together = [group for group in groups if group.label in KINDS]
    shares = {label: trained.shares for label, trained in learn_apart(np.random.default_rng(13)).items()}
    return plot_two_layouts(together, shares)


FIGURES = {"association_apart.png": figure_apart}
