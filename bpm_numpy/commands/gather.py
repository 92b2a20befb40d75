"""``python -m bpm_numpy gather``: the runs of a folder as a table and a figure, median and quartiles over seeds."""

from pathlib import Path

import numpy as np

from ..files import check_outputs, check_path, locked, make_folder, write_output
from ..lab.runs import csv_bytes, gather
from .check import format_table
from .messages import calling

HELP = "gather a folder of runs into a table and a figure of their learning curves"
TYPED = {"folder": "FOLDER"}
EXAMPLES = """\
  python -m bpm_numpy gather runs
  python -m bpm_numpy gather runs/studies/maze --out maze"""
TABLE, FIGURE = "table.csv", "learning_curves.png"


def add_arguments(parser):
    parser.add_argument("folder", metavar="FOLDER", help="with runs in it, or in folders in it")
    parser.add_argument("--out", metavar="DIR", help=f"where {TABLE} and {FIGURE} go (default: FOLDER)")
    parser.add_argument("--force", action="store_true", help="replace files of these names that are not gather's")


def run(arguments):
    """Exit code 0."""
    check_path(arguments.folder, "folder")
    if arguments.out is not None:
        check_path(arguments.out, "out")
    out = Path(arguments.folder if arguments.out is None else arguments.out)
    groups = gather(arguments.folder)
    rows = list(map(summary, groups))
    print(format_table(tuple(rows[0]), [tuple(map(str, row.values())) for row in rows]))
    print("median and quartiles of the score at the last update that all seeds have reached; minutes until there")
    with calling("folder", "folder" if arguments.out is None else "out"):
        write(out, csv_bytes(rows), draw(groups), arguments.force)
    print(f"{out / TABLE}, {out / FIGURE}")
    return 0


def write(out, table, figure, force):
    """The two files, as bytes, into the folder ``out``."""
    make_folder(out)
    with locked(out):
        check_outputs(out, (TABLE, FIGURE), force)
        write_output(out, TABLE, table)
        write_output(out, FIGURE, figure)


def summary(group):
    """One line of the table: a dict."""
    first, median, third = np.quantile(group.scores[:, -1], (0.25, 0.5, 0.75))
    return {
        "task": group.task,
        "setting": group.setting,
        "network": group.label,
        "parameters": group.parameters,
        "seeds": len(group.scores),
        "updates": int(group.updates[-1]),
        "median": f"{median:.3f}",
        "quartile 1": f"{first:.3f}",
        "quartile 3": f"{third:.3f}",
        "minutes": f"{group.minutes:.1f}",
    }


def draw(groups):
    """The learning curves as the bytes of a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from ..figures.draw_learning_curves import plot_learning_curves
    from ..figures.style import file_bytes

    return file_bytes(plot_learning_curves(groups))
