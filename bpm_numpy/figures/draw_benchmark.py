"""What a pass costs: the results of ``benchmarks/compare.py``, drawn from its JSON file."""

import numpy as np

from .style import new_figure, styled

QUANTITIES = {"median": ("time (ms)", 1e3), "peak": ("peak memory\nabove the start (MB)", 1e-6)}


@styled
def plot_cases(results):
    """Time (above) and memory (below) of a pass in every float32 case, a mark an engine; logarithmic."""
    rows = [row for row in results["cases"] if row["case"]["dtype"] == "float32"]
    figure, axes = new_figure(2, 1, height=5.0, sharex=True)
    for axis, (quantity, (label, factor)) in zip(axes, QUANTITIES.items()):
        for engine, mark in zip(rows[0]["engines"], "oD^s"):
            heights = [factor * (row["engines"][engine][quantity] or np.nan) for row in rows]
            axis.plot(heights, linestyle="none", marker=mark, markersize=5, label=engine)
        axis.set(yscale="log", ylabel=label)
        axis.grid(axis="y", color="0.9", linewidth=0.6, linestyle="-")
    floors = [1e3 * row["floor"] for row in rows]
    axes[0].plot(floors, linestyle="none", marker="_", markersize=9, color="black", label="floor of ours")
    axes[0].legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1))
    labels = [f"{row['name']}\n{row['regime']}, {row['end']:.0%}" for row in rows]
    axes[1].set_xticks(range(len(rows)), labels, rotation=90, fontsize=7)
    axes[1].set_xlabel("network; regime of the clip, share of Hebb at the bound at the end")
    return figure


@styled
def plot_curves(results):
    """Time (above) and memory (below) over T, B and N, log-log, with the fitted slopes."""
    figure, axes = new_figure(2, 3, height=4.6, sharex="col", sharey="row")
    for column, (letter, curve) in zip(axes.T, results["curves"].items()):
        for axis, (quantity, (label, factor)) in zip(column, QUANTITIES.items()):
            for engine, values in curve["engines"].items():
                slope = values["slopes"][quantity]
                heights = [factor * (value or np.nan) for value in values[quantity]]
                name = engine if slope is None else f"{engine}: slope {slope:.2f}"
                axis.plot(curve["sizes"], heights, marker="o", markersize=3, label=name)
            axis.set(xscale="log", yscale="log", ylabel=label if letter == "T" else "")
            axis.legend(fontsize=6.5)
        axis.set_xlabel(letter)
        axis.set_xticks(curve["sizes"], map(str, curve["sizes"]))
        axis.minorticks_off()
    return figure
