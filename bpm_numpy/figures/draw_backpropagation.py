"""Pictures of gradients: the graph they run through, how exactly they are known, and how far they reach."""

import numpy as np

from .style import COLOURS, LINES, gif, new_figure, styled

CENTRED = {"ha": "center", "va": "center", "fontsize": 11}
H_ROAD, HEBB_ROAD, PLAIN = COLOURS[0], COLOURS[1], "0.6"
FLOWS = [COLOURS[k] for k in (0, 2, 6, 4)]  # fixed weights and plastic ones have the colours of style.NETWORKS

# One step, as ``plot_step_graph`` draws it: name -> (x, y, text); parameters name the node that they enter.
NODES = {
    "h_prev": (0, 2, "$h_{t-1}$"),
    "hebb": (0, 0, "Hebb$(t)$"),
    "E_prev": (0, 4, "$E(t-1)$"),
    "weights": (2.2, 0.9, "$\\tilde W(t)$"),
    "y": (2.2, 2, "$y_t$"),
    "X": (4.6, 3.2, "$X_t$"),
    "x": (3.5, 0.9, "$x_t$"),
    "h": (4.6, 2, "$h_t$"),
    "logits": (6.8, 3, "logits$_t$"),
    "M": (6.1, 1.1, "$M(t)$"),
    "E": (8.2, 4, "$E(t)$"),
    "u": (8.2, 0, "$u(t)$"),
    "L": (10.6, 3, "$L$"),
    "h_next": (10.6, 2, "$h_t$"),
    "hebb_next": (10.6, 0, "Hebb$(t{+}1)$"),
    "E_next": (10.6, 4, "$E(t)$"),
}
PARAMETERS = {
    "weights": (1.0, 1.4, "$w, \\alpha$"),
    "h": (4.6, 0.9, "$W_x, b$"),
    "logits": (7.4, 2.4, "$W_y, b_y$"),
    "M": (5.4, 0.4, "$W_m, b_m$"),
    "E": (6.9, 4.55, "$\\eta$"),
    "u": (6.9, -0.6, "rate"),
}
EDGES = {  # (from, to): letter of the line of the derivation
    ("h", "logits"): "a",
    ("u", "hebb_next"): "b",
    ("hebb", "u"): "c",
    ("M", "u"): "c",
    ("E", "u"): "c",
    ("X", "u"): "c",
    ("E_prev", "E"): "d",
    ("X", "E"): "d",
    ("h_prev", "X"): "e",
    ("h", "X"): "e",
    ("h", "M"): "f",
    ("y", "h"): "h",
    ("x", "h"): "h",
    ("h_prev", "y"): "i",
    ("weights", "y"): "i",
    ("hebb", "weights"): "j",
    ("logits", "L"): "",
    ("h", "h_next"): "",
    ("E", "E_next"): "",
}
STAGES = ("rate", "Clip", "M", "trace")
HIDDEN = {"rate": {"M", "E", "E_prev", "E_next"}, "Clip": {"M", "E", "E_prev", "E_next"}}
HIDDEN["M"] = HIDDEN["Clip"] - {"M"}
NEW = {  # the arrows that a stage adds
    "rate": set(),
    "Clip": {("u", "hebb_next")},
    "M": {("h", "M"), ("M", "u")},
    "trace": {("E_prev", "E"), ("X", "E"), ("E", "u"), ("E", "E_next")},
}


@styled
def plot_step_graph(stage="trace"):
    """The forward pass of one step; the letters are the lines of chapter 04's derivation.

    ``stage`` is one of STAGES: the rate and the outer product alone; with Clip; with M in place of the rate; with the
    trace as well. The arrows that it adds are thick.
    """
    if stage not in STAGES:
        raise ValueError(f"stage: expected one of {', '.join(STAGES)}, got {stage!r}")
    figure, axis = new_figure(height=3.9 if stage == "trace" else 3.4)
    axis.set(xlim=(-0.9, 11.7), ylim=(-0.85, 4.95 if stage == "trace" else 4.1))
    axis.axis("off")
    hidden = HIDDEN.get(stage, set())
    nodes = {}
    for name, (x, y, text) in NODES.items():
        if name not in hidden:
            state = name.endswith(("prev", "next")) or name == "hebb"
            nodes[name] = _box(axis, x, y, text, "#D6E6F2" if state else "white", COLOURS[0])
    for target, (x, y, text) in PARAMETERS.items():
        if target in nodes and not (target == "u" and "M" in nodes):  # M(t) takes the place of the rate
            _arrow(axis, _box(axis, x, y, text, "white", "white"), nodes[target], COLOURS[2], 1)
    for (start, end), letter in EDGES.items():
        if {start, end} <= set(nodes) and not ((start, end) == ("X", "u") and "E" in nodes):
            new = (start, end) in NEW[stage]
            _arrow(axis, nodes[start], nodes[end], HEBB_ROAD if new else PLAIN, 2.2 if new else 1)
            if letter and not (stage == "rate" and letter == "b"):
                _letter(axis, nodes[start], nodes[end], f"({letter})", 0.7 if start in "EX" and end == "u" else 0.5)
    top = 4.7 if stage == "trace" else 3.9
    for x, text in ((0, "enters step $t$"), (10.5, "enters step $t+1$")):
        axis.text(x, top, text, color="0.3", **CENTRED)
    return figure


