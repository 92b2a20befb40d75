"""Pictures of the LSTM's memory: what is left of what was written, and what can be learnt across a delay."""

import numpy as np

from .style import COLOURS, new_figure, styled

DASHES = {"notes": "-", "paper": "--"}


@styled
def plot_held(curves):
    """``curves``: dict gates -> dict reading -> (h_t (T,), ∂h_t/∂(what was written) (T,)); log-log over t + 1."""
    figure, axes = new_figure(1, 2, height=3.2)
    for colour, (gates, by_reading) in zip(COLOURS, curves.items()):
        for reading, both in by_reading.items():
            for axis, values in zip(axes, both):
                steps = np.arange(1, len(values) + 1)
                axis.loglog(steps, values, color=colour, linestyle=DASHES[reading], label=f"{reading}: {gates}")
    for axis, title in zip(axes, ("$h_t$", "$∂h_t\\,/\\,∂$ what was written")):
        axis.set(title=title, xlabel="steps since writing, t + 1", ylim=(1e-6, 2))
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside lower center", fontsize=8)
    return figure


@styled
def plot_recall(delays, shares):
    """``shares``: dict label -> share right (seeds, delays); medians as lines, one dot a seed."""
    figure, axis = new_figure(height=2.8)
    for number, (label, values) in enumerate(shares.items()):
        x = np.arange(len(delays)) + 0.06 * (number - (len(shares) - 1) / 2)
        (line,) = axis.plot(x, np.median(values, axis=0), linewidth=3 - number, label=label)
        axis.plot(np.tile(x, (len(values), 1)), values, marker="o", markersize=3, linestyle="", color=line.get_color())
    axis.axhline(0.5, color="0.7", linewidth=0.8, linestyle="-")
    axis.set(
        xlabel="delay (steps)",
        ylabel="share of bits right",
        ylim=(0.3, 1.03),
        title=f"after training; medians and {len(values)} seeds; grey: a blind guess",
    )
    axis.set_xticks(range(len(delays)), delays)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
