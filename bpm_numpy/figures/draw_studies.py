"""How the networks of a study learn, from what is kept of it in figures/data."""

from functools import partial

from ..lab.studies import DATA, STUDIES, load_study
from .draw_learning_curves import plot_learning_curves
from .style import styled


@styled
def plot_study(about, groups):
    """As ``plot_learning_curves``; grey lines, named beside the panel: scores that need no training."""
    figure = plot_learning_curves(groups)
    axis = figure.axes[0]
    for name, values in about["references"].items():
        axis.axhline(values["score"], color="0.5", linewidth=0.8, linestyle="-")
        axis.text(1.01, values["score"], name, fontsize=8, va="center", transform=axis.get_yaxis_transform())
    return figure


def study_figures(data=DATA):
    """dict: file name -> function that makes the Figure, for every study that ``data`` holds."""
    return {
        f"study_{name}.png": partial(figure_study, name, data)
        for name in STUDIES
        if (data / name / "about.json").exists()
    }


def figure_study(name, data=DATA):
    """The learning curves of a study that is kept in ``data``."""
    return plot_study(*load_study(name, data))
