"""Pictures of the matrices that change while the network runs."""

import numpy as np
from matplotlib.patches import Rectangle

from .style import COLOURS, draw_band, draw_matrix, gif, large, new_figure, styled, symmetric_bound


@large
def plot_hebb_over_time(hebb, times, bound, labels=None):
    """Hebb(t) (T+1, N, N) of one episode at each of ``times``, side by side on the scale ±bound.

    ``labels``: a title for each panel; "t = ..." by default.
    """
    figure, axes = new_figure(1, len(times), height=2.4, squeeze=False)
    for axis, t, label in zip(axes[0], times, labels or [f"t = {t}" for t in times]):
        image = draw_matrix(axis, hebb[t], bound, label, pre="pre" if t == times[0] else "")
    bar = figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label("Hebb(t)")
    return figure


@styled
def plot_pre_post(matrix, chosen):
    """A matrix [pre, post] as arrows from neurons before a step to neurons after it, and as coloured squares.

    Colour is the sign and width the size of an entry; the ``chosen`` one, a pair of indices, has a dark frame.
    """
    figure, (left, right) = new_figure(1, 2, height=2.8, width_ratios=(1.5, 1))
    rows, columns = matrix.shape
    bound, centred = symmetric_bound(matrix), {"ha": "center", "va": "center", "fontsize": 12}
    image = draw_matrix(right, matrix, bound, "the matrix [pre, post]", "pre i (row)", "post j (column)")
    for (i, j), value in np.ndenumerate(matrix):
        dark = "black" if (i, j) == chosen else None
        line = {"color": dark or image.cmap(image.norm(value)), "linewidth": 0.5 + 3 * abs(value) / bound}
        left.annotate("", (0.94, -j), (0.06, -i), arrowprops={"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0} | line)
        right.text(j, i, f"{value + 0.0:+.1f}", color="white" if abs(value) > 0.6 * bound else "black", **centred)
    i, j = chosen
    frame = {"edgecolor": "black", "facecolor": "none", "linewidth": 2}
    right.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **frame))
    for side, number, name in ((0, rows, "h"), (1, columns, "p")):
        left.plot(np.full(number, side), -np.arange(number), "o", color="white", markeredgecolor="0.3", markersize=26)
        for neuron in range(number):
            left.text(side, -neuron, f"${name}_{neuron}$", **centred)
    left.set_title(f"black: the entry [{i}, {j}], from $h_{i}$ to $p_{j}$", fontsize=11)
    left.text(0, 0.55, "pre: before", **centred)
    left.text(1, 0.55, "post: after", **centred)
    left.set(xlim=(-0.3, 1.3), ylim=(0.4 - rows, 0.8))
    left.set_axis_off()
    return figure


@large
def plot_plastic_weights(w, alpha, hebb):
    """w, alpha ⊗ Hebb(t) and their sum W~(t), each (N, N), on one scale."""
    parts = {"w": w, "α ⊗ Hebb(t)": alpha * hebb, "W̃(t), their sum": w + alpha * hebb}
    bound = symmetric_bound(*parts.values())
    figure, axes = new_figure(1, 3, height=2.5)
    for axis, (title, matrix) in zip(axes, parts.items()):
        image = draw_matrix(axis, matrix, bound, title)
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02).set_label("weight")
    return figure


@styled
def plot_outer_products(h_prevs, ps, titles):
    """For each pair h_{t-1}, p_t (N,): the matrix h_{t-1} p_t^T, with p_t drawn above it and h_{t-1} at its left."""
    figure, axes = new_figure(1, len(titles), height=2.6, squeeze=False)
    for axis, h_prev, p, title in zip(axes[0], h_prevs, ps, titles):
        framed = np.full((len(p) + 2, len(p) + 2), np.nan)  # the second row and column stay white
        framed[0, 2:], framed[2:, 0], framed[2:, 2:] = p, h_prev, np.outer(h_prev, p)
        image = draw_matrix(axis, framed, 1, title, pre="$h_{t-1}$", post=r"top: $p_t$   below: $h_{t-1}\,p_t^T$")
        for spine in axis.spines.values():
            spine.set(visible=False)
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02).set_label("activity, and product")
    return figure


@styled
def plot_episode(traj, episode, times, names):
    """What each of the steps ``times`` of an episode writes, and what it leaves behind; a column a step.

    Rows, from the top: E(t), M(t) E(t), Hebb(t+1), α ⊗ Hebb(t+1) and W~(t+1). ``names``: what each step t shows.
    """
    w, alpha, clip = traj.params[traj.net.plastic_name], traj.params["alpha"], traj.net.clip
    M, E, hebb = traj.modulator[:, episode], traj.eligibility[:, episode], traj.hebb[:, episode]
    weights = symmetric_bound(w, w + alpha * hebb)
    rows = (
        ("E(t)", 1, E),
        ("M(t) E(t)", 1, M[:, None, None] * E),
        ("Hebb(t+1)", clip, hebb[1:]),
        ("α ⊗ Hebb(t+1)", weights, alpha * hebb[1:]),
        ("W̃(t+1)", weights, w + alpha * hebb[1:]),
    )
    figure, axes = new_figure(len(rows), len(times), height=1.25 * len(rows), squeeze=False)
    for line, (label, bound, matrices) in zip(axes, rows):
        for axis, t in zip(line, times):
            image = draw_matrix(axis, matrices[t], bound, pre=label if t == times[0] else "", post="")
        figure.colorbar(image, ax=line, shrink=0.85, pad=0.01, ticks=(-bound, 0, bound), format="%.1f")
    for axis, t in zip(axes[0], times):
        axis.set_title(f"t = {t}, {names[t].split()[0]}\nM = {M[t]:+.2f}", fontsize=11)
    return figure


