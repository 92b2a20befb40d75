"""One step of the network, (x_t, state) -> (outputs, next state): forward, backward and forward mode.

The three functions compose the equations, in the order of the notes:

    y_t           = h_{t-1} W~(t)                             equations.plastic_weights
    h_t, c_t, p_t = the cell, from x_t, the state and y_t     cells
    logits, value = the readout of h_t                        equations.readout
    mu(t)         = the rate, M(t), or M(t) fanned out        drive, modulators
    Hebb(t+1)     = the rule: Clip(Hebb(t) + mu(t) ⊗ E(t))    rules

and ``backward_step`` walks the same list from the bottom to the top. ``net`` is a ``PlasticNetwork``; only its options
are read.
"""

from typing import Any, NamedTuple

import numpy as np

from .drive import drive_backward, drive_forward, drive_jvp
from .equations.plastic_weights import plastic_input_backward, plastic_input_forward, plastic_input_jvp
from .equations.readout import readout_backward, readout_forward, readout_jvp
from .state import State, StepOutput


class Caches(NamedTuple):
    """The cache of each line of the step; those of plasticity are None without it (``weights``: h_{t-1} and w)."""

    weights: Any
    cell: Any
    readout: Any
    drive: Any = None
    rule: Any = None


class Step(NamedTuple):
    """What one forward step leaves behind, for its backward and for those who want to look at it."""

    x: np.ndarray  # (B, D)
    state: State  # before the step
    h: np.ndarray  # h_t (B, N)
    c: np.ndarray | None  # c_t
    p: np.ndarray  # post-synaptic activity p_t (B, N)
    M: np.ndarray | None  # (B,)
    mu: np.ndarray | None  # drive (B, N) | (B, 1) | (1, 1)
    caches: Caches

    @property
    def eligibility(self):
        """E(t) (B, N, N); None without plasticity, and of a rule that is no ``EligibilityRule``."""
        return None if self._update is None else self._update.eligibility

    @property
    def inside(self):
        """Where Clip let the value pass (B, N, N), or None likewise."""
        return None if self._update is None else self._update.inside

    @property
    def _update(self):
        """The cache of the Hebb update that an ``EligibilityRule`` begins its cache with."""
        first = self.caches.rule[0] if isinstance(self.caches.rule, tuple) else None
        return first if hasattr(first, "eligibility") else None


def forward_step(net, params, x_t, state, M=None):
    """x_t (B, D), state at t -> StepOutput, state at t+1, Step. ``M`` as in ``drive_forward``."""
    h_prev, c_prev, hebb, trace = state
    w = params[net.plastic_name]
    if net.plasticity == "none":
        y, of_weights = h_prev @ w, (h_prev, w)  # (B, N)
    else:
        y, of_weights = plastic_input_forward(h_prev, w, params["alpha"], hebb)  # (B, N)
    h, c, p, of_cell = net.cell.forward(net, params, x_t, h_prev, c_prev, y)
    logits, values, of_readout = readout_forward(params, h)
    if net.plasticity == "none":
        step = Step(x_t, state, h, c, p, None, None, Caches(of_weights, of_cell, of_readout))
        return StepOutput(logits, values, None), State(h, c), step
    M, mu, of_drive = drive_forward(net, params, h, M)
    hebb_next, trace_next, of_rule = net.rule.forward(net, params, hebb, mu, h_prev, p, trace)
    step = Step(x_t, state, h, c, p, M, mu, Caches(of_weights, of_cell, of_readout, of_drive, of_rule))
    return StepOutput(logits, values, M), State(h, c, hebb_next, trace_next), step


def backward_step(net, step, d_logits, d_values, d_state):
    """d_logits (B, A), d_values (B,), d_state = dL/d(state at t+1) -> dx_t (B, D), dL/d(state at t), gradients.

    ``d_state`` holds the adjoints that arrive from step t+1. Two of them meet the two roles of h_t:

        d_state.h      the part of dL/dh_t that goes through step t+1; the readout's and the modulator's
                       part of THIS step are added here
        d_state.hebb   G = dL/dHebb(t+1); it leaves as dL/dHebb(t) = G ⊗ inside + alpha ⊗ h_{t-1} dy_tᵀ:
                       one path through the update, one through the weights of this step
    """
    caches = step.caches
    dh, grads = readout_backward(d_logits, d_values, caches.readout)
    dh = dh + d_state.h  # (B, N)

    if net.plasticity == "none":
        h_prev, w = caches.weights
        dx, dh_prev, dc_prev, dy, cell_grads = net.cell.backward(net, dh, d_state.c, np.zeros_like(dh), caches.cell)
        cell_grads = cell_grads | {net.plastic_name: h_prev.T @ dy}
        return dx, State(dh_prev + dy @ w.T, dc_prev), grads | cell_grads

    # Hebb(t+1) from Hebb(t), mu(t), h_{t-1}, p_t and the trace
    from_rule = net.rule.backward(net, d_state.hebb, d_state.trace, caches.rule)
    dhebb, dmu, dh_prev, dp, dtrace, rule_grads = from_rule
    # mu(t) from h_t
    dh_drive, drive_grads = drive_backward(net, dmu, caches.drive)
    # the cell
    from_cell = net.cell.backward(net, dh + dh_drive, d_state.c, dp, caches.cell)
    dx, dh_cell, dc_prev, dy, cell_grads = from_cell
    # y_t = h_{t-1} W~(t)
    dh_plastic, dw, dalpha, dhebb_weights = plastic_input_backward(dy, caches.weights)

    d_state = State(dh_prev + dh_cell + dh_plastic, dc_prev, dhebb + dhebb_weights, dtrace)
    return dx, d_state, grads | rule_grads | drive_grads | cell_grads | {net.plastic_name: dw, "alpha": dalpha}


def jvp_step(net, step, t_params, t_x, t_state):
    """t_x (B, D), tangent of the state at t -> tangents of logits (B, A), values (B,) and the state at t+1."""
    caches, t_w = step.caches, t_params[net.plastic_name]
    if net.plasticity == "none":
        h_prev, w = caches.weights
        t_y = t_state.h @ w + h_prev @ t_w  # (B, N)
    else:
        t_y = plastic_input_jvp(t_state.h, t_w, t_params["alpha"], t_state.hebb, caches.weights)  # (B, N)
    t_h, t_c, t_p = net.cell.jvp(net, t_params, t_x, t_state.h, t_state.c, t_y, caches.cell)
    t_logits, t_values = readout_jvp(t_params, t_h, caches.readout)
    if net.plasticity == "none":
        return t_logits, t_values, State(t_h, t_c)
    t_mu = drive_jvp(net, t_params, t_h, caches.drive)
    t_inputs = t_state.hebb, t_mu, t_state.h, t_p, t_state.trace
    t_hebb, t_trace = net.rule.jvp(net, t_params, *t_inputs, caches.rule)
    return t_logits, t_values, State(t_h, t_c, t_hebb, t_trace)
