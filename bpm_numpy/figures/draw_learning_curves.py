"""How runs learn: the score over the updates, a thin line per seed, median and quartiles of the seeds."""

import textwrap

import numpy as np

from ..tasks import TASKS
from .style import NARROW, draw_median, looks, new_figure, styled

LONG = 35  # characters of a label, from which on it has a line of the legend, or more, for itself
WIDE = 80  # characters in a line of the legend


@styled
def plot_learning_curves(groups):
    """One panel per task and setting. Per ``runs.Group``: a thin line per seed, their median, a band of quartiles."""
    panels = {}
    for group in groups:
        panels.setdefault((group.task, group.setting), []).append(group)
    folded = {group.label: textwrap.fill(group.label, WIDE) for group in groups if len(group.label) > LONG}
    lines = sum(text.count("\n") + 1 for text in folded.values())
    height = 3.2 * len(panels) + 0.16 * lines
    figure, axes = new_figure(len(panels), 1, height=height, width=NARROW, squeeze=False)
    for axis, ((task, setting), members) in zip(axes[:, 0], panels.items()):
        look = looks([group.label for group in members])
        for group in members:
            label = folded.get(group.label, group.label)
            draw_median(axis, group.updates, group.scores, look[group.label], label)
        axis.set(xlabel="update", ylabel=TASKS[task].score_label)
        if len({group.updates[-1] for group in members}) > 1:  # or the shortest would be squeezed to a line
            axis.set_xscale("log")
        axis.set_title(f"{task}, {setting}", pad=4)
        _leave(axis, members, look)
        several = max(len(group.scores) for group in members) > 1
        axis.legend(
            title="network (seeds)" + "; thick: median, band: quartiles, thin: one seed" * several,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.08),
            ncols=_columns([group.label for group in members]),
            fontsize=8,
            title_fontsize=8,
        )
    return figure


def _columns(labels):
    """Of the legend."""
    longest = max(map(len, labels))
    return 1 if longest > LONG else 2 if longest > 12 or len(labels) == 4 else 3


def _leave(axis, members, look):
    """Cut off runs that end far outside of all bands, which would squeeze the rest, and write where they end."""
    bands = np.concatenate([np.quantile(group.scores, (0.25, 0.75), axis=0).ravel() for group in members])
    low, high = bands.min(), bands.max()
    span = high - low
    for group in members:
        for scores in group.scores[np.abs(group.scores[:, -1] - (low + high) / 2) > max(1.5 * span, 1e-9)]:
            axis.set_ylim(low - 0.1 * span, high + 0.1 * span)
            up = scores[-1] > high
            inside = np.flatnonzero((low <= scores) & (scores <= high))
            last = group.updates[inside[-1] if len(inside) else 0]
            place = {"va": "top", "y": high + 0.1 * span} if up else {"va": "bottom", "y": low - 0.1 * span}
            text = f"{'↑' if up else '↓'} {scores[-1]:.1f}"
            axis.text(last, s=text, color=look[group.label]["color"], fontsize=8, **place)
