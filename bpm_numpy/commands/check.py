"""``python -m bpm_numpy check``: gradient-check every configuration.

Each configuration is tried in three regimes of the clip (inactive, sometimes and mostly active) and in four
ways: the complex step on single entries, central differences on random directions, reverse against forward
mode by <v, J u> = <Jᵀ v, u>, and the gradients of the fast pass by chunks against those of the definition, step by
step. Parameters, inputs and the initial state are all checked.
"""

import json
import multiprocessing
import os
import shlex
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from ..arguments import check_count
from ..files import check_ordinary, check_target, read_json, replace_file
from ..parts import REGISTRIES, check_name
from ..plugins import PLUGINS, check_known_elsewhere, load_plugins
from ..proof.configuration import check_configuration, regimes_of
from ..proof.problems import ALPHAS, REGIMES, configurations
from .messages import red, shell_line
from .options import integer
from .progress import duration, progress

HELP = "gradient-check every configuration, or those that the options select"
TYPED = {"path": "--json"}
EXAMPLES = """\
  python -m bpm_numpy check
  python -m bpm_numpy check --cell lstm --rule trace --reading paper
  python -m bpm_numpy check --rule oja --alpha full --regime mostly --full --json oja.json
  python -m bpm_numpy --plugin my_rule.py check --rule mine"""
FILTERS = ("cell", "rule", "plasticity", "modulator", "fanout", "reading", "alpha", "readout")
HEADER = (
    "cell", "rule", "plasticity", "modulator", "fan-out", "reading", "checks", "failed", "cut by Clip",
    "complex step", "central", "kinks", "forward mode", "chunks",
)  # fmt: skip
LEGEND = """\
cut by Clip: share of the entries of Hebb at the bound, from regime to regime. Then the largest relative errors of
backward: against the complex step and central differences (kinks: entries left out where a step goes over one),
against forward mode, and of the way by chunks against the definition."""
WHOLE, SHORT = 1, 12  # failed checks that are printed whole, and those behind them that get a line


def add_arguments(parser):
    parser.add_argument("--full", action="store_true", help="every entry, by both methods, not a sample (slow)")
    parser.add_argument("--json", metavar="FILE", help="also write the table, and every single check, to FILE")
    parser.add_argument("--force", action="store_true", help="with --json: replace a file that is no such table")
    parser.add_argument("--seed", type=integer, default=0, metavar="N", help="of the random networks (default 0)")
    only = parser.add_argument_group("only the configurations with")
    for kind, known in REGISTRIES.items():
        only.add_argument(f"--{kind}", metavar="NAME", help=f"this {kind}: {', '.join(known)}")
    for option, choices, what in (
        (
            "plasticity",
            ("none", "hebbian", "modulated"),
            "what drives changes: nothing, a learnt rate, or M(t)",
        ),
        ("fanout", ("yes", "no"), "whether M(t) reaches each neuron by a weight of its own"),
        ("reading", ("notes", "paper"), "of the equations: as in the notes or in the paper"),
        ("alpha", ALPHAS, "one alpha for each connection, for each neuron, or for all"),
        ("readout", ("linear", "hidden"), "whether there is a layer between h and the outputs"),
        ("regime", REGIMES, "how often Clip cuts"),
    ):
        only.add_argument(f"--{option}", choices=choices, help=what)


def run(arguments):
    """Exit code: 0 if every check passed, 1 if one failed."""
    check_count("seed", arguments.seed, smallest=0)
    if arguments.json is not None:
        check_table_file(arguments.json, arguments.force)
    for kind, known in REGISTRIES.items():
        if getattr(arguments, kind) is not None:
            check_name(kind, getattr(arguments, kind), known)
    wanted = {name: getattr(arguments, name) for name in FILTERS if getattr(arguments, name) is not None}
    regimes = REGIMES if arguments.regime is None else (arguments.regime,)
    selected = jobs(wanted, regimes, arguments.seed, arguments.full)
    if not selected:
        raise ValueError("no valid configuration has all of these options")
    started = time.monotonic()
    results = check_all(selected)
    seconds = time.monotonic() - started
    try:
        print_results(results, seconds, arguments.seed, arguments.full)
    finally:  # also where nobody reads what is printed
        if arguments.json is not None:
            with replace_file(arguments.json) as file:
                content = {"header": HEADER, "table": table(results), "checks": results}
                file.write(json.dumps(content, indent=1).encode())
    if arguments.json is not None:
        print(f"table written to {arguments.json}")
    return 0 if all(result["passed"] for result in results) else 1


