"""What every exercise keeps: a right backward pass is right, and a planted mistake is named by its line."""

import numpy as np

from bpm_numpy.tutorial.grader import grade

SEEDS = range(5)


def check_right(exercise, right):
    """The backward pass ``right`` is graded as right."""
    assert all(grade(exercise, right, np.random.default_rng(seed)).right for seed in SEEDS)


def check_named(exercise, right, text):
    """``right`` with the exercise's mistake ``text`` in it is graded as wrong, and pointed to that line."""

    def mistaken(*d_outputs, **inputs):
        return right(*d_outputs, **inputs) | exercise.mistakes[text](*d_outputs, **inputs)

    for seed in SEEDS:
        verdict = grade(exercise, mistaken, np.random.default_rng(seed))
        assert not verdict.right and verdict.text.endswith(f"Look at {text}")
