"""Chapter 11: bytes moved in a pass, what the certificate says, how well the ways agree, and what they keep."""

import json
import tracemalloc
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from ..bptt import ByStep
from ..chunked.chunk import Chunk, Work
from ..chunked.engine import ByChunks, SliceRun
from ..chunked.plan import Plan
from ..figures.draw_benchmark import plot_cases, plot_curves
from ..figures.draw_fast import plot_matrices_kept, plot_scores, plot_traffic
from ..network import PlasticNetwork
from ..parts import REGISTRIES
from ..proof.problems import Problem, configurations, join, random_problem
from ..proof.ways import differences
from ..site.notebooks import FOLDER

CHUNK = 8  # L, unless an experiment is about it
LENGTHS = (64, 128, 256, 512, 1024)
RESULTS = FOLDER.parent / "benchmarks" / "results.json"  # of benchmarks/compare.py

# Bytes moved

OPERATIONS = {  # functions of NumPy that are no ufunc but move numbers: operations, from inputs and output
    np.where: lambda inputs, out: 0,
    np.concatenate: lambda inputs, out: 0,
    np.einsum: lambda inputs, out: 2 * inputs[0].size,
    np.vdot: lambda inputs, out: 2 * inputs[0].size,
    np.dot: lambda inputs, out: 2 * out.size * inputs[0].shape[-1],
}
PRODUCTS = ("matmul", "dot", "vdot", "einsum")


class Traffic(NamedTuple):
    """Of all calls of one kind: bytes read and written, and operations (a multiplication and an addition are two)."""

    bytes: int = 0
    operations: int = 0


def traffic(problem, record_of):
    """Count what NumPy is asked to do in a forward and backward pass -> dict: "element-wise", "products" -> Traffic.

    ``record_of(net, params, state)`` makes the ``ByStep`` or ``ByChunks`` (one thread) that makes the pass. It is given
    arrays that note their use: every call of a ufunc or of one of ``OPERATIONS`` reads its inputs once and writes its
    output once. A view costs nothing, and an assignment to part of an array is not seen.
    """
    counts = {"element-wise": Traffic(), "products": Traffic()}

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
            if out is not None:
                options["out"] = tuple(map(plain, out))
            result = getattr(ufunc, method)(*map(plain, inputs), **options)
            each = 2 * inputs[0].shape[-1] if ufunc is np.matmul else 1
            note(ufunc.__name__, inputs, result, each * (inputs[0].size if method == "reduce" else result.size))
            return counted(result) if out is None else out[0]

        def __array_function__(self, function, types, arguments, options):
            if function not in OPERATIONS:  # it is made of calls that are counted themselves
                return super().__array_function__(function, types, arguments, options)
            arrays = [x for x in flat(arguments) if isinstance(x, np.ndarray)]
            result = function(*plain(arguments), **{name: plain(value) for name, value in options.items()})
            note(function.__name__, arrays, result, OPERATIONS[function](arrays, result))
            return counted(result)

        def copy(self, order="C"):
            result = plain(self).copy(order)
            note("copy", [self], result, 0)
            return counted(result)

    def counted(value):
        return value.view(Counted) if isinstance(value, np.ndarray) else value

    def plain(value):
        if isinstance(value, (list, tuple)):
            return type(value)(map(plain, value))
        return value.view(np.ndarray) if isinstance(value, Counted) else value

    def note(name, inputs, result, operations):
        kind = "products" if name in PRODUCTS else "element-wise"
        moved = sum(x.nbytes for x in (*inputs, result) if isinstance(x, np.ndarray))
        counts[kind] = Traffic(counts[kind].bytes + moved, counts[kind].operations + operations)

    def making(make):
        return lambda *given, **options: counted(make(*given, **options))

    net, (params, x, state) = problem.net, problem.split(problem.inputs)
    params = {name: counted(value) for name, value in params.items()}
    state, d_state = (type(s)(*map(counted, s)) for s in (state, problem.d_state))
    with patch.multiple(np, empty=making(np.empty), zeros=making(np.zeros)):
        record = record_of(net, params, state)
        record.advance(counted(x))
        record.backward(counted(problem.d_logits), counted(problem.d_values), d_state)
    return counts


