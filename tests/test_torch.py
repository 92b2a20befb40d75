"""Values and gradients against PyTorch's autograd, in float64: a third opinion, when PyTorch is installed."""

import numpy as np
import pytest
from configurations import PLANS, all_configurations, identifier, random_problem

from bpm_numpy import PlasticNetwork
from bpm_numpy.proof.problems import REGIMES, join
from bpm_numpy.state import State

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[torch]'")


def torch_cell(net, params, x_t, h, c, weights):
    """h_t, c_t, p_t."""
    recurrent = torch.einsum("bi,bij->bj", h, weights)
    if net.cell.name == "rnn":
        h = torch.tanh(x_t @ params["W_x"] + recurrent + params["b"])
        return h, None, h
    if net.cell.name == "gru":
        r, z = (torch.sigmoid(x_t @ params[f"W_{k}x"] + h @ params[f"W_{k}h"] + params[f"b_{k}"]) for k in "rz")
        n = torch.tanh(x_t @ params["W_nx"] + r * recurrent + params["b_n"])
        return torch.lerp(n, h, z), None, n
    i = torch.tanh(x_t @ params["W_ix"] + recurrent + params["b_i"])
    j, f, o = (x_t @ params[f"W_{k}x"] + h @ params[f"W_{k}h"] + params[f"b_{k}"] for k in "jfo")
    if net.reading == "notes":
        c = h * torch.sigmoid(f) + i * torch.tanh(j)
    else:
        c = c * torch.sigmoid(f) + i * torch.sigmoid(j)
    return torch.tanh(c) * torch.sigmoid(o), c, i


def torch_drive(net, params, h):
    """M(t) or None, and what multiplies E(t), ready to broadcast to (B, N, N)."""
    if net.plasticity == "hebbian":
        return None, params["rate"]
    a = h @ params["W_m"] + params["b_m"]
    if net.modulator.name == "difference":
        M = params["gain"] * (torch.tanh(a) - torch.tanh(h @ params["W_m2"] + params["b_m2"]))
    else:
        M = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda a: a}[net.modulator.name](a)
    if net.fanout:
        return M, (M[:, None] * params["W_fan"] + params["b_fan"])[:, None, :]
    return M, M[:, None, None]


def torch_eligibility(net, params, hebb, h, p, trace):
    """E(t) and the next trace; h is h_{t-1}."""
    if net.rule.name == "taylor":
        A, B, C, D, G, H = (params[name] for name in "ABCDGH")
        first = A + torch.einsum("ijk,bk->bij", B, h) + torch.einsum("ijk,bk->bij", C, p)
        return first + sum(
            torch.einsum("ijkl,bk,bl->bij", tensor, left, right)
            for tensor, left, right in ((D, h, h), (G, p, p), (H, h, p))
        ), None
    X = torch.einsum("bi,bj->bij", h, p)
    if net.rule.name in ("outer", "soft"):
        return X, None
    if net.rule.name in ("decay", "oja"):
        return X - (1 if net.rule.name == "decay" else p[:, None, :] ** 2) * hebb, None
    following = torch.lerp(trace, X, params["eta"])
    return (following if net.reading == "notes" else trace), following


def torch_forward(net, params, x, state):
    """logits (T, B, A), values (T, B), modulator (T, B) or None, and the final (h, c, hebb, trace)."""
    h, c, hebb, trace = state
    w = params[{"rnn": "W_h", "lstm": "W_ih", "gru": "W_nh"}[net.cell.name]]
    logits, values, modulator = [], [], []
    for x_t in x:
        h_prev = h
        weights = w.expand(len(h), *w.shape) if net.plasticity == "none" else w + params["alpha"] * hebb
        h, c, p = torch_cell(net, params, x_t, h, c, weights)
        k = torch.tanh(h @ params["W_k"] + params["b_k"]) if "W_k" in params else h
        logits.append(k @ params["W_y"] + params["b_y"])
        values.append(h @ params["W_v"] + params["b_v"])
        if net.plasticity != "none":
            M, drive = torch_drive(net, params, h)
            modulator.append(M)
            E, trace = torch_eligibility(net, params, hebb, h_prev, p, trace)
            added = drive * E
            if net.rule.name == "soft":
                added = torch.where(added > 0, added * (1 - hebb), added * (1 + hebb))
            hebb = torch.clamp(hebb + added, -net.clip, net.clip)
    modulator = torch.stack(modulator) if net.plasticity == "modulated" else None
    return torch.stack(logits), torch.stack(values), modulator, (h, c, hebb, trace)


def compare(problem):
    """Values to 1e-12 and gradients to 1e-10 of all parameters, x and the initial state."""
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in problem.inputs.items()}
    logits, values, modulator, state = torch_forward(problem.net, *problem.split(leaves))
    for plan in PLANS:
        traj = problem.forward(problem.inputs, plan)
        ours = (traj.logits, traj.values, traj.modulator, *traj.state)
        for one, other in zip(ours, (logits, values, modulator, *state), strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_allclose(one, other.detach().numpy(), rtol=0, atol=1e-12)

    d_state = State(*(None if d is None else torch.tensor(d) for d in problem.d_state))
    loss = problem._replace(
        d_logits=torch.tensor(problem.d_logits), d_values=torch.tensor(problem.d_values), d_state=d_state
    ).pair(logits, values, state)
    loss.backward()
    for plan in PLANS:
        for name, grad in problem.gradients(plan).items():
            if leaves[name].grad is None:  # the loss doesn't depend on it
                assert not grad.any(), name
            else:
                np.testing.assert_allclose(grad, leaves[name].grad.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("options", all_configurations(), ids=identifier)
def test_pytorch_agrees(options):
    one_is_enough = options["plasticity"] == "none" or options["readout_hidden"]
    for regime in ("sometimes",) if one_is_enough else REGIMES:
        compare(random_problem(np.random.default_rng(6), options, T=4, regime=regime))


@pytest.mark.parametrize("rate, gradient", [(0.5 - 2**-52, 1), (0.5, 1), (0.5 + 2**-52, 0)])
def test_pytorch_agrees_at_the_bound(rate, gradient):
    """E = A = 1 and Hebb = 1/2: a rate of 1/2 reaches the bound exactly, the next double beyond 1 is cut.

    At the bound itself the derivative is a convention: 1 in the notes and in older PyTorch, 0 from some version on.
    """
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule="taylor")
    params = {name: np.zeros(value.shape) for name, value in net.init(np.random.default_rng(0)).items()}
    params |= {"A": np.ones((1, 1)), "rate": np.asarray(rate)}
    state = State(np.zeros((1, 1)), None, np.full((1, 1, 1), 0.5), None)
    inputs = join(params, np.zeros((1, 1, 1)), state)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in inputs.items()}
    start = (leaves["state.h"], None, leaves["state.hebb"], None)
    *_, (_, _, final_hebb, _) = torch_forward(net, leaves, leaves["x"], start)
    final_hebb.sum().backward()
    theirs = leaves["rate"].grad.item(), leaves["state.hebb"].grad.item()
    assert theirs == (gradient, gradient) or (rate == 0.5 and theirs == (0, 0))
    traj = net.forward(params, np.zeros((1, 1, 1)), state)
    d_state = State(None, None, np.ones((1, 1, 1)), None)
    grads = net.backward(params, traj, np.zeros((1, 1, 1)), d_state=d_state)
    assert (grads.params["rate"].item(), grads.state.hebb.item()) == (gradient, gradient)
