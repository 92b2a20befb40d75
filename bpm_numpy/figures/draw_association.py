"""Figures of chapters 15 and 16: how far runs of several seeds lie apart, and two layouts of one task."""

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


@styled
def plot_two_layouts(together, shares, every=10):
    """Left: the score of recorded ``runs.Group``s. Right: of runs with cue and label a step apart, from ``shares``.

    ``shares``: label -> share of right answers of each batch (runs, updates), two labels; its mean over ``every``
    updates is scaled as a score. A thin line per run, a thick one for the median.
    """
    figure, (left, right) = new_figure(1, 2, height=3.0, width=NARROW, sharey=True)
    look = looks([group.label for group in together])
    for group in together:
        _draw_runs(left, group.updates, group.scores, group.label, look)
    for label, runs in shares.items():
        means = runs[:, : runs.shape[1] // every * every].reshape(len(runs), -1, every).mean(axis=2)
        _draw_runs(right, every * (np.arange(means.shape[1]) + 0.5), 2 * means - 1, label, look)
    left.set(
        title="cue and label in one step", xlabel="update", ylabel="score (0 chance, 1 all right)", ylim=(-0.15, 1)
    )
    right.set(title="label one step after its cue", xlabel="update")
    title = f"thick: median of {len(together[0].scores)} (left), {len(runs)} (right) seeds; thin: one seed"
    handles = left.get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=8, title=title, title_fontsize=8)
    return figure


def _draw_runs(axis, updates, scores, label, look):
    axis.plot(updates, np.median(scores, axis=0), label=label, **look[label])
    for run in scores:
        axis.plot(updates, run, color=look[label]["color"], linewidth=0.4, linestyle="-", alpha=0.6)
