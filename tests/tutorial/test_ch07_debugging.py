"""Chapter 07: each planted mistake is one, is seen where the chapter says so, and its mended form is right."""

import numpy as np
import pytest

from bpm_numpy import one_page
from bpm_numpy.tutorial import ch07_debugging as chapter
from bpm_numpy.tutorial.grader import grade

MENDED = {
    "mended_update": chapter.with_lines(chapter.broken_update, chapter.U_MASK),
    "mended_trace": chapter.with_lines(chapter.broken_trace, chapter.E_BEFORE),
    "mended_steps": chapter.with_lines(chapter.broken_steps, chapter.HEBB_KEPT),
}
by_exercise = pytest.mark.parametrize("name", chapter.EXERCISES)


def test_a_line_that_is_not_there_once_is_refused():
    for line in ("no such line", "dh"):
        with pytest.raises(ValueError, match="expected code that backward has once"):
            chapter.with_line(one_page.backward, line, "")


def test_with_line_leaves_the_one_page_alone():
    episode = chapter.draw_episode(np.random.default_rng(1))
    broken = chapter.with_line(one_page.backward, "du = dhebb * inside", "du = -dhebb")
    assert chapter.wrong_in(broken, *episode) and chapter.wrong_in(one_page.backward, *episode) == []
    assert chapter.error(broken, *episode) > 0.01 and chapter.error(one_page.backward, *episode) == 0


@pytest.mark.parametrize("seed", range(5))
def test_what_small_weights_hide(seed):
    factor, slope, mask = chapter.errors_by_size(seed, (0.01, 2.0)).values()
    assert factor.min() > 0.1  # seen at every size
    assert slope[0] < 1e-4 and slope[1] > 0.01
    assert mask[0] == 0 and mask[1] > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_lengths_from_which_alpha_has_a_gradient(seed):
    rng = np.random.default_rng(seed)
    for options, zeros in (({}, 2), ({"rule": "trace"}, 2), ({"rule": "trace", "reading": "paper"}, 3)):
        assert chapter.exactly_zero(rng, range(1, 7), **options) == [True] * zeros + [False] * (6 - zeros)


def test_mean_and_spread_are_those_of_many_draws():
    rng = np.random.default_rng(0)
    logits, baseline = rng.standard_normal((1, 2, 3)), rng.standard_normal((1, 2))
    worth = rng.standard_normal(3)
    mean, spread = chapter.mean_and_spread(logits, lambda action: np.full((1, 2), worth[action]), baseline)
    p = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=1, keepdims=True)
    draws = np.stack([rng.choice(3, size=20000, p=row) for row in p], axis=1)  # (n, B)
    pushes = (worth[draws] - baseline)[..., None] * (p - np.eye(3)[draws]) / 2
    assert np.allclose(pushes.mean(axis=0), mean[0], atol=0.03)
    assert np.allclose(pushes.std(axis=0), spread[0], atol=0.03)


@by_exercise
def test_the_mended_function_is_right_and_every_planted_mistake_is_named(name):
    exercise = chapter.EXERCISES[name]
    assert len(exercise.mistakes) >= 3
    for seed in range(5):
        assert grade(exercise, MENDED[name], np.random.default_rng(seed)).right
        for text, wrong in exercise.mistakes.items():
            assert text in grade(exercise, wrong, np.random.default_rng(seed)).text


def test_the_broken_steps_are_right_up_to_three_steps():
    for T, right in ((3, True), (4, False)):
        shorter = chapter.STEPS._replace(draw=lambda rng: chapter.STEPS.draw(rng) | {"x": rng.standard_normal((T, 3))})  # noqa: B023
        assert grade(shorter, chapter.broken_steps, np.random.default_rng(0)).right == right
