"""What must hold of every ``X_forward``, ``X_backward`` and ``X_jvp``, whatever X is: one test for all of them.

Equations, rules, modulators and cells follow one convention, so a ``Case`` is three functions and the shapes of what
they take; ``check`` asks the rest. A file of tests lists its cases and calls it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from configurations import derivative_along, derivative_at, random_like, read_only


class Case(NamedTuple):
    """Three functions in the package's convention.

    forward(*inputs) -> outputs, cache; backward(*d_outputs, cache) -> gradients; jvp(*t_inputs, cache) -> tangents.
    shapes: name -> shape of every input, in order; None for one that is not there. params: name -> shape of the
    parameters, where the first argument of forward and jvp, and the last gradient, is a dict of them.
    """

    forward: Callable
    backward: Callable
    jvp: Callable
    shapes: dict
    params: dict | None = None

    def outputs(self, values):
        """Of all inputs and parameters in one dict: a tuple of the outputs that are there."""
        return present(self._forward(values)[:-1])

    def gradients(self, values, d_outputs):
        """dict like ``values``, from the gradients of the outputs that are there."""
        *outputs, cache = self._forward(values)
        d_outputs = iter(d_outputs)
        grads = self.backward(*(None if output is None else next(d_outputs) for output in outputs), cache)
        grads = grads if isinstance(grads, tuple) else (grads,)
        *grads, own = grads if self.params is not None else (*grads, {})
        named = {name: grad for name, grad in zip(self.shapes, grads, strict=True) if grad is not None}
        assert all(self.shapes[name] is not None for name in named)
        assert not named.keys() & own.keys()
        return {name: shared_axes(grad, self.shapes[name]) for name, grad in named.items()} | own

    def tangents(self, values, t_values):
        """Tuple of the tangents of the outputs that are there."""
        *_, cache = self._forward(values)
        found = self.jvp(*self._arguments(t_values), cache)
        return present(found if isinstance(found, tuple) else (found,))

    def _forward(self, values):
        return self.forward(*self._arguments(values))

    def _arguments(self, values):
        """The arguments of forward or jvp: those that are not there are None."""
        inputs = [values.get(name) for name in self.shapes]
        return inputs if self.params is None else [{name: values[name] for name in self.params}, *inputs]


def of_part(part, net, shapes, leave_out=()):
    """The Case of a rule, a modulator or a cell of ``net``; ``leave_out``: parameters whose gradient is not its own."""
    params = {name: value.shape for name, value in part.parameters(net).items() if name not in leave_out}
    return Case(
        lambda *arguments: part.forward(net, *arguments),
        lambda *arguments: part.backward(net, *arguments),
        lambda *arguments: part.jvp(net, *arguments),
        shapes,
        params,
    )


def present(values):
    return tuple(value for value in values if value is not None)


def shared_axes(grad, shape):
    """Summed over the axes that an input of that shape shares: backward leaves one gradient for each neuron."""
    if np.shape(grad) == shape or len(shape) != np.ndim(grad):
        return grad
    return grad.sum(axis=tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True)


def draw(case, seed):
    """A Generator, random inputs and random gradients of the outputs; all arrays are read-only."""
    rng = np.random.default_rng(seed)
    shapes = {name: shape for name, shape in case.shapes.items() if shape is not None} | (case.params or {})
    values = read_only(random_like(rng, {name: np.zeros(shape) for name, shape in shapes.items()}))
    d_outputs = {number: rng.standard_normal(output.shape) for number, output in enumerate(case.outputs(values))}
    return rng, values, tuple(read_only(d_outputs).values())


def check(case):
    """Derivatives against the complex step, every entry; the same bits when called again; single precision kept.

    All that goes in is read-only, so whoever writes into it raises.
    """
    check_backward(case)
    check_jvp(case)
    check_repeated(case)
    check_single_precision(case)


def check_backward(case):
    _, values, d_outputs = draw(case, seed=0)
    grads = case.gradients(values, d_outputs)
    assert set(grads) == set(values)

    def loss(values):
        return sum((d * output).sum() for d, output in zip(d_outputs, case.outputs(values), strict=True))

    for name, value in values.items():
        numeric = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            numeric[index] = derivative_at(loss, values, name, index)
        assert np.shape(grads[name]) == value.shape, name
        np.testing.assert_allclose(grads[name], numeric, rtol=1e-12, atol=1e-13, err_msg=name)


def check_jvp(case):
    rng, values, _ = draw(case, seed=1)
    t_values = read_only(random_like(rng, values))
    outputs, t_outputs = case.outputs(values), case.tangents(values, t_values)
    assert len(t_outputs) == len(outputs)
    for position, (output, t_output) in enumerate(zip(outputs, t_outputs)):
        numeric = derivative_along(lambda moved, k=position: case.outputs(moved)[k], values, t_values)
        assert np.shape(t_output) == np.shape(output)
        np.testing.assert_allclose(t_output, numeric, rtol=1e-12, atol=1e-13)


def check_repeated(case):
    """One cache serves as often as one likes, whatever was made of the results before."""
    _, values, d_outputs = draw(case, seed=2)
    *_, cache = case._forward(values)
    once = case._replace(forward=lambda *arguments: (*case.forward(*arguments)[:-1], cache))
    first, moved = once.gradients(values, d_outputs), once.tangents(values, values)
    kept = {name: np.array(grad) for name, grad in first.items()}, tuple(map(np.array, moved))
    again, moved_again = once.gradients(values, d_outputs), once.tangents(values, values)
    assert all(np.array_equal(again[name], grad) for name, grad in kept[0].items())
    assert all(np.array_equal(one, other) for one, other in zip(kept[1], moved_again, strict=True))


def check_single_precision(case):
    _, values, d_outputs = draw(case, seed=3)
    values = {name: np.asarray(value, np.float32) for name, value in values.items()}
    d_outputs = [d.astype(np.float32) for d in d_outputs]
    made = [*case.outputs(values), *case.gradients(values, d_outputs).values(), *case.tangents(values, values)]
    assert {np.asarray(value).dtype for value in made} == {np.dtype(np.float32)}
