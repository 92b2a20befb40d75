"""Chapter 13: a maze whose last observation does not say where to turn, and policies that walk it.

A light shines left or right at step 0; a corridor of T - 2 steps follows; at the last step the agent stands at a
junction. Reward 1 for turning to the side of the light, 0 for all else. An agent that does anything except walk
forward before the junction hits the wall and stays there.
"""

from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from ..equations.softmax import log_softmax_forward, softmax_forward
from ..figures.draw_policies import plot_estimates, plot_learning
from ..learning.episodes import draw_actions
from ..learning.losses import discounted_returns, reinforce
from ..network import PlasticNetwork, Trajectory
from .grader import Exercise
from .learn import learn

STATES = ("light left", "light right", "corridor", "junction", "wall")
ACTIONS = ("left", "right", "forward")
LEFT, RIGHT, FORWARD = range(3)
CORRIDOR, JUNCTION, WALL = range(2, 5)


def maze_state(t, T, light, inside):
    """The number of the state s_t in STATES: light (B,) is LEFT or RIGHT, inside (B,) False behind the wall."""
    seen = light if t == 0 else JUNCTION if t == T - 1 else CORRIDOR
    return np.where(inside, seen, WALL)  # (B,)


def maze_reward(t, T, light, inside, action):
    """r_t (B,): 1 for a right turn at the junction."""
    return np.where(inside & (t == T - 1) & (action == light), 1.0, 0.0)  # (B,)


# What a policy can reach at best, by trying all of them.


def right_way(light, T):
    """The only walk that earns the reward: a list of (history, s_t, a_t), history a tuple of (s, a, r)."""
    way, history = [], ()
    for t in range(T):
        state, action = int(maze_state(t, T, light, True)), light if t == T - 1 else FORWARD
        way.append((history, state, action))
        history += ((state, action, float(maze_reward(t, T, light, True, action))),)
    return way


def last_entries(k):
    """What a policy goes by that sees the time, the state and the last ``k`` entries of the history."""
    return lambda history, state: (len(history), history[max(0, len(history) - k) :], state)


def best_reward(sees, T):
    """The largest expected reward of any policy that knows of history and state only ``sees(history, state)``.

    Every table of one action for each thing seen on the two right ways is tried. (Elsewhere nothing is to be
    earned, so what the policy does there is all the same.)
    """
    ways = [[(sees(history, state), action) for history, state, action in right_way(light, T)] for light in (0, 1)]
    seen = sorted({what for way in ways for what, _ in way})
    best = 0.0
    for actions in product(range(len(ACTIONS)), repeat=len(seen)):
        policy = dict(zip(seen, actions))
        best = max(best, np.mean([all(policy[what] == action for what, action in way) for way in ways]))
    return float(best)


# Networks that walk.


class Walk(NamedTuple):
    """B episodes: x (T, B, 9), states, actions (T, B) ints, rewards (T, B), logits (T, B, 3) and the trajectory."""

    x: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    logits: np.ndarray
    traj: Trajectory


def maze_network(n_hidden):
    """A network for the maze without plasticity; F has a hidden layer."""
    n_inputs = len(STATES) + len(ACTIONS) + 1
    return PlasticNetwork(n_inputs, n_hidden, len(ACTIONS), plasticity="none", readout_hidden=n_hidden)


def walk(net, params, light, choose, T, memory=True):
    """Walk with x_t = (one-hot s_t, one-hot a_{t-1}, r_{t-1}); ``choose(t, logits)`` gives a_t: light (B,) -> Walk.

    Without ``memory`` the network starts from h = 0 at every step, so that it decides by x_t alone. All its steps are
    then first steps: its trajectory is one step of T·B episodes.
    """
    B = len(light)
    run = net.begin(params, net.initial_state(B))
    inside, last_action, last_reward = np.ones(B, bool), np.zeros((B, len(ACTIONS))), np.zeros(B)
    record = []
    for t in range(T):
        state = maze_state(t, T, light, inside)
        x_t = np.concatenate([np.eye(len(STATES))[state], last_action, last_reward[:, None]], axis=1)  # (B, 9)
        out = run.step(x_t) if memory else net.step(params, x_t, net.initial_state(B))[0]
        action = choose(t, out.logits)
        reward = maze_reward(t, T, light, inside, action)
        record.append((x_t, state, action, reward, out.logits))
        inside = inside & (action == FORWARD)
        last_action, last_reward = np.eye(len(ACTIONS))[action], reward
    record = [np.stack(column) for column in zip(*record)]
    traj = run.trajectory() if memory else net.forward(params, record[0].reshape(1, T * B, -1))
    return Walk(*record, traj)


