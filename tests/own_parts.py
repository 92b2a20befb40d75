"""Parts of a user's own, as a user would write them outside the package."""

import numpy as np

from bpm_numpy.cells import Cell
from bpm_numpy.cells.gru import GRU
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.modulators import Modulator
from bpm_numpy.parts import Parameter, normal
from bpm_numpy.rules import EligibilityRule
from bpm_numpy.rules.outer import outer_backward, outer_forward, outer_jvp


class Leak(EligibilityRule):
    """E = X - leak ⊗ Hebb, with a learnt leak of every post-synaptic neuron."""

    name = "leak"
    sums = Gated

    def parameters(self, net):
        return {"leak": Parameter((net.n_hidden,), 0.5)}

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        return X - params["leak"] * hebb, None, (of_X, params["leak"], hebb)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        of_X, leak, hebb = cache
        return -leak * dE, *outer_backward(dE, of_X), None, {"leak": -(hebb * dE).sum(axis=(0, 1))}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        of_X, leak, hebb = cache
        return outer_jvp(t_h_prev, t_p, of_X) - leak * t_hebb - t_params["leak"] * hebb, None

    def factors(self, net, params, mu, p):
        return 1 - mu * params["leak"], mu * p, (mu, p, params["leak"])

    def factors_backward(self, net, dg, dq, cache):
        mu, p, leak = cache
        return p * dq - leak * dg, mu * dq, {"leak": -(mu * dg).sum(axis=0)}


class Presynaptic(Leak):
    """E = h_{t-1} 1ᵀ - leak ⊗ Hebb, for a learnt rate: no episode changes its factors, g (N,) and q (1, 1)."""

    name = "presynaptic"
    sums = Gated

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        return super().eligibility(net, params, hebb, h_prev, np.ones_like(p), trace)

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dhebb, dh_prev, dp, _, grads = super().eligibility_backward(net, dE, d_trace_next, cache)
        return dhebb, dh_prev, np.zeros_like(dp), None, grads

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return super().eligibility_jvp(net, t_params, t_hebb, t_h_prev, np.zeros_like(t_p), t_trace, cache)

    def factors(self, net, params, mu, p):
        return 1 - params["rate"] * params["leak"], mu, (mu, p, params["leak"])

    def factors_backward(self, net, dg, dq, cache):
        mu, p, leak = cache
        return dq - leak * dg, np.zeros_like(p), {"leak": -(mu * dg).sum(axis=0)}


class SlowLeak(Leak):
    """The same rule, which has not opted in."""

    name = "slow leak"
    sums = None


class Contradicting(Leak):
    """Its factors forget the leak: another function than its equations."""

    name = "contradicting"

    def factors(self, net, params, mu, p):
        return None, mu * p, (mu, p)

    def factors_backward(self, net, dg, dq, cache):
        mu, p = cache
        return p * dq, mu * dq, {}


class WrongFactorsBackward(Leak):
    """Right values, and a wrong gradient of the fast form alone."""

    name = "wrong backward"

    def factors_backward(self, net, dg, dq, cache):
        dmu, dp, grads = super().factors_backward(net, dg, dq, cache)
        return dmu, dp, {"leak": -grads["leak"]}


class SlowGRU(GRU):
    """A cell that gives its definition alone."""

    name = "slow gru"
    fast = None


class TwoMemories(Cell):
    """h_t = tanh(x W_x + y + Σ of two memories), which keep h at two rates: what it carries is (2, N)."""

    name = "two memories"
    plastic_name = "W_h"
    rates = np.array([0.5, 0.125])[:, None]  # (2, 1)

    def parameters(self, net):
        return {"W_x": Parameter((net.n_inputs, net.n_hidden), normal), "W_h": Parameter((net.n_hidden,) * 2, normal)}

    def carried(self, net):
        return 2, net.n_hidden

    def forward(self, net, params, x, h_prev, c_prev, y):
        h = np.tanh(x @ params["W_x"] + y + c_prev.sum(axis=1))  # (B, N)
        c = (1 - self.rates) * c_prev + self.rates * h[:, None]  # (B, 2, N)
        return h, c, h, (params, x, h)

    def backward(self, net, dh, dc, dp, cache):
        params, x, h = cache
        dz = (dh + dp + (self.rates * dc).sum(axis=1)) * (1 - h**2)  # (B, N)
        dc_prev = (1 - self.rates) * dc + dz[:, None]
        return dz @ params["W_x"].T, np.zeros_like(dh), dc_prev, dz, {"W_x": x.T @ dz}

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        params, x, h = cache
        t_h = (1 - h**2) * (t_x @ params["W_x"] + x @ t_params["W_x"] + t_y + t_c_prev.sum(axis=1))
        return t_h, (1 - self.rates) * t_c_prev + self.rates * t_h[:, None], t_h


class Square(Modulator):
    """M = (h · W_sq)², which gives no quick gradient of h."""

    name = "square"

    def parameters(self, net):
        return {"W_sq": Parameter((net.n_hidden,), normal)}

    def forward(self, net, params, h):
        a = h @ params["W_sq"]
        return a**2, (a, h, params["W_sq"])

    def backward(self, net, dM, cache):
        a, h, W = cache
        da = 2 * a * dM
        return da[:, None] * W, {"W_sq": da @ h}

    def jvp(self, net, t_params, t_h, cache):
        a, h, W = cache
        return 2 * a * (t_h @ W + h @ t_params["W_sq"])


class Carrying(Leak):
    """What it adds to the leak's E, the sum of all E so far, is not in its factors."""

    name = "carrying"
    sums = Gated

    def carried(self, net):
        return net.n_hidden, net.n_hidden

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        E, _, cache = super().eligibility(net, params, hebb, h_prev, p, None)
        return E + trace, E + trace, cache

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        both = dE + d_trace_next
        dhebb, dh_prev, dp, _, grads = super().eligibility_backward(net, both, None, cache)
        return dhebb, dh_prev, dp, both, grads


class SometimesGated(Leak):
    """Gives no g where all drives are negative, though the leak is there."""

    name = "sometimes gated"

    def factors(self, net, params, mu, p):
        g, q, cache = super().factors(net, params, mu, p)
        return (None if (mu < 0).all() else g), q, cache
