"""Pictures of the LSTM: its two roads, what is left of what was written, what can be learnt across a delay."""

import numpy as np

from .style import COLOURS, large, new_figure

DASHES = {"notes": "-", "paper": "--"}
READINGS = {"notes": "as printed", "paper": "paper"}
ACTIVITY_ROAD, HEBB_ROAD = COLOURS[:2]
FILLS = {ACTIVITY_ROAD: "#D6E6F2", HEBB_ROAD: "#FBE3D2"}

# One step: name -> (x, y, text, road), and (from, to, road, what the arrow does).
NODES = {
    "c_prev": (0, 6.2, "$c_{t-1}$", ACTIVITY_ROAD),
    "h_prev": (0, 3.1, "$h_{t-1}$", ACTIVITY_ROAD),
    "hebb": (0, 0, "Hebb$(t)$", HEBB_ROAD),
    "carry": (3.9, 6.2, "carry", ACTIVITY_ROAD),
    "f": (3.9, 5.1, "$f_t$ forget", ACTIVITY_ROAD),
    "j": (3.9, 4.1, "$j_t$ input gate", ACTIVITY_ROAD),
    "o": (3.9, 3.1, "$o_t$ output", ACTIVITY_ROAD),
    "i": (3.9, 1.1, "$i_t$ content", ACTIVITY_ROAD),
    "c": (7.4, 5.4, "$c_t$", ACTIVITY_ROAD),
    "h": (10, 3.6, "$h_t$", ACTIVITY_ROAD),
    "E": (7.4, 1.5, "$E(t)$", HEBB_ROAD),
    "M": (10, 1.8, "$M(t)$", HEBB_ROAD),
    "hebb_next": (10, 0, "Hebb$(t{+}1)$", HEBB_ROAD),
}
ARROWS = (
    ("c_prev", "carry", ACTIVITY_ROAD, "paper"),
    ("h_prev", "carry", ACTIVITY_ROAD, "as printed"),
    ("h_prev", "f", ACTIVITY_ROAD, ""),
    ("h_prev", "j", ACTIVITY_ROAD, ""),
    ("h_prev", "o", ACTIVITY_ROAD, ""),
    ("h_prev", "i", ACTIVITY_ROAD, ""),
    ("carry", "c", ACTIVITY_ROAD, ""),
    ("f", "c", ACTIVITY_ROAD, ""),
    ("j", "c", ACTIVITY_ROAD, ""),
    ("i", "c", ACTIVITY_ROAD, ""),
    ("o", "h", ACTIVITY_ROAD, ""),
    ("c", "h", ACTIVITY_ROAD, ""),
    ("hebb", "i", HEBB_ROAD, "used"),
    ("hebb", "hebb_next", HEBB_ROAD, "kept"),
    ("h_prev", "E", HEBB_ROAD, ""),
    ("i", "E", HEBB_ROAD, ""),
    ("E", "hebb_next", HEBB_ROAD, "written"),
    ("h", "M", HEBB_ROAD, ""),
    ("M", "hebb_next", HEBB_ROAD, ""),
)


@large
def plot_roads():
    """One step of the plastic LSTM: the road through the activity h and c in blue, the road through Hebb in orange."""
    figure, axis = new_figure(height=4.8)
    axis.set(xlim=(-1, 11.2), ylim=(-0.6, 7.4))
    axis.axis("off")
    boxes = {}
    for name, (x, y, text, road) in NODES.items():
        frame = {"boxstyle": "round", "facecolor": FILLS[road], "edgecolor": road}
        boxes[name] = axis.text(x, y, text, bbox=frame, ha="center", va="center", zorder=3)
    for start, end, road, text in ARROWS:
        (x0, y0), (x1, y1) = boxes[start].get_position(), boxes[end].get_position()
        ends = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch(), "shrinkB": 2}
        dotted = ":" if text == "as printed" else "-"
        look = {"arrowstyle": "-|>", "color": road, "linewidth": 1.8, "linestyle": dotted, "mutation_scale": 14}
        axis.annotate("", (x1, y1), (x0, y0), arrowprops=look | ends, zorder=1)
        if text:
            look = {"color": road, "fontsize": 11, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1}}
            axis.text((x0 + x1) / 2, (y0 + y1) / 2, text, ha="center", va="center", zorder=2, **look)
    for x, text in ((0, "enters step t"), (3.9, "inside step t"), (10, "leaves step t")):
        axis.text(x, 7.15, text, color="0.35", ha="center", va="center")
    return figure


@large
def plot_held(curves):
    """``curves``: dict gates -> dict reading -> (h_t (T,), ∂h_t/∂(what was written) (T,)); log-log over t + 1."""
    figure, axes = new_figure(1, 2, height=4.6)
    for colour, (gates, by_reading) in zip(COLOURS, curves.items()):
        for reading, both in by_reading.items():
            for axis, values in zip(axes, both):
                steps = np.arange(1, len(values) + 1)
                label = f"{READINGS[reading]}: {gates}"
                axis.loglog(steps, values, color=colour, linestyle=DASHES[reading], linewidth=2, label=label)
    for axis, title in zip(axes, ("what is left: $h_t$", "its gradient: $∂h_t\\,/\\,∂$ what was written")):
        axis.set(title=title, xlabel="steps since writing, t + 1", ylim=(1e-6, 2))
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside lower center", fontsize=10)
    return figure


@large
def plot_recall(delays, shares):
    """``shares``: dict label -> share right (seeds, delays): a panel each, a thin line per seed, their median thick."""
    figure, axes = new_figure(1, len(shares), height=3.4, sharey=True)
    for number, (axis, (label, values)) in enumerate(zip(axes, shares.items())):
        axis.axhline(0.5, color="0.6", linewidth=0.9, linestyle=":")
        thin = {"linewidth": 0.8, "marker": "o", "markersize": 3, "alpha": 0.7}
        axis.plot(values.T, color=COLOURS[number], linestyle="-", **thin)
        axis.plot(np.median(values, axis=0), color=COLOURS[number], linestyle="-", linewidth=2.8)
        axis.set(title=label, ylim=(0.3, 1.05), xlim=(-0.3, len(delays) - 0.7))
        axis.set_xticks(range(len(delays)), delays)
    axes[0].set_ylabel("share of bits right")
    axes[0].text(-0.2, 0.47, "a blind guess", color="0.4", va="top")
    figure.supxlabel(f"delay in steps (thin: each of {len(values)} seeds, thick: their median)", fontsize=12)
    return figure
