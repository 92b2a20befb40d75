"""What a modulator is: how M(t), one scalar for each episode and step, follows from h_t."""

from ..parts import Part, Parameter, normal


class Modulator(Part):
    """M(t) as a function of h_t (notes, below (2.6)). Episodes do not know of one another: row b of h gives M[b]."""

    kind = "modulator"

    def forward(self, net, params, h):
        """h (B, N) -> M (B,), cache."""
        raise NotImplementedError

    def backward(self, net, dM, cache):
        """dM (B,) -> dh (B, N), gradients."""
        raise NotImplementedError

    def jvp(self, net, t_params, t_h, cache):
        """Tangent of M (B,)."""
        raise NotImplementedError


# What most modulators begin with: a weighted sum of h_t.


def weighted(net, W, b):
    """The Parameters of a weighted sum under the names ``W`` and ``b``."""
    return {W: Parameter((net.n_hidden,), normal), b: Parameter((), 0.0)}


def weighted_sum_forward(h, W, b):
    """a = h · W + b: h (B, N), W (N,), b () -> a (B,), cache."""
    return h @ W + b, (h, W)


def weighted_sum_backward(da, cache):
    """da (B,) -> dh (B, N), dW (N,), db ()."""
    h, W = cache
    return da[:, None] * W, da @ h, da.sum()


def weighted_sum_jvp(t_h, t_W, t_b, cache):
    """Tangent of a (B,)."""
    h, W = cache
    return t_h @ W + h @ t_W + t_b
