"""The Hebb update (notes (2.5), paper Eq. 2-4).

    u(t)      = Hebb(t) + mu(t) ⊗ E(t)            u[b, i, j] = Hebb[b, i, j] + mu[b, j] E[b, i, j]
    Hebb(t+1) = Clip(u(t))

``mu`` is the drive of each post-synaptic neuron j: the learnt rate, the modulator M(t), or M(t) fanned
out (see ``drive``). A drive that is the same for every neuron has shape (B, 1) or (1, 1).

Derivation. With G = dL/dHebb(t+1) and the mask of Clip, du = G ⊗ inside, and then

    dHebb[b, i, j] = du[b, i, j]                  the update adds: the adjoint passes on unchanged
    dE[b, i, j]    = mu[b, j] du[b, i, j]
    dmu[b, j]      = Σ_i E[b, i, j] du[b, i, j]           summed further over what shares one drive
"""

from typing import NamedTuple

import numpy as np

from .clip import clip_backward, clip_forward, clip_jvp


class HebbUpdate(NamedTuple):
    """Cache of the update: mu (B, N) | (B, 1) | (1, 1), E(t) and where Clip let pass, both (B, N, N)."""

    mu: np.ndarray
    eligibility: np.ndarray
    inside: np.ndarray


def hebb_update_forward(hebb, mu, eligibility, bound):
    """hebb, eligibility (B, N, N), mu (B, N) | (B, 1) | (1, 1) -> Hebb(t+1) (B, N, N), cache."""
    hebb_next, inside = clip_forward(hebb + mu[:, None, :] * eligibility, bound)
    return hebb_next, HebbUpdate(mu, eligibility, inside)


def hebb_update_backward(d_hebb_next, cache):
    """d_hebb_next (B, N, N) -> dhebb (B, N, N), dmu (B, N), deligibility (B, N, N)."""
    mu, eligibility, inside = cache
    du = clip_backward(d_hebb_next, inside)  # (B, N, N)
    dmu = (eligibility * du).sum(axis=1)  # (B, N)
    return du, dmu, mu[:, None, :] * du


def hebb_update_jvp(t_hebb, t_mu, t_eligibility, cache):
    """Tangent of Hebb(t+1) (B, N, N)."""
    mu, eligibility, inside = cache
    t_u = t_hebb + t_mu[:, None, :] * eligibility + mu[:, None, :] * t_eligibility  # (B, N, N)
    return clip_jvp(t_u, inside)
