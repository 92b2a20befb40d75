"""One step of the network, (x_t, state) -> (outputs, next state): forward, backward and forward mode.

The three functions at the end compose the equations of ``bpm_numpy.equations``, in the order of the notes:

    y_t           = h_{t-1} W~(t)                       plastic_weights
    h_t, c_t, p_t = the cell, from x_t and y_t          rnn or lstm
    logits, value = the readout of h_t                  readout
    mu(t)         = the rate, M(t), or M(t) fanned out  modulator
    E(t)          = from h_{t-1}, p_t and the trace     eligibility
    Hebb(t+1)     = Clip(Hebb(t) + mu(t) ⊗ E(t))        hebb_update

and ``backward_step`` walks the same list from the bottom to the top. Above them stand three choices, each
again with its forward, backward and jvp side by side: which cell, which drive, which eligibility.
``net`` is a ``PlasticNetwork``; only its options are read.
"""

from typing import NamedTuple

import numpy as np

from .equations.eligibility import (
    TAYLOR_TENSORS,
    outer_backward,
    outer_forward,
    outer_jvp,
    taylor_backward,
    taylor_forward,
    taylor_jvp,
    trace_backward,
    trace_forward,
    trace_jvp,
)
from .equations.hebb_update import hebb_update_backward, hebb_update_forward, hebb_update_jvp
from .equations.lstm import (
    Gates,
    lstm_backward,
    lstm_backward_gates,
    lstm_backward_inputs,
    lstm_forward_gates,
    lstm_inputs,
    lstm_jvp,
    lstm_recurrent,
)
from .equations.modulator import (
    fanout_backward,
    fanout_forward,
    fanout_jvp,
    modulator_backward,
    modulator_backward_z,
    modulator_forward,
    modulator_jvp,
)
from .equations.plastic_weights import plastic_input_backward, plastic_input_forward, plastic_input_jvp
from .equations.readout import readout_backward, readout_forward, readout_jvp
from .equations.rnn import rnn_backward, rnn_backward_inputs, rnn_backward_z, rnn_forward_z, rnn_inputs, rnn_jvp


class State(NamedTuple):
    """All that the network carries from one step to the next; None where a configuration has no use for it.

    h (B, N) hidden state; c (B, N) cell state of the lstm; hebb (B, N, N) the plastic component that the next
    step uses; trace (B, N, N) the eligibility trace after the last outer product X.
    """

    h: np.ndarray
    c: np.ndarray | None = None
    hebb: np.ndarray | None = None
    trace: np.ndarray | None = None


class StepOutput(NamedTuple):
    """logits (B, A), values (B,), modulator (B,): M(t) before fan-out, None unless modulated."""

    logits: np.ndarray
    values: np.ndarray
    modulator: np.ndarray | None


class Step(NamedTuple):
    """What one forward step leaves behind for its backward."""

    x: np.ndarray  # (B, D)
    state: State  # before the step
    h: np.ndarray  # h_t (B, N)
    gates: Gates | None  # of the lstm
    p: np.ndarray  # post-synaptic activity p_t (B, N)
    k: np.ndarray  # input of the last readout layer (B, N or K)
    M: np.ndarray | None  # (B,)
    mu: np.ndarray | None  # drive (B, N) | (B, 1) | (1, 1)
    eligibility: np.ndarray | None  # E(t) (B, N, N)
    inside: np.ndarray | None  # where Clip let the value pass (B, N, N)


# Which cell: p_t is h_t in the rnn and i_t in the lstm.


def cell_forward(net, params, x_t, state, y_t):
    """x_t (B, D), y_t (B, N) -> h_t, c_t, p_t (B, N) and the gates; c_t and gates are None for the rnn."""
    return cell_forward_gates(net, cell_inputs(net, params, x_t), cell_recurrent(net, params), state, y_t)


