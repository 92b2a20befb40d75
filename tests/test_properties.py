"""What must hold for every network, on random ones: a seed for each configuration."""

from functools import cache

import numpy as np
import pytest
from configurations import (
    PLANS,
    all_configurations,
    derivative_along,
    derivative_at,
    identifier,
    random_like,
    random_problem,
    read_only,
)

from bpm_numpy import PlasticNetwork
from bpm_numpy.proof.problems import join
from bpm_numpy.state import State

CONFIGURATIONS = all_configurations()
every_seed = pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, id=f"{seed}-{identifier(options)}") for seed, options in enumerate(CONFIGURATIONS)],
)


@cache
def draw(seed):
    """A Problem with random sizes, clip and initial state. Its inputs are read-only."""
    rng = np.random.default_rng(seed)
    clip = np.inf if rng.random() < 0.2 else 10 ** rng.uniform(-2, 0.5)
    options = CONFIGURATIONS[seed] | {"clip": clip}
    T, B, D, N, A = (int(rng.integers(1, most + 1)) for most in (12, 4, 4, 6, 4))
    if options["rule"] == "taylor":
        N = min(N, 3)
    problem = random_problem(rng, options, T, B, D, N, A)
    inputs = dict(problem.inputs)
    if "eta" in inputs:  # it is learnt and not constrained; 0 and 1 are special
        inputs["eta"] = np.asarray(rng.choice([0, 1, rng.uniform(-0.5, 1.5)], p=[0.15, 0.15, 0.7]))
    if "state.hebb" in inputs:
        inputs["state.hebb"] = np.clip(inputs["state.hebb"], -clip, clip)
    if rng.random() < 0.25:  # a fresh episode; the others carry a state
        inputs |= {name: np.zeros(value.shape) for name, value in inputs.items() if name.startswith("state.")}
    return problem._replace(inputs=read_only(inputs))


def with_loss(problem, rng):
    """The same problem with another random loss."""
    d_state = State(*(None if d is None else rng.standard_normal(d.shape) for d in problem.d_state))
    d_logits, d_values = (rng.standard_normal(d.shape) for d in (problem.d_logits, problem.d_values))
    return problem._replace(d_logits=d_logits, d_values=d_values, d_state=d_state)


def inner(one, other):
    """<one, other> of two dicts of arrays, and the scale of its rounding: the sum of the terms' sizes."""
    terms = np.concatenate([np.ravel(one[name] * other[name]) for name in one])
    return terms.sum(), np.abs(terms).sum()


def assert_close(ours, expected, tolerance):
    """Dicts of arrays, equal up to ``tolerance`` times the largest entry of all."""
    assert set(ours) == set(expected)
    scale = max(np.abs(value).max() for value in expected.values())
    for name, value in expected.items():
        assert np.shape(ours[name]) == np.shape(value), name
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


def outputs_of(problem):
    """All that the network returns, as a dict of arrays."""
    traj = problem.forward(problem.inputs)
    outputs = {name: getattr(traj, name) for name in ("logits", "values", "modulator", "h", "c", "hebb")}
    return {name: value for name, value in outputs.items() if value is not None}


def test_the_draws_cover_the_regimes_of_the_clip():
    shares = [draw(seed).cut_share() for seed in range(len(CONFIGURATIONS))]
    shares = np.array([share for share in shares if share is not None])
    inactive, mostly = (shares == 0).sum(), (shares > 0.8).sum()
    assert min(inactive, mostly, len(shares) - inactive - mostly) >= 30


# The derivatives agree.


@every_seed
def test_backward_against_the_complex_step(seed):
    """Along a random direction of everything at once, and at a few entries; both ways through time."""
    problem = draw(seed)
    rng = np.random.default_rng((seed, 1))
    params, x, state = problem.split(problem.inputs)
    direction = random_like(rng, problem.inputs)
    along = derivative_along(problem.loss, problem.inputs, direction)
    entries = []
    for name in rng.choice(list(problem.inputs), 4):
        index = tuple(rng.integers(size) for size in problem.inputs[name].shape)
        entries.append((name, index, derivative_at(problem.loss, problem.inputs, name, index)))
    for plan in PLANS:
        traj = problem.net.forward(params, x, state, plan=plan)
        d_outputs = problem.d_logits, problem.d_values, problem.d_state
        grads = join(*problem.net.backward(params, traj, *d_outputs))
        assert set(grads) == set(problem.inputs)
        assert all(grads[name].shape == value.shape for name, value in problem.inputs.items())
        analytic, scale = inner(grads, direction)
        assert abs(along - analytic) <= 1e-13 * scale, plan
        largest = max(np.abs(grad).max() for grad in grads.values())
        for name, index, numeric in entries:
            assert abs(numeric - grads[name][index]) <= 1e-12 * largest, (plan, name, index)


