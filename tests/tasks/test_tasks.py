"""Tasks: equal to their slow twins, the interface, the facts that make them what they are, and the scores."""

import copy
import itertools
import json
import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from task_twins import TWINS

from bpm_numpy import check_task
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.episodes import rollout
from bpm_numpy.learning.losses import INTEGERS
from bpm_numpy.learning.training import build
from bpm_numpy.tasks import (
    TASKS,
    Association,
    Bandit,
    Completion,
    CueReward,
    Maze,
    Reversal,
    Text,
    Transitive,
    make_task,
    reversal,
    transitive,
)
from bpm_numpy.tasks.bandit import one_arm, thompson_sampling, win_stay_lose_shift
from bpm_numpy.tasks.base import draw_patterns, play_by_rule
from bpm_numpy.tasks.cue_reward import BLANK, GO
from bpm_numpy.tasks.maze import distances, room, round_the_room, shortest_paths

# Beside the defaults and the small settings: what they leave out.
MORE = {
    "cue-reward": [{"batch": 40, "cues": 7, "bits": 3, "T": 61, "max_blanks": 3}, {"batch": 9, "cues": 3, "T": 24}],
    "maze": [{"batch": 30, "size": 5, "T": 300, "reward": 2.5}, {"size": 9}, {"size": 13}],
    "association": [{"pairs": 6, "labels": 3, "bits": 3}, {"batch": 1, "pairs": 2, "verdict": True}],
    "completion": [{"batch": 7, "bits": 5, "patterns": 3, "rounds": 2, "shown": 1, "blank": 0, "asked": 1}],
    "bandit": [{"chances": [0.1, 0.9, 0.5], "T": 50}],
    "reversal": [{"batch": 40, "bits": 1, "trials": 13, "chance": 0.6}],
    "transitive": [{"batch": 7, "items": 5, "bits": 3, "rounds": 1, "asked": 10}, {"batch": 1, "items": 4, "asked": 4}],
    "text": [{"batch": 3, "T": 1}, {"T": 8, "names": 2, "objects": 3, "grammar_seed": 5}],
}
MORE["text"] += [{"source": "pydoc", "held_out": held_out} for held_out in (False, True)]
CASES = [(name, {}) for name in TASKS]
CASES += [(name, options) for name, task in TASKS.items() for options in task.SMALL.values()]
CASES += [(name, options) for name, several in MORE.items() for options in several]
every_case = pytest.mark.parametrize("name, options", CASES, ids=[f"{name}-{k}" for k, (name, _) in enumerate(CASES)])
every_task = pytest.mark.parametrize("name", TASKS)


def small(name, **options):
    """A task quick enough for anything."""
    return TASKS[name](**{**TASKS[name].SMALL["small"], **options})


def random_actions(task, rng):
    """Actions for a whole episode, (T, B) or (T, B, bits)."""
    if isinstance(task, Completion):
        return rng.integers(0, 2, (task.T, task.batch, task.bits))
    return rng.integers(0, task.n_outputs, (task.T, task.batch))


def play(task, seed, actions):
    """What an episode of these actions returns: observations and decides (T + 1, B, ...), rewards (T, B)."""
    obs, info = task.reset(seed)
    observations, decides, rewards = [obs], [info["decides"]], []
    for action in actions:
        obs, reward, _, _, info = task.step(action)
        observations.append(obs)
        decides.append(info["decides"])
        rewards.append(reward)
    return np.array(observations), np.array(decides), np.array(rewards)


def choose(task, seed, policy):
    """Rewards and decides (T, B) of an episode in which policy(t, obs) acts."""
    obs, info = task.reset(seed)
    rewards, decides = [], []
    for t in range(task.T):
        decides.append(info["decides"])
        obs, reward, _, _, info = task.step(policy(t, obs))
        rewards.append(reward)
    return np.array(rewards), np.array(decides)


# Twins


@every_case
def test_task_equals_its_twin(name, options):
    task = TASKS[name](**options)
    rng = np.random.default_rng(3)
    for _ in range(1 if task.T * task.n_inputs > 5000 else 3):
        actions = random_actions(task, rng)
        observations, decides, rewards = play(task, rng, actions)
        for b in range(task.batch):
            twin_observations, twin_decides, twin_rewards = TWINS[name](task, b, actions[:, b].tolist())
            np.testing.assert_array_equal(observations[:, b], twin_observations)
            np.testing.assert_array_equal(decides[:, b], twin_decides)
            np.testing.assert_array_equal(rewards[:, b], twin_rewards)


# The interface: what ``check_task`` checks, and what is special about the package's own tasks


@every_case
def test_task_keeps_what_tasks_promise(name, options):
    report = check_task(TASKS[name](**options), np.random.default_rng(0))
    assert report.passed and len(report.findings) == (10 if TASKS[name].kind == "supervised" else 9)


@every_case
def test_the_text_of_a_task_makes_it_again(name, options):
    task = TASKS[name](**options)
    assert {**task.options, **options} == task.options
    assert eval(repr(task), TASKS | {type(task).__name__: type(task)}).options == task.options


@every_task
def test_what_is_random_is_drawn_anew(name):
    def first(seed=None):
        task.reset(seed)
        return np.concatenate([np.asarray(drawn, float).ravel() for drawn in task.drawn])

    task = small(name)
    a, b = first(7), first()
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(first(7), a)


@every_task
def test_actions_and_steps_that_cannot_be_are_told_in_full(name):
    task = small(name)
    good = random_actions(task, np.random.default_rng(1))[0]
    with pytest.raises(ValueError, match="^seed: expected .* at the first reset, got None"):
        task.reset()
    with pytest.raises(ValueError, match="^step: expected a reset before it, got none yet"):
        task.step(good)
    task.reset(0)
    largest = 1 if name == "completion" else task.n_outputs - 1
    for error, actions in ((TypeError, good.tolist()), (ValueError, np.full_like(good, largest + 1))):
        with pytest.raises(error, match="^actions: expected .*, got "):
            task.step(actions)
    for _ in range(task.T):
        task.step(good)
    with pytest.raises(ValueError, match=r"^step: expected a reset before it, got a step after all"):
        task.step(good)


