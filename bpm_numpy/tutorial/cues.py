"""Episodes of cues and labels: what a chapter draws, laid out in time.

A cue takes one step, what belongs to it the next: the label, while pairs are shown, or the place of the answer, once
a cue is asked for. So a plastic network can bind the two: Hebb joins what came at step t-1 with what comes at step t.
"""

import numpy as np

from .learn import Batch


def as_signs(numbers, bits):
    """The ``bits`` lowest binary digits of integers (...), as ±1: (..., bits)."""
    return 2.0 * ((numbers[..., None] >> np.arange(bits)) & 1) - 1


def show_and_ask(cues, labels, asked, answers, n_labels, marks=0):
    """S pairs are shown, then Q cues are asked for -> Batch of T = 2 (S + Q) steps.

    cues (S, B, bits) and labels (S, B) as they are shown; asked (Q, B, bits) and answers (Q, B) as they are asked for.
    x_t: the cue's bits, the label one-hot, and ``marks`` inputs that are 0, for the chapter to set.
    """
    S, B, bits = cues.shape
    T = 2 * (S + len(asked))
    x = np.zeros((T, B, bits + n_labels + marks))
    x[0 : 2 * S : 2, :, :bits] = cues
    x[1 : 2 * S : 2, :, bits : bits + n_labels] = np.eye(n_labels)[labels]
    x[2 * S :: 2, :, :bits] = asked
    targets, mask = np.zeros((T, B), int), np.zeros((T, B), bool)
    targets[2 * S + 1 :: 2], mask[2 * S + 1 :: 2] = answers, True
    return Batch(x, targets, mask)
