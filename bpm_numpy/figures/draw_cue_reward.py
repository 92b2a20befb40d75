"""Figures of chapter 14: what a network reads in cue-reward association, and what M(t) and Hebb are worth to it."""

import numpy as np

from .style import NARROW, SIGNED, draw_median, looks, new_figure, styled


@styled
def plot_inputs(x, names):
    """x (T, D) of one episode, one row per input with its name, one column per step; red positive, blue negative."""
    figure, axis = new_figure(1, 1, height=3.2, width=NARROW)
    image = axis.imshow(x.T, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
    axis.set(xlabel="step t", yticks=range(len(names)))
    axis.set_yticklabels(names, fontsize=8)
    axis.xaxis.get_major_locator().set_params(integer=True)
    figure.colorbar(image, ax=axis, pad=0.02).set_label("x_t")
    return figure


@styled
def plot_modulator_after(groups, bins=40):
    """Histograms of M(t); ``groups``: dict of label -> values."""
    figure, axis = new_figure(1, 1, height=2.4, width=NARROW)
    edges = np.linspace(-1, 1, bins + 1)
    for label, values in groups.items():
        axis.hist(values, edges, density=True, histtype="step", linewidth=1.5, label=label)
    axis.set(xlabel="M(t)", ylabel="density", xlim=(-1, 1))
    axis.legend(title="reward read at t", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    return figure


@styled
def plot_interventions(scores, reference=0.0, score_label="score"):
    """One panel per network: median and quartiles over batches of each intervention's score; label -> name -> scores.

    ``reference``: the score at the grey line, chance by default.
    """
    figure, axes = new_figure(1, len(scores), height=2.5, width=6.2, sharex=True, sharey=True, squeeze=False)
    names = list(dict.fromkeys(name for of_network in scores.values() for name in of_network))
    look = looks(scores)
    for axis, (label, of_network) in zip(axes[0], scores.items()):
        colour = look[label]["color"]
        for name, values in of_network.items():
            first, median, third = np.quantile(values, (0.25, 0.5, 0.75))
            row = names.index(name)
            axis.plot([first, third], [row, row], color=colour, linestyle="-")
            axis.plot([median], [row], color=colour, marker="o")
        axis.axvline(reference, color="0.7", linewidth=0.8, linestyle="-")
        axis.set(title=label)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    figure.supxlabel(f"{score_label} (dot: median, line: quartiles of {len(values)} batches)", fontsize=9)
    return figure


@styled
def plot_by_decision(rewards, best):
    """Mean reward of an episode's k-th decision, as ``draw_median``; label -> (S, K).

    best (K,): the grey line, what a perfect memory would earn.
    """
    figure, axis = new_figure(1, 1, height=2.8, width=NARROW)
    axis.plot(np.arange(1, len(best) + 1), best, color="0.5", linestyle="-", linewidth=1, label="perfect memory")
    for (label, of), look in zip(rewards.items(), looks(rewards).values()):
        draw_median(axis, np.arange(1, of.shape[1] + 1), of, look, label)
    axis.set(xlabel="decision of the episode", ylabel="mean reward")
    axis.xaxis.get_major_locator().set_params(integer=True)
    title = "network (seeds); thick: median, band: quartiles, thin: one seed"
    axis.legend(title=title, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=8, title_fontsize=8)
    return figure
