r"""Exact gradients, chunk by chunk: the fast way through time.

Backpropagation step by step rewrites a (B, N, N) matrix at every step, so its time goes into moving Hebb(t),
not into arithmetic. But as long as Clip cuts nothing, Hebb is a sum of outer products. Inside a chunk of L
steps t0 ≤ t < t1 it need not be formed: with a_s = h_{s-1}, p_s the post-synaptic activity, mu_r the drive,
ρ = 1 - eta, δ = 0 in reading "notes" and 1 in "paper" (the trace drives before or after it takes X in), and
Ē the trace at t0,

    κ_t     = Σ_{r=t0}^{t-1} mu_r ρ^(r-t0+1-δ)                    what the trace at t0 has been driven by
    λ_ts    = eta Σ_{r=s+δ}^{t-1} mu_r ρ^(r-δ-s)                  what the product X_s has been driven by
    Hebb(t) = Hebb(t0) + κ_t ⊗ Ē + Σ_{s<t} a_s (λ_ts p_s)ᵀ
    Ē(t1)   = ρ^L Ē + eta Σ_s ρ^(t1-1-s) a_s p_sᵀ
    y_t     = h_{t-1} w + h_{t-1} P + κ_t ⊗ (h_{t-1} Q) + Σ_{s<t} λ_ts p_s ⊗ S_ts
              P = alpha ⊗ Hebb(t0),   Q = alpha ⊗ Ē,   S_ts = (a_s ⊗ h_{t-1}) alpha

(vectors over neurons scale columns). The sum over s is a product of stacked rows with alpha; with one alpha a
neuron, S_ts = alpha (a_s · h_{t-1}), which is linear attention. "outer" is "notes" with eta = 1, ρ = 0, 0⁰ = 1.

Backward, with G and F the adjoints of Hebb(t1) and Ē(t1), each line the transpose of one above:

    da_s = G (λ_{t1,s} p_s) + eta ρ^(t1-1-s) F p_s          dp_s = λ_{t1,s} (a_s G) + eta ρ^(t1-1-s) (a_s F)
    dκ   = Σ_pre G ⊗ Ē                                      dλ_s = p_s (a_s G)
    for t = t1-1 ... t0:
        dmu_t = ρ^(t-t0+1-δ) dκ + eta Σ_{s≤t-δ} ρ^(t-δ-s) dλ_s      then the drive's and the cell's backward
        dh_{t-1} += (w + P) dy_t + Q (κ_t dy_t) + da_t;             dκ += dy_t (h_{t-1} Q)
        for s < t:  R_ts = alpha (λ_ts p_s dy_t);  da_s += h_{t-1} R_ts;  dh_{t-1} += a_s R_ts
                    dp_s += λ_ts dy_t S_ts;  dλ_s += dy_t p_s S_ts;  dalpha += (a_s ⊗ h_{t-1}) (λ_ts p_s dy_t)ᵀ
    Z = Σ_t h_{t-1} dy_tᵀ,  Zκ = Σ_t h_{t-1} (κ_t dy_t)ᵀ:   dw += Z,  dalpha += Hebb(t0) ⊗ Z + Ē ⊗ Zκ
    F ← ρ^L F + κ_{t1} ⊗ G + alpha ⊗ Zκ,  then  G ← G + alpha ⊗ Z

dκ and dλ change as t falls: when dmu_t is read off, they hold the adjoints of κ_{t+1} and λ_{t+1,s}. deta collects
from the eta in front of the sums and, with a minus (ρ = 1 - eta), from the powers: see ``trace_rule``. For the outer
product λ_ts = mu_s whatever t is, so that q_s = mu_s p_s stands for both: dq_s sums dy_t ⊗ S_ts, and then
dp_s = mu_s dq_s, dmu_s = p_s dq_s.

A chunk of ONE step needs no sum over s, and followed by Clip it is the definition itself. So there is one
algorithm: chunks of L steps where a certificate proves that nothing is cut, chunks of one step where not.

Certificate: every entry of |Hebb(t0)| + κ̂ ⊗ |Ē| + Σ_s |a_s| (λ̂_s |p_s|)ᵀ is at most clip (1 - 4 (L+2) ε), where
the hats mean the same sums in |mu|, |ρ|, |eta| at t1 and ε is the spacing of floats at 1 (np.finfo.eps). By the
triangle inequality no partial sum then passes the bound at any step; the margin covers the rounding of both
sums. (The same sum of maxima over the entries is no smaller, and tried first.) It speaks of the activities that the
chunk computed: where those of a step-by-step run differ in their last digits, an entry within rounding of the bound
may fall on the other side of Clip's kink there.
"""

