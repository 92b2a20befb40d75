"""Chapter 19: a text gone on with by a trained network, how many bits each kind of word costs it, and why."""

from typing import NamedTuple

import numpy as np

from ..arguments import check_count, check_generator
from ..equations.softmax import log_softmax_forward
from ..learning.episodes import draw_actions
from ..tasks.base import one_hot
from ..tasks.text import SENTENCE

KINDS = ("name", "verb", "object", "full stop")  # of words, in the order of a sentence
FIGURES = {}


class Continued(NamedTuple):
    """A text, and what was foretold on the way."""

    text: str  # the beginning and what follows
    chances: np.ndarray  # of the symbol after each but the last (n - 1, V)


def complete(net, params, task, beginning, length, rng=None):
    """``beginning``, a string, gone on with for ``length`` symbols by a network trained on ``task`` -> Continued.

    The network reads the beginning; each symbol after it is the most probable one, or is drawn from the network's
    softmax with the Generator ``rng`` if there is one, and is read in turn. ValueError for a beginning without a symbol
    or with one that the task has not, and a length below 1.
    """
    check_count("length", length)
    if rng is not None:
        check_generator("rng", rng)
    numbers = list(task.encode(beginning))
    if not numbers:
        raise ValueError("beginning: expected at least one symbol, got none")
    n, state, chances = len(numbers) + length, net.initial_state(1), []
    for t in range(n - 1):
        out, state = net.step(params, one_hot(numbers[t : t + 1], task.n_inputs).astype(net.dtype), state)
        chances.append(np.exp(log_softmax_forward(out.logits))[0])  # (V,)
        if len(numbers) == t + 1:
            numbers.append(int(task.answers(out.logits)[0] if rng is None else draw_actions(out.logits, rng)[0]))
    return Continued(task.decode(numbers), np.array(chances))


def bits(logits, targets):
    """-log2 P(target): logits (T, B, V), targets (T, B) -> (T, B)."""
    log_p = np.take_along_axis(log_softmax_forward(logits), targets[:, :, None], axis=2)[:, :, 0]  # (T, B)
    return -log_p / np.log(2)


def last_sentence_entropies(task):
    """As ``Grammar.entropies``, to one who remembers of the objects only that of the last sentence: (T + 1,) bits.

    It is certain if the same name comes again, of chance 1 / names, and any object otherwise.
    """
    entropies = task.corpus.entropies(task.T + 1, "forgotten")
    entropies[SENTENCE + 2 :: SENTENCE] *= 1 - 1 / task.names
    return entropies


def which_objects_entropies(task):
    """As ``last_sentence_entropies``, to one who remembers which objects came up, in their order, but not whose.

    By counting: all favourites, and all names of the sentences, are equally likely, so object s costs the entropy of
    the first s objects less that of the first s - 1.
    """
    entropies = task.corpus.entropies(task.T + 1, "forgotten")
    of_objects = slice(KINDS.index("object"), None, SENTENCE)
    S = len(entropies[of_objects])
    favourites = np.indices((task.objects,) * task.names).reshape(task.names, -1)  # (names, F)
    names = np.indices((task.names,) * S).reshape(S, -1)  # (S, N)
    objects = favourites[names].reshape(S, -1)  # (S, N F)
    of_first = [0.0]  # objects
    for s in range(S):
        p = np.unique(objects[: s + 1], axis=1, return_counts=True)[1] / objects.shape[1]
        of_first.append(-p @ np.log2(p))
    entropies[of_objects] = np.diff(of_first)
    return entropies


def last_or_earlier(drawn):
    """Where what is remembered can be told by what it costs: Sentences of two names -> (S, B) ints.

    0 in a sentence whose name is that of the sentence before, 1 where it came up earlier only; -1 unless both names
    have come up before, and their favourites differ.
    """
    names = drawn.names.T  # (S, B)
    told = np.logical_or.accumulate(names != names[0])[:-1]  # (S - 1, B): both names, before sentences 1 ...
    groups = np.full(names.shape, -1)
    groups[1:] = np.where(told & (drawn.favourites[:, 0] != drawn.favourites[:, 1]), names[1:] != names[:-1], -1)
    return groups


def forward_without_writes(net, params, x, skipped):
    """Logits (T, B, V) on x (T, B, V) of a plastic network whose Hebb stays as it is at the steps ``skipped`` (T,)."""
    state, logits = net.initial_state(x.shape[1]), []
    for x_t, skip in zip(x, skipped):
        out, after = net.step(params, x_t, state)
        state = after._replace(hebb=state.hebb) if skip else after
        logits.append(out.logits)
    return np.array(logits)


def by_kind(values):
    """Means over the targets of each kind of word: values (T,) or (T, B), a row a target -> dict of KINDS.

    The first word of a text is no target, so row t is of word t + 1.
    """
    return {kind: float(values[(k - 1) % SENTENCE :: SENTENCE].mean()) for k, kind in enumerate(KINDS)}


def names_met(task, x):
    """Which targets are objects, and of whom: x (T, B, V) of the grammar -> (T, B) ints.

    0 for the object of a name that comes for the first time, 1 of one that came before, and -1 where the target is no
    object.
    """
    words = x.argmax(axis=2)  # (T, B)
    met = np.full(words.shape, -1)
    for t in range(1, task.T, SENTENCE):  # the verb is read, the object asked for
        met[t] = (words[: t - 1 : SENTENCE] == words[t - 1]).any(axis=0)
    return met
