"""Chapter 05: what M(t) does, what its gradient is, and a task in which only flagged labels are to be stored."""

from typing import NamedTuple

import numpy as np

from ..equations.hebb_update import hebb_update_backward, hebb_update_forward
from ..figures.draw_modulator import plot_influence, plot_written
from ..network import PlasticNetwork
from ..state import State
from .cues import show_and_ask
from .grader import Exercise
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


def learn_flagged(rng, plasticity, updates=240):
    """Train a network of that plasticity on flagged pairs -> net, params, share right (updates,)."""
    net = PlasticNetwork(BITS + LABELS + 2, 16, LABELS, plasticity=plasticity)
    return net, *learn_to_answer(net, net.init(rng), lambda: flagged_pairs(rng, 12), updates, learning_rate=0.015)


def modulator_by_label(traj, pairs):
    """10th, 50th and 90th percentile of M(t) where each label was shown, unflagged and flagged: (2, 3, LABELS)."""
    where = [[(pairs.label == n) & (pairs.flagged == flag) for n in range(LABELS)] for flag in (False, True)]
    return np.array([[np.quantile(traj.modulator[w], (0.1, 0.5, 0.9)) for w in row] for row in where]).swapaxes(1, 2)


def modulator_adjoints(net, params, x, d_logits):
    """dM(t) (T, B) for a modulated network without fan-out or trace; d_logits (T, B, A).

    dHebb(t+1) is what ``backward`` returns for the starting Hebb of the steps after t.
    """
    traj = net.forward(params, x)
    dM = np.zeros_like(traj.modulator)  # (T, B)
    for t in range(len(x) - 1):
        later = net.forward(params, x[t + 1 :], State(traj.h[t + 1], hebb=traj.hebb[t + 1]))
        d_hebb_next = net.backward(params, later, d_logits[t + 1 :]).state.hebb  # (B, N, N)
        mu, E = traj.modulator[t, :, None], traj.eligibility[t]
        _, update = hebb_update_forward(traj.hebb[t], mu, E, net.clip)
        _, dmu, _ = hebb_update_backward(d_hebb_next, update)
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


# What the reader writes. Every mistake names the line of the chapter's derivation.


def _draw_update(rng, N=4):
    hebb, E = rng.uniform(-1, 1, (2, N, N))
    return {"hebb": hebb, "M": np.array(rng.choice([-1.0, 1.0]) * 0.8), "E": 1.5 * E}


def _inside(hebb, M, E):
    return np.abs(hebb + M * E) <= 1


WRITE = Exercise(
    forward=lambda hebb, M, E: np.clip(hebb + M * E, -1, 1),
    draw=_draw_update,
    mistakes={
        "(b): what Clip has cut has no gradient; the mask comes first": lambda d, hebb, M, E: {
            "hebb": d,
            "M": (E * d).sum(),
            "E": M * d,
        },
        "(b): Clip cuts at both bounds, below -1 as well": lambda d, hebb, M, E: {
            "hebb": d * (hebb + M * E <= 1),
            "M": (E * d * (hebb + M * E <= 1)).sum(),
            "E": M * d * (hebb + M * E <= 1),
        },
        "(c): the partner of M(t) is E(t), dM needs it as a factor": lambda d, hebb, M, E: {
            "M": (d * _inside(hebb, M, E)).sum()
        },
        "(c): one M(t) for all entries: their parts are summed, not averaged": lambda d, hebb, M, E: {
            "M": (E * d * _inside(hebb, M, E)).mean()
        },
        "(c): the partner of E(t) is M(t), dE needs it as a factor": lambda d, hebb, M, E: {
            "E": d * _inside(hebb, M, E)
        },
        "(c): Hebb(t) stands in the sum as it is, its gradient has no factor M(t)": lambda d, hebb, M, E: {
            "hebb": M * d * _inside(hebb, M, E)
        },
    },
)


def _draw_h(rng, *names, B=3, N=5):
    """h (B, N) with values of an activity, and W (N,) and b () of each of the names."""
    inputs = {"h": np.tanh(rng.standard_normal((B, N)))}
    for name in names:
        inputs |= {f"W_{name}": 0.7 * rng.standard_normal(N), f"b_{name}": np.array(rng.standard_normal())}
    return inputs


def _M(h, W_m, b_m):
    return np.tanh(h @ W_m + b_m)  # (B,)


def _dm(dM, h, W_m, b_m):
    return dM * (1 - _M(h, W_m, b_m) ** 2)  # (B,)


def _below_m(dm, h, W_m):
    """What comes of dm (B,), right or wrong."""
    return {"h": np.outer(dm, W_m), "W_m": dm @ h, "b_m": dm.sum()}


