"""Controls of a training, each through ``train``: what it does, that a stopped run goes on, and what is refused."""

import json
import math

import numpy as np
import pytest

from bpm_numpy import gradcheck
from bpm_numpy.__main__ import main
from bpm_numpy.lab.runs import flatten, load_progress, load_settings, open_run, save, train_in
from bpm_numpy.lab.settings import CONTROLS, EXPERIMENTS, row, settings_for
from bpm_numpy.learning.episodes import evaluate, loss_and_gradients, rollout
from bpm_numpy.learning.training import Settings, begin, build, learning_rate_at, train
from bpm_numpy.tasks import TASKS

QUICK = {"updates": 6, "evaluate_every": 2, "evaluation_episodes": 8, "network_options.n_hidden": 5}
CUES = {**QUICK, "task_options.batch": 3, "task_options.bits": 3, "task_options.T": 15}
PYDOC = {**QUICK, "task_options.batch": 3, "task_options.T": 7}


def cues(network="simple", **changes):
    return settings_for("cue-reward", network, "tiny", changes=CUES | changes)


def pydoc(network="simple", **changes):
    return settings_for("text", network, "pydoc", changes=PYDOC | changes)


def last(turns):
    return list(turns)[-1]


def bits(arrays):
    return {name: (value.dtype, value.shape, value.tobytes()) for name, value in arrays.items()}


# A rate per parameter, and none


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("network, name", [("simple", "alpha"), ("retroactive", "eta"), ("plastic", "rate")])
def test_a_frozen_parameter_keeps_every_bit_and_adam_none_of_it(network, name, dtype):
    settings = cues(network, **{f"rate_factors.{name}": 0, "network_options.dtype": dtype})
    before, after = begin(settings).training.params, last(train(settings)).training
    assert bits({name: after.params[name]}) == bits({name: before[name]})
    assert not after.optimiser.m[name].any() and not after.optimiser.v[name].any()
    for other in before:
        if other != name:
            assert not np.array_equal(after.params[other], before[other]), other
            assert after.optimiser.v[other].any()


def test_without_alpha_a_network_is_one_without_plasticity():
    """alpha at 0 and frozen, as a control: Hebb has no effect on what is learnt."""
    settings = cues("plastic", **{"start.alpha": 0.0, "rate_factors.alpha": 0})
    trained = last(train(settings)).training
    assert (trained.params["alpha"] == 0).all()
    np.testing.assert_array_equal(trained.params["rate"], begin(settings).training.params["rate"])  # its gradient is 0
    task, net = build(settings)
    episode = rollout(net, trained.params, task, np.random.default_rng(0))
    other = trained.params | {"rate": np.asarray(5.0)}
    np.testing.assert_array_equal(net.forward(other, episode.x).logits, net.forward(trained.params, episode.x).logits)


def test_the_gradient_of_a_frozen_parameter_does_not_shorten_the_others():
    settings = cues(**{"rate_factors.W_h": 0, "rate_factors.b": 0})
    training = begin(settings).training
    task, net = build(settings)
    episode = rollout(net, training.params, task, training.rng)
    _, grads = loss_and_gradients(settings, net, training.params, episode)
    squares = {name: (grad**2).sum() for name, grad in grads.params.items()}
    first = next(train(settings)).recent[0]
    assert squares["W_h"] > 0
    free = sum(value for name, value in squares.items() if name not in ("W_h", "b"))
    assert first.gradient_norm == pytest.approx(math.sqrt(free), rel=1e-12)


def test_factors_of_one_and_no_decay_change_no_bit():
    plain = last(train(cues())).training
    ones = last(train(cues(**{"rate_factors.W_h": 1, "decay.W_h": 0, "warm_up": 0, "final_rate_factor": 1}))).training
    assert bits(ones.params) == bits(plain.params)


# All that moves a parameter, against a loop over numbers


