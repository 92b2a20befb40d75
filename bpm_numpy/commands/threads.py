"""How many threads NumPy's matrix products take in a command: one, unless the environment says otherwise.

The matrices are small here, so that more threads wait for one another longer than they work, most of all beside other
programs. Only the command line's own process is meant: a library that is imported changes no setting of its caller.
"""

import os

OWN = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
SAID = (*OWN, "GOTO_NUM_THREADS", "OMP_NUM_THREADS")  # any of them, by a user, is a number of threads
_set = []  # names in the environment that are from here


def use_one_thread():
    """To be called before NumPy is imported: it reads the environment then."""
    if not any(name in os.environ for name in SAID):
        os.environ.update(dict.fromkeys(OWN, "1"))
        _set.extend(OWN)


def how_many():
    """What the environment says of the threads, as text."""
    said = [f"{os.environ[name]} ({name})" for name in SAID if name in os.environ]
    return said[0] if said else "as many as NumPy takes"


def leave_threads_to_the_user():
    """For the processes that are started from here on, such as JupyterLab: the environment is the user's again."""
    while _set:
        os.environ.pop(_set.pop(), None)
