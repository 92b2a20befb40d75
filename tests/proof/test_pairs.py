"""One layer at a time: forward beside backward, forward beside jvp, and second derivatives."""

import numpy as np
import pytest

from bpm_numpy import GradientCheckError, check_jvp, check_vjp
from bpm_numpy.equations.clip import clip_backward, clip_forward, clip_jvp

rng = np.random.default_rng(5)
LAYER = (rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2))
both_methods = pytest.mark.parametrize("method", ["central", "complex"])


def affine_forward(inputs):
    x, W, b = inputs
    return np.tanh(x @ W + b), (x, W, np.tanh(x @ W + b))


def affine_backward(d_out, cache):
    x, W, out = cache
    d_sum = d_out * (1 - out**2)
    return d_sum @ W.T, x.T @ d_sum, d_sum.sum(0)


def affine_jvp(t_inputs, cache):
    (t_x, t_W, t_b), (x, W, out) = t_inputs, cache
    return (t_x @ W + x @ t_W + t_b) * (1 - out**2)


def fresh():
    return np.random.default_rng(0)


@both_methods
def test_a_layer_is_checked_in_one_line(method):
    report = check_vjp(affine_forward, affine_backward, LAYER, rng=fresh(), method=method)
    assert [row.name for row in report.parameters] == ["[0]", "[1]", "[2]"]
    assert [row.checked for row in report.parameters] == [12, 6, 2]
    assert check_jvp(affine_forward, affine_jvp, LAYER, rng=fresh(), method=method)
    assert check_vjp(affine_forward, affine_backward, LAYER, rng=fresh(), method=method, only="[1]", max_entries=2)


@both_methods
def test_a_wrong_backward_pass_is_caught(method):
    def forgot_b(d_out, cache):
        d_x, d_W, d_b = affine_backward(d_out, cache)
        return d_x, d_W, d_b / len(d_out)

    with pytest.raises(GradientCheckError, match=r"^\[2\]\[\d\]: analytic"):
        check_vjp(affine_forward, forgot_b, LAYER, rng=fresh(), method=method)
    assert not check_vjp(affine_forward, forgot_b, LAYER, rng=fresh(), method=method, raise_on_failure=False)


@both_methods
@pytest.mark.parametrize("factor", [-1, 0, 1.01])
def test_a_wrong_jvp_is_caught(method, factor):
    wrong = lambda t, cache: affine_jvp((t[0], factor * t[1], t[2]), cache)  # noqa: E731
    with pytest.raises(GradientCheckError, match=r"^\[1\] direction \d: analytic"):
        check_jvp(affine_forward, wrong, LAYER, rng=fresh(), method=method)


def test_a_jvp_that_takes_absolute_values_is_caught():
    with pytest.raises(GradientCheckError):
        check_jvp(lambda x: (2 * x, None), lambda t, _: 2 * np.abs(t), np.ones(1), rng=fresh(), directions=5)


def test_the_functions_of_the_package_fit():
    u = np.array([0.3, -2.0, 0.9, 1.7])
    forward = lambda u: clip_forward(u, 1.0)  # noqa: E731
    assert check_vjp(forward, clip_backward, u, rng=fresh()).parameters[0].name == "inputs"
    assert check_jvp(forward, clip_jvp, u, rng=fresh(), method="complex")
    with pytest.raises(GradientCheckError, match="^inputs"):
        check_vjp(forward, lambda d_out, inside: d_out, u, rng=fresh())


def test_outputs_may_be_nested_and_inputs_named():
    def forward(p):
        return {"sum": p["x"].sum(), "parts": [p["x"] ** 2, np.exp(p["y"])]}, p

    def backward(d, p):
        return {"x": d["sum"] + 2 * p["x"] * d["parts"][0], "y": d["parts"][1] * np.exp(p["y"])}

    inputs = {"x": np.array([1.0, -2.0]), "y": np.array(0.3)}
    assert [row.name for row in check_vjp(forward, backward, inputs, rng=fresh()).parameters] == ["x", "y"]
    with pytest.raises(GradientCheckError, match="^x"):
        check_vjp(forward, lambda d, p: {**backward(d, p), "x": d["sum"] * np.ones(2)}, inputs, rng=fresh())


