"""Losses: values by hand, gradients by complex step and central differences, masks, and use with a network."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork, gradcheck
from bpm_numpy.equations.softmax import softmax_forward
from bpm_numpy.learning.losses import (
    actor_critic,
    binary_cross_entropy,
    cross_entropy,
    discounted_returns,
    entropy_bonus,
    reinforce,
    value_loss,
)
from bpm_numpy.proof.problems import random_problem

T, B, A = 5, 3, 4
LENGTHS = (5, 2, 3)
MASK = np.arange(T)[:, None] < np.array(LENGTHS)  # (T, B)
COUNTS = (np.arange(T)[:, None] + np.arange(B)) % 2 == 0  # (T, B)
A2C = {"discount": 0.9, "value_weight": 0.3, "entropy_weight": 0.2}


def draw(seed, dtype=np.float64):
    """logits, values, actions, rewards, returns, baseline: nothing uniform, nothing small."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((T, B, A))
    actions = rng.integers(0, A, (T, B))
    values, rewards, returns, baseline = rng.standard_normal((4, T, B))
    floats = (array.astype(dtype) for array in (values, rewards, returns, baseline))
    return logits.astype(dtype), actions, *floats


def bits_of(actions, dtype=np.float64):
    """Patterns of A bits ±1, one a step: as many +1 as the action's number, and one more."""
    return np.where(np.arange(A) <= actions[:, :, None], 1, -1).astype(dtype)  # (T, B, A)


def check_logits(loss, logits):
    """``loss(logits) -> value, d_logits`` against both numerical derivatives."""
    _, d_logits = loss(logits)
    for method in ("complex", "central"):
        gradcheck(lambda p: loss(p["logits"])[0], {"logits": logits}, {"logits": d_logits}, method=method)


# Values, by hand


def test_cross_entropy_by_hand():
    logits = np.log(np.array([[[0.2, 0.8]], [[0.5, 0.5]]])) + 7.0  # (2, 1, 2); softmax ignores the 7
    loss, d_logits = cross_entropy(logits, np.array([[0], [1]]))
    np.testing.assert_allclose(loss, -(np.log(0.2) + np.log(0.5)) / 2, rtol=1e-14)
    np.testing.assert_allclose(d_logits, [[[-0.4, 0.4]], [[0.25, -0.25]]], rtol=1e-14)


def test_binary_cross_entropy_by_hand():
    p = np.array([[[0.2, 0.7]], [[0.5, 0.9]]])  # (2, 1, 2), of +1
    loss, d_logits = binary_cross_entropy(np.log(p / (1 - p)), np.array([[[1.0, -1.0]], [[-1.0, 1.0]]]))
    np.testing.assert_allclose(loss, -np.log([0.2, 0.3, 0.5, 0.9]).mean(), rtol=1e-14)
    np.testing.assert_allclose(d_logits, np.array([[[-0.8, 0.7]], [[0.5, -0.1]]]) / 4, rtol=1e-14)


def test_binary_cross_entropy_is_cross_entropy_with_the_logits_halved_and_mirrored():
    logits, actions, _, _, _, _ = draw(16)
    bits = bits_of(actions)
    loss, d_logits = binary_cross_entropy(logits, bits, MASK)
    pair = np.stack([-logits / 2, logits / 2], axis=-1).reshape(T, B * A, 2)  # a softmax of two for each bit
    chosen, mask = (bits > 0).astype(int).reshape(T, B * A), np.repeat(MASK, A, axis=1)
    expected, d_pair = cross_entropy(pair, chosen, mask)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)
    np.testing.assert_allclose(d_logits, ((d_pair[..., 1] - d_pair[..., 0]) / 2).reshape(T, B, A), rtol=1e-12)


def test_binary_cross_entropy_of_large_logits_is_finite():
    logits, bits = np.array([[[2000.0, -2000.0, 2000.0, -2000.0]]]), np.array([[[1.0, -1.0, -1.0, 1.0]]])
    loss, d_logits = binary_cross_entropy(logits, bits)
    assert loss == 1000  # half of the bits wrong by 2000
    np.testing.assert_array_equal(d_logits, [[[0, 0, 0.25, -0.25]]])


