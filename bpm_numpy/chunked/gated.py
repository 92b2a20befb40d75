"""The sums of rules Hebb(t+1) = Clip(g_t ⊗ Hebb(t) + h_{t-1} q_tᵀ); g_t and q_t are vectors over post-synaptic neurons.

    outer: g = 1, q = mu p        decay: g = 1 - mu, q = mu p        Oja: g = 1 - mu p², q = mu p

Unrolled over a chunk, with Γ_t = Π_{r<t} g_r (from t0):

    coef(t)      = Γ_t
    driven_s(t)  = (Π_{s<r<t} g_r) q_s

Backward. At the step t both grow by one factor: driven_s(t+1) = g_t driven_s(t) for s < t, driven_t(t+1) = q_t and
Γ_{t+1} = g_t Γ_t. With D_s and K the adjoints of driven_s(t+1) and Γ_{t+1},

    dq_t = D_t,   dg_t = Σ_{s<t} D_s driven_s(t) + K Γ_t,   then D_s ← g_t D_s,  K ← g_t K

and the rule's ``factors_backward`` turns dg_t and dq_t into dmu_t and dp_t. Bounds for the certificate: the products of
max(|g|, 1), which no later step is below.

A rule opts in by ``sums = Gated`` and two functions (``rules.outer`` is the shortest example):

    factors(net, params, mu, p)            mu as in the rule's forward, p (B, N) -> g, q, cache; g None: always 1
    factors_backward(net, dg, dq, cache)   dg (None where g is), dq (B, N) -> dmu (B, N), dp (B, N), gradients

g and q are (B, N), or what broadcasts to it; dg and dq are (B, N) always.
"""

from collections import defaultdict

import numpy as np

from .dense import Dense, add_gradients, row_times, spread, times_row
from .followed import Followed, add_at


class DenseGated(Dense):
    """v = g ⊗ Hebb + h_{t-1} qᵀ; so da = G q, dq = h_{t-1} G, dg = Σ_pre Hebb ⊗ G, and G ← g ⊗ G."""

    def update(self, t, a, p, mu):
        g, q, of_factors = self.net.rule.factors(self.net, self.params, mu, p)
        g, q = None if g is None else spread(g, a.shape), spread(q, a.shape)
        hebb, (left, right) = self.places[t][0], self.work.outer(a, q)
        for rows, v, Y in self.work.blocks:
            np.matmul(left[rows], right[rows], out=v)
            v += hebb[rows] if g is None else np.multiply(g[rows, None], hebb[rows], out=Y)
            self.clip(t, rows, v)
        return g, q, of_factors

    def update_backward(self, t, a, cache, da):
        (g, q, of_factors), hebb = cache, self.places[t][0]
        dq, dg = np.empty_like(da), None if g is None else np.empty_like(da)
        for rows, *_ in self.work.blocks:
            G = self.clip_backward(t, rows)
            da[rows], dq[rows] = times_row(G, q[rows]), row_times(a[rows], G)
            if g is not None:
                np.einsum("bij,bij->bj", hebb[rows], G, out=dg[rows])
                G *= g[rows, None]
        dmu, dp, grads = self.net.rule.factors_backward(self.net, dg, dq, of_factors)
        add_gradients(self.grads, grads)
        return dmu, dp


class FollowedGated(Followed):
    """The rule's g, and x = h_{t-1} q; so dh_{t-1} += dx q, dq += dx h_{t-1}."""

    def growth(self, t):
        g = self.sums.gates[t]
        g = None if g is None else np.broadcast_to(g, self.sums.q[t].shape).take(self.post)
        return g, self.a[t] * self.sums.q[t].take(self.post)

    def growth_backward(self, t, dg, dx, sum_dg, sum_dq):
        if dg is not None:
            add_at(sum_dg, self.post, dg)
        add_at(sum_dq, self.post, dx * self.a[t])
        return dx * self.sums.q[t].take(self.post)


