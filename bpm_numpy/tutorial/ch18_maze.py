"""Chapter 18: walks through the grid maze, cut into paths from a landing to the goal, and what a memory holds of it."""

from typing import NamedTuple

import numpy as np

from ..figures.draw_lost_runs import plot_lost_run, plot_remedies
from ..figures.draw_maze import animate_walk, plot_path_lengths
from ..lab.kept import final_scores, is_lost
from ..lab.kept import number as as_printed
from ..lab.studies import DATA, load_about, load_recorded, load_study
from ..learning.episodes import draw_actions, rollout
from ..learning.signs import SIGNS
from ..learning.training import NETWORKS
from ..network import Trajectory
from ..tasks.maze import around, distances


class Walk(NamedTuple):
    """B episodes of T steps."""

    positions: np.ndarray  # (row, column) before each step and after the last (T+1, B, 2)
    found: np.ndarray  # bool: the step reached the goal (T, B)
    goal: np.ndarray  # (B, 2)
    trajectory: Trajectory | None  # None of a ``forgetful_walk``


class Paths(NamedTuple):
    """Paths from where the agent starts or lands to the goal; P of them, in all episodes of a Walk."""

    episode: np.ndarray  # (P,)
    number: np.ndarray  # how often the goal was found before (P,)
    start: np.ndarray  # its first step t (P,)
    steps: np.ndarray  # (P,); inf for one that the end of the episode cut off
    shortest: np.ndarray  # the fewest steps that it could have taken (P,)


class Lengths(NamedTuple):
    """Paths by how often the goal was found before: 0 ... K-1 times."""

    count: np.ndarray  # of paths (K,)
    median: np.ndarray  # of their steps (K,)
    direct: np.ndarray  # the share of those that took no step too many (K,)
    fewest: np.ndarray  # the steps that the shortest possible ones take, mean (K,)
    finds: float  # an episode, on all paths


class Memories(NamedTuple):
    """What n episodes have left behind after some step."""

    h: np.ndarray  # (n, N)
    hebb: np.ndarray | None  # (n, N * N); None without plasticity
    visits: np.ndarray  # how often the agent was on each square (n, S * S)
    found: np.ndarray  # bool: the goal was found, and the reward read (n,)
    goals: np.ndarray  # (n, 2)


def walk(net, params, task, seed):
    """B fresh episodes of the maze -> Walk."""
    episode = rollout(net, params, task, np.random.default_rng(seed))
    task.reset(seed)  # the same episodes: they are drawn before the first action
    positions = [task.position]
    for actions in episode.actions:
        task.step(actions)
        positions.append(task.position)
    return Walk(np.array(positions), episode.rewards > 0, task.drawn.goal, episode.trajectory)


def forgetful_walk(net, params, task, seed):
    """The same as ``walk``, of a network whose state is set back to the start whenever it has found the goal."""
    rng = np.random.default_rng(seed)
    state, (obs, _) = net.initial_state(task.batch), task.reset(rng)
    fresh, positions, found = state, [task.position], []
    for _ in range(task.T):
        out, state = net.step(params, obs.astype(net.dtype), state)
        obs, reward, _, _, _ = task.step(draw_actions(out.logits, rng))
        positions.append(task.position)
        found.append(reward > 0)
        parts = [
            None if part is None else np.where(found[-1].reshape(-1, *[1] * (part.ndim - 1)), new, part)
            for part, new in zip(state, fresh)
        ]
        state = type(state)(*parts)
    return Walk(np.array(positions), np.array(found), task.drawn.goal, None)


def typical(walk):
    """The number of the episode of a Walk whose finds are nearest to the median; of several, by its first search."""
    finds = walk.found.sum(axis=0)  # (B,)
    first = np.where(walk.found.any(axis=0), walk.found.argmax(axis=0), len(walk.found))  # (B,)
    away = [np.abs(values - np.median(values)) for values in (first, finds)]
    return int(np.lexsort(away)[0])


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


