"""The plain recurrent cell (the paper's reinforcement-learning tasks; h_t = f_w(x_t, h_{t-1}) in notes §1).

    h_t = tanh(x_t W_x + y_t + b),    y_t = h_{t-1} W~(t)   from ``equations.plastic_weights``

Its post-synaptic activity p_t is h_t itself.

Derivation. h_t has two readers, the rest of the network and the rule: dh = dh_t + dp_t. Let z be the argument of tanh;
tanh'(z) = 1 - h_t². Then

    dz = dh ⊗ (1 - h_t²),   dy_t = dz,   dx_t = dz W_xᵀ,   dW_x = Σ_b x_t dz,   db = Σ_b dz
"""

import numpy as np

from ..parts import Parameter, normal
from .base import Cell
from .fast import FastRNN


class RNN(Cell):
    name = "rnn"
    plastic_name = "W_h"
    fast = FastRNN()

    def parameters(self, net):
        D, N = net.n_inputs, net.n_hidden
        return {"W_x": Parameter((D, N), normal), "W_h": Parameter((N, N), normal), "b": Parameter((N,), 0.0)}

    def forward(self, net, params, x, h_prev, c_prev, y):
        h = np.tanh(x @ params["W_x"] + params["b"] + y)  # (B, N)
        return h, None, h, (params, x, h)

    def backward(self, net, dh, dc, dp, cache):
        params, x, h = cache
        dz = (dh + dp) * (1 - h**2)  # (B, N)
        return dz @ params["W_x"].T, np.zeros_like(dh), None, dz, {"W_x": x.T @ dz, "b": dz.sum(axis=0)}

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        params, x, h = cache
        t_z = t_x @ params["W_x"] + x @ t_params["W_x"] + t_y + t_params["b"]  # (B, N)
        t_h = (1 - h**2) * t_z
        return t_h, None, t_h
