"""Interfering with Hebb and M(t): what is overridden is, all else is as in an ordinary pass."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.lab.interventions import (
    Intervention,
    Recording,
    as_row,
    load_interventions,
    measure,
    modulator_after,
    phases,
    play,
    write_interventions,
)
from bpm_numpy.lab.runs import load_network, train_in
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.lab.studies import Line, Run
from bpm_numpy.learning.episodes import evaluate
from bpm_numpy.learning.training import NETWORKS, begin, build

CHANGES = {"network_options.n_hidden": 5, "task_options.batch": 3}


def tiny(task="cue-reward", network="simple", setting="tiny", **options):
    """A net with large weights, its params and the task."""
    changes = CHANGES | {f"network_options.{name}": value for name, value in options.items()}
    settings = settings_for(task, network, setting, changes=changes)
    net, params = begin(settings).training[:2]
    scaled = {name: value * (10 if name == "alpha" else 1) for name, value in params.items()}
    return net, scaled, build(settings)[0]


# The override in net.step


@pytest.mark.parametrize("fanout", [False, True])
def test_a_given_modulator_takes_the_place_of_its_own(fanout):
    rng = np.random.default_rng(0)
    net = PlasticNetwork(3, 4, 2, fanout=fanout)
    params, x_t = net.init(rng), rng.standard_normal((2, 3))
    if fanout:
        params["W_fan"], params["b_fan"] = rng.standard_normal((2, 4))
    _, state = net.step(params, rng.standard_normal((2, 3)), net.initial_state(2))
    own, expected = net.step(params, x_t, state)
    out, after = net.step(params, x_t, state, own.modulator)
    for a, b in zip((*out, *after), (*own, *expected), strict=True):
        np.testing.assert_array_equal(a, b)
    M = np.array([0.25, -0.5])
    out, after = net.step(params, x_t, state, modulator=M)
    np.testing.assert_array_equal(out.modulator, M)
    np.testing.assert_array_equal(out.logits, own.logits)  # M(t) writes; it isn't read in the same step
    mu = M[:, None] * params["W_fan"] + params["b_fan"] if fanout else M[:, None]  # (B, N)
    written = np.einsum("bi,bj,bj->bij", state.h, after.h, np.broadcast_to(mu, after.h.shape))
    np.testing.assert_allclose(after.hebb, np.clip(state.hebb + written, -1, 1), atol=1e-15)


def test_a_modulator_that_cannot_be_given():
    rng = np.random.default_rng(0)
    for plasticity in ("none", "hebbian"):
        net = PlasticNetwork(3, 4, 2, plasticity=plasticity)
        with pytest.raises(ValueError, match=f"^modulator: expected None with plasticity '{plasticity}'"):
            net.step(net.init(rng), np.ones((2, 3)), net.initial_state(2), np.zeros(2))
    net = PlasticNetwork(3, 4, 2)
    for wrong in (np.zeros(3), np.zeros((2, 1)), np.zeros(())):
        with pytest.raises(ValueError, match=r"^modulator: expected shape \(2,\)"):
            net.step(net.init(rng), np.ones((2, 3)), net.initial_state(2), wrong)
    with pytest.raises(TypeError, match="^modulator: expected a NumPy array"):
        net.step(net.init(rng), np.ones((2, 3)), net.initial_state(2), 0.0)


# Playing


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("task", ["cue-reward", "association", "completion"])
def test_untouched_play_is_the_forward_pass(task, network):
    net, params, task = tiny(task, network)
    recording = play(net, params, task, np.random.default_rng(1))
    traj = net.forward(params, recording.x)
    np.testing.assert_allclose(recording.logits, traj.logits, atol=1e-12)
    for name in ("hebb", "modulator"):
        expected = getattr(traj, name)
        if expected is None:
            assert getattr(recording, name) is None
        else:
            np.testing.assert_allclose(getattr(recording, name), expected, atol=1e-12)
    if task.kind == "supervised":
        x, _, counts = task.sequences(np.random.default_rng(1).spawn(3)[0])
        np.testing.assert_array_equal(recording.x, x)
        np.testing.assert_array_equal(recording.phases == "answer", counts)
    else:
        np.testing.assert_array_equal(recording.phases == "answer", recording.rewards != 0)
        late = recording.rewards[-13:]  # the last third of 40 steps
        assert recording.scores["score"] == pytest.approx(late.sum() / (late != 0).sum())


@pytest.mark.parametrize("network", ["plastic", "retroactive"])
@pytest.mark.parametrize("step", [0, 7])
def test_frozen_hebb_stays_and_the_network_uses_it(network, step):
    net, params, task = tiny(network=network)
    free = play(net, params, task, np.random.default_rng(1))
    frozen = play(net, params, task, np.random.default_rng(1), Intervention(freeze_hebb_from=step))
    np.testing.assert_array_equal(frozen.hebb[: step + 1], free.hebb[: step + 1])
    assert (frozen.hebb[step:] == frozen.hebb[step]).all() and not (free.hebb[step + 1 :] == free.hebb[step]).all()
    fixed = PlasticNetwork(**net.options | {"plasticity": "none", "rule": "outer"})
    if step == 0:  # Hebb = 0: a network without plasticity
        kept = {name: params[name] for name in fixed.init(np.random.default_rng(0))}
        np.testing.assert_allclose(frozen.logits, fixed.forward(kept, frozen.x).logits, atol=1e-12)


def test_forced_modulator():
    net, params, task = tiny()
    zero, frozen = (
        play(net, params, task, np.random.default_rng(1), one)
        for one in (Intervention(modulator=0.0), Intervention(freeze_hebb_from=0))
    )
    assert (zero.modulator == 0).all() and (zero.hebb == 0).all() and frozen.modulator.any()
    np.testing.assert_array_equal(zero.rewards, frozen.rewards)  # M = 0 and Hebb = 0 are the same to the outputs
    half = play(net, params, task, np.random.default_rng(1), Intervention(modulator=0.5))
    assert (half.modulator == 0.5).all() and half.hebb[2:].any()


@pytest.mark.parametrize("alpha", ["full", "neuron", "scalar"])
def test_shuffled_alpha(alpha):
    net, params, task = tiny(alpha=alpha)
    before = params["alpha"].copy()
    one = play(net, params, task, np.random.default_rng(1), Intervention(shuffle_alpha=True))
    np.testing.assert_array_equal(params["alpha"], before)
    moved = np.random.default_rng(1).spawn(3)[2].permutation(before.ravel()).reshape(before.shape)
    np.testing.assert_allclose(one.hebb, net.forward(params | {"alpha": moved}, one.x).hebb, atol=1e-12)
    assert alpha == "scalar" or not np.array_equal(moved, before)


def test_interventions_meet_the_same_episodes():
    net, params, task = tiny("bandit", setting="small")
    drawn = []
    for intervention in (Intervention(), Intervention(shuffle_alpha=True), Intervention(modulator=1.0)):
        play(net, params, task, np.random.default_rng(1), intervention)
        drawn.append(task.drawn)
    for other in drawn[1:]:
        for a, b in zip(drawn[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_cannot_be_played():
    net, params, task = tiny(network="none")
    for intervention in (
        Intervention(freeze_hebb_from=0),
        Intervention(modulator=0.0),
        Intervention(shuffle_alpha=True),
    ):
        with pytest.raises(ValueError, match="^intervention: expected none with plasticity 'none'"):
            play(net, params, task, np.random.default_rng(0), intervention)
    with pytest.raises(ValueError, match="^net: expected one with plasticity"):
        measure(net, params, task, np.random.default_rng(0))
    net, params, task = tiny(network="plastic")
    with pytest.raises(ValueError, match="^modulator: expected None"):
        play(net, params, task, np.random.default_rng(0), Intervention(modulator=0.0))
    for step, error in ((40, ValueError), (-1, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="^intervention.freeze_hebb_from: expected"):
            play(net, params, task, np.random.default_rng(0), Intervention(freeze_hebb_from=step))
    for wrong in (None, "M is 0", (0, None, False)):
        with pytest.raises(TypeError, match="^intervention: expected an Intervention, got"):
            play(net, params, task, np.random.default_rng(0), wrong)
    with pytest.raises(TypeError, match="^intervention.shuffle_alpha: expected True or False"):
        play(net, params, task, np.random.default_rng(0), Intervention(shuffle_alpha="yes"))
    with pytest.raises(TypeError, match="^rng: expected"):
        play(net, params, task, 3)
    with pytest.raises(ValueError, match="^batches: expected"):
        measure(net, params, task, np.random.default_rng(0), batches=0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("task", ["cue-reward", "association"])
def test_nan_is_neither_played_nor_measured(task, wrong):
    net, params, task = tiny(task)
    lost = params | {"W_h": np.full_like(params["W_h"], wrong)}
    for use in (play, measure):
        with pytest.raises(ValueError, match=r"^params\['W_h'\]: expected finite numbers"):
            use(net, lost, task, np.random.default_rng(0))
    with pytest.raises(ValueError, match="^intervention.modulator: expected a finite number"):
        play(net, params, task, np.random.default_rng(0), Intervention(modulator=wrong))
    with pytest.raises(TypeError, match="^intervention.modulator: expected a real number"):
        play(net, params, task, np.random.default_rng(0), Intervention(modulator="0"))
    small = {name: value.astype(np.float32) for name, value in params.items()}
    single = PlasticNetwork(**net.options | {"dtype": np.float32})
    with pytest.raises(ValueError, match="^intervention.modulator: expected a finite number in float32, got 1e"):
        play(single, small, task, np.random.default_rng(0), Intervention(modulator=1e300))
    huge = params | {"W_y": np.full_like(params["W_y"], 1e308)}  # finite, but its logits are not
    with np.errstate(over="ignore", invalid="ignore"):
        for use in (play, measure):
            with pytest.raises(ValueError, match="^logits: expected finite numbers"):
                use(net, huge, task, np.random.default_rng(0))
        with pytest.raises(ValueError, match="^logits: expected"):
            evaluate(net, huge, task, np.random.default_rng(0), 8)


# Measuring


def test_phases():
    counts = np.array([[True, False], [False, True], [True, False], [True, False]])
    expected = [["answer", "other"], ["reward", "answer"], ["answer", "reward"], ["answer", "other"]]
    assert phases(counts).tolist() == expected


def test_modulator_after_rewards():
    M = np.array([[9.0, 9.0], [0.1, 0.2], [0.3, 0.4], [0.5, 0.8]])
    rewards = np.array([[1.0, -1.0], [0.0, 1.0], [0.0, 0.0], [9.0, 9.0]])
    recording = Recording(None, None, None, M, rewards, None, None)
    after = modulator_after([recording])
    assert after["positive"] == {"mean": pytest.approx(0.25), "sd": pytest.approx(0.15), "steps": 2}
    assert after["negative"] == {"mean": pytest.approx(0.2), "sd": pytest.approx(0, abs=1e-12), "steps": 1}
    assert after["none"]["steps"] == 3 and after["none"]["mean"] == pytest.approx(1.6 / 3)
    assert modulator_after([recording._replace(rewards=rewards * 0)])["negative"] is None


def test_measuring():
    net, params, task = tiny(clip=1e-9)  # so that all that is written is at the bound
    results = measure(net, params, task, np.random.default_rng(3), batches=2)
    assert results["scores"]["Hebb stays 0"] == results["scores"]["M is 0"]
    assert {len(scores) for scores in results["scores"].values()} == {2} and len(results["scores"]) == 6
    # All but the last step's outer product with h = 0 before step 0: Hebb(1) = 0, and then all entries are cut.
    assert results["at_bound"]["at the end"] == pytest.approx(1, abs=0.02)
    assert results["at_bound"]["over the episode"] == pytest.approx(39 / 40, abs=0.02)
    assert results == measure(net, params, task, np.random.default_rng(3), batches=2)
    assert sum(group["steps"] for group in results["modulator_after"].values()) == 2 * 39 * 3
    plain = measure(*tiny(network="plastic"), np.random.default_rng(3), batches=1)
    assert plain["modulator_after"] is None and len(plain["scores"]) == 4


def test_a_table_of_a_studys_runs(tmp_path):
    runs, expected = [], []
    for network in ("none", "plastic", "simple"):
        folder = tmp_path / network
        settings = settings_for("cue-reward", network, "tiny", 2, {"updates": 1})
        for _ in train_in(folder, settings):
            pass
        runs.append(Run(Line(network, "cue-reward", network, "tiny", {}), settings, folder))
        if network != "none":
            results = measure(*load_network(folder), build(settings)[0], np.random.default_rng((2, 4)))
            expected.append(as_row(results))
            assert set(results["scores"]) <= set(expected[-1])  # nothing that was tried is left out
    write_interventions(tmp_path, runs)
    plastic, simple = rows = load_interventions(tmp_path)
    assert [(row["label"], row["seed"]) for row in rows] == [("plastic", 2), ("simple", 2)]
    assert plastic["M is 0"] is None and plastic["M after positive"] is None and simple["M after positive"] is not None
    for row, values in zip(rows, expected, strict=True):
        assert list(row)[2:] == list(values)
        for key, value in values.items():
            assert row[key] is None if value is None else row[key] == pytest.approx(value, rel=1e-3)
