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
        dh_{t-1} += w dy_t + P dy_t + Q (κ_t dy_t) + da_t;          dκ += dy_t (h_{t-1} Q)
        for s < t:  R_ts = alpha (λ_ts p_s dy_t);  da_s += h_{t-1} R_ts;  dh_{t-1} += a_s R_ts
                    dp_s += λ_ts dy_t S_ts;  dλ_s += dy_t p_s S_ts;  dalpha += (a_s ⊗ h_{t-1}) (λ_ts p_s dy_t)ᵀ
    Z = Σ_t h_{t-1} dy_tᵀ,  Zκ = Σ_t h_{t-1} (κ_t dy_t)ᵀ:   dw += Z,  dalpha += Hebb(t0) ⊗ Z + Ē ⊗ Zκ
    F ← ρ^L F + κ_{t1} ⊗ G + alpha ⊗ Zκ,  then  G ← G + alpha ⊗ Z

dκ and dλ change as t falls: when dmu_t is read off, they hold the adjoints of κ_{t+1} and λ_{t+1,s}. deta collects
from the eta in front of the sums and, with a minus (ρ = 1 - eta), from the powers: see ``_backward_powers``.

A chunk of ONE step needs no sum over s, and followed by Clip it is the definition itself. So there is one
algorithm: chunks of L steps where a certificate proves that nothing is cut, chunks of one step where not.

