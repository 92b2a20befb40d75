"""M(t) = tanh(a), a = h_t · W_m + b_m: the notes' modulator.

The notes say only that M(t) is "a scalar that the network will compute at every time step"; reading it from h_t, after
step t, is the authors' choice.

Derivation. tanh'(a) = 1 - tanh(a)² = 1 - M². With dM = dL/dM(t):

    da = dM (1 - M²),   dh_t = da W_m,   dW_m = Σ_b da h_t,   db_m = Σ_b da
"""

import numpy as np

from .base import Modulator, weighted, weighted_sum_backward, weighted_sum_forward, weighted_sum_jvp


class Tanh(Modulator):
    """M in (-1, 1)."""

    name = "tanh"

    def parameters(self, net):
        return weighted(net, "W_m", "b_m")

    def forward(self, net, params, h):
        a, of_a = weighted_sum_forward(h, params["W_m"], params["b_m"])
        M = np.tanh(a)  # (B,)
        return M, (M, of_a)

    def backward(self, net, dM, cache):
        M, of_a = cache
        dh, dW_m, db_m = weighted_sum_backward(dM * (1 - M**2), of_a)
        return dh, {"W_m": dW_m, "b_m": db_m}

    def jvp(self, net, t_params, t_h, cache):
        M, of_a = cache
        return (1 - M**2) * weighted_sum_jvp(t_h, t_params["W_m"], t_params["b_m"], of_a)
