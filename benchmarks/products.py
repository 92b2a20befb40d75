"""The floor: the matrix products that the chunked algorithm cannot do without, timed alone.

They are those of ``bpm_numpy.chunked``, each counted once, with one alpha a connection: what could be kept from the
forward pass is not computed again, and h w is part of h P. All else that a pass does comes on top: element-wise work,
copies, Python.
"""

from collections import Counter

import numpy as np


def chunk_products(net, L, b):
    """(what, how often, shape, shape) of one chunk of L steps of b episodes."""
    N = net.n_hidden
    sides = 2 if net.rule.name == "trace" else 1  # Hebb, and the trace with it
    row, rows, columns, matrices = (b, 1, N), (b, L, N), (b, N, L), (b, N, N)
    yield "h P, h Q", sides * L, row, matrices
    yield "dy Pᵀ, (κ dy) Qᵀ", sides * L, row, matrices
    yield "Σ a qᵀ: Hebb and trace at t1", sides, columns, rows
    yield "a G, a F", sides, rows, matrices
    yield "q Gᵀ, p Fᵀ", sides, rows, matrices
    yield "Σ h dyᵀ: Z, Zκ", sides, columns, rows
    for t in range(1, L):
        yield "S = (a ⊗ h) alpha", 1, (t * b, N), (N, N)
        yield "R = V alphaᵀ", 1, (t * b, N), (N, N)
    if L > 1:
        pairs = b * L * (L - 1) // 2
        yield "dalpha = Σ (a ⊗ h) Vᵀ", 1, (N, pairs), (pairs, N)


def slice_products(net, T, b):
    """The same for what a slice of b episodes does once, or once a step, whatever the chunks."""
    N, D, A = net.n_hidden, net.n_inputs, net.n_outputs + 1  # logits and the value
    gates = 4 if net.cell.name == "lstm" else 1
    for what, n, m in (("x", D, gates * N), ("readout", N, A)):
        yield f"{what}: forward", 1, (T * b, n), (n, m)
        yield f"{what}: backward", 1, (T * b, m), (m, n)
        yield f"{what}: weights", 1, (n, T * b), (T * b, m)
    if net.cell.name == "lstm":
        yield "gates j, f, o: forward", T, (b, N), (N, 3 * N)
        yield "gates j, f, o: backward", T, (b, 3 * N), (3 * N, N)
        yield "gates j, f, o: weights", 1, (N, T * b), (T * b, 3 * N)


def parts(total, size):
    """``total`` cut into pieces of ``size`` and a rest."""
    return [size] * (total // size) + [total % size] * (total % size > 0)


def unavoidable_products(net, T, B, plan):
    """One Counter a slice of the batch: (what, shape, shape) -> how often in a forward and backward pass."""
    slices = []
    for b in parts(B, plan.rows):
        counter = Counter()
        products = [*slice_products(net, T, b)]
        for L in parts(T, plan.chunk):
            products += chunk_products(net, L, b)
        for what, times, left, right in products:
            counter[what, left, right] += times
        slices.append(counter)
    return slices


def floor(net, T, B, plan):
    """A function that computes them, with operands that stay in the cache."""
    rng = np.random.default_rng(0)

    def operands(left, right):
        left, right = (rng.standard_normal(shape).astype(net.dtype) for shape in (left, right))
        return left, right, np.matmul(left, right)

    products = [
        (*operands(left, right), times)
        for counter in unavoidable_products(net, T, B, plan)
        for (_, left, right), times in counter.items()
    ]

    def run():
        for left, right, out, times in products:
            for _ in range(times):
                np.matmul(left, right, out=out)

    return run
