"""Chapter 01: what to share among the steps, what a Hebbian matrix holds, and how fast each network learns a task."""

import json
from functools import partial
from math import erf
from typing import NamedTuple

import numpy as np

from ..equations.hebb_update import hebb_update_forward
from ..equations.plastic_weights import plastic_input_forward
from ..figures.draw_weights import plot_one_shot, plot_recall
from ..files import read_json, replace_file
from ..lab.studies import DATA
from ..learning.losses import cross_entropy
from ..network import PlasticNetwork
from ..rules.outer import outer_forward
from ..step import forward_step
from .ch04_backpropagation import walk_back
from .cues import as_signs, show_and_ask
from .grader import Exercise
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


def answer_by_hand(x):
    """The association task with a memory of BITS numbers, and nothing trained: x (T, B, D) -> labels (B,)."""
    memory = np.zeros(BITS)
    for cue, label in zip(x[0 : 2 * PAIRS : 2], x[1 : 2 * PAIRS : 2]):
        sign = label[:, BITS + 1] - label[:, BITS]  # +1 for label 1, -1 for label 0: (B,)
        memory = memory + sign[:, None] * cue[:, :BITS]  # (B, BITS)
    asked = x[-2, :, :BITS]  # the cue that comes again: (B, BITS)
    return ((asked * memory).sum(axis=1) > 0).astype(int)


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
    "plastic RNN": (16, "hebbian", False),
    "fixed RNN": (16, "none", False),
    "fixed RNN, 32 neurons": (32, "none", False),
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

    kinds = "fixed RNN", "one set per step", "plastic RNN"
    return compare_kinds(rng, ECHO_BITS + 1, make_draw, updates=100, kinds=kinds)


def compare_on_associations(rng):
    """The association task, new cues and labels in every batch."""
    return compare_kinds(rng, BITS + 3, lambda rng: lambda: draw_associations(rng, 32), updates=200)


CONTROLS = DATA / "one_shot_controls.json"


def record_controls(path=CONTROLS, seeds=(0, 1, 2), updates=6000, every=100):
    """Train fixed networks of 16 neurons for long, an LSTM and an RNN, and write how they did to ``path`` (JSON).

    Of each, one row per seed: the shares of right answers while it learns, averaged over ``every`` updates, and the
    share on 4000 new episodes at the end. The episodes come from the seeds, so that a second call does the same.
    """
    controls = {"seeds": list(seeds), "updates": updates, "every": every}
    new = draw_associations(np.random.default_rng(2019), 4000)
    for label, cell in (("fixed LSTM", "lstm"), ("fixed RNN", "rnn")):
        net = PlasticNetwork(BITS + 3, 16, 2, cell=cell, plasticity="none", reading="paper")
        curves, test = [], []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            params, shares = train(net, net.init(rng), partial(draw_associations, rng, 32), updates)
            curves.append(shares.reshape(-1, every).mean(axis=1).round(4).tolist())
            test.append(round(share_right(net.forward(params, new.x).logits, new), 4))
        numbers = sum(value.size for value in params.values())
        controls[label] = {"parameters": numbers, "shares": curves, "test": test}
    with replace_file(path) as file:
        file.write((json.dumps(controls, indent=1) + "\n").encode())


def load_controls(path=CONTROLS):
    """What ``record_controls`` wrote: a dict; label -> dict of parameters, shares (seeds, updates / every), test."""
    return read_json(path)


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


def store_pairs(h, p):
    """Hebb after 0, 1, ... K pairs: h, p (B, K, N) of ±1 -> (K+1, B, N, N). The rate is 1/N."""
    B, K, N = h.shape
    hebb = [np.zeros((B, N, N))]
    for k in range(K):
        product, _ = outer_forward(h[:, k], p[:, k])  # (B, N, N)
        hebb.append(hebb_update_forward(hebb[-1], np.full((1, 1), 1 / N), product, bound=1.0)[0])
    return np.array(hebb)


def read_back(hebb, h):
    """y = h Hebb: hebb (B, N, N), h (B, N) -> (B, N). Plastic weights with w = 0 and alpha = 1."""
    y, _ = plastic_input_forward(h, np.zeros(hebb.shape[1:]), np.ones(()), hebb)
    return y


