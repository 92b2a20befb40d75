"""Run folders: a training on disk, which can be stopped at any time and goes on to the very same bits.

    settings.json     the Settings, and the versions of Python and NumPy
    checkpoint.npz    the TrainingState (``storage``)
    curve.csv         the curve, a line a row
    recent.json       the Updates since the curve's last row, if the run was stopped between two rows
    params.npz        the network and its parameters, once all updates are done

Each file is replaced in one step, and the checkpoint last. So curve and recent.json never lack what the checkpoint
builds on; whatever they hold beyond it, after a kill between two files, is cut on loading.
"""

import csv
import io
import json
import platform
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..files import replace_file
from ..learning.storage import load_parameters, load_training, save_parameters, save_training
from ..learning.training import Progress, Settings, Update, begin, build, train
from ..parameters import parameter_shapes


class Group(NamedTuple):
    """Runs that differ in nothing but the seed, cut to the updates that all have reached."""

    task: str
    setting: str
    label: str  # the network, and what else tells this group from others of the same network
    parameters: int
    updates: np.ndarray  # of the curve (R,)
    scores: np.ndarray  # at those updates, a row a seed (S, R)
    minutes: float  # median over seeds, until the last of these updates


def train_in(folder, settings):
    """``train`` in a folder: begins there or goes on, saves with each row of the curve, and yields every Progress.

    To stop between two rows without losing an update, ``save`` the last Progress. ValueError if the folder's run has
    other settings; only ``updates`` may grow, unless the learning rate falls towards the last one.
    """
    progress = open_run(folder, settings)
    for progress in train(settings, progress):  # noqa: B020 - the first one counts if there is nothing left to do
        if not progress.recent:
            save(folder, progress)
        yield progress
    save_parameters(Path(folder) / "params.npz", progress.training.net, progress.training.params)


def open_run(folder, settings):
    """The Progress to go on from: that of the folder, or a new one, whose settings are written down."""
    folder = Path(folder)
    progress = begin(settings)  # so that settings are known to be sound before anything is written
    if (folder / "settings.json").exists():
        _check_same(folder, settings)
        progress = load_progress(folder) or progress
        if settings.updates < progress.training.step:
            raise ValueError(f"updates: expected at least the {progress.training.step} done, got {settings.updates}")
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    _write_json(folder / "settings.json", {"settings": settings._asdict(), "versions": versions})
    return progress


def save(folder, progress):
    """Write a Progress down: what the checkpoint builds on first, the checkpoint last."""
    folder = Path(folder)
    if progress.curve:
        write_csv(folder / "curve.csv", progress.curve)
    if progress.recent:
        _write_json(folder / "recent.json", [done._asdict() for done in progress.recent])
    save_training(folder / "checkpoint.npz", progress.training)


def load_progress(folder):
    """The Progress last saved in the folder, or None."""
    folder = Path(folder)
    if not (folder / "checkpoint.npz").exists():
        return None
    training = load_training(folder / "checkpoint.npz")
    curve = [row for row in load_curve(folder) if row["update"] <= training.step]
    last = curve[-1]["update"] if curve else 0
    recent = []
    if last < training.step:
        recent = [Update(**values) for values in json.loads((folder / "recent.json").read_text())]
    return Progress(training, [done for done in recent if last < done.number <= training.step], curve)


def load_settings(folder):
    """The Settings of a run."""
    path = Path(folder) / "settings.json"
    if not path.exists():
        raise ValueError(f"folder: expected a run (a folder with settings.json), got {folder}")
    return Settings(**json.loads(path.read_text())["settings"])


def load_curve(folder):
    """The rows of a run's curve, a list of dicts; none before the first row."""
    path = Path(folder) / "curve.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [
            {name: int(value) if name in ("update", "episodes") else float(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def load_network(folder):
    """A run's net and params: those of its checkpoint, or of params.npz where that is all that was kept."""
    folder = Path(folder)
    if (folder / "checkpoint.npz").exists():
        training = load_training(folder / "checkpoint.npz")
        return training.net, training.params
    if (folder / "params.npz").exists():
        return load_parameters(folder / "params.npz")
    raise ValueError(f"folder: expected a run with checkpoint.npz or params.npz, got {folder}")


def gather(folder):
    """All runs in ``folder`` and its subfolders -> list of Groups, by task, setting and label.

    Runs without a row yet are left out; ValueError if no other is there.
    """
    runs = {}  # (task, setting, network) -> [(settings flattened, curve)]
    for path in sorted(Path(folder).rglob("settings.json")):
        settings, curve = load_settings(path.parent), load_curve(path.parent)
        if curve:
            key = settings.task, settings.setting, settings.network
            runs.setdefault(key, []).append((settings, curve))
    if not runs:
        raise ValueError(f"folder: expected runs with a curve.csv, got none in {folder}")
    groups = {}
    for (task, setting, network), alike in runs.items():
        flat = [flatten(settings) for settings, _ in alike]
        names = dict.fromkeys(name for values in flat for name in values if name not in ("seed", "updates"))
        varied = [name for name in names if len({repr(values.get(name)) for values in flat}) > 1]
        for values, run in zip(flat, alike):
            label = ", ".join([network, *(f"{name} {values.get(name)}" for name in varied)])
            groups.setdefault((task, setting, label), []).append(run)
    return [_group(*key, group) for key, group in sorted(groups.items())]


def write_csv(path, rows):
    """Write dicts with the same keys as a table; floats with all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replace_file(path) as file:
        file.write(text.getvalue().encode())


def flatten(settings):
    """Settings as one dict: ``task_options.batch`` and so on."""
    flat = {}
    for name, value in settings._asdict().items():
        flat |= {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _group(task, setting, label, group):
    curves = [{row["update"]: row for row in curve} for _, curve in group]
    updates = sorted(set.intersection(*map(set, curves)))
    if not updates:
        raise ValueError(f"folder: expected runs of {task} {setting} {label} that share an update, got none")
    _, net = build(group[0][0])
    return Group(
        task,
        setting,
        label,
        sum(int(np.prod(shape)) for shape in parameter_shapes(net).values()),
        np.array(updates),
        np.array([[curve[number]["score"] for number in updates] for curve in curves]),
        float(np.median([curve[updates[-1]]["seconds"] for curve in curves]) / 60),
    )


def _check_same(folder, settings):
    """The folder's settings are these, except ``updates``; or ValueError with the differences.

    Where the learning rate falls towards the last update, ``updates`` is part of how the others were done.
    """
    may_grow = settings.final_rate_factor == 1
    there = flatten(load_settings(folder))
    # Through JSON and back, which is how the folder's came: it turns tuples into lists.
    here = flatten(Settings(**json.loads(json.dumps(settings._asdict()))))
    differences = [
        f"{name} {there.get(name)!r}, not {here.get(name)!r}"
        for name in dict.fromkeys([*there, *here])
        if not (name == "updates" and may_grow) and there.get(name) != here.get(name)
    ]
    if differences:
        raise ValueError(f"settings: expected those of the run in {folder}: {'; '.join(differences)}")


def _write_json(path, content):
    with replace_file(path) as file:
        file.write(json.dumps(content, indent=1).encode())
