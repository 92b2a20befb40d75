"""Pictures of the clip: the function, its kinks, and what it does to a network."""

import numpy as np

from .style import COLOURS, LINES, draw_band, large, new_figure


@large
def plot_clip(u, clipped, slope, bound):
    """Clip(u) and its derivative, each (K,); at the bound a full dot marks the value, an empty one what it is not."""
    figure, (left, right) = new_figure(1, 2, height=2.4)
    left.plot(u, clipped)
    left.set(xlabel="u", ylabel="Clip(u)")
    for part in (u < -bound, np.abs(u) <= bound, u > bound):
        right.plot(u[part], slope[part], color=COLOURS[0], linestyle="-")
    ends = (-bound, bound)
    right.plot(ends, (1, 1), "o", color=COLOURS[0], linestyle="none")
    right.plot(ends, (0, 0), "o", color=COLOURS[0], markerfacecolor="white", linestyle="none")
    right.set(xlabel="u", ylabel="Clip'(u)", ylim=(-0.1, 1.1))
    return figure


@large
def plot_kinks(values, losses, slopes, differences, kinks, name):
    """A loss along one number, its slope by backward and by central differences, each (K,); a line at each kink."""
    figure, (above, below) = new_figure(2, 1, height=3.6, sharex=True)
    for axis in (above, below):
        for kink in kinks:
            axis.axvline(kink, color="0.8", linewidth=0.8, linestyle="-")
    above.plot(values, losses)
    above.set(ylabel="L", title="grey lines: Clip starts or stops cutting an entry")
    edges = np.searchsorted(values, kinks)
    for part in np.split(np.arange(len(values)), edges):
        (line,) = below.plot(values[part], slopes[part], color=COLOURS[0], linestyle=LINES[0])
    line.set_label("backward")
    below.plot(values, differences, color=COLOURS[1], linestyle=LINES[1], label="central difference")
    below.set(xlabel=name, ylabel=f"slope of L in {name}")
    below.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.3))
    return figure


@large
def plot_growth(measured):
    """mean |Hebb(t)|, mean |h| and the norm of dL/dh over t; ``measured``: clip -> ch03_clip.Growth.

    The line is the median over networks, the band the middle half.
    """
    figure, axes = new_figure(1, 3, height=3.4)
    labels = "mean $|\\mathrm{Hebb}(t)|$", "mean $|h_{t-1}|$", "norm of $dh_{t-1}$"
    for number, (clip, curves) in enumerate(measured.items()):
        label = "no clip" if np.isinf(clip) else f"clip {clip:g}"
        for axis, values in zip(axes, curves):
            steps = range(values.shape[1] - 1)
            draw_band(axis, steps, values[:, :-1], color=COLOURS[number], linestyle=LINES[number], label=label)
    for axis, label in zip(axes, labels):
        axis.set(xlabel="step t", title=label)
    number = len(next(iter(measured.values())).hebb)
    marks, names = axes[0].get_legend_handles_labels()
    title = f"median of {number} networks, band: middle half"
    figure.legend(marks, names, loc="outside lower center", ncols=2, title=title)
    axes[2].set_yscale("log")
    return figure


@large
def plot_dominance(random, trained):
    """|alpha ⊗ Hebb| beside |w| against its limit |alpha| clip beside |w|.

    ``random``: a ch03_clip.Dominance of arrays (scales, networks), drawn as median and middle half; ``trained``:
    clip -> (before, after), drawn as arrows.
    """
    figure, axis = new_figure(height=5.4)
    limit = np.median(random.limit, axis=1)
    axis.plot(limit, limit, color="0.6", linewidth=0.8, linestyle=":", label="the limit, for all networks")
    draw_band(axis, limit, random.share.T, color=COLOURS[0], linestyle="-", label="random networks (median)")
    axis.axhline(1, color="0.8", linewidth=0.8, linestyle="-")
    axis.axvline(1, color="0.8", linewidth=0.8, linestyle="-")
    for number, (clip, (before, after)) in enumerate(trained.items(), start=1):
        axis.plot(*before[:2], "o", color=COLOURS[number], markerfacecolor="white")
        axis.plot(*after[:2], "o", color=COLOURS[number], label=f"○ before, ● after training, clip {clip:g}")
        axis.annotate("", after[:2], before[:2], arrowprops={"arrowstyle": "->", "color": COLOURS[number]})
    axis.set(xscale="log", yscale="log")
    axis.set(xlabel="|α| clip / |w|   (root mean squares)", ylabel="|α ⊗ Hebb| / |w|   (root mean squares)")
    left = axis.get_xlim()[0]
    axis.annotate("↑ plastic part larger", (left, 1), (4, 4), textcoords="offset points")
    axis.annotate("↓ w larger", (left, 1), (4, -15), textcoords="offset points")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.01))
    return figure
