"""``python -m bpm_numpy train``: train a network on a task, in a folder of its own.

The run can be stopped at any time; the same command goes on where it was. Runs of other seeds or networks are other
commands, which share nothing and may run side by side; ``gather`` collects them.

Matrix products take one thread, as in all commands, unless OPENBLAS_NUM_THREADS or another such variable says
otherwise: with more of them, beside other programs, a training can take several times as long. A run that goes on with
another number of them is as good, but not the same in its last digits.
"""

import argparse
import ast
import contextlib
import json
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np

from ..lab.runs import load_curve, save, train_in
from ..lab.settings import CONTROLS, EXPERIMENTS, settings_for
from ..learning.episodes import chance
from ..learning.training import NETWORKS, build
from ..tasks import TASKS
from .messages import say_stopped, shell_line
from .options import integer
from .progress import duration, progress

HELP = "train a network on a task; the same command goes on with a run that was stopped"
STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, what a job scheduler sends first, a terminal that is closed
TYPED = {"folder": "--out", "changes": "--set", "task": "TASK"}
EXAMPLES = """\
  python -m bpm_numpy train association --setting tiny --network plastic
  python -m bpm_numpy train cue-reward --network retroactive --seed 3 --updates 2000
  python -m bpm_numpy train maze --set learning_rate=1e-3 --set network_options.clip=2 --out runs/mine
  python -m bpm_numpy train bandit --set start.alpha=0 --set rate_factors.alpha=0"""


def add_arguments(parser):
    parser.add_argument("task", metavar="TASK", help=f"what to learn: {', '.join(TASKS)}")
    networks = f"{', '.join(NETWORKS)} (default: simple)"
    parser.add_argument("--network", default="simple", metavar="NAME", help=f"what learns it: {networks}")
    parser.add_argument("--setting", default="small", metavar="NAME", help="sizes; see below (default: small)")
    parser.add_argument("--seed", type=integer, default=0, metavar="N", help="of all that is random (default 0)")
    parser.add_argument(
        "--updates", type=integer, metavar="N", help="how many; more than before goes on with a finished run"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_change,
        metavar="NAME=VALUE",
        help="any other setting, such as learning_rate=1e-3, start.eta=0.3 or task_options.T=30, or "
        "start=RUN/params.npz to start from what a finished run has learnt; may be repeated",
    )
    settings = {}  # task -> the names of its settings
    for task, setting in EXPERIMENTS:
        settings.setdefault(task, []).append(setting)
    lines = [f"  {task}: {', '.join(names)}" for task, names in settings.items()]
    controls = [f"  {name}\n{textwrap.indent(textwrap.fill(what), ' ' * 8)}" for name, what in CONTROLS.items()]
    parser.epilog = "\n".join(["settings:", *lines, "", "controls, by --set NAME=VALUE:", *controls])
    parser.add_argument("--out", metavar="DIR", help="the run's folder (default: runs/TASK-SETTING-NETWORK-seedSEED)")
    parser.add_argument("--while-stdin", action="store_true", help="stop, as at Ctrl-C, when stdin is closed")


def run(arguments):
    """Exit code: 0 when all updates are done, 130 if stopped before."""
    changes = dict(arguments.set) | ({} if arguments.updates is None else {"updates": arguments.updates})
    name = f"{arguments.task}-{arguments.setting}-{arguments.network}-seed{arguments.seed}"
    folder = Path("runs") / name if arguments.out is None else arguments.out
    state, started = None, time.monotonic()
    if arguments.while_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    settings = settings_for(arguments.task, arguments.network, arguments.setting, arguments.seed, changes)
    with first_signal() as stopped:
        turns = progress(
            train_in(folder, settings),
            settings.updates,
            "updates",
            number=lambda state: state.training.step,
            note=_last_score,
        )
        with contextlib.closing(turns):
            for state in turns:
                if stopped:
                    save(folder, state)
                    break
    if state is not None and state.training.step < settings.updates:
        done = f"stopped and saved at update {state.training.step} of {settings.updates}"
        say_stopped(f"{done}; to go on: {_command(arguments, folder)}")
        return 130
    print(f"{settings.updates} updates are done: {folder}, {duration(time.monotonic() - started)}")
    curve = load_curve(folder) if state is None else state.curve
    if curve:
        task, _ = build(settings)
        random = chance(task, np.random.default_rng(settings.seed), settings.evaluation_episodes)["score"]
        what = f"{task.score_label}; {task.better} is better, chance about {round(random, 2) + 0:.2f}"
        print(f"last score {curve[-1]['score']:.3f}: {what}")
    print(f"next: {shell_line('evaluate', str(folder))}")
    return 0


def _stop_with_stdin():
    """Wait until stdin is closed, which happens however the process at its other end comes to its end."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    signal.raise_signal(signal.SIGTERM)


@contextlib.contextmanager
def first_signal():
    """A list that is empty until Ctrl-C is pressed or the process is asked to end. The second time, it ends at once."""
    received = []

    def note(number, _):
        if received:
            raise KeyboardInterrupt
        received.append(number)

    numbers = [getattr(signal, name) for name in STOP_SIGNALS if hasattr(signal, name)]  # Windows has no SIGHUP
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            if number == signal.SIGINT or before[number] is not signal.SIG_IGN:  # as by nohup
                signal.signal(number, note)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _last_score(state):
    return f", score {state.curve[-1]['score']:.3g}" if state.curve else ""


def _command(arguments, folder):
    """The command line that goes on with the run."""
    words = ["train", arguments.task, "--network", arguments.network, "--setting", arguments.setting]
    words += ["--seed", str(arguments.seed), "--out", str(folder)]
    if arguments.updates is not None:
        words += ["--updates", str(arguments.updates)]
    for name, value in arguments.set:
        words += ["--set", f"{name}={json.dumps(value)}"]
    return shell_line(*words)


def _change(text):
    """NAME=VALUE -> name, value: as JSON or Python have it (1e-3, .001, inf, true, True, null, None), or a word."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    for read in (json.loads, ast.literal_eval, float):
        with contextlib.suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return name, read(value)
    return name, value
