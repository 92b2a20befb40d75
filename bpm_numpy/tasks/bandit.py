"""A bandit: which arm pays more often? And rules that need no training, to compare with."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_count, check_number
from .base import RewardTask, last_third, one_hot, play_by_rule


class Drawn(NamedTuple):
    """What is random; A arms."""

    chances: np.ndarray  # (B, A), the chance that an arm pays
    luck: np.ndarray  # (T, B) uniform in 0 ... 1: the arm pulled pays if this is below its chance


class Bandit(RewardTask):
    """Every step pulls one of the arms, which pays 1 with its own chance and 0 otherwise.

    The arms' chances are ``chances``, a list of at least two, in an order drawn anew each episode. Every action
    counts. Inputs: as ``RewardTask``, nothing else: D = A + 3. The paper has no such task; the defaults are ours.
    """

    name = "bandit"
    SMALL = {"small": {"batch": 16, "chances": [0.8, 0.2], "T": 30}}
    score_label = "best arm pulled, last third"

    def __init__(self, *, batch=30, chances=(0.8, 0.2), T=30):
        if not isinstance(chances, (list, tuple)):
            raise TypeError(f"chances: expected a list of numbers, got {type(chances).__name__}")
        if len(chances) < 2:
            raise ValueError(f"chances: expected at least two, got {len(chances)}")
        for k, chance in enumerate(chances):
            check_number(f"chances[{k}]", chance, at_least=0, at_most=1)
        check_count("T", T, smallest=3)
        super().__init__(batch, T, n_seen=0, n_actions=len(chances))
        self.chances = [float(chance) for chance in chances]

    def draw(self, rng):
        chances = rng.permuted(np.broadcast_to(self.chances, (self.batch, self.n_outputs)), axis=-1)
        return Drawn(chances, rng.random((self.T, self.batch)))

    def _see(self):
        return np.empty((self.batch, 0))

    def _decides(self):
        return np.full(self.batch, self.t < self.T)

    def _earn(self, actions):
        return (self.drawn.luck[self.t] < self._chances_of(actions[None])[0]).astype(float)  # (B,)

    def _chances_of(self, actions):
        """The chances of the arms pulled: actions (T, B) -> (T, B)."""
        return np.take_along_axis(self.drawn.chances[None], actions[..., None].astype(np.int64), axis=-1)[..., 0]

    def regret_by_step(self, actions):
        """The best arm's chance less that of the arm pulled, in the episodes of the last ``reset``: (T, B) -> (T, B).

        It is what a pull loses to not knowing the best arm, free of luck.
        """
        return max(self.chances) - self._chances_of(actions)

    def summarise(self, episode):
        """score: share of pulls of the best arm in the last third; regret: of an episode; reward: of an episode.

        Regret is the sum of ``regret_by_step``. The arms are those of the last ``reset``.
        """
        regret = self.regret_by_step(episode.actions)  # (T, B)
        return {
            "score": float((regret[last_third(self.T)] == 0).mean()),
            "regret": float(regret.sum(axis=0).mean()),
            "reward": float(episode.rewards.sum(axis=0).mean()),
        }


def thompson_sampling(task, rng):
    """Thompson sampling on B episodes drawn from ``rng``, as all its own draws are -> Play.

    Every arm's chance has the posterior Beta(1 + wins, 1 + losses). Each step draws one chance an arm from it
    and pulls the arm whose draw is largest.
    """

    def choose(actions, rewards):
        pulled = one_hot(actions, task.n_outputs)  # (t, B, A)
        wins = (pulled * rewards[:, :, None]).sum(axis=0)  # (B, A)
        return rng.beta(1 + wins, 1 + pulled.sum(axis=0) - wins).argmax(axis=-1)

    return play_by_rule(task, rng, choose)


def one_arm(task, rng):
    """The same arm at every step -> Play.

    The arms' order is drawn anew each episode, so no choice that ignores what happened in it earns more on average.
    """
    return play_by_rule(task, rng, lambda actions, rewards: np.zeros(task.batch, np.int64))


def win_stay_lose_shift(task, rng):
    """The arm pulled before if it has paid, else the next one -> Play. It needs no more than what x_t holds."""

    def choose(actions, rewards):
        if len(actions) == 0:
            return np.zeros(task.batch, np.int64)
        return (actions[-1] + (rewards[-1] == 0)) % task.n_outputs

    return play_by_rule(task, rng, choose)