def test_discounted_returns_by_hand():
    rewards = np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])
    expected = [[1 + 0.5 * 3.5, 4 + 0.5 * 8], [2 + 0.5 * 3, 5 + 0.5 * 6], [3, 6]]
    np.testing.assert_array_equal(discounted_returns(rewards, 0.5), expected)

    mask = np.array([[True, True], [True, False], [True, False]])
    np.testing.assert_array_equal(discounted_returns(rewards, 0.5, mask)[:, 1], [4, 0, 0])

    bootstrapped = discounted_returns(rewards, 0.5, mask, bootstrap=np.array([8.0, 800.0]))
    np.testing.assert_array_equal(bootstrapped, [[1 + 0.5 * 5.5, 4], [2 + 0.5 * 7, 0], [3 + 0.5 * 8, 0]])


@pytest.mark.parametrize("discount, expected", [(0, [1, 2, 3]), (1, [6, 5, 3])])
def test_discounted_returns_at_the_ends_of_the_range(discount, expected):
    np.testing.assert_array_equal(discounted_returns(np.array([[1.0], [2.0], [3.0]]), discount)[:, 0], expected)


def test_reinforce_by_hand():
    logits = np.log(np.array([[[0.25, 0.75], [0.5, 0.5]]]))  # (1, 2, 2)
    actions, returns, baseline = np.array([[1, 0]]), np.array([[3.0, -1.0]]), np.array([[1.0, 0.5]])
    loss, d_logits = reinforce(logits, actions, returns, baseline)
    np.testing.assert_allclose(loss, -(2 * np.log(0.75) - 1.5 * np.log(0.5)) / 2, rtol=1e-14)
    np.testing.assert_allclose(d_logits, [[[0.25, -0.25], [0.375, -0.375]]], rtol=1e-14)


def test_value_loss_by_hand():
    loss, d_values = value_loss(np.array([[1.0, 2.0], [0.0, 5.0]]), np.array([[3.0, 1.0], [4.0, 5.0]]))
    assert loss == (4 + 1 + 16 + 0) / 2
    np.testing.assert_array_equal(d_values, [[-2, 1], [-4, 0]])


def test_entropy_bonus_by_hand():
    p = np.array([0.1, 0.2, 0.7])
    logits = np.log(p)[None, None]  # (1, 1, 3)
    np.testing.assert_allclose(entropy_bonus(logits)[0], -(p * np.log(p)).sum(), rtol=1e-14)
    np.testing.assert_allclose(entropy_bonus(logits, "sum_of_squares")[0], -(0.01 + 0.04 + 0.49), rtol=1e-14)


@pytest.mark.parametrize("kind, largest", [("shannon", np.log(A)), ("sum_of_squares", -1 / A)])
def test_entropy_bonus_is_largest_for_the_uniform_policy(kind, largest):
    bonus, d_logits = entropy_bonus(np.full((1, 1, A), 3.0), kind)
    np.testing.assert_allclose(bonus, largest, rtol=1e-14)
    np.testing.assert_allclose(d_logits, 0, atol=1e-14)
    assert entropy_bonus(draw(0)[0][:1, :1], kind)[0] < largest - 0.01


@pytest.mark.parametrize("kind", ["shannon", "sum_of_squares"])
def test_entropy_bonus_of_a_policy_that_has_decided_is_finite(kind):
    for dtype in (np.float32, np.float64):
        for largest in (2000, np.finfo(dtype).max):
            with np.errstate(over="ignore"):  # of the difference of two logits
                bonus, d_logits = entropy_bonus(np.array([[[0, largest, -largest]]], dtype), kind)
            assert bonus == (0 if kind == "shannon" else -1) and d_logits.dtype == dtype
            np.testing.assert_array_equal(d_logits, 0)


