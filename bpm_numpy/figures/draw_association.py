"""Figures of chapters 15 and 16 that show how far runs of several seeds lie apart."""

import numpy as np

from .style import NARROW, looks, new_figure, styled


@styled
def plot_final_scores(panels, references=None):
    """Where every seed ended: one row per network, a dot per seed, a bar at their median.

    ``panels``: title -> list of ``runs.Group``; ``references``: name -> score, a grey line with its name above.
    """
    figure, axes = new_figure(1, len(panels), height=2.6, width=NARROW, sharex=True, squeeze=False)
    for axis, (title, groups) in zip(axes[0], panels.items()):
        look = looks([group.label for group in groups])
        for row, group in enumerate(groups):
            colour = look[group.label]["color"]
            ends = group.scores[:, -1]
            axis.plot(ends, np.full(len(ends), row), color=colour, marker="o", markersize=5, linestyle="none")
            axis.plot([np.median(ends)] * 2, [row - 0.3, row + 0.3], color="black", linewidth=1, linestyle="-")
        for name, score in (references or {}).items():
            axis.axvline(score, color="0.6", linewidth=0.8, linestyle="-", zorder=0)
            axis.text(score, 1, name, ha="center", va="bottom", fontsize=8, transform=axis.get_xaxis_transform())
        axis.set(xlabel="score at the end (dot: one seed, bar: median)", ylim=(len(groups) - 0.5, -0.5))
        axis.set_title(title, pad=16 if references else 6)
        axis.set_yticks(range(len(groups)), [group.label for group in groups])
    return figure
