"""Pictures of runs that are lost: in which order it happens, and what keeps them."""

import numpy as np

from .style import COLOURS, LINES, NARROW, looks, new_figure, styled

# Panel -> column of a curve -> what it is called in the picture.
PANELS = {
    "finds per episode": {"score": None},
    "norm of the gradient": {"gradient_norm": "mean", "largest_gradient": "largest"},
    "spectral radius": {"radius_plastic": "W̃ at the end", "radius_w": "w"},
    "share at the bound": {"saturated_hebb": "Hebb", "saturated_h": "h", "saturated_m": "M"},
}


@styled
def plot_lost_run(updates, columns, falls):
    """A run's curve, one panel per kind of column, and a line at the update ``falls``, where its score begins to fall.

    updates (R,); columns: dict of the names in PANELS -> (R,).
    """
    figure, axes = new_figure(len(PANELS), 1, height=6.4, width=NARROW, sharex=True)
    for axis, (title, names) in zip(axes, PANELS.items()):
        for (name, label), colour, line in zip(names.items(), COLOURS, LINES):
            axis.plot(updates, columns[name], color=colour, linestyle=line, label=label)
        axis.axvline(falls, color="0.5", linewidth=0.8, linestyle="-")
        axis.set_ylabel(title)
        if len(names) > 1:
            axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    axes[1].set_yscale("log")
    axes[-1].set_xlabel("update")
    return figure


@styled
def plot_remedies(finals, lines):
    """Scores at the end, one row per remedy: a mark per seed.

    finals: dict remedy -> dict network -> (S,); lines: dict name -> score, drawn from top to bottom.
    """
    networks = list(next(iter(finals.values())))
    figure, axis = new_figure(height=0.62 * len(finals) + 1.2, width=NARROW)
    for row, of in enumerate(finals.values()):
        for number, (network, colour) in enumerate((name, looks(networks)[name]["color"]) for name in networks):
            place = row + 0.3 * (number - (len(networks) - 1) / 2)
            label = network if row == 0 else None
            axis.plot(of[network], np.full(len(of[network]), place), "ox"[number], color=colour, label=label)
    for name, score in lines.items():
        axis.axvline(score, color="0.5", linewidth=0.8, linestyle="-")
        axis.text(score, len(finals) - 0.58, f" {name}", fontsize=8, color="0.4", va="bottom")
    axis.set_yticks(range(len(finals)), list(finals))
    axis.set(xlabel="finds per episode, last fifth of the updates", ylim=(len(finals) - 0.5, -0.5))
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, title="a mark per seed")
    return figure