@large
def plot_modulator_by_step(modulator, groups, names, labels=("no label", "label a", "label b", "label c", "label d")):
    """M(t) (T, B) of many episodes, a dot each, step by step; ``groups`` (T, B) colours them, -1 is grey.

    ``names``: what each step t shows; ``labels``: what the groups -1, 0, 1, ... are.
    """
    figure, axis = new_figure(height=3.3)
    axis.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
    T, B = modulator.shape
    steps = np.arange(T)[:, None] + np.linspace(-0.3, 0.3, B)  # (T, B): side by side, not on top of each other
    for group in np.unique(groups):
        here = groups == group
        colour, marker = ("0.65", ".") if group < 0 else (COLOURS[group], "os^D"[group])
        axis.plot(steps[here], modulator[here], marker, color=colour, markersize=2.5, label=labels[group + 1])
    axis.set_xticks(range(T), names, rotation=45, ha="right")
    axis.set(ylabel="M(t)", ylim=(-1.05, 1.05))
    axis.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1), markerscale=2)
    return figure


@styled
def plot_matrices(matrices, bound):
    """Title -> signed matrix (N, N), side by side on one scale ±bound."""
    figure, axes = new_figure(1, len(matrices), height=2.2)
    for axis, (title, matrix) in zip(axes, matrices.items()):
        image = draw_matrix(axis, matrix, bound, title)
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    return figure


@styled
def plot_singular_values(s, ranks):
    """Singular values of Hebb(t) (T+1, B, N) and effective ranks (T+1, B): median over episodes, middle half shaded."""
    figure, (left, right) = new_figure(1, 2, height=2.8)
    for k in range(5):
        line = draw_band(left, range(len(s)), s[:, :, k].T)
        left.annotate(f"$s_{k + 1}$", (len(s) - 1, line[-1]), (4, -3), textcoords="offset points", fontsize=11)
    draw_band(right, range(len(ranks)), ranks.T)
    for axis, label in ((left, "singular values of Hebb(t)"), (right, "effective rank of Hebb(t)")):
        axis.set(xlabel="step t", ylim=(0, None), xlim=(0, 1.1 * (len(s) - 1)))
        axis.set_title(label, fontsize=11)
    right.text(
        0.97,
        0.05,
        f"line: median of {s.shape[1]} episodes\nband: the middle half",
        ha="right",
        transform=right.transAxes,
    )
    return figure


@styled
def plot_recall_by_rank(recalled, blind):
    """Share of labels recalled (R,) from Hebb cut down to rank 0, 1, ... R-1; ``blind``: the share by guessing."""
    figure, axis = new_figure(height=2.4)
    axis.plot(recalled, marker="o", markersize=4)
    axis.axhline(blind, color="0.5", linewidth=0.8, linestyle="--")
    axis.annotate("guessing", (len(recalled) - 1, blind), xytext=(0, 4), textcoords="offset points", ha="right")
    axis.set(xlabel="singular values kept", ylabel="share recalled", ylim=(0, 1.03))
    return figure


@styled
def plot_saturation(at_bound, recalled, shown):
    """Share of entries at the bound (T+1,), of which the first ``shown`` steps show pairs and the others ask; and
    name -> share recalled (K,) of the pairs in the order shown."""
    figure, (left, right) = new_figure(1, 2, height=2.8)
    left.plot(at_bound)
    left.axvline(shown, color="0.6", linewidth=0.8, linestyle="--")
    top = 1.2 * at_bound.max()
    left.text(shown / 2, 0.93 * top, "pairs shown", ha="center")
    left.text((shown + len(at_bound)) / 2, 0.93 * top, "cues asked for", ha="center")
    left.set(xlabel="step t", title="share of entries at the bound", ylim=(0, top))
    for name, shares in recalled.items():
        right.plot(range(1, len(shares) + 1), shares, marker="o", markersize=3, label=name)
    right.set(xlabel="pair, in the order shown", title="share of labels recalled", ylim=(0, 1.03))
    right.legend(ncols=2, loc="lower center")
    return figure


@styled
def plot_moment(traj, episode, t, names):
    """Hebb(t), α ⊗ Hebb(t), and M up to the step before: one frame of ``animate_episode``."""
    hebb, alpha, M = traj.hebb[:, episode], traj.params["alpha"], traj.modulator[:, episode]
    figure, (left, middle, right) = new_figure(1, 3, height=3.2, width_ratios=(4, 4, 3))
    image = draw_matrix(left, hebb[t], traj.net.clip, f"Hebb({t})")
    figure.colorbar(image, ax=left, shrink=0.7)
    image = draw_matrix(middle, alpha * hebb[t], symmetric_bound(alpha * hebb), f"α ⊗ Hebb({t})")
    figure.colorbar(image, ax=middle, shrink=0.7, format="%.1f")
    right.barh(range(t), M[:t], color=COLOURS[0])
    right.axvline(0, color="0.7", linewidth=0.8, linestyle="-")
    right.set_yticks(range(len(names)), names, fontsize=11)
    right.set(xlabel="M", xlim=(-1, 1), ylim=(len(names) - 0.5, -0.5))
    return figure


def animate_episode(traj, episode, names, milliseconds=900):
    """``plot_moment`` from t = 0 to the end, as the bytes of a GIF that plays over and over."""
    return gif((plot_moment(traj, episode, t, names) for t in range(len(names) + 1)), milliseconds)
