"""Chapter 00, and the picture in the README: a plastic network reads a sentence."""

from typing import NamedTuple

import numpy as np

from ..figures.draw_hebb import plot_hebb_over_time
from ..network import PlasticNetwork

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


FIGURES = {"hebb_over_time.png": figure_hebb_over_time}
