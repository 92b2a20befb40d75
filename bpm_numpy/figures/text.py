"""Figures of chapter 17: what an object costs in each sentence, and what is foretold where one is due."""

import numpy as np
from matplotlib.patches import Rectangle

from .style import COLOURS, new_figure, styled


@styled
def plot_objects(exact, measured):
    """Bits that the object of sentence 1, 2, ... costs: name -> (S,), exact ones grey, measured ones in colour."""
    figure, axis = new_figure(height=2.8)
    for values, line in zip(exact.values(), ("-", "--", ":")):
        axis.plot(range(1, len(values) + 1), values, color="0.55", linestyle=line, linewidth=1)
    for name, values in exact.items():
        axis.text(len(values) + 0.4, values[-1], name, va="center", fontsize=7, color="0.35")
    for number, (label, values) in enumerate(measured.items()):
        shifted = np.arange(1, len(values) + 1) + 0.08 * (number - (len(measured) - 1) / 2)  # side by side
        look = {"color": COLOURS[number], "marker": "os^DvP"[number], "markersize": 4, "linestyle": "none"}
        axis.plot(shifted, values, label=label, **look)
    axis.set(
        xlabel="sentence",
        ylabel="bits of its object",
        ylim=(-0.05, None),
        xlim=(0.6, len(next(iter(exact.values()))) + 0.3),
    )
    axis.legend(loc="center left", bbox_to_anchor=(1.18, 0.5), fontsize=7)
    return figure


@styled
def plot_foretold(chances, objects, asked, right):
    """Chances (S, O) of each object where one is due, a column a sentence ``asked`` (S,); ``right`` (S,) is framed.

    right: the object's number, or -1 where nobody can know it.
    """
    figure, axis = new_figure(height=2.6)
    image = axis.imshow(chances.T, cmap="cividis", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    for s, number in enumerate(right):
        if number >= 0:
            axis.add_patch(Rectangle((s - 0.5, number - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2))
    axis.set_xticks(range(len(asked)), asked, rotation=30, ha="right")
    axis.set_yticks(range(len(objects)), objects)
    axis.set(xlabel="sentence: its name", ylabel="object")
    figure.colorbar(image, ax=axis, pad=0.02).set_label("P(object)")
    return figure
