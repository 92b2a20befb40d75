"""Checks of one layer: its forward pass beside its backward pass, or beside its forward mode.

Of out only the sum Σ d_out ⊗ out is looked at, with a random d_out: a loss, of which ``backward(d_out, cache)`` is
the gradient and Σ d_out ⊗ ``jvp(t_inputs, cache)`` the derivative along t_inputs.
"""

import numpy as np

from ..arguments import check_count, check_generator, check_is_array
from .comparison import compare, read_settings
from .gradcheck import check_gradient, finish
from .trees import check_parameters, leaves, rebuild


def check_vjp(
    forward,
    backward,
    inputs,
    *,
    rng,
    method="central",
    step=None,
    rtol=None,
    atol=None,
    max_entries=None,
    directions=None,
    only=None,
    stop_gradient=False,
    raise_on_failure=True,
):
    """Check the backward pass of one function or layer, without writing a loss.

    Parameters
    ----------
    forward : function of ``inputs`` -> out, cache
        out: an array, or dicts, lists and tuples of arrays. For a function of several arguments write
        ``lambda inputs: forward(*inputs)``. With "complex" it gets complex128 inputs.
    backward : function of d_out, cache -> d_inputs
        d_out is like out, d_inputs like ``inputs``. It is called twice, so it may not write into the cache.
    inputs : array, or dicts, lists and tuples of arrays
    rng : numpy.random.Generator
        Draws d_out, and what ``max_entries`` or ``directions`` ask for.
    method, step, rtol, atol, max_entries, directions, only, stop_gradient, raise_on_failure : as in ``gradcheck``

    Returns and raises as ``gradcheck``; ValueError too if the second backward pass differs from the first.
    """
    check_generator("rng", rng)
    settings = read_settings(method, step, rtol, atol, max_entries, directions, rng, stop_gradient)
    check_parameters("inputs", inputs, only)
    pair = _Pair(forward, inputs, rng)
    d_inputs = backward(pair.d_out(), pair.cache)
    first = {name: np.array(value) for name, value in leaves(d_inputs, "d_inputs").items()}
    second = leaves(backward(pair.d_out(), pair.cache), "d_inputs")
    if first.keys() != second.keys():
        raise ValueError(f"backward: expected the same twice, got {list(first)} and {list(second)}")
    for name, value in first.items():
        if not np.array_equal(value, second[name], equal_nan=value.dtype.kind in "fc"):
            raise ValueError(f"backward: expected the same twice, got another {name}; does it write into the cache?")
    return check_gradient(pair.loss, ("inputs", inputs), ("d_inputs", d_inputs), settings, only, raise_on_failure)


def check_jvp(
    forward,
    jvp,
    inputs,
    *,
    rng,
    method="central",
    step=None,
    rtol=None,
    atol=None,
    directions=3,
    only=None,
    stop_gradient=False,
    raise_on_failure=True,
):
    """Check forward mode: ``jvp(t_inputs, cache)`` against the derivative of ``forward`` along random tangents.

    In each of the inputs ``directions`` tangents are drawn; those of the others are 0. With a gradient as ``forward``
    and its product of Hessian and vector as ``jvp``, this is a check of second derivatives.

    Parameters
    ----------
    forward, inputs : as in ``check_vjp``
    jvp : function of t_inputs, cache -> t_out
        t_inputs is like ``inputs``, t_out like out.
    rng : numpy.random.Generator
        Draws d_out and the tangents.
    directions : int
    method, step, rtol, atol, only, stop_gradient, raise_on_failure : as in ``gradcheck``

    Returns and raises as ``gradcheck``.
    """
    check_generator("rng", rng)
    check_count("directions", directions)
    settings = read_settings(method, step, rtol, atol, None, directions, rng, stop_gradient)
    chosen = check_parameters("inputs", inputs, only)
    pair = _Pair(forward, inputs, rng)

    def analytic(name, where, direction):
        tangents = {other: np.zeros_like(value) for other, value in leaves(inputs, "inputs").items()}
        tangents[name] = direction.astype(chosen[name].dtype)
        return pair.inner(jvp(rebuild(inputs, tangents, "inputs"), pair.cache), "jvp")

    return finish(compare(pair.loss, "inputs", inputs, chosen, analytic, settings), raise_on_failure)


class _Pair:
    """A forward pass at ``inputs``, its cache, and the loss Σ d_out ⊗ out."""

    def __init__(self, forward, inputs, rng):
        self.forward = forward
        copies = {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in leaves(inputs, "inputs").items()}
        self.out, self.cache = self.run(rebuild(inputs, copies, "inputs"))
        self.weights = {}
        for name, value in leaves(self.out, "out").items():
            self.weights[name] = rng.standard_normal(np.shape(value))
            if np.iscomplexobj(value):
                self.weights[name] = self.weights[name] + 1j * rng.standard_normal(np.shape(value))
            self.weights[name] = np.asarray(self.weights[name], np.asarray(value).dtype)

    def run(self, inputs):
        result = self.forward(inputs)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"forward: expected a function that returns out, cache, got {type(result).__name__}")
        out = leaves(result[0], "out")
        for name, value in out.items():
            check_is_array(f"forward: {name}", value)
            if value.dtype.kind not in "fc":
                raise TypeError(f"forward: expected out to be real or complex, got dtype {value.dtype} in {name}")
        if not out:
            raise TypeError("forward: expected an array in out, got none")
        if not any(value.size for value in out.values()):
            raise ValueError("forward: expected numbers in out, got arrays without any")
        return result

    def d_out(self):
        """A fresh copy, that a backward pass may write into."""
        return rebuild(self.out, {name: value.copy() for name, value in self.weights.items()}, "out")

    def loss(self, inputs):
        return self.inner(self.run(inputs)[0], "forward")

    def inner(self, out, function):
        """Σ d_out ⊗ out; the real part of conj(d_out) ⊗ out where out is complex at real inputs."""
        values = leaves(out, "out")
        if {name: np.shape(v) for name, v in values.items()} != {name: v.shape for name, v in self.weights.items()}:
            raise ValueError(f"{function}: expected outputs of the same shapes as those of forward, got other ones")
        terms = [(np.conj(self.weights[name]) * value).sum() for name, value in values.items()]
        terms = [t.real if np.iscomplexobj(self.weights[name]) else t for t, name in zip(terms, values)]
        return sum(terms)
