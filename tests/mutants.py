"""Whether the tests notice a wrong gradient: the code is changed in one place, and the tests must fail.

    python -m tests.mutants                        30 changes, drawn with seed 0
    python -m tests.mutants 200 --seed 3           more of them

A change swaps a sign, a product, a comparison, ``and`` for ``or``, or adds 1 to a whole number, in the code that
computes gradients or decides what may go by chunks. Each is made in a copy of the project in a temporary folder. A
change that no test notices is printed: the tests have a hole there, or the change changes nothing.

Exit code: 0 if each change was noticed, 1 if not.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.machines import NO_ROUNDING, TAIL

ROOT = Path(__file__).resolve().parents[1]
CHANGED = (  # files and folders of bpm_numpy
    *("bptt.py", "drive.py", "network.py", "step.py"),
    *("cells", "chunked", "equations", "modulators", "rules"),
    *("learning/episodes.py", "learning/losses.py", "learning/optimisers.py", "learning/training.py"),
)
NEAR = ("test_derivatives.py", "equations", "modulators", "rules", "cells", "chunked", "learning")  # these run first
LEFT_OUT = (*NO_ROUNDING, "bridge", "figures", "lab", "site", "tutorial")  # of what is not changed
LONGEST = 1800  # seconds
SWAPPED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
SWAPPED_FUNCTIONS = {"add": "subtract", "subtract": "add", "multiply": "divide", "divide": "multiply"}


class Change(NamedTuple):
    """Replace ``source[start:end]`` by ``new``."""

    start: int
    end: int
    new: str


def find_changes(source):
    """All changes of one place in a module's source (ASCII or not) -> list of Change, in the order of the text.

    What a docstring, an annotation or a ``raise`` says is left alone.
    """
    lines = source.splitlines(keepends=True)
    offsets = np.cumsum([0, *map(len, lines)])

    def place(line, column):  # columns of ast count bytes
        return int(offsets[line - 1]) + len(lines[line - 1].encode()[:column].decode())

    def span(node):
        return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)

    def between(left, right, operator, after=""):
        old, new = (word + after for word in SWAPPED.get(type(operator), ("", "")))
        start, end = span(left)[1], span(right)[0]
        if old and source[start:end].strip("() \n") == old:
            at = start + source[start:end].index(old)
            yield Change(at, at + len(old), new)

    def visit(node):
        if isinstance(node, (ast.Raise, ast.arg)):
            return
        if isinstance(node, ast.BinOp):
            yield from between(node.left, node.right, node.op)
        elif isinstance(node, ast.AugAssign):
            yield from between(node.target, node.value, node.op, "=")
        elif isinstance(node, ast.Compare):
            for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators):
                yield from between(left, right, operator)
        elif isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:]):
                yield from between(left, right, node.op)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield Change(span(node)[0], span(node)[0] + 1, "+")
        elif isinstance(node, ast.Attribute) and node.attr in SWAPPED_FUNCTIONS:
            yield Change(span(node)[1] - len(node.attr), span(node)[1], SWAPPED_FUNCTIONS[node.attr])
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield Change(*span(node), str(node.value + 1))
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    return sorted(visit(ast.parse(source)))


def changed_files():
    """The files of CHANGED, relative to the project."""
    places = [ROOT / "bpm_numpy" / place for place in CHANGED]
    files = [file for place in places for file in (sorted(place.glob("*.py")) if place.is_dir() else [place])]
    return [file.relative_to(ROOT) for file in files]


def failure(project):
    """What the tests print if one fails in a copy of the project, else None: first those near the equations."""
    variables = os.environ | {"PYTHONPATH": str(project), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not notebook", "-p", "no:cacheprovider"]
    near = [f"tests/{place}" for place in NEAR]
    rest = ["tests", *(f"--ignore=tests/{place}" for place in NEAR + LEFT_OUT)]
    options = {"cwd": project, "env": variables, "capture_output": True, "text": True, "timeout": LONGEST}
    for tests in (near, rest):
        done = subprocess.run(command + tests, **options)
        if done.returncode:
            return done.stdout
    return None


def try_out(project, file, change):
    """Make this change in the copy, for a run of the tests -> "noticed", "MISSED" or "too long"."""
    source = (ROOT / file).read_text(encoding="utf-8")
    (project / file).write_text(source[: change.start] + change.new + source[change.end :], encoding="utf-8")
    try:
        return "MISSED" if failure(project) is None else "noticed"
    except subprocess.TimeoutExpired:
        return "too long"  # a loop without an end, or a busy machine
    finally:
        shutil.copyfile(ROOT / file, project / file)


def describe(file, change):
    source = (ROOT / file).read_text(encoding="utf-8")
    number = source.count("\n", 0, change.start)
    old = source[change.start : change.end].strip()
    return f"{file}:{number + 1}: {old} -> {change.new}: {source.splitlines()[number].strip()}"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("number", nargs="?", type=int, default=30, help="how many changes (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn (default: 0)")
    arguments = parser.parse_args()
    files = changed_files()
    changes = [(file, change) for file in files for change in find_changes((ROOT / file).read_text(encoding="utf-8"))]
    if not 1 <= arguments.number <= len(changes):
        parser.error(f"number: expected 1 to {len(changes)}, got {arguments.number}")
    drawn = np.random.default_rng(arguments.seed).choice(len(changes), arguments.number, replace=False)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", "build"))
        failed = failure(project)
        if failed is not None:
            print(*failed.splitlines()[-TAIL:], sep="\n")
            parser.exit(2, "the tests: expected to pass without a change, and one fails\n")
        for count, index in enumerate(drawn, start=1):
            outcomes.append(try_out(project, *changes[index]))
            print(f"{count}/{len(drawn)} {outcomes[-1]}: {describe(*changes[index])}", flush=True)
    found, late = outcomes.count("noticed"), outcomes.count("too long")
    print(f"{found} of {len(drawn)} changes noticed, {late} too long to tell; drawn from {len(changes)}")
    return 0 if found == len(drawn) else 1


if __name__ == "__main__":
    sys.exit(main())
