"""The commands train, evaluate and gather: what they print and write, and what is left when they are stopped."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from systems import posix

from bpm_numpy.__main__ import main
from bpm_numpy.commands.messages import shell_line
from bpm_numpy.commands.progress import progress
from bpm_numpy.commands.threads import SAID
from bpm_numpy.commands.train import first_signal
from bpm_numpy.lab.runs import load_curve, load_network, load_progress, load_settings, save, train_in
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.episodes import summaries
from bpm_numpy.learning.training import build

SMALL = "--setting tiny --set evaluate_every=2 --set evaluation_episodes=8 --set network_options.n_hidden=5".split()
TRAIN = ["train", "association", *SMALL]


def equal_runs(one, two):
    """Same parameters, bit for bit, and the same curve but for the seconds."""
    assert (one / "params.npz").read_bytes() == (two / "params.npz").read_bytes()
    curves = [[row | {"seconds": 0} for row in load_curve(folder)] for folder in (one, two)]
    assert repr(curves[0]) == repr(curves[1])  # NaN is itself
    return True


def start(*arguments):
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "bpm_numpy", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_rows(folder, rows, process):
    """Return as soon as the run's checkpoint has that many rows of the curve behind it."""
    for _ in range(3000):
        state = load_progress(folder)
        if state is not None and len(state.curve) >= rows:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    raise AssertionError("no row within 30 s")


