"""One network for several tasks: each reads from its own block of the inputs."""

import numpy as np

from ..arguments import check_count, check_size


class Block:
    """A task whose D inputs are the columns ``first`` ... ``first`` + D - 1 of ``width`` ones; the others are zero.

    Tasks in blocks that don't overlap can share a network, if they have as many actions. What a task reads tells which
    one it is, and while one is trained the input weights of the others have the gradient 0. All else is the task's
    own: every attribute that is not here.
    """

    def __init__(self, task, first, width):
        check_count("block[0]", first, smallest=0)
        check_count("block[1]", width, smallest=int(first) + task.n_inputs)
        check_size("block[1]", task.batch, task.T, int(width))
        self.task, self.n_inputs = task, int(width)
        self.columns = slice(int(first), int(first) + task.n_inputs)

    def __getattr__(self, name):
        if name == "task":  # while it is not set yet, as in a copy being made
            raise AttributeError(name)
        return getattr(self.task, name)

    @property
    def options(self):
        """As in ``Task``, with "block", for ``make_task``."""
        return self.task.options | {"block": [self.columns.start, self.n_inputs]}

    def for_evaluation(self):
        return Block(self.task.for_evaluation(), self.columns.start, self.n_inputs)

    def reset(self, seed=None):
        obs, info = self.task.reset(seed)
        return self._widen(obs), info

    def step(self, actions):
        obs, *rest = self.task.step(actions)
        return self._widen(obs), *rest

    def sequences(self, rng):
        inputs, targets, counts = self.task.sequences(rng)
        return self._widen(inputs), targets, counts

    def consecutive(self, rng, number):
        inputs, targets, counts = self.task.consecutive(rng, number)
        return self._widen(inputs), targets, counts

    def grade(self, actions, inputs, targets, counts):
        return self.task.grade(actions, inputs[..., self.columns], targets, counts)

    def begins(self, inputs):
        return self.task.begins(inputs[..., self.columns])

    def summarise(self, episode):
        if self.kind == "supervised":
            episode = episode._replace(x=episode.x[..., self.columns])
        return self.task.summarise(episode)

    def _widen(self, inputs):
        """inputs (..., D) in their place among zeros: (..., width)."""
        wide = np.zeros((*inputs.shape[:-1], self.n_inputs))
        wide[..., self.columns] = inputs
        return wide
