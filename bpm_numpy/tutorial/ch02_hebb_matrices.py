"""Chapter 02: a small network that remembers pairs, and the matrices in which it does."""

from functools import cache
from typing import NamedTuple

import numpy as np

from ..figures.draw_hebb import animate_episode, plot_episode, plot_singular_values
from ..learning.losses import cross_entropy
from ..learning.storage import save_parameters
from ..network import PlasticNetwork
from ..site.play import MEMORY
from ..state import State
from .cues import as_signs, show_and_ask
from .grader import Exercise
from .learn import learn_to_answer

N_BITS, N_LABELS, N_PAIRS = 8, 4, 3  # of a cue; labels to choose from; pairs an episode


class Pairs(NamedTuple):
    """Episodes of K pairs: cue, label, cue, label, ... and then every cue again, each before an empty step.

    x (T, B, D), T = 4K: the cue's bits and the one-hot label, side by side; targets (T, B) and mask (T, B): the
    label asked for, and True at the empty steps, where it is to be named; cues (K, B, bits) and labels (K, B),
    in the order in which they are shown.
    """

    x: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    cues: np.ndarray
    labels: np.ndarray


def draw_pairs(rng, batch, n_pairs=N_PAIRS):
    """``batch`` episodes: distinct cues of ±1, a label for each drawn independently, asked for in random order."""
    K, B = n_pairs, batch
    numbers = rng.permuted(np.tile(np.arange(2**N_BITS), (B, 1)), axis=1)[:, :K].T  # (K, B)
    cues = as_signs(numbers, N_BITS)  # (K, B, bits)
    labels = rng.integers(N_LABELS, size=(K, B))
    order = rng.permuted(np.tile(np.arange(K), (B, 1)), axis=1).T  # (K, B): which pair is asked for k-th
    asked, answers = np.take_along_axis(cues, order[..., None], axis=0), np.take_along_axis(labels, order, axis=0)
    return Pairs(*show_and_ask(cues, labels, asked, answers, N_LABELS), cues, labels)


def memory_network(**options):
    """The network of this chapter: a modulated plastic RNN of 24 neurons (``options`` of PlasticNetwork on top)."""
    return PlasticNetwork(N_BITS + N_LABELS, 24, N_LABELS, **options)


def train(rng, net, params, updates=300):
    """Adam on fresh episodes, 32 an update -> params, scores (updates,): share of right answers as it learnt."""
    return learn_to_answer(net, params, lambda: draw_pairs(rng, 32), updates, learning_rate=0.01)


def recall(net, params, hebb, cue):
    """Ask a network that has nothing but ``hebb`` (B, N, N) for the label of ``cue`` (B, bits) -> labels (B,).

    The hidden state starts at zero, so the answer can come from the matrix only.
    """
    state = net.initial_state(len(cue))._replace(hebb=hebb)
    question = np.concatenate([cue, np.zeros((len(cue), N_LABELS))], axis=1)  # (B, D)
    _, state = net.step(params, question, state)
    out, _ = net.step(params, np.zeros_like(question), state)
    return out.logits.argmax(axis=-1)


def share_recalled(net, params, hebb, pairs):
    """Share of right labels when each of the K cues is put to ``hebb`` (B, N, N): (K,)."""
    return np.array([np.mean(recall(net, params, hebb, c) == a) for c, a in zip(pairs.cues, pairs.labels)])


def keep_rank(matrices, rank):
    """The nearest matrices (..., N, N) of rank at most ``rank``: the first terms of the singular value sum."""
    U, s, Vt = np.linalg.svd(matrices)
    return (U[..., :rank] * s[..., None, :rank]) @ Vt[..., :rank, :]


def effective_rank(singular_values):
    """exp of the entropy of s / Σ s (Roy & Vetterli 2007), over the last axis: n for n equal values, 0 for all zero."""
    total = singular_values.sum(axis=-1, keepdims=True)
    share = singular_values / np.where(total > 0, total, 1)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=-1)
    return np.where(total[..., 0] > 0, np.exp(entropy), 0)


def order_by_leading(matrix):
    """Orders of the rows and of the columns of (N, N) in which its strongest rank-one part rises."""
    left, _, right = np.linalg.svd(matrix)
    return np.argsort(left[:, 0], kind="stable"), np.argsort(right[0], kind="stable")


def step_names(pairs, episode):
    """What each of the T steps of an episode shows: "cue 1", "label 1 = c", ..., "asked", "answer"."""
    letters = "abcdefgh"
    shown = [(f"cue {k + 1}", f"label {k + 1} = {letters[a]}") for k, a in enumerate(pairs.labels[:, episode])]
    asked = [("asked", f"answer: {letters[a]}?") for a in pairs.targets[:, episode][pairs.mask[:, episode]]]
    return [name for pair in shown + asked for name in pair]


