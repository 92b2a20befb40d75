"""Entries of Hebb that Clip may cut, followed by themselves beside a chunk that takes them for uncut.

Where few entries of a chunk may reach the bound, all others make a chunk. An entry [episode, pre, post] has, with the
factor g and the increment x that the rule gives it (g = 1 but for rules with a gate),

    Hebb(t+1) = Clip(v_t),   v_t = g_t Hebb(t) + x_t            as it is
    u(t+1)    = g_t u(t) + x_t,   u(t0) = Hebb(t0)              as the chunk's sums have it, without Clip

So the gap between the two, Hebb(t) = u(t) + gap(t), goes on as Hebb does, fed by what Clip takes away:

    gap(t0) = 0,   gap(t+1) = g_t gap(t) + Clip(v_t) - v_t,   v_t = u(t+1) + g_t gap(t)

and it is all that the chunk leaves out: y_t += Σ_pre h_{t-1} alpha gap(t), and Hebb(t1) = u(t1) + gap(t1).

Backward. The chunk's own backward pass is that of u. Let dgap be the adjoint of gap(t+1), at first that of Hebb(t1),
and du that of u(t+1) through v alone, at first 0. Clip(v) - v has the derivative m - 1, with m_t = 1 where Clip let v_t
pass (|v_t| ≤ bound) and 0 where not:

    for t = t1-1 ... t0:
        du += (m_t - 1) dgap,   dx_t = du,   dg_t += du u(t) + m_t dgap gap(t)
        du ← g_t du,   dgap ← g_t m_t dgap + alpha h_{t-1} dy_t
        dh_{t-1} += alpha gap(t) dy_t,   dalpha += h_{t-1} gap(t) dy_t                      both summed over the entries
    dHebb(t0) += du

What g, x and their adjoints are is said beside the rule's sums, in a subclass.
"""

import numpy as np

from ..equations.plastic_weights import sum_to_shape


class Followed:
    """n entries of a chunk, with the steps that it takes in after them.

    at (n,): where they are in a (b, N, N) matrix read as one row; pre and post (n,): where their a = h_{t-1} and their
    y are in a (b, N) one. hebb and gap (L+1, n) are those of every step, a (L, n) likewise, and inside (L, n) is m.
    """

    def __init__(self, chunk, at):
        L, b, N = chunk.a.shape
        self.at, self.pre, self.post = at, at // N, at // N**2 * N + at % N
        self.chunk, self.sums, self.bound, self.n = chunk, chunk.sums, chunk.net.clip, 0
        self.alpha = np.broadcast_to(chunk.alpha, (N, N)).take(at % N**2)
        self.hebb, self.gap = np.empty((2, L + 1, at.size), chunk.a.dtype)
        self.a, self.inside = np.empty((L, at.size), chunk.a.dtype), np.empty((L, at.size), bool)
        self.hebb[0], self.gap[0] = chunk.starts[0].take(at), 0

    def growth(self, t):
        """g_t (n,), None for 1, and x_t (n,)."""
        raise NotImplementedError

    def growth_backward(self, t, dg, dx, *into):
        """dg (None where g is) and dx (n,) -> da_t (n,); adds all other adjoints to ``into``: see the sums'."""
        raise NotImplementedError

    @property
    def cut(self):
        """Those of ``at`` that Clip cut at any step so far."""
        return self.at[~self.inside[: self.n].all(axis=0)]

    def input(self, y, h_prev):
        """Adds to y_t (b, N) of the next step what the chunk leaves out."""
        add_at(y, self.post, h_prev.take(self.pre) * self.alpha * self.gap[self.n])

    def append(self):
        """Take a step in that the chunk has taken in."""
        t, self.n = self.n, self.n + 1
        self.a[t] = self.chunk.a[t].take(self.pre)
        g, x = self.growth(t)
        v = x + _times(g, self.hebb[t])  # (n,)
        np.clip(v, -self.bound, self.bound, out=self.hebb[t + 1])
        np.equal(v, self.hebb[t + 1], out=self.inside[t])
        np.subtract(self.hebb[t + 1], v, out=v)
        np.add(_times(g, self.gap[t]), v, out=self.gap[t + 1])

    def end(self, hebb):
        """Write their values at the end into Hebb (b, N, N)."""
        hebb.put(self.at, self.hebb[self.n])

    def begin_backward(self, G):
        """G: the adjoint of Hebb(t1), (b, N, N)."""
        self.dgap, self.du, self.dalpha = G.take(self.at), np.zeros_like(self.alpha), np.zeros_like(self.alpha)

    def drive_backward(self, t, da, *into):
        """Through the update of step t: adds to da (L, b, N) and, as ``growth_backward`` does, to ``into``."""
        g, _ = self.growth(t)
        kept = self.dgap * self.inside[t]  # (n,)
        self.du += kept - self.dgap
        dg = None if g is None else self.du * (self.hebb[t] - self.gap[t]) + kept * self.gap[t]
        add_at(da[t], self.pre, self.growth_backward(t, dg, self.du, *into))
        self.du, self.dgap = _times(g, self.du), _times(g, kept)  # kept is no longer needed

    def step_backward(self, t, dy, dh):
        """Through y_t: dy (b, N); adds to dh (b, N)."""
        dy = dy.take(self.post)  # (n,)
        read = dy * self.gap[t]  # (n,)
        add_at(dh, self.pre, self.alpha * read)
        self.dalpha += self.a[t] * read
        self.dgap += self.alpha * self.a[t] * dy

    def end_backward(self, G, dalpha):
        """Adds to the adjoints of the matrices at the start, each (b, N, N), and to dalpha."""
        add_at(G[0], self.at, self.du)
        N = G[0].shape[-1]
        by_weight = np.bincount(self.at % N**2, self.dalpha, N**2).astype(self.dalpha.dtype)
        dalpha += sum_to_shape(by_weight.reshape(N, N), dalpha.shape)


def add_at(array, at, values):
    """array += values at the places ``at`` of the contiguous array read as one row; a place may come more than once."""
    np.add.at(array.reshape(-1), at, values)


def _times(g, values):
    return values if g is None else g * values
