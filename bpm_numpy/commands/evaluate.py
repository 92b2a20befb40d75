"""``python -m bpm_numpy evaluate``: the scores of a trained network on fresh episodes."""

from pathlib import Path

import numpy as np

from ..arguments import check_count
from ..lab.runs import load_network, load_settings
from ..learning.episodes import chance, summaries
from ..learning.storage import load_training
from ..learning.training import build
from .options import integer

HELP = "score the network of a run on fresh episodes"
TYPED = {"folder": "RUN", "run_folder": "RUN"}
EXAMPLES = """\
  python -m bpm_numpy evaluate runs/association-tiny-plastic-seed0
  python -m bpm_numpy evaluate runs/mine --episodes 10000 --seed 1 --greedy"""


def add_arguments(parser):
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "--episodes", type=integer, default=1000, metavar="N", help="at least so many, in whole batches (default 1000)"
    )
    parser.add_argument("--seed", type=integer, default=0, metavar="N", help="of the episodes (default 0)")
    parser.add_argument("--greedy", action="store_true", help="take the most probable action, rather than draw one")


def run(arguments):
    """Exit code 0."""
    check_count("seed", arguments.seed, smallest=0)
    settings = load_settings(arguments.run_folder)
    task, _ = build(settings)
    net, params = load_network(arguments.run_folder)
    # A run's own evaluations are seeded by (seed, 1, update).
    rng = np.random.default_rng((arguments.seed, 2))
    held_out, episodes, greedy = task.for_evaluation(), arguments.episodes, arguments.greedy
    batches = list(summaries(net, params, held_out, rng, episodes, greedy, settings.carry))
    random = chance(task, rng, episodes)
    for name in batches[0]:
        values = [batch[name] for batch in batches]
        error = f"{np.std(values, ddof=1) / np.sqrt(len(values)):.4f}" if len(values) > 1 else "-"
        what = f"   {task.score_label}; {task.better} is better" if name == "score" else ""
        print(f"{name:>16}  {np.mean(values):.4f} ± {error}  chance about {round(random[name], 2) + 0:.2f}{what}")
    done = f"{updates_done(arguments.run_folder, settings)} of {settings.updates} updates"
    count = len(batches)
    scored = f"{count * task.batch} episodes in {count} {'batches' if count > 1 else 'batch, too few for ±'}"
    print(f"after {done}; {scored}; ±: standard error of the mean")
    return 0


def updates_done(folder, settings):
    """How many updates the network in a run's folder has had."""
    path = Path(folder) / "checkpoint.npz"
    return load_training(path).step if path.exists() else settings.updates
