"""Each modulator on its own, and the drive that is made of it."""

import numpy as np
import pytest
from derivatives import check, draw, of_part

from bpm_numpy import PlasticNetwork
from bpm_numpy.parts import REGISTRIES

B, N = 2, 3
every_modulator = pytest.mark.parametrize("name", REGISTRIES["modulator"])


def network(name):
    return PlasticNetwork(2, N, 2, modulator=name)


def modulator_case(net):
    return of_part(net.modulator, net, {"h": (B, N)})


@every_modulator
def test_a_modulator_has_the_derivatives_of_its_forward(name):
    check(modulator_case(network(name)))


@every_modulator
def test_the_quick_gradient_of_h_is_that_of_backward(name):
    net = network(name)
    _, values, (dM,) = draw(modulator_case(net), seed=4)
    _, cache = net.modulator.forward(net, values, values["h"])
    expected, _ = net.modulator.backward(net, dM, cache)
    np.testing.assert_allclose(net.modulator.backward_h(net, dM, cache), expected, rtol=0, atol=1e-15)


@every_modulator
def test_episodes_do_not_know_of_one_another(name):
    """The chunked way asks all steps of all episodes at once."""
    net = network(name)
    _, values, (dM,) = draw(modulator_case(net), seed=5)
    M, cache = net.modulator.forward(net, values, values["h"])
    dh, _ = net.modulator.backward(net, dM, cache)
    for b in range(B):
        alone, cache = net.modulator.forward(net, values, values["h"][b : b + 1])
        np.testing.assert_allclose(alone, M[b : b + 1], rtol=0, atol=1e-15)
        dh_alone, _ = net.modulator.backward(net, dM[b : b + 1], cache)
        np.testing.assert_allclose(dh_alone, dh[b : b + 1], rtol=0, atol=1e-15)


SLOPES = {"tanh": lambda a: 1 - np.tanh(a) ** 2, "sigmoid": lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2}
SLOPES["linear"] = lambda a: 1.0


@pytest.mark.parametrize("name", SLOPES)
def test_backward_of_a_weighted_sum_by_hand(name):
    net = network(name)
    _, values, (dM,) = draw(modulator_case(net), seed=6)
    h, W, b_m = values["h"], values["W_m"], values["b_m"]
    dh, dW, db = np.zeros((B, N)), np.zeros(N), 0.0
    for b in range(B):
        a = b_m + sum(h[b, n] * W[n] for n in range(N))
        da = dM[b] * SLOPES[name](a)
        db += da
        for n in range(N):
            dh[b, n] += da * W[n]
            dW[n] += da * h[b, n]
    _, cache = net.modulator.forward(net, values, h)
    ours, grads = net.modulator.backward(net, dM, cache)
    for one, expected in ((ours, dh), (grads["W_m"], dW), (grads["b_m"], db)):
        np.testing.assert_allclose(one, expected, rtol=0, atol=1e-14)


def test_backward_of_the_difference_by_hand():
    net = network("difference")
    _, values, (dM,) = draw(modulator_case(net), seed=7)
    h, gain = values["h"], values["gain"]
    expected = {name: np.zeros(value.shape) for name, value in values.items()}
    for b in range(B):
        P, Q = (np.tanh(values[b_] + sum(h[b, n] * values[W][n] for n in range(N))) for W, b_ in SUMS)
        expected["gain"] += dM[b] * (P - Q)
        for (W, b_), da in zip(SUMS, (dM[b] * gain * (1 - P * P), -dM[b] * gain * (1 - Q * Q))):
            expected[b_] += da
            for n in range(N):
                expected[W][n] += da * h[b, n]
                expected["h"][b, n] += da * values[W][n]
    _, cache = net.modulator.forward(net, values, h)
    dh, grads = net.modulator.backward(net, dM, cache)
    ours = {"h": dh} | grads
    assert set(ours) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-14, err_msg=name)


SUMS = (("W_m", "b_m"), ("W_m2", "b_m2"))


@pytest.mark.parametrize(
    "name, low, high", [("tanh", -1, 1), ("sigmoid", 0, 1), ("linear", -1e3, 1e3), ("difference", -4, 4)]
)
def test_the_range_of_a_modulator(name, low, high):
    """Far out each is at the end of its range, without overflow; a linear one has none."""
    net = network(name)
    params = {key: np.zeros(shape) for key, (shape, _) in net.modulator.parameters(net).items()}
    params |= {"W_m": np.array([1000.0, 0, 0])}
    if name == "difference":
        params |= {"W_m2": -params["W_m"], "gain": np.asarray(2.0)}
    M, cache = net.modulator.forward(net, params, np.eye(N)[[0, 0]] * [[-1.0], [1.0]])
    assert M.tolist() == [low, high]
    dh, grads = net.modulator.backward(net, np.ones(2), cache)
    assert np.isfinite(dh).all() and dh.any() == (name == "linear")
    assert all(np.isfinite(grad).all() for grad in grads.values())


def test_a_difference_whose_halves_are_saturated_is_zero():
    net = network("difference")
    params = {"W_m": np.zeros(N), "b_m": np.asarray(50.0), "W_m2": np.zeros(N), "b_m2": np.asarray(60.0)}
    M, _ = net.modulator.forward(net, params | {"gain": np.asarray(3.0)}, np.ones((B, N)))
    assert M.tolist() == [0, 0]
