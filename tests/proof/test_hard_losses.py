"""Losses that fool gradient checks: rounded, noisy, kinked, badly scaled. Each with the answer that it must get.

For every loss the right gradient and wrong ones are tried, by both methods where both apply.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest

from bpm_numpy import gradcheck

X = np.array([0.13, -0.76, 1.42, 0.35, -2.1, 0.58])
TINY = np.array([1e-3, -1e-4, 2e-6])
F32, F16 = np.float32, np.float16
MIX = np.linspace(-1, 1, 36).reshape(6, 6)
ZEROS, ONES = np.zeros(3), np.ones(3)


class Hard(NamedTuple):
    """A loss of x, a point, the right gradient there, and what each method must answer to it.

    "passes": the right gradient passes and wrong ones fail. "refuses": an error at the start that names the loss, or
    a report that isn't passed and says why, whatever the gradient.
    """

    loss: object
    x: np.ndarray
    gradient: np.ndarray
    central: str = "passes"
    complex: str = "passes"


def relu(x):
    return np.where(x.real > 0, x, 0)


def single(loss):
    """The loss computed in float32; a Python float comes out."""
    return lambda x: float(loss(x.astype(F32)))


def rounded(digits):
    return Hard(lambda x: round(float((x**2).sum()), digits), X, 2 * X, complex="refuses")


def into_real_buffer(x):
    kept = np.zeros(x.shape)
    kept[:] = x**2
    return kept.sum() + (x**3).sum()


LOSSES = {
    "a parabola": Hard(lambda x: (x**2).sum(), X, 2 * X),
    # Rounded.
    "float32 returned": Hard(lambda x: (x.astype(F32) ** 2).sum(), X, 2 * X, complex="refuses"),
    "float32 inside": Hard(single(lambda x: 1.1 * (x**2).sum()), X, 2.2 * X, complex="refuses"),
    "float32 tanh": Hard(
        single(lambda x: np.tanh(x @ MIX.astype(F32)).sum()), X, MIX @ (1 - np.tanh(X @ MIX) ** 2), complex="refuses"
    ),
    "float32 exp": Hard(single(lambda x: np.exp(2 * x).sum()), X, 2 * np.exp(2 * X), complex="refuses"),
    "float32 mean": Hard(single(lambda x: np.mean(x**3)), X, X**2 / 2, complex="refuses"),
    "float16 inside": Hard(lambda x: float((x.astype(F16) ** 2).sum()), X, 2 * X, "refuses", "refuses"),
    "rounded to 12 digits": rounded(12),
    "rounded to 10 digits": rounded(10),
    "rounded to 8 digits": rounded(8),
    "rounded to 6 digits": rounded(6),
    "rounded to 4 digits": rounded(4),
    "rounded to 1 digit": rounded(1)._replace(central="refuses"),
    "stairs": Hard(lambda x: float(np.floor(3 * x.real).sum()) + 0 * x.sum(), X, 0 * X, central="refuses"),
    "complex64 inside": Hard(
        lambda x: (x.astype(np.complex64 if np.iscomplexobj(x) else F32) ** 2).sum(), X, 2 * X, complex="refuses"
    ),
    # Small beside large.
    "a large constant": Hard(lambda x: 1e6 + np.exp(x).sum(), X, np.exp(X)),
    "a larger constant": Hard(lambda x: 1e9 + np.exp(x).sum(), X, np.exp(X)),
    "a constant that hides all": Hard(lambda x: 1e17 + np.exp(x).sum(), X, np.exp(X), central="refuses"),
    "cancellation": Hard(lambda x: (1e8 + np.exp(x).sum()) - 1e8, X, np.exp(X)),
    "terms that cancel": Hard(lambda x: (1e5 * x).sum() - (1e5 * x).sum() + np.exp(x).sum(), X, np.exp(X)),
    "1 plus 1e-8 exp": Hard(lambda x: 1 + 1e-8 * np.exp(x).sum(), X, 1e-8 * np.exp(X)),
    # Scales.
    "a loss of 1e-8": Hard(lambda x: 1e-8 * np.exp(x).sum(), X, 1e-8 * np.exp(X)),
    "a loss of 1e-30": Hard(lambda x: 1e-30 * np.exp(x).sum(), X, 1e-30 * np.exp(X)),
    "a loss of 1e100": Hard(lambda x: 1e100 * np.exp(x).sum(), X, 1e100 * np.exp(X)),
    "inputs of 1e6": Hard(lambda x: (x**2).sum(), 1e6 * X, 2e6 * X),
    "inputs of 1e6, flat": Hard(lambda x: np.sin(x / 1e6).sum(), 1e6 * X, 1e-6 * np.cos(X)),
    "inputs of 1e6, curved": Hard(lambda x: np.sin(x).sum(), 1e6 * X, np.cos(1e6 * X)),
    "inputs of 1e-8": Hard(lambda x: ((x / 1e-8) ** 3).sum(), 1e-8 * X, 3e8 * X**2),
    "log of 1e-8": Hard(lambda x: np.log(x).sum(), 1e-8 * np.abs(X), 1e8 / np.abs(X)),
    "log of 1e-9 beside 1e6": Hard(lambda x: np.log(x).sum(), np.array([1e-9, 1, 1e6]), np.array([1e9, 1, 1e-6])),
    "an error beyond x = 0": Hard(
        lambda x: np.log(x[0]) if np.iscomplexobj(x) else math.log(x[0]), np.array([1e-7]), np.array([1e7])
    ),
    "1/x near 0": Hard(lambda x: (1 / x).sum(), TINY, -1 / TINY**2),
    "square root near 0": Hard(lambda x: np.sqrt(x).sum(), np.abs(TINY), 0.5 / np.sqrt(np.abs(TINY))),
    # Curved, but smooth.
    "sin(1e7 x)": Hard(lambda x: np.sin(1e7 * x).sum(), X, 1e7 * np.cos(1e7 * X)),
    "sin(1e7 x) at 0": Hard(lambda x: np.sin(1e7 * x).sum(), ZEROS, 1e7 * ONES),
    "cos(1e7 x) at 0": Hard(lambda x: np.cos(1e7 * x).sum() + x.sum(), ZEROS, ONES),
    "sin(1e4 x)": Hard(lambda x: np.sin(1e4 * x).sum(), X, 1e4 * np.cos(1e4 * X)),
    "small waves": Hard(lambda x: np.sin(x).sum() + 1e-6 * np.sin(1e5 * x).sum(), X, np.cos(X) + 0.1 * np.cos(1e5 * X)),
    "a step of width 1e-6": Hard(
        lambda x: np.tanh(1e6 * x).sum(), np.array([1e-7, 0.0]), 1e6 / np.cosh([0.1, 0.0]) ** 2
    ),
    "a peak of width 1e-6": Hard(lambda x: np.exp(-(((x - X) / 1e-6) ** 2)).sum() + x.sum(), X, np.ones(6)),
    "a corner rounded at 1e-9": Hard(lambda x: (np.sqrt(x**2 + 1e-18) + x).sum(), ZEROS, ONES),
    "x⁴ at 0": Hard(lambda x: (x**4).sum(), ZEROS, ZEROS),
    "1 + x⁴ at 0": Hard(lambda x: 1 + (x**4).sum(), ZEROS, ZEROS),
    "x³ at 0": Hard(lambda x: (x**3 + x).sum(), ZEROS, ONES),
    "a power of 9": Hard(lambda x: (x**9).sum(), X, 9 * X**8),
    # Kinks.
    "relu": Hard(lambda x: relu(x).sum(), X, (X > 0) * 1.0),
    "relu, a kink at one of three": Hard(lambda x: relu(x).sum(), np.array([0.0, 1, -1]), np.array([0.0, 1, 0])),
    "relu, all at the kink": Hard(lambda x: relu(x).sum(), ZEROS, ZEROS, central="refuses"),
    "a maximum": Hard(lambda x: x[np.argmax(x.real)], X, (X == X.max()) * 1.0),
    "sorted": Hard(lambda x: (x[np.argsort(x.real)] * np.arange(6)).sum(), X, np.argsort(np.argsort(X)) * 1.0),
    "a kink 1e-9 beside": Hard(
        lambda x: np.where(x.real > 1e-9, 2 * x, x).sum(), np.array([0.0, 1.0]), np.array([1.0, 2.0])
    ),
    "a kink 1e-6 beside": Hard(lambda x: relu(x - 1e-6).sum(), ZEROS, ZEROS),
    "a kink 1e-9 beside, on the other side": Hard(lambda x: relu(x + 1e-9).sum(), ZEROS, ONES),
    "the square of relu at 0": Hard(lambda x: (relu(x) ** 2).sum(), ZEROS, ZEROS),
    "the square of relu at 0 and beside": Hard(
        lambda x: (relu(x) ** 2).sum(), np.array([0.0, 0, 1, -1]), np.array([0.0, 0, 2, 0])
    ),
    "x|x| at 0": Hard(lambda x: (np.sign(x.real) * x * x).sum(), ZEROS, ZEROS),
    "x|x| + x at 0": Hard(lambda x: (np.sign(x.real) * x * x + x).sum(), ZEROS, ONES),
    # Flat.
    "constant": Hard(lambda x: 3 + 0 * x.sum(), X, 0 * X),
    "all units dead": Hard(lambda x: relu(x).sum(), -np.abs(X), 0 * X),
    "a minimum": Hard(lambda x: 0.5 + ((x - 1) ** 2).sum(), ONES, ZEROS),
    "near a minimum": Hard(lambda x: 0.5 + ((x - 1) ** 2).sum(), ONES + 1e-7, 2 * ((ONES + 1e-7) - 1)),
    "a kink in the noise": Hard(
        lambda x: 1e6 + np.exp(x).sum() + 1e-4 * relu(x).sum(),
        np.array([0.3, 0, 0]),
        np.exp([0.3, 0, 0]) + [1e-4, 0, 0],
    ),
    "several kinks at once": Hard(
        lambda x: 2 * relu(x[0]) - relu(-x[0]) + (x[1:] ** 2).sum(),
        np.array([0.0, 1, 2, 3]),
        np.array([0.0, 2, 4, 6]),
        central="refuses",
        complex="passes",
    ),
    # What the complex step can't see.
    "L1 with exact zeros": Hard(
        lambda x: ((x - 1) ** 2).sum() + 0.7 * np.abs(x).sum(),
        np.array([0.5, 0, -1.2, 0.3]),
        2 * np.array([-0.5, -1, -2.2, -0.7]) + 0.7 * np.array([1, 0, -1, 1]),
        complex="refuses",
    ),
    "vdot and a large constant": Hard(lambda x: 1e9 + np.vdot(x, x) + x.sum(), X, 2 * X + 1, complex="refuses"),
    "vdot beside 1e9": Hard(
        lambda x: x[0] + 100 * np.vdot(x[1:], x[1:]) + x[1],
        np.array([1e9, 0.5]),
        np.array([1.0, 101]),
        complex="refuses",
    ),
    "abs": Hard(lambda x: (np.abs(x) * x + x).sum(), X, 2 * np.abs(X) + 1, complex="refuses"),
    "vdot": Hard(lambda x: np.vdot(x, x) + x.sum(), X, 2 * X + 1, complex="refuses"),
    "conj": Hard(lambda x: (x.conj() * x * x).sum(), X, 3 * X**2, complex="refuses"),
    "norm": Hard(lambda x: np.linalg.norm(x) + x.sum(), X, X / np.linalg.norm(X) + 1, complex="refuses"),
    "the real part of a term": Hard(lambda x: (x.real**2 + x).sum(), X, 2 * X + 1, complex="refuses"),
    "a real buffer": Hard(into_real_buffer, X, 2 * X + 3 * X**2, complex="refuses"),
    "float()": Hard(lambda x: float(x[0]) ** 2 + (x**2).sum(), X, 2 * X + 2 * X * np.eye(6)[0], complex="refuses"),
    "rounded in between": Hard(lambda x: (np.round(x, 13) ** 2 + x).sum(), X, 2 * X + 1, complex="refuses"),
}


def answer(hard, gradient, method):
    """ "passed", "failed" (an entry is wrong) or "refused" (with the reason)."""
    try:
        loss = lambda params: hard.loss(params["x"])  # noqa: E731
        with np.errstate(all="ignore"):
            report = gradcheck(loss, {"x": hard.x}, {"x": gradient}, method=method, raise_on_failure=False)
    except (TypeError, ValueError) as error:
        assert str(error).startswith("loss: expected") or "complex" in str(error), error
        return "refused"
    if report.passed:
        assert report.parameters[0].checked >= 0.25 * hard.x.size
        return "passed"
    assert report.failures or report.problems
    return "failed" if report.failures and not report.problems else "refused"


def wrong_gradients(right):
    yield right + 0.5 * (np.abs(right).max() or 1.0)
    if np.any(right):
        yield from (-right, 1.2 * right, 0 * right)


def test_there_are_enough_of_them():
    assert len(LOSSES) >= 40


@pytest.mark.parametrize("method", ("central", "complex"))
@pytest.mark.parametrize("name", LOSSES)
def test_the_right_gradient_of_a_hard_loss(name, method):
    hard = LOSSES[name]
    expected = {"passes": "passed", "refuses": "refused"}[getattr(hard, method)]
    assert answer(hard, hard.gradient, method) == expected


@pytest.mark.parametrize("method", ("central", "complex"))
@pytest.mark.parametrize("name", LOSSES)
def test_wrong_gradients_of_a_hard_loss(name, method):
    hard = LOSSES[name]
    for wrong in wrong_gradients(hard.gradient):
        assert answer(hard, wrong, method) != "passed", wrong


@pytest.mark.parametrize("seed", range(20))
def test_layers_of_random_size_and_scale_in_float32_and_float64(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(rng.integers(1, 30)) * 10 ** rng.uniform(-2, 2)
    A, c = rng.standard_normal((x.size, 4)) / np.sqrt(x.size) / np.abs(x).max(), rng.standard_normal(4)
    right = A @ (c * (1 - np.tanh(x @ A) ** 2))
    for dtype, size in ((np.float64, 1), (np.float32, 1), (np.float64, 1e-15), (np.float64, 1e12)):
        hard = Hard(
            lambda x: size * float(np.tanh(x.astype(dtype) @ A.astype(dtype)) @ c.astype(dtype)),  # noqa: B023
            x,
            size * right,
        )
        assert answer(hard, hard.gradient, "central") == "passed"
        for wrong in (-1, 0, 1.2):
            assert answer(hard, wrong * hard.gradient, "central") != "passed"


@pytest.mark.parametrize("seed", range(40))
def test_a_layer_with_one_unit_close_to_its_kink(seed):
    """However close: the right gradient is passed or refused, never called wrong, and wrong ones don't pass."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(rng.integers(1, 5)) * 10 ** rng.uniform(-2, 2)
    A, b, c = rng.standard_normal((x.size, 4)) / np.abs(x).max(), rng.standard_normal(4), rng.standard_normal(4)
    b[0] = -x @ A[:, 0] + 10 ** rng.uniform(-13, -1) * rng.choice([-1, 1])
    z = x @ A + b
    for power, slope in ((1, 1.0 * (z > 0)), (2, 2 * np.maximum(z, 0))):
        hard = Hard(lambda x: (np.maximum(x @ A + b, 0) ** power) @ c, x, A @ (c * slope))  # noqa: B023
        assert answer(hard, hard.gradient, "central") != "failed"
        for wrong in (-1, 0, 1.2):
            if np.any(hard.gradient):
                assert answer(hard, wrong * hard.gradient, "central") != "passed"
