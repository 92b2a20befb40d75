"""``python -m bpm_numpy evaluate``: the scores of a trained network on fresh episodes."""

import numpy as np

from ..arguments import check_count
from ..lab.runs import load_network, load_settings
from ..learning.episodes import evaluate
from ..learning.training import build

HELP = "score the network of a run on fresh episodes"
TYPED = {}


def add_arguments(parser):
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("--episodes", type=int, default=1000, help="at least so many, in whole batches (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the episodes (default 0)")
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
    scores = evaluate(net, params, held_out, rng, episodes, greedy, settings.carry)
    for name, value in scores.items():
        print(f"{name:>16}  {value:.4f}" + (f"   {task.score_label}" if name == "score" else ""))
    return 0
