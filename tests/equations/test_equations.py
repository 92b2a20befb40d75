"""Each equation on its own: backward and jvp against the complex step through its forward, every entry."""

import numpy as np
import pytest
from derivatives import Case, check, draw

from bpm_numpy.equations.clip import clip_backward, clip_forward, clip_jvp
from bpm_numpy.equations.fanout import fanout_backward, fanout_forward, fanout_jvp
from bpm_numpy.equations.hebb_update import hebb_update_backward, hebb_update_forward, hebb_update_jvp
from bpm_numpy.equations.plastic_weights import plastic_input_backward, plastic_input_forward, plastic_input_jvp
from bpm_numpy.equations.readout import readout_backward, readout_forward, readout_jvp
from bpm_numpy.equations.sigmoid import sigmoid
from bpm_numpy.equations.softmax import (
    log_softmax_backward,
    log_softmax_forward,
    log_softmax_jvp,
    softmax_backward,
    softmax_forward,
    softmax_jvp,
)

B, D, N, A, K = 2, 4, 3, 5, 6  # all different, so that no wrong axis fits
BOUND = 0.8  # of the clip; the values to be clipped are of order 1, so some are cut and some are not


def plastic_input_case(alpha_shape):
    shapes = {"h_prev": (B, N), "w": (N, N), "alpha": alpha_shape, "hebb": (B, N, N)}
    return Case(plastic_input_forward, plastic_input_backward, plastic_input_jvp, shapes)


def hebb_update_case(mu_shape):
    shapes = {"hebb": (B, N, N), "mu": mu_shape, "eligibility": (B, N, N)}
    return Case(lambda *inputs: hebb_update_forward(*inputs, BOUND), hebb_update_backward, hebb_update_jvp, shapes)


def readout_case(hidden):
    params = {"W_y": (K if hidden else N, A), "b_y": (A,), "W_v": (N,), "b_v": ()}
    params |= {"W_k": (N, K), "b_k": (K,)} if hidden else {}
    return Case(readout_forward, readout_backward, readout_jvp, {"h": (B, N)}, params)


def softmax_case(forward, backward, jvp):
    """Its output is its own cache."""
    return Case(lambda logits: (forward(logits),) * 2, backward, jvp, {"logits": (B, N, A)})


CASES = {
    "plastic_input, full alpha": plastic_input_case((N, N)),
    "plastic_input, neuron alpha": plastic_input_case((N,)),
    "plastic_input, scalar alpha": plastic_input_case(()),
    "clip": Case(lambda u: clip_forward(u, BOUND), clip_backward, clip_jvp, {"u": (B, N, N)}),
    "hebb_update, drive of each neuron": hebb_update_case((B, N)),
    "hebb_update, drive of each episode": hebb_update_case((B, 1)),
    "hebb_update, one drive": hebb_update_case((1, 1)),
    "fanout": Case(fanout_forward, fanout_backward, fanout_jvp, {"M": (B,), "W_fan": (N,), "b_fan": (N,)}),
    "readout, linear": readout_case(hidden=False),
    "readout, hidden": readout_case(hidden=True),
    "log_softmax": softmax_case(log_softmax_forward, log_softmax_backward, log_softmax_jvp),
    "softmax": softmax_case(softmax_forward, softmax_backward, softmax_jvp),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_equation_has_the_derivatives_of_its_forward(case):
    check(case)


def test_the_cases_cut_some_values_and_pass_others():
    for name in ("clip", "hebb_update, drive of each neuron", "hebb_update, one drive"):
        _, values, _ = draw(CASES[name], seed=0)
        cut = np.abs(CASES[name].outputs(values)[0]) == BOUND
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
    grads = plastic_input_backward(dy, (h, w, alpha, hebb))
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
    _, cache = hebb_update_forward(hebb, mu, E, BOUND)
    for ours, expected in zip(hebb_update_backward(d_next, cache), (dhebb, dmu, dE), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


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
        hebb_next, cache = hebb_update_forward(hebb, np.array([[mu]]), E, 1.0)
        assert hebb_next.item() == sign
        dhebb, dmu, dE = hebb_update_backward(np.array([[[1.0]]]), cache)
        assert (dhebb.item(), dmu.item(), dE.item()) == (gradient, gradient * sign, gradient * mu)


def test_a_hebb_at_the_bound_can_come_back():
    # Hebb(t) = 1 was cut or reached, whatever: what counts at this step is 1 - 1/4, which is inside.
    hebb, mu, E = np.array([[[1.0]]]), np.array([[-0.25]]), np.array([[[1.0]]])
    hebb_next, cache = hebb_update_forward(hebb, mu, E, 1.0)
    dhebb, _, _ = hebb_update_backward(np.array([[[3.0]]]), cache)
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
    np.testing.assert_allclose(log_p, expected, rtol=1e-14)
    P = softmax_forward(logits)
    np.testing.assert_allclose(P, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-14)
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
        np.testing.assert_allclose(dlogits.sum(axis=-1), 0, atol=1e-13)
