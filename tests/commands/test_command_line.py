"""What a person types and what a disk does: one line that says what is wrong, in their words, and an exit code."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from systems import linux, posix

from bpm_numpy.__main__ import COMMANDS, main
from bpm_numpy.commands import study as study_command
from bpm_numpy.commands.messages import explain, option_that_leads_to, red, shell_line, typed_as
from bpm_numpy.commands.threads import SAID, leave_threads_to_the_user, use_one_thread
from bpm_numpy.commands.train import _change
from bpm_numpy.files import locked
from bpm_numpy.lab.runs import load_progress, load_settings

ROOT = Path(__file__).parents[2]
SMALL = "--setting tiny --updates 2 --set evaluate_every=1 --set evaluation_episodes=8".split()
TRAIN = ["train", "association", *SMALL, "--set", "network_options.n_hidden=3"]
ONE_CHECK = "check --cell rnn --plasticity none --reading notes --alpha full --readout linear".split()


def shell(*words, cwd=ROOT, **options):
    """A command in a process of its own -> exit code, stdout, stderr."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"} | options.pop("env", {})
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    done = subprocess.run([sys.executable, "-m", "bpm_numpy", *words], cwd=cwd, env=environment, text=True, **options)
    return done.returncode, done.stdout, done.stderr


def start(*words, cwd):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "BROWSER": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "bpm_numpy", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells ignore it in what they start with &
    )


# What is typed