def cell_backward(net, params, step, dh, dc, dp):
    """dh, dc, dp (B, N) -> dx_t (B, D), dh_prev, dc_prev, dy_t (B, N), gradients; dh_prev leaves y_t's part out."""
    if net.cell == "rnn":
        dx, dy, grads = rnn_backward(dh + dp, step.x, step.h, params)
        return dx, np.zeros_like(dh), None, dy, grads
    return lstm_backward(dh, dc, dp, step.x, step.state.h, step.state.c, step.gates, params, net.reading)


# The same in two parts: what needs no state, for the rows of all steps at once, and what must go step by step.


def cell_inputs(net, params, x):
    """x (R, D) -> what the cell reads of it: (R, N), or (R, 4N) for the lstm."""
    return rnn_inputs(x, params) if net.cell == "rnn" else lstm_inputs(x, params)


def cell_recurrent(net, params):
    """The weights with which the lstm's gates read h_{t-1}, (N, 3N); None for the rnn."""
    return None if net.cell == "rnn" else lstm_recurrent(params)


def cell_forward_gates(net, inputs, W_h, state, y_t):
    """inputs (B, N or 4N) and W_h from the two above, y_t (B, N) -> as ``cell_forward``."""
    if net.cell == "rnn":
        h = rnn_forward_z(inputs, y_t)
        return h, None, h, None
    h, gates = lstm_forward_gates(inputs, state.h, state.c, y_t, W_h, net.reading)
    return h, gates.c, gates.i, gates


def cell_backward_gates(net, W_h, step, dh, dc, dp):
    """Its backward: dh, dc, dp (B, N) -> dz (B, N or 4N), dh_prev (None for zero), dc_prev, dy_t (B, N)."""
    if net.cell == "rnn":
        dz = rnn_backward_z(dh + dp, step.h)
        return dz, None, None, dz
    state = step.state
    dz, dh_prev, dc_prev = lstm_backward_gates(dh, dc, dp, state.h, state.c, step.gates, W_h, net.reading)
    return dz, dh_prev, dc_prev, dz[:, : net.n_hidden]


def cell_backward_inputs(net, params, dz, x, h_prev):
    """Of inputs and W_h, summed over all rows: dz (R, N or 4N), x (R, D), h_prev (R, N) -> dx (R, D), gradients."""
    if net.cell == "rnn":
        return rnn_backward_inputs(dz, x, params)
    return lstm_backward_inputs(dz, x, h_prev, params)


def cell_jvp(net, params, step, t_x, t_state, t_y, t_params):
    """Tangents of h_t, c_t, p_t (B, N)."""
    if net.cell == "rnn":
        t_h = rnn_jvp(step.x, step.h, params, t_x, t_y, t_params)
        return t_h, None, t_h
    x, (h_prev, c_prev, _, _) = step.x, step.state
    tangents = t_x, t_state.h, t_state.c, t_y, t_params
    return lstm_jvp(x, h_prev, c_prev, step.gates, params, net.reading, *tangents)


# Which drive mu(t): the rate, M(t), or M(t) fanned out.


def drive_forward(net, params, h, M=None):
    """h_t (B, N) -> M (B,) or None, mu (B, N) | (B, 1) | (1, 1). A given M (B,) takes the place of the modulator's."""
    if net.plasticity == "hebbian":
        return None, np.reshape(params["rate"], (1, 1))
    if M is None:
        M = modulator_forward(h, params["W_m"], params["b_m"])
    return M, fanout_forward(M, params["W_fan"], params["b_fan"]) if net.fanout else M[:, None]


def drive_backward(net, params, dmu, h, M):
    """dmu (B, N) -> dh_t (B, N), gradients."""
    if net.plasticity == "hebbian":
        return np.zeros_like(h), {"rate": dmu.sum()}
    grads = {}
    if net.fanout:
        dM, grads["W_fan"], grads["b_fan"] = fanout_backward(dmu, M, params["W_fan"])
    else:
        dM = dmu.sum(axis=1)  # (B,)
    dh, grads["W_m"], grads["b_m"] = modulator_backward(dM, h, M, params["W_m"])
    return dh, grads


