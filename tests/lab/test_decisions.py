"""The reward by decision, held to loops over episodes; and what a study keeps of it."""

import numpy as np
import pytest

from bpm_numpy.lab.decisions import by_decision, load_decisions, write_decisions
from bpm_numpy.lab.runs import load_network, train_in, write_csv
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.lab.studies import Line, Run
from bpm_numpy.learning.episodes import rollout
from bpm_numpy.learning.training import build

OPTIONS = {f"task_options.{name}": value for name, value in {"cues": 4, "T": 50, "batch": 7, "max_blanks": 3}.items()}


def test_rewards_by_decision_are_those_of_loops():
    settings = settings_for("cue-reward", "simple", "tiny", 0, OPTIONS)
    task, net = build(settings)
    params = net.init(np.random.default_rng(0))
    means, numbers = by_decision(net, params, task, np.random.default_rng(1), batches=3)

    rng, seen = np.random.default_rng(1), {}
    for _ in range(3):
        episode = rollout(net, params, task, rng)
        for b in range(task.batch):
            k = 0
            for t in range(task.T):
                if episode.counts[t, b]:
                    k += 1
                    seen.setdefault(k, []).append(episode.rewards[t, b])
    kept = [k for k in seen if len(seen[k]) >= 3 * 7 / 2]
    assert 0 < len(kept) < len(seen)  # the last decision of the longest episodes is left out
    assert numbers.tolist() == [len(seen[k]) for k in kept]
    assert means == pytest.approx([np.mean(seen[k]) for k in kept], rel=1e-12)


def test_what_is_kept_is_read_again(tmp_path):
    runs, changes = [], OPTIONS | {"updates": 1, "evaluation_episodes": 7}
    for network in ("none", "plastic"):
        for seed in (0, 1):
            folder = tmp_path / f"{network}{seed}"
            settings = settings_for("cue-reward", network, "tiny", seed, changes)
            assert len(list(train_in(folder, settings))) == 1
            runs.append(Run(Line(network, "cue-reward", network, "tiny", changes), settings, folder))
    write_decisions(tmp_path, runs)
    kept = load_decisions(tmp_path)
    assert list(kept) == ["none", "plastic"] and {len(of) for of in kept.values()} == {2}
    for run in runs:
        task, _ = build(run.settings)
        means, _ = by_decision(*load_network(run.folder), task, np.random.default_rng((run.settings.seed, 5)))
        of = kept[run.line.label][run.settings.seed]
        assert 3 < len(of) <= len(means) and np.allclose(of, means[: len(of)], rtol=1e-3, atol=1e-12)


def test_seeds_are_read_up_to_the_last_decision_that_all_have(tmp_path):
    rows = [("a", 0, 1, 0.1), ("a", 0, 2, 0.2), ("a", 0, 3, 0.3), ("a", 1, 1, 0.4), ("a", 1, 2, 0.5)]
    write_csv(tmp_path / "decisions.csv", [dict(zip(("label", "seed", "decision", "reward"), row)) for row in rows])
    assert load_decisions(tmp_path)["a"].tolist() == [[0.1, 0.2], [0.4, 0.5]]
