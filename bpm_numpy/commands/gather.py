"""``python -m bpm_numpy gather``: the runs of a folder as a table and a figure, median and quartiles over seeds."""

import sys
from pathlib import Path

import numpy as np

from ..lab.runs import gather, write_csv
from .check import format_table

HELP = "gather a folder of runs into a table and a figure of their learning curves"


def add_arguments(parser):
    parser.add_argument("folder", metavar="FOLDER", help="with runs in it, or in folders in it")
    parser.add_argument("--out", metavar="DIR", help="where table.csv and learning_curves.png go (default: FOLDER)")


def run(arguments):
    """Exit code: 0, or 2 if there is nothing to gather."""
    out = Path(arguments.out or arguments.folder)
    try:
        groups = gather(arguments.folder)
    except ValueError as error:
        print(f"gather: {error}", file=sys.stderr)
        return 2
    rows = list(map(summary, groups))
    print(format_table(tuple(rows[0]), [tuple(map(str, row.values())) for row in rows]))
    print("median and quartiles of the score at the last update that all seeds have reached; minutes until there")
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "table.csv", rows)
    write_figure(groups, out / "learning_curves.png")
    print(f"{out / 'table.csv'}, {out / 'learning_curves.png'}")
    return 0


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


def write_figure(groups, path):
    """The learning curves as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from ..figures.draw_learning_curves import plot_learning_curves
    from ..figures.style import save_figure

    save_figure(plot_learning_curves(groups), path)
