"""``python -m bpm_numpy bench``: time one forward and one backward pass, in three regimes of the clip.

With --trained: of the trained networks in figures/data, or --data DIR, on fresh episodes of their tasks, beside the
definition. With --updates: whole updates of training (episodes, loss, backward, Adam) as the small studies make them.

The comparison with PyTorch and JAX on the same problems is ``python benchmarks/compare.py``; on trained networks, and
with PyTorch on whole updates, ``python benchmarks/turns.py --trained`` and ``--updates``.
"""

import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import check_count
from ..chunked.plan import choose_plan
from ..lab.runs import settings_from
from ..lab.settings import settings_for
from ..lab.studies import DATA, STUDIES, load_about, load_recorded
from ..learning.episodes import rollout
from ..learning.training import NETWORKS, begin, build, update
from ..network import PlasticNetwork
from ..proof.problems import Problem, join
from ..step import forward_step
from .check import format_table
from .options import integer
from .progress import progress
from .threads import how_many

HELP = "time forward and backward (with PyTorch and JAX: benchmarks/compare.py)"
TYPED = {}
EXAMPLES = """\
  python -m bpm_numpy bench
  python -m bpm_numpy bench --only "lstm trace" --dtype float64
  python -m bpm_numpy bench --trained --only bandit"""
N_INPUTS, N_OUTPUTS = 16, 4
REGIMES = ("inactive", "some", "many")  # of the clip: entries of Hebb that are ever at the bound
SIZES = {  # cell, rule, T, B, N, and the drive that makes each regime
    "rnn outer N100": ("rnn", "outer", 200, 30, 100, (0.005, 0.012, 0.06)),
    "lstm trace N100": ("lstm", "trace", 200, 30, 100, (0.025, 0.05, 0.3)),
    "rnn trace N200": ("rnn", "trace", 120, 30, 200, (0.004, 0.008, 0.025)),
    "rnn outer N32": ("rnn", "outer", 60, 16, 32, (0.02, 0.05, 0.2)),
}
STUDIED = (("cue-reward", "tiny"), ("maze", "small"))  # task and setting of the updates that are timed


class Case(NamedTuple):
    """What a problem is made from: options of the network, sizes, and the ``drive`` (see ``make_problem``)."""

    cell: str
    rule: str
    T: int
    B: int
    N: int
    drive: float
    dtype: str


def cases(dtype, only=""):
    """(name, regime, Case) of everything that is timed; ``only``: a part of "name regime"."""
    for name, (*sizes, drives) in SIZES.items():
        for regime, drive in zip(REGIMES, drives):
            if only in f"{name} {regime}":
                yield name, regime, Case(*sizes, drive, dtype)


def make_problem(case):
    """The Problem of a Case: the same numbers for the same Case on every machine, from zero initial state.

    Every neuron has a bias, N(0, 1), so neurons have means that differ; and M(t) = tanh(drive (h_t · W_m + 1)), so it
    has a mean too. Products of means add up, step by step, so entries of Hebb drift towards the bound and many of
    those that reach it stay, as they do in trained networks. The drive says how fast.
    """
    rng = np.random.default_rng(0)
    net = PlasticNetwork(N_INPUTS, case.N, N_OUTPUTS, cell=case.cell, rule=case.rule, dtype=np.dtype(case.dtype))

    def normal(*shape):
        return rng.standard_normal(shape).astype(net.dtype)

    params = net.init(rng)
    params["b" if case.cell == "rnn" else "b_i"] = normal(case.N)
    params["W_m"] = params["W_m"] * net.dtype.type(case.drive)
    params["b_m"] = np.asarray(case.drive, net.dtype)
    state = net.initial_state(case.B)
    d_logits, d_values = normal(case.T, case.B, N_OUTPUTS), normal(case.T, case.B)
    inputs = join(params, normal(case.T, case.B, N_INPUTS), state)
    return Problem(net, inputs, d_logits, d_values, state)  # the loss ignores the final state: its adjoint is 0


def bound_shares(problem):
    """Shares of the entries of Hebb that are at the bound at some step, and after the last one."""
    params, x, state = problem.split(problem.inputs)
    ever = np.zeros(state.hebb.shape, bool)
    for x_t in x:
        _, state, _ = forward_step(problem.net, params, x_t, state)
        at_bound = np.abs(state.hebb) == problem.net.clip
        ever |= at_bound
    return float(ever.mean()), float(at_bound.mean())


def trained_networks(data=DATA):
    """(study, label, plasticity) of each trained network kept in ``data``."""
    for name in STUDIES:
        if (data / name / "about.json").exists():
            for label, line in load_about(name, data)["lines"].items():
                _, net = build(settings_from(line["settings"], data / name / "about.json"))
                yield name, label, net.plasticity


def trained_problem(name, label, data=DATA, dtype=None):
    """The Problem of one of them, which reads fresh episodes; ``dtype``: in place of its own, on the same episodes."""
    net, params, task = load_recorded(name, label, data=data)
    rng = np.random.default_rng(0)
    x = rollout(net, params, task, rng).x
    T, B = x.shape[:2]
    d_logits, d_values = rng.standard_normal((T, B, net.n_outputs)), rng.standard_normal((T, B))
    net = PlasticNetwork(**net.options | {"dtype": net.dtype if dtype is None else np.dtype(dtype)})
    x, d_logits, d_values = (value.astype(net.dtype) for value in (x, d_logits, d_values))
    params = {parameter: value.astype(net.dtype) for parameter, value in params.items()}
    state = net.initial_state(B)
    return Problem(net, join(params, x, state), d_logits, d_values, state)


