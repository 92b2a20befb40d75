"""Chapter 22: transitive inference. Which pairs a network is right about, and what the ends alone are worth."""

from functools import partial

import numpy as np

from ..figures.draw_transitive import plot_distances
from ..lab.studies import load_recorded, load_study
from ..learning.episodes import rollout

recorded = partial(load_recorded, "transitive")  # (label, batch) -> net, params, task


def ends_by_distance(items):
    """Scores of knowing the first item and the last one and guessing otherwise, by distance: (items - 1,)."""
    pairs = {k: [(i, i + k) for i in range(items - k)] for k in range(1, items)}
    return np.array([np.mean([i == 0 or j == items - 1 for i, j in of]) for of in pairs.values()])


def score_of_ends(items):
    """The score of the same on pairs that are no neighbours."""
    number = np.arange(items - 2, 0, -1)  # of pairs, by distance from 2 on
    return float(ends_by_distance(items)[1:] @ number / number.sum())


def right_by_pair(task, episode):
    """Share of right answers about each pair: an Episode of a Transitive task -> (items, items); NaN where none was.

    Row: the earlier item; column: the later one.
    """
    ranks = np.sort(task.ranks_asked(episode.x), axis=-1).reshape(-1, 2)  # (asked B, 2)
    right = (task.answers(episode.trajectory.logits) == episode.targets)[episode.counts]  # (asked B,), in that order
    shares = np.full((task.items, task.items), np.nan)
    for i, j in np.unique(ranks, axis=0):
        shares[i, j] = right[(ranks == (i, j)).all(axis=1)].mean()
    return shares


def pairs_of(label, rng, episodes=160):
    """``right_by_pair`` of the study's network of seed 0 with that label, in fresh episodes."""
    net, params, task = recorded(label, episodes)
    return right_by_pair(task, rollout(net, params, task, rng))


def scores_by_distance():
    """Of the recorded study at its end: label -> scores (S, 7), a column per distance."""
    columns = [load_study("transitive", column=f"distance {k}")[1] for k in range(1, 8)]
    return {groups[0].label: np.stack([group.scores[:, -1] for group in groups], axis=1) for groups in zip(*columns)}


def rules(about):
    """Rules to compare with, in a study's about.json: scores by distance, and on pairs never shown; dicts by name."""
    learnt = about["references"]["learnt values"]
    by_distance = {"ends alone": ends_by_distance(8), "learnt values": [learnt[f"distance {k}"] for k in range(1, 8)]}
    return by_distance, {"ends alone": score_of_ends(8), "learnt values": learnt["score"]}


def figure_distances():
    """Scores by distance in the order, and on pairs never shown, of all recorded runs."""
    about, groups = load_study("transitive")
    by_distance, levels = rules(about)
    by_seed = {group.label: group.scores[:, -1] for group in groups}
    return plot_distances(by_distance, scores_by_distance(), by_seed, levels)


FIGURES = {"transitive_distances.png": figure_distances}
