"""Grid maze: find the rewarding square, which can't be seen, and come back to it (the paper's second task)."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_count, check_number, check_size
from .base import RewardTask, play_by_rule

MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])  # up, down, left, right as (row, column)
AROUND = np.array([[[row, column] for column in (-1, 0, 1)] for row in (-1, 0, 1)])  # (3, 3, 2)


class Drawn(NamedTuple):
    """What is random; squares are (row, column)."""

    goal: np.ndarray  # (B, 2) the rewarding square
    landings: np.ndarray  # (T, B, 2) where an agent that reaches it at step t is moved to


def room(size):
    """Walls of the room, (size, size) bool: the border, and a pillar on every second square of both axes.

    The centre is free: where a pillar would stand on it (size 5, 9, 13) there is none.
    """
    walls = np.zeros((size, size), bool)
    walls[[0, -1], :] = walls[:, [0, -1]] = True
    walls[::2, ::2] = True
    walls[size // 2, size // 2] = False
    return walls


def distances(walls):
    """Fewest steps between squares, (S, S, S, S) for walls (S, S): [from row, from column, to row, to column].

    inf to and from walls, and where no way leads.
    """
    steps = np.full(walls.shape * 2, np.inf)
    for start in map(tuple, np.argwhere(~walls)):
        front, n = [start], 0
        while front:
            for square in front:
                steps[start][square] = n
            ahead = {tuple(square + move) for square in front for move in MOVES}
            front, n = [square for square in ahead if not walls[square] and np.isinf(steps[start][square])], n + 1
    return steps


def around(walls, squares):
    """Which of the 3×3 squares around each of ``squares`` (..., 2) are walls: (..., 3, 3) bool."""
    near = squares[..., None, None, :] + AROUND  # (..., 3, 3, 2)
    return walls[near[..., 0], near[..., 1]]


class Maze(RewardTask):
    """The agent starts at the centre of a room with pillars (``room``) and walks: up, down, left, right (0 ... 3).

    A move into a wall or pillar stays. One free square other than the centre, drawn each episode and never shown,
    gives ``reward``; who reaches it is moved at once to another free square, drawn anew. So what is worth learning
    in an episode is where the square is. Every action counts.

    Inputs: the 3×3 neighbourhood, row by row (1 wall, 0 free), then as ``RewardTask``: D = 16. Defaults: the paper's.

    Attributes: walls (size, size) bool; position (B, 2) after ``reset``; the goals are ``drawn.goal``.
    """

    # With a reward of 1 small networks learn it in a fraction of the updates that they need with the paper's 10.
    name = "maze"
    SMALL = {
        "large": {"batch": 16, "size": 9, "T": 150, "reward": 1.0},
        "small": {"batch": 16, "size": 7, "T": 100, "reward": 1.0},
        "tiny": {"batch": 16, "size": 5, "T": 50, "reward": 1.0},
    }
    score_label = "reward per episode"

    def __init__(self, *, batch=30, size=11, T=200, reward=10.0):
        check_count("size", size, smallest=5)
        if size % 2 == 0:
            raise ValueError(f"size: expected an odd number, got {size}")
        check_size("size", size, size)
        check_number("reward", reward, above=0)
        super().__init__(batch, T, n_seen=AROUND.shape[0] * AROUND.shape[1], n_actions=len(MOVES))
        self.size, self.reward = int(size), float(reward)
        self.walls = room(self.size)

    def draw(self, rng):
        free = np.argwhere(~self.walls)  # (F, 2)
        centre = np.flatnonzero((free == self.size // 2).all(axis=1))[0]
        goal = self._draw_other_than(rng, len(free), centre, (self.batch,))  # (B,)
        landings = self._draw_other_than(rng, len(free), goal, (self.T, self.batch))  # (T, B)
        return Drawn(free[goal], free[landings])

    @staticmethod
    def _draw_other_than(rng, n, left_out, shape):
        """Uniform numbers of 0 ... n-1 other than ``left_out``."""
        numbers = rng.integers(0, n - 1, shape)
        return numbers + (numbers >= left_out)

    def _begin(self):
        super()._begin()
        self.position = np.full((self.batch, 2), self.size // 2)

    def _see(self):
        return around(self.walls, self.position).reshape(self.batch, -1)  # (B, 9)

    def _decides(self):
        return np.full(self.batch, self.t < self.T)

    def _earn(self, actions):
        goal, landings = self.drawn
        ahead = self.position + MOVES[actions]  # (B, 2)
        blocked = self.walls[ahead[:, 0], ahead[:, 1]]  # (B,)
        reached = ~blocked & (ahead == goal).all(axis=1)
        walked = np.where(blocked[:, None], self.position, ahead)
        self.position = np.where(reached[:, None], landings[self.t], walked)
        return self.reward * reached

    def summarise(self, episode):
        """score: reward per episode."""
        return {"score": float(episode.rewards.sum(axis=0).mean())}


def random_steps(task, rng):
    """Directions drawn uniformly, in B episodes -> Play."""
    return play_by_rule(task, rng, lambda actions, rewards: rng.integers(0, task.n_outputs, task.batch))


def round_the_room(task, rng):
    """Clockwise along the outer wall, in B episodes -> Play: a rule without memory, by the 3×3 squares seen alone."""
    up, down, left, right = range(len(MOVES))

    def choose(actions, rewards):
        wall = around(task.walls, task.position)  # (B, 3, 3)
        above, below = wall[:, 0].all(axis=1), wall[:, 2].all(axis=1)  # the outer wall, beside pillars there are gaps
        before, behind = wall[:, :, 0].all(axis=1), wall[:, :, 2].all(axis=1)
        ways = {right: above & ~behind, down: behind & ~below, left: below & ~before, up: before}
        out_of_the_middle = np.where(wall[:, 0, 1], left, up)  # round the pillar above, if there is one
        return np.select(list(ways.values()), list(ways), out_of_the_middle)

    return play_by_rule(task, rng, choose)


def shortest_paths(task, rng):
    """One who knows where the goal is from the start, and walks there on shortest paths -> Play: nobody earns more."""
    steps = distances(task.walls)

    def choose(actions, rewards):
        ahead = task.position[:, None] + MOVES  # (B, 4, 2)
        goal = task.drawn.goal[:, None]  # (B, 1, 2)
        return steps[goal[..., 0], goal[..., 1], ahead[..., 0], ahead[..., 1]].argmin(axis=1)

    return play_by_rule(task, rng, choose)
