"""Figures of chapter 16: patterns restored, and scores on more than a network was trained for."""

import numpy as np

from .style import SIGNED, large, looks, new_figure


@large
def plot_restored(asked, answers, truth):
    """A panel an episode, rows: what was asked with, hidden bits white; the answer; the truth. Each (B, bits) in ±1.

    Crosses mark hidden bits whose answer has the wrong sign.
    """
    figure, axes = new_figure(2, -(-len(asked) // 2), height=2.8, squeeze=False)
    for axis in axes.flat[len(asked) :]:
        axis.set_axis_off()
    for axis, *rows in zip(axes.flat, asked, answers, truth):
        image = axis.imshow(rows, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
        wrong = np.flatnonzero((rows[0] == 0) & (np.sign(rows[1]) != rows[2]))
        axis.plot(wrong, np.ones(len(wrong)), color="black", marker="x", markersize=5, linestyle="none")
        axis.set_xticks([])
        axis.set_yticks(range(3), ["asked", "answer", "truth"] if axis in axes[:, 0] else [""] * 3)
    for axis in axes[-1]:
        axis.set_xlabel("bit")
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02).set_label("bit, or 2P(+1) - 1")
    return figure


@large
def plot_scores_beyond(panels, trained):
    """Scores against options of the task. ``panels``: x label -> (values, label -> scores).

    ``trained``: x label -> the value that the networks were trained on, marked in grey.
    """
    figure, axes = new_figure(1, len(panels), height=3.3, sharey=True, squeeze=False)
    for axis, (name, (values, scores)) in zip(axes[0], panels.items()):
        look = looks(scores)
        for label, line in scores.items():
            axis.plot(values, line, marker="o", markersize=3, label=label, **look[label])
        axis.axvline(trained[name], color="0.8", linewidth=4, linestyle="-", zorder=0)
        axis.set(xlabel=name)
    axes[0, 0].set(ylabel="score (grey: trained on)", ylim=(-0.05, 1.05))
    figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=11)
    return figure