def drive_backward_z(net, params, dmu, M):
    """Its dh_t (B, N) alone, which must be known step by step; None for zero."""
    if net.plasticity == "hebbian":
        return None
    dM = dmu @ params["W_fan"] if net.fanout else np.add.reduce(dmu, axis=1)  # (B,)
    return modulator_backward_z(dM, M)[:, None] * params["W_m"]  # (B, N)


def drive_jvp(net, params, h, M, t_h, t_params):
    """Tangent of mu, shaped like mu."""
    if net.plasticity == "hebbian":
        return np.reshape(t_params["rate"], (1, 1))
    t_M = modulator_jvp(h, M, params["W_m"], t_h, t_params["W_m"], t_params["b_m"])
    if net.fanout:
        return fanout_jvp(M, params["W_fan"], t_M, t_params["W_fan"], t_params["b_fan"])
    return t_M[:, None]


# Which eligibility E(t): outer product, Taylor series, or trace.


def eligibility_forward(net, params, h_prev, p, trace):
    """h_prev, p (B, N), trace (B, N, N) or None -> E(t) (B, N, N), next trace (B, N, N) or None."""
    if net.eligibility == "taylor":
        return taylor_forward(h_prev, p, *(params[name] for name in TAYLOR_TENSORS)), None
    X = outer_forward(h_prev, p)
    if net.eligibility == "outer":
        return X, None
    trace_next = trace_forward(trace, X, params["eta"])
    return (trace_next if net.reading == "notes" else trace), trace_next


def eligibility_backward(net, params, dE, d_trace_next, h_prev, p, trace):
    """dE, d_trace_next (B, N, N) -> dh_prev, dp (B, N), dtrace (B, N, N) or None, gradients."""
    if net.eligibility == "taylor":
        tensors = (params[name] for name in TAYLOR_TENSORS)
        dh_prev, dp, d_tensors = taylor_backward(dE, h_prev, p, *tensors)
        return dh_prev, dp, None, dict(zip(TAYLOR_TENSORS, d_tensors))
    if net.eligibility == "outer":
        return *outer_backward(dE, h_prev, p), None, {}
    X = outer_forward(h_prev, p)
    if net.reading == "notes":  # E(t) is the next trace
        dtrace, dX, deta = trace_backward(d_trace_next + dE, trace, X, params["eta"])
    else:  # E(t) is the trace before X
        dtrace, dX, deta = trace_backward(d_trace_next, trace, X, params["eta"])
        dtrace = dtrace + dE
    return *outer_backward(dX, h_prev, p), dtrace, {"eta": deta}


def eligibility_jvp(net, params, h_prev, p, trace, t_h_prev, t_p, t_trace, t_params):
    """Tangents of E(t) and of the next trace (B, N, N)."""
    if net.eligibility == "taylor":
        tensors = [params[name] for name in TAYLOR_TENSORS]
        t_tensors = [t_params[name] for name in TAYLOR_TENSORS]
        return taylor_jvp(h_prev, p, tensors, t_h_prev, t_p, t_tensors), None
    t_X = outer_jvp(h_prev, p, t_h_prev, t_p)
    if net.eligibility == "outer":
        return t_X, None
    t_next = trace_jvp(trace, outer_forward(h_prev, p), params["eta"], t_trace, t_X, t_params["eta"])
    return (t_next if net.reading == "notes" else t_trace), t_next


# The step itself.


def forward_step(net, params, x_t, state, M=None):
    """x_t (B, D), state at t -> StepOutput, state at t+1, Step. ``M`` as in ``drive_forward``."""
    h_prev, _, hebb, trace = state
    w = params[net.plastic_name]
    if net.plasticity == "none":
        y = h_prev @ w  # (B, N)
    else:
        y = plastic_input_forward(h_prev, w, params["alpha"], hebb)  # (B, N)
    h, c, p, gates = cell_forward(net, params, x_t, state, y)
    logits, values, k = readout_forward(h, params)
    if net.plasticity == "none":
        step = Step(x_t, state, h, gates, p, k, None, None, None, None)
        return StepOutput(logits, values, None), State(h, c), step
    M, mu = drive_forward(net, params, h, M)
    E, trace_next = eligibility_forward(net, params, h_prev, p, trace)
    hebb_next, inside = hebb_update_forward(hebb, mu, E, net.clip)
    step = Step(x_t, state, h, gates, p, k, M, mu, E, inside)
    return StepOutput(logits, values, M), State(h, c, hebb_next, trace_next), step


