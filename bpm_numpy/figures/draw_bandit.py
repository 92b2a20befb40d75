"""Figures of chapter 17: an episode of the bandit, what not knowing the best arm costs, and what a network counts."""

import numpy as np

from .style import COLOURS, LINES, draw_seeds, large, looks, new_figure


@large
def plot_pulls(actions, rewards, best, evidence):
    """One episode of two arms: actions, rewards (T,), the number of the best arm, and n before each pull (T,)."""
    figure, (above, below) = new_figure(2, 1, height=3.3, sharex=True, height_ratios=(1, 2))
    steps = np.arange(len(actions))
    for paid, marker, colour, label in ((1, "o", COLOURS[0], "paid"), (0, "x", COLOURS[1], "did not pay")):
        of = rewards == paid
        above.plot(steps[of], actions[of], marker, color=colour, markersize=5, linestyle="", label=label)
    above.set_yticks((0, 1), [f"arm {arm}{' (best)' if arm == best else ''}" for arm in (0, 1)])
    above.set_ylim(1.5, -0.5)
    figure.legend(loc="outside upper center", ncols=2)
    below.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
    below.plot(steps, evidence, drawstyle="steps-mid")
    below.set(xlabel="step t", ylabel="evidence n\nfor arm 0")
    return figure


@large
def plot_regret(rules, networks, by_seed):
    """What an episode loses. Left: name -> regret of each step (T,), summed up over the steps, rules in grey.

    Right: ``by_seed``, label -> regret of an episode (S,), a dot a seed and a line at the median.
    """
    figure, (left, right) = new_figure(1, 2, height=4.3, width_ratios=(3, 2))
    for (name, regret), line in zip(rules.items(), LINES):
        left.plot(np.concatenate([[0.0], regret.cumsum()]), color="0.55", linestyle=line, linewidth=1, label=name)
    look = looks(networks)
    for name, regret in networks.items():
        left.plot(np.concatenate([[0.0], regret.cumsum()]), label=name, **look[name])
    left.set(xlabel="pulls", ylabel="regret so far, mean", ylim=(0, None))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=11)
    draw_seeds(right, by_seed)
    right.set(ylabel="regret per episode\n(dot: one seed, line: median)", ylim=(0, None))
    return figure


@large
def plot_evidence(preferences, evidence, slope):
    """A panel a network: logit of arm 0 less that of arm 1 at each n, medians and quartiles over episodes and steps.

    preferences, evidence: label -> (T, B); ``slope``: of the log odds in n, the dashed line.
    """
    figure, axes = new_figure(1, len(preferences), height=2.8, sharex=True, sharey=True, squeeze=False)
    look = looks(preferences)
    for axis, (label, preference) in zip(axes[0], preferences.items()):
        colour = look[label]["color"]
        n = evidence[label]
        present = [value for value in np.unique(n) if (n == value).sum() >= 20]
        quartiles = np.array([np.quantile(preference[n == value], (0.25, 0.5, 0.75)) for value in present])
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        axis.plot(present, quartiles[:, 1], color=colour, marker="o", markersize=2.5, linestyle="-")
        axis.fill_between(present, quartiles[:, 0], quartiles[:, 2], color=colour, alpha=0.2, linewidth=0)
        axis.axline((0, 0), slope=slope, color="0.4", linestyle="--", linewidth=1)
        axis.set(title=label, xlabel="evidence n")
    axes[0, 0].set_ylabel("logit of arm 0\nless that of arm 1")
    return figure


@large
def plot_modulator(panels):
    """A panel a network: mean M(t) over the steps; network -> label of what was read -> (T,), NaN for never."""
    figure, axes = new_figure(1, len(panels), height=3.1, sharex=True, sharey=True, squeeze=False)
    for axis, (title, groups) in zip(axes[0], panels.items()):
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        for label, means in groups.items():
            axis.plot(means, label=label)
        axis.set(title=title, xlabel="step t", ylim=(-1.05, 1.05))
    axes[0, 0].set_ylabel("mean M(t)")
    handles = axes[0, -1].get_legend_handles_labels()
    figure.legend(*handles, title="read at t", loc="outside upper center", ncols=4, fontsize=10)
    return figure
