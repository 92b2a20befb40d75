"""What the command line says of itself: its help, its version, its names, and what it makes of those that it lacks."""

import argparse
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import bpm_numpy
from bpm_numpy import __main__ as command_line
from bpm_numpy.commands.options import Parser, plain
from bpm_numpy.tasks import TASKS

ROOT = Path(__file__).parents[2]
MODULES = command_line.load_commands()


def parser_of(name):
    """The parser of a command."""
    parser = Parser(prog=f"python -m bpm_numpy {name}", description=plain(MODULES[name].__doc__))
    MODULES[name].add_arguments(parser)
    return parser


def help_of(*words):
    """What --help prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as caught:
        command_line.main([*words, "--help"])
    assert caught.value.code == 0
    return printed.getvalue()


@pytest.mark.parametrize("name", command_line.COMMANDS)
def test_every_option_is_described_in_a_help_without_markup_that_ends_in_examples(name):
    text = help_of(name)
    assert "``" not in text and text.startswith(f"usage: python -m bpm_numpy {name}")
    for action in parser_of(name)._actions:
        assert action.help or action.help == argparse.SUPPRESS, action.option_strings or action.dest
    examples = text.partition("\nexamples:\n")[2].rstrip("\n").splitlines()
    assert 1 <= len(examples) <= 6 and examples == MODULES[name].EXAMPLES.splitlines()
    for line in examples:
        words = shlex.split(line)
        assert line.startswith("  python -m bpm_numpy ") and len(line) <= 120
        words = words[3:] if words[3] != "--plugin" else words[5:]
        assert words[0] == name
        parser_of(name).parse_args(words[1:])


def test_the_help_of_all_names_every_command_and_that_of_train_every_setting():
    text = help_of()
    assert all(re.search(rf"^    {name} ", text, re.M) for name in command_line.COMMANDS) and "COMMAND --help" in text
    text = help_of("train")
    assert all(re.search(rf"^  {task}: .*\bpaper\b", text, re.M) for task in TASKS) and "  hebb_penalty\n" in text


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit, match="0"):
        command_line.main(["--version"])
    assert capsys.readouterr().out.startswith(f"bpm_numpy {bpm_numpy.__version__}, NumPy ")
    assert f"\nversion: {bpm_numpy.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'version = { attr = "bpm_numpy.__version__" }' in project
    place, function = re.search(r'^bpm = "([\w.]+):(\w+)"$', project, re.M).groups()
    assert (place, function) == ("bpm_numpy.__main__", command_line.run_in_a_shell.__name__)


def test_the_console_script_is_the_same_program():
    code = "import sys; sys.argv = ['bpm', '--version']; from bpm_numpy.__main__ import run_in_a_shell; "
    options = {"capture_output": True, "text": True, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    done = subprocess.run([sys.executable, "-c", code + "sys.exit(run_in_a_shell())"], **options)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("bpm_numpy ")


@pytest.mark.parametrize(
    "words, line",
    [
        ("trian", "bpm_numpy: COMMAND: expected quickstart | .*, got 'trian'; nearest: 'train'.*; see"),
        ("--nothing", "bpm_numpy: --nothing: expected an option of this command; see python -m bpm_numpy --help"),
        ("train", "train: expected TASK; see python -m bpm_numpy train --help"),
        ("train bandit --sed=3", "train: --sed: expected an option of this command; nearest: '--seed'"),
        ("train bandit maze", "train: expected no more arguments, got maze; see"),
        ("train bandit --seed", "train: --seed: expected one argument; see"),
        ("train bandit --seed x", "train: --seed: expected an integer, got 'x'; see"),
        ("train bandit --set x", "train: --set: expected NAME=VALUE, got 'x'; see"),
        ("check --regime most", "check: --regime: expected inactive | sometimes | mostly, got 'most'; nearest: 'mos"),
        ("check --seed 1.5", "check: --seed: expected an integer, got '1.5'; see"),
        ("tutorial --run --html x", "tutorial: --html: not allowed with argument --run; see"),
        ("evaluate run --episodes many", "evaluate: --episodes: expected an integer, got 'many'; see"),
    ],
)
def test_what_cannot_be_parsed_is_one_line_that_names_the_option_and_the_help(capsys, words, line):
    with pytest.raises(SystemExit, match="2"):
        command_line.main(words.split())
    captured = capsys.readouterr()
    expected = ".*".join(map(re.escape, line.split(".*")))
    assert captured.out == "" and captured.err.count("\n") == 1 and re.match(expected, captured.err), captured.err
    assert captured.err.endswith(" --help\n")


@pytest.mark.parametrize(
    "words, near",
    [
        ("train asociation", "association"),
        ("train bandit --network simpel", "simple"),
        ("train bandit --setting smal", "small"),
        ("train bandit --set learning_rat=1", "learning_rate"),
        ("train bandit --set task_option.T=1", "task_options.NAME"),
        ("train bandit --set task_options.chance=1", "chances"),
        ("train bandit --set network_options.n_hiden=1", "n_hidden"),
        ("check --rule oute", "outer"),
        ("study cue-rewad", "cue-reward"),
        ("figures clip_growt.png", "clip_growth.png"),
        ("tutorial --rum", "--run"),
    ],
)
def test_an_unknown_name_is_answered_by_the_nearest_ones(tmp_path, monkeypatch, capsys, words, near):
    monkeypatch.chdir(tmp_path)
    assert command_line.main(words.split()) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and f"; nearest: '{near}'" in line and not os.listdir(), line


def test_figures_lists_its_names(capsys):
    assert command_line.main(["figures", "--list"]) == 0
    names = capsys.readouterr().out.split()
    assert set(names) == set(MODULES["figures"].all_files()) and "clip_growth.png" in names
