"""CONTRIBUTING.md and ARCHITECTURE.md: examples and commands run, outside the package; the map is the package's."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import bpm_numpy
from bpm_numpy.commands.figures import all_figures
from bpm_numpy.figures.draw_architecture import MEANING, ROWS, plot_architecture
from bpm_numpy.learning.storage import load_parameters

ROOT = Path(bpm_numpy.__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = {text.partition("\n")[0].removeprefix("# "): text for kind, text in BLOCKS if kind == "python"}
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
OF_THE_CLONE = ["python -m ruff check .", 'python -m pytest -m "not notebook"', "python -m bpm_numpy check"]
PARTS = {"bcm.py": ("rule", "bcm"), "forgetful.py": ("rule", "forgetful"), "steep.py": ("modulator", "steep")}
PARTS |= {"leaky.py": ("cell", "leaky")}


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder outside the package, with all files of the page."""
    folder = tmp_path_factory.mktemp("outside")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(words, folder):
    """A command in that folder -> what it printed."""
    words = [sys.executable if word == "python" else word for word in words]
    here = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(words, cwd=folder, env=here, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_has_the_examples_that_it_promises():
    assert {"bcm.py", "forgetful.py", "steep.py", "leaky.py", "delayed_copy.py", "my_study.py"} <= set(FILES)
    assert all(name.endswith(".py") for name in FILES) and len(FILES) == 11
    assert all(text.count("\n") <= 60 for text in FILES.values())
    assert set(OF_THE_CLONE) <= set(COMMANDS) and all(command.startswith("python ") for command in COMMANDS)


def test_every_command_of_the_page_runs_in_its_order(outside):
    printed = {}
    for command in COMMANDS:
        if command not in OF_THE_CLONE:
            printed[command] = run(shlex.split(command), outside)
    for name, of in (("bcm", "rule bcm"), ("steep", "modulator steep"), ("leaky", "cell leaky")):
        assert printed[f"python check_{name}.py"].rstrip().endswith(f"{of}: passed")
    assert printed["python check_delayed_copy.py"].rstrip().endswith("task delayed copy: passed")
    (check,) = [text for command, text in printed.items() if " check --rule bcm" in command]
    assert re.search(r"(\d+) of \1 checks passed", check)
    assert {path.name for path in (outside / "kept/copy").iterdir()} >= {"about.json", "params-bcm.npz", "summary.csv"}
    assert (outside / "runs/association-tiny-simple-seed0/params.npz").exists()


@pytest.mark.exact("its processes have a NumPy of their own")
def test_commands_of_the_clone_are_what_they_are_said_to_be(outside):
    lint, tests, check = OF_THE_CLONE
    pytest.importorskip("ruff", reason="ruff is not needed to use the package")
    config = ["--config", str(ROOT / "pyproject.toml")]
    run([*shlex.split(lint), *config], outside)  # the examples follow the lint too
    run([*shlex.split(tests), "--collect-only", "-q", "tests/test_contributing.py"], ROOT)
    assert "--rule" in run([*shlex.split(check), "--help"], ROOT)


@pytest.mark.parametrize("file", PARTS)
def test_parts_of_the_page_are_saved_and_loaded(outside, file, tmp_path):
    kind, name = PARTS[file]
    script = f"""
import sys
import numpy as np
from bpm_numpy import PlasticNetwork
from bpm_numpy.learning.storage import load_parameters, save_parameters
from bpm_numpy.plugins import load_plugin

load_plugin(sys.argv[1])
net = PlasticNetwork(2, 3, 2, {kind}={name!r})
save_parameters(sys.argv[2], net, net.init(np.random.default_rng(0)))
again, params = load_parameters(sys.argv[2])
assert again.options == net.options and again.{kind} is net.{kind}
"""
    run(["python", "-c", script, str(outside / file), str(tmp_path / "saved.npz")], outside)
    with pytest.raises(ValueError, match=f"{kind}: expected .*, got '{name}'; register one of your own first"):
        load_parameters(tmp_path / "saved.npz")


def test_files_that_the_page_names_are_there():
    assert not [path for path in re.findall(r"`((?:bpm_numpy|tests)/[\w./]+\.py)`", PAGE) if not (ROOT / path).exists()]
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / link).exists(), link
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in PAGE.splitlines()
                if line.startswith("#")}  # fmt: skip
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= headings


def test_architecture_names_every_folder_and_its_picture():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = [path.name for path in (ROOT / "bpm_numpy").iterdir() if (path / "__init__.py").exists()]
    assert not [name for name in folders if f"`{name}/`" not in page]
    assert not [name for name in re.findall(r"`(\w+\.py)`", page) if not list((ROOT / "bpm_numpy").rglob(name))]
    for link in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / link).exists(), link
    assert all_figures()["architecture.png"] is plot_architecture


def imports_of(path):
    """What of the package a module of it imports: names as the rows of the picture have them."""
    package = ROOT / "bpm_numpy"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        for place in [base] if node.module else [base / alias.name for alias in node.names]:
            if place not in (package, package / "__version__"):
                name = place.relative_to(package).parts[0]
                yield f"{name}/" if (package / name).is_dir() else f"{name}.py"


def test_nothing_rests_on_what_is_above_it_in_the_picture():
    rows = {name: number for number, names in enumerate(ROWS) for name in names}
    package = ROOT / "bpm_numpy"
    upwards, seen = set(), 0
    for path in package.rglob("*.py"):
        first = path.relative_to(package).parts[0]
        if first.startswith("__") or first == "public.py":  # the package's own face, and the command line's beginning
            continue
        name = first if first.endswith(".py") else f"{first}/"
        for used in imports_of(path):
            seen += 1
            if rows[used] > rows[name]:
                upwards.add((name, used))
    assert upwards == {("rules/", "chunked/")} and seen > 300
    assert len(ROWS) == len(MEANING)
