"""The map of the package: how a step flows through its parts, and what rests on what."""

from matplotlib.patches import Rectangle

from .style import COLOURS, new_figure, styled

# From the bottom to the top. What is in a row uses rows below it and its own, never one above; but a rule names the
# ``sums`` by which it goes by chunks.
ROWS = (
    ("arguments.py", "files.py", "parts.py", "state.py", "one_page.py"),
    ("equations/",),
    ("cells/", "modulators/", "drive.py", "rules/", "parameters.py"),
    ("step.py", "bptt.py", "chunked/"),
    ("network.py",),
    ("tasks/", "learning/"),
    ("proof/", "lab/"),
    ("plugins.py", "bridge/", "figures/", "site/"),
    ("tutorial/",),
    ("commands/",),
)
MEANING = (
    "what all use; one page that uses nothing",
    "each with its backward and jvp",
    "the parts that plug in, and their parameters",
    "the definition, and the same by chunks",
    "options, checks, forward, backward, jvp",
    "episodes, losses, updates",
    "checks of all this; runs and studies",
    "the door; other programs; pictures; pages",
    "what the notebooks run",
    "the command line",
)
# name -> (x, y, text, whether it is a part that plugs in)
STEP = {
    "state": (0.0, 1.2, "state at $t$\n$h_{t-1}, c_{t-1}$\nHebb$(t)$, trace", False),
    "x": (2.6, 3.6, "$x_t$", False),
    "weights": (2.6, 2.4, "$y_t = h_{t-1} \\tilde W(t)$", False),
    "cell": (4.9, 2.4, "cell", True),
    "readout": (7.1, 3.6, "readout", False),
    "modulator": (7.1, 2.4, "modulator", True),
    "drive": (7.1, 1.2, "drive", False),
    "rule": (4.9, 0.0, "rule", True),
    "next": (9.2, 0.0, "state at $t+1$", False),
    "out": (9.2, 3.6, "logits, value", False),
}
FLOW = {
    ("state", "weights"): "",
    ("state", "rule"): "Hebb$(t), h_{t-1}$, trace",
    ("weights", "cell"): "",
    ("x", "cell"): "",
    ("cell", "readout"): "$h_t$",
    ("cell", "modulator"): "$h_t$",
    ("cell", "rule"): "$p_t$",
    ("modulator", "drive"): "$M(t)$",
    ("drive", "rule"): "$\\mu(t)$",
    ("rule", "next"): "",
    ("readout", "out"): "",
}


@styled
def plot_architecture():
    """Above: one step; what plugs in is coloured. Below: the package in rows, each of which rests on those below it."""
    figure, (above, below) = new_figure(2, 1, height=6.6, height_ratios=[4, 6])
    _draw_step(above)
    _draw_rows(below)
    return figure


def _draw_step(axis):
    axis.set(xlim=(-1.1, 10.1), ylim=(-0.4, 4.0))
    axis.axis("off")
    centred = {"ha": "center", "va": "center"}
    boxes = {}
    for name, (x, y, text, plugs_in) in STEP.items():
        frame = {"boxstyle": "round", "facecolor": "#F6DDCC" if plugs_in else "white", "edgecolor": COLOURS[plugs_in]}
        boxes[name] = axis.text(x, y, text, bbox=frame, zorder=3, **centred)
    for (start, end), letter in FLOW.items():
        (x0, y0), (x1, y1) = boxes[start].get_position(), boxes[end].get_position()
        ends = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch(), "shrinkA": 0}
        axis.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": "0.45", "linewidth": 1} | ends)
        frame = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axis.text((x0 + x1) / 2, (y0 + y1) / 2, letter, fontsize=8, bbox=frame, **centred)


def _draw_rows(axis):
    axis.set(xlim=(0, 10), ylim=(0, len(ROWS)))
    axis.axis("off")
    for y, (names, meaning) in enumerate(zip(ROWS, MEANING)):
        width = 6.6 / len(names)
        for k, name in enumerate(names):
            corner, size = (k * width + 0.04, y + 0.1), (width - 0.08, 0.8)
            axis.add_patch(Rectangle(corner, *size, facecolor="#D6E6F2", edgecolor=COLOURS[0]))
            axis.text((k + 0.5) * width, y + 0.5, name, ha="center", va="center", fontsize=8)
        axis.text(6.75, y + 0.5, meaning, va="center", fontsize=8, color="0.3")
