"""Studies: networks compared on a task over several seeds. What is run, what is kept of it, and reading it again.

    about, groups = load_study("cue-reward")       for figures and notebooks

``python -m bpm_numpy study NAME`` makes a study's runs and keeps of them, in ``figures/data/NAME``:

    about.json          the command; versions and cores; each label's settings, parameters and minutes a run; references
    curves.csv          a row a label, seed and evaluation: the scores that all tasks have, mean and largest norm of the
                        gradient since the evaluation before, ``learning.signs``; four digits each
    summary.csv         a row a label: the scores at the end, over the seeds
    params-LABEL.npz    the network of seed 0 (``storage.load_parameters``)
    matrix.csv          of tasks in sequence: see ``task_order``
    interventions.csv   of some: what ``interventions.measure`` finds in every plastic run
    decisions.csv       of some: the reward of the k-th decision of an episode (``decisions``)
"""

import json
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import check_choice, check_count
from ..files import locked, make_folder, read_json, replace_file
from ..learning.signs import SIGNS
from ..learning.storage import load_parameters, save_parameters
from ..learning.training import NETWORKS, NOT_SCORES, Settings, build
from ..parameters import parameter_shapes
from ..parts import check_name
from ..tasks import TASKS, reversal
from ..tasks.bandit import Bandit, one_arm, thompson_sampling, win_stay_lose_shift
from ..tasks.maze import Maze, random_steps, round_the_room, shortest_paths
from ..tasks.text import Text
from ..tasks.transitive import Transitive, learn_values
from .decisions import write_decisions
from .interventions import write_interventions
from .runs import (
    Group,
    load_curve,
    load_network,
    load_progress,
    load_settings,
    plain_settings,
    read_csv,
    settings_from,
    write_csv,
)
from .settings import DECAY, EXPERIMENTS, settings_for
from .task_order import is_sequence, write_matrices

MOST_SEEDS = 10_000
PACKAGE = Path(__file__).resolve().parents[1]
KEPT, RECORDED = PACKAGE.parent / "figures" / "data", PACKAGE / "recorded"  # of the clone; of an installed package
DATA = KEPT if KEPT.is_dir() else RECORDED


class Line(NamedTuple):
    """What is trained under one label; ``changes`` as in ``settings_for``; ``after``: the label it goes on from."""

    label: str
    task: str
    network: str
    setting: str
    changes: dict
    after: str | None = None


class Study(NamedTuple):
    """seeds 0, 1, ... seeds - 1 of each of the lines.

    interventions: whether all runs are interfered with; decisions: whether the reward is kept by decision.
    """

    seeds: int
    lines: list
    interventions: bool = False
    decisions: bool = False


class Run(NamedTuple):
    """One run of a study: its Line, its Settings and its folder."""

    line: Line
    settings: Settings
    folder: Path


def networks(task, setting, changes=None, lstm=False):
    """A Line for each of the paper's networks, and one for the LSTM with as many units."""
    changes = changes or {}
    lines = [Line(network, task, network, setting, changes) for network in NETWORKS]
    return lines + [Line("LSTM", task, "none", setting, changes | {"network_options.cell": "lstm"})] * lstm


def at_full_size(network, updates, evaluate_every):
    """A Line for cue-reward association as large as in the paper, for as many updates as there is time for.

    Recorded when the task had its blanks between two cues only, one at most.
    """
    changes = {"updates": updates, "evaluate_every": evaluate_every, "network_options.dtype": "float32"}
    changes["task_options.max_blanks"] = 1
    return Line(network, "cue-reward", network, "paper", changes)


def text_networks(setting, as_many_parameters=None):
    """The LSTM with as many units as the plastic LSTMs and the modulated one, in both readings, and the plastic one.

    as_many_parameters: hidden units of LSTMs with the modulated ones' number of parameters, which are then lines too;
    None where as many units are as many parameters.
    """
    notes, units = {"network_options.reading": "notes"}, {"network_options.n_hidden": as_many_parameters}
    lines = {
        "LSTM": ("none", {}),
        "LSTM, as many parameters": ("none", units),
        "LSTM, notes": ("none", notes),
        "LSTM, notes, as many parameters": ("none", notes | units),
        "plastic LSTM": ("plastic", {}),
        "simple LSTM, notes": ("simple", notes),
        "simple LSTM, paper": ("simple", {"network_options.reading": "paper"}),
    }
    return [
        Line(label, "text", network, setting, changes)
        for label, (network, changes) in lines.items()
        if None not in changes.values()
    ]


