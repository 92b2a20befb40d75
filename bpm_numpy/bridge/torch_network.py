"""The same network as a PyTorch module, and its parameters there and back. Needs PyTorch; nothing else here does.

    module = to_torch(net, params)
    logits, values, modulator, state = module(torch.from_numpy(x))
    loss.backward()
    gradients_from_torch(net, module)       as net.backward(...).params

The module covers every cell, rule and modulator of the package except the rule "taylor", every alpha, fan-out, clip and
readout, in both readings. Parts of your own, and "taylor", are refused: write them in PyTorch yourself.
"""

from functools import partial

import numpy as np

try:
    import torch
    from torch import nn
except ImportError:
    raise ImportError("torch_network: expected PyTorch to be installed (pip install torch), found none") from None

from ..arguments import check_arrays
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import is_registered
from ..state import State
from .conventions import ORDERS, cell_from_torch, cell_to_torch

OWN = ("alpha", "rate", "eta", "gain")  # parameters that are no layer's
NAMES = {  # ours -> the module's; the cell's are in ``conventions``
    **{name: name for name in OWN},
    **{"W_m": "modulator.weight", "b_m": "modulator.bias", "W_m2": "modulator2.weight", "b_m2": "modulator2.bias"},
    **{"W_fan": "fan.weight", "b_fan": "fan.bias", "W_k": "features.0.weight", "b_k": "features.0.bias"},
    **{"W_y": "policy.weight", "b_y": "policy.bias", "W_v": "value.weight", "b_v": "value.bias"},
}
CELL_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
RULES = ("outer", "trace", "decay", "oja", "soft")
CANDIDATE = {"rnn": 0, "lstm": 2, "gru": 2}  # where the stack of gates holds the one with the plastic weights
M_OF = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda a: a, "difference": torch.tanh}


class TorchNetwork(nn.Module):
    """Weights are [out, in]; alpha, Hebb and trace [post, pre]; gates and biases as in nn.LSTMCell, nn.GRUCell."""

    def __init__(self, net):
        super().__init__()
        D, N, K, G, self.net = net.n_inputs, net.n_hidden, net.readout_hidden, len(ORDERS[net.cell.name]) or 1, net
        number = {"dtype": getattr(torch, net.dtype.name)}
        linear = partial(nn.utils.skip_init, nn.Linear, **number)
        shapes = {"weight_ih": (G * N, D), "weight_hh": (G * N, N), "bias_ih": (G * N,), "bias_hh": (G * N,)}
        own = {name: shape for name, shape in parameter_shapes(net).items() if name in OWN}
        shapes |= {name: (N, 1) if shape == (N,) else shape for name, shape in own.items()}  # alpha [post, 1]
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape, **number)))
        self.modulator = linear(N, 1) if net.plasticity == "modulated" else None
        self.modulator2 = linear(N, 1) if net.modulator.name == "difference" else None
        self.fan = linear(1, N) if net.fanout else None
        self.features = nn.Identity() if K is None else nn.Sequential(linear(N, K), nn.Tanh())
        self.policy, self.value = linear(K or N, net.n_outputs), linear(N, 1)

    def cell(self, x_t, h, c, hebb):
        name, k = self.net.cell.name, CANDIDATE[self.net.cell.name]
        from_x = (x_t @ self.weight_ih.T + self.bias_ih).split(h.shape[1], dim=1)
        from_h = list((h @ self.weight_hh.T + self.bias_hh).split(h.shape[1], dim=1))
        from_h[k] = from_h[k] + (0 if hebb is None else torch.einsum("bji,bi->bj", self.alpha * hebb, h))
        z = [a + b for a, b in zip(from_x, from_h)]
        if name == "rnn":
            return torch.tanh(z[0]), None, torch.tanh(z[0])
        first, second = torch.sigmoid(z[0]), torch.sigmoid(z[1])  # gru: r, z; lstm: input and forget gate
        if name == "gru":
            n = torch.tanh(from_x[k] + first * from_h[k])
            return (1 - second) * n + second * h, None, n
        g = torch.tanh(z[k])
        c = second * h + torch.tanh(z[0]) * g if self.net.reading == "notes" else second * c + first * g
        return torch.sigmoid(z[3]) * torch.tanh(c), c, g

    def drive(self, h):
        if self.net.plasticity == "hebbian":
            return None, self.rate
        M = M_OF[self.net.modulator.name](self.modulator(h))  # (B, 1)
        M = M if self.modulator2 is None else self.gain * (M - torch.tanh(self.modulator2(h)))
        return M[:, 0], (M if self.fan is None else self.fan(M))[:, :, None]  # (B,), (B, 1 or N, 1)

    def rewrite(self, hebb, trace, mu, h_prev, p):
        E, rule = p[:, :, None] * h_prev[:, None, :], self.net.rule.name  # (B, post, pre)
        if rule == "trace":
            before, trace = trace, (1 - self.eta) * trace + self.eta * E
            E = trace if self.net.reading == "notes" else before
        elif rule in ("decay", "oja"):
            E = E - (hebb if rule == "decay" else p[:, :, None] ** 2 * hebb)
        elif rule == "soft":
            E = E * torch.where(mu * E > 0, 1 - hebb, 1 + hebb)
        return torch.clamp(hebb + mu * E, -self.net.clip, self.net.clip), trace

    def forward(self, x, state):
        """x (T, B, D), State of tensors -> logits (T, B, A), values (T, B), modulator (T, B) or None, State."""
        (h, c, hebb, trace), hs, Ms = state, [], []
        for x_t in x:
            h_prev, (h, c, p) = h, self.cell(x_t, h, c, hebb)
            hs.append(h)
            if self.net.plasticity != "none":
                M, mu = self.drive(h)
                hebb, trace = self.rewrite(hebb, trace, mu, h_prev, p)
                Ms.append(M)
        h_all, M_all = torch.stack(hs), torch.stack(Ms) if self.modulator is not None else None  # (T, B, N), (T, B)
        return self.policy(self.features(h_all)), self.value(h_all)[:, :, 0], M_all, State(h, c, hebb, trace)


