"""Numerical derivatives of a loss along a line, and what spoils them: rounding, kinks, curvature.

With R and L the slopes to the right and to the left of x at a distance s, the central difference is (R + L) / 2, and
the gap R - L tells what the loss is like there. As s shrinks

    a smooth loss           the gap shrinks with it, at least in proportion
    a kink at x             the gap stays: it is the jump of the slope
    a kink within s of x    the gap stays until s is smaller than the distance, and then is gone at once
    too large a step        no pattern, until s is small enough for the curvature; from there on smooth
    rounding of size r      the gap grows, up to 4r / s

So where the two slopes differ, or the gradient doesn't agree, smaller steps are tried until two of them agree, or
until rounding hides the answer. At a kink any slope between R and L is as good as another. (Where several kinks meet,
as in a unit whose weights are all 0, each may choose for itself, and the sum can be outside.)
"""

import copy
import warnings
from typing import NamedTuple

import numpy as np

from .trees import leaves, rebuild

EPS = float(np.finfo(np.float64).eps)
DEFAULTS = {  # method: step, rtol, atol
    "central": (float(np.cbrt(EPS)), 1e-5, 1e-7),
    "complex": (1e-20, 1e-10, 1e-12),
}
LARGEST_STEP = 0.1
RATIO = 4.0  # of one step to the next smaller one
BESIDE = (1e-3, -1e-3)  # where noise shows that vanishes at params, such as dropout of a bias that is 0
LEVELS = 22  # so many steps at most: 4^-21 is 2e-13
ComplexWarning = np.exceptions.ComplexWarning


class Slope(NamedTuple):
    """A derivative along a line, how far it may be off, and what the line is like.

    kind: "smooth"; "beside a kink", which the first step went past and smaller ones didn't; "kink", where the slopes of
    both sides are value ± error; "unclear".
    """

    value: float
    error: float
    kind: str


