"""Trials: h, c and the trace are set to zero where a trial begins. Hebb stays, and alone tells of the trials before.

Before a step at which a trial begins in some of the B episodes, with keep 0 in these and 1 in the others,

    h ← keep ⊗ h        c ← keep ⊗ c        trace ← keep ⊗ trace        Hebb ← Hebb
    dh ← keep ⊗ dh      dc ← keep ⊗ dc      dtrace ← keep ⊗ dtrace      dHebb ← dHebb

The first line is linear, and its matrix is diagonal, so it is its own transpose: backward is the same function
(``clear``), on the adjoint of the state. The episode is cut into pieces at these steps. Each piece is a Trajectory, and
``backward`` chains them through the states between them, from the last to the first.
"""

from typing import NamedTuple

import numpy as np

from ..arguments import check_array
from ..network import Gradients


class Trials(NamedTuple):
    """The trajectory of B episodes in pieces: a Trajectory each, and the trials that begin with it, (B,) bool."""

    pieces: list
    begins: list
    logits: np.ndarray  # (T, B, A)
    values: np.ndarray  # (T, B)

    @property
    def state(self):
        """The State after step T-1."""
        return self.pieces[-1].state


class TrialRun:
    """As ``network.Run``, with a further argument of ``step``: where a trial begins."""

    def __init__(self, net, params, state):
        self._net, self._params, self._state = net, params, state
        self._runs, self._begins = [], []  # one Run per piece

    def step(self, x_t, begins):
        """x_t (B, D), begins (B,) bool -> StepOutput."""
        check_array("begins", begins, (len(self._state.h),), (np.bool_,))
        if begins.any() or not self._runs:
            before = self._runs[-1].state if self._runs else self._state
            self._runs.append(self._net.begin(self._params, clear(before, begins)))
            self._begins.append(begins.copy())
        return self._runs[-1].step(x_t)

    def trajectory(self):
        """The Trials of the steps so far."""
        pieces = [run.trajectory() for run in self._runs]
        logits, values = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("logits", "values"))
        return Trials(pieces, self._begins, logits, values)


def clear(state, begins):
    """A State, or its adjoint, with h, c and the trace zero where ``begins`` (B,) is True."""
    cleared = {}
    for name in ("h", "c", "trace"):
        value = getattr(state, name)
        if value is not None:
            where = begins.reshape(-1, *[1] * (value.ndim - 1))  # (B, 1) or (B, 1, 1)
            cleared[name] = np.where(where, value.dtype.type(0), value)
    return state._replace(**cleared)


def backward(net, params, trajectory, d_logits, d_values=None, d_state=None):
    """``net.backward``, for a Trajectory or for Trials -> Gradients."""
    if not isinstance(trajectory, Trials):
        return net.backward(params, trajectory, d_logits, d_values, d_state)
    ends = np.cumsum([len(piece.values) for piece in trajectory.pieces])
    total, dx = {name: np.zeros_like(value) for name, value in params.items()}, []
    for piece, begins, end in reversed(list(zip(trajectory.pieces, trajectory.begins, ends))):
        steps = slice(end - len(piece.values), end)
        grads = net.backward(params, piece, d_logits[steps], None if d_values is None else d_values[steps], d_state)
        total = {name: value + grads.params[name] for name, value in total.items()}
        dx.insert(0, grads.x)
        d_state = clear(grads.state, begins)
    return Gradients({name: np.asarray(value) for name, value in total.items()}, np.concatenate(dx), d_state)
