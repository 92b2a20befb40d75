"""Marks of tests that not every system can run."""

import os
import sys

import pytest

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, limits or signals")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has these files")
