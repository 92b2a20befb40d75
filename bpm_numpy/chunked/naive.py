"""One chunk of one episode in two short functions: the sums of ``gated``, to read, and as a judge of the fast way.

a (L, N) are the pre-synaptic activities h_{t-1}, g and q (L, N) the rule's factors, the rest (N, N); Clip cuts nothing.
"""

import numpy as np


def naive_forward(a, g, q, w, alpha, hebb):
    """-> y (L, N), Hebb(t1) (N, N)."""
    y, driven, product = np.empty_like(a), np.zeros_like(q), np.ones(a.shape[1])
    for t in range(len(a)):
        R = (a[:t] * a[t]) @ alpha  # a row for each s < t
        y[t] = a[t] @ w + product * (a[t] @ (alpha * hebb)) + (driven[:t] * R).sum(axis=0)
        driven[:t] *= g[t]
        driven[t], product = q[t], product * g[t]
    return y, product * hebb + a.T @ driven


def naive_backward(a, g, q, w, alpha, hebb, dy, dhebb):
    """dy (L, N), dhebb = dL/dHebb(t1) -> the gradients of the inputs, in order."""
    L, N = a.shape
    product = np.concatenate([np.ones((1, N)), np.cumprod(g, axis=0)])  # (L+1, N)
    driven = np.zeros((L + 1, L, N))  # [t, s]: of s < t
    for t in range(L):
        driven[t + 1, :t], driven[t + 1, t] = g[t] * driven[t, :t], q[t]
    da, D, K = driven[L] @ dhebb.T, a @ dhebb, (dhebb * hebb).sum(axis=0)  # from Hebb(t1); D, K: of driven, product
    dg, dq, dalpha, P = np.empty_like(g), np.empty_like(q), np.zeros_like(alpha), alpha * hebb
    for t in reversed(range(L)):
        dq[t], dg[t] = D[t], (D[:t] * driven[t, :t]).sum(axis=0) + K * product[t]
        D[:t], K = g[t] * D[:t], g[t] * K
        V = driven[t, :t] * dy[t]
        U = V @ alpha.T
        da[t] += w @ dy[t] + P @ (product[t] * dy[t]) + (a[:t] * U).sum(axis=0)  # as h_{t-1}
        da[:t] += a[t] * U  # as a_s
        D[:t] += dy[t] * ((a[:t] * a[t]) @ alpha)
        K = K + dy[t] * (a[t] @ P)
        dalpha += (a[:t] * a[t]).T @ V
    Z = a.T @ (product[:L] * dy)
    return da, dg, dq, a.T @ dy, dalpha + hebb * Z, product[L] * dhebb + alpha * Z
