"""What the chapters share in learning: batches of answers, Adam on what a chapter draws, the share of right answers."""

from typing import NamedTuple

import numpy as np

from ..learning.losses import cross_entropy
from ..learning.optimisers import adam, adam_init, clip_gradient_norm


class Batch(NamedTuple):
    """x (T, B, D), targets (T, B) ints, mask (T, B): where an answer is asked for; None for everywhere.

    A chapter may draw batches of its own kind; these three names are what is read of them.
    """

    x: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None


def learn(params, gradient, draw, updates, learning_rate, max_norm=None):
    """Adam on the batches of ``draw()`` -> params, and what was noted of each batch: an array, one row per update.

    gradient(params, batch) -> gradients of ``params`` (a dict, as they are), and what is to be noted: a number, say.
    With ``max_norm`` the gradient is shortened to that norm.
    """
    state, noted = adam_init(params), []
    for _ in range(updates):
        grads, note = gradient(params, draw())
        noted.append(note)
        if max_norm is not None:
            grads, _ = clip_gradient_norm(grads, max_norm)
        params, state = adam(params, grads, state, learning_rate=learning_rate)
    return params, np.array(noted)


def answer_gradient(net, params, batch):
    """Gradients of the cross-entropy of a batch's answers, a dict, and the logits (T, B, A) that they belong to."""
    traj = net.forward(params, batch.x)
    _, d_logits = cross_entropy(traj.logits, batch.targets, batch.mask)
    return net.backward(params, traj, d_logits).params, traj.logits


def learn_to_answer(net, params, draw, updates, learning_rate, max_norm=2.0, gradient=answer_gradient):
    """``learn`` on batches with answers -> params, share of right answers of each batch (updates,).

    ``gradient`` is called like ``answer_gradient``, and returns the same.
    """

    def with_share(params, batch):
        grads, logits = gradient(net, params, batch)
        return grads, share_right(logits, batch)

    return learn(params, with_share, draw, updates, learning_rate, max_norm)


def share_right(logits, batch):
    """Share of the answers asked for whose largest logit is the target: logits (T, B, A) -> float."""
    return float((logits.argmax(axis=-1) == batch.targets)[batch.mask].mean())