def _box(axis, x, y, text, fill, colour):
    frame = {"boxstyle": "round", "facecolor": fill, "edgecolor": colour}
    return axis.text(x, y, text, bbox=frame, zorder=3, **CENTRED)


def _arrow(axis, start, end, colour, width, zorder=1):
    ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(), "shrinkA": 0, "shrinkB": 2}
    look = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "mutation_scale": 9 + 2 * width}
    axis.annotate("", end.get_position(), start.get_position(), arrowprops=look | ends, zorder=zorder)


def _letter(axis, start, end, letter, part, colour="black"):
    (x0, y0), (x1, y1) = start.get_position(), end.get_position()
    background = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    look = {"color": colour, "fontweight": "bold", "bbox": background, "zorder": 2}
    axis.text(x0 + part * (x1 - x0), y0 + part * (y1 - y0), letter, **CENTRED, **look)


# Three steps, and the two roads through them: (from, to): what the arrow does. h0 is h before step 0.
ROADS = {
    ("h0", "h1"): "",
    ("h1", "h2"): "",
    ("h2", "h3"): "",
    ("hebb0", "h1"): "used",
    ("hebb1", "h2"): "used",
    ("hebb2", "h3"): "used",
    ("hebb0", "hebb1"): "kept",
    ("hebb1", "hebb2"): "kept",
    ("hebb2", "hebb3"): "kept",
    ("h0", "hebb1"): "written",
    ("h1", "hebb1"): "written",
    ("h1", "hebb2"): "written",
    ("h2", "hebb2"): "written",
    ("h2", "hebb3"): "written",
    ("h3", "hebb3"): "written",
    ("h3", "L"): "",
}
WALK = (  # the way back: what is said, and the arrows that are walked
    ("Forward: three steps, then the loss L", ()),
    ("Back, (a): the loss reaches $h_2$", (("h3", "L"),)),
    ("Hebb(3) has no reader: dHebb(3) = 0", ()),
    ("Step 2, (i): from $h_2$ to $h_1$, by the road through h", (("h2", "h3"),)),
    ("Step 2, (j): from $h_2$ to Hebb(2), which was used as a weight", (("hebb2", "h3"),)),
    ("Step 1, (c): from Hebb(2) to Hebb(1), which was kept", (("hebb1", "hebb2"),)),
    ("Step 1, (e): from Hebb(2) to $h_0$ and $h_1$, which wrote it", (("h1", "hebb2"), ("h2", "hebb2"))),
    ("Step 1, (i): $h_1$ is complete. On to $h_0$", (("h1", "h2"),)),
    ("Step 1, (j): from $h_1$ to Hebb(1), which was used", (("hebb1", "h2"),)),
    ("Step 0, (c): from Hebb(1) to Hebb(0), which was kept", (("hebb0", "hebb1"),)),
    ("Step 0, (e): from Hebb(1) to $h_{-1}$ and $h_0$, which wrote it", (("h0", "hebb1"), ("h1", "hebb1"))),
    ("Step 0, (i) and (j): $h_0$ is complete. On to $h_{-1}$ and Hebb(0)", (("h0", "h1"), ("hebb0", "h1"))),
    ("Every arrow that leads to L was walked once", ()),
)


@styled
def plot_roads(frame=None):
    """Three steps unrolled: the road through h in blue, the road through Hebb in orange.

    With ``frame`` (0 ... len(WALK) - 1): the arrows that have been walked so far on the way back, the last ones thick.
    """
    figure, axis = new_figure(height=3.1)
    axis.set(xlim=(-1.1, 11.3), ylim=(-0.9, 3.3))
    axis.axis("off")
    boxes = {"L": _box(axis, 10.7, 2.2, "$L$", "white", "black")}
    for k in range(4):
        boxes[f"h{k}"] = _box(axis, 3 * k, 2.2, f"$h_{{{k - 1}}}$", "#D6E6F2", H_ROAD)
        boxes[f"hebb{k}"] = _box(axis, 3 * k, 0, f"Hebb({k})", "#FBE3D2", HEBB_ROAD)
    for step in range(3):
        axis.text(3 * step + 1.5, -0.65, f"step {step}", color="0.3", **CENTRED)
    walked = [] if frame is None else [edge for _, edges in WALK[: frame + 1] for edge in edges]
    now = () if frame is None else WALK[frame][1]
    for (start, end), word in ROADS.items():
        colour = HEBB_ROAD if "hebb" in start + end else H_ROAD
        if frame is None:
            _arrow(axis, boxes[start], boxes[end], colour, 1.6)
        elif (start, end) in walked:
            _arrow(axis, boxes[end], boxes[start], colour, 3 if (start, end) in now else 1.6, zorder=2)
        else:
            _arrow(axis, boxes[start], boxes[end], "0.8", 1)
        if frame is None and word and start in ("h0", "hebb0"):
            _letter(axis, boxes[start], boxes[end], word, 0.5 if word == "kept" else 0.28, colour)
    if frame is None:
        axis.text(3.12, 1.1, "written", color=HEBB_ROAD, fontsize=11, fontweight="bold", va="center")
        axis.text(-1, 3, "the road through h", color=H_ROAD, fontsize=12, fontweight="bold", va="center")
        axis.text(4, 3, "the road through Hebb", color=HEBB_ROAD, fontsize=12, fontweight="bold", va="center")
    else:
        axis.text(-1, 3, WALK[frame][0], fontsize=12.5, va="center")
    return figure


