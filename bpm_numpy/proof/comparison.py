"""The comparison behind ``gradcheck``: which derivatives are looked at, with which step, and when one passes."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..arguments import check_bool, check_choice, check_count, check_generator, check_number
from .analytic import check_analytic
from .derivatives import DEFAULTS, EPS, LARGEST_STEP, LossAt, Slope, central_slope, measure_rounding
from .report import SMALLEST_SHARE, ParameterReport, Report, index_text

SINGLE = 1e-3, 1e-4  # rtol and atol where a parameter is float32, and so its gradient
FOLLOW = 1e-3  # the default atol is at most so much of a parameter's largest derivative
SMALLEST_STEP = 1e-100  # the square of a smaller one may be 0
NEGLIGIBLE = 1e-9  # a derivative so small beside the largest one is compared with 0 only, by central differences
DROWNS = 25  # a derivative below so many times the error that rounding makes is not compared
SMALL = 0.01  # a derivative of which atol is more than this share is said to be compared less than fully
UNSURE = 0.02  # of a derivative, that its own error may be, to count for it


class Settings(NamedTuple):
    """The arguments of ``gradcheck``, checked; None where the default follows from the loss and the parameters."""

    method: str
    step: float | None
    rtol: float | None
    atol: float | None
    max_entries: int | None
    directions: int | None
    rng: object  # a numpy.random.Generator or None
    stop_gradient: bool


class Tolerance(NamedTuple):
    """Of one parameter: the step, what may differ, and up to which size (hidden) a derivative drowns in rounding."""

    step: float
    rtol: float
    atol: float
    floor: float  # of atol: what rounding makes of a derivative
    hidden: float
    generous: bool  # the numerical derivative's own error counts for the entry
    note: str

    def allowed(self, size):
        """What a derivative of this size may differ by."""
        return self.atol + self.rtol * abs(size)


class Comparison(NamedTuple):
    """Of a claimed derivative with the numerical one."""

    passed: bool
    error: float  # relative, see ParameterReport
    size: float  # of the larger derivative
    credit: float  # what the numerical derivative may be off by, if it passed only for that
    unclear: bool  # too little is known of the numerical derivative to call the other one wrong


def read_settings(method, step, rtol, atol, max_entries, directions, rng, stop_gradient):
    """Settings; TypeError or ValueError that names the argument."""
    check_choice("method", method, tuple(DEFAULTS))
    if step is not None:
        check_number("step", step, at_least=SMALLEST_STEP)
    if rtol is not None:
        check_number("rtol", rtol, at_least=0, below=1)  # from 1 on nearly everything would pass
    if atol is not None:
        check_number("atol", atol, at_least=0)
    if max_entries is not None and directions is not None:
        raise ValueError("directions: expected None with max_entries, got both")
    for name, value in (("max_entries", max_entries), ("directions", directions)):
        if value is not None:
            check_count(name, value)
            check_generator("rng", rng)
    check_bool("stop_gradient", stop_gradient)
    if stop_gradient and method == "central":
        raise ValueError(
            "stop_gradient: expected False with method='central', which moves every part of the loss, got True"
        )
    return Settings(method, step, rtol, atol, max_entries, directions, rng, stop_gradient)


def compare(loss, root, params, chosen, analytic, settings):
    """Report of the ``chosen`` parameters (name -> array) of the tree ``params``.

    ``analytic(name, where, direction)`` is the derivative that is claimed: of an entry (``where`` is its index,
    ``direction`` None) or along ``direction`` (``where`` is its number).
    """
    for name, value in chosen.items():
        if settings.method == "complex" and np.iscomplexobj(value):
            raise TypeError(f"{root}[{name!r}]: expected real numbers for the complex step, got {value.dtype}")
    seed = _seed_of(settings.rng)
    probes = {name: _draw_probes(value, settings) for name, value in chosen.items()}
    moving = {name: _moving(value, probes[name]) for name, value in chosen.items()}
    at = LossAt(loss, root, params, chosen, moving, settings.method)
    seen_whole = settings.method == "central" or settings.stop_gradient or check_analytic(at)
    claims = {name: [np.asarray(analytic(name, *probe)).item() for probe in probes[name]] for name in chosen}
    central = settings.method == "central"
    whole = at.spread(chosen)
    rounding = measure_rounding(at.along(whole), at.value, DEFAULTS["central"][0], at.precision) if central else 0.0
    for last in (False, False, True):
        rows, coarser = _check_all(at, probes, claims, settings, rounding, last)
        if last or coarser <= 4 * rounding:
            break
        rounding = coarser  # what is smooth in one direction may be coarse in another
    at.again(
        "expected the same value before and after the check, got {} and {}; "
        "look for a state that is kept from call to call, or random numbers drawn anew"
    )
    step, rtol, atol = _nominal(settings, at)
    coarse = any(row.step > step or row.atol > atol for row in rows)
    if not seen_whole:
        lost = "if the complex step loses a part of the loss (abs, conj, .real) could not be checked here"
        rows = [row._replace(note="; ".join(filter(None, (row.note, lost)))) for row in rows]
    report = Report(tuple(rows), settings.method, step, rtol, atol, seed, rounding if central and coarse else 0.0)
    return report if report.passed else replace(report, hint=_hint(report, at, chosen))


def _seed_of(rng):
    """What np.random.default_rng needs to draw the same again; None unless ``rng`` is as it was made."""
    if rng is None:
        return None
    seed = getattr(rng.bit_generator.seed_seq, "entropy", None)
    fresh = seed is not None and np.random.default_rng(seed).bit_generator.state
    return seed if fresh and _same(fresh, rng.bit_generator.state) else None


def _same(one, other):
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))


def _draw_probes(value, settings):
    """(index, None) of every entry or of a sample, or (number, random direction)."""
    rng = settings.rng
    if settings.directions is not None:
        directions = [rng.standard_normal(value.shape) for _ in range(settings.directions)]
        if np.iscomplexobj(value):
            directions = [v + 1j * rng.standard_normal(value.shape) for v in directions]
        return [(number, np.asarray(v)) for number, v in enumerate(directions)]
    if settings.max_entries is None or value.size <= settings.max_entries:
        chosen = range(value.size)
    else:
        chosen = np.sort(rng.choice(value.size, settings.max_entries, replace=False))
    return [(tuple(int(i) for i in np.unravel_index(flat, value.shape)), None) for flat in chosen]


def _moving(value, probes):
    """1 at the entries that the probes move, 0 at the others."""
    if probes[0][1] is not None or len(probes) == value.size:
        return np.ones(value.shape)
    moving = np.zeros(value.shape)
    for where, _ in probes:
        moving[where] = 1
    return moving


def _nominal(settings, at):
    """Step, rtol and atol as given, or the defaults."""
    step, rtol, atol = DEFAULTS[settings.method]
    if at.single:
        rtol, atol = SINGLE
    given = settings.step, settings.rtol, settings.atol
    return tuple(default if value is None else value for value, default in zip(given, (step, rtol, atol)))


def _check_all(at, probes, claims, settings, rounding, last):
    """A row per parameter, and the coarsest rounding met; unless ``last``, no more rows once it is too coarse."""
    largest = max(_size(claims[name]) * _scale(at, name, probes[name]) for name in probes)
    rows, sizes, coarsest = [], [], rounding
    for name in probes:
        tolerance = _tolerance(at, name, probes[name], claims[name], largest, settings, rounding)
        row, size, coarser = _check_parameter(at, name, probes[name], claims[name], tolerance, rounding, last)
        rows.append(row)
        sizes.append(size)
        coarsest = max(coarsest, coarser)
        if coarsest > 4 * rounding and not last:
            break
    # With an atol above all derivatives, any gradient of that size would pass.
    if settings.atol and any(sizes) and max(sizes) <= settings.atol:
        problem = f"no derivative is larger than atol {settings.atol:.0e}, so nothing could fail: scale the loss up"
        rows = [row._replace(problem=row.problem or problem) for row in rows]
    return rows, coarsest


def _size(claims):
    """The largest derivative that is claimed, of those that are numbers."""
    return max((abs(claim) for claim in claims if np.isfinite(claim)), default=0.0)


def _scale(at, name, probes):
    """What a step is at least relative to, whichever probe of a parameter moves: 1, or the smallest of its entries."""
    value = np.abs(at.at[name])
    return max(1.0, float(value.max() if probes[0][1] is not None else min(value[where] for where, _ in probes)))


def _tolerance(at, name, probes, claims, largest, settings, rounding):
    """The Tolerance of one parameter, from the size of its derivatives and the rounding of the loss.

    ``largest``: the largest derivative of all parameters, times the scale of its parameter.
    """
    step, rtol, atol = _nominal(settings, at)
    size, scale = _size(claims), _scale(at, name, probes)
    length = 1.0 if probes[0][1] is None else _length(probes[0][1])
    length /= scale  # so that rounding * length / step is the error of a difference
    usual = atol
    if settings.atol is None:
        atol = min(atol, FOLLOW * size)
    # Terms that cancel leave their rounding; if all derivatives are that small, the loss says how large terms are.
    terms = min(abs(at.value), 1.0) if np.isfinite(at.value) else 1.0
    note = ""
    if settings.method == "complex":
        floor, hidden = 64 * EPS * length * (largest if largest > 4 * EPS * terms else terms), 0.0
    else:
        # A claim of zero can be right; and beside large derivatives a loss can't show tiny ones.
        zero = size <= length * max(64 * EPS * terms, NEGLIGIBLE * largest)
        noise = rounding * length
        if settings.step is None:
            if 8 * noise / step > usual + rtol * size:
                # The error noise / s + s² L''' / 6 is least near here, if the loss bends over a length of 1.
                least = 8 * noise / usual if usual else LARGEST_STEP
                wanted = least if zero else float(np.cbrt(3 * noise / size))
            else:
                wanted = 0.0 if zero else 2 * DROWNS * 8 * noise / size
            step = min(max(step, wanted), LARGEST_STEP)
        floor = 8 * noise / step
        # A claim drowns in rounding where that is no small part of it; a zero, where it is no small part of the loss.
        hidden = DROWNS * floor
        if zero:
            hidden = np.inf if floor > max(usual, length * max(0.1 * terms, 0.01 * largest)) else 0.0
            if not hidden and size > 64 * EPS * length * max(terms, largest):
                note = f"beside derivatives of {largest:.0e} those of {size:.0e} were compared with 0 only"
    if settings.atol is None:
        atol = max(atol, floor)
    else:
        hidden, note = 0.0, ""
    return Tolerance(step, rtol, atol, floor, hidden, settings.rtol is None and settings.atol is None, note)


def _check_parameter(at, name, probes, claims, tolerance, rounding, last):
    """(ParameterReport, largest derivative seen, rounding met)."""
    kinks, failures, unclear, outside, loose = [], [], [], [], []
    worst, largest, checked, small, coarser = None, 0.0, 0, 0, rounding
    for (where, direction), claim in zip(probes, claims):
        slope = _numerical(at, name, where, direction, claim, tolerance, rounding)
        passed, error, size, credit, not_known = _compared(claim, slope, tolerance)
        # Along a direction several kinks may be met at once, each with a slope of its own choice.
        between = direction is not None or abs(claim - slope.value) <= slope.error + tolerance.allowed(claim)
        kink = slope.kind == "kink" and np.isfinite(claim)
        # Noise can look like a kink, but not if it is far smaller than the jump of the slope.
        believed = passed or (kink and slope.error > 1e3 * rounding / tolerance.step)
        if slope.kind == "unclear" or (slope.kind != "smooth" and not believed):
            at.again(
                "expected the same value at the same parameters, got {} and {}; look for random numbers drawn anew, or "
                "for a state that is kept from call to call"
            )
            along = {name: _direction(at.at[name], where, direction)}
            reach = DEFAULTS["central"][0] * at.scale(along) / _length(along[name])
            coarser = max(coarser, measure_rounding(at.along(along), at.value, reach, at.precision))
            if coarser > 4 * rounding and not last:
                break
        if kink:
            kinks.append(where)
            if not between:
                outside.append(where)
            continue
        checked += 1
        largest = max(largest, size)
        if not passed:
            failures.append(where)
            if not_known:
                unclear.append(where)
        elif tolerance.atol > SMALL * size and (claim or size > tolerance.floor):
            small += 1
        elif credit:
            loose.append(credit / size)
        if worst is None or (not passed, error) > worst[0]:
            worst = (not passed, error), where, claim, slope.value
    (_, error), where, claim, numeric = worst or ((False, 0.0), None, np.nan, np.nan)
    number = complex if np.iscomplexobj(at.at[name]) and at.method == "central" else float
    row = ParameterReport(
        name, checked, len(failures), where, number(claim), number(numeric), float(error), tuple(kinks),
        tuple(failures), tolerance.step, tolerance.atol, "", "",
    )  # fmt: skip
    problem = _problem(row, len(probes), unclear, outside, largest, tolerance, rounding)
    still = row.checked and not row.failed and largest == 0 and not at.moves_with(name)
    return row._replace(problem=problem, note=_note(row, small, loose, still, tolerance)), largest, coarser


def _compared(claim, slope, tolerance):
    """A Comparison."""
    if not (np.isfinite(claim) and np.isfinite(slope.value)):
        return Comparison(False, np.inf, 0.0, 0.0, slope.kind == "unclear")
    difference, size = abs(claim - slope.value), max(abs(claim), abs(slope.value))
    allowed, credit = tolerance.allowed(size), min(slope.error, UNSURE * size) if tolerance.generous else 0.0
    scale = size + (tolerance.atol / tolerance.rtol if tolerance.rtol else 0)
    error = max(0.0, difference - credit) / scale if scale else 0.0
    unclear = slope.kind == "unclear" or difference <= allowed + slope.error
    return Comparison(difference <= allowed + credit, error, size, credit if difference > allowed else 0.0, unclear)


def _note(row, small, loose, still, tolerance):
    """What else there is to know of a parameter, or ""."""
    notes = []
    if tolerance.note and not row.failed:
        notes.append(tolerance.note)
    elif small:
        advice = "scale the loss up, or give a smaller atol"
        if tolerance.atol == tolerance.floor:
            advice = "the loss allows no smaller one; compute it in float64, or take constants out of it"
        of = f"{small} of {row.checked} are so small that atol {tolerance.atol:.0e} is {SMALL:.0%} of them or more"
        notes.append(f"{of}: {advice}")
    if loose:
        notes.append(f"{len(loose)} of {row.checked} agree up to {max(loose):.0e} only: no step gives them better")
    if still:
        notes.append("the loss doesn't move here, and the gradient is 0")
    return "; ".join(notes)


def _problem(row, wanted, unclear, outside, largest, tolerance, rounding):
    """Why a parameter isn't passed although nothing is known to be wrong, or ""."""
    if row.checked < SMALLEST_SHARE * wanted:
        return (
            f"{row.checked} of {wanted} compared, the others are at a kink; at least {SMALLEST_SHARE:.0%} must be: "
            "move the parameters a little, or use method='complex'"
        )
    if outside:
        return (
            f"{len(outside)} at a kink, such as {row.name}{index_text(outside[0])}, are not between the slopes of both "
            "sides: wrong, unless several kinks meet there; move the parameters a little"
        )
    if unclear:
        return (
            f"no step is good at {len(unclear)} of {wanted}, such as {row.name}{index_text(unclear[0])}: the loss "
            f"is too rough, or too coarse (it is rounded to about {rounding:.0e}); compute it in float64, give a step "
            "or use method='complex'"
        )
    if largest < tolerance.hidden and not (row.failed and not np.isfinite(row.numeric)):
        return (
            f"the rounding of the loss ({rounding:.0e}) hides derivatives as small as these: take constants out of the "
            "loss, compute it in float64, scale the parameters, give a larger step, or use method='complex'"
        )
    return ""


