"""``python -m bpm_numpy quickstart``: gradient checks, the first notebook, a figure of Hebb.

Writes into results/, which git ignores.
"""

import sys
import time
from pathlib import Path

from ..arguments import check_count
from ..files import check_outputs, locked, make_folder, write_output
from ..site.notebooks import FOLDER, execute_apart, find_notebooks, notebook_bytes
from .check import HEADER, check_all, format_table, jobs, table, verdict
from .figures import all_figures
from .messages import shell_line
from .options import integer
from .threads import leave_threads_to_the_user

HELP = "the tour: representative gradient checks, the first notebook executed, a figure"
TYPED = {}
EXAMPLES = """\
  python -m bpm_numpy quickstart"""
RESULTS, FIGURE = Path("results"), "hebb_over_time.png"
# One alpha, readout and modulator; every cell, rule, reading and regime of the clip.
REPRESENTATIVE = {"alpha": "full", "readout": "linear", "modulator": "tanh"}


def add_arguments(parser):
    parser.add_argument("--seed", type=integer, default=0, metavar="N", help="of the gradient checks (default 0)")
    parser.add_argument("--force", action="store_true", help="replace files in results/ that are not quickstart's")


def run(arguments):
    """Exit code: 0 if all went well, 1 if a gradient check failed."""
    check_count("seed", arguments.seed, smallest=0)
    path = find_notebooks()[0] if FOLDER.is_dir() else None
    figure = all_figures()[FIGURE]  # an installation that can't draw says so before anything is written
    make_folder(RESULTS)
    with locked(RESULTS):
        check_outputs(RESULTS, (FIGURE,) if path is None else (path.name, FIGURE), arguments.force)
        return tour(path, figure, arguments.seed)


def tour(path, figure, seed):
    """The three parts, with the notebook ``path``, or None where there is no clone; exit code as ``run``.

    figure: the function that draws it.
    """
    from ..figures.style import file_bytes

    print("1. Gradient checks: reverse mode against the complex step, central differences and forward mode")
    started = time.monotonic()
    results = check_all(jobs(REPRESENTATIVE, ("inactive", "sometimes", "mostly"), seed, full=False))
    print(format_table(HEADER, table(results)))
    print(f"{verdict(results, time.monotonic() - started)} (all there are: {shell_line('check')})\n")

    print("2. The first notebook")
    if path is None:
        print("left out: the notebooks are in the clone, and not in an installed package\n")
    else:
        leave_threads_to_the_user()
        started = time.monotonic()
        print(f"executing {path.name} ...", file=sys.stderr, flush=True)
        write_output(RESULTS, path.name, notebook_bytes(execute_apart(path)))
        print(f"executed {path.name} in {time.monotonic() - started:.0f} s: {RESULTS / path.name}\n")

    print("3. A figure of Hebb(t)")
    write_output(RESULTS, FIGURE, file_bytes(figure()))

    if path is None:
        print(f"\nThe result is in {RESULTS}/: {FIGURE}.")
    else:
        print(f"\nThe results are in {RESULTS}/: {FIGURE} and {path.name}.")
        print(f"Open the notebooks with: {shell_line('tutorial')}")
    return 0 if all(result["passed"] for result in results) else 1
