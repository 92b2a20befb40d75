"""Pictures of the eligibility E(t): its Taylor series, its trace, what a late reward can still reach, other rules."""

import numpy as np

from .style import COLOURS, LINES, large, new_figure

GREY = "0.45"
# 1 is the outer product, 0.1 the first trace: the colours of "simple" and "retroactive" in style.NETWORKS.
COLOUR_OF_ETA = {1.0: COLOURS[2], 0.1: COLOURS[3], 0.3: COLOURS[5], 0.7: COLOURS[6]}


@large
def plot_verdict(delay, eta):
    """A time line: cue, label, and ``delay`` steps after it the verdict; below, the weight that the product X of each
    step has in E at the verdict, for the outer product and for the trace.
    """
    figure, (line, outer, trace) = new_figure(3, 1, height=5.0, sharex=True, height_ratios=(1, 1, 1))
    last = delay + 1
    steps = np.arange(last + 1)
    line.plot([-0.4, last + 0.4], [0, 0], color=GREY, linewidth=1, linestyle="-", zorder=1)
    line.plot(steps, 0 * steps, "o", color="white", markeredgecolor=GREY, markersize=12, zorder=2)
    for step, text, colour in ((0, "cue", "black"), (1, "label", "black"), (last, "verdict\n+1 or −1", COLOURS[1])):
        line.plot(step, 0, "o", color=colour, markersize=12, zorder=3)
        line.annotate(text, (step, 0), (0, 14), textcoords="offset points", ha="center", color=colour)
    line.text(0.5, -0.75, "the pairing:\n$X_1$ = cue × label", ha="center", va="center", color=COLOURS[1])
    line.annotate("", (last, -0.75), (1.05, -0.75), arrowprops={"arrowstyle": "<->", "color": GREY})
    line.text((1.1 + last) / 2, -0.65, f"k = {delay} steps late", ha="center", va="bottom", color=GREY)
    line.set(ylim=(-1.2, 1.5))
    line.axis("off")
    colours = np.where(steps == 1, COLOURS[1], "0.7")
    weights = {
        "simple (outer product): only the last product": np.where(steps == last, 1.0, 0),
        f"retroactive (trace, η = {eta}): every product, fading": (steps > 0) * eta * (1 - eta) ** (last - steps),
    }
    for axis, (title, weight) in zip((outer, trace), weights.items()):
        axis.bar(steps, weight, color=colours, width=0.6)
        for step in steps:
            axis.text(step, weight[step] + 0.04, f"{weight[step]:.2f}", ha="center", color=colours[step])
        axis.set(title=title, ylim=(0, 1.25), yticks=[])
        axis.spines["left"].set_visible(False)
    trace.set_xticks(steps, [f"$X_{step}$" for step in steps])
    trace.set_xlabel("weight of each product in E at the verdict")
    return figure


@large
def plot_truncation_error(radii, errors):
    """Errors (3, R) of the series cut after order 0, 1 and 2, at distances ``radii`` (R,) from the origin; log-log."""
    figure, axis = new_figure(height=3.6)
    for order, (error, kept) in enumerate(zip(errors, ("A", "A, B, C", "all six"))):
        half = len(radii) // 2
        slope = np.polyfit(np.log(radii[:half]), np.log(error[:half]), 1)[0]
        axis.loglog(radii, error, color=COLOURS[order], linestyle=LINES[order], marker="o", markersize=3)
        name = f"cut after order {order} ({kept}):\nslope {slope:.2f}"
        look = {"color": COLOURS[order], "textcoords": "offset points", "va": "center"}
        axis.annotate(name, (radii[-1], error[-1]), (8, 5 - 22 * order), **look)
    axis.set(xlabel="distance r from the origin, at (r h, r p)", ylabel="largest error in E", xlim=(0.008, 12))
    axis.set_xticks([0.01, 0.1, 1])
    axis.set_xticks([], minor=True)
    axis.spines["bottom"].set_bounds(0.01, 1)
    return figure