def time_calls(function, calls, duration=0.0):
    """Seconds of each call, a list: at least ``calls`` calls, and more until they have taken ``duration`` seconds."""
    seconds = []
    while len(seconds) < calls or sum(seconds) < duration:
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return seconds


def add_arguments(parser):
    parser.add_argument("--dtype", choices=("float32", "float64"), help="of the cases (default: float32)")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose first columns contain TEXT")
    parser.add_argument("--trained", action="store_true", help="trained networks, beside the definition")
    parser.add_argument("--updates", action="store_true", help="whole updates of training, as small studies make them")
    parser.add_argument("--data", metavar="DIR", help="with --trained: what study --data DIR has kept")
    parser.add_argument("--passes", type=integer, default=5, metavar="N", help="how many are timed (default 5)")


def run(arguments):
    """Exit code 0."""
    passes, only = arguments.passes, arguments.only
    check_count("passes", passes)
    if arguments.updates and arguments.trained:
        raise ValueError("updates: expected without --trained, got both")
    if arguments.data is not None and not arguments.trained:
        raise ValueError(f"data: expected only together with --trained, got {arguments.data!r} without it")
    if arguments.dtype is not None and (arguments.trained or arguments.updates):
        raise ValueError(f"dtype: expected only for the cases, got {arguments.dtype} with --trained or --updates")
    if arguments.trained:
        return run_trained(passes, only, DATA if arguments.data is None else Path(arguments.data))
    return run_updates(passes, only) if arguments.updates else run_cases(passes, only, arguments.dtype or "float32")


def select(rows, only):
    """Those of the rows, tuples of names, that contain the text ``only``; ValueError if none of them does."""
    selected = [names for names in rows if only in " ".join(names)]
    if not selected:
        raise ValueError(f"only: expected a part of names such as {' '.join(next(iter(rows)))!r}, got {only!r}")
    return selected


def run_cases(passes, only, dtype):
    """Exit code 0."""
    rows, found = [], {(name, regime): case for name, regime, case in cases(dtype)}
    selected = select(found, only)
    for name, regime in progress(selected, len(selected), "cases"):
        case = found[name, regime]
        problem = make_problem(case)
        problem.gradients()
        seconds = time_calls(problem.gradients, passes)
        ever, end = bound_shares(problem)
        plan = choose_plan(problem.net, case.T, case.B)
        numbers = (case.T, case.B, f"{ever:.2%}", f"{end:.2%}", plan.chunk, plan.rows)
        times = (f"{1000 * np.median(seconds):.1f}", f"{1000 * min(seconds):.1f}")
        rows.append((name, regime, *map(str, numbers), *times))
    print(format_table(("case", "clip", "T", "B", "ever", "at the end", "chunk", "rows", "median ms", "min ms"), rows))
    print(f'{dtype}; "ever" and "at the end": share of the entries of Hebb at the bound')
    print(f"threads of matrix products: {how_many()}")
    return 0


def run_trained(passes, only, data):
    """Exit code 0; ValueError where no network is kept."""
    kept = [names for *names, plasticity in trained_networks(data) if plasticity != "none"]  # that have a Hebb
    if not kept:
        raise ValueError(f"trained: expected recorded networks in {data}, found none; run from a clone")
    rows, selected = [], select(kept, only)
    for name, label in progress(selected, len(selected), "networks"):
        problem = trained_problem(name, label, data)
        N, (T, B) = problem.net.n_hidden, problem.d_values.shape
        ever, end = bound_shares(problem)
        seconds = {None: [], "steps": []}  # by plan
        for _ in range(passes + 1):  # the two take turns, and the first turn does not count
            for plan, taken in seconds.items():
                taken += time_calls(partial(problem.gradients, plan), 1)
        times = [1000 * float(np.median(taken[1:])) for taken in seconds.values()]
        numbers = (problem.net.dtype.name, T, B, N, f"{ever:.2%}", f"{end:.2%}", *(f"{time:.1f}" for time in times))
        rows.append((name, label, *map(str, numbers)))
    header = ("study", "network", "dtype", "T", "B", "N", "ever", "at the end", "ms", "ms by the definition")
    print(format_table(header, rows))
    print(f"medians; the networks of seed 0 in {data}, on fresh episodes")
    print(f"threads of matrix products: {how_many()}")
    return 0


def run_updates(passes, only):
    """Exit code 0."""
    rows, selected = [], select([(*studied, network) for studied in STUDIED for network in NETWORKS], only)
    for task_name, setting, network in progress(selected, len(selected), "networks"):
        settings = settings_for(task_name, network, setting)
        (task, net), training = build(settings), begin(settings).training
        seconds = []
        for _ in range(passes + 1):  # the first does not count
            training, done = update(settings, task, training)
            seconds.append(done.seconds)
        median = float(np.median(seconds[1:]))
        sizes = map(str, (task.T, task.batch, net.n_hidden))
        rows.append((task_name, setting, network, *sizes, f"{1000 * median:.1f}", f"{1 / median:.1f}"))
    print(format_table(("task", "setting", "network", "T", "B", "N", "median ms", "updates a second"), rows))
    print("the first updates of seed 0, in one process")
    return 0
