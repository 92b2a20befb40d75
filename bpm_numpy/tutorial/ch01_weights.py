"""Chapter 01: what to share among the steps, and what a Hebbian matrix holds."""

from functools import partial
from math import erf
from typing import NamedTuple

import numpy as np

from ..equations.hebb_update import hebb_update_forward
from ..equations.plastic_weights import plastic_input_forward
from ..figures.draw_policies import plot_learning
from ..figures.draw_weights import plot_recall
from ..learning.losses import cross_entropy
from ..network import PlasticNetwork
from ..rules.outer import outer_forward
from ..step import forward_step
from .ch04_backpropagation import walk_back
from .cues import as_signs, show_and_ask
from .learn import Batch, answer_gradient, learn_to_answer, share_right

PAIRS, BITS = 4, 8  # of the association task
STEPS = 2 * PAIRS + 2  # of both tasks
ECHO_BITS = 6


# One set of weights per step: every parameter gets a leading axis T.


def one_set_per_step(params, T):
    """T copies of the parameters, stacked: dict name -> (T, ...)."""
    return {name: np.stack([value] * T) for name, value in params.items()}


def set_of_step(params, t):
    """The parameters of step t, out of ``one_set_per_step``."""
    return {name: value[t] for name, value in params.items()}


def forward_per_step(net, params, x):
    """As ``net.forward`` from zeros, with the t-th set of weights at step t -> logits (T, B, A), the steps."""
    state, logits, steps = net.initial_state(x.shape[1]), [], []
    for t, x_t in enumerate(x):
        out, state, step = forward_step(net, set_of_step(params, t), x_t, state)
        logits.append(out.logits)
        steps.append(step)
    return np.stack(logits), steps


def backward_per_step(net, params, steps, d_logits):
    """Gradients of every step's own set of weights, stacked as ``params``."""
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    for t, _, step_grads in walk_back(net, steps, d_logits):
        for name, grad in step_grads.items():
            grads[name][t] = grad
    return grads


# Two tasks, and training on them.


def draw_echo(rng, B, which=None):
    """x_t holds ECHO_BITS random signs and a flag; say sign 0 of the step before if the flag is 1, sign 1 if it is -1.

    ``which`` is that sign, 0 or 1, or None for either, drawn anew for each of the B sequences.
    """
    signs = rng.choice([-1.0, 1.0], (STEPS, B, ECHO_BITS))
    asked = rng.integers(0, 2, B) if which is None else np.full(B, which)
    flag = np.tile((1.0 - 2 * asked)[:, None], (STEPS, 1, 1))  # (STEPS, B, 1)
    targets, mask = np.zeros((STEPS, B), int), np.ones((STEPS, B), bool)
    targets[1:] = np.where(asked == 0, signs[:-1, :, 0], signs[:-1, :, 1]) > 0
    mask[0] = False
    return Batch(np.concatenate([signs, flag], axis=2), targets, mask)


def draw_associations(rng, B):
    """PAIRS random cues of BITS signs, all different, each followed by its label 0 or 1; then one of the cues again,
    and at the last step its label is asked for. x_t: the cue, or the label one-hot, or the question mark."""
    numbers = rng.random((B, 2**BITS)).argsort(axis=1)[:, :PAIRS]  # (B, PAIRS), distinct
    cues = as_signs(numbers, BITS)  # (B, PAIRS, BITS)
    labels = rng.integers(0, 2, (B, PAIRS))
    one = np.arange(B), rng.integers(0, PAIRS, B)  # of each episode
    batch = show_and_ask(cues.swapaxes(0, 1), labels.T, cues[one][None], labels[one][None], n_labels=2, marks=1)
    batch.x[-1, :, -1] = 1
    return batch


def answer(net, params, x, per_step):
    """logits (T, B, A), with one set of weights or one per step."""
    return forward_per_step(net, params, x)[0] if per_step else net.forward(params, x).logits


def loss_gradient(net, params, batch, per_step):
    """The cross-entropy's gradients, a dict, and the logits they belong to."""
    if not per_step:
        return answer_gradient(net, params, batch)
    logits, steps = forward_per_step(net, params, batch.x)
    _, d_logits = cross_entropy(logits, batch.targets, batch.mask)
    return backward_per_step(net, params, steps, d_logits), logits


def train(net, params, draw, updates, per_step=False):
    """Adam on the cross-entropy of the batches that ``draw()`` gives -> params, share of right answers (updates,)."""
    gradient = partial(loss_gradient, per_step=per_step)
    return learn_to_answer(net, params, draw, updates, learning_rate=0.01, gradient=gradient)


# Four kinds of weights compared.

KINDS = {  # label: neurons, plasticity, one set of weights per step?
    "w + α ⊗ Hebb": (16, "hebbian", False),
    "shared": (16, "none", False),
    "shared, 32 neurons": (32, "none", False),
    "one set per step": (16, "none", True),
}


class Trained(NamedTuple):
    """Some runs of one kind: the network, params (a list of dicts), per_step, and shares right (runs, updates)."""

    net: PlasticNetwork
    params: list
    per_step: bool
    shares: np.ndarray

    def test(self, batch):
        """The share of right answers of each run on a batch: (runs,)."""
        return np.array([share_right(answer(self.net, p, batch.x, self.per_step), batch) for p in self.params])


