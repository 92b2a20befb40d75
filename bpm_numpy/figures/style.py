"""What all figures share: size, colours, the map for signed matrices, and how they reach a file or a page."""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from ..files import replace_file

# Okabe and Ito's palette, told apart with any kind of colour blindness; line styles tell it apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 3)), (0, (8, 2)))
NETWORKS = ("none", "plastic", "simple", "retroactive", "LSTM")  # each has its colour, by place, in every figure
SIGNED = "RdBu_r"  # red positive, white zero, blue negative
WIDTH = 7.2  # inches: the width of a text column in a notebook
NARROW = 5.4  # inches: letters of a figure this wide can be read on a telephone

STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 110,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=COLOURS, linestyle=LINES),
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


# Decorates the functions that draw, so that all they make follows STYLE and the caller's settings stay.
styled = plt.rc_context(STYLE)
# As ``styled``, with letters that can be read when the figure is shrunk to the width of a phone.
large = plt.rc_context(STYLE | {"font.size": 12, "axes.titlesize": 12})


def new_figure(rows=1, columns=1, height=2.4, width=WIDTH, **subplots):
    """An empty Figure, ``height`` and ``width`` inches large, and its axes (as ``plt.subplots``)."""
    figure = plt.figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, **subplots)


def looks(labels):
    """Colour and line style of each label, a dict: label -> what ``plot`` takes.

    A label that begins with one of NETWORKS has the colour of that network; others share the colours that are left.
    """
    names = {label: re.split("[ ,]", label)[0] for label in labels}
    places = {label: NETWORKS.index(name) for label, name in names.items() if name in NETWORKS}
    free = [place for place in range(len(COLOURS)) if place not in places.values()]
    if places:  # a colour that is no network's comes first
        free.sort(key=lambda place: place < len(NETWORKS))
    found, seen = {}, []
    for label, name in names.items():
        place = places[label] if label in places else free[sum(other not in NETWORKS for other in seen) % len(free)]
        line = (place + seen.count(name) * (name in NETWORKS)) % len(LINES)  # one network twice: two line styles
        found[label] = {"color": COLOURS[place], "linestyle": LINES[line]}
        seen.append(name)
    return found


def draw_matrix(axis, matrix, bound, title="", pre="pre", post="post"):
    """A signed matrix [pre, post] on the symmetric scale ±bound; returns the image, for a colour bar."""
    image = axis.imshow(matrix, cmap=SIGNED, vmin=-bound, vmax=bound, interpolation="nearest", aspect="equal")
    axis.set(title=title, xlabel=post, ylabel=pre)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(visible=True, linewidth=0.5)
    return image


def draw_seeds(axis, by_seed):
    """A column per label of ``by_seed``, label -> (S,): a dot per seed, and a line at the median."""
    look = looks(by_seed)
    for column, (name, values) in enumerate(by_seed.items()):
        spread = np.linspace(-0.15, 0.15, len(values))
        axis.plot(column + spread, np.sort(values), marker="o", linestyle="", color=look[name]["color"], markersize=4)
        axis.plot([column - 0.3, column + 0.3], [np.median(values)] * 2, color="black", linewidth=1, linestyle="-")
    axis.set_xticks(range(len(by_seed)), by_seed, rotation=30, ha="right")


def draw_band(axis, x, values, **look):
    """Over x (R,) the median of the values (S, R), as ``look`` says; their quartiles, a band -> the median (R,)."""
    first, median, third = np.quantile(values, (0.25, 0.5, 0.75), axis=0)  # (R,)
    (line,) = axis.plot(x, median, **look)
    axis.fill_between(x, first, third, color=line.get_color(), alpha=0.2, linewidth=0)
    return median


def draw_median(axis, x, values, look, label):
    """``draw_band`` over the seeds, thick, with their number in its label; and a thin line per seed."""
    draw_band(axis, x, values, label=f"{label} ({len(values)})", **look)
    if len(values) > 1:
        lines = [np.column_stack([x, of]) for of in values]
        axis.add_collection(LineCollection(lines, colors=look["color"], linewidths=0.4, alpha=0.5))


@styled
def png(figure, dpi=110):
    """The figure as PNG bytes without version strings: the same data give the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def gif(figures, milliseconds, dpi=110):
    """The Figures of an iterable, closed one by one, as the bytes of a GIF that plays over and over."""
    from PIL import Image

    frames = []
    for figure in figures:
        frames.append(Image.open(io.BytesIO(png(figure, dpi))).convert("RGB").quantize(256))
        plt.close(figure)
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def save_figure(figure, path, dpi=160):
    """Write a Figure to ``path`` as PNG and close it; bytes (an animation, already a GIF) are written as they are."""
    with replace_file(path) as file:
        file.write(file_bytes(figure, dpi))


def file_bytes(figure, dpi=160):
    """What ``save_figure`` writes."""
    data = figure if isinstance(figure, bytes) else png(figure, dpi)
    plt.close("all")
    return data


def show_figure(figure, alt):
    """Display the figure in a notebook with a text for those who cannot see it, and close it."""
    from IPython.display import Image, display

    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt: expected a sentence that says what the figure shows, got {alt!r}")
    display(Image(data=png(figure), format="png", alt=alt))
    plt.close(figure)


def symmetric_bound(*arrays):
    """The largest absolute value in the arrays: the limit of a symmetric scale; 1 if all are zero."""
    return max(float(np.abs(array).max(initial=0)) for array in arrays) or 1.0
