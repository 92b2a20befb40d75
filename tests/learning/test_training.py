"""Training: what an episode records, that the gradients are those of the loss, and that a run repeats and resumes."""

import json

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork, gradcheck
from bpm_numpy.files import FilesWarning
from bpm_numpy.lab.runs import gather, load_curve, load_network, load_progress, load_settings, open_run, save, train_in
from bpm_numpy.lab.settings import EXPERIMENTS, settings_for
from bpm_numpy.learning.episodes import chance, draw_actions, evaluate, loss_and_gradients, rollout
from bpm_numpy.learning.losses import actor_critic, discounted_returns, entropy_bonus, reinforce, value_loss
from bpm_numpy.learning.training import NETWORKS, begin, build, start_parameters, train, update
from bpm_numpy.parts import REGISTRIES, Parameter
from bpm_numpy.rules.decay import Decay
from bpm_numpy.tasks import TASKS

QUICK = {"updates": 6, "evaluate_every": 2, "evaluation_episodes": 8, "network_options.n_hidden": 5}
CUES = {**QUICK, "task_options.batch": 3, "task_options.bits": 3, "task_options.T": 15}


class Echo:
    """A task small enough to see through: reward 1 for action 1 at odd steps, which count; it notes the actions."""

    kind, SMALL, score_label = "reward", {}, "reward a step"
    T, batch, n_inputs, n_outputs = 6, 2, 3, 2

    def __init__(self):
        self.options, self.asked = {}, []

    def for_evaluation(self):
        return Echo()

    def reset(self, seed):
        self.rng, self.t = seed, 0
        return self._observe()

    def step(self, actions):
        self.asked.append(actions.copy())
        reward = (actions == 1) * float(self.t % 2)
        self.t += 1
        done = np.full(self.batch, self.t == self.T)
        obs, info = self._observe()
        return obs, reward, done, np.zeros(self.batch, bool), info

    def _observe(self):
        self.seen = self.rng.standard_normal((self.batch, self.n_inputs))
        return self.seen, {"decides": np.full(self.batch, self.t % 2 == 1)}

    def summarise(self, episode):
        return {"score": float(episode.rewards.mean()), "steps": float(self.t)}


@pytest.fixture
def echo(monkeypatch):
    monkeypatch.setitem(TASKS, "echo", Echo)
    monkeypatch.setitem(EXPERIMENTS, ("echo", "paper"), EXPERIMENTS["cue-reward", "tiny"])
    return settings_for("echo", "simple", "paper", changes=QUICK)


def same(one, two):
    """Equal but for the time they took."""
    for a, b in zip(one.training.params.values(), two.training.params.values(), strict=True):
        np.testing.assert_array_equal(a, b)
    for part in ("m", "v"):
        parts = (getattr(progress.training.optimiser, part) for progress in (one, two))
        for a, b in zip(*(values.values() for values in parts), strict=True):
            np.testing.assert_array_equal(a, b)
    assert one.training.rng.bit_generator.state == two.training.rng.bit_generator.state
    assert one.training.step == two.training.step == one.training.optimiser.steps
    assert [done._replace(seconds=0) for done in one.recent] == [done._replace(seconds=0) for done in two.recent]
    ours, theirs = ([row | {"seconds": 0} for row in progress.curve] for progress in (one, two))
    assert repr(ours) == repr(theirs)  # all digits; NaN is itself
    return True


def last(turns):
    return list(turns)[-1]


# Episodes


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_episode_records_what_network_and_task_exchanged(dtype):
    task, net = Echo(), PlasticNetwork(3, 4, 2, dtype=dtype)
    params = net.init(np.random.default_rng(0))
    episode = rollout(net, params, task, np.random.default_rng(1))
    assert episode.x.dtype == episode.rewards.dtype == episode.trajectory.logits.dtype == dtype
    np.testing.assert_array_equal(episode.actions, task.asked)
    np.testing.assert_array_equal(episode.rewards[1::2], episode.actions[1::2] == 1)
    assert episode.counts[1::2].all() and not episode.counts[::2].any() and not episode.rewards[::2].any()
    assert episode.targets is None
    # The trajectory is the one that a second forward pass over the recorded inputs would give.
    again = net.forward(params, episode.x)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(episode.trajectory.logits, again.logits, atol=tolerance)