# Gradients


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "mask"])
def test_gradients_to_logits(mask):
    logits, actions, _, _, returns, baseline = draw(1)
    check_logits(lambda z: cross_entropy(z, actions, mask), logits)
    check_logits(lambda z: binary_cross_entropy(z, bits_of(actions), mask), logits)
    check_logits(lambda z: reinforce(z, actions, returns, mask=mask), logits)
    check_logits(lambda z: reinforce(z, actions, returns, baseline, mask), logits)
    check_logits(lambda z: entropy_bonus(z, "shannon", mask), logits)
    check_logits(lambda z: entropy_bonus(z, "sum_of_squares", mask), logits)


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "mask"])
@pytest.mark.parametrize("method", ["complex", "central"])
def test_gradient_of_value_loss(method, mask):
    _, _, values, _, returns, _ = draw(2)
    _, d_values = value_loss(values, returns, mask)
    gradcheck(
        lambda p: value_loss(p["values"], returns, mask)[0], {"values": values}, {"values": d_values}, method=method
    )


@pytest.mark.parametrize("counts", [None, COUNTS], ids=["every action", "some actions"])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "mask"])
@pytest.mark.parametrize("entropy", ["shannon", "sum_of_squares"])
def test_gradients_of_actor_critic(entropy, mask, counts):
    logits, actions, values, rewards, _, _ = draw(3)
    bootstrap = np.array([0.7, -1.1, 0.4])
    options = dict(A2C, entropy=entropy, mask=mask, counts=counts, bootstrap=bootstrap)
    loss, d_logits, d_values = actor_critic(logits, values, actions, rewards, **options)
    point, grads = {"logits": logits, "values": values}, {"logits": d_logits, "values": d_values}

    # The complex step goes through the whole: the advantage takes the real part of values.
    gradcheck(
        lambda p: actor_critic(p["logits"], p["values"], actions, rewards, **options)[0],
        point,
        grads,
        method="complex",
        stop_gradient=True,
    )

    # Central differences, with the advantage held fixed.
    returns = discounted_returns(rewards, A2C["discount"], mask, bootstrap)
    decided = (MASK if mask is not None else MASK | True) & (counts if counts is not None else MASK | True)

    def held(p):
        policy, _ = reinforce(p["logits"], actions, returns, values, decided)
        critic, _ = value_loss(p["values"], returns, mask)
        bonus, _ = entropy_bonus(p["logits"], entropy, decided)
        return policy + A2C["value_weight"] * critic - A2C["entropy_weight"] * bonus

    assert held(point) == loss
    gradcheck(held, point, grads, method="central")

    # Held fixed it must be: otherwise the policy's term moves with values too.
    report = gradcheck(
        lambda p: actor_critic(logits, p["values"], actions, rewards, **options)[0],
        {"values": values},
        {"values": d_values},
        raise_on_failure=False,
    )
    assert not report.passed


def test_reinforce_is_the_gradient_of_the_expected_reward():
    """One step: the mean over all actions, by their probabilities, is exactly the gradient of -E[R]."""
    logits, _, _, _, _, _ = draw(4)
    logits = logits[:1, :1]  # (1, 1, A)
    reward = np.array([1.5, -0.5, 2.0, 0.3])  # of each action
    p = softmax_forward(logits)[0, 0]  # (A,)
    exact = -p * (reward - p @ reward)  # -dE[R]/dlogits
    for baseline in (None, np.full((1, 1), 0.8)):
        mean = sum(p[a] * reinforce(logits, np.array([[a]]), reward[None, None, a], baseline)[1] for a in range(A))
        np.testing.assert_allclose(mean[0, 0], exact, rtol=1e-12, atol=1e-15)


# Masks


def masked_gradients(logits, actions, values, rewards, returns, baseline):
    """Every gradient that a mask applies to, by name."""
    loss, d_logits, d_values = actor_critic(logits, values, actions, rewards, **A2C, mask=MASK)
    return {
        "cross_entropy": cross_entropy(logits, actions, MASK),
        "binary_cross_entropy": binary_cross_entropy(logits, bits_of(actions, logits.dtype), MASK),
        "reinforce": reinforce(logits, actions, returns, baseline, MASK),
        "value_loss": value_loss(values, returns, MASK),
        "shannon": entropy_bonus(logits, "shannon", MASK),
        "sum_of_squares": entropy_bonus(logits, "sum_of_squares", MASK),
        "actor_critic": (loss, d_logits),
        "actor_critic values": (loss, d_values),
    }


