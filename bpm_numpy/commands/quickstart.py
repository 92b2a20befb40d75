"""``python -m bpm_numpy quickstart``: gradient checks, the first notebook, a figure of Hebb.

Writes into results/, which git ignores.
"""

import os
import sys
import time
from pathlib import Path

from ..site.notebooks import execute, find_notebooks, write_notebook
from .check import HEADER, check_all, format_table, jobs, table
from .figures import write_figures

HELP = "the tour: representative gradient checks, the first notebook executed, a figure"
RESULTS = Path("results")
# One alpha and one readout; every cell, rule, reading and regime of the clip.
REPRESENTATIVE = {"alpha": "full", "readout": "linear"}


def add_arguments(parser):
    parser.add_argument("--seed", type=int, default=0, help="of the gradient checks (default 0)")


def run(arguments):
    """Exit code: 0 if all went well, 1 if a gradient check failed."""
    os.makedirs(RESULTS, exist_ok=True)
    print("1. Gradient checks: reverse mode against the complex step, central differences and forward mode")
    results = check_all(jobs(REPRESENTATIVE, ("inactive", "sometimes", "mostly"), arguments.seed, full=False))
    print(format_table(HEADER, table(results)))
    failed = sum(not result["passed"] for result in results)
    print(f"{len(results) - failed} of {len(results)} checks passed (all of them: python -m bpm_numpy check)\n")

    print("2. The first notebook")
    path, started = find_notebooks()[0], time.monotonic()
    print(f"executing {path.name} ...", file=sys.stderr, flush=True)
    write_notebook(execute(path), RESULTS / path.name)
    print(f"executed {path.name} in {time.monotonic() - started:.0f} s: {RESULTS / path.name}\n")

    print("3. A figure of Hebb(t)")
    write_figures(RESULTS, ["hebb_over_time.png"])

    inside = sys.executable.startswith(os.getcwd() + os.sep)
    python = os.path.relpath(sys.executable) if inside else sys.executable
    print(f"\nThe results are in {RESULTS}/: hebb_over_time.png and {path.name}.")
    print(f"Open the notebooks with: {python} -m bpm_numpy tutorial")
    return 1 if failed else 0