def flat(values):
    """All items of nested lists and tuples, one after the other."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flat(value)
        else:
            yield value


def count_traffic(rng, N=64, T=24, B=8, regime="inactive", **options):
    """``traffic`` of both ways: dict way -> kind -> Traffic for ONE connection of one episode at one step."""
    problem = random_problem(rng, 8, N, 4, T, B, regime, **options)
    ways = {"step by step": ByStep, f"chunks of {CHUNK}": lambda *given: ByChunks(*given, Plan(CHUNK, B, 1))}
    share = T * B * N**2
    return {
        way: {kind: Traffic(*(n / share for n in total)) for kind, total in traffic(problem, record).items()}
        for way, record in ways.items()
    }


# The certificate


def certificates(traj, L=CHUNK):
    """The steps of ``traj``, cut into chunks: (certified?, entries cut by the definition) of each, two arrays.

    Each chunk is given the definition's Hebb(t0), trace and activities, all episodes as one slice.
    """
    net, params, steps, said, cut = traj.net, traj.params, traj.steps, [], []
    sums, B = net.rule.sums, len(steps[0].h)
    work = Work(net, B)
    for t0 in range(0, len(steps), L):
        part = steps[t0 : t0 + L]
        vectors = sums(net, params, len(part), B, sums.prepare(net, params, len(part)))
        _, _, *matrices = part[0].state
        chunk = Chunk(net, params, vectors, [matrix for matrix in matrices if matrix is not None], work)
        for step in part:
            chunk.append(step.state.h, step.p, step.mu)
        at_risk = chunk.at_risk(net.clip)
        said.append(at_risk is not None and not at_risk.size)
        cut.append(sum(int((~step.inside).sum()) for step in part))
    return np.array(said), np.array(cut)


def before_clip(traj):
    """Largest |Hebb(t) + mu(t) E(t)| of each step, (T,)."""
    return np.array([np.abs(s.state.hebb + s.mu[:, None, :] * s.eligibility).max() for s in traj.steps])


def with_a_loud_passage(rng, T=48, loud=slice(20, 26)):
    """The Problem of a started network whose inputs are faint but for the steps ``loud``."""
    net = PlasticNetwork(4, 12, 2)
    x, d_logits = 0.3 * rng.standard_normal((T, 1, 4)), rng.standard_normal((T, 1, 2))
    x[loud] *= 10
    state = net.initial_state(1)
    return Problem(net, join(net.init(rng), x, state), d_logits, np.zeros((T, 1)), state)


# Few entries


def few_driven(rng, sizes, rule="outer", reading="notes"):
    """A Problem of T steps in which few of many entries are at risk: x drives 3 of 64 neurons, by ``sizes`` (T,)."""
    T, B, N = len(sizes), 8, 64
    net = PlasticNetwork(N, N, 2, plasticity="hebbian", rule=rule, reading=reading)
    params = net.init(rng) | {"W_x": np.eye(N), "rate": np.asarray(-0.06 if rule in ("decay", "oja") else 0.25)}
    params["alpha"], params["W_h"] = (scale * rng.standard_normal((N, N)) for scale in (0.1, 0.01))
    x = 0.01 * rng.standard_normal((T, B, N))
    x[:, :, :3] = np.asarray(sizes)[:, None, None] * rng.choice([-1, 1], (B, 3)) * rng.uniform(0.8, 1, (T, B, 3))
    state = net.initial_state(B)
    d_state = state.map(lambda value: rng.standard_normal(value.shape))
    return Problem(net, join(params, x, state), rng.standard_normal((T, B, 2)), rng.standard_normal((T, B)), d_state)


def followed(traj):
    """Of each chunk of a pass in one slice: (its first step, its last, entries followed, entries cut), a list."""
    rows, t = [], 0
    for segment in traj.record.slices[0].segments:
        steps = traj.steps[t : t + len(segment.steps)]
        cut = ~np.all([step.inside for step in steps], axis=0)  # (B, N, N), by the definition
        rows.append((t, t + len(steps) - 1, segment.entries.size, int(cut.sum())))
        t += len(steps)
    return rows


# Agreement


def draw_problem(rng):
    """A random Problem: any rule that goes by chunks, any cell, T up to 24, Clip from never to nearly always."""
    fast = [o for o in configurations() if o["plasticity"] != "none" and REGISTRIES["rule"][o["rule"]].sums is not None]
    options, clip = fast[rng.integers(len(fast))], float(10 ** rng.uniform(-1, 2))
    T, B, N = (int(rng.integers(1, most + 1)) for most in (24, 3, 6))
    return random_problem(rng, 2, N, 2, T, B, **options, clip=clip)


def ways_apart(problem, plan):
    """(share of entries cut, share of steps that went in whole chunks, largest difference from the definition)."""
    with patch.object(SliceRun, "step", autospec=True, side_effect=SliceRun.step) as singly:
        problem.forward(problem.inputs, plan)
    T, B = problem.d_values.shape
    slices = -(-B // plan.rows)
    return problem.cut_share(), 1 - singly.call_count / (T * slices), max(differences(problem, plan).values())


def agreement(rng, networks):
    """``ways_apart`` for as many random networks, each by a random plan: (networks, 3)."""
    rows = []
    for _ in range(networks):
        problem = draw_problem(rng)
        L, episodes, keep = (int(rng.integers(1, most + 1)) for most in (CHUNK, problem.d_values.shape[1], 3))
        rows.append(ways_apart(problem, Plan(L, episodes, keep)))
    return np.array(rows)


# Memory


def matrices_kept(net, params, x, plan):
    """How much memory there is after a forward pass in arrays as large as Hebb, or larger, counted in Hebbs.

    Working matrices are included, but for those of what a few episodes need at a time.
    """
    tracemalloc.start()
    try:
        traj = net.forward(params, x, plan=plan)  # noqa: F841, alive until memory is looked at
        traces = tracemalloc.take_snapshot().traces
    finally:
        tracemalloc.stop()
    size = x.shape[1] * net.n_hidden**2 * net.dtype.itemsize
    return sum(trace.size // size for trace in traces)


def peak_bytes(net, params, x, plan):
    """The most memory that a forward and backward pass holds at any moment."""
    tracemalloc.start()
    try:
        traj = net.forward(params, x, plan=plan)
        net.backward(params, traj, np.ones_like(traj.logits))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def plans(T):
    """Label -> plan for T steps of one episode: the definition, every start of a chunk kept, every √-th kept."""
    return {
        "step by step": "steps",
        "every chunk's start": Plan(CHUNK, 1, 1),
        "every √(T/L)-th start": Plan(CHUNK, 1, round(np.sqrt(T / CHUNK))),
    }


def kept_by_length(rng, lengths=LENGTHS, N=64):
    """Label -> ``matrices_kept`` for each of ``lengths``, under each of ``plans``."""
    net = PlasticNetwork(3, N, 2)
    params = net.init(rng)
    kept = {label: [] for label in plans(CHUNK)}
    for T in lengths:
        x = rng.standard_normal((T, 1, 3))
        for label, plan in plans(T).items():
            kept[label].append(matrices_kept(net, params, x, plan))
    return {label: np.array(numbers) for label, numbers in kept.items()}


# The benchmark


def ratios(results, dtype="float32"):
    """Header and rows: every other engine's time and peak memory by ours, from what ``benchmarks/compare.py`` wrote."""
    rows = [row for row in results["cases"] if row["case"]["dtype"] == dtype]
    others = [engine for engine in rows[0]["engines"] if engine != "ours"]
    header = ["case", "clip", "at bound", *(f"{what}: {engine}" for what in ("time", "memory") for engine in others)]
    lines = []
    for row in rows:
        line = [row["name"], row["regime"], f"{row['end']:.0%}"]
        for quantity in ("median", "peak"):
            ours, *theirs = (row["engines"][engine][quantity] for engine in ("ours", *others))
            line += [f"{value / ours:.1f}" if value and ours else "-" for value in theirs]
        lines.append(line)
    return header, lines