@pytest.mark.parametrize(
    "words, message",
    [
        ([*TRAIN, "--seed", "-1"], "train: --seed: expected an integer of at least 0, got -1"),
        ([*TRAIN, "--updates", "0"], "train: --updates: expected"),
        ([*TRAIN, "--out", ""], "train: --out: expected a name, got ''"),
        ([*TRAIN, "--out", "file"], "train: --out: expected a folder, got file, where a file is in the way"),
        ([*TRAIN, "--out", "file/below"], "train: --out: expected a folder"),
        ([*TRAIN, "--set", "network_options.clip=nan"], "train: --set network_options.clip: expected"),
        (
            [*TRAIN, "--set", "network_options.dtype=float32", "--set", "eps=1e-50"],
            "train: --set eps: expected a finite number above 0 in float32, got 1e-50",
        ),
        ([*TRAIN, "--set", "network_options.colour=1"], "train: --set network_options.colour: expected the name"),
        ([*TRAIN, "--set", "task_options.batch=x"], "train: --set task_options.batch: expected an integer, got 'x'"),
        ([*TRAIN, "--set", "start.eta=0.5"], "train: --set start.eta: expected the parameters"),
        ([*TRAIN, "--set", "start.W_h=[1,0]"], "train: --set start.W_h: expected"),
        ([*TRAIN, "--set", "start=file"], "train: --set start: expected a parameters file"),
        ([*TRAIN, "--set", "task_options.bits=100000000000"], "train: --set task_options.bits: expected arrays of at"),
        ([*TRAIN, "--set", "network_options.n_hidden=1000000"], "train: --set network_options.n_hidden: W_h: expected"),
        (["evaluate", "nowhere"], "evaluate: RUN: expected a run"),
        (["evaluate", ""], "evaluate: RUN: expected a run"),
        (["gather", "nowhere", "--out", "file"], "gather: FOLDER: expected runs"),
        (["study", "bandit", "--data", "file"], "study: --data: expected a folder, got file"),
        (["study", "bandit", "--data", "file/below"], "study: --data: expected a folder, got file"),
        ([*TRAIN, "--set", "task_options.batch=10**13"], "train: --set task_options.batch: expected an integer"),
        ([*TRAIN, "--set", "task_options.batch=10000000000000"], "train: --set task_options.batch: expected arrays of"),
        ([*TRAIN, "--set", "task_options.colour=1"], "train: --set task_options.colour: expected the name"),
        (["evaluate", "nowhere", "--seed", "-1"], "evaluate: --seed: expected"),
        (["gather", "nowhere"], "gather: FOLDER: expected runs"),
        (["gather", ".", "--out", ""], "gather: --out: expected a name"),
        (["gather", ""], "gather: FOLDER: expected a name"),
        (["--plugin", "\0", "check"], "--plugin: expected a name"),
        ([*TRAIN, "--set", "task_options.pairs=100000"], "train: --set task_options.pairs: expected an integer of at"),
        ([*TRAIN, "--set", "task_options.pairs=500"], "train: --set task_options.pairs: expected enough bits for 500"),
        (["check", "--seed", "-1"], "check: --seed: expected"),
        (["check", "--json", "."], "check: --json: expected a file, got the folder"),
        (["check", "--json", ""], "check: --json: expected a name"),
        (["check", "--json", "no/such/folder"], "check: --json: expected a file in an existing folder"),
        (["quickstart", "--seed", "-1"], "quickstart: --seed: expected"),
        (["bench", "--passes", "0"], "bench: --passes: expected"),
        (["bench", "--only", "nothing"], "bench: --only: expected a part of"),
        (["study", "association", "--jobs", "0"], "study: --jobs: expected"),
        (["study", "association", "--seeds", "0"], "study: --seeds: expected"),
        (["study", "association", "--seeds", "1000000000"], "study: --seeds: expected at most"),
        (["figures", "none.png"], "figures: NAME: expected"),
        (["figures", "--folder", "file", "clip_growth.png"], "figures: --folder: expected a folder"),
        (["tutorial", "--html", ""], "tutorial: --html: expected a name"),
        (["tutorial", "--html", "file", "00"], "tutorial: --html: expected a folder"),
        (["tutorial", "99"], "tutorial: NN: expected the start of a notebook's name, got 99"),
        (["tutorial", "05", "06"], "tutorial: NN: expected one notebook where JupyterLab is opened, got 2"),
        (["tutorial", "0"], "tutorial: NN: expected one notebook where JupyterLab is opened, got 10"),
        (["tutorial", "--write"], "tutorial: --write: expected only together with --run"),
    ],
    ids=lambda value: " ".join(value[-3:]) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_one_line_in_the_words_that_were_typed(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study_command, "DATA", tmp_path / "data")
    Path("file").write_text("of the user")
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith(message) and err.count("\n") == 1
    assert os.listdir() == ["file"] and Path("file").read_text("utf-8") == "of the user"


def test_values_of_set_are_read_as_json_or_python_has_them():
    values = {
        "True": True,
        "true": True,
        "False": False,
        "None": None,
        "null": None,
        ".001": 0.001,
        "1e-3": 0.001,
        "1_000": 1000,
        "inf": float("inf"),
        "-Infinity": float("-inf"),
        "[0, 0.01]": [0, 0.01],
        "(0, 1)": (0, 1),
        "red": "red",
        "runs/x/params.npz": "runs/x/params.npz",
        "": "",
        "[[" * 50_000: "[[" * 50_000,
    }
    for text, value in values.items():
        name, read = _change(f"a.b={text}")
        assert name == "a.b" and read == value and type(read) is type(value), text[:20]


def test_these_settings_train(tmp_path):
    words = ["network_options.fanout=True", "network_options.readout_hidden=None", "network_options.clip=inf"]
    words += ["learning_rate=.001"]
    changes = [word for change in words for word in ("--set", change)]
    assert main([*TRAIN, *changes, "--out", str(tmp_path / "run")]) == 0
    settings = load_settings(tmp_path / "run")
    assert settings.network_options["clip"] == np.inf and settings.network_options["fanout"] is True
    assert settings.network_options["readout_hidden"] is None and settings.learning_rate == 0.001


def test_errors_are_explained_in_one_line():
    def same(name):
        return name

    assert explain(MemoryError(), same) == "expected something that fits into memory (no more details)"
    assert explain(OSError(28, "No space left on device"), same) == "No space left on device"
    assert explain(OSError(28, "No space left on device", "a/b"), same) == "No space left on device: a/b"
    assert "requirements.txt" in explain(ModuleNotFoundError("No module named 'nbformat'"), same)
    assert explain(ValueError("a:\n  b"), same) == "a: b" and explain(ValueError(), same) == "ValueError"
    assert len(explain(ValueError("9" * 10_000), same)) < 2100


def test_an_argument_is_called_what_was_typed():
    class Typed:
        set = [("start.eta", 1), ("task_options.block", [0, 1]), ("start.W_h", 2), ("task_options.T", 3)]

    for name, expected in {
        "start['W_h']": "--set start.W_h",
        "start": "--set start.eta and --set start.W_h",
        "block[1]": "--set task_options.block",
        "batch, block and T": "--set task_options.block and --set task_options.T",
        "seed": "--seed",
        "episodes": "episodes",
        "folder": "--out",
    }.items():
        assert typed_as(name, Typed, "usage: [--seed N]", {"folder": "--out"}) == expected


def test_a_refused_file_is_of_the_option_that_leads_nearest_to_it(tmp_path):
    typed = SimpleNamespace(folder=str(tmp_path), out=str(tmp_path / "out"))
    words = typed, "usage: [--out DIR]", {"folder": "FOLDER"}
    assert option_that_leads_to(str(tmp_path / "out/table.csv"), *words) == "--out"
    assert option_that_leads_to(str(tmp_path / "table.csv"), *words) == "FOLDER"
    assert option_that_leads_to(str(tmp_path.parent), *words) == ""


@posix
def test_a_command_to_type_begins_with_this_python_as_the_shell_finds_it(tmp_path, monkeypatch):
    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "python").symlink_to(sys.executable)
    here = str(tmp_path / "here/python")
    monkeypatch.setattr(sys, "executable", here)
    for folder, found, word in (
        (tmp_path, "here", "python"),
        (tmp_path, "elsewhere", "here/python"),
        (tmp_path / "elsewhere", "elsewhere", here),
        (tmp_path / "elsewhere", "nowhere", here),
    ):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PATH", str(tmp_path / found))
        assert shell_line("gather", "my runs") == f"{shlex.quote(word)} -m bpm_numpy gather 'my runs'"


