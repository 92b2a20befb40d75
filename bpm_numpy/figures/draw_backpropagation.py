"""Pictures of gradients: the graph they run through, how exactly they are known, and how far they reach."""

import numpy as np

from .style import COLOURS, LINES, new_figure, styled

# What ``plot_step_graph`` draws: name -> (x, y, text); parameters name the node that they enter.
NODES = {
    "h_prev": (0, 2, "$h_{t-1}$"),
    "hebb": (0, 0, "Hebb$(t)$"),
    "E_prev": (0, 4, "$E(t-1)$"),
    "weights": (2.2, 0.9, "$\\tilde W(t)$"),
    "y": (2.2, 2, "$y_t$"),
    "X": (3.3, 3.1, "$X_t$"),
    "x": (3.5, 0.9, "$x_t$"),
    "h": (4.6, 2, "$h_t$"),
    "logits": (6.1, 2.9, "logits$_t$"),
    "M": (6.1, 1.1, "$M(t)$"),
    "E": (7.9, 4, "$E(t)$"),
    "u": (7.9, 0, "$u(t)$"),
    "L": (9.9, 2.9, "$L$"),
    "h_next": (9.9, 2, "$h_t$"),
    "hebb_next": (9.9, 0, "Hebb$(t{+}1)$"),
    "E_next": (9.9, 4, "$E(t)$"),
}
PARAMETERS = {
    "weights": (1.0, 1.35, "$w, \\alpha$"),
    "h": (4.6, 0.9, "$W_x, b$"),
    "logits": (7.0, 2.4, "$W_y, b_y$"),
    "M": (5.5, 0.4, "$W_m, b_m$"),
    "E": (6.9, 4.55, "$\\eta$"),
}
EDGES = {  # (from, to): letter of the line of the derivation
    ("h", "logits"): "a",
    ("u", "hebb_next"): "b",
    ("hebb", "u"): "c",
    ("M", "u"): "c",
    ("E", "u"): "c",
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


@styled
def plot_step_graph():
    """The forward pass of one step of the rnn with the trace; the letters are the lines of chapter 04's derivation."""
    figure, axis = new_figure(height=3.9)
    axis.set(xlim=(-0.9, 10.9), ylim=(-0.4, 4.95))
    axis.axis("off")
    centred = {"ha": "center", "va": "center"}

    def box(x, y, text, fill, colour):
        frame = {"boxstyle": "round", "facecolor": fill, "edgecolor": colour}
        return axis.text(x, y, text, bbox=frame, zorder=3, **centred)

    def arrow(start, end, colour):
        ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(), "shrinkA": 0, "shrinkB": 2}
        arrows = {"arrowstyle": "-|>", "color": colour, "linewidth": 1} | ends
        axis.annotate("", end.get_position(), start.get_position(), arrowprops=arrows)

    nodes = {}
    for name, (x, y, text) in NODES.items():
        state = name.endswith(("prev", "next")) or name == "hebb"
        nodes[name] = box(x, y, text, "#D6E6F2" if state else "white", COLOURS[0])
    for target, (x, y, text) in PARAMETERS.items():
        arrow(box(x, y, text, "white", "white"), nodes[target], COLOURS[2])
    for (start, end), letter in EDGES.items():
        arrow(nodes[start], nodes[end], "0.45")
        (x0, y0), (x1, y1) = nodes[start].get_position(), nodes[end].get_position()
        part = 0.7 if (start, end) == ("E", "u") else 0.5
        look = {
            "color": COLOURS[1],
            "fontweight": "bold",
            "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1},
        }
        axis.text(x0 + part * (x1 - x0), y0 + part * (y1 - y0), letter, fontsize=8, **centred, **look)
    for x, text in ((0, "enters step $t$"), (9.9, "enters step $t+1$")):
        axis.text(x, 4.7, text, fontsize=8, color="0.3", **centred)
    return figure


@styled
def plot_step_errors(steps, errors):
    """Relative error of numerical derivatives against their step s (S,); ``errors``: method -> (S, directions).

    The line is the median over directions, the band the middle half. Errors of exactly 0 are drawn at 1e-17.
    """
    figure, axis = new_figure(height=3.1)
    for name, values in errors.items():
        low, middle, high = np.quantile(np.maximum(values, 1e-17), (0.25, 0.5, 0.75), axis=1)
        (line,) = axis.plot(steps, middle, label=name)
        axis.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axis.set(xscale="log", yscale="log", xlabel="step s", ylabel="relative error", ylim=(5e-18, 100))
    axis.legend(loc="center left", bbox_to_anchor=(0.03, 0.4))
    return figure


@styled
def plot_caught(errors, matters, mistakes, problems):
    """Which mistakes are caught in which problems, as a table: errors, matters (mistakes, problems).

    A cell holds log10 of the error found, a cross where the mistake matters but was missed, nothing where it does not.
    """
    figure, axis = new_figure(height=5.4)
    shown = np.ma.masked_equal(errors, 0)
    image = axis.imshow(np.ma.log10(shown), cmap="cividis", vmin=-4, vmax=0, aspect="auto")
    for (row, column), error in np.ndenumerate(errors):
        if error:
            power = round(np.log10(error)) + 0  # no -0
            look = {"fontsize": 7, "color": "white" if power < -2 else "black"}
            axis.text(column, row, power, ha="center", va="center", **look)
        elif matters[row, column]:
            axis.text(column, row, "×", ha="center", va="center", color=COLOURS[1], fontweight="bold")
    axis.set_xticks(range(len(problems)), problems, rotation=60, ha="left", rotation_mode="anchor", fontsize=8)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(mistakes)), mistakes)
    axis.set_xticks(np.arange(len(problems) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(mistakes) + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="0.85", linewidth=0.6, linestyle="-")
    axis.tick_params(which="both", length=0)
    figure.colorbar(image, ax=axis, shrink=0.5, pad=0.02).set_label("log₁₀ of the relative error found")
    return figure


@styled
def plot_flow(norms):
    """Norms of the adjoints of h and Hebb over t; ``norms``: name -> State of (networks, T+1).

    Median over networks, the middle half as a band. The adjoint of the final state is zero and left out.
    """
    figure, (left, right) = new_figure(1, 2, height=3.1, sharey=True)
    for number, (name, state) in enumerate(norms.items()):
        for axis, values in ((left, state.h), (right, state.hebb)):
            if values is None:
                continue
            low, middle, high = np.quantile(values[:, :-1], (0.25, 0.5, 0.75), axis=0)
            axis.plot(middle, color=COLOURS[number], linestyle=LINES[number], label=name)
            axis.fill_between(range(len(middle)), low, high, color=COLOURS[number], alpha=0.2, linewidth=0)
    left.set(yscale="log", xlabel="t", ylabel="norm of the adjoint", title="$|\\partial L/\\partial h_{t-1}|$")
    right.set(xlabel="t", title="$|\\partial L/\\partial \\mathrm{Hebb}(t)|$")
    left.legend(loc="lower right")
    return figure
