"""The cells once more, each cut in two for the chunked way: what needs no state, and what must go step by step.

What needs no state is done for the rows of all steps at once: x W_x + b before them, and the sums that make the
gradients of the weights behind them. The equations and their derivation stand with the cells; tests hold the two equal.

    inputs(net, params, x (R, D))                             -> (R, Z), what the cell reads of x
    recurrent(net, params)                                    -> the weights that read h_{t-1}, joined, or None
    forward(net, W_h, inputs_t (B, Z), h_prev, c_prev, y)     -> h_t, c_t, p_t, cache
    backward(net, W_h, dh, dc, dp, cache)                     -> dz (B, Z), dh_prev (None for zero), dc_prev, dy (B, N)
    gradients(net, params, dz (R, Z), x (R, D), h_prev (R, N)) -> dx (R, D), gradients
"""

import numpy as np

from ..equations.sigmoid import sigmoid


class FastRNN:
    def inputs(self, net, params, x):
        return x @ params["W_x"] + params["b"]

    def recurrent(self, net, params):
        return None

    def forward(self, net, W_h, inputs, h_prev, c_prev, y):
        h = np.tanh(inputs + y)  # (B, N)
        return h, None, h, h

    def backward(self, net, W_h, dh, dc, dp, h):
        dz = (dh + dp) * (1 - h**2)  # (B, N)
        return dz, None, None, dz

    def gradients(self, net, params, dz, x, h_prev):
        return dz @ params["W_x"].T, {"W_x": x.T @ dz, "b": dz.sum(axis=0)}


class FastGates:
    """What the gated cells share: the weights of ``gates`` side by side; the first one's recurrent ones are plastic."""

    gates = None

    def inputs(self, net, params, x):
        return x @ self._joined(params, "W_{}x") + self._joined(params, "b_{}")

    def recurrent(self, net, params):
        return self._joined(params, "W_{}h", self.gates[1:])

    def gradients(self, net, params, dz, x, h_prev):
        N = h_prev.shape[1]
        dW_x, dW_h, db = x.T @ dz, h_prev.T @ dz[:, N:], dz.sum(axis=0)  # (D, kN), (N, (k-1) N), (kN,)
        grads = {}
        for number, k in enumerate(self.gates):
            part = slice(number * N, (number + 1) * N)
            grads |= {f"W_{k}x": dW_x[:, part], f"b_{k}": db[part]}
        for number, k in enumerate(self.gates[1:]):
            grads[f"W_{k}h"] = dW_h[:, number * N : (number + 1) * N]
        return dz @ self._joined(params, "W_{}x").T, grads

    def _joined(self, params, name, gates=None):
        return np.concatenate([params[name.format(k)] for k in gates or self.gates], axis=-1)


class FastLSTM(FastGates):
    gates = "ijfo"

    def forward(self, net, W_h, inputs, h_prev, c_prev, y):
        N = h_prev.shape[1]
        i = np.tanh(inputs[:, :N] + y)  # (B, N)
        z = inputs[:, N:] + h_prev @ W_h  # of j, f, o (B, 3N)
        if net.reading == "notes":
            j, f_and_o = np.tanh(z[:, :N]), sigmoid(z[:, N:])  # (B, N), (B, 2N)
            f, o, carry = f_and_o[:, :N], f_and_o[:, N:], h_prev
        else:
            gates = sigmoid(z)  # (B, 3N)
            j, f, o, carry = gates[:, :N], gates[:, N : 2 * N], gates[:, 2 * N :], c_prev
        c = carry * f + i * j  # (B, N)
        return np.tanh(c) * o, c, i, (h_prev, c_prev, i, j, f, o, c)

    def backward(self, net, W_h, dh, dc, dp, cache):
        h_prev, c_prev, i, j, f, o, c = cache
        N, tanh_c = i.shape[1], np.tanh(c)
        carry = h_prev if net.reading == "notes" else c_prev
        dc = dc + dh * o * (1 - tanh_c**2)  # (B, N)
        dz = np.empty((len(i), 4 * N), dc.dtype)  # (B, 4N)
        dz[:, :N] = (dc * j + dp) * (1 - i**2)
        dz[:, N : 2 * N] = dc * i * (1 - j**2 if net.reading == "notes" else j * (1 - j))
        dz[:, 2 * N : 3 * N] = dc * carry * f * (1 - f)
        dz[:, 3 * N :] = dh * tanh_c * o * (1 - o)
        dh_prev, d_carry = dz[:, N:] @ W_h.T, dc * f  # (B, N)
        if net.reading == "notes":
            return dz, dh_prev + d_carry, np.zeros_like(c_prev), dz[:, :N]
        return dz, dh_prev, d_carry, dz[:, :N]


class FastGRU(FastGates):
    gates = "nrz"

    def forward(self, net, W_h, inputs, h_prev, c_prev, y):
        N = h_prev.shape[1]
        r_and_z = sigmoid(inputs[:, N:] + h_prev @ W_h)  # (B, 2N)
        r, z = r_and_z[:, :N], r_and_z[:, N:]
        n = np.tanh(inputs[:, :N] + r * y)  # (B, N)
        return (1 - z) * n + z * h_prev, None, n, (h_prev, y, r, z, n)

    def backward(self, net, W_h, dh, dc, dp, cache):
        h_prev, y, r, z, n = cache
        N = n.shape[1]
        dz = np.empty((len(n), 3 * N), dh.dtype)  # of n, r, z (B, 3N)
        dz[:, :N] = (dh * (1 - z) + dp) * (1 - n**2)
        dz[:, N : 2 * N] = dz[:, :N] * y * r * (1 - r)
        dz[:, 2 * N :] = dh * (h_prev - n) * z * (1 - z)
        return dz, dh * z + dz[:, N:] @ W_h.T, None, dz[:, :N] * r
