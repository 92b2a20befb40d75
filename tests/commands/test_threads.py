"""The command line's process has one BLAS thread, unless its environment says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bpm_numpy.commands.threads import VARIABLES

ROOT = Path(__file__).parents[2]
PROGRAM = """
import ctypes, sys
from pathlib import Path
import numpy as np
from bpm_numpy import __main__ as program

def number():
    for file in (Path(np.__file__).parent.parent / "numpy.libs").glob("*openblas*"):
        for name in ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads64_"):
            if hasattr(ctypes.CDLL(str(file)), name):
                return getattr(ctypes.CDLL(str(file)), name)()

before = number()
seen = []
program.main = lambda: seen.append(number()) or 0
program.run_in_a_shell()
print(before, *seen)
"""


@pytest.mark.parametrize(
    "variables, expected", [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2), ({"OMP_NUM_THREADS": "2"}, 2)]
)
def test_one_thread_unless_the_environment_says_how_many(variables, expected):
    left = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment = left | variables | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, during = done.stdout.split()
    if before == "None":
        pytest.skip("NumPy has another BLAS here than OpenBLAS in its wheel")
    if expected > (os.cpu_count() or 1):
        pytest.skip("OpenBLAS has no more threads than cores")
    assert int(during) == expected
