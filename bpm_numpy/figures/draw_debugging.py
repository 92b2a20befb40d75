"""Pictures of what a gradient check can see of a mistake."""

import numpy as np

from .style import COLOURS, LINES, large, new_figure

FLOOR = 1e-16  # an error of 0 stands here


@large
def plot_by_size(sizes, errors):
    """``errors``: dict name -> relative error (S,) of a mistaken gradient at each of ``sizes`` (S,), 0 to 2."""
    figure, axis = new_figure(height=3.2)
    axis.axhspan(FLOOR / 30, 1e-5, color="0.93")
    axis.text(sizes[0], 1e-9, "central differences do not see this", va="center", color="0.4")
    for (name, values), colour, line in zip(errors.items(), COLOURS, LINES):
        values = np.maximum(values, FLOOR)
        axis.loglog(sizes, values, line, marker="o", markersize=4, color=colour)
        rising = 10 * values[0] < values[3]  # then there is room below the line
        axis.text(sizes[3], values[3] * (0.2 if rising else 8), name, color=colour, va="top" if rising else "bottom")
    axis.set(xlabel="size of the weights", ylabel="relative error", ylim=(FLOOR / 30, 1e3))
    axis.set_yticks((FLOOR, 1e-10, 1e-5, 1), ("none", "$10^{-10}$", "$10^{-5}$", "1"))
    axis.minorticks_off()
    axis.set_xticks((0.01, 0.1, 1), ("0.01", "0.1", "1"))
    return figure