def by_chance(rng):
    """``choose`` for ``walk``: a_t drawn from softmax(logits)."""
    return lambda t, logits: draw_actions(logits, rng)


def walk_gradient(net, params, walked, returns):
    """The gradients of ``reinforce`` for the parameters, a dict: returns (T, B)."""
    _, d_logits = reinforce(walked.logits, walked.actions, returns)
    return net.backward(params, walked.traj, d_logits.reshape(walked.traj.logits.shape)).params


def train_walker(rng, net, T, updates, B=128, memory=True):
    """REINFORCE with Adam from new parameters -> params, mean reward of each batch (updates,)."""

    def gradient(params, light):
        walked = walk(net, params, light, by_chance(rng), T, memory)
        grads = walk_gradient(net, params, walked, discounted_returns(walked.rewards, 1.0))
        return grads, walked.rewards.sum(axis=0).mean()

    return learn(net.init(rng), gradient, lambda: rng.integers(0, 2, B), updates, learning_rate=0.02)


def compare_memory(rng, net, T, runs=5, updates=200):
    """``runs`` trainings each with and without memory: dict label -> (list of params, rewards (runs, updates))."""
    results = {}
    for label, memory in (("with memory", True), ("without memory", False)):
        trained = [train_walker(child, net, T, updates, memory=memory) for child in rng.spawn(runs)]
        results[label] = [params for params, _ in trained], np.array([rewards for _, rewards in trained])
    return results


# The expected reward and its gradient, exactly, by trying every walk.


def every_walk(net, params, T, memory=True):
    """All 2 · 3^T walks, both lights and every action sequence, as the batch of one Walk."""
    sequences = np.indices((len(ACTIONS),) * T).reshape(T, -1)  # (T, 3^T)
    light = np.repeat([LEFT, RIGHT], sequences.shape[1])
    sequences = np.tile(sequences, 2)  # (T, 2 · 3^T)
    return walk(net, params, light, lambda t, logits: sequences[t], T, memory)


def probabilities(walked):
    """How likely each walk of ``every_walk`` is: ½ Π_t P(a_t = the one it takes), (B,)."""
    log_p = np.take_along_axis(log_softmax_forward(walked.logits), walked.actions[:, :, None], axis=2)  # (T, B, 1)
    return 0.5 * np.exp(log_p.sum(axis=(0, 2)))  # (B,)


def expected_reward(net, params, T, memory=True):
    """R of (1.2), the exact expectation: a number, complex for complex parameters."""
    walked = every_walk(net, params, T, memory)
    return (probabilities(walked) * walked.rewards.sum(axis=0)).sum()


def expected_reward_gradient(net, params, T):
    """dR/dparams, a dict: REINFORCE over all walks, each weighted by its probability instead of drawn.

    ``reinforce`` is a loss (hence the minus) and a mean over the batch (hence the B).
    """
    walked = every_walk(net, params, T)
    weights = probabilities(walked) * walked.rewards.sum(axis=0)  # (B,)
    grads = walk_gradient(net, params, walked, np.tile(len(weights) * weights, (T, 1)))
    return {name: -grad for name, grad in grads.items()}


def score_vectors(net, params, T):
    """For each of all walks: probability (B,), reward (B,), and ∇ log P(walk) over all parameters, (B, n)."""
    walked = every_walk(net, params, T)
    scores = []
    for b in range(walked.actions.shape[1]):
        traj = net.forward(params, walked.x[:, b : b + 1])
        _, d_logits = reinforce(traj.logits, walked.actions[:, b : b + 1], np.ones((T, 1)))
        scores.append(-flatten(net.backward(params, traj, d_logits).params))
    return probabilities(walked), walked.rewards.sum(axis=0), np.array(scores)


def flatten(grads):
    """A dict of arrays as one vector (n,)."""
    return np.concatenate([grad.ravel() for grad in grads.values()])