# Where it prints


@pytest.mark.parametrize("command", COMMANDS)
def test_help_where_not_all_letters_can_be_printed(command):
    code, out, err = shell(command, "--help", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert code == 0 and err == "" and out.startswith(f"usage: python -m bpm_numpy {command}")


@linux
def test_closed_and_full_streams(tmp_path):
    def closing(*numbers):
        return {"preexec_fn": lambda: [os.close(number) for number in numbers]}

    words = [*TRAIN, "--out"]
    for number, streams in enumerate(((0,), (1,), (2,), (0, 1, 2))):
        folder = tmp_path / f"closed{number}"
        code, out, err = shell(*words, str(folder), **closing(*streams))
        assert code == 0 and "Traceback" not in out + err
        assert load_progress(folder).training.step == 2
    with open("/dev/full", "w") as full:
        code, _, err = shell(*words, str(tmp_path / "full"), stdout=full)
        assert code == 2 and "No space left on device" in err and "Traceback" not in err and "Exception" not in err
        code, out, _ = shell(*words, str(tmp_path / "full2"), stderr=full)
        assert "2 updates are done" in out and load_progress(tmp_path / "full2").training.step == 2
        assert shell("check", "--help", stdout=full, env={"PYTHONUNBUFFERED": ""})[0] == 2
        code, _, err = shell("figures", "--list", stdout=full, env={"PYTHONUNBUFFERED": "1"})
        assert code == 2 and err == "figures: No space left on device\n"


@posix
@pytest.mark.parametrize("words", [ONE_CHECK, ["figures", "--list"]], ids=["check", "figures"])
def test_nobody_reads_any_more(words):
    read, write = os.pipe()
    os.close(read)
    code, _, err = shell(*words, stdout=write, env={"PYTHONUNBUFFERED": "1"})
    os.close(write)
    assert code == 141 and "Traceback" not in err and "Exception" not in err


@posix
def test_a_full_disk_is_one_line_and_a_longer_one_goes_on(tmp_path):
    import resource

    small = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))}
    code, _, err = shell(*TRAIN, "--out", str(tmp_path / "run"), **small)
    assert code == 2 and err.splitlines()[-1].startswith(f"train: --out: File too large: {tmp_path}/run/")
    assert "Traceback" not in err
    assert not [name for name in os.listdir(tmp_path / "run") if name.endswith((".tmp", ".lock"))]
    assert main([*TRAIN, "--out", str(tmp_path / "run")]) == 0
    code, out, err = shell(*ONE_CHECK, "--json", str(tmp_path / "table.json"), preexec_fn=lambda: _only(200))
    assert code == 2 and err.splitlines()[-1] == f"check: --json: File too large: {tmp_path}/table.json"
    assert "1 of 1 checks passed" in out
    assert not (tmp_path / "table.json").exists()


