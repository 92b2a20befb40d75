"""Chapter 20: the scores of networks that are trained on several tasks in sequence."""

from ..figures.draw_sequence import plot_matrices
from ..lab.studies import DATA
from ..lab.task_order import CHANCE, load_matrices


def figure_matrices():
    """The recorded matrices of the four networks."""
    return plot_matrices(*load_matrices(DATA / "sequence"), CHANCE)


FIGURES = {"sequence_matrices.png": figure_matrices}
