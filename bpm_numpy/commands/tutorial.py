"""``python -m bpm_numpy tutorial``: open the notebooks in JupyterLab, at the first one or the one that is named.

With --run every notebook is executed, with a line each; with --html DIR they become a linked static site. Options that
are not listed here are handed on to JupyterLab, written as --NAME=VALUE.
"""

import importlib.util
import re
import subprocess
import sys
import time

from ..arguments import nearest
from ..site.jupyter import OPTIONS
from ..site.notebooks import execute_apart, find_notebooks, write_notebook
from .messages import red, say, say_stopped
from .options import integer
from .threads import leave_threads_to_the_user
from .train import first_signal

HELP = "open the notebooks; --run executes them, --html DIR writes a static site"
TYPED = {"folder": "--html"}
EXAMPLES = """\
  python -m bpm_numpy tutorial
  python -m bpm_numpy tutorial 05 --no-browser --port 8899
  python -m bpm_numpy tutorial --run 00 01
  python -m bpm_numpy tutorial --html site"""


def add_arguments(parser):
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--run", action="store_true", help="execute every notebook and report times and failures")
    action.add_argument("--html", metavar="DIR", help="write the notebooks as linked web pages into DIR")
    parser.add_argument("--write", action="store_true", help="with --run: store the executed notebooks in notebooks/")
    parser.add_argument("--force", action="store_true", help="with --html: replace files that are not of the site")
    parser.add_argument(
        "--port", type=integer, metavar="N", help="where JupyterLab answers, or the next free one (8888)"
    )
    parser.add_argument("--no-browser", action="store_true", help="don't open a browser: JupyterLab prints its address")
    parser.add_argument("names", nargs="*", metavar="NN", help="only notebooks whose names start so")
    parser.set_defaults(further=[], own=re.findall(r"--[\w-]+", parser.format_usage()))


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
    others = ["--port"] * (arguments.port is not None) + ["--no-browser"] * arguments.no_browser + arguments.further
    if others and (arguments.run or arguments.html is not None):
        raise ValueError(f"{others[0]}: expected only where JupyterLab is opened, got it with --run or --html")
    for option in arguments.further:
        like = nearest(option.partition("=")[0], arguments.own)
        if like or not option.startswith("-"):
            raise ValueError(f"{option}: expected an option of this command or of JupyterLab{like}")
    if arguments.names and len(chosen) > 1 and not arguments.run and arguments.html is None:
        raise ValueError(f"NN: expected one notebook where JupyterLab is opened, got {len(chosen)}")
    leave_threads_to_the_user()
    if arguments.html is not None:
        from ..site.pages import write_site

        return write_site(chosen, arguments.html, arguments.force)
    if arguments.run:
        return run_all(chosen, arguments.write)
    port = [] if arguments.port is None else [f"--port={arguments.port}"]
    return open_in_jupyterlab(chosen[0], [*port, *["--no-browser"] * arguments.no_browser, *arguments.further])


def open_in_jupyterlab(path, options):
    """Exit code of JupyterLab. After Ctrl-C, 130: JupyterLab is asked to end, and ends its kernels first."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ImportError("JupyterLab is not installed")
    # The folder above is its root: pictures in notebooks come from figures/, which is beside the notebooks' folder.
    root = path.resolve().parent.parent
    words = ["-m", "jupyter", "lab", f"--ServerApp.root_dir={root}", *OPTIONS, *options, str(path)]
    if "--no-browser" in options:
        say(f"JupyterLab begins in {root}. Open its address in a browser, and there {path.parent.name}/{path.name}.")
    else:
        say(f"JupyterLab opens {path.name} in a browser; its folder is {root}.")
    say("It prints its address below. Ctrl-C, typed here, ends it and its kernels: save your notebooks first.")
    with first_signal() as received:
        # In a session of its own the terminal's Ctrl-C does not reach it: it would ask, or leave its kernels behind.
        process = subprocess.Popen([sys.executable, *words], start_new_session=True)
        try:
            while process.poll() is None and not received:
                time.sleep(0.1)
            if received:
                process.terminate()
            code = process.wait()
        finally:
            process.kill()  # if it is still there, after a second Ctrl-C
    if received:
        say_stopped("tutorial: interrupted")
    return 128 + received[0] if received else code


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
            print(f"{red('FAILED')} after {time.monotonic() - started:.0f} s\n{error}", flush=True)
            continue
        print(f"{time.monotonic() - started:5.1f} s", flush=True)
    wrong = f": {red('FAILED')} {', '.join(failed)}" if failed else ""
    print(f"{len(paths) - len(failed)} of {len(paths)} notebooks ran{wrong}")
    return 1 if failed else 0
