"""Pictures of the matrices that change while the network runs."""

import numpy as np

from .style import draw_matrix, new_figure, styled, symmetric_bound


@styled
def plot_hebb_over_time(hebb, times, bound, labels=None):
    """Hebb(t) (T+1, N, N) of one episode at each of ``times``, side by side on the scale ±bound.

    ``labels``: a title for each panel; "t = ..." by default.
    """
    figure, axes = new_figure(1, len(times), height=1.95, squeeze=False)
    for axis, t, label in zip(axes[0], times, labels or [f"t = {t}" for t in times]):
        image = draw_matrix(axis, hebb[t], bound, label, pre="pre-synaptic" if t == times[0] else "")
    bar = figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label("Hebb(t)")
    return figure


@styled
def plot_modulator_and_hebb(modulator, hebb, bound):
    """M(t) (T,) above, and below it a sample of the entries of Hebb(t) (T+1, N, N), over the steps of one episode."""
    figure, (above, below) = new_figure(2, 1, height=3.2, sharex=True)
    above.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
    above.plot(modulator, marker="o", markersize=2.5)
    above.set(ylabel="M(t)", ylim=(-1.05, 1.05))
    N = hebb.shape[-1]
    entries = hebb.reshape(len(hebb), N * N)
    largest = np.argsort(-np.abs(entries).max(axis=0), kind="stable")[: 5 * N : N]
    for number in largest:
        below.plot(entries[:, number], label=f"[{number // N}, {number % N}]")
    for side in (-bound, bound):
        below.axhline(side, color="0.7", linewidth=0.8, linestyle="-")
    below.set(xlabel="step t", ylabel="Hebb(t)[pre, post]")
    below.legend(ncols=5, fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.35))
    return figure


@styled
def plot_plastic_weights(w, alpha, hebb):
    """w, alpha ⊗ Hebb(t) and their sum W~(t), each (N, N), on one scale."""
    parts = {"w": w, "α ⊗ Hebb(t)": alpha * hebb, "W̃(t) = w + α ⊗ Hebb(t)": w + alpha * hebb}
    bound = symmetric_bound(*parts.values())
    figure, axes = new_figure(1, 3, height=2.4)
    for axis, (title, matrix) in zip(axes, parts.items()):
        image = draw_matrix(axis, matrix, bound, title)
    figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02).set_label("weight")
    return figure
