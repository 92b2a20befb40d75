"""Soft bound: an update that slows down near the bounds ±1, instead of being cut there.

    d = mu ⊗ X,   u = Hebb + max(d, 0) (1 - Hebb) + min(d, 0) (1 + Hebb),   Hebb(t+1) = Clip(u)

At d = 0 the branch d ≤ 0 counts. The room left is 1 - Hebb on the way up and 1 + Hebb on the way down.

Derivation. With room = 1 - Hebb where d > 0 and 1 + Hebb elsewhere, u = Hebb + d ⊗ room, and room falls (d > 0) or
grows (d ≤ 0) with Hebb. With G = dL/dHebb(t+1) and the mask of Clip, du = G ⊗ inside, and then

    dHebb = du ⊗ (1 - |d|),   dd = du ⊗ room,   dmu[b, j] = Σ_i X[b, i, j] dd[b, i, j],   dX = mu ⊗ dd
"""

import numpy as np

from ..equations.clip import clip_backward, clip_forward, clip_jvp
from .base import Rule
from .outer import outer_backward, outer_forward, outer_jvp


class Soft(Rule):
    """The bound is approached; ``net.clip`` cuts what passes it all the same."""

    name = "soft"

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        X, of_X = outer_forward(h_prev, p)
        d = mu[:, None, :] * X  # (B, N, N)
        up = d.real > 0
        room = np.where(up, 1 - hebb, 1 + hebb)  # (B, N, N)
        hebb_next, inside = clip_forward(hebb + d * room, net.clip)
        return hebb_next, None, (mu, X, of_X, np.where(up, 1 - d, 1 + d), room, inside)

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        mu, X, of_X, kept, room, inside = cache
        du = clip_backward(d_hebb_next, inside)  # (B, N, N)
        dd = du * room  # (B, N, N)
        return du * kept, (X * dd).sum(axis=1), *outer_backward(mu[:, None, :] * dd, of_X), None, {}

    def jvp(self, net, t_params, t_hebb, t_mu, t_h_prev, t_p, t_trace, cache):
        mu, X, of_X, kept, room, inside = cache
        t_d = t_mu[:, None, :] * X + mu[:, None, :] * outer_jvp(t_h_prev, t_p, of_X)  # (B, N, N)
        return clip_jvp(t_hebb * kept + t_d * room, inside), None
