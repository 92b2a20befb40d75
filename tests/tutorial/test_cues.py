"""Cues and labels laid out in time."""

import numpy as np

from bpm_numpy.tutorial.cues import as_signs, show_and_ask


def test_signs_are_the_binary_digits_the_lowest_first():
    assert as_signs(np.array([[5, 0], [6, 7]]), 3).tolist() == [[[1, -1, 1], [-1, -1, -1]], [[-1, 1, 1], [1, 1, 1]]]
    assert len(np.unique(as_signs(np.arange(16), 4), axis=0)) == 16


def test_a_label_comes_a_step_after_its_cue_and_so_does_the_place_of_an_answer():
    rng = np.random.default_rng(0)
    S, Q, B, bits = 3, 2, 4, 5
    cues, asked = rng.choice([-1.0, 1.0], (S, B, bits)), rng.choice([-1.0, 1.0], (Q, B, bits))
    labels, answers = rng.integers(0, 3, (S, B)), rng.integers(0, 3, (Q, B))
    x, targets, mask = show_and_ask(cues, labels, asked, answers, n_labels=3, marks=2)
    assert x.shape == (2 * (S + Q), B, bits + 3 + 2)
    for b in range(B):
        for s in range(S):
            assert x[2 * s, b].tolist() == [*cues[s, b], 0, 0, 0, 0, 0]
            assert x[2 * s + 1, b].tolist() == [0] * bits + [float(labels[s, b] == k) for k in range(3)] + [0, 0]
            assert not mask[2 * s : 2 * s + 2, b].any()
        for q in range(Q):
            t = 2 * (S + q)
            assert x[t, b].tolist() == [*asked[q, b], 0, 0, 0, 0, 0] and not x[t + 1, b].any()
            assert not mask[t, b] and mask[t + 1, b] and targets[t + 1, b] == answers[q, b]
