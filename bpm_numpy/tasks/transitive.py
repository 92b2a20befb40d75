"""Transitive inference: neighbours in a hidden order are shown, with a verdict; then any two items are to be compared.

For plastic networks the task is that of T. Miconi, K. Kay, *Neural mechanisms of relational learning and fast knowledge
reassembly in plastic neural networks*, Nature Neuroscience 28, 2025.
"""

from typing import NamedTuple

import numpy as np

from ..arguments import check_count, check_generator, check_size
from ..equations.sigmoid import sigmoid
from .base import SequenceTask, check_patterns, draw_patterns

TEACH, ASK = 3, 2  # steps of a trial that teaches, and of one that asks


class Drawn(NamedTuple):
    """What is random; M trials, first those that teach, then those that ask."""

    items: np.ndarray  # (B, items, bits), ±1, distinct in an episode; their numbers are their ranks, 0 the first
    pairs: np.ndarray  # (M, B, 2) the items at the left and at the right


class Transitive(SequenceTask):
    """Items have an order, drawn anew each episode as they are. ``rounds`` times all neighbours are shown, then asked.

    A trial that teaches has three steps: two neighbours, one at the left and one at the right; the verdict, -1 if the
    left one is the first of them in the order and +1 if the right one is; a blank one, since a trace holds what the
    verdict found only a step later (in reading "paper"). A round has all pairs of neighbours, in random order.

    A trial that asks has two steps: two items; the same again with the query bit, and the answer to it counts: 0 if the
    left one is the first of them, 1 if the right one is. There are ``asked`` such trials, on different pairs of all,
    neighbours or not. Nothing says whether an answer was right.

    The sides are drawn at random throughout. Made for trials that begin with h at zero (``reset_at_trials``), as
    theirs do: then what was taught can be nowhere but in Hebb.

    T = 3 rounds (items - 1) + 2 asked. Inputs: the two items' bits (zeros where there are none), the verdict, the query
    bit, bias 1: D = 2 bits + 3. Defaults: as many items as Miconi and Kay have at most, of as many bits. There a trial
    has four steps, in all 30 trials the network answers and is told whether it was right, and the 20 trials that teach
    are on neighbours drawn at random.
    """

    name = "transitive"
    SMALL = {"small": {"batch": 32, "items": 8, "bits": 12, "rounds": 3, "asked": 12}}
    score_label = "pairs never shown (0 chance, 1 all)"
    has_trials = True

    def __init__(self, *, batch=30, items=8, bits=15, rounds=3, asked=28):
        check_patterns("items", items, bits, smallest=4)
        check_count("rounds", rounds)
        check_count("asked", asked, smallest=int(items))  # more than there are neighbours
        n_pairs = int(items) * (int(items) - 1) // 2
        if asked > n_pairs:
            raise ValueError(f"asked: expected at most the {n_pairs} pairs of {items} items, got {asked}")
        self.items, self.bits, self.rounds, self.asked = int(items), int(bits), int(rounds), int(asked)
        self.taught = self.rounds * (self.items - 1)  # trials that teach
        super().__init__(batch, TEACH * self.taught + ASK * self.asked, 2 * bits + 3, 2)
        check_size("batch and pairs of items", self.batch, n_pairs)

    def draw(self, rng):
        B, M = self.batch, self.taught
        first = rng.permuted(np.broadcast_to(np.arange(self.items - 1), (self.rounds, B, self.items - 1)), axis=-1)
        first = first.transpose(0, 2, 1).reshape(M, B)  # of each pair of neighbours
        all_pairs = np.column_stack(np.triu_indices(self.items, 1))  # (P, 2)
        asked = rng.permuted(np.broadcast_to(np.arange(len(all_pairs)), (B, len(all_pairs))), axis=-1)
        asked = all_pairs[asked[:, : self.asked].T]  # (asked, B, 2)
        pairs = np.concatenate([np.stack([first, first + 1], axis=-1), asked])  # (M + asked, B, 2)
        return Drawn(draw_patterns(rng, B, self.items, self.bits), rng.permuted(pairs, axis=-1))

    def lay_out(self, drawn):
        items, pairs = drawn
        teach, ask = np.split(self._first_steps(), [self.taught])  # (taught,), (asked,)
        shown = items[np.arange(self.batch)[:, None], pairs].reshape(len(pairs), self.batch, -1)  # (M, B, 2 bits)
        right = (pairs[..., 1] < pairs[..., 0]).astype(np.int64)  # (M, B)

        inputs = np.zeros((self.T, self.batch, self.n_inputs))
        inputs[self._first_steps(), :, :-3] = shown
        inputs[teach + 1, :, -3] = 2 * right[: self.taught] - 1
        inputs[ask + 1, :, :-3] = shown[self.taught :]
        inputs[ask + 1, :, -2] = 1
        inputs[:, :, -1] = 1

        targets = np.zeros((self.T, self.batch), np.int64)
        targets[ask + 1] = right[self.taught :]
        counts = np.zeros((self.T, self.batch), bool)
        counts[ask + 1] = True
        return inputs, targets, counts

    def begins(self, inputs):
        begins = super().begins(inputs)
        begins[self._first_steps()] = True
        return begins

    def _first_steps(self):
        """The first step of each trial (M,)."""
        return np.cumsum([0, *[TEACH] * self.taught, *[ASK] * (self.asked - 1)])

    def ranks_asked(self, inputs):
        """The places in the order, 0 the first, of the items asked about, read off what is taught.

        inputs (T, B, D) -> (asked, B, 2): of the items at the left and at the right. A chain of all that is taught, as
        here, knows every answer.
        """
        ranks = np.empty((self.asked, inputs.shape[1], 2), np.int64)
        for b in range(inputs.shape[1]):
            place = {item: k for k, item in enumerate(self._chain(inputs[:, b]))}
            for k, row in enumerate(inputs[TEACH * self.taught :: ASK, b]):
                ranks[k, b] = [place[item] for item in self._pair(row)]
        return ranks

    def _chain(self, inputs):
        """The items of an episode, as tuples of bits, in their order: inputs (T, D) -> list."""
        after = {}  # the item that follows each one
        for k in range(0, TEACH * self.taught, TEACH):
            left, right = self._pair(inputs[k])
            after |= {left: right} if inputs[k + 1, -3] < 0 else {right: left}
        chain = list(set(after) - set(after.values()))  # the first: it follows none
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        return chain

    def _pair(self, row):
        return tuple(row[: self.bits]), tuple(row[self.bits : 2 * self.bits])

    def summarise(self, episode):
        """score: share of right answers about pairs that are no neighbours, scaled: 0 is chance and 1 all.

        inner: the same of those with neither the first item nor the last, about which it is enough to know that they
        always, or never, come first. distance 1 (neighbours), 2, ...: of all pairs that are so far apart. NaN where
        none was asked about.
        """
        answers = self.answers(episode.trajectory.logits)
        right = self.grade(answers, episode.x, episode.targets, episode.counts)[episode.counts]
        ranks = self.ranks_asked(episode.x)  # (asked, B, 2)
        distance = np.abs(ranks[..., 0] - ranks[..., 1])  # (asked, B)
        inner = (distance > 1) & (ranks > 0).all(axis=-1) & (ranks < self.items - 1).all(axis=-1)
        right = right.reshape(distance.shape)  # counts are True for all episodes at once, trial by trial
        scores = {"score": distance > 1, "inner": inner}
        scores |= {f"distance {k}": distance == k for k in range(1, self.items)}
        return {name: float(2 * right[of].mean() - 1) if of.any() else np.nan for name, of in scores.items()}