def backward_step(net, params, step, d_logits, d_values, d_state):
    """d_logits (B, A), d_values (B,), d_state = dL/d(state at t+1) -> dx_t (B, D), dL/d(state at t), gradients.

    ``d_state`` holds the adjoints that arrive from step t+1. Two of them meet the two roles of h_t:

        d_state.h      the part of dL/dh_t that goes through step t+1; the readout's and the modulator's
                       part of THIS step are added here
        d_state.hebb   G = dL/dHebb(t+1); it leaves as dL/dHebb(t) = G ⊗ inside + alpha ⊗ h_{t-1} dy_tᵀ:
                       one path through the update, one through the weights of this step
    """
    h_prev, _, hebb, trace = step.state
    w = params[net.plastic_name]
    dh, grads = readout_backward(d_logits, d_values, step.h, step.k, params)
    dh = dh + d_state.h  # (B, N)

    if net.plasticity == "none":
        dx, dh_prev, dc_prev, dy, cell_grads = cell_backward(net, params, step, dh, d_state.c, np.zeros_like(dh))
        cell_grads[net.plastic_name] = h_prev.T @ dy
        return dx, State(dh_prev + dy @ w.T, dc_prev), grads | cell_grads

    # Hebb(t+1) = Clip(Hebb(t) + mu ⊗ E(t))
    dhebb, dmu, dE = hebb_update_backward(d_state.hebb, step.mu, step.eligibility, step.inside)
    # E(t) from h_{t-1}, p_t and the trace
    dh_prev, dp, dtrace, e_grads = eligibility_backward(net, params, dE, d_state.trace, h_prev, step.p, trace)
    # mu(t) from h_t
    dh_drive, drive_grads = drive_backward(net, params, dmu, step.h, step.M)
    # the cell
    dx, dh_cell, dc_prev, dy, cell_grads = cell_backward(net, params, step, dh + dh_drive, d_state.c, dp)
    # y_t = h_{t-1} W~(t)
    dh_plastic, dw, dalpha, dhebb_weights = plastic_input_backward(dy, h_prev, w, params["alpha"], hebb)

    d_state = State(dh_prev + dh_cell + dh_plastic, dc_prev, dhebb + dhebb_weights, dtrace)
    return dx, d_state, grads | e_grads | drive_grads | cell_grads | {net.plastic_name: dw, "alpha": dalpha}


def jvp_step(net, params, step, t_params, t_x, t_state):
    """t_x (B, D), tangent of the state at t -> tangents of logits (B, A), values (B,) and the state at t+1."""
    h_prev, _, hebb, trace = step.state
    w, t_w = params[net.plastic_name], t_params[net.plastic_name]
    if net.plasticity == "none":
        t_y = t_state.h @ w + h_prev @ t_w  # (B, N)
    else:
        inputs = h_prev, w, params["alpha"], hebb
        t_y = plastic_input_jvp(*inputs, t_state.h, t_w, t_params["alpha"], t_state.hebb)  # (B, N)
    t_h, t_c, t_p = cell_jvp(net, params, step, t_x, t_state, t_y, t_params)
    t_logits, t_values = readout_jvp(step.h, step.k, params, t_h, t_params)
    if net.plasticity == "none":
        return t_logits, t_values, State(t_h, t_c)
    t_mu = drive_jvp(net, params, step.h, step.M, t_h, t_params)
    t_E, t_trace = eligibility_jvp(net, params, h_prev, step.p, trace, t_state.h, t_p, t_state.trace, t_params)
    t_hebb = hebb_update_jvp(step.mu, step.eligibility, step.inside, t_state.hebb, t_mu, t_E)
    return t_logits, t_values, State(t_h, t_c, t_hebb, t_trace)