def estimate_gradient(rng, net, params, T, episodes):
    """The REINFORCE estimate of dR/dparams from ``episodes`` drawn walks, as one vector (n,)."""
    walked = walk(net, params, rng.integers(0, 2, episodes), by_chance(rng), T)
    return -flatten(walk_gradient(net, params, walked, discounted_returns(walked.rewards, 1.0)))


def compare_estimates(rng, net, params, T, episodes=(30, 100, 300, 1000, 3000), repeats=20):
    """REINFORCE estimates from more and more episodes: episodes (E,), estimates (repeats, E, n), the exact gradient
    (n,), and the standard deviation of a single episode's estimate (n,), exact as well."""
    p, rewards, scores = score_vectors(net, params, T)
    single = rewards[:, None] * scores  # (B, n)
    exact = p @ single
    deviation = np.sqrt(p @ single**2 - exact**2)
    estimates = [[estimate_gradient(rng, net, params, T, count) for count in episodes] for _ in range(repeats)]
    return np.array(episodes), np.array(estimates), exact, deviation


def halfway_walker(rng, T):
    """A small network for a maze of T steps that has begun to learn: net, params."""
    net = maze_network(4)
    params, _ = train_walker(rng, net, T, updates=15)
    return net, params


def figure_memoryless_ceiling():
    """Reward over training with and without memory, beside what is possible without."""
    T = 5
    results = compare_memory(np.random.default_rng(1), maze_network(12), T)
    curves = {label: rewards for label, (_, rewards) in results.items()}
    ceiling = best_reward(last_entries(1), T)
    return plot_learning(curves, {"ceiling without memory": ceiling}, "mean reward per episode")


def figure_reinforce_estimate():
    """Estimated and exact gradient of the expected reward."""
    rng = np.random.default_rng(1)
    net, params = halfway_walker(rng, 3)
    return plot_estimates(*compare_estimates(rng, net, params, 3))


def _wrong_log_softmax(d_log_p, z, wrong):
    P, total = softmax_forward(z), d_log_p.sum(axis=-1, keepdims=True)
    return {
        "z": {
            "own only": d_log_p * (1 - P),
            "direct only": d_log_p,
            "sign": d_log_p + P * total,
            "log": d_log_p - log_softmax_forward(z) * total,
            "batch": d_log_p - P * d_log_p.sum(axis=0, keepdims=True),
        }[wrong]
    }


LOG_SOFTMAX = Exercise(
    forward=lambda z: log_softmax_forward(z),
    draw=lambda rng: {"z": rng.standard_normal((4, 5))},
    mistakes={
        text: partial(_wrong_log_softmax, wrong=wrong)
        for wrong, text in {
            "direct only": "(a): the sum under the logarithm contains z_k as well",
            "own only": "(b): z_k moves every log P(a), so the chain rule sums over a",
            "sign": "(a): the logarithm of the sum is taken off, so P(k) has a minus",
            "log": "(a): the sum's derivative is P(k), not log P(k)",
            "batch": "(b): the sum runs over the actions a of one step, not over the steps",
        }.items()
    },
)


def _wrong_softmax(dP, z, wrong):
    P = softmax_forward(z)
    return {
        "z": {
            "own only": dP * P * (1 - P),
            "direct only": dP * P,
            "no P": dP - (dP * P).sum(axis=-1, keepdims=True),
            "plain sum": P * (dP - dP.sum(axis=-1, keepdims=True)),
            "log": dP - P * dP.sum(axis=-1, keepdims=True),
        }[wrong]
    }


SOFTMAX = Exercise(
    forward=lambda z: softmax_forward(z),
    draw=lambda rng: {"z": rng.standard_normal((4, 5))},
    mistakes={
        text: partial(_wrong_softmax, wrong=wrong)
        for wrong, text in {
            "log": "(d): P = exp(log P) comes first: dlog P(a) = P(a) dP(a)",
            "direct only": "(d): after dlog P there is the backward pass of log softmax still to go",
            "own only": "(d): z_k moves every P(a), so the chain rule sums over a",
            "no P": "(d): the factor P(k) in front is missing",
            "plain sum": "(d): the sum is over dP(a) P(a), not over dP(a)",
        }.items()
    },
)

EXERCISES = {"log_softmax_backward": LOG_SOFTMAX, "softmax_backward": SOFTMAX}

FIGURES = {
    "memoryless_ceiling.png": figure_memoryless_ceiling,
    "reinforce_estimate.png": figure_reinforce_estimate,
}