def recall_curve(rng, N, most):
    """The share of the first p's signs read back rightly while 1 ... most pairs are stored: (most,).

    In about as many trials as make 2 000 signs. A sum of exactly 0 counts as half right.
    """
    h, p = rng.choice([-1.0, 1.0], (2, 2000 // N, most, N))
    hebb = store_pairs(h, p)
    agreement = [(np.sign(read_back(stored, h[:, 0])) * p[:, 0]).mean() for stored in hebb[1:]]
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


# Backward passes that the reader writes.


def _draw_input(rng, N=4):
    return {"h": rng.standard_normal(N)} | {name: rng.standard_normal((N, N)) for name in ("w", "alpha", "hebb")}


PLASTIC_INPUT = Exercise(
    forward=lambda h, w, alpha, hebb: h @ (w + alpha * hebb),
    draw=_draw_input,
    mistakes={
        "(i): pre and post are exchanged. Row i of dW belongs to h_i, column j to dy_j": lambda dy, h, w, alpha, hebb: {
            "w": np.outer(dy, h),
            "alpha": hebb * np.outer(dy, h),
            "hebb": alpha * np.outer(dy, h),
        },
        "(i): dh_i sums over post, W_ij dy_j over all j": lambda dy, h, w, alpha, hebb: {"h": dy @ (w + alpha * hebb)},
        "(i): dh passes through all of W = w + alpha ⊗ Hebb, not through w alone": lambda dy, h, w, alpha, hebb: {
            "h": w @ dy
        },
        "(j): the partner of alpha is Hebb, dalpha needs it as a factor": lambda dy, h, w, alpha, hebb: {
            "alpha": np.outer(h, dy)
        },
        "(j): the partner of Hebb is alpha, dHebb needs it as a factor": lambda dy, h, w, alpha, hebb: {
            "hebb": np.outer(h, dy)
        },
        "(j): the partners are exchanged": lambda dy, h, w, alpha, hebb: {
            "alpha": alpha * np.outer(h, dy),
            "hebb": hebb * np.outer(h, dy),
        },
    },
)

HEBB_UPDATE = Exercise(
    forward=lambda hebb, rate, X: hebb + rate * X,
    draw=lambda rng: {
        "hebb": rng.standard_normal((4, 4)),
        "rate": np.array(rng.standard_normal()),
        "X": rng.standard_normal((4, 4)),
    },
    mistakes={
        "(c): Hebb(t) is added as it is, its gradient has no factor rate": lambda d, hebb, rate, X: {"hebb": rate * d},
        "(c): Hebb(t+1) contains Hebb(t), so dHebb(t) is not 0": lambda d, hebb, rate, X: {"hebb": 0 * d},
        "(c): the partner of the rate is X, drate needs it as a factor": lambda d, hebb, rate, X: {"rate": d.sum()},
        "(c): one rate for all entries: their parts are summed, not averaged": lambda d, hebb, rate, X: {
            "rate": (X * d).mean()
        },
        "(c): the partner of X is the rate, dX needs it as a factor": lambda d, hebb, rate, X: {"X": d},
    },
)


def _draw_shared(rng, B=3, N=4):
    shapes = {"h": (B, N), "w": (N, N), "alpha": (N,), "hebb": (B, N, N)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def _by_episode(dy, h):
    return h[:, :, None] * dy[:, None, :]  # dW of every episode: (B, N, N)


SHARED = Exercise(
    forward=lambda h, w, alpha, hebb: np.matmul(h[:, None, :], w + alpha * hebb)[:, 0, :],
    draw=_draw_shared,
    wanted=("w", "alpha"),
    mistakes={
        "(j): w serves all episodes: their parts are summed, not averaged": lambda dy, h, w, alpha, hebb: {
            "w": _by_episode(dy, h).mean(axis=0)
        },
        "(j): episode 0 is not everyone's: sum over b": lambda dy, h, w, alpha, hebb: {
            "w": _by_episode(dy, h)[0],
            "alpha": (hebb * _by_episode(dy, h))[0].sum(axis=0),
        },
        "(j): alpha_j belongs to the post-synaptic neuron j, so the sum runs over pre": lambda dy, h, w, alpha, hebb: {
            "alpha": (hebb * _by_episode(dy, h)).sum(axis=(0, 2))
        },
        "(j): every episode has its own Hebb: first multiply, then sum over b": lambda dy, h, w, alpha, hebb: {
            "alpha": (hebb.sum(axis=0) * _by_episode(dy, h).sum(axis=0)).sum(axis=0)
        },
        "(j): the partner of alpha is Hebb, dalpha needs it as a factor": lambda dy, h, w, alpha, hebb: {
            "alpha": _by_episode(dy, h).sum(axis=(0, 1))
        },
    },
)
EXERCISES = {"plastic_input_backward": PLASTIC_INPUT, "hebb_update_backward": HEBB_UPDATE, "shared_backward": SHARED}


def one_shot_levels(rng):
    """What the pictures of the association task compare with: dict label -> share of right answers."""
    new = draw_associations(rng, 4000)
    by_hand = float(np.mean(answer_by_hand(new.x) == new.targets[-1]))
    return {"eight numbers, by hand": by_hand, "majority label": majority_share(), "chance": 0.5}


def figure_one_shot():
    """Right answers over training for the four kinds of weights, and for fixed networks trained for long."""
    rng = np.random.default_rng(2)
    results = compare_on_associations(rng)
    return plot_one_shot(
        {label: trained.shares for label, trained in results.items()}, load_controls(), one_shot_levels(rng)
    )


def figure_recall():
    """What crosstalk costs, measured and predicted."""
    rng = np.random.default_rng(2)
    sizes = (32, 64, 128)
    return plot_recall({N: recall_curve(rng, N, 32) for N in sizes}, {N: recall_predicted(N, 32) for N in sizes})


FIGURES = {"one_shot_association.png": figure_one_shot, "crosstalk.png": figure_recall}
