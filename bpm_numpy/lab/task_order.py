"""Several tasks in sequence: one network is trained on each in turn. How good is it at every task after each of them?

    matrix[k, j]      score on task j after stage k, the training on task k - 1; row 0 is untrained: (K + 1, K)

A stage is an ordinary run, which starts from the parameters that the stage before has left (``Settings.start``); Adam
begins anew. The tasks share the network's outputs and all its weights but the input weights (``tasks.Block``).
"""

from pathlib import Path

import numpy as np

from ..learning.episodes import evaluate
from ..learning.training import begin, build
from .runs import load_network, read_csv, write_csv

EPISODES = 320  # of an evaluation
CHANCE = {"cue-reward": 0.0, "bandit": 0.5, "association": 0.0}  # two arms, one of them the best


def score_matrix(net, params_of_stages, tasks, seed, episodes=EPISODES):
    """The matrix (K + 1, K): ``params_of_stages``, the untrained parameters and those after each of the K stages.

    Each task's fresh episodes are seeded alike at all stages, so that rows differ by the parameters alone.
    """
    if len(params_of_stages) != len(tasks) + 1:
        came = len(params_of_stages)
        raise ValueError(f"params_of_stages: expected {len(tasks) + 1}, one more than tasks, got {came}")
    return np.array(
        [
            [evaluate(net, params, task, np.random.default_rng((seed, 3)), episodes)["score"] for task in tasks]
            for params in params_of_stages
        ]
    )


def scaled(score, task):
    """A task's score, with 0 for chance and 1 for all."""
    return (score - CHANCE[task]) / (1 - CHANCE[task])


def forgotten(matrices):
    """Score on each task after its own stage, less that after the last: matrices (..., K + 1, K) -> (..., K)."""
    own = np.diagonal(matrices[..., 1:, :], axis1=-2, axis2=-1)  # (..., K)
    return own - matrices[..., -1, :]


def is_sequence(runs):
    """Some of a study's Runs start where others, on another task, have ended."""
    return any(run.line.after for run in runs) and len({run.line.task for run in runs}) > 1


def write_matrices(folder, runs):
    """Score the finished Runs of a study of sequences on all tasks, and keep that in ``folder``/matrix.csv."""
    sequences = {}  # (network, seed) -> its stages, in order
    for run in runs:
        sequences.setdefault((run.line.network, run.settings.seed), []).append(run)
    rows = []
    for (network, seed), stages in sequences.items():
        tasks = {run.settings.task: build(run.settings)[0].for_evaluation() for run in stages}
        untrained = begin(stages[0].settings).training
        trained = [load_network(run.folder)[1] for run in stages]
        matrix = score_matrix(untrained.net, [untrained.params, *trained], list(tasks.values()), seed)
        for stage, scores in enumerate(matrix):
            row = {"network": network, "seed": seed, "stage": stage}
            rows.append(row | {name: f"{score:.4g}" for name, score in zip(tasks, scores)})
    write_csv(folder / "matrix.csv", rows)


def load_matrices(folder):
    """What ``write_matrices`` kept: the tasks' names, and network -> matrices (S, K + 1, K), a seed each."""
    path = Path(folder) / "matrix.csv"
    if not path.exists():
        raise ValueError(f"folder: expected matrix.csv in {folder}, found none; python -m bpm_numpy study sequence")
    rows = read_csv(path)
    tasks = list(rows[0])[3:]  # behind network, seed, stage
    K, scores = len(tasks), {}
    for row in rows:
        scores.setdefault(row["network"], []).append([float(row[task]) for task in tasks])
    return tasks, {network: np.reshape(values, (-1, K + 1, K)) for network, values in scores.items()}