class LossAt:
    """The loss at ``params`` and near them. It gets read-only copies, so nothing of the caller's is written to."""

    def __init__(self, loss, root, params, chosen, moving, method):
        self.loss, self.root, self.params, self.method = loss, root, params, method
        self.moving = moving  # name -> 1 at the entries that are compared
        rest = {name: value for name, value in leaves(params, root).items() if name not in chosen}
        self.rest = {name: _read_only(np.array(v)) if isinstance(v, np.ndarray) else v for name, v in rest.items()}
        self.at = {name: _read_only(np.array(v, self.dtype(v))) for name, v in chosen.items()}
        self.single = any(v.dtype in (np.float32, np.complex64) for v in chosen.values())
        self.raised = None  # by a loss that isn't defined at a point near params
        self.value = self.evaluate({})
        self.precision = EPS  # of the number that the loss returns
        dtype = np.asarray(self.returned).dtype
        if dtype.kind in "fc":
            self.precision = max(EPS, float(np.finfo(dtype).eps))
        message = (
            "expected the same value at the same parameters, got {} and {}; look for random numbers drawn anew "
            "(dropout, sampled actions), for a state kept from call to call, for a loss that counts its calls"
        )
        self.again(message)
        line = self.along(self.spread(chosen))
        for t in BESIDE:
            one, other = line(t)[0], line(t)[0]
            _check_same(one, other, message, 1e-6 * abs(one - self.value.real))

    def dtype(self, value):
        return np.complex128 if self.method == "complex" else np.asarray(value).dtype

    def again(self, message):
        """Evaluate at ``params`` once more; ValueError unless it gives the same value, up to the last digits."""
        _check_same(self.value, self.evaluate({}), message)

    def evaluate(self, moved):
        """The loss with some parameters moved, as a Python number."""
        views = {name: value.view() for name, value in {**self.at, **moved}.items()}  # nobody can make a view writeable
        tree = rebuild(self.params, {**self.rest, **views}, self.root)
        if self.method == "complex":
            with warnings.catch_warnings():
                warnings.simplefilter("error", ComplexWarning)
                try:
                    value = self.loss(tree)
                except ComplexWarning as warning:
                    raise TypeError(
                        f"loss: expected a loss that keeps imaginary parts, got one that drops them ({warning}): "
                        "complex numbers written into a real array, float(), astype(float); use method='central'"
                    ) from warning
        else:
            value = self.loss(tree)
        self.returned = value
        if np.ndim(value) != 0 or not np.issubdtype(np.asarray(value).dtype, np.number):
            raise TypeError(f"loss: expected a function that returns a scalar, got {value!r}")
        if self.method == "central" and np.iscomplexobj(value):
            raise TypeError(f"loss: expected a real value from real parameters, got {value!r}")
        if self.method == "complex":
            if not np.iscomplexobj(value):
                raise TypeError(
                    f"loss: expected a complex value from complex parameters, got {value!r}; abs(), .real, float() and "
                    "the like drop the imaginary part: use method='central'"
                )
            if np.asarray(value).dtype == np.complex64:
                raise TypeError(f"loss: expected complex128 from complex128 parameters, got complex64 {value!r}")
        return complex(value) if self.method == "complex" else float(value)

    def along(self, direction):
        """The real loss on a line: t -> (loss at params + t direction, the t that rounding made of it).

        ``direction`` is a dict of name -> array. Where the loss raises an arithmetic error it is NaN.
        """
        with np.errstate(over="ignore"):
            square = sum(float((np.abs(d) ** 2).sum()) for d in direction.values())

        def line(t):
            moved, reached = {}, 0.0
            with np.errstate(over="ignore", invalid="ignore"):
                for name, d in direction.items():
                    x = self.at[name]
                    moved[name] = _read_only((x + t * d).astype(x.dtype))
                    reached += float((np.conj(d) * (moved[name] - x)).real.sum())
            try:
                with np.errstate(all="ignore"):  # it is we who left the place where the loss is asked for
                    value = self.evaluate(moved)
            except (ArithmeticError, ValueError) as error:
                self.raised, value = error, np.nan
            return float(np.real(value)), reached / square

        return line

    def moves_with(self, name):
        """Is the loss another one if all entries of this parameter move by up to a thousandth?"""
        line = self.along(self.spread([name]))
        return any(line(t)[0] != self.value.real for t in BESIDE)

    def beside(self):
        """The same at a point where nothing is special any more: no entry is 0 or at a bound, none has another sign."""
        other = copy.copy(self)
        other.at = {}
        for name, x in self.at.items():
            turns = 1e-3 * (1 + np.sin(1.1 * np.arange(1, x.size + 1)).reshape(x.shape) / 2) * self.moving[name]
            other.at[name] = _read_only(np.where(x == 0, turns, x * (1 + turns)))
        with np.errstate(all="ignore"):
            other.value = other.evaluate({})
        return other

    def complex_slope(self, direction, step):
        """Im loss(params + i step direction) / step."""
        with np.errstate(all="ignore"):
            value = self.evaluate({name: _read_only(self.at[name] + 1j * step * d) for name, d in direction.items()})
        return value.imag / step if np.isfinite(value.real) else np.nan

    def spread(self, names):
        """A fixed direction that moves every ``moving`` entry x by 0.2 to 1 times max(1, |x|), up or down."""
        directions = {}
        for name in names:
            x = self.at[name]
            turns = 2.4 * np.arange(1, x.size + 1).reshape(x.shape)
            sizes, signs = 0.2 + 0.8 * np.abs(np.cos(turns)), np.sin(1.7 * turns + len(name))
            sizes = sizes * np.maximum(1, np.abs(x))
            directions[name] = np.asarray(np.copysign(sizes, signs) * self.moving[name])
        return directions

    def fineness(self, name, direction):
        """What a complex step is relative to: 1, or less if the smallest entry that moves and isn't 0 is below 1e-8."""
        sizes = np.abs(self.at[name][direction != 0])
        return float(max(1e-80, min(1.0, 1e8 * sizes[sizes > 0].min(initial=1.0))))

    def scale(self, direction):
        """What a step is relative to: 1, or the largest entry that moves, if that is larger."""
        return max([1.0] + [float(np.abs(self.at[n][d != 0]).max(initial=0.0)) for n, d in direction.items()])