def animate_roads(milliseconds=1600):
    """``plot_roads`` walked backwards, as the bytes of a GIF that plays over and over."""
    return gif((plot_roads(frame) for frame in range(len(WALK))), milliseconds)


@styled
def plot_step_errors(steps, errors):
    """Relative error of numerical derivatives against their step s (S,); ``errors``: method -> (S, directions).

    Thin: one line per direction; thick: their median. Errors of exactly 0 are drawn at 1e-17.
    """
    figure, axis = new_figure(height=3.3)
    for number, values in enumerate(errors.values()):
        values = np.maximum(values, 1e-17)
        axis.plot(steps, values, color=COLOURS[number], linestyle="-", linewidth=0.4, alpha=0.35)
        axis.plot(steps, np.median(values, axis=1), color=COLOURS[number], linestyle=LINES[number], linewidth=2)
    for number, (name, where) in enumerate(zip(errors, ((1e-8, 2e-2), (1e-10, 2e-10), (1e-19, 1e-12)))):
        axis.text(*where, name, color=COLOURS[number], fontweight="bold", fontsize=11)
    axis.set(xscale="log", yscale="log", xlabel="step s", ylabel="relative error", ylim=(5e-18, 100))
    axis.set_title("thin: one line per direction; thick: their median", fontsize=10)
    return figure


@styled
def plot_caught(errors, matters, mistakes, problems):
    """Which mistakes are caught in which problems, as a table: errors, matters (mistakes, problems).

    A field is dark if the error found is above 10 %, lighter above 1 %, lightest below; it holds a cross where the
    mistake matters but was missed, nothing where it does not matter.
    """
    figure, axis = new_figure(height=6.6)
    shades = ("#FFFFFF", "#F6D89A", "#7DB8DA", COLOURS[0])
    sizes = np.digitize(errors, (1e-300, 0.01, 0.1))  # (mistakes, problems): 0 nothing found ... 3 above 10 %
    colours = np.array([[int(shade[k : k + 2], 16) for k in (1, 3, 5)] for shade in shades], np.uint8)
    axis.imshow(colours[sizes], aspect="auto")
    for row, column in np.argwhere(matters & (errors == 0)):
        axis.text(column, row, "×", color=HEBB_ROAD, fontweight="bold", **CENTRED | {"fontsize": 13})
    axis.set_xticks(range(len(problems)), problems, rotation=50, ha="left", rotation_mode="anchor", fontsize=10)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(mistakes)), mistakes, fontsize=10)
    axis.set_xticks(np.arange(len(problems) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(mistakes) + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.8", linewidth=0.6, linestyle="-")
    axis.tick_params(which="both", length=0)
    marks = [axis.scatter([], [], s=90, marker="s", color=shade, edgecolor="0.6") for shade in shades[:0:-1]]
    marks.append(axis.scatter([], [], s=60, marker="x", color=HEBB_ROAD))
    names = ("caught: off by over 10 %", "by 1 to 10 %", "by less than 1 %", "missed")
    figure.legend(marks, names, loc="outside lower center", ncols=4, fontsize=10, columnspacing=1, handletextpad=0.3)
    return figure


@styled
def plot_flow(norms):
    """Norms of gradients over t, on a log scale; ``norms``: name -> (networks, T). The name stands at its line.

    Thin: one line per network; thick: their median.
    """
    figure, axis = new_figure(height=3.6)
    for number, (name, values) in enumerate(norms.items()):
        colour, middle = FLOWS[number], np.median(values, axis=0)
        axis.plot(values.T, color=colour, linestyle="-", linewidth=0.4, alpha=0.3)
        axis.plot(middle, color=colour, linestyle=LINES[number], linewidth=2)
        where = ((24, 1e-11), (1, 2.5e-3), (1, 2e-5), (1, 2.5))[number]
        axis.text(*where, name, color=colour, fontweight="bold", fontsize=11)
    axis.set(yscale="log", xlabel="t: the gradient with respect to what enters step t", ylabel="norm", ylim=(1e-14, 30))
    axis.set_title("loss at the last step; thin: one line per network, thick: their median", fontsize=10)
    return figure
