"""The parameters of a network: their names and shapes, and how they start.

Started values, with N(0, s²) a normal distribution and n the number of inputs that a weight sums over:

    every weight matrix or vector W_*           N(0, 1/n)
    every bias b, b_*, and b_v, b_m, b_fan      0, but b_f = 1, which keeps the lstm's carry at first
    alpha                                       uniform in [-0.1, 0.1], but not exactly 0
    rate, eta                                   0.1
    W_fan                                       1, so that fan-out starts as the scalar M(t)
    A, B, C, D, G                               0
    H                                           H_abcd = [a = c][b = d], so that Taylor starts as "outer"
"""

import numpy as np

from .equations.eligibility import TAYLOR_TENSORS


def parameter_shapes(net):
    """dict: parameter name -> shape, in the order in which ``init`` draws them."""
    D, N, A, K = net.n_inputs, net.n_hidden, net.n_outputs, net.readout_hidden
    if net.cell == "rnn":
        shapes = {"W_x": (D, N), "W_h": (N, N), "b": (N,)}
    else:
        shapes = {}
        for gate in "ijfo":
            shapes |= {f"W_{gate}x": (D, N), f"W_{gate}h": (N, N), f"b_{gate}": (N,)}
    if net.plasticity != "none":
        shapes["alpha"] = {"full": (N, N), "neuron": (N,), "scalar": ()}[net.alpha]
    if net.plasticity == "hebbian":
        shapes["rate"] = ()
    if net.plasticity == "modulated":
        shapes |= {"W_m": (N,), "b_m": ()}
    if net.fanout:
        shapes |= {"W_fan": (N,), "b_fan": (N,)}
    if net.eligibility == "trace":
        shapes["eta"] = ()
    if net.eligibility == "taylor":
        ranks = (2, 3, 3, 4, 4, 4)
        shapes |= {name: (N,) * rank for name, rank in zip(TAYLOR_TENSORS, ranks)}
    if K is not None:
        shapes |= {"W_k": (N, K), "b_k": (K,)}
    return shapes | {"W_y": (N if K is None else K, A), "b_y": (A,), "W_v": (N,), "b_v": ()}


def init_parameters(net, rng):
    """dict: parameter name -> array of the network's dtype, drawn from ``rng`` as the table above says."""
    return {name: _draw(name, shape, rng).astype(net.dtype) for name, shape in parameter_shapes(net).items()}


def _draw(name, shape, rng):
    if name == "alpha":
        size = 0.1 * (1 - rng.random(shape))  # in (0, 0.1]
        return np.where(rng.random(shape) < 0.5, -size, size)
    if name in ("rate", "eta"):
        return np.asarray(0.1)
    if name in ("W_fan", "b_f"):
        return np.ones(shape)
    if name == "H":
        identity = np.eye(shape[0])
        return identity[:, None, :, None] * identity[None, :, None, :]
    if name.startswith("W_"):
        return rng.standard_normal(shape) / np.sqrt(shape[0])
    return np.zeros(shape)
