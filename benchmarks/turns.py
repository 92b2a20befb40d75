"""Processor time of one forward and backward pass, engine by engine in turn, one thread each.

    python benchmarks/turns.py                  all cases in float32, five rounds
    python benchmarks/turns.py --trained        the networks of figures/data instead, as they were recorded
    python benchmarks/turns.py --updates        whole updates of training instead, beside the same in PyTorch
    python benchmarks/turns.py --beside DIR     and another clone of the project: before and after a change

On a busy machine the clock says little about a program, and its own processor time more. Every engine is a process that
stays alive, with one thread. In each round each makes one pass over the same problem; what comes before the first (set
up, compiled, allocated) is not timed. A ratio is that of one round: the median of the rounds is printed, with the least
and the largest. At the end of --trained, these medians are put together: the networks of each study that have a Hebb,
and all that have none.

Before a trained network is timed, its gradients are compared in float64, and before an update, the parameters after the
first one: "differ" is the largest difference between any two engines, as in ``compare.py``. Some trained networks are
steep: "last digit" is how far the definition's own gradients move when each of its inputs moves by its last digit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
ENGINES = {"ours": "with_numpy", "step by step": "with_numpy", "PyTorch": "with_torch", "JAX": "with_jax"}
UPDATING = ("ours", "PyTorch")  # the engines that make whole updates
CHECKS = {"case": (), "trained": ("differ", "last digit"), "update": ("differ",)}
SAME_UPDATE = 1e-6  # PyTorch shortens a gradient by the norm + 1e-6
STEEP = 100  # gradients may differ by so many times the last digit's share
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",  # PyTorch's
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def main(arguments=None):
    """Exit code 0; 1 if engines that should be equal differ; 2 if nothing is selected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--trained", dest="kind", action="store_const", const="trained", help="trained networks")
    kinds.add_argument("--updates", dest="kind", action="store_const", const="update", help="updates of training")
    parser.set_defaults(kind="case")
    parser.add_argument("--only", default="", metavar="TEXT", help='rows whose names, such as "name regime", hold TEXT')
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: float32 in cases, else as recorded")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", metavar="DIR", help="another clone of the project")
    options = parser.parse_args(arguments)
    kind, dtype = options.kind, options.dtype or ("float32" if options.kind == "case" else None)
    columns, rows = select(kind, options.only)
    if not rows:
        print(f"turns: --only: expected a part of a row's names, got {options.only}", file=sys.stderr)
        return 2

    workers = {engine: start(engine, FOLDER.parent) for engine in (UPDATING if kind == "update" else ENGINES)}
    if options.beside:
        workers["beside"] = start("ours", Path(options.beside).resolve())
    workers = {name: worker for name, worker in workers.items() if worker.stdout.readline() == "ready\n"}
    others = list(workers)[1:]
    widths = [max(map(len, column)) + 2 for column in zip(columns, *(names for names, _ in rows))]
    unit = "ours, a second" if kind == "update" else "ours, ms"

    def show(names, ours, *texts):
        print(*map(str.ljust, names, widths), f"{ours:>{len(unit)}}", *texts, flush=True)

    show(columns, unit, *(f"{engine + ' / ours':>21}" for engine in others), *(f"{name:>10}" for name in CHECKS[kind]))
    wrong, medians = [], {}  # names -> medians of the ratios
    for names, what in rows:
        found, same = check(workers, kind, what)
        wrong += [] if same else [names]
        seconds = {engine: [] for engine in workers}
        for _ in range(options.rounds):
            for engine, worker in workers.items():
                seconds[engine].append(ask(worker, kind, what, dtype))
        ratios = [np.divide(seconds[engine], seconds["ours"]) for engine in others]
        medians[names] = [np.median(ratio) for ratio in ratios]
        ours = float(np.median(seconds["ours"]))
        ours = 1 / ours if kind == "update" else 1000 * ours
        show(names, f"{ours:.1f}", *map(span, ratios), *(f"{number:>10.0e}" for number in found))
    if kind == "trained":
        groups = {}
        for (study, _, plasticity), ratios in medians.items():
            groups.setdefault(("", "none") if plasticity == "none" else (study, ""), []).append(ratios)
        for (study, none), ratios in groups.items():
            show((study, f"all {len(ratios)}", none), "", *map(span, np.transpose(ratios)))
    print(f"processor time, one thread each; {dtype or 'dtypes as recorded'}, {options.rounds} rounds")
    for worker in workers.values():
        worker.communicate()
    if wrong:
        print(f"turns: the engines differ, so times mean nothing: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


def span(ratios):
    """The median, with the least and the largest."""
    return f"{np.median(ratios):.1f} ({np.min(ratios):.1f}–{np.max(ratios):.1f})".rjust(21)


def select(kind, only):
    """Names of the first columns, and the rows: what stands in these columns, and what ``make`` needs."""
    from bpm_numpy.commands import bench

    if kind == "case":
        columns, rows = ("case", "clip"), [(found[:2], found[2]) for found in bench.cases("float32")]
    elif kind == "trained":
        columns = ("study", "network", "plasticity")
        rows = [(names, (*names[:2], str(bench.DATA))) for names in bench.trained_networks()]
    else:
        columns = ("task", "setting", "network")
        rows = [((*task, network),) * 2 for task in bench.STUDIED for network in bench.NETWORKS]
    return columns, [(names, what) for names, what in rows if only in " ".join(names)]


def check(workers, kind, what):
    """The numbers of CHECKS, and whether all engines return the same."""
    if kind == "case":  # ``compare.py`` compares these
        return (), True
    from compare import TOLERANCE, largest_of_pairs

    with tempfile.TemporaryDirectory() as folder:
        files = {engine: f"{folder}/{engine}.npz" for engine in (*workers, "moved")}
        for engine, worker in workers.items():
            ask(worker, kind, what, "float64", files[engine])
        difference = largest_of_pairs(files[engine] for engine in workers)
        if kind == "update":
            return (difference,), difference < SAME_UPDATE
        ask(workers["step by step"], kind, what, "float64", files["moved"], moved=True)
        moved = largest_of_pairs([files["step by step"], files["moved"]])
    return (difference, moved), difference < max(TOLERANCE, STEEP * moved)


def start(engine, project):
    """A process that answers ``ask`` with the code of ``project``; it says "ready", or why it is not."""
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join([str(project), str(FOLDER)])}
    environment["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
    command = [sys.executable, str(FOLDER / "turns.py"), "--worker", engine]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask(worker, kind, what, dtype, file=None, moved=False):
    """Seconds of processor time of one pass; what the first one returns is written to ``file``."""
    worker.stdin.write(json.dumps((kind, what, dtype, moved, file)) + "\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def work(engine):
    """Read requests of ``ask`` from stdin, one a line; print the seconds of one pass of each."""
    import importlib

    try:
        module = importlib.import_module(ENGINES[engine])
    except ImportError as error:
        print(f"{engine}: left out: {error}", file=sys.stderr)
        print(error)
        return
    print("ready", flush=True)
    known = None
    for line in sys.stdin:
        if line != known:
            known, run = line, None  # the last problem's memory is given back first
            *request, file = json.loads(line)
            run = make(module, engine, *request)
            returned = run()
            if file:
                np.savez(file, **returned)
        started = time.process_time()
        run()
        print(time.process_time() - started, flush=True)


def make(module, engine, kind, what, dtype, moved):
    """What an engine is asked to repeat: an update, or a pass over a problem, all inputs ``moved`` by a last digit."""
    if kind == "update":
        from bpm_numpy.lab.settings import settings_for

        task, setting, network = what
        changes = {"network_options.dtype": dtype} if dtype else {}
        return module.UPDATING[engine](settings_for(task, network, setting, changes=changes))
    from bpm_numpy.commands import bench

    if kind == "trained":
        study, label, data = what
        problem = bench.trained_problem(study, label, Path(data), dtype)
    else:
        problem = bench.make_problem(bench.Case(*what)._replace(dtype=dtype))
    if moved:
        inputs = {name: np.nextafter(value, np.inf) for name, value in problem.inputs.items()}
        problem = problem._replace(inputs=inputs)
    return module.TRAINING[engine](problem)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2])
    else:
        sys.exit(main())
