"""Figures of chapter 21: one episode of reversal learning, and how soon the reversal is over."""

import numpy as np

from .style import COLOURS, LINES, draw_seeds, large, looks, new_figure


@large
def plot_trials(chosen, rewards, reversal, chances):
    """One episode of M trials: the pattern ``chosen`` (M,), rewards (M,), the trial of the ``reversal``.

    ``chances``: name -> chance that pattern 1 is the better one before each trial (M,), a line each.
    """
    figure, (above, below) = new_figure(2, 1, height=4.0, sharex=True, height_ratios=(1, 2))
    trials = np.arange(len(chosen))
    for paid, marker, colour, label in ((1, "o", COLOURS[0], "paid"), (-1, "x", COLOURS[1], "did not pay")):
        of = rewards == paid
        above.plot(trials[of], chosen[of], marker, color=colour, markersize=5, linestyle="", label=label)
    above.set_yticks((0, 1), ("pattern 0", "pattern 1"))
    above.set_ylim(-0.5, 1.5)
    for (name, chance), line in zip(chances.items(), LINES):
        below.plot(trials, chance, color=COLOURS[2], marker="o", markersize=2.5, linestyle=line, label=name)
    below.axhline(0.5, color="0.7", linewidth=0.8, linestyle="-")
    below.set_xticks(trials[::3])
    below.set(xlabel="trial", ylabel="chance that\npattern 1 is better", ylim=(-0.05, 1.05))
    for axis in (above, below):
        axis.axvline(reversal - 0.5, color="0.4", linewidth=1, linestyle=":")
    figure.legend(loc="outside upper center", ncols=4, fontsize=11)
    return figure


@large
def plot_reversal(rules, networks, first, by_seed, levels):
    """Left: share of trials with the better pattern, counted from the reversal, from trial ``first`` (negative) on.

    ``rules`` in grey and ``networks`` in colour, name -> shares (K,). Right: ``by_seed``, label -> scores at the end
    (S,), a dot per seed and a line at the median; ``levels``: the scores of the rules.
    """
    figure, (left, right) = new_figure(1, 2, height=4.8, width_ratios=(3, 2))
    look = looks(networks)
    for (name, shares), line in zip(rules.items(), LINES):
        trials = first + np.arange(len(shares))
        left.plot(trials, shares, color="0.55", linestyle=line, linewidth=1, label=name)
        right.axhline(levels[name], color="0.55", linestyle=line, linewidth=1, zorder=0)
    for name, shares in networks.items():
        left.plot(trials, shares, label=name, **look[name])
    left.axvline(-0.5, color="0.4", linewidth=1, linestyle=":")
    left.set_xticks(trials[::2])
    left.set(xlabel="trial, counted from the reversal", ylabel="better pattern chosen", ylim=(0, 1.02))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=11)
    draw_seeds(right, by_seed)
    right.set(ylabel="score of the last third\n(dot: one seed, line: median)", ylim=(-0.5, 1.05))
    return figure