def test_train_writes_a_run_that_evaluate_scores(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--network", "plastic", "--seed", "3", "--updates", "4"]) == 0
    folder = tmp_path / "runs/association-tiny-plastic-seed3"
    done, last, following = capsys.readouterr().out.splitlines()
    run = os.path.join("runs", "association-tiny-plastic-seed3")
    assert re.fullmatch(rf"4 updates are done: {re.escape(run)}, \S+ s", done)
    score = load_curve(folder)[-1]["score"]
    assert last.startswith(f"last score {score:.3f}: right answers") and "more is better, chance about 0.00" in last
    assert following == f"next: {shell_line('evaluate', run)}"
    changes = {"evaluate_every": 2, "evaluation_episodes": 8, "network_options.n_hidden": 5, "updates": 4}
    assert load_settings(folder) == settings_for("association", "plastic", "tiny", 3, changes)
    assert {path.name for path in folder.iterdir()} == {"settings.json", "curve.csv", "checkpoint.npz", "params.npz"}
    first = (folder / "curve.csv").read_text("utf-8").splitlines()[0].split(",")
    assert first[:4] == ["update", "episodes", "seconds", "training_score"] and {"score", "accuracy"} <= set(first)

    assert main(["evaluate", str(folder), "--episodes", "64"]) == 0
    out = capsys.readouterr().out
    printed = dict(line.split()[:2] for line in out.splitlines())
    assert re.search(r"^ +score  \S+ ± 0\.\d{4}  chance about 0.00   right answers.*; more is better$", out, re.M)
    assert re.search(r"^ +accuracy  \S+ ± 0\.\d{4}  chance about 0.50$", out, re.M)
    assert out.splitlines()[-1].startswith("after 4 of 4 updates; 64 episodes in 4 batches")
    assert float(printed["accuracy"]) == pytest.approx((1 + float(printed["score"])) / 2, abs=1e-3)
    assert main(["evaluate", str(folder), "--episodes", "1"]) == 0
    assert "; 16 episodes in 1 batch, too few for ±; ±: standard error" in capsys.readouterr().out
    assert main(["evaluate", str(folder), "--episodes", "64", "--seed", "1"]) == 0
    assert dict(line.split()[:2] for line in capsys.readouterr().out.splitlines()) != printed


def test_the_same_command_does_nothing_more_and_a_longer_one_goes_on(tmp_path):
    for folder, updates in (("one", "3"), ("one", "3"), ("one", "6"), ("two", "6")):
        assert main([*TRAIN, "--updates", updates, "--out", str(tmp_path / folder)]) == 0
    assert (load_curve(tmp_path / "one")[-1] | {"seconds": 0}).keys() == load_curve(tmp_path / "two")[-1].keys()
    assert (tmp_path / "one/params.npz").read_bytes() == (tmp_path / "two/params.npz").read_bytes()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--set", "learning_rate=0.1"], "learning_rate 0.003, not 0.1"),
        (["--network", "none"], "network 'simple', not 'none'"),
        (["--updates", "1"], "train: --updates: expected at least the 2 done, got 1"),
        (["--set", "colour=red"], "--set: expected names from"),
        (["--set", "entropy=some"], "train: --set entropy: expected 'shannon'"),
        (["--set", "task_options.colour=1"], "--set task_options.colour: expected the name of an option (batch, "),
        (["--setting", "huge"], "train: --setting: expected"),
        (["--seed", "-1"], "train: --seed: expected"),
    ],
)
def test_train_refuses_and_says_why(tmp_path, capsys, arguments, message):
    assert main([*TRAIN, "--updates", "2", "--out", str(tmp_path)]) == 0
    stored = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main([*TRAIN, "--updates", "2", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == stored


def test_set_wants_a_name_and_a_value(capsys):
    for wrong in ("updates", "=3"):
        with pytest.raises(SystemExit) as caught:
            main([*TRAIN, "--set", wrong])
        assert caught.value.code == 2 and "expected NAME=VALUE" in capsys.readouterr().err


def test_evaluate_and_gather_say_what_is_missing(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "evaluate: RUN: expected a run" in capsys.readouterr().err
    assert main(["gather", str(tmp_path)]) == 2
    assert "gather: FOLDER: expected runs" in capsys.readouterr().err
    assert main([*TRAIN, "--updates", "2", "--out", str(tmp_path / "run")]) == 0
    assert main(["evaluate", str(tmp_path / "run"), "--episodes", "0"]) == 2
    assert "evaluate: --episodes: expected" in capsys.readouterr().err


def test_evaluate_says_how_many_updates_there_were_and_the_standard_error(tmp_path, capsys):
    settings = settings_for("association", "none", "tiny", 0, {"updates": 5, "evaluate_every": 2})
    for state in train_in(tmp_path, settings):
        if state.training.step == 2:
            break
    assert main(["evaluate", str(tmp_path), "--episodes", "33", "--seed", "7"]) == 0
    out = capsys.readouterr().out
    assert "after 2 of 5 updates; 48 episodes in 3 batches" in out
    net, params = load_network(tmp_path)
    task, _ = build(settings)
    scores = [batch["score"] for batch in summaries(net, params, task, np.random.default_rng((7, 2)), 33)]
    assert f"score  {np.mean(scores):.4f} ± {np.sqrt(np.var(scores, ddof=1) / 3):.4f} " in out
    assert main(["evaluate", str(tmp_path), "--episodes", "16"]) == 0
    assert " ± - " in capsys.readouterr().out  # one batch says nothing about the others


def test_evaluate_never_takes_parameters_for_those_of_more_updates(tmp_path, capsys):
    assert main([*TRAIN, "--updates", "2", "--out", str(tmp_path)]) == 0
    for state in train_in(tmp_path, load_settings(tmp_path)._replace(updates=4000)):
        save(tmp_path, state)
        break  # as Ctrl-C does
    assert not (tmp_path / "params.npz").exists()
    assert main(["evaluate", str(tmp_path), "--episodes", "8"]) == 0
    assert "after 3 of 4000 updates" in capsys.readouterr().out
    (tmp_path / "checkpoint.npz").unlink()
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "evaluate: RUN: expected a run with checkpoint.npz or params.npz" in capsys.readouterr().err


def test_gather_writes_table_and_figure(tmp_path, capsys):
    scores = []
    for network, seed in (("simple", 0), ("simple", 1), ("simple", 2), ("none", 0)):
        folder = tmp_path / f"{network}{seed}"
        assert main([*TRAIN, "--updates", "4", "--network", network, "--seed", str(seed), "--out", str(folder)]) == 0
        scores.append(load_curve(folder)[-1]["score"])
    capsys.readouterr()
    assert main(["gather", str(tmp_path)]) == 0
    lines = (tmp_path / "table.csv").read_text("utf-8").splitlines()
    none, simple = (dict(zip(lines[0].split(","), line.split(","))) for line in lines[1:])
    assert (none["network"], none["seeds"], simple["network"], simple["seeds"]) == ("none", "1", "simple", "3")
    quartiles = [float(simple[name]) for name in ("quartile 1", "median", "quartile 3")]
    np.testing.assert_allclose(quartiles, np.quantile(scores[:3], (0.25, 0.5, 0.75)), atol=6e-4)
    assert int(simple["parameters"]) > int(none["parameters"]) and simple["median"] in capsys.readouterr().out
    figure = tmp_path / "learning_curves.png"
    drawn = figure.read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert main(["gather", str(tmp_path), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/learning_curves.png").read_bytes() == drawn


def test_learning_curves_show_median_and_quartiles():
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    from bpm_numpy.figures.draw_learning_curves import plot_learning_curves
    from bpm_numpy.lab.runs import Group

    scores = np.array([[0.0, 0.1], [0.2, 0.6], [0.1, 0.9]])
    group = Group("maze", "small", "simple", 10, np.array([5, 10]), scores, 1.0)
    figure = plot_learning_curves([group, group._replace(setting="tiny"), group._replace(label="none")])
    first, second = figure.axes
    assert [len(axis.lines) for axis in figure.axes] == [2, 1] and second.get_title() == "maze, tiny"
    np.testing.assert_allclose(first.lines[0].get_xydata(), [[5, 0.1], [10, 0.6]])
    band = first.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([band[:, 1].min(), band[:, 1].max()], [0.05, 0.75])
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["simple (3)", "none (3)"]
    plt.close(figure)


@posix
def test_killed_and_interrupted_runs_go_on_to_the_same_bits(tmp_path):
    options = [*TRAIN, "--network", "plastic", "--updates", "250"]
    stopped = str(tmp_path / "stopped")
    process = start(*options, "--out", stopped)
    wait_for_rows(stopped, 2, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = load_progress(stopped).training.step
    assert 4 <= done < 250

    process = start(*options, "--out", stopped)
    wait_for_rows(stopped, done // 2 + 2, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == ""
    step = int(re.search(r"stopped and saved at update (\d+) of 250", err)[1])
    assert load_progress(stopped).training.step == step > done
    command = shlex.split(re.search(r"-m bpm_numpy (.*)", err)[1])
    assert main(command) == 0
    assert main([*options, "--out", str(tmp_path / "whole")]) == 0
    assert equal_runs(tmp_path / "stopped", tmp_path / "whole")
    assert not list(tmp_path.glob("whole/*.tmp"))


@pytest.mark.parametrize("threads", ["1", "2"])
def test_with_as_many_threads_of_the_matrix_products_a_run_goes_on_to_the_same_bits(threads, tmp_path):
    """Units enough for products that OpenBLAS shares among its threads."""
    options = [*TRAIN, "--network", "simple", "--set", "network_options.n_hidden=150", "--set", "evaluate_every=1"]
    environment = os.environ | dict.fromkeys(SAID, threads)
    for folder, updates in (("whole", "2"), ("in two", "1"), ("in two", "2")):
        command = [sys.executable, "-m", "bpm_numpy", *options, "--updates", updates, "--out", str(tmp_path / folder)]
        subprocess.run(command, env=environment, check=True)
    assert equal_runs(tmp_path / "in two", tmp_path / "whole")


def test_the_first_signal_is_noted_and_the_second_ends_it():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), first_signal() as received:
        assert not received
        signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_progress_counts_on_from_where_a_run_was(capsys):
    list(progress(range(50, 100), 100, "updates", number=lambda item: item + 1, note=lambda item: f", item {item}"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5 and lines[0].startswith("updates 60/100, ") and lines[0].endswith(" left, item 59")
    assert re.fullmatch(r"updates 100/100 in \S+ s, item 99", lines[-1])
    assert list(progress("abc", 3, "letters")) == ["a", "b", "c"]
    begins = [re.split(",| in", line)[0] for line in capsys.readouterr().err.splitlines()]
    assert begins == ["letters 1/3", "letters 2/3", "letters 3/3"]


def test_progress_says_how_fast_it_goes_also_while_nothing_ends(capsys, monkeypatch):
    now = iter([0, 5, 10, 20, 7000, 7001])
    monkeypatch.setattr("bpm_numpy.commands.progress.time.monotonic", lambda: next(now))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    list(progress([4, 4, 5, 7, 8], 8, "runs", number=int, begun=4, note=lambda item: f" ({item})"))
    lines = capsys.readouterr().err.split("\r")[1:]
    assert [line.rstrip(" ") for line in lines] == [
        "runs 4/8, 5.0 s (4)",
        "runs 4/8, 10 s (4)",
        "runs 5/8, 20 s, one in 20 s, about 60 s left (5)",
        "runs 7/8, 1.9 h, one in 39 min, about 39 min left (7)",
        "runs 8/8 in 1.9 h (8)" + " " * (79 - 21) + "\n",
    ]
    assert all(len(line.rstrip("\n")) == 79 for line in lines)
