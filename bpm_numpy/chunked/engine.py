"""The whole sequence by chunks: slices of the batch, the starts that are kept, and the way back over them."""

import copy
from collections import defaultdict
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..drive import drive_backward, drive_backward_h, drive_forward
from ..equations.readout import readout_backward, readout_forward
from ..state import State, StepOutput
from .chunk import NO_ENTRIES, Chunk, Work, aligned, aligned_copies, flat
from .dense import add_gradients
from .plan import most_followed

TRIES = 3  # of one chunk: each follows more entries by themselves
AHEAD = 2  # times what the last segment wrote: which entries the next may take to the bound


class Kept(NamedTuple):
    """What a step of a slice leaves behind for the way back; b episodes."""

    x: np.ndarray  # (b, D)
    h_prev: np.ndarray  # (b, N)
    h: np.ndarray  # h_t (b, N)
    c: np.ndarray | None
    p: np.ndarray  # (b, N)
    M: np.ndarray | None  # (b,)
    mu: np.ndarray  # (b, N) | (b, 1) | (1, 1)
    of_cell: Any  # caches
    of_drive: Any


class WholeCell:
    """A cell without a ``fast`` form, in the shape of one: step by step by its definition."""

    def __init__(self, cell, params):
        self.cell, self.params, self.grads = cell, params, defaultdict(int)

    def inputs(self, net, params, x):
        return x

    def recurrent(self, net, params):
        return None

    def forward(self, net, W_h, x, h_prev, c_prev, y):
        return self.cell.forward(net, self.params, x, h_prev, c_prev, y)

    def backward(self, net, W_h, dh, dc, dp, cache):
        dx, dh_prev, dc_prev, dy, grads = self.cell.backward(net, dh, dc, dp, cache)
        add_gradients(self.grads, grads)
        return dx, dh_prev, dc_prev, dy

    def gradients(self, net, params, dx, x, h_prev):
        return dx, self.grads


def in_two_parts(cell, params):
    """The cell as the engine uses it: its ``fast`` form if it has one."""
    return cell.fast or WholeCell(cell, params)


class Segment:
    """At most L consecutive steps of a slice: starts (None where not kept), steps, the entries that were followed by
    themselves, and whether the steps were taken one by one and Clip cut any entry.
    """

    def __init__(self, starts):
        self.starts, self.steps, self.entries, self.cut = starts, [], NO_ENTRIES, False


