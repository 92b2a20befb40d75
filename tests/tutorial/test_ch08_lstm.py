"""Chapter 08: the networks whose gates are set by hand do what they are set to."""

import numpy as np
import pytest

from bpm_numpy.tutorial.ch08_lstm import WIDE, bit_episodes, hebb_holds, held, holding_network, written_once

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
