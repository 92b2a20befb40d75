"""Reversal learning of chapter 21: shares of the better pattern, trial by trial around the reversal."""

import numpy as np

from bpm_numpy.learning.training import NETWORKS
from bpm_numpy.tasks.reversal import Reversal, win_stay_lose_shift
from bpm_numpy.tutorial import ch21_reversal as chapter


def test_shares_are_counted_from_the_reversal():
    task = Reversal(batch=300, bits=4, trials=18)
    task.reset(0)
    stays = np.repeat(task.drawn.left, 3, axis=0)  # always pattern 0, the better one before the reversal
    np.testing.assert_array_equal(chapter.shares_around(task, stays), [1] * 6 + [0] * 6)


def test_win_stay_lose_shift_is_over_it_after_one_trial():
    task = Reversal(batch=4000, bits=4, trials=18)
    shares = chapter.shares_around(task, win_stay_lose_shift(task, np.random.default_rng(0)).actions)
    guessed = 0.8 - 0.3 / 7  # six trials before it is the first trial, if the reversal is at 6
    np.testing.assert_allclose(shares, [guessed] + [0.8] * 5 + [0.2] + [0.8] * 5, atol=0.03)


def test_a_count_that_keeps_nothing_is_win_stay_lose_shift_and_one_that_keeps_all_adds_up():
    task = Reversal(batch=500, bits=4, trials=18)
    one = chapter.fading_count(task, np.random.default_rng(1), keep=0.0)
    other = win_stay_lose_shift(task, np.random.default_rng(1))
    np.testing.assert_array_equal(one.actions[1::3], other.actions[1::3])
    scores = {keep: task.summarise(chapter.fading_count(task, np.random.default_rng(2), keep)) for keep in (0.6, 1.0)}
    assert scores[1.0]["score"] < 0 < 0.55 < scores[0.6]["score"]


def test_a_fading_count_is_the_sum_written_out():
    task = Reversal(batch=3, bits=4, trials=18)
    play = chapter.fading_count(task, np.random.default_rng(3), keep=0.7)
    chosen, rewards = task.chosen(play.actions), play.rewards[1::3]
    for b in range(3):
        count = 0.0
        for trial in range(18):
            if count != 0:
                assert chosen[trial, b] == (count > 0)
            count = 0.7 * count + (1 if chosen[trial, b] == 1 else -1) * rewards[trial, b]


def test_shares_are_those_of_all_rules_and_recorded_networks():
    rules, networks = chapter.shares_of_trials(np.random.default_rng(0), episodes=50)
    assert list(rules) == list(chapter.RULES) and list(networks) == list(NETWORKS)
    assert all(shares.shape == (12,) for shares in [*rules.values(), *networks.values()])


def test_figure_is_the_same_every_time():
    from bpm_numpy.figures.style import png

    assert png(chapter.figure_reversal()) == png(chapter.figure_reversal())
