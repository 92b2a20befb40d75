"""The LSTM cell (notes (2.7-2.12)); the recurrent weights of i_t are the plastic ones.

    i_t = tanh(x_t W_ix + y_t         + b_i),   y_t = h_{t-1} W~(t)   from ``plastic_weights``
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

GATES = ("j", "f", "o")


def sigmoid(z):
    """σ(z) = 1 / (1 + e^{-z}), by tanh: no overflow, analytic for the complex step, exact to 1e-16 of 1 (not of σ)."""
    return 0.5 * (1 + np.tanh(0.5 * z))


class Gates(NamedTuple):
    """The values of (2.7-2.10) and of c_t (2.11), each (B, N)."""

    i: np.ndarray
    j: np.ndarray
    f: np.ndarray
    o: np.ndarray
    c: np.ndarray


def lstm_forward(x_t, h_prev, c_prev, y_t, params, reading):
    """x_t (B, D), h_prev, c_prev, y_t (B, N) -> h_t (B, N), Gates(i, j, f, o, c)."""
    i = np.tanh(x_t @ params["W_ix"] + y_t + params["b_i"])  # (B, N)
    z_j, z_f, z_o = (x_t @ params[f"W_{k}x"] + h_prev @ params[f"W_{k}h"] + params[f"b_{k}"] for k in GATES)
    j = np.tanh(z_j) if reading == "notes" else sigmoid(z_j)  # (B, N)
    f, o = sigmoid(z_f), sigmoid(z_o)  # (B, N)
    carry = h_prev if reading == "notes" else c_prev
    c = carry * f + i * j  # (B, N)
    return np.tanh(c) * o, Gates(i, j, f, o, c)


def lstm_backward(dh_t, dc_t, dp_t, x_t, h_prev, c_prev, gates, params, reading):
    """dh_t, dc_t, dp_t (B, N) -> dx_t (B, D), dh_prev, dc_prev, dy_t (B, N), parameter gradients."""
    dz, dh_prev, dc_prev = lstm_backward_gates(dh_t, dc_t, dp_t, h_prev, c_prev, gates, params, reading)
    dx_t, grads = lstm_backward_weights(dz, x_t, h_prev, params)
    return dx_t, dh_prev, dc_prev, dz["i"], grads


def lstm_backward_gates(dh_t, dc_t, dp_t, h_prev, c_prev, gates, params, reading):
    """The part that must go step by step: dh_t, dc_t, dp_t (B, N) -> dz {gate: (B, N)}, dh_prev, dc_prev (B, N)."""
    i, j, f, o, c = gates
    carry = h_prev if reading == "notes" else c_prev
    dc = dc_t + dh_t * o * (1 - np.tanh(c) ** 2)  # (B, N)
    d_carry = dc * f  # (B, N)
    dz = {
        "i": (dc * j + dp_t) * (1 - i**2),
        "j": dc * i * (1 - j**2 if reading == "notes" else j * (1 - j)),
        "f": dc * carry * f * (1 - f),
        "o": dh_t * np.tanh(c) * o * (1 - o),
    }  # each (B, N)
    dh_prev = sum(dz[k] @ params[f"W_{k}h"].T for k in GATES)  # (B, N)
    if reading == "notes":
        return dz, dh_prev + d_carry, np.zeros_like(c_prev)
    return dz, dh_prev, d_carry


def lstm_backward_weights(dz, x, h_prev, params):
    """The sums over rows, of one step or all stacked: dz {gate: (R, N)}, x (R, D), h_prev (R, N) -> dx, grads."""
    grads = {f"W_{k}x": x.T @ dz[k] for k in dz} | {f"b_{k}": dz[k].sum(axis=0) for k in dz}
    grads |= {f"W_{k}h": h_prev.T @ dz[k] for k in GATES}
    return sum(dz[k] @ params[f"W_{k}x"].T for k in dz), grads


def lstm_jvp(x_t, h_prev, c_prev, gates, params, reading, t_x_t, t_h_prev, t_c_prev, t_y_t, t_params):
    """Tangents of h_t (B, N), c_t (B, N) and i_t (B, N)."""
    i, j, f, o, c = gates
    t_z_j, t_z_f, t_z_o = (
        t_x_t @ params[f"W_{k}x"]
        + x_t @ t_params[f"W_{k}x"]
        + t_h_prev @ params[f"W_{k}h"]
        + h_prev @ t_params[f"W_{k}h"]
        + t_params[f"b_{k}"]
        for k in GATES
    )
    t_i = (1 - i**2) * (t_x_t @ params["W_ix"] + x_t @ t_params["W_ix"] + t_y_t + t_params["b_i"])
    t_j = (1 - j**2 if reading == "notes" else j * (1 - j)) * t_z_j
    t_f, t_o = f * (1 - f) * t_z_f, o * (1 - o) * t_z_o
    carry, t_carry = (h_prev, t_h_prev) if reading == "notes" else (c_prev, t_c_prev)
    t_c = t_carry * f + carry * t_f + t_i * j + i * t_j  # (B, N)
    t_h = (1 - np.tanh(c) ** 2) * t_c * o + np.tanh(c) * t_o  # (B, N)
    return t_h, t_c, t_i
