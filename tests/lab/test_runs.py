"""Run folders as people leave them: in use, stripped, foreign, copied, changed; and what gather makes of them."""

import contextlib
import json
import os
import shutil
import warnings

import numpy as np
import pytest
from systems import posix

from bpm_numpy import PlasticNetwork
from bpm_numpy.files import FilesWarning, locked
from bpm_numpy.lab.runs import (
    gather,
    load_curve,
    load_network,
    load_progress,
    load_settings,
    network_label,
    open_run,
    save,
    train_in,
    write_csv,
)
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.storage import load_parameters, load_training, save_parameters

QUICK = {"updates": 6, "evaluate_every": 2, "evaluation_episodes": 8, "network_options.n_hidden": 3}


def settings_of(network="simple", seed=0, **changes):
    return settings_for("association", network, "tiny", seed, QUICK | changes)


def finish(folder, settings):
    """Train to the end -> the last Progress, or None if nothing was left to do."""
    progress = None
    for progress in train_in(folder, settings):  # noqa: B007 - the last one
        pass
    return progress


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run."""
    finish(tmp_path / "run", settings_of())
    return tmp_path / "run"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Files that are no run's


@pytest.mark.parametrize("name", ["curve.csv", "params.npz", "checkpoint.npz", "recent.json"])
def test_a_folder_with_files_of_these_names_that_is_no_run_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("of the user")
    (tmp_path / "more").write_text("of the user")
    before = content(tmp_path)
    with pytest.raises(ValueError, match=f"^folder: expected a new one or a run's, got .* with {name} but no settings"):
        finish(tmp_path, settings_of())
    assert content(tmp_path) == before


def test_other_files_in_a_runs_folder_do_no_harm_and_take_none(tmp_path):
    (tmp_path / "notes.txt").write_text("of the user")
    finish(tmp_path, settings_of())
    assert (tmp_path / "notes.txt").read_text("utf-8") == "of the user" and len(load_curve(tmp_path)) == 3


@pytest.mark.parametrize("kept", [("curve.csv", "params.npz"), ("curve.csv",), ("params.npz",)])
def test_what_was_kept_of_a_finished_run_is_not_begun_anew(run, kept):
    for name in {"checkpoint.npz", "curve.csv", "params.npz"} - set(kept):
        (run / name).unlink()
    before = content(run)
    for settings in (settings_of(), settings_of(updates=8)):
        with pytest.raises(
            ValueError, match="^folder: expected a run that can go on, .* no checkpoint.npz; give another"
        ):
            finish(run, settings)
    assert content(run) == before


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path):
    settings = settings_of()
    for done in train_in(tmp_path, settings):
        if done.training.step == 2:
            break
    (tmp_path / "checkpoint.npz").unlink()  # as if killed just before it was put in place
    assert len(load_curve(tmp_path)) == 1
    finish(tmp_path, settings)
    assert [row["update"] for row in load_curve(tmp_path)] == [2, 4, 6]


@pytest.mark.parametrize("text", ["", "name,age\nX,3\n", "update,episodes,seconds,score\n1,2,3\n", "\0", "a" * 300_000])
def test_a_curve_that_is_none_is_named_and_left_alone(run, text):
    (run / "curve.csv").write_text(text)
    before = content(run)
    with pytest.raises(ValueError, match="^folder: expected a curve, got .*curve.csv"):
        finish(run, settings_of(updates=8))
    assert content(run) == before


@pytest.mark.parametrize("update", ["9" * 400, "2", "1", "0", "-1", "4.0"])
def test_updates_of_a_curve_that_are_none_or_out_of_order_are_named(run, update):
    lines = (run / "curve.csv").read_text("utf-8").splitlines()
    lines[2] = f"{update},{lines[2].partition(',')[2]}"
    (run / "curve.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match="^folder: expected a curve, got .*curve.csv"):
        load_curve(run)


RECENT = {
    "null": (lambda recent: recent[0].update(score=None), "score: expected a number"),
    "a text": (lambda recent: recent[1].update(loss="x"), "loss: expected a number"),
    "a list": (lambda recent: recent[1].update(seconds=[1]), "seconds: expected a number"),
    "a number in quotes": (lambda recent: recent[2].update(number="3"), "update: expected an integer"),
    "twice": (lambda recent: recent.append(recent[-1]), "update: expected an integer of at least 4, got 3"),
    "a field less": (lambda recent: recent[0].pop("loss"), "loss"),
    "no dict": (lambda recent: recent.append(3), "mapping"),
}


@pytest.mark.parametrize("change, message", RECENT.values(), ids=RECENT)
def test_recent_updates_that_are_none_are_named(tmp_path, change, message):
    for progress in train_in(tmp_path, settings_of(evaluate_every=5)):
        if progress.training.step == 3:
            save(tmp_path, progress)
            break
    recent = json.loads((tmp_path / "recent.json").read_text("utf-8"))
    change(recent)
    (tmp_path / "recent.json").write_text(json.dumps(recent))
    with pytest.raises(ValueError, match=f"^folder: expected a list of updates, got .*recent.json .*{message}"):
        load_progress(tmp_path)


@pytest.mark.parametrize("name", ["curve.csv", "checkpoint.npz", "params.npz"])
def test_a_file_that_may_not_be_written_is_found_before_the_first_update(run, monkeypatch, name):
    before = content(run)
    (run / name).chmod(0o444)
    if os.access(run / name, os.W_OK):  # root may write everything
        monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith(name))
    with pytest.raises(PermissionError, match=name):
        next(train_in(run, settings_of(updates=8)))
    assert content(run) == before


def test_parameters_and_checkpoints_of_another_network_are_named_and_left_alone(run):
    other = PlasticNetwork(2, 3, 2)
    whole = content(run)
    save_parameters(run / "params.npz", other, other.init(np.random.default_rng(0)))
    before = content(run)
    with pytest.raises(ValueError, match="^folder: expected in .*params.npz the network of settings.json"):
        finish(run, settings_of(updates=8))
    assert content(run) == before
    (run / "params.npz").write_bytes(whole["params.npz"])
    finish(run.parent / "other", settings_of(**{"network_options.n_hidden": 4}))
    shutil.copy(run.parent / "other/checkpoint.npz", run)
    before = content(run)
    for use in (lambda: finish(run, settings_of(updates=8)), lambda: load_network(run)):
        with pytest.raises(ValueError, match="^folder: expected in .*checkpoint.npz the network of settings.json"):
            use()
    assert content(run) == before


@pytest.mark.parametrize("change, came", [
    (lambda row: row.pop("loss"), "no column loss"),
    (lambda row: row.update(colour=1.0), "an unknown column colour"),
])  # fmt: skip
def test_a_curve_with_other_columns_is_refused_before_the_training_goes_on(run, change, came):
    whole, rows = content(run), load_curve(run)
    for row in rows:
        change(row)
    write_csv(run / "curve.csv", rows)
    before = content(run)
    with pytest.raises(ValueError, match=f"^folder: expected a curve of this version, got .*csv, with {came}; move"):
        next(train_in(run, settings_of(updates=8)))
    assert content(run) == before
    assert finish(run, settings_of()) is None  # nothing is left to do, so nothing joins the curve
    (run / "curve.csv").unlink()
    with pytest.warns(FilesWarning, match="are missing"):
        finish(run, settings_of(updates=8))
    assert set(load_curve(run)[-1]) == set(whole["curve.csv"].splitlines()[0].decode().split(","))


# A checkpoint is enough


@pytest.mark.parametrize("stop", [3, 4, 6])
@pytest.mark.parametrize("lost", ["curve.csv", "recent.json"])
def test_a_run_goes_on_to_the_same_parameters_without_its_curve_and_says_so(tmp_path, stop, lost):
    settings = settings_of(updates=7)
    expected = finish(tmp_path / "whole", settings)
    for progress in train_in(tmp_path / "parts", settings):
        if progress.training.step == stop:
            save(tmp_path / "parts", progress)
            break
    with contextlib.suppress(FileNotFoundError):
        (tmp_path / "parts" / lost).unlink()
    missing = lost == "curve.csv" or stop == 3
    with pytest.warns(FilesWarning, match=r"some of the updates \d to \d are missing") if missing else no_warning():
        finish(tmp_path / "parts", settings)
    for name, value in load_training(tmp_path / "parts/checkpoint.npz").params.items():
        np.testing.assert_array_equal(value, expected.training.params[name])
    assert load_curve(tmp_path / "parts")[-1]["score"] == expected.curve[-1]["score"]


@contextlib.contextmanager
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_params_are_there_as_soon_as_the_last_update_is_done(tmp_path):
    settings = settings_of()
    for progress in train_in(tmp_path, settings):
        if progress.training.step == settings.updates:
            break  # as a signal at the last update does
    assert load_parameters(tmp_path / "params.npz")[0].options == progress.training.net.options
    (tmp_path / "params.npz").unlink()  # killed just before it was put in place
    assert finish(tmp_path, settings) is None
    for name, value in load_parameters(tmp_path / "params.npz")[1].items():
        np.testing.assert_array_equal(value, progress.training.params[name])


# One writer


def test_a_run_in_use_is_refused_and_not_touched(run):
    before = content(run)
    with locked(run):
        with pytest.raises(ValueError, match="^folder: expected one that nothing else writes to"):
            finish(run, settings_of(updates=8))
    assert content(run) == before
    turns = train_in(run, settings_of(updates=8))
    next(turns)
    with pytest.raises(ValueError, match="in use"):
        finish(run, settings_of(updates=8))
    turns.close()
    finish(run, settings_of(updates=8))


# Settings


BROKEN = {
    "empty": ("", "expected a JSON file"),
    "foreign": ('{"colour": "red"}', "expected a dict of them"),
    "a list": ("[1, 2]", "expected a dict of them"),
    "binary": ("\udcff", "expected a text file"),
    "a field less": (lambda values: values.pop("eps"), "missing eps"),
    "a field more": (lambda values: values.update(colour="red"), "unknown colour"),
    "another task": (lambda values: values.update(task="chess"), "task: expected"),
    "a word for a number": (lambda values: values.update(updates="six"), "updates: expected an integer"),
    "a dict for a name": (lambda values: values.update(setting={}), "setting: expected a string, got dict"),
    "a list for a name": (lambda values: values.update(network=[]), "network: expected a string, got list"),
    "no options": (lambda values: values.update(task_options=None), "task_options: expected a dict"),
    "an unknown option": (lambda values: values["network_options"].update(eligibility="trace"), "'eligibility'"),
    "an unknown option of the task": (lambda values: values["task_options"].update(colour=1), "'colour'"),
    "a broken option": (lambda values: values["task_options"].update(bits=0), "bits: expected"),
    "no dict of factors": (lambda values: values.update(rate_factors=None), "rate_factors: expected a dict"),
    "an unknown parameter": (lambda values: values.update(decay={"x": 0.1}), "decay: expected the parameters"),
}


def damage(run, how):
    path = run / "settings.json"
    if callable(how):
        stored = json.loads(path.read_text("utf-8"))
        how(stored["settings"])
        how = json.dumps(stored)
    path.write_bytes(how.encode(errors="surrogateescape"))


@pytest.mark.parametrize("how, message", BROKEN.values(), ids=BROKEN)
def test_settings_that_are_not_this_versions_are_named_with_the_field(run, how, message):
    damage(run, how)
    before = content(run)
    for use in (lambda: load_settings(run), lambda: finish(run, settings_of())):
        with pytest.raises(ValueError, match=f"settings.json.*{message}|{message}.*settings.json"):
            use()
    assert content(run) == before


def test_a_setting_that_is_null_is_not_one_that_is_not_there(run):
    damage(run, lambda values: values["start"].update(x=None))
    before = content(run)
    with pytest.raises(ValueError, match="^settings: expected those of the run .*: start.x None, not nothing$"):
        finish(run, settings_of(updates=8))
    assert content(run) == before


@pytest.mark.parametrize("how, message", BROKEN.values(), ids=BROKEN)
def test_one_such_file_does_not_stop_gather_which_says_what_it_left_out(run, how, message):
    shutil.copytree(run, run.parent / "broken")
    damage(run.parent / "broken", how)
    with pytest.warns(FilesWarning, match=f"left out .*broken: .*{message}"):
        (group,) = gather(run.parent)
    assert group.scores.shape == (1, 3)
    shutil.rmtree(run)
    with pytest.warns(FilesWarning, match="left out"), pytest.raises(ValueError, match="^folder: expected runs"):
        gather(run.parent)


@posix
def test_gather_does_not_wait_for_a_pipe(run):
    (run.parent / "pipe").mkdir()
    os.mkfifo(run.parent / "pipe/settings.json")
    with pytest.warns(FilesWarning, match="left out .*pipe: path: expected an ordinary file"):
        assert len(gather(run.parent)) == 1


NUMPY = {
    "seed": (np.int64(1), {}),
    "learning_rate": (1, {"learning_rate": np.float32(1e-3)}),
    "n_hidden": (1, {"network_options.n_hidden": np.int64(4)}),
    "dtype": (1, {"network_options.dtype": np.float32}),
    "fanout": (1, {"network_options.fanout": np.True_}),
    "clip": (1, {"network_options.clip": np.float64("inf")}),
    "batch": (1, {"task_options.batch": np.int64(6)}),
}


@pytest.mark.parametrize("seed, changes", NUMPY.values(), ids=NUMPY)
def test_settings_with_numpy_scalars_run_and_go_on(tmp_path, seed, changes):
    settings = settings_of(seed=seed, **changes)
    for progress in train_in(tmp_path, settings):
        if progress.training.step == 2:
            break
    finish(tmp_path, settings)
    assert load_progress(tmp_path).training.step == 6
    assert open_run(tmp_path, load_settings(tmp_path)).training.step == 6


@pytest.mark.parametrize("value", [{1, 2}, b"x", 1j, object()])
def test_settings_that_no_file_can_hold_are_refused_before_a_folder_is_made(tmp_path, value):
    settings = settings_of()._replace(start={"eta": value})
    with pytest.raises((TypeError, ValueError)):
        finish(tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


# Labels


def test_a_run_is_listed_as_what_its_options_make_it():
    assert network_label(settings_of("simple")) == "simple"
    lstm = {"network_options.cell": "lstm"}
    assert network_label(settings_of("none", **lstm)) == "none, cell lstm"
    assert network_label(settings_for("text", "none", "tiny")) == "none"  # the cell of that setting
    assert (
        network_label(settings_of("simple", **lstm, **{"network_options.rule": "oja"})) == "simple, rule oja, cell lstm"
    )
    changed = settings_of("plastic", **{"network_options.plasticity": "none"})
    assert network_label(changed) == "none"
    trace = {**settings_of("retroactive").network_options}
    assert network_label(settings_of("simple")._replace(network_options=trace)) == "retroactive"
    assert network_label(settings_of("simple", **{"network_options.reading": "notes"})) == "simple, reading notes"


def test_copies_of_a_run_are_no_seeds(run):
    shutil.copytree(run, run.parent / "copy")
    finish(run.parent / "longer", settings_of(updates=8))
    finish(run.parent / "seed1", settings_of(seed=1))
    with pytest.warns(FilesWarning) as caught:
        (group,) = gather(run.parent)
    said = [str(warning.message) for warning in caught]
    assert len(said) == 2 and all("the same settings and seed as" in line for line in said)
    assert all(name in "".join(line.split(":")[0] for line in said) for name in ("copy", "run"))
    assert group.scores.shape == (2, 3) and group.updates.tolist() == [2, 4, 6]


@posix
def test_gather_follows_links_each_folder_once(run):
    finish(run.parent / "elsewhere/seed1", settings_of(seed=1))
    (run.parent / "gathered/below").mkdir(parents=True)
    for name, target in {"one": run, "two": run.parent / "elsewhere", "below/round": run.parent / "gathered"}.items():
        (run.parent / "gathered" / name).symlink_to(target, target_is_directory=True)
    with no_warning():
        (group,) = gather(run.parent / "gathered")
    assert len(group.scores) == 2


def test_gather_names_what_it_cannot_look_into_and_runs_without_a_row(run, monkeypatch):
    for name in ("closed", "begun"):
        shutil.copytree(run, run.parent / name)
    (run.parent / "begun/curve.csv").unlink()
    scandir = os.scandir

    def refuse(path):  # as a folder of mode 000 does
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(FilesWarning) as caught:
        (group,) = gather(run.parent)
    assert [str(warning.message) for warning in caught] == [
        f"left out {run.parent / 'begun'}: its curve has no row yet",
        f"left out {run.parent / 'closed'}: Permission denied",
    ]
    assert len(group.scores) == 1


def test_runs_that_share_no_update_are_left_out(run):
    finish(run.parent / "seed1", settings_of(seed=1))
    rows = (run / "curve.csv").read_text("utf-8").splitlines()
    (run / "curve.csv").write_text("\n".join(rows[:1] + [f"9{rows[-1]}"]) + "\n")
    with pytest.warns(FilesWarning, match="share no update"), pytest.raises(ValueError, match="^folder: expected runs"):
        gather(run.parent)