MODULATOR = Exercise(
    forward=_M,
    draw=lambda rng: _draw_h(rng, "m"),
    mistakes={
        "(f): the slope of tanh is missing, dm = (1 - M²) dM": lambda dM, h, W_m, b_m: _below_m(dM, h, W_m),
        "(f): the slope is 1 - M², and M is a tanh already: no second tanh": lambda dM, h, W_m, b_m: _below_m(
            dM * (1 - np.tanh(_M(h, W_m, b_m)) ** 2), h, W_m
        ),
        "(f): the slope is 1 - M²; M (1 - M) is that of σ": lambda dM, h, W_m, b_m: _below_m(
            dM * _M(h, W_m, b_m) * (1 - _M(h, W_m, b_m)), h, W_m
        ),
        "(f): W_m and b_m serve all episodes: their parts are summed, not averaged": lambda dM, h, W_m, b_m: {
            "W_m": _dm(dM, h, W_m, b_m) @ h / len(h),
            "b_m": _dm(dM, h, W_m, b_m).mean(),
        },
        "(f): episode 0 is not everyone's: sum over the episodes": lambda dM, h, W_m, b_m: {
            "W_m": _dm(dM, h, W_m, b_m)[0] * h[0],
            "b_m": _dm(dM, h, W_m, b_m)[0],
        },
        "(g): h_t steers what is written, so it gets W_m dm": lambda dM, h, W_m, b_m: {"h": 0 * h},
        "(g): the partner of h_t is W_m, not h_t": lambda dM, h, W_m, b_m: {"h": _dm(dM, h, W_m, b_m)[:, None] * h},
    },
)

FANOUT = Exercise(
    forward=lambda M, W_fan, b_fan: M[:, None] * W_fan + b_fan,
    draw=lambda rng: {"M": rng.uniform(-1, 1, 3), "W_fan": rng.standard_normal(5), "b_fan": rng.standard_normal(5)},
    mistakes={
        "(k): M(t) reaches neuron j with the factor W_fan[j]": lambda dmu, M, W_fan, b_fan: {"M": dmu.sum(axis=1)},
        "(k): M(t) reaches every neuron: sum over j, not the mean": lambda dmu, M, W_fan, b_fan: {
            "M": (dmu @ W_fan) / len(W_fan)
        },
        "(l): the partner of W_fan[j] is M(t)": lambda dmu, M, W_fan, b_fan: {"W_fan": dmu.sum(axis=0)},
        "(l) and (m): W_fan and b_fan serve all episodes: sum over them, no mean": lambda dmu, M, W_fan, b_fan: {
            "W_fan": (M @ dmu) / len(M),
            "b_fan": dmu.mean(axis=0),
        },
        "(m): b_fan[j] is added as it is, its gradient has no factor": lambda dmu, M, W_fan, b_fan: {"b_fan": M @ dmu},
    },
)


def _difference_backward(dM, h, W_m, b_m, W_m2, b_m2, gain, sign=-1.0, with_gain=True):
    """The gradients of DIFFERENCE, with two places for a mistake."""
    first, second = np.tanh(h @ W_m + b_m), np.tanh(h @ W_m2 + b_m2)  # (B,), (B,)
    factor = gain if with_gain else 1.0
    dm, dm2 = dM * factor * (1 - first**2), sign * dM * factor * (1 - second**2)
    return {
        "h": np.outer(dm, W_m) + np.outer(dm2, W_m2),
        "W_m": dm @ h,
        "b_m": dm.sum(),
        "W_m2": dm2 @ h,
        "b_m2": dm2.sum(),
        "gain": (dM * (first - second)).sum(),
    }


DIFFERENCE = Exercise(
    forward=lambda h, W_m, b_m, W_m2, b_m2, gain: gain * (np.tanh(h @ W_m + b_m) - np.tanh(h @ W_m2 + b_m2)),
    draw=lambda rng: _draw_h(rng, "m", "m2") | {"gain": np.array(0.5 + rng.random())},
    mistakes={
        "(n): the second tanh is subtracted, so dm2 has a minus": lambda dM, **inputs: _difference_backward(
            dM, **inputs, sign=1.0
        ),
        "(n): gain is a factor of both tanh: dm and dm2 need it": lambda dM, **inputs: _difference_backward(
            dM, **inputs, with_gain=False
        ),
        "(o): gain belongs to the difference, both tanh are in its gradient": lambda dM, h, W_m, b_m, **others: {
            "gain": (dM * np.tanh(h @ W_m + b_m)).sum()
        },
        "(p): h_t is read twice, by W_m and by W_m2: add both parts": lambda dM, h, W_m, b_m, W_m2, b_m2, gain: {
            "h": np.outer(dM * gain * (1 - np.tanh(h @ W_m + b_m) ** 2), W_m)
        },
    },
)
EXERCISES = {
    "write_backward": WRITE,
    "modulator_backward": MODULATOR,
    "fanout_backward": FANOUT,
    "difference_backward": DIFFERENCE,
}