@pytest.mark.parametrize("name", ["association", "completion"])
def test_a_supervised_episode_is_one_sequence(name):
    task, net = build(settings_for(name, "plastic", "tiny", changes={"network_options.n_hidden": 5}))
    params = net.init(np.random.default_rng(0))
    episode = rollout(net, params, task, np.random.default_rng(1))
    x, targets, counts = task.sequences(np.random.default_rng(1))
    np.testing.assert_array_equal(episode.x, x)
    np.testing.assert_array_equal(episode.targets, targets)
    np.testing.assert_array_equal(episode.counts, counts)
    # The rewards are those of stepping through the same episodes with the same answers.
    task.reset(seed=np.random.default_rng(1))
    np.testing.assert_array_equal(episode.rewards, [task.step(actions)[1] for actions in episode.actions])


def test_actions_are_drawn_from_the_policy():
    rng, logits = np.random.default_rng(0), np.log([0.1, 0.6, 0.3])
    drawn = draw_actions(np.tile(logits + 500, (30_000, 1)), rng)
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / len(drawn), [0.1, 0.6, 0.3], atol=0.01)
    certain = np.array([[0.0, -np.inf, -np.inf], [-np.inf, 0.0, -np.inf], [-np.inf, -np.inf, 0.0]])
    assert (draw_actions(np.repeat(certain, 100, axis=0), rng) == np.repeat([0, 1, 2], 100)).all()


@pytest.mark.parametrize("row", [[0, np.nan], [np.inf, 0], [-np.inf, -np.inf]])
def test_no_action_is_drawn_where_there_is_no_distribution(row):
    with pytest.raises(ValueError, match="^logits: expected a finite largest one in every row"):
        draw_actions(np.array([[0.0, 1.0], row]), np.random.default_rng(0))
    with pytest.raises(TypeError, match="^rng: expected"):
        draw_actions(np.zeros((1, 2)), 3)


def test_greedy_takes_the_most_probable_action():
    task, net = Echo(), PlasticNetwork(3, 4, 2)
    episode = rollout(net, net.init(np.random.default_rng(0)), task, np.random.default_rng(1), greedy=True)
    np.testing.assert_array_equal(episode.actions, episode.trajectory.logits.argmax(axis=-1))


