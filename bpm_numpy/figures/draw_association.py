"""Figures of chapters 15 and 16 that show how far runs of several seeds lie apart."""

import numpy as np

from .style import COLOURS, new_figure, styled


@styled
def plot_final_scores(panels, references=None):
    """Where every seed ended: a row a network, a dot a seed, a bar their median.

    ``panels``: title -> list of ``runs.Group``; ``references``: name -> score, a grey line each in all panels.
    """
    figure, axes = new_figure(1, len(panels), height=2.5, sharex=True, squeeze=False)
    for axis, (title, groups) in zip(axes[0], panels.items()):
        for row, group in enumerate(groups):
            ends = group.scores[:, -1]
            axis.plot(ends, np.full(len(ends), row), color=COLOURS[0], marker="o", markersize=4, linestyle="none")
            axis.plot([np.median(ends)] * 2, [row - 0.3, row + 0.3], color=COLOURS[1], linestyle="-")
        for name, score in (references or {}).items():
            axis.axvline(score, color="0.6", linewidth=0.8, linestyle="-", zorder=0)
            axis.text(
                score, 1, name, rotation=90, ha="right", va="top", fontsize=7, transform=axis.get_xaxis_transform()
            )
        axis.set(title=title, xlabel="score at the end", ylim=(len(groups) - 0.5, -0.5))
        axis.set_yticks(range(len(groups)), [group.label for group in groups])
    return figure