def test_complex_outputs_of_real_inputs():
    x = np.random.default_rng(1).standard_normal(5)
    forward = lambda x: (np.fft.fft(x), None)  # noqa: E731
    backward = lambda d, _: (5 * np.fft.ifft(d)).real  # noqa: E731
    assert check_vjp(forward, backward, x, rng=fresh())
    with pytest.raises(GradientCheckError):
        check_vjp(forward, lambda d, _: np.fft.fft(d).real, x, rng=fresh())


def test_second_derivatives():
    x, A = np.array([0.3, -1.2, 0.8]), np.diag([1.0, 2.0, 3.0]) + 0.1

    def gradient(x):  # of Σ sin x + x A x / 2
        return np.cos(x) + A @ x, x

    assert check_jvp(gradient, lambda t, x: -np.sin(x) * t + A @ t, x, rng=fresh(), method="complex")
    with pytest.raises(GradientCheckError):
        check_jvp(gradient, lambda t, x: A @ t, x, rng=fresh(), method="complex")
    assert check_vjp(gradient, lambda d, x: -np.sin(x) * d + A @ d, x, rng=fresh())


def test_a_backward_pass_may_write_into_d_out_but_not_into_its_cache():
    def forward(x):
        return x**2, 2 * x

    def in_place(d_out, slope):
        d_out *= slope
        return d_out

    def spoils(d_out, slope):
        slope *= d_out
        return slope

    assert check_vjp(forward, in_place, np.array([1.0, 3.0]), rng=fresh())
    with pytest.raises(ValueError, match="^backward: expected the same twice"):
        check_vjp(forward, spoils, np.array([1.0, 3.0]), rng=fresh())


def test_a_backward_pass_that_returns_other_names_the_second_time_is_refused():
    names = iter("ab")
    with pytest.raises(ValueError, match="^backward: expected the same twice, got "):
        check_vjp(
            lambda i: (i["a"] ** 2, i), lambda d, i: {next(names): 2 * d * i["a"]}, {"a": np.ones(2)}, rng=fresh()
        )


def test_dropout_drawn_anew_is_refused():
    masks = np.random.default_rng(1)

    def forward(x):
        kept = masks.random(x.shape) < 0.5
        return x * kept, kept

    with pytest.raises(ValueError, match="^loss: expected the same value"):
        check_vjp(forward, lambda d, kept: d * kept, np.ones(50), rng=fresh())


@pytest.mark.parametrize(
    "forward, backward, error, words",
    [
        (lambda x: x**2, lambda d, c: d, TypeError, "^forward: expected a function that returns out, cache"),
        (lambda x: (x > 0, x), lambda d, c: d, TypeError, "^forward: expected"),
        (lambda x: (3.0, x), lambda d, c: d, TypeError, "^forward.*: expected"),
        (lambda x: (np.zeros((0, 3)), x), lambda d, c: 0 * c, ValueError, "^forward: expected numbers in out, got a"),
        (lambda x: (None, x), lambda d, c: d, TypeError, "^forward: expected"),
        (lambda x: (x, x), lambda d, c: d[:1], ValueError, "^d_inputs: expected"),
        (lambda x: (x, x), lambda d, c: None, TypeError, "^d_inputs: expected"),
        (lambda x: (x, x), lambda d, c: (d,), TypeError, "^d_inputs: expected"),
    ],
)
def test_what_does_not_fit_is_named(forward, backward, error, words):
    with pytest.raises(error, match=words):
        check_vjp(forward, backward, np.ones(2), rng=fresh())


def test_arguments_of_the_checks():
    for check in (check_vjp, check_jvp):
        with pytest.raises(TypeError, match="^rng: expected"):
            check(affine_forward, affine_backward, LAYER, rng=None)
        with pytest.raises(TypeError, match="^inputs.*: expected"):
            check(affine_forward, affine_backward, (1.0,), rng=fresh())
    with pytest.raises(ValueError, match="^directions: expected"):
        check_jvp(affine_forward, affine_jvp, LAYER, rng=fresh(), directions=0)
    with pytest.raises(ValueError, match="^jvp: expected outputs of the same shapes"):
        check_jvp(affine_forward, lambda t, c: t[0], LAYER, rng=fresh())
