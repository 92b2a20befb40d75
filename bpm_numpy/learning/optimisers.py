"""The optimiser, and clipping of the gradient. Plain functions: new parameters and a new state come back.

    clip_gradient_norm   shortens the whole gradient, keeping its direction
    adam_init, adam      Adam (Kingma & Ba 2015)
    decay_parameters     weight decay, apart from the gradient

Parameters, gradients and the parts of a state are dicts, parameter name -> array, all of one dtype, float32
or float64, which the results keep. ``params`` and ``grads.params`` of a PlasticNetwork are such dicts.

Raised by all: TypeError for another type or dtype, ValueError for a missing, unknown or misshapen parameter,
for NaN or infinity and for a hyperparameter out of its range; each names the argument, and the parameter.
"""

from typing import NamedTuple

import numpy as np

from ..arguments import LAST, check_arrays, check_count, check_names, check_number

FLOATS = (np.float32, np.float64)


class AdamState(NamedTuple):
    """m, v: dicts like the parameters, running means of gradient and its square; steps: taken so far."""

    m: dict
    v: dict
    steps: int


def clip_gradient_norm(grads, max_norm):
    """Scale all gradients by one factor, so that their common L2 norm is at most max_norm -> new dict, norm.

        norm = √(Σ over all entries of all arrays, g²),    g ← g · min(1, max_norm / norm)

    The norm that comes back is the one before clipping. max_norm is above 0. ValueError for a norm that no float holds.
    """
    dtype, _ = _check_params("grads", grads)
    check_number("max_norm", max_norm, above=0)
    # Relative to the largest entry, so that no square overflows or vanishes.
    largest = max(float(np.abs(g).max(initial=0)) for g in grads.values())
    scale = largest or 1.0
    relative = float(np.sqrt(sum(np.square(g / scale, dtype=np.float64).sum() for g in grads.values())))
    norm = scale * relative
    if np.isinf(norm):
        raise ValueError(f"grads: expected a norm that fits a float, got {relative} times {scale}")
    factor = float(max_norm) / norm if norm > max_norm else 1.0
    if factor < np.finfo(dtype).tiny:  # the dtype would round it, to 0 at last
        return _arrays({name: g / scale * (float(max_norm) / relative) for name, g in grads.items()}, dtype), norm
    return _arrays({name: g * factor for name, g in grads.items()}, dtype), norm


def adam_init(params):
    """The state before the first step: m and v 0, no steps."""
    return AdamState(_zeros(params), _zeros(params), 0)


