"""Transitive inference of chapter 22: what the ends are worth, and shares of right answers by pair."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from bpm_numpy.learning.training import NETWORKS
from bpm_numpy.tasks import Transitive
from bpm_numpy.tutorial import ch22_transitive as chapter


@pytest.mark.parametrize("items", [4, 8, 11])
def test_the_ends_are_worth_the_pairs_that_have_one(items):
    pairs = list(itertools.combinations(range(items), 2))
    known = {pair: pair[0] == 0 or pair[1] == items - 1 for pair in pairs}
    far = [pair for pair in pairs if pair[1] - pair[0] > 1]
    assert chapter.score_of_ends(items) == pytest.approx(sum(known[pair] for pair in far) / len(far))
    for k, score in enumerate(chapter.ends_by_distance(items), 1):
        of = [pair for pair in pairs if pair[1] - pair[0] == k]
        assert score == pytest.approx(sum(known[pair] for pair in of) / len(of))


def test_right_answers_are_put_under_their_pair():
    task = Transitive(batch=40, items=5, bits=6, asked=10)
    x, targets, counts = task.sequences(np.random.default_rng(0))
    ranks = np.sort(task.ranks_asked(x), axis=-1)  # (10, 40, 2)
    wrong = ((ranks[..., 0] == 1) & (ranks[..., 1] == 3)) | ((ranks[..., 0] == 0) & (np.arange(40) < 10))
    answers = targets.copy()
    answers[counts] ^= wrong.ravel()
    episode = SimpleNamespace(
        x=x, targets=targets, counts=counts, trajectory=SimpleNamespace(logits=np.eye(2)[answers])
    )
    shares = chapter.right_by_pair(task, episode)
    expected = np.full((5, 5), np.nan)
    expected[np.triu_indices(5, 1)] = 1
    expected[1, 3], expected[0, 1:] = 0, 0.75
    np.testing.assert_allclose(shares, expected)


def test_recorded_runs_have_a_score_for_each_distance():
    scores = chapter.scores_by_distance()
    assert list(scores) == list(NETWORKS) and all(of.shape[1] == 7 for of in scores.values())
    shares = chapter.pairs_of("simple", np.random.default_rng(0), episodes=20)
    assert np.isnan(shares[np.tril_indices(8)]).all() and np.isfinite(shares[np.triu_indices(8, 1)]).all()


def test_figure_is_the_same_every_time():
    from bpm_numpy.figures.style import png

    assert png(chapter.figure_distances()) == png(chapter.figure_distances())
