"""Compare one forward and backward pass of ours with the same network in PyTorch and JAX: time, memory, gradients.

    python benchmarks/compare.py            everything; writes benchmarks/results.json and figures/benchmark*.png
    python benchmarks/compare.py --quick    a small part of it, to see that it runs

Every measurement is a process of its own (``worker.py``), and the engines take turns. See README.md here.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from products import unavoidable_products

from bpm_numpy.chunked.plan import choose_plan
from bpm_numpy.commands.bench import Case, bound_shares, cases, make_problem
from bpm_numpy.commands.check import format_table
from bpm_numpy.commands.progress import progress
from bpm_numpy.files import replace_file

FOLDER = Path(__file__).parent
FIGURES = FOLDER.parent / "figures"
ENGINES = ("ours", "step by step", "PyTorch", "JAX")
FRAMEWORKS = ("PyTorch", "JAX")
ACTING = ("net.step", "Run.step", "PyTorch", "JAX")
TOLERANCE = 1e-9  # of float64 gradients, relative to the largest entry of each parameter's
CURVES = {  # (T, B, N), one of them varied at a time
    "T": [(T, 8, 64) for T in (50, 100, 200, 400, 800, 1600)],
    "B": [(100, B, 64) for B in (2, 4, 8, 16, 32, 64)],
    "N": [(100, 8, N) for N in (16, 32, 64, 128, 256)],
}
LONG = (10_000, 4, 64)


def main(arguments=None):
    """Exit code: 0; 1 if the engines' gradients differ; 2 if nothing is selected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one repetition of fewer cases and sizes")
    parser.add_argument("--only", default="", metavar="TEXT", help="what contains TEXT: cases, acting, curves, long")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="of the cases (default: both)")
    parser.add_argument("--json", metavar="FILE", help="write results there, not (if complete) to benchmarks/")
    parser.add_argument("--blas-threads", metavar="N", help="OPENBLAS_NUM_THREADS of all processes (default: as it is)")
    options = parser.parse_args(arguments)
    if options.blas_threads:
        os.environ["OPENBLAS_NUM_THREADS"] = options.blas_threads  # the processes inherit it
    complete = not (options.quick or options.only or options.dtype)
    path = options.json or (FOLDER / "results.json" if complete else None)
    selected = select(options)
    parts = [part for part in ("acting", "curves", "long") if options.only in part]
    if not selected and not parts:
        print(f"compare: --only: expected part of a case, acting, curves or long, got {options.only}", file=sys.stderr)
        return 2

    rounds, calls = (1, 1) if options.quick else (2, 3)  # processes an engine, and timed passes in each
    about = {engine: work(engine, "about") for engine in ENGINES}
    for engine, said in about.items():
        print(f"{engine}: {', '.join(f'{key} {value}' for key, value in said.items() if value is not None)}")
    engines = [engine for engine in ENGINES if "skipped" not in about[engine]]
    results = {
        "about": about,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "repetitions": [rounds, calls],
    }

    differences = compare_gradients(selected, engines)
    wrong = [key for key, value in differences.items() if not value < TOLERANCE]
    if wrong:
        print(f"compare: gradients differ, so times mean nothing: {differences}", file=sys.stderr)
        return 1
    results["cases"] = time_cases(selected, engines, {"float32": rounds, "float64": 1}, calls)
    for row in results["cases"]:
        row["difference"] = differences[row["name"], row["regime"]]
    if selected:
        print_cases(results["cases"], engines)
    if "acting" in parts:
        results["acting"] = time_acting(engines, rounds)
        print_acting(results["acting"])
    if "curves" in parts:
        results["curves"] = time_curves(engines, 2 if options.quick else 0, calls)
        print_curves(results["curves"])
    if "long" in parts and not options.quick:
        results["long"] = time_long()
        print_long(results["long"])
    if path:
        with replace_file(path) as file:
            file.write(json.dumps(results, indent=1).encode())
        print(f"results written to {path}")
    if complete:
        draw(results)
    return 0


def select(options):
    """(name, regime, Case) of the cases that the options ask for."""
    dtypes = [options.dtype or "float32"] if options.dtype or options.quick else ["float32", "float64"]
    selected = [named for dtype in dtypes for named in cases(dtype, options.only)]
    if options.quick and not options.only:
        selected = [named for named in selected if named[:2] == ("rnn outer N100", "inactive") or "N32" in named[0]]
    return selected


# Measuring.