@every_seed
def test_reverse_and_forward_mode_are_transposes(seed):
    """<v, J u> = <J^T v, u>."""
    problem = draw(seed)
    tangents = random_like(np.random.default_rng((seed, 2)), problem.inputs)
    t_params, t_x, t_state = problem.split(tangents)
    params, _, _ = problem.split(problem.inputs)
    tangent = problem.net.jvp(params, problem.forward(problem.inputs), t_params, t_x, t_state)
    reverse, scale = inner(problem.gradients(), tangents)
    assert abs(problem.pair(*tangent) - reverse) <= 1e-13 * scale


# Backward is linear, and episodes don't see each other.


@every_seed
def test_backward_is_linear_in_the_gradients_of_the_outputs(seed):
    rng = np.random.default_rng((seed, 3))
    one = draw(seed)
    other = with_loss(one, rng)
    both = one._replace(
        d_logits=2 * one.d_logits - 3 * other.d_logits,
        d_values=2 * one.d_values - 3 * other.d_values,
        d_state=State(*(None if d is None else 2 * d - 3 * e for d, e in zip(one.d_state, other.d_state))),
    )
    grads_one, grads_other = one.gradients(), other.gradients()
    expected = {name: 2 * grads_one[name] - 3 * grads_other[name] for name in grads_one}
    assert_close(both.gradients(), expected, 1e-13)


def choose(problem, episodes):
    """The same problem with only these episodes of the batch, in this order."""
    params, x, state = problem.split(problem.inputs)
    d_state = State(*(None if d is None else d[episodes] for d in problem.d_state))
    state = State(*(None if value is None else value[episodes] for value in state))
    return problem._replace(
        inputs=join(params, x[:, episodes], state),
        d_logits=problem.d_logits[:, episodes],
        d_values=problem.d_values[:, episodes],
        d_state=d_state,
    )


def split_gradients(problem):
    """Gradients of the parameters, which the episodes share, and of x and the state, which are their own."""
    grads = problem.gradients()
    params, _, _ = problem.split(grads)
    return params, {name: grad for name, grad in grads.items() if name not in params}


@every_seed
def test_an_episode_alone_is_the_episode_in_its_batch(seed):
    """Outputs and own gradients are the same, and the parameters' gradients add up over the episodes."""
    problem = draw(seed)
    together, own_together = split_gradients(problem)
    total = {name: np.zeros(grad.shape) for name, grad in together.items()}
    outputs = outputs_of(problem)
    for b in range(problem.d_values.shape[1]):
        alone = choose(problem, [b])
        assert_close(outputs_of(alone), {name: value[:, [b]] for name, value in outputs.items()}, 1e-13)
        grads, own = split_gradients(alone)
        expected = {name: grad[:, [b]] if name == "x" else grad[[b]] for name, grad in own_together.items()}
        assert_close(own, expected, 1e-12)
        total = {name: total[name] + grads[name] for name in total}
    assert_close(total, together, 1e-12)


@every_seed
def test_episodes_in_another_order(seed):
    problem = draw(seed)
    order = np.random.default_rng((seed, 4)).permutation(problem.d_values.shape[1])
    shuffled = choose(problem, order)
    expected = {name: value[:, order] for name, value in outputs_of(problem).items()}
    assert_close(outputs_of(shuffled), expected, 1e-13)
    together, own_together = split_gradients(problem)
    grads, own = split_gradients(shuffled)
    assert_close(grads, together, 1e-12)
    assert_close(own, {k: v[:, order] if k == "x" else v[order] for k, v in own_together.items()}, 1e-12)


# Time.


