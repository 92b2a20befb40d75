"""What all tasks share: options, seeds, steps and checks; and the two kinds, "reward" and "supervised".

B episodes run side by side, all T steps long; they begin with one ``reset`` and end together. The interface is
that of Gymnasium's vector environments, without their automatic reset: after the end ``step`` wants a ``reset``.
Arrays that ``reset`` and ``step`` return are the caller's.
"""

import inspect
from typing import NamedTuple

import numpy as np

from ..arguments import check_array, check_count, check_generator, check_size
from ..learning.losses import INTEGERS

MOST_PATTERNS = 10_000


class Task:
    """B episodes of T steps. A subclass says what is drawn, seen and earned.

    Class attributes: ``name``, under which it is registered; ``kind``, "reward" or "supervised"; ``SMALL``, name ->
    options of a small setting; ``score_label``, what the number under "score" of ``summarise`` is; ``better``,
    whether "more" or "less" of it is better; ``has_trials``, whether an episode is more than one trial, so that h may
    be reset between them (see ``ResetAtTrials``).

    Attributes: every option by its name; ``n_inputs`` D, ``n_outputs`` A, ``T``; ``rng``, the Generator in use,
    which between two episodes is all the state a task has; ``t``, steps taken since ``reset``; ``drawn``, what
    ``draw`` gave: all that is random about the episodes, drawn by ``reset`` in one go (a NamedTuple where it is more
    than one array): the rest follows from it and the actions.
    """

    name = None
    kind = None
    SMALL = {}
    score_label = "score"
    better = "more"
    has_trials = False

    def __init__(self, batch, T, n_inputs, n_outputs):
        check_count("batch", batch)
        check_count("T", T)
        self.batch, self.T, self.n_inputs, self.n_outputs = int(batch), int(T), int(n_inputs), int(n_outputs)
        check_size("batch, T and inputs", self.batch, self.T, self.n_inputs)
        self.rng = self.drawn = self.t = None

    @property
    def options(self):
        """dict of all arguments: ``type(task)(**task.options)`` is the same task; can be written as JSON."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"

    def for_evaluation(self):
        """A task of its own to evaluate on: the same one, on held-out data where there are any (see ``Text``)."""
        return type(self)(**self.options)

    def reset(self, seed=None):
        """Draw B new episodes -> obs (B, D) float64, info.

        seed: an integer, for a new ``default_rng(seed)``; a Generator, which is drawn from from now on; or None,
        to go on with the one in use. info["decides"] (B,), bool: True where the answer to ``obs`` counts;
        info["begins"] (B,), bool: True where ``obs`` is the first of a trial.
        ValueError for None at the first reset and a negative integer; TypeError for anything else.
        """
        self.rng = self._generator(seed)
        self.drawn, self.t = self.draw(self.rng), 0
        self._begin()
        return self._observe(), self._info()

    def step(self, actions):
        """Answer the last observation: actions (B,), integers in 0 ... A-1, unless a task says otherwise.

        Returns obs (B, D), reward (B,), terminated (B,), truncated (B,), info. The end at step T is part of the
        task, so it is ``terminated``; ``truncated`` is always False. The observation after the end asks nothing.
        ValueError before ``reset`` and after the end; TypeError and ValueError for other actions.
        """
        if self.t is None or self.t == self.T:
            came = "none yet" if self.t is None else f"a step after all {self.T} of the episode"
            raise ValueError(f"step: expected a reset before it, got {came}")
        self._check_actions(actions)
        reward = self._act(actions)  # (B,)
        self.t += 1
        terminated = np.full(self.batch, self.t == self.T)
        return self._observe(), reward, terminated, np.zeros(self.batch, bool), self._info()

    def draw(self, rng):
        """All that is random about B episodes, drawn from the Generator ``rng``; changes nothing else."""
        raise NotImplementedError

    def summarise(self, episode):
        """dict of floats about the B episodes just ended, "score" first.

        Read of ``episode``: kind "reward": actions, rewards, both (T, B), and counts (T, B), what info["decides"]
        was before each action; kind "supervised": x (T, B, D), targets and counts as ``sequences`` returned them,
        and trajectory.logits (T, B, A). The Episode of a rollout has them all.
        """
        raise NotImplementedError

    def _generator(self, seed):
        if seed is None:
            if self.rng is None:
                raise ValueError("seed: expected an integer or a Generator at the first reset, got None")
            return self.rng
        if isinstance(seed, np.random.Generator):
            return seed
        check_count("seed", seed, smallest=0)
        return np.random.default_rng(seed)

    def _check_actions(self, actions):
        check_actions(actions, (self.batch,), self.n_outputs)

    def _begin(self):
        """Make ready for step 0 of the episodes in ``drawn``."""
        raise NotImplementedError

    def _observe(self):
        """obs (B, D) at t = 0 ... T."""
        raise NotImplementedError

    def _info(self):
        return {"decides": self._decides(), "begins": self._trial_begins()}

    def _decides(self):
        """(B,) bool at t = 0 ... T, False at T."""
        raise NotImplementedError

    def _trial_begins(self):
        """(B,) bool at t = 0 ... T, False at T: whether a trial begins. Without trials an episode is one."""
        return np.full(self.batch, self.t == 0)

    def _act(self, actions):
        """Reward (B,) of the answers to what was seen at t = 0 ... T-1."""
        raise NotImplementedError


class RewardTask(Task):
    """Closed loop: what is seen depends on the actions, and only the reward tells right from wrong.

    Inputs: what the task shows (B, n_seen), then bias 1, t/T, the previous reward and the previous action
    (one-hot; zeros at t = 0). So a reward is seen one step after the observation whose answer earned it.
    """

    kind = "reward"

    def __init__(self, batch, T, n_seen, n_actions):
        super().__init__(batch, T, n_seen + 3 + n_actions, n_actions)

    def _begin(self):
        self._previous = np.zeros((self.batch, 1 + self.n_outputs))  # reward and action

    def _act(self, actions):
        reward = self._earn(actions)  # (B,)
        self._previous = np.concatenate([reward[:, None], one_hot(actions, self.n_outputs)], axis=1)  # (B, 1 + A)
        return reward

    def _observe(self):
        seen = self._see()  # (B, n_seen)
        obs, n = np.ones((self.batch, self.n_inputs)), seen.shape[1]  # the bias stays
        obs[:, :n], obs[:, n + 1], obs[:, n + 2 :] = seen, self.t / self.T, self._previous
        return obs

    def _see(self):
        """What the task shows, (B, n_seen), at t = 0 ... T."""
        raise NotImplementedError

    def _earn(self, actions):
        """Reward (B,) of the actions at t = 0 ... T-1, and what they change."""
        raise NotImplementedError


class Play(NamedTuple):
    """What ``RewardTask.summarise`` reads of an episode, each (T, B), where all actions count."""

    actions: np.ndarray
    rewards: np.ndarray


def play_by_rule(task, rng, choose):
    """B episodes of a RewardTask, drawn from the Generator ``rng``, without a network -> Play, for ``task.summarise``.

    choose(actions, rewards), both (t, B), of the t steps so far -> the actions (B,) at step t.
    """
    check_generator("rng", rng)
    task.reset(rng)
    play = Play(np.empty((task.T, task.batch), np.int64), np.empty((task.T, task.batch)))
    for t in range(task.T):
        play.actions[t] = choose(play.actions[:t], play.rewards[:t])
        _, play.rewards[t], _, _, _ = task.step(play.actions[t])
    return play


class SequenceTask(Task):
    """Supervised: the inputs don't depend on the answers, so that a whole episode is known beforehand.

    Attributes after ``reset``: ``inputs``, ``targets``, ``counts``, which ``step`` walks through. The observation
    after the end is zeros. The reward is 1 for a right answer where answers count, else 0.
    """

    kind = "supervised"

    def sequences(self, rng):
        """B whole episodes: inputs (T, B, D) float64, targets (T, B) int64, counts (T, B) bool.

        counts is True where the answer counts; targets are valid everywhere. ``reset`` draws the same ones from
        the same Generator; an episode under way is not touched.
        """
        check_generator("rng", rng)
        return self.lay_out(self.draw(rng))

    def consecutive(self, rng, number):
        """As ``sequences``, for the batch ``number`` = 0, 1, ... to a network that goes on from the batch before.

        Here new episodes all the same; a task whose episodes go on too says how (see ``Text``).
        """
        check_count("number", number, smallest=0)
        return self.sequences(rng)

    def lay_out(self, drawn):
        """inputs, targets, counts of what ``draw`` has drawn."""
        raise NotImplementedError

    def begins(self, inputs):
        """Where a trial begins: inputs (T, B, D) -> (T, B) bool. Without trials an episode is one."""
        first = np.arange(self.T) == 0  # (T,)
        return np.repeat(first[:, None], inputs.shape[1], axis=1)

    def _begin(self):
        self.inputs, self.targets, self.counts = self.lay_out(self.drawn)
        self.firsts = self.begins(self.inputs)  # (T, B)

    def _observe(self):
        return self.inputs[self.t].copy() if self.t < self.T else np.zeros((self.batch, self.n_inputs))

    def _decides(self):
        return self.counts[self.t].copy() if self.t < self.T else np.zeros(self.batch, bool)

    def _trial_begins(self):
        return self.firsts[self.t].copy() if self.t < self.T else np.zeros(self.batch, bool)

    def answers(self, logits):
        """The most probable actions: logits (..., A) -> (...)."""
        return logits.argmax(axis=-1)

    def grade(self, actions, inputs, targets, counts):
        """How right actions are, 0 ... 1, and 0 where they don't count: rewards like counts, (T, B) or of one step."""
        return counts * (actions == targets).astype(float)

    def _act(self, actions):
        return self.grade(actions, self.inputs[self.t], self.targets[self.t], self.counts[self.t])

    def _accuracy(self, episode):
        """Mean grade of the most probable answers that count."""
        answers = self.answers(episode.trajectory.logits)
        return float(self.grade(answers, episode.x, episode.targets, episode.counts).sum() / episode.counts.sum())