def _length(direction):
    return float(np.sqrt((np.abs(direction) ** 2).sum()))


def _direction(value, where, direction):
    if direction is None:
        direction = np.zeros(value.shape)
        direction[where] = 1
    return direction


def _numerical(at, name, where, direction, claim, tolerance, rounding):
    """The Slope of the loss in an entry or along a direction; of a complex entry that of both of its parts."""
    value = at.at[name]
    entry, direction = direction is None, _direction(value, where, direction)
    if at.method == "complex":
        return Slope(at.complex_slope({name: direction}, tolerance.step * at.fineness(name, direction)), 0.0, "smooth")
    parts = [(1.0, np.real(claim))] + ([(1j, np.imag(claim))] if entry and np.iscomplexobj(value) else [])
    slopes = []
    for unit, part in parts:
        along = {name: unit * direction}
        length, scale = _length(direction), at.scale(along)
        precision = float(np.finfo(value.dtype).eps)
        smallest = 64 * precision * float(np.abs(value[direction != 0]).max(initial=0.0)) / length
        allowed = tolerance.allowed(claim)
        if not np.isfinite(part):  # it fails whatever the loss is
            part, allowed = 0.0, np.inf
        reach = tolerance.step * scale / length
        slopes.append(central_slope(at.along(along), at.value, reach, rounding, part, allowed, smallest))
    if len(slopes) == 1:
        return slopes[0]
    kinds = [slope.kind for slope in slopes]
    kind = next(kind for kind in ("unclear", "kink", "beside a kink", "smooth") if kind in kinds)
    return Slope(slopes[0].value + 1j * slopes[1].value, sum(slope.error for slope in slopes), kind)