def decayed(lines, decay=DECAY):
    """The Lines, with this decay of the recurrent matrices; a network without plasticity has no alpha."""
    of = {line.label: [name for name in decay if name != "alpha" or line.network != "none"] for line in lines}
    return [
        line._replace(changes=line.changes | {f"decay.{name}": decay[name] for name in of[line.label]})
        for line in lines
    ]


LSTM_DECAY = dict.fromkeys(("W_ih", "W_jh", "W_fh", "W_oh", "alpha"), DECAY["W_h"])

REMEDIES = {  # against lost runs: what is changed; W_h and alpha are the recurrent matrices
    "as it was": {},
    "decay": {f"decay.{name}": share for name, share in DECAY.items()},
    "rates": {"rate_factors.W_h": 0.1, "rate_factors.alpha": 0.1},
    "start": {"start.W_h": [0.0, 0.01], "start.alpha": [0.0, 0.01]},
    "difference": {"network_options.modulator": "difference"},
    "penalty": {"hebb_penalty": 1.0},
    "loss per step": {"loss_per_step": True},
}


def remedies(task, setting, changes):
    """A Line for each of the REMEDIES and of the two modulated networks."""
    return [
        Line(f"{network}, {remedy}", task, network, setting, changes | of_remedy)
        for remedy, of_remedy in REMEDIES.items()
        for network in ("simple", "retroactive")
    ]


def in_sequence(n_hidden, stages):
    """For each of the paper's networks a Line a stage, which starts where the one before has ended.

    ``stages``: (task, setting, updates) each, in tasks that differ and have as many actions.
    """
    sizes = [TASKS[task](**TASKS[task].SMALL[setting]).n_inputs for task, setting, _ in stages]
    lines = []
    for network in NETWORKS:
        for k, (task, setting, updates) in enumerate(stages):
            changes = {"network_options.n_hidden": n_hidden, "updates": updates}
            changes["task_options.block"] = [sum(sizes[:k]), sum(sizes)]
            after = f"{network}, stage {k}" if k else None
            lines.append(Line(f"{network}, stage {k + 1}", task, network, setting, changes, after))
    return lines


def by_curriculum(task, setting, easier, updates, then):
    """For each of the paper's networks a Line on an easier task for so many updates, and one that goes on from there.

    ``easier``: changes that make it so; ``then``: changes of the rest, which has the updates that are left.
    """
    lines, left = [], EXPERIMENTS[task, setting]["updates"] - updates
    for network in NETWORKS:
        first = Line(f"{network}, easier", task, network, setting, easier | {"updates": updates})
        lines += [first, Line(network, task, network, setting, then | {"updates": left}, first.label)]
    return lines


def join_curriculum(groups):
    """Groups, those of "label, easier" put before those of "label"; and the update at which they meet, 0 if none do."""
    by_label, change, joined = {group.label: group for group in groups}, 0, []
    for group in groups:
        easier = by_label.get(f"{group.label}, easier")
        if easier is not None:
            change = easier.updates[-1]
            updates = np.concatenate([easier.updates, change + group.updates])
            group = group._replace(updates=updates, scores=np.hstack([easier.scores, group.scores]))
        if not group.label.endswith(", easier"):
            joined.append(group)
    return joined, change


FOUR_CUES = by_curriculum("cue-reward", "four", {"task_options.cues": 2}, 4000, {"learning_rate": 1e-3})

