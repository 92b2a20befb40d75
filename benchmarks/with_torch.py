"""The same networks in PyTorch: eager, vectorised over the batch, gradients by autograd.

An update is that of ``learning.training`` on a task of rewards, without its controls: the same tasks in NumPy, the same
random numbers, and the loss, its gradient, its norm and Adam in PyTorch.
"""

import numpy as np
import torch

from bpm_numpy.learning.episodes import Episode, draw_actions
from bpm_numpy.learning.losses import discounted_returns
from bpm_numpy.learning.training import begin, build
from bpm_numpy.state import State


def cell_inputs(net, params, x):
    """What x (..., D) brings to all of the cell's units, (..., N or 4 N)."""
    if net.cell.name == "rnn":
        return x @ params["W_x"] + params["b"]
    W_x, b = (torch.cat([params[name.replace("k", k)] for k in "ijfo"], dim=-1) for name in ("W_kx", "b_k"))
    return x @ W_x + b


def drive(net, params, h):
    """What multiplies E(t) (B, N, N): the rate, M(t), or M(t) fanned out."""
    if net.plasticity == "hebbian":
        return params["rate"]
    M = torch.tanh(h @ params["W_m"] + params["b_m"])  # (B,)
    if net.modulator.name == "difference":
        M = params["gain"] * (M - torch.tanh(h @ params["W_m2"] + params["b_m2"]))
    if net.fanout:
        return (M[:, None] * params["W_fan"] + params["b_fan"])[:, None, :]
    return M[:, None, None]


def step(net, params, z, state):
    """z (B, N or 4 N) from ``cell_inputs``, State -> the next one."""
    h_prev, c, hebb, trace = state
    if hebb is None:
        y = h_prev @ params[net.plastic_name]  # (B, N)
    else:
        weights = params[net.plastic_name] + params["alpha"] * hebb  # (B, N, N)
        y = torch.bmm(h_prev.unsqueeze(1), weights).squeeze(1)  # (B, N)
    if net.cell.name == "rnn":
        h = p = torch.tanh(z + y)
    else:
        z_i, z_j, z_f, z_o = z.chunk(4, dim=-1)
        u_j, u_f, u_o = (h_prev @ torch.cat([params[f"W_{k}h"] for k in "jfo"], dim=1)).chunk(3, dim=-1)
        p = torch.tanh(z_i + y)
        gate, carry = (torch.tanh, h_prev) if net.reading == "notes" else (torch.sigmoid, c)
        c = carry * torch.sigmoid(z_f + u_f) + p * gate(z_j + u_j)
        h = torch.tanh(c) * torch.sigmoid(z_o + u_o)
    if hebb is None:
        return State(h, c)
    E = torch.bmm(h_prev.unsqueeze(2), p.unsqueeze(1))  # (B, N, N)
    if net.rule.name == "trace":
        before, trace = trace, (1 - params["eta"]) * trace + params["eta"] * E
        E = trace if net.reading == "notes" else before
    return State(h, c, torch.clamp(hebb + drive(net, params, h) * E, -net.clip, net.clip), trace)


def readout(params, h):
    return h @ params["W_y"] + params["b_y"], h @ params["W_v"] + params["b_v"]


def tensors(problem, requires_grad):
    """params, x and the initial State of the problem."""
    params, x, state = problem.split(problem.inputs)
    params = {name: torch.tensor(value, requires_grad=requires_grad) for name, value in params.items()}
    return params, torch.tensor(x), state.map(torch.tensor)


def training(problem):
    params, x, first = tensors(problem, requires_grad=True)
    d_logits, d_values = torch.tensor(problem.d_logits), torch.tensor(problem.d_values)

    def run():
        state, hs = first, []
        for z in cell_inputs(problem.net, params, x).unbind():
            state = step(problem.net, params, z, state)
            hs.append(state.h)
        logits, values = readout(params, torch.stack(hs))
        loss = (d_logits * logits).sum() + (d_values * values).sum()
        return dict(zip(params, torch.autograd.grad(loss, list(params.values()))))

    return run


def acting(problem):
    params, _, state = tensors(problem, requires_grad=False)
    x_t = problem.inputs["x"][0]

    @torch.no_grad()
    def act():
        nonlocal state
        z = cell_inputs(problem.net, params, torch.from_numpy(x_t))
        state = step(problem.net, params, z, state)
        return readout(params, state.h)[0].numpy()

    return act


def rollout(net, params, state, task, rng):
    """``learning.episodes.rollout`` -> logits (T, B, A), values (T, B), Episode without a trajectory."""
    T, B = task.T, task.batch
    x = np.empty((T, B, task.n_inputs), net.dtype)
    actions, rewards, counts = np.empty((T, B), np.int64), np.empty((T, B), net.dtype), np.empty((T, B), bool)
    hs = []
    obs, info = task.reset(seed=rng)
    for t in range(T):
        x[t], counts[t] = obs, info["decides"]
        state = step(net, params, cell_inputs(net, params, torch.from_numpy(x[t])), state)
        hs.append(state.h)
        with torch.no_grad():  # the loss reads all steps at once
            logits = state.h @ params["W_y"] + params["b_y"]  # (B, A)
        actions[t] = draw_actions(logits.numpy(), rng)
        obs, rewards[t], _, _, info = task.step(actions[t])
    return *readout(params, torch.stack(hs)), Episode(None, x, actions, rewards, counts, None)


def actor_critic(settings, logits, values, episode):
    """``learning.losses.actor_critic`` with the sum of squares as entropy."""
    returns = torch.from_numpy(discounted_returns(episode.rewards, settings.discount))  # (T, B)
    actions, counts = torch.from_numpy(episode.actions), torch.from_numpy(episode.counts)
    log_p = torch.log_softmax(logits, dim=-1)  # (T, B, A)
    chosen = log_p.gather(-1, actions.unsqueeze(-1)).squeeze(-1)  # (T, B)
    advantage = returns - values
    policy = -(counts * advantage.detach() * chosen).sum()
    squares = (counts * log_p.exp().square().sum(dim=-1)).sum()
    loss = policy + settings.value_weight * advantage.square().sum() + settings.entropy_weight * squares
    return loss / logits.shape[1]


def updating(settings):
    (task, net), start = build(settings), begin(settings).training
    params = {name: torch.tensor(value, requires_grad=True) for name, value in start.params.items()}
    first = net.initial_state(task.batch).map(torch.tensor)
    adam = torch.optim.Adam(params.values(), lr=settings.learning_rate, eps=settings.eps)

    def run():
        logits, values, episode = rollout(net, params, first, task, start.rng)
        loss = actor_critic(settings, logits, values, episode)
        adam.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params.values(), settings.max_norm)
        adam.step()
        task.summarise(episode), loss.item(), norm.item()  # what is noted of an update
        return {name: value.detach() for name, value in params.items()}

    return run


def about():
    return {"torch": torch.__version__, "numpy": np.__version__, "threads": torch.get_num_threads()}


TRAINING = {"PyTorch": training}
ACTING = {"PyTorch": acting}
UPDATING = {"PyTorch": updating}
