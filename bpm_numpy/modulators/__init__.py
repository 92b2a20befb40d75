"""Modulators, one file each: how M(t) follows from h_t, with a = h_t · W_m + b_m.

    tanh         M = tanh(a)                                          the notes' and the paper's
    sigmoid      M = σ(a)
    linear       M = a
    difference   M = gain (tanh(a) - tanh(h_t · W_m2 + b_m2))         the authors' later work

``base`` says what a modulator is; CONTRIBUTING.md shows how to add one from outside. What M(t) becomes for each neuron
is in ``drive``.
"""

from ..parts import add_built_in
from .base import Modulator
from .difference import Difference
from .linear import Linear
from .sigmoid import Sigmoid
from .tanh import Tanh

__all__ = ["Modulator"]

add_built_in(Tanh(), Sigmoid(), Linear(), Difference())