def begins_of(task, seed):
    """info["begins"] at all steps, (T + 1, B)."""
    _, info = task.reset(seed)
    begins = [info["begins"]]
    for actions in random_actions(task, np.random.default_rng(1)):
        begins.append(task.step(actions)[-1]["begins"])
    return np.array(begins)


def test_trials_begin_where_the_task_says():
    learning = small("reversal", trials=12, batch=1)
    assert begins_of(learning, 0)[:, 0].tolist() == [True, False, False] * 12 + [False]
    inference = small("transitive", items=4, rounds=1, asked=4, batch=1)
    assert begins_of(inference, 0)[:, 0].tolist() == [True, False, False] * 3 + [True, False] * 4 + [False]
    association = small("association", pairs=2, labels=2, verdict=True, batch=1)
    assert begins_of(association, 0)[:, 0].tolist() == [True, False, False, False, True, False, False]
    completion = small("completion", patterns=2, rounds=1, shown=2, blank=1, asked=2, batch=1)
    assert begins_of(completion, 0)[:, 0].tolist() == [True, False, False, True, False, False, True, False, False]


@pytest.mark.parametrize("max_blanks", [0, 3])
def test_a_trial_of_cue_reward_begins_after_the_blank_that_follows_the_go_step(max_blanks):
    task = CueReward(batch=20, cues=6, bits=4, T=60, max_blanks=max_blanks)
    begins = begins_of(task, 3)[:-1]
    for b in range(task.batch):
        goes = [t for t in range(task.T) if task.shown[t, b] == GO]
        expected = [0, *(t + 2 for t in goes if t + 2 < task.T)]
        assert np.flatnonzero(begins[:, b]).tolist() == expected


@pytest.mark.parametrize("name", ["cue-reward", "association", "completion"])
def test_a_task_that_resets_is_the_same_task_and_fits_in_a_block(name):
    options = TASKS[name].SMALL["tiny"] | {"reset_at_trials": True}
    task = make_task(name, options)
    again = make_task(name, json.loads(json.dumps(task.options)))
    plain = make_task(name, TASKS[name].SMALL["tiny"])
    block = make_task(name, task.options | {"block": [2, 60]})
    for other in (task, again, task.for_evaluation(), copy.deepcopy(task), block, block.for_evaluation()):
        assert other.reset_at_trials is True and other.options["reset_at_trials"] is True
        np.testing.assert_array_equal(other.reset(4)[0].sum(axis=1), plain.reset(4)[0].sum(axis=1))
    assert not hasattr(plain, "reset_at_trials") and "reset_at_trials" not in plain.options
    if task.kind == "supervised":
        begins = plain.begins(plain.sequences(np.random.default_rng(0))[0])
        for other in (task, block):
            np.testing.assert_array_equal(other.begins(other.sequences(np.random.default_rng(0))[0]), begins)
            consecutive = other.consecutive(np.random.default_rng(0), 3)  # here new episodes like any others
            for one, two in zip(consecutive, other.sequences(np.random.default_rng(0))):
                np.testing.assert_array_equal(one, two)


@every_task
def test_defaults_and_kinds(name):
    task = TASKS[name]
    assert task.kind == ("reward" if name in ("cue-reward", "maze", "bandit", "reversal") else "supervised")
    assert task.has_trials == (name in ("cue-reward", "association", "completion", "reversal", "transitive"))
    assert task.SMALL


def test_the_papers_numbers_are_the_defaults():
    assert CueReward().options | {"batch": 30, "cues": 4, "bits": 20, "T": 120} == CueReward().options
    assert CueReward().n_inputs == 20 + 1 + 1 + 1 + 1 + 2
    assert Maze().options == {"batch": 30, "size": 11, "T": 200, "reward": 10.0}
    assert Maze().n_inputs == 9 + 1 + 1 + 1 + 4
    completion = Completion()
    assert (completion.bits, completion.patterns, completion.hidden, completion.T) == (1000, 5, 0.5, 106)


@every_task
def test_task_for_evaluation_is_another_one_with_the_same_shapes(name):
    task = small(name)
    other = task.for_evaluation()
    assert other is not task and type(other) is type(task) and other.n_inputs == task.n_inputs
    changed = {key for key in task.options if task.options[key] != other.options[key]}
    assert changed == ({"held_out"} if name == "text" else set())


def test_patterns_are_distinct_and_every_order_equally_likely():
    patterns = draw_patterns(np.random.default_rng(0), 4800, 4, 2)
    orders = Counter(tuple(map(tuple, episode)) for episode in patterns)
    assert len(orders) == 24 and all(len(set(order)) == 4 for order in orders)
    assert max(abs(count - 200) for count in orders.values()) < 60  # 4 standard deviations
    assert set(np.unique(patterns)) == {-1, 1}


BAD_OPTIONS = [
    ("cue-reward", ValueError, "batch", {"batch": 0}),
    ("cue-reward", TypeError, "batch", {"batch": 2.0}),
    ("cue-reward", ValueError, "cues", {"cues": 1}),
    ("cue-reward", ValueError, "cues and bits", {"bits": 1}),
    ("cue-reward", ValueError, "bits", {"bits": 0}),
    ("cue-reward", ValueError, "T", {"T": 17}),
    ("cue-reward", TypeError, "T", {"T": 60.0}),
    ("cue-reward", ValueError, "max_blanks", {"max_blanks": -1}),
    ("maze", ValueError, "size", {"size": 3}),
    ("maze", ValueError, "size", {"size": 10}),
    ("maze", ValueError, "reward", {"reward": 0}),
    ("maze", ValueError, "T", {"T": 0}),
    ("association", ValueError, "pairs", {"pairs": 3}),
    ("association", ValueError, "labels", {"labels": 1}),
    ("association", ValueError, "labels", {"pairs": 3, "labels": 3, "verdict": True}),
    ("association", TypeError, "verdict", {"verdict": 1}),
    ("association", ValueError, "pairs and bits", {"bits": 1}),
    ("completion", ValueError, "patterns and bits", {"bits": 2}),
    ("completion", ValueError, "hidden", {"hidden": 0.0}),
    ("completion", ValueError, "hidden", {"bits": 8, "hidden": 0.1}),
    ("completion", ValueError, "blank", {"blank": -1}),
    ("completion", TypeError, "asked", {"asked": None}),
    ("bandit", TypeError, "chances", {"chances": 0.5}),
    ("bandit", ValueError, "chances", {"chances": [0.5]}),
    ("bandit", ValueError, r"chances\[1\]", {"chances": [0.5, 1.5]}),
    ("bandit", ValueError, "T", {"T": 2}),
    ("reversal", ValueError, "trials", {"trials": 11}),
    ("reversal", ValueError, "bits", {"bits": 0}),
    ("reversal", ValueError, "chance", {"chance": 1}),
    ("reversal", ValueError, "chance", {"chance": 0.4}),
    ("reversal", TypeError, "trials", {"trials": 20.0}),
    ("transitive", ValueError, "items", {"items": 3}),
    ("transitive", TypeError, "items", {"items": "8"}),
    ("transitive", ValueError, "items and bits", {"bits": 2}),
    ("transitive", ValueError, "rounds", {"rounds": 0}),
    ("transitive", ValueError, "batch and pairs of items", {"items": 10_000, "asked": 10_000}),
    ("transitive", ValueError, "asked", {"asked": 7}),
    ("transitive", ValueError, "asked", {"asked": 29}),
    ("text", ValueError, "source", {"source": "treebank"}),
    ("text", ValueError, "names", {"names": 9}),
    ("text", ValueError, "objects", {"objects": 1}),
    ("text", ValueError, "T", {"source": "pydoc", "T": 10**9}),
    ("text", TypeError, "held_out", {"held_out": "yes"}),
    ("text", ValueError, "grammar_seed", {"grammar_seed": -1}),
]