class SliceRun:
    """A slice of the batch on its way through time, recorded so that ``backward`` can walk back.

    It owns its matrices, hebb and (of a trace) trace, and writes them in place; segments hold copies of their starts.
    """

    def __init__(self, net, params, state, plan):
        self.net, self.params, self.plan = net, params, plan
        self.h, self.c, *matrices = state
        self.matrices = aligned_copies([matrix for matrix in matrices if matrix is not None])
        self.cell = in_two_parts(net.cell, params)
        self.prepared = {1: net.rule.sums.prepare(net, params, 1)}  # a rule that these sums don't suit is refused
        self.W_h = self.cell.recurrent(net, params)
        self.work = Work(net, len(self.h))
        self.segments, self.unused = [], []

    @property
    def state(self):
        """The State now; its matrices are copies."""
        return State(self.h, self.c, *(matrix.copy() for matrix in self.matrices))

    @property
    def steps(self):
        return [step for segment in self.segments for step in segment.steps]

    def snapshot(self):
        """A copy that further steps leave alone."""
        other = SliceRun(self.net, self.params, State(self.h, self.c, *self.matrices), self.plan)
        other.segments = [copy.copy(segment) for segment in self.segments]
        if other.segments:
            other.segments[-1].steps = list(other.segments[-1].steps)
        return other

    def chunk(self, L, matrices, work, entries=NO_ENTRIES):
        """A Chunk of L steps from these matrices that follows ``entries`` by themselves."""
        net, sums = self.net, self.net.rule.sums
        if L not in self.prepared:
            self.prepared[L] = sums.prepare(net, self.params, L)
        vectors = sums(net, self.params, L, len(matrices[0]), self.prepared[L])
        chunk = Chunk(net, self.params, vectors, matrices, work)
        chunk.follow(entries)
        return chunk

    def dense(self, places, work, inside=None, cut=False):
        """A Dense of this slice; arguments as there."""
        return self.net.rule.sums.dense(self.net, self.params, places, work, inside, cut)

    def advance(self, x):
        """All steps of x (T, b, D): in whole chunks where the certificate holds, else one by one."""
        L, T = self.plan.chunk, len(x)
        inputs = self.cell.inputs(self.net, self.params, flat(x)).reshape(*x.shape[:2], -1)
        self._reserve(-(-T // (L * self.plan.keep)))
        for t in range(0, T, L):
            part = slice(t, t + L)
            entries = self._expected() if min(L, T - t) > 1 else None
            if entries is not None and self._try_chunk(x[part], inputs[part], entries):
                continue
            for x_t, inputs_t in zip(x[part], inputs[part]):
                self.step(x_t, inputs_t)

    def step(self, x_t, inputs_t):
        """One step, Hebb in full: x_t (b, D), inputs_t the cell's ``inputs``. Returns its Kept."""
        if not self.segments or len(self.segments[-1].steps) == self.plan.chunk:
            self._open_segment()
        segment = self.segments[-1]
        dense = self.dense([self.matrices] * 2, self.work, cut=segment.cut)
        self._cell_step(dense, x_t, inputs_t)
        segment.cut = dense.cut
        return segment.steps[-1]

    def _reserve(self, n):
        """Room for n starts, in one piece: fresh memory in many small pieces costs as much as what is done in it."""
        self.unused = list(aligned((n, len(self.matrices), *self.matrices[0].shape), self.net.dtype))

    def _open_segment(self):
        starts = None
        if len(self.segments) % self.plan.keep == 0:
            if not self.unused:
                self._reserve(len(self.segments) // self.plan.keep + 1)  # as many as there are
            starts = np.stack(self.matrices, out=self.unused.pop())
        self.segments.append(Segment(starts))

    def _expected(self):
        """The entries that steps like those of the last segment might take to the bound; None: too many to follow."""
        last = self.segments[-1] if self.segments else None
        if last is None or not (last.cut or last.entries.size):
            return NO_ENTRIES
        if not most_followed(self.matrices[0].size):
            return None
        return replay(last.steps, self.chunk(len(last.steps), self.matrices, self.work)).at_risk(self.net.clip, AHEAD)

    def _try_chunk(self, x, inputs, entries):
        """Take a chunk that follows ``entries`` by themselves, and others that turn out to need it; False: too many."""
        before = self.h, self.c
        self._open_segment()
        for _ in range(TRIES):
            chunk = self.chunk(len(x), self.matrices, self.work, entries)
            for x_t, inputs_t in zip(x, inputs):
                self._cell_step(chunk, x_t, inputs_t)
            at_risk = chunk.at_risk(self.net.clip)
            if at_risk is not None:
                chunk.follow(np.union1d(entries, at_risk) if at_risk.size else entries)
                if np.isin(chunk.cut, entries).all():  # all others were taken for uncut, and they are
                    chunk.end(self.matrices)
                    self.segments[-1].entries = chunk.entries
                    return True
                entries = chunk.entries
            self.segments[-1].steps.clear()
            self.h, self.c = before
            if at_risk is None:
                break
        return False

    def _cell_step(self, piece, x_t, inputs_t):
        """One step; ``piece``, a Chunk or a Dense, takes it in."""
        h_prev, y = self.h, piece.input(self.h)
        h, c, p, of_cell = self.cell.forward(self.net, self.W_h, inputs_t, h_prev, self.c, y)
        M, mu, of_drive = drive_forward(self.net, self.params, h)
        piece.append(h_prev, p, mu)
        self.segments[-1].steps.append(Kept(x_t, h_prev, h, c, p, M, mu, of_cell, of_drive))
        self.h, self.c = h, c


def replay(steps, piece):
    """The piece, a Chunk or a Dense, when it has taken these steps in."""
    for step in steps:
        piece.append(step.h_prev, step.p, step.mu)
    return piece


class WayBack:
    """The backward pass over a recorded slice, with working matrices of its own."""

    def __init__(self, run):
        self.run, self.net, self.params = run, run.net, run.params
        self.cell = in_two_parts(run.net.cell, run.params)
        self.work = Work(run.net, len(run.h))

    @cached_property
    def _places(self):
        """Of a segment whose steps go one by one: matrices after each of them, and where Clip let pass."""
        L, matrices = self.run.plan.chunk, self.run.matrices
        after = aligned((L, len(matrices), *matrices[0].shape), self.net.dtype)
        return after, np.empty((L, *matrices[0].shape), bool)

    def backward(self, d_hidden, d_state, grads):
        """d_hidden (T, b, N), the readout's adjoint of every h_t; d_state the adjoint of the final state.

        Adds to ``grads``; returns dx (T, b, D) and the adjoint of the initial state.
        """
        dh, dc, *G = d_state
        G = aligned_copies([matrix for matrix in G if matrix is not None])
        T, b, N = d_hidden.shape
        (dy, dmu), dz = np.empty((2, T, b, N), self.net.dtype), [None] * T
        t = T
        for segment, matrices in self._from_the_last():
            part = slice(t - len(segment.steps), t)
            t, of_steps = part.start, (d_hidden[part], dy[part], dmu[part])
            piece = self._piece(segment, matrices)
            dh, dc, dz[part] = self._piece_backward(piece, segment.steps, G, dh, dc, *of_steps, grads)
        net, steps = self.net, self.run.steps
        x, h_prev, h = (np.concatenate(parts) for parts in zip(*((step.x, step.h_prev, step.h) for step in steps)))
        dx, cell_grads = self.cell.gradients(net, self.params, np.concatenate(dz), x, h_prev)
        _, _, of_drive = drive_forward(net, self.params, h)  # of all steps at once: no row knows of another
        _, drive_grads = drive_backward(net, flat(dmu), of_drive)
        add_gradients(grads, cell_grads | drive_grads | {net.plastic_name: h_prev.T @ flat(dy)})
        return dx.reshape(T, b, -1), State(dh, dc, *G)

    def _piece_backward(self, piece, steps, G, dh, dc, d_hidden, dys, dmu, grads):
        """From the adjoints at the end of the steps to those at the start -> dh, dc, dz of each; fills dys, dmu, G."""
        net, w, da, dz = self.net, self.params[self.net.plastic_name], piece.begin_backward(G), [None] * len(steps)
        for t in reversed(range(len(steps))):
            dmu[t], dp = piece.drive_backward(t, da)
            dh = dh + d_hidden[t]
            dh_drive = drive_backward_h(net, dmu[t], steps[t].of_drive)
            if dh_drive is not None:
                dh += dh_drive
            dz[t], dh_cell, dc, dys[t] = self.cell.backward(net, self.run.W_h, dh, dc, dp, steps[t].of_cell)
            dh = dys[t] @ w.T
            dh += da[t]
            if dh_cell is not None:
                dh += dh_cell
            piece.step_backward(t, dys[t], dh, da)
        piece.end_backward(dys, G, grads)
        return dh, dc, dz

    def _piece(self, segment, matrices):
        """The Chunk of a segment, which follows those of its entries that Clip cut; or its Dense."""
        if segment.cut:
            after, inside = self._places
            return replay(segment.steps, self.run.dense([matrices, *after], self.work, inside))
        chunk = replay(segment.steps, self.run.chunk(len(segment.steps), matrices, self.work, segment.entries))
        chunk.follow(chunk.cut)
        return chunk

    def _from_the_last(self):
        """Every segment with its matrices at the start, from the last to the first, recomputed where not kept."""
        keep, segments = self.run.plan.keep, self.run.segments
        for first in reversed(range(0, len(segments), keep)):
            block = segments[first : first + keep]
            starts = [block[0].starts]
            for segment in block[:-1]:
                starts.append(starts[-1].copy())
                self._recompute(segment, starts[-1])
            yield from zip(reversed(block), reversed(starts))

    def _recompute(self, segment, matrices):
        """Take the matrices from the segment's start to its end."""
        steps, L = segment.steps, len(segment.steps)
        if segment.cut:
            replay(steps, self.run.dense([matrices] * (L + 1), self.work, cut=True))
        else:
            replay(steps, self.run.chunk(L, matrices, self.work, segment.entries)).end(matrices)


class ByChunks:
    """The whole batch, slice by slice; the same methods as ``bptt.ByStep``."""

    def __init__(self, net, params, state, plan):
        self.net, self.params, self.plan = net, params, plan
        B = len(state.h)
        self.rows = [slice(first, min(first + plan.rows, B)) for first in range(0, B, plan.rows)]
        self.slices = [SliceRun(net, params, state.map(lambda v, rows=rows: v[rows]), plan) for rows in self.rows]

    @property
    def state(self):
        return _join_states([part.state for part in self.slices])

    def snapshot(self):
        other = copy.copy(self)
        other.slices = [part.snapshot() for part in self.slices]
        return other

    def step(self, x_t):
        """x_t (B, D) -> StepOutput."""
        inputs = self.slices[0].cell.inputs(self.net, self.params, x_t)
        steps = [part.step(x_t[rows], inputs[rows]) for part, rows in zip(self.slices, self.rows)]
        h = np.concatenate([step.h for step in steps])  # (B, N)
        logits, values, _ = readout_forward(self.params, h)
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
            if getattr(steps[0][0], name) is None
            else np.concatenate([np.stack([getattr(step, name) for step in part]) for part in steps], axis=1)
            for name in ("h", "c", "M")
        )
        return h, c, M

    def backward(self, d_logits, d_values, d_state):
        """As ``bptt.ByStep.backward``."""
        params = self.params
        h, _, _ = self.history()
        T, B, N = h.shape
        _, _, of_readout = readout_forward(params, flat(h))
        d_hidden, readout_grads = readout_backward(d_logits.reshape(T * B, -1), d_values.reshape(-1), of_readout)
        d_hidden = d_hidden.reshape(T, B, N)
        grads = {name: np.zeros_like(value) for name, value in params.items()}
        add_gradients(grads, readout_grads)
        dx, states = [], []
        for part, rows in zip(self.slices, self.rows):
            d_part = d_state.map(lambda v, rows=rows: v[rows])
            dx_part, state = WayBack(part).backward(d_hidden[:, rows], d_part, grads)
            dx.append(dx_part)
            states.append(state)
        return grads, np.concatenate(dx, axis=1), _join_states(states)


def _join_states(parts):
    return State(*(None if values[0] is None else np.concatenate(values) for values in zip(*parts)))
