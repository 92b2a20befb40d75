"""M(t) = a = h_t · W_m + b_m: no bound on what is written in one step, except Clip's.

Derivation. The slope is 1; the rest is in ``base.OfWeightedSum``.
"""

import numpy as np

from .base import OfWeightedSum


class Linear(OfWeightedSum):
    """M is any number."""

    name = "linear"

    def f(self, a):
        return a

    def slope(self, M):
        return np.ones_like(M)
