"""The plain recurrent cell (the paper's reinforcement-learning tasks; h_t = f_w(x_t, h_{t-1}) in notes §1).

    h_t = tanh(x_t W_x + y_t + b),    y_t = h_{t-1} W~(t)   from ``plastic_weights``

Its post-synaptic activity p_t is h_t itself.

Derivation. Let z be the argument of tanh; tanh'(z) = 1 - h_t². Then

    dz = dh_t ⊗ (1 - h_t²),   dy_t = dz,   dx_t = dz W_xᵀ,   dW_x = Σ_b x_t dz,   db = Σ_b dz
"""

import numpy as np


def rnn_forward(x_t, y_t, params):
    """x_t (B, D), y_t (B, N) -> h_t (B, N)."""
    return rnn_forward_z(rnn_inputs(x_t, params), y_t)


def rnn_inputs(x, params):
    """The part that needs no state, of one step or of all steps stacked: x (R, D) -> x W_x + b (R, N)."""
    return x @ params["W_x"] + params["b"]


def rnn_forward_z(inputs, y_t):
    """The part that must go step by step: inputs (B, N) from ``rnn_inputs``, y_t (B, N) -> h_t (B, N)."""
    return np.tanh(inputs + y_t)


def rnn_backward(dh_t, x_t, h_t, params):
    """dh_t (B, N) -> dx_t (B, D), dy_t (B, N), gradients of W_x (D, N) and b (N,)."""
    dz = rnn_backward_z(dh_t, h_t)
    dx_t, grads = rnn_backward_inputs(dz, x_t, params)
    return dx_t, dz, grads


def rnn_backward_z(dh_t, h_t):
    """Of ``rnn_forward_z``: dh_t (B, N) -> dz (B, N), which is dy_t and d(inputs) too."""
    return dh_t * (1 - h_t**2)


def rnn_backward_inputs(dz, x, params):
    """Of ``rnn_inputs``, with the sums over all rows: dz (R, N), x (R, D) -> dx (R, D), gradients."""
    return dz @ params["W_x"].T, {"W_x": x.T @ dz, "b": dz.sum(axis=0)}


def rnn_jvp(x_t, h_t, params, t_x_t, t_y_t, t_params):
    """Tangent of h_t (B, N)."""
    t_z = t_x_t @ params["W_x"] + x_t @ t_params["W_x"] + t_y_t + t_params["b"]
    return (1 - h_t**2) * t_z