def test_evaluation_means_over_whole_batches():
    task, net = Echo(), PlasticNetwork(3, 4, 2)
    params = net.init(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    each = [rollout(net, params, task, rng).rewards.mean() for _ in range(3)]
    scores = evaluate(net, params, task, np.random.default_rng(1), episodes=5)  # 2 in a batch
    assert scores == {"score": pytest.approx(np.mean(each)), "steps": 6.0}
    with pytest.raises(ValueError, match="^episodes: expected"):
        evaluate(net, params, task, rng, 0)
    with pytest.raises(TypeError, match="^rng: expected"):
        rollout(net, params, task, 3)


# The loss


def test_loss_of_rewards_is_the_actor_critic_where_all_answers_count(echo):
    task, net = build(echo)
    params = net.init(np.random.default_rng(0))
    episode = rollout(net, params, task, np.random.default_rng(1))
    episode = episode._replace(counts=np.ones_like(episode.counts))
    loss, grads = loss_and_gradients(echo, net, params, episode)
    names = ("discount", "value_weight", "entropy_weight", "entropy")
    outputs = episode.trajectory.logits, episode.trajectory.values
    expected, d_logits, d_values = actor_critic(
        *outputs, episode.actions, episode.rewards, **{name: getattr(echo, name) for name in names}
    )
    assert loss == pytest.approx(expected, rel=1e-12)
    for name, grad in net.backward(params, episode.trajectory, d_logits, d_values).params.items():
        np.testing.assert_allclose(grads.params[name], grad, atol=1e-12)


@pytest.mark.parametrize("task", ["cue-reward", "association", "completion"])
@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_are_those_of_the_loss(task, network):
    settings = settings_for(task, network, "tiny", changes={"network_options.n_hidden": 4, "task_options.batch": 3})
    task, net = build(settings)
    params = net.init(np.random.default_rng(0))
    episode = rollout(net, params, task, np.random.default_rng(1))
    loss, grads = loss_and_gradients(settings, net, params, episode)

    def loss_of(moved):  # the same actions and rewards; the advantage is a constant
        trajectory = net.forward(moved, episode.x)
        if task.kind == "supervised":
            return loss_and_gradients(settings, net, moved, episode._replace(trajectory=trajectory))[0]
        logits, values = trajectory.logits, trajectory.values
        returns = discounted_returns(episode.rewards, settings.discount)
        policy, _ = reinforce(logits, episode.actions, returns, episode.trajectory.values, episode.counts)
        critic, _ = value_loss(values, returns)
        bonus, _ = entropy_bonus(logits, settings.entropy, episode.counts)
        return policy + settings.value_weight * critic - settings.entropy_weight * bonus

    assert loss == pytest.approx(loss_of(params), rel=1e-12)
    report = gradcheck(loss_of, params, grads.params, directions=2, rng=np.random.default_rng(2))
    assert report.passed and len(report.parameters) == len(params)


# The loop


def test_an_update_is_one_step_of_adam_on_the_clipped_gradient(echo):
    task, net = build(echo)
    before = begin(echo).training
    after, done = update(echo._replace(max_norm=1e-3), task, before)
    assert (before.step, after.step, done.number, after.optimiser.steps) == (0, 1, 1, 1)
    norm = np.sqrt(sum((m**2).sum() for m in after.optimiser.m.values()))
    assert norm == pytest.approx(0.1 * 1e-3) and done.gradient_norm > 1e-3
    moved = max(np.abs(after.params[name] - before.params[name]).max() for name in before.params)
    assert 0 < moved <= echo.learning_rate


def test_the_curve_has_a_row_every_so_many_updates_and_at_the_end(echo):
    turns = list(train(echo._replace(updates=5)))
    assert [progress.training.step for progress in turns] == [1, 2, 3, 4, 5]
    assert [len(progress.recent) for progress in turns] == [1, 0, 1, 0, 0]
    rows = turns[-1].curve
    assert [row["update"] for row in rows] == [2, 4, 5] and [row["episodes"] for row in rows] == [4, 8, 10]
    # A row's means are over the updates since the row before.
    seen = [turns[0].recent[0], turns[2].recent[0]]
    assert [done.number for done in seen] == [1, 3]
    alone = last(train(echo._replace(updates=1)))
    assert alone.curve[0]["loss"] == pytest.approx(seen[0].loss, rel=1e-12)  # a mean, of one
    assert alone.curve[0]["clipped"] == (seen[0].gradient_norm > 2)
    assert np.all(np.diff([row["seconds"] for row in rows]) > 0) and rows[0]["steps"] == 6


def test_the_same_seed_gives_the_same_bits_and_another_does_not(echo):
    one, two, other = (last(train(echo._replace(seed=seed))) for seed in (3, 3, 4))
    assert same(one, two)
    assert not np.array_equal(one.training.params["W_h"], other.training.params["W_h"])


def test_a_network_learns():
    changes = {"updates": 250, "evaluate_every": 250, "learning_rate": 0.01}
    settings = settings_for("association", "simple", "tiny", changes=changes)
    assert last(train(settings)).curve[-1]["score"] > 0.5  # chance is 0


# Run folders


@pytest.mark.parametrize("stop", [3, 4])  # between two rows, and at one
@pytest.mark.parametrize("task, network", [("cue-reward", "retroactive"), ("association", "none")])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, task, network, stop):
    changes = CUES if task == "cue-reward" else QUICK
    settings = settings_for(task, network, "tiny", changes=changes)
    expected = last(train_in(tmp_path / "whole", settings))
    assert same(expected, last(train(settings)))
    for progress in train_in(tmp_path / "parts", settings):
        if progress.training.step == stop:
            save(tmp_path / "parts", progress)
            break
    assert load_progress(tmp_path / "parts").training.step == stop
    assert not (tmp_path / "parts/params.npz").exists()
    assert same(expected, last(train_in(tmp_path / "parts", settings)))
    assert same(expected, load_progress(tmp_path / "parts"))
    assert (tmp_path / "parts/params.npz").read_bytes() == (tmp_path / "whole/params.npz").read_bytes()


@pytest.mark.parametrize("first", [None, 1, 3])  # stopped there before
@pytest.mark.parametrize("killed", ["write_csv", "_write_json", "save_training"])  # in the write that fails
def test_a_kill_between_two_files_loses_no_bit_that_counts(tmp_path, monkeypatch, echo, first, killed):
    expected = last(train(echo))
    for progress in train_in(tmp_path, echo):
        if progress.training.step == first:
            save(tmp_path, progress)
        if progress.training.step == 5:
            break
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(f"bpm_numpy.lab.runs.{killed}", _fail)
        save(tmp_path, progress)
    assert load_progress(tmp_path).training.step == 4
    assert same(expected, last(train_in(tmp_path, echo)))


def _fail(*_):
    raise OSError


def test_what_the_curve_holds_beyond_the_checkpoint_is_cut(tmp_path, echo):
    turns = list(train(echo))
    open_run(tmp_path, echo)
    save(tmp_path, turns[2])  # between the rows of 2 and 4
    before = (tmp_path / "checkpoint.npz").read_bytes()
    save(tmp_path, turns[3])
    (tmp_path / "checkpoint.npz").write_bytes(before)
    assert [row["update"] for row in load_curve(tmp_path)] == [2, 4]
    assert same(load_progress(tmp_path), turns[2])


