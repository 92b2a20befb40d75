"""Text: the next symbol of sentences from a small grammar, or the next character of Python's own help texts."""

from functools import cache
from typing import NamedTuple

import numpy as np

from ..arguments import check_bool, check_choice, check_count
from ..equations.softmax import log_softmax_forward
from .base import SequenceTask, one_hot

NAMES = ("ann", "bob", "cid", "dot", "eve", "fay", "gus", "hal")
VERBS = ("likes", "buys", "sells", "wants")
OBJECTS = ("tea", "milk", "bread", "rice", "figs", "eggs", "salt", "corn")
SENTENCE = 4  # words: name, verb, object and full stop
BINDINGS = ("known", "learnt", "forgotten")
CHARACTERS = (*map(chr, range(32, 127)), "\n", "\ufffd")  # printable ASCII, newline, and one for all the rest


class Sentences(NamedTuple):
    """What is random about S sentences of the grammar."""

    favourites: np.ndarray  # (B, names) every name's object
    names: np.ndarray  # (B, S)
    verbs: np.ndarray  # (B, S)


class Windows(NamedTuple):
    """What is random about windows of a text."""

    starts: np.ndarray  # (B,) of their first characters


class Grammar:
    """Sentences "name verb object .", in which every name has its favourite object, drawn anew each episode.

    Names are uniform and independent. A verb depends on the verb of the sentence before, as a Markov chain whose
    matrix is drawn from ``seed`` (rows uniform on the simplex); the first is drawn from its stationary distribution.
    The favourites are uniform and independent: the first sentence about a name tells its object, and later ones can be
    foretold by who remembers.
    """

    def __init__(self, names, objects, seed):
        self.n_names, self.n_objects = names, objects
        self.vocabulary = (*NAMES[:names], *VERBS, *OBJECTS[:objects], ".")
        self.verb_after = np.random.default_rng(seed).dirichlet(np.ones(len(VERBS)), len(VERBS))  # rows: verb before
        leaves = np.eye(len(VERBS)) - self.verb_after.T  # of the stationary distribution: leaves @ p = 0, sum p = 1
        equations, values = np.vstack([leaves, np.ones(len(VERBS))]), np.eye(len(VERBS) + 1)[-1]
        self.first_verb = np.linalg.lstsq(equations, values, rcond=None)[0]

    def draw(self, rng, B, length):
        S = -(-length // SENTENCE)
        favourites = rng.integers(0, self.n_objects, (B, self.n_names))
        names = rng.integers(0, self.n_names, (B, S))
        u, verbs = rng.random((B, S)), np.empty((B, S), np.int64)
        chances = np.broadcast_to(self.first_verb, (B, len(VERBS)))  # (B, verbs)
        for s in range(S):
            verbs[:, s] = (u[:, s, None] >= chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
            chances = self.verb_after[verbs[:, s]]
        return Sentences(favourites, names, verbs)

    def symbols(self, drawn, length):
        """The first ``length`` symbols, as numbers of the vocabulary: (length, B)."""
        favourites, names, verbs = drawn
        objects = np.take_along_axis(favourites, names, axis=1)  # (B, S)
        first_verb, first_object = self.n_names, self.n_names + len(VERBS)
        stop = np.full(names.shape, len(self.vocabulary) - 1)
        words = np.stack([names, first_verb + verbs, first_object + objects, stop], axis=-1)  # (B, S, SENTENCE)
        return words.reshape(len(words), -1)[:, :length].T

    def entropies(self, length, bindings):
        """Entropy in bits of each of the first ``length`` symbols given all before it: (length,). See ``Text``."""
        entropies = np.zeros((-(-length // SENTENCE), SENTENCE))  # the full stop is certain
        entropies[:, 0] = np.log2(self.n_names)
        entropies[0, 1] = _entropy(self.first_verb)
        entropies[1:, 1] = self.first_verb @ [_entropy(row) for row in self.verb_after]
        new = (1 - 1 / self.n_names) ** np.arange(len(entropies))  # chance that the name has not come before
        uncertain = {"known": 0, "learnt": new, "forgotten": 1}[bindings]
        entropies[:, 2] = uncertain * np.log2(self.n_objects)
        return entropies.ravel()[:length]


class HelpTopics:
    """The topics of Python's ``help()``, one after the other, as characters of a fixed vocabulary.

    Windows start anywhere in the first nine tenths, or, ``held_out``, in the last tenth. The text differs from one
    version of Python to the next, and so do losses on it.
    """

    vocabulary = CHARACTERS

    def __init__(self, held_out, length):
        numbers, split = _help_numbers(), len(_help_numbers()) * 9 // 10
        self.numbers = numbers[split:] if held_out else numbers[:split]
        if length > len(self.numbers):
            raise ValueError(f"T: expected at most {len(self.numbers) - 1} with this text, got {length - 1}")

    def draw(self, rng, B, length):
        return Windows(rng.integers(0, len(self.numbers) - length + 1, B))

    def symbols(self, drawn, length):
        """Read on at the text's beginning behind its end: (length, B)."""
        return self.numbers.take(drawn.starts + np.arange(length)[:, None], mode="wrap")


class Text(SequenceTask):
    """T symbols, each of which asks for the next one: inputs are one-hot, D = A = the size of the vocabulary.

    source "grammar": sentences of ``Grammar``, from the start of one on, with the first ``names`` names and
    ``objects`` objects of the lists above. source "pydoc": characters of ``HelpTopics``. Each window starts from
    nothing, unless the network's state is carried (``consecutive``). Options of the other source are not used, nor is
    ``held_out`` with a grammar: its sentences are always new.

    The score is bits per symbol: lower is better. The paper's text, Penn Treebank, cannot be had here: all defaults
    are ours.
    """

    name = "text"
    SMALL = {
        "small": {"batch": 16, "T": 63, "source": "grammar", "names": 4, "objects": 4},
        "tiny": {"batch": 16, "T": 31, "source": "grammar", "names": 2, "objects": 4},
        "pydoc": {"batch": 16, "T": 64, "source": "pydoc"},
    }
    score_label = "bits per symbol"
    better = "less"

    def __init__(self, *, batch=30, T=95, source="grammar", names=8, objects=8, grammar_seed=0, held_out=False):
        check_choice("source", source, ("grammar", "pydoc"))
        for name, value, words in (("names", names, NAMES), ("objects", objects, OBJECTS)):
            check_count(name, value, smallest=2)
            if value > len(words):
                raise ValueError(f"{name}: expected at most {len(words)}, got {value}")
        check_count("grammar_seed", grammar_seed, smallest=0)
        check_bool("held_out", held_out)
        check_count("T", T)
        grammar = source == "grammar"
        self.corpus = Grammar(int(names), int(objects), int(grammar_seed)) if grammar else HelpTopics(held_out, T + 1)
        self.vocabulary = self.corpus.vocabulary
        super().__init__(batch, T, len(self.vocabulary), len(self.vocabulary))
        self.source, self.names, self.objects = source, int(names), int(objects)
        self.grammar_seed, self.held_out = int(grammar_seed), bool(held_out)

    def for_evaluation(self):
        return Text(**self.options | {"held_out": True})

    def draw(self, rng):
        return self.corpus.draw(rng, self.batch, self.T + 1)

    def consecutive(self, rng, number):
        """With source "pydoc": B readers, evenly spaced in the text, read on where they were, T symbols a batch.

        Nothing is drawn. Sentences of the grammar are new ones, with new favourites.
        """
        if self.source == "grammar":
            return super().consecutive(rng, number)
        check_count("number", number, smallest=0)
        spaced = np.arange(self.batch) * len(self.corpus.numbers) // self.batch
        return self.lay_out(Windows((spaced + number * self.T) % len(self.corpus.numbers)))

    def lay_out(self, drawn):
        symbols = self.corpus.symbols(drawn, self.T + 1)  # (T + 1, B)
        inputs = one_hot(symbols[:-1], self.n_inputs)  # (T, B, V)
        return inputs, symbols[1:].copy(), np.ones((self.T, self.batch), bool)

    def entropy(self, bindings):
        """Bits a symbol that a perfect predictor of the grammar needs, exactly; ValueError without a grammar.

        bindings "known": to one who is told every name's object; "learnt": to one who remembers those that have come
        up in the episode, the least that can be reached; "forgotten": to one who knows the grammar but remembers
        no objects. Each is the mean over the T targets of their entropy given all that came before.
        """
        check_choice("bindings", bindings, BINDINGS)
        if self.source != "grammar":
            raise ValueError(f"source: expected 'grammar' for its entropy, got {self.source!r}")
        return float(self.corpus.entropies(self.T + 1, bindings)[1:].mean())

    def encode(self, text):
        """The symbols of a string, (n,) int64: words between spaces, or characters; ValueError for unknown ones."""
        symbols = text.split() if self.source == "grammar" else text
        for symbol in symbols:
            check_choice("text", symbol, self.vocabulary)
        return np.array([self.vocabulary.index(symbol) for symbol in symbols], np.int64)

    def decode(self, numbers):
        """The string of symbols (n,)."""
        return (" " if self.source == "grammar" else "").join(self.vocabulary[number] for number in numbers)

    def summarise(self, episode):
        """score: bits per symbol, the mean of -log2 P(target); with a grammar also recall.

        recall: share of the objects that come out as most probable, of those whose name came up before in the episode
        (NaN if there is none).
        """
        logits, targets = episode.trajectory.logits, episode.targets
        log_p = np.take_along_axis(log_softmax_forward(logits), targets[..., None], axis=-1)  # (T, B, 1)
        summary = {"score": float(-log_p.mean() / np.log(2))}
        if self.source == "grammar":
            names = episode.x[::SENTENCE].argmax(axis=-1)  # (S, B)
            right = (self.answers(logits) == targets)[1::SENTENCE]  # (S', B), S' is S or S - 1; at the verb
            known = np.array([(names[:s] == names[s]).any(axis=0) for s in range(len(right))])  # (S', B)
            summary["recall"] = float(right[known].mean()) if known.any() else float("nan")
        return summary


def _entropy(p):
    """Entropy in bits of a distribution without zeros."""
    return float(-p @ np.log2(p))


@cache
def _help_numbers():
    """The help topics, in the order of their names, as numbers of CHARACTERS."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
    numbers = np.where((codes >= 32) & (codes < 127), codes - 32, len(CHARACTERS) - 1)
    numbers[codes == ord("\n")] = CHARACTERS.index("\n")
    return numbers
