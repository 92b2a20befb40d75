"""Chapter 05: what M(t) does, what its gradient is, and a task in which only flagged labels are to be stored."""

from typing import NamedTuple

import numpy as np

from ..equations.hebb_update import hebb_update_backward, hebb_update_forward
from ..figures.draw_modulator import plot_influence, plot_written
from ..network import PlasticNetwork
from ..state import State
from .cues import show_and_ask
from .learn import learn_to_answer

KEYS, BITS, LABELS = 2, 6, 4
NAMES = "AB"  # of the keys, in figures


class FlaggedPairs(NamedTuple):
    """x (T, B, D), targets (T, B) and mask (T, B) for the loss; key and label (T, B), -1 where none is shown;
    flagged (T, B), True where the label shown is the one to store."""

    x: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    key: np.ndarray
    label: np.ndarray
    flagged: np.ndarray


def flagged_pairs(rng, batch):
    """Two keys, each followed once by its label, flagged, and once by another, not flagged; then both are asked for.

    A key (random ±1) takes one step, what follows it the next: a label (one-hot) and the flag, or the question.
    """
    T, episodes = 6 * KEYS, np.arange(batch)
    bits = rng.choice([-1.0, 1.0], (batch, KEYS, BITS))
    label_of = rng.integers(LABELS, size=(batch, KEYS))
    shown = rng.permuted(np.tile(np.arange(2 * KEYS), (batch, 1)), axis=1).T  # below KEYS: the flagged showing
    asked = rng.permuted(np.tile(np.arange(KEYS), (batch, 1)), axis=1).T  # (KEYS, B)

    store, keys = shown < KEYS, np.concatenate([shown % KEYS, asked])  # (2 KEYS, B), (3 KEYS, B)
    cues, right = bits[episodes, keys], label_of[episodes, keys]  # (3 KEYS, B, BITS), (3 KEYS, B)
    other = (right[: 2 * KEYS] + rng.integers(1, LABELS, store.shape)) % LABELS
    labels = np.where(store, right[: 2 * KEYS], other)  # (2 KEYS, B)
    x, targets, mask = show_and_ask(cues[: 2 * KEYS], labels, cues[2 * KEYS :], right[2 * KEYS :], LABELS, marks=2)
    key, label, flagged = np.full((T, batch), -1), np.full((T, batch), -1), np.zeros((T, batch), bool)
    key[::2], label[1 : 4 * KEYS : 2], flagged[1 : 4 * KEYS : 2] = keys, labels, store
    x[:, :, -2], x[:, :, -1] = flagged, mask
    return FlaggedPairs(x, targets, mask, key, label, flagged)


def learn_flagged(rng, plasticity, updates=240, n_hidden=16, batch=12):
    """Train a network of that plasticity on flagged pairs -> net, params, share right (updates,)."""
    net = PlasticNetwork(BITS + LABELS + 2, n_hidden, LABELS, plasticity=plasticity)
    return net, *learn_to_answer(net, net.init(rng), lambda: flagged_pairs(rng, batch), updates, learning_rate=0.015)


def modulator_by_label(traj, pairs):
    """10th, 50th and 90th percentile of M(t) where each label was shown, unflagged and flagged: (2, 3, LABELS)."""
    where = [[(pairs.label == n) & (pairs.flagged == flag) for n in range(LABELS)] for flag in (False, True)]
    return np.array([[np.quantile(traj.modulator[w], (0.1, 0.5, 0.9)) for w in row] for row in where]).swapaxes(1, 2)


def modulator_adjoints(net, params, x, d_logits):
    """dL/dM(t) (T, B) for a modulated network without fan-out or trace; d_logits (T, B, A).

    G = dL/dHebb(t+1) is what ``backward`` returns for the starting Hebb of the steps after t.
    """
    traj = net.forward(params, x)
    dM = np.zeros_like(traj.modulator)  # (T, B)
    for t in range(len(x) - 1):
        rest = net.forward(params, x[t + 1 :], State(traj.h[t + 1], hebb=traj.hebb[t + 1]))
        G = net.backward(params, rest, d_logits[t + 1 :]).state.hebb  # (B, N, N)
        mu, E = traj.modulator[t, :, None], traj.eligibility[t]
        _, update = hebb_update_forward(traj.hebb[t], mu, E, net.clip)
        _, dmu, _ = hebb_update_backward(G, update)
        dM[t] = dmu.sum(axis=1)
    return dM


def influence(net, params, x):
    """∂(sum of the logits of step t)/∂M(s), [s, t] (T, T), in one episode x (T, 1, D).

    One copy of the episode for each t, side by side in a batch.
    """
    T = len(x)
    d_logits = np.zeros((T, T, net.n_outputs))
    d_logits[np.arange(T), np.arange(T)] = 1
    return modulator_adjoints(net, params, x.repeat(T, axis=1), d_logits)


def figure_influence():
    """Which M(s) can move which logits: an untrained network on one episode of random inputs."""
    rng = np.random.default_rng(2019)
    net = PlasticNetwork(4, 8, 3)
    return plot_influence(influence(net, net.init(rng), rng.standard_normal((12, 1, 4))))


def figure_written():
    """What a trained network reads, M(t), and how much it writes."""
    rng = np.random.default_rng(2019)
    net, params, _ = learn_flagged(rng, "modulated")
    pairs = flagged_pairs(rng, 1)
    traj = net.forward(params, pairs.x)
    return plot_written(step_names(pairs), traj.modulator[:, 0], traj.hebb[:, 0], pairs.flagged[:, 0])


def step_names(pairs, episode=0):
    """What was read at each step, in a few letters: a key, the number of a label (! if flagged), or a question."""
    columns = zip(pairs.key[:, episode], pairs.label[:, episode], pairs.flagged[:, episode])
    return [NAMES[k] if k >= 0 else "?" if n < 0 else f"{n}{'!' if flag else ''}" for k, n, flag in columns]


FIGURES = {"modulator_influence.png": figure_influence, "modulator_written.png": figure_written}