def test_a_finished_run_can_be_made_longer(tmp_path, echo):
    first = last(train_in(tmp_path, echo))
    stored = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert list(train_in(tmp_path, echo)) == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == stored
    longer = echo._replace(updates=8)
    assert same(last(train_in(tmp_path, longer)), last(train(longer)))
    assert load_settings(tmp_path) == longer and len(first.curve) == 3
    with pytest.raises(ValueError, match="^updates: expected at least the 8 done, got 6"):
        open_run(tmp_path, echo)


def test_a_run_with_other_settings_is_refused(tmp_path, echo):
    open_run(tmp_path, echo)
    other = echo._replace(learning_rate=0.1, network_options=echo.network_options | {"clip": 2.0})
    with pytest.raises(ValueError, match=r"learning_rate 0\.003, not 0\.1") as caught:
        open_run(tmp_path, other)
    assert "network_options.clip nothing, not 2.0" in str(caught.value)
    assert json.loads((tmp_path / "settings.json").read_text("utf-8"))["versions"]["numpy"] == np.__version__


def test_network_of_a_run(tmp_path, echo):
    progress = last(train_in(tmp_path, echo))
    for removed in ("checkpoint.npz", None):
        net, params = load_network(tmp_path)
        assert net.options == progress.training.net.options
        assert all(np.array_equal(params[name], value) for name, value in progress.training.params.items())
        if removed:
            (tmp_path / removed).unlink()
    (tmp_path / "params.npz").unlink()
    with pytest.raises(ValueError, match="^folder: expected a run with"):
        load_network(tmp_path)
    with pytest.raises(ValueError, match="^folder: expected a run "):
        load_settings(tmp_path / "nowhere")


def test_gathering_groups_runs_that_differ_in_the_seed_alone(tmp_path, echo):
    runs = [(0, 0.003, 6), (1, 0.003, 8), (2, 0.01, 6)]
    for seed, rate, updates in runs:
        settings = echo._replace(seed=seed, learning_rate=rate, updates=updates)
        last(train_in(tmp_path / str(seed), settings))
    open_run(tmp_path / "without a row", echo._replace(seed=9))
    with pytest.warns(FilesWarning, match="left out .*without a row: its curve has no row yet"):
        slow, fast = gather(tmp_path)
    assert (slow.label, fast.label) == ("simple, learning_rate 0.003", "simple, learning_rate 0.01")
    np.testing.assert_array_equal(slow.updates, [2, 4, 6])  # which both have reached
    curves = [load_curve(tmp_path / str(seed)) for seed in (0, 1)]
    np.testing.assert_array_equal(slow.scores, [[row["score"] for row in curve[:3]] for curve in curves])
    assert slow.parameters == sum(value.size for value in begin(echo).training.params.values())
    assert slow.minutes == pytest.approx(np.mean([curve[2]["seconds"] for curve in curves]) / 60)
    with pytest.raises(ValueError, match="^folder: expected runs"):
        gather(tmp_path / "nowhere")


# Settings


def test_every_setting_of_every_task_is_in_the_table():
    expected = {(name, setting) for name, task in TASKS.items() for setting in (*task.SMALL, "paper")}
    assert set(EXPERIMENTS) == expected


@pytest.mark.parametrize("task, setting", EXPERIMENTS)
def test_every_setting_can_be_built_and_written_down(task, setting):
    for network in NETWORKS:
        settings = settings_for(task, network, setting)
        assert settings._replace(**json.loads(json.dumps(settings._asdict()))) == settings
        built, net = build(settings)
        assert settings.task_options == built.options and net.plasticity == NETWORKS[network]["plasticity"]
        assert ("eta" in settings.start) == (network == "retroactive")


def test_eta_of_the_trace_starts_as_the_table_says_however_the_trace_is_chosen_and_no_other_rules(monkeypatch):
    class OwnEta(Decay):
        name, sums = "own eta", None

        def parameters(self, net):
            return {"eta": Parameter((), 0.01)}

    monkeypatch.setitem(REGISTRIES["rule"], "own eta", OwnEta())
    chosen = settings_for("bandit", "simple", changes={"network_options.rule": "trace", "start.alpha": 0.2})
    assert chosen.start == {"eta": 0.7, "alpha": 0.2} == {**settings_for("bandit", "retroactive").start, "alpha": 0.2}
    assert settings_for("bandit", "retroactive", changes={"network_options.rule": "own eta"}).start == {}
    given = settings_for("bandit", "simple", changes={"start.eta": 0.3, "network_options.rule": "own eta"})
    assert given.start == {"eta": 0.3}


