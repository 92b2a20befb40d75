"""Pictures of weights that change: how networks learn a task, what a Hebbian matrix recalls, matrices side by side."""

import numpy as np

from .style import COLOURS, LINES, draw_matrix, large, new_figure, styled, symmetric_bound

NETWORKS = {  # each network has its colour in every figure
    "fixed RNN": COLOURS[0],
    "plastic RNN": COLOURS[1],
    "fixed LSTM": COLOURS[4],
    "fixed RNN, 32 neurons": COLOURS[5],
    "one set per step": COLOURS[6],
}


@styled
def plot_one_shot(curves, controls, levels, every=20):
    """Share of right answers over the updates (logarithmic), one thin line per run, a thick one for their median.

    curves: label -> (runs, updates), averaged over ``every``; controls: what ``load_controls`` of chapter 01 returns;
    levels: label -> a share to compare with.
    """
    figure, axis = new_figure(height=3.9)
    lines = [(name, name, every, runs.reshape(len(runs), -1, every).mean(axis=2)) for name, runs in curves.items()]
    for name in ("fixed RNN", "fixed LSTM"):
        lines.append(
            (name, f"{name}, {controls['updates']} updates", controls["every"], np.array(controls[name]["shares"]))
        )
    for number, (name, label, step, runs) in enumerate(lines):
        updates, colour = step * (np.arange(runs.shape[1]) + 0.5), NETWORKS[name]
        axis.plot(updates, runs.T, color=colour, linestyle="-", linewidth=0.6, alpha=0.6)
        axis.plot(updates, np.median(runs, axis=0), color=colour, linestyle=LINES[number], linewidth=1.8, label=label)
    for level in levels.values():
        axis.axhline(level, color="0.4", linewidth=0.9, linestyle=(0, (1, 2)))
    axis.set(xscale="log")
    axis.set_xlabel("updates (thin: one run, thick: median of three)", fontsize=11)
    axis.set_ylabel("share of right answers", fontsize=11)
    axis.tick_params(labelsize=10)
    axis.set(xlim=(every / 2, None), ylim=(0.45, 1.0), xticks=(10, 100, 1000), xticklabels=("10", "100", "1000"))
    right = axis.secondary_yaxis("right")
    right.set_yticks(list(levels.values()), [f"{label}: {level:.2f}" for label, level in levels.items()], fontsize=10)
    axis.legend(ncols=2, fontsize=10, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


@styled
def plot_recall(measured, predicted):
    """Share of signs read back rightly against the number of pairs stored: dicts N -> (K,), dots and lines."""
    figure, axis = new_figure(height=2.8)
    for (N, share), line in zip(measured.items(), predicted.values()):
        pairs = np.arange(1, len(share) + 1)
        (drawn,) = axis.plot(pairs, line)
        axis.plot(pairs, share, marker="o", markersize=3, linestyle="none", color=drawn.get_color())
        axis.annotate(f"N = {N}", (pairs[-1], line[-1]), (6, -3), textcoords="offset points", fontsize=11)
    axis.set_xlabel("pairs stored K (dots: measured, lines: predicted)", fontsize=11)
    axis.set_ylabel("signs read back rightly", fontsize=11)
    axis.set_xlim(0, 1.12 * len(share))
    return figure


@large
def plot_matrices(matrices):
    """Signed matrices [pre, post] side by side on one scale: dict title -> matrix."""
    figure, axes = new_figure(1, len(matrices), height=2.5)
    bound = symmetric_bound(*matrices.values())
    for axis, (title, matrix) in zip(axes, matrices.items()):
        image = draw_matrix(axis, matrix, bound, title, pre="pre" if axis is axes[0] else "")
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    return figure
