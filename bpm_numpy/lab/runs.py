"""Run folders: a training on disk, which can be stopped at any time and goes on to the very same bits.

    settings.json     the Settings, and the versions of Python and NumPy
    checkpoint.npz    the TrainingState (``storage``)
    curve.csv         the curve, one line per row
    recent.json       the Updates since the curve's last row, if the run was stopped between two rows
    params.npz        the network and its parameters, once all updates are done

Each file is replaced in one step, and the checkpoint last. So curve and recent.json never lack what the checkpoint
builds on; whatever they hold beyond it, after a kill between two files, is cut on loading. One process at a time trains
in a folder. What is no run's is never replaced.
"""

import csv
import io
import json
import os
import platform
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import LAST, check_count
from ..files import FilesWarning, check_target, locked, make_folder, read_json, read_text, replace_file
from ..learning.storage import load_parameters, load_training, save_parameters, save_training
from ..learning.training import NETWORKS, Progress, Settings, Update, begin, build, columns, train
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from .settings import EXPERIMENTS

MADE = ("curve.csv", "recent.json", "checkpoint.npz", "params.npz")  # by a run, beside settings.json


class Group(NamedTuple):
    """Runs that differ in nothing but the seed, cut to the updates that all have reached."""

    task: str
    setting: str
    label: str  # the network, and what else tells this group from others of the same network
    parameters: int
    updates: np.ndarray  # of the curve (R,)
    scores: np.ndarray  # at those updates, one row per seed (S, R)
    minutes: float  # median over seeds, until the last of these updates


def train_in(folder, settings):
    """``train`` in a folder: begins there or goes on, saves with each row of the curve, and yields every Progress.

    To stop between two rows without losing an update, ``save`` the last Progress. ValueError if the folder's run has
    other settings (only ``updates`` may grow, unless the learning rate falls towards the last one), if it is in use by
    another process, and where the folder holds files that are no run's, or not all that the run needs. FilesWarning
    where it can go on without what is missing.
    """
    settings = plain_settings(settings)
    begin(settings)  # so that settings are known to be sound before a folder is made
    make_folder(folder)
    with locked(folder):
        begun = open_run(folder, settings)
        _save_if_done(folder, settings, begun)  # there may be nothing left to do
        for progress in train(settings, begun):
            if not progress.recent:
                save(folder, progress)
            _save_if_done(folder, settings, progress)
            yield progress


def _save_if_done(folder, settings, progress):
    if progress.training.step == settings.updates:
        save_parameters(Path(folder) / "params.npz", progress.training.net, progress.training.params)


def open_run(folder, settings):
    """The Progress to go on from: that of the folder, or a new one, whose settings are written down."""
    folder, settings = Path(folder), plain_settings(settings)
    progress = begin(settings)
    there = [name for name in MADE if (folder / name).exists()]
    if (folder / "settings.json").exists():
        _check_same(folder, settings)
    elif there:
        raise ValueError(f"folder: expected a new one or a run's, got {folder}, with {there[0]} but no settings.json")
    saved = load_progress(folder)
    if saved is not None:
        if settings.updates < saved.training.step:
            raise ValueError(f"updates: expected at least the {saved.training.step} done, got {settings.updates}")
        load_network(folder)  # checkpoint and settings are of the same network
        if "params.npz" in there:
            _check_network(folder / "params.npz", load_parameters(folder / "params.npz")[0], settings)
        goes_on = saved.training.step < settings.updates
        if saved.curve and goes_on:
            _check_columns(folder / "curve.csv", saved.curve[0], columns(settings, saved.training))
        for name in there:
            check_target(folder / name)
        if "params.npz" in there and goes_on:  # of fewer updates than settings.json is going to say
            (folder / "params.npz").unlink()
        progress = saved
    # A run that was killed before its first checkpoint has one row at most.
    elif "params.npz" in there or len(load_curve(folder)) > 1:
        raise ValueError(
            f"folder: expected a run that can go on, got {folder}, with {', '.join(there)} but no checkpoint.npz; "
            "give another folder to begin anew"
        )
    make_folder(folder)
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    _write_json(folder / "settings.json", {"settings": settings._asdict(), "versions": versions})
    return progress


def _check_columns(path, there, expected):
    """The rows of ``path`` have the columns of those that will join them; or ValueError, naming what differs."""
    differences = [f"no column {name}" for name in expected if name not in there]
    differences += [f"an unknown column {name}" for name in there if name not in expected]
    if differences:
        came = f"{path}, with {', '.join(differences)}"
        raise ValueError(f"folder: expected a curve of this version, got {came}; move it away to go on without it")


