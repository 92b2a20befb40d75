"""Chapter 16: walks through the grid maze, cut into paths from a landing to the goal."""

from typing import NamedTuple

import numpy as np

from ..episodes import draw_actions, rollout
from ..figures.maze import animate_walk, plot_path_lengths
from ..network import Trajectory
from ..storage import load_parameters
from ..studies import DATA, load_study
from ..tasks.maze import AROUND, distances
from ..training import NETWORKS, Settings, build


class Walk(NamedTuple):
    """B episodes of T steps."""

    positions: np.ndarray  # (row, column) before each step and after the last (T+1, B, 2)
    found: np.ndarray  # bool: the step reached the goal (T, B)
    goal: np.ndarray  # (B, 2)
    trajectory: Trajectory


class Paths(NamedTuple):
    """Paths from where the agent starts or lands to the goal; P of them, in all episodes of a Walk."""

    episode: np.ndarray  # (P,)
    number: np.ndarray  # how often the goal was found before (P,)
    start: np.ndarray  # its first step t (P,)
    steps: np.ndarray  # (P,); inf for one that the end of the episode cut off
    shortest: np.ndarray  # the fewest steps that it could have taken (P,)


def walk(net, params, task, seed):
    """B fresh episodes of the maze -> Walk."""
    episode = rollout(net, params, task, np.random.default_rng(seed))
    task.reset(seed)  # the same episodes: they are drawn before the first action
    positions = [task.position]
    for actions in episode.actions:
        task.step(actions)
        positions.append(task.position)
    return Walk(np.array(positions), episode.rewards > 0, task.drawn.goal, episode.trajectory)


def finds_when_forgetting(net, params, task, rng):
    """How often the goal is found, (B,), by a network whose state is set back to the start whenever it has found it."""
    state, (obs, _) = net.initial_state(task.batch), task.reset(rng)
    fresh, finds = state, np.zeros(task.batch, int)
    for _ in range(task.T):
        out, state = net.step(params, obs.astype(net.dtype), state)
        obs, reward, _, _, _ = task.step(draw_actions(out.logits, rng))
        found = reward > 0
        finds += found
        parts = [
            None if part is None else np.where(found.reshape(-1, *[1] * (part.ndim - 1)), new, part)
            for part, new in zip(state, fresh)
        ]
        state = type(state)(*parts)
    return finds


def paths_of(walk, walls):
    """The Paths of a Walk."""
    fewest, rows = distances(walls), []
    for b, goal in enumerate(walk.goal):
        ends = np.flatnonzero(walk.found[:, b])
        starts = np.concatenate([[0], ends + 1])
        for number, (start, end) in enumerate(zip(starts, [*ends, np.inf])):
            if start < len(walk.found):
                shortest = fewest[tuple(walk.positions[start, b])][tuple(goal)]
                rows.append((b, number, start, end + 1 - start, shortest))
    episode, number, start, steps, shortest = np.array(rows).T
    return Paths(episode.astype(int), number.astype(int), start.astype(int), steps, shortest)


def lengths_by_number(paths, last_start, count):
    """Quartiles of the steps of paths 0 ... count-1 (3, count) and the mean of the fewest possible (count,).

    Only paths that start at ``last_start`` or before, so that the episode's end cuts off long ones alone.
    """
    of = [(paths.number == number) & (paths.start <= last_start) for number in range(count)]
    steps = [np.quantile(paths.steps[here], (0.25, 0.5, 0.75), method="higher") for here in of]
    return np.array(steps).T, np.array([paths.shortest[here].mean() for here in of])


def views(walls):
    """A number a square, the same for squares whose 3×3 neighbourhoods are alike; -1 for walls: (S, S)."""
    numbers = np.full(walls.shape, -1)
    free = np.argwhere(~walls)  # (F, 2)
    around = free[:, None, None] + AROUND  # (F, 3, 3, 2)
    seen = walls[around[..., 0], around[..., 1]].reshape(len(free), -1)  # (F, 9)
    numbers[tuple(free.T)] = np.unique(seen, axis=0, return_inverse=True)[1].ravel()
    return numbers


def recorded(label, batch, data=DATA):
    """The study's network of seed 0 under a label, and its task with another batch -> net, params, task."""
    net, params = load_parameters(data / "maze" / f"params-{label}.npz")
    settings = Settings(**load_study("maze", data)[0]["lines"][label]["settings"])
    task, _ = build(settings._replace(task_options=settings.task_options | {"batch": batch}))
    return net, params, task


def figure_path_lengths(data=DATA):
    """Steps to the goal, by how often it was found before, of the recorded networks of seed 0."""
    lengths = {}
    for label in NETWORKS:
        net, params, task = recorded(label, 400, data)
        paths = paths_of(walk(net, params, task, seed=16), task.walls)
        lengths[label], shortest = lengths_by_number(paths, last_start=task.T - 40, count=8)
    return plot_path_lengths(lengths, shortest)


def gif_agent(data=DATA):
    """The recorded network with simple modulation, seed 0, in one episode."""
    net, params, task = recorded("simple", 1, data)
    return animate_walk(task.walls, walk(net, params, task, seed=3), episode=0, end=50)


FIGURES = {"maze_agent.gif": gif_agent, "maze_path_lengths.png": figure_path_lengths}