def test_what_is_masked_has_no_influence_and_no_gradient():
    logits, actions, values, rewards, returns, baseline = draw(5)
    arrays = {
        "logits": logits,
        "values": values,
        "actions": actions,
        "rewards": rewards,
        "returns": returns,
        "baseline": baseline,
    }
    other = dict(zip(arrays, (logits[::-1] + 1, values + 9, (actions + 1) % A, rewards - 9, returns + 5, baseline - 3)))
    mixed = {
        name: np.where(MASK[:, :, None] if name == "logits" else MASK, array, other[name])
        for name, array in arrays.items()
    }
    first, second = masked_gradients(**arrays), masked_gradients(**mixed)
    for name, (loss, gradient) in first.items():
        assert second[name][0] == loss, name
        np.testing.assert_array_equal(second[name][1], gradient, err_msg=name)
        np.testing.assert_array_equal(gradient[~MASK], 0, err_msg=name)
        assert (gradient[MASK] != 0).all(), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_masked_may_be_as_large_as_the_dtype_allows(dtype):
    names = ("logits", "actions", "values", "rewards", "returns", "baseline")
    arrays = dict(zip(names, draw(9, dtype)))
    usual = masked_gradients(**arrays)
    largest = np.finfo(dtype).max
    extreme = {
        "logits": np.where(np.arange(A) % 2, largest, -largest).astype(dtype),
        "values": -largest,
        "rewards": largest,
        "returns": largest,
        "baseline": -largest,
    }
    large = arrays | {
        name: np.where(MASK[:, :, None] if name == "logits" else MASK, arrays[name], value).astype(dtype)
        for name, value in extreme.items()
    }
    for name, (loss, gradient) in masked_gradients(**large).items():
        assert loss == usual[name][0], name
        np.testing.assert_array_equal(gradient, usual[name][1], err_msg=name)
    bootstrap = np.full(B, largest)
    returns = discounted_returns(large["rewards"], 1.0, MASK, np.where(MASK[-1], 0, bootstrap).astype(dtype))
    np.testing.assert_array_equal(returns, discounted_returns(arrays["rewards"], 1.0, MASK))


def test_a_mask_of_true_is_no_mask():
    logits, actions, values, rewards, _, _ = draw(6)
    everything = np.ones((T, B), bool)
    for one, two in zip(
        actor_critic(logits, values, actions, rewards, **A2C),
        actor_critic(logits, values, actions, rewards, **A2C, mask=everything),
    ):
        np.testing.assert_array_equal(one, two)


def test_an_action_that_does_not_count_teaches_the_critic_alone():
    logits, actions, values, rewards, _, _ = draw(17)
    all_count = actor_critic(logits, values, actions, rewards, **A2C, mask=MASK)
    some_count = actor_critic(logits, values, actions, rewards, **A2C, mask=MASK, counts=COUNTS)
    np.testing.assert_array_equal(some_count[1][MASK & COUNTS], all_count[1][MASK & COUNTS])
    np.testing.assert_array_equal(some_count[1][~COUNTS], 0)
    np.testing.assert_array_equal(some_count[2], all_count[2])
    assert (all_count[1][MASK & ~COUNTS] != 0).all()


# Every episode on its own


def test_every_episode_has_its_own_baseline():
    """Not episode 0's for all: its baseline moves its own gradient and nobody else's."""
    logits, actions, _, _, returns, baseline = draw(7)
    _, d_logits = reinforce(logits, actions, returns, baseline)
    for b in range(B):
        column = slice(b, b + 1)
        _, alone = reinforce(logits[:, column], actions[:, column], returns[:, column], baseline[:, column])
        np.testing.assert_allclose(B * d_logits[:, column], alone, rtol=1e-13)
    moved = baseline.copy()
    moved[:, 0] += 1
    _, d_moved = reinforce(logits, actions, returns, moved)
    assert (d_moved[:, 0] != d_logits[:, 0]).all()
    np.testing.assert_array_equal(d_moved[:, 1:], d_logits[:, 1:])


def test_actor_critic_of_an_episode_ignores_the_others():
    logits, actions, values, rewards, _, _ = draw(8)
    _, d_logits, d_values = actor_critic(logits, values, actions, rewards, **A2C, mask=MASK)
    order = [1, 2, 0]
    shuffled = actor_critic(
        logits[:, order], values[:, order], actions[:, order], rewards[:, order], **A2C, mask=MASK[:, order]
    )
    np.testing.assert_array_equal(shuffled[1], d_logits[:, order])
    np.testing.assert_array_equal(shuffled[2], d_values[:, order])
    values[:, 0] += 1  # only episode 0's critic
    _, moved, _ = actor_critic(logits, values, actions, rewards, **A2C, mask=MASK)
    assert (moved[:, 0] != d_logits[:, 0]).all()
    np.testing.assert_array_equal(moved[:, 1:], d_logits[:, 1:])