def save(folder, progress):
    """Write a Progress down: what the checkpoint builds on first, the checkpoint last."""
    folder = Path(folder)
    if progress.curve:
        write_csv(folder / "curve.csv", progress.curve)
    if progress.recent:
        _write_json(folder / "recent.json", [done._asdict() for done in progress.recent])
    save_training(folder / "checkpoint.npz", progress.training)


def load_progress(folder):
    """The Progress last saved in the folder, or None. FilesWarning if updates are missing from its curve."""
    folder = Path(folder)
    if not (folder / "checkpoint.npz").exists():
        return None
    training = load_training(folder / "checkpoint.npz")
    curve = [row for row in load_curve(folder) if row["update"] <= training.step]
    last = curve[-1]["update"] if curve else 0
    recent = []
    if last < training.step:
        recent = [done for done in _load_recent(folder) if last < done.number <= training.step]
    if len(recent) < training.step - last:
        warnings.warn(
            f"{folder}: some of the updates {last + 1} to {training.step} are missing from curve.csv and recent.json; "
            "the run goes on from its checkpoint without them",
            FilesWarning,
            stacklevel=2,
        )
    return Progress(training, recent, curve)


def _load_recent(folder):
    path = folder / "recent.json"
    if not path.exists():
        return []
    content = read_json(path)
    try:
        recent = [Update(**values) for values in content]
        _check_numbers([done.number for done in recent])
        for done in recent:
            for name, value in zip(Update._fields[1:], done[1:]):
                if not isinstance(value, float):
                    raise TypeError(f"{name}: expected a number with a point, got {value!r}")
    except (TypeError, ValueError) as error:
        raise ValueError(f"folder: expected a list of updates, got {path} ({error})") from None
    return recent


def _check_numbers(updates):
    """``updates`` are numbers of updates, in their order, none twice; or TypeError or ValueError."""
    for before, number in zip([0, *updates], updates):
        check_count("update", number, smallest=before + 1, largest=LAST)


def load_settings(folder):
    """The Settings of a run; ValueError, naming file and field, if settings.json is not as this version writes it."""
    path = Path(folder) / "settings.json"
    if not path.exists():
        raise ValueError(f"folder: expected a run (a folder with settings.json), got {folder}")
    content = read_json(path)
    return settings_from(content.get("settings") if isinstance(content, dict) else None, path)


def settings_from(values, path):
    """The Settings that the file ``path`` holds as a dict; ValueError, naming file and field, for any other dict."""
    if not isinstance(values, dict):
        raise ValueError(f"settings: expected a dict of them in {path}, got {type(values).__name__}")
    missing = [name for name in Settings._fields if name not in {**Settings._field_defaults, **values}]
    unknown = [name for name in values if name not in Settings._fields]
    if missing or unknown:
        wrong = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(unknown)}"] * bool(unknown)
        raise ValueError(f"settings: expected those of this version in {path}; {'; '.join(wrong)}")
    settings = Settings(**values)
    try:
        build(settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"settings: expected those of a run in {path}; {error}") from None
    return settings


def load_curve(folder):
    """The rows of a run's curve, a list of dicts; none before the first row. ValueError for a file that is no curve."""
    path = Path(folder) / "curve.csv"
    if not path.exists():
        return []
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        if not {"update", "episodes", "seconds", "score"} <= set(reader.fieldnames or ()):
            raise ValueError("no columns update, episodes, seconds and score")
        rows = [
            {name: int(value) if name in ("update", "episodes") else float(value) for name, value in row.items()}
            for row in reader
        ]
        _check_numbers([row["update"] for row in rows])
        return rows
    except (TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"folder: expected a curve, got {path} ({error})") from None


def load_network(folder):
    """A run's net and params: those of its checkpoint, or of params.npz where that is all that was kept.

    ValueError if neither is there, and if they are not of the network in settings.json.
    """
    folder = Path(folder)
    if (folder / "checkpoint.npz").exists():
        file = folder / "checkpoint.npz"
        net, params = load_training(file)[:2]
    elif (folder / "params.npz").exists():
        file = folder / "params.npz"
        net, params = load_parameters(file)
    else:
        raise ValueError(f"folder: expected a run with checkpoint.npz or params.npz, got {folder}")
    _check_network(file, net, load_settings(folder))
    return net, params


def _check_network(path, net, settings):
    """``net``, out of the file ``path``, has the options in ``settings``; or ValueError."""
    expected = build(settings)[1]
    if net.options != expected.options:
        raise ValueError(f"folder: expected in {path} the network of settings.json, {expected}, got {net}")


