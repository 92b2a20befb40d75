"""σ(z) = 1 / (1 + e^{-z}), the function of the gates (notes (2.8-2.10)).

Derivation. With s = σ(z), e^{-z} = (1 - s)/s, and dσ/dz = e^{-z} / (1 + e^{-z})² = s (1 - s): the cache is s itself.
"""

import numpy as np


def sigmoid(z):
    """σ(z), any shape. By tanh: no overflow, analytic for the complex step, exact to 1e-16 of 1 (not of σ)."""
    return 0.5 * (1 + np.tanh(0.5 * z))