def print_results(results, seconds, seed, full):
    """The table, what failed, a legend, and a line that sums up. seconds: what the checks took; seed, full: theirs."""
    print(format_table(HEADER, table(results)))
    failures = [result for result in results if not result["passed"]]
    for number, result in enumerate(failures[: WHOLE + SHORT]):
        whole, first = result["message"], result["message"].partition("\n")[0].rstrip(":")
        print("\n" * (number <= WHOLE) + red("FAILED"), f"{words_of(result)}: {whole if number < WHOLE else first}")
    if len(failures) > WHOLE + SHORT:
        print(f"... and {len(failures) - WHOLE - SHORT} more, which the table counts; --json FILE has them all")
    if failures:
        line = shell_line("check", "--seed", str(seed), *["--full"] * full)
        print(f"\nEach by itself: {line} and the options behind FAILED.")
    print(f"\n{LEGEND}\n{sum(result['compared'] for result in results)} numerical derivatives, seed {seed}.\n")
    print(verdict(results, seconds))


def verdict(results, seconds):
    """One line: how many passed, the largest errors, the time."""
    exact = max(result[name] for result in results for name in ("complex_error", "adjoint_error", "chunks_error"))
    central, passed = max(result["central_error"] for result in results), sum(result["passed"] for result in results)
    failed = f", {red(f'{len(results) - passed} FAILED')}" if passed < len(results) else ""
    return (
        f"{passed} of {len(results)} checks passed{failed}, largest error {exact:.0e} "
        f"({central:.0e} by central differences), {duration(seconds)}"
    )


def words_of(result):
    """The options that select this check alone."""
    options = result["options"] | {"regime": result["regime"]}
    options["fanout"] = "yes" if options["fanout"] else "no"
    options["readout"] = "linear" if options.pop("readout_hidden") is None else "hidden"
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in options.items())


def check_table_file(path, force):
    """The table can be written to ``path``: ValueError for a file there that is none of check's, unless ``force``."""
    check_target(path)
    found = check_ordinary(path)
    if found is None or found.st_size == 0 or force:
        return
    try:
        before = read_json(path)
    except ValueError:
        before = None
    if not isinstance(before, dict) or before.keys() != {"header", "table", "checks"}:
        raise ValueError(f"path: expected a new file or a table of this command, got {path}; --force replaces it")


def jobs(wanted, regimes, seed, full):
    """(options, regime, seed, full) of every check whose options match ``wanted``."""
    selected = []
    for number, options in enumerate(configurations()):
        described = options | {
            "fanout": "yes" if options["fanout"] else "no",
            "readout": "linear" if options["readout_hidden"] is None else "hidden",
        }
        if any(described[name] != value for name, value in wanted.items()):
            continue
        for regime in regimes_of(options, regimes):
            selected.append((options, regime, (seed, number, REGIMES.index(regime)), full))
    return selected


def check_all(selected):
    """Results of all jobs, on as many processes as there are cores."""
    if len(selected) <= 8:  # not worth starting processes for
        return list(progress(map(check_one, selected), len(selected), "checks"))
    if multiprocessing.get_start_method() != "fork":
        check_known_elsewhere((kind, options[kind]) for options, *_ in selected for kind in REGISTRIES)
    jobs = min(os.cpu_count() or 1, 61)  # Windows can't wait for more
    with ProcessPoolExecutor(jobs, initializer=_begin_process, initargs=(PLUGINS,)) as pool:
        try:
            futures = [pool.submit(check_one, job) for job in selected]
            return list(progress((future.result() for future in futures), len(selected), "checks"))
        except BaseException:  # such as Ctrl-C: the pool would wait until all is done
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def ignore_interrupts():
    """Ctrl-C reaches every process of a terminal; one of them says so and ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _begin_process(plugins):
    ignore_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load_plugins(plugins)


def _end_with_parent():
    """End this process when the one that started it has ended, also by a kill."""
    multiprocessing.parent_process().join()
    os._exit(1)


def check_one(job):
    """``check_configuration`` of a job, timed -> a dict of numbers and strings."""
    options, regime, seed, full = job
    started = time.perf_counter()
    result = check_configuration(options, regime, np.random.default_rng(seed), full)
    return result | {"seed": list(seed), "seconds": time.perf_counter() - started}


def table(results):
    """One row a rule, cell and reading: the worst of its regimes, alphas and readouts, as strings."""
    groups = {}
    for result in results:
        options = result["options"]
        drive = options["plasticity"], options["modulator"], "yes" if options["fanout"] else "no"
        key = options["cell"], options["rule"], *drive, options["reading"]
        groups.setdefault(key, []).append(result)
    rows = []
    for key, group in groups.items():
        shares = [result["cut_share"] for result in group if result["cut_share"] is not None]
        cut = f"{min(shares):.0%} to {max(shares):.0%}" if shares else "-"
        failed, kinks = sum(not result["passed"] for result in group), sum(result["kinks"] for result in group)
        errors = "complex_error", "central_error", "adjoint_error", "chunks_error"
        by_complex, by_central, adjoint, chunks = (f"{max(result[name] for result in group):.1e}" for name in errors)
        rows.append((*key, str(len(group)), str(failed), cut, by_complex, by_central, str(kinks), adjoint, chunks))
    return rows


def format_table(header, rows):
    """Lines of right-aligned columns."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in (header, *rows))