def lengths_by_number(paths, last_start, count=8):
    """Paths -> Lengths, of those that start at ``last_start`` or before, so that the episode's end cuts off long ones.

    The median is the upper one of two in the middle: one of them may be inf.
    """
    of = [(paths.number == number) & (paths.start <= last_start) for number in range(count)]
    return Lengths(
        np.array([here.sum() for here in of]),
        np.array([np.quantile(paths.steps[here], 0.5, method="higher") for here in of]),
        np.array([(paths.steps[here] == paths.shortest[here]).mean() for here in of]),
        np.array([paths.shortest[here].mean() for here in of]),
        float(np.isfinite(paths.steps).sum() / (paths.episode.max() + 1)),
    )


def memories(net, params, task, times, seeds):
    """What is in memory after the steps ``times``: B fresh episodes for each of the seeds -> a Memories a time."""
    kept = {t: [] for t in times}
    for seed in seeds:
        episodes = walk(net, params, task, seed)
        squares = episodes.positions[..., 0] * task.size + episodes.positions[..., 1]  # (T+1, B)
        for t in times:
            hebb = None if net.plasticity == "none" else episodes.trajectory.hebb[t + 1].reshape(task.batch, -1)
            visits = (squares[: t + 1, :, None] == np.arange(task.size**2)).sum(axis=0)  # (B, S * S)
            found = episodes.found[:t].any(axis=0)  # the reward of step t is read at t + 1
            kept[t].append(Memories(episodes.trajectory.h[t + 1], hebb, visits, found, episodes.goal))
    return [
        Memories(*(None if part[0] is None else np.concatenate(part) for part in zip(*rows))) for rows in kept.values()
    ]


def read_out(memory, goals, new):
    """R² of the goals (n, 2) in the last ``new`` episodes, of a linear read-out of memory (n, D) fitted on the others.

    1 is perfect, 0 as good as the mean of the others' goals. The penalty on the weights is the one of several that does
    best on the last ``new`` of the others when it is fitted without them.
    """
    known = len(goals) - new
    X, Y = memory - memory[:known].mean(axis=0), goals - goals[:known].mean(axis=0)

    def score(n, penalty):
        """R² on the ``new`` episodes behind the first n, fitted on those."""
        weights = X[:n].T @ np.linalg.solve(X[:n] @ X[:n].T + penalty * np.eye(n), Y[:n])  # (D, 2)
        ahead = slice(n, n + new)
        return 1 - ((Y[ahead] - X[ahead] @ weights) ** 2).sum() / (Y[ahead] ** 2).sum()

    best = max((0.1, 1.0, 10.0, 100.0, 1000.0), key=lambda penalty: score(known - new, penalty))
    return float(score(known, best))


def views(walls):
    """A number a square, the same for squares whose 3×3 neighbourhoods are alike; -1 for walls: (S, S)."""
    numbers = np.full(walls.shape, -1)
    free = np.argwhere(~walls)  # (F, 2)
    seen = around(walls, free).reshape(len(free), -1)  # (F, 9)
    numbers[tuple(free.T)] = np.unique(seen, axis=0, return_inverse=True)[1].ravel()
    return numbers


def leading(memory, count):
    """The first principal components of memory (n, D): (n, count)."""
    centred = memory - memory.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:count].T


class Learnt(NamedTuple):
    """Of each of the S runs of a ``runs.Group``, each (S,)."""

    since: np.ndarray  # the first update at which the score was above the bar; inf if it never was
    under: np.ndarray  # how many later evaluations were not
    final: np.ndarray  # the mean score of the last fifth of the evaluations
    gain: np.ndarray  # by how much it is more than that of the fifth before


def learnt(group, bar):
    """When the runs of a Group passed a score, and whether they still get better -> Learnt."""
    above = group.scores > bar  # (S, R)
    first = above.argmax(axis=1)  # (S,)
    since = np.where(above.any(axis=1), group.updates[first], np.inf)
    under = [int((~of[start:]).sum()) if of.any() else 0 for of, start in zip(above, first)]
    fifth = len(group.updates) // 5
    final, before = final_scores(group.scores, 0.2), group.scores[:, -2 * fifth : -fifth].mean(axis=1)
    return Learnt(since, np.array(under), final, final - before)


