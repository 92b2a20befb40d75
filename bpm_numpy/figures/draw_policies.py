"""Pictures of policies: how they learn, what they do, and how well their gradient is estimated."""

import numpy as np

from .style import COLOURS, LINES, draw_matrix, large, looks, new_figure


@large
def plot_learning(curves, references, ylabel, every=10):
    """Training runs: ``curves`` label -> (runs, updates), ``references`` label -> a level to compare with.

    Each curve is the median over runs of the mean over ``every`` updates; the band spans all runs.
    """
    figure, axis = new_figure(height=3.0)
    look = looks(curves)
    for label, runs in curves.items():
        means = runs[:, : runs.shape[1] // every * every].reshape(len(runs), -1, every).mean(axis=2)
        updates = every * (np.arange(means.shape[1]) + 0.5)
        (line,) = axis.plot(updates, np.median(means, axis=0), label=label, **look[label])
        axis.fill_between(
            updates, means.min(axis=0), means.max(axis=0), color=line.get_color(), alpha=0.15, linewidth=0
        )
    for (label, level), style in zip(references.items(), (":", (0, (1, 4)))):
        axis.axhline(level, color="0.3", linewidth=1.2, linestyle=style, label=label)
    axis.set(xlabel=f"update (line: median of {len(runs)} runs, band: all of them)", ylabel=ylabel, ylim=(0, 1.03))
    figure.legend(loc="outside upper center", ncols=3, fontsize=11)
    return figure


@large
def plot_log_softmax(jacobian, before, after, chosen):
    """∂log P(a)/∂z_k (A, A) as a matrix [a, k]; and P (A,) before and after a step that makes ``chosen`` likelier."""
    figure, (left, right) = new_figure(1, 2, height=2.5, width_ratios=(1, 1.5))
    image = draw_matrix(left, jacobian, 1, pre="a", post="k")
    for (a, k), value in np.ndenumerate(jacobian):
        left.text(
            k, a, f"{value:.2f}", ha="center", va="center", fontsize=10, color="white" if value > 0.7 else "black"
        )
    numbers = np.arange(len(before))
    left.set_xticks(numbers)
    left.set_yticks(numbers)
    figure.colorbar(image, ax=left, shrink=0.85).set_label("∂log P(a) / ∂$z_k$")
    right.bar(numbers - 0.2, before, 0.4, color=COLOURS[5], label="before")
    right.bar(
        numbers + 0.2, after, 0.4, color=COLOURS[1], hatch="//", edgecolor="white", label=f"after: a = {chosen} up"
    )
    right.set(xlabel="action a", ylabel="P(a)", xticks=numbers)
    right.legend(fontsize=10)
    return figure


@large
def plot_walks(hidden, probabilities, titles, actions):
    """Two walks side by side: h_t (T, N) above, P(a_t = ·) (T, A) below; names of the two and of the ``actions``."""
    figure, axes = new_figure(2, 2, height=4.0)
    for (above, below), h, P, title in zip(axes.T, hidden, probabilities, titles):
        image = draw_matrix(above, h.T, 1, title, pre="neuron", post="")
        above.set_aspect("auto")
        steps = np.arange(len(P))
        for action, name in enumerate(actions):
            below.plot(steps, P[:, action], marker="o", markersize=3, label=name)
        below.set(xlabel="step t", ylim=(-0.05, 1.05), xlim=(-0.5, len(P) - 0.5), xticks=steps)
    axes[1, 0].set_ylabel("P($a_t$ = ·)")
    figure.colorbar(image, ax=axes[0], shrink=0.9, pad=0.02).set_label("$h_t$")
    axes[1, 0].legend(loc="center left")
    return figure


@large
def plot_estimates(episodes, estimates, exact, deviation):
    """REINFORCE against the exact gradient (n,). Left: the root mean square error of ``estimates`` (repeats, E, n)
    over ``episodes`` (E,), beside deviation / √episodes. Right: one estimate by the most episodes, entry by entry,
    with two standard errors."""
    figure, (left, right) = new_figure(1, 2, height=2.8)
    squares = ((estimates - exact) ** 2).sum(axis=2)  # (repeats, E)
    left.loglog(episodes, np.sqrt(squares.mean(axis=0)), "o", color=COLOURS[0], label="root mean square error")
    expected = np.linalg.norm(deviation) / np.sqrt(episodes)
    left.loglog(episodes, expected, color=COLOURS[1], linestyle=LINES[1], label="standard error ∝ 1/√n")
    left.set(xlabel="episodes n", ylabel="error of ∇R")
    left.legend(fontsize=10)
    bars = 2 * deviation / np.sqrt(episodes[-1])
    right.errorbar(exact, estimates[0, -1], bars, fmt=".", color=COLOURS[0], elinewidth=0.6)
    ends = np.array([exact.min(), exact.max()])
    right.plot(ends, ends, color="0.3", linewidth=0.8, linestyle="-")
    right.locator_params(nbins=5)
    right.set(xlabel="exact ∂R/∂(parameter)", ylabel=f"estimate, n = {episodes[-1]}")
    return figure