class Logits(NamedTuple):
    """What ``Transitive.summarise`` reads of a trajectory."""

    logits: np.ndarray  # (T, B, 2)


class Answered(NamedTuple):
    """What ``Transitive.summarise`` reads of an episode: as ``Task.summarise`` says."""

    x: np.ndarray
    targets: np.ndarray
    counts: np.ndarray
    trajectory: Logits


def learn_values(task, rng, rate=2.0):
    """B episodes drawn from the Generator ``rng``, answered without a network -> Answered.

    Each item has a value, 0 at first. When a pair is taught, the chance that its first item comes first is predicted as
    σ(value of that item - value of the other one). What the prediction lacks to 1, times ``rate``, is added to the
    value of the first and taken from that of the other. Of any two items the one with the larger value is said to come
    first. With the default rate it does about as well as with any other on three rounds with 8 items.
    """
    check_generator("rng", rng)
    drawn = task.draw(rng)
    values, episodes = np.zeros((task.batch, task.items)), np.arange(task.batch)
    for first, other in np.sort(drawn.pairs[: task.taught], axis=-1).transpose(0, 2, 1):  # (B,) each
        error = rate * (1 - sigmoid(values[episodes, first] - values[episodes, other]))  # (B,)
        values[episodes, first] += error
        values[episodes, other] -= error
    logits = np.zeros((task.T, task.batch, 2))
    logits[TEACH * task.taught + 1 :: ASK] = values[episodes[:, None], drawn.pairs[task.taught :]]
    return Answered(*task.lay_out(drawn), Logits(logits))