def _only(size):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@posix
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_table_is_written_also_where_nobody_reads(tmp_path, buffered):
    read, write = os.pipe()
    os.close(read)
    words = [*ONE_CHECK, "--json", str(tmp_path / "table.json")]
    code, _, err = shell(*words, stdout=write, env={"PYTHONUNBUFFERED": buffered})
    os.close(write)
    assert code == 141 and "Traceback" not in err and "Exception" not in err
    assert json.loads((tmp_path / "table.json").read_text("utf-8"))["checks"][0]["passed"]


@posix
def test_what_the_system_refuses_is_said_with_the_option(tmp_path, monkeypatch, capsys):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("bpm_numpy.files._open_temporary", refuse)
    monkeypatch.chdir(tmp_path)
    for words, option in (
        ([*ONE_CHECK, "--json", "table.json"], "check: --json"),
        ([*TRAIN, "--out", "run"], "train: --out"),
        (["figures", "--folder", "new", "clip_growth.png"], "figures: --folder"),
    ):
        assert main(words) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith(f"{option}: Permission denied: {tmp_path}"), line


@posix
def test_a_current_folder_that_was_removed_is_said(tmp_path, monkeypatch, capsys):
    for words in (TRAIN, [*ONE_CHECK, "--json", "table.json"], ["figures", "clip_growth.png"]):
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        assert main(words) == 2
        lines = capsys.readouterr().err.splitlines()
        assert lines == [f"{words[0]}: expected a current folder, got one that was removed; cd to another one"]


