"""M(t) = a = h_t · W_m + b_m: no bound on what is written in one step, except Clip's.

Derivation. da = dM; the rest is as for tanh.
"""

from .base import Modulator, weighted, weighted_sum_backward, weighted_sum_forward, weighted_sum_jvp


class Linear(Modulator):
    """M is any number."""

    name = "linear"

    def parameters(self, net):
        return weighted(net, "W_m", "b_m")

    def forward(self, net, params, h):
        return weighted_sum_forward(h, params["W_m"], params["b_m"])

    def backward(self, net, dM, cache):
        dh, dW_m, db_m = weighted_sum_backward(dM, cache)
        return dh, {"W_m": dW_m, "b_m": db_m}

    def jvp(self, net, t_params, t_h, cache):
        return weighted_sum_jvp(t_h, t_params["W_m"], t_params["b_m"], cache)