def central_slope(line, at, reach, rounding, analytic, tolerance, smallest=0.0):
    """Derivative at 0 of ``line``, whose value there is ``at``.

    ``reach``: the first step; no step is smaller than ``smallest``. ``rounding``: of a value of the loss. Two
    evaluations where the slopes to both sides agree with ``analytic`` up to ``tolerance``.
    """
    central, gap = _central_and_gap(line, at, reach)
    if abs(gap) / 2 <= tolerance and abs(central - analytic) <= tolerance:
        return Slope(central, 0.0, "smooth")
    if np.isnan(at):
        return Slope(np.nan, np.inf, "smooth")
    # Step, central difference, gap, and the central difference without its error of second order.
    steps, centrals, gaps, refined, errors = [reach], [central], [gap], [central], [np.inf]
    before = settled = False  # the last two steps agree
    enough = max(tolerance, 0.05 * abs(gap)) if np.isfinite(gap) else np.inf
    while len(steps) < LEVELS and steps[-1] / RATIO >= smallest:
        step = steps[-1] / RATIO
        noise = 2 * rounding / step
        if 2 * noise > enough and len(steps) >= 4:
            break
        central, gap = _central_and_gap(line, at, step)
        steps.append(step)
        centrals.append(central)
        gaps.append(gap)
        refined.append(central + (central - centrals[-2]) / (RATIO**2 - 1))
        errors.append(abs(refined[-1] - refined[-2]) + noise)
        shrinks = abs(gap) <= max(tolerance, 0.6 * abs(gaps[-2]) + noise)
        before, settled = settled, shrinks and abs(refined[-1] - refined[-2]) <= tolerance / 4 + noise
        # Two steps agree: enough to say that the gradient is right, but chance must not say that it is wrong; nor must
        # noise that is larger than the tolerance say that it is right.
        if settled and (before or abs(refined[-1] - analytic) <= tolerance + noise <= 2 * tolerance):
            break
        both = _where_curvature_jumps(centrals) if shrinks else None
        if both is not None and all(abs(value - analytic) <= tolerance + noise for value in both):
            return Slope(both[1], abs(both[1] - both[0]) + noise, "smooth")
    if settled and (before or 2 * rounding / steps[-1] <= tolerance):  # in noise two steps agree by chance
        first = 2 if before else 1  # steps ago it began to agree
        jump = abs(RATIO * gaps[1] - gaps[0]) / (RATIO - 1)  # what is left of the gap at step 0, by its first two
        hidden = jump / 2 if jump / 2 > tolerance else 0.0
        if len(steps) == first + 1:  # the first step was small enough
            return Slope(centrals[0], errors[1] + hidden, "smooth")
        best = min(range(len(steps) - first, len(steps)), key=errors.__getitem__)
        kink = abs(gaps[0]) / 2 > tolerance and not _curved(steps, centrals, gaps, rounding, first)
        if 16 * rounding / steps[-1] < abs(gaps[0]):
            hidden = 0.0  # the gap is gone, and noise doesn't hide it
        return Slope(refined[best], errors[best] + hidden, "beside a kink" if kink else "smooth")
    if not np.isfinite(gaps[-3:]).all():
        return Slope(np.nan, np.inf, "smooth")
    # The smallest steps whose gaps are more than rounding: across a kink they are alike.
    clear = [k for k in range(2, len(gaps)) if all(abs(gaps[i]) > 16 * rounding / steps[i] for i in (k - 1, k))]
    last = clear[-1] if clear else 0
    if last and _alike(gaps[last - 2 : last + 1]):
        doubts = [abs(centrals[k] - centrals[k - 1]) + abs(gaps[k] - gaps[k - 1]) + 4 * rounding / steps[k]
                  for k in range(1, last + 1)]  # fmt: skip
        best = 1 + int(np.nanargmin(doubts))
        return Slope(centrals[best], abs(gaps[best]) / 2 + doubts[best - 1], "kink")
    # Of all steps that with the least relative error: where the step is too large, differences are small as well.
    best = int(np.nanargmin(np.array(errors) / np.maximum(np.abs(refined), max(tolerance, 1e-300))))
    return Slope(refined[best], errors[best], "unclear")


def _central_and_gap(line, at, step):
    (right, up), (left, down) = line(step), line(-step)
    if not (0.5 * step <= up <= 1.5 * step and 0.5 * step <= -down <= 1.5 * step):
        return np.nan, np.nan  # lost in the rounding of the parameter itself
    right, left = (right - at) / up, (left - at) / down
    return (right + left) / 2, right - left


def _alike(gaps):
    """Are these gaps, of steps that shrink, of about the same size, as across a kink?"""
    return all(0.7 * abs(one) <= abs(next_one) <= 1.4 * abs(one) for one, next_one in zip(gaps, gaps[1:]))


