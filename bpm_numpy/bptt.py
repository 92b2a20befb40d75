"""Through time: the steps composed, and backpropagation through them.

Forward. Step t maps (x_t, state at t) to outputs and the state at t+1. The state is (h, c, Hebb, trace), so
the whole sequence is one long composition, and the loss L sees every step's logits and values.

Backward. Let the adjoint of the state at t be dL/d(state at t), through everything from step t on. The
chain rule says only how to get it from the adjoint at t+1:

    dL/dh_t       = (through readout and modulator at t)  +  (through step t+1: as h_prev in y, in the gates
                                                              and in E(t+1))
    dL/dHebb(t)   = dL/dHebb(t+1) ⊗ inside(t)             +  alpha ⊗ h_{t-1} dy_tᵀ
                    (kept by the update, unless cut)         (used as a weight at step t)

``backward_step`` computes both lines for one step; here they are chained from the last step to the first.
A parameter is used at every step, so its gradient is the sum over the steps.

Forward mode goes the other way: a tangent of parameters, inputs and initial state is pushed through the
same equations from the first step to the last.
"""

import copy

import numpy as np

from .step import backward_step, forward_step, jvp_step


def backward_through_time(net, params, steps, d_logits, d_values, d_state):
    """The steps of a trajectory, d_logits (T, B, A), d_values (T, B) and the adjoint of the final state.

    Returns the gradients of the parameters (dict), of x (T, B, D) and of the initial state (State).
    """
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    dx = np.zeros((len(steps), *steps[0].x.shape), net.dtype)  # (T, B, D)
    for t in reversed(range(len(steps))):
        dx[t], d_state, step_grads = backward_step(net, steps[t], d_logits[t], d_values[t], d_state)
        for name, grad in step_grads.items():
            grads[name] += grad
    return grads, dx, d_state


def jvp_through_time(net, steps, t_params, t_x, t_state):
    """Tangents of parameters (dict), x (T, B, D) and the initial state -> of logits, values, the final state."""
    t_logits, t_values = [], []
    for step, t_x_t in zip(steps, t_x):
        logits, values, t_state = jvp_step(net, step, t_params, t_x_t, t_state)
        t_logits.append(logits)
        t_values.append(values)
    return np.stack(t_logits), np.stack(t_values), t_state


class ByStep:
    """The definition, run and recorded step by step."""

    def __init__(self, net, params, state):
        self.net, self.params, self.state = net, params, state
        self.steps = []

    def snapshot(self):
        """A copy that further steps leave alone. The arrays are shared: none is ever written to."""
        other = copy.copy(self)
        other.steps = list(self.steps)
        return other

    def step(self, x_t):
        """x_t (B, D) -> StepOutput."""
        out, self.state, step = forward_step(self.net, self.params, x_t, self.state)
        self.steps.append(step)
        return out

    def advance(self, x):
        """All steps of x (T, B, D)."""
        for x_t in x:
            self.step(x_t)

    def history(self):
        """h, c (T, B, N), M (T, B) of all steps; c and M None where there is none."""
        first = self.steps[0]
        c = None if first.c is None else np.stack([step.c for step in self.steps])
        M = None if first.M is None else np.stack([step.M for step in self.steps])
        return np.stack([step.h for step in self.steps]), c, M

    def backward(self, d_logits, d_values, d_state):
        """Gradients of the parameters (dict), of x (T, B, D) and of the initial state (State)."""
        return backward_through_time(self.net, self.params, self.steps, d_logits, d_values, d_state)
