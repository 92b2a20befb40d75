"""Clip (notes (2.6)): the identity inside [-bound, bound], the nearer bound outside.

              ⎧ -bound   if u < -bound
    Clip(u) = ⎨  u       if -bound ≤ u ≤ bound
              ⎩  bound   otherwise

Derivative: 1 where |u| ≤ bound and 0 beyond, decided on the value u BEFORE clipping. A stored
Hebb = ±bound cannot tell a value that just reached the bound (derivative 1) from one that was cut
(derivative 0). At |u| = bound itself Clip has a kink; 1 is the convention here.
"""

import numpy as np


def clip_forward(u, bound):
    """u (any shape, real or complex) -> Clip(u), and the cache, a mask ``inside``: where |u| ≤ bound.

    For complex u, as the complex-step derivative needs it, the real part decides; what is cut becomes
    the real constant ±bound. NaN passes through.
    """
    beyond = np.abs(u.real) > bound
    if np.iscomplexobj(u):
        return np.where(beyond, np.copysign(bound, u.real), u), ~beyond
    return np.clip(u, -bound, bound), ~beyond


def clip_backward(d_clipped, inside):
    """du = d_clipped where the value passed, 0 where it was cut."""
    return d_clipped * inside


def clip_jvp(t_u, inside):
    """The same mask: Clip's derivative is diagonal, so its transpose is itself."""
    return t_u * inside