STUDIES = {
    "cue-reward": Study(10, networks("cue-reward", "tiny", {"updates": 3000}), interventions=True),
    "cue-reward-eta": Study(
        5, [Line(f"eta {eta}", "cue-reward", "retroactive", "tiny", {"start.eta": eta}) for eta in (0.1, 0.3, 0.7)]
    ),
    "cue-reward-paper": Study(1, [at_full_size("none", 76_500, 900), at_full_size("simple", 3150, 50)]),
    "cue-reward-decay": Study(10, decayed(networks("cue-reward", "tiny", {"updates": 3000})), interventions=True),
    "cue-reward-four": Study(3, networks("cue-reward", "four"), decisions=True),
    "cue-reward-four-decay": Study(5, decayed(networks("cue-reward", "four")), decisions=True),
    "cue-reward-four-curriculum": Study(5, FOUR_CUES, decisions=True),
    "cue-reward-four-curriculum-decay": Study(3, decayed(FOUR_CUES), decisions=True),
    "association": Study(5, networks("association", "small", lstm=True)),
    "association-decay": Study(5, decayed(networks("association", "small"))),
    "association-verdict": Study(5, networks("association", "tiny-verdict")),
    "completion": Study(5, networks("completion", "small", lstm=True)),
    "bandit": Study(5, networks("bandit", "small")),
    "reversal": Study(5, networks("reversal", "small"), interventions=True),
    "transitive": Study(5, networks("transitive", "small")),
    "sequence": Study(
        5, in_sequence(24, [("cue-reward", "tiny", 2000), ("bandit", "small", 1000), ("association", "tiny", 1000)])
    ),
    "text": Study(5, text_networks("tiny", as_many_parameters=22)),
    "text-decay": Study(
        5, decayed([line for line in text_networks("tiny") if line.label.endswith("LSTM, notes")], LSTM_DECAY)
    ),
    "text-pydoc": Study(5, text_networks("pydoc")),
    "maze": Study(5, networks("maze", "small"), interventions=True),
    "maze-decay": Study(5, decayed(networks("maze", "small")), interventions=True),
    "maze-large": Study(5, networks("maze", "large"), interventions=True),
    "maze-large-decay": Study(5, decayed(networks("maze", "large")), interventions=True),
    "maze-eleven-decay": Study(
        2,
        decayed(networks("maze", "large", {"task_options.size": 11, "task_options.T": 200})),
        interventions=True,
    ),
    "maze-large-rate": Study(
        5, [Line("rate 0.001", "maze", "simple", "large", {"learning_rate": 1e-3})], interventions=True
    ),
    "maze-remedies": Study(  # --seeds 5 makes more of them
        1, remedies("maze", "large", {"updates": 3200, "evaluate_every": 50, "network_options.dtype": "float32"})
    ),
}


def runs_of(study, out, seeds):
    """All Runs of a Study, in folders of ``out``: seed by seed, so that a part of them is a fair part."""
    check_count("seeds", seeds)
    if seeds > MOST_SEEDS:
        raise ValueError(f"seeds: expected at most {MOST_SEEDS}, got {seeds}")
    runs = []
    for seed in range(seeds):
        for line in study.lines:
            if line.after:
                start = run_folder(out, line.after, seed) / "params.npz"
                line = line._replace(changes=line.changes | {"start": start.as_posix()})
            settings = settings_for(line.task, line.network, line.setting, seed, line.changes)
            runs.append(Run(line, settings, run_folder(out, line.label, seed)))
    return runs


def run_folder(out, label, seed):
    """Where a study's run is, in the folder ``out`` of its runs."""
    return Path(out) / f"{file_label(label)}-seed{seed}"


def file_label(label):
    """A label as part of a file's name."""
    return label.replace(",", "").replace(" ", "-")


def is_finished(run):
    """All updates of just this run are done, and its parameters are there to start another one from."""
    there = all((run.folder / name).exists() for name in ("settings.json", "params.npz"))
    if not there or load_settings(run.folder) != plain_settings(run.settings):
        return False
    done = load_progress(run.folder)
    return done is not None and done.training.step == run.settings.updates