@every_seed
def test_backward_piece_by_piece(seed):
    """The gradient to a piece's initial state is the d_state of the piece before it."""
    problem = draw(seed)
    params, x, state = problem.split(problem.inputs)
    length = int(np.random.default_rng((seed, 5)).integers(1, len(x) + 1))
    pieces = []
    for start in range(0, len(x), length):
        piece = slice(start, start + length)
        traj = problem.net.forward(params, x[piece], state)
        state = traj.state
        pieces.append((piece, traj))
    d_state = problem.d_state
    total, dx = {name: np.zeros(value.shape) for name, value in params.items()}, np.zeros(x.shape)
    for piece, traj in reversed(pieces):
        d_outputs = problem.d_logits[piece], problem.d_values[piece], d_state
        grads, dx[piece], d_state = problem.net.backward(params, traj, *d_outputs)
        total = {name: total[name] + grads[name] for name in total}
    assert_close(join(total, dx, d_state), problem.gradients(), 1e-13)


@every_seed
def test_later_inputs_have_no_gradient_from_earlier_outputs(seed):
    problem = draw(seed)
    t = int(np.random.default_rng((seed, 6)).integers(len(problem.d_values)))
    d_logits, d_values = problem.d_logits.copy(), problem.d_values.copy()
    d_logits[t + 1 :], d_values[t + 1 :] = 0, 0
    params, _, _ = problem.split(problem.inputs)
    grads = problem.net.backward(params, problem.forward(problem.inputs), d_logits, d_values)
    assert not grads.x[t + 1 :].any()
    assert grads.x[t].any()


# The same call twice, and defaults.


@every_seed
def test_two_calls_give_the_same_bits(seed):
    problem = draw(seed)
    params, x, state = problem.split(problem.inputs)
    d_outputs = problem.d_logits, problem.d_values, problem.d_state
    before = [d.copy() for d in (*d_outputs[:2], *(d for d in problem.d_state if d is not None))]
    trajectories = [problem.net.forward(params, x, state) for _ in range(2)]
    grads = [problem.net.backward(params, traj, *d_outputs) for traj in (*trajectories, trajectories[0])]
    for other in grads[1:]:
        one, two = (join(*gradients) for gradients in (grads[0], other))
        for name in one:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)
    after = (*d_outputs[:2], *(d for d in problem.d_state if d is not None))
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)


@every_seed
def test_what_is_left_out_is_zero(seed):
    """backward without d_values and d_state, or with None in d_state, and jvp without tangents."""
    problem = draw(seed)
    params, x, _ = problem.split(problem.inputs)
    traj, zeros = problem.forward(problem.inputs), problem.net.initial_state(x.shape[1])
    given = problem.net.backward(params, traj, problem.d_logits, np.zeros(problem.d_values.shape), zeros)
    for left_out in (
        problem.net.backward(params, traj, problem.d_logits),
        problem.net.backward(params, traj, problem.d_logits, None, State(None)),
    ):
        one, two = join(*given), join(*left_out)
        for name in one:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)
    t_params = {"W_y": np.ones(params["W_y"].shape)}
    all_params = {name: np.zeros(value.shape) for name, value in params.items()} | t_params
    given = problem.net.jvp(params, traj, all_params, np.zeros(x.shape), zeros)
    left_out = problem.net.jvp(params, traj, t_params)
    np.testing.assert_array_equal(left_out.logits, given.logits)
    assert left_out.logits.any() and not left_out.values.any()


# float32.

RULES = (
    {"plasticity": "none"},
    {"plasticity": "hebbian"},
    {"plasticity": "modulated"},
    {"plasticity": "modulated", "rule": "trace"},
    {"plasticity": "modulated", "fanout": True},
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(map(str, rule.values())))
@pytest.mark.parametrize("reading", ["notes", "paper"])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_float32_gradients_are_right_to_2e_6_of_the_largest_entry(cell, reading, rule):
    """From ``init``, T = 20 and N = 16; the largest error of 100 such networks was 7e-7."""
    T, B, D, N, A = 20, 4, 8, 16, 4
    options = {"cell": cell, "reading": reading} | rule
    rng = np.random.default_rng(0)
    net = PlasticNetwork(D, N, A, dtype=np.float32, **options)
    params = net.init(rng)
    shapes = (T, B, D), (T, B, A), (T, B)
    x, d_logits, d_values = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    grads = net.backward(params, net.forward(params, x), d_logits, d_values)

    net64 = PlasticNetwork(D, N, A, **options)
    params64 = {name: value.astype(np.float64) for name, value in params.items()}
    x64, d_logits64, d_values64 = (value.astype(np.float64) for value in (x, d_logits, d_values))
    expected = net64.backward(params64, net64.forward(params64, x64), d_logits64, d_values64)

    assert {grad.dtype for grad in join(*grads).values()} == {np.dtype(np.float32)}
    assert_close(join(*grads), join(*expected), 2e-6)