# Figures


def attention_scores(rng, T=32):
    """h_{s-1} · h_{t-1} for s < t (T, T), 0 elsewhere, of a started network that reads noise."""
    net = PlasticNetwork(4, 24, 2, alpha="scalar", clip=np.inf)
    traj = net.forward(net.init(rng), rng.standard_normal((T, 1, 4)))
    h_prev = traj.h[:-1, 0]
    return np.tril(h_prev @ h_prev.T, -1)


def figure_bytes_moved():
    """Numbers moved and operations done, step by step and in chunks."""
    return plot_traffic(count_traffic(np.random.default_rng(11)))


def figure_attention_scores():
    """What a pass in chunks computes of linear attention's scores."""
    return plot_scores(attention_scores(np.random.default_rng(12)), CHUNK)


def figure_matrices_kept():
    """Matrices kept for the backward pass, by the length of the sequence."""
    return plot_matrices_kept(LENGTHS, kept_by_length(np.random.default_rng(13)))


def figure_benchmark():
    """Time and memory of every case, as the last run of the benchmark left them."""
    return plot_cases(json.loads(RESULTS.read_text(encoding="utf-8")))


def figure_benchmark_curves():
    """Time above, peak memory below, over steps T, batch B and neurons N; log-log, a line per engine with its slope."""
    return plot_curves(json.loads(RESULTS.read_text(encoding="utf-8")))


FIGURES = {
    "benchmark.png": figure_benchmark,
    "benchmark_curves.png": figure_benchmark_curves,
    "bytes_moved.png": figure_bytes_moved,
    "attention_scores.png": figure_attention_scores,
    "matrices_kept.png": figure_matrices_kept,
}
