"""What the studies found: one Finding per row of the table in RESULTS.md and per paragraph below it.

The text of a Finding has no number of its own: each one is a name in braces, computed from what is kept in
``figures/data``. To add a study, add a Finding to FINDINGS and run ``python -m bpm_numpy.site.results``.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..learning.training import build
from .decisions import load_decisions
from .interventions import load_interventions
from .kept import Kept, is_lost, median, medians, number, of_labels, paper_size, span
from .settings import settings_for
from .task_order import load_matrices, scaled

LEARNT = 0.3  # of what chance leaves: below that there is too little to forget
EXPLODED = 1e4  # mean norm of the gradient between two evaluations
# What several Findings measure and say.
PER_DECISION = "reward per decision in the last third of an episode (0 is chance, 1 is always right)"
GOALS = "goals found per episode, mean of the last fifth of the evaluations"
DECAYED = """The task and the updates of the section before; the one change is that W_h and α lose a share of {share}
    after each update."""
MAZE_DECAYED = """ Without it the medians were {before}. Lost runs: {lost_before} of {runs} without it, {lost} with
    it."""


class Finding(NamedTuple):
    """A row of the table and the paragraph to it.

    study       its name in STUDIES; also: further studies that the text is about
    chapter     the number of the notebook that tells more, if there is one
    task        what it is; measured: what the numbers are; digits: how many behind the point
    paper       what the paper reports, "–" where it has no such task
    verdict     three words; holds: the networks' medians, by their names -> whether these words are true
    text        the paragraph, with a name in braces for every number, as in task
    facts       a Kept and the scores -> {name: number}
    scores      a Kept -> {network: its scores at the end (S,)}
    """

    study: str
    task: str
    measured: str
    paper: str
    verdict: str
    holds: Callable
    text: str
    facts: Callable
    scores: Callable = of_labels()
    chapter: str | None = None
    digits: int = 2
    also: tuple = ()


def cue_reward(kept, scores):
    early, late, chance, low, high = 1000, 500, 0.1, 0.2, 0.7
    modulated = {(name, seed): of for name in ("simple", "retroactive") for seed, of in enumerate(scores[name])}
    failed = [run for run, score in modulated.items() if score < low]
    best = {(name, seed): kept.groups[name].scores[seed].max() for name, seed in failed}  # of all evaluations
    last = {name: of.scores[:, of.updates > of.updates[-1] - late].mean(axis=1) for name, of in kept.groups.items()}
    eta = Kept("cue-reward-eta", kept.data)
    return {
        "cues": kept.settings.task_options["cues"],
        "paper": paper_size("cue-reward"),
        "runs": len(modulated),
        "learnt": sum(score > high for score in modulated.values()),
        "failed": len(failed),
        "never": sum(score < chance for score in best.values()),
        "chance": chance,
        "low": low,
        "high": high,
        "early": early,
        "late": late,
        "none_early": median(kept.at("none", early)),
        "plastic_early": median(kept.at("plastic", early)),
        "ahead": np.sum(last["plastic"] > last["none"]),
        "seeds": len(last["none"]),
        "started": kept.settings_of("retroactive").start["eta"],
        "papers": settings_for("cue-reward", "retroactive", "paper").start["eta"],
        "eta_updates": eta.settings.updates,
        "eta_seeds": len(eta.end("eta 0.1")),
        "etas": ", ".join(f"{median(eta.end(label))} from {label.split()[1]}" for label in eta.groups),
    }


def without_decay(kept):
    """The Kept of the same study without decay, whose name says so."""
    return Kept(kept.name.removesuffix("-decay"), kept.data)


def cue_reward_decay(kept, scores):
    low, high, was = 0.2, 0.7, of_labels()(without_decay(kept))
    now_modulated, then_modulated = (np.concatenate([of["simple"], of["retroactive"]]) for of in (scores, was))
    return {
        "cues": kept.settings.task_options["cues"],
        "share": kept.settings.decay["W_h"],
        "low": low,
        "high": high,
        "runs": len(now_modulated),
        "failed_now": np.sum(now_modulated < low),
        "failed_before": np.sum(then_modulated < low),
        "learnt": np.sum(now_modulated > high),
        "before": medians(was),
    }


def cue_reward_four(kept, scores):
    low, half, high, first, later = 0.1, 0.5, 0.7, 2, 6
    modulated = [kept.groups[name] for name in ("simple", "retroactive")]
    others = [kept.groups[name] for name in ("none", "plastic")]
    ends = np.concatenate([scores[group.label] for group in modulated])  # (R,)
    at_bound = np.concatenate([kept.column(group.label, "saturated_m").mean(axis=1) for group in modulated])  # (R,)
    begins = {
        group.label: [group.updates[np.argmax(of > half)] for of in group.scores if of.max() > half]
        for group in modulated
    }
    earned = np.median(load_decisions(kept.folder)["retroactive"], axis=0)  # (K,)
    return {
        "cues": kept.settings.task_options["cues"],
        "bits": kept.settings.task_options["bits"],
        "paper": paper_size("cue-reward"),
        "share": kept.settings.decay["W_h"],
        "low": low,
        "high": high,
        "half": half,
        "runs": len(ends),
        "seeds": len(scores["simple"]),
        "learnt": np.sum(ends > high),
        "failed": np.sum(ends < low),
        "simple_learnt": np.sum(scores["simple"] > high),
        "retroactive_learnt": np.sum(scores["retroactive"] > high),
        "others": sum(len(group.scores) for group in others),
        "without": number(max(group.scores.max() for group in others)),
        "stuck": number(at_bound[ends < low].min()),
        "free": number(at_bound[ends > high].max()),
        "simple_begins": span(begins["simple"], 0),
        "retroactive_begins": span(begins["retroactive"], 0),
        "first": first,
        "later": later,
        "at_first": number(earned[first - 1]),
        "at_later": number(earned[later - 1]),
        "at_last": number(earned[-1]),
    }


def cue_reward_four_lost(kept, scores):
    networks, decayed = list(kept.groups), Kept("cue-reward-four-decay", kept.data)
    modulated = [name for name in networks if name in ("simple", "retroactive")]

    def all_of(kept, names, column):
        return np.concatenate([kept.column(name, column) for name in names])  # (runs, R)

    return {
        "cues": kept.settings.task_options["cues"],
        "bits": kept.settings.task_options["bits"],
        "runs": len(all_of(kept, networks, "score")),
        "best": number(all_of(kept, networks, "score").max()),
        "share": decayed.settings.decay["W_h"],
        "radii": span(all_of(kept, networks, "radius_w")[:, -1], 1),
        "radii_decayed": span(all_of(decayed, networks, "radius_w")[:, -1], 1),
        "stuck": number(all_of(kept, modulated, "saturated_m").mean(axis=1).min()),
        "h_stuck": span(all_of(kept, networks, "saturated_h")[:, -1]),
        "h_decayed": number(all_of(decayed, networks, "saturated_h")[:, -1].max()),
        "rate": kept.settings.learning_rate,
    }


def cue_reward_four_easier(kept, scores):
    high, low, last = 0.5, 0.1, 0.25
    ends = {name: kept.end(name, last) for name in scores}
    easier = {name: kept.end(f"{name}, easier") for name in scores}
    modulated = [of for name in ("simple", "retroactive") for of in ends[name]]
    failed = [(name, seed) for name in ("simple", "retroactive") for seed in np.flatnonzero(ends[name] < low)]
    return {
        "cues": kept.settings_of("plastic").task_options["cues"],
        "bits": kept.settings_of("plastic").task_options["bits"],
        "easier": kept.settings.task_options["cues"],
        "easier_updates": number(kept.settings.updates, 0),
        "updates": number(kept.settings_of("plastic").updates, 0),
        "rate": kept.settings_of("plastic").learning_rate,
        "high": high,
        "low": low,
        "seeds": len(scores["plastic"]),
        "plastic_learnt": np.sum(ends["plastic"] > high),
        "plastic_ends": " ".join(number(of) for of in sorted(ends["plastic"])),
        "runs": len(modulated),
        "learnt": np.sum(np.array(modulated) > high),
        "failed": len(failed),
        "failed_early": sum(easier[name][seed] < low for name, seed in failed),
        "none_best": number(kept.groups["none"].scores.max()),
    }


def cue_reward_paper(kept, scores):
    goal = settings_for("cue-reward", "simple", "paper").updates
    facts = {"goal": number(goal, 0)}
    for name, group in kept.groups.items():
        updates = group.updates[-1]
        facts[f"{name}_updates"], facts[f"{name}_minutes"] = number(updates, 0), number(group.minutes, 0)
        facts[f"{name}_hours"] = number(goal / updates * group.minutes / 60, 1)
        facts[f"{name}_last"] = number(group.scores[0, -10:].mean())
    return facts


def association(kept, scores):
    lstm, decayed = kept.end("LSTM"), Kept("association-decay", kept.data)
    with_decay = of_labels()(decayed)
    pairs = kept.settings.task_options["pairs"]
    return {
        "pairs": pairs,
        # Both labels are equally frequent: who knows one pair is right about it, and about K/2 of the K - 1 others.
        "one": number(2 * (1 + pairs / 2) / pairs - 1),
        "lstm": median(lstm),
        "lstm_all": span(lstm),
        "ratio": number(kept.groups["LSTM"].parameters / kept.groups["simple"].parameters, 1),
        "share": decayed.settings.decay["W_h"],
        "before": medians(scores),
        "decayed": medians(with_decay),
        "gain": number(max(np.median(of) - np.median(scores[name]) for name, of in with_decay.items())),
        "simple_ahead": np.sum(scores["simple"] > max(scores["none"])),
        "plastic_ahead": np.sum(scores["plastic"] > max(scores["none"])),
        "seeds": len(lstm),
    }


def verdict(kept, scores):
    low, high = 0.1, 0.8
    modulated = np.concatenate([scores["simple"], scores["retroactive"]])
    others = np.concatenate([scores["none"], scores["plastic"]])
    return {
        "pairs": kept.settings.task_options["pairs"],
        "least": number(modulated.min()),
        "low": low,
        "high": high,
        "chance": np.sum(others < low),
        "learnt": np.sum(others > high),
        "others": len(others),
    }


def completion(kept, scores):
    return {
        "lstm": median(kept.end("LSTM")),
        "lstm_all": span(kept.end("LSTM")),
        "ratio": number(kept.groups["LSTM"].parameters / kept.groups["plastic"].parameters, 1),
        "bits": settings_for("completion", "plastic", "paper").task_options["bits"],
    }


def bandit(kept, scores):
    regret = {name: kept.column(name, "regret")[:, -1] for name in scores}  # (S,) each
    least = min(np.median(of) for name, of in regret.items() if name != "none")
    best = kept.groups["none"].scores.max(axis=1)  # (S,)
    worst = int(np.argmin(scores["none"]))
    return {
        "thompson": number(kept.about["references"]["Thompson sampling"]["score"]),
        "blind": number(kept.about["references"]["without memory"]["score"]),
        "fewer": np.sum(regret["none"] < least),
        "seeds": len(best),
        "fell_from": number(best[worst]),
        "fell_to": number(scores["none"][worst]),
        "regrets": medians(regret, 1),
    }


def reversal(kept, scores):
    high, low = 0.4, 0.1
    modulated = np.concatenate([scores["simple"], scores["retroactive"]])
    rows = [row for row in load_interventions(kept.folder) if row["label"] != "plastic"]
    return {
        "chance": kept.settings.task_options["chance"],
        "least": number(modulated.min()),
        "runs": len(modulated),
        "high": high,
        "low": low,
        "plastic_learnt": np.sum(scores["plastic"] > high),
        "plastic_rest": np.sum(scores["plastic"] < low),
        "none_most": number(scores["none"].max()),
        "seeds": len(scores["none"]),
        "frozen": span([row["Hebb frozen halfway"] for row in rows]),
        "without": number(max(row["Hebb stays 0"] for row in rows)),
        "ideal": number(kept.about["references"]["ideal observer"]["score"]),
        "shift": number(kept.about["references"]["win-stay, lose-shift"]["score"]),
        "decay": next(iter(kept.settings.decay.values())),
    }


def transitive(kept, scores):
    inner = {name: kept.column(name, "inner")[:, -1] for name in scores if name != "none"}  # (S,) each
    distances = [f"distance {k}" for k in range(1, kept.settings.task_options["items"])]
    return {
        "items": kept.settings.task_options["items"],
        "none_most": number(scores["none"].max()),
        "least": number(min(scores[name].min() for name in scores if name != "none")),
        "learnt_values": number(kept.about["references"]["learnt values"]["score"]),
        "inner": medians(inner),
        "near": median(kept.column("plastic", distances[0])[:, -1]),
        "far": median(kept.column("plastic", distances[-1])[:, -1]),
    }


def lost_runs(kept):
    """[(network, seed)] of the lost runs of a study."""
    return [(name, seed) for name, of in kept.groups.items() for seed in np.flatnonzero(is_lost(of.scores))]


def maze(kept, scores):
    references = {name: number(of["score"], 1) for name, of in kept.about["references"].items()}
    last, minutes = kept.groups["none"].updates[-1], kept.groups["none"].minutes
    fifth = len(kept.groups["none"].updates) // 5
    fifths = [of.scores[:, end:][:, :fifth].mean(axis=1) for of in kept.groups.values() for end in (-2 * fifth, -fifth)]
    # After as many minutes as a non-plastic run takes: the mean of three evaluations there.
    group = kept.groups["plastic"]
    k = np.searchsorted(group.updates, last * minutes / group.minutes)
    lost = lost_runs(kept)
    rows = load_interventions(kept.folder)
    stuck = {(row["label"], row["seed"]) for row in rows if abs(row["M after none"] or 0) > 0.9}
    norms = {(name, seed): of.max() for name in scores for seed, of in enumerate(kept.column(name, "gradient_norm"))}
    return {
        "paper": paper_size("maze"),
        "larger": 13,  # squares, by its authors' README
        "round": references["round the room"],
        "known": references["goal known"],
        "squares": kept.settings.task_options["size"],
        "minutes": number(minutes, 1),
        "same_time": median(group.scores[:, k - 1 : k + 2].mean(axis=1), 1),
        "lost": len(lost),
        "lost_modulated": sum(name in ("simple", "retroactive") for name, _ in lost),
        "modulated": len(scores["simple"]) + len(scores["retroactive"]),
        "stuck": len(stuck.intersection(lost)),
        "exploded_lost": sum(norms[run] > EXPLODED for run in lost),
        "exploded_others": sum(norm > EXPLODED for run, norm in norms.items() if run not in lost),
        "norm": number(EXPLODED, 0),
        "above": np.sum(scores["plastic"] > scores["none"].max()),
        "seeds": len(scores["none"]),
        "rising": sum(np.sum(last > before) for before, last in zip(fifths[::2], fifths[1::2])),
        "runs": sum(len(of) for of in scores.values()),
    }


def maze_small(kept, scores):
    lost = lost_runs(kept)
    return maze(kept, scores) | {
        "lost_names": ", ".join(f"{name}, seed {seed}" for name, seed in lost),
        "lost_ends": span([scores[name][seed] for name, seed in lost], 1),
    }


def maze_large(kept, scores):
    slower, kinds = Kept("maze-large-rate", kept.data), Kept("maze-remedies", kept.data)
    (label,) = slower.groups
    tried = [label.split(", ")[1] for label in kinds.groups if label.startswith("simple, ")][1:]
    failed = {label.split(", ")[1] for label, _ in lost_runs(kinds)}
    ends = {
        f"{network}_{name}": span(kinds.end(f"{network}, {remedy}", 0.2), 1)
        for network in ("simple", "retroactive")
        for name, remedy in (("before", "as it was"), ("decayed", "decay"))
    }
    return maze(kept, scores) | {
        "slow": span(slower.end(label, 0.2), 1),
        "rate": slower.settings.learning_rate,
        "usual": kept.settings.learning_rate,
        "slow_lost": len(lost_runs(slower)),
        "slow_runs": len(slower.end(label)),
        "remedy_updates": number(kinds.settings.updates, 0),
        "remedy_seed": kinds.settings_of("simple, decay").seed,
        "tried": len(tried),
        "kept_both": len(set(tried) - failed),
        "failed": " and ".join(remedy for remedy in tried if remedy in failed),
        "share": kinds.settings_of("simple, decay").decay["W_h"],
        **ends,
    }


def maze_with_decay(kept, scores):
    ahead = {name: scores[name] - scores["plastic"] for name in ("simple", "retroactive")}  # (S,) each
    plastic = [name for name in scores if name != "none"]
    rows = [row for row in load_interventions(kept.folder) if row["label"] != "plastic"]
    return maze(kept, scores) | {
        "share": kept.settings.decay["W_h"],
        "every_run": len(plastic) * len(scores["none"]),
        "above_none": sum(np.sum(scores[name] > scores["none"].max()) for name in plastic),
        **{f"{name}_seeds": np.sum(of > 0) for name, of in ahead.items()},
        **{f"{name}_ahead": span(of, 1) for name, of in ahead.items()},
        "of_mean": span([row["M is its mean"] / row["untouched"] for row in rows]),
    }


def maze_decay(kept, scores):
    before = without_decay(kept)
    changed = {"lost_before": len(lost_runs(before)), "before": medians(of_labels(0.2)(before), 1)}
    return maze_with_decay(kept, scores) | changed


def text(kept, scores):
    task, _ = build(kept.settings)
    floor, sentences = task.entropy("learnt"), (task.T + 1) // 4
    # Who knows the object of the last sentence saves it whenever the same name comes again.
    cheap = task.entropy("forgotten") - (sentences - 1) * np.log2(task.objects) / task.names / task.T
    decayed = Kept("text-decay", kept.data)
    below, calm = (
        {label: (of.scores < (cheap + floor) / 2).any(axis=1) for label, of in study.groups.items()}
        for study in (kept, decayed)
    )
    got, calm_got = ({label: f"{of.sum()} of {len(of)}" for label, of in each.items()} for each in (below, calm))
    notes = ("LSTM, notes", "LSTM, notes, as many parameters")
    return {
        "floor": number(floor),
        "cheap": number(cheap),
        "lstm_got": got["LSTM, as many parameters"],
        "plastic_got": got["plastic LSTM"],
        "paper_got": got["simple LSTM, paper"],
        "notes_got": got["simple LSTM, notes"],
        "notes_none_got": f"{sum(below[of].sum() for of in notes)} of {sum(len(below[of]) for of in notes)}",
        "worst": number(kept.end("simple LSTM, notes").max(), 1),
        "uniform": number(np.log2(len(task.vocabulary)), 1),
        "share": decayed.settings.decay["W_ih"],
        "calm_got": calm_got["simple LSTM, notes"],
        "calm_ends": span(decayed.end("simple LSTM, notes")),
        "calm_none_got": calm_got["LSTM, notes"],
    }


def text_pydoc(kept, scores):
    late = {label: of.scores[:, -10:].mean(axis=1) for label, of in kept.groups.items()}
    ahead = {label: late["LSTM"] - of for label, of in late.items() if label != "LSTM"}
    notes = np.concatenate([ahead["LSTM, notes"], ahead["simple LSTM, notes"]])
    return {
        "last": 10 * kept.settings.evaluate_every,
        "plastic_ahead": span(ahead["plastic LSTM"]),
        "plastic_seeds": np.sum(ahead["plastic LSTM"] > 0),
        "paper_ahead": span(ahead["simple LSTM, paper"]),
        "paper_seeds": np.sum(ahead["simple LSTM, paper"] > 0),
        "notes_ahead": span(notes),
        "seeds": len(late["LSTM"]),
        "control": np.sum(ahead["LSTM, notes"] > ahead["simple LSTM, notes"]),
    }


def kept_shares(kept):
    """{network: what is left at the end, of what chance leaves, of tasks that had been learnt in an earlier stage}."""
    tasks, matrices = load_matrices(kept.folder)
    shares = {name: [] for name in matrices}
    for name, matrix in matrices.items():  # (S, K + 1, K)
        for j, task in enumerate(tasks[:-1]):
            own, last = (scaled(matrix[:, stage, j], task) for stage in (j + 1, -1))  # (S,)
            learnt = own > LEARNT
            shares[name] += list(last[learnt] / own[learnt])
    return {name: np.array(of) for name, of in shares.items()}


def sequence(kept, scores):
    tasks, matrices = load_matrices(kept.folder)
    every = np.concatenate(list(scores.values()))
    learnt = [
        sum(np.sum(scaled(matrix[:, j + 1, j], task) > LEARNT) for matrix in matrices.values())
        for j, task in enumerate(tasks)
    ]
    return {
        "first": tasks[0],
        "second": tasks[1],
        "third": tasks[2],
        "runs": sum(len(matrix) for matrix in matrices.values()),
        "first_learnt": learnt[0],
        "second_learnt": learnt[1],
        "third_learnt": learnt[2],
        "most": number(every.max()),
        "median": median(every),
        "learnt": LEARNT,
    }


FINDINGS = [
    Finding(
        study="cue-reward",
        chapter="14",
        task="Cue-reward association, {cues} cues",
        measured=PER_DECISION,
        paper="only modulated networks learn it",
        verdict="modulation far ahead",
        holds=lambda none, plastic, simple, retroactive: none < plastic < min(simple, retroactive) - 0.2,
        text="""The paper's first task (its size: {paper}). At the small size here both modulated networks learn it in
        the median, as in the paper. But a modulated run can fail: of {runs} runs {learnt} end above {high} and {failed}
        below {low}; {never} of these were never above {chance}. The other two networks are not at chance. After {early}
        updates they can't be told apart: none {none_early}, plastic {plastic_early}. Over the last {late} updates
        plastic is ahead of the network without plasticity in {ahead} of {seeds} seeds. For the retroactive network the
        initial η matters: after {eta_updates} updates ({eta_seeds} seeds) it has come to {etas}. The paper starts at
        {papers}, the runs of the table at {started}.""",
        facts=cue_reward,
        also=("cue-reward-eta",),
    ),
    Finding(
        study="cue-reward-decay",
        chapter="14",
        task="Cue-reward, {cues} cues, with decay",
        measured=PER_DECISION,
        paper="as above",
        verdict="modulation far ahead",
        holds=lambda none, plastic, simple, retroactive: max(none, plastic) < min(simple, retroactive) - 0.2,
        text=DECAYED
        + """ Of {runs} modulated runs {learnt} end above {high} and {failed_now} below {low};
        without the decay {failed_before} ended below {low}. The medians without it were {before}.""",
        facts=cue_reward_decay,
    ),
    Finding(
        study="cue-reward-four",
        chapter="14",
        task="Cue-reward, {cues} cues of {bits} bits",
        measured=PER_DECISION,
        paper="as above",
        verdict="nothing is learnt",
        holds=lambda none, plastic, simple, retroactive: max(map(abs, (none, plastic, simple, retroactive))) < 0.05,
        text="""The task, the networks and the updates of the next section; the one change is that nothing decays. None
        of the {runs} runs gets above {best} in any of its evaluations. Their signs are those of runs that are lost in
        the large maze: at the end the spectral radius of W_h is {radii} (with the decay of the next section
        {radii_decayed}), {h_stuck} of h is saturated (there {h_decayed} at most), and M is at a bound in {stuck} or
        more of the steps of a modulated run's training. So at this learning rate ({rate}) the decay decides whether
        anything is learnt, and, given the decay, modulation does. If a smaller rate could take the decay's place was
        not tried.""",
        facts=cue_reward_four_lost,
    ),
    Finding(
        study="cue-reward-four-decay",
        chapter="14",
        task="Cue-reward, {cues} cues of {bits} bits, with decay",
        measured=PER_DECISION,
        paper="as above",
        verdict="only modulated learn",
        holds=lambda none, plastic, simple, retroactive: max(none, plastic) < 0.15 and min(simple, retroactive) > 0.8,
        text="""The cues, bits, steps and blanks of the paper (its size: {paper}), with fewer neurons and updates. W_h
        and α lose a share of {share} after each update. {learnt} of {runs} modulated runs end above {high} (simple
        {simple_learnt} of {seeds}, retroactive {retroactive_learnt}), and {failed} below {low}. None of the {others}
        other runs gets above {without} in any evaluation. So here, too, modulation is the difference, from scratch and
        in this number of updates. The share of steps with M at a bound, over the training, is {stuck} or more in the
        {failed} runs that failed, and {free} or less in those that learnt. The score of simple runs passes {half} after
        {simple_begins} updates, that of retroactive ones after {retroactive_begins}. Within an episode the median
        retroactive network earns {at_first} in decision {first}, {at_later} in decision {later} and {at_last} in the
        last one.""",
        facts=cue_reward_four,
    ),
    Finding(
        study="cue-reward-four-curriculum-decay",
        chapter="14",
        task="Cue-reward, {cues} cues of {bits} bits, {easier} cues first",
        measured=PER_DECISION,
        paper="as above",
        verdict="plastic learns too",
        holds=lambda none, plastic, simple, retroactive: none < 0.1 and min(plastic, simple, retroactive) > 0.5,
        text="""The task, the networks, the decay and the number of updates of the section before, by way of an easier
        task: {easier_updates} updates with {easier} cues, then {updates} with {cues}, at a learning rate of {rate}. All
        {seeds} plastic runs learn now (means of the last quarter: {plastic_ends}; {plastic_learnt} above {high}). Of
        {runs} modulated runs {learnt} end above {high} and {failed} below {low}; {failed_early} of these were at chance
        after the easier task already. No run without plasticity gets above {none_best} in any evaluation. So plain
        plasticity can do this task, though from scratch no plastic run learnt it in as many updates. Modulation is not
        needed for what the network does here; it helps a run from scratch to get there. Without the decay this way was
        not trained.""",
        facts=cue_reward_four_easier,
    ),
    Finding(
        study="cue-reward-paper",
        chapter="14",
        task="Cue-reward, the paper's size",
        measured="as above",
        paper="as above",
        verdict="not decided yet",
        holds=lambda none, simple: max(abs(none), abs(simple)) < 0.05,
        text="""Begun, in single precision, and not finished: one run of each of two networks, on a core each. They were
        made when the task had a blank only between the two cues of a trial, and one at most; it has the paper's blanks
        since, so the command now makes other runs. The non-plastic network has had {none_updates} updates in
        {none_minutes} minutes, and is at {none_last} in its last ten evaluations. The simple one has had
        {simple_updates} in {simple_minutes} minutes, and is at {simple_last}. At these rates the paper's {goal} updates
        take {none_hours} and {simple_hours} hours. So nothing can be said yet about this size. A run of the task as it
        is now is `python -m bpm_numpy train cue-reward --setting paper`, in double precision.""",
        facts=cue_reward_paper,
    ),
    Finding(
        study="association",
        chapter="15",
        task="One-shot association, {pairs} pairs",
        measured="right answers (0 is chance, 1 is all)",
        paper="–",
        verdict="helps; LSTM better",
        holds=lambda none, plastic, simple, retroactive: none < min(plastic, retroactive) and plastic < simple - 0.1,
        text="""The predecessor's kind of task: {pairs} cues with a label each, shown once and asked once. Who
        knows a single pair has {one}. Plasticity helps: {plastic_ahead} of {seeds} plastic seeds and
        {simple_ahead} of {seeds} simple ones end above all non-plastic ones. But an LSTM without plasticity,
        with as many units and {ratio} times the parameters of the simple network, has {lstm} ({lstm_all}). Where W_h
        and α lose a share of {share} after each update, the medians are {decayed}, in place of {before}: no network
        gains more than {gain}.""",
        facts=association,
        also=("association-decay",),
    ),
    Finding(
        study="association-verdict",
        chapter="15",
        task="Association with a late verdict",
        measured="right answers (0 is chance, 1 is all)",
        paper="–",
        verdict="modulation is surer",
        holds=lambda none, plastic, simple, retroactive: max(none, plastic) < min(simple, retroactive) - 0.1,
        text="""As above, with {pairs} pairs; the label shown may be wrong, and one step later a verdict says
        so. Every modulated run has learnt it: the lowest is at {least}. Of the {others} runs without modulation
        {learnt} are above {high} as well, and {chance} below {low}. So activity can join a label with a
        verdict, too; a modulator learns it more surely in this number of updates.""",
        facts=verdict,
    ),
    Finding(
        study="completion",
        chapter="16",
        task="Pattern completion",
        measured="hidden bits right (0 is chance, 1 is all)",
        paper="plastic networks learn it, others hardly (predecessor)",
        verdict="plasticity far ahead",
        holds=lambda none, plastic, simple, retroactive: none < min(plastic, simple, retroactive) - 0.3,
        text="""The task of the paper's predecessor, which has patterns of {bits} bits and finds that plastic
        networks learn it in a few hundred to a few thousand episodes. The difference is clear here as well, and
        modulation is not needed for it. An LSTM with as many units, and {ratio} times the parameters of the
        plastic network, comes to {lstm} ({lstm_all}).""",
        facts=completion,
    ),
    Finding(
        study="bandit",
        chapter="17",
        task="Two-armed bandit",
        measured="pulls of the best arm in the last third of an episode (a rule without memory has one half)",
        paper="–",
        verdict="activity is enough",
        holds=lambda none, plastic, simple, retroactive: none > max(plastic, simple, retroactive),
        text="""A task that needs little memory. Thompson sampling has {thompson}, a rule without memory
        {blind}. The regret, what an episode loses because the best arm is not known, is in the median
        {regrets}. {fewer} of {seeds} non-plastic seeds lose less than the median of any plastic network. The
        lowest had learnt it ({fell_from}) and fell back to {fell_to}.""",
        facts=bandit,
    ),
    Finding(
        study="reversal",
        chapter="21",
        task="Reversal learning",
        measured="better pattern chosen, in the last third of an episode (0 is chance, 1 is always)",
        paper="–",
        verdict="modulated learn reliably",
        holds=lambda none, plastic, simple, retroactive: max(none, plastic) < 0.1 and min(simple, retroactive) > 0.5,
        text="""Which of two patterns pays more often ({chance} of the time)? In the middle of the episode it
        becomes the other one, and nothing says so except rewards. In this number of updates every one of {runs}
        modulated runs has learnt it: the lowest is at {least}. Of {seeds} plastic runs {plastic_learnt} are above
        {high} and {plastic_rest} below {low}; no non-plastic run ends above {none_most}. The modulated networks rewrite
        their Hebb at the change: frozen halfway they go on with the pattern of before ({frozen}), and with Hebb
        at zero the best of them has {without}. A rule that changes after each loss has {shift}, an ideal
        observer {ideal}. (W_h and α lose a share of {decay} at each update.)""",
        facts=reversal,
    ),
    Finding(
        study="transitive",
        chapter="22",
        task="Transitive inference, {items} items",
        measured="right answers about pairs that were never shown (0 is chance, 1 is all)",
        paper="–",
        verdict="plasticity is decisive",
        holds=lambda none, plastic, simple, retroactive: none < 0.1 and min(plastic, simple, retroactive) > 0.7,
        text="""{items} items have a hidden order, drawn anew in each episode. Neighbours are shown with a
        verdict, then any two are to be compared. h, c and the trace are zero at the start of each trial, so
        that only Hebb can hold what was taught. Every run with plasticity infers pairs that were never shown:
        the lowest is at {least}. No non-plastic run ends above {none_most}, and none could be better than
        chance. Of pairs without
        the first and the last item, which are the harder ones, the medians are {inner}. The plastic network is
        better the farther two items are apart: {near} for neighbours, {far} for the first and the last. A rule
        that learns a value per item has {learnt_values}.""",
        facts=transitive,
    ),
    Finding(
        study="maze",
        chapter="18",
        task="Grid maze, {squares}×{squares}",
        measured=GOALS,
        paper="modulated above plastic above none",
        verdict="little between them",
        holds=lambda none, plastic, simple, retroactive: max(plastic, retroactive) < 1.15 * min(none, simple),
        text="""The paper's second task (its size: {paper}; or {larger} squares). A round of the room that
        needs no memory finds the goal {round} times, one who knows where it is {known} times. After the
        same number of updates plain plasticity is ahead of the network without plasticity: {above} of {seeds} seeds
        are above every non-plastic one. In the same time it is not: after the {minutes} minutes that a non-plastic
        run takes, it is at {same_time} in the median. Modulation brings no sure advantage. A run is *lost* if the
        last fifth of its evaluations has less than half of its best fifth. That is so in
        {lost} of {runs}: {lost_names}, which ends at {lost_ends}. M(t) is stuck at one end in {stuck} of these. Of
        all {runs} runs {rising} still rise at the end: their last fifth is better than the one before it.""",
        facts=maze_small,
        scores=of_labels(share=0.2),
        digits=1,
    ),
    Finding(
        study="maze-decay",
        chapter="18",
        task="Grid maze, {squares}×{squares}, with decay",
        measured=GOALS,
        paper="as above",
        verdict="simple slightly ahead",
        holds=lambda none, plastic, simple, retroactive: (
            none + 1 < min(plastic, retroactive) and max(plastic, retroactive) < simple < plastic + 1
        ),
        text=DECAYED
        + MAZE_DECAYED
        + """ Simple is ahead of the plastic network of the same seed in {simple_seeds} of
        {seeds} seeds; it differs by {simple_ahead} goals. Retroactive is ahead in {retroactive_seeds}; it differs
        by {retroactive_ahead}. After the {minutes} minutes that a non-plastic run takes, the plastic network is
        at {same_time} in the median. So here the paper's order holds for the simple network, by little.""",
        facts=maze_decay,
        scores=of_labels(share=0.2),
        digits=1,
    ),
    Finding(
        study="maze-large",
        chapter="18",
        task="Grid maze, {squares}×{squares}",
        measured=GOALS,
        paper="modulated above plastic above none",
        verdict="modulated runs lost",
        holds=lambda none, plastic, simple, retroactive: plastic > none + 3 and max(simple, retroactive) < none - 3,
        text="""In the larger room, after the same number of updates, plain plasticity is far ahead of the network
        without plasticity: {above} of {seeds} seeds are above every non-plastic one. In the same time it is not:
        after the {minutes} minutes that a non-plastic run takes, it is at {same_time} in the median. Modulation,
        trained like this, often fails: {lost_modulated} of {modulated} modulated runs are lost, which means that
        they end below half of their best fifth. The mean norm of the gradient passes {norm} in {exploded_lost} lost
        runs, and in {exploded_others} of all others; in {stuck} lost ones M(t) is stuck at one end. At a learning
        rate of {rate} in place of {usual}, {slow_lost} of {slow_runs} simple runs are lost; they end at {slow}.
        Remedies were tried on shorter runs ({remedy_updates} updates) of one seed, seed {remedy_seed}, which is also
        among those of the table. Without a remedy, simple ends at {simple_before} and retroactive at
        {retroactive_before}; with decay, where W_h and α lose a share of {share} after each update, at
        {simple_decayed} and {retroactive_decayed}. Of {tried} remedies {kept_both} kept both networks; {failed} did
        not. Decay was taken because it had kept every seed in earlier trials, which are not recorded. The next
        section has all four networks with it. The round has {round}, one who knows the goal {known}.""",
        facts=maze_large,
        scores=of_labels(share=0.2),
        digits=1,
        also=("maze-large-rate", "maze-remedies"),
    ),
    Finding(
        study="maze-large-decay",
        chapter="18",
        task="Grid maze, {squares}×{squares}, with decay",
        measured=GOALS,
        paper="as above",
        verdict="retroactive slightly ahead",
        holds=lambda none, plastic, simple, retroactive: none + 3 < plastic < retroactive < plastic + 2,
        text=DECAYED
        + MAZE_DECAYED
        + """ {above_none} of {every_run} plastic runs, modulated or not, end above every run
        without plasticity. In the same time plasticity is not ahead: after the {minutes} minutes that a non-plastic run
        takes, the plastic network is at {same_time} in the median. Retroactive is ahead of the plastic network of
        the same seed in {retroactive_seeds} of {seeds} seeds; it differs by {retroactive_ahead} goals. Simple is
        ahead in {simple_seeds}; it differs by {simple_ahead}. With M at its mean throughout, the modulated
        networks keep a share of {of_mean} of their goals. {rising} of {runs} runs still rise at the end. So the
        order is the paper's for the retroactive network, at a size far from the paper's ({paper}). In the small
        room it is so for the simple one. With decay one kind of modulation is ahead of plasticity in each room, and
        not the same kind in all.""",
        facts=maze_decay,
        scores=of_labels(share=0.2),
        digits=1,
    ),
    Finding(
        study="maze-eleven-decay",
        chapter="18",
        task="Grid maze, {squares}×{squares}, with decay",
        measured=GOALS,
        paper="as above",
        verdict="retroactive clearly ahead",
        holds=lambda none, plastic, simple, retroactive: none + 3 < simple < plastic < retroactive - 2,
        text="""The room and the number of steps of the paper (its size: {paper}). Neurons, updates and episodes are
        fewer, and all settings those of the section before: nothing was chosen here. There are {seeds} seeds, so this
        shows what can happen, and not how often. {above_none} of {every_run} plastic runs, modulated or not, end above
        every run without plasticity; these don't get as far as the round of the room, {round}. Retroactive is ahead of
        the plastic network of the same seed in {retroactive_seeds} of {seeds}, by {retroactive_ahead} goals; simple in
        {simple_seeds} (it differs by {simple_ahead}). With M at its mean throughout, the modulated networks keep a
        share of {of_mean} of their goals. {lost} of {runs} runs are lost, and {rising} still rise at the end. So in the
        paper's room the order is the paper's for the retroactive network, and not for the simple one, in these runs.
        One who knows the goal has {known}.""",
        facts=maze_with_decay,
        scores=of_labels(share=0.2),
        digits=1,
    ),
    Finding(
        study="text",
        chapter="19",
        task="Text of a known grammar",
        measured="bits per symbol, less is better; all are LSTMs, and *none* has as many parameters as *plastic*",
        paper="modulated slightly ahead (Penn Treebank)",
        verdict="no advantage seen",
        holds=lambda none, plastic, simple: none < min(plastic, simple),
        text="""Penn Treebank, the paper's text, can't be had here. On a grammar whose entropy is known, two
        memories are worth telling apart: whose object it is costs {floor} bits per symbol, the last sentence
        alone {cheap}, and which objects came up, but not whose, nearly the same. These runs came more than
        halfway from the second to the first: of the LSTM with as many parameters {lstm_got}, of the plastic LSTM
        {plastic_got}, of the simple one {paper_got} in the reading "paper" and {notes_got} in "notes", of LSTMs
        without plasticity in "notes" {notes_none_got}. One simple run in "notes" diverged, to {worst}
        bits; even odds for all words cost {uniform}. Where all recurrent matrices and α lose a share of {share} after
        each update, {calm_got} simple runs in "notes" come more than halfway, and end at {calm_ends}; of LSTMs without
        plasticity in "notes" {calm_none_got}. The other networks were not trained with it.""",
        facts=text,
        also=("text-decay",),
        scores=of_labels(none="LSTM, as many parameters", plastic="plastic LSTM", simple="simple LSTM, paper"),
    ),
    Finding(
        study="text-pydoc",
        chapter="19",
        task="Python's help texts",
        measured="bits per character, less is better; LSTMs",
        paper="as above",
        verdict="plastic slightly ahead",
        holds=lambda none, plastic, simple: none - 0.1 < min(plastic, simple) < none,
        text="""Over the last {last} updates the plastic LSTM is ahead of the LSTM of the same seed in
        {plastic_seeds} of {seeds} seeds, by {plastic_ahead} bits; but the network of the first seed does not
        use its Hebb for it. The simple one in the reading "paper" is ahead in {paper_seeds} seeds, by
        {paper_ahead}. In the reading "notes" both LSTMs, with plasticity and without, are ahead by
        {notes_ahead}, and the one without is the better one in {control} of {seeds} seeds. So this lead is the
        reading's.""",
        facts=text_pydoc,
        scores=of_labels(none="LSTM", plastic="plastic LSTM", simple="simple LSTM, paper"),
    ),
    Finding(
        study="sequence",
        chapter="20",
        task="Three tasks in sequence",
        measured="share of what had been learnt of an earlier task that is left at the end",
        paper="–",
        verdict="all is forgotten",
        holds=lambda **medians: max(medians.values()) < 0.1,
        text="""The notes' introduction hopes that such networks forget less. One network is trained on
        {first}, then on {second}, then on {third}. Of {runs} runs {first_learnt} had learnt the first,
        {second_learnt} the second (more than {learnt} of what chance leaves), and {third_learnt} the third. At
        the end no network has kept more than {most} of an earlier task; the median is {median}. None of the
        four networks is protected.""",
        facts=sequence,
        scores=kept_shares,
    ),
]