def work(engine, kind, case=None, calls=0, gradients=None):
    """What a new process answers, a dict (see ``worker``)."""
    request = {"engine": engine, "kind": kind, "case": case and case._asdict(), "calls": calls, "gradients": gradients}
    done = subprocess.run([sys.executable, FOLDER / "worker.py", json.dumps(request)], stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(f"compare: exit code {done.returncode} from {request}")
    return json.loads(done.stdout)


def compare_gradients(selected, engines):
    """dict (name, regime) -> largest difference between any two engines' gradients, in float64."""
    chosen = {(name, regime): case._replace(dtype="float64") for name, regime, case in selected}
    differences = {}
    with tempfile.TemporaryDirectory() as folder:
        for key, case in progress(chosen.items(), len(chosen), "gradients"):
            files = [f"{folder}/{number}.npz" for number in range(len(engines))]
            for engine, file in zip(engines, files):
                work(engine, "training", case, gradients=file)
            differences[key] = largest_of_pairs(files)
    return differences


def largest_of_pairs(files):
    """``largest_difference`` between any two files of gradients; 0 for one alone."""
    pairs = itertools.combinations([dict(np.load(file)) for file in files], 2)
    return max((largest_difference(one, two) for one, two in pairs), default=0.0)


def largest_difference(one, two):
    """Of two dicts of gradients: the largest |one - two|, relative to the largest entry of that parameter's."""
    scales = {name: max(np.abs(one[name]).max(), np.abs(two[name]).max()) or 1.0 for name in one.keys() | two.keys()}
    return max(float(np.abs(one[name] - two[name]).max() / scale) for name, scale in scales.items())


def time_cases(selected, engines, rounds, calls):
    """A dict for every case: what it is, and each engine's seconds and peak memory; ours with the floor.

    rounds: dtype -> processes an engine and case.
    """
    turns = [number for number, (_, _, case) in enumerate(selected) for _ in range(rounds[case.dtype])]
    jobs = [(number, engine) for number in turns for engine in engines]
    answers = [{engine: [] for engine in engines} for _ in selected]
    for number, engine in progress(jobs, len(jobs), "timings"):
        answers[number][engine].append(work(engine, "training", selected[number][2], calls))
    rows = []
    for (name, regime, case), answer in zip(selected, answers):
        problem = make_problem(case)
        ever, end = bound_shares(problem)
        plan = choose_plan(problem.net, case.T, case.B)
        row = {"name": name, "regime": regime, "case": case._asdict(), "ever": ever, "end": end}
        row["engines"] = {engine: summary(answer[engine]) for engine in engines}
        row["plan"] = plan._asdict()
        row["floor"] = float(np.median([seconds for run in answer["ours"] for seconds in run["floor"]]))
        row["products"] = product_list(unavoidable_products(problem.net, case.T, case.B, plan))
        rows.append(row)
    return rows


def summary(answers):
    """Median, least and number of all times, and the median of the peaks (None where they could not be read)."""
    seconds = [value for answer in answers for value in answer["seconds"]]
    peaks = [answer["peak"] for answer in answers]
    peak = None if None in peaks else float(np.median(peaks))
    return {"median": float(np.median(seconds)), "min": min(seconds), "calls": len(seconds), "peak": peak}


def product_list(slices):
    """The floor's products of all slices together: [what, left shape, right shape, times]."""
    return [[*key, times] for key, times in sum(slices[1:], slices[0]).items()]


def time_acting(engines, rounds):
    """Seconds a step of the plain network, N 100, for batches of 1 and of 30: a list of dicts."""
    ways = [way for way in ACTING if way in engines or way not in FRAMEWORKS]
    batches = {B: Case("rnn", "outer", 1, B, 100, 0.005, "float32") for B in (1, 30)}
    jobs = [(B, way) for B in batches for _ in range(rounds) for way in ways]
    seconds = {B: {way: [] for way in ways} for B in batches}
    for B, way in progress(jobs, len(jobs), "acting"):
        seconds[B][way] += work(way, "acting", batches[B], calls=500)["seconds"]
    return [{"B": B, "seconds": {way: float(np.median(seconds[B][way])) for way in ways}} for B in batches]


def time_curves(engines, fewer, calls):
    """For T, B and N: sizes, and each engine's seconds and peaks; the ``fewer`` largest sizes are left out."""
    engines = [engine for engine in engines if engine != "step by step"]
    sizes = {letter: triples[: len(triples) - fewer] for letter, triples in CURVES.items()}
    jobs = [(letter, triple, engine) for letter in sizes for triple in sizes[letter] for engine in engines]
    curves = {
        letter: {
            "sizes": [triple["TBN".index(letter)] for triple in triples],
            "engines": {engine: {"median": [], "peak": []} for engine in engines},
        }
        for letter, triples in sizes.items()
    }
    for letter, triple, engine in progress(jobs, len(jobs), "curves"):
        measured = summary([work(engine, "training", unclipped(*triple), calls)])
        for quantity, values in curves[letter]["engines"][engine].items():
            values.append(measured[quantity])
    for curve in curves.values():
        for values in curve["engines"].values():
            values["slopes"] = {quantity: slope(curve["sizes"], values[quantity]) for quantity in ("median", "peak")}
    return curves


def unclipped(T, B, N):
    """A Case of the plain network whose Hebb grows to the same size, below the bound, however long it runs."""
    return Case("rnn", "outer", T, B, N, 1 / T, "float32")


def slope(sizes, values):
    """Slope of log value over log size, fitted to the larger half of the sizes, where fixed costs weigh least."""
    if None in values or min(values) <= 0:
        return None
    half = (len(sizes) - 1) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(values[half:]), 1)[0])


