"""Does the complex step see all of the loss? It is compared with a difference of real values along a few directions.

``abs``, ``conj``, ``vdot``, ``.real`` and rounding drop imaginary parts. What they drop is missing in the complex step,
and a gradient without that part would pass.
"""

import numpy as np

from .derivatives import DEFAULTS, EPS, LARGEST_STEP, central_slope, measure_rounding

WELL_KNOWN = 1e-4  # the error of a derivative, relative to it, with which it can say that the complex step is wrong
FINE = 1e-3  # what may differ must be less than this share of the slope, to say that nothing is lost
HIDES = 1e-3  # of the slope in all parameters: in one with less, a part that the complex step loses may hide


def check_analytic(at):
    """ValueError if the complex step loses a part of the loss, which a difference of real values would see.

    Beside params, where kinks are no matter, or at params if the loss isn't finite there. False if no difference of
    real values was good enough to tell.
    """
    near = at.beside()
    if np.isfinite(near.value):
        at = near
    elif not np.isfinite(at.value):
        return True  # it fails for that
    whole = list(at.at)
    told, hidden = False, np.inf  # up to which slope a lost part may hide in what has agreed
    for names in [whole] + [[name] for name in whole]:
        for direction in _directions(at, names):
            by_complex = _complex_slope(at, direction)
            if abs(by_complex) > hidden:
                continue
            pair = _real_and_complex(at, direction, by_complex)
            if pair is None:
                continue
            if not _agree(*pair):
                _refuse(names, *pair)
            told = True
            if names is whole:
                hidden = HIDES * abs(by_complex)
    return told


def _refuse(names, by_complex, slope, _):
    raise ValueError(
        f"loss: expected an analytic loss, but along a direction in {', '.join(names)} the complex step gives "
        f"{by_complex:.6e} and a difference of real values {slope.value:.6e}; abs, conj, vdot, .real, round lose "
        "imaginary parts: write z * z for abs(z)**2, z @ z for vdot(z, z), or use method='central'; "
        "stop_gradient=True if it is on purpose"
    )


def _directions(at, names):
    """Two that move every entry: in proportion to its size, and all alike."""
    sizes = {name: np.abs(at.at[name]) for name in names}
    alike = {name: d / np.maximum(1, sizes[name]) for name, d in at.spread(names).items()}
    return [{name: d * np.where(sizes[name] == 0, 1, sizes[name]) for name, d in alike.items()}, alike]


def _real_and_complex(at, direction, by_complex):
    """Complex and real slope along a direction, and what may differ; None if the real one is unknown."""
    if not np.isfinite(by_complex):
        return None
    line, value, reach = at.along(direction), at.value.real, DEFAULTS["central"][0]
    rounding = 2 * EPS * abs(value)
    # With a smaller step an entry would be lost in the rounding of its own.
    sizes = [np.abs(at.at[name][d != 0] / d[d != 0]).max(initial=0.0) for name, d in direction.items()]
    smallest = 64 * EPS * float(max(sizes))
    for _ in range(2):
        allowed = 1e-7 * abs(by_complex) + 8 * rounding / reach
        slope = central_slope(line, value, reach, rounding, by_complex, allowed, smallest)
        fine = allowed <= FINE * max(abs(by_complex), abs(slope.value))
        if fine and slope.kind in ("smooth", "beside a kink") and _agree(by_complex, slope, allowed):
            break
        rounding = measure_rounding(line, value, reach, EPS)  # before it is called a difference
        reach = max(reach, min(float(np.cbrt(3 * rounding / (abs(by_complex) or 1.0))), LARGEST_STEP))
    known = slope.kind == "smooth" or (slope.kind != "kink" and slope.error <= WELL_KNOWN * abs(slope.value))
    return (by_complex, slope, allowed) if known and fine and np.isfinite(slope.value) else None


def _complex_slope(at, direction):
    step = DEFAULTS["complex"][0] * min(at.fineness(name, d) for name, d in direction.items())
    return at.complex_slope(direction, step)


def _agree(by_complex, slope, allowed):
    return abs(by_complex - slope.value) <= 10 * (allowed + slope.error)
