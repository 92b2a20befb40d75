"""The experiments of chapter 02: the task, the reading of matrices, and the animation."""

import io

import numpy as np
import pytest
from PIL import Image

from bpm_numpy.figures.draw_hebb import animate_episode
from bpm_numpy.tutorial import ch02_hebb_matrices as chapter
from bpm_numpy.tutorial.learn import share_right


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_an_episode_shows_every_pair_and_asks_for_it_once(rng):
    pairs = chapter.draw_pairs(rng, batch=5, n_pairs=4)
    assert pairs.x.shape == (16, 5, 12) and pairs.mask.sum(axis=0).tolist() == [4] * 5
    for b in range(5):
        assert len(np.unique(pairs.cues[:, b], axis=0)) == 4
        for k in range(4):
            assert np.array_equal(pairs.x[2 * k, b], [*pairs.cues[k, b], 0, 0, 0, 0])
            assert np.array_equal(pairs.x[2 * k + 1, b], [0] * 8 + [int(pairs.labels[k, b] == a) for a in range(4)])
            (asked,) = [t for t in range(8, 16, 2) if np.array_equal(pairs.x[t, b, :8], pairs.cues[k, b])]
            assert pairs.mask[asked + 1, b] and pairs.targets[asked + 1, b] == pairs.labels[k, b]
            assert not pairs.mask[asked, b] and not pairs.x[asked + 1, b].any()


def test_effective_rank_counts_equal_singular_values():
    s = np.array([[3.0, 3.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    assert np.allclose(chapter.effective_rank(s), [2, 3, 0, 1], rtol=1e-12)


def test_keep_rank_keeps_the_first_terms(rng):
    matrices = rng.standard_normal((3, 5, 5))
    assert np.allclose(chapter.keep_rank(matrices, 5), matrices, atol=1e-12)
    assert np.all(np.linalg.matrix_rank(chapter.keep_rank(matrices, 2)) == 2)
    s = np.linalg.svd(matrices, compute_uv=False)
    error = np.linalg.norm(matrices - chapter.keep_rank(matrices, 2), axis=(1, 2))
    assert np.allclose(error**2, np.sum(s[:, 2:] ** 2, axis=1))


def test_order_by_leading_finds_hidden_blocks(rng):
    u, v = rng.permuted(np.linspace(-1, 1, 6)), rng.permuted(np.linspace(-1, 1, 6))
    rows, columns = chapter.order_by_leading(np.outer(u, v))
    for order, vector in ((rows, u), (columns, v)):
        steps = np.diff(vector[order])
        assert np.all(steps > 0) or np.all(steps < 0)


def test_the_share_right_counts_answers_only(rng):
    pairs = chapter.draw_pairs(rng, batch=6)
    right = np.where(pairs.mask[..., None], np.eye(4)[pairs.targets], rng.standard_normal((12, 6, 4)))
    assert share_right(right, pairs) == 1 and share_right(-right, pairs) == 0


def test_the_animation_has_a_frame_a_step_and_the_same_bytes_twice(rng):
    net, pairs = chapter.memory_network(), chapter.draw_pairs(rng, batch=1, n_pairs=1)
    traj = net.forward(net.init(rng), pairs.x)
    gif = animate_episode(traj, 0, chapter.step_names(pairs, 0))
    assert gif == animate_episode(traj, 0, chapter.step_names(pairs, 0))
    assert Image.open(io.BytesIO(gif)).n_frames == 5 and len(gif) < 1_500_000
