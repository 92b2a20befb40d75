"""The experiments of chapter 02: the task, the reading of matrices, the exercises, and the animation."""

import io

import numpy as np
import pytest
from PIL import Image

from bpm_numpy.figures.draw_hebb import animate_episode, plot_pre_post
from bpm_numpy.learning.storage import load_parameters
from bpm_numpy.site.play import MEMORY
from bpm_numpy.tutorial import ch02_hebb_matrices as chapter
from bpm_numpy.tutorial.ch02_hebb_matrices import EXERCISES
from bpm_numpy.tutorial.learn import share_right
from tests.tutorial.exercises import check_named, check_right

MISTAKES = [(name, text) for name, exercise in EXERCISES.items() for text in exercise.mistakes]


def outer_backward(dX, h, p):
    return {"h": dX @ p, "p": h @ dX}


def stored_backward(d_hebb, M, h, p):
    over_pre, over_post = h @ d_hebb, p @ d_hebb.T
    return {"M": (over_pre * p).sum(axis=1), "h": M[:, None] * over_post, "p": M[:, None] * over_pre}


RIGHT = {"outer_backward": outer_backward, "stored_backward": stored_backward}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_backward_pass_is_right(name):
    check_right(EXERCISES[name], RIGHT[name])


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(EXERCISES[name], RIGHT[name], text)


def test_a_store_is_a_sum_of_products_pre_to_post(rng):
    inputs = EXERCISES["stored_backward"].draw(rng)
    stored = EXERCISES["stored_backward"].forward(**inputs)
    M, h, p = inputs["M"], inputs["h"], inputs["p"]
    for i, j in np.ndindex(stored.shape):
        assert np.isclose(stored[i, j], sum(M[k] * h[k, i] * p[k, j] for k in range(len(M))), rtol=0, atol=1e-13)


def test_a_matrix_is_drawn_as_arrows_from_pre_to_post():
    left, right = plot_pre_post(np.array([[1.0, 0.5], [-1.0, 0.0]]), (1, 0)).axes
    arrows = [text for text in left.texts if getattr(text, "arrow_patch", None)]
    (black,) = [arrow for arrow in arrows if arrow.arrow_patch.get_edgecolor()[:3] == (0, 0, 0)]
    (x, y), (x_to, y_to) = black.xyann, black.xy
    assert len(arrows) == 4 and (round(x), y, round(x_to), y_to) == (0, -1, 1, 0)
    assert [text.get_text() for text in right.texts] == ["+1.0", "+0.5", "-1.0", "+0.0"]  # row by row


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


def test_what_is_recorded_is_the_network_after_its_updates(tmp_path):
    net, params, _ = chapter.train_memory(updates=2)
    for name in ("one", "two"):
        chapter.record_memory(tmp_path / name, updates=2)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    loaded, values = load_parameters(tmp_path / "one")
    assert loaded.options == net.options and values.keys() == params.keys()
    assert all(np.array_equal(values[name], value) for name, value in params.items())


def test_the_recorded_network_remembers(rng):
    net, params = load_parameters(MEMORY)
    pairs = chapter.draw_pairs(rng, batch=200)
    assert net.options == chapter.memory_network().options
    assert share_right(net.forward(params, pairs.x).logits, pairs) > 0.95
