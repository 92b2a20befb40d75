"""``python -m bpm_numpy figures``: rewrite the folder figures/.

Every figure is made with fixed seeds, from data computed now or kept in figures/data; a second run writes the same
bytes.
"""

import importlib
import pkgutil

from ..arguments import nearest
from ..files import check_outputs, locked, make_folder, write_output
from ..site.notebooks import FOLDER
from .progress import progress

HELP = "rewrite figures/ (the same bytes on every run)"
TYPED = {"name": "NAME", "folder": "--folder"}
EXAMPLES = """\
  python -m bpm_numpy figures --list
  python -m bpm_numpy figures clip_growth.png hebb_over_time.png
  python -m bpm_numpy figures --folder mine"""
# What is made of the notebooks, of the README and of the benchmark's results, which an installed package lacks.
OF_THE_CLONE = ("map.png", "readme_hebb.png", "benchmark.png", "benchmark_curves.png", "README.md")


def all_figures():
    """dict: file name -> function that makes the Figure: two maps, the README's example, and those of the chapters."""
    import matplotlib

    matplotlib.use("Agg")
    from .. import tutorial
    from ..figures.draw_architecture import plot_architecture
    from ..figures.draw_path import plot_path
    from ..site.path import chapters
    from ..site.readme import figure_example

    figures = {"architecture.png": plot_architecture, "map.png": lambda: plot_path(chapters())}
    figures["readme_hebb.png"] = figure_example
    for module in pkgutil.iter_modules(tutorial.__path__, tutorial.__name__ + "."):
        figures |= getattr(importlib.import_module(module.name), "FIGURES", {})  # helpers of all chapters draw none
    return figures


def all_files():
    """What the command writes: all figures, and the page that says what each of them shows."""
    from ..site.gallery import gallery

    figures = all_figures()
    return figures | {"README.md": lambda: gallery(figures)}


def add_arguments(parser):
    parser.add_argument("--folder", default="figures", metavar="DIR", help="where to write (default: figures)")
    parser.add_argument("--force", action="store_true", help="replace files of these names that are not this command's")
    parser.add_argument("--list", action="store_true", help="print the names of all files, and write none")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these files (default: all, and README.md)")


def run(arguments):
    """Exit code 0."""
    figures = all_files()
    if arguments.list:
        print("\n".join(figures))
        return 0
    for name in arguments.names:
        if name not in figures:
            raise ValueError(f"name: expected a name that --list prints, got {name!r}{nearest(name, figures)}")
        if name in OF_THE_CLONE and not FOLDER.is_dir():
            raise ValueError(f"name: expected a figure that needs no clone, got {name!r}")
    left_out = () if arguments.names or FOLDER.is_dir() else OF_THE_CLONE
    names = arguments.names or [name for name in figures if name not in left_out]
    write_figures(arguments.folder, names, arguments.force)
    if left_out:
        print(f"left out, since they need the clone: {', '.join(left_out)}")
    return 0


def write_figures(folder, names, force=False):
    """Make each figure and write it into ``folder``; ValueError for a file there of such a name that is not ours."""
    from ..figures.style import file_bytes

    figures = all_files()
    make_folder(folder)
    with locked(folder):
        check_outputs(folder, names, force)
        for name in progress(names, len(names), "figures"):
            write_output(folder, name, file_bytes(figures[name]()))
            print(f"{folder}/{name}", flush=True)
