"""The parameters of a network: their names and shapes, and how they start. Each part brings its own.

Started values, with N(0, s²) a normal distribution and n the number of inputs that a weight sums over:

    every weight matrix or vector W_*              N(0, 1/n)
    every bias b, b_*, and b_v, b_m, b_m2, b_fan   0, but b_f = 1, which keeps the lstm's carry at first
    alpha                                          uniform in [-0.1, 0.1], but not exactly 0
    rate, eta                                      0.1
    gain                                           1
    W_fan                                          1, so that fan-out starts as the scalar M(t)
    A, B, C, D, G                                  0
    H                                              H_abcd = [a = c][b = d], so that Taylor starts as "outer"
"""

import numpy as np

from .arguments import check_size
from .drive import drive_parameters
from .parts import Parameter, check_parameter_table, normal


def parameter_table(net):
    """dict: name -> Parameter (shape and start), in the order in which ``init`` draws them."""
    N, A, K = net.n_hidden, net.n_outputs, net.readout_hidden
    parts = [net.cell.parameters(net)]
    if net.plasticity != "none":
        parts.append({"alpha": Parameter({"full": (N, N), "neuron": (N,), "scalar": ()}[net.alpha], _small)})
        parts += [*drive_parameters(net), net.rule.parameters(net)]
    if K is not None:
        parts.append({"W_k": Parameter((N, K), normal), "b_k": Parameter((K,), 0.0)})
    parts.append(
        {
            "W_y": Parameter((N if K is None else K, A), normal),
            "b_y": Parameter((A,), 0.0),
            "W_v": Parameter((N,), normal),
            "b_v": Parameter((), 0.0),
        }
    )
    w = parts[0].get(net.plastic_name) if isinstance(parts[0], dict) and isinstance(net.plastic_name, str) else None
    if getattr(w, "shape", None) != (N, N):
        came = f"{net.plastic_name!r}{'' if w is None else f', {w}'}"
        raise ValueError(
            f"plastic_name: expected the name of a Parameter (N, N) of {net.cell}, such as 'W_h', got {came}"
        )
    table = {}
    for part in parts:
        check_parameter_table(part, net)
        twice = [name for name in part if name in table]
        if twice:
            raise ValueError(f"parameters: expected a name once, got {', '.join(twice)} from two parts of {net}")
        table |= part
    return table


def parameter_shapes(net):
    """dict: parameter name -> shape."""
    return {name: parameter.shape for name, parameter in parameter_table(net).items()}


def init_parameters(net, rng):
    """dict: parameter name -> array of the network's dtype, drawn from ``rng`` as the table above says."""
    table, params = parameter_table(net), {}
    for name, (shape, _) in table.items():
        check_size(name, *shape)
    for name, (shape, start) in table.items():
        value = np.asarray(start(rng, shape) if callable(start) else np.full(shape, start))
        if value.shape != shape:
            raise ValueError(f"parameters: expected {name} to start with shape {shape}, got {value.shape}")
        if value.dtype.kind not in "iuf" or not np.isfinite(value).all():
            raise ValueError(f"parameters: expected {name} to start with finite numbers, got {start!r}")
        params[name] = value.astype(net.dtype)
    return params


def _small(rng, shape):
    """Uniform in [-0.1, 0.1], never exactly 0, where a connection could not become plastic."""
    size = 0.1 * (1 - rng.random(shape))  # in (0, 0.1]
    return np.where(rng.random(shape) < 0.5, -size, size)