def gather(folder):
    """All runs in ``folder`` and its subfolders -> list of Groups, by task, setting and label.

    Left out, with a FilesWarning each: runs without a row yet, what cannot be read, and all but the longest of several
    with the same settings and seed: copies tell nothing new. ValueError if none is left.
    """
    runs = {}  # (task, setting, network) -> [(folder, settings flattened, settings, curve)]
    for place in _run_folders(folder):
        try:
            settings, curve = load_settings(place), load_curve(place)
            key = settings.task, settings.setting, network_label(settings)
        except (OSError, TypeError, ValueError) as error:
            _left_out(place, error)
            continue
        if curve:
            runs.setdefault(key, []).append((place, flatten(settings), settings, curve))
        else:
            _left_out(place, "its curve has no row yet")
    groups = {}  # (task, setting, label) -> {seed: (folder, settings, curve)}
    for (task, setting, network), alike in runs.items():
        names = dict.fromkeys(name for _, values, _, _ in alike for name in values if name not in ("seed", "updates"))
        varied = [name for name in names if len({repr(values.get(name)) for _, values, _, _ in alike}) > 1]
        for place, values, settings, curve in alike:
            label = ", ".join([network, *(f"{name} {values.get(name)}" for name in varied)])
            seeds = groups.setdefault((task, setting, label), {})
            kept = (place, settings, curve)
            if settings.seed in seeds:
                other = seeds[settings.seed]
                kept, copy = (kept, other) if len(curve) > len(other[2]) else (other, kept)
                _left_out(copy[0], f"the same settings and seed as {kept[0]}")
            seeds[settings.seed] = kept
    gathered = []
    for key, seeds in sorted(groups.items()):
        group = [(settings, curve) for _, settings, curve in seeds.values()]
        updates = sorted(set.intersection(*({row["update"] for row in curve} for _, curve in group)))
        if updates:
            gathered.append(_group(*key, group, updates))
        else:
            _left_out(", ".join(str(place) for place, _, _ in seeds.values()), "their curves share no update")
    if not gathered:
        raise ValueError(f"folder: expected runs with a curve.csv, got none in {folder}")
    return gathered


def _run_folders(folder):
    """Yield ``folder`` and the folders in it that hold a settings.json, also behind links, each once."""
    seen = set()
    for place, below, files in os.walk(folder, onerror=_not_looked_into, followlinks=True):
        found = os.stat(place)
        if (found.st_dev, found.st_ino) in seen:  # links may lead round and round
            below.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        below.sort()
        if "settings.json" in files:
            yield Path(place)


def _not_looked_into(error):
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):  # no folder, so no run
        _left_out(error.filename, error.strerror)


def _left_out(place, reason):
    warnings.warn(f"left out {place}: {reason}", FilesWarning, stacklevel=3)


def network_label(settings):
    """What the paper calls the network that these Settings make, or their own word for it and what differs from that.

    So a run whose options were changed is not listed as what it no longer is.
    """
    own, keys = build(settings)[1].options, ("plasticity", "rule", "modulator", "reading", "cell")
    usual = PlasticNetwork(1, 1, 1).options
    usual |= EXPERIMENTS.get((settings.task, settings.setting), {}).get("network_options", {})
    differing = {}
    for name in dict.fromkeys([settings.network, *NETWORKS]):
        expected = usual | NETWORKS.get(name, {})
        differing[name] = [f"{key} {own[key]}" for key in keys if own[key] != expected[key]]
        if not differing[name]:
            return name
    return ", ".join([settings.network, *differing[settings.network]])


def write_csv(path, rows):
    """Write dicts with the same keys as a table; floats with all their digits."""
    with replace_file(path) as file:
        file.write(csv_bytes(rows))


def read_csv(path):
    """The rows of a table as ``write_csv`` writes it: dicts of strings. ValueError for a file that is no text."""
    return list(csv.DictReader(io.StringIO(read_text(path), newline="")))


def csv_bytes(rows):
    """What ``write_csv`` writes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def plain_settings(settings):
    """The same Settings as they come back from a JSON file: plain numbers, lists for tuples, names for dtypes.

    TypeError for what JSON cannot hold.
    """
    return Settings(**json.loads(json.dumps(settings._asdict(), default=_plain)))


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    raise TypeError(f"settings: expected values that can be written as JSON, got {value!r}")


def flatten(settings):
    """Settings as one dict: ``task_options.batch`` and so on."""
    flat = {}
    for name, value in settings._asdict().items():
        flat |= {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _group(task, setting, label, group, updates):
    curves = [{row["update"]: row for row in curve} for _, curve in group]
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
    here = flatten(settings)
    differences = []
    for name in dict.fromkeys([*there, *here]):
        same = name in there and name in here and there[name] == here[name]
        if not same and not (name == "updates" and may_grow):
            came, expected = (repr(values[name]) if name in values else "nothing" for values in (there, here))
            differences.append(f"{name} {came}, not {expected}")
    if differences:
        raise ValueError(f"settings: expected those of the run in {folder}: {'; '.join(differences)}")


def _write_json(path, content):
    with replace_file(path) as file:
        file.write(json.dumps(content, indent=1).encode())
