"""Signs that a training is being lost: how large the recurrent weights have grown, and what sits at its bounds.

Where h is at ±1, tanh has no slope, and no gradient comes back through it. Recurrent weights that grow from update to
update lead there. The curve of a run holds these numbers, so that the order of events can be read from it.
"""

import numpy as np

from ..equations.plastic_weights import plastic_weights
from .trials import Trials

SIGNS = ("radius_w", "radius_plastic", "saturated_h", "saturated_m", "saturated_hebb")
NEAR = 0.99  # of a bound


def signs(net, params, trajectory):
    """What is to be seen in a Trajectory, or in Trials -> dict of floats by the names SIGNS.

    radius_w         spectral radius (largest size of an eigenvalue) of the fixed recurrent weights w
    radius_plastic   that of W~ = w + alpha ⊗ Hebb after the last step, mean over the batch
    saturated_h      share of h beyond .99 in size, over all steps, units and episodes
    saturated_m      share of M(t) beyond .99 in size, over all steps and episodes
    saturated_hebb   share of Hebb beyond .99 of the clip in size, after the last step; of a rule that uses Clip

    What the network does not have is NaN.
    """
    pieces = trajectory.pieces if isinstance(trajectory, Trials) else [trajectory]
    w, hebb = params[net.cell.plastic_name], trajectory.state.hebb
    found = dict.fromkeys(SIGNS, float("nan"))
    found["radius_w"] = spectral_radius(w)
    found["saturated_h"] = _share_beyond(NEAR, np.concatenate([piece.h[1:] for piece in pieces]))
    if net.plasticity == "modulated":
        found["saturated_m"] = _share_beyond(NEAR, np.concatenate([piece.modulator for piece in pieces]))
    if hebb is not None:
        found["radius_plastic"] = spectral_radius(plastic_weights(w, params["alpha"], hebb))
        if net.rule.uses_clip:
            found["saturated_hebb"] = _share_beyond(NEAR * net.clip, hebb)
    return found


def spectral_radius(matrices):
    """Largest size of an eigenvalue of (..., N, N), mean over what is in front."""
    return float(np.abs(np.linalg.eigvals(matrices)).max(axis=-1).mean())


def _share_beyond(bound, values):
    return float((np.abs(values) > bound).mean())
