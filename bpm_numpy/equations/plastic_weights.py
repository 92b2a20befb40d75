"""Weights that change in time (notes (2.2), paper Eq. 1).

    W~(t) = w + alpha ⊗ Hebb(t)                 one matrix an episode
    y_t   = h_{t-1} W~(t)                       y[b, j] = Σ_i h[b, i] (w[i, j] + alpha[i, j] Hebb[b, i, j])

``alpha`` is stored (N, N), (N,) or (): one number a connection, one a post-synaptic neuron, or one in all.
NumPy's broadcasting of the last axis is exactly that choice.

Derivation. Let dy = dL/dy_t. Each entry of W~ enters one term of the sum, so

    dW~[b, i, j] = h[b, i] dy[b, j]

and by the chain rule through W~ = w + alpha ⊗ Hebb, with w and alpha shared by all episodes,

    dw[i, j]       = Σ_b dW~[b, i, j]
    dalpha[i, j]   = Σ_b dW~[b, i, j] Hebb[b, i, j]       summed further over what shares one alpha
    dHebb[b, i, j] = alpha[i, j] dW~[b, i, j]
    dh[b, i]       = Σ_j W~[b, i, j] dy[b, j]
"""

import numpy as np


def plastic_weights(w, alpha, hebb):
    """W~(t) = w + alpha ⊗ Hebb(t): w (N, N), alpha (N, N) | (N,) | (), hebb (B, N, N) -> (B, N, N)."""
    return w + alpha * hebb  # (B, N, N)


def plastic_input_forward(h_prev, w, alpha, hebb):
    """y_t = h_{t-1} W~(t): h_prev (B, N) -> y (B, N), cache."""
    y = np.matmul(h_prev[:, None, :], plastic_weights(w, alpha, hebb))[:, 0, :]  # (B, N)
    return y, (h_prev, w, alpha, hebb)


def plastic_input_backward(dy, cache):
    """dy (B, N) -> dh_prev (B, N), dw (N, N), dalpha as alpha, dhebb (B, N, N)."""
    h_prev, w, alpha, hebb = cache
    d_weights = h_prev[:, :, None] * dy[:, None, :]  # dW~ (B, N, N)
    dh_prev = np.matmul(plastic_weights(w, alpha, hebb), dy[:, :, None])[:, :, 0]  # (B, N)
    dw = d_weights.sum(axis=0)  # (N, N)
    dalpha = sum_to_shape((d_weights * hebb).sum(axis=0), np.shape(alpha))
    dhebb = alpha * d_weights  # (B, N, N)
    return dh_prev, dw, dalpha, dhebb


def plastic_input_jvp(t_h_prev, t_w, t_alpha, t_hebb, cache):
    """Tangent of y_t (B, N), by the product rule."""
    h_prev, w, alpha, hebb = cache
    t_weights = t_w + t_alpha * hebb + alpha * t_hebb  # (B, N, N)
    t_y = t_h_prev[:, None, :] @ plastic_weights(w, alpha, hebb) + h_prev[:, None, :] @ t_weights
    return t_y[:, 0, :]  # (B, N)


def sum_to_shape(d_matrix, shape):
    """Undo the broadcast of alpha: (N, N) -> (N, N), or (N,) summed over pre, or () summed over all."""
    return d_matrix.sum(axis=tuple(range(2 - len(shape))))
