"""What a gradient check found: a row per parameter, a verdict, and the error that carries both."""

import html
from dataclasses import dataclass
from typing import NamedTuple

SMALLEST_SHARE = 0.25  # of the entries of a parameter that must be compared


class ParameterReport(NamedTuple):
    """One parameter: entries (or directions) compared, how many failed, and the worst of them.

    worst is the index of the worst entry, or the number of the worst direction; None if none was compared.
    An entry that failed is worse than one that passed.
    relative_error = |a - n| / (max(|a|, |n|) + atol / rtol), which is at most rtol just where
    |a - n| ≤ atol + rtol max(|a|, |n|); from |a - n| the error of n itself has been taken off, where it matters.
    kinks: the indices left out because they lie at a kink. failures: all indices that failed.
    step, atol: what was used here. problem: why this parameter isn't passed although no entry is wrong, or "".
    note: what else there is to know of the comparison, or "".
    """

    name: str
    checked: int
    failed: int
    worst: tuple | int | None
    analytic: float | complex
    numeric: float | complex
    relative_error: float
    kinks: tuple
    failures: tuple
    step: float
    atol: float
    problem: str
    note: str

    @property
    def passed(self):
        """True if enough was compared and all of it agrees."""
        return not self.failed and not self.problem


@dataclass(frozen=True, repr=False)
class Report:
    """Result of ``gradcheck``: one ParameterReport per parameter. True if passed. Prints as an aligned table.

    rounding: the size of the steps in which the loss moves, where that is coarser than float64; else 0.
    seed: np.random.default_rng(seed) draws the same sample again; None if nothing was drawn by a fresh generator.
    hint: what else may help to understand a failure, or "".
    """

    parameters: tuple
    method: str
    step: float
    rtol: float
    atol: float
    seed: object
    rounding: float = 0.0
    hint: str = ""

    @property
    def passed(self):
        """True if of every parameter enough was compared, and all that was compared agrees."""
        return bool(self.parameters) and all(row.passed for row in self.parameters)

    def __bool__(self):
        return self.passed

    @property
    def max_relative_error(self):
        """The largest relative error of all entries compared; 0 if there were none."""
        return max((row.relative_error for row in self.parameters if row.checked), default=0.0)

    @property
    def kinks(self):
        """(parameter name, index) of every entry that lies at a kink and was not judged."""
        return [(row.name, index) for row in self.parameters for index in row.kinks]

    @property
    def failures(self):
        """(parameter name, index) of every entry that failed."""
        return [(row.name, index) for row in self.parameters for index in row.failures]

    @property
    def problems(self):
        """What is wrong with each parameter that isn't passed although no entry is known to be wrong."""
        return [f"{row.name}: {row.problem}" for row in self.parameters if row.problem]

    def table(self):
        """Header and rows as strings, for ``str`` and for a notebook."""
        header = ("parameter", "checked", "failed", "kinks", "worst", "analytic", "numeric", "relative error")
        rows = []
        for row in self.parameters:
            numbers = ("-", "-", "-")
            if row.checked:
                numbers = f"{row.analytic:+.6e}", f"{row.numeric:+.6e}", f"{row.relative_error:.1e}"
            worst = "-" if row.worst is None else index_text(row.worst).strip()
            rows.append((row.name, str(row.checked), str(row.failed), str(len(row.kinks)), worst, *numbers))
        return header, rows

    def verdict(self):
        """Passed or failed, by which method, step and tolerances, and what was left out and why."""
        compared = sum(row.checked for row in self.parameters)
        kinks = f", {len(self.kinks)} left out at a kink" if self.kinks else ""
        line = (
            f"{'passed' if self.passed else 'FAILED'}: {compared} compared{kinks}; {self.method} step {self.step:.1e}, "
            f"largest relative error {self.max_relative_error:.1e}, rtol {self.rtol:.0e}, atol {self.atol:.0e}"
        )
        if self.rounding:
            steps, atols = [row.step for row in self.parameters], [row.atol for row in self.parameters]
            line += (
                f"; the loss is rounded to about {self.rounding:.0e}, so steps up to {max(steps):.0e} "
                f"and atol up to {max(atols):.0e} were used"
            )
        elif any(row.atol > 1.01 * self.atol for row in self.parameters):
            line += f"; atol up to {max(row.atol for row in self.parameters):.0e} was used"
        noted = {}  # note -> names of the parameters that it is of
        for row in self.parameters:
            noted.setdefault(row.note, []).append(row.name)
        notes = [f"{', '.join(names)}: {note}" for note, names in noted.items() if note]
        return "\n".join([line, *self.problems, *notes])

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


class GradientCheckError(AssertionError):
    """A gradient disagrees with the numerical derivative, or too little could be compared.

    ``report`` holds the whole comparison. It can be pickled, so a process pool hands it on.
    """

    def __init__(self, message, report):
        super().__init__(message, report)
        self.report = report

    def __str__(self):
        return self.args[0]


def failure_message(report):
    """What stands at the head of the error: the worst entry that failed, or why there is nothing to name."""
    failed = [row for row in report.parameters if row.failed]
    if failed:
        row = max(failed, key=lambda row: row.relative_error)
        head = (
            f"{row.name}{index_text(row.worst)}: analytic {row.analytic:.10e}, "
            f"numeric {row.numeric:.10e}, relative error {row.relative_error:.2e} ({report.method} step "
            f"{row.step:.1e}, rtol {report.rtol:.0e}, atol {row.atol:.0e}, seed {report.seed})"
        )
    else:
        head = report.problems[0]
    return "\n".join(part for part in (head, report.hint, str(report)) if part)


def index_text(where):
    """An index as it is written behind an array's name; nothing stands there for a 0-d parameter."""
    if isinstance(where, int):
        return f" direction {where}"
    return "[" + ", ".join(map(str, where)) + "]" if where else ""
