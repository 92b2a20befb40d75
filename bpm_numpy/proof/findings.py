"""What a check of a part or a task has found: one Finding per thing checked, a report of all, and the error."""

from typing import NamedTuple

import numpy as np


class Finding(NamedTuple):
    """One thing checked: what, how many numbers were compared, the largest error, and what is wrong ("" if nothing)."""

    what: str
    compared: int
    error: float
    wrong: str


class CheckReport(NamedTuple):
    """All that was found about ``of``, a part or a task; true if nothing is wrong. Prints as a table."""

    of: str
    findings: list
    not_checked: str = ""

    @property
    def passed(self):
        """True if something was compared and nothing is wrong."""
        return any(finding.compared for finding in self.findings) and not self.wrong()

    def __bool__(self):
        return self.passed

    def wrong(self):
        """The Findings that say what is wrong."""
        return [finding for finding in self.findings if finding.wrong]

    def __str__(self):
        lines = [f"{f.what:<58} {f.compared:>6} compared  {f.error:8.1e}  {f.wrong or 'ok'}" for f in self.findings]
        verdict = f"{self.of}: {'passed' if self.passed else 'FAILED'}"
        return "\n".join([*lines, verdict + (f"; not checked: {self.not_checked}" if self.not_checked else "")])

    __repr__ = __str__


class CheckError(AssertionError):
    """A part or a task is not what it should be. ``report`` holds all that was found."""

    def __init__(self, message, report):
        super().__init__(message, report)  # both, so that it can be pickled
        self.report = report

    def __str__(self):
        return self.args[0]


def conclude(report, raise_on_failure):
    """The report; or, if it hasn't passed, CheckError, which names the first thing that is wrong."""
    if raise_on_failure and not report.passed:
        first = report.wrong()[0] if report.wrong() else Finding("nothing", 0, 0.0, "expected something to compare")
        raise CheckError(f"{report.of}: {first.what}: {first.wrong}\n\n{report}", report)
    return report


def raised(what, error):
    """The Finding that something of one's own, which may do anything, has raised ``error``."""
    return Finding(what, 0, np.inf, f"{type(error).__name__}: {error}")