def compare_kinds(rng, n_inputs, make_draw, updates, runs=3, kinds=tuple(KINDS)):
    """Train every kind ``runs`` times: dict label -> Trained. ``make_draw(rng)`` gives ``train`` its ``draw``."""
    results = {}
    for label in kinds:
        n_hidden, plasticity, per_step = KINDS[label]
        net = PlasticNetwork(n_inputs, n_hidden, 2, plasticity=plasticity)
        trained = []
        for child in rng.spawn(runs):
            params = net.init(child)
            params = one_set_per_step(params, STEPS) if per_step else params
            trained.append(train(net, params, make_draw(child), updates, per_step))
        params, shares = zip(*trained)
        results[label] = Trained(net, list(params), per_step, np.array(shares))
    return results


def compare_on_echo(rng):
    """Eight sequences of the echo task, seen again and again."""

    def make_draw(rng):
        batch = draw_echo(rng, 8, 0)
        return lambda: batch

    return compare_kinds(
        rng, ECHO_BITS + 1, make_draw, updates=100, kinds=("shared", "one set per step", "w + α ⊗ Hebb")
    )


def compare_on_associations(rng):
    """The association task, new cues and labels in every batch."""
    return compare_kinds(rng, BITS + 3, lambda rng: lambda: draw_associations(rng, 32), updates=200)


def majority_share():
    """How often the label shown more often in an episode is the right answer, over all 2^PAIRS sets of labels."""
    ones = np.indices((2,) * PAIRS).reshape(PAIRS, -1).sum(axis=0)  # (2^PAIRS,)
    return float(np.maximum(ones, PAIRS - ones).mean() / PAIRS)


def share_after_erasing(net, params, batch, field):
    """Set one field of the state ("h" or "hebb") to zero before the question, and go on: share of right answers."""
    shown = net.forward(params, batch.x[: 2 * PAIRS]).state
    state = shown._replace(**{field: np.zeros_like(getattr(shown, field))})
    logits = net.forward(params, batch.x[2 * PAIRS :], state).logits
    return share_right(logits, Batch(*(part[2 * PAIRS :] for part in batch)))


# Associations written by hand.


def store_pairs(keys, values):
    """Hebb after 0, 1, ... K pairs: keys, values (B, K, N) of ±1 -> (K+1, B, N, N). The drive is 1/N."""
    B, K, N = keys.shape
    hebb = [np.zeros((B, N, N))]
    for k in range(K):
        product, _ = outer_forward(keys[:, k], values[:, k])  # (B, N, N)
        hebb.append(hebb_update_forward(hebb[-1], np.full((1, 1), 1 / N), product, bound=1.0)[0])
    return np.array(hebb)


def read_back(hebb, key):
    """y = key Hebb: hebb (B, N, N), key (B, N) -> (B, N). Plastic weights with w = 0 and alpha = 1."""
    y, _ = plastic_input_forward(key, np.zeros(hebb.shape[1:]), np.ones(()), hebb)
    return y


def recall_curve(rng, N, most):
    """The share of the first value's signs read back rightly while 1 ... most pairs are stored: (most,).

    In about as many trials as make 2 000 signs. A sum of exactly 0 counts as half right.
    """
    keys, values = rng.choice([-1.0, 1.0], (2, 2000 // N, most, N))
    hebb = store_pairs(keys, values)
    agreement = [(np.sign(read_back(stored, keys[:, 0])) * values[:, 0]).mean() for stored in hebb[1:]]
    return (np.array(agreement) + 1) / 2


def recall_predicted(N, most):
    """Φ(√(N / (K - 1))) for K = 1 ... most pairs, with Φ the normal distribution function: (most,)."""
    return np.array([1.0] + [0.5 + 0.5 * erf(np.sqrt(N / (K - 1) / 2)) for K in range(2, most + 1)])


def bytes_kept(steps):
    """Bytes that the forward pass keeps for ``backward``: every array of its steps once, except the parameters."""
    arrays, parameters = {}, set()

    def look(part):
        if isinstance(part, np.ndarray):
            arrays[id(part)] = part.nbytes
        elif isinstance(part, dict):
            parameters.update(map(id, part.values()))
        elif isinstance(part, tuple):
            for inner in part:
                look(inner)

    look(tuple(steps))
    return sum(size for array, size in arrays.items() if array not in parameters)


def figure_one_shot():
    """Right answers over training for the four kinds of weights."""
    results = compare_on_associations(np.random.default_rng(2))
    curves = {label: trained.shares for label, trained in results.items()}
    return plot_learning(curves, {"majority label": majority_share(), "chance": 0.5}, "share of right answers")


def figure_recall():
    """What crosstalk costs, measured and predicted."""
    rng = np.random.default_rng(2)
    sizes = (32, 64, 128)
    return plot_recall({N: recall_curve(rng, N, 32) for N in sizes}, {N: recall_predicted(N, 32) for N in sizes})


FIGURES = {"one_shot_association.png": figure_one_shot, "crosstalk.png": figure_recall}
