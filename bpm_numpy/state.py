"""What is carried from one step to the next, and what a step returns."""

from typing import NamedTuple

import numpy as np


class State(NamedTuple):
    """All that the network carries from one step to the next; None where a configuration has no use for it.

    h (B, N) hidden state; c (B, N) what the cell carries beside it (the lstm's cell state); hebb (B, N, N) the plastic
    component that the next step uses; trace what the rule carries beside it: (B, N, N), the eligibility trace after the
    last outer product X. Cells and rules of your own may carry c and trace of any shape (B, ...).
    """

    h: np.ndarray
    c: np.ndarray | None = None
    hebb: np.ndarray | None = None
    trace: np.ndarray | None = None

    def map(self, function):
        """The State of function(field), None where there is none."""
        return State(*(None if value is None else function(value) for value in self))


class StepOutput(NamedTuple):
    """logits (B, A), values (B,), modulator (B,): M(t) before fan-out, None unless modulated."""

    logits: np.ndarray
    values: np.ndarray
    modulator: np.ndarray | None