class Gated:
    """The vectors of one chunk of at most L steps of b episodes; ``append`` takes a step in."""

    needs = ("factors", "factors_backward")  # of the rule
    dense, followed = DenseGated, FollowedGated
    sides = 1  # matrices at the start: Hebb

    @staticmethod
    def prepare(net, params, L):
        """What all chunks of L steps share: nothing. ValueError for a rule that these sums leave something out of."""
        if net.rule.carried(net) is not None:
            raise ValueError(f"sums: expected None for {net.rule}, which carries more than Hebb, got Gated")

    def __init__(self, net, params, L, b, prepared):
        self.net, self.params, self.L, self.n = net, params, L, 0
        self.q = np.empty((L, b, net.n_hidden), net.dtype)
        self.gates, self.caches = [], []
        self.products = self.all_driven = None  # (L+1, b, N) and (L+1, L, b, N), made when the first gate comes

    def append(self, mu, p):
        """mu (b, N) | (b, 1) | (1, 1), p (b, N) of the next step."""
        n = self.n
        g, self.q[n], cache = self.net.rule.factors(self.net, self.params, mu, p)
        if n and (g is None) != (self.gates[0] is None):
            raise ValueError(f"factors: expected {self.net.rule} to give g at every step, or always None, got both")
        self.gates.append(g)
        self.caches.append(cache)
        if g is not None:
            if self.products is None:
                self._make_room()
            np.multiply(self.products[n], g, out=self.products[n + 1])
            np.multiply(self.all_driven[n, :n], g, out=self.all_driven[n + 1, :n])
            self.all_driven[n + 1, n] = self.q[n]
        self.n = n + 1

    def _make_room(self):
        L, b, N = self.q.shape
        self.products, self.all_driven = np.empty((L + 1, b, N), self.q.dtype), np.empty((L + 1, L, b, N), self.q.dtype)
        self.products[0] = 1

    def coefficients(self, t):
        """Of the matrices at the start, at step t: one for each, 1, None for 0, or (b, N)."""
        return (1 if self.products is None or t == 0 else self.products[t],)

    def driven(self, t):
        """driven_s(t) of all s < t: (t, b, N)."""
        return self.q[:t] if self.products is None else self.all_driven[t, :t]

    def end(self):
        """Of each matrix at the end: the coefficients of those at the start, and the rows r_s (n, b, N)."""
        return [(self.coefficients(self.n), self.driven(self.n))]

    def bounds(self):
        """Bounds of |coef(t)|, one for each matrix at the start, and of |driven_s(t)| (n, b, N); rounding in steps."""
        q = np.abs(self.q)
        if self.products is None:
            return (1,), q, 1
        gates = np.maximum(np.abs(np.stack([np.broadcast_to(g, q.shape[1:]) for g in self.gates])), 1)  # (n, b, N)
        since = np.cumprod(gates[::-1], axis=0)[::-1]  # [s]: Π_{r≥s}
        later = np.concatenate([since[1:], np.ones_like(since[:1])])  # Π_{r>s}
        return (since[0],), later * q, 2

    def begin_backward(self, d_rows, d_coefficients):
        """From the chunk's end: the adjoints of each matrix's rows and coefficients (None where those are 0 or 1)."""
        (self.d_driven,), ((self.d_product,),) = d_rows, d_coefficients  # (n, b, N), (b, N) or None
        self.grads = defaultdict(int)

    def step_backward(self, t, add):
        """-> dmu_t, dp_t (b, N); all later steps are done.

        add(dg_t (None where g is), dq_t) adds what comes from entries followed by themselves.
        """
        g, dg, D = self.gates[t], None, self.d_driven
        if g is not None:
            dg = (D[:t] * self.driven(t)).sum(axis=0) + self.d_product * self.products[t]  # (b, N)
        add(dg, D[t])
        dmu, dp, grads = self.net.rule.factors_backward(self.net, dg, D[t], self.caches[t])
        if g is not None:
            D[:t] *= g
            self.d_product *= g
        add_gradients(self.grads, grads)
        return dmu, dp

    def used(self, t, d_driven):
        """Step t has read driven_s(t), s < t: add their adjoint (t, b, N). The array may be written to."""
        self.d_driven[:t] += d_driven

    def used_coefficient(self, side, d_coefficient):
        """Step t has read coef(t) of a start matrix: add its adjoint (b, N)."""
        self.d_product += d_coefficient

    def gradients(self):
        """dict: of the rule's own parameters."""
        return self.grads