def by_hand(settings, updates):
    """The parameters after each update: Adam for one number after the other, in Python floats."""
    task, net = build(settings)
    training = begin(settings).training
    params, rng, steps = training.params, training.rng, []
    m = {name: np.zeros(value.size) for name, value in params.items()}
    v = {name: np.zeros(value.size) for name, value in params.items()}
    for k in range(1, updates + 1):
        _, grads = loss_and_gradients(settings, net, params, rollout(net, params, task, rng))
        frozen = [name for name in params if settings.rate_factors.get(name) == 0]
        free = [value for name, grad in grads.params.items() if name not in frozen for value in grad.ravel().tolist()]
        norm = math.sqrt(sum(value**2 for value in free))
        shorten = min(1.0, settings.max_norm / norm)
        if k <= settings.warm_up:
            rate = settings.learning_rate * k / settings.warm_up
        else:
            done = (k - settings.warm_up) / (settings.updates - settings.warm_up)  # 0 ... 1
            rate = settings.learning_rate * ((1 - done) + done * settings.final_rate_factor)
        moved = {}
        for name, value in params.items():
            if name in frozen:
                moved[name] = value
                continue
            numbers, grad = value.ravel().tolist(), grads.params[name].ravel().tolist()
            for i in range(len(numbers)):
                g = shorten * grad[i]
                m[name][i] = 0.9 * m[name][i] + 0.1 * g
                v[name][i] = 0.999 * v[name][i] + 0.001 * g * g
                step = (m[name][i] / (1 - 0.9**k)) / (math.sqrt(v[name][i] / (1 - 0.999**k)) + settings.eps)
                numbers[i] -= rate * settings.rate_factors.get(name, 1) * step
                numbers[i] *= 1 - settings.decay.get(name, 0)
            moved[name] = np.array(numbers).reshape(value.shape)
        params = moved
        steps.append(params)
    return steps


