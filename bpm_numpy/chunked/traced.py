"""The sums of the trace (``rules.trace``): what each outer product, and the trace at the start, have been driven by.

With ρ = 1 - eta, δ = 0 in reading "notes" and 1 in "paper" (the trace drives before or after it takes X in), and Ē the
trace at t0,

    κ_t     = Σ_{r=t0}^{t-1} mu_r ρ^(r-t0+1-δ)                    what the trace at t0 has been driven by
    λ_ts    = eta Σ_{r=s+δ}^{t-1} mu_r ρ^(r-δ-s)                  what the product X_s has been driven by
    Hebb(t) = Hebb(t0) + κ_t ⊗ Ē + Σ_{s<t} a_s (λ_ts p_s)ᵀ        so coef(t) = (1, κ_t), driven_s(t) = λ_ts p_s
    Ē(t1)   = ρ^L Ē + Σ_s a_s (eta ρ^(t1-1-s) p_s)ᵀ

Backward, with dκ and dλ_s the adjoints of κ_{t+1} and λ_{t+1,s}, which change as t falls:

    dmu_t = ρ^(t-t0+1-δ) dκ + eta Σ_{s≤t-δ} ρ^(t-δ-s) dλ_s,   dp_s += λ_ts ddriven_s,   dλ_s += p_s ddriven_s

deta collects from the eta in front of the sums and, with a minus (ρ = 1 - eta), from the powers. The outer product is
"notes" with eta = 1, ρ = 0, 0⁰ = 1.
"""

import numpy as np

from .dense import Dense, row_times, spread, times_row
from .followed import Followed, add_at


class DenseTraced(Dense):
    """v = Hebb + mu ⊗ E(t), with E(t) the trace after it took X = h_{t-1} p_tᵀ in ("notes"), or before ("paper").

    Backward as in ``rules.trace``, with F the adjoint of the trace: both dtrace and G add to it.
    """

    def update(self, t, a, p, mu):
        eta, (hebb, trace), trace_next = self.params["eta"], self.places[t], self.places[t + 1][1]
        mu, (left, right) = spread(mu, (len(a), mu.shape[1])), self.work.outer(a, eta * p)
        for rows, v, Y in self.work.blocks:
            if self.net.reading == "paper":
                np.multiply(mu[rows, None], trace[rows], out=v)
            np.matmul(left[rows], right[rows], out=Y)
            np.multiply(1 - eta, trace[rows], out=trace_next[rows])
            trace_next[rows] += Y
            if self.net.reading == "notes":
                np.multiply(mu[rows, None], trace_next[rows], out=v)
            v += hebb[rows]
            self.clip(t, rows, v)
        return p, mu

    def update_backward(self, t, a, cache, da):
        (p, mu), notes, eta = cache, self.net.reading == "notes", self.params["eta"]
        trace, drives = self.places[t][1], self.places[t + notes][1]
        dmu, aF, deta = np.empty_like(da), np.empty_like(da), 0.0
        for rows, Z, _ in self.work.blocks:
            G, F = self.clip_backward(t, rows), self.G[1][rows]
            np.einsum("bij,bij->bj", drives[rows], G, out=dmu[rows])
            dE = np.multiply(mu[rows, None], G, out=Z)
            if notes:
                F += dE
            da[rows], aF[rows] = times_row(F, p[rows]), row_times(a[rows], F)
            deta -= np.vdot(trace[rows], F)
            F *= 1 - eta
            if not notes:
                F += dE
        da *= eta
        self.grads["eta"] += deta + np.vdot(aF, p)
        return dmu, eta * aF


class FollowedTraced(Followed):
    """g = 1, x_t = mu_t e, with e the entry of the trace that drives: after it took X = h_{t-1} p_t in ("notes"), or
    before. Backward as in ``rules.trace``, with dtrace the adjoint of the trace through dx alone, at first 0.
    """

    def __init__(self, chunk, at):
        super().__init__(chunk, at)
        self.trace = np.empty_like(self.hebb)  # (L+1, n)
        self.trace[0] = chunk.starts[1].take(at)
        N, columns = chunk.a.shape[2], self.sums.mu.shape[2]
        self.drive = self.post if columns == N else self.post // N  # where mu is, in (b, columns)
        self.powers, self.dtrace = self.sums.powers, np.zeros_like(self.alpha)

    def growth(self, t):
        eta, X = self.powers.eta, self.a[t] * self.sums.p[t].take(self.post)  # (n,)
        self.trace[t + 1] = (1 - eta) * self.trace[t] + eta * X
        return None, self.sums.mu[t].take(self.drive) * self.trace[t + self.powers.first]

    def growth_backward(self, t, dg, dx, sum_dmu, sum_dp):
        eta, p, first = self.powers.eta, self.sums.p[t].take(self.post), self.powers.first
        add_at(sum_dmu, self.post, dx * self.trace[t + first])
        de = dx * self.sums.mu[t].take(self.drive)  # (n,)
        after = self.dtrace + de * first
        self.sums.deta += np.vdot(self.a[t] * p - self.trace[t], after)
        self.dtrace = (1 - eta) * after + de * (1 - first)
        add_at(sum_dp, self.post, eta * after * self.a[t])
        return eta * after * p

    def end_backward(self, G, dalpha):
        super().end_backward(G, dalpha)
        add_at(G[1], self.at, self.dtrace)


