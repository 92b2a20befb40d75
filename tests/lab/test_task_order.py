"""Several tasks in sequence: blocks of inputs, runs that start from others, and the matrix of scores."""

import copy
import json

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.__main__ import main
from bpm_numpy.commands import study as command
from bpm_numpy.figures.draw_sequence import plot_forgetting, plot_matrices
from bpm_numpy.lab import studies
from bpm_numpy.lab.interventions import play
from bpm_numpy.lab.runs import load_curve, load_network, open_run, train_in
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.lab.task_order import CHANCE, EPISODES, forgotten, load_matrices, scaled, score_matrix
from bpm_numpy.learning.episodes import evaluate, loss_and_gradients, rollout
from bpm_numpy.learning.storage import load_parameters
from bpm_numpy.learning.training import NETWORKS, begin, build, start_parameters, train
from bpm_numpy.tasks import TASKS, Block, make_task

SMALL = {name: next(iter(task.SMALL.values())) for name, task in TASKS.items()}
every_task = pytest.mark.parametrize("name", TASKS)


def block_settings(task, setting, network, block, **changes):
    """Settings of a task whose inputs are a block, quick."""
    quick = {"updates": 3, "evaluate_every": 2, "evaluation_episodes": 16, "network_options.n_hidden": 6}
    return settings_for(task, network, setting, 1, quick | {"task_options.block": block} | changes)


def last(turns):
    *_, turn = turns
    return turn


# Blocks


@every_task
def test_a_block_is_the_task_among_zeros(name):
    task = TASKS[name](**SMALL[name])
    D = task.n_inputs
    block = make_task(name, {**SMALL[name], "block": [2, D + 5]})
    assert (block.n_inputs, block.n_outputs, block.T, block.kind) == (D + 5, task.n_outputs, task.T, task.kind)
    rng = np.random.default_rng(0)
    shape = (task.batch, task.bits) if name == "completion" else task.batch
    seen, expected = block.reset(4), task.reset(4)
    for t in range(task.T + 1):
        np.testing.assert_array_equal(seen[0][:, 2 : 2 + D], expected[0])
        assert (np.delete(seen[0], np.s_[2 : 2 + D], axis=1) == 0).all() and seen[0].shape == (task.batch, D + 5)
        for one, other in zip(seen[1:-1], expected[1:-1]):  # reward and flags
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(seen[-1]["decides"], expected[-1]["decides"])
        if t < task.T:
            actions = rng.integers(0, 2, shape)
            seen, expected = block.step(actions), task.step(actions)


