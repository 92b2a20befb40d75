"""M(t) = tanh(a), a = h_t · W_m + b_m: the notes' modulator.

The notes say only that M(t) is "a scalar that the network will compute at every time step"; reading it from h_t, after
step t, is the authors' choice.

Derivation. tanh'(a) = 1 - tanh(a)² = 1 - M²; the rest is in ``base.OfWeightedSum``.
"""

import numpy as np

from .base import OfWeightedSum


class Tanh(OfWeightedSum):
    """M in (-1, 1)."""

    name = "tanh"

    def f(self, a):
        return np.tanh(a)

    def slope(self, M):
        return 1 - M**2
