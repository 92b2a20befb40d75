"""Chapter 19's completion of texts, and its bookkeeping of words."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.tasks import Text
from bpm_numpy.tasks.base import one_hot
from bpm_numpy.tasks.text import Sentences
from bpm_numpy.tutorial import ch19_text as chapter

TASK = Text(batch=6, T=15, names=2, objects=4)
NET = PlasticNetwork(11, 7, 11, cell="lstm", alpha="neuron", fanout=True, clip=2.0, reading="paper")
BEGINNING = "ann likes tea . bob buys"


@pytest.fixture
def params():
    params = NET.init(np.random.default_rng(4))
    return params | {"alpha": 5 * params["alpha"], "W_y": 3 * params["W_y"]}


def chances_of(params, text):
    """After each symbol of a text, by ``forward``: (n, V)."""
    logits = NET.forward(params, one_hot(TASK.encode(text), 11)[:, None]).logits[:, 0]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_greedy_completion_is_the_most_probable_one(params):
    done = chapter.complete(NET, params, TASK, BEGINNING, 9)
    words = TASK.encode(done.text)
    assert done.text.startswith(BEGINNING + " ") and len(words) == 6 + 9 and done.chances.shape == (14, 11)
    np.testing.assert_allclose(done.chances, chances_of(params, done.text)[:-1], rtol=1e-12)
    assert np.array_equal(words[6:], done.chances[5:].argmax(axis=1))
    again = chapter.complete(NET, params, TASK, BEGINNING, 9)
    assert again.text == done.text and np.array_equal(again.chances, done.chances)


def test_drawn_completions_follow_the_chances(params):
    rng = np.random.default_rng(5)
    drawn = [chapter.complete(NET, params, TASK, BEGINNING, 1, rng) for _ in range(1000)]
    share = np.bincount([TASK.encode(done.text)[-1] for done in drawn], minlength=11) / 1000
    assert np.abs(share - drawn[0].chances[-1]).max() < 0.06 and drawn[0].chances[-1].max() < 0.9
    one, other = (chapter.complete(NET, params, TASK, "ann", 30, np.random.default_rng(6)).text for _ in range(2))
    assert one == other != chapter.complete(NET, params, TASK, "ann", 30, np.random.default_rng(7)).text


def test_characters_are_gone_on_with(params):
    task = Text(source="pydoc", T=5)
    net = PlasticNetwork(97, 4, 97, cell="lstm", dtype=np.float32)
    done = chapter.complete(net, net.init(np.random.default_rng(0)), task, "def", 3)
    assert len(done.text) == 6 and done.chances.shape == (5, 97) and done.chances.dtype == np.float32


@pytest.mark.parametrize(
    "beginning, length, rng, error, match",
    [
        ("", 3, None, ValueError, "^beginning: expected at least one symbol"),
        ("zoe likes", 3, None, ValueError, "^text: expected .*, got 'zoe'"),
        ("ann", 0, None, ValueError, "^length: "),
        ("ann", 3, 7, TypeError, "^rng: "),
    ],
)
def test_what_cannot_be_completed_is_refused(params, beginning, length, rng, error, match):
    with pytest.raises(error, match=match):
        chapter.complete(NET, params, TASK, beginning, length, rng)


def test_bits_are_the_score(params):
    x, targets, _ = TASK.sequences(np.random.default_rng(8))
    logits = NET.forward(params, x).logits
    bits = chapter.bits(logits, targets)
    p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    assert bits.shape == (15, 6) and bits[3, 2] == pytest.approx(-np.log2(p[3, 2, targets[3, 2]]), rel=1e-12)
    means = chapter.by_kind(bits)
    assert means["verb"] == pytest.approx(bits[[0, 4, 8, 12]].mean()) and list(means) == list(chapter.KINDS)
    assert means["name"] == pytest.approx(bits[[3, 7, 11]].mean())


def test_entropies_of_one_who_remembers_the_last_sentence():
    """Exactly: by the sentences of an explicit predictor, on average over many episodes."""
    task = Text(batch=4000, T=15, names=3, objects=4)
    drawn = task.draw(np.random.default_rng(9))
    same = drawn.names[:, 1:] == drawn.names[:, :-1]  # (B, S - 1)
    entropies = chapter.last_sentence_entropies(task)
    assert entropies.shape == (16,) and entropies[2] == 2
    np.testing.assert_allclose(entropies[6::4], 2 * (1 - same.mean(axis=0)), atol=0.06)
    forgotten, learnt = (task.corpus.entropies(16, how) for how in ("forgotten", "learnt"))
    assert np.all(learnt <= entropies + 1e-12) and np.all(entropies <= forgotten)
    assert np.array_equal(np.delete(entropies, np.s_[2::4]), np.delete(forgotten, np.s_[2::4]))
    two = Text(T=7, names=2, objects=4)
    assert np.array_equal(chapter.last_sentence_entropies(two), two.corpus.entropies(8, "learnt"))  # one to remember


def test_names_met():
    text = "ann likes tea . bob buys milk . ann sells tea . ann likes tea"
    words = TASK.encode(text)
    x = one_hot(words, 11)[:, None]
    met = chapter.names_met(Text(batch=1, T=15, names=2, objects=4), x)[:, 0]
    assert met.tolist() == [-1, 0, -1, -1, -1, 0, -1, -1, -1, 1, -1, -1, -1, 1, -1]


def test_entropies_of_one_who_remembers_which_objects_came_up():
    """By the chapter's formula for two names; and between the others' for three."""
    entropies = chapter.which_objects_entropies(Text(T=15, names=2, objects=4))
    same = 1 / 4 + 3 / 4 * 2.0 ** -np.arange(4)  # chance that 1, 2, ... objects are all the same
    again = same[1:] / same[:-1]
    one_seen = -again * np.log2(again) - (1 - again) * np.log2(1 - again) + (1 - again) * np.log2(3)
    np.testing.assert_allclose(entropies[2::4], np.append(2, same[:-1] * one_seen + 1 - same[:-1]), rtol=1e-12)
    task = Text(T=15, names=3, objects=2)
    forgotten, learnt = (task.corpus.entropies(16, how) for how in ("forgotten", "learnt"))
    entropies = chapter.which_objects_entropies(task)
    assert np.all(learnt <= entropies + 1e-12) and np.all(entropies <= forgotten + 1e-12)
    assert np.array_equal(np.delete(entropies, np.s_[2::4]), np.delete(forgotten, np.s_[2::4]))


def test_a_text_that_breaks_off_in_a_sentence_has_no_object_of_it():
    whole, cut = (chapter.which_objects_entropies(Text(T=T, names=2, objects=4)) for T in (11, 8))
    assert cut.shape == (9,) and np.array_equal(cut, whole[:9])


def test_last_or_earlier():
    names = np.array([[0, 0, 1, 1, 0, 1, 0], [0, 0, 1, 1, 0, 1, 0], [1, 0, 1, 0, 0, 1, 1]])
    drawn = Sentences(np.array([[2, 3], [3, 3], [0, 1]]), names, np.zeros_like(names))
    groups = chapter.last_or_earlier(drawn)
    expected = [[-1, -1, -1, 0, 1, 1, 1], [-1] * 7, [-1, -1, 1, 1, 0, 1, 0]]
    assert groups.shape == (7, 3) and groups.T.tolist() == expected


def test_writes_are_left_out(params):
    x, _, _ = TASK.sequences(np.random.default_rng(10))
    logits = NET.forward(params, x).logits
    none, every = np.zeros(15, bool), np.ones(15, bool)
    np.testing.assert_allclose(chapter.forward_without_writes(NET, params, x, none), logits, rtol=1e-12)
    unplastic = NET.forward(params | {"alpha": 0 * params["alpha"]}, x).logits
    np.testing.assert_allclose(chapter.forward_without_writes(NET, params, x, every), unplastic, rtol=1e-12)
    fifth = np.arange(15) == 5
    left_out = chapter.forward_without_writes(NET, params, x, fifth)
    np.testing.assert_allclose(left_out[:6], logits[:6], rtol=1e-12)  # Hebb(5) is what step 5 uses
    assert np.abs(left_out[6] - logits[6]).max() > 1e-6