def to_torch(net, params):
    """A TorchNetwork with these parameters, copied. ValueError for a network that it does not cover."""
    _check_covered(net)
    check_arrays("params", params, parameter_shapes(net), (net.dtype,))
    module = TorchNetwork(net)
    theirs = cell_to_torch(net.cell.name, params)
    theirs |= {NAMES[name]: value.T for name, value in params.items() if name in NAMES}
    module.load_state_dict(
        {name: torch.tensor(np.reshape(theirs[name], value.shape)) for name, value in module.state_dict().items()}
    )
    return module


def from_torch(net, tensors):
    """The parameters of ``net`` from a module's ``state_dict()`` in the layout of ``TorchNetwork``; copies."""
    return _ours(net, tensors, gradients=False)


def gradients_from_torch(net, module):
    """The gradients that autograd left in a TorchNetwork, as ``net.backward(...).params``; zero where it left none."""
    named = dict(module.named_parameters())
    tensors = {name: torch.zeros_like(value) if value.grad is None else value.grad for name, value in named.items()}
    return _ours(net, tensors, gradients=True)


def state_to_torch(state):
    """A State of arrays -> of tensors, hebb and trace [post, pre]; copies."""
    return State(*(None if value is None else torch.tensor(_swap(value)) for value in state))


def state_from_torch(state):
    """The inverse of ``state_to_torch``."""
    return State(*(None if value is None else _swap(value.detach().cpu().numpy()).copy() for value in state))


def _swap(array):
    return array.swapaxes(1, 2) if array.ndim == 3 else array


def _check_covered(net):
    if not isinstance(net, PlasticNetwork):
        raise TypeError(f"net: expected a PlasticNetwork, got {type(net).__name__}")
    for part, known in ((net.cell, ORDERS), (net.rule, RULES), (net.modulator, M_OF)):
        if part.name not in known or not is_registered(part):
            raise ValueError(f"net.{part.kind}: expected one of {', '.join(known)}, got {part.name!r}")


def _ours(net, tensors, gradients):
    _check_covered(net)
    shapes, expected = parameter_shapes(net), TorchNetwork(net).state_dict()
    wrong = sorted(set(expected) ^ set(tensors))
    if wrong:
        raise ValueError(f"tensors: expected {', '.join(expected)}; missing or unknown {', '.join(wrong)}")
    for name, value in expected.items():
        if tensors[name].shape != value.shape:
            came = tuple(tensors[name].shape)
            raise ValueError(f"tensors[{name!r}]: expected shape {tuple(value.shape)}, got {came}")
        if tensors[name].dtype != value.dtype:
            raise TypeError(f"tensors[{name!r}]: expected {value.dtype}, got {tensors[name].dtype}")
    arrays = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
    ours = cell_from_torch(net.cell.name, {name: arrays[name] for name in CELL_NAMES}, gradients=gradients)
    for name, theirs in NAMES.items():
        if name in shapes:
            ours[name] = arrays[theirs].reshape(shapes[name][::-1]).T.copy()
    return {name: ours[name] for name in shapes}