@large
def plot_impulse_responses(responses):
    """``responses``: dict eta -> E(t) (T,) after X_0 = 1. Left COLOUR_OF_ETA's, right at most three others."""
    figure, axes = new_figure(1, 2, height=3.6)
    inside = {eta: response for eta, response in responses.items() if eta in COLOUR_OF_ETA}
    outside = {eta: response for eta, response in responses.items() if eta not in inside}
    colours = COLOUR_OF_ETA | dict(zip(outside, (COLOURS[0], COLOURS[1], COLOURS[4])))
    for axis, part, title in zip(axes, (inside, outside), ("0 < η ≤ 1: fades", "η outside [0, 1]")):
        axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
        for (eta, response), line in zip(part.items(), LINES):
            axis.plot(response, marker="o", markersize=3, color=colours[eta], linestyle=line, label=f"η = {eta}")
        axis.set(title=title, xlabel="step t")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2), columnspacing=1)
    axes[0].set_ylabel("E(t) after $X_0 = 1$")
    return figure


@large
def plot_late_reward(delays, quiet, busy):
    """Recall by delay: ``quiet`` dict label -> strength (K,), ``busy`` dict label -> share right (seeds, K).

    The labels of ``quiet``: the simple rule, those of COLOUR_OF_ETA, and the simple rule once more, with held activity.
    """
    figure, (left, right) = new_figure(1, 2, height=4.2)
    colours = [*COLOUR_OF_ETA.values(), COLOUR_OF_ETA[1.0]]
    look = {label: {"color": colour, "linestyle": line} for label, colour, line in zip(quiet, colours, LINES)}
    for label, strength in quiet.items():
        left.plot(delays, strength, marker="o", markersize=3, label=label, **look[label])
    left.set(title="quiet: nothing in between", xlabel="delay k (steps)", ylabel="strength of the recall")
    for label, shares in busy.items():
        right.plot(delays, shares.T, linewidth=0.6, alpha=0.5, **look[label])
        right.plot(delays, np.median(shares, axis=0), linewidth=2.2, **look[label])
    right.axhline(0.5, color="0.7", linewidth=0.8, linestyle="-")
    right.text(0, 0.37, "½: chance", color=GREY, va="bottom")
    seeds = len(next(iter(busy.values())))
    right.set(title=f"busy: a pairing at every step\n(thin: {seeds} seeds, thick: median)", xlabel="delay k (steps)")
    right.set(ylabel="share of label bits right", ylim=(0.35, 1.03))
    figure.legend(*left.get_legend_handles_labels(), ncols=2, loc="outside lower center")
    return figure


@large
def plot_learnt_eta(etas):
    """``etas``: dict delay k -> eta after each update (U,); the thin lines are 1 / (k + 1)."""
    figure, axis = new_figure(height=3.0)
    for number, (delay, values) in enumerate(etas.items()):
        look = {"color": COLOURS[number]}
        axis.plot(values, linestyle=LINES[number], **look)
        axis.axhline(1 / (delay + 1), linewidth=0.7, linestyle="-", alpha=0.6, **look)
        axis.text(len(values) + 1, values[-1], f"k = {delay}: 1/{delay + 1}", va="bottom", **look)
    axis.set(xlabel="update", ylabel="η", ylim=(0, None), xlim=(0, 1.22 * len(values)))
    axis.set_xticks(range(0, len(values), 40))
    axis.spines["bottom"].set_bounds(0, len(values) - 1)
    return figure


@large
def plot_rules(hebb, phases):
    """Hebb(t) of one connection: ``hebb`` dict rule -> (T+1,); ``phases`` dict name -> number of steps, in order."""
    figure, axis = new_figure(height=3.6)
    start = 0
    for number, (name, steps) in enumerate(phases.items()):
        axis.axvspan(start, start + steps, color="0.93" if number % 2 else "white", linewidth=0)
        axis.text(start + steps / 2, 1.13, name, ha="center", va="center")
        start += steps
    for number, (rule, values) in enumerate(hebb.items()):
        axis.plot(values, color=COLOURS[number], linestyle=LINES[number], linewidth=2, label=rule)
    axis.set(xlabel="step t", ylabel="Hebb(t)", ylim=(-0.03, 1.22), xlim=(0, start), yticks=(0, 0.5, 1))
    figure.legend(*axis.get_legend_handles_labels(), ncols=len(hebb), loc="outside lower center")
    return figure
