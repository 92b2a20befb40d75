"""What a trained network does with Hebb and M(t): play episodes, interfere with either, and see what it costs.

    recording = play(net, params, task, rng)                              hebb, modulator, rewards, step by step
    recording = play(net, params, task, rng, Intervention(modulator=0))   the same, with M(t) = 0
    results = measure(net, params, task, rng)                             the score under each intervention, and more
    rows = load_interventions(DATA / "maze")                              the same of all runs of a study

Generators seeded alike give the same episodes whatever the intervention; only the answers, and what follows from
them, differ.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from ..arguments import check_array, check_arrays, check_bool, check_count, check_generator, check_number
from ..learning.episodes import Episode, draw_actions
from ..learning.training import build
from ..learning.trials import clear
from ..parameters import parameter_shapes
from .runs import load_network, read_csv, write_csv


class Intervention(NamedTuple):
    """What is interfered with; None and False for nothing.

    freeze_hebb_from: Hebb(t) stays as it is at that step, so at zero from step 0 on; modulator: M(t) is this number at
    every step; shuffle_alpha: alpha's entries, or its neurons', are permuted at random.
    """

    freeze_hebb_from: int | None = None
    modulator: float | None = None
    shuffle_alpha: bool = False


class Recording(NamedTuple):
    """B episodes of T steps."""

    x: np.ndarray  # what the network read (T, B, D)
    logits: np.ndarray  # (T, B, A)
    hebb: np.ndarray | None  # Hebb(t) (T+1, B, N, N), as the steps used it; None without plasticity
    modulator: np.ndarray | None  # M(t) (T, B); None unless modulated
    rewards: np.ndarray  # of the answer to x[t] (T, B)
    phases: np.ndarray  # "answer" where an answer counts, "reward" at the step after it, else "other" (T, B)
    scores: dict  # what task.summarise returns


def play(net, params, task, rng, intervention=Intervention()):  # noqa: B008 - it cannot be changed
    """One batch of fresh episodes of ``task``, by ``net.step`` -> Recording.

    ValueError for an intervention that the network has nothing for, or a step outside the episode; for parameters, an
    intervention or, in the course of it, logits that are NaN or infinity.
    """
    check_generator("rng", rng)
    check_arrays("params", params, parameter_shapes(net), (net.dtype,))
    if not isinstance(intervention, Intervention):
        raise TypeError(f"intervention: expected an Intervention, got {type(intervention).__name__}")
    check_bool("intervention.shuffle_alpha", intervention.shuffle_alpha)
    if intervention.modulator is not None:
        check_number("intervention.modulator", intervention.modulator, dtype=net.dtype)
    if net.plasticity == "none" and intervention != Intervention():
        raise ValueError(f"intervention: expected none with plasticity 'none', got {intervention}")
    T, B, freeze_from = task.T, task.batch, intervention.freeze_hebb_from
    if freeze_from is None:
        freeze_from = T
    else:
        check_count("intervention.freeze_hebb_from", freeze_from, smallest=0)
        if freeze_from >= T:
            raise ValueError(f"intervention.freeze_hebb_from: expected a step below {T}, got {freeze_from}")
    episodes_rng, actions_rng, alpha_rng = rng.spawn(3)
    if intervention.shuffle_alpha:
        alpha = params["alpha"]
        params = params | {"alpha": alpha_rng.permutation(alpha.ravel()).reshape(alpha.shape)}
    forced = None if intervention.modulator is None else np.full(B, intervention.modulator, net.dtype)

    state = net.initial_state(B)
    obs, info = task.reset(seed=episodes_rng)
    states, xs, outs, actions, rewards, counts = [state], [], [], [], [], []
    for t in range(T):
        xs.append(obs.astype(net.dtype))
        counts.append(info["decides"])
        if getattr(task, "reset_at_trials", False):
            state = clear(state, info["begins"])
        out, after = net.step(params, xs[t], state, forced)
        check_array("logits", out.logits, (B, net.n_outputs), (net.dtype,))
        state = after._replace(hebb=state.hebb) if t >= freeze_from else after
        answer = draw_actions(out.logits, actions_rng) if task.kind == "reward" else task.answers(out.logits)
        obs, reward, _, _, info = task.step(answer)
        for values, value in ((states, state), (outs, out), (actions, answer), (rewards, reward)):
            values.append(value)
    x, logits, actions, rewards, counts = map(np.array, (xs, [out.logits for out in outs], actions, rewards, counts))
    targets = task.targets if task.kind == "supervised" else None
    episode = Episode(SimpleNamespace(logits=logits), x, actions, rewards, counts, targets)
    return Recording(
        x,
        logits,
        None if net.plasticity == "none" else np.array([state.hebb for state in states]),
        np.array([out.modulator for out in outs]) if net.plasticity == "modulated" else None,
        rewards,
        phases(counts),
        task.summarise(episode),
    )


def phases(counts):
    """counts (T, B) bool -> (T, B): "answer", "reward" and "other" (see Recording)."""
    after = np.zeros_like(counts)
    after[1:] = counts[:-1]
    return np.where(counts, "answer", np.where(after, "reward", "other"))


def interventions_for(net, T, mean_modulator):
    """dict: label -> Intervention, all that ``measure`` tries with a plastic network on episodes of T steps."""
    tried = {
        "untouched": Intervention(),
        "Hebb stays 0": Intervention(freeze_hebb_from=0),
        "Hebb frozen halfway": Intervention(freeze_hebb_from=T // 2),
        "alpha shuffled": Intervention(shuffle_alpha=True),
    }
    if net.plasticity == "modulated":
        tried |= {"M is 0": Intervention(modulator=0.0), "M is its mean": Intervention(modulator=mean_modulator)}
    return tried


def measure(net, params, task, rng, batches=10):
    """The same fresh episodes under each of ``interventions_for`` -> dict of plain data.

    scores: label -> a score a batch; at_bound: the share of Hebb's entries at the clip's bound, over the steps 1 ... T
    and at the end; modulator_after: what reward the network reads -> mean, standard deviation and number of M(t), with
    "positive" and "negative" for a reward and "none" for zero (None if it never reads such a one).
    """
    check_generator("rng", rng)
    check_count("batches", batches)
    if net.plasticity == "none":
        raise ValueError("net: expected one with plasticity, got plasticity 'none'")
    seeds = [int(seed) for seed in rng.integers(2**32, size=batches)]

    def played(intervention):
        return [play(net, params, task, np.random.default_rng(seed), intervention) for seed in seeds]

    untouched = played(Intervention())
    modulated = net.plasticity == "modulated"
    mean_modulator = float(np.mean([recording.modulator for recording in untouched])) if modulated else None
    tried = interventions_for(net, task.T, mean_modulator)
    at_bound = [np.abs(recording.hebb[1:]) >= net.clip for recording in untouched]  # each (T, B, N, N)
    return {
        "scores": {
            label: [recording.scores["score"] for recording in played(intervention)]
            for label, intervention in tried.items()
        },
        "at_bound": {
            "over the episode": float(np.mean(at_bound)),
            "at the end": float(np.mean([there[-1] for there in at_bound])),
        },
        "modulator_after": modulator_after(untouched) if modulated else None,
    }


def modulator_after(recordings):
    """Mean, standard deviation and number of M(t) by the reward of the step before (see ``measure``)."""
    M = np.concatenate([recording.modulator[1:].ravel() for recording in recordings])
    before = np.concatenate([recording.rewards[:-1].ravel() for recording in recordings])
    groups = {"positive": before > 0, "negative": before < 0, "none": before == 0}
    return {
        label: {"mean": float(M[of].mean()), "sd": float(M[of].std()), "steps": int(of.sum())} if of.any() else None
        for label, of in groups.items()
    }


def write_interventions(folder, runs):
    """``measure`` every plastic one of a study's Runs: interventions.csv in ``folder``, a row a run, four digits."""
    rows = []
    for run in runs:
        if run.line.network != "none":
            net, params = load_network(run.folder)
            task, _ = build(run.settings)
            values = as_row(measure(net, params, task, np.random.default_rng((run.settings.seed, 4))))
            values = {key: value if value is None else f"{value:.4g}" for key, value in values.items()}
            rows.append({"label": run.line.label, "seed": run.settings.seed} | values)
    write_csv(Path(folder) / "interventions.csv", rows)


def as_row(results):
    """What ``measure`` returned as one flat dict, the same keys for every network, None for what it has not."""
    tried = ("untouched", "Hebb stays 0", "Hebb frozen halfway", "alpha shuffled", "M is 0", "M is its mean")
    row = {label: float(np.mean(results["scores"][label])) if label in results["scores"] else None for label in tried}
    row |= {f"at the bound {when}": share for when, share in results["at_bound"].items()}
    for group in ("positive", "negative", "none"):
        M = (results["modulator_after"] or {}).get(group) or {"mean": None, "sd": None}
        row |= {f"M after {group}": M["mean"], f"sd of M after {group}": M["sd"]}
    return row


def load_interventions(folder):
    """The rows of a study's interventions.csv: dicts of label, seed and numbers, None where there is none."""
    rows = read_csv(Path(folder) / "interventions.csv")
    numbers = [{key: float(value) if value else None for key, value in list(row.items())[2:]} for row in rows]
    return [{"label": row["label"], "seed": int(row["seed"])} | of for row, of in zip(rows, numbers)]
