"""M(t) = gain (tanh(a) - tanh(a2)): of two, so that both saturated means M = 0 (the authors' later work).

    a = h_t · W_m + b_m,   a2 = h_t · W_m2 + b_m2,   gain a learnt scalar

Derivation. With P = tanh(a), Q = tanh(a2), dM = dL/dM(t):

    dgain = Σ_b dM (P - Q),   da = dM gain (1 - P²),   da2 = -dM gain (1 - Q²)

and h_t is read twice: dh_t = da W_m + da2 W_m2.
"""

import numpy as np

from ..parts import Parameter
from .base import Modulator, weighted, weighted_sum_backward, weighted_sum_forward, weighted_sum_jvp


class Difference(Modulator):
    """M in (-2 gain, 2 gain)."""

    name = "difference"

    def parameters(self, net):
        return weighted(net, "W_m", "b_m") | weighted(net, "W_m2", "b_m2") | {"gain": Parameter((), 1.0)}

    def forward(self, net, params, h):
        a, of_a = weighted_sum_forward(h, params["W_m"], params["b_m"])
        a2, of_a2 = weighted_sum_forward(h, params["W_m2"], params["b_m2"])
        P, Q, gain = np.tanh(a), np.tanh(a2), params["gain"]  # (B,), (B,), ()
        return gain * (P - Q), (P, Q, gain, of_a, of_a2)

    def backward(self, net, dM, cache):
        P, Q, gain, of_a, of_a2 = cache
        dh, dW_m, db_m = weighted_sum_backward(dM * gain * (1 - P**2), of_a)
        dh2, dW_m2, db_m2 = weighted_sum_backward(-dM * gain * (1 - Q**2), of_a2)
        grads = {"W_m": dW_m, "b_m": db_m, "W_m2": dW_m2, "b_m2": db_m2, "gain": (dM * (P - Q)).sum()}
        return dh + dh2, grads

    def jvp(self, net, t_params, t_h, cache):
        P, Q, gain, of_a, of_a2 = cache
        t_P = (1 - P**2) * weighted_sum_jvp(t_h, t_params["W_m"], t_params["b_m"], of_a)
        t_Q = (1 - Q**2) * weighted_sum_jvp(t_h, t_params["W_m2"], t_params["b_m2"], of_a2)
        return t_params["gain"] * (P - Q) + gain * (t_P - t_Q)
