"""The drive mu(t) of each post-synaptic neuron: what multiplies E(t) in the Hebb update (notes (2.5)).

    mu_j(t) = rate                         plasticity "hebbian" (paper Eq. 2)
    mu_j(t) = M(t)                         "modulated": the notes, the same for every neuron (``modulators``)
    mu_j(t) = M(t) W_fan[j] + b_fan[j]     with fan-out (``equations.fanout``)

Derivation. Every mu_j is the same number in the first two: drate = Σ_b Σ_j dmu_j, dM = Σ_j dmu_j.
"""

import numpy as np

from .equations.fanout import fanout_backward, fanout_forward, fanout_jvp
from .parts import Parameter


def drive_parameters(net):
    """Of each part of the drive a dict: name -> Parameter."""
    if net.plasticity == "none":
        return []
    if net.plasticity == "hebbian":
        return [{"rate": Parameter((), 0.1)}]
    N = net.n_hidden
    # Fan-out starts as the scalar M(t).
    fan = {"W_fan": Parameter((N,), 1.0), "b_fan": Parameter((N,), 0.0)} if net.fanout else {}
    return [net.modulator.parameters(net), fan]


def drive_forward(net, params, h, M=None):
    """h_t (B, N) -> M (B,) or None, mu (B, N) | (B, 1) | (1, 1), cache.

    A given M (B,) takes the place of the modulator's; there is no way back through it.
    """
    if net.plasticity == "hebbian":
        return None, np.reshape(params["rate"], (1, 1)), (h, None, None)
    of_M = of_fan = None
    if M is None:
        M, of_M = net.modulator.forward(net, params, h)
    if net.fanout:
        mu, of_fan = fanout_forward(M, params["W_fan"], params["b_fan"])
    else:
        mu = M[:, None]
    return M, mu, (h, of_M, of_fan)


def drive_backward(net, dmu, cache):
    """dmu (B, N) -> dh_t (B, N), gradients."""
    h, of_M, of_fan = cache
    if net.plasticity == "hebbian":
        return np.zeros_like(h), {"rate": dmu.sum()}
    fan = {}
    if net.fanout:
        dM, fan["W_fan"], fan["b_fan"] = fanout_backward(dmu, of_fan)
    else:
        dM = dmu.sum(axis=1)  # (B,)
    dh, grads = net.modulator.backward(net, dM, of_M)
    return dh, grads | fan


def drive_backward_h(net, dmu, cache):
    """The dh_t (B, N) of ``drive_backward`` alone, which must be known step by step; None for zero."""
    _, of_M, of_fan = cache
    if net.plasticity == "hebbian":
        return None
    dM = dmu @ of_fan[1] if net.fanout else np.add.reduce(dmu, axis=1)  # (B,)
    return net.modulator.backward_h(net, dM, of_M)


def drive_jvp(net, t_params, t_h, cache):
    """Tangent of mu, shaped like mu."""
    _, of_M, of_fan = cache
    if net.plasticity == "hebbian":
        return np.reshape(t_params["rate"], (1, 1))
    t_M = net.modulator.jvp(net, t_params, t_h, of_M)
    if net.fanout:
        return fanout_jvp(t_M, t_params["W_fan"], t_params["b_fan"], of_fan)
    return t_M[:, None]
