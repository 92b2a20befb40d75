"""The map of the chapters: what needs what."""

import textwrap

from matplotlib.patches import Patch

from .style import COLOURS, new_figure, styled

FACES = {"core": "#D6E6F2", "branch": "#F6DDCC", "task": "#D3EBE2"}
EDGES = {"core": COLOURS[0], "branch": COLOURS[1], "task": COLOURS[2]}
SAID = {"core": "core: in this order", "branch": "branches", "task": "tasks"}
# (column, row) of each chapter: the core goes down the middle.
PLACES = {
    "09": (0, 0), "00": (1, 0),
    "12": (0, 1), "01": (1, 1), "13": (2, 1),
    "02": (0, 2), "03": (1, 2),
    "19": (0.12, 3), "04": (1, 3), "16": (1.9, 3),
    "08": (0.12, 4), "05": (1, 4), "15": (1.9, 4),
    "11": (0.12, 5), "06": (1, 5), "14": (2, 5),
    "10": (0, 6), "07": (1, 6), "17": (2, 6),
    "22": (-0.1, 7), "20": (1.1, 7), "18": (2.1, 7),
    "21": (1.45, 8),
}  # fmt: skip


@styled
def plot_path(chapters):
    """A box per Chapter and an arrow from each chapter that it needs, except where others lead there already."""
    figure, axis = new_figure(height=8.5)
    axis.set(xlim=(-0.52, 2.48), ylim=(8.5, -0.4))
    axis.axis("off")
    boxes = {}
    for chapter in chapters:
        frame = {"boxstyle": "round", "facecolor": FACES[chapter.kind], "edgecolor": EDGES[chapter.kind]}
        name = chapter.name.replace("hebb", "Hebb").replace("lstm", "LSTM")
        text = textwrap.fill(f"{chapter.number} {name}", 18)
        centred = {"ha": "center", "va": "center", "fontsize": 12, "zorder": 3}
        boxes[chapter.number] = axis.text(*PLACES[chapter.number], text, bbox=frame, **centred)
    for start, end in arrows({chapter.number: chapter.needs for chapter in chapters}):
        (x0, y0), (x1, y1) = PLACES[start], PLACES[end]
        bend = (0.5 if x0 < 1 else -0.45) if x0 == x1 and abs(y1 - y0) > 1 else 0  # round the boxes between the two
        ends = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
        look = {"arrowstyle": "-|>", "color": "0.35", "linewidth": 1.2, "connectionstyle": f"arc3,rad={bend}"}
        axis.annotate("", (x1, y1), (x0, y0), arrowprops=look | ends)
    legend = [Patch(facecolor=FACES[kind], edgecolor=EDGES[kind], label=SAID[kind]) for kind in FACES]
    axis.legend(handles=legend, loc="lower left", fontsize=12, bbox_to_anchor=(-0.02, -0.01))
    return figure


def arrows(needs):
    """list of (chapter, one that needs it), without those that follow from others; needs: dict, number -> numbers."""

    def all_needs(number):
        return set(needs[number]).union(*(all_needs(other) for other in needs[number]))

    found = []
    for number in needs:
        implied = set().union(*(all_needs(other) for other in needs[number]))
        found += [(other, number) for other in needs[number] if other not in implied]
    return found
