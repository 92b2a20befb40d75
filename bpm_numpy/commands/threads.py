"""One thread for NumPy's matrix products: those of the networks here are too small for more.

Threads that wait for one another cost more than they save, and on a busy machine by far: there an update of training
took up to ten times as long with OpenBLAS's own number of threads. OpenBLAS reads its environment when NumPy is
imported, which is before a command runs; so it is asked itself. This concerns the command line's own process alone.
"""

import ctypes
import os
from pathlib import Path

import numpy as np

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # who sets one of them has chosen
SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_")  # as NumPy's wheels have named it


def one_blas_thread():
    """Set NumPy's OpenBLAS to one thread, unless the environment says how many; another BLAS is left as it is."""
    if any(os.environ.get(name) for name in VARIABLES):
        return
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for file in folder.glob("*openblas*"):
            library = ctypes.CDLL(str(file))
            for name in SETTERS:
                if hasattr(library, name):
                    getattr(library, name)(1)
