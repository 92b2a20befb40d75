"""Makes this folder importable for the tests below it: ``configurations``, ``oracle`` and ``task_twins`` are shared.

And leaves out the tests that are exact where NumPy is shaken: ``SHAKE=1 PYTHONPATH=tests/shaken python -m pytest``.
"""

import os
import sys
import warnings

import numpy as np
import pytest

if "SHAKE" in os.environ and isinstance(np.add, np.ufunc):
    raise RuntimeError("SHAKE: expected NumPy to be shaken, got the usual one; set PYTHONPATH=tests/shaken as well")


def pytest_configure(config):
    """No error where NumPy warns of infinities in a product that has none (its issue 28687, on Apple's library)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.identity(64) @ np.identity(64)
    if caught:
        config.addinivalue_line("filterwarnings", "ignore:.* encountered in matmul:RuntimeWarning")


def pytest_collection_modifyitems(items):
    """Skip what is marked as exact where NumPy is shaken."""
    for item in items:
        exact = item.get_closest_marker("exact")
        if exact and "SHAKE" in os.environ:
            item.add_marker(pytest.mark.skip(reason=f"NumPy is shaken; exact: {exact.args[0]}"))


@pytest.fixture(autouse=True)
def close_figures():
    """Figures that a test has drawn are closed behind it: matplotlib warns of too many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
