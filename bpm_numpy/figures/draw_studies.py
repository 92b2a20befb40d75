"""How the networks of a study learn, from what is kept of it in figures/data."""

from functools import partial

import numpy as np

from ..lab.studies import DATA, STUDIES, join_curriculum, load_study
from .draw_learning_curves import plot_learning_curves
from .style import styled

OWN = ("maze-remedies",)  # too many lines for one panel: it has a picture of its own


@styled
def plot_study(about, groups):
    """As ``plot_learning_curves``; grey lines, named beside the panel: scores that need no training.

    A name moves up rather than hide another. Of a curriculum, the runs stand behind those on the easier task.
    """
    groups, change = join_curriculum(groups)
    figure = plot_learning_curves(groups)
    axis, free = figure.axes[0], -np.inf
    if change:
        axis.axvline(change, color="0.5", linewidth=0.8, linestyle="-")
        axis.text(
            change, 1.0, "easier until here ", fontsize=8, ha="right", va="bottom", transform=axis.get_xaxis_transform()
        )
    scores = {name: values["score"] for name, values in about["references"].items()}
    for score in scores.values():
        axis.axhline(score, color="0.5", linewidth=0.8, linestyle="-")
    low, high = axis.get_ylim()
    for name, score in sorted(scores.items(), key=lambda item: item[1]):
        place = max(score, free)
        axis.text(1.01, place, name, fontsize=8, va="center", transform=axis.get_yaxis_transform())
        free = place + 0.05 * (high - low)
    return figure


def study_figures(data=DATA):
    """dict: file name -> function that makes the Figure, for every study that ``data`` holds, but for those in OWN."""
    return {
        f"study_{name}.png": partial(figure_study, name, data)
        for name in STUDIES
        if name not in OWN and (data / name / "about.json").exists()
    }


def figure_study(name, data=DATA):
    """The learning curves of a study that is kept in ``data``."""
    return plot_study(*load_study(name, data))