# With a network

CONFIGURATIONS = (
    {"cell": "rnn", "plasticity": "modulated", "rule": "trace", "clip": 0.8},
    {"cell": "lstm", "plasticity": "modulated", "fanout": True, "reading": "paper", "alpha": "neuron"},
    {"cell": "rnn", "plasticity": "none", "readout_hidden": 3},
)


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=lambda options: f"{options['cell']}-{options['plasticity']}")
def test_padded_episodes_give_what_they_give_alone(options):
    net = PlasticNetwork(2, 3, A, **options)
    rng = np.random.default_rng(9)
    params = net.init(rng)
    x = rng.standard_normal((T, B, 2))  # what stands beyond an episode's end is noise
    _, actions, _, rewards, _, _ = draw(9)

    def run(columns, T, mask):
        """Both losses of some episodes, with the parameters' gradients."""
        traj = net.forward(params, x[:T, columns])
        a, r = actions[:T, columns], rewards[:T, columns]
        supervised, d_logits = cross_entropy(traj.logits, a, mask)
        by_targets = net.backward(params, traj, d_logits).params
        loss, d_logits, d_values = actor_critic(traj.logits, traj.values, a, r, **A2C, mask=mask)
        return supervised, by_targets, loss, net.backward(params, traj, d_logits, d_values).params

    supervised, by_targets, loss, by_rewards = run(slice(None), T, MASK)
    alone = [run(slice(b, b + 1), length, None) for b, length in enumerate(LENGTHS)]
    share = np.array(LENGTHS) / sum(LENGTHS)  # cross-entropy is a mean over steps, the other over episodes
    np.testing.assert_allclose(supervised, sum(s * one[0] for s, one in zip(share, alone)), rtol=1e-12)
    np.testing.assert_allclose(loss, sum(one[2] for one in alone) / B, rtol=1e-12)
    for name in params:
        targets, reward = sum(s * one[1][name] for s, one in zip(share, alone)), sum(one[3][name] for one in alone) / B
        np.testing.assert_allclose(by_targets[name], targets, rtol=1e-10, atol=1e-14, err_msg=name)
        np.testing.assert_allclose(by_rewards[name], reward, rtol=1e-10, atol=1e-14, err_msg=name)


def truncated_setting(options):
    """A problem of T steps, its actor-critic arguments, and where to cut."""
    problem = random_problem(np.random.default_rng(10), 2, 3, A, T, B, **options)
    params, x, state = problem.split(problem.inputs)
    _, actions, _, rewards, _, _ = draw(10)
    return problem.net, params, x, state, actions, rewards, 3