def adam(params, grads, state, *, learning_rate, rate_factors=None, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step of Adam (Kingma & Ba 2015, algorithm 1), the t-th, counted from 1 -> params, AdamState.

        m ← beta1 m + (1 - beta1) g            running mean of the gradient
        v ← beta2 v + (1 - beta2) g²           and of its square
        p ← p - learning_rate · m̂ / (√v̂ + eps),    m̂ = m / (1 - beta1^t),  v̂ = v / (1 - beta2^t)

    Why the corrections: unrolled, m_t = (1 - beta1) Σ_{k=1}^{t} beta1^{t-k} g_k. These weights sum to
    1 - beta1^t, not to 1, because m started at 0; dividing by it makes m̂ a mean. So does it for v̂.

    |m̂| / √v̂ is about 1 while a gradient keeps its sign and small while it flips: learning_rate is roughly the
    length of a step in every coordinate, whatever the scale of the gradient.

    learning_rate is at least 0; ``rate_factors``: dict, parameter name -> a factor of at least 0 on it, 1 for all names
    that are not there; beta1 and beta2 are in [0, 1); eps is above 0 and finite, in the dtype too. ValueError as well
    for gradients whose square, and steps whose end, the dtype cannot hold: the next step could not begin there.
    """
    dtype, shapes = _check_params("params", params)
    check_arrays("grads", grads, shapes, (dtype,))
    check_adam_state("state", state, shapes, dtype)
    check_number("learning_rate", learning_rate, at_least=0)
    rate_factors = {} if rate_factors is None else rate_factors
    check_names("rate_factors", rate_factors, params, complete=False)
    for name, factor in rate_factors.items():
        check_number(f"rate_factors[{name!r}]", factor, at_least=0)
    check_number("beta1", beta1, at_least=0, below=1)
    check_number("beta2", beta2, at_least=0, below=1)
    check_number("eps", eps, above=0, dtype=dtype)
    learning_rate, beta1, beta2, eps = float(learning_rate), float(beta1), float(beta2), float(eps)

    t = int(state.steps) + 1
    m = {name: beta1 * state.m[name] + (1 - beta1) * grads[name] for name in params}
    moved = {}
    with np.errstate(over="ignore", invalid="ignore"):  # looked for below
        v = {name: beta2 * state.v[name] + (1 - beta2) * grads[name] ** 2 for name in params}
        for name, p in params.items():
            m_hat, v_hat = m[name] / (1 - beta1**t), v[name] / (1 - beta2**t)
            rate = learning_rate * float(rate_factors.get(name, 1))
            moved[name] = p - rate * m_hat / (np.sqrt(v_hat) + eps)
        moved, m, v = (_arrays(values, dtype) for values in (moved, m, v))
    for name in params:
        if not np.isfinite(v[name]).all():
            raise ValueError(f"grads[{name!r}]: expected numbers whose square fits {dtype}, got larger ones")
        if not np.isfinite(moved[name]).all():
            raise ValueError(f"params[{name!r}]: expected a step that stays in {dtype}, got one that leaves it")
    return moved, AdamState(m, v, t)


def decay_parameters(params, decay):
    """p ← (1 - share) p for each parameter in ``decay``, a dict of name -> share in [0, 1); the others stay -> params.

    A parameter shrinks by the same share whatever its gradient is (Loshchilov & Hutter 2019). With a penalty on p² in
    the loss it would not, since Adam divides the penalty's gradient by the size of the whole gradient.
    """
    dtype, _ = _check_params("params", params)
    check_names("decay", decay, params, complete=False)
    for name, share in decay.items():
        check_number(f"decay[{name!r}]", share, at_least=0, below=1)
    return params | _arrays({name: (1 - float(share)) * params[name] for name, share in decay.items()}, dtype)


def check_adam_state(name, state, shapes, dtype):
    """``state`` is an AdamState of parameters of these ``shapes`` (dict) and ``dtype``: TypeError or ValueError."""
    if not isinstance(state, AdamState):
        raise TypeError(f"{name}: expected AdamState, got {type(state).__name__}")
    check_arrays(f"{name}.m", state.m, shapes, (dtype,))
    check_arrays(f"{name}.v", state.v, shapes, (dtype,))
    for key, v in state.v.items():
        if (v < 0).any():
            raise ValueError(f"{name}.v[{key!r}]: expected numbers of at least 0, means of squares, got {v.min()}")
    check_count(f"{name}.steps", state.steps, smallest=0, largest=LAST)


def _check_params(name, values):
    """``values`` is a dict of at least one array, all of one float dtype -> that dtype, shapes (dict)."""
    if not isinstance(values, dict):
        raise TypeError(f"{name}: expected a dict of parameter name -> array, got {type(values).__name__}")
    if not values:
        raise ValueError(f"{name}: expected at least one parameter, got an empty dict")
    shapes = {key: getattr(value, "shape", ()) for key, value in values.items()}
    dtype = getattr(next(iter(values.values())), "dtype", None)
    check_arrays(name, values, shapes, (dtype,) if dtype in FLOATS else FLOATS)
    return dtype, shapes


def _zeros(params):
    dtype, shapes = _check_params("params", params)
    return {name: np.zeros(shape, dtype) for name, shape in shapes.items()}


def _arrays(values, dtype):
    """Arithmetic turns 0-d arrays into NumPy scalars; back to arrays."""
    return {name: np.asarray(value, dtype) for name, value in values.items()}
