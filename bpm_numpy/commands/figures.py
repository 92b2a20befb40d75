"""``python -m bpm_numpy figures``: rewrite the folder figures/.

Every figure is made from data computed here and now with fixed seeds; a second run writes the same bytes.
"""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

from .progress import progress

HELP = "rewrite figures/ (the same bytes on every run)"


def all_figures():
    """dict: file name -> function that makes the Figure, gathered from the chapters of ``bpm_numpy.tutorial``."""
    import matplotlib

    matplotlib.use("Agg")
    from .. import tutorial

    figures = {}
    for module in pkgutil.iter_modules(tutorial.__path__, tutorial.__name__ + "."):
        figures |= importlib.import_module(module.name).FIGURES
    return figures


def add_arguments(parser):
    parser.add_argument("--folder", default="figures", help="where to write (default: figures)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these files (default: all)")


def run(arguments):
    """Exit code 0, or 2 for an unknown name."""
    figures = all_figures()
    unknown = [name for name in arguments.names if name not in figures]
    if unknown:
        print(f"figures: expected names from {', '.join(figures)}, got {', '.join(unknown)}", file=sys.stderr)
        return 2
    write_figures(arguments.folder, arguments.names or list(figures))
    return 0


def write_figures(folder, names):
    """Make each figure and write it into ``folder``."""
    from ..figures.style import save_figure

    figures = all_figures()
    os.makedirs(folder, exist_ok=True)
    for name in progress(names, len(names), "figures"):
        save_figure(figures[name](), Path(folder) / name)
        print(f"{folder}/{name}", flush=True)
