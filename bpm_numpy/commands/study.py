"""``python -m bpm_numpy study``: make all runs of a study, side by side, and keep what is to stay of them.

What stays is in figures/data, or in --data DIR.

The runs are ``train`` commands in processes of their own. The study can be stopped at any time; the same command goes
on where it was, and leaves alone what is done. Other programs can spread the runs as well: ``--list`` prints them, and
``--gather`` keeps what they have made.
"""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from ..arguments import check_count
from ..files import check_path, locked, make_folder
from ..lab.runs import load_curve
from ..lab.studies import (
    DATA,
    RECORDED,
    STUDIES,
    check_recorded,
    is_finished,
    load_study,
    runs_of,
    summarise,
    write_study,
)
from ..parts import REGISTRIES, check_name
from ..plugins import check_known_elsewhere, plugin_words
from .check import format_table
from .messages import calling, interpreter, say_stopped
from .options import integer
from .progress import progress
from .train import first_signal

HELP = "make all runs of a study and gather them into figures/data; the same command goes on with one that was stopped"
TYPED = {"folder": "--out", "study": "NAME"}
EXAMPLES = """\
  python -m bpm_numpy study bandit
  python -m bpm_numpy study bandit --seeds 2 --jobs 2 --out runs/short --data kept"""


def add_arguments(parser):
    parser.add_argument("name", metavar="NAME", help=", ".join(STUDIES))
    parser.add_argument("--jobs", type=integer, default=2, metavar="N", help="runs side by side (default 2)")
    parser.add_argument("--out", metavar="DIR", help="folder of the runs (default: runs/studies/NAME)")
    parser.add_argument("--seeds", type=integer, metavar="N", help="how many (default: the study's own number)")
    parser.add_argument("--data", metavar="DIR", help="where DIR/NAME holds what is kept (default: figures/data)")
    parser.add_argument(
        "--force", action="store_true", help="replace a record of more seeds, or files not of the study"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="print the runs as commands, one per line, and run none")
    instead.add_argument("--gather", action="store_true", help="keep the seeds whose runs are all done, and run none")


def run(arguments):
    """Exit code: 0 when all runs are done and kept, 130 if stopped before."""
    name = arguments.name
    check_name("study", name, STUDIES)
    study, data = STUDIES[name], DATA if arguments.data is None else arguments.data
    check_path(data, "data")
    seeds = study.seeds if arguments.seeds is None else arguments.seeds
    out = Path("runs/studies") / name if arguments.out is None else arguments.out
    check_count("jobs", arguments.jobs)
    check_count("seeds", seeds)
    runs = runs_of(study, out, seeds)
    if arguments.list:
        for chain in chains_of(runs):
            print(" && ".join(shlex.join([interpreter(), *words_of(run)]) for run in chain))
        return 0
    if data == RECORDED:
        raise ValueError("data: expected a folder for what is kept, since there is no clone with figures/, got none")
    if arguments.gather:
        seeds = done_seeds(runs)
        left_out = sum(is_finished(run) for run in runs if run.settings.seed >= seeds)
        print(f"{seeds} seeds are done in {out}" + f"; {left_out} runs of further ones are left out" * bool(left_out))
        if not seeds:
            raise ValueError(f"folder: expected all runs of seed 0 done in {out}; --list prints them")
        runs = [run for run in runs if run.settings.seed < seeds]
    words = ["study", name, *(["--seeds", str(seeds)] if seeds != study.seeds else [])]
    words += [] if arguments.data is None else ["--data", arguments.data]
    command = shlex.join(["python", "-m", "bpm_numpy", *plugin_words(), *words])
    if not arguments.force:
        check_recorded(name, seeds, data)
    check_known_elsewhere(part for run in runs for part in parts_of(run))
    with calling("folder", "data"):
        make_folder(Path(data) / name)  # now, and not after hours
    make_folder(out)
    with locked(out):
        pending = [run for run in runs if not is_finished(run)]
        done = len(runs) - len(pending)
        with first_signal() as stopped:
            before = done
            turns = progress(
                train_all(pending, arguments.jobs, stopped),
                len(runs),
                "runs",
                number=lambda turn: before + turn[0],
                note=lambda turn: under_way(turn[1]),
                begun=before,
            )
            with contextlib.closing(turns):
                for ended, _ in turns:
                    done = before + ended
        if done < len(runs):
            say_stopped(f"stopped with {done} of {len(runs)} runs done; the same command goes on")
            return 130
        folder = write_study(name, runs, command, data, arguments.force)
    rows = summarise(name, data)
    print(format_table(tuple(rows[0]), [tuple(map(str, row.values())) for row in rows]))
    about, _ = load_study(name, data)
    print(f"{folder}: {len(runs)} runs, {about['core_minutes']} minutes of one core")
    return 0