def test_starting_values(echo):
    net, rng = PlasticNetwork(2, 20, 1, rule="trace", dtype=np.float32), np.random.default_rng(0)
    params = start_parameters(net, {"W_h": [0.0, 0.01], "alpha": -0.5, "eta": 0.7}, rng)
    assert 0 <= params["W_h"].min() and 0.009 < params["W_h"].max() < 0.01
    assert (params["alpha"] == -0.5).all() and params["eta"] == np.float32(0.7)
    assert all(value.dtype == np.float32 and isinstance(value, np.ndarray) for value in params.values())
    np.testing.assert_array_equal(params["W_y"], net.init(np.random.default_rng(0))["W_y"])
    for wrong, error in (
        ({"rate": 1.0}, ValueError),
        ({"eta": [1.0, 0.0]}, ValueError),
        ({"eta": "1"}, TypeError),
        ({"eta": 1e300}, ValueError),  # of a float64 network alone
        ({"eta": [0.0, 1e300]}, ValueError),
    ):
        with pytest.raises(error, match="^start"):
            start_parameters(net, wrong, rng)


def test_changes_of_the_table():
    changes = {"updates": 7, "task_options.T": 15, "start.eta": 0.3, "network_options.clip": 3.0}
    settings = settings_for("cue-reward", "retroactive", "tiny", 5, changes)
    assert (settings.updates, settings.seed, settings.start["eta"]) == (7, 5, 0.3)
    assert settings.task_options["T"] == 15 and settings.network_options["clip"] == 3.0
    assert EXPERIMENTS["cue-reward", "tiny"]["start"]["trace.eta"] != 0.3
    untouched = settings_for("cue-reward", "retroactive", "tiny", 5)
    assert untouched.start["eta"] != 0.3 and "clip" not in untouched.network_options


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"rate": 3}, ValueError, "changes: expected names from task_options.NAME"),
        ({"seed": 3}, ValueError, "changes: expected names from"),
        ({"start": {}}, ValueError, "changes: expected names from"),
        ({"updates.x": 3}, ValueError, "changes: expected names from"),
        ({"updates": 0}, ValueError, "updates: expected an integer of at least 1"),
        ({"updates": 1.5}, TypeError, "updates: expected an integer"),
        ({"evaluate_every": 0}, ValueError, "evaluate_every: expected"),
        ({"learning_rate": -1}, ValueError, "learning_rate: expected"),
        ({"max_norm": 0}, ValueError, "max_norm: expected"),
        ({"discount": 2}, ValueError, "discount: expected"),
        ({"entropy": "some"}, ValueError, "entropy: expected"),
        ({"network_options.cell": "mlp"}, ValueError, "cell: expected"),
        ({"task_options.T": "x"}, TypeError, "T: expected"),
        ({"task_options.colour": 1}, ValueError, "^task_options.colour: expected the name"),
        ({"start.eta": 1.0}, ValueError, "start: expected"),
    ],
)
def test_changes_that_cannot_be(changes, error, message, tmp_path):
    with pytest.raises(error, match=message):
        open_run(tmp_path / "run", settings_for("cue-reward", "simple", "tiny", changes=changes))
    assert not (tmp_path / "run").exists()


def test_names_that_are_none():
    for arguments in (("none", "simple"), ("cue-reward", "complex"), ("cue-reward", "simple", "huge")):
        with pytest.raises(ValueError, match="^(task|network|setting): expected"):
            settings_for(*arguments)


def test_chance_is_what_answers_at_random_have():
    rng = np.random.default_rng(0)
    assert chance(TASKS["association"](batch=16, pairs=2, bits=4), rng, 1024)["score"] == pytest.approx(0, abs=0.15)
    text = TASKS["text"](**TASKS["text"].SMALL["tiny"])
    assert chance(text, rng, 16)["score"] == pytest.approx(np.log2(text.n_outputs))  # bits; less is better
    assert text.better == "less" and TASKS["maze"].better == "more"
    bandit = TASKS["bandit"](batch=100, chances=[0.9, 0.5, 0.1], T=30)
    random = chance(bandit, rng, 1000)
    assert random["score"] == pytest.approx(1 / 3, abs=0.02)  # 10 000 pulls: four standard errors
    assert random["reward"] == pytest.approx(15, abs=0.5)
