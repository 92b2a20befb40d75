"""Walks through the maze of chapter 18: replayed, cut into paths, forgotten, read out, drawn."""

import io

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.figures.draw_lost_runs import plot_remedies
from bpm_numpy.figures.draw_maze import animate_walk, plot_frame, plot_moments, plot_path_lengths, plot_paths, plot_room
from bpm_numpy.figures.style import png
from bpm_numpy.lab.runs import Group
from bpm_numpy.tasks import Maze
from bpm_numpy.tasks.maze import distances, room
from bpm_numpy.tutorial import ch18_maze as chapter


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
        shortest=np.array([9, 6, 4, 28, 1.0]),
    )
    lengths = chapter.lengths_by_number(paths, last_start=20, count=3)
    np.testing.assert_array_equal(lengths.count, [2, 1, 1])
    np.testing.assert_array_equal(lengths.median, [30, 6, np.inf])  # of 10 and 30 the upper one
    np.testing.assert_array_equal(lengths.direct, [0, 1, 0])
    np.testing.assert_array_equal(lengths.fewest, [18.5, 6, 4])
    assert lengths.finds == 1.5


def test_the_typical_episode_is_at_the_median_of_finds_and_of_the_first_search():
    found = np.zeros((30, 6), bool)
    found[[3, 4], 0] = found[[4, 9], 1] = found[[25, 26], 2] = found[6:10, 3] = found[5, 4] = True  # none in episode 5
    assert chapter.typical(chapter.Walk(None, found, None, None)) == 1
    assert chapter.typical(chapter.Walk(None, found[:, [3, 5, 2]], None, None)) == 2


def test_views_tell_squares_apart_as_far_as_the_neighbourhood_does():
    assert len(np.unique(chapter.views(room(5)))) == 10  # nine squares and the walls
    seven = chapter.views(room(7))
    assert seven[1, 2] == seven[1, 4] != seven[1, 1] and seven[3, 3] != seven[1, 3] and seven[2, 2] == -1
    assert len(np.unique(seven[~room(7)])) == 15


def test_who_has_no_memory_forgets_nothing(task):
    blank = PlasticNetwork(task.n_inputs, 6, task.n_outputs, plasticity="none")
    of = blank.init(np.random.default_rng(0)) | {"W_h": np.zeros((6, 6))}
    forgetful, untouched = chapter.forgetful_walk(blank, of, task, seed=5), chapter.walk(blank, of, task, seed=5)
    assert untouched.found.any()
    for one, other in zip(forgetful[:3], untouched[:3]):
        np.testing.assert_array_equal(one, other)


def test_what_is_forgotten_is_forgotten_at_the_find(task, net, params):
    strong = params | {"W_h": 5 * params["W_h"], "alpha": 5 * params["alpha"], "W_y": 5 * params["W_y"]}
    forgetful, untouched = (how(net, strong, task, seed=5) for how in (chapter.forgetful_walk, chapter.walk))
    np.testing.assert_array_equal(forgetful.goal, untouched.goal)
    before = np.cumsum(untouched.found, axis=0) - untouched.found == 0  # (T, B): up to the first find
    np.testing.assert_array_equal(forgetful.found[before], untouched.found[before])
    np.testing.assert_array_equal(forgetful.positions[:-1][before], untouched.positions[:-1][before])
    assert before.any(axis=1).all() and not np.array_equal(forgetful.positions, untouched.positions)


@pytest.mark.parametrize("plasticity", ["none", "hebbian"])
def test_memories_are_what_a_step_leaves_behind(task, plasticity):
    net = PlasticNetwork(task.n_inputs, 6, task.n_outputs, plasticity=plasticity)
    params = net.init(np.random.default_rng(0))
    second = chapter.walk(net, params, task, seed=2)
    t = int(second.found.argmax(axis=0).max())  # in some episode the goal is found at this very step
    early, late = chapter.memories(net, params, task, times=(2, t), seeds=(1, 2))
    np.testing.assert_array_equal(late.h[20:], second.trajectory.h[t + 1])
    np.testing.assert_array_equal(late.goals[20:], second.goal)
    np.testing.assert_array_equal(late.found[20:], second.found[:t].any(axis=0))
    assert (late.visits.sum(axis=1) == t + 1).all() and early.visits[:, 12].min() >= 1  # all have begun in the centre
    assert late.visits[20, 5 * second.positions[t, 0, 0] + second.positions[t, 0, 1]] >= 1
    assert late.found.sum() > early.found.sum() > 0 and late.h.shape == (40, 6)
    if plasticity == "none":
        assert late.hebb is None
    else:
        np.testing.assert_array_equal(late.hebb[20:], second.trajectory.hebb[t + 1].reshape(20, 36))