def parts_of(run):
    """(kind, name) of all that a run's command names, which its process must know."""
    line, options = run.line, run.settings.network_options
    named = {"task": line.task, "network": line.network, "setting": (line.task, line.setting)}
    return [*named.items(), *((kind, options[kind]) for kind in REGISTRIES if kind in options)]


def train_all(runs, jobs, stopped):
    """Run the Runs, ``jobs`` at a time, until ``stopped``. Yields how many have ended and the list of those under way:
    every second, and whenever one ends.

    RuntimeError, with what it printed, if one fails. Whatever happens, no process is left behind: those under way are
    asked to stop, which they do after saving.
    """
    waiting, active, done, told = list(runs), {}, 0, time.monotonic()  # active: process -> Run
    try:
        while (waiting or active) and not stopped:
            while len(active) < jobs and (run := next_of(waiting, active)):
                waiting.remove(run)
                active[start(run)] = run
            for process in [process for process in active if process.poll() is not None]:
                del active[process]
                errors = process.communicate()[1]
                if process.returncode:
                    raise RuntimeError(f"{' '.join(process.args[1:])} failed: {errors.strip()}")
                done += 1
                yield done, list(active.values())
            if active and time.monotonic() > told + 1:
                told = time.monotonic()
                yield done, list(active.values())
            time.sleep(0.05)
    finally:
        for process in active:
            process.terminate()
        for process in active:
            process.communicate()


def under_way(runs):
    """What the line of progress says of runs that are under way: how far the curve of each has come."""
    curves = [(run, load_curve(run.folder)) for run in runs]
    now = [f"{run.folder.name} {curve[-1]['update'] if curve else 0}/{run.settings.updates}" for run, curve in curves]
    return f", under way: {', '.join(now)}" if now else ""


def next_of(waiting, active):
    """The first of the Runs that need not wait for one to start from; any one if that will never come; or None."""
    for run in waiting:
        if isinstance(run.settings.start, dict) or Path(run.settings.start).exists():
            return run
    return waiting[0] if waiting and not active else None


def chains_of(runs):
    """The Runs in lists that any number of processes can take in any order: each starts from the one before it."""
    chains = []
    for run in runs:
        before = [chain for chain in chains if run.settings.start == (chain[-1].folder / "params.npz").as_posix()]
        if before:
            before[0].append(run)
        else:
            chains.append([run])
    return chains


def done_seeds(runs):
    """How many of the seeds 0, 1, ... have all their Runs finished, up to the first that has not."""
    missing = {run.settings.seed for run in runs if not is_finished(run)}
    return min(missing, default=max(run.settings.seed for run in runs) + 1)


def words_of(run):
    """The run's ``train`` command, behind the name of the interpreter."""
    line = run.line
    words = ["-m", "bpm_numpy", *plugin_words(), "train", line.task, "--network", line.network]
    words += ["--setting", line.setting, "--seed", str(run.settings.seed), "--out", str(run.folder)]
    for key, value in line.changes.items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    return words


def start(run):
    """The run's ``train`` command in a process of its own, out of Ctrl-C's reach, and with one BLAS thread.

    Its stdin is open as long as this process is there, so that it stops, after saving, however this one ends.
    """
    return subprocess.Popen(
        [sys.executable, *words_of(run), "--while-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,
    )
