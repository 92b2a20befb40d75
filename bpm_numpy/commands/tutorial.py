"""``python -m bpm_numpy tutorial``: open the notebooks in JupyterLab at the start.

With --run every notebook is executed, with a line each; with --html DIR they become a linked static site.
"""

import importlib.util
import signal
import subprocess
import sys
import time

from ..site.jupyter import OPTIONS
from ..site.notebooks import execute_apart, find_notebooks, write_notebook
from .messages import say_stopped

HELP = "open the notebooks; --run executes them, --html DIR writes a static site"
TYPED = {"folder": "--html"}


def add_arguments(parser):
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--run", action="store_true", help="execute every notebook and report times and failures")
    action.add_argument("--html", metavar="DIR", help="write the notebooks as linked web pages into DIR")
    parser.add_argument("--write", action="store_true", help="with --run: store the executed notebooks in notebooks/")
    parser.add_argument("--force", action="store_true", help="with --html: replace files that are not of the site")
    parser.add_argument("names", nargs="*", metavar="NN", help="only notebooks whose names start so")


def run(arguments):
    """Exit code: 0, or 1 if a notebook failed, or JupyterLab's own."""
    paths = find_notebooks()
    chosen = [path for path in paths if not arguments.names or path.name.startswith(tuple(arguments.names))]
    unknown = [name for name in arguments.names if not any(path.name.startswith(name) for path in paths)]
    if unknown:
        raise ValueError(f"NN: expected the start of a notebook's name, got {', '.join(unknown)}")
    if arguments.write and not arguments.run:
        raise ValueError("write: expected only together with --run, got it alone")
    if arguments.force and arguments.html is None:
        raise ValueError("force: expected only together with --html, got it alone")
    if arguments.html is not None:
        from ..site.pages import write_site

        return write_site(chosen, arguments.html, arguments.force)
    if arguments.run:
        return run_all(chosen, arguments.write)
    return open_in_jupyterlab(chosen[0])


def open_in_jupyterlab(path):
    """Exit code of JupyterLab, or 130 after Ctrl-C, which is JupyterLab's to ask about and not the end of this."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ImportError("JupyterLab is not installed")
    # The folder above is its root: pictures in notebooks come from figures/, which is beside the notebooks' folder.
    root = path.resolve().parent.parent
    words = ["-m", "jupyter", "lab", f"--ServerApp.root_dir={root}", *OPTIONS, str(path)]
    process = subprocess.Popen([sys.executable, *words])
    received = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        say_stopped("tutorial: interrupted")
    return 130 if received else code


def run_all(paths, write):
    """Execute the notebooks one after the other, whatever happens in any of them; a line each, and a summary."""
    failed = []
    for number, path in enumerate(paths, start=1):
        print(f"{number:2}/{len(paths)} {path.stem:<32}", end=" ", flush=True)
        started, before = time.monotonic(), path.read_bytes()
        try:
            notebook = execute_apart(path)
            if write:
                if path.read_bytes() != before:
                    raise ValueError(f"path: expected {path} as it was when its run began, got a newer one; it stays")
                write_notebook(notebook, path)
        except (OSError, RuntimeError, ValueError) as error:
            failed.append(path.name)
            print(f"FAILED after {time.monotonic() - started:.0f} s\n{error}", flush=True)
            continue
        print(f"{time.monotonic() - started:5.1f} s", flush=True)
    print(
        f"{len(paths) - len(failed)} of {len(paths)} notebooks ran{': failed ' + ', '.join(failed) if failed else ''}"
    )
    return 1 if failed else 0
