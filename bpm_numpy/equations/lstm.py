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
    return lstm_forward_gates(lstm_inputs(x_t, params), h_prev, c_prev, y_t, lstm_recurrent(params), reading)


def lstm_inputs(x, params):
    """The part that needs no state, of one step or all stacked: x (R, D) -> x W_kx + b_k of i, j, f, o (R, 4N)."""
    return x @ _side_by_side(params, "W_{}x", "ijfo") + _side_by_side(params, "b_{}", "ijfo")


def lstm_recurrent(params):
    """W_jh, W_fh and W_oh side by side (N, 3N): one product with h_{t-1} instead of three."""
    return _side_by_side(params, "W_{}h", "jfo")


def _side_by_side(params, name, gates):
    return np.concatenate([params[name.format(k)] for k in gates], axis=-1)


def lstm_forward_gates(inputs, h_prev, c_prev, y_t, W_h, reading):
    """The part that must go step by step: inputs (B, 4N) and W_h (N, 3N) from the two above -> as lstm_forward."""
    N = h_prev.shape[1]
    i = np.tanh(inputs[:, :N] + y_t)  # (B, N)
    z = inputs[:, N:] + h_prev @ W_h  # of j, f, o (B, 3N)
    if reading == "notes":
        j, f_and_o = np.tanh(z[:, :N]), sigmoid(z[:, N:])  # (B, N), (B, 2N)
        f, o, carry = f_and_o[:, :N], f_and_o[:, N:], h_prev
    else:
        gates = sigmoid(z)  # (B, 3N)
        j, f, o, carry = gates[:, :N], gates[:, N : 2 * N], gates[:, 2 * N :], c_prev
    c = carry * f + i * j  # (B, N)
    return np.tanh(c) * o, Gates(i, j, f, o, c)


def lstm_backward(dh_t, dc_t, dp_t, x_t, h_prev, c_prev, gates, params, reading):
    """dh_t, dc_t, dp_t (B, N) -> dx_t (B, D), dh_prev, dc_prev, dy_t (B, N), parameter gradients."""
    adjoints = dh_t, dc_t, dp_t
    dz, dh_prev, dc_prev = lstm_backward_gates(*adjoints, h_prev, c_prev, gates, lstm_recurrent(params), reading)
    dx_t, grads = lstm_backward_inputs(dz, x_t, h_prev, params)
    return dx_t, dh_prev, dc_prev, dz[:, : h_prev.shape[1]], grads


def lstm_backward_gates(dh_t, dc_t, dp_t, h_prev, c_prev, gates, W_h, reading):
    """Of ``lstm_forward_gates``: dh_t, dc_t, dp_t (B, N) -> dz of i, j, f, o (B, 4N), dh_prev, dc_prev (B, N)."""
    i, j, f, o, c = gates
    N = i.shape[1]
    tanh_c = np.tanh(c)
    carry = h_prev if reading == "notes" else c_prev
    dc = dc_t + dh_t * o * (1 - tanh_c**2)  # (B, N)
    dz = np.empty((len(i), 4 * N), dc.dtype)  # (B, 4N)
    dz[:, :N] = (dc * j + dp_t) * (1 - i**2)
    dz[:, N : 2 * N] = dc * i * (1 - j**2 if reading == "notes" else j * (1 - j))
    dz[:, 2 * N : 3 * N] = dc * carry * f * (1 - f)
    dz[:, 3 * N :] = dh_t * tanh_c * o * (1 - o)
    dh_prev, d_carry = dz[:, N:] @ W_h.T, dc * f  # (B, N)
    if reading == "notes":
        return dz, dh_prev + d_carry, np.zeros_like(c_prev)
    return dz, dh_prev, d_carry


def lstm_backward_inputs(dz, x, h_prev, params):
    """Of ``lstm_inputs`` and W_h, with the sums over all rows: dz (R, 4N), x (R, D), h_prev (R, N) -> dx, gradients."""
    N = h_prev.shape[1]
    dW_x, dW_h, db = x.T @ dz, h_prev.T @ dz[:, N:], dz.sum(axis=0)  # (D, 4N), (N, 3N), (4N,)
    grads = {}
    for number, k in enumerate("ijfo"):
        part = slice(number * N, (number + 1) * N)
        grads |= {f"W_{k}x": dW_x[:, part], f"b_{k}": db[part]}
    for number, k in enumerate("jfo"):
        grads[f"W_{k}h"] = dW_h[:, number * N : (number + 1) * N]
    return dz @ _side_by_side(params, "W_{}x", "ijfo").T, grads


def lstm_jvp(x_t, h_prev, c_prev, gates, params, reading, t_x_t, t_h_prev, t_c_prev, t_y_t, t_params):
    """Tangents of h_t (B, N), c_t (B, N) and i_t (B, N)."""
    i, j, f, o, c = gates
    t_z_j, t_z_f, t_z_o = (
        t_x_t @ params[f"W_{k}x"]
        + x_t @ t_params[f"W_{k}x"]
        + t_h_prev @ params[f"W_{k}h"]
        + h_prev @ t_params[f"W_{k}h"]
        + t_params[f"b_{k}"]
        for k in "jfo"
    )
    t_i = (1 - i**2) * (t_x_t @ params["W_ix"] + x_t @ t_params["W_ix"] + t_y_t + t_params["b_i"])
    t_j = (1 - j**2 if reading == "notes" else j * (1 - j)) * t_z_j
    t_f, t_o = f * (1 - f) * t_z_f, o * (1 - o) * t_z_o
    carry, t_carry = (h_prev, t_h_prev) if reading == "notes" else (c_prev, t_c_prev)
    t_c = t_carry * f + carry * t_f + t_i * j + i * t_j  # (B, N)
    t_h = (1 - np.tanh(c) ** 2) * t_c * o + np.tanh(c) * t_o  # (B, N)
    return t_h, t_c, t_i
