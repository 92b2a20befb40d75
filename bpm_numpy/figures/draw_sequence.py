"""Figures of chapter 20: scores on several tasks while a network is trained on them one after another."""

import numpy as np
from matplotlib.patches import Rectangle

from .style import NARROW, SIGNED, large, looks, new_figure, styled


@large
def plot_stages(updates, panels, switch):
    """One panel per way of training, a line per task: scores at ``updates``; ``panels``: title -> task -> scores."""
    figure, axes = new_figure(1, len(panels), height=3.0, sharey=True, squeeze=False)
    for axis, (title, scores) in zip(axes[0], panels.items()):
        for task, values in scores.items():
            axis.plot(updates, values, label=task)
        axis.axvline(switch, color="0.7", linewidth=0.8, linestyle="-", zorder=0)
        axis.set(title=title, xlabel="update", ylim=(-0.3, 1.05))
    axes[0, 0].set_ylabel("score\n(0 chance, 1 all)")
    figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@large
def plot_way(shares, along, controls, chance):
    """A task's score ``along`` the way to the parameters after association (R,), and on others, ``controls`` (n, R)."""
    figure, axis = new_figure(1, 1, height=3.0)
    for number, values in enumerate(controls):
        axis.plot(shares, values, color="0.6", linestyle="-", label=None if number else "the same changes, shuffled")
    axis.plot(shares, along, marker="o", label="towards the parameters after association")
    axis.axhline(chance, color="0.7", linewidth=0.8, linestyle=":", zorder=0)
    axis.set(xlabel="share of the way", ylabel="score (dotted: chance)")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=10)
    return figure


@large
def plot_cosines(groups):
    """One row per label, a dot per pair of batches, a bar at the median; ``groups``: label -> cosines."""
    figure, axis = new_figure(1, 1, height=0.9 + 0.4 * len(groups))
    for row, values in enumerate(groups.values()):
        axis.plot(values, np.full(len(values), row), marker="o", markersize=3, linestyle="", color="C0", alpha=0.5)
        axis.plot([np.median(values)] * 2, [row - 0.3, row + 0.3], color="C1", linestyle="-", linewidth=2)
    axis.axvline(0, color="0.7", linewidth=0.8, linestyle="-", zorder=0)
    axis.set_yticks(range(len(groups)), groups)
    axis.invert_yaxis()
    axis.set(xlabel="cosine of two gradients\n(dot: a pair of batches, bar: median)", xlim=(-1, 1))
    return figure


@styled
def plot_matrices(tasks, matrices, chance):
    """One panel per network: median score on each task after each stage, and in brackets the range over the seeds.

    ``matrices``: network -> (S, K + 1, K); ``chance``: task -> the score by chance, which is white; a full score is
    the darkest red. Framed: the task that the stage has trained.
    """
    floor = np.array([chance[task] for task in tasks])
    figure, axes = new_figure(len(matrices), 1, height=2.1 * len(matrices), width=NARROW, squeeze=False, sharex=True)
    for axis, (network, scores) in zip(axes.flat, matrices.items()):
        low, median, high = np.quantile(scores, (0, 0.5, 1), axis=0)  # (K + 1, K)
        scaled = (median - floor) / (1 - floor)
        image = axis.imshow(scaled, cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
        for k, j in np.ndindex(median.shape):
            colour = "white" if abs(scaled[k, j]) > 0.6 else "black"
            middle, least, most = (round(float(values[k, j]), 2) + 0.0 for values in (median, low, high))  # no -0.00
            text = f"{middle:.2f}\n({least:.2f} to {most:.2f})"
            axis.text(j, k, text, ha="center", va="center", fontsize=8, color=colour)
            if k == j + 1:
                axis.add_patch(Rectangle((j - 0.48, k - 0.48), 0.96, 0.96, fill=False, linewidth=1.5))
        axis.set_title(f"{network} ({len(scores)} seeds)")
        axis.set_xticks(range(len(tasks)), [f"{task}\n(chance {chance[task]:g})" for task in tasks])
        axis.set_yticks(range(len(tasks) + 1), ["untrained", *(f"after {task}" for task in tasks)])
    bar = figure.colorbar(image, ax=axes, location="bottom", pad=0.02, aspect=30)
    bar.set_label("colour: median, scaled: 0 chance, 1 all")
    return figure


@large
def plot_forgetting(tasks, matrices, chance):
    """One panel per task except the last, a line per seed: from the score after its own stage to the one at the end."""
    figure, axes = new_figure(1, len(tasks) - 1, height=3.0, sharey=True, squeeze=False)
    look = looks(matrices)
    for j, axis in enumerate(axes[0]):
        for row, (network, scores) in enumerate(matrices.items()):
            colour = look[network]["color"]
            for seed, matrix in enumerate(scores):
                y = row + 0.5 * (seed / max(1, len(scores) - 1) - 0.5)
                own, end = matrix[j + 1, j], matrix[-1, j]
                axis.plot([own, end], [y, y], color="0.7", linewidth=1, linestyle="-", zorder=1)
                axis.plot([own], [y], marker="o", markersize=4, linestyle="", color=colour)
                axis.plot([end], [y], marker="s", markersize=4, linestyle="", color=colour, markerfacecolor="white")
        axis.axvline(chance[tasks[j]], color="0.7", linewidth=0.8, linestyle=":", zorder=0)
        axis.set(title=tasks[j], xlabel="score (dotted: chance)")
    axes[0, 0].set_yticks(range(len(matrices)), matrices)
    axes[0, 0].invert_yaxis()
    handles = axes[0, 0].lines[1:3]
    figure.legend(
        handles,
        ["after its own stage", "after the last stage (one line per seed)"],
        loc="outside upper center",
        ncols=2,
    )
    return figure
