"""Processor time of one forward and backward pass, engine by engine in turn, one thread each.

    python benchmarks/turns.py                  all cases in float32, five rounds
    python benchmarks/turns.py --beside DIR     and another clone of the project: before and after a change

On a busy machine the clock says little about a program, and its own processor time more. Every engine is a process that
stays alive, with one thread. In each round each makes one pass over the same problem; what comes before the first (set
up, compiled, allocated) is not timed. A ratio is that of one round: the median of the rounds is printed, with the least
and the largest.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
ENGINES = {"ours": "with_numpy", "step by step": "with_numpy", "PyTorch": "with_torch", "JAX": "with_jax"}
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",  # PyTorch's
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def main(arguments=None):
    """Exit code 0; 2 if no case is selected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help='cases whose "name regime" contains TEXT')
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", metavar="DIR", help="another clone of the project")
    options = parser.parse_args(arguments)
    from bpm_numpy.commands.bench import cases

    selected = list(cases(options.dtype, options.only))
    if not selected:
        print(f"turns: --only: expected a part of a case, got {options.only}", file=sys.stderr)
        return 2
    workers = {engine: start(engine, FOLDER.parent) for engine in ENGINES}
    if options.beside:
        workers["beside"] = start("ours", Path(options.beside).resolve())
    workers = {name: worker for name, worker in workers.items() if worker.stdout.readline() == "ready\n"}
    others = list(workers)[1:]
    print(f"{'case':16}{'clip':10}{'ours, ms':>10}", *(f"{engine + ' / ours':>21}" for engine in others))
    for name, regime, case in selected:
        seconds = {engine: [] for engine in workers}
        for _ in range(options.rounds):
            for engine, worker in workers.items():
                seconds[engine].append(ask(worker, case))
        ratios = [np.divide(seconds[engine], seconds["ours"]) for engine in others]
        texts = [f"{np.median(ratio):.1f} ({ratio.min():.1f}–{ratio.max():.1f})" for ratio in ratios]
        median = 1000 * np.median(seconds["ours"])
        print(f"{name:16}{regime:10}{median:10.1f}", *(f"{text:>21}" for text in texts), flush=True)
    print(f"processor time, one thread each; {options.dtype}, {options.rounds} rounds")
    for worker in workers.values():
        worker.communicate()
    return 0


def start(engine, project):
    """A process that answers ``ask`` with the code of ``project``; it says "ready", or why it is not."""
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join([str(project), str(FOLDER)])}
    environment["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
    command = [sys.executable, str(FOLDER / "turns.py"), "--worker", engine]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask(worker, case):
    """Seconds of processor time of one pass."""
    worker.stdin.write(json.dumps(case) + "\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def work(engine):
    """Read cases from stdin, one a line; print the seconds of one pass of each."""
    import importlib

    from bpm_numpy.commands.bench import Case, make_problem

    try:
        training = importlib.import_module(ENGINES[engine]).TRAINING[engine]
    except ImportError as error:
        print(f"{engine}: left out: {error}", file=sys.stderr)
        print(error)
        return
    print("ready", flush=True)
    known = None
    for line in sys.stdin:
        if line != known:
            known, run = line, None  # the last problem's memory is given back first
            run = training(make_problem(Case(*json.loads(line))))
            run()
        started = time.process_time()
        run()
        print(time.process_time() - started, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2])
    else:
        sys.exit(main())
