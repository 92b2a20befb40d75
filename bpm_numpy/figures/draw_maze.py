"""Figures of chapter 18: the maze, the paths of an agent in it, and both beside Hebb and M(t), also as an animation."""

import numpy as np

from .style import COLOURS, LINES, draw_matrix, gif, large, looks, new_figure, styled

AGENT, GOAL = {"color": COLOURS[0], "marker": "o"}, {"color": COLOURS[1], "marker": "*"}
ASIDE = (0.0, 0.17, -0.17)  # of a square's centre, the lanes of a path that crosses itself


@large
def plot_room(walls, goal, views, steps):
    """Start and goal (row, column); squares that look alike; steps to the goal. All but goal are (S, S).

    views: a number a square, the same for squares that look the same; steps: inf where no way leads.
    """
    figure, (left, middle, right) = new_figure(1, 3, height=2.8)
    _draw_room(left, walls, "the goal, never shown")
    centre = len(walls) // 2
    _draw_goal(left, goal, found=True)
    left.plot([centre], [centre], markersize=9, linestyle="", **AGENT)
    across, down = np.array([[-1.5, 1.5, 1.5, -1.5, -1.5], [-1.5, -1.5, 1.5, 1.5, -1.5]])  # what the agent sees
    left.plot(centre + across, centre + down, color=COLOURS[0], linestyle=":")
    _draw_room(middle, walls, "squares that look alike")
    _draw_room(right, walls, "steps to the goal")
    alike = [view for view in np.unique(views[~walls]) if (views[~walls] == view).sum() > 1]
    for row, column in np.argwhere(~walls):
        view = views[row, column]
        text = "abcdefgh"[alike.index(view)] if view in alike else "·"
        middle.text(column, row, text, ha="center", va="center")
        right.text(column, row, f"{steps[row, column]:.0f}", ha="center", va="center")
    return figure


@large
def plot_paths(walls, goal, paths, titles):
    """One panel per path: its squares (k, 2) from a landing to the goal, in order, first one marked."""
    figure, axes = new_figure(1, len(paths), height=2.3, squeeze=False)
    for axis, path, title in zip(axes[0], paths, titles):
        _draw_room(axis, walls, title)
        _draw_goal(axis, goal, found=True)
        across, down = _in_lanes(path)
        axis.plot(across, down, color=COLOURS[0], linewidth=1.2, linestyle="-")
        axis.plot(path[:1, 1], path[:1, 0], markersize=7, **AGENT)
    return figure


@large
def plot_path_lengths(untouched, forgetful):
    """By how often the goal was found before, steps to it and the share of shortest paths, one column per network.

    Both: dict of label -> ``tutorial.maze.Lengths``.
    """
    figure, axes = new_figure(2, len(untouched), height=3.8, sharex=True, sharey="row", squeeze=False)
    colours = {label: look["color"] for label, look in looks(untouched).items()}
    for (above, below), (label, lengths) in zip(axes.T, untouched.items()):
        numbers = np.arange(len(lengths.median))
        ways = (("untouched", lengths, "-", "o"), ("forgets all at every find", forgetful[label], LINES[1], "x"))
        for name, of, line, marker in ways:
            look = {"color": colours[label], "linestyle": line, "marker": marker, "markersize": 4, "label": name}
            above.plot(numbers, of.median, **look)
            below.plot(numbers, 100 * of.direct, **look)
        above.plot(numbers, lengths.fewest, color="0.4", linewidth=1, linestyle=":", label="shortest path, mean")
        above.set_title(label)
        below.set_xticks(numbers[::2])
    axes[0, 0].set(ylabel="steps, median", ylim=(0, None))
    axes[1, 0].set(ylabel="shortest, %", ylim=(0, 100))
    figure.supxlabel("how often the goal was found before", fontsize=12)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


@large
def plot_moments(walls, walk, episode, times):
    """The room with the path so far above, Hebb(t) below, a column a time; ``walk``: a ``tutorial.maze.Walk``."""
    hebb, clip = walk.trajectory.hebb[:, episode], walk.trajectory.net.clip
    figure, axes = new_figure(2, len(times), height=3.9, squeeze=False)
    for (above, below), t in zip(axes.T, times):
        _draw_agent(above, walls, walk, episode, t)
        image = draw_matrix(below, hebb[t], clip, f"Hebb({t})", pre="pre" if t == times[0] else "")
    figure.colorbar(image, ax=axes[1], shrink=0.75, pad=0.02, ticks=(-clip, 0, clip))
    return figure


@styled
def plot_frame(walls, walk, episode, t, end):
    """The room with the path so far, Hebb(t), and M up to step t of ``end``: one frame of ``animate_walk``."""
    figure, (left, middle, right) = new_figure(1, 3, height=2.8, width_ratios=(4, 4, 5))
    _draw_agent(left, walls, walk, episode, t)
    clip = walk.trajectory.net.clip
    image = draw_matrix(middle, walk.trajectory.hebb[t, episode], clip, f"Hebb({t})")
    figure.colorbar(image, ax=middle, shrink=0.6, ticks=(-clip, 0, clip))
    right.axhline(0, color="0.7", linewidth=0.8, linestyle="-")
    for step in np.flatnonzero(walk.found[:t, episode]):
        right.axvline(step + 1, color=COLOURS[1], linewidth=0.8, linestyle="-")
    right.plot(walk.trajectory.modulator[: t + 1, episode], color=COLOURS[0])
    right.set(xlabel="step t (lines: reward is read)", ylabel="M(t)", xlim=(0, end), ylim=(-1.05, 1.05))
    return figure


def animate_walk(walls, walk, episode, end, milliseconds=300, dpi=80):
    """``plot_frame`` from t = 0 to ``end``, below T, as the bytes of a GIF."""
    return gif((plot_frame(walls, walk, episode, t, end) for t in range(end + 1)), milliseconds, dpi)


def _draw_room(axis, walls, title=""):
    axis.imshow(walls, cmap="Greys", vmin=0, vmax=1.4, interpolation="nearest")
    axis.set(title=title, xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _in_lanes(path):
    """Columns and rows of a path's squares (k, 2), which changes lanes before it comes to a square again: of three."""
    points, lane, seen = [path[0]], 0, {tuple(path[0])}
    for before, square in zip(path[:-1], path[1:]):
        if tuple(square) in seen and tuple(square) != tuple(before):
            lane, seen = (lane + 1) % 3, {tuple(before)}
            points.append(before + ASIDE[lane])
        points.append(square + ASIDE[lane])
        seen.add(tuple(square))
    return np.array(points)[:, ::-1].T


def _draw_goal(axis, goal, found):
    """A star, hollow as long as the agent has not found it."""
    face = GOAL["color"] if found else "white"
    axis.plot(goal[1:], goal[:1], markersize=11, linestyle="", markerfacecolor=face, **GOAL)


def _draw_agent(axis, walls, walk, episode, t):
    """Where the agent is before step t, with its path since it last landed."""
    found = np.flatnonzero(walk.found[:t, episode])
    since = found[-1] + 1 if len(found) else 0
    path = walk.positions[since : t + 1, episode]
    _draw_room(axis, walls, f"t = {t}\nfound {len(found)}×")
    _draw_goal(axis, walk.goal[episode], found=len(found) > 0)
    axis.plot(path[:, 1], path[:, 0], color=COLOURS[0], linewidth=1.2, linestyle="-")
    axis.plot(path[-1:, 1], path[-1:, 0], markersize=9, linestyle="", **AGENT)
