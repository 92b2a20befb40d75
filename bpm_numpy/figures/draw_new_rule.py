"""Pictures of what another Hebb update does."""

import numpy as np

from .style import draw_matrix, large, new_figure, symmetric_bound


@large
def plot_norms(growing, exploding):
    """Name -> norm of Hebb(t) (T+1,): the first dict on a linear axis, the second on a logarithmic one."""
    figure, axes = new_figure(1, 2, height=2.8)
    for axis, norms in zip(axes, (growing, exploding)):
        for name, values in norms.items():
            axis.plot(np.where(values > 0, values, np.nan), label=name)
        axis.set(xlabel="t", ylabel="‖Hebb(t)‖")
        axis.legend(loc="upper left")
    axes[0].set_ylim(0, None)
    axes[1].set_yscale("log")
    return figure


@large
def plot_slopes(slopes, hebb):
    """Slopes (N, N) of the straight lines from post to pre, the entries of Hebb (N, N), and one against the other."""
    figure, axes = new_figure(1, 3, height=2.6)
    bound = symmetric_bound(slopes, hebb)
    draw_matrix(axes[0], slopes, bound, "slope of pre on post")
    image = draw_matrix(axes[1], hebb, bound, "Hebb, mean over time")
    figure.colorbar(image, ax=axes[:2], shrink=0.75, pad=0.02)
    reach = 1.05 * bound
    axes[2].plot((-reach, reach), (-reach, reach), color="0.6", linewidth=0.8, linestyle="-")
    axes[2].plot(slopes.ravel(), hebb.ravel(), ".", markersize=4)
    axes[2].set(xlabel="slope", ylabel="Hebb", aspect="equal", title="entry by entry")
    return figure