@pytest.mark.parametrize("name, error, argument, options", BAD_OPTIONS)
def test_bad_options_are_refused_by_name(name, error, argument, options):
    with pytest.raises(error, match=f"^{argument}: expected .*, got "):
        TASKS[name](**options)


# Cue-reward association


def trials(task, b):
    """The whole trials of episode b: lists of what is shown at each step."""
    shown = task.shown[: task.T, b].tolist()
    ends = [t + 2 for t, what in enumerate(shown) if what == GO and t + 2 <= task.T]
    return [shown[start:end] for start, end in zip([0, *ends], ends)]


@pytest.mark.parametrize("cues, max_blanks", [(4, 0), (4, 2), (5, 1)])
def test_a_trial_is_a_blank_half_of_the_cues_go_and_a_blank(cues, max_blanks):
    task = CueReward(cues=cues, max_blanks=max_blanks)
    task.reset(0)
    blanks, subsets = Counter(), Counter()
    for b in range(task.batch):
        for trial in trials(task, b):
            assert trial[0] == trial[-1] == BLANK and trial[-2] == GO
            numbers = [what for what in trial if what >= 0]
            assert len(numbers) == len(set(numbers)) == cues // 2
            subsets[tuple(numbers)] += 1
            blanks[trial[1:-2].count(BLANK)] += 1
    assert len(subsets) == cues * (cues - 1) and max(subsets.values()) < 2 * min(subsets.values())
    assert set(blanks) == set(range(max_blanks + 1))


def test_each_number_of_blanks_and_each_arrangement_is_equally_likely():
    """Two cues and k blanks can be arranged in (k + 1) (k + 2) / 2 ways."""
    task = CueReward(batch=1000, cues=4, T=120, max_blanks=3)
    found = Counter(map(tuple, task.draw(np.random.default_rng(0)).gaps.reshape(-1, 3).tolist()))
    n = sum(found.values())
    assert len(found) == 1 + 3 + 6 + 10
    for gaps, times in found.items():
        k = sum(gaps)
        expected = n / 4 / ((k + 1) * (k + 2) / 2)
        assert abs(times - expected) < 5 * math.sqrt(expected), gaps


