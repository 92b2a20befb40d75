"""``python -m bpm_numpy tutorial``: open the notebooks in JupyterLab at the start.

With --run every notebook is executed, with a line each; with --html DIR they become a linked static site.
"""

import subprocess
import sys
import time

from ..site.jupyter import OPTIONS
from ..site.notebooks import execute, find_notebooks, write_notebook

HELP = "open the notebooks; --run executes them, --html DIR writes a static site"


def add_arguments(parser):
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--run", action="store_true", help="execute every notebook and report times and failures")
    action.add_argument("--html", metavar="DIR", help="write the notebooks as linked web pages into DIR")
    parser.add_argument("--write", action="store_true", help="with --run: store the executed notebooks in notebooks/")
    parser.add_argument("names", nargs="*", metavar="NN", help="only notebooks whose names start so")


def run(arguments):
    """Exit code: 0, or 1 if a notebook failed, or 2 for a name that no notebook has."""
    paths = find_notebooks()
    chosen = [path for path in paths if not arguments.names or path.name.startswith(tuple(arguments.names))]
    unknown = [name for name in arguments.names if not any(path.name.startswith(name) for path in paths)]
    if unknown or (arguments.write and not arguments.run):
        wrong = f"the start of a notebook's name, got {', '.join(unknown)}" if unknown else "--run with --write"
        print(f"tutorial: expected {wrong}", file=sys.stderr)
        return 2
    if arguments.html:
        from ..site.pages import write_site

        return write_site(chosen, arguments.html)
    if arguments.run:
        return run_all(chosen, arguments.write)
    return subprocess.run([sys.executable, "-m", "jupyter", "lab", *OPTIONS, str(chosen[0])]).returncode


def run_all(paths, write):
    """Execute the notebooks one after the other; a line each, and a summary."""
    from nbclient.exceptions import CellExecutionError

    failed = []
    for number, path in enumerate(paths, start=1):
        print(f"{number:2}/{len(paths)} {path.stem:<32}", end=" ", flush=True)
        started = time.monotonic()
        try:
            notebook = execute(path)
        except CellExecutionError as error:
            failed.append(path.name)
            print(f"FAILED after {time.monotonic() - started:.0f} s\n{error}")
            continue
        print(f"{time.monotonic() - started:5.1f} s", flush=True)
        if write:
            write_notebook(notebook, path)
    print(
        f"{len(paths) - len(failed)} of {len(paths)} notebooks ran{': failed ' + ', '.join(failed) if failed else ''}"
    )
    return 1 if failed else 0
