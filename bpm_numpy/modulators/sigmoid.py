"""M(t) = σ(a), a = h_t · W_m + b_m: a modulator that writes more or less, and never unwrites.

Derivation. σ'(a) = M (1 - M); the rest is in ``base.OfWeightedSum``.
"""

from ..equations.sigmoid import sigmoid
from .base import OfWeightedSum


class Sigmoid(OfWeightedSum):
    """M in (0, 1)."""

    name = "sigmoid"

    def f(self, a):
        return sigmoid(a)

    def slope(self, M):
        return M * (1 - M)
