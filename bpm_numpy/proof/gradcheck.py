"""Is a gradient right? Compare it with derivatives that know nothing about it.

Central differences     (L(x + s) - L(x - s)) / 2s: wrong by O(s²) + rounding / s, so about ten digits at best.
Complex step            Im L(x + i s) / s: no subtraction, so s can be 1e-20 and every digit counts. The loss
                        must be written with analytic functions (no abs, no conjugate), as the network is.

Clip has kinks. A central difference that steps over one mixes the slopes of both sides; it says nothing
about the gradient on either. The slopes to the right and to the left of x tell: on smooth ground their
difference halves as the step halves; across a kink it does not. Such an entry is listed in ``kinks`` and
counted neither as passed nor as failed. The complex step stays at x, so it knows no kinks.
"""

import html
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import check_arrays, check_choice, check_count, check_generator, check_number

DEFAULTS = {  # method: step, rtol, atol
    "central": (float(np.cbrt(np.finfo(np.float64).eps)), 1e-5, 1e-7),
    "complex": (1e-20, 1e-10, 1e-12),
}


class GradientCheckError(AssertionError):
    """A gradient disagrees with the numerical derivative. ``report`` holds the whole comparison."""

    def __init__(self, message, report):
        super().__init__(message)
        self.report = report


class ParameterReport(NamedTuple):
    """One parameter: entries (or directions) compared, how many failed, and the worst of them.

    worst is the index of the worst entry, or the number of the worst direction; None if none was compared.
    relative_error = |a - n| / (max(|a|, |n|) + atol / rtol), which is at most rtol just where
    |a - n| ≤ atol + rtol max(|a|, |n|). kinks: the indices left out because of a kink.
    """

    name: str
    checked: int
    failed: int
    worst: tuple | int | None
    analytic: float
    numeric: float
    relative_error: float
    kinks: tuple


@dataclass(frozen=True, repr=False)
class Report:
    """Result of ``gradcheck``: one ParameterReport a parameter. Prints as an aligned table."""

    parameters: tuple
    method: str
    step: float
    rtol: float
    atol: float
    seed: object

    @property
    def passed(self):
        """True if no entry that was compared failed."""
        return not any(row.failed for row in self.parameters)

    @property
    def max_relative_error(self):
        """The largest relative error of all entries compared; 0 if there were none."""
        return max((row.relative_error for row in self.parameters if row.checked), default=0.0)

    @property
    def kinks(self):
        """(parameter name, index) of every entry whose finite difference stepped over a kink."""
        return [(row.name, index) for row in self.parameters for index in row.kinks]

    def table(self):
        """Header and rows as strings, for ``str`` and for a notebook."""
        header = ("parameter", "checked", "failed", "kinks", "worst", "analytic", "numeric", "relative error")
        rows = []
        for row in self.parameters:
            numbers = ("-", "-", "-")
            if row.checked:
                numbers = f"{row.analytic:+.6e}", f"{row.numeric:+.6e}", f"{row.relative_error:.1e}"
            worst = "-" if row.worst is None else _index_text(row.worst).strip()
            rows.append((row.name, str(row.checked), str(row.failed), str(len(row.kinks)), worst, *numbers))
        return header, rows

    def verdict(self):
        """One line: passed or failed, by which method, step and tolerances."""
        compared = sum(row.checked for row in self.parameters)
        kinks = f", {len(self.kinks)} left out at a kink" if self.kinks else ""
        return (
            f"{'passed' if self.passed else 'FAILED'}: {compared} compared{kinks}; {self.method} step {self.step:.1e}, "
            f"largest relative error {self.max_relative_error:.1e}, rtol {self.rtol:.0e}, atol {self.atol:.0e}"
        )

    def __str__(self):
        header, rows = self.table()
        widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
        lines = ["  ".join([line[0].ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(line[1:], widths[1:])])
                 for line in (header, *rows)]  # fmt: skip
        return "\n".join([*lines, self.verdict()])

    __repr__ = __str__

    def _repr_html_(self):
        header, rows = self.table()
        cells = ["".join(f"<th>{cell}</th>" for cell in header)]
        cells += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
        body = "".join(f"<tr>{line}</tr>" for line in cells)
        return f"<table>{body}</table><p>{html.escape(self.verdict())}</p>"