def _hint(report, at, chosen):
    """What may explain a failure, or ""."""
    hints = []
    failed = {row.name: row for row in report.parameters if row.failed}
    for row in failed.values():
        if isinstance(row.analytic, complex) and abs(row.analytic.conjugate() - row.numeric) <= 1e-3 * abs(row.numeric):
            hints.append(f"{row.name}: the conjugate would agree; here dL/d(real) + i dL/d(imaginary) is asked for")
    names = list(chosen)
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            if (one in failed or other in failed) and np.may_share_memory(chosen[one], chosen[other]):
                hints.append(f"{one} and {other} share memory; here each is moved without the other")
    if at.raised is not None:
        hints.append(f"near the parameters the loss raised {at.raised!r}")
    if at.method == "complex":
        tiny = 1e3 * EPS * max(1.0, abs(at.value))
        if failed and all(abs(row.analytic) < tiny for row in failed.values()):
            hints.append("what failed is hardly larger than the rounding of the loss; give an atol if that is meant")
        rounding = measure_rounding(at.along(at.spread(chosen)), at.value.real, DEFAULTS["central"][0], EPS)
        if rounding > 1e-12 * abs(at.value):
            hints.append(f"the loss is rounded to about {rounding:.0e}; does it compute in single precision?")
    return "\n".join(hints)