def _where_curvature_jumps(centrals):
    """The last two central differences without an error that is in proportion to the step; None if there is none.

    It is there where the curvature jumps, as in max(x, 0)² at 0.
    """
    if len(centrals) < 3:
        return None
    before, change = centrals[-2] - centrals[-3], centrals[-1] - centrals[-2]
    if not 3 * abs(change) <= abs(before) <= 5 * abs(change):
        return None
    return centrals[-2] + before / (RATIO - 1), centrals[-1] + change / (RATIO - 1)


def _curved(steps, centrals, gaps, rounding, first):
    """Is the curvature that the last steps show, ``first`` steps back, large enough for the gap of the first step?"""
    noise = 2 * rounding / steps[-first]
    grown = steps[0] / steps[-first - 1]
    second = max(0.0, abs(gaps[-first - 1]) - noise) * grown
    third = max(0.0, abs(centrals[-first] - centrals[-first - 1]) - noise) * grown**2
    return second + third >= 0.25 * abs(gaps[0])


def measure_rounding(line, at, reach, precision):
    """The error of a single value of the loss: its last digit, or more where the loss is computed more coarsely.

    On five points so close together that the loss is a straight line, what is no straight line is rounding. A kink or
    curvature shrinks as the points are moved together, rounding doesn't, until at last no value moves any more.
    """
    if not np.isfinite(at):
        return 0.0
    known = 2 * precision * abs(at)  # the last digit
    bent = []  # (not a straight line by so much, step)
    for step in reach * 1e-3 ** np.arange(4):
        values, bend = _bend(line, at, step)
        if not np.isfinite(values).all():
            continue
        if np.all(values == at):
            jump = _jump(line, at, [bent[-1][1]] if bent else reach * 8.0 ** np.arange(1, 6), known)
            if not bent or jump <= 50 * known:  # it is flat around x, and a kink bent it farther away
                return max(known, jump)
            break
        known = max(known, 2 * precision * np.abs(values).max())
        straight = bend <= 50 * known
        # Values on a grid may lie on a straight line by chance; a point near by, off that line, shows it.
        if straight and abs(line(step / 1000)[0] - at - (values[2] - values[1]) / 2000) > 50 * known:
            continue
        bent.append((bend, step))
        if straight:
            break
    rounding, step = bent.pop() if bent else (0.0, reach)
    while bent and rounding > 0.01 * bent[-1][0]:  # it didn't shrink
        rounding = max(rounding, bent.pop()[0])
    if rounding > 50 * known:  # more points tell it better
        rounding = max([rounding] + [_bend(line, at, factor * step)[1] for factor in (1.3, 1.7, 2.3, 2.9)])
    return float(max(known, rounding))


def _bend(line, at, step):
    """Four values around ``at``, and by how much the five are off a straight line."""
    values = low2, low, high, high2 = np.array([line(k * step)[0] for k in (-2, -1, 1, 2)])
    third, fourth = abs(high2 - low2 - 2 * (high - low)) / 4, abs(high2 + low2 - 4 * (high + low) + 6 * at) / 8
    return values, max(third, fourth)


def _jump(line, at, steps, known):
    """By how much a loss that is flat around x jumps at the first of these ``steps`` that reaches beyond; else 0."""
    for step in steps:
        for sign in (-1, 1):
            still, moved = 0.0, sign * 2 * step
            change = abs(line(moved)[0] - at)
            if not change > 0:
                continue
            for _ in range(50):  # is it a jump, or a kink behind which the loss begins to rise?
                middle = (still + moved) / 2
                between = abs(line(middle)[0] - at)
                still, moved, change = (still, middle, between) if between > 0 else (middle, moved, change)
                if change <= 50 * known:
                    break
            return float(change)
    return 0.0


def _check_same(one, other, message, slack=0.0):
    """Two values of the loss are the same, up to the last digits or ``slack``, or both NaN; ValueError otherwise."""
    same = one == other or (np.isnan(one) and np.isnan(other))
    if not same and not abs(one - other) <= max(100 * EPS * abs(one), slack):
        raise ValueError(f"loss: {message.format(one, other)}")


def _read_only(array):
    array = np.asarray(array)
    array.flags.writeable = False
    return array
