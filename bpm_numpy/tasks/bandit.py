"""A bandit: which arm pays more often? And Thompson sampling, to compare with."""

from typing import NamedTuple

import numpy as np

from ..checks import check_count, check_generator, check_number
from .base import RewardTask, last_third


class Drawn(NamedTuple):
    """What is random; A arms."""

    chances: np.ndarray  # (B, A), the chance that an arm pays
    luck: np.ndarray  # (T, B) uniform in 0 ... 1: the arm pulled pays if this is below its chance


class Play(NamedTuple):
    """What ``Bandit.summarise`` reads of an episode; each (T, B)."""

    actions: np.ndarray
    rewards: np.ndarray


class Bandit(RewardTask):
    """Every step pulls one of the arms, which pays 1 with its own chance and 0 otherwise.

    The arms' chances are ``chances``, a list of at least two, in an order drawn anew each episode. Every action
    counts. Inputs: as ``RewardTask``, nothing else: D = A + 3. The paper has no such task; the defaults are ours.
    """

    SMALL = {"small": {"batch": 16, "chances": [0.8, 0.2], "T": 30}}
    score_label = "share of pulls of the best arm, last third"

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

    def summarise(self, episode):
        """score: share of pulls of the best arm in the last third; regret: of an episode; reward: of an episode.

        Regret is the sum over the steps of the best arm's chance less that of the arm pulled: what is lost to not
        knowing the best arm, free of luck. The arms are those of the last ``reset``.
        """
        best = max(self.chances)
        chances = self._chances_of(episode.actions)  # (T, B)
        return {
            "score": float((chances[last_third(self.T)] == best).mean()),
            "regret": float((best - chances).sum(axis=0).mean()),
            "reward": float(episode.rewards.sum(axis=0).mean()),
        }


def thompson_sampling(task, rng):
    """Thompson sampling on B episodes drawn from ``rng``, as all its own draws are -> Play, for ``task.summarise``.

    Every arm's chance has the posterior Beta(1 + wins, 1 + losses). Each step draws one chance an arm from it
    and pulls the arm whose draw is largest.
    """
    check_generator("rng", rng)
    task.reset(rng)
    wins, losses = np.zeros((2, task.batch, task.n_outputs))
    episodes = np.arange(task.batch)
    play = Play(np.empty((task.T, task.batch), np.int64), np.empty((task.T, task.batch)))
    for t in range(task.T):
        arms = rng.beta(1 + wins, 1 + losses).argmax(axis=-1)  # (B,)
        _, reward, _, _, _ = task.step(arms)
        wins[episodes, arms] += reward
        losses[episodes, arms] += 1 - reward
        play.actions[t], play.rewards[t] = arms, reward
    return play
