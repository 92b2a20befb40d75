"""A wheel has figures/data, what the studies have recorded, as bpm_numpy/recorded. All else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithRecorded(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:  # there the clone's own are read
            shutil.copytree("figures/data", Path(self.build_lib, "bpm_numpy", "recorded"), dirs_exist_ok=True)


setup(cmdclass={"build_py": WithRecorded})
