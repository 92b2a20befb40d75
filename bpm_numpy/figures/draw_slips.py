"""Pictures of what the slips in the notes cost."""

import numpy as np

from .style import draw_matrix, large, new_figure, symmetric_bound


@large
def plot_literal_trace(traces):
    """``traces``: dict eta -> E before and after each time that (2.16) is applied to itself (R,), for X = 1."""
    figure, axis = new_figure(height=2.8)
    axis.axhline(1, color="0.7", linewidth=0.8, linestyle="-")
    for eta, E in traces.items():
        axis.plot(E, label=f"η = {eta}")
    axis.text(30.4, 1, "X(t)", va="center", color="0.4")
    axis.set(xlabel="times that (2.16) is applied at one and the same step t", ylabel="E(t)", xlim=(-0.5, 30))
    axis.legend(ncols=len(traces), loc="upper right")
    return figure


@large
def plot_orientations(h, p):
    """h, p (N,): the product [pre, post], its transpose, and what h calls up through each."""
    X = np.outer(h, p)
    rows = {"h": h, "p": p, "h (h pᵀ)/h·h": h @ X / (h @ h), "h (p hᵀ)/h·h": h @ X.T / (h @ h)}
    bound = symmetric_bound(h, p)
    figure, axes = new_figure(1, 3, height=2.4, width_ratios=(1, 1, 1.4))
    draw_matrix(axes[0], X, bound, "h pᵀ")
    draw_matrix(axes[1], X.T, bound, "p hᵀ", pre="post", post="pre")
    image = draw_matrix(axes[2], np.array(list(rows.values())), bound, "what h calls up", pre="", post="neuron")
    axes[2].set_aspect("auto")
    axes[2].set_box_aspect(0.75)
    axes[2].set_yticks(range(len(rows)), rows)
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02).set_label("value")
    return figure