def test_a_read_out_finds_what_is_there_and_nothing_else():
    rng = np.random.default_rng(3)
    goals = rng.integers(1, 6, (300, 2)).astype(float)
    hidden = goals @ rng.standard_normal((2, 80)) + 0.1 * rng.standard_normal((300, 80)) + 7
    assert chapter.read_out(hidden, goals, 100) > 0.97
    assert chapter.read_out(chapter.leading(hidden, 2), goals, 100) > 0.97
    assert abs(chapter.read_out(rng.standard_normal((300, 400)), goals, 100)) < 0.15
    half = np.column_stack([goals[:, :1], rng.standard_normal((300, 1))])  # the row alone
    assert 0.4 < chapter.read_out(half, goals, 100) < 0.6
    assert chapter.read_out(np.vstack([hidden[:200], hidden[:100]]), goals, 100) < 0  # of others' memories


def test_leading_components_hold_the_most_of_what_varies():
    rng = np.random.default_rng(4)
    memory = rng.standard_normal((50, 30)) * np.r_[10, 5, np.full(28, 0.1)] + 3
    components = chapter.leading(memory, 2)
    assert components.shape == (50, 2)
    np.testing.assert_allclose((components**2).sum(), ((memory - memory.mean(axis=0))[:, :2] ** 2).sum(), rtol=0.01)


def test_learnt_says_since_when_and_how_surely():
    scores = np.array([[1, 5, 3, 6, 6, 6, 7, 7, 8, 8], [1] * 10, [4] * 8 + [2, 2.0]])
    run = chapter.learnt(Group("maze", "small", "none", 5, np.arange(100, 1100, 100), scores, 1.0), bar=3.5)
    np.testing.assert_array_equal(run.since, [200, np.inf, 100])
    np.testing.assert_array_equal(run.under, [1, 0, 2])
    np.testing.assert_array_equal(run.final, [8, 1, 2])
    np.testing.assert_array_equal(run.gain, [1, 0, -2])


@pytest.mark.parametrize("study, size, T", [("maze", 7, 100), ("maze-large", 9, 150)])
def test_recorded_networks_fit_their_rooms(study, size, T):
    net, params, task = chapter.recorded("simple", 3, study)
    assert (task.size, task.T, task.batch) == (size, T, 3) and net.plasticity == "modulated"
    assert chapter.walk(net, params, task, seed=0).found.shape == (T, 3)


def test_path_lengths_are_those_of_the_study_asked_for():
    untouched, forgetful = chapter.path_lengths("maze-large", ["plastic"])
    assert list(untouched) == list(forgetful) == ["plastic"]
    net, params, task = chapter.recorded("plastic", 240, "maze-large")
    paths = chapter.paths_of(chapter.walk(net, params, task, seed=16), task.walls)
    for one, other in zip(untouched["plastic"], chapter.lengths_by_number(paths, last_start=110)):
        np.testing.assert_array_equal(one, other)
    assert untouched["plastic"].finds > 1.5 * forgetful["plastic"].finds


def test_the_field_of_view_is_a_square_around_the_agent(task):
    steps = distances(task.walls)[2, 3]
    dotted = plot_room(task.walls, np.array([2, 3]), chapter.views(task.walls), steps).axes[0].lines[-1].get_xydata()
    assert {tuple(corner) for corner in dotted} == {(0.5, 0.5), (0.5, 3.5), (3.5, 0.5), (3.5, 3.5)}
    assert np.all(np.count_nonzero(np.diff(dotted, axis=0), axis=1) == 1) and np.all(dotted[0] == dotted[-1])


