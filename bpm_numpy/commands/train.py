"""``python -m bpm_numpy train``: train a network on a task, in a folder of its own.

The run can be stopped at any time; the same command goes on where it was. Runs of other seeds or networks are other
commands, which share nothing and may run side by side; ``gather`` collects them.
"""

import argparse
import ast
import contextlib
import json
import os
import shlex
import signal
import sys
import threading
from pathlib import Path

from ..lab.runs import save, train_in
from ..lab.settings import CONTROLS, EXPERIMENTS, settings_for
from ..learning.training import NETWORKS
from ..plugins import plugin_words
from ..tasks import TASKS
from .messages import say_stopped
from .progress import progress

HELP = "train a network on a task; the same command goes on with a run that was stopped"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and what a job scheduler sends first
TYPED = {"folder": "--out", "changes": "--set"}


def add_arguments(parser):
    settings = sorted({setting for _, setting in EXPERIMENTS})
    parser.add_argument("task", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--network", default="simple", help=f"{', '.join(NETWORKS)} (default: simple)")
    parser.add_argument("--setting", default="small", help=f"one of the task's: {', '.join(settings)} (default: small)")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--updates", type=int, help="how many; more than before goes on with a finished run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_change,
        metavar="NAME=VALUE",
        help="any other setting, such as learning_rate=1e-3, start.eta=0.3 or task_options.T=30, or "
        "start=RUN/params.npz to start from what a finished run has learnt; may be repeated",
    )
    parser.epilog = "Controls, by --set: " + "; ".join(f"{name}: {what}" for name, what in CONTROLS.items()) + "."
    parser.add_argument("--out", metavar="DIR", help="the run's folder (default: runs/TASK-SETTING-NETWORK-seedSEED)")
    parser.add_argument("--while-stdin", action="store_true", help="stop, as at Ctrl-C, when stdin is closed")


def run(arguments):
    """Exit code: 0 when all updates are done, 130 if stopped before."""
    changes = dict(arguments.set) | ({} if arguments.updates is None else {"updates": arguments.updates})
    name = f"{arguments.task}-{arguments.setting}-{arguments.network}-seed{arguments.seed}"
    folder = Path("runs") / name if arguments.out is None else arguments.out
    state = None
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
    print(f"{settings.updates} updates are done: {folder}")
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

    before = [signal.signal(number, note) for number in STOP_SIGNALS]
    try:
        yield received
    finally:
        for number, handler in zip(STOP_SIGNALS, before):
            signal.signal(number, handler)


def _last_score(state):
    return f", score {state.curve[-1]['score']:.3g}" if state.curve else ""


def _command(arguments, folder):
    """The command line that goes on with the run."""
    words = [*plugin_words(), "train", arguments.task, "--network", arguments.network, "--setting", arguments.setting]
    words += ["--seed", str(arguments.seed), "--out", str(folder)]
    if arguments.updates is not None:
        words += ["--updates", str(arguments.updates)]
    for name, value in arguments.set:
        words += ["--set", f"{name}={json.dumps(value)}"]
    return "python -m bpm_numpy " + shlex.join(words)


def _change(text):
    """NAME=VALUE -> name, value: as JSON or Python have it (1e-3, .001, inf, true, True, null, None), or a word."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    for read in (json.loads, ast.literal_eval, float):
        with contextlib.suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return name, read(value)
    return name, value
