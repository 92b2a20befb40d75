"""What a modulator is: how M(t), one scalar for each episode and step, follows from h_t."""

from ..parts import Parameter, Part, normal


class Modulator(Part):
    """M(t) as a function of h_t (notes, below (2.6)). Episodes do not know of one another: row b of h gives M[b]."""

    kind = "modulator"

    def forward(self, net, params, h):
        """h (B, N) -> M (B,), cache."""
        self.lacks("forward")

    def backward(self, net, dM, cache):
        """dM (B,) -> dh (B, N), gradients."""
        self.lacks("backward")

    def backward_h(self, net, dM, cache):
        """The dh (B, N) of ``backward`` alone. Where it is quicker than the whole, a modulator may say how."""
        return self.backward(net, dM, cache)[0]

    def jvp(self, net, t_params, t_h, cache):
        """Tangent of M (B,)."""
        self.lacks("jvp")


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


class OfWeightedSum(Modulator):
    """M = f(a), a = h_t · W_m + b_m: a subclass gives f, and its slope as a function of M itself.

    Derivation. da = dM f'(a),   dh_t = da W_m,   dW_m = Σ_b da h_t,   db_m = Σ_b da
    """

    def f(self, a):
        """a (B,) -> M (B,)."""
        self.lacks("f")

    def slope(self, M):
        """f'(a) (B,), from M = f(a)."""
        self.lacks("slope")

    def parameters(self, net):
        return weighted(net, "W_m", "b_m")

    def forward(self, net, params, h):
        a, of_a = weighted_sum_forward(h, params["W_m"], params["b_m"])
        M = self.f(a)  # (B,)
        return M, (M, of_a)

    def backward(self, net, dM, cache):
        M, of_a = cache
        dh, dW_m, db_m = weighted_sum_backward(dM * self.slope(M), of_a)
        return dh, {"W_m": dW_m, "b_m": db_m}

    def backward_h(self, net, dM, cache):
        M, (_, W_m) = cache
        return (dM * self.slope(M))[:, None] * W_m  # (B, N)

    def jvp(self, net, t_params, t_h, cache):
        M, of_a = cache
        return self.slope(M) * weighted_sum_jvp(t_h, t_params["W_m"], t_params["b_m"], of_a)
