"""Trials: h, c and the trace are zero where one begins, Hebb stays; forward by a loop over episodes, all gradients."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork, State, gradcheck
from bpm_numpy.chunked.plan import CHUNK, choose_plan
from bpm_numpy.lab.interventions import play
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning import trials
from bpm_numpy.learning.episodes import loss_and_gradients, rollout
from bpm_numpy.learning.losses import discounted_returns, entropy_bonus, reinforce, value_loss
from bpm_numpy.learning.training import build
from bpm_numpy.learning.trials import TrialRun, backward
from bpm_numpy.proof.problems import join, random_problem

T, B = 7, 3
# Borders that differ between the episodes, one at the first step, and two in a row.
BEGINS = np.array([[1, 0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0, 0]], bool).T  # (T, B)
CONFIGURATIONS = [
    {"cell": cell, "plasticity": plasticity, "rule": rule, "reading": reading, "fanout": fanout}
    for cell in ("rnn", "lstm")
    for plasticity, rule, fanout in (
        ("none", "outer", False),
        ("hebbian", "trace", False),
        ("modulated", "outer", True),
        ("modulated", "trace", False),
    )
    for reading in ("notes", "paper")
]
every_configuration = pytest.mark.parametrize(
    "options", CONFIGURATIONS, ids=lambda options: "-".join(str(value) for value in options.values())
)


def problem_of(options, **more):
    return random_problem(np.random.default_rng(1), 2, 3, 2, T, B, **options, **more)


def step_by_step(problem, inputs, begins):
    """logits, values and the final State by ``net.step``, h, c and trace set to zero by hand, episode by episode."""
    params, x, state = problem.split(inputs)
    outs = []
    for t in range(T):
        state = type(state)(*(None if value is None else value.copy() for value in state))
        for b in range(B):
            if begins[t, b]:
                for value in (state.h, state.c, state.trace):
                    if value is not None:
                        value[b] = 0
        out, state = problem.net.step(params, x[t], state)
        outs.append(out)
    return np.array([out.logits for out in outs]), np.array([out.values for out in outs]), state


def in_trials(problem, begins):
    params, x, state = problem.split(problem.inputs)
    run = TrialRun(problem.net, params, state)
    for x_t, begins_t in zip(x, begins):
        run.step(x_t, begins_t)
    return run.trajectory()


def gradients(problem, trajectory):
    params, _, _ = problem.split(problem.inputs)
    coefficients = problem.d_logits, problem.d_values, problem.d_state
    return join(*backward(problem.net, params, trajectory, *coefficients))


@every_configuration
def test_forward_is_the_loop_over_episodes(options):
    problem = problem_of(options)
    trajectory = in_trials(problem, BEGINS)
    logits, values, state = step_by_step(problem, problem.inputs, BEGINS)
    np.testing.assert_allclose(trajectory.logits, logits, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(trajectory.values, values, rtol=1e-12, atol=1e-14)
    for came, expected in zip(trajectory.state, state):
        assert (came is None) == (expected is None)
        if came is not None:
            np.testing.assert_allclose(came, expected, rtol=1e-12, atol=1e-14)


@every_configuration
@pytest.mark.parametrize("method", ["complex", "central"])
@pytest.mark.parametrize("regime", ["inactive", "sometimes"])
def test_gradients_to_parameters_inputs_and_the_first_state(options, method, regime):
    problem = problem_of(options, regime=regime if options["plasticity"] != "none" else None)
    if "state.hebb" in problem.inputs:  # not at Clip's kink itself, where the two sides differ
        problem = problem._replace(inputs=problem.inputs | {"state.hebb": 0.99 * problem.inputs["state.hebb"]})
    report = gradcheck(
        lambda inputs: problem.pair(*step_by_step(problem, inputs, BEGINS)),
        problem.inputs,
        gradients(problem, in_trials(problem, BEGINS)),
        method=method,
    )
    assert report.passed and len(report.parameters) == len(problem.inputs)


@every_configuration
def test_one_trial_is_the_whole_sequence(options):
    problem = problem_of(options)
    trajectory = in_trials(problem, BEGINS & False)
    np.testing.assert_allclose(trajectory.logits, problem.forward(problem.inputs).logits, rtol=1e-12, atol=1e-14)
    whole = problem.gradients()
    for name, grad in gradients(problem, trajectory).items():
        np.testing.assert_allclose(grad, whole[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("rule", ["outer", "trace"])
def test_networks_that_go_by_chunks_do_so_within_a_trial(rule):
    net, rng = PlasticNetwork(2, 80, 2, rule=rule), np.random.default_rng(2)
    assert choose_plan(net, CHUNK, 8) != "steps"
    params, x = net.init(rng), rng.standard_normal((T, 8, 2))
    begins = np.zeros((T, 8), bool)
    begins[3, ::2] = begins[4] = True
    run = TrialRun(net, params, net.initial_state(8))
    for x_t, begins_t in zip(x, begins):
        run.step(x_t, begins_t)
    d_logits, d_hebb = rng.standard_normal((T, 8, 2)), rng.standard_normal((8, 80, 80))

    def loss(p):
        logits, _, state = forward_by_hand(net, p, x, begins)
        return (d_logits * logits).sum() + (d_hebb * state.hebb).sum()

    grads = backward(net, params, run.trajectory(), d_logits, None, State(h=None, hebb=d_hebb))
    report = gradcheck(loss, params, grads.params, method="complex", directions=3, rng=np.random.default_rng(3))
    assert report.passed and len(report.parameters) == len(params)


@pytest.mark.parametrize("wrong", ["h goes on", "Hebb stops"])
def test_a_wrong_border_is_seen(monkeypatch, wrong):
    """Backward that lets dh through, or that stops dHebb: the check of the gradients fails."""
    problem = problem_of({"plasticity": "modulated", "rule": "trace"}, regime="inactive")
    trajectory = in_trials(problem, BEGINS)
    right = trials.clear

    def clear(state, begins):
        if wrong == "h goes on":
            return state
        return right(state, begins)._replace(hebb=np.where(begins[:, None, None], 0, state.hebb))

    monkeypatch.setattr(trials, "clear", clear)
    report = gradcheck(
        lambda inputs: problem.pair(*step_by_step(problem, inputs, BEGINS)),
        problem.inputs,
        gradients(problem, trajectory),
        method="complex",
        raise_on_failure=False,
    )
    assert not report.passed


@pytest.mark.parametrize(
    "begins, error", [(np.zeros(B + 1, bool), ValueError), (np.zeros(B), TypeError), ([False] * B, TypeError)]
)
def test_borders_that_cannot_be(begins, error):
    problem = problem_of({})
    params, x, state = problem.split(problem.inputs)
    with pytest.raises(error, match="^begins: expected"):
        TrialRun(problem.net, params, state).step(x[0], begins)


def test_nothing_of_the_callers_is_written_to():
    problem = problem_of({"cell": "lstm", "rule": "trace"})
    _, _, state = problem.split(problem.inputs)
    kept, begins = [value.copy() for value in state], BEGINS.copy()
    cleared = trials.clear(state, begins[0])
    assert all(np.array_equal(value, before) for value, before in zip(state, kept))
    cleared.h[:] = 9
    trajectory = in_trials(problem, begins)
    begins[:] = False
    assert trajectory.begins[0].any() and np.array_equal(state.h, kept[0])


# With the tasks


def episode_of(task, network, **changes):
    changes = {f"task_options.{name}": value for name, value in changes.items()}
    changes |= {"task_options.reset_at_trials": True, "task_options.batch": 3, "network_options.n_hidden": 4}
    settings = settings_for(task, network, "tiny", changes=changes)
    task, net = build(settings)
    params = net.init(np.random.default_rng(0))
    return settings, task, net, params, rollout(net, params, task, np.random.default_rng(1))


def forward_by_hand(net, params, x, begins):
    state, logits, values = net.initial_state(x.shape[1]), [], []
    for x_t, begins_t in zip(x, begins):
        keep = ~begins_t[:, None]
        state = state._replace(h=state.h * keep, trace=None if state.trace is None else state.trace * keep[:, None])
        out, state = net.step(params, x_t, state)
        logits.append(out.logits)
        values.append(out.values)
    return np.array(logits), np.array(values), state


@pytest.mark.parametrize(
    "network, penalty", [("none", 0.0), ("plastic", 0.3), ("simple", 0.0), ("simple", 0.3), ("retroactive", 0.3)]
)
def test_gradients_of_the_actor_critic_with_trials_of_unequal_length(network, penalty):
    settings, task, net, params, episode = episode_of("cue-reward", network, cues=4, bits=4, T=21, max_blanks=2)
    settings = settings._replace(hebb_penalty=penalty)
    go = episode.counts  # a trial begins at step 0, and after the blank step that follows a go step
    begins = np.vstack([np.ones((1, 3), bool), np.zeros((1, 3), bool), go[:-2]])
    assert (begins.any(axis=1) & ~begins.all(axis=1)).any()  # not at the same steps in all episodes
    loss, grads = loss_and_gradients(settings, net, params, episode)

    def loss_of(moved):
        logits, values, state = forward_by_hand(net, moved, episode.x, begins)
        returns = discounted_returns(episode.rewards, settings.discount)
        policy, _ = reinforce(logits, episode.actions, returns, episode.trajectory.values, episode.counts)
        critic, _ = value_loss(values, returns)
        bonus, _ = entropy_bonus(logits, settings.entropy, episode.counts)
        total = policy + settings.value_weight * critic - settings.entropy_weight * bonus
        return total + (penalty * (state.hebb**2).mean() if penalty else 0)

    assert loss == pytest.approx(loss_of(params).real, rel=1e-12)
    sample = {"max_entries": 8, "rng": np.random.default_rng(2)}
    assert gradcheck(loss_of, params, grads.params, method="complex", **sample).passed


@pytest.mark.parametrize("name", ["cue-reward", "association", "completion"])
def test_an_episode_played_for_interventions_resets_as_well(name):
    _, task, net, params, _ = episode_of(name, "retroactive")
    recording = play(net, params, task, np.random.default_rng(3))
    begins = task.begins(recording.x) if task.kind == "supervised" else task.firsts[:-1]
    logits, _, state = forward_by_hand(net, params, recording.x, begins)
    np.testing.assert_allclose(recording.logits, logits, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(recording.hebb[-1], state.hebb, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["association", "completion"])
def test_a_supervised_episode_is_cut_where_the_task_says(name):
    settings, task, net, params, episode = episode_of(name, "retroactive")
    logits, _, _ = forward_by_hand(net, params, episode.x, task.begins(episode.x))
    np.testing.assert_allclose(episode.trajectory.logits, logits, rtol=1e-12, atol=1e-14)
    assert len(episode.trajectory.pieces) > 1
    report = gradcheck(
        lambda moved: loss_and_gradients(
            settings,
            net,
            moved,
            episode._replace(trajectory=rollout(net, moved, task, np.random.default_rng(1)).trajectory),
        )[0],
        params,
        loss_and_gradients(settings, net, params, episode)[1].params,
        directions=2,
        rng=np.random.default_rng(2),
    )
    assert report.passed
