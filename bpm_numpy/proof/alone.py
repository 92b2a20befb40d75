"""A part alone, as functions of one dict of inputs: are shapes, dtypes and derivatives what they should be?

Every entry of backward is held against the complex step and against central differences, jvp against the complex step.
What a part is given is read-only here, so that a part that writes into it is found; backward is called twice with one
cache, so that a part that writes into that is found too.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .findings import Finding, raised
from .gradcheck import gradcheck

STEP = 1e-30  # of the complex step
TOLERANCE = 1e-10


class Case(NamedTuple):
    """A part as three functions of dicts, and the names of its outputs.

    forward(inputs) -> list of outputs (None where there is none), cache; backward(d_outputs, cache) -> dict of
    gradients; jvp(tangents, cache) -> tangents of the outputs.
    """

    forward: Callable
    backward: Callable
    jvp: Callable
    outputs: tuple


def check_alone(title, case, inputs, rng, at_kink=False):
    """The Findings about a Case at ``inputs``; random numbers come from the Generator ``rng``.

    ``at_kink``: central differences say nothing there, and the complex step only where one entry alone moves. So jvp is
    held against backward instead, by <v, J u> = <Jᵀ v, u>.
    """
    try:
        outputs, cache = case.forward(inputs)
        d_outputs = [None if value is None else read_only(rng.standard_normal(value.shape)) for value in outputs]
        tangents = draw(rng, {name: value.shape for name, value in inputs.items()})
        grads, again = (case.backward(d_outputs, cache) for _ in range(2))
        t_outputs = case.jvp(tangents, cache)
        wrong = wrong_shapes(case, inputs, outputs, grads, t_outputs)
        wrong = wrong or wrong_dtypes(case, inputs, d_outputs, tangents)
        if not wrong and any(not np.array_equal(grads[name], again[name]) for name in grads):
            wrong = ["backward: expected the same gradients from the same cache, got others (does it write into it?)"]
        findings = [Finding(f"{title}shapes and dtypes", len(inputs) + len(outputs), 0.0, "; ".join(wrong))]
        if wrong:
            return findings
        for method in ("complex",) if at_kink else ("complex", "central"):
            findings.append(check_backward(title, case, inputs, d_outputs, grads, method))
        if at_kink:
            by_backward, by_jvp = _inner(grads.values(), map(tangents.get, grads)), _inner(d_outputs, t_outputs)
            names, wrong = (" and ".join(case.outputs),), "jvp: wrong tangent of"
            return [*findings, compare(f"{title}jvp, backward", names, [by_backward], [by_jvp], wrong)]
        moved, _ = case.forward({name: value + 1j * STEP * tangents[name] for name, value in inputs.items()})
        numeric = [None if value is None else np.imag(value) / STEP for value in moved]
        findings.append(compare(f"{title}jvp, complex", case.outputs, numeric, t_outputs, "jvp: wrong tangent of"))
        return findings
    except Exception as error:  # a part of one's own may do anything; what it did is the finding
        return [raised(f"{title}runs", error)]


def check_backward(title, case, inputs, d_outputs, grads, method):
    """The Finding about every entry of every gradient, by a method of ``gradcheck``."""

    def loss(given):
        return _inner(d_outputs, case.forward(given)[0])

    report = gradcheck(loss, inputs, grads, method=method, raise_on_failure=False)
    names = ", ".join(row.name for row in report.parameters if row.failed)
    wrong = "" if report.passed else f"backward: wrong gradient of {names}\n{report}"
    compared = sum(row.checked for row in report.parameters)
    return Finding(f"{title}backward, {method}", compared, report.max_relative_error, wrong)


def wrong_shapes(case, inputs, outputs, grads, t_outputs):
    """list of what is wrong with the names and shapes of gradients and tangents."""
    wrong = []
    for name, value, t in zip(case.outputs, outputs, t_outputs):
        if (value is None) != (t is None) or (value is not None and np.shape(t) != np.shape(value)):
            wrong.append(f"jvp: expected a tangent of {name} like it, got {_describe(t)} for {_describe(value)}")
    for name, value in inputs.items():
        if grads.get(name) is None:
            wrong.append(f"backward: expected a gradient of {name}, got none")
        elif np.shape(grads[name]) != value.shape:
            wrong.append(f"backward: expected a gradient of {name} of shape {value.shape}, got {np.shape(grads[name])}")
    others = [name for name in grads if name not in inputs]
    return wrong + [f"backward: expected gradients of its inputs, got one of {name}" for name in others]


def wrong_dtypes(case, inputs, d_outputs, tangents):
    """list of what isn't float32 where all that a part is given is."""
    d_outputs = [None if value is None else value.astype(np.float32) for value in d_outputs]
    outputs, cache = case.forward(_single(inputs))
    results = {
        "forward": dict(zip(case.outputs, outputs)),
        "backward": case.backward(d_outputs, cache),
        "jvp": dict(zip(case.outputs, case.jvp(_single(tangents), cache))),
    }
    return [
        f"{function}: expected float32 from float32, got {np.asarray(value).dtype} for {name}"
        for function, values in results.items()
        for name, value in values.items()
        if value is not None and np.asarray(value).dtype != np.float32
    ]


def compare(what, names, expected, found, wrong):
    """The Finding that holds arrays against others of the same names, None where there is none.

    The error is the largest difference, relative to the largest entry of its array, or to 1. ``wrong``: how a message
    begins; it ends with the names of those that differ.
    """
    errors, compared = {}, 0
    for name, a, b in zip(names, expected, found):
        if a is not None:
            a, b = np.asarray(a, float), np.asarray(b)
            errors[name] = float(np.abs(a - b).max() / max(np.abs(a).max(), 1)) if a.shape == b.shape else np.inf
            compared += a.size
    failed = [name for name, error in errors.items() if not error <= TOLERANCE]
    return Finding(
        what, compared, float(np.max(list(errors.values()))), f"{wrong} {', '.join(failed)}" if failed else ""
    )


def draw(rng, shapes):
    """dict: name -> read-only array of order 1, for names and shapes."""
    return {name: read_only(np.asarray(0.8 * rng.standard_normal(shape))) for name, shape in shapes.items()}


def read_only(array):
    """The same array; from now on, whoever writes into it raises ValueError."""
    array.flags.writeable = False
    return array


def _inner(ones, others):
    """Σ one · other over arrays; None stands for none."""
    return sum((a * b).sum() for a, b in zip(ones, others) if a is not None)


def _single(arrays):
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def _describe(value):
    return "None" if value is None else f"an array of shape {np.shape(value)}"
