"""One chunk of at most L steps, for one slice of the batch: the equations of the package's docstring, on matrices.

The vectors over neurons are the rule's ``sums``. Large matrices are worked on block by block, so that what is made of a
block stays in the cache.
"""

import math
from functools import cached_property

import numpy as np

from ..equations.plastic_weights import sum_to_shape
from .dense import add_gradients, row_times, sum_of_products, times_row
from .plan import most_followed

FAR = 2  # bounds of Clip: where sums without Clip may go farther, digits are lost in the gap (see ``followed``)
BLOCK = 100_000  # entries that are worked on together: with what they are made from and into, they fit a core's cache
NO_ENTRIES = np.empty(0, np.intp)


def aligned(shape, dtype):
    """An empty array at the start of a line of the cache: passes over such arrays take down to half the time."""
    size, line = math.prod(shape) * np.dtype(dtype).itemsize, 64
    room = np.empty(size + line, np.uint8)
    first = -room.ctypes.data % line
    return room[first : first + size].view(dtype).reshape(shape)


def aligned_copies(matrices):
    """A list of copies of the matrices (b, N, N)."""
    return list(np.stack(matrices, out=aligned((len(matrices), *matrices[0].shape), matrices[0].dtype)))


class Work:
    """Arrays that chunks of a slice of b episodes write into.

    blocks: (episodes, two matrices of their number, the same for every block) of all episodes, block by block.
    """

    def __init__(self, net, b):
        N, self.dtype = net.n_hidden, net.dtype
        self.shape, self.sides = (b, N, N), net.rule.sums.sides
        size = min(b, max(1, BLOCK // N**2))
        Z, Y = aligned((2, size, N, N), self.dtype)
        firsts = range(0, b, size)
        self.blocks = [(slice(first, min(first + size, b)), Z[: b - first], Y[: b - first]) for first in firsts]
        self.rows = np.empty((3, 0, b, N), self.dtype)
        self._outer = np.zeros((2, 2, b, N), self.dtype)

    def outer(self, a, q):
        """a, q (b, N) -> (b, N, 2) and (b, 2, N), whose product is a qᵀ, to be used before the next call.

        ``matmul`` is slow for a column times a row; a second pair, of zeros, takes the fast way.
        """
        left, right = self._outer
        left[0], right[0] = a, q
        return left.transpose(1, 2, 0), right.transpose(1, 0, 2)

    @cached_property
    def weights(self):
        """A matrix (b, N, N) for P_m of each side."""
        return aligned((self.sides, *self.shape), self.dtype)

    def pairs(self, n):
        """Three arrays (n, b, N)."""
        if n > self.rows.shape[1]:
            self.rows = np.empty((3, n, *self.shape[:2]), self.dtype)
        return self.rows[:, :n]


class Chunk:
    """A chunk from the matrices ``starts``: Hebb(t0) and, for a trace, the trace, each (b, N, N).

    After n calls of ``append``, a (n, b, N) holds the pre-synaptic activities so far, and ``sums`` the rest. Entries of
    Hebb are taken for uncut, but for those in ``followed`` (see there), None where there are none.
    """

    def __init__(self, net, params, sums, starts, work):
        self.net, self.alpha, self.w = net, params["alpha"], params[net.plastic_name]
        self.L, self.n, self.sums, self.starts, self.work = sums.L, 0, sums, starts, work
        self.a, self.followed = np.empty((sums.L, *starts[0].shape[:2]), net.dtype), None
        self._products = {}  # side -> a_t P of all steps

    @cached_property
    def weights(self):
        """P = alpha ⊗ S of each side, (b, N, N); computed by the first step that reads them."""
        for rows, _, _ in self.work.blocks:
            for start, P in zip(self.starts, self.work.weights):
                np.multiply(self.alpha, start[rows], out=P[rows])
        return self.work.weights

    def input(self, h_prev):
        """y_t (b, N) of the next step."""
        n = self.n
        y = h_prev @ self.w
        for side, coefficient in enumerate(self.sums.coefficients(n)):
            if coefficient is not None:
                y += _times(coefficient, row_times(h_prev, self.weights[side]))
        if n:
            ah, R, _ = self.work.pairs(n)
            np.multiply(self.a[:n], h_prev, out=ah)
            y += sum_over_s(self.sums.driven(n), pairs(ah, self.alpha, R))
            if self.followed is not None:
                self.followed.input(y, h_prev)
        return y

    def append(self, h_prev, p, mu):
        """Take a step in: its a = h_prev and p (b, N), and its drive mu, (b, N) | (b, 1) | (1, 1)."""
        self.a[self.n] = h_prev
        self.sums.append(mu, p)
        self.n += 1
        if self.followed is not None:
            self.followed.append()

    @property
    def entries(self):
        """Those followed by themselves (n,), in order: where they are in a (b, N, N) matrix read as one row."""
        return NO_ENTRIES if self.followed is None else self.followed.at

    @property
    def cut(self):
        """Those of ``entries`` that Clip cut at any step so far."""
        return NO_ENTRIES if self.followed is None else self.followed.cut

    def follow(self, entries):
        """Follow these by themselves, and no others, through the steps so far and all that come."""
        if np.array_equal(entries, self.entries):
            return
        self.followed = self.sums.followed(self, entries) if entries.size else None
        for _ in range(self.n if entries.size else 0):
            self.followed.append()

    def end(self, matrices):
        """Write the matrices at the end into ``matrices``, which may be those of the start."""
        ends = self._ends
        for rows, Z, Y in self.work.blocks:
            for side, (coefficients, r) in enumerate(ends):
                sum_of_outer(self.a[:, rows], r[:, rows], Z)
                own, into = coefficients[side], matrices[side][rows]
                for k, coefficient in enumerate(coefficients):
                    if k != side and coefficient is not None:
                        Z += np.multiply(_of_columns(coefficient, rows), self.starts[k][rows], out=Y)
                start = self.starts[side][rows]
                if not _is_one(own):
                    start = np.multiply(_of_columns(own, rows), start, out=Y)
                np.add(start, Z, out=into)
        if self.followed is not None:
            self.followed.end(matrices[0])

    def at_risk(self, bound, times=1):
        """The entries that are not proved to stay within ``bound`` at every step: the certificate, entry by entry.

        As in ``entries``; None where they are too many, or may go too FAR. ``times``: what is written
        in the chunk counts so often.
        """
        if bound == np.inf:
            return NO_ENTRIES
        coefficients, driven, rounding = self.sums.bounds()
        limit = bound * (1 - 4 * (rounding * self.L + 2) * float(np.finfo(self.net.dtype).eps))
        a = times * np.abs(self.a)
        total = (a.max(axis=2) * driven.max(axis=2)).sum(axis=0).max()
        for coefficient, start in zip(coefficients, self.starts):
            total += np.max(coefficient) * _largest(start)
        if total <= limit:  # of maxima: no entry's sum is larger
            return NO_ENTRIES
        found, room = [NO_ENTRIES], most_followed(self.starts[0].size)
        for rows, Z, Y in self.work.blocks:
            sum_of_outer(a[:, rows], driven[:, rows], Z)
            for coefficient, start in zip(coefficients, self.starts):
                np.abs(start[rows], out=Y)
                Z += Y if _is_one(coefficient) else np.multiply(_of_columns(coefficient, rows), Y, out=Y)
            largest = Z.max()
            if largest <= limit:
                continue
            at = np.flatnonzero(Z > limit)
            room -= at.size
            if room < 0 or not largest <= FAR * times * bound:  # NaN is far
                return None
            found.append(at + rows.start * self.starts[0][0].size)
        return np.concatenate(found)

    def begin_backward(self, G):
        """From the end of the chunk: G, the adjoint of each matrix. Returns da (L, b, N): what a has received by it."""
        da, ends = np.empty_like(self.a), self._ends
        d_rows = [np.empty_like(self.a) for _ in ends]
        d_coefficients = [[self._room_for(value) for value in coefficients] for coefficients, _ in ends]
        for rows, Z, _ in self.work.blocks:
            for side, (_, r) in enumerate(ends):
                rows_times(self.a[:, rows], G[side][rows], d_rows[side][:, rows])
                back = r[:, rows], G[side][rows].transpose(0, 2, 1)
                if side == 0:
                    rows_times(*back, da[:, rows])
                else:
                    da[:, rows] += rows_times(*back)
                for k, d in enumerate(d_coefficients[side]):
                    if isinstance(d, np.ndarray):
                        np.multiply(G[side][rows], self.starts[k][rows], out=Z).sum(axis=1, out=d[rows])
                    elif d is not None:
                        d_coefficients[side][k] = d + np.vdot(G[side][rows], self.starts[k][rows])
        self.sums.begin_backward(d_rows, d_coefficients)
        if self.followed is not None:
            self.followed.begin_backward(G[0])
        return da

    def drive_backward(self, t, da):
        """Through the updates by the drive of step t -> dmu_t, dp_t (b, N); adds to da of the entries followed."""

        def add(*into):
            if self.followed is not None:
                self.followed.drive_backward(t, da, *into)

        return self.sums.step_backward(t, add)

    def step_backward(self, t, dy, dh, da):
        """Through y_t: dy (b, N); adds to dh, the adjoint of h_{t-1} (b, N), and to da (L, b, N) of earlier steps."""
        for side, coefficient in enumerate(self.sums.coefficients(t)):
            if coefficient is None:
                continue
            dh += times_row(self.weights[side], _times(coefficient, dy))
            if not _is_one(coefficient):
                self.sums.used_coefficient(side, dy * self._aP(side)[t])
        if t:
            ah, R, V, parts = self._pairs
            U = pairs_back(np.multiply(self.sums.driven(t), dy, out=V[parts[t]]), self.alpha)
            dh += sum_over_s(self.a[:t], U)
            da[:t] += self.a[t] * U
            self.sums.used(t, np.multiply(dy, R[parts[t]], out=R[parts[t]]))
        if self.followed is not None:
            self.followed.step_backward(t, dy, dh)

    def end_backward(self, dys, G, grads):
        """With dy of all steps, (L, b, N): writes the adjoints of the start into G; adds to ``grads``."""
        ends, (ah, _, V, _) = self._ends, self._pairs
        grads["alpha"] += pairs_alpha(ah, V, self.alpha)
        coefficients = zip(*(self.sums.coefficients(t) for t in range(self.L)))  # of each side, at all steps
        scaled = [_scaled(of_side, dys) for of_side in coefficients]
        for rows, Z, Y in self.work.blocks:
            for k in reversed(range(len(ends))):
                into, own = G[k][rows], ends[k][0][k]
                if not _is_one(own):
                    into *= _of_columns(own, rows)
                for side in range(k):  # G of an earlier side is still that of the chunk's end
                    into += np.multiply(_of_columns(ends[side][0][k], rows), G[side][rows], out=Y)
                if scaled[k] is not None:
                    sum_of_outer(self.a[:, rows], scaled[k][:, rows], Z)
                    grads["alpha"] += sum_to_shape(sum_of_products(self.starts[k][rows], Z), self.alpha.shape)
                    into += np.multiply(self.alpha, Z, out=Z)
        if self.followed is not None:
            self.followed.end_backward(G, grads["alpha"])
        add_gradients(grads, self.sums.gradients())

    @cached_property
    def _ends(self):
        """Of each matrix at the end: coefficients and rows. Asked for when all steps are in."""
        return self.sums.end()

    def _aP(self, side):
        """a_t P of one side, for all steps: (L, b, N)."""
        if side not in self._products:
            self._products[side] = rows_times(self.a, self.weights[side])
        return self._products[side]

    def _room_for(self, coefficient):
        """Where the adjoint of a coefficient is collected; None for one that is 0 or 1 whatever the parameters are."""
        if coefficient is None or _is_one(coefficient):
            return None
        return np.empty_like(self.a[0]) if isinstance(coefficient, np.ndarray) else 0.0

    @cached_property
    def _pairs(self):
        """All pairs s < t: a_s ⊗ h_{t-1}, their R, room for V as dy_t becomes known; and where those of each t are."""
        parts = [slice(t * (t - 1) // 2, t * (t + 1) // 2) for t in range(self.L)]
        ah, R, V = self.work.pairs(self.L * (self.L - 1) // 2)
        for t in range(1, self.L):
            np.multiply(self.a[:t], self.a[t], out=ah[parts[t]])
        pairs(ah, self.alpha, R)
        return ah, R, V, parts


# Coefficients: None for 0, the number 1, another number, or vectors over post-synaptic neurons (b, N or 1).


def _is_one(coefficient):
    return isinstance(coefficient, int)


def _times(coefficient, value):
    return value if _is_one(coefficient) else coefficient * value


def _of_columns(coefficient, rows):
    return coefficient[rows, None] if isinstance(coefficient, np.ndarray) else coefficient


def _scaled(coefficients, dys):
    """coef(t) dy_t of all steps (L, b, N); None if all are 0."""
    if all(coefficient is None for coefficient in coefficients):
        return None
    if all(map(_is_one, coefficients)):
        return dys
    scaled = np.empty_like(dys)
    for out, coefficient, dy in zip(scaled, coefficients, dys):
        if coefficient is None:
            out[...] = 0
        else:
            np.multiply(coefficient, dy, out=out)
    return scaled


# Products


def _largest(matrices):
    """max |entry|; NaN if there is one."""
    return np.maximum(matrices.max(), -matrices.min())


def rows_times(rows, matrices, out=None):
    """rows (L, b, N) times matrices (b, N, N), episode by episode -> (L, b, N)."""
    out = None if out is None else out.transpose(1, 0, 2)
    return np.matmul(rows.transpose(1, 0, 2), matrices, out=out).transpose(1, 0, 2)


def sum_of_outer(a, q, out):
    """Σ_s a_s q_sᵀ: a, q (L, b, N) -> out (b, N, N)."""
    return np.matmul(a.transpose(1, 2, 0), q.transpose(1, 0, 2), out=out)


def sum_over_s(a, b):
    """Σ_s a_s ⊗ b_s: a (n, b, N), b (n, b, N or 1) -> (b, N)."""
    return np.einsum("sbn,sbn->bn", a, b)


def pairs(ah, alpha, out):
    """R_s = (a_s ⊗ h) alpha: ah (n, b, N) -> out (n, b, N); by one scalar product with a shared alpha."""
    if alpha.ndim == 2:
        return np.matmul(flat(ah), alpha, out=flat(out)).reshape(out.shape)
    return np.multiply(np.add.reduce(ah, axis=2, keepdims=True), alpha, out=out)


def pairs_back(V, alpha):
    """U_s = alpha V_s: V (n, b, N) -> (n, b, N), or (n, b, 1), the same for every pre, with a shared alpha."""
    if alpha.ndim == 2:
        return (flat(V) @ alpha.T).reshape(V.shape)
    return np.add.reduce(V * alpha, axis=2, keepdims=True)


def pairs_alpha(ah, V, alpha):
    """dalpha = Σ_s Σ_b (a_s ⊗ h) V_sᵀ, summed over what shares one alpha."""
    if alpha.ndim == 2:
        return flat(ah).T @ flat(V)
    return sum_to_shape((np.add.reduce(ah, axis=2, keepdims=True) * V).sum(axis=0), alpha.shape)


def flat(rows):
    """(n, b, N) -> (n b, N), a view: one product of a large matrix is faster than n of small ones."""
    return rows.reshape(-1, rows.shape[-1])
