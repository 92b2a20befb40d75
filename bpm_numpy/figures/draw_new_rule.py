"""Pictures of what another Hebb update does."""

import numpy as np

from .style import new_figure, styled


@styled
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


@styled
def plot_slopes(slopes, hebb):
    """Entries of Hebb (N, N) against the slopes (N, N) of the straight lines that they should be."""
    figure, axis = new_figure(height=3.0)
    reach = 1.05 * max(np.abs(slopes).max(), np.abs(hebb).max())
    axis.plot((-reach, reach), (-reach, reach), color="0.6", linewidth=0.8, linestyle="-")
    axis.plot(slopes.ravel(), hebb.ravel(), ".", markersize=4)
    axis.set(xlabel="slope of $h_{t-1}[i]$ on $p_t[j]$", ylabel="Hebb[i, j], mean over time", aspect="equal")
    return figure
