"""The door for parts of your own: register them in Python, or name a file of them on the command line.

    from bpm_numpy import register
    register(MyRule())                                   now PlasticNetwork(rule="my rule") is one

    python -m bpm_numpy --plugin my_rules.py train ...   runs the file first, which registers its parts

A name of the package's own can't be taken; one of yours is replaced when it is registered again. Files that a network,
a training or a study leaves hold names alone: loading one runs no code, so its parts must be registered before.
Processes that ``check`` and ``study`` start run the same files first; what is registered in Python alone they may not
know: then they aren't started. ``load_plugin`` does in Python what --plugin does.
"""

import hashlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path

from . import cells, modulators, rules  # noqa: F401 - their names are taken first
from .files import check_path
from .parts import Part, add_part, check_name, check_registered

PLUGINS = []  # files that have been run, in order, as absolute paths: processes that are started run them too
_YOURS = set()  # (kind, name) of what is registered here, parts excepted
_ALONE = set()  # (kind, name) of what is registered in Python, and not by a file that other processes can run too
_running = []  # files that are being run


def register(thing):
    """Make a Rule, a Modulator or a Cell (an object), or a Task (a class) known by its ``name``.

    A task gets a row of settings for each name in its ``SMALL`` and for "paper"; ``register_setting`` replaces one.
    TypeError for anything else; ValueError for a name that is missing or the package's own.
    """
    if isinstance(thing, Part):
        add_part(thing)
        _note(thing.kind, thing.name)
        return
    from .lab.settings import EXPERIMENTS, row
    from .tasks import TASKS
    from .tasks.base import Task

    if not (isinstance(thing, type) and issubclass(thing, Task)):
        came = f"the class {thing.__name__}" if isinstance(thing, type) else repr(thing)
        raise TypeError(f"thing: expected a Rule, Modulator or Cell (an object) or a Task (a class), got {came}")
    _add("task", TASKS, thing.name, thing)
    for setting in (*thing.SMALL, "paper"):
        EXPERIMENTS.setdefault((thing.name, setting), row(24))


def register_network(name, **options):
    """Make options of a PlasticNetwork known as a network's ``name``, for ``train --network`` and studies.

    TypeError or ValueError for options that no network has, and for parts that are not registered; n_hidden and sizes
    come from the settings.
    """
    from .learning.training import NETWORKS

    _add("network", NETWORKS, name, _named(options))


def register_setting(task, setting, n_hidden, *, task_options=None, start=None, network=None, **changes):
    """Make a row of settings known: how the task is trained under the name ``setting``.

    task_options: of the task, by default what its ``SMALL`` has under that name; start: parameter -> starting value;
    network: options of the network; changes: what else differs from ``lab.settings.SETTINGS``.
    TypeError or ValueError for any of them that cannot be, and for a row of the package's own.
    """
    from .lab.settings import EXPERIMENTS, SETTINGS, START, row
    from .tasks import TASKS, make_task

    check_name("task", task, TASKS)
    unknown = [name for name in changes if name not in SETTINGS]
    if unknown:
        raise ValueError(f"changes: expected names from {', '.join(SETTINGS)}, got {', '.join(unknown)}")
    if task_options is None and setting not in TASKS[task].SMALL:
        raise ValueError(f"task_options: expected options of the task for a new setting, got none for {setting!r}")
    values = row(n_hidden, START if start is None else start, _named(network or {}), **changes)
    if task_options is not None:
        make_task(task, task_options)
        values["task_options"] = dict(task_options)
    if ("task", task) in _YOURS:  # so are its rows
        _YOURS.add(("setting", (task, setting)))
    _add("setting", EXPERIMENTS, (task, setting), values)


def register_study(name, study):
    """Make a ``lab.studies.Study`` known, for ``study NAME``."""
    from .lab.studies import STUDIES, Study

    if not isinstance(study, Study):
        raise TypeError(f"study: expected a lab.studies.Study, got {type(study).__name__}")
    _add("study", STUDIES, name, study)


def load_plugin(path):
    """Run a Python file, which registers parts. A file that was run before is not run again.

    ValueError, which names the file, where there is none and for whatever the file raises.
    """
    check_path(path, "plugin")
    path = Path(path).resolve()
    if str(path) in PLUGINS:
        return
    name = f"bpm_numpy_plugin_{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"
    if not path.is_file() or path.suffix != ".py":
        came = "a folder" if path.is_dir() else "another kind of file" if path.exists() else "nothing"
        raise ValueError(f"plugin: expected a Python file (.py), got {path}, {came}")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that its classes can be pickled
    _running.append(path)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):  # Ctrl-C
            raise
        del sys.modules[name]
        came = f"{type(error).__name__}: {error}{place_in(error, [str(path)])}"
        raise ValueError(f"plugin: expected {path} to run, got {came}") from error
    finally:
        _running.pop()
    PLUGINS.append(str(path))


def place_in(error, files):
    """Where an error came from if it came through one of these files, in brackets; "" for all else."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def load_plugins(paths):
    """``load_plugin`` of each: what a process that was started does first."""
    for path in paths:
        load_plugin(path)


def check_known_elsewhere(names):
    """Other processes can know these (kind, name), or ValueError: a part that is in no file is known to this one."""
    alone = [f"the {kind} {name!r}" for kind, name in dict.fromkeys(names) if (kind, name) in _ALONE]
    if alone:
        raise ValueError(
            f"plugin: expected parts that the processes which are started can know as well, got {', '.join(alone)}, "
            "registered in Python alone; register them in a file, and name it: --plugin FILE, or "
            "bpm_numpy.plugins.load_plugin(FILE)"
        )


def plugin_words():
    """The words of a command line that hand the plugins on: --plugin FILE for each."""
    return [word for path in PLUGINS for word in ("--plugin", path)]


def _named(options):
    """Options of a network as its settings hold them: registered parts by their names."""
    from .network import PlasticNetwork

    made = PlasticNetwork(1, 1, 1, **options).options
    for name in options:
        if isinstance(made[name], Part):
            check_registered(name, made[name])
    return {name: made[name] for name in options}


def _add(kind, registry, name, value):
    if kind != "setting" and (not isinstance(name, str) or not name or name[0] == "." or set(name) & set("/\\")):
        raise ValueError(f"name: expected a name for a {kind}, which a folder can have, got {name!r}")
    if name in registry and (kind, name) not in _YOURS:
        raise ValueError(f"name: expected one that no {kind} of the package has, got {name!r}")
    _YOURS.add((kind, name))
    _note(kind, name)
    registry[name] = value


def _note(kind, name):
    """What is registered now can be known to other processes if a file that is being run does it."""
    (_ALONE.discard if _running else _ALONE.add)((kind, name))