def test_a_path_that_crosses_itself_changes_lanes(task):
    def drawn(*squares):
        figure = plot_paths(task.walls, np.array([1, 1]), [np.array(squares)], "a")
        return next(line for line in figure.axes[0].lines if len(line.get_xydata()) > 1).get_xydata()

    np.testing.assert_array_equal(drawn((2, 2), (2, 3), (2, 3), (1, 3)), [(2, 2), (3, 2), (3, 2), (3, 1)])
    there_and_back = drawn((2, 2), (2, 3), (2, 2))
    np.testing.assert_array_equal(there_and_back[:2], [(2, 2), (3, 2)])
    np.testing.assert_allclose(there_and_back[2:] - [(3, 2), (2, 2)], there_and_back[2][0] - 3)  # aside, and straight
    assert 0.05 < abs(there_and_back[2][0] - 3) < 0.5


def test_figures_and_the_animation(walk, task):
    from PIL import Image

    steps = distances(task.walls)[tuple(walk.goal[0])]
    assert len(plot_room(task.walls, walk.goal[0], chapter.views(task.walls), steps).axes) == 3
    assert len(plot_paths(task.walls, walk.goal[0], [walk.positions[:5, 0]] * 2, "ab").axes) == 2
    lengths = {"simple": chapter.lengths_by_number(chapter.paths_of(walk, task.walls), 20, count=2)}
    assert [len(axis.lines) for axis in plot_path_lengths(lengths, lengths).axes] == [3, 2]
    assert len(plot_moments(task.walls, walk, 0, [0, 20]).axes) == 5
    assert len(plot_frame(task.walls, walk, 0, 7, 10).axes) == 4
    gif = animate_walk(task.walls, walk, 0, end=4)
    assert gif == animate_walk(task.walls, walk, 0, end=4) and Image.open(io.BytesIO(gif)).n_frames == 5
    assert png(plot_frame(task.walls, walk, 0, 3, 10)) != png(plot_frame(task.walls, walk, 0, 4, 10))


def test_columns_are_beyond_what_they_were_before_the_fall():
    updates = np.arange(10, 60, 10)
    columns = {"rises": np.array([1.0, 3, 2, 3, 4]), "at once": np.array([1.0, 1, 1, 2, 0]), "never": np.ones(5)}
    run = chapter.LostRun(0, updates, columns, falls=30)
    assert chapter.first_beyond(run) == {"rises": 50, "at once": 40, "never": None}


def test_where_a_run_falls_depends_on_the_share_of_the_best_score():
    high, low = (chapter.lost_run(share=share) for share in (0.75, 0.7))
    score, best = high.columns["score"], high.columns["score"].max()
    assert (high.falls, low.falls) == (2500, 2700) and high.seed == low.seed == 0
    assert 0.7 * best <= score[low.updates == 2700][0] < 0.75 * best
    with pytest.raises(ValueError, match="label.*with none"):
        chapter.lost_run(label="simple, decay")


@pytest.mark.parametrize(
    "remedy, share, first, last",
    [("as it was", 0.75, {"gradient_norm"}, {"radius_w"}),
     ("as it was", 0.7, {"saturated_h", "radius_plastic"}, {"gradient_norm", "radius_w"}),
     ("penalty", 0.75, {"radius_plastic", "radius_w"}, {"saturated_h"}),
     ("loss per step", 0.75, {"saturated_h", "radius_plastic", "radius_w"}, {"gradient_norm"})],
)  # fmt: skip
def test_the_order_behind_the_fall_is_another_one_in_each_run(remedy, share, first, last):
    """As the chapter's text has it; what is never beyond comes last."""
    found = chapter.first_beyond(chapter.lost_run(label=f"simple, {remedy}", share=share))
    names = ("gradient_norm", "saturated_h", "radius_plastic", "radius_w")
    at = {name: np.inf if found[name] is None else found[name] for name in names}
    assert {name for name in names if at[name] == min(at.values())} == first
    assert {name for name in names if at[name] == max(at.values())} == last


def test_a_remedy_has_a_mark_per_seed_and_nothing_else():
    finals = {remedy: {"simple": np.array([1.0]), "retroactive": np.array([2.0])} for remedy in ("as it was", "decay")}
    (axis,) = plot_remedies(finals, {"round": 1.5}).axes
    drawn = [(line.get_marker(), len(line.get_xdata())) for line in axis.lines]
    assert drawn == [("o", 1), ("x", 1)] * 2 + [("None", 2)]  # the last is the line of the round
