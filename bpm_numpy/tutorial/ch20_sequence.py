"""Chapter 20: the scores of networks that are trained on several tasks in sequence."""

from ..figures.draw_sequence import plot_matrices
from ..lab.studies import DATA
from ..lab.task_order import load_matrices

CHANCE = {"cue-reward": 0.0, "bandit": 0.5, "association": 0.0}  # two arms, one of them the best


def scaled(score, task):
    """A task's score, with 0 for chance and 1 for all."""
    return (score - CHANCE[task]) / (1 - CHANCE[task])


def figure_matrices():
    """The recorded matrices of the four networks."""
    return plot_matrices(*load_matrices(DATA / "sequence"), CHANCE)


FIGURES = {"sequence_matrices.png": figure_matrices}
