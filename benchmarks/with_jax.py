"""The same networks in JAX: ``lax.scan`` over the steps, ``jit`` of ``value_and_grad``. Compiled before it is timed."""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid

from bpm_numpy.state import State


def cell_inputs(net, params, x):
    """What x (..., D) brings to all of the cell's units, (..., N or 4 N)."""
    if net.cell.name == "rnn":
        return x @ params["W_x"] + params["b"]
    W_x, b = (jnp.concatenate([params[name.replace("k", k)] for k in "ijfo"], axis=-1) for name in ("W_kx", "b_k"))
    return x @ W_x + b


def drive(net, params, h):
    """What multiplies E(t) (B, N, N): the rate, M(t), or M(t) fanned out."""
    if net.plasticity == "hebbian":
        return params["rate"]
    M = jnp.tanh(h @ params["W_m"] + params["b_m"])  # (B,)
    if net.modulator.name == "difference":
        M = params["gain"] * (M - jnp.tanh(h @ params["W_m2"] + params["b_m2"]))
    if net.fanout:
        return (M[:, None] * params["W_fan"] + params["b_fan"])[:, None, :]
    return M[:, None, None]


def step(net, params, z, state):
    """z (B, N or 4 N) from ``cell_inputs``, State -> the next one."""
    h_prev, c, hebb, trace = state
    if hebb is None:
        y = h_prev @ params[net.plastic_name]  # (B, N)
    else:
        y = jnp.einsum("bi,bij->bj", h_prev, params[net.plastic_name] + params["alpha"] * hebb)  # (B, N)
    if net.cell.name == "rnn":
        h = p = jnp.tanh(z + y)
    else:
        z_i, z_j, z_f, z_o = jnp.split(z, 4, axis=-1)
        u_j, u_f, u_o = jnp.split(h_prev @ jnp.concatenate([params[f"W_{k}h"] for k in "jfo"], axis=1), 3, axis=-1)
        p = jnp.tanh(z_i + y)
        gate, carry = (jnp.tanh, h_prev) if net.reading == "notes" else (sigmoid, c)
        c = carry * sigmoid(z_f + u_f) + p * gate(z_j + u_j)
        h = jnp.tanh(c) * sigmoid(z_o + u_o)
    if hebb is None:
        return State(h, c)
    E = h_prev[:, :, None] * p[:, None, :]  # (B, N, N)
    if net.rule.name == "trace":
        before, trace = trace, (1 - params["eta"]) * trace + params["eta"] * E
        E = trace if net.reading == "notes" else before
    return State(h, c, jnp.clip(hebb + drive(net, params, h) * E, -net.clip, net.clip), trace)


def readout(params, h):
    return h @ params["W_y"] + params["b_y"], h @ params["W_v"] + params["b_v"]


def arrays(problem):
    """params, x and the initial State of the problem."""
    jax.config.update("jax_enable_x64", bool(problem.net.dtype == np.float64))
    return jax.tree.map(jnp.asarray, problem.split(problem.inputs))


def training(problem):
    params, x, first = arrays(problem)
    d_logits, d_values = jnp.asarray(problem.d_logits), jnp.asarray(problem.d_values)

    def loss(params, x, first):
        def scanned(state, z):
            state = step(problem.net, params, z, state)
            return state, state.h

        _, hs = jax.lax.scan(scanned, first, cell_inputs(problem.net, params, x))
        logits, values = readout(params, hs)
        return (d_logits * logits).sum() + (d_values * values).sum()

    compiled = jax.jit(jax.value_and_grad(loss)).lower(params, x, first).compile()
    return lambda: jax.block_until_ready(compiled(params, x, first))[1]


def acting(problem):
    params, _, state = arrays(problem)
    x_t = problem.inputs["x"][0]

    @jax.jit
    def one(params, x_t, state):
        state = step(problem.net, params, cell_inputs(problem.net, params, x_t), state)
        return readout(params, state.h)[0], state

    def act():
        nonlocal state
        logits, state = jax.block_until_ready(one(params, x_t, state))
        return np.asarray(logits)

    return act


def about():
    return {"jax": jax.__version__, "numpy": np.__version__, "threads": os.cpu_count()}


TRAINING = {"JAX": training}
ACTING = {"JAX": acting}
