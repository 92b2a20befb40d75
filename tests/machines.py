"""The tests as on other machines, and a table of what came of it.

    python -m tests.machines                        all rows
    python -m tests.machines Haswell "shake 1"      some of them
    python -m tests.machines --rounding Haswell     only where rounding grows: the notebooks, and the tests that train

Each row is ``python -m pytest`` in a virtual environment that is made in a temporary folder, with what requirements.txt
asks for: on an older processor (NumPy and OpenBLAS are told to leave out the newer instructions), with the lowest
versions, with each Python that is found, and with NumPy shaken in its last bits (tests/shaken). The notebooks and the
other tests of a row are two parts. As many parts run at once as there are processors, each with one thread; "native"
runs alone, and has them all.

Exit code: 0 if all rows passed that can be had here; 1 if one failed, or was asked for by name and can't be had.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
HERE = "{}.{}".format(*sys.version_info)
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
NO_ROUNDING = (  # tests of files, commands and names
    *("commands", "lab/test_runs.py", "lab/test_studies.py", "learning/test_storage.py", "tasks"),
    *("site/test_browser.py", "site/test_gallery.py", "site/test_jupyter.py"),
    *("site/test_mathjax.py", "site/test_pages.py", "site/test_play.py", "test_bad_input.py", "test_benchmarks.py"),
    *("test_contributing.py", "test_files.py", "test_installed.py", "test_machines.py", "test_mutants.py"),
    "test_plugins.py",
)
# In these rounding is there, and doesn't grow.
NO_TRAINING = ("chunked", "proof", "test_oracle.py", "test_package.py", "test_properties.py")
PARTS = ("notebook", "not notebook")  # of a row, by pytest's marks: small pieces of work keep all processors busy
TAIL = 60  # lines of a failed row's output that are shown


class Row(NamedTuple):
    """One way to run the tests."""

    pythons: tuple = (HERE,)  # versions; the first that is found is taken
    lowest: bool = False  # the lowest versions that the requirements allow, instead of the newest
    variables: dict = ONE_THREAD
    processor: str | None = None  # one that OpenBLAS knows


class Result(NamedTuple):
    """What came of a row."""

    outcome: str  # "passed", "FAILED" or "not here"
    versions: str  # of Python and NumPy
    says: str  # pytest's closing line, or why the row is not here
    minutes: float


def shake(seed):
    return {"SHAKE": str(seed), "PYTHONPATH": str(ROOT / "tests" / "shaken")}


ROWS = (
    {"native": Row(variables={}), "one thread": Row()}
    | {name: Row(processor=name) for name in ("Haswell", "Prescott")}
    | {"lowest": Row(("3.11", "3.10", "3.12"), lowest=True)}  # NumPy 1.26 is not built for later ones
    | {f"Python {version}": Row((version,)) for version in ("3.10", "3.11", "3.12", "3.13")}
    | {f"shake {seed}": Row(variables=ONE_THREAD | shake(seed)) for seed in range(1, 6)}
)

# The instructions that NumPy picks at run time and that this processor has; their names differ between versions.
PICKED = """
import numpy
umath = (numpy._core if hasattr(numpy, "_core") else numpy.core)._multiarray_umath
print(*[name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]])
"""
VERSIONS = "import sys, numpy; print('Python', sys.version.split()[0] + ', NumPy', numpy.__version__)"


def find_python(versions):
    """An interpreter of the first of these versions that is found, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")))
    for version in versions:
        names = [sys.executable, shutil.which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python")]
        for python in filter(None, names):
            asked = subprocess.run([python, "--version"], capture_output=True, text=True)
            if asked.returncode == 0 and asked.stdout.startswith(f"Python {version}."):
                return python
    return None


def lowest_versions():
    """The lower bounds of requirements.txt, as constraints for pip."""
    bounds = re.findall(r"^(\w+)>=([\d.]+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    return "\n".join(f"{name}=={bound}" for name, bound in bounds)


def make_environment(python, lowest, folder):
    """A virtual environment in ``folder`` with all that the tests need -> its interpreter."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    command = [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", "requirements.txt"]
    if lowest:
        constraints = folder / "lowest.txt"
        constraints.write_text(lowest_versions(), encoding="utf-8")
        command += ["-c", constraints]
    subprocess.run(command, check=True, cwd=ROOT)
    return inside


def output_of(python, code):
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def older_processor(python, name):
    """The variables with which NumPy and OpenBLAS compute as on this processor."""
    picked = output_of(python, PICKED).split()
    newer = [word for word in picked if name == "Prescott" or "AVX512" in word or word == "X86_V4"]
    return {"OPENBLAS_CORETYPE": name, "NPY_DISABLE_CPU_FEATURES": " ".join(newer)}


def run_part(name, row, python, part, rounding=False):
    """One of PARTS of a row, by the interpreter of its environment -> Result; prints a line at its begin and end."""
    variables = row.variables | (older_processor(python, row.processor) if row.processor else {})
    words = [f"{name}, {part}: begins", *(f"{key}={value}" for key, value in variables.items())]
    print(" ".join(words) + "\n", end="", flush=True)  # in one piece: others print too
    started = time.monotonic()
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    ignored = [f"--ignore=tests/{place}" for place in (*NO_ROUNDING, *NO_TRAINING)] if rounding else []
    command = [python, "-m", "pytest", "-q", "--color=no", "-m", part, *ignored]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, **output)
    lines = done.stdout.rstrip().splitlines() or ["pytest printed nothing"]
    outcome = "FAILED" if done.returncode else "passed"
    if done.returncode:
        print(f"{name}, {part}: the last lines of its output", *lines[-TAIL:], sep="\n")
    print(f"{name}, {part}: {outcome}: {lines[-1]}", flush=True)
    says = re.sub(r", \d+ deselected| in [\d.]+s.*", "", lines[-1].strip("= "))
    return Result(outcome, output_of(python, VERSIONS), says, (time.monotonic() - started) / 60)


def joined(parts):
    """The Result of a row, from those of its PARTS."""
    outcome = "FAILED" if any(part.outcome == "FAILED" for part in parts) else "passed"
    says, minutes = "; ".join(part.says for part in parts), sum(part.minutes for part in parts)
    return Result(outcome, parts[0].versions, says, minutes)


def run_rows(rows, rounding=False):
    """The tests of all rows, or only those in which ``rounding`` grows -> dict of Results."""
    results, environments, ready = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, row in rows.items():
            python = find_python(row.pythons)
            if python is None:
                results[name] = Result("not here", "", f"no Python {' or '.join(row.pythons)} was found", 0)
            elif row.processor and platform.machine() not in ("x86_64", "AMD64"):
                results[name] = Result("not here", "", f"no such processor beside {platform.machine()}", 0)
            else:
                kind = (python, row.lowest)
                if kind not in environments:
                    print(f"an environment for {name}", flush=True)
                    environments[kind] = make_environment(*kind, Path(folder) / str(len(environments)))
                ready[name] = environments[kind]
        if "native" in ready:
            python = ready.pop("native")
            results["native"] = joined([run_part("native", rows["native"], python, part, rounding) for part in PARTS])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = {
                name: [pool.submit(run_part, name, rows[name], python, part, rounding) for part in PARTS]
                for name, python in ready.items()
            }
            results |= {name: joined([run.result() for run in parts]) for name, parts in runs.items()}
    return {name: results[name] for name in rows}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.machines", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--rounding", action="store_true", help="only the tests that make rounding grow")
    arguments = parser.parse_args()
    names = arguments.names
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        parser.error(f"ROW: expected some of {', '.join(ROWS)}, got {', '.join(unknown)}")
    results = run_rows({name: ROWS[name] for name in names or ROWS}, arguments.rounding)
    print(f"\n{'row':12} {'outcome':9} {'minutes':>7}  {'versions':30} pytest says")
    for name, result in results.items():
        print(f"{name:12} {result.outcome:9} {result.minutes:7.1f}  {result.versions:30} {result.says}")
    outcomes = [result.outcome for result in results.values()]
    print(", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("passed", "FAILED", "not here")))
    return 1 if "FAILED" in outcomes or (names and "not here" in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