def two_windows(net, params, x, state, actions, rewards, cut):
    """Actor-critic on steps before and from ``cut`` on, the state carried over -> two (traj, outputs)."""
    first = net.forward(params, x[:cut], state)
    second = net.forward(params, x[cut:], first.state)
    to_come = discounted_returns(rewards, A2C["discount"])[cut]
    return (
        (first, actor_critic(first.logits, first.values, actions[:cut], rewards[:cut], **A2C, bootstrap=to_come)),
        (second, actor_critic(second.logits, second.values, actions[cut:], rewards[cut:], **A2C)),
    )


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=lambda options: f"{options['cell']}-{options['plasticity']}")
def test_two_windows_chained_through_the_state_are_the_whole(options):
    net, params, x, state, actions, rewards, cut = truncated_setting(options)
    traj = net.forward(params, x, state)
    loss, d_logits, d_values = actor_critic(traj.logits, traj.values, actions, rewards, **A2C)
    whole = net.backward(params, traj, d_logits, d_values)

    (first, (loss_1, *d_first)), (second, (loss_2, *d_second)) = two_windows(
        net, params, x, state, actions, rewards, cut
    )
    np.testing.assert_allclose(loss_1 + loss_2, loss, rtol=1e-12)
    later = net.backward(params, second, *d_second)
    earlier = net.backward(params, first, *d_first, d_state=later.state)
    for name in params:
        both = earlier.params[name] + later.params[name]
        np.testing.assert_allclose(both, whole.params[name], rtol=1e-10, atol=1e-13, err_msg=name)
    for field, chained, expected in zip(earlier.state._fields, earlier.state, whole.state):
        assert (chained is None) == (expected is None)
        if chained is not None:
            np.testing.assert_allclose(chained, expected, rtol=1e-10, atol=1e-13, err_msg=field)


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=lambda options: f"{options['cell']}-{options['plasticity']}")
def test_truncation_is_the_gradient_with_the_carried_state_held_fixed(options):
    net, params, x, state, actions, rewards, cut = truncated_setting(options)
    (first, (_, *d_first)), (second, (_, *d_second)) = two_windows(net, params, x, state, actions, rewards, cut)
    carried = first.state
    later = net.backward(params, second, *d_second)
    earlier = net.backward(params, first, *d_first)
    chained = net.backward(params, first, *d_first, d_state=later.state)
    truncated = {name: earlier.params[name] + later.params[name] for name in params}
    to_come = discounted_returns(rewards, A2C["discount"])[cut]

    def loss(p):
        one = net.forward(p, x[:cut], state)
        two = net.forward(p, x[cut:], carried)
        loss_1, _, _ = actor_critic(one.logits, one.values, actions[:cut], rewards[:cut], **A2C, bootstrap=to_come)
        loss_2, _, _ = actor_critic(two.logits, two.values, actions[cut:], rewards[cut:], **A2C)
        return loss_1 + loss_2

    gradcheck(loss, params, truncated, method="complex", stop_gradient=True)
    missing = chained.params[net.plastic_name] - earlier.params[net.plastic_name]
    assert np.abs(missing).max() > 1e-3  # what the cut leaves out


def test_complex_step_through_network_and_loss():
    net, params, x, state, actions, rewards, _ = truncated_setting(CONFIGURATIONS[0])

    def loss(p):
        traj = net.forward(p, x, state)
        return actor_critic(traj.logits, traj.values, actions, rewards, **A2C)[0]

    traj = net.forward(params, x, state)
    _, d_logits, d_values = actor_critic(traj.logits, traj.values, actions, rewards, **A2C)
    gradcheck(loss, params, net.backward(params, traj, d_logits, d_values).params, method="complex", stop_gradient=True)


# Dtypes and arguments


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_gradients_keep_the_dtype(dtype):
    real = np.float32 if dtype == np.float32 else np.float64
    logits, actions, values, rewards, returns, baseline = draw(11, real)
    logits, values, mask = logits.astype(dtype), values.astype(dtype), MASK
    numbers = {name: np.float64(number) for name, number in A2C.items()}
    discounted = discounted_returns(rewards, np.float64(0.9))  # which would carry float32 along, were it let
    assert discounted.dtype == real
    np.testing.assert_array_equal(discounted, discounted_returns(rewards, 0.9))
    gradients = [
        cross_entropy(logits, actions, mask)[1],
        binary_cross_entropy(logits, bits_of(actions, real), mask)[1],
        reinforce(logits, actions, returns, baseline, mask)[1],
        value_loss(values, returns, mask)[1],
        entropy_bonus(logits, "shannon", mask)[1],
        entropy_bonus(logits, "sum_of_squares", mask)[1],
        *actor_critic(logits, values, actions, rewards, **numbers, mask=mask)[1:],
    ]
    assert [gradient.dtype for gradient in gradients] == [dtype] * len(gradients)


