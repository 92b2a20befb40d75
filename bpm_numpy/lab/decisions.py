"""How good each decision of an episode is, from the first to the last: what a network learns within an episode.

    means, numbers = by_decision(net, params, task, rng)      mean reward of the k-th decision, and in how many episodes
    rewards = load_decisions(folder)["simple"]                the same of all recorded runs of a label (S, K)

A decision is a step at which the answer counts.
"""

from pathlib import Path

import numpy as np

from ..arguments import check_count, check_generator
from ..learning.episodes import rollout
from ..learning.training import build
from .runs import load_network, read_csv, write_csv


def by_decision(net, params, task, rng, batches=20):
    """Mean reward of the k-th decision of fresh episodes, k = 1 ... K -> means (K,), numbers of episodes (K,).

    Episodes differ in how many decisions they have. K is the last that at least half of them have.
    """
    check_generator("rng", rng)
    check_count("batches", batches)
    rewards, order = [], []
    for _ in range(batches):
        episode = rollout(net, params, task, rng)
        decides = episode.counts  # (T, B)
        rewards.append(episode.rewards[decides])
        order.append(decides.cumsum(axis=0)[decides])  # 1 for the first of its episode
    rewards, order = np.concatenate(rewards), np.concatenate(order)
    numbers = np.bincount(order)[1:]
    numbers = numbers[2 * numbers >= batches * task.batch]
    sums = np.bincount(order, weights=rewards)[1 : len(numbers) + 1]
    return sums / numbers, numbers


def write_decisions(folder, runs):
    """``by_decision`` of each of a study's Runs: decisions.csv in ``folder``, a row a run and decision, four digits."""
    rows = []
    for run in runs:
        net, params = load_network(run.folder)
        task, _ = build(run.settings)
        means, numbers = by_decision(net, params, task, np.random.default_rng((run.settings.seed, 5)))
        for k, (mean, number) in enumerate(zip(means, numbers), start=1):
            of = {"label": run.line.label, "seed": run.settings.seed, "decision": k}
            rows.append(of | {"reward": f"{mean:.4g}", "episodes": number})
    write_csv(Path(folder) / "decisions.csv", rows)


def load_decisions(folder):
    """A study's decisions.csv: {label: mean rewards of its seeds' k-th decisions (S, K)}; all S seeds have K."""
    runs = {}  # label -> seed -> rewards
    for row in read_csv(Path(folder) / "decisions.csv"):
        runs.setdefault(row["label"], {}).setdefault(row["seed"], []).append(float(row["reward"]))
    least = {label: min(map(len, seeds.values())) for label, seeds in runs.items()}
    return {label: np.array([of[: least[label]] for of in seeds.values()]) for label, seeds in runs.items()}