import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .equations.plastic_weights import sum_to_shape
from .equations.readout import readout_backward, readout_forward
from .step import (
    State,
    Step,
    StepOutput,
    cell_backward_gates,
    cell_backward_inputs,
    cell_forward_gates,
    cell_inputs,
    cell_recurrent,
    drive_backward,
    drive_backward_z,
    drive_forward,
)


class Plan(NamedTuple):
    """How a pass is cut up: the numbers change time and memory, not results (but for rounding).

    chunk: L, steps in a chunk; rows: episodes in a slice of the batch; keep: Hebb is kept at the start of every
    keep-th chunk, and recomputed between.
    """

    chunk: int
    rows: int
    keep: int


CHUNK = 8  # pairs of steps cost more with every step in a chunk, its matrices less: measured, about even from 6 to 12
SLICE = 1_500_000  # entries of Hebb in a slice of the batch: larger ones take memory, smaller ones calls of NumPy
BLOCK = 100_000  # entries that are worked on together: with what they are made from and into, they fit a core's cache
LONG = 64  # chunks, from which on not every start is kept
# Entries of Hebb in the batch, and these times the steps, below which a chunk's calls of NumPy cost more than it saves.
SMALL = {"outer": 6_000, "trace": 16_000}
SHORT = {"outer": 64_000, "trace": 400_000}


