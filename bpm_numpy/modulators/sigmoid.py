"""M(t) = σ(a), a = h_t · W_m + b_m: a modulator that writes more or less, and never unwrites.

Derivation. σ'(a) = M (1 - M), so da = dM M (1 - M); the rest is as for tanh.
"""

from ..equations.sigmoid import sigmoid
from .base import Modulator, weighted, weighted_sum_backward, weighted_sum_forward, weighted_sum_jvp


class Sigmoid(Modulator):
    """M in (0, 1)."""

    name = "sigmoid"

    def parameters(self, net):
        return weighted(net, "W_m", "b_m")

    def forward(self, net, params, h):
        a, of_a = weighted_sum_forward(h, params["W_m"], params["b_m"])
        M = sigmoid(a)  # (B,)
        return M, (M, of_a)

    def backward(self, net, dM, cache):
        M, of_a = cache
        dh, dW_m, db_m = weighted_sum_backward(dM * M * (1 - M), of_a)
        return dh, {"W_m": dW_m, "b_m": db_m}

    def jvp(self, net, t_params, t_h, cache):
        M, of_a = cache
        return M * (1 - M) * weighted_sum_jvp(t_h, t_params["W_m"], t_params["b_m"], of_a)
