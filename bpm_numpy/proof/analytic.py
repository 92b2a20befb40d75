"""Does the complex step see all of the loss? It is compared with a difference of real values along a few directions.

``abs``, ``conj``, ``vdot``, ``.real`` and rounding drop imaginary parts. What they drop is missing in the complex step,
and a gradient without that part would pass.
"""

import numpy as np

from .derivatives import DEFAULTS, EPS, LARGEST_STEP, central_slope, measure_rounding

WELL_KNOWN = 1e-4  # the error of a derivative, relative to it, with which it can say that the complex step is wrong
HIDES = 1e-3  # of the slope in all parameters: in one with less, a part that the complex step loses may hide


def check_analytic(at):
    """ValueError if the complex step loses a part of the loss, which a difference of real values would see."""
    if not np.isfinite(at.value):
        return
    seen, hidden = {}, np.inf  # up to which slope of a name alone a lost part may hide in what has agreed
    for names in [list(at.at)] + [[name] for name in at.at]:
        by_complex = _complex_slope(at, names)
        if abs(by_complex) > hidden:
            continue
        seen[", ".join(names)] = pair = _real_and_complex(at, names, by_complex)
        if len(seen) == 1 and pair is not None and _agree(*pair):
            hidden = HIDES * abs(by_complex)
    lost = {names: pair for names, pair in seen.items() if pair is not None and not _agree(*pair)}
    if lost:
        names, (by_complex, slope, _) = list(lost.items())[-1]
        raise ValueError(
            f"loss: expected an analytic loss, but along a direction in {names} the complex step gives "
            f"{by_complex:.6e} and a difference of real values {slope.value:.6e}; abs, conj, vdot, .real, round lose "
            "imaginary parts: write z * z for abs(z)**2, z @ z for vdot(z, z), or use method='central'; "
            "stop_gradient=True if it is on purpose"
        )


def _real_and_complex(at, names, by_complex):
    """Complex and real slope along a direction in ``names``, and what may differ; None if the real one is unknown."""
    direction = at.spread(names)
    if not np.isfinite(by_complex):
        return None
    line, value, reach = at.along(direction), at.value.real, DEFAULTS["central"][0]
    rounding = 2 * EPS * abs(value)
    for _ in range(2):
        allowed = 1e-7 * abs(by_complex) + 8 * rounding / reach
        slope = central_slope(line, value, reach, rounding, by_complex, allowed)
        if slope.kind in ("smooth", "beside a kink") and _agree(by_complex, slope, allowed):
            break
        rounding = measure_rounding(line, value, reach, EPS)  # before it is called a difference
        reach = max(reach, min(float(np.cbrt(3 * rounding / (abs(by_complex) or 1.0))), LARGEST_STEP))
    known = slope.kind == "smooth" or (slope.kind != "kink" and slope.error <= WELL_KNOWN * abs(slope.value))
    return (by_complex, slope, allowed) if known and np.isfinite(slope.value) else None


def _complex_slope(at, names):
    direction = at.spread(names)
    step = DEFAULTS["complex"][0] * min(at.fineness(name, d) for name, d in direction.items())
    return at.complex_slope(direction, step)


def _agree(by_complex, slope, allowed):
    return abs(by_complex - slope.value) <= 10 * (allowed + slope.error)