CHANGES = {
    "rates": {"rate_factors.W_h": 0.1, "rate_factors.b_m": 3, "rate_factors.eta": 0},
    "decay": {"decay.W_h": 0.01, "decay.alpha": 0.2, "decay.b_m": 0.5},
    "schedule": {"warm_up": 3, "final_rate_factor": 0.25},
    "falls to nothing": {"final_rate_factor": 0.0},
    "all": {"rate_factors.W_m": 0.5, "rate_factors.b": 0, "decay.W_m": 0.1, "warm_up": 2, "final_rate_factor": 0.5},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_an_update_is_adam_number_by_number(changes):
    settings = cues("retroactive", **changes)
    for progress, expected in zip(train(settings), by_hand(settings, settings.updates), strict=True):
        for name, value in progress.training.params.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_learning_rate_rises_and_falls_in_straight_lines():
    settings = cues(warm_up=4, final_rate_factor=0.5, updates=8, learning_rate=1.0)
    rates = [learning_rate_at(settings, number) for number in range(1, 9)]
    np.testing.assert_allclose(rates, [0.25, 0.5, 0.75, 1, 0.875, 0.75, 0.625, 0.5], rtol=1e-14)
    constant = cues(learning_rate=0.3)
    assert {learning_rate_at(constant, number) for number in range(1, 7)} == {0.3}


# The loss


def test_the_loss_per_step_is_the_loss_divided_by_the_steps():
    one, other = (next(train(cues(loss_per_step=per_step))).recent[0] for per_step in (False, True))
    assert other.loss == pytest.approx(one.loss / 15, rel=1e-12)
    assert other.gradient_norm == pytest.approx(one.gradient_norm / 15, rel=1e-12)


@pytest.mark.parametrize("network", ["plastic", "simple", "retroactive"])
@pytest.mark.parametrize("name", ["association", "cue-reward"])
def test_the_penalty_on_hebb_is_in_the_loss_and_in_its_gradient(name, network):
    changes = {"hebb_penalty": 0.7, "network_options.n_hidden": 4, "task_options.batch": 3}
    settings = settings_for(name, network, "tiny", changes=changes)
    task, net = build(settings)
    params = net.init(np.random.default_rng(0))
    episode = rollout(net, params, task, np.random.default_rng(1))
    loss, grads = loss_and_gradients(settings, net, params, episode)
    plain_loss, plain = loss_and_gradients(settings._replace(hebb_penalty=0.0), net, params, episode)
    hebb = [[[float(h) for h in line] for line in matrix] for matrix in episode.trajectory.state.hebb]
    squares = [h * h for matrix in hebb for line in matrix for h in line]
    assert loss - plain_loss == pytest.approx(0.7 * sum(squares) / len(squares), rel=1e-9)
    report = gradcheck(
        lambda moved: 0.7 * (net.forward(moved, episode.x).state.hebb ** 2).mean(),
        params,
        {name: grads.params[name] - plain.params[name] for name in params},
        method="complex",
    )
    assert report.passed and len(report.parameters) == len(params)


def test_the_penalty_keeps_hebb_small():
    def hebb_after(weight):
        changes = {"hebb_penalty": weight, "updates": 60, "evaluate_every": 60, "learning_rate": 0.01}
        settings = settings_for("association", "simple", "tiny", changes=QUICK | changes)
        task, net = build(settings)
        params = last(train(settings)).training.params
        return np.square(rollout(net, params, task, np.random.default_rng(5)).trajectory.state.hebb).mean()

    assert hebb_after(50.0) < 0.3 * hebb_after(0.0)


# The state carried from batch to batch


@pytest.mark.parametrize("network", ["none", "plastic", "simple"])
def test_text_is_read_on_as_one_long_sequence(network):
    """Without learning three batches are one forward pass over three times the steps."""
    settings = pydoc(network, carry=True, learning_rate=0, updates=3)
    training = last(train(settings)).training
    task, net = build(settings)
    pieces = [task.consecutive(np.random.default_rng(number), number) for number in range(3)]  # nothing is drawn
    for (_, targets, _), (inputs, _, _) in zip(pieces, pieces[1:]):
        np.testing.assert_array_equal(inputs[0].argmax(axis=1), targets[-1])  # the next batch begins where it ended
    whole = net.forward(training.params, np.concatenate([inputs for inputs, _, _ in pieces]))
    for came, expected in zip(training.state, whole.state):
        assert (came is None) == (expected is None)
        if came is not None:
            np.testing.assert_allclose(came, expected, rtol=1e-12, atol=1e-14)


def test_readers_are_spaced_evenly_and_go_round():
    task, _ = build(pydoc())
    numbers = task.corpus.numbers
    starts = [b * len(numbers) // 3 for b in range(3)]
    for number in (0, 5, len(numbers) // 7):
        inputs, targets, counts = task.consecutive(np.random.default_rng(0), number)
        expected = [[numbers[(start + number * 7 + t) % len(numbers)] for start in starts] for t in range(8)]
        np.testing.assert_array_equal(inputs.argmax(axis=-1), expected[:-1])
        np.testing.assert_array_equal(targets, expected[1:])
        assert counts.all()
    with pytest.raises(ValueError, match="^number: expected"):
        task.consecutive(np.random.default_rng(0), -1)


@pytest.mark.parametrize("name", ["cue-reward", "maze", "bandit", "association", "completion"])
def test_other_tasks_draw_new_episodes_for_the_hebb_of_those_before(name):
    setting = next(iter(TASKS[name].SMALL))
    plain = settings_for(name, "simple", setting, changes=QUICK | {"learning_rate": 0, "updates": 2})
    training = last(train(plain._replace(carry=True))).training
    task, net = build(plain)
    rng = np.random.default_rng()
    rng.bit_generator.state = begin(plain).training.rng.bit_generator.state
    first = rollout(net, training.params, task, rng)
    second = rollout(net, training.params, task, rng, state=first.trajectory.state)
    np.testing.assert_array_equal(training.state.hebb, second.trajectory.state.hebb)
    assert not np.array_equal(first.x, second.x) and first.trajectory.state.hebb.any()
    assert last(train(plain)).training.state is None


def test_the_gradient_stops_between_two_batches():
    settings = pydoc("retroactive", carry=True, learning_rate=1e-3, hebb_penalty=0.1)
    training = list(train(settings))[2].training
    task, net = build(settings)
    x = task.consecutive(training.rng, training.step)[0]
    episode = rollout(net, training.params, task, training.rng, state=training.state, number=training.step)
    np.testing.assert_array_equal(episode.x, x)
    report = gradcheck(
        lambda p: loss_and_gradients(
            settings, net, p, episode._replace(trajectory=net.forward(p, episode.x, training.state))
        )[0],
        training.params,
        loss_and_gradients(settings, net, training.params, episode)[1].params,
        directions=3,
        rng=np.random.default_rng(1),
    )
    assert report.passed


def test_evaluations_carry_the_state_as_training_does():
    settings = pydoc(carry=True, updates=2)
    training = last(train(settings)).training
    task, net = build(settings)
    held_out = task.for_evaluation()
    pieces = [held_out.consecutive(np.random.default_rng(0), number) for number in range(3)]
    whole = net.forward(training.params, np.concatenate([inputs for inputs, _, _ in pieces]))
    targets = np.concatenate([targets for _, targets, _ in pieces])
    z = whole.logits - whole.logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    expected = -np.mean([log_p[t, b, targets[t, b]] for t in range(21) for b in range(3)]) / math.log(2)
    scores = evaluate(net, training.params, held_out, np.random.default_rng(9), 8, carry=True)
    assert scores["score"] == pytest.approx(expected, rel=1e-12)
    assert last(train(settings)).curve[-1]["score"] == scores["score"]


def test_carried_hebb_and_trials_that_reset_h_go_together():
    settings = cues("retroactive", **{"carry": True, "task_options.reset_at_trials": True, "learning_rate": 0})
    one, two = (turn.training for turn, _ in zip(train(settings), range(2)))
    task, net = build(settings)
    rng = np.random.default_rng()
    rng.bit_generator.state = begin(settings).training.rng.bit_generator.state
    rollout(net, one.params, task, rng)  # the first batch: moves rng on
    nothing_but_hebb = net.initial_state(3)._replace(hebb=one.state.hebb)
    second = rollout(net, one.params, task, rng, state=nothing_but_hebb)
    np.testing.assert_array_equal(two.state.hebb, second.trajectory.state.hebb)
    assert one.state.h.any() and one.state.trace.any()


# Trials


def test_trials_are_reset_in_training_and_in_evaluation():
    plain, reset = cues("simple"), cues("simple", **{"task_options.reset_at_trials": True})
    assert reset.task_options == plain.task_options | {"reset_at_trials": True}
    assert settings_for("cue-reward", "simple", "tiny", changes=CUES | {"task_options.reset_at_trials": False}) == plain
    one, other = last(train(plain)), last(train(reset))
    assert one.curve[0]["loss"] != other.curve[0]["loss"]
    task, net = build(reset)
    scores = evaluate(net, other.training.params, task.for_evaluation(), np.random.default_rng((0, 1, 6)), 8)
    assert other.curve[-1]["score"] == scores["score"]


class Twice:
    """A task of somebody else's: two trials, of three steps each, told by info alone."""

    kind, SMALL, score_label, has_trials = "reward", {}, "reward a step", True
    T, batch, n_inputs, n_outputs, options = 6, 2, 3, 2, {}

    def for_evaluation(self):
        return Twice()

    def reset(self, seed):
        self.rng, self.t = seed, 0
        return self.rng.standard_normal((2, 3)), self._info()

    def step(self, actions):
        self.t += 1
        done = np.full(2, self.t == self.T)
        return self.rng.standard_normal((2, 3)), (actions == 1) * 1.0, done, done & False, self._info()

    def _info(self):
        return {"decides": np.full(2, True), "begins": np.full(2, self.t in (0, 3))}

    def summarise(self, episode):
        return {"score": float(episode.rewards.mean())}


def test_a_task_of_ones_own_can_have_trials(monkeypatch):
    monkeypatch.setitem(TASKS, "twice", Twice)
    monkeypatch.setitem(EXPERIMENTS, ("twice", "paper"), EXPERIMENTS["cue-reward", "tiny"])
    settings = settings_for("twice", "simple", "paper", changes=QUICK | {"task_options.reset_at_trials": True})
    assert settings.task_options == {"reset_at_trials": True}
    task, net = build(settings)
    trained = last(train(settings)).training
    episode = rollout(net, trained.params, task, np.random.default_rng(0))
    assert [len(piece.values) for piece in episode.trajectory.pieces] == [3, 3]
    second = net.initial_state(2)._replace(hebb=episode.trajectory.pieces[0].state.hebb)
    alone = net.forward(trained.params, episode.x[3:], second)
    np.testing.assert_array_equal(episode.trajectory.logits[3:], alone.logits)


# Stopped and gone on


RESUMED = {
    "rates and decay": ("cue-reward", {"rate_factors.W_h": 0.1, "rate_factors.alpha": 0, "decay.W_h": 0.01}),
    "schedule": ("cue-reward", {"warm_up": 2, "final_rate_factor": 0.1}),
    "loss": ("cue-reward", {"loss_per_step": True, "hebb_penalty": 0.1}),
    "trials": ("cue-reward", {"task_options.reset_at_trials": True}),
    "carry": ("cue-reward", {"carry": True}),
    "carry and trials": ("cue-reward", {"carry": True, "task_options.reset_at_trials": True}),
    "carry, text": ("text", {"carry": True, "network_options.dtype": "float32"}),
}


@pytest.mark.parametrize("stopped", ["saved", "killed"])
@pytest.mark.parametrize("task, changes", RESUMED.values(), ids=RESUMED)
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, task, changes, stopped):
    settings = (pydoc if task == "text" else cues)("retroactive", **changes)
    expected = last(train_in(tmp_path / "whole", settings))
    for progress in train_in(tmp_path / "parts", settings):
        if progress.training.step == 3:  # a row, and a checkpoint, has come with update 2
            if stopped == "saved":
                save(tmp_path / "parts", progress)
            break
    assert load_progress(tmp_path / "parts").training.step == (3 if stopped == "saved" else 2)
    again = last(train_in(tmp_path / "parts", settings))
    assert bits(again.training.params) == bits(expected.training.params)
    for part in ("m", "v"):
        one, other = (getattr(progress.training.optimiser, part) for progress in (again, expected))
        assert bits(one) == bits(other)
    states = [progress.training.state for progress in (again, expected, load_progress(tmp_path / "parts"))]
    if settings.carry:
        named = [{name: value for name, value in state._asdict().items() if value is not None} for state in states]
        assert bits(named[0]) == bits(named[1]) == bits(named[2]) and named[0]["hebb"].any()
    else:
        assert states == [None] * 3
    assert [line | {"seconds": 0} for line in again.curve] == [line | {"seconds": 0} for line in expected.curve]


def test_a_run_folder_of_before_goes_on(tmp_path):
    """Its settings.json has none of the controls."""
    settings = cues()
    for progress in train_in(tmp_path, settings):
        if progress.training.step == 4:
            break
    file = tmp_path / "settings.json"
    content = json.loads(file.read_text("utf-8"))
    for name in Settings._field_defaults:
        del content["settings"][name]
    file.write_text(json.dumps(content))
    assert load_settings(tmp_path) == settings and load_progress(tmp_path).training.step == 4
    again = last(train_in(tmp_path, settings))
    assert bits(again.training.params) == bits(last(train(settings)).training.params)
    with pytest.raises(ValueError, match="carry False, not True"):
        open_run(tmp_path, settings._replace(carry=True))


def test_a_run_whose_learning_rate_falls_cannot_be_made_longer(tmp_path):
    settings = cues(final_rate_factor=0.5)
    last(train_in(tmp_path, settings))
    with pytest.raises(ValueError, match="updates 6, not 8"):
        open_run(tmp_path, settings._replace(updates=8))
    risen = cues(warm_up=3)
    last(train_in(tmp_path / "risen", risen))
    longer = risen._replace(updates=8)
    assert bits(last(train_in(tmp_path / "risen", longer)).training.params) == bits(last(train(longer)).training.params)


# Names and numbers


def test_every_control_is_described_and_off_by_default(capsys):
    fields = {name + ".NAME" * isinstance(value, dict) for name, value in Settings._field_defaults.items()}
    assert set(CONTROLS) == fields | {"task_options.reset_at_trials"}
    for task, setting in EXPERIMENTS:
        if task in ("reversal", "transitive"):  # these are trained with some of them
            continue
        settings = settings_for(task, "simple", setting)
        assert {name: getattr(settings, name) for name in Settings._field_defaults} == Settings._field_defaults
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(name in said for name in CONTROLS)


def test_controls_from_the_command_line(tmp_path, capsys):
    words = ["evaluate_every=2", "evaluation_episodes=8", "network_options.n_hidden=5", "rate_factors.alpha=0"]
    words += ["start.alpha=0", "decay.W_h=0.001", "warm_up=1", "final_rate_factor=0.5", "loss_per_step=true"]
    words += ["hebb_penalty=0.01", "carry=true", "task_options.reset_at_trials=true"]
    command = ["train", "cue-reward", "--setting", "tiny", "--updates", "3", "--out", str(tmp_path)]
    assert main(command + [part for word in words for part in ("--set", word)]) == 0
    settings = load_settings(tmp_path)
    assert settings.rate_factors == {"alpha": 0} and settings.decay == {"W_h": 0.001} and settings.carry
    training = load_progress(tmp_path).training
    assert not training.params["alpha"].any() and training.state.hebb.any()
    assert "3 updates are done" in capsys.readouterr().out


def test_the_command_evaluate_carries_the_state_of_a_run_that_did(tmp_path, capsys):
    settings = pydoc(**{"carry": True, "start.W_y": [-3.0, 3.0]})
    training = last(train_in(tmp_path, settings)).training
    assert main(["evaluate", str(tmp_path), "--episodes", "12"]) == 0
    printed = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    held_out = build(settings)[0].for_evaluation()

    def score(carry):
        return evaluate(training.net, training.params, held_out, np.random.default_rng((0, 2)), 12, carry=carry)[
            "score"
        ]

    assert printed["score"] == f"{score(True):.4f}" != f"{score(False):.4f}"


def test_a_row_of_the_table_names_what_some_networks_lack(monkeypatch):
    changed = row(5, decay={"W_h": 0.001, "alpha": 0.001}, rate_factors={"W_m": 0.1})
    monkeypatch.setitem(EXPERIMENTS, ("cue-reward", "tiny"), changed)
    kept = {network: settings_for("cue-reward", network, "tiny") for network in ("none", "plastic", "simple")}
    assert kept["none"].decay == {"W_h": 0.001} and kept["none"].rate_factors == {}
    assert kept["plastic"].decay == {"W_h": 0.001, "alpha": 0.001} and kept["plastic"].rate_factors == {}
    assert kept["simple"].rate_factors == {"W_m": 0.1}
    assert {"decay.alpha", "rate_factors.W_m"} <= set(flatten(kept["simple"]))


@pytest.mark.parametrize(
    "network, changes, error, message",
    [
        ("none", {"decay.alpha": 0.1}, ValueError, "^decay: expected the parameters W_x, W_h, b, .*unknown 'alpha'"),
        ("simple", {"decay.W_g": 0.1}, ValueError, "^decay: expected the parameters W_x, W_h, .*unknown 'W_g'"),
        ("simple", {"decay.W_h": 1}, ValueError, r"^decay\['W_h'\]: expected .* below 1, got 1"),
        ("simple", {"decay.W_h": -0.1}, ValueError, r"^decay\['W_h'\]: expected .* at least 0"),
        ("simple", {"decay.W_h": "0.1"}, TypeError, r"^decay\['W_h'\]: expected a real number"),
        ("simple", {"decay": {"W_h": 0.1}}, ValueError, "^changes: expected names from .*decay.NAME"),
        ("simple", {"decay.W_h": 0.1, "rate_factors.W_h": 0}, ValueError, r"^decay\['W_h'\]: expected none.*frozen"),
        ("plastic", {"rate_factors.W_m": 0.1}, ValueError, "^rate_factors: expected the parameters .*unknown 'W_m'"),
        ("simple", {"rate_factors.W_m": -1}, ValueError, r"^rate_factors\['W_m'\]: expected"),
        ("simple", {"rate_factors.W_m": True}, TypeError, r"^rate_factors\['W_m'\]: expected a real number"),
        ("simple", {"warm_up": -1}, ValueError, "^warm_up: expected"),
        ("simple", {"warm_up": 1.5}, TypeError, "^warm_up: expected an integer"),
        ("simple", {"warm_up": 6}, ValueError, "^warm_up: expected fewer than the 6 updates, got 6"),
        ("simple", {"final_rate_factor": 1.1}, ValueError, "^final_rate_factor: expected"),
        ("simple", {"final_rate_factor": -0.1}, ValueError, "^final_rate_factor: expected"),
        ("simple", {"loss_per_step": 1}, TypeError, "^loss_per_step: expected True or False"),
        ("simple", {"carry": "yes"}, TypeError, "^carry: expected True or False"),
        ("simple", {"hebb_penalty": -1}, ValueError, "^hebb_penalty: expected"),
        ("simple", {"hebb_penalty": None}, TypeError, "^hebb_penalty: expected a real number"),
        ("none", {"hebb_penalty": 0.1}, ValueError, "^hebb_penalty: expected 0 with plasticity 'none', got 0.1"),
        ("simple", {"task_options.reset_at_trials": 1}, TypeError, "^reset_at_trials: expected True or False"),
    ],
)
def test_controls_that_cannot_be(network, changes, error, message, tmp_path):
    with pytest.raises(error, match=message):
        open_run(tmp_path / "run", cues(network, **changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["association", "completion", "text"])
def test_a_supervised_loss_is_a_mean_already(name):
    with pytest.raises(ValueError, match="^loss_per_step: expected False in a supervised task"):
        settings_for(name, "simple", "tiny", changes={"loss_per_step": True})


@pytest.mark.parametrize("name", ["maze", "bandit", "text"])
def test_a_task_without_trials_has_none_to_reset_at(name):
    with pytest.raises(ValueError, match="^reset_at_trials: expected False, got True with"):
        settings_for(name, "simple", "small", changes={"task_options.reset_at_trials": True})
