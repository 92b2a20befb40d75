"""Pictures of the fast way: bytes moved, scores of linear attention, certificates, agreement, matrices kept."""

import numpy as np

from .style import COLOURS, draw_matrix, large, new_figure, symmetric_bound


@large
def plot_traffic(counts):
    """``counts``: dict way -> kind -> (bytes, operations) per connection and step; one bar per way, stacked by kind."""
    figure, axes = new_figure(1, 2, height=2.3, sharey=True)
    ways = list(counts)
    for quantity, (axis, label) in enumerate(zip(axes, ("bytes read and written", "operations"))):
        left = np.zeros(len(ways))
        for kind, colour, hatch in zip(counts[ways[0]], COLOURS, ("", "///")):
            widths = np.array([counts[way][kind][quantity] for way in ways])
            axis.barh(ways, widths, left=left, height=0.6, label=kind, color=colour, edgecolor="white", hatch=hatch)
            left += widths
        axis.set(xlabel=label)
    axes[0].invert_yaxis()
    figure.supxlabel("per connection and step", fontsize=12)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@large
def plot_scores(scores, L):
    """Scores (T, T), row t and column s: all of them, and those inside chunks of L steps (outlined)."""
    figure, axes = new_figure(1, 2, height=3.3)
    chunk = np.arange(len(scores)) // L
    same = chunk[:, None] == chunk[None, :]
    bound = symmetric_bound(scores)
    parts = {"all pairs s < t": scores, f"pairs inside chunks of {L}": np.where(same, scores, 0)}
    for axis, (title, part) in zip(axes, parts.items()):
        image = draw_matrix(axis, part, bound, title, pre="t: $h_{t-1}$ asks", post="s: $h_{s-1}$ answers")
    for first in range(0, len(scores), L):
        near, far = first - 0.5, first + L - 0.5
        axes[1].plot([near, near, far, near], [near, far, far, near], color="black", linewidth=0.8, linestyle="-")
    figure.colorbar(image, ax=axes, shrink=0.8, label="$h_{s-1} \\cdot h_{t-1}$")
    return figure


@large
def plot_certificates(sizes, certified, L, bound):
    """Largest entry before Clip (T,) over the steps; chunks of L steps, shaded if not ``certified``."""
    figure, axis = new_figure(height=2.5)
    top = axis.get_xaxis_transform()  # x in steps, y from 0 to 1
    for number, yes in enumerate(certified):
        first, last = number * L - 0.5, (number + 1) * L - 0.5
        axis.axvspan(first, last, color="white" if yes else "0.88", linewidth=0)
        axis.axvline(last, color="white", linewidth=1, linestyle="-")
        axis.text((first + last) / 2, 1.02, "certified" if yes else "refused", ha="center", transform=top)
    axis.axhline(bound, color="0.5", linewidth=0.8, linestyle="-")
    axis.text(0, 1.02 * bound, "bound of Clip", va="bottom", color="0.4")
    axis.plot(sizes, marker="o", markersize=2.5)
    axis.set(xlabel="step t", ylabel="largest entry\nbefore Clip", xlim=(-0.5, len(sizes) - 0.5))
    return figure


@large
def plot_agreement(rows):
    """(share cut, share of steps in whole chunks, difference) of each network: one dot each."""
    figure, axis = new_figure(height=2.7)
    cut, whole, difference = rows.T
    groups = {"all steps in chunks": whole == 1, "some steps": (whole > 0) & (whole < 1), "no step": whole == 0}
    for (label, members), marker, colour in zip(groups.items(), "osx", COLOURS):
        heights = np.maximum(difference[members], 1e-17)  # a logarithm has no place for 0
        axis.scatter(cut[members], heights, s=18, marker=marker, color=colour, label=label)
    axis.set(yscale="log", xlabel="share of entries that Clip cuts", ylabel="largest relative difference")
    axis.legend()
    return figure


@large
def plot_matrices_kept(lengths, kept):
    """``kept``: dict label -> matrices after the forward pass, for each of ``lengths``; log-log."""
    figure, axis = new_figure(height=2.7)
    for label, numbers in kept.items():
        axis.plot(lengths, numbers, marker="o", markersize=3, label=label)
    axis.set(xscale="log", yscale="log", xlabel="steps T", ylabel="(N, N) matrices kept")
    axis.set_xticks(lengths, map(str, lengths))
    axis.minorticks_off()
    figure.legend(loc="outside upper center", ncols=3, fontsize=11)
    return figure