def write_study(name, runs, command, data=DATA, force=False):
    """Keep finished runs of the study ``name`` in ``data``/name -> that folder. ValueError as ``check_recorded``."""
    folder = Path(data) / name
    make_folder(folder)
    with locked(folder):
        if not force:
            check_recorded(name, len({run.settings.seed for run in runs}), data)
        # Whole in a folder of its own first: interventions take minutes, in which much can happen.
        for left in Path(data).glob(f".bpm_numpy-{name}-????????"):  # by a record that was killed
            shutil.rmtree(left, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(prefix=f".bpm_numpy-{name}-", dir=data))
        try:
            make_folder(beside / name)
            _write_record(beside / name, name, runs, command, beside)
            for path in (beside / name).iterdir():
                with replace_file(folder / path.name) as file:
                    file.write(path.read_bytes())
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return folder


def check_recorded(name, seeds, data=DATA):
    """What ``data``/name holds may be replaced by a record of ``seeds`` seeds: nothing, or this study's of no more.

    ValueError otherwise.
    """
    folder = Path(data) / name
    advice = "move it away, or replace it with --force"
    there = sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))
    if there and "about.json" not in there:
        raise ValueError(f"data: expected nothing or the study {name} in {folder}, got {', '.join(there)}; {advice}")
    if there:
        try:
            about, groups = load_study(name, data)
            recorded = max(len(group.scores) for group in groups)
        except (KeyError, OSError, TypeError, ValueError) as error:
            raise ValueError(f"data: expected the study {name} in {folder}; {advice} ({error})") from None
        if about.get("study") != name or recorded > seeds:
            came = f"{recorded} seeds of {about.get('study')}"
            raise ValueError(f"seeds: expected at least those recorded in {folder}, {came}, got {seeds}; {advice}")


