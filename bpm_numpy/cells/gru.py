"""The GRU cell (Cho et al. 2014, in PyTorch's form); the recurrent weights of the candidate n_t are the plastic ones.

    r_t = σ(   x_t W_rx + h_{t-1} W_rh + b_r)
    z_t = σ(   x_t W_zx + h_{t-1} W_zh + b_z)
    n_t = tanh(x_t W_nx + r_t ⊗ y_t + b_n),     y_t = h_{t-1} W~(t)   from ``equations.plastic_weights``
    h_t = (1 - z_t) ⊗ n_t + z_t ⊗ h_{t-1}

Its post-synaptic activity p_t is n_t. Neither the notes nor the paper have it: it shows that cells plug in.

Derivation, from the last line to the first.

    dz = dh_t ⊗ (h_{t-1} - n_t),   dn = dh_t ⊗ (1 - z_t) + dp_t,   dh_{t-1} = dh_t ⊗ z_t
    da_n = dn ⊗ (1 - n²)                    (a: the argument of tanh or σ)
    dy_t = da_n ⊗ r,   dr = da_n ⊗ y_t      the plastic input is scaled by r, so r's gradient holds y_t
    da_r = dr ⊗ r(1 - r),  da_z = dz ⊗ z(1 - z)

and every a is a sum, as in ``lstm``: dx_t += da_k W_kxᵀ, dh_{t-1} += da_k W_khᵀ for k = r, z.
"""

import numpy as np

from ..equations.sigmoid import sigmoid
from .base import Cell, gate_backward, gate_forward, gate_jvp, gate_parameters
from .fast import FastGRU


class GRU(Cell):
    name = "gru"
    plastic_name = "W_nh"
    fast = FastGRU()

    def parameters(self, net):
        return gate_parameters(net, "rzn")

    def forward(self, net, params, x, h_prev, c_prev, y):
        r = sigmoid(gate_forward(params, "r", x, h_prev))  # (B, N)
        z = sigmoid(gate_forward(params, "z", x, h_prev))  # (B, N)
        n = np.tanh(x @ params["W_nx"] + params["b_n"] + r * y)  # (B, N)
        h = (1 - z) * n + z * h_prev  # (B, N)
        return h, None, n, (params, x, h_prev, y, r, z, n)

    def backward(self, net, dh, dc, dp, cache):
        params, x, h_prev, y, r, z, n = cache
        da_n = (dh * (1 - z) + dp) * (1 - n**2)  # (B, N)
        da_r = da_n * y * r * (1 - r)  # (B, N)
        da_z = dh * (h_prev - n) * z * (1 - z)  # (B, N)
        dx_r, dh_r, grads_r = gate_backward(params, "r", da_r, x, h_prev)
        dx_z, dh_z, grads_z = gate_backward(params, "z", da_z, x, h_prev)
        dx = da_n @ params["W_nx"].T + dx_r + dx_z  # (B, D)
        grads = {"W_nx": x.T @ da_n, "b_n": da_n.sum(axis=0)} | grads_r | grads_z
        return dx, dh * z + dh_r + dh_z, None, da_n * r, grads

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        params, x, h_prev, y, r, z, n = cache
        t_r = r * (1 - r) * gate_jvp(params, t_params, "r", x, h_prev, t_x, t_h_prev)
        t_z = z * (1 - z) * gate_jvp(params, t_params, "z", x, h_prev, t_x, t_h_prev)
        t_a = t_x @ params["W_nx"] + x @ t_params["W_nx"] + t_r * y + r * t_y + t_params["b_n"]
        t_n = (1 - n**2) * t_a  # (B, N)
        return (1 - z) * t_n + t_z * (h_prev - n) + z * t_h_prev, None, t_n