class Powers:
    """What a chunk of L steps needs of eta, ρ and δ; all in the network's dtype.

    kappa (L,): what mu_r adds to κ_t, t > r;  lam [r, s] (L, L, 1, 1): what it adds to λ_ts, t > r;
    kappa_hat, lam_hat: the same in |ρ| and |eta|;  keep: ρ^L;  last (L, 1, 1): the weight of X_s in Ē(t1);
    d_mu [t] (L, 2, L+1): two rows that, times (dκ, dλ_0 ... dλ_{L-1}), give dmu_t, and what times mu_t adds to deta;
    d_keep, d_last (L,): derivatives of ρ^L and of ``last`` in eta;  first: 1 - δ.
    """

    def __init__(self, net, params, L):
        eta, delta, steps = float(params["eta"]), int(net.reading == "paper"), np.arange(L)
        self.eta, self.first = eta, 1 - delta
        rho = 1 - eta
        since = steps[:, None] - delta - steps  # [r, s]: r - δ - s, the exponent of mu_r in λ
        taken = since >= 0
        since = np.maximum(since, 0)
        left = steps[::-1]  # t1-1-s

        def powers(rho, eta):
            return np.power(rho, steps + 1 - delta), eta * np.where(taken, np.power(rho, since), 0)

        kappa, lam = powers(rho, eta)
        d_kappa = -_slope(rho, steps + 1 - delta)
        d_lam = np.where(taken, np.power(rho, since) - eta * _slope(rho, since), 0)
        d_mu = np.stack([np.column_stack([kappa, lam]), np.column_stack([d_kappa, d_lam])], axis=1)
        kappa_hat, lam_hat = powers(abs(rho), abs(eta))
        self.kappa, self.d_mu = kappa.astype(net.dtype), d_mu.astype(net.dtype)
        self.kappa_hat, self.lam_hat = kappa_hat.astype(net.dtype), lam_hat.astype(net.dtype)
        self.lam = lam.astype(net.dtype)[:, :, None, None]
        self.last = (eta * np.power(rho, left)).astype(net.dtype)[:, None, None]
        self.keep, self.d_keep = rho**L, -float(_slope(rho, L))
        self.d_last = np.power(rho, left) - eta * _slope(rho, left)


def _slope(rho, n):
    """Derivative of ρ^n: n ρ^(n-1), and 0 at n = 0."""
    return n * np.power(float(rho), np.maximum(np.asarray(n) - 1, 0))


class Traced:
    """The vectors of one chunk of L steps of b episodes; methods as of ``gated.Gated``."""

    needs = ()
    dense, followed = DenseTraced, FollowedTraced
    sides = 2  # matrices at the start: Hebb, trace

    @staticmethod
    def prepare(net, params, L):
        """The Powers of L steps. ValueError for a rule that has no trace to sum."""
        if "eta" not in net.rule.parameters(net) or net.rule.carried(net) != (net.n_hidden, net.n_hidden):
            raise ValueError(f"sums: expected a rule with eta and a trace (N, N) for Traced, got {net.rule}")
        return Powers(net, params, L)

    def __init__(self, net, params, L, b, powers):
        self.powers, self.L, self.n = powers, L, 0
        columns = net.n_hidden if net.fanout else 1
        self.p, self.mu = np.empty((L, b, net.n_hidden), net.dtype), np.empty((L, b, columns), net.dtype)
        self.kappa = np.zeros((L + 1, b, columns), net.dtype)
        self.lam = np.zeros((L + 1, L, b, columns), net.dtype)

    def append(self, mu, p):
        n, powers = self.n, self.powers
        self.p[n], self.mu[n] = p, mu
        self.kappa[n + 1] = self.kappa[n] + powers.kappa[n] * mu
        self.lam[n + 1] = self.lam[n] + powers.lam[n] * mu
        self.n = n + 1

    def coefficients(self, t):
        return 1, (self.kappa[t] if t else None)

    def driven(self, t):
        return self.lam[t, :t] * self.p[:t]

    def end(self):
        return [(self.coefficients(self.n), self.driven(self.n)), ((None, self.powers.keep), self.powers.last * self.p)]

    def bounds(self):
        mu, powers = np.abs(self.mu), self.powers
        kappa = np.tensordot(powers.kappa_hat, mu, axes=1)  # (b, N or 1)
        return (1, kappa), np.tensordot(powers.lam_hat, mu, axes=(0, 0)) * np.abs(self.p), 1

    def begin_backward(self, d_rows, d_coefficients):
        powers, (aG, aF), ((_, d_kappa), (_, d_keep)) = self.powers, d_rows, d_coefficients
        L, b, N = self.p.shape
        self.d_sums = np.empty((L + 1, b, N), self.p.dtype)  # dκ and all dλ_s in one piece
        self.d_sums[0] = d_kappa
        np.multiply(self.p, aG, out=self.d_sums[1:])
        self.dp = self.lam[L] * aG + powers.last * aF
        self.deta = powers.d_last @ (aF * self.p).sum(axis=(1, 2)) + powers.d_keep * d_keep

    def step_backward(self, t, add):
        """As of ``gated.Gated``; add(dmu_t, dp_t)."""
        L, b, N = self.p.shape
        dmu, deta = (self.powers.d_mu[t] @ self.d_sums.reshape(L + 1, -1)).reshape(2, b, N)
        add(dmu, self.dp[t])
        self.deta += np.vdot(np.broadcast_to(self.mu[t], deta.shape), deta)
        return dmu, self.dp[t]

    def used(self, t, d_driven):
        self.dp[:t] += self.lam[t, :t] * d_driven
        self.d_sums[1 : t + 1] += np.multiply(self.p[:t], d_driven, out=d_driven)

    def used_coefficient(self, side, d_coefficient):
        self.d_sums[0] += d_coefficient

    def gradients(self):
        return {"eta": self.deta}
