"""The LSTM cell (notes (2.7-2.12)); the recurrent weights of i_t are the plastic ones.

    i_t = tanh(x_t W_ix + y_t         + b_i),   y_t = h_{t-1} W~(t)   from ``equations.plastic_weights``
    j_t = g(   x_t W_jx + h_{t-1} W_jh + b_j)
    f_t = σ(   x_t W_fx + h_{t-1} W_fh + b_f)
    o_t = σ(   x_t W_ox + h_{t-1} W_oh + b_o)
    c_t = carry ⊗ f_t + i_t ⊗ j_t
    h_t = tanh(c_t) ⊗ o_t

    reading "notes", as printed:   carry = h_{t-1},  g = tanh
    reading "paper":               carry = c_{t-1},  g = σ

Its post-synaptic activity p_t is i_t. (Textbooks call our i_t the candidate and our j_t the input gate.)

Derivation, from the last line to the first. dc_t arrives from step t+1; h_t adds to it.

    do = dh_t ⊗ tanh(c_t)             dc_t += dh_t ⊗ o_t ⊗ (1 - tanh(c_t)²)
    df = dc_t ⊗ carry                 dcarry = dc_t ⊗ f_t
    dj = dc_t ⊗ i_t                   di = dc_t ⊗ j_t + dp_t
    dz_i = di ⊗ (1 - i²),  dz_f = df ⊗ f(1 - f),  dz_o = do ⊗ o(1 - o),  dz_j = dj ⊗ g'

where g' is 1 - j² (tanh) or j(1 - j) (σ), written in the value. Then every z is a sum: dy_t = dz_i;
for k = i, j, f, o: dx_t += dz_k W_kxᵀ, dW_kx = Σ_b x_t dz_k, db_k = Σ_b dz_k; and for the gates k = j, f, o:
dh_{t-1} += dz_k W_khᵀ, dW_kh = Σ_b h_{t-1} dz_k.
In "notes" dcarry belongs to h_{t-1}, so nothing flows to c_{t-1}; in "paper" it is dc_{t-1}.
"""

from typing import NamedTuple

import numpy as np

from ..equations.sigmoid import sigmoid
from .base import Cell, gate_backward, gate_forward, gate_jvp, gate_parameters
from .fast import FastLSTM


class Gates(NamedTuple):
    """Cache of a step: what it read, and the values of (2.7-2.10) and of c_t (2.11), each (B, N)."""

    params: dict
    x: np.ndarray
    h_prev: np.ndarray
    c_prev: np.ndarray
    i: np.ndarray
    j: np.ndarray
    f: np.ndarray
    o: np.ndarray
    c: np.ndarray


class LSTM(Cell):
    name = "lstm"
    plastic_name = "W_ih"
    fast = FastLSTM()

    def parameters(self, net):
        return gate_parameters(net, "ijfo", bias={"f": 1.0})  # b_f = 1 keeps the carry at first

    def carried(self, net):
        return (net.n_hidden,)

    def forward(self, net, params, x, h_prev, c_prev, y):
        g, carry = (np.tanh, h_prev) if net.reading == "notes" else (sigmoid, c_prev)
        i = np.tanh(x @ params["W_ix"] + params["b_i"] + y)  # (B, N)
        j = g(gate_forward(params, "j", x, h_prev))  # (B, N)
        f = sigmoid(gate_forward(params, "f", x, h_prev))  # (B, N)
        o = sigmoid(gate_forward(params, "o", x, h_prev))  # (B, N)
        c = carry * f + i * j  # (B, N)
        h = np.tanh(c) * o  # (B, N)
        return h, c, i, Gates(params, x, h_prev, c_prev, i, j, f, o, c)

    def backward(self, net, dh, dc, dp, cache):
        params, x, h_prev, c_prev, i, j, f, o, c = cache
        notes = net.reading == "notes"
        carry, tanh_c = (h_prev if notes else c_prev), np.tanh(c)
        do = dh * tanh_c  # (B, N)
        dc = dc + dh * o * (1 - tanh_c**2)  # (B, N)
        df, d_carry = dc * carry, dc * f
        dj, di = dc * i, dc * j + dp
        dz_i = di * (1 - i**2)  # (B, N)
        dz = {"j": dj * (1 - j**2 if notes else j * (1 - j)), "f": df * f * (1 - f), "o": do * o * (1 - o)}

        dx, grads = dz_i @ params["W_ix"].T, {"W_ix": x.T @ dz_i, "b_i": dz_i.sum(axis=0)}
        dh_prev = np.zeros_like(dh)
        for k in "jfo":
            dx_k, dh_k, grads_k = gate_backward(params, k, dz[k], x, h_prev)
            dx, dh_prev, grads = dx + dx_k, dh_prev + dh_k, grads | grads_k
        if notes:
            return dx, dh_prev + d_carry, np.zeros_like(c_prev), dz_i, grads
        return dx, dh_prev, d_carry, dz_i, grads

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        params, x, h_prev, c_prev, i, j, f, o, c = cache
        notes = net.reading == "notes"
        t_z_j, t_z_f, t_z_o = (gate_jvp(params, t_params, k, x, h_prev, t_x, t_h_prev) for k in "jfo")
        t_i = (1 - i**2) * (t_x @ params["W_ix"] + x @ t_params["W_ix"] + t_y + t_params["b_i"])
        t_j = (1 - j**2 if notes else j * (1 - j)) * t_z_j
        t_f, t_o = f * (1 - f) * t_z_f, o * (1 - o) * t_z_o
        carry, t_carry = (h_prev, t_h_prev) if notes else (c_prev, t_c_prev)
        t_c = t_carry * f + carry * t_f + t_i * j + i * t_j  # (B, N)
        t_h = (1 - np.tanh(c) ** 2) * t_c * o + np.tanh(c) * t_o  # (B, N)
        return t_h, t_c, t_i
