"""How a pass is cut up: into chunks of steps and slices of the batch. It changes time and memory, not the function."""

from typing import NamedTuple

import numpy as np

CHUNK = 8  # pairs of steps cost more with every step in a chunk, its matrices less: measured, about even from 6 to 12
FEWEST = 6_000  # entries of Hebb in the batch: below, calls of NumPy cost as much as what is done in them
SHORTEST = 64_000  # entries times steps: the same
SLICE = 1_500_000  # entries of Hebb in a slice of the batch: larger ones take memory, smaller ones calls of NumPy
FEW = 0.05  # share of the entries that may be followed by themselves: one costs some ten times what it does in a matrix
SMALL = 30_000  # entries of a slice, whose matrices cost no more than the calls of NumPy for the first that is followed
LONGEST = 1000  # steps in a chunk: it holds all pairs of them
LONG = 64  # chunks, from which on not every start is kept


class Plan(NamedTuple):
    """chunk: L, steps in a chunk; rows: episodes in a slice of the batch; keep: Hebb is kept at the start of every
    keep-th chunk, and recomputed between.
    """

    chunk: int
    rows: int
    keep: int


def choose_plan(net, T, B):
    """The Plan for T steps of B episodes, by sizes alone, so that every machine does the same.

    It is "steps", the definition, for small matrices, and for larger ones in few steps; but where a sequence is long,
    so that only some starts of chunks are kept, never, since the definition keeps the matrices of every step.
    """
    entries, chunks = B * net.n_hidden**2, -(-T // CHUNK)
    if net.plasticity == "none" or net.rule.sums is None:
        return "steps"
    if chunks > LONG:
        keep = int(np.sqrt(chunks))
    elif entries < FEWEST or entries * T < SHORTEST:
        return "steps"
    else:
        keep = 1
    slices = min(-(-entries // SLICE), B)
    return Plan(CHUNK, -(-B // slices), keep)


def can_be_chunked(net, *arrays):
    """True where the sums hold: a rule that has some, in real numbers."""
    return net.plasticity != "none" and net.rule.sums is not None and not any(map(np.iscomplexobj, arrays))


def most_followed(entries):
    """How many of a slice's entries of Hebb may be followed by themselves (see ``followed``), a float."""
    return FEW * max(entries - SMALL, 0)