Certificate: every entry of |Hebb(t0)| + κ̂ ⊗ |Ē| + Σ_s |a_s| (λ̂_s |p_s|)ᵀ is at most clip (1 - 4 (L+2) ε), where
the hats mean the same sums in |mu|, |ρ|, |eta| at t1 and ε is the spacing of floats at 1 (np.finfo.eps). By the
triangle inequality no partial sum then passes the bound at any step; the margin covers the rounding of both
sums. It speaks of the activities that the chunk computed: where those of a step-by-step run differ in their last
digits, an entry within rounding of the bound may fall on the other side of Clip's kink there.
"""

import copy
import os
from concurrent.futures import ThreadPoolExecutor
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
    cell_backward_weights,
    cell_forward,
    drive_backward,
    drive_forward,
)


class Plan(NamedTuple):
    """How a pass is cut up: the numbers change time and memory, not results (but for rounding).

    chunk: L, steps in a chunk; rows: episodes in a slice of the batch, which should fit the cache; keep: Hebb is kept
    at the start of every keep-th chunk, and recomputed between; threads: slices that run at once.
    """

    chunk: int
    rows: int
    keep: int
    threads: int


BLAS_THREADS_FROM = 2**18  # multiplications in a product from which OpenBLAS uses threads of its own


def choose_plan(net, T, B):
    """The Plan for T steps of B episodes: by sizes and the number of cores, so that a machine repeats itself.

    Threads pay where moving matrices outweighs calling NumPy, which one thread does at a time. Slices and chunks are
    so small that none of the products in the loop starts threads of BLAS, which wait for one another more than they
    work here.
    """
    matrix = net.n_hidden**2
    threads = min(os.cpu_count() or 1, B) if B * matrix >= 600_000 and T >= 8 else 1
    rows = -(-B // threads)
    rows = -(-rows // -(-rows * matrix // BLAS_THREADS_FROM))  # in equal parts
    chunk = max(4, min(8, BLAS_THREADS_FROM // matrix))
    chunks = -(-T // chunk)
    return Plan(chunk, rows, keep=1 if chunks <= 64 else int(np.sqrt(chunks)), threads=threads)


class Trace(NamedTuple):
    """eta, ρ = 1 - eta and δ of the eligibility; the outer product is the trace with eta = 1."""

    eta: float
    rho: float
    delta: int
    powers: np.ndarray  # [s, r]: ρ^(r-δ-s) from r = s + δ on, 0 before; (L, L)


def trace_rule(net, params, L):
    """The Trace of a network, for chunks of up to L steps."""
    traced = net.eligibility == "trace"
    eta = float(params["eta"]) if traced else 1.0
    delta = 1 if traced and net.reading == "paper" else 0
    return Trace(eta, 1 - eta, delta, _powers(1 - eta, delta, L).astype(net.dtype))


def _powers(rho, delta, L):
    exponent = np.arange(L)[None, :] - delta - np.arange(L)[:, None]  # r - δ - s
    return np.where(exponent >= 0, np.power(float(rho), np.maximum(exponent, 0)), 0.0)  # (L, L)


class Chunk:
    """L steps from Hebb(t0) and Ē, for one slice of the batch: the sums of the module's docstring.

    hebb, trace (b, N, N), trace None for the outer product. After n calls of ``append`` the arrays a, p (n, b, N),
    mu (n, b, N or 1) and, for a trace, kappa (n+1, b, N or 1) hold what the steps so far have left; so does ``lam``.
    """

    def __init__(self, net, params, rule, L, hebb, trace, work):
        self.net, self.alpha, self.w = net, params["alpha"], params[net.plastic_name]
        self.hebb, self.trace, self.rule, self.L, self.n = hebb, trace, rule, L, 0
        self.work = work
        b, N = hebb.shape[:2]
        columns = N if net.fanout else 1
        self.a, self.p = np.empty((L, b, N), net.dtype), np.empty((L, b, N), net.dtype)
        self.mu = np.empty((L, b, columns), net.dtype)
        if trace is not None:
            self.kappa = np.zeros((L + 1, b, columns), net.dtype)
            self.lam_traced = np.zeros((L + 1, L, b, columns), net.dtype)

    @cached_property
    def P(self):
        return np.multiply(self.alpha, self.hebb, out=self.work.P)  # (b, N, N)

    @cached_property
    def Q(self):
        return np.multiply(self.alpha, self.trace, out=self.work.Q)  # (b, N, N)

    def input(self, h_prev):
        """y_t (b, N) of the next step."""
        n = self.n
        y = h_prev @ self.w + _row_times(h_prev, self.P)
        if self.trace is not None:
            y += self.kappa[n] * _row_times(h_prev, self.Q)
        if n:
            y += (self.lam(n) * self.p[:n] * _pairs(self.a[:n] * h_prev, self.alpha)).sum(axis=0)
        return y

    def lam(self, t):
        """λ_ts of all s < t: (t, b, N or 1). X_s is driven by mu_s alone if it is an outer product."""
        return self.mu[:t] if self.trace is None else self.lam_traced[t, :t]

    def append(self, h_prev, p, mu):
        """Take a step in: its a = h_prev and p (b, N), and its drive mu, (b, N) | (b, 1) | (1, 1)."""
        n, rule = self.n, self.rule
        self.a[n], self.p[n], self.mu[n] = h_prev, p, mu
        if self.trace is not None:
            self.kappa[n + 1] = self.kappa[n] + rule.rho ** (n + 1 - rule.delta) * mu
            self.lam_traced[n + 1] = self.lam_traced[n] + (rule.eta * rule.powers[: self.L, n])[:, None, None] * mu
        self.n = n + 1

    def end(self, hebb, trace):
        """Write Hebb(t1) before Clip, and Ē(t1), into these arrays, which may be those of the start."""
        L, rule, Z = self.L, self.rule, self.work.Z
        np.add(self.hebb, _sum_of_outer(self.a, self.lam(L) * self.p, Z), out=hebb)
        if self.trace is None:
            return
        hebb += np.multiply(self.kappa[L][:, None, :], self.trace, out=Z)
        _sum_of_outer(self.a, self._last_weights() * self.p, Z)
        np.multiply(rule.rho**L, self.trace, out=trace)
        trace += Z

    def _last_weights(self):
        """eta ρ^(t1-1-s): the weight of X_s in Ē(t1), (L, 1, 1)."""
        L = self.L
        weights = self.rule.eta * np.power(self.rule.rho, np.arange(L - 1, -1, -1.0))
        return weights.astype(self.net.dtype)[:, None, None]

    def certified(self, bound):
        """True if it is proved that no entry passed ``bound`` at any step of the chunk."""
        if bound == np.inf:
            return True
        L, rule = self.L, self.rule
        limit = bound * (1 - 4 * (L + 2) * float(np.finfo(self.net.dtype).eps))
        mu = np.abs(self.mu)
        powers = _powers(abs(rule.rho), rule.delta, L).astype(self.net.dtype)
        lam = abs(rule.eta) * np.tensordot(powers, mu, axes=1)  # λ̂ (L, b, N or 1)
        a, q = np.abs(self.a), lam * np.abs(self.p)
        total = _sum_of_outer(a, q, self.work.Z)
        total += np.abs(self.hebb)
        if self.trace is not None:
            weights = np.power(abs(rule.rho), np.arange(1.0 - rule.delta, L + 1 - rule.delta)).astype(self.net.dtype)
            total += np.tensordot(weights, mu, axes=1)[:, None, :] * np.abs(self.trace)
        return bool(total.max() <= limit)

    def backward(self, params, steps, G, F, dh, dc, d_hidden, grads):
        """From the adjoints at t1 to those at t0.

        G, F (b, N, N), F None without a trace; dh, dc (b, N) the adjoints of h_{t1-1} and c_{t1-1} from later steps;
        d_hidden (L, b, N) those of h_t from the readout. Adds to ``grads`` (alpha, drive, eta) and writes G and F.
        Returns dh, dc, and the lists of dz and dy of the steps.
        """
        net, rule, L, a, p = self.net, self.rule, self.L, self.a, self.p
        traced = self.trace is not None
        aG = _rows_times(a, G)  # (L, b, N)
        da = _rows_times(self.lam(L) * p, G.transpose(0, 2, 1))
        dp = self.lam(L) * aG
        dlam = p * aG  # dλ_s (L, b, N)
        if traced:
            last = self._last_weights()
            aF = _rows_times(a, F)
            da += _rows_times(last * p, F.transpose(0, 2, 1))
            dp += last * aF
            dkappa = np.multiply(G, self.trace, out=self.work.Z).sum(axis=1)  # (b, N)
            self._backward_last(F, aF, grads)
        # All pairs s < t of the chunk, step by step: a_s ⊗ h_{t-1}, their S, and λ_ts p_s dy_t as dy_t becomes known.
        pairs = [slice(t * (t - 1) // 2, t * (t + 1) // 2) for t in range(L)]
        ah = np.empty((L * (L - 1) // 2, *a.shape[1:]), net.dtype)
        for t in range(1, L):
            np.multiply(a[:t], a[t], out=ah[pairs[t]])
        S, V = _pairs(ah, self.alpha), np.empty_like(ah)
        dz_steps, dys = [None] * L, np.empty_like(a)
        for t in reversed(range(L)):
            step, h_prev = steps[t], a[t]
            seen = t + 1 - rule.delta  # the products that mu_t drives
            if traced:
                dmu = self._backward_powers(t, dkappa, dlam[:seen], grads)
            else:
                dmu = dlam[t]
            dh_drive, drive_grads = drive_backward(net, params, dmu, step.h, step.M)
            _add(grads, drive_grads)
            dh_t = dh + d_hidden[t] + dh_drive
            dz_steps[t], dh_cell, dc, dy = cell_backward_gates(net, params, step, dh_t, dc, dp[t])
            dys[t] = dy
            dh = dy @ self.w.T + _row_times(dy, self.P.transpose(0, 2, 1)) + da[t] + dh_cell
            if traced:
                dh += _row_times(self.kappa[t] * dy, self.Q.transpose(0, 2, 1))
                dkappa += dy * _row_times(h_prev, self.Q)
            if t:
                lam = self.lam(t)  # (t, b, N or 1)
                np.multiply(lam * p[:t], dy, out=V[pairs[t]])
                R = _pairs_back(V[pairs[t]], self.alpha)
                da[:t] += h_prev * R
                dh += (a[:t] * R).sum(axis=0)
                dyS = dy * S[pairs[t]]
                dp[:t] += lam * dyS
                dlam[:t] += p[:t] * dyS
        if L > 1:
            grads["alpha"] += _pairs_alpha(ah, V, self.alpha)
        Z = _sum_of_outer(a, dys, self.work.Z)
        if traced:
            Zk = _sum_of_outer(a, self.kappa[:L] * dys, self.work.Q)
            grads["alpha"] += _alpha_sum(self.trace, Zk, self.alpha)
            F *= rule.rho**L
            F += np.multiply(self.kappa[L][:, None, :], G, out=self.work.P)
            F += np.multiply(self.alpha, Zk, out=Zk)
        grads["alpha"] += _alpha_sum(self.hebb, Z, self.alpha)
        G += np.multiply(self.alpha, Z, out=Z)
        return dh, dc, dz_steps, dys

    def _backward_powers(self, t, dkappa, dlam, grads):
        """dmu_t (b, N) from dκ_{t+1} and dλ_{t+1,s} of the products that mu_t drives; and their powers' part of deta.

        ρ = 1 - eta, so dρ counts in eta with a minus.
        """
        rule, mu, rows = self.rule, self.mu[t], dlam.reshape(len(dlam), dkappa.size)
        exponent = np.arange(len(dlam) - 1, -1, -1)  # t - δ - s
        first = t + 1 - rule.delta
        weights = np.stack([np.power(float(rule.rho), exponent), rule.eta * _slope(rule.rho, exponent)])
        sums, slopes = (weights.astype(dlam.dtype) @ rows).reshape(2, *dkappa.shape)
        grads["eta"] += (mu * (sums - slopes - _slope(rule.rho, first) * dkappa)).sum()
        return rule.eta * sums + rule.rho**first * dkappa

    def _backward_last(self, F, aF, grads):
        """The same for the powers in Ē(t1)."""
        rule, L = self.rule, self.L
        per_product = (aF * self.p).sum(axis=(1, 2))  # <a_s F, p_s>, (L,)
        exponent = np.arange(L - 1, -1, -1)
        drho = (
            _slope(rule.rho, L) * np.vdot(F, self.trace) + rule.eta * (_slope(rule.rho, exponent) * per_product).sum()
        )
        grads["eta"] += (np.power(rule.rho, exponent) * per_product).sum() - drho


def _slope(rho, n):
    """Derivative of ρ^n: n ρ^(n-1), and 0 at n = 0."""
    return n * np.power(float(rho), np.maximum(np.asarray(n) - 1, 0))


def _row_times(row, matrices):
    """row (b, N) times matrices (b, N, N), episode by episode -> (b, N)."""
    return np.matmul(row[:, None, :], matrices)[:, 0, :]


def _rows_times(rows, matrices):
    """rows (L, b, N) times matrices (b, N, N), episode by episode -> (L, b, N)."""
    return np.matmul(rows.transpose(1, 0, 2), matrices).transpose(1, 0, 2)


def _sum_of_outer(a, q, out):
    """Σ_s a_s q_sᵀ: a, q (L, b, N) -> out (b, N, N)."""
    if len(a) == 1:  # matmul is slow for a column times a row; a second row of zeros takes the fast way
        a, q = (np.concatenate([rows, np.zeros_like(rows)]) for rows in (a, q))
    return np.matmul(a.transpose(1, 2, 0), q.transpose(1, 0, 2), out=out)


def _pairs(ah, alpha):
    """S_s = (a_s ⊗ h) alpha: ah (n, b, N) -> (n, b, N); by one scalar product with a shared alpha."""
    if alpha.ndim == 2:
        return ah @ alpha
    return ah.sum(axis=2, keepdims=True) * alpha


def _pairs_back(V, alpha):
    """R_s = alpha V_s: V (n, b, N) -> (n, b, N), or (n, b, 1), the same for every pre, with a shared alpha."""
    if alpha.ndim == 2:
        return V @ alpha.T
    return (V * alpha).sum(axis=2, keepdims=True)


def _pairs_alpha(ah, V, alpha):
    """dalpha = Σ_s Σ_b (a_s ⊗ h) V_sᵀ, summed over what shares one alpha."""
    if alpha.ndim == 2:
        return np.matmul(ah.transpose(0, 2, 1), V).sum(axis=0)
    return sum_to_shape((ah.sum(axis=2, keepdims=True) * V).sum(axis=0), alpha.shape)


def _alpha_sum(matrices, Z, alpha):
    """dalpha = Σ_b matrices ⊗ Z, summed over what shares one alpha."""
    return sum_to_shape(np.einsum("bij,bij->ij", matrices, Z), alpha.shape)


def _add(grads, more):
    for name, grad in more.items():
        grads[name] += grad


class Work:
    """Matrices that chunks write into, one set a slice: P, Q, Z (b, N, N)."""

    def __init__(self, net, b):
        shape = b, net.n_hidden, net.n_hidden
        self.P, self.Z = np.empty(shape, net.dtype), np.empty(shape, net.dtype)
        self.Q = np.empty(shape, net.dtype) if net.eligibility == "trace" else None


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
        self.rule = trace_rule(net, params, plan.chunk)
        self.work = Work(net, len(self.h))
        self.segments = []

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

    def advance(self, x):
        """All steps of x (T, b, D): in whole chunks where the certificate holds, else one by one."""
        L = self.plan.chunk
        for t in range(0, len(x), L):
            part = x[t : t + L]
            cut_before = bool(self.segments) and self.segments[-1].cut
            if len(part) > 1 and not cut_before and self._try_chunk(part):
                continue
            for x_t in part:
                self.step(x_t)

    def step(self, x_t):
        """One step: a chunk of length one, then Clip. Returns its Step."""
        if not self.segments or len(self.segments[-1].steps) == self.plan.chunk:
            self._open_segment()
        chunk = self._chunk(1)
        self._cell_step(chunk, x_t)
        chunk.end(self.hebb, self.trace)
        if self.net.clip < np.inf:
            clipped = np.clip(self.hebb, -self.net.clip, self.net.clip, out=self.work.P)
            segment = self.segments[-1]
            segment.cut = segment.cut or bool((clipped != self.hebb).any())
            self.hebb, self.work.P = clipped, self.hebb
        return self.segments[-1].steps[-1]

    def _open_segment(self):
        kept = len(self.segments) % self.plan.keep == 0
        start = self.state
        self.segments.append(Segment(start.hebb, start.trace) if kept else Segment(None, None))

    def _try_chunk(self, x):
        before = self.h, self.c
        self._open_segment()
        chunk = self._chunk(len(x))
        for x_t in x:
            self._cell_step(chunk, x_t)
        if chunk.certified(self.net.clip):
            chunk.end(self.hebb, self.trace)
            return True
        self.segments.pop()
        self.h, self.c = before
        return False

    def _chunk(self, L):
        return Chunk(self.net, self.params, self.rule, L, self.hebb, self.trace, self.work)

    def _cell_step(self, chunk, x_t):
        state = State(self.h, self.c)
        h, c, p, gates = cell_forward(self.net, self.params, x_t, state, chunk.input(self.h))
        M, mu = drive_forward(self.net, self.params, h)
        chunk.append(self.h, p, mu)
        self.segments[-1].steps.append(Step(x_t, state, h, gates, p, None, M, mu, None, None))
        self.h, self.c = h, c


class WayBack:
    """The backward pass over a recorded slice, with working matrices of its own."""

    def __init__(self, run):
        self.run, self.net, self.params = run, run.net, run.params
        self.work = Work(run.net, len(run.h))
        self.afters = []

    def backward(self, d_hidden, d_state, grads):
        """d_hidden (T, b, N), the readout's adjoint of every h_t; d_state the adjoint of the final state.

        Adds to ``grads``; returns dx (T, b, D) and the adjoint of the initial state.
        """
        net, params = self.net, self.params
        dh, dc, G, F = d_state
        G, F = G.copy(), None if F is None else F.copy()
        dz, dy = [], []
        t = len(d_hidden)
        for segment, hebb, trace in self._from_the_last():
            t -= len(segment.steps)
            for first, length, hebb_0, trace_0, inside in self._pieces(segment, hebb, trace):
                if inside is not None:
                    G *= inside
                part = segment.steps[first : first + length]
                chunk = self._replay(part, hebb_0, trace_0)
                d_part = d_hidden[t + first : t + first + length]
                dh, dc, dz_part, dy_part = chunk.backward(params, part, G, F, dh, dc, d_part, grads)
                dz.extend(reversed(dz_part))
                dy.append(dy_part)
        x, h_prev = (np.concatenate(rows) for rows in zip(*((step.x, step.state.h) for step in self.run.steps)))
        dz = {gate: np.concatenate([dz_t[gate] for dz_t in reversed(dz)]) for gate in dz[0]}  # rows: (T·b, N)
        dx, cell_grads = cell_backward_weights(net, params, dz, x, h_prev)
        _add(grads, cell_grads)
        grads[net.plastic_name] += h_prev.T @ np.concatenate(dy[::-1]).reshape(h_prev.shape)
        return dx.reshape(*d_hidden.shape[:2], -1), State(dh, dc, G, F)

    def _replay(self, steps, hebb, trace):
        chunk = Chunk(self.net, self.params, self.run.rule, len(steps), hebb, trace, self.work)
        for step in steps:
            chunk.append(step.state.h, step.p, step.mu)
        return chunk

    def _pieces(self, segment, hebb, trace):
        """(first step, length, its Hebb and trace, where Clip let pass at its end), from the last piece on."""
        if not segment.cut:
            return [(0, len(segment.steps), hebb, trace, None)]
        pieces, bound, uncut = [], self.net.clip, self.work.P
        for first, step in enumerate(segment.steps):
            hebb_next, trace_next, inside = self._after(first)
            self._replay([step], hebb, trace).end(uncut, trace_next)
            np.equal(np.clip(uncut, -bound, bound, out=hebb_next), uncut, out=inside)
            pieces.append((first, 1, hebb, trace, inside))
            hebb, trace = hebb_next, trace_next
        return reversed(pieces)

    def _after(self, number):
        """Matrices for hebb, trace and inside after a segment's step of that number; every segment uses the same."""
        while len(self.afters) <= number:
            hebb, trace = self.run.hebb, self.run.trace
            traced = None if trace is None else np.empty_like(trace)
            self.afters.append((np.empty_like(hebb), traced, np.empty(hebb.shape, bool)))
        return self.afters[number]

    def _from_the_last(self):
        """Every segment with its Hebb and trace at the start, from the last to the first, recomputed where not kept."""
        keep, bound, segments = self.run.plan.keep, self.net.clip, self.run.segments
        for first in reversed(range(0, len(segments), keep)):
            block = segments[first : first + keep]
            starts = [(block[0].hebb, block[0].trace)]
            for segment in block[:-1]:
                hebb, trace = (None if start is None else start.copy() for start in starts[-1])
                for piece in ([step] for step in segment.steps) if segment.cut else (segment.steps,):
                    self._replay(piece, hebb, trace).end(hebb, trace)
                    if segment.cut:
                        np.clip(hebb, -bound, bound, out=hebb)
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
        steps = [part.step(x_t[rows]) for part, rows in zip(self.slices, self.rows)]
        h = np.concatenate([step.h for step in steps])  # (B, N)
        logits, values, _ = readout_forward(h, self.params)
        return StepOutput(logits, values, None if steps[0].M is None else np.concatenate([step.M for step in steps]))

    def advance(self, x):
        """All steps of x (T, B, D)."""
        self._for_all_slices(lambda number: self.slices[number].advance(x[:, self.rows[number]]))

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
        all_grads = [{name: np.zeros_like(value) for name, value in params.items()} for _ in self.slices]

        def one(number):
            part = self.rows[number]
            d_part = State(*(None if v is None else v[part] for v in d_state))
            return WayBack(self.slices[number]).backward(d_hidden[:, part], d_part, all_grads[number])

        results = self._for_all_slices(one)
        grads = all_grads[0]
        for more in (*all_grads[1:], readout_grads):  # in a fixed order, whichever thread was first
            _add(grads, more)
        return grads, np.concatenate([dx for dx, _ in results], axis=1), _join_states([state for _, state in results])

    def _for_all_slices(self, function):
        """[function(number of slice)], on the plan's threads; slices share nothing that is written."""
        numbers = range(len(self.slices))
        if self.plan.threads == 1 or len(self.slices) == 1:
            return [function(number) for number in numbers]
        settings = {"call": np.geterrcall(), **np.geterr()}  # the caller's, which a new thread does not have

        def in_thread(number):
            with np.errstate(**settings):
                return function(number)

        with ThreadPoolExecutor(min(self.plan.threads, len(self.slices))) as pool:
            return list(pool.map(in_thread, numbers))


def _join_states(parts):
    return State(*(None if values[0] is None else np.concatenate(values) for values in zip(*parts)))
