"""A batch of episodes: acted out, scored, and turned into a loss and its gradients.

    rollout                  net and task meet: an Episode, whose trajectory goes straight into ``net.backward``
    loss_and_gradients       actor-critic for rewards, cross-entropy for targets
    evaluate                 scores on fresh episodes, without learning

Tasks are described in ``tasks.base``. Their float64 observations and rewards are rounded to the network's dtype here.
"""

from typing import NamedTuple

import numpy as np

from ..arguments import check_array, check_count, check_generator
from ..chunks import choose_plan
from ..network import Trajectory
from .losses import binary_cross_entropy, cross_entropy, discounted_returns, entropy_bonus, reinforce, value_loss


class Episode(NamedTuple):
    """T steps of B episodes. targets are None in a task of kind "reward"."""

    trajectory: Trajectory
    x: np.ndarray  # what the network read (T, B, D)
    actions: np.ndarray  # what it answered; in a supervised task the most probable answer, (T, B) or bits (T, B, A)
    rewards: np.ndarray  # for that answer (T, B)
    counts: np.ndarray  # bool: where the answer matters (T, B)
    targets: np.ndarray | None  # the right answers (T, B), or bits ±1 (T, B, A)


def rollout(net, params, task, rng, greedy=False):
    """B fresh episodes of ``task``, drawn from the Generator ``rng`` -> Episode.

    Actions are drawn from the policy, or are its most probable ones if ``greedy``. A supervised task's observations
    do not depend on the answers, so the network reads them in one go.
    """
    check_generator("rng", rng)
    if task.kind == "supervised":
        x, targets, counts = task.sequences(rng)
        x = x.astype(net.dtype)
        trajectory = net.forward(params, x)
        check_array("logits", trajectory.logits, (task.T, task.batch, net.n_outputs), (net.dtype,))
        actions = task.answers(trajectory.logits)
        return Episode(trajectory, x, actions, task.grade(actions, x, targets, counts), counts, targets)

    T, B = task.T, task.batch
    x = np.empty((T, B, task.n_inputs), net.dtype)
    actions, rewards, counts = np.empty((T, B), np.int64), np.empty((T, B), net.dtype), np.empty((T, B), bool)
    run = net.begin(params, net.initial_state(B), plan=choose_plan(net, T, B))
    obs, info = task.reset(seed=rng)
    for t in range(T):
        x[t], counts[t] = obs, info["decides"]
        logits = run.step(x[t]).logits  # (B, A)
        actions[t] = logits.argmax(axis=1) if greedy else draw_actions(logits, rng)
        obs, rewards[t], _, _, info = task.step(actions[t])
    return Episode(run.trajectory(), x, actions, rewards, counts, None)


def draw_actions(logits, rng):
    """One action of softmax(logits) an episode: logits (B, A) -> (B,), by the inverse of the distribution function.

    u uniform in [0, 1) lands on action a if P(0) + ... + P(a-1) <= u < P(0) + ... + P(a). A logit of
    -inf is a P of 0; ValueError where there is no distribution: for NaN, inf, and a row of nothing but -inf.
    """
    check_array("logits", logits, ("B", "A"), (np.float32, np.float64), finite=False)
    check_generator("rng", rng)
    largest = logits.max(axis=1, keepdims=True)  # (B, 1)
    if not np.isfinite(largest).all():
        raise ValueError(f"logits: expected a finite largest one in every row, got {largest[~np.isfinite(largest)][0]}")
    cumulative = np.exp(logits - largest).cumsum(axis=1)  # (B, A)
    thresholds = rng.random(len(logits)) * cumulative[:, -1]  # (B,)
    return (cumulative[:, :-1] <= thresholds[:, None]).sum(axis=1)


def loss_and_gradients(settings, net, params, episode):
    """The loss of an Episode and its Gradients. ``settings``: training.Settings, which holds the loss's weights.

    With rewards it is the actor-critic of ``losses``, with one difference: only the answers that count are in the
    policy's and the entropy's term, while the critic learns, and returns are summed, over all steps.
    """
    trajectory, _, actions, rewards, counts, targets = episode
    logits, d_values = trajectory.logits, None
    if targets is None:
        values = trajectory.values
        returns = discounted_returns(rewards, settings.discount)  # (T, B)
        policy, d_policy = reinforce(logits, actions, returns, baseline=values, mask=counts)
        critic, d_critic = value_loss(values, returns)
        bonus, d_bonus = entropy_bonus(logits, settings.entropy, counts)
        loss = policy + settings.value_weight * critic - settings.entropy_weight * bonus
        d_logits, d_values = d_policy - settings.entropy_weight * d_bonus, settings.value_weight * d_critic
    elif targets.ndim == 2:
        loss, d_logits = cross_entropy(logits, targets, counts)
    else:
        loss, d_logits = binary_cross_entropy(logits, targets.astype(logits.dtype), counts)
    return float(loss), net.backward(params, trajectory, d_logits, d_values)


def evaluate(net, params, task, rng, episodes, greedy=False):
    """Means of ``task.summarise`` over at least that many fresh episodes, in whole batches -> dict of floats."""
    check_count("episodes", episodes)
    batches = range(-(-episodes // task.batch))
    summaries = [task.summarise(rollout(net, params, task, rng, greedy)) for _ in batches]
    return {name: float(np.mean([summary[name] for summary in summaries])) for name in summaries[0]}
