"""Scores of runs at the end, and which runs are lost."""

import numpy as np
import pytest

from bpm_numpy.lab.kept import final_scores, is_lost

RISING, FALLING = np.linspace(0, 10, 20), np.r_[np.linspace(0, 10, 12), np.full(8, 2.0)]


def test_the_score_at_the_end_is_the_last_one_or_the_mean_of_a_share():
    scores = np.stack([RISING, FALLING])
    assert final_scores(scores, 0.2) == pytest.approx([RISING[-4:].mean(), 2.0])
    assert final_scores(scores, 0.0).tolist() == [10.0, 2.0]


def test_a_run_is_lost_that_ends_below_half_of_its_best_fifth():
    half = np.r_[np.full(10, 8.0), np.full(10, 4.0)]  # just half is not below it
    assert is_lost(np.stack([RISING, FALLING, half, half - 0.1])).tolist() == [False, True, False, True]
