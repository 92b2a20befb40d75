"""Chapter 00's pictures: how two networks learn the same task, one connection, and what is bound to what."""

import numpy as np
from matplotlib.patches import Rectangle

from .style import COLOURS, LINES, NETWORKS, new_figure, styled

GREY = "0.45"
LARGE = 13  # points: to be read at the width of a phone
CENTRED = {"ha": "center", "va": "center", "fontsize": LARGE}
KINDS = {"plastic weights": "simple", "fixed weights": "none"}  # the words of chapter 00 for two of NETWORKS


@styled
def plot_two_networks(shares, level, level_name, every=10):
    """Share of right answers over training: ``shares`` name in KINDS -> (runs, updates), a thin line per run, means of
    ``every`` updates; the thick line is their median. ``level``: a score that needs no memory of the cue, and its name.
    """
    figure, axis = new_figure(height=3.2)
    for name, runs in shares.items():
        place = NETWORKS.index(KINDS[name])
        means = runs[:, : runs.shape[1] // every * every].reshape(len(runs), -1, every).mean(axis=2)  # (runs, points)
        updates = every * (np.arange(means.shape[1]) + 0.5)
        look = {"color": COLOURS[place], "linestyle": LINES[place]}
        axis.plot(updates, means.T, linewidth=0.7, alpha=0.6, **look)
        middle = np.median(means, axis=0)
        axis.plot(updates, middle, linewidth=2.5, **look)
        axis.text(updates[-1] + every, middle[-1], name, color=COLOURS[place], va="center", fontsize=11)
    axis.plot([0, updates[-1]], [level, level], color=GREY, linewidth=1.2, linestyle=":")
    axis.text(updates[-1], level - 0.12, f"dotted: {level_name}", color=GREY, va="top", ha="right", fontsize=11)
    axis.spines["bottom"].set_bounds(0, runs.shape[1])
    axis.set_xlabel(f"update (thin: each of {len(runs)} runs, thick: their median)", fontsize=11)
    axis.set_ylabel("share of right answers", fontsize=11)
    axis.set(ylim=(0, 1.03), xlim=(0, 1.36 * runs.shape[1]), xticks=np.linspace(0, runs.shape[1], 5))
    return figure


@styled
def plot_pre_to_post(h_prev, p):
    """The connections from h_{t-1} (2,) to p_t (2,), and beside them the matrix of their products [pre, post]."""
    E = np.outer(h_prev, p)  # (2, 2)
    figure, (left, right) = new_figure(1, 2, height=3.3, width_ratios=(1.25, 1))
    neurons = {}
    for column, (values, name) in enumerate(((h_prev, "pre"), (p, "post"))):
        for row, value in enumerate(values):
            circle = {"boxstyle": "circle,pad=0.45", "facecolor": "#D6E6F2", "edgecolor": COLOURS[0]}
            neurons[column, row] = left.text(column, -row, _number(value), bbox=circle, zorder=3, **CENTRED)
            left.text(1.34 * column - 0.17, -row, f"{name} {row}", **CENTRED | {"ha": "left" if column else "right"})
    for pre, post in np.ndindex(2, 2):
        ends = {"patchA": neurons[0, pre].get_bbox_patch(), "patchB": neurons[1, post].get_bbox_patch()}
        look = {"color": COLOURS[1], "linewidth": 2.5} if (pre, post) == (0, 1) else {"color": GREY, "linewidth": 1}
        left.annotate("", (1, -post), (0, -pre), arrowprops={"arrowstyle": "-|>", "mutation_scale": 18} | ends | look)
    left.text(0, 0.62, "step t − 1", **CENTRED)
    left.text(1, 0.62, "step t", **CENTRED)
    left.set(xlim=(-0.75, 1.75), ylim=(-1.4, 0.8))
    left.axis("off")
    for (pre, post), value in np.ndenumerate(E):
        marked = (pre, post) == (0, 1)
        frame = {"edgecolor": COLOURS[1] if marked else GREY, "linewidth": 2.5 if marked else 1}
        right.add_patch(Rectangle((post - 0.5, -pre - 0.5), 1, 1, facecolor="white", zorder=1 + marked, **frame))
        right.text(post, -pre, _number(value), zorder=3, **CENTRED)
    right.text(0.5, 1.1, "E(t) [pre, post]", **CENTRED)
    for number in range(2):
        right.text(-0.6, -number, f"pre {number}", **CENTRED | {"ha": "right"})
        right.text(number, 0.68, f"post {number}", **CENTRED)
    right.set(xlim=(-1.5, 1.6), ylim=(-1.55, 1.3), aspect="equal")
    right.axis("off")
    return figure


def _number(value):
    return f"{value:g}".replace("-", "−")


@styled
def plot_binding(names, written, read):
    """The steps of an episode in a row. ``names``: what each shows; ``written``: the pairs of steps (t - 1, t) that the
    answer needs; ``read``: the pair at which Hebb is asked. All other products are drawn in grey.
    """
    figure, axis = new_figure(height=2.2)
    for t, name in enumerate(names):
        marked = any(t in pair for pair in (*written, read))
        frame = {"boxstyle": "round,pad=0.35", "facecolor": "#D6E6F2" if marked else "white", "edgecolor": COLOURS[0]}
        axis.text(t, 0, name, bbox=frame, **CENTRED)
        axis.text(t, -0.85, f"{t}", **CENTRED)
    for t in range(1, len(names)):
        pair = (t - 1, t)
        if pair != read:
            look = {"color": COLOURS[0], "linewidth": 2.5} if pair in written else {"color": "0.7", "linewidth": 1}
            _arc(axis, pair, 0.55, -0.5, look)
    _arc(axis, read, 0.55, -0.5, {"color": COLOURS[1], "linewidth": 2.5})
    middle = np.mean(written)
    axis.text(middle, 1.3, "written: cue → label", color=COLOURS[0], **CENTRED)
    axis.text(np.mean(read), 1.3, "read", color=COLOURS[1], **CENTRED)
    axis.text(-0.65, -0.85, "t =", **CENTRED)
    axis.set(xlim=(-0.9, len(names) - 0.4), ylim=(-1.05, 1.5))
    axis.axis("off")
    return figure


def _arc(axis, pair, height, bend, look):
    arrow = {"arrowstyle": "-|>", "mutation_scale": 14, "connectionstyle": f"arc3,rad={bend}"} | look
    axis.annotate("", (pair[1] - 0.08, height), (pair[0] + 0.08, height), arrowprops=arrow)
