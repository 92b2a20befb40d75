"""The readout (notes (1.3)): logits F(h_t) for the actions, and a value for the critic.

    k_t      = h_t                        "F could be a fully-connected layer ...
    k_t      = tanh(h_t W_k + b_k)         ... or even more complicated": with ``readout_hidden``
    logits_t = k_t W_y + b_y
    value_t  = h_t · W_v + b_v

Derivation. dk = dlogits W_yᵀ, and through the hidden layer dz = dk ⊗ (1 - k²), dh = dz W_kᵀ; without it
dh = dk. The value adds dvalue W_v to dh. Each weight's gradient is its input times its output's gradient,
summed over episodes.
"""

import numpy as np


def readout_forward(params, h):
    """h (B, N) -> logits (B, A), value (B,), cache."""
    k = np.tanh(h @ params["W_k"] + params["b_k"]) if "W_k" in params else h  # (B, N or K)
    return k @ params["W_y"] + params["b_y"], h @ params["W_v"] + params["b_v"], (params, h, k)


def readout_backward(d_logits, d_value, cache):
    """d_logits (B, A), d_value (B,) -> dh (B, N), gradients of the parameters."""
    params, h, k = cache
    grads = {"W_y": k.T @ d_logits, "b_y": d_logits.sum(axis=0), "W_v": d_value @ h, "b_v": d_value.sum()}
    dh = d_logits @ params["W_y"].T  # (B, N or K)
    if "W_k" in params:
        dz = dh * (1 - k**2)  # (B, K)
        grads |= {"W_k": h.T @ dz, "b_k": dz.sum(axis=0)}
        dh = dz @ params["W_k"].T  # (B, N)
    return dh + d_value[:, None] * params["W_v"], grads


def readout_jvp(t_params, t_h, cache):
    """Tangents of logits (B, A) and value (B,)."""
    params, h, k = cache
    t_k = t_h
    if "W_k" in params:
        t_k = (1 - k**2) * (t_h @ params["W_k"] + h @ t_params["W_k"] + t_params["b_k"])
    t_logits = t_k @ params["W_y"] + k @ t_params["W_y"] + t_params["b_y"]
    return t_logits, t_h @ params["W_v"] + h @ t_params["W_v"] + t_params["b_v"]
