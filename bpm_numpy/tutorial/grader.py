"""The grader: a reader writes a backward pass, ``gradcheck`` judges it, and planted mistakes say where to look.

    CLIP = Exercise(
        forward=lambda u: np.clip(u, -1, 1),
        draw=lambda rng: {"u": 2 * rng.standard_normal((3, 3))},
        mistakes={"(b): what was cut has no gradient": lambda d, u: {"u": d}},
    )

    def clip_backward(d, u):
        ...                                  # your turn: return {"u": ...}

    grade(CLIP, clip_backward, rng)          # prints "clip_backward: not written yet (it returns nothing)"

A function that is not written yet returns None; "Run all" goes on. One that is wrong is compared with what each planted
mistake would return, then with its own sign, transpose, multiple and neighbours; the first that fits is named. If none
does, the verdict says so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..proof.gradcheck import gradcheck


class Exercise(NamedTuple):
    """A backward pass to be written.

    forward(**inputs) -> the output, an array, or a tuple of arrays; draw(rng) -> inputs, a dict of arrays, of order 1
    and of sizes that differ; wanted: names of the inputs whose gradients are asked for, all of them if empty.
    mistakes: dict, what to say -> the wrong function, called as the reader's one is: (d_outputs ..., **inputs), which
    returns a dict of gradients, or a part of it: what it leaves out is right. What to say names the line of the
    derivation.
    """

    forward: Callable
    draw: Callable
    mistakes: dict
    wanted: tuple = ()


class Verdict(NamedTuple):
    """What the grader says: ``text``; ``written`` and ``right``, whether the function is. Shown as its text."""

    text: str
    written: bool
    right: bool

    def __repr__(self):
        return self.text


def grade(exercise, backward, rng):
    """Judge a reader's function -> Verdict. It is called as backward(d_output, ..., **inputs) and returns a dict of
    gradients by the inputs' names; or a single array where one is wanted. Random numbers come from the Generator rng.
    """
    name = backward.__name__
    inputs = {key: _read_only(value) for key, value in exercise.draw(rng).items()}
    outputs = _tuple(exercise.forward(**inputs))
    d_outputs = [_read_only(rng.standard_normal(np.shape(output))) for output in outputs]
    wanted = exercise.wanted or tuple(inputs)
    try:
        grads = backward(*d_outputs, **inputs)
    except NotImplementedError:
        grads = None
    except Exception as error:  # a reader's function may do anything; what it did is the verdict
        said = f"{name}: it stops with {type(error).__name__}: {error}"
        if "read-only" in str(error):  # the words of NumPy
            said += ". It writes into an array that it was given: write dh = dh + dp, not dh += dp"
        return Verdict(said, True, False)
    if grads is None or grads is Ellipsis:
        return Verdict(f"{name}: not written yet (it returns nothing)", False, False)
    if not isinstance(grads, dict) and len(wanted) == 1:
        grads = {wanted[0]: grads}
    said = _form(grads, inputs, wanted)
    if said:
        return Verdict(f"{name}: {said}", True, False)

    def loss(moved):
        return sum((d * out).sum() for d, out in zip(d_outputs, _tuple(exercise.forward(**inputs | moved))))

    at = {key: np.array(inputs[key]) for key in wanted}
    grads = {key: np.asarray(grads[key], float) for key in wanted}
    report = gradcheck(loss, at, grads, raise_on_failure=False)
    if report.passed:
        entries = sum(row.checked for row in report.parameters)
        return Verdict(f"{name}: right; {entries} entries compared, all agree", True, True)
    wrong = [row.name for row in report.parameters if row.failed]
    right = _numerical(loss, at)
    where = _planted(exercise, d_outputs, inputs, grads, right) or _unknown(wrong, grads, right)
    return Verdict(f"{name}: wrong in {_names(wrong)}. {where}", True, False)


def _names(keys):
    return ", ".join(f"d{key}" for key in keys)


def _unknown(wrong, grads, right):
    """What can be said of gradients that no planted mistake gives."""
    found = {key: _looks_like(grads[key], right[key]) for key in wrong}
    if any(found.values()):
        return "Look at " + "; ".join(f"d{key} ({words})" for key, words in found.items() if words)
    good = _names(key for key in grads if key not in wrong)
    first = _names(wrong[:1])
    return f"No mistake that we know gives this. Right: {good or 'none'}. Write one entry of {first} on paper"


def _form(grads, inputs, wanted):
    """What is wrong with the form of the answer, or nothing."""
    if not isinstance(grads, dict):
        return f"expected a dict of gradients for {', '.join(wanted)}, got {type(grads).__name__}"
    missing = [key for key in wanted if grads.get(key) is None]
    if missing:
        got = ", ".join(map(str, grads))
        return f"expected a gradient of each of {', '.join(wanted)}, by these names, got {got}"
    for key in wanted:
        if np.shape(grads[key]) != np.shape(inputs[key]):
            return f"expected d{key} of shape {np.shape(inputs[key])}, like {key}, got {np.shape(grads[key])}"
    return ""


def _planted(exercise, d_outputs, inputs, grads, right):
    """What the planted mistake says that gives these gradients; nothing if none does."""
    for text, wrong in exercise.mistakes.items():
        expected = right | {key: np.asarray(value, float) for key, value in wrong(*d_outputs, **inputs).items()}
        if all(_alike(grads[key], expected[key]) for key in grads) and not all(
            _alike(expected[key], right[key]) for key in grads
        ):
            return f"Look at {text}"
    return ""


def _looks_like(grad, right):
    """How a wrong gradient differs from the right one, in words."""
    if not grad.any():
        return "it is 0: a path is missing"
    if _alike(grad, -right):
        return "its sign is wrong"
    if right.ndim == 2 and right.shape[0] == right.shape[1] and _alike(grad, right.T):
        return "pre and post are exchanged: it is the transpose"
    factor = float((grad * right).sum() / max((right * right).sum(), 1e-300))
    if right.size > 1 and _alike(grad, factor * right):  # one number is always a multiple
        return f"it is {factor:.3g} times the right one"
    if right.ndim and _alike(grad[1:], right[:-1]) or right.ndim and _alike(grad[:-1], right[1:]):
        return "it is off by one step"
    share = np.isclose(grad, right, rtol=1e-5, atol=1e-7).mean()
    return f"{share:.0%} of its entries are right" if share else ""


def _numerical(loss, at):
    """The gradient by central differences, entry by entry."""
    grads = {}
    for name, value in at.items():
        grad = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = value.copy()
                moved[index] += step
                ends.append(loss(at | {name: moved}))
            grad[index] = (ends[0] - ends[1]) / 2e-6
        grads[name] = grad
    return grads


def _alike(one, other):
    return bool(np.allclose(one, other, rtol=1e-5, atol=1e-7))


def _tuple(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _read_only(value):
    value = np.array(value, dtype=float)
    value.flags.writeable = False
    return value
