"""Each equation on its own: backward and jvp against the complex step through its forward, every entry."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from configurations import derivative_along, derivative_at, random_like, read_only

from bpm_numpy.equations.clip import clip_backward, clip_forward, clip_jvp
from bpm_numpy.equations.eligibility import (
    TAYLOR_TENSORS,
    outer_backward,
    outer_forward,
    outer_jvp,
    taylor_backward,
    taylor_forward,
    taylor_jvp,
    trace_backward,
    trace_forward,
    trace_jvp,
)
from bpm_numpy.equations.hebb_update import hebb_update_backward, hebb_update_forward, hebb_update_jvp
from bpm_numpy.equations.lstm import lstm_backward, lstm_forward, lstm_jvp, sigmoid
from bpm_numpy.equations.modulator import (
    fanout_backward,
    fanout_forward,
    fanout_jvp,
    modulator_backward,
    modulator_forward,
    modulator_jvp,
)
from bpm_numpy.equations.plastic_weights import (
    plastic_input_backward,
    plastic_input_forward,
    plastic_input_jvp,
)
from bpm_numpy.equations.readout import readout_backward, readout_forward, readout_jvp
from bpm_numpy.equations.rnn import rnn_backward, rnn_forward, rnn_jvp
from bpm_numpy.equations.softmax import (
    log_softmax_backward,
    log_softmax_forward,
    log_softmax_jvp,
    softmax_backward,
    softmax_forward,
    softmax_jvp,
)

B, D, N, A, K = 2, 4, 3, 5, 6  # all different, so that no wrong axis fits
TAYLOR_SHAPES = {name: (N,) * rank for name, rank in zip(TAYLOR_TENSORS, (2, 3, 3, 4, 4, 4))}
BOUND = 0.8  # of the clip; the values to be clipped are of order 1, so some are cut and some are not


class Case(NamedTuple):
    """An equation: shapes of its inputs by name, and its three functions on dicts.

    forward(inputs) -> tuple of outputs; backward(inputs, d_outputs) -> dict of gradients by the inputs'
    names; jvp(inputs, tangents) -> tuple of the outputs' tangents.
    """

    shapes: dict
    forward: Callable
    backward: Callable
    jvp: Callable


def positional(shapes, forward, backward, jvp):
    """Case of functions that take the inputs in order and return one output, or the gradients in order."""
    return Case(
        shapes,
        lambda inputs: (forward(*inputs.values()),),
        lambda inputs, d_outputs: dict(zip(inputs, backward(d_outputs[0], *inputs.values()), strict=True)),
        lambda inputs, tangents: (jvp(*inputs.values(), *tangents.values()),),
    )


def plastic_input_case(alpha_shape):
    shapes = {"h_prev": (B, N), "w": (N, N), "alpha": alpha_shape, "hebb": (B, N, N)}
    return positional(shapes, plastic_input_forward, plastic_input_backward, plastic_input_jvp)


def clip_case():
    def inside(inputs):
        return clip_forward(inputs["u"], BOUND)[1]

    return Case(
        {"u": (B, N, N)},
        lambda inputs: clip_forward(inputs["u"], BOUND)[:1],
        lambda inputs, d_outputs: {"u": clip_backward(d_outputs[0], inside(inputs))},
        lambda inputs, tangents: (clip_jvp(tangents["u"], inside(inputs)),),
    )


def hebb_update_case(mu_shape):
    def forward(inputs):
        return hebb_update_forward(inputs["hebb"], inputs["mu"], inputs["rule"], BOUND)

    def backward(inputs, d_outputs):
        _, inside = forward(inputs)
        mu, E = inputs["mu"], inputs["rule"]
        dhebb, dmu, dE = hebb_update_backward(d_outputs[0], mu, E, inside)
        shared = tuple(axis for axis, size in enumerate(mu_shape) if size == 1)  # one drive for all of these
        return {"hebb": dhebb, "mu": dmu.sum(axis=shared, keepdims=True), "eligibility": dE}

    def jvp(inputs, tangents):
        _, inside = forward(inputs)
        return (hebb_update_jvp(inputs["mu"], inputs["rule"], inside, *tangents.values()),)

    shapes = {"hebb": (B, N, N), "mu": mu_shape, "eligibility": (B, N, N)}
    return Case(shapes, lambda inputs: forward(inputs)[:1], backward, jvp)


def modulator_case():
    def backward(dM, h, W_m, b_m):
        return modulator_backward(dM, h, modulator_forward(h, W_m, b_m), W_m)

    def jvp(h, W_m, b_m, *tangents):
        return modulator_jvp(h, modulator_forward(h, W_m, b_m), W_m, *tangents)

    return positional({"h": (B, N), "W_m": (N,), "b_m": ()}, modulator_forward, backward, jvp)


def fanout_case():
    return positional(
        {"M": (B,), "W_fan": (N,), "b_fan": (N,)},
        fanout_forward,
        lambda dmu, M, W_fan, b_fan: fanout_backward(dmu, M, W_fan),
        lambda M, W_fan, b_fan, *tangents: fanout_jvp(M, W_fan, *tangents),
    )


def taylor_case():
    def backward(inputs, d_outputs):
        dh_prev, dp, d_tensors = taylor_backward(d_outputs[0], *inputs.values())
        return {"h_prev": dh_prev, "p": dp} | dict(zip(TAYLOR_TENSORS, d_tensors, strict=True))

    def jvp(inputs, tangents):
        (h_prev, p, *tensors), (t_h_prev, t_p, *t_tensors) = inputs.values(), tangents.values()
        return (taylor_jvp(h_prev, p, tensors, t_h_prev, t_p, t_tensors),)

    shapes = {"h_prev": (B, N), "p": (B, N)} | TAYLOR_SHAPES
    return Case(shapes, lambda inputs: (taylor_forward(*inputs.values()),), backward, jvp)


def trace_case():
    shapes = {"trace": (B, N, N), "X": (B, N, N), "eta": ()}
    return positional(shapes, trace_forward, trace_backward, trace_jvp)


def rnn_case():
    def forward(inputs):
        return rnn_forward(inputs["x_t"], inputs["y_t"], inputs)

    def backward(inputs, d_outputs):
        dx_t, dy_t, grads = rnn_backward(d_outputs[0], inputs["x_t"], forward(inputs), inputs)
        return {"x_t": dx_t, "y_t": dy_t} | grads

    def jvp(inputs, tangents):
        return (rnn_jvp(inputs["x_t"], forward(inputs), inputs, tangents["x_t"], tangents["y_t"], tangents),)

    shapes = {"x_t": (B, D), "y_t": (B, N), "W_x": (D, N), "b": (N,)}
    return Case(shapes, lambda inputs: (forward(inputs),), backward, jvp)


def lstm_case(reading):
    """Its outputs are h_t, c_t and p_t = i_t, the three that the rest of the step reads."""
    names = ("x_t", "h_prev", "c_prev")

    def forward(inputs):
        return lstm_forward(*(inputs[name] for name in (*names, "y_t")), inputs, reading)

    def outputs(inputs):
        h, gates = forward(inputs)
        return h, gates.c, gates.i

    def backward(inputs, d_outputs):
        _, gates = forward(inputs)
        read = (inputs[name] for name in names)
        *gradients, grads = lstm_backward(*d_outputs, *read, gates, inputs, reading)
        return dict(zip((*names, "y_t"), gradients, strict=True)) | grads

    def jvp(inputs, tangents):
        _, gates = forward(inputs)
        t_inputs = (tangents[name] for name in (*names, "y_t"))
        return lstm_jvp(*(inputs[name] for name in names), gates, inputs, reading, *t_inputs, tangents)

    shapes = {"x_t": (B, D), "h_prev": (B, N), "c_prev": (B, N), "y_t": (B, N), "W_ix": (D, N), "b_i": (N,)}
    for gate in "jfo":
        shapes |= {f"W_{gate}x": (D, N), f"W_{gate}h": (N, N), f"b_{gate}": (N,)}
    return Case(shapes, outputs, backward, jvp)


def readout_case(hidden):
    def forward(inputs):
        return readout_forward(inputs["h"], inputs)

    def backward(inputs, d_outputs):
        dh, grads = readout_backward(*d_outputs, inputs["h"], forward(inputs)[2], inputs)
        return {"h": dh} | grads

    def jvp(inputs, tangents):
        return readout_jvp(inputs["h"], forward(inputs)[2], inputs, tangents["h"], tangents)

    shapes = {"h": (B, N), "W_y": (K if hidden else N, A), "b_y": (A,), "W_v": (N,), "b_v": ()}
    if hidden:
        shapes |= {"W_k": (N, K), "b_k": (K,)}
    return Case(shapes, lambda inputs: forward(inputs)[:2], backward, jvp)


def softmax_case(forward, backward, jvp):
    return positional(
        {"logits": (B, N, A)},
        forward,
        lambda d_output, logits: (backward(d_output, forward(logits)),),
        lambda logits, t_logits: jvp(forward(logits), t_logits),
    )


CASES = {
    "plastic_input, full alpha": plastic_input_case((N, N)),
    "plastic_input, neuron alpha": plastic_input_case((N,)),
    "plastic_input, scalar alpha": plastic_input_case(()),
    "clip": clip_case(),
    "hebb_update, drive of each neuron": hebb_update_case((B, N)),
    "hebb_update, drive of each episode": hebb_update_case((B, 1)),
    "hebb_update, one drive": hebb_update_case((1, 1)),
    "modulator": modulator_case(),
    "fanout": fanout_case(),
    "outer": positional({"h_prev": (B, N), "p": (B, N)}, outer_forward, outer_backward, outer_jvp),
    "taylor": taylor_case(),
    "trace": trace_case(),
    "rnn": rnn_case(),
    "lstm, notes": lstm_case("notes"),
    "lstm, paper": lstm_case("paper"),
    "readout, linear": readout_case(hidden=False),
    "readout, hidden": readout_case(hidden=True),
    "log_softmax": softmax_case(log_softmax_forward, log_softmax_backward, log_softmax_jvp),
    "softmax": softmax_case(softmax_forward, softmax_backward, softmax_jvp),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def draw(case, seed):
    """A Generator, random inputs and random gradients of the outputs; all arrays are read-only."""
    rng = np.random.default_rng(seed)
    inputs = read_only(random_like(rng, {name: np.zeros(shape) for name, shape in case.shapes.items()}))
    d_outputs = tuple(rng.standard_normal(output.shape) for output in case.forward(inputs))
    for d_output in d_outputs:
        d_output.flags.writeable = False
    return rng, inputs, d_outputs


@every_case
def test_backward_is_the_complex_step_derivative(case):
    _, inputs, d_outputs = draw(case, seed=0)
    grads = case.backward(inputs, d_outputs)
    assert set(grads) == set(inputs)

    def loss(values):
        return sum((d * output).sum() for d, output in zip(d_outputs, case.forward(values), strict=True))

    for name, value in inputs.items():
        numeric = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            numeric[index] = derivative_at(loss, inputs, name, index)
        assert np.shape(grads[name]) == value.shape, name
        np.testing.assert_allclose(grads[name], numeric, rtol=1e-12, atol=1e-13, err_msg=name)


@every_case
def test_jvp_is_the_complex_step_derivative(case):
    rng, inputs, _ = draw(case, seed=1)
    tangents = read_only(random_like(rng, inputs))
    outputs = case.forward(inputs)
    t_outputs = case.jvp(inputs, tangents)
    assert len(t_outputs) == len(outputs)
    for position, (output, t_output) in enumerate(zip(outputs, t_outputs)):
        numeric = derivative_along(lambda values, k=position: case.forward(values)[k], inputs, tangents)
        assert np.shape(t_output) == np.shape(output)
        np.testing.assert_allclose(t_output, numeric, rtol=1e-12, atol=1e-13)


def test_the_cases_cut_some_values_and_pass_others():
    for name in ("clip", "hebb_update, drive of each neuron", "hebb_update, one drive"):
        _, inputs, _ = draw(CASES[name], seed=0)
        cut = np.abs(CASES[name].forward(inputs)[0]) == BOUND
        assert 0.1 < cut.mean() < 0.9, name


# Backward, entry by entry, as the docstrings derive it.


@pytest.mark.parametrize("alpha_shape", [(N, N), (N,), ()])
def test_plastic_input_backward_by_hand(alpha_shape):
    rng = np.random.default_rng(2)
    h, dy = rng.standard_normal((2, B, N))
    w, alpha = rng.standard_normal((N, N)), np.asarray(rng.standard_normal(alpha_shape))
    hebb = rng.standard_normal((B, N, N))
    dh, dw, dalpha, dhebb = (np.zeros(value.shape) for value in (h, w, alpha, hebb))
    for b in range(B):
        for i in range(N):
            for j in range(N):
                shared = (i, j)[2 - alpha.ndim :]  # alpha of the connection i to j: [i, j], [j], []
                dh[b, i] += (w[i, j] + alpha[shared] * hebb[b, i, j]) * dy[b, j]
                dw[i, j] += h[b, i] * dy[b, j]
                dalpha[shared] += h[b, i] * hebb[b, i, j] * dy[b, j]
                dhebb[b, i, j] = h[b, i] * alpha[shared] * dy[b, j]
    grads = plastic_input_backward(dy, h, w, alpha, hebb)
    for ours, expected in zip(grads, (dh, dw, dalpha, dhebb), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_hebb_update_backward_by_hand():
    rng = np.random.default_rng(3)
    hebb, E, d_next = rng.standard_normal((3, B, N, N))
    mu = rng.standard_normal((B, N))
    dhebb, dmu, dE = np.zeros((B, N, N)), np.zeros((B, N)), np.zeros((B, N, N))
    for b in range(B):
        for i in range(N):
            for j in range(N):
                if abs(hebb[b, i, j] + mu[b, j] * E[b, i, j]) <= BOUND:
                    dhebb[b, i, j] = d_next[b, i, j]
                    dmu[b, j] += E[b, i, j] * d_next[b, i, j]
                    dE[b, i, j] = mu[b, j] * d_next[b, i, j]
    _, inside = hebb_update_forward(hebb, mu, E, BOUND)
    for ours, expected in zip(hebb_update_backward(d_next, mu, E, inside), (dhebb, dmu, dE), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_outer_backward_by_hand():
    rng = np.random.default_rng(4)
    h, p, dX = rng.standard_normal((B, N)), rng.standard_normal((B, N)), rng.standard_normal((B, N, N))
    dh, dp = np.zeros((B, N)), np.zeros((B, N))
    for b in range(B):
        for i in range(N):
            for j in range(N):
                dh[b, i] += dX[b, i, j] * p[b, j]
                dp[b, j] += dX[b, i, j] * h[b, i]
    for ours, expected in zip(outer_backward(dX, h, p), (dh, dp), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_trace_backward_by_hand():
    rng = np.random.default_rng(5)
    (trace, X, d_next), eta = rng.standard_normal((3, B, N, N)), np.asarray(0.3)
    dtrace, dX, deta = np.zeros((B, N, N)), np.zeros((B, N, N)), 0.0
    for b, i, j in np.ndindex(B, N, N):
        dtrace[b, i, j] = (1 - 0.3) * d_next[b, i, j]
        dX[b, i, j] = 0.3 * d_next[b, i, j]
        deta += (X[b, i, j] - trace[b, i, j]) * d_next[b, i, j]
    for ours, expected in zip(trace_backward(d_next, trace, X, eta), (dtrace, dX, deta), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_taylor_backward_by_hand():
    rng = np.random.default_rng(6)
    h, p, dE = rng.standard_normal((B, N)), rng.standard_normal((B, N)), rng.standard_normal((B, N, N))
    tensors = {name: rng.standard_normal(shape) for name, shape in TAYLOR_SHAPES.items()}
    dh, dp = np.zeros((B, N)), np.zeros((B, N))
    d = {name: np.zeros(shape) for name, shape in TAYLOR_SHAPES.items()}
    for n, i, j in np.ndindex(B, N, N):  # episode n, entry E[n, i, j]
        d["A"][i, j] += dE[n, i, j]
        for k in range(N):
            d["B"][i, j, k] += dE[n, i, j] * h[n, k]
            d["C"][i, j, k] += dE[n, i, j] * p[n, k]
            dh[n, k] += dE[n, i, j] * tensors["B"][i, j, k]
            dp[n, k] += dE[n, i, j] * tensors["C"][i, j, k]
            for m in range(N):
                d["D"][i, j, k, m] += dE[n, i, j] * h[n, k] * h[n, m]
                d["G"][i, j, k, m] += dE[n, i, j] * p[n, k] * p[n, m]
                d["H"][i, j, k, m] += dE[n, i, j] * h[n, k] * p[n, m]
                dh[n, k] += dE[n, i, j] * tensors["D"][i, j, k, m] * h[n, m]
                dh[n, m] += dE[n, i, j] * tensors["D"][i, j, k, m] * h[n, k]
                dp[n, k] += dE[n, i, j] * tensors["G"][i, j, k, m] * p[n, m]
                dp[n, m] += dE[n, i, j] * tensors["G"][i, j, k, m] * p[n, k]
                dh[n, k] += dE[n, i, j] * tensors["H"][i, j, k, m] * p[n, m]
                dp[n, m] += dE[n, i, j] * tensors["H"][i, j, k, m] * h[n, k]
    *ours_h_p, ours_tensors = taylor_backward(dE, h, p, *tensors.values())
    for ours, expected in zip((*ours_h_p, *ours_tensors), (dh, dp, *d.values()), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-13)


# Clip at its kinks.


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bound", [1.0, 0.3, 2.0])
def test_clip_below_at_and_above_the_bound(sign, bound):
    below, above = np.nextafter(bound, 0), np.nextafter(bound, np.inf)
    u = sign * np.array([0, below, bound, above, 2 * bound, np.inf])
    clipped, inside = clip_forward(u, bound)
    np.testing.assert_array_equal(clipped, sign * np.array([0, below, bound, bound, bound, bound]))
    np.testing.assert_array_equal(clip_backward(np.full(6, 7.0), inside), [7, 7, 7, 0, 0, 0])
    np.testing.assert_array_equal(clip_jvp(np.full(6, 7.0), inside), [7, 7, 7, 0, 0, 0])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_stored_hebb_cannot_tell_reached_from_cut(sign):
    # Both updates end at the bound: 1/2 + 1/2 reaches it and passes the gradient, 1/2 + 3/4 is cut to it.
    hebb, E = np.array([[[sign * 0.5]]]), np.array([[[sign * 1.0]]])
    for mu, gradient in ((0.5, 1), (0.75, 0)):
        drive = np.array([[mu]])
        hebb_next, inside = hebb_update_forward(hebb, drive, E, 1.0)
        assert hebb_next.item() == sign
        dhebb, dmu, dE = hebb_update_backward(np.array([[[1.0]]]), drive, E, inside)
        assert (dhebb.item(), dmu.item(), dE.item()) == (gradient, gradient * sign, gradient * mu)


def test_a_hebb_at_the_bound_can_come_back():
    # Hebb(t) = 1 was cut or reached, whatever: what counts at this step is 1 - 1/4, which is inside.
    hebb, mu, E = np.array([[[1.0]]]), np.array([[-0.25]]), np.array([[[1.0]]])
    hebb_next, inside = hebb_update_forward(hebb, mu, E, 1.0)
    dhebb, _, _ = hebb_update_backward(np.array([[[3.0]]]), mu, E, inside)
    assert (hebb_next.item(), dhebb.item()) == (0.75, 3.0)


def test_no_clip():
    u = np.array([-1e300, -1, 0, 1e300, np.inf, -np.inf])
    clipped, inside = clip_forward(u, np.inf)
    np.testing.assert_array_equal(clipped, u)
    assert inside.all()


def test_clip_lets_nan_pass():
    clipped, inside = clip_forward(np.array([np.nan, 2, 0.5]), 1.0)
    np.testing.assert_array_equal(clipped, [np.nan, 1, 0.5])
    np.testing.assert_array_equal(inside, [True, False, True])


def test_clip_of_complex_numbers_decides_by_the_real_part():
    u = np.array([0.5 + 9j, 1 + 1e-30j, 2 + 1e-30j, -2 - 3j])
    clipped, inside = clip_forward(u, 1.0)
    np.testing.assert_array_equal(clipped, [0.5 + 9j, 1 + 1e-30j, 1, -1])
    np.testing.assert_array_equal(inside, [True, True, False, False])


# Large arguments.


@pytest.fixture
def no_floating_point_errors():
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


def test_sigmoid(no_floating_point_errors):
    np.testing.assert_array_equal(sigmoid(np.array([-1000.0, 0, 1000])), [0, 0.5, 1])
    z = np.linspace(-30, 30, 121)
    np.testing.assert_allclose(sigmoid(z), 1 / (1 + np.exp(-z)), rtol=0, atol=1e-15)
    derivative = sigmoid(z + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(derivative, sigmoid(z) * (1 - sigmoid(z)), rtol=0, atol=1e-15)


def test_log_softmax_of_large_logits(no_floating_point_errors):
    logits = np.array([[1000.0, 0, -1000], [1e300, 1e300, -1e300], [-1000, -1000, -1000]])
    log_p = log_softmax_forward(logits)
    expected = [[0, -1000, -2000], [-np.log(2), -np.log(2), -2e300], [-np.log(3)] * 3]
    np.testing.assert_allclose(log_p, expected, rtol=1e-15)
    P = softmax_forward(logits)
    np.testing.assert_allclose(P, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-15)
    d = np.array([[1.0, 2, 3]] * 3)
    np.testing.assert_allclose(log_softmax_backward(d, log_p), d - 6 * P, rtol=0, atol=1e-14)
    # dz_a = P_a (dP_a - Σ dP P): the mean of dP under P is 1, 1.5 and 2.
    expected = [[0, 0, 0], [-0.25, 0.25, 0], [-1 / 3, 0, 1 / 3]]
    np.testing.assert_allclose(softmax_backward(d, P), expected, rtol=0, atol=1e-14)


def test_a_constant_added_to_all_logits_changes_nothing():
    logits = np.random.default_rng(7).integers(-8, 8, (4, A)) / 4.0  # quarters: adding 512 is exact
    np.testing.assert_array_equal(log_softmax_forward(logits + 512), log_softmax_forward(logits))
    d = np.random.default_rng(8).standard_normal((4, A))
    for dlogits in (
        log_softmax_backward(d, log_softmax_forward(logits)),
        softmax_backward(d, softmax_forward(logits)),
    ):
        np.testing.assert_allclose(dlogits.sum(axis=-1), 0, atol=1e-14)
