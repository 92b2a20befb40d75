"""A batch of episodes: acted out, scored, and turned into a loss and its gradients.

    rollout                  net and task meet: an Episode, whose trajectory goes straight into ``trials.backward``
    loss_and_gradients       actor-critic for rewards, cross-entropy for targets
    evaluate                 scores on fresh episodes, without learning;  chance: those of answers at random

Tasks are described in ``tasks.base``. Their float64 observations and rewards are rounded to the network's dtype here.
"""

from typing import NamedTuple

import numpy as np

from ..arguments import check_array, check_count, check_generator
from ..chunked.plan import choose_plan
from ..network import PlasticNetwork, Trajectory
from ..parameters import parameter_shapes
from ..state import State
from .losses import actor_critic, binary_cross_entropy, cross_entropy
from .trials import TrialRun, Trials, backward


class Episode(NamedTuple):
    """T steps of B episodes. targets are None in a task of kind "reward"."""

    trajectory: Trajectory | Trials
    x: np.ndarray  # what the network read (T, B, D)
    actions: np.ndarray  # what it answered; in a supervised task the most probable answer, (T, B) or bits (T, B, A)
    rewards: np.ndarray  # for that answer (T, B)
    counts: np.ndarray  # bool: where the answer matters (T, B)
    targets: np.ndarray | None  # the right answers (T, B), or bits ±1 (T, B, A)


def rollout(net, params, task, rng, greedy=False, state=None, number=None):
    """B fresh episodes of ``task``, drawn from the Generator ``rng`` -> Episode.

    Actions are drawn from the policy, or are its most probable ones if ``greedy``. A supervised task's observations
    do not depend on the answers, so the network reads them in one go. With ``task.reset_at_trials`` h, c and the trace
    are set to zero where a trial begins (see ``trials``).

    state: the network's State to begin with, None for zeros. number: of this batch among consecutive ones (see
    ``SequenceTask.consecutive``), None for a batch on its own.
    """
    check_generator("rng", rng)
    state = net.initial_state(task.batch) if state is None else state
    resets = getattr(task, "reset_at_trials", False)
    if task.kind == "supervised":
        x, targets, counts = task.sequences(rng) if number is None else task.consecutive(rng, number)
        begins = task.begins(x) if resets else None
        x = x.astype(net.dtype)
        if resets:
            run = TrialRun(net, params, state)
            for x_t, begins_t in zip(x, begins):
                run.step(x_t, begins_t)
            trajectory = run.trajectory()
        else:
            trajectory = net.forward(params, x, state)
        check_array("logits", trajectory.logits, (task.T, task.batch, net.n_outputs), (net.dtype,))
        actions = task.answers(trajectory.logits)
        return Episode(trajectory, x, actions, task.grade(actions, x, targets, counts), counts, targets)

    T, B = task.T, task.batch
    x = np.empty((T, B, task.n_inputs), net.dtype)
    actions, rewards, counts = np.empty((T, B), np.int64), np.empty((T, B), net.dtype), np.empty((T, B), bool)
    run = TrialRun(net, params, state) if resets else net.begin(params, state, plan=choose_plan(net, T, B))
    obs, info = task.reset(seed=rng)
    for t in range(T):
        x[t], counts[t] = obs, info["decides"]
        out = run.step(x[t], info["begins"]) if resets else run.step(x[t])
        logits = out.logits  # (B, A)
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

    With ``settings.loss_per_step`` it is divided by T. With ``settings.hebb_penalty`` above 0 it also holds

        hebb_penalty · mean over batch and entries of Hebb(T)²,    dHebb(T) = 2 hebb_penalty Hebb(T) / (B N²)
    """
    trajectory, _, actions, rewards, counts, targets = episode
    logits, d_values, d_state = trajectory.logits, None, None
    if targets is None:
        weights = {name: getattr(settings, name) for name in ("discount", "value_weight", "entropy_weight", "entropy")}
        loss, d_logits, d_values = actor_critic(logits, trajectory.values, actions, rewards, counts=counts, **weights)
    elif targets.ndim == 2:
        loss, d_logits = cross_entropy(logits, targets, counts)
    else:
        loss, d_logits = binary_cross_entropy(logits, targets.astype(logits.dtype), counts)
    if settings.loss_per_step:
        T = len(logits)
        loss, d_logits, d_values = loss / T, d_logits / T, d_values / T
    if settings.hebb_penalty:
        hebb = trajectory.state.hebb  # (B, N, N)
        loss = loss + settings.hebb_penalty * np.square(hebb).mean()
        d_state = State(h=None, hebb=2 * settings.hebb_penalty / hebb.size * hebb)
    return float(loss), backward(net, params, trajectory, d_logits, d_values, d_state)


def evaluate(net, params, task, rng, episodes, greedy=False, carry=False):
    """Means of ``task.summarise`` over at least that many fresh episodes, in whole batches -> dict of floats.

    The first batch begins at zeros, and each other one too, or, with ``carry``, where the one before has ended.
    """
    return means(list(summaries(net, params, task, rng, episodes, greedy, carry)))


def means(batches):
    """The mean of each number in summaries of batches, a list of dicts with the same names -> dict of floats."""
    return {name: float(np.mean([summary[name] for summary in batches])) for name in batches[0]}


def summaries(net, params, task, rng, episodes, greedy=False, carry=False):
    """``task.summarise`` of each batch: what ``evaluate`` takes the means of."""
    return map(task.summarise, fresh_episodes(net, params, task, rng, episodes, greedy, carry))


def fresh_episodes(net, params, task, rng, episodes, greedy=False, carry=False):
    """At least that many episodes, an Episode per batch; state and ``carry`` as in ``evaluate``."""
    check_count("episodes", episodes)
    state = None
    for number in range(-(-episodes // task.batch)):
        episode = rollout(net, params, task, rng, greedy, state, number if carry else None)
        state = episode.trajectory.state if carry else None
        yield episode


def chance(task, rng, episodes):
    """``evaluate`` where every answer is as likely as any other: of a network whose parameters are all 0."""
    net = PlasticNetwork(task.n_inputs, 1, task.n_outputs, plasticity="none")
    params = {name: np.zeros(shape) for name, shape in parameter_shapes(net).items()}
    return evaluate(net, params, task.for_evaluation(), rng, episodes)