def run_on(net, params, pairs, clip):
    """The trajectory of the same parameters in a network with another bound of Clip."""
    return PlasticNetwork(**(net.options | {"clip": clip})).forward(params, pairs.x)


def loss_from(net, params, pairs, t, state):
    """Cross-entropy of the answers when the episodes go on at step t from ``state`` -> loss, gradient to the state.

    The gradient is None for a complex state (the complex step wants only the loss).
    """
    traj = net.forward(params, pairs.x[t:], state)
    loss, d_logits = cross_entropy(traj.logits, pairs.targets[t:], pairs.mask[t:])
    return loss, None if np.iscomplexobj(loss) else net.backward(params, traj, d_logits).state


def state_at(traj, t):
    """The State before step t of a trajectory of the rnn."""
    return State(traj.h[t], None, traj.hebb[t])


# Backward passes that the reader writes.

OUTER = Exercise(
    forward=lambda h, p: np.outer(h, p),
    draw=lambda rng: {"h": rng.standard_normal(4), "p": rng.standard_normal(4)},
    mistakes={
        "(e): pre and post are exchanged. h_i stands in row i, p_j in column j": lambda dX, h, p: {
            "h": p @ dX,
            "p": dX @ h,
        },
        "(e): the partner of h_i in row i is p_j, dh needs it as a factor": lambda dX, h, p: {"h": dX.sum(axis=1)},
        "(e): the partner of p_j in column j is h_i, dp needs it as a factor": lambda dX, h, p: {"p": dX.sum(axis=0)},
        "(e): the partners are exchanged, dh takes p and dp takes h": lambda dX, h, p: {
            "h": dX @ h,
            "p": p @ dX,
        },
    },
)


def _draw_stored(rng, K=3, N=4):
    shapes = {"M": (K,), "h": (K, N), "p": (K, N)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


STORED = Exercise(
    forward=lambda M, h, p: np.einsum("k,ki,kj->ij", M, h, p),
    draw=_draw_stored,
    mistakes={
        "(e): the pair is written with the factor M_k, dh_k and dp_k need it": lambda d, M, h, p: {
            "h": p @ d.T,
            "p": h @ d,
        },
        "(c): dM_k sums over pre and post, h_i dHebb_ij p_j; p is missing": lambda d, M, h, p: {
            "M": (h @ d).sum(axis=1)
        },
        "(c): dM_k sums over pre and post, h_i dHebb_ij p_j; h is missing": lambda d, M, h, p: {
            "M": (p @ d.T).sum(axis=1)
        },
        "(c): pre and post are exchanged in dM": lambda d, M, h, p: {"M": np.einsum("ki,ij,kj->k", p, d, h)},
        "(e): pre and post are exchanged": lambda d, M, h, p: {
            "h": M[:, None] * (p @ d),
            "p": M[:, None] * (h @ d.T),
        },
    },
)
EXERCISES = {"outer_backward": OUTER, "stored_backward": STORED}


def train_memory(updates=300):
    """net, params, and 200 fresh episodes: the notebook's, from the same seed."""
    rng = np.random.default_rng(3)
    pairs, net = draw_pairs(rng, 200), memory_network()
    params, _ = train(rng, net, net.init(rng), updates)
    return net, params, pairs


def record_memory(path=MEMORY, updates=300):
    """Train the network and write it to ``path``, for the page of the site in which it runs."""
    net, params, _ = train_memory(updates)
    save_parameters(path, net, params)


@cache
def _trained():
    """What ``train_memory`` returns, and the trajectory of its episodes."""
    net, params, pairs = train_memory()
    return net, params, pairs, net.forward(params, pairs.x)


def figure_episode():
    """What each storing step leaves in E, Hebb, α ⊗ Hebb and W = w + α ⊗ Hebb."""
    net, params, pairs, traj = _trained()
    return plot_episode(traj, 0, range(2 * N_PAIRS), step_names(pairs, 0))


def figure_singular_values():
    """The singular values of Hebb(t) and its effective rank."""
    _, _, _, traj = _trained()
    s = np.linalg.svd(traj.hebb, compute_uv=False)  # (T+1, B, N)
    return plot_singular_values(s, effective_rank(s))


def gif_episode():
    """Hebb(t), α ⊗ Hebb(t) and M(t) through one episode, as the bytes of a GIF."""
    _, _, pairs, traj = _trained()
    return animate_episode(traj, 0, step_names(pairs, 0))


FIGURES = {
    "episode.png": figure_episode,
    "singular_values.png": figure_singular_values,
    "hebb_through_an_episode.gif": gif_episode,
}
