"""Studies: the runs that the table asks for, what is kept of them, and the command that does both."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpm_numpy.__main__ import main
from bpm_numpy.commands import study as command
from bpm_numpy.commands.messages import interpreter
from bpm_numpy.figures.draw_studies import study_figures
from bpm_numpy.files import locked
from bpm_numpy.lab import studies
from bpm_numpy.lab.runs import Group, load_curve
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.storage import load_parameters
from bpm_numpy.learning.training import Settings, build
from bpm_numpy.tasks import TASKS

KEPT = [name for name in studies.STUDIES if (studies.DATA / name / "about.json").exists()]


@pytest.fixture
def small_study(monkeypatch, tmp_path):
    """A study of two lines and two updates, kept below tmp_path."""
    lines = studies.networks("association", "tiny")[1:3]
    lines = [line._replace(changes={"updates": 2, "evaluation_episodes": 16}) for line in lines]
    monkeypatch.setitem(studies.STUDIES, "association", studies.Study(2, lines))
    monkeypatch.setattr(command, "DATA", tmp_path / "data")
    return tmp_path


@pytest.mark.parametrize("name", studies.STUDIES)
def test_every_study_can_begin(name, tmp_path):
    study = studies.STUDIES[name]
    runs = studies.runs_of(study, tmp_path, study.seeds)
    assert len(runs) == study.seeds * len(study.lines) == len({run.folder for run in runs})
    first = runs[: len(study.lines)]
    assert len({json.dumps(run.settings._asdict()) for run in first}) == len(study.lines)
    for run in first:
        build(run.settings)
        assert run.settings.seed == 0 and not studies.is_finished(run)


@pytest.mark.parametrize("name, label", [("text", "LSTM, as many parameters"), ("text-pydoc", "LSTM")])
def test_an_lstm_has_as_many_parameters_as_the_modulated_ones(name, label):
    runs = studies.runs_of(studies.STUDIES[name], "runs", 1)
    nets = {run.line.label: build(run.settings)[1] for run in runs}
    sizes = {key: sum(map(np.size, net.init(np.random.default_rng(0)).values())) for key, net in nets.items()}
    assert sizes["simple LSTM, notes"] == sizes["simple LSTM, paper"]
    for plastic, tolerance in (("simple LSTM, paper", 0.01), ("plastic LSTM", 0.02)):  # no modulator: a little smaller
        assert abs(sizes[label] / sizes[plastic] - 1) < tolerance
        assert nets["LSTM"].n_hidden == nets[plastic].n_hidden


def test_study_runs_keeps_and_goes_on(small_study, monkeypatch):
    words = ["study", "association", "--out", str(small_study / "runs")]
    assert main(words) == 0
    about, groups = studies.load_study("association", small_study / "data")
    assert [group.label for group in groups] == ["plastic", "simple"]
    for group in groups:
        curves = [load_curve(small_study / "runs" / f"{group.label}-seed{seed}") for seed in (0, 1)]
        assert np.allclose(group.scores, [[row["score"] for row in curve] for curve in curves], rtol=1e-3)
        norms = {
            of.label: of.scores for of in studies.load_study("association", small_study / "data", "gradient_norm")[1]
        }
        assert np.allclose(norms[group.label], [[row["gradient_norm"] for row in curve] for curve in curves], rtol=1e-3)
        _, params = load_parameters(small_study / "data" / "association" / f"params-{group.label}.npz")
        assert sum(value.size for value in params.values()) == about["lines"][group.label]["parameters"]
    (figure,) = study_figures(small_study / "data").values()
    assert len(figure().axes[0].lines) == 2
    monkeypatch.setattr(command, "start", None)  # all is done: nothing is started again
    assert main(words) == 0


def test_a_list_of_commands_makes_what_gather_keeps(small_study, monkeypatch, capsys):
    """Each line is a command of its own: two processes take every second one, and share the folder only."""
    runs, data = small_study / "runs", small_study / "data" / "association"
    words = ["study", "association", "--out", str(runs)]
    monkeypatch.setattr(command, "start", None)  # neither of the two trains anything
    assert main([*words, "--list"]) == 0 and not runs.exists()
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 4 and {line[0] for line in lines} == {interpreter()}
    assert main([*words, "--gather"]) == 2 and not data.exists()
    assert "study: --out: expected all runs of seed 0 done" in capsys.readouterr().err
    takes = "import sys; from bpm_numpy.__main__ import main; sys.exit(any(main(eval(line)) for line in sys.argv[1:]))"
    root, started = Path(__file__).parents[2], []
    for half in (lines[0:3:2], lines[1:3:2]):
        asked = [repr(line[3:]) for line in half]
        started.append(subprocess.Popen([sys.executable, "-c", takes, *asked], cwd=root))
    assert [process.wait() for process in started] == [0, 0]
    assert main([*words, "--gather"]) == 0  # the runs of seed 1 are not whole
    assert "1 runs of further ones are left out" in capsys.readouterr().out
    about, groups = studies.load_study("association", small_study / "data")
    assert {len(group.scores) for group in groups} == {1} and re.match("python -m .* --seeds 1$", about["command"])
    assert main(lines[3][3:]) == 0 and main([*words, "--gather"]) == 0
    assert {len(group.scores) for group in studies.load_study("association", small_study / "data")[1]} == {2}


def test_runs_that_start_from_others_are_listed_behind_them(tmp_path):
    runs = studies.runs_of(studies.STUDIES["sequence"], tmp_path, 2)
    chains = command.chains_of(runs)
    assert sorted(run.folder for chain in chains for run in chain) == sorted(run.folder for run in runs)
    assert [len(chain) for chain in chains] == [3] * 8
    for chain in chains:
        assert isinstance(chain[0].settings.start, dict)
        for before, run in zip(chain, chain[1:]):
            assert run.settings.start == (before.folder / "params.npz").as_posix()


def test_the_curves_of_a_curriculum_are_joined_where_the_task_changes():
    easier, plain = (
        Group("echo", "small", name, 7, np.array([2, 4]), np.zeros((3, 2)), 1.0) for name in ("a, easier", "b")
    )
    then = Group("echo", "small", "a", 7, np.array([1, 2]), np.ones((3, 2)), 1.0)
    joined, change = studies.join_curriculum([easier, then, plain])
    assert [group.label for group in joined] == ["a", "b"] and change == 4 and joined[1] is plain
    assert joined[0].updates.tolist() == [2, 4, 5, 6] and joined[0].scores[0].tolist() == [0, 0, 1, 1]
    assert studies.join_curriculum([plain]) == ([plain], 0)


def test_a_curriculum_goes_on_with_the_task_from_an_easier_one_in_as_many_updates_as_without(monkeypatch, tmp_path):
    whole = settings_for("cue-reward", "simple", "four")
    lines = studies.STUDIES["cue-reward-four-curriculum"].lines
    for first, then in zip(lines[::2], lines[1::2]):
        assert first.label == then.after == f"{then.label}, easier"
        easier, hard = (settings_for(line.task, line.network, line.setting, 0, line.changes) for line in (first, then))
        assert easier.updates + hard.updates == whole.updates and hard.task_options == whole.task_options
        assert easier.task_options == whole.task_options | {"cues": 2} and easier.decay == hard.decay
    lines = [line._replace(setting="tiny", changes=line.changes | {"updates": 2}) for line in lines[-2:]]
    lines = [line._replace(changes={**line.changes, "evaluation_episodes": 16}) for line in lines]
    monkeypatch.setitem(studies.STUDIES, "cue-reward-four", studies.Study(1, lines, decisions=True))
    words = ["study", "cue-reward-four", "--out", str(tmp_path / "runs"), "--data", str(tmp_path / "data")]
    assert main(words) == 0
    kept = {path.name for path in (tmp_path / "data/cue-reward-four").iterdir()}
    assert "matrix.csv" not in kept  # the task is one and the same
    assert {"decisions.csv", "params-retroactive.npz", "params-retroactive-easier.npz"} <= kept


def test_progress_says_which_runs_are_under_way_and_how_far_they_are(small_study):
    runs = studies.runs_of(studies.STUDIES["association"], small_study / "runs", 2)
    turns = list(command.train_all(runs, 2, []))
    assert [ended for ended, _ in turns] == sorted(ended for ended, _ in turns) and turns[-1] == (4, [])
    assert all(len(active) <= 2 and set(map(id, active)) <= set(map(id, runs)) for _, active in turns)
    run = runs[0]._replace(folder=small_study / "runs/not-begun")
    assert command.under_way([runs[0], run]) == ", under way: plastic-seed0 2/2, not-begun 0/2"
    assert command.under_way([]) == ""


def test_a_failed_run_is_reported(small_study, capsys):
    (small_study / "runs").mkdir()
    (small_study / "runs" / "plastic-seed0").write_text("in the way")
    assert main(["study", "association", "--out", str(small_study / "runs")]) == 2
    assert "failed" in capsys.readouterr().err
    assert not [path for path in (small_study / "data").rglob("*") if path.is_file()]


def test_a_record_of_more_seeds_and_files_of_the_user_are_left_alone(small_study, capsys):
    words = ["study", "association", "--out", str(small_study / "runs")]
    assert main(words) == 0
    folder = small_study / "data/association"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main([*words, "--seeds", "1"]) == 2
    err = capsys.readouterr().err
    assert "study: --seeds: expected at least those recorded in" in err and "--force" in err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert main(words) == 0  # its own record, made again
    assert main([*words, "--seeds", "1", "--force"]) == 0
    assert {len(group.scores) for group in studies.load_study("association", small_study / "data")[1]} == {1}
    kept = folder / "curves.csv"
    for text in ("", kept.read_text("utf-8").splitlines()[0] + "\n"):
        kept.write_text(text)
        assert main(words) == 2 and "study: --data: expected the study association in" in capsys.readouterr().err
    for name, text in (
        ("about.json", '{"lines": []}'),
        ("about.json", "{}"),
        ("about.json", '{"study": "maze"}'),
        ("curves.csv", "of the user"),
    ):
        for path in folder.iterdir():
            path.unlink()
        (folder / name).write_text(text)
        assert main(words) == 2 and "study: --data: expected" in capsys.readouterr().err
        assert [path.read_text("utf-8") for path in folder.iterdir()] == [text]


def test_a_folder_of_the_user_beside_a_record_stays(small_study):
    mine = small_study / "data/.bpm_numpy-association/mine"
    mine.mkdir(parents=True)
    assert main(["study", "association", "--out", str(small_study / "runs")]) == 0 and mine.exists()
    assert sorted(path.name for path in (small_study / "data").iterdir()) == [".bpm_numpy-association", "association"]


def test_a_record_that_is_interrupted_leaves_the_one_before_whole(small_study, monkeypatch):
    words = ["study", "association", "--out", str(small_study / "runs")]

    def interrupted(*_):
        raise KeyboardInterrupt

    for recorded in (False, True):
        if recorded:
            assert main(words) == 0
        before = {path: path.read_bytes() for path in (small_study / "data").rglob("*.*")}
        with monkeypatch.context() as patch:
            patch.setattr(studies, "is_sequence", interrupted)  # when most files are written
            assert main([*words, "--seeds", "2"]) == 130
        assert {path: path.read_bytes() for path in (small_study / "data").rglob("*.*")} == before
        assert len(before) == (5 if recorded else 0)


def test_a_study_in_use_is_refused(small_study, capsys):
    (small_study / "runs").mkdir()
    with locked(small_study / "runs"):
        assert main(["study", "association", "--out", str(small_study / "runs")]) == 2
    assert "study: --out: expected one that nothing else writes to" in capsys.readouterr().err


def test_what_cannot_be_is_refused(tmp_path):
    assert main(["study", "association", "--jobs", "0", "--out", str(tmp_path)]) == 2
    assert main(["study", "association", "--seeds", "0", "--out", str(tmp_path)]) == 2
    with pytest.raises(ValueError, match="data"):
        studies.load_study("association", tmp_path)


def test_references_need_no_training():
    rng = np.random.default_rng(0)
    bandit = studies.references(TASKS["bandit"](batch=8), rng, batches=5)
    assert bandit["Thompson sampling"]["score"] > 0.6
    inference = build(settings_for("transitive", "none"))[0]  # with the reset that its study has
    assert studies.references(inference, rng, batches=5)["learnt values"]["score"] > 0.7
    reversal = studies.references(TASKS["reversal"](batch=8), rng, batches=5)
    assert list(reversal["win-stay, lose-shift"]) == ["score", "before", "needed"] and len(reversal) == 4
    regrets = [bandit[rule]["regret"] for rule in ("Thompson sampling", "win-stay, lose-shift", "without memory")]
    assert regrets == sorted(regrets)
    maze = studies.references(TASKS["maze"](**TASKS["maze"].SMALL["tiny"]), rng, batches=5)
    scores = [maze[rule]["score"] for rule in ("goal known", "round the room", "random steps")]
    assert scores[0] > 1.5 * scores[1] > 3 * scores[2] > 0
    text = studies.references(TASKS["text"](**TASKS["text"].SMALL["tiny"]), rng)
    assert 0 < text["favourites learnt"]["score"] < text["favourites forgotten"]["score"]
    assert studies.references(TASKS["association"](), rng) == {}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_of_the_table(name):
    about, groups = studies.load_study(name)
    study = studies.STUDIES[name]
    for run in studies.runs_of(study, f"runs/studies/{name}", 1):  # the default folder, named where one starts from it
        kept = Settings(**about["lines"][run.line.label]["settings"])  # those of before lack the fields with a default
        assert kept == Settings(**json.loads(json.dumps(run.settings._asdict())))
    assert [group.label for group in groups] == [line.label for line in study.lines]
    assert {len(group.scores) for group in groups} == {study.seeds}