def choose_plan(net, T, B):
    """The Plan for T steps of B episodes, by sizes alone, so that every machine does the same.

    It is "steps", the definition, for small matrices, and for larger ones in few steps; but where a sequence is long,
    so that only some starts of chunks are kept, never, since the definition keeps the matrices of every step.
    """
    entries, chunks = B * net.n_hidden**2, -(-T // CHUNK)
    if chunks > LONG:
        keep = int(np.sqrt(chunks))
    elif entries < SMALL.get(net.eligibility, 0) or entries * T < SHORT.get(net.eligibility, 0):
        return "steps"
    else:
        keep = 1
    slices = min(-(-entries // SLICE), B)
    return Plan(CHUNK, -(-B // slices), keep)


class Trace:
    """What a chunk of L steps needs of eta, ρ = 1 - eta and δ; all in the network's dtype.

    kappa (L,): what mu_r adds to κ_t, t > r;  lam [r, s] (L, L, 1, 1): what it adds to λ_ts, t > r;
    kappa_hat, lam_hat: the same in |ρ| and |eta|;  keep: ρ^L;  last (L, 1, 1): the weight of X_s in Ē(t1);
    d_mu [t] (L, 2, L+1): two rows that, times (dκ, dλ_0 ... dλ_{L-1}), give dmu_t, and what times mu_t adds to deta;
    d_keep, d_last (L,): derivatives of ρ^L and of ``last`` in eta.
    """

    def __init__(self, net, params, L):
        eta, delta, steps = float(params["eta"]), int(net.reading == "paper"), np.arange(L)
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


class Chunk:
    """L steps from Hebb(t0) and Ē, for one slice of the batch: the sums of the module's docstring.

    hebb, trace (b, N, N); trace and its ``rule``, a Trace, are None for the outer product. After n calls of ``append``
    the arrays a, p (n, b, N) and mu (n, b, N or 1) hold what the steps so far have left; so do q (n, b, N) for the
    outer product, and kappa (n+1, b, N or 1) and lam for a trace.
    """

    def __init__(self, net, params, rule, L, hebb, trace, work):
        self.net, self.alpha, self.w = net, params["alpha"], params[net.plastic_name]
        self.hebb, self.trace, self.rule, self.L, self.n = hebb, trace, rule, L, 0
        self.work = work
        b, N = hebb.shape[:2]
        columns = N if net.fanout else 1
        self.a, self.p = np.empty((L, b, N), net.dtype), np.empty((L, b, N), net.dtype)
        self.mu = np.empty((L, b, columns), net.dtype)
        if trace is None:
            self.q = np.empty((L, b, N), net.dtype)
        else:
            self.kappa = np.zeros((L + 1, b, columns), net.dtype)
            self.lam = np.zeros((L + 1, L, b, columns), net.dtype)

    def weights(self):
        """(episodes, P = alpha ⊗ Hebb(t0), Q = alpha ⊗ Ē or None) of all episodes.

        Several steps read them all at once, computed by the first; a single step block by block, in the cache.
        """
        if self.L > 1:
            yield slice(None), *self._kept_weights
            return
        for rows, P, Q in self.work.blocks:
            yield rows, *self._times_alpha(rows, P, Q)

    @cached_property
    def _kept_weights(self):
        P, Q = self.work.weights
        for rows, _, _ in self.work.blocks:
            self._times_alpha(rows, P[rows], None if Q is None else Q[rows])
        return P, Q

    def _times_alpha(self, rows, P, Q):
        np.multiply(self.alpha, self.hebb[rows], out=P)
        return P, None if self.trace is None else np.multiply(self.alpha, self.trace[rows], out=Q)

    def input(self, h_prev):
        """y_t (b, N) of the next step."""
        n = self.n
        y = h_prev @ self.w
        for rows, P, Q in self.weights():
            y[rows] += _row_times(h_prev[rows], P)
            if self.trace is not None and n:  # κ is 0 at first
                y[rows] += self.kappa[n, rows] * _row_times(h_prev[rows], Q)
        if n:
            ah, S, _ = self.work.pairs(n)
            np.multiply(self.a[:n], h_prev, out=ah)
            y += _sum_over_s(self.driven(n), _pairs(ah, self.alpha, S))
        return y

    def driven(self, t):
        """λ_ts p_s of all s < t: (t, b, N)."""
        return self.q[:t] if self.trace is None else self.lam[t, :t] * self.p[:t]

    def append(self, h_prev, p, mu):
        """Take a step in: its a = h_prev and p (b, N), and its drive mu, (b, N) | (b, 1) | (1, 1)."""
        n, rule = self.n, self.rule
        self.a[n], self.p[n], self.mu[n] = h_prev, p, mu
        if self.trace is None:
            np.multiply(mu, p, out=self.q[n])
        else:
            self.kappa[n + 1] = self.kappa[n] + rule.kappa[n] * mu
            self.lam[n + 1] = self.lam[n] + rule.lam[n] * mu
        self.n = n + 1

    def end(self, hebb, trace, bound=np.inf, inside=None):
        """Write Hebb(t1), clipped to ``bound``, and Ē(t1), into these arrays, which may be those of the start.

        With ``inside`` (b, N, N) bool, where Clip let pass is written there; without it, returns whether it cut any.
        """
        L, rule, q, cut = self.L, self.rule, self.driven(self.L), False
        last = None if self.trace is None else rule.last * self.p
        for rows, Z, Y in self.work.blocks:
            _sum_of_outer(self.a[:, rows], q[:, rows], Z)
            if self.trace is not None:
                Z += np.multiply(self.kappa[L, rows, None], self.trace[rows], out=Y)
            if bound == np.inf:
                np.add(self.hebb[rows], Z, out=hebb[rows])
            else:
                Z += self.hebb[rows]
                np.clip(Z, -bound, bound, out=hebb[rows])
                if inside is None:
                    cut = cut or not np.array_equal(Z, hebb[rows])
                else:
                    np.equal(Z, hebb[rows], out=inside[rows])
            if self.trace is not None:
                np.multiply(rule.keep, self.trace[rows], out=trace[rows])
                trace[rows] += _sum_of_outer(self.a[:, rows], last[:, rows], Z)
        return cut

    def certified(self, bound):
        """True if it is proved that no entry passed ``bound`` at any step of the chunk."""
        if bound == np.inf:
            return True
        traced, rule = self.trace is not None, self.rule
        limit = bound * (1 - 4 * (self.L + 2) * float(np.finfo(self.net.dtype).eps))
        a = np.abs(self.a)
        if traced:
            mu = np.abs(self.mu)
            kappa = np.tensordot(rule.kappa_hat, mu, axes=1)  # κ̂ (b, N or 1)
            q = np.tensordot(rule.lam_hat, mu, axes=(0, 0)) * np.abs(self.p)  # λ̂ |p| (L, b, N)
        else:
            q = np.abs(self.q)
        total = _largest(self.hebb) + (a.max(axis=2) * q.max(axis=2)).sum(axis=0).max()
        if traced:
            total += kappa.max() * _largest(self.trace)
        if total <= limit:  # of maxima: no entry's sum is larger
            return True
        for rows, Z, Y in self.work.blocks:
            _sum_of_outer(a[:, rows], q[:, rows], Z)
            Z += np.abs(self.hebb[rows], out=Y)
            if traced:
                np.abs(self.trace[rows], out=Y)
                Z += np.multiply(kappa[rows, None], Y, out=Y)
            if not Z.max() <= limit:
                return False
        return True

    def backward(self, params, W_h, steps, G, F, inside, dh, dc, d_hidden, dz, dmu, grads):
        """From the adjoints at t1 to those at t0.

        G, F (b, N, N), F None without a trace; ``inside`` (b, N, N) where Clip let pass at t1, None if everywhere; dh,
        dc (b, N) the adjoints of h_{t1-1} and c_{t1-1} from later steps; d_hidden (L, b, N) those of h_t from the
        readout; W_h that of ``cell_recurrent``. Writes G, F, and of every step dz (L, b, N or 4N), which starts with
        dy, and dmu (L, b, N); adds to ``grads`` (alpha, eta). Returns dh, dc.
        """
        net, rule, L, a, p, mu = self.net, self.rule, self.L, self.a, self.p, self.mu
        traced = self.trace is not None
        q, aG, da = self.driven(L), np.empty_like(a), np.empty_like(a)  # (L, b, N)
        dys = dz[:, :, : a.shape[2]]  # (L, b, N)
        if traced:
            d_sums, aF, last = np.empty((L + 1, *a.shape[1:]), net.dtype), np.empty_like(a), rule.last * p
            dkappa, dlam = d_sums[0], d_sums[1:]
        for rows, Z, _ in self.work.blocks:
            if inside is not None:
                G[rows] *= inside[rows]
            _rows_times(a[:, rows], G[rows], aG[:, rows])
            _rows_times(q[:, rows], G[rows].transpose(0, 2, 1), da[:, rows])
            if traced:
                np.multiply(G[rows], self.trace[rows], out=Z).sum(axis=1, out=dkappa[rows])
                _rows_times(a[:, rows], F[rows], aF[:, rows])
                da[:, rows] += _rows_times(last[:, rows], F[rows].transpose(0, 2, 1))
                grads["eta"] += rule.d_keep * np.vdot(F[rows], self.trace[rows])
        if traced:
            np.multiply(p, aG, out=dlam)
            dp = self.lam[L] * aG + rule.last * aF
            grads["eta"] += rule.d_last @ (aF * p).sum(axis=(1, 2))
            deta, aQ = np.empty_like(a), np.empty_like(a)
        else:
            dq = aG
        # All pairs s < t of the chunk, step by step: a_s ⊗ h_{t-1}, their S, and λ_ts p_s dy_t as dy_t becomes known.
        pairs = [slice(t * (t - 1) // 2, t * (t + 1) // 2) for t in range(L)]
        ah, S, V = self.work.pairs(L * (L - 1) // 2)
        for t in range(1, L):
            np.multiply(a[:t], a[t], out=ah[pairs[t]])
        if L > 1:
            _pairs(ah, self.alpha, S)
        for t in reversed(range(L)):
            if traced:
                dmu[t], deta[t] = (rule.d_mu[t] @ d_sums.reshape(L + 1, -1)).reshape(2, *dh.shape)
                dp_t = dp[t]
            else:
                np.multiply(p[t], dq[t], out=dmu[t])
                dp_t = mu[t] * dq[t]
            dh = dh + d_hidden[t]
            dh_drive = drive_backward_z(net, params, dmu[t], steps[t].M)
            if dh_drive is not None:
                dh += dh_drive
            dz[t], dh_cell, dc, dy = cell_backward_gates(net, W_h, steps[t], dh, dc, dp_t)
            dh = dy @ self.w.T
            dh += da[t]
            if dh_cell is not None:
                dh += dh_cell
            for rows, P, Q in self.weights():
                dh[rows] += _row_times(dy[rows], P.transpose(0, 2, 1))
                if traced and t == L - 1:
                    aQ[:, rows] = _rows_times(a[:, rows], Q)
                if traced and t:
                    dh[rows] += _row_times(self.kappa[t, rows] * dy[rows], Q.transpose(0, 2, 1))
            if traced:
                dkappa += dy * aQ[t]
            if t:
                R = _pairs_back(np.multiply(self.driven(t), dy, out=V[pairs[t]]), self.alpha)
                dh += _sum_over_s(a[:t], R)
                da[:t] += a[t] * R
                dyS = np.multiply(dy, S[pairs[t]], out=S[pairs[t]])
                if traced:
                    dp[:t] += self.lam[t, :t] * dyS
                    dlam[:t] += np.multiply(p[:t], dyS, out=dyS)
                else:
                    dq[:t] += dyS
        if L > 1:
            grads["alpha"] += _pairs_alpha(ah, V, self.alpha)
        if traced:
            grads["eta"] += (mu * deta).sum()
            kappa_dy = self.kappa[:L] * dys
        for rows, Z, Y in self.work.blocks:
            if traced:
                F[rows] *= rule.keep
                F[rows] += np.multiply(self.kappa[L, rows, None], G[rows], out=Y)
                if L > 1:  # κ is 0 at the first step, and so Zκ
                    _sum_of_outer(a[:, rows], kappa_dy[:, rows], Y)
                    grads["alpha"] += _alpha_sum(self.trace[rows], Y, self.alpha)
                    F[rows] += np.multiply(self.alpha, Y, out=Y)
            _sum_of_outer(a[:, rows], dys[:, rows], Z)
            grads["alpha"] += _alpha_sum(self.hebb[rows], Z, self.alpha)
            G[rows] += np.multiply(self.alpha, Z, out=Z)
        return dh, dc


def _slope(rho, n):
    """Derivative of ρ^n: n ρ^(n-1), and 0 at n = 0."""
    return n * np.power(float(rho), np.maximum(np.asarray(n) - 1, 0))


def _largest(matrices):
    """max |entry|; NaN if there is one."""
    return np.maximum(matrices.max(), -matrices.min())


def _row_times(row, matrices):
    """row (b, N) times matrices (b, N, N), episode by episode -> (b, N)."""
    return np.matmul(row[:, None, :], matrices)[:, 0, :]


def _rows_times(rows, matrices, out=None):
    """rows (L, b, N) times matrices (b, N, N), episode by episode -> (L, b, N)."""
    out = None if out is None else out.transpose(1, 0, 2)
    return np.matmul(rows.transpose(1, 0, 2), matrices, out=out).transpose(1, 0, 2)


def _sum_of_outer(a, q, out):
    """Σ_s a_s q_sᵀ: a, q (L, b, N) -> out (b, N, N)."""
    if len(a) == 1:  # matmul is slow for a column times a row; a second row of zeros takes the fast way
        rows = np.zeros((2, 2, *a.shape[1:]), a.dtype)
        rows[0, 0], rows[1, 0] = a[0], q[0]
        a, q = rows
    return np.matmul(a.transpose(1, 2, 0), q.transpose(1, 0, 2), out=out)


def _sum_over_s(a, b):
    """Σ_s a_s ⊗ b_s: a (n, b, N), b (n, b, N or 1) -> (b, N)."""
    return np.einsum("sbn,sbn->bn", a, b)


def _pairs(ah, alpha, out):
    """S_s = (a_s ⊗ h) alpha: ah (n, b, N) -> out (n, b, N); by one scalar product with a shared alpha."""
    if alpha.ndim == 2:
        return np.matmul(_flat(ah), alpha, out=_flat(out)).reshape(out.shape)
    return np.multiply(np.add.reduce(ah, axis=2, keepdims=True), alpha, out=out)


def _pairs_back(V, alpha):
    """R_s = alpha V_s: V (n, b, N) -> (n, b, N), or (n, b, 1), the same for every pre, with a shared alpha."""
    if alpha.ndim == 2:
        return (_flat(V) @ alpha.T).reshape(V.shape)
    return np.add.reduce(V * alpha, axis=2, keepdims=True)


def _pairs_alpha(ah, V, alpha):
    """dalpha = Σ_s Σ_b (a_s ⊗ h) V_sᵀ, summed over what shares one alpha."""
    if alpha.ndim == 2:
        return _flat(ah).T @ _flat(V)
    return sum_to_shape((np.add.reduce(ah, axis=2, keepdims=True) * V).sum(axis=0), alpha.shape)


def _flat(rows):
    """(n, b, N) -> (n b, N), a view: one product of a large matrix is faster than n of small ones."""
    return rows.reshape(-1, rows.shape[-1])


def _alpha_sum(matrices, Z, alpha):
    """dalpha = Σ_b matrices ⊗ Z, summed over what shares one alpha."""
    return sum_to_shape(np.einsum("bij,bij->ij", matrices, Z), alpha.shape)


def _add(grads, more):
    for name, grad in more.items():
        grads[name] += grad


class Work:
    """Arrays that chunks of a slice of b episodes write into.

    blocks: (episodes, and two matrices for each of them, the same for every block) of all episodes, block by block;
    weights: two matrices (b, N, N) for P and Q; Q and the blocks' second ones are None where none are needed.
    """

    def __init__(self, net, b):
        N, self.dtype = net.n_hidden, net.dtype
        self.shape, self.traced = (b, N, N), net.eligibility == "trace"
        size = min(b, max(1, BLOCK // N**2))
        Z, Y = np.empty((2, size, N, N), self.dtype)
        firsts = range(0, b, size)
        self.blocks = [(slice(first, min(first + size, b)), Z[: b - first], Y[: b - first]) for first in firsts]
        self.rows = np.empty((3, 0, b, N), self.dtype)

    @cached_property
    def weights(self):
        P, *Q = np.empty((1 + self.traced, *self.shape), self.dtype)
        return P, Q[0] if Q else None

    def pairs(self, n):
        """Three arrays (n, b, N)."""
        if n > self.rows.shape[1]:
            self.rows = np.empty((3, n, *self.shape[:2]), self.dtype)
        return self.rows[:, :n]


class Segment:
    """At most L consecutive steps of a slice: its start (None where not kept), its steps, and if Clip cut any entry."""

    def __init__(self, hebb, trace):
        self.hebb, self.trace, self.steps, self.cut = hebb, trace, [], False


class SliceRun:
    """A slice of the batch on its way through time, recorded so that ``backward`` can walk back.

    It owns its hebb and trace and writes them in place; segments hold copies of their starts.
    """

    def __init__(self, net, params, state, plan):
        self.net, self.params, self.plan = net, params, plan
        self.h, self.c, hebb, trace = state
        self.hebb, self.trace = hebb.copy(), None if trace is None else trace.copy()
        self.rules, self.W_h = {}, cell_recurrent(net, params)
        self.work = Work(net, len(self.h))
        self.segments, self.unused = [], []

    @property
    def state(self):
        """The State now; its matrices are copies."""
        return State(self.h, self.c, self.hebb.copy(), None if self.trace is None else self.trace.copy())

    @property
    def steps(self):
        return [step for segment in self.segments for step in segment.steps]

    def snapshot(self):
        """A copy that further steps leave alone."""
        other = SliceRun(self.net, self.params, State(self.h, self.c, self.hebb, self.trace), self.plan)
        other.segments = [copy.copy(segment) for segment in self.segments]
        if other.segments:
            other.segments[-1].steps = list(other.segments[-1].steps)
        return other

    def chunk(self, L, hebb, trace, work):
        """A Chunk of L steps from these matrices."""
        if trace is not None and L not in self.rules:
            self.rules[L] = Trace(self.net, self.params, L)
        return Chunk(self.net, self.params, self.rules.get(L), L, hebb, trace, work)

    def replay(self, steps, hebb, trace, work):
        """The Chunk of these steps, from these matrices."""
        chunk = self.chunk(len(steps), hebb, trace, work)
        for step in steps:
            chunk.append(step.state.h, step.p, step.mu)
        return chunk

    def advance(self, x):
        """All steps of x (T, b, D): in whole chunks where the certificate holds, else one by one."""
        L, T = self.plan.chunk, len(x)
        inputs = cell_inputs(self.net, self.params, x.reshape(-1, x.shape[2])).reshape(*x.shape[:2], -1)
        self._reserve(-(-T // (L * self.plan.keep)))
        for t in range(0, T, L):
            part = slice(t, t + L)
            cut_before = bool(self.segments) and self.segments[-1].cut
            if min(L, T - t) > 1 and not cut_before and self._try_chunk(x[part], inputs[part]):
                continue
            for x_t, inputs_t in zip(x[part], inputs[part]):
                self.step(x_t, inputs_t)

    def step(self, x_t, inputs_t):
        """One step, a chunk of length one, then Clip: x_t (b, D), inputs_t its ``cell_inputs``. Returns its Step."""
        if not self.segments or len(self.segments[-1].steps) == self.plan.chunk:
            self._open_segment()
        segment = self.segments[-1]
        chunk = self.chunk(1, self.hebb, self.trace, self.work)
        self._cell_step(chunk, x_t, inputs_t)
        cut = chunk.end(self.hebb, self.trace, self.net.clip)
        segment.cut = segment.cut or cut
        return segment.steps[-1]

    def _reserve(self, n):
        """Room for n starts, in one piece: fresh memory in many small pieces costs as much as what is done in it."""
        self.unused = list(np.empty((n, 1 if self.trace is None else 2, *self.hebb.shape), self.net.dtype))

    def _open_segment(self):
        start = [None, None]
        if len(self.segments) % self.plan.keep == 0:
            if not self.unused:
                self._reserve(len(self.segments) // self.plan.keep + 1)  # as many as there are
            for side, matrices, room in zip((0, 1), (self.hebb, self.trace), self.unused.pop()):
                start[side] = room
                room[...] = matrices
        self.segments.append(Segment(*start))

    def _try_chunk(self, x, inputs):
        before = self.h, self.c
        self._open_segment()
        chunk = self.chunk(len(x), self.hebb, self.trace, self.work)
        for x_t, inputs_t in zip(x, inputs):
            self._cell_step(chunk, x_t, inputs_t)
        if chunk.certified(self.net.clip):
            chunk.end(self.hebb, self.trace)
            return True
        self.segments[-1].steps.clear()
        self.h, self.c = before
        return False

    def _cell_step(self, chunk, x_t, inputs_t):
        state = State(self.h, self.c)
        h, c, p, gates = cell_forward_gates(self.net, inputs_t, self.W_h, state, chunk.input(self.h))
        M, mu = drive_forward(self.net, self.params, h)
        chunk.append(self.h, p, mu)
        self.segments[-1].steps.append(Step(x_t, state, h, gates, p, None, M, mu, None, None))
        self.h, self.c = h, c


class WayBack:
    """The backward pass over a recorded slice, with working matrices of its own."""

    def __init__(self, run):
        self.run, self.net, self.params = run, run.net, run.params
        self.work = Work(run.net, len(run.h))

    @cached_property
    def _after(self):
        """Matrices for hebb and trace after each of a segment's steps, and for where Clip let pass."""
        L, shape = self.run.plan.chunk, self.run.hebb.shape
        sides = 1 if self.run.trace is None else 2
        return np.empty((L, sides, *shape), self.net.dtype), np.empty((L, *shape), bool)

    def backward(self, d_hidden, d_state, grads):
        """d_hidden (T, b, N), the readout's adjoint of every h_t; d_state the adjoint of the final state.

        Adds to ``grads``; returns dx (T, b, D) and the adjoint of the initial state.
        """
        net, params, W_h = self.net, self.params, self.run.W_h
        dh, dc, G, F = d_state
        G, F = G.copy(), None if F is None else F.copy()
        T, b, N = d_hidden.shape
        dz = np.empty((T, b, N if W_h is None else N + W_h.shape[1]), net.dtype)
        dmu = np.empty((T, b, N), net.dtype)
        t = T
        for segment, hebb, trace in self._from_the_last():
            t -= len(segment.steps)
            for first, chunk, inside in self._pieces(segment, hebb, trace):
                steps, part = segment.steps[first : first + chunk.L], slice(t + first, t + first + chunk.L)
                rows = d_hidden[part], dz[part], dmu[part]
                dh, dc = chunk.backward(params, W_h, steps, G, F, inside, dh, dc, *rows, grads)
        dz = _flat(dz)
        steps = self.run.steps
        x, h_prev, h = (np.concatenate(parts) for parts in zip(*((step.x, step.state.h, step.h) for step in steps)))
        M = None if steps[0].M is None else np.concatenate([step.M for step in steps])
        dx, cell_grads = cell_backward_inputs(net, params, dz, x, h_prev)
        _, drive_grads = drive_backward(net, params, _flat(dmu), h, M)
        for more in (cell_grads, drive_grads, {net.plastic_name: h_prev.T @ dz[:, :N]}):
            _add(grads, more)
        return dx.reshape(T, b, -1), State(dh, dc, G, F)

    def _pieces(self, segment, hebb, trace):
        """(number of its first step, Chunk, where Clip let pass at its end), from the last piece on."""
        if not segment.cut:
            return [(0, self.run.replay(segment.steps, hebb, trace, self.work), None)]
        pieces, (matrices, masks) = [], self._after
        for first, (step, (hebb_next, *trace_next), inside) in enumerate(zip(segment.steps, matrices, masks)):
            trace_next = trace_next[0] if trace_next else None
            chunk = self.run.replay([step], hebb, trace, self.work)
            chunk.end(hebb_next, trace_next, self.net.clip, inside)
            pieces.append((first, chunk, inside))
            hebb, trace = hebb_next, trace_next
        return reversed(pieces)

    def _from_the_last(self):
        """Every segment with its Hebb and trace at the start, from the last to the first, recomputed where not kept."""
        keep, bound, segments = self.run.plan.keep, self.net.clip, self.run.segments
        for first in reversed(range(0, len(segments), keep)):
            block = segments[first : first + keep]
            starts = [(block[0].hebb, block[0].trace)]
            for segment in block[:-1]:
                hebb, trace = (None if start is None else start.copy() for start in starts[-1])
                for piece in ([step] for step in segment.steps) if segment.cut else (segment.steps,):
                    chunk = self.run.replay(piece, hebb, trace, self.work)
                    chunk.end(hebb, trace, bound if segment.cut else np.inf)
                starts.append((hebb, trace))
            for segment, start in zip(reversed(block), reversed(starts)):
                yield segment, *start


def can_be_chunked(net, *arrays):
    """True where the sums hold: outer product or trace, in real numbers."""
    return net.plasticity != "none" and net.eligibility != "taylor" and not any(map(np.iscomplexobj, arrays))


class ByChunks:
    """The whole batch, slice by slice; the same methods as ``bptt.ByStep``."""

    def __init__(self, net, params, state, plan):
        self.net, self.params, self.plan = net, params, plan
        B = len(state.h)
        self.rows = [slice(first, min(first + plan.rows, B)) for first in range(0, B, plan.rows)]
        parts = [State(*(None if v is None else v[rows] for v in state)) for rows in self.rows]
        self.slices = [SliceRun(net, params, part, plan) for part in parts]

    @property
    def state(self):
        return _join_states([part.state for part in self.slices])

    def snapshot(self):
        other = copy.copy(self)
        other.slices = [part.snapshot() for part in self.slices]
        return other

    def step(self, x_t):
        """x_t (B, D) -> StepOutput."""
        inputs = cell_inputs(self.net, self.params, x_t)
        steps = [part.step(x_t[rows], inputs[rows]) for part, rows in zip(self.slices, self.rows)]
        h = np.concatenate([step.h for step in steps])  # (B, N)
        logits, values, _ = readout_forward(h, self.params)
        return StepOutput(logits, values, None if steps[0].M is None else np.concatenate([step.M for step in steps]))

    def advance(self, x):
        """All steps of x (T, B, D)."""
        for part, rows in zip(self.slices, self.rows):
            part.advance(x[:, rows])

    def history(self):
        """h, c (T, B, N), M (T, B) of all steps; c and M None where there is none."""
        steps = [part.steps for part in self.slices]
        h, c, M = (
            None
            if of(steps[0][0]) is None
            else np.concatenate([np.stack(list(map(of, part))) for part in steps], axis=1)
            for of in (lambda s: s.h, lambda s: s.gates and s.gates.c, lambda s: s.M)
        )
        return h, c, M

    def backward(self, d_logits, d_values, d_state):
        """As ``bptt.ByStep.backward``."""
        params = self.params
        h, _, _ = self.history()
        T, B, N = h.shape
        rows = h.reshape(T * B, N)
        _, _, k = readout_forward(rows, params)
        d_hidden, readout_grads = readout_backward(d_logits.reshape(T * B, -1), d_values.reshape(-1), rows, k, params)
        d_hidden = d_hidden.reshape(T, B, N)
        grads = {name: np.zeros_like(value) for name, value in params.items()}
        _add(grads, readout_grads)
        dx, states = [], []
        for part, rows in zip(self.slices, self.rows):
            d_part = State(*(None if v is None else v[rows] for v in d_state))
            dx_part, state = WayBack(part).backward(d_hidden[:, rows], d_part, grads)
            dx.append(dx_part)
            states.append(state)
        return grads, np.concatenate(dx, axis=1), _join_states(states)


def _join_states(parts):
    return State(*(None if values[0] is None else np.concatenate(values) for values in zip(*parts)))
