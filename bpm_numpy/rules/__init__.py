"""Plasticity rules, one file each: how Hebb(t+1) follows from Hebb(t), the drive mu, h_{t-1} and p_t.

    outer    (2.15)       E = h_{t-1} p_tᵀ
    trace    (2.16)       E = an exponential average of it
    taylor   (2.14)       E = a learnt series of second order
    decay    2018 paper   E = h_{t-1} p_tᵀ - Hebb
    oja      Oja 1982     E = h_{t-1} p_tᵀ - p_t² ⊗ Hebb
    soft                  a bound that is approached

``base`` says what a rule is; CONTRIBUTING.md shows how to add one from outside.
"""

from ..parts import add_built_in
from .base import EligibilityRule, Rule
from .decay import Decay
from .oja import Oja
from .outer import Outer
from .soft import Soft
from .taylor import Taylor
from .trace import Trace

__all__ = ["EligibilityRule", "Rule"]

add_built_in(Outer(), Trace(), Taylor(), Decay(), Oja(), Soft())
