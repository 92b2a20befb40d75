"""Walks through the maze of chapter 16: replayed, cut into paths, forgotten, drawn."""

import io

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.figures.maze import animate_walk, plot_frame, plot_moments, plot_path_lengths, plot_paths, plot_room
from bpm_numpy.figures.style import png
from bpm_numpy.tasks import Maze
from bpm_numpy.tasks.maze import distances, room
from bpm_numpy.tutorial import maze as chapter


@pytest.fixture(scope="module")
def task():
    return Maze(batch=20, size=5, T=40, reward=1.0)


@pytest.fixture(scope="module")
def net(task):
    return PlasticNetwork(task.n_inputs, 6, task.n_outputs)


@pytest.fixture(scope="module")
def params(net):
    return net.init(np.random.default_rng(0))


@pytest.fixture(scope="module")
def walk(net, params, task):
    return chapter.walk(net, params, task, seed=1)


def test_a_walk_is_the_one_that_was_rolled_out(walk, task):
    assert walk.positions.shape == (41, 20, 2) and walk.found.any() and np.all(walk.positions[0] == 2)
    steps = walk.positions[1:] - walk.positions[:-1]  # (T, B, 2)
    assert np.all(np.abs(steps[~walk.found]).sum(axis=1) <= 1)  # who has not found it moves by a square at most
    before = walk.positions[:-1][walk.found]
    goal = np.broadcast_to(walk.goal, steps.shape)[walk.found]
    assert np.all(np.abs(before - goal).sum(axis=1) == 1)  # and who has stood beside it


def test_paths_fill_the_episode(walk, task):
    paths = chapter.paths_of(walk, task.walls)
    for b in range(task.batch):
        mine = paths.episode == b
        finished = np.isfinite(paths.steps[mine])
        assert finished.sum() == walk.found[:, b].sum() and np.all(finished[:-1])
        np.testing.assert_array_equal(paths.number[mine], np.arange(mine.sum()))
        np.testing.assert_array_equal(np.diff(paths.start[mine]), paths.steps[mine][:-1])
        assert paths.start[mine][0] == 0
    assert np.all(paths.steps >= paths.shortest) and np.all(paths.shortest >= 1)


def test_lengths_by_number_leave_out_what_begins_late():
    paths = chapter.Paths(
        episode=np.array([0, 0, 0, 1, 1]),
        number=np.array([0, 1, 2, 0, 1]),
        start=np.array([0, 10, 16, 0, 30]),
        steps=np.array([10, 6, np.inf, 30, np.inf]),
        shortest=np.array([2, 3, 4, 4, 1.0]),
    )
    quartiles, shortest = chapter.lengths_by_number(paths, last_start=20, count=3)
    np.testing.assert_array_equal(quartiles[1], [30, 6, np.inf])  # of 10 and 30 the upper one
    np.testing.assert_array_equal(shortest, [3, 3, 4])


def test_views_tell_squares_apart_as_far_as_the_neighbourhood_does():
    assert len(np.unique(chapter.views(room(5)))) == 10  # nine squares and the walls
    seven = chapter.views(room(7))
    assert seven[1, 2] == seven[1, 4] != seven[1, 1] and seven[3, 3] != seven[1, 3] and seven[2, 2] == -1
    assert len(np.unique(seven[~room(7)])) == 15


def test_who_has_no_memory_forgets_nothing(task, walk, net, params):
    blank = PlasticNetwork(task.n_inputs, 6, task.n_outputs, plasticity="none")
    of = blank.init(np.random.default_rng(0)) | {"W_h": np.zeros((6, 6))}
    finds = chapter.finds_when_forgetting(blank, of, task, np.random.default_rng(5))
    np.testing.assert_array_equal(finds, chapter.walk(blank, of, task, seed=5).found.sum(axis=0))

    strong = params | {"W_h": 5 * params["W_h"], "alpha": 5 * params["alpha"], "W_y": 5 * params["W_y"]}
    finds = chapter.finds_when_forgetting(net, strong, task, np.random.default_rng(5))
    remembering = chapter.walk(net, strong, task, seed=5)
    assert not np.array_equal(finds, remembering.found.sum(axis=0))
    never = ~remembering.found.any(axis=0)  # until the goal is found nothing is forgotten
    assert never.any() and np.all((finds == 0)[never])


def test_figures_and_the_animation(walk, task):
    from PIL import Image

    steps = distances(task.walls)[tuple(walk.goal[0])]
    assert len(plot_room(task.walls, walk.goal[0], chapter.views(task.walls), steps).axes) == 3
    assert len(plot_paths(task.walls, walk.goal[0], [walk.positions[:5, 0]] * 2, "ab").axes) == 2
    quartiles = np.array([[1.0, 2], [2, 3], [3, 4]])
    assert len(plot_path_lengths({"simple": quartiles}, np.array([1.0, 2])).axes[0].lines) == 2
    assert len(plot_moments(task.walls, walk, 0, [0, 20]).axes) == 5
    assert len(plot_frame(task.walls, walk, 0, 7, 10).axes) == 3
    gif = animate_walk(task.walls, walk, 0, end=4)
    assert gif == animate_walk(task.walls, walk, 0, end=4) and Image.open(io.BytesIO(gif)).n_frames == 5
    assert png(plot_frame(task.walls, walk, 0, 3, 10)) != png(plot_frame(task.walls, walk, 0, 4, 10))
