"""Pictures of the modulator M(t): whom it can reach, what it lets in, and what it is worth."""

import numpy as np

from .style import COLOURS, LINES, draw_matrix, large, new_figure, symmetric_bound

GREY = "0.45"


@large
def plot_influence(influence):
    """∂(sum of the logits of step t)/∂M(s) (T, T), [s, t], on a symmetric scale; a line marks the diagonal."""
    figure, (axis, bar) = new_figure(1, 2, height=4.4, width_ratios=(30, 1))
    image = draw_matrix(axis, influence, symmetric_bound(influence), pre="step s of M(s)", post="step t of the logits")
    T = len(influence)
    axis.plot([-0.5, T - 0.5], [-0.5, T - 0.5], color=GREY, linewidth=0.8, linestyle="-")
    axis.set_xticks(range(T))
    axis.set_yticks(range(T))
    axis.text(0.25 * T, 0.75 * T, "not later than s:\nno influence", ha="center", va="center", color=GREY)
    figure.colorbar(image, cax=bar)
    axis.set_title("influence: ∂(sum of the logits of step t) / ∂M(s)")
    return figure


@large
def plot_four_modulators(m, values, slopes):
    """M and dM/dm over m (K,): ``values`` and ``slopes`` are dicts name -> (K,)."""
    figure, axes = new_figure(1, 2, height=3.6)
    for axis, curves, title in zip(axes, (values, slopes), ("M", "slope, dM / dm")):
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        for number, (name, curve) in enumerate(curves.items()):
            axis.plot(m, curve, color=COLOURS[number], linestyle=LINES[number], linewidth=2, label=name)
        axis.set(xlabel="m", title=title, ylim=(-1.7, 2.1), xlim=(m[0], m[-1]))
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=4, loc="outside lower center", columnspacing=1.2)
    return figure


@large
def plot_learning_curves(curves, chance, every=10):
    """``curves``: name -> share right (seeds, updates), means of ``every`` updates: a thin line per seed, their median
    thick and named. ``chance``: what a blind guess gets.
    """
    figure, axis = new_figure(height=3.5)
    for number, (name, runs) in enumerate(curves.items()):
        means = runs[:, : runs.shape[1] // every * every].reshape(len(runs), -1, every).mean(axis=2)  # (seeds, points)
        updates = every * (np.arange(means.shape[1]) + 0.5)
        look = {"color": COLOURS[number], "linestyle": LINES[number]}
        axis.plot(updates, means.T, linewidth=0.8, alpha=0.6, **look)
        middle = np.median(means, axis=0)
        axis.plot(updates, middle, linewidth=2.5, **look)
        axis.text(updates[-1] + every, middle[-1], name, color=COLOURS[number], va="center")
    last = runs.shape[1]
    axis.plot([0, last], [chance, chance], color=GREY, linewidth=1, linestyle=":")
    axis.text(last, chance - 0.03, "a blind guess", color=GREY, va="top", ha="right")
    axis.spines["bottom"].set_bounds(0, last)
    axis.set(
        xlabel=f"update (thin: each of {len(runs)} seeds, thick: their median)",
        ylabel="share of right answers",
        ylim=(0, 1.03),
        xlim=(0, 1.35 * last),
        xticks=np.linspace(0, last, 5),
    )
    return figure


@large
def plot_modulator_by_label(percentiles):
    """One panel a network: ``percentiles`` (networks, 2, 3, labels), 10th, 50th, 90th of M, unflagged and flagged."""
    figure, axes = new_figure(1, len(percentiles), height=3.0, sharey=True)
    for number, (axis, panel) in enumerate(zip(axes, percentiles)):
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        for (low, middle, high), name, marker, shift in zip(panel, ("unflagged", "flagged"), "so", (-0.12, 0.12)):
            x = np.arange(len(middle)) + shift
            axis.errorbar(x, middle, (middle - low, high - middle), fmt=marker, markersize=5, label=name)
        axis.set(title=f"seed {number}", xlabel="label shown", xticks=range(panel.shape[-1]), ylim=(-1.1, 1.1))
    axes[0].set_ylabel("M(t)")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="outside lower center")
    return figure


@large
def plot_written(names, modulator, hebb, flagged):
    """What was read (T names), M(t) (T,), and the size of each change of hebb (T+1, N, N); flagged (T,) stands out."""
    figure, (above, below) = new_figure(2, 1, height=4.4, sharex=True)
    written = np.linalg.norm(np.diff(hebb, axis=0), axis=(1, 2))  # (T,)
    steps = np.arange(len(names))
    for axis, values in ((above, modulator), (below, written)):
        for here, colour, name in ((flagged, COLOURS[1], "a flagged label"), (~flagged, COLOURS[0], "all other steps")):
            axis.bar(steps[here], values[here], color=colour, label=name)
    above.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
    above.set(title="M(t)", ylim=(-1.05, 1.05))
    above.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))
    above.title.set_position((0, 1))
    above.title.set_ha("left")
    below.set(title="how much is written: the norm of Hebb(t+1) − Hebb(t)", xlabel="what step t reads")
    below.set_xticks(steps, names)
    return figure