def _write_record(folder, name, runs, command, data):
    curves = [load_curve(run.folder) for run in runs]
    scores = [key for key in curves[0][0] if key not in NOT_SCORES and all(key in curve[0] for curve in curves)]
    rows = [
        {"label": run.line.label, "seed": run.settings.seed, "update": row["update"]}
        | {key: f"{row[key]:.4g}" for key in (*scores, "gradient_norm", "largest_gradient", *SIGNS)}
        for run, curve in zip(runs, curves)
        for row in curve
    ]
    write_csv(folder / "curves.csv", rows)

    lines = {}
    for run in runs:
        if run.settings.seed == 0:
            label = run.line.label
            seconds = [curve[-1]["seconds"] for other, curve in zip(runs, curves) if other.line.label == label]
            net, params = load_network(run.folder)
            save_parameters(folder / f"params-{file_label(label)}.npz", net, params)
            lines[label] = {
                "parameters": sum(int(np.prod(shape)) for shape in parameter_shapes(net).values()),
                "minutes": round(float(np.median(seconds)) / 60, 2),
                "settings": run.settings._asdict(),
            }
    about = {
        "study": name,
        "command": command,
        "core_minutes": round(sum(curve[-1]["seconds"] for curve in curves) / 60, 1),
        "cores": os.cpu_count(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "references": references(build(runs[0].settings)[0], np.random.default_rng(0)),
        "lines": lines,
    }
    with replace_file(folder / "about.json") as file:
        file.write(json.dumps(about, indent=1).encode())
    write_csv(folder / "summary.csv", summarise(name, data))
    if is_sequence(runs):
        write_matrices(folder, runs)
    if STUDIES[name].interventions:
        write_interventions(folder, runs)
    if STUDIES[name].decisions:
        write_decisions(folder, runs)


def load_about(name, data=DATA):
    """about.json of a study as a dict."""
    check_name("study", name, STUDIES)
    folder = Path(data) / name
    if not (folder / "about.json").exists():
        raise ValueError(f"data: expected the study in {folder}, found none; python -m bpm_numpy study {name} makes it")
    about = read_json(folder / "about.json")
    lines = about.get("lines") if isinstance(about, dict) else None
    if not isinstance(lines, dict) or not all(isinstance(line, dict) and "settings" in line for line in lines.values()):
        raise ValueError(f"data: expected lines with settings in {folder / 'about.json'}, got none")
    return about


def load_recorded(name, label, batch=None, data=DATA):
    """A study's network of seed 0 under a label, and its task, with another batch if given -> net, params, task."""
    lines = load_about(name, data)["lines"]
    check_choice("label", label, lines)
    settings = settings_from(lines[label]["settings"], Path(data) / name / "about.json")
    if batch is not None:
        settings = settings._replace(task_options=settings.task_options | {"batch": batch})
    task, _ = build(settings)
    net, params = load_parameters(Path(data) / name / f"params-{file_label(label)}.npz")
    return net, params, task


def load_study(name, data=DATA, column="score"):
    """What was kept of a study: about.json as a dict, and one ``runs.Group`` per label, of a column of curves.csv."""
    about = load_about(name, data)
    rows = read_csv(Path(data) / name / "curves.csv")
    if not rows:
        raise ValueError(f"data: expected rows in {Path(data) / name / 'curves.csv'}, got none")
    check_choice("column", column, [key for key in rows[0] if key not in ("label", "seed", "update")])
    groups = []
    for label, line in about["lines"].items():
        curves = {}  # seed -> {update: score}
        for row in rows:
            if row["label"] == label:
                curves.setdefault(row["seed"], {})[int(row["update"])] = float(row[column])
        updates = list(next(iter(curves.values())))
        scores = np.array([[curve[update] for update in updates] for curve in curves.values()])  # (S, R)
        task, setting = line["settings"]["task"], line["settings"]["setting"]
        groups.append(Group(task, setting, label, line["parameters"], np.array(updates), scores, line["minutes"]))
    return about, groups


def summarise(name, data=DATA):
    """The scores at the end of a kept study: a dict a label, with the medians of the other columns behind them."""
    about, groups = load_study(name, data)
    columns = list(read_csv(Path(data) / name / "curves.csv")[0])
    others = [key for key in columns[4:] if key not in NOT_SCORES]  # behind label, seed, update, score
    medians = {key: [np.median(group.scores[:, -1]) for group in load_study(name, data, key)[1]] for key in others}
    rows = []
    for number, group in enumerate(groups):
        low, first, median, third, high = np.quantile(group.scores[:, -1], (0, 0.25, 0.5, 0.75, 1))
        row = {"label": group.label, "parameters": group.parameters, "seeds": len(group.scores)}
        row |= {"updates": int(group.updates[-1]), "median": f"{median:.3f}"}
        row |= {"quartile 1": f"{first:.3f}", "quartile 3": f"{third:.3f}", "min": f"{low:.3f}", "max": f"{high:.3f}"}
        row |= {"minutes": f"{group.minutes:.2f}"}
        rows.append(row | {f"{key} (median)": f"{values[number]:.3f}" for key, values in medians.items()})
    return rows


def references(task, rng, batches=50):
    """Scores that need no training: dict of name -> what ``task.summarise`` returns, or its score; none for most tasks.

    Rules that use more or less of the past for the bandit and for reversal learning; for transitive inference values
    learnt by errors of prediction; for the maze steps at random, a round that needs no memory, and shortest paths to a
    goal that is known from the start; for text the grammar's entropy, to one who remembers what objects the names had
    and to one who does not.
    """
    if isinstance(task, Text) and task.source == "grammar":
        return {f"favourites {how}": {"score": task.entropy(how)} for how in ("learnt", "forgotten")}
    rules = {}
    if isinstance(task, Bandit):
        rules = {
            "Thompson sampling": thompson_sampling,
            "win-stay, lose-shift": win_stay_lose_shift,
            "without memory": one_arm,
        }
    if isinstance(task, reversal.Reversal):
        rules = reversal.RULES
    if isinstance(getattr(task, "task", task), Transitive):  # its study resets h at trials
        rules = {"learnt values": learn_values}
    if isinstance(task, Maze):
        rules = {"random steps": random_steps, "round the room": round_the_room, "goal known": shortest_paths}
    return {name: _means(task, rule, rng, batches) for name, rule in rules.items()}


def _means(task, rule, rng, batches):
    summaries = [task.summarise(rule(task, rng)) for _ in range(batches)]
    return {key: float(np.mean([summary[key] for summary in summaries])) for key in summaries[0]}