def time_long():
    """Ours on one long sequence."""
    T, B, N = LONG
    measured = summary([work("ours", "training", unclipped(T, B, N), calls=1)])
    return {"T": T, "B": B, "N": N} | measured


# Printing.


def ratios(engines, values):
    """ "x.y" for each framework: its value by ours; "-" where one is missing."""
    return [
        f"{values[engine] / values['ours']:.1f}" if values[engine] and values["ours"] else "-"
        for engine in engines
        if engine in FRAMEWORKS
    ]


def print_cases(rows, engines):
    """Two tables, time and memory, and the floor's products."""
    by_ours = [f"{engine} / ours" for engine in engines if engine in FRAMEWORKS]
    header = ("case", "dtype", "clip", "ever", "at the end")
    times, peaks = [], []
    for row in rows:
        named = (row["name"], row["case"]["dtype"], row["regime"], f"{row['ever']:.2%}", f"{row['end']:.2%}")
        median, least, peak = (
            {engine: row["engines"][engine][key] for engine in engines} for key in ("median", "min", "peak")
        )
        milliseconds = [f"{1e3 * median[engine]:.1f} ({1e3 * least[engine]:.1f})" for engine in engines]
        floor = (f"{1e3 * row['floor']:.1f}", f"{median['ours'] / row['floor']:.1f}", f"{row['difference']:.0e}")
        times.append((*named, *milliseconds, *ratios(engines, median), *floor))
        megabytes = ["-" if peak[engine] is None else f"{peak[engine] / 1e6:.1f}" for engine in engines]
        peaks.append((*named, *megabytes, *ratios(engines, peak)))
    print("\nTime of a forward and backward pass in ms: median (least)")
    print(format_table((*header, *engines, *by_ours, "floor", "ours / floor", "gradients differ"), times))
    print("\nPeak memory above the start in MB")
    print(format_table((*header, *engines, *by_ours), peaks))
    print(
        "\nThe floor's products in a pass: how often, left and right shape (where many, the smallest and the largest)"
    )
    for name, row in {row["name"]: row for row in rows}.items():
        print(f"{name}, {', '.join(f'{key} {value}' for key, value in row['plan'].items())}")
        groups = itertools.groupby(sorted(row["products"]), key=lambda product: product[0])
        for what, group in groups:
            group = list(group)
            shapes = " ... ".join(
                f"{left} {right}" for _, left, right, _ in dict.fromkeys(map(tuple, (group[0], group[-1])))
            )
            print(f"    {what:<24} {sum(times for *_, times in group):>6}   {shapes}")


def print_acting(acting):
    rows = [(f"B {row['B']}", *(f"{1e6 * seconds:.0f}" for seconds in row["seconds"].values())) for row in acting]
    print("\nTime of one step when acting, rnn outer N100, in µs")
    print(format_table(("batch", *acting[0]["seconds"]), rows))


def print_curves(curves):
    print("\nSlopes of log time and log memory over log size, in the larger half of the sizes")
    rows = [
        (letter, engine, *("-" if value is None else f"{value:.2f}" for value in values["slopes"].values()))
        for letter, curve in curves.items()
        for engine, values in curve["engines"].items()
    ]
    print(format_table(("over", "engine", "time", "memory"), rows))


def print_long(long):
    peak = "-" if long["peak"] is None else f"{long['peak'] / 1e6:.0f} MB"
    print(f"\nOurs at T {long['T']}, B {long['B']}, N {long['N']}: {long['median']:.1f} s, {peak} above the start")


def draw(results):
    from bpm_numpy.figures.draw_benchmark import plot_cases, plot_curves
    from bpm_numpy.figures.style import save_figure

    for name, figure in (("benchmark", plot_cases(results)), ("benchmark_curves", plot_curves(results))):
        save_figure(figure, FIGURES / f"{name}.png")
        print(f"figure written to {FIGURES / name}.png")


if __name__ == "__main__":
    sys.exit(main())