def gradcheck(
    loss,
    params,
    grads,
    *,
    method="central",
    step=None,
    rtol=None,
    atol=None,
    max_entries=None,
    directions=None,
    rng=None,
    raise_on_failure=True,
):
    """Compare ``grads`` with numerical derivatives of ``loss`` at ``params``.

    Parameters
    ----------
    loss : function of a dict like ``params`` that returns a scalar
        Pure: it is called with copies that are read-only. With "complex" it gets complex128 and must return
        a complex number.
    params, grads : dict of name -> float64 array
        The same names and shapes; ``grads`` is dL/dparams as you derived it.
    method : "central" | "complex"
    step : float
        Of the difference, relative to max(1, |entry|) for "central". Default 6.1e-6, or 1e-20 for "complex".
    rtol, atol : float
        An entry passes if |a - n| ≤ atol + rtol max(|a|, |n|). Default 1e-5 and 1e-7 for "central", 1e-10 and
        1e-12 for "complex".
    max_entries : int
        Compare at most so many entries of each parameter, drawn by ``rng``; every entry if None.
    directions : int
        Instead of entries compare so many random directions v in each parameter: <grad, v> against the
        derivative along v. Two evaluations a direction, whatever the size.
    rng : numpy.random.Generator
        Needed with ``max_entries`` or ``directions``.
    raise_on_failure : bool
        Raise GradientCheckError (an AssertionError) that names the worst failure, instead of returning.

    Returns
    -------
    Report

    Raises
    ------
    GradientCheckError; TypeError and ValueError for arguments that are none of the above.
    """
    check_choice("method", method, tuple(DEFAULTS))
    if not isinstance(params, dict):
        raise TypeError(f"params: expected a dict of parameter name -> array, got {type(params).__name__}")
    check_arrays("params", params, {name: np.shape(value) for name, value in params.items()}, (np.float64,))
    shapes = {name: value.shape for name, value in params.items()}
    # A NaN in grads is a gradient that is wrong, not an argument that is: the comparison fails it.
    check_arrays("grads", grads, shapes, (np.float64,), finite=False)
    step, rtol, atol = (
        default if value is None else value for value, default in zip((step, rtol, atol), DEFAULTS[method])
    )
    check_number("step", step, above=0)
    check_number("rtol", rtol, at_least=0)
    check_number("atol", atol, at_least=0)
    if max_entries is not None and directions is not None:
        raise ValueError("directions: expected None with max_entries, got both")
    for name, value in (("max_entries", max_entries), ("directions", directions)):
        if value is not None:
            check_count(name, value)
            check_generator("rng", rng)
    seed = None if rng is None else getattr(rng.bit_generator.seed_seq, "entropy", None)

    line = _LineThrough(loss, params, method, step)
    rows = []
    for name in params:
        if directions is not None:
            probes = [(k, rng.standard_normal(shapes[name])) for k in range(directions)]
        else:
            probes = _entries(shapes[name], max_entries, rng)
        rows.append(_check_parameter(name, grads[name], probes, line, rtol, atol))
    report = Report(tuple(rows), method, step, rtol, atol, seed)
    if raise_on_failure and not report.passed:
        raise GradientCheckError(_failure_message(report), report)
    return report


def _entries(shape, max_entries, rng):
    """(index, unit direction) of every entry, or of a sample; made one at a time."""
    size = int(np.prod(shape))
    if max_entries is None or size <= max_entries:
        chosen = range(size)
    else:
        chosen = np.sort(rng.choice(size, max_entries, replace=False))
    for flat in chosen:
        index = tuple(int(i) for i in np.unravel_index(flat, shape))
        direction = np.zeros(shape)
        direction[index] = 1
        yield index, direction


