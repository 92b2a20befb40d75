"""Chapter 00: its two exercises, a plastic network that reads a sentence, and the pictures."""

from functools import partial
from typing import NamedTuple

import numpy as np

from ..figures.draw_hebb import plot_hebb_over_time
from ..figures.draw_start_here import plot_binding, plot_pre_to_post
from ..network import PlasticNetwork
from .grader import Exercise

SENTENCE = "to be or not to be, that is the question"


class Reading(NamedTuple):
    """net, params, x (T, 1, D) the one-hot characters, targets (T, 1) the next ones, text and alphabet."""

    net: PlasticNetwork
    params: dict
    x: np.ndarray
    targets: np.ndarray
    text: str
    alphabet: str


def read_sentence(rng, text=SENTENCE, n_hidden=16):
    """A modulated plastic RNN and a sentence, one character a step; the task is to name the next character."""
    alphabet = "".join(sorted(set(text)))
    letters = np.array([alphabet.index(letter) for letter in text])
    x = np.eye(len(alphabet))[letters[:-1], None, :]  # (T, 1, D)
    net = PlasticNetwork(len(alphabet), n_hidden, len(alphabet))
    params = net.init(rng)
    params["W_x"] = rng.standard_normal(params["W_x"].shape)  # one letter is on at a time: no sum to keep small
    return Reading(net, params, x, letters[1:, None], text, alphabet)


def read_times(reading):
    """The steps whose Hebb is drawn, and a title for each with the letters just read."""
    times = [0, 2, 6, 12, 24, len(reading.x)]
    return times, [f"t = {t}\n“…{reading.text[max(0, t - 4) : t]}”" for t in times]


def figure_hebb_over_time():
    """Hebb(t) of the untrained network while it reads the sentence."""
    demo = read_sentence(np.random.default_rng(2019))
    hebb = demo.net.forward(demo.params, demo.x).hebb[:, 0]  # (T+1, N, N)
    times, titles = read_times(demo)
    return plot_hebb_over_time(hebb, times, demo.net.clip, titles)


def figure_pre_to_post():
    """The product of the episode that is computed by hand, entry by entry."""
    return plot_pre_to_post(np.array([1.0, -1.0]), np.array([0.5, 1.0]))


def figure_binding():
    """Three pairs are shown, and the second cue comes back."""
    return plot_binding(["cue", "label"] * 3 + ["cue\nagain", "answer\ndue"], [(2, 3)], (6, 7))


def readout(h, W_y, b_y):
    """logits (A,) = h W_y + b_y."""
    return h @ W_y + b_y


def draw_readout(rng):
    """Three neurons, two outputs."""
    return {"h": rng.standard_normal(3), "W_y": rng.standard_normal((3, 2)), "b_y": rng.standard_normal(2)}


def one_shot(h_cue, h_label, M, w, alpha, W_y):
    """The episode that is computed by hand: a cue and its label are written, the cue comes back -> logits (A,)."""
    hebb = M * np.outer(h_cue, h_label)  # (N, N)
    return h_cue @ (w + alpha * hebb) @ W_y


def draw_one_shot(rng):
    """Three neurons, two outputs; all numbers of order 1."""
    sizes = {"h_cue": 3, "h_label": 3, "M": (), "w": (3, 3), "alpha": (3, 3), "W_y": (3, 2)}
    return {name: np.asarray(rng.standard_normal(size)) for name, size in sizes.items()}


def one_shot_mistake(d_logits, h_cue, h_label, M, w, alpha, W_y, wrong):
    """The way back through ``one_shot`` with the mistake of that name; with any other name it is right."""
    E = np.outer(h_cue, h_label)
    hebb = M * E
    W = w + alpha * hebb
    dy = W_y @ d_logits
    dW = np.outer(dy, h_cue) if wrong == "dw transposed" else np.outer(h_cue, dy)
    dhebb = dW if wrong == "alpha lost" else alpha * dW
    dE = dhebb if wrong == "M lost" else M * dhebb
    read = dy @ W if wrong == "transposed" else W @ dy
    written = h_label @ dE if wrong == "dE transposed" else dE @ h_label
    return {
        "h_cue": {"read only": read, "written only": written}.get(wrong, read + written),
        "h_label": dE @ h_cue if wrong == "dE transposed" else h_cue @ dE,
        "M": ((hebb if wrong == "M twice" else E) * dhebb).sum(),
        "w": dW,
        "alpha": dW if wrong == "Hebb lost" else hebb * dW,
        "W_y": np.outer(h_cue @ W, d_logits),
    }


READOUT = Exercise(
    readout,
    draw_readout,
    {
        "(a): dh sums over the outputs; each term needs its entry of dlogits": lambda d, h, W_y, b_y: {
            "h": W_y.sum(axis=1)
        },
        "(a): dW_y[i, a] is h[i] times dlogits[a]; dlogits is missing": lambda d, h, W_y, b_y: {
            "W_y": np.outer(h, np.ones_like(d))
        },
        "(a): dlogits has passed through b_y unchanged; 1 is the slope, not the gradient": lambda d, h, W_y, b_y: {
            "b_y": np.ones_like(d)
        },
        "(a): dlogits is the gradient of L; the logits themselves have no place in it": lambda d, h, W_y, b_y: {
            "h": W_y @ readout(h, W_y, b_y),
            "W_y": np.outer(h, readout(h, W_y, b_y)),
            "b_y": readout(h, W_y, b_y),
        },
    },
)
ONE_SHOT = Exercise(
    one_shot,
    draw_one_shot,
    {
        text: partial(one_shot_mistake, wrong=wrong)
        for wrong, text in {
            "alpha lost": "(j): Hebb is used as alpha ⊗ Hebb, so dHebb = alpha ⊗ dw(3)",
            "Hebb lost": "(j): alpha is used as alpha ⊗ Hebb, so dalpha = Hebb ⊗ dw(3)",
            "transposed": "(i): dh_cue[i] sums over j, the neurons after the connection: w(3) @ dy, not dy @ w(3)",
            "dw transposed": "(i): dw(3)[i, j] is h_cue[i] dy[j]; pre and post are exchanged",
            "dE transposed": "(e): dh_cue[i] sums over j: dE @ h_label. dh_label[j] sums over i: h_cue @ dE",
            "read only": "(e): the cue is used twice; the road through what was written is missing in dh_cue",
            "written only": "(i): the cue is used twice; the road through y is missing in dh_cue",
            "M lost": "(c): Hebb = M E, so dE = M dHebb",
            "M twice": "(c): dM is the sum of E ⊗ dHebb, and E has no factor M",
        }.items()
    },
)
FIGURES = {
    "pre_to_post.png": figure_pre_to_post,
    "cue_and_label.png": figure_binding,
    "hebb_over_time.png": figure_hebb_over_time,
}