def test_float32_agrees_with_float64():
    single, double = masked_gradients(*draw(12, np.float32)), masked_gradients(*draw(12))
    for name, (loss, gradient) in double.items():
        np.testing.assert_allclose(single[name][0], loss, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(single[name][1], gradient, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_every_integer_dtype_is_an_action(dtype):
    logits, actions, _, _, returns, _ = draw(13)
    np.testing.assert_array_equal(
        reinforce(logits, actions.astype(dtype), returns)[1], reinforce(logits, actions, returns)[1]
    )


def test_nothing_of_the_callers_is_written_to():
    arrays = [*draw(14), MASK.copy(), np.ones(B)]
    arrays.append(bits_of(arrays[1]))
    for array in arrays:
        array.flags.writeable = False
    logits, actions, values, rewards, returns, baseline, mask, bootstrap, bits = arrays
    copies = [array.copy() for array in arrays]
    results = [
        *cross_entropy(logits, actions, mask),
        *binary_cross_entropy(logits, bits, mask),
        *reinforce(logits, actions, returns, baseline, mask),
        *value_loss(values, returns, mask),
        *entropy_bonus(logits, "shannon", mask),
        *entropy_bonus(logits, "sum_of_squares", mask),
        *actor_critic(logits, values, actions, rewards, **A2C, mask=mask, bootstrap=bootstrap),
        discounted_returns(rewards, 1, mask, bootstrap),
    ]
    for array, copy in zip(arrays, copies):
        np.testing.assert_array_equal(array, copy)
        assert not any(np.shares_memory(array, result) for result in results)


LOGITS, ACTIONS, VALUES, REWARDS, RETURNS, BASELINE = draw(15)
BITS = bits_of(ACTIONS)
NAN = np.where(np.eye(T, B, dtype=bool), np.nan, VALUES)
GAP = MASK.copy()
GAP[1, 0] = False


def a2c(logits=LOGITS, values=VALUES, actions=ACTIONS, rewards=REWARDS, **options):
    return actor_critic(logits, values, actions, rewards, **A2C | options)


ERRORS = [
    (TypeError, "logits", lambda: cross_entropy(LOGITS.tolist(), ACTIONS)),
    (TypeError, "logits", lambda: cross_entropy(LOGITS.astype(np.float16), ACTIONS)),
    (TypeError, "logits", lambda: reinforce(LOGITS.astype(int), ACTIONS, RETURNS)),
    (ValueError, "logits", lambda: entropy_bonus(LOGITS[0])),
    (ValueError, "logits", lambda: entropy_bonus(LOGITS[:0])),
    (ValueError, "logits", lambda: cross_entropy(LOGITS * np.inf, ACTIONS)),
    (ValueError, "targets", lambda: cross_entropy(LOGITS, ACTIONS[:, :2])),
    (TypeError, "targets", lambda: cross_entropy(LOGITS, ACTIONS.astype(float))),
    (TypeError, "targets", lambda: cross_entropy(LOGITS, ACTIONS > 1)),
    (ValueError, "targets", lambda: cross_entropy(LOGITS, np.full((T, B), A))),
    (TypeError, "logits", lambda: binary_cross_entropy(LOGITS.astype(int), BITS)),
    (ValueError, "logits", lambda: binary_cross_entropy(LOGITS * np.inf, BITS)),
    (ValueError, "targets", lambda: binary_cross_entropy(LOGITS, BITS[:1])),
    (ValueError, "targets", lambda: binary_cross_entropy(LOGITS, (BITS + 1) / 2)),
    (ValueError, "targets", lambda: binary_cross_entropy(LOGITS, BITS * np.nan)),
    (TypeError, "targets", lambda: binary_cross_entropy(LOGITS, BITS.astype(int))),
    (TypeError, "targets", lambda: binary_cross_entropy(LOGITS, BITS.astype(np.float32))),
    (ValueError, "mask", lambda: binary_cross_entropy(LOGITS, BITS, MASK.T)),
    (ValueError, "mask", lambda: binary_cross_entropy(LOGITS, BITS, ~MASK & MASK)),
    (ValueError, "actions", lambda: reinforce(LOGITS, np.full((T, B), -1), RETURNS)),
    (TypeError, "actions", lambda: reinforce(LOGITS, ACTIONS.tolist(), RETURNS)),
    (TypeError, "returns", lambda: reinforce(LOGITS, ACTIONS, RETURNS.astype(np.float32))),
    (TypeError, "returns", lambda: reinforce(LOGITS.astype(np.float32), ACTIONS, RETURNS)),
    (TypeError, "returns", lambda: reinforce(LOGITS, ACTIONS, RETURNS + 0j)),
    (ValueError, "returns", lambda: reinforce(LOGITS, ACTIONS, RETURNS[:, 0])),
    (ValueError, "returns", lambda: reinforce(LOGITS, ACTIONS, NAN)),
    (ValueError, "baseline", lambda: reinforce(LOGITS, ACTIONS, RETURNS, BASELINE[0])),
    (TypeError, "baseline", lambda: reinforce(LOGITS, ACTIONS, RETURNS, BASELINE.astype(np.float32))),
    (TypeError, "baseline", lambda: reinforce(LOGITS, ACTIONS, RETURNS, 0.5)),
    (TypeError, "mask", lambda: cross_entropy(LOGITS, ACTIONS, MASK.astype(int))),
    (ValueError, "mask", lambda: cross_entropy(LOGITS, ACTIONS, MASK.T)),
    (ValueError, "mask", lambda: cross_entropy(LOGITS, ACTIONS, ~MASK & MASK)),
    (ValueError, "mask", lambda: reinforce(LOGITS, ACTIONS, RETURNS, None, ~MASK & MASK)),
    (ValueError, "mask", lambda: value_loss(VALUES, RETURNS, ~MASK & MASK)),
    (ValueError, "mask", lambda: entropy_bonus(LOGITS, "shannon", ~MASK & MASK)),
    (ValueError, "mask", lambda: discounted_returns(REWARDS, 0.9, ~MASK & MASK)),
    (ValueError, "mask", lambda: discounted_returns(REWARDS, 0.9, GAP)),
    (ValueError, "mask", lambda: a2c(mask=GAP)),
    (ValueError, "counts", lambda: a2c(counts=~MASK & MASK)),
    (TypeError, "counts", lambda: a2c(counts=MASK.astype(int))),
    (ValueError, "counts", lambda: a2c(counts=MASK.T)),
    (TypeError, "rewards", lambda: discounted_returns(REWARDS.astype(int), 0.9)),
    (ValueError, "rewards", lambda: discounted_returns(REWARDS[:0], 0.9)),
    (ValueError, "rewards", lambda: discounted_returns(NAN, 0.9)),
    (TypeError, "discount", lambda: discounted_returns(REWARDS, "0.9")),
    (ValueError, "discount", lambda: discounted_returns(REWARDS, 1.1)),
    (ValueError, "discount", lambda: discounted_returns(REWARDS, -0.1)),
    (ValueError, "bootstrap", lambda: discounted_returns(REWARDS, 0.9, bootstrap=np.zeros(B + 1))),
    (TypeError, "bootstrap", lambda: discounted_returns(REWARDS, 0.9, bootstrap=np.zeros(B, np.float32))),
    (TypeError, "values", lambda: value_loss(VALUES.astype(int), RETURNS)),
    (ValueError, "values", lambda: value_loss(NAN, RETURNS)),
    (TypeError, "returns", lambda: value_loss(VALUES, RETURNS.astype(np.float32))),
    (ValueError, "returns", lambda: value_loss(VALUES, RETURNS[:1])),
    (ValueError, "kind", lambda: entropy_bonus(LOGITS, "renyi")),
    (ValueError, "values", lambda: a2c(values=VALUES[0])),
    (TypeError, "values", lambda: a2c(values=VALUES.astype(np.float32))),
    (TypeError, "values", lambda: a2c(values=VALUES.tolist())),
    (ValueError, "rewards", lambda: a2c(rewards=REWARDS[:1])),
    (TypeError, "rewards", lambda: a2c(rewards=REWARDS.astype(np.float32))),
    (ValueError, "actions", lambda: a2c(actions=ACTIONS + A)),
    (ValueError, "discount", lambda: a2c(discount=2)),
    (ValueError, "value_weight", lambda: a2c(value_weight=-1)),
    (TypeError, "entropy_weight", lambda: a2c(entropy_weight=None)),
    (ValueError, "entropy", lambda: a2c(entropy="renyi")),
    (ValueError, "bootstrap", lambda: a2c(bootstrap=np.zeros(B + 1))),
]


@pytest.mark.parametrize("error, name, call", ERRORS, ids=[f"{i}-{name}" for i, (_, name, _) in enumerate(ERRORS)])
def test_errors_name_the_argument(error, name, call):
    with pytest.raises(error, match=f"^{name}: expected .*, got "):
        call()