def test_one_trial_cannot_tell_the_target_of_four_but_may_of_two():
    for cues, fewest in ((2, 1), (4, 2), (6, 3)):
        left = [
            sum((other in shown) == (target in shown) for other in range(cues))
            for target in range(cues)
            for shown in itertools.combinations(range(cues), cues // 2)
        ]
        assert set(left) == {fewest}  # the reward leaves that many possible targets, whatever is shown

    # So the answer to a single trial is a coin's throw, whichever cues it shows.
    task = CueReward(batch=2000, T=24)
    task.reset(0)
    first_go = (task.shown == GO).argmax(axis=0)
    assert abs(task.yes[first_go, np.arange(task.batch)].mean() - 0.5) < 0.05


def test_who_combines_trials_finds_the_target_in_what_is_seen():
    """A player with a perfect memory and nothing but the observations."""
    task = CueReward(batch=20, cues=4, bits=8, T=120)
    memory = [[] for _ in range(task.batch)]  # (cues shown, was the target among them)
    shown, asked = [set() for _ in memory], [False] * task.batch

    def policy(t, obs):
        actions = np.zeros(task.batch, int)
        for b, row in enumerate(obs):
            bits, go, reward, said_yes = tuple(row[:8]), row[8], row[11], row[13]
            if asked[b]:  # the reward stands in this observation, one step after the question
                memory[b].append((shown[b], (reward > 0) == (said_yes == 1)))
                shown[b], asked[b] = set(), False
            if any(bits):
                shown[b].add(bits)
            if go:
                seen = shown[b].union(*(cues for cues, _ in memory[b]))
                possible = [cue for cue in seen if all((cue in cues) == yes for cues, yes in memory[b])]
                actions[b] = sum(cue in shown[b] for cue in possible) * 2 > len(possible)
                asked[b] = True
        return actions

    rewards, counts = choose(task, 0, policy)
    summary = task.summarise(SimpleNamespace(rewards=rewards, counts=counts))
    assert summary["score"] == 1 and 0.7 < summary["score_all"] < 1


def test_reward_and_action_are_seen_one_step_later():
    task = small("cue-reward")
    obs, info = task.reset(0)
    np.testing.assert_array_equal(obs[:, 8:], np.tile([0, 1, 0, 0, 0, 0], (16, 1)))  # go, bias, time, reward, action
    rng = np.random.default_rng(1)
    for t in range(task.T):
        asked, actions = info["decides"], rng.integers(0, 2, task.batch)
        obs, reward, _, _, info = task.step(actions)
        np.testing.assert_array_equal(np.abs(reward), asked)
        np.testing.assert_array_equal(obs[:, 8], info["decides"])  # the go bit
        np.testing.assert_array_equal(obs[:, 9:11], np.tile([1, (t + 1) / task.T], (16, 1)))
        np.testing.assert_array_equal(obs[:, 11], reward)
        np.testing.assert_array_equal(obs[:, 12:], np.eye(2)[actions])


def test_score_of_cue_reward_is_that_of_the_last_third():
    task = CueReward(batch=2, cues=2, bits=2, T=18, max_blanks=0)
    counts = np.zeros((18, 2), bool)
    counts[[2, 6, 11, 12, 16]] = True  # any steps will do
    rewards = np.where(counts, -1.0, 0.0)
    rewards[[12, 16], 0] = 1
    summary = task.summarise(SimpleNamespace(rewards=rewards, counts=counts))
    assert list(summary) == ["score", "score_all"]
    assert summary == {"score": 0.0, "score_all": pytest.approx((2 - 8) / 10)}


# Maze


@pytest.mark.parametrize("size, pillars", [(5, 0), (7, 4), (9, 8), (11, 16), (13, 24)])
def test_pillars_stand_on_every_second_square_and_the_centre_is_free(size, pillars):
    walls = room(size)
    assert walls[0].all() and walls[-1].all() and walls[:, 0].all() and walls[:, -1].all()
    inside = np.argwhere(walls[1:-1, 1:-1]) + 1
    assert len(inside) == pillars and (inside % 2 == 0).all() and not walls[size // 2, size // 2]

    reached, frontier = set(), [(size // 2, size // 2)]
    while frontier:
        square = frontier.pop()
        if square not in reached and not walls[square]:
            reached.add(square)
            frontier += [(square[0] + r, square[1] + c) for r, c in ((0, 1), (1, 0), (0, -1), (-1, 0))]
    assert len(reached) == (~walls).sum()  # every free square can be walked to


def test_goals_and_landings_are_drawn_from_the_free_squares():
    task = Maze(batch=200, size=5, T=20)
    task.reset(0)
    goals = Counter(map(tuple, task.drawn.goal.tolist()))
    inside = set(itertools.product((1, 2, 3), repeat=2))
    assert set(goals) == inside - {(2, 2)}
    for b in range(task.batch):
        landings = Counter(map(tuple, task.drawn.landings[:, b].tolist()))
        assert set(landings) <= inside - {tuple(task.drawn.goal[b])}
    together = Counter(map(tuple, task.drawn.landings.reshape(-1, 2).tolist()))
    assert set(together) == inside  # others' goals, and the centre, are as good as any


def test_who_reaches_the_goal_is_moved_and_may_come_back():
    task = Maze(batch=300, size=7, T=60)
    task.reset(1)
    rng, found, moved_to = np.random.default_rng(2), np.zeros(300, int), []
    for t in range(task.T):
        before = task.position.copy()
        actions = rng.integers(0, 4, 300)
        obs, reward, _, _, _ = task.step(actions)
        reached = reward == 10
        assert ((reward == 0) | reached).all()
        np.testing.assert_array_equal(task.position[reached], task.drawn.landings[t, reached])
        assert not (task.position == task.drawn.goal).all(axis=1).any()  # nobody ever stands on it
        assert not task.walls[tuple(task.position.T)].any()
        step = np.abs(task.position - before).sum(axis=1)
        assert (step[~reached] <= 1).all()
        np.testing.assert_array_equal(obs[:, 11], reward)
        found += reached
        moved_to += task.position[reached].tolist()
    assert found.max() > 2 and len(set(map(tuple, moved_to))) > 15


def test_a_wall_stops_and_the_goal_is_not_seen():
    task = Maze(batch=64, size=7, T=30)
    task.reset(0)
    for _ in range(2):  # from the centre (3, 3) of size 7 two squares up lies the border's neighbour
        task.step(np.zeros(64, int))
    stopped = task.position.copy()
    task.step(np.zeros(64, int))
    never_found = (stopped == [1, 3]).all(axis=1)
    np.testing.assert_array_equal(task.position[never_found], stopped[never_found])

    # What is seen depends on the square alone: those who stand on the same one see the same, whatever their goal.
    obs, _, _, _, _ = task.step(np.ones(64, int))
    seen = {}
    for square, row in zip(map(tuple, task.position.tolist()), obs[:, :9].tolist()):
        assert seen.setdefault(square, row) == row and row[4] == 0
    assert seen[2, 3] == [0, 0, 0, 1, 0, 1, 0, 0, 0]  # between two pillars
    assert len({tuple(goal) for goal in task.drawn.goal.tolist()}) > 10


def test_score_of_the_maze_is_the_reward_an_episode():
    rewards = np.zeros((4, 2))
    rewards[1] = 10
    rewards[3, 0] = 10
    assert Maze(batch=2, T=4).summarise(SimpleNamespace(rewards=rewards)) == {"score": 15.0}


def test_distances_count_steps_around_walls():
    walls = room(5)
    walls[1:3, 2] = True  # a wall from above: from the upper left square to the upper right one by the last row
    steps = distances(walls)
    assert steps[1, 1, 1, 3] == 6 and steps[1, 1, 3, 1] == 2 and steps[3, 3, 3, 3] == 0
    assert np.isinf(steps[1, 1, 0, 0]) and np.isinf(steps[0, 0, 0, 0])
    np.testing.assert_array_equal(steps, steps.transpose(2, 3, 0, 1))
    walls[3, 2] = True
    assert np.isinf(distances(walls)[1, 1, 1, 3])


@pytest.mark.parametrize("size", [5, 7, 9])
def test_the_round_goes_by_what_is_seen_along_the_outer_wall(size):
    last = size - 2
    ring = [(1, k) for k in range(1, last)] + [(k, last) for k in range(1, last)]  # clockwise from the upper left
    ring += [(last, last - k) for k in range(last - 1)] + [(last - k, 1) for k in range(last - 1)]
    task = Maze(batch=64, size=size, T=60)
    play = round_the_room(task, np.random.default_rng(1))
    obs, _ = task.reset(np.random.default_rng(1))
    chosen, inside = {}, np.zeros(64, int)  # by view; steps away from the outer squares
    for actions in play.actions:
        before = [tuple(square) for square in task.position]
        for seen, action in zip(obs[:, :9], actions):
            assert chosen.setdefault(seen.tobytes(), action) == action
        obs, reward, _, _, _ = task.step(actions)
        for b in np.flatnonzero(reward == 0):
            if before[b] in ring:
                assert tuple(task.position[b]) == ring[(ring.index(before[b]) + 1) % len(ring)]
        inside = np.where((reward == 0) & [square not in ring for square in before], inside + 1, 0)
        assert inside.max() < size
    assert len(chosen) > 5 and play.rewards.sum() > 64


def test_who_knows_the_goal_walks_there_on_a_shortest_path():
    task = Maze(batch=32, size=7, T=40)
    found = shortest_paths(task, np.random.default_rng(0)).rewards > 0  # (T, B)
    steps, (goal, landings) = distances(task.walls), task.drawn
    for b in range(task.batch):
        at, left = (3, 3), 0
        for t in range(task.T):
            left = left or steps[at][tuple(goal[b])]
            left -= 1
            assert found[t, b] == (left == 0)
            at = tuple(landings[t, b])  # where the next path begins, if one has just ended


# Association


def supervised(task, seed, logits_of):
    """summarise of an episode whose logits are logits_of(inputs, targets, counts)."""
    inputs, targets, counts = task.sequences(np.random.default_rng(seed))
    logits = logits_of(inputs, targets, counts)
    return task.summarise(
        SimpleNamespace(x=inputs, targets=targets, counts=counts, trajectory=SimpleNamespace(logits=logits))
    )


@pytest.mark.parametrize("verdict", [False, True])
def test_every_cue_is_asked_for_once_and_labels_are_balanced(verdict):
    task = small("association", batch=200, verdict=verdict)
    inputs, targets, counts = task.sequences(np.random.default_rng(0))
    assert (counts == (np.arange(task.T) >= task.T - 4)[:, None]).all()
    assert (targets[-4:].sum(axis=0) == 2).all()  # two of each label: counting them does not help
    pair_steps = [0, 2, 4, 6] if verdict else [0, 1, 2, 3]
    shown, asked = inputs[pair_steps, :, :8], inputs[-4:, :, :8]
    match = (shown[:, None] == asked[None]).all(axis=-1)  # (shown, asked, B)
    assert (match.sum(axis=0) == 1).all() and (match.sum(axis=1) == 1).all()
    assert np.abs(match.mean(axis=2) - 0.25).max() < 0.13  # in any order
    label_shown = np.take_along_axis(inputs[pair_steps, :, 9], match.argmax(axis=0), axis=0)  # of the cue asked for
    if verdict:
        says = np.take_along_axis(inputs[[1, 3, 5, 7], :, 10], match.argmax(axis=0), axis=0)
        assert set(np.unique(says)) == {-1, 1} and abs(says.mean()) < 0.15
        right = label_shown == targets[-4:]
        np.testing.assert_array_equal(right, says == 1)  # the verdict is about the label shown
        assert abs(right.mean() - 0.5) < 0.08  # without the verdict the label says nothing
        assert not inputs[[0, 2, 4, 6], :, 10].any() and not inputs[[1, 3, 5, 7], :, :10].any()
    else:
        np.testing.assert_array_equal(label_shown, targets[-4:])
    assert (inputs[:, :, -2] == counts).all() and (inputs[:, :, -1] == 1).all()


def test_score_of_association():
    task = Association(batch=50, pairs=6, labels=3, bits=5)
    right = supervised(task, 0, lambda inputs, targets, counts: np.eye(3)[targets])
    assert right == {"score": pytest.approx(1), "accuracy": 1.0}
    one_label = supervised(task, 0, lambda inputs, targets, counts: np.zeros((*targets.shape, 3)))
    assert one_label == {"score": pytest.approx(0, abs=1e-15), "accuracy": pytest.approx(1 / 3)}
    only_counted = supervised(
        task, 0, lambda inputs, targets, counts: np.where(counts[..., None], 1, -1) * np.eye(3)[targets]
    )
    assert only_counted["accuracy"] == 1.0


# Completion


def test_half_of_the_bits_of_a_pattern_shown_before_are_hidden():
    task = small("completion", batch=100)
    inputs, targets, counts = task.sequences(np.random.default_rng(0))
    assert (counts == (np.arange(task.T) == task.T - 1)[:, None]).all()
    query = inputs[-1]
    np.testing.assert_array_equal(inputs[-task.asked :], np.broadcast_to(query, (task.asked, 100, 16)))
    assert ((query == 0).sum(axis=1) == 8).all() and np.abs((query == 0).mean(axis=0) - 0.5).max() < 0.2
    np.testing.assert_array_equal(query[query != 0], targets[-1][query != 0])
    shows = (inputs[: -task.asked] == targets[-1]).all(axis=-1)  # (T - asked, B)
    assert (shows.sum(axis=0) == task.rounds * task.shown).all()
    blank = (inputs == 0).all(axis=-1)
    assert (blank.sum(axis=0) == task.rounds * task.patterns * task.blank).all()


def test_score_of_completion_is_about_the_hidden_bits_alone():
    task = small("completion", batch=100)
    assert supervised(task, 0, lambda inputs, targets, counts: 3 * targets) == {"score": 1.0, "accuracy": 1.0}
    mirrored = supervised(task, 0, lambda inputs, targets, counts: np.where(inputs == 0, -targets, targets))
    assert mirrored == {"score": -1.0, "accuracy": 0.0}
    copied = supervised(task, 0, lambda inputs, targets, counts: inputs)
    assert abs(copied["score"]) < 0.1


# Bandit


def test_arms_pay_as_often_as_their_chance_in_any_order():
    task = Bandit(batch=500, chances=[0.9, 0.5, 0.2], T=40)
    rewards, counts = choose(task, 0, lambda t, obs: np.ones(500, int))
    assert counts.all()
    chances = task.drawn.chances[:, 1]
    for chance in (0.9, 0.5, 0.2):
        mine = chances == chance
        assert abs(mine.mean() - 1 / 3) < 0.09 and abs(rewards[:, mine].mean() - chance) < 0.03


def test_scores_of_the_bandit_for_who_knows_who_guesses_and_thompson():
    task = Bandit(batch=500)
    task.reset(0)
    best = np.broadcast_to(task.drawn.chances.argmax(axis=1), (task.T, 500))
    _, _, rewards = play(task, 0, best)
    known = task.summarise(SimpleNamespace(actions=best, rewards=rewards))
    assert known["score"] == 1 and known["regret"] == 0 and abs(known["reward"] - 0.8 * 30) < 0.4
    worst = task.summarise(SimpleNamespace(actions=1 - best, rewards=rewards))
    assert worst["score"] == 0 and worst["regret"] == pytest.approx(0.6 * 30)

    thompson = task.summarise(thompson_sampling(task, np.random.default_rng(0)))
    blind = np.random.default_rng(1).integers(0, 2, (task.T, 500))
    guessed = task.summarise(SimpleNamespace(actions=blind, rewards=rewards))
    assert abs(guessed["score"] - 0.5) < 0.03 and abs(guessed["regret"] - 9) < 0.3
    assert 0.9 < thompson["score"] < 1 and 1 < thompson["regret"] < 4
    with pytest.raises(TypeError, match="^rng: expected "):
        thompson_sampling(task, 0)


def test_rules_without_a_network():
    task = Bandit(batch=500, chances=[0.8, 0.2], T=30)
    stay = win_stay_lose_shift(task, np.random.default_rng(0))
    changed = stay.actions[1:] != stay.actions[:-1]
    np.testing.assert_array_equal(changed, stay.rewards[:-1] == 0)
    assert abs(task.summarise(stay)["score"] - 0.8) < 0.02  # p = 0.8 p + 0.8 (1 - p)
    assert abs(task.summarise(one_arm(task, np.random.default_rng(0)))["score"] - 0.5) < 0.07

    lengths = []
    play = play_by_rule(
        task, np.random.default_rng(1), lambda a, r: lengths.append((len(a), len(r))) or a.sum(axis=0) % 2
    )
    assert lengths == [(t, t) for t in range(30)] and not play.actions.any()


# Reversal learning


def choose_right(task):
    """The actions (T, B) that choose the better pattern, in the episodes of the last reset."""
    return np.repeat(task.better_pattern() ^ task.drawn.left, 3, axis=0)


def test_the_better_pattern_pays_more_often_and_changes_once_in_the_middle_third():
    task = Reversal(batch=4000, bits=3, trials=20, chance=0.7)
    assert list(reversal.possible_reversals(task)) == list(range(6, 15))
    _, decides, rewards = play(task, 0, np.zeros((60, 4000), int))
    assert set(np.unique(task.drawn.reversal)) == set(range(6, 15))
    np.testing.assert_array_equal(decides[:, 0], np.append(np.arange(60) % 3 == 1, False))
    assert set(np.unique(rewards[1::3])) == {-1, 1} and not rewards[0::3].any() and not rewards[2::3].any()
    pattern_0_left = task.drawn.left == 0
    assert abs(pattern_0_left.mean() - 0.5) < 0.01
    for trial in (0, 5, 14, 19):  # action 0 chooses what is at the left
        better_is_left = pattern_0_left[trial] == (trial < 6)
        assert abs((rewards[3 * trial + 1, better_is_left] > 0).mean() - 0.7) < 0.04
        assert abs((rewards[3 * trial + 1, ~better_is_left] > 0).mean() - 0.3) < 0.04


@pytest.mark.parametrize("dtype", INTEGERS)
def test_any_integers_can_choose(dtype):
    task = small("reversal")
    rewards = play(task, 0, np.ones((task.T, task.batch), dtype))[2]
    np.testing.assert_array_equal(rewards, play(task, 0, np.ones((task.T, task.batch), int))[2])


def test_scores_of_reversal_count_from_the_reversal():
    task = small("reversal", batch=200)
    task.reset(0)
    right = choose_right(task)
    assert task.summarise(SimpleNamespace(actions=right)) == {"score": 1.0, "before": 1.0, "needed": 0.0}
    assert task.summarise(SimpleNamespace(actions=1 - right)) == {"score": -1.0, "before": -1.0, "needed": 5.0}
    stays = np.repeat(task.drawn.left, 3, axis=0)  # pattern 0 throughout
    assert task.summarise(SimpleNamespace(actions=stays)) == {"score": -1.0, "before": 1.0, "needed": 5.0}

    late = right.copy()  # for three trials after the reversal the wrong one, except in the second
    since = np.repeat(np.arange(18)[:, None] - task.drawn.reversal, 3, axis=0)  # (T, B)
    late[(since == 0) | (since == 2)] ^= 1
    summary = task.summarise(SimpleNamespace(actions=late))
    assert summary["needed"] == 3.0 and summary["before"] == 1.0
    np.testing.assert_array_equal(task.right_since(late, -1, 3).T, [[True, False, True, False, True]] * 200)


def test_the_posterior_is_that_of_all_that_could_have_been():
    """Bayes' rule in loops: one episode of four trials, a reversal after one, two or three of them."""
    task = small("reversal", batch=1)
    chosen, rewards = [0, 0, 1, 0], [1, -1, -1, 1]
    for m in range(5):
        weights = {0: 0.0, 1: 0.0}
        for first, at in itertools.product((0, 1), (1, 2, 3)):
            weight = 1.0
            for trial in range(m):
                better = first if trial < at else 1 - first
                weight *= 0.8 if (chosen[trial] == better) == (rewards[trial] > 0) else 1 - 0.8
            weights[first if m < at else 1 - first] += weight
        past = (np.array(values[:m], int)[:, None] for values in (chosen, rewards))
        chance = reversal.chance_of_pattern_1(task, *past, [1, 2, 3])
        assert chance.shape == (1,) and chance[0] == pytest.approx(weights[1] / (weights[0] + weights[1]))


def test_the_posterior_of_very_many_trials_is_a_chance():
    task = small("reversal", batch=2, trials=3000)
    task.reset(0)
    chosen = np.zeros((2500, 2), int)
    rewards = np.where((task.drawn.luck[:2500] < 0.8) == (task.better_pattern()[:2500] == 0), 1.0, -1.0)
    chance = reversal.chance_of_pattern_1(task, chosen, rewards, reversal.possible_reversals(task))
    assert np.all(chance > 0.999)


def test_expecting_a_change_gets_over_it_and_expecting_none_does_not():
    task = small("reversal", batch=2000)
    scores = {name: task.summarise(rule(task, np.random.default_rng(0))) for name, rule in reversal.RULES.items()}
    expected, drawn, never, stay = scores.values()
    assert list(scores)[1:3] == ["Thompson, change expected", "Thompson, no change expected"]
    assert expected["score"] > drawn["score"] - 0.02 > 0.8 and stay["score"] == pytest.approx(0.57, abs=0.05)
    assert never["score"] < 0 < 0.75 < never["before"] and never["needed"] > 3.5 > 2 > stay["needed"]
    assert expected["before"] < never["before"]  # who expects a change is in doubt before it
    rewards = {name: rule(task, np.random.default_rng(1)).rewards.sum() for name, rule in reversal.RULES.items()}
    assert max(rewards, key=rewards.get) == "ideal observer"


def test_win_stay_lose_shift_of_patterns_does_so():
    task = small("reversal", batch=50)
    stay = reversal.win_stay_lose_shift(task, np.random.default_rng(0))
    changed = np.diff(task.chosen(stay.actions), axis=0) != 0
    np.testing.assert_array_equal(changed, stay.rewards[1::3][:-1] < 0)


# Transitive inference


def test_every_round_teaches_all_neighbours_and_pairs_are_asked_about_once():
    task = small("transitive", batch=100, rounds=3, asked=28)
    task.reset(0)
    pairs = np.sort(task.drawn.pairs, axis=-1)
    for b in range(task.batch):
        for teach in np.split(pairs[:21, b], 3):
            assert sorted(map(tuple, teach)) == [(k, k + 1) for k in range(7)]
        assert sorted(map(tuple, pairs[21:, b])) == list(itertools.combinations(range(8), 2))
    assert abs((task.drawn.pairs[..., 0] < task.drawn.pairs[..., 1]).mean() - 0.5) < 0.03
    assert (pairs[:7] != pairs[7:14]).any(axis=(0, 2)).all()  # another order in the next round


def test_ranks_are_read_off_the_verdicts():
    task = small("transitive", batch=20)
    inputs, targets, counts = task.sequences(np.random.default_rng(0))
    ranks = task.ranks_asked(inputs)
    task.reset(np.random.default_rng(0))
    np.testing.assert_array_equal(ranks, task.drawn.pairs[task.taught :].transpose(0, 1, 2))
    np.testing.assert_array_equal(ranks[..., 1] < ranks[..., 0], targets[counts].reshape(12, 20) == 1)
    swapped = inputs.copy()
    swapped[..., -3] *= -1  # the other way round: the last one is the first
    np.testing.assert_array_equal(task.ranks_asked(swapped), 7 - ranks)


def test_scores_of_transitive_tell_neighbours_ends_and_distances_apart():
    task = small("transitive", batch=60, asked=28)
    ranks = task.ranks_asked(task.sequences(np.random.default_rng(0))[0])

    def scores(right):
        """Of answers that are right in the pairs (asked, B) where ``right`` says so."""
        asked = slice(3 * task.taught + 1, None, 2)

        def logits_of(inputs, targets, counts):
            answers = targets.copy()
            answers[asked] ^= ~right
            return np.eye(2)[answers]

        return supervised(task, 0, logits_of)

    distance = np.abs(ranks[..., 0] - ranks[..., 1])
    everything = scores(np.ones_like(distance, bool))
    assert list(everything) == ["score", "inner", *(f"distance {k}" for k in range(1, 8))]
    assert set(everything.values()) == {1.0}
    with_end = np.isin(ranks, (0, 7)).any(axis=-1)
    only_ends = scores(with_end)  # 21 pairs are no neighbours, 11 of them with an end
    assert only_ends["inner"] == -1 and only_ends["distance 7"] == only_ends["distance 6"] == 1
    assert only_ends["score"] == pytest.approx(2 * 11 / 21 - 1)
    neighbours = scores(distance == 1)
    assert neighbours["distance 1"] == 1 and neighbours["score"] == neighbours["distance 2"] == -1
    few = supervised(Transitive(batch=1, items=4, bits=2, rounds=1, asked=4), 1, lambda x, y, c: np.eye(2)[y])
    assert few["score"] == 1 and np.isnan(few["inner"])  # 4 items have no such pair


@pytest.mark.parametrize("network", ["plastic", "simple", "retroactive"])
def test_every_plastic_network_has_the_steps_to_write_what_is_taught(network):
    """With h and the trace at zero in every trial. Without the blank step the retroactive one would write nothing."""
    task, net = build(settings_for("transitive", network, changes={"task_options.batch": 2}))
    episode = rollout(net, net.init(np.random.default_rng(0)), task, np.random.default_rng(1))
    assert (episode.trajectory.state.hebb != 0).mean() > 0.9


def test_values_learnt_by_errors_of_prediction_reach_pairs_never_shown():
    task = small("transitive", batch=500, asked=28)
    scores = task.summarise(transitive.learn_values(task, np.random.default_rng(0)))
    by_distance = [scores[f"distance {k}"] for k in range(1, 8)]
    assert 0.8 < scores["score"] < 1 and 0.6 < scores["inner"] < scores["score"]
    assert by_distance[0] < by_distance[1] < by_distance[3] and by_distance[6] == 1
    less = task.summarise(transitive.learn_values(task, np.random.default_rng(0), rate=0.3))["score"]
    assert scores["score"] - less > 0.03
    with pytest.raises(TypeError, match="^rng: expected "):
        transitive.learn_values(task, 0)


def test_values_are_those_of_the_rule_in_single_numbers():
    task = small("transitive", batch=3)
    answered = transitive.learn_values(task, np.random.default_rng(4), rate=0.7)
    task.reset(np.random.default_rng(4))
    for b in range(3):
        value, pairs = [0.0] * 8, task.drawn.pairs[:, b].tolist()
        for left, right in pairs[: task.taught]:
            first, other = min(left, right), max(left, right)
            error = 1 - 1 / (1 + np.exp(value[other] - value[first]))
            value[first] += 0.7 * error
            value[other] -= 0.7 * error
        logits = answered.trajectory.logits[answered.counts[:, b], b]
        np.testing.assert_allclose(logits, [[value[left], value[right]] for left, right in pairs[task.taught :]])


# Text


def all_sentences(grammar, S):
    """Every sequence of S sentences with its probability for every favourites: favourites -> {words: probability}."""
    names, verbs = range(grammar.n_names), range(4)
    tables = {}
    for favourites in itertools.product(range(grammar.n_objects), repeat=grammar.n_names):
        table = tables[favourites] = {}
        for spoken in itertools.product(itertools.product(names, verbs), repeat=S):
            p, before, words = 1.0, None, []
            for name, verb in spoken:
                p *= (grammar.first_verb if before is None else grammar.verb_after[before])[verb] / grammar.n_names
                words += [("name", name), ("verb", verb), ("object", favourites[name]), "."]
                before = verb
            table[tuple(words)] = p
    return tables


def bits(table):
    """Entropy of {outcome: probability}."""
    return -sum(p * np.log2(p) for p in table.values())


@pytest.mark.parametrize("length", [6, 8, 9, 12])
def test_entropies_of_the_grammar_are_those_of_all_its_sentences(length):
    """Exact: the entropy of all words less that of the first, which is given."""
    task = Text(T=length - 1, names=2, objects=3, grammar_seed=2)
    tables = all_sentences(task.corpus, -(-length // 4))
    cut, together = [], Counter()
    for table in tables.values():
        short = Counter()
        for words, p in table.items():
            short[words[:length]] += p
            together[words[:length]] += p / len(tables)
        cut.append(bits(short))
    assert sum(together.values()) == pytest.approx(1, abs=1e-12)
    assert task.T * task.entropy("known") == pytest.approx(np.mean(cut) - 1, rel=1e-12)
    assert task.T * task.entropy("learnt") == pytest.approx(bits(together) - 1, rel=1e-12)
    objects = len(range(2, length, 4))
    assert task.T * task.entropy("forgotten") == pytest.approx(np.mean(cut) - 1 + objects * np.log2(3), rel=1e-12)


def test_verbs_are_a_stationary_chain():
    task = Text(batch=4000, T=11, grammar_seed=3)
    grammar = task.corpus
    np.testing.assert_allclose(grammar.first_verb @ grammar.verb_after, grammar.first_verb, atol=1e-14)
    np.testing.assert_allclose(grammar.verb_after.sum(axis=1), 1, rtol=1e-14)
    task.reset(0)
    verbs = task.drawn.verbs
    for s in range(3):
        share = np.bincount(verbs[:, s], minlength=4) / 4000
        assert np.abs(share - grammar.first_verb).max() < 0.035
    for verb in range(4):
        after = verbs[:, 1][verbs[:, 0] == verb]
        assert np.abs(np.bincount(after, minlength=4) / len(after) - grammar.verb_after[verb]).max() < 0.1
    assert not np.array_equal(Text(grammar_seed=4).corpus.verb_after, grammar.verb_after)


def test_bits_a_symbol_of_perfect_predictors_are_the_entropies():
    task = Text(batch=400, T=63, names=4, objects=8)
    grammar, V = task.corpus, task.n_outputs

    def predictor(remembers):
        def logits_of(inputs, targets, counts):
            p = np.full((task.T, task.batch, V), 1e-300)
            for b in range(task.batch):
                words, before, favourites = inputs[:, b].argmax(axis=1), None, {}
                for t, word in enumerate(words):
                    if t % 4 == 0:
                        name = word
                        p[t, b, 4:8] = grammar.first_verb if before is None else grammar.verb_after[before]
                    elif t % 4 == 1:
                        before = word - 4
                        p[t, b, 8:16] = 1 / 8
                        if remembers and name in favourites:
                            p[t, b] = 1e-300
                            p[t, b, favourites[name]] = 1
                    elif t % 4 == 2:
                        favourites[name] = word
                        p[t, b, -1] = 1
                    else:
                        p[t, b, :4] = 1 / 4
            return np.log(p)

        return logits_of

    remembering, forgetting = (supervised(task, 0, predictor(remembers)) for remembers in (True, False))
    assert abs(remembering["score"] - task.entropy("learnt")) < 0.01
    assert abs(forgetting["score"] - task.entropy("forgotten")) < 0.01
    assert remembering["recall"] == 1 and forgetting["recall"] < 0.3
    uniform = supervised(task, 0, lambda inputs, targets, counts: np.zeros((63, 400, V)))
    assert uniform["score"] == pytest.approx(np.log2(V))


def test_recall_is_nan_where_no_name_comes_twice():
    task = Text(batch=2, T=3)
    assert np.isnan(supervised(task, 0, lambda inputs, targets, counts: np.zeros((3, 2, task.n_outputs)))["recall"])


def test_windows_of_the_help_texts_keep_to_their_part():
    one, other = Text(source="pydoc", batch=2000, T=20), Text(source="pydoc", batch=2000, T=20).for_evaluation()
    assert other.held_out and one.n_inputs == other.n_inputs == 97
    for task in (one, other):
        task.reset(0)
        starts, n = task.drawn.starts, len(task.corpus.numbers)
        assert starts.min() >= 0 and starts.max() <= n - 21 and np.ptp(starts) > 0.99 * (n - 21)
        assert task.corpus.numbers.min() >= 0 and task.corpus.numbers.max() < 97
        assert not task.corpus.draw(np.random.default_rng(0), 9, n).starts.any()  # the whole is a window too
        assert task.corpus.draw(np.random.default_rng(0), 99, n - 1).starts.max() == 1
    share = len(other.corpus.numbers) / (len(one.corpus.numbers) + len(other.corpus.numbers))
    assert abs(share - 0.1) < 1e-4
    with pytest.raises(ValueError, match="^source: expected 'grammar' for its entropy, got 'pydoc'"):
        one.entropy("known")
    assert list(supervised(one, 0, lambda inputs, targets, counts: np.zeros((20, 2000, 97)))) == ["score"]


def test_encode_and_decode():
    grammar, characters = Text(), Text(source="pydoc")
    for task, text in ((grammar, "ann likes tea ."), (characters, "def f(x):\n    return x\n")):
        numbers = task.encode(text)
        assert numbers.dtype == np.int64 and task.decode(numbers) == text
    with pytest.raises(ValueError, match="^text: expected .*, got 'zoe'"):
        grammar.encode("zoe likes tea .")
    with pytest.raises(ValueError, match="^bindings: expected "):
        grammar.entropy("unknown")
