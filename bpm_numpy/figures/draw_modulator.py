"""Pictures of the modulator M(t): whom it can reach, what it lets in, and what it is worth."""

import numpy as np

from .style import COLOURS, draw_matrix, new_figure, styled, symmetric_bound


@styled
def plot_influence(influence):
    """∂(sum of the logits of step t)/∂M(s) (T, T), [s, t], on a symmetric scale; a line marks the diagonal."""
    figure, axis = new_figure(height=3.0)
    image = draw_matrix(axis, influence, symmetric_bound(influence), pre="M(s), s = 0, 1, …", post="logits of step t")
    T = len(influence)
    axis.plot([-0.5, T - 0.5], [-0.5, T - 0.5], color="0.5", linewidth=0.8, linestyle="-")
    axis.set_xticks(range(T), range(T), fontsize=7)
    axis.set_yticks(range(T), range(T), fontsize=7)
    figure.colorbar(image, ax=axis, shrink=0.9).set_label("∂(Σ logits of step t) / ∂M(s)")
    return figure


@styled
def plot_learning_curves(curves, chance, window=20):
    """``curves``: dict label -> share right (seeds, updates); medians and quartiles over the seeds, smoothed."""
    figure, axis = new_figure(height=2.8)
    for label, curve in curves.items():
        smooth = np.apply_along_axis(np.convolve, 1, curve, np.full(window, 1 / window), "valid")
        low, middle, high = np.quantile(smooth, (0.25, 0.5, 0.75), axis=0)
        updates = np.arange(window, curve.shape[1] + 1)
        (line,) = axis.plot(updates, middle, label=label)
        axis.fill_between(updates, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axis.axhline(chance, color="0.7", linewidth=0.8, linestyle="-")
    axis.set(
        xlabel=f"update (mean of the last {window})",
        ylabel="share of answers right",
        title=f"median and quartiles of {len(curve)} seeds; grey: a blind guess",
        ylim=(0, 1.02),
    )
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@styled
def plot_modulator_by_label(percentiles):
    """One panel a network: ``percentiles`` (networks, 2, 3, labels), 10th, 50th, 90th of M, unflagged and flagged."""
    figure, axes = new_figure(1, len(percentiles), height=2.4, sharey=True)
    for number, (axis, panel) in enumerate(zip(axes, percentiles)):
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        for (low, middle, high), name, marker, shift in zip(panel, ("unflagged", "flagged"), "so", (-0.12, 0.12)):
            x = np.arange(len(middle)) + shift
            axis.errorbar(x, middle, (middle - low, high - middle), fmt=marker, markersize=4, label=name)
        axis.set(title=f"seed {number}", xlabel="label shown", xticks=range(panel.shape[-1]), ylim=(-1.05, 1.05))
    axes[0].set_ylabel("M(t)")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="outside lower center")
    return figure


@styled
def plot_written(names, modulator, hebb, flagged):
    """What was read (T names), M(t) (T,), and the size of each change of hebb (T+1, N, N); flagged (T,) stands out."""
    figure, (above, below) = new_figure(2, 1, height=3.6, sharex=True)
    colours = np.where(flagged, COLOURS[1], COLOURS[0])
    written = np.linalg.norm(np.diff(hebb, axis=0), axis=(1, 2))  # (T,)
    above.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
    above.bar(range(len(names)), modulator, color=colours)
    above.set(ylabel="M(t)", ylim=(-1.05, 1.05), title="! and the other colour: the label is flagged")
    below.bar(range(len(names)), written, color=colours)
    below.set(ylabel="‖Hebb(t+1) − Hebb(t)‖", xlabel="what step t reads: a key, a label, a question")
    below.set_xticks(range(len(names)), names)
    return figure
