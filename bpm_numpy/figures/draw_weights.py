"""Pictures of weights that change: what a Hebbian matrix recalls, and matrices side by side."""

import numpy as np

from .style import draw_matrix, new_figure, styled, symmetric_bound


@styled
def plot_recall(measured, predicted):
    """Share of signs read back rightly against the number of pairs stored: dicts N -> (K,), dots and lines."""
    figure, axis = new_figure(height=2.6)
    for (N, share), line in zip(measured.items(), predicted.values()):
        pairs = np.arange(1, len(share) + 1)
        (drawn,) = axis.plot(pairs, line, label=f"N = {N}")
        axis.plot(pairs, share, marker="o", markersize=3, linestyle="none", color=drawn.get_color())
    axis.set(xlabel="pairs stored K (dots: measured, lines: predicted)", ylabel="signs read back rightly")
    axis.legend(fontsize=8)
    return figure


@styled
def plot_matrices(matrices):
    """Signed matrices [pre, post] side by side on one scale: dict title -> matrix."""
    figure, axes = new_figure(1, len(matrices), height=2.1)
    bound = symmetric_bound(*matrices.values())
    for axis, (title, matrix) in zip(axes, matrices.items()):
        image = draw_matrix(axis, matrix, bound, title, pre="pre" if axis is axes[0] else "")
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    return figure
