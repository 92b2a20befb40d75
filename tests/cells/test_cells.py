"""Each cell on its own, and in the two parts that the chunked way takes it in."""

import numpy as np
import pytest
from derivatives import check, draw, of_part

from bpm_numpy import PlasticNetwork
from bpm_numpy.parts import REGISTRIES

B, D, N = 2, 4, 3  # all different, so that no wrong axis fits
CELLS = [(name, reading) for name in REGISTRIES["cell"] for reading in ("notes", "paper")]
every_cell = pytest.mark.parametrize("name, reading", CELLS)
INPUTS = ("x", "h_prev", "c_prev", "y")


def network(name, reading="notes"):
    return PlasticNetwork(D, N, 2, cell=name, reading=reading)


def cell_case(net):
    """The weights that y_t has been through are the network's, not the cell's."""
    carried = net.cell.carried(net)
    shapes = {"x": (B, D), "h_prev": (B, N), "c_prev": carried and (B, *carried), "y": (B, N)}
    return of_part(net.cell, net, shapes, leave_out=(net.plastic_name,))


@every_cell
def test_a_cell_has_the_derivatives_of_its_forward(name, reading):
    check(cell_case(network(name, reading)))


@pytest.mark.parametrize("name", REGISTRIES["cell"])
def test_a_cell_lists_the_plastic_weights_among_its_parameters(name):
    net = network(name)
    assert net.cell.parameters(net)[net.plastic_name].shape == (N, N)
    assert net.init(np.random.default_rng(0))[net.plastic_name].any()


@pytest.mark.parametrize("name, reading", [(name, reading) for name, reading in CELLS if REGISTRIES["cell"][name].fast])
def test_the_two_parts_are_the_cell(name, reading):
    net = network(name, reading)
    cell, fast = net.cell, net.cell.fast
    rng, values, _ = draw(cell_case(net), seed=4)
    params = values | {net.plastic_name: rng.standard_normal((N, N))}  # of the whole network: more than the cell reads
    x, h_prev, c_prev, y = (values.get(key) for key in INPUTS)
    dh, dp = rng.standard_normal((2, B, N))
    dc = None if c_prev is None else rng.standard_normal(c_prev.shape)

    *outputs, cache = cell.forward(net, params, x, h_prev, c_prev, y)
    W_h = fast.recurrent(net, params)
    *fast_outputs, fast_cache = fast.forward(net, W_h, fast.inputs(net, params, x), h_prev, c_prev, y)
    dx, dh_prev, dc_prev, dy, grads = cell.backward(net, dh, dc, dp, cache)
    dz, fast_dh_prev, fast_dc_prev, fast_dy = fast.backward(net, W_h, dh, dc, dp, fast_cache)
    fast_dx, fast_grads = fast.gradients(net, params, dz, x, h_prev)
    assert set(fast_grads) == set(grads)
    fast_dh_prev = np.zeros((B, N)) if fast_dh_prev is None else fast_dh_prev
    pairs = [
        *zip(outputs, fast_outputs),
        (dx, fast_dx),
        (dh_prev, fast_dh_prev),
        (dc_prev, fast_dc_prev),
        (dy, fast_dy),
    ]
    for expected, ours in pairs + [(grads[key], fast_grads[key]) for key in grads]:
        assert (ours is None) == (expected is None)
        if expected is not None:
            np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


# By hand.


def sigma(z):
    return 1 / (1 + np.exp(-z))


def test_gru_backward_by_hand():
    net = network("gru")
    _, values, (dh, dp) = draw(cell_case(net), seed=5)
    x, h_prev, y = (values[key] for key in ("x", "h_prev", "y"))
    expected = {key: np.zeros(value.shape) for key, value in values.items()}

    def argument(k, b, j):
        inputs = sum(x[b, d] * values[f"W_{k}x"][d, j] for d in range(D))
        return values[f"b_{k}"][j] + inputs + sum(h_prev[b, i] * values[f"W_{k}h"][i, j] for i in range(N))

    for b, j in np.ndindex(B, N):
        r, z = sigma(argument("r", b, j)), sigma(argument("z", b, j))
        n = np.tanh(sum(x[b, d] * values["W_nx"][d, j] for d in range(D)) + values["b_n"][j] + r * y[b, j])
        dn = dh[b, j] * (1 - z) + dp[b, j]
        da = {"n": dn * (1 - n * n)}
        da["r"] = da["n"] * y[b, j] * r * (1 - r)
        da["z"] = dh[b, j] * (h_prev[b, j] - n) * z * (1 - z)
        expected["y"][b, j] = da["n"] * r
        expected["h_prev"][b, j] += dh[b, j] * z
        for k in "rzn":
            expected[f"b_{k}"][j] += da[k]
            for d in range(D):
                expected["x"][b, d] += da[k] * values[f"W_{k}x"][d, j]
                expected[f"W_{k}x"][d, j] += da[k] * x[b, d]
            for i in range(N if k != "n" else 0):  # what n reads of h_{t-1} comes through y
                expected["h_prev"][b, i] += da[k] * values[f"W_{k}h"][i, j]
                expected[f"W_{k}h"][i, j] += da[k] * h_prev[b, i]
    *_, cache = net.cell.forward(net, values, x, h_prev, None, y)
    dx, dh_prev, dc_prev, dy, grads = net.cell.backward(net, dh, None, dp, cache)
    ours = {"x": dx, "h_prev": dh_prev, "y": dy} | grads
    assert dc_prev is None and set(ours) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(ours[key], value, rtol=0, atol=1e-14, err_msg=key)


def test_the_gru_between_its_two_ends():
    """z = 1 keeps h, z = 0 takes the candidate, and r = 0 shuts the plastic weights off."""
    net = network("gru")
    _, values, _ = draw(cell_case(net), seed=6)
    x, h_prev, y = (values[key] for key in ("x", "h_prev", "y"))

    def h_and_n(**biases):
        biases = {key: np.full(N, float(value)) for key, value in biases.items()}
        return net.cell.forward(net, values | biases, x, h_prev, None, y)[::2][:2]

    kept, _ = h_and_n(b_z=200)
    assert np.array_equal(kept, h_prev)
    taken, n = h_and_n(b_z=-200)
    assert np.array_equal(taken, n)
    _, shut = h_and_n(b_r=-200)
    np.testing.assert_allclose(shut, np.tanh(x @ values["W_nx"] + values["b_n"]), rtol=0, atol=1e-15)