def recorded(label, batch, study="maze", data=DATA):
    """A study's network of seed 0 under a label, and its task with another batch -> net, params, task."""
    return load_recorded(study, label, batch, data)


def path_lengths(study="maze", labels=NETWORKS, data=DATA):
    """Lengths of a study's networks of seed 0, untouched and forgetful: two dicts, label -> Lengths.

    Of paths that begin 40 steps or more before the end, in 240 episodes.
    """
    untouched, forgetful = {}, {}
    for label in labels:
        net, params, task = recorded(label, 240, study, data)
        for lengths, how in ((untouched, walk), (forgetful, forgetful_walk)):
            lengths[label] = lengths_by_number(paths_of(how(net, params, task, seed=16), task.walls), task.T - 40)
    return untouched, forgetful


def figure_path_lengths(data=DATA):
    """Above the steps to the goal, below the share of shortest paths, by how often the goal was found before. A column
    per recorded network of seed 0: solid as it is, dashed if it forgets all at every find.
    """
    return plot_path_lengths(*path_lengths(data=data))


def gif_agent(data=DATA):
    """The recorded retroactive network, seed 0, in an episode with as many finds as in the median."""
    net, params, task = recorded("retroactive", 40, data=data)
    walks = walk(net, params, task, seed=3)
    return animate_walk(task.walls, walks, typical(walks), end=50)


class LostRun(NamedTuple):
    """A run that is lost: seed, updates (R,), columns of its curve, each (R,), and the update where it falls."""

    seed: int
    updates: np.ndarray
    columns: dict
    falls: int  # the last evaluation with a given share of the best score


def numbers(values, digits=1):
    """Numbers in a row, as RESULTS.md has them; "never" for one that is infinite."""
    return ", ".join("never" if np.isinf(value) else as_printed(value, digits) for value in values)


def lost_run(label="simple, as it was", share=0.75, data=DATA):
    """The first run under a label of the study of remedies that is lost -> LostRun; ValueError if there is none.

    It falls behind the last evaluation with ``share`` of the best score.
    """
    names = ("score", "gradient_norm", "largest_gradient", *SIGNS)
    groups = {
        name: next(group for group in load_study("maze-remedies", data, name)[1] if group.label == label)
        for name in names
    }
    scores = groups["score"].scores  # (S, R)
    lost = np.flatnonzero(is_lost(scores))
    if not len(lost):
        raise ValueError(f"label: expected one with a lost run in maze-remedies, got {label!r}, with none")
    seed, updates = int(lost[0]), groups["score"].updates
    high = np.flatnonzero(scores[seed] >= share * scores[seed].max())
    columns = {name: group.scores[seed] for name, group in groups.items()}
    return LostRun(seed, updates, columns, int(updates[high[-1]]))


def first_beyond(run):
    """Where each column of a LostRun passes, after it falls, all that it was before: dict name -> update, or None."""
    found = {}
    for name, values in run.columns.items():
        after = run.updates > run.falls
        beyond = after & (values > values[~after].max())
        found[name] = int(run.updates[beyond.argmax()]) if beyond.any() else None
    return found


def remedies(data=DATA):
    """The study of remedies: dict remedy -> network -> scores of all evaluations (S, R)."""
    found = {}
    for group in load_study("maze-remedies", data)[1]:
        network, remedy = group.label.split(", ")
        found.setdefault(remedy, {})[network] = group.scores
    return found


def figure_lost_run(data=DATA):
    """Score, gradients, spectral radii and saturation of a run that is lost, over its updates."""
    run = lost_run(data=data)
    return plot_lost_run(run.updates, run.columns, run.falls)


def figure_remedies(data=DATA):
    """Finds per episode at the end of each run of the study of remedies."""
    finals = {
        remedy: {name: final_scores(of, 0.2) for name, of in runs.items()} for remedy, runs in remedies(data).items()
    }
    around = load_about("maze-remedies", data)["references"]["round the room"]["score"]
    return plot_remedies(finals, {"a round without memory": around})


FIGURES = {
    "maze_agent.gif": gif_agent,
    "maze_lost_run.png": figure_lost_run,
    "maze_path_lengths.png": figure_path_lengths,
    "maze_remedies.png": figure_remedies,
}
