"""Figures of chapter 22: values learnt by errors of prediction, and which pairs a network is right about."""

import numpy as np

from .style import draw_seeds, large, looks, new_figure


@large
def plot_values(values, rounds):
    """``values`` (K+1, items), before and after each of K taught pairs: a line per item, darker the earlier it is."""
    figure, axis = new_figure(1, 1, height=3.2)
    last, n = len(values) - 1, values.shape[1]
    place = np.inf
    for item in range(n):
        axis.plot(values[:, item], color=str(0.7 * item / (n - 1)), linestyle="-")
        place = min(values[-1, item], place - 0.06 * np.ptp(values))  # below the name before
        axis.text(last + 0.3, place, f"item {item}", va="center", fontsize=11)
    for border in np.linspace(0, last, rounds + 1)[1:-1]:
        axis.axvline(border, color="0.7", linewidth=0.8, linestyle=":")
    axis.set(xlabel="pairs taught (dotted: a round is over)", ylabel="value, mean", xlim=(0, last + 2.5))
    return figure


@large
def plot_distances(rules, networks, by_seed, levels):
    """Left: scores by distance, 1 for neighbours: of ``rules`` in grey, name -> (K,), and of ``networks``.

    networks: label -> (S, K), a thin line per seed and a thick one at the median. Right: ``by_seed``, label -> scores
    on pairs never shown (S,), a dot per seed and a line at the median; ``levels``: those of the rules.
    """
    figure, (left, right) = new_figure(1, 2, height=4.4, width_ratios=(3, 2))
    look = looks(networks)
    for name, line in zip(rules, ("-", "--")):
        distances = 1 + np.arange(len(rules[name]))
        left.plot(distances, rules[name], color="0.55", linestyle=line, linewidth=1, label=name)
        right.axhline(levels[name], color="0.55", linestyle=line, linewidth=1, zorder=0)
    for name, scores in networks.items():
        left.plot(distances, scores.T, color=look[name]["color"], linewidth=0.4, alpha=0.6, linestyle="-")
        left.plot(distances, np.median(scores, axis=0), label=name, **look[name])
    left.set_xticks(distances)
    left.set(xlabel="distance in the order", ylabel="score (0 chance, 1 all)", ylim=(None, 1.05))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=11)
    draw_seeds(right, by_seed)
    right.set(ylabel="score on pairs never shown\n(dot: one seed, line: median)", ylim=(None, 1.05))
    return figure


@large
def plot_pairs(panels):
    """One panel per name: the share of right answers about items i and j, (n, n), i the earlier one; NaN is blank."""
    figure, axes = new_figure(1, len(panels), height=2.9, squeeze=False, sharey=True)
    for axis, (title, shares) in zip(axes[0], panels.items()):
        image = axis.imshow(shares, cmap="viridis", vmin=0.5, vmax=1, interpolation="nearest")
        axis.set(title=title, xlabel="later item", xticks=range(0, len(shares), 2), yticks=range(0, len(shares), 2))
    axes[0, 0].set_ylabel("earlier item")
    figure.colorbar(image, ax=axes, shrink=0.75).set_label("right answers")
    return figure
