"""``python -m bpm_numpy train``: train a network on a task, in a folder of its own.

The run can be stopped at any time; the same command goes on where it was. Runs of other seeds or networks are other
commands, which share nothing and may run side by side; ``gather`` collects them.
"""

import argparse
import contextlib
import json
import shlex
import signal
import sys
from pathlib import Path

from ..lab.runs import save, train_in
from ..lab.settings import CONTROLS, EXPERIMENTS, settings_for
from ..learning.training import NETWORKS
from ..tasks import TASKS
from .progress import progress

HELP = "train a network on a task; the same command goes on with a run that was stopped"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and what a job scheduler sends first


def add_arguments(parser):
    settings = sorted({setting for _, setting in EXPERIMENTS})
    parser.add_argument("task", choices=TASKS, metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--network", choices=NETWORKS, default="simple", help="default: simple")
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


def run(arguments):
    """Exit code: 0 when all updates are done, 130 if stopped before, 2 for settings that cannot be, or not here."""
    changes = dict(arguments.set) | ({} if arguments.updates is None else {"updates": arguments.updates})
    name = f"{arguments.task}-{arguments.setting}-{arguments.network}-seed{arguments.seed}"
    folder = Path(arguments.out or Path("runs") / name)
    state = None
    try:
        settings = settings_for(arguments.task, arguments.network, arguments.setting, arguments.seed, changes)
        with first_signal() as stopped:
            turns = progress(
                train_in(folder, settings),
                settings.updates,
                "updates",
                number=lambda state: state.training.step,
                note=_last_score,
            )
            for state in turns:
                if stopped:
                    save(folder, state)
                    break
    except (TypeError, ValueError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    if state is not None and state.training.step < settings.updates:
        print(f"\nstopped and saved at update {state.training.step} of {settings.updates}; to go on:", file=sys.stderr)
        print(f"  {_command(arguments, folder)}", file=sys.stderr)
        return 130
    print(f"{settings.updates} updates are done: {folder}")
    return 0


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
    words = ["train", arguments.task, "--network", arguments.network, "--setting", arguments.setting]
    words += ["--seed", str(arguments.seed), "--out", str(folder)]
    if arguments.updates is not None:
        words += ["--updates", str(arguments.updates)]
    for name, value in arguments.set:
        words += ["--set", f"{name}={json.dumps(value)}"]
    return "python -m bpm_numpy " + shlex.join(words)


def _change(text):
    """NAME=VALUE, the value as JSON, or a word as it stands -> name, value."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    with contextlib.suppress(json.JSONDecodeError):
        value = json.loads(value)
    return name, value
