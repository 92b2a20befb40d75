"""Pictures of the eligibility E(t): its Taylor series, its trace, and what a late reward can still reach."""

import numpy as np

from .style import new_figure, styled


@styled
def plot_truncation_error(radii, errors):
    """Errors (3, R) of the series cut after order 0, 1 and 2, at distances ``radii`` (R,) from the origin; log-log."""
    figure, axis = new_figure(height=2.8)
    for order, error in enumerate(errors):
        slope = np.polyfit(np.log(radii[: len(radii) // 2]), np.log(error[: len(radii) // 2]), 1)[0]
        axis.loglog(radii, error, marker="o", markersize=3, label=f"cut after order {order}: slope {slope:.2f}")
    axis.set(xlabel="r: the series is compared with E at (r h, r p)", ylabel="largest error of an entry of E")
    axis.legend()
    return figure


@styled
def plot_impulse_responses(responses):
    """``responses``: dict eta -> E(t) (T,) after one product X_0 = 1. Left 0 ≤ eta ≤ 1, right all other eta."""
    figure, axes = new_figure(1, 2, height=2.8)
    inside = {eta: response for eta, response in responses.items() if 0 <= eta <= 1}
    outside = {eta: response for eta, response in responses.items() if eta not in inside}
    for axis, part, title in zip(axes, (inside, outside), ("0 ≤ η ≤ 1: fades", "η outside [0, 1]")):
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        for eta, response in part.items():
            axis.plot(response, marker="o", markersize=2.5, label=f"η = {eta}")
        axis.set(title=title, xlabel="step t")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(ncols=4, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.22))
    axes[0].set_ylabel("E(t) after $X_0 = 1$")
    return figure


@styled
def plot_late_reward(delays, quiet, busy):
    """Recall by delay: ``quiet`` dict label -> strength (K,), ``busy`` dict label -> share right (seeds, K)."""
    figure, (left, right) = new_figure(1, 2, height=3.1)
    for label, strength in quiet.items():
        left.plot(delays, strength, marker="o", markersize=2.5, label=label)
    left.set(
        title="nothing happens in between", xlabel="delay k of the verdict (steps)", ylabel="strength of the recall"
    )
    for shares in busy.values():
        low, middle, high = np.quantile(shares, (0.25, 0.5, 0.75), axis=0)
        (line,) = right.plot(delays, middle, marker="o", markersize=2.5)
        right.fill_between(delays, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    right.axhline(0.5, color="0.7", linewidth=0.8, linestyle="-")
    seeds = len(next(iter(busy.values())))
    title = f"another pairing at every step\n(median and quartiles of {seeds} seeds; ½ is chance)"
    right.set(title=title, xlabel="delay k of the verdict (steps)", ylabel="share of label bits right")
    figure.legend(*left.get_legend_handles_labels(), ncols=3, loc="outside lower center", fontsize=8)
    return figure


@styled
def plot_learnt_eta(etas):
    """``etas``: dict delay k -> eta after each update (U,); the thin lines are 1 / (k + 1)."""
    figure, axis = new_figure(height=2.5)
    for delay, values in etas.items():
        (line,) = axis.plot(values, label=f"k = {delay}")
        axis.axhline(1 / (delay + 1), color=line.get_color(), linewidth=0.7, linestyle="-", alpha=0.6)
    axis.set(xlabel="update", ylabel="η", ylim=(0, None))
    axis.legend(ncols=len(etas), loc="upper right")
    return figure
