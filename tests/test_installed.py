"""The package without its clone, as a wheel installs it: what is taken along, and what says that it is not there."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bpm_numpy.__main__ import main
from bpm_numpy.commands import figures as figures_command
from bpm_numpy.commands import quickstart as quickstart_command
from bpm_numpy.commands import study as study_command
from bpm_numpy.lab.studies import DATA, RECORDED
from bpm_numpy.site import notebooks

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="setuptools is not installed")
def test_a_wheel_takes_along_what_is_recorded_and_every_module(tmp_path):
    """What is built from is what a wheel holds; it is asked for its data in a process that has no clone."""
    words = ["setup.py", "-q", "egg_info", "--egg-base", tmp_path, "build_py", "--build-lib", tmp_path / "lib"]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    built = tmp_path / "lib" / "bpm_numpy"
    for ours, folder, kind in ((DATA, built / "recorded", "*.*"), (ROOT / "bpm_numpy", built, "*.py")):
        files = {path.relative_to(ours) for path in ours.rglob(kind)}
        assert files and files == {path.relative_to(folder) for path in folder.rglob(kind)} - {Path("recorded")}
    script = "from bpm_numpy.lab.studies import DATA, load_study; print(DATA); print(len(load_study('bandit')[1]))"
    words = [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(tmp_path / 'lib')!r}]; {script}"]
    printed = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert printed.splitlines() == [str(built / "recorded"), "4"]


@pytest.fixture
def no_clone(monkeypatch, tmp_path):
    """The commands, in an empty folder, as if there were no clone around the package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study_command, "DATA", RECORDED)
    monkeypatch.setattr(figures_command, "FOLDER", tmp_path / "no_clone" / "notebooks")
    monkeypatch.setattr(quickstart_command, "FOLDER", tmp_path / "no_clone" / "notebooks")
    monkeypatch.setattr(notebooks.find_notebooks, "__defaults__", (tmp_path / "no_clone" / "notebooks",))


def test_a_study_is_not_kept_in_the_installed_package(no_clone, tmp_path, capsys):
    assert main(["study", "bandit"]) == 2
    assert "--data: expected a folder for what is kept" in capsys.readouterr().err and list(tmp_path.iterdir()) == []
    assert main(["study", "bandit", "--list"]) == 0  # keeps nothing


def test_figures_of_the_clone_are_left_out_and_named(no_clone, monkeypatch, capsys):
    monkeypatch.setattr(figures_command, "all_files", lambda: {"step.png": None, "map.png": None, "README.md": None})
    written = []
    monkeypatch.setattr(figures_command, "write_figures", lambda folder, names, force: written.extend(names))
    assert main(["figures"]) == 0 and written == ["step.png"]
    assert "need the clone: map.png" in capsys.readouterr().out
    assert main(["figures", "step.png"]) == 0 and "left out" not in capsys.readouterr().out
    assert main(["figures", "map.png"]) == 2 and written == ["step.png", "step.png"]
    assert "needs no clone, got 'map.png'" in capsys.readouterr().err


def test_the_list_of_figures_says_what_it_needs(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    assert main(["figures", "--list"]) == 2
    assert capsys.readouterr().err.startswith("figures: expected an installation with all of requirements.txt")


def test_what_is_of_the_clone_is_the_commands_own():
    assert set(figures_command.OF_THE_CLONE) <= set(figures_command.all_files())


def test_the_tutorial_says_that_it_needs_the_clone(no_clone, capsys):
    assert main(["tutorial"]) == 2
    assert "run from a clone" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["quickstart", "gather runs --out table"])
def test_with_numpy_alone_what_draws_leaves_nothing_behind(tmp_path, words):
    train = "train association --setting tiny --updates 2 --set evaluation_episodes=8 --out runs/one"
    script = (
        "import sys\nsys.modules['matplotlib'] = None\nfrom bpm_numpy.__main__ import main\n"
        f"assert main({train.split()}) == 0\nsys.exit(main({words.split()}))"
    )
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=here, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and "expected an installation with all of requirements.txt" in last
    assert os.listdir(tmp_path) == ["runs"] and os.listdir(tmp_path / "runs") == ["one"]


def test_quickstart_goes_without_the_notebook(no_clone, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(quickstart_command, "REPRESENTATIVE", {"cell": "rnn", "plasticity": "none"})
    monkeypatch.setattr(quickstart_command, "all_figures", lambda: {quickstart_command.FIGURE: lambda: b"GIF89a"})
    assert main(["quickstart"]) == 0
    assert "not in an installed package" in capsys.readouterr().out
    assert (tmp_path / "results" / quickstart_command.FIGURE).read_bytes() == b"GIF89a"