@every_task
def test_a_network_on_a_block_is_one_with_fewer_inputs(name):
    """Episodes, losses, gradients and scores are those of the task on a network with its rows of W_x alone."""
    plain = settings_for(name, "simple", next(iter(TASKS[name].SMALL)), changes={"network_options.cell": "rnn"})
    task, net = build(plain)
    D = task.n_inputs
    block = make_task(name, plain.task_options | {"block": [3, D + 4]})
    wide_net = PlasticNetwork(**net.options | {"n_inputs": D + 4})
    wide = wide_net.init(np.random.default_rng(0))
    rows = np.s_[3 : 3 + D]
    params = wide | {"W_x": wide["W_x"][rows]}

    one = rollout(net, params, task, np.random.default_rng(1))
    other = rollout(wide_net, wide, block, np.random.default_rng(1))
    np.testing.assert_allclose(other.trajectory.logits, one.trajectory.logits, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(other.rewards, one.rewards)
    assert block.summarise(other) == pytest.approx(task.summarise(one), nan_ok=True)
    loss, grads = loss_and_gradients(plain, net, params, one)
    wide_loss, wide_grads = loss_and_gradients(plain, wide_net, wide, other)
    assert wide_loss == pytest.approx(loss)
    np.testing.assert_allclose(wide_grads.params["W_x"][rows], grads.params["W_x"], rtol=1e-7, atol=1e-12)
    assert (np.delete(wide_grads.params["W_x"], rows, axis=0) == 0).all()
    scores = [
        evaluate(n, p, t, np.random.default_rng(2), 32) for n, p, t in ((net, params, task), (wide_net, wide, block))
    ]
    assert scores[1] == pytest.approx(scores[0], nan_ok=True)
    played = [play(n, p, t, np.random.default_rng(2)) for n, p, t in ((net, params, task), (wide_net, wide, block))]
    assert played[1].scores == pytest.approx(played[0].scores, nan_ok=True)


@every_task
def test_a_block_is_made_again_from_its_options_and_copied(name):
    block = make_task(name, {**SMALL[name], "block": [1, 200]})
    options = json.loads(json.dumps(block.options))
    for again in (make_task(name, options), copy.deepcopy(block), block.for_evaluation()):
        assert again.options["block"] == [1, 200] and again.n_inputs == 200
        assert isinstance(again, Block) and again.task is not block.task
    np.testing.assert_array_equal(make_task(name, options).reset(3)[0], block.reset(3)[0])


@pytest.mark.parametrize(
    "block, error, message",
    [
        (3, TypeError, r"^block: expected \[first, width\], got 3"),
        ([1], TypeError, r"^block: expected \[first, width\]"),
        ([-1, 20], ValueError, r"^block\[0\]: expected an integer of at least 0, got -1"),
        ([0.0, 20], TypeError, r"^block\[0\]: expected an integer"),
        ([1, 5], ValueError, r"^block\[1\]: expected an integer of at least 6, got 5"),  # 5 inputs of a bandit
        ([1, "6"], TypeError, r"^block\[1\]: expected an integer"),
    ],
)
def test_blocks_that_cannot_be(block, error, message):
    with pytest.raises(error, match=message):
        settings_for("bandit", "simple", "small", changes={"task_options.block": block})


# Starting from another run


@pytest.fixture
def first_run(tmp_path):
    """A finished run on association: its Settings, and its file of parameters."""
    settings = block_settings("association", "tiny", "retroactive", [0, 17])
    last(train_in(tmp_path / "first", settings))
    return settings, str(tmp_path / "first" / "params.npz")


def test_a_run_starts_from_another_ones_parameters(first_run):
    first, file = first_run
    settings = block_settings("bandit", "small", "retroactive", [12, 17], start=file)
    assert settings._replace(**json.loads(json.dumps(settings._asdict()))) == settings
    training = begin(settings).training
    _, params = load_parameters(file)
    assert params.keys() == training.params.keys() and training.step == 0
    for name, value in params.items():
        np.testing.assert_array_equal(training.params[name], value)
        assert (training.optimiser.m[name] == 0).all() and (training.optimiser.v[name] == 0).all()
    after = last(train(settings)).training.params
    np.testing.assert_array_equal(after["W_x"][:12], params["W_x"][:12])  # the other task's, to the last bit
    for name in params.keys() - {"W_x"}:
        assert (after[name] != params[name]).any(), name  # all else is shared, and moved


@pytest.mark.parametrize("stop", [1, 2])  # between two rows, and at one
def test_a_stopped_stage_goes_on_to_the_same_bits(first_run, tmp_path, stop):
    _, file = first_run
    settings = block_settings("bandit", "small", "retroactive", [12, 17], start=file)
    last(train_in(tmp_path / "whole", settings))
    last(train_in(tmp_path / "parts", settings._replace(updates=stop)))
    last(train_in(tmp_path / "parts", settings))
    one, other = (load_network(tmp_path / name)[1] for name in ("whole", "parts"))
    assert all((one[name] == other[name]).all() for name in one)
    if stop == 2:  # at a row, so that the longer run has the same rows
        rows = [[row | {"seconds": 0} for row in load_curve(tmp_path / name)] for name in ("whole", "parts")]
        assert rows[0] == rows[1]


def test_starts_that_cannot_be(first_run, tmp_path):
    _, file = first_run
    for change, message in (
        ({"start": str(tmp_path / "none.npz")}, "^start: expected parameters or a file of them"),
        ({"start": str(tmp_path)}, "^start: expected parameters or a file of them"),
        ({"start": str(tmp_path / "first" / "checkpoint.npz")}, "^start: expected a parameters file"),
        ({"start": file, "network_options.n_hidden": 7}, "^start: expected parameters of PlasticNetwork"),
        ({"start": file, "task_options.block": [12, 18]}, "^start: expected parameters of PlasticNetwork"),
    ):
        settings = block_settings("bandit", "small", "retroactive", [12, 17], **change)
        with pytest.raises(ValueError, match=message):
            open_run(tmp_path / "second", settings)
    with pytest.raises(TypeError, match="^start: expected a dict"):
        start_parameters(build(settings)[1], None, np.random.default_rng(0))
    with pytest.raises(ValueError, match="^changes: expected names from"):
        block_settings("bandit", "small", "retroactive", [12, 17], **{"start": file, "start.eta": 0.3})
    assert not (tmp_path / "second").exists()


def test_train_command_starts_from_a_run(first_run, tmp_path, capsys):
    _, file = first_run
    words = ["train", "bandit", "--network", "retroactive", "--updates", "2", "--out", str(tmp_path / "second")]
    words += ["--set", "network_options.n_hidden=6", "--set", "task_options.block=[12, 17]"]
    assert main([*words, "--set", "start=nowhere"]) == 2
    assert "start: expected" in capsys.readouterr().err
    assert main([*words, "--set", f"start={file}"]) == 0
    before, after = load_parameters(file)[1], load_network(tmp_path / "second")[1]
    np.testing.assert_array_equal(after["W_x"][:12], before["W_x"][:12])


# The matrix


def test_matrix_against_direct_evaluation():
    tasks = [make_task("association", {**SMALL["association"], "block": [0, 17]})]
    tasks += [make_task("bandit", {**SMALL["bandit"], "block": [12, 17]})]
    net = PlasticNetwork(17, 5, 2)
    stages = [net.init(np.random.default_rng(seed)) for seed in range(3)]
    matrix = score_matrix(net, stages, tasks, seed=7, episodes=32)
    assert matrix.shape == (3, 2)
    for k, params in enumerate(stages):
        for j, task in enumerate(tasks):
            rng = np.random.default_rng((7, 3))
            scores = [task.summarise(rollout(net, params, task, rng))["score"] for _ in range(2)]
            assert matrix[k, j] == pytest.approx(np.mean(scores))
    assert len(np.unique(matrix[:, 1])) == 3
    with pytest.raises(ValueError, match="params_of_stages: expected 3, one more than tasks, got 2"):
        score_matrix(net, stages[:2], tasks, 0)


def test_forgotten_is_the_own_stage_less_the_last():
    matrix = np.array([[0.0, 0.1, 0.2], [0.9, 0.3, 0.0], [0.5, 0.8, 0.1], [0.4, 0.9, 0.7]])
    np.testing.assert_allclose(forgotten(matrix), [0.5, -0.1, 0])
    np.testing.assert_allclose(forgotten(np.stack([matrix, 2 * matrix])), [[0.5, -0.1, 0], [1.0, -0.2, 0]])


# The study


@pytest.fixture
def small_sequence(monkeypatch, tmp_path):
    """A study of two networks, two stages and two seeds, two updates each, kept below tmp_path."""
    lines = studies.in_sequence(6, [("association", "tiny", 2), ("bandit", "small", 2)])
    lines = [line._replace(changes=line.changes | {"evaluation_episodes": 16}) for line in lines[:2] + lines[-2:]]
    monkeypatch.setitem(studies.STUDIES, "sequence", studies.Study(2, lines))
    monkeypatch.setattr(command, "DATA", tmp_path / "data")
    return tmp_path


def test_the_study_runs_stage_by_stage_and_keeps_the_matrix(small_sequence, monkeypatch):
    words = ["study", "sequence", "--out", str(small_sequence / "runs"), "--jobs", "2"]
    assert main(words) == 0
    folder = small_sequence / "data" / "sequence"
    tasks, matrices = load_matrices(folder)
    assert tasks == ["association", "bandit"] and list(matrices) == ["none", "retroactive"]
    for network, seeds in matrices.items():
        assert seeds.shape == (2, 3, 2)
        for seed, matrix in enumerate(seeds):
            runs = [small_sequence / "runs" / f"{network}-stage-{k}-seed{seed}" for k in (1, 2)]
            first, second = (load_network(run)[1] for run in runs)
            np.testing.assert_array_equal(first["W_x"][12:], begin_of(network, seed)["W_x"][12:])
            np.testing.assert_array_equal(first["W_x"][:12], second["W_x"][:12])
            task = make_task("association", {**TASKS["association"].SMALL["tiny"], "block": [0, 17]})
            net, _ = load_network(runs[1])
            for row, params in zip(matrix, (begin_of(network, seed), first, second)):
                direct = evaluate(net, params, task, np.random.default_rng((seed, 3)), EPISODES)
                assert row[0] == pytest.approx(direct["score"], abs=1e-3)
    about, groups = studies.load_study("sequence", small_sequence / "data")
    assert [(group.label, group.task) for group in groups][:2] == [
        ("none, stage 1", "association"),
        ("none, stage 2", "bandit"),
    ]
    assert about["lines"]["none, stage 2"]["settings"]["start"].endswith("runs/none-stage-1-seed0/params.npz")
    monkeypatch.setattr(command, "start", None)  # all is done: nothing is started again
    assert main(words) == 0


def begin_of(network, seed):
    """The parameters that ``small_sequence`` starts from."""
    changes = {"network_options.n_hidden": 6, "task_options.block": [0, 17]}
    return begin(settings_for("association", network, "tiny", seed, changes)).training.params


def test_a_stage_waits_for_the_one_before(small_sequence):
    first, second, *_ = studies.runs_of(studies.STUDIES["sequence"], small_sequence / "runs", 1)
    assert command.next_of([second, first], []) == first
    assert command.next_of([second], [first]) is None
    assert command.next_of([second], []) == second  # nothing to wait for: it will say what is missing
    assert command.next_of([], []) is None
    last(train_in(first.folder, first.settings))
    assert command.next_of([second, first], []) == second and studies.is_finished(first)
    (first.folder / "params.npz").unlink()
    assert not studies.is_finished(first)


def test_blocks_of_a_sequence_lie_side_by_side():
    stages = [("association", "tiny", 5), ("bandit", "small", 6), ("cue-reward", "tiny", 7)]
    lines = studies.in_sequence(6, stages)
    assert len(lines) == 3 * len(NETWORKS)
    assert [line.changes["task_options.block"] for line in lines[:3]] == [[0, 31], [12, 31], [17, 31]]
    assert [line.changes["updates"] for line in lines[:3]] == [5, 6, 7]
    assert [line.after for line in lines[:3]] == [None, "none, stage 1", "none, stage 2"]
    nets = {str(build(run.settings)[1]) for run in studies.runs_of(studies.Study(1, lines[:3]), "out", 1)}
    assert len(nets) == 1


def test_a_folder_without_matrices_is_refused(tmp_path):
    with pytest.raises(ValueError, match="folder: expected matrix.csv"):
        load_matrices(tmp_path)


# Chapter 20


def test_chance_is_what_random_answers_score():
    rng = np.random.default_rng(0)
    for name, chance in CHANCE.items():
        task = TASKS[name](**TASKS[name].SMALL["tiny" if name != "bandit" else "small"] | {"batch": 1000})
        net = PlasticNetwork(task.n_inputs, 3, 2, plasticity="none")
        params = {key: value * (key != "W_y") for key, value in net.init(rng).items()}  # even odds
        if name == "association":  # its answers are the most probable ones: a coin for each
            params["W_y"] = rng.standard_normal(params["W_y"].shape)
        assert evaluate(net, params, task, rng, 1000)["score"] == pytest.approx(chance, abs=0.06)
        assert scaled(chance, name) == 0 and scaled(1, name) == 1


MATRICES = {network: rng.uniform(0, 1, (3, 3, 2)) for network, rng in zip(NETWORKS, np.random.default_rng(4).spawn(4))}


def test_matrices_are_drawn_as_medians_and_ranges():
    figure = plot_matrices(["cue-reward", "bandit"], MATRICES, CHANCE)
    panels = [axis for axis in figure.axes if axis.texts]
    assert [axis.get_title() for axis in panels] == [f"{network} (3 seeds)" for network in NETWORKS]
    for axis, scores in zip(panels, MATRICES.values()):
        texts = {text.get_position(): text.get_text() for text in axis.texts}  # (j, k) -> its numbers
        for k, j in np.ndindex(3, 2):
            cell = np.sort(scores[:, k, j])
            assert texts[j, k] == f"{cell[1]:.2f}\n({cell[0]:.2f} to {cell[2]:.2f})"
        assert sorted((patch.get_x() + 0.48, patch.get_y() + 0.48) for patch in axis.patches) == [(0, 1), (1, 2)]
        np.testing.assert_allclose(axis.images[0].get_array()[:, 1], 2 * np.median(scores, axis=0)[:, 1] - 1)


def test_forgetting_is_drawn_seed_by_seed():
    figure = plot_forgetting(["cue-reward", "bandit"], MATRICES, CHANCE)
    (axis,) = figure.axes
    drawn = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    expected = [[matrix[1, 0], matrix[2, 0]] for scores in MATRICES.values() for matrix in scores]
    np.testing.assert_allclose(drawn, expected)