def test_failed_is_red_on_a_terminal_alone(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert red("FAILED") == "FAILED"
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert red("FAILED") == "\033[31mFAILED\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert red("FAILED") == "FAILED"


# Threads


@pytest.mark.parametrize("said, expected", [({}, "1"), ({"OMP_NUM_THREADS": "3"}, None), ({SAID[1]: "2"}, None)])
def test_one_thread_unless_the_environment_says_otherwise_and_before_numpy_is_there(said, expected):
    environment = {name: value for name, value in os.environ.items() if name not in SAID} | said
    script = (
        "import os, sys\n"
        "class Seen:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'numpy': print(os.environ.get('OPENBLAS_NUM_THREADS'))\n"
        "sys.meta_path.insert(0, Seen())\n"
        "sys.argv = ['bpm', '--version']\n"
    )
    begin = "from bpm_numpy.__main__ import run_in_a_shell; sys.exit(run_in_a_shell())"
    for code, number in ((script + begin, expected), (script + "from bpm_numpy import PlasticNetwork", None)):
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[0] == str(number)


def test_other_programs_get_the_threads_of_the_user(monkeypatch):
    for name in SAID:
        monkeypatch.delenv(name, raising=False)
    use_one_thread()
    assert [os.environ.get(name) for name in SAID[:4]] == ["1"] * 4 and "OMP_NUM_THREADS" not in os.environ
    leave_threads_to_the_user()
    assert not set(SAID) & set(os.environ)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    use_one_thread()
    leave_threads_to_the_user()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2" and "MKL_NUM_THREADS" not in os.environ


# Ctrl-C


@posix
@pytest.mark.parametrize(
    "module",
    ["bpm_numpy.commands", "bpm_numpy.commands.threads", "numpy", "numpy.linalg", "argparse", "bpm_numpy.network",
     "bpm_numpy.commands.study", "bpm_numpy.commands.options"],
)  # fmt: skip
def test_ctrl_c_while_modules_are_loaded_is_one_line_too(module):
    """Python's own beginning, before it reaches the package, is not the package's to answer for."""
    script = (
        "import runpy, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.modules.pop({module!r}, None)\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "sys.argv = ['bpm_numpy', 'check', '--help']\n"
        "runpy.run_module('bpm_numpy', run_name='__main__', alter_sys=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@posix
def test_a_signal_that_is_ignored_stays_so(tmp_path):
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    plugin = tmp_path / "plugin.py"
    plugin.write_text("import signal\nprint(signal.getsignal(signal.SIGINT).name)\n")
    code, out, err = shell("--plugin", str(plugin), "--version", **ignoring)
    assert code == 0 and out.startswith("SIG_IGN\nbpm_numpy ") and err == ""


@posix
@pytest.mark.parametrize(
    "words, ready",
    [
        (["check", "--rule", "outer", "--cell", "rnn"], "checks"),
        (["bench", "--passes", "1000"], None),
        (["evaluate", "run", "--episodes", "1000000000"], None),
        (["figures", "--folder", "figures"], None),
        (["quickstart"], None),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_ctrl_c_ends_every_command_in_one_line(tmp_path, words, ready):
    if "run" in words:
        assert main([*TRAIN, "--out", str(tmp_path / "run")]) == 0
    process = start(*words, cwd=tmp_path)
    if ready:
        assert process.stderr.readline().startswith(ready)
    else:
        time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # it would run on beside all other tests
        process.communicate()
        raise
    lines = [line for line in err.splitlines() if not line.startswith(("checks", "figures ", "cases"))]
    assert lines[0].removeprefix(f"{words[0]}: ") == "interrupted"  # the machine may be so busy that it hasn't begun
    assert len(lines) == 1 and process.returncode == 130
    with pytest.raises(ProcessLookupError):  # nobody of its group is left
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.05)


@posix
def test_ctrl_c_amid_code_made_from_a_string_has_the_same_exit_code(tmp_path):
    """As of ``namedtuple`` and ``dataclass``: after it Python ends by the signal, whatever sys.exit is given."""
    (tmp_path / "mine.py").write_text("import os, signal\nexec('os.kill(os.getpid(), signal.SIGINT)')\n")
    process = start("--plugin", "mine.py", "figures", "--list", cwd=tmp_path)
    _, err = process.communicate(timeout=60)
    assert err == "interrupted\n" and process.returncode == 130


@posix
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_processes_of_a_check_end_with_it(tmp_path, number):
    process = start("check", "--rule", "outer", cwd=tmp_path)
    assert process.stderr.readline().startswith("checks")
    os.kill(process.pid, getattr(signal, number))
    try:
        process.communicate(timeout=60)  # waits for all that have its stderr open
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -getattr(signal, number)


@posix
def test_a_second_train_in_the_same_folder_is_told_so(tmp_path):
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run"):
        code, _, err = shell(*TRAIN, "--out", str(tmp_path / "run"))
    assert (
        code == 2 and err.startswith("train: --out: expected one that nothing else writes to") and err.count("\n") == 1
    )


@linux
def test_a_run_ends_with_the_process_at_the_other_end_of_its_stdin(tmp_path):
    words = ["train", "association", "--setting", "small", "--out", str(tmp_path / "run")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    parent = (
        "import subprocess, sys, time\n"
        "process = subprocess.Popen([sys.executable, '-m', 'bpm_numpy', *sys.argv[1:], '--while-stdin'],"
        " stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)\n"
        "print(process.pid, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent, *words], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    child = int(process.stdout.readline())
    for _ in range(600):
        if (tmp_path / "run/checkpoint.npz").exists():
            break
        time.sleep(0.05)
    process.kill()
    process.communicate()
    for _ in range(600):
        if not _runs(child):
            break
        time.sleep(0.05)
    assert not _runs(child)
    assert 0 < load_progress(tmp_path / "run").training.step < 6000
    with locked(tmp_path / "run"):
        pass


def _runs(number):
    """Whether there is a process of that number that is not just waiting to be forgotten."""
    try:
        return Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# Files of commands


def test_gather_replaces_its_own_files_only(tmp_path, capsys):
    assert main([*TRAIN, "--out", str(tmp_path / "run")]) == 0
    for name in ("table.csv", "learning_curves.png"):
        (tmp_path / name).write_text("of the user")
        assert main(["gather", str(tmp_path)]) == 2
        assert name in (err := capsys.readouterr().err) and "--force" in err
        assert (tmp_path / name).read_text("utf-8") == "of the user"
        (tmp_path / name).unlink()
    assert main(["gather", str(tmp_path)]) == 0
    first = (tmp_path / "table.csv").read_text("utf-8")
    assert main([*TRAIN, "--seed", "1", "--out", str(tmp_path / "other")]) == 0
    assert main(["gather", str(tmp_path)]) == 0
    assert (tmp_path / "table.csv").read_text("utf-8") != first
    (tmp_path / "table.csv").write_text("changed by the user")
    assert main(["gather", str(tmp_path)]) == 2 and (tmp_path / "table.csv").read_text("utf-8") == "changed by the user"
    assert main(["gather", str(tmp_path), "--force"]) == 0


def test_gather_says_what_it_leaves_out(tmp_path, capsys):
    assert main([*TRAIN, "--out", str(tmp_path / "run")]) == 0
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/settings.json").write_text("{}")
    assert main(["gather", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert (
        f"gather: left out {tmp_path / 'broken'}: settings: expected a dict" in captured.err
        and "simple" in captured.out
    )


def test_figures_replaces_its_own_files_only(tmp_path, capsys):
    words = ["figures", "--folder", str(tmp_path), "clip_growth.png"]
    (tmp_path / "clip_growth.png").write_text("of the user")
    assert main(words) == 2 and "figures: --folder: expected no clip_growth.png" in capsys.readouterr().err
    assert (tmp_path / "clip_growth.png").read_text("utf-8") == "of the user"
    assert main([*words, "--force"]) == 0 and main(words) == 0
    assert (tmp_path / "clip_growth.png").read_bytes().startswith(b"\x89PNG")


def test_check_replaces_its_own_table_only(tmp_path, capsys):
    file = tmp_path / "table.json"
    for text in ("of the user", '{"mine": 1}', "[]"):
        file.write_text(text)
        assert main([*ONE_CHECK, "--json", str(file)]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("check: --json: expected a new file or a table") and captured.out == ""
        assert file.read_text("utf-8") == text
    assert main([*ONE_CHECK, "--json", str(file), "--force"]) == 0
    before = file.read_text("utf-8")
    assert main([*ONE_CHECK, "--json", str(file), "--seed", "1"]) == 0 and file.read_text("utf-8") != before


def test_quickstart_looks_at_its_folder_before_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/hebb_over_time.png").write_text("of the user")
    assert main(["quickstart"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "hebb_over_time.png" in captured.err
    assert (tmp_path / "results/hebb_over_time.png").read_text("utf-8") == "of the user"


def test_an_install_without_the_clone_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bpm_numpy.commands.tutorial.find_notebooks", lambda: _find_in(tmp_path))
    monkeypatch.setattr("bpm_numpy.commands.bench.trained_networks", lambda data: iter(()))
    assert main(["tutorial", "--run"]) == 2 and "run from a clone" in capsys.readouterr().err
    assert main(["bench", "--trained"]) == 2 and "run from a clone" in capsys.readouterr().err


def _find_in(folder):
    from bpm_numpy.site.notebooks import find_notebooks

    return find_notebooks(folder)
