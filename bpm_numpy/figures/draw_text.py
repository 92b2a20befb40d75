"""Figures of chapter 19: how every seed learns, what an object costs in each sentence, what is foretold, and m_j(t)."""

import numpy as np
from matplotlib.patches import Rectangle

from .style import COLOURS, SIGNED, large, looks, new_figure


@large
def plot_seeds(groups, floors, score_label, live=None, view=None):
    """How every seed learns: one panel per ``runs.Group``, a thin line per seed; grey: name -> score in ``floors``.

    live: a Group of one run, thick, in the panel of its label; view: lowest and highest score that is shown, with an
    arrow to where a run ends that leaves them.
    """
    columns = int(np.ceil(np.sqrt(len(groups))))
    rows = -(-len(groups) // columns)
    figure, axes = new_figure(rows, columns, height=2.2 * rows + 0.5, sharex=True, sharey=True, squeeze=False)
    panels = axes.ravel()
    for axis in panels[len(groups) :]:
        axis.set_axis_off()
    look = looks([group.label for group in groups])
    for place, (axis, group) in enumerate(zip(panels, groups)):
        axis.set_title(",\n".join(group.label.rsplit(", ", 1)), fontsize=11)
        colour = look[group.label]["color"]
        for scores in group.scores:
            axis.plot(group.updates, scores, color=colour, linestyle="-", linewidth=0.8)
            if view and scores[-1] > view[1]:
                leaves = group.updates[np.flatnonzero(scores <= view[1])[-1]]
                axis.text(leaves, view[1], f"↑ {scores[-1]:.1f}", color=colour, fontsize=10, va="top")
        if live is not None and live.label == group.label:
            axis.plot(live.updates, live.scores[0], color="black", linestyle="-", linewidth=3, alpha=0.4, zorder=0)
        for name, value in floors.items():
            axis.axhline(value, color="0.6", linewidth=0.8, linestyle="-", zorder=0)
            if place % columns == columns - 1 or place == len(groups) - 1:  # the last of its row
                beside = {"transform": axis.get_yaxis_transform(), "va": "center", "fontsize": 10, "color": "0.35"}
                axis.text(1.03, value, name, **beside).set_in_layout(place % columns == columns - 1)
        if place % columns == 0:
            axis.set_ylabel(score_label)
        if place + columns >= len(groups):  # nothing below
            axis.set_xlabel("update")
            axis.tick_params(labelbottom=True)
    if view:
        panels[0].set_ylim(view)
    return figure


@large
def plot_objects(exact, measured):
    """Bits that the object of sentence 1, 2, ... costs: name -> (S,), exact ones grey, measured ones in colour."""
    figure, axis = new_figure(height=4.2)
    for values, line in zip(exact.values(), ("-", "--", "-.", ":")):
        axis.plot(range(1, len(values) + 1), values, color="0.55", linestyle=line, linewidth=1)
    for name, values in exact.items():
        axis.text(len(values) + 0.4, values[-1], name, va="center", fontsize=10, color="0.35")
    look = looks(measured)
    for number, (label, values) in enumerate(measured.items()):
        shifted = np.arange(1, len(values) + 1) + 0.08 * (number - (len(measured) - 1) / 2)  # side by side
        marker = {"marker": "os^DvPX"[number], "markersize": 4, "linestyle": "none"}
        axis.plot(shifted, values, label=label, color=look[label]["color"], **marker)
    axis.set(
        xlabel="sentence",
        ylabel="bits of its object",
        ylim=(-0.05, None),
        xlim=(0.6, len(next(iter(exact.values()))) + 0.3),
    )
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=10)
    return figure


@large
def plot_foretold(chances, objects, asked, right):
    """Chances (S, O) of each object where one is due, one column per sentence ``asked`` (S,); ``right`` (S,) is framed.

    right: the object's number, or -1 where nobody can know it.
    """
    figure, axis = new_figure(height=3.0)
    image = axis.imshow(chances.T, cmap="cividis", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    for s, number in enumerate(right):
        if number >= 0:
            axis.add_patch(Rectangle((s - 0.5, number - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2))
    axis.set_xticks(range(len(asked)), asked, rotation=30, ha="right")
    axis.set_yticks(range(len(objects)), objects)
    axis.set(xlabel="sentence: its name", ylabel="object")
    figure.colorbar(image, ax=axis, pad=0.02).set_label("P(object)")
    return figure


@large
def plot_reach(m, kinds, bound):
    """What M(t) comes to at the neurons: title -> m (K, N), means at each of the K ``kinds`` of word, one row per kind.

    The neurons of each panel are sorted by their value in the first row; beyond ±bound the colours stay the same.
    """
    figure, axes = new_figure(1, len(m), height=2.1, sharey=True, squeeze=False)
    for axis, (title, values) in zip(axes[0], m.items()):
        ordered = values[:, np.argsort(values[0], kind="stable")]  # (K, N)
        image = axis.imshow(ordered, cmap=SIGNED, vmin=-bound, vmax=bound, interpolation="nearest", aspect="auto")
        axis.set(title=title, xlabel="neuron, sorted by row 1", xticks=[])
        axis.set_yticks(range(len(kinds)), kinds)
    figure.colorbar(image, ax=axes, pad=0.02, extend="both").set_label("mean of $m_j(t)$")
    return figure
