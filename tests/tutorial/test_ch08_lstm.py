"""Chapter 08: the networks whose gates are set by hand do what they are set to; exercises tell mistakes apart."""

import numpy as np
import pytest

from bpm_numpy.figures.draw_lstm import ARROWS, NODES, plot_roads
from bpm_numpy.tutorial.ch08_lstm import (
    EXERCISES,
    WIDE,
    bit_episodes,
    hebb_holds,
    held,
    holding_network,
    written_once,
)
from tests.tutorial.exercises import check_named, check_right

MISTAKES = [(name, text) for name, exercise in EXERCISES.items() for text in exercise.mistakes]


def cell_backward(dh, dc_later, carry, f, i, j, o):
    tanh_c = np.tanh(carry * f + i * j)
    dc = dc_later + dh * o * (1 - tanh_c**2)
    return {"o": dh * tanh_c, "carry": dc * f, "f": dc * carry, "i": dc * j, "j": dc * i}


def gate_backward(df, x, h, W_x, W_h, b):
    f = 1 / (1 + np.exp(-(x @ W_x + h @ W_h + b)))
    dz = df * f * (1 - f)
    return {"x": dz @ W_x.T, "h": dz @ W_h.T, "W_x": x.T @ dz, "W_h": h.T @ dz, "b": dz.sum(axis=0)}


RIGHT = {"cell_backward": cell_backward, "gate_backward": gate_backward}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_backward_pass_is_right(name):
    check_right(EXERCISES[name], RIGHT[name])


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(EXERCISES[name], RIGHT[name], text)


readings = pytest.mark.parametrize("reading", ["notes", "paper"])


@readings
def test_only_what_is_ordered_is_written(reading):
    net, params = holding_network(reading, WIDE, WIDE)
    x = written_once([0.5, -2.0], 4)
    x[1:, :, 0] = 3.0  # without the order
    np.testing.assert_array_equal(
        net.forward(params, x).logits, net.forward(params, written_once([0.5, -2.0], 4)).logits
    )


@readings
def test_the_gradient_of_what_is_held_is_a_difference_quotient(reading):
    value, step = 0.7, 1e-5
    moved = [held(reading, 1.0, 2.0, np.arctanh(np.tanh(value) + s), 6)[0] for s in (step, -step)]
    np.testing.assert_allclose(held(reading, 1.0, 2.0, value, 6)[1], (moved[0] - moved[1]) / (2 * step), rtol=1e-8)


@readings
def test_hebb_answers_only_what_was_ordered(reading):
    rng = np.random.default_rng(0)
    yes, no = (hebb_holds(rng, reading, 5, bit) for bit in (1, -1))
    assert yes == -no > 0.5
    assert hebb_holds(rng, reading, 5, 0) == 0


def test_the_bit_comes_first_and_is_asked_for_last():
    x, targets, mask = bit_episodes(np.random.default_rng(0), 50, 7)
    assert x.shape == (8, 50, 3) and mask.sum() == mask[-1].sum() == 50
    np.testing.assert_array_equal(np.sign(x[0, :, 0]), 2 * targets[-1] - 1)
    assert set(targets[-1]) == {0, 1}


def test_every_road_of_a_step_is_drawn():
    (axis,) = plot_roads().axes
    texts = [text.get_text() for text in axis.texts]
    assert all(text in texts for _, _, text, _ in NODES.values())
    assert texts.count("") == len(ARROWS) and {"paper", "as printed", "used", "kept", "written"} <= set(texts)