def check_actions(actions, shape, n_actions):
    """``actions`` has that shape and holds integers in 0 ... n_actions-1: TypeError or ValueError otherwise."""
    check_array("actions", actions, shape, INTEGERS)
    if actions.min() < 0 or actions.max() >= n_actions:
        raise ValueError(
            f"actions: expected integers in 0 ... {n_actions - 1}, got {actions.min()} ... {actions.max()}"
        )


def one_hot(numbers, n):
    """numbers (...) integers in 0 ... n-1 -> (..., n) float64."""
    return np.eye(n)[numbers]


def last_third(T):
    """The steps of the last third of an episode."""
    return slice(T - T // 3, T)


def check_patterns(name, n, bits, smallest=1):
    """``n``, called ``name``, is a number of distinct patterns that ``bits`` can have, or TypeError or ValueError."""
    check_count(name, n, smallest, largest=MOST_PATTERNS)  # each is compared with all before it
    check_count("bits", bits)
    check_size("bits", bits)
    if n > 2 ** min(int(bits), 64):
        raise ValueError(f"{name} and bits: expected enough bits for {n} distinct patterns, got {bits}")


def draw_patterns(rng, B, n, bits):
    """n distinct patterns of random ±1 an episode, every choice of n equally likely: (B, n, bits) float64."""
    patterns = np.empty((B, n, bits))
    for k in range(n):
        anew = np.arange(B)  # episodes whose pattern k is still to be drawn
        while anew.size:
            patterns[anew, k] = 2.0 * rng.integers(0, 2, (anew.size, bits)) - 1
            same = (patterns[anew, :k] == patterns[anew, k, None]).all(axis=-1)  # (B', k)
            anew = anew[same.any(axis=-1)]
    return patterns
