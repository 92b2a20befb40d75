"""The grader: right answers pass, unwritten ones don't stop anything, wrong ones are told where to look."""

import numpy as np
import pytest

from bpm_numpy.tutorial.grader import Exercise, grade

CLIP = Exercise(
    lambda u: np.clip(u, -1, 1),
    lambda rng: {"u": 2 * rng.standard_normal((3, 3))},
    {"(b): what was cut has no gradient": lambda d, u: {"u": d}},
)
PRODUCT = Exercise(
    lambda h, p: np.outer(h, p),
    lambda rng: {"h": rng.standard_normal(3), "p": rng.standard_normal(3)},
    {
        "(e): dh has lost the factor p": lambda dX, h, p: {"h": dX.sum(axis=1)},
        "(e): pre and post exchanged": lambda dX, h, p: {"h": dX.T @ p, "p": dX @ h},
    },
)
STEPS = Exercise(lambda a: a**2, lambda rng: {"a": rng.standard_normal(5)}, {})


def product(dX, h, p):
    return {"h": dX @ p, "p": h @ dX}


def said(exercise, function, seed=0):
    return grade(exercise, function, np.random.default_rng(seed))


def test_a_right_answer_is_right():
    verdict = said(PRODUCT, product)
    assert verdict.right and repr(verdict) == "product: right; 6 entries compared, all agree"
    assert said(CLIP, lambda d, u: d * (np.abs(u) <= 1)).right  # one array is enough where one is wanted


def test_an_unwritten_one_is_said_to_be_so():
    def nothing(d, u): ...

    def refused(d, u):
        raise NotImplementedError

    for function in (nothing, refused):
        verdict = said(CLIP, function)
        assert verdict.text == f"{function.__name__}: not written yet (it returns nothing)"
        assert not verdict.written and not verdict.right


@pytest.mark.parametrize(
    "function, expected",
    [
        (lambda dX, h, p: {"h": dX.sum(axis=1), "p": h @ dX}, "wrong in dh. Look at (e): dh has lost the factor p"),
        (lambda dX, h, p: {"h": dX.T @ p, "p": dX @ h}, "wrong in dh, dp. Look at (e): pre and post exchanged"),
        (lambda dX, h, p: {"h": -dX @ p, "p": h @ dX}, "dh (its sign is wrong)"),
        (lambda dX, h, p: {"h": 2 * dX @ p, "p": h @ dX}, "dh (it is 2 times the right one)"),
        (lambda dX, h, p: {"h": 0 * h, "p": h @ dX}, "dh (it is 0: a path is missing)"),
        (lambda dX, h, p: {"h": dX @ p + 1, "p": h @ dX}, "No mistake that we know gives this. Right: dp. Write"),
        (lambda dX, h, p: {"h": dX @ p * [1, 1, 2], "p": h @ dX}, "dh (67% of its entries are right)"),
        (lambda dX, h, p: {"dh": dX @ p, "dp": h @ dX}, "each of h, p, by these names, got dh, dp"),
        (lambda dX, h, p: {"h": dX, "p": h @ dX}, "expected dh of shape (3,), like h, got (3, 3)"),
        (lambda dX, h, p: dX @ p, "expected a dict of gradients for h, p, got ndarray"),
        (lambda dX, h, p: dX @ np.ones(4), "it stops with ValueError"),
    ],
)
def test_a_wrong_one_is_told_where_to_look(function, expected):
    verdict = said(PRODUCT, function)
    assert verdict.written and not verdict.right and expected in verdict.text, verdict.text


def test_a_gradient_off_by_one_step_is_recognised():
    assert "off by one step" in said(STEPS, lambda d, a: np.roll(2 * a * d, 1)).text


def test_inputs_can_not_be_written_to():
    def writes(d, u):
        u += 1
        return {"u": d}

    assert "read-only" in said(CLIP, writes).text and "write dh = dh + dp" in said(CLIP, writes).text


def test_of_one_number_no_multiple_is_named():
    number = Exercise(lambda c: c**2, lambda rng: {"c": rng.standard_normal()}, {})
    assert "Right: none. Write one entry of dc on paper" in said(number, lambda d, c: d * c).text