def _check_parameter(name, grad, probes, line, rtol, atol):
    checked = failed = 0
    kinks, worst = [], None
    for where, direction in probes:
        analytic = float(grad[where] if isinstance(where, tuple) else (grad * direction).sum())
        numeric, kink = line.derivative(name, direction, atol + rtol * abs(analytic))
        if kink:
            kinks.append(where)
            continue
        checked += 1
        error, passed = np.inf, False  # of NaN and infinity
        if np.isfinite(analytic) and np.isfinite(numeric):
            difference, scale = abs(analytic - numeric), max(abs(analytic), abs(numeric))
            passed = difference <= atol + rtol * scale
            scale += atol / rtol if rtol else 0
            error = difference / scale if scale else 0.0
        failed += not passed
        if worst is None or error > worst[-1]:
            worst = (where, analytic, float(numeric), float(error))
    where, analytic, numeric, error = worst or (None, np.nan, np.nan, 0.0)
    return ParameterReport(name, checked, failed, where, analytic, numeric, error, tuple(kinks))


class _LineThrough:
    """The loss along a line through ``params``, and its derivative there."""

    def __init__(self, loss, params, method, step):
        self.loss, self.method, self.step = loss, method, step
        self.dtype = np.complex128 if method == "complex" else np.float64
        self.params = {name: _read_only(np.array(value, self.dtype)) for name, value in params.items()}
        self.at_params = self.value({}) if method == "central" else None

    def value(self, changed):
        """The loss with some parameters changed, as a Python number."""
        value = self.loss({**self.params, **changed})
        if np.ndim(value) != 0 or not np.issubdtype(np.asarray(value).dtype, np.number):
            raise TypeError(f"loss: expected a function that returns a scalar, got {value!r}")
        if self.method == "complex" and not np.iscomplexobj(value):
            raise TypeError(f"loss: expected a complex value from complex parameters, got {value!r}")
        if self.method == "central" and np.iscomplexobj(value):
            raise TypeError(f"loss: expected a real value from real parameters, got {value!r}")
        return complex(value) if self.method == "complex" else float(value)

    def derivative(self, name, direction, tolerance):
        """Numerical derivative along ``direction`` in one parameter, and whether a kink spoils it."""
        if self.method == "complex":
            moved = self.params[name] + 1j * self.step * direction
            return self.value({name: _read_only(moved)}).imag / self.step, False
        # A direction of many entries is as long as one entry would be.
        length = np.sqrt((direction**2).sum())
        reach = self.step * max(1.0, np.abs(self.params[name][direction != 0]).max(initial=0.0)) / length
        right, left = self._slopes(name, direction, reach)
        central = (right + left) / 2
        # Across a kink the central difference is off by half the jump of the slope: too little to matter?
        if abs(right - left) / 2 <= tolerance:
            return central, False
        jumps = [right - left]
        for part in (2, 4):
            right, left = self._slopes(name, direction, reach / part)
            jumps.append(right - left)
        rounding = 1e3 * np.finfo(np.float64).eps * abs(self.at_params) / reach
        smooth = all(abs(b - a / 2) <= 0.1 * abs(a) + rounding for a, b in zip(jumps, jumps[1:]))
        return central, bool(np.isfinite(jumps).all() and not smooth)

    def _slopes(self, name, direction, reach):
        x = self.params[name]
        right, left = (
            (self.value({name: _read_only(x + s * direction)}) - self.at_params) / s for s in (reach, -reach)
        )
        return right, left


def _read_only(array):
    array = np.asarray(array)
    array.flags.writeable = False
    return array


def _index_text(where):
    """An index as it is written behind an array's name; nothing stands there for a 0-d parameter."""
    if isinstance(where, int):
        return f" direction {where}"
    return "[" + ", ".join(map(str, where)) + "]" if where else ""


def _failure_message(report):
    row = max((row for row in report.parameters if row.failed), key=lambda row: row.relative_error)
    return (
        f"{row.name}{_index_text(row.worst)}: analytic {row.analytic:.10e}, "
        f"numeric {row.numeric:.10e}, relative error {row.relative_error:.2e} ({report.method} step "
        f"{report.step:.1e}, rtol {report.rtol:.0e}, atol {report.atol:.0e}, seed {report.seed})\n{report}"
    )
