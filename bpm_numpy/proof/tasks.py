"""The check of a task, the package's own or yours: does it keep what ``tasks.base`` promises to those who play it?

    print(check_task(MyTask, np.random.default_rng(0)))

Training, evaluations, interventions and saved runs build on these promises: the same seed gives the same episodes; all
that is random is drawn by ``reset``; what is returned is the caller's; what is seen in one episode doesn't depend on
the answers in another; options make the same task again, also out of a file. What is random about a task, and whether
it can be learnt, is not checked.
"""

import copy
import json

import numpy as np

from ..arguments import check_generator
from ..learning.episodes import rollout
from ..learning.losses import INTEGERS
from ..learning.training import NOT_SCORES
from ..network import PlasticNetwork
from ..tasks.base import Task
from ..tasks.reset import ResetAtTrials
from .findings import CheckReport, Finding, conclude, raised

DRAWS = 5  # episodes of which two must differ


def check_task(task, rng, *, raise_on_failure=True):
    """Check a Task, an object or a class; random numbers come from the Generator ``rng`` -> CheckReport.

    Of a class every setting in ``SMALL`` is checked, or, if it has none, its defaults. An object is left alone; others
    are made with its options. CheckError (an AssertionError) if anything is wrong, unless ``raise_on_failure`` is
    False.
    """
    is_class = isinstance(task, type) and issubclass(task, Task)
    if not is_class and not isinstance(task, Task):
        raise TypeError(f"task: expected a Task, an object or a class, got {task!r}")
    check_generator("rng", rng)
    kind = task if is_class else type(task)
    findings = [_finding("", _check_class, kind)]
    if is_class and not findings[0].wrong:
        for setting, options in (kind.SMALL or {"defaults": {}}).items():
            try:
                findings += _check_object(f"{setting}: ", kind(**options), options, rng)
            except Exception as error:
                findings.append(raised(f"{setting}: can be made", error))
    elif not findings[0].wrong:
        findings += _check_object("", task, {}, rng)
    return conclude(CheckReport(f"task {kind.name}", findings), raise_on_failure)


def _check_object(title, task, given, rng):
    """The Findings about the episodes of a task, which was made with the options ``given``."""

    def make():
        return type(task)(**task.options)

    checks = [_check_seeds, _check_steps, _check_actions, _check_returned, _check_independence, _check_copies]
    checks += [_check_sequences] * (task.kind == "supervised") + [_check_summary]
    options = _finding(title, _check_options, copy.deepcopy(task), given, rng)
    return [options] + [_finding(title, check, make, rng) for check in checks]


class Notes:
    """What a check compares, how often, and what it finds wrong."""

    def __init__(self):
        self.compared, self.wrong = 0, []

    def holds(self, condition, message):
        """Note ``message`` unless the condition holds."""
        self.compared += 1
        if not condition:
            self.wrong.append(message)

    def same(self, what, one, other):
        """Arrays, or tuples of arrays, are equal."""
        pairs = zip(one, other) if isinstance(one, tuple) else [(one, other)]
        self.holds(all(np.array_equal(a, b) for a, b in pairs), f"expected {what}, got others")

    def like(self, what, value, shape, dtype):
        """An array of that shape and dtype, all finite."""
        expected = f"{what}: expected an array {shape} of {np.dtype(dtype)}"
        if not isinstance(value, np.ndarray):
            self.holds(False, f"{expected}, got {type(value).__name__}")
            return
        self.holds((value.shape, value.dtype) == (shape, dtype), f"{expected}, got {value.shape} of {value.dtype}")
        self.holds(np.isfinite(value).all(), f"{what}: expected finite numbers, got others")

    def refuses(self, what, error, name, function, *arguments):
        """``function`` raises that error, with a message that names the argument."""
        try:
            function(*arguments)
            self.holds(False, f"{what}: expected {error.__name__}, got none")
        except Exception as came:
            right = isinstance(came, error) and str(came).startswith(name)
            expected = f"{error.__name__} that begins with {name!r}"
            self.holds(right, f"{what}: expected {expected}, got {type(came).__name__}: {came}")


def _finding(title, check, *arguments):
    """What a check notes, as a Finding; its docstring says what is checked."""
    what, notes = title + check.__doc__.rstrip("."), Notes()
    try:
        check(notes, *arguments)
    except Exception as error:  # a task of one's own may do anything; what it did is the finding
        return raised(what, error)
    return Finding(what, notes.compared, float(bool(notes.wrong)), "; ".join(dict.fromkeys(notes.wrong)))


# Episodes


def _actions(task, rng):
    """Random actions of a whole episode, (T, B) or what the task's ``answers`` makes of logits."""
    if task.kind == "supervised":
        return task.answers(rng.standard_normal((task.T, task.batch, task.n_outputs)))
    return rng.integers(0, task.n_outputs, (task.T, task.batch))


def _play(task, seed, actions):
    """An episode: observations (T+1, B, D), decides and begins (T+1, B), rewards (T, B)."""
    obs, info = task.reset(seed)
    seen, rewards = [(obs, info["decides"], info["begins"])], []
    for action in actions:
        obs, reward, _, _, info = task.step(action)
        seen.append((obs, info["decides"], info["begins"]))
        rewards.append(reward)
    return *map(np.array, zip(*seen)), np.array(rewards)


# The checks. The docstring of each is what a report calls it.


def _check_class(notes, kind):
    """name, kind, labels and SMALL."""
    notes.holds(isinstance(kind.name, str) and kind.name, f"name: expected a name, got {kind.name!r}")
    notes.holds(kind.kind in ("reward", "supervised"), f"kind: expected 'reward' or 'supervised', got {kind.kind!r}")
    notes.holds(isinstance(kind.score_label, str), f"score_label: expected a text, got {kind.score_label!r}")
    notes.holds(kind.better in ("more", "less"), f"better: expected 'more' or 'less', got {kind.better!r}")
    notes.holds(isinstance(kind.has_trials, bool), f"has_trials: expected True or False, got {kind.has_trials!r}")
    of_dicts = isinstance(kind.SMALL, dict) and all(isinstance(options, dict) for options in kind.SMALL.values())
    notes.holds(of_dicts, f"SMALL: expected a dict, name -> options, got {kind.SMALL!r}")


def _check_options(notes, task, given, rng):
    """options are those that were given, and make the same task, also through JSON."""
    kept = {name: task.options.get(name) for name in given}
    notes.holds(json.dumps(kept) == json.dumps(given), f"options: expected those given, {given}, got {kept}")
    again = type(task)(**json.loads(json.dumps(task.options)))
    notes.holds(again.options == task.options, f"options: expected {task.options} again, got {again.options}")
    actions, other = _actions(task, rng), task.for_evaluation()
    notes.same("the same episodes of a task with the same options", _play(task, 5, actions), _play(again, 5, actions))
    sizes, others = ((one.batch, one.T, one.n_inputs, one.n_outputs) for one in (task, other))
    notes.holds(other is not task and type(other) is type(task), "for_evaluation: expected another object of the class")
    notes.holds(others == sizes, f"for_evaluation: expected batch, T, D and A {sizes}, got {others}")


def _check_seeds(notes, make, rng):
    """seeds and Generators decide all that is random."""
    task, other, actions = make(), make(), _actions(make(), rng)
    notes.refuses("reset without a seed", ValueError, "seed: ", task.reset)
    first, second = _play(task, 7, actions), _play(task, None, actions)
    notes.same("the same episodes from the same seed", _play(other, np.int64(7), actions), first)
    notes.same("reset() to go on with the Generator in use", _play(other, None, actions), second)
    mine = np.random.default_rng(7)
    notes.same("the same episodes from a Generator of that seed", _play(other, mine, actions), first)
    notes.holds(other.rng is mine, "reset: expected the Generator that was passed in to be in use, got another one")
    state = mine.bit_generator.state
    notes.same("reset() to go on with the Generator that was passed in", _play(other, None, actions), second)
    paused = np.random.default_rng(0)
    paused.bit_generator.state = state
    what = "the same episodes from a new task and a copy of the Generator (what else is kept between episodes?)"
    notes.same(what, _play(make(), paused, actions), second)
    draws = [_play(other, None, actions) for _ in range(DRAWS)]
    differ = any(not np.array_equal(a, b) for draw in draws for a, b in zip(draw, draws[0]))
    notes.holds(differ, f"reset: expected new episodes, got the same ones {DRAWS} times")
    for seed, error in (("7", TypeError), (7.0, TypeError), (True, TypeError), (-1, ValueError)):
        notes.refuses(f"reset({seed!r})", error, "seed: ", task.reset, seed)


def _check_steps(notes, make, rng):
    """shapes, dtypes, the flags of the end, and where trials begin."""
    task = make()
    B, D, T = task.batch, task.n_inputs, task.T
    actions = _actions(task, rng)
    notes.refuses("step before reset", ValueError, "step: ", task.step, actions[0])
    obs, info = task.reset(0)
    before, infos = task.rng.bit_generator.state, [info]
    notes.like("obs", obs, (B, D), np.float64)
    for t in range(T):
        obs, reward, terminated, truncated, info = task.step(actions[t])
        infos.append(info)
        notes.like("obs", obs, (B, D), np.float64)
        notes.like("reward", reward, (B,), np.float64)
        notes.like("terminated", terminated, (B,), bool)
        notes.like("truncated", truncated, (B,), bool)
        notes.holds((terminated == (t == T - 1)).all(), "terminated: expected True after the last step alone")
        notes.holds(not np.any(truncated), "truncated: expected False, since the end is part of the task")
    for name in ("decides", "begins"):
        for info in infos:
            notes.like(f"info[{name!r}]", info[name], (B,), bool)
    decides, begins = (np.array([info[name] for info in infos]) for name in ("decides", "begins"))
    notes.holds(decides[:-1].any(), 'info["decides"]: expected True somewhere, got an episode that asks nothing')
    notes.holds(not decides[-1].any(), 'info["decides"]: expected False after the end')
    notes.holds(begins[0].all() and not begins[-1].any(), 'info["begins"]: expected True at t = 0 and False at the end')
    expected = f"{'some' if task.has_trials else 'none'} after t = 0 with has_trials = {task.has_trials}"
    notes.holds(begins[1:].any() == task.has_trials, f'info["begins"]: expected {expected}, got others')
    same = task.rng.bit_generator.state == before
    notes.holds(same, "step: expected nothing to be drawn, which is for reset; the Generator has moved on")
    notes.refuses("step after the end", ValueError, "step: ", task.step, actions[0])
    task.reset()
    task.step(actions[0])


def _check_actions(notes, make, rng):
    """actions that cannot be are refused by name, and change nothing."""
    task = make()
    good = _actions(task, rng)[0]
    task.reset(0)
    bad = {
        "a list": (TypeError, good.tolist()),
        "floats": (TypeError, good.astype(float)),
        "bools": (TypeError, good.astype(bool)),
        "one more": (ValueError, np.concatenate([good, good[:1]])),
        "another axis": (ValueError, good[None]),
        "-1": (ValueError, np.full_like(good, -1)),
        "n_outputs": (ValueError, np.full_like(good, task.n_outputs)),
    }
    for what, (error, actions) in bad.items():
        notes.refuses(f"step with {what} for actions", error, "actions: ", task.step, actions)
    notes.holds(task.t == 0, f"t: expected 0 after actions that were refused, got {task.t}")
    for dtype in INTEGERS:
        task.reset(0)
        task.step(good.astype(dtype))
        notes.holds(task.t == 1, f"t: expected 1 after a step, got {task.t}")


def _check_returned(notes, make, rng):
    """what is returned is the caller's, what is passed in stays."""
    task, untouched = make(), make()
    actions = _actions(task, rng)
    actions.flags.writeable = False
    for t in range(-1, task.T):
        ours, theirs = (one.step(actions[t]) if t >= 0 else one.reset(0) for one in (task, untouched))
        ours, theirs = ((*values, *info.values()) for *values, info in (ours, theirs))
        notes.same("the same whatever the caller does to arrays that were returned", ours, theirs)
        kept = [value for value in vars(task).values() if isinstance(value, np.ndarray)]
        shared = any(np.shares_memory(array, value) for array in ours for value in kept)
        notes.holds(not shared, "expected returned arrays to be the caller's, got some that the task keeps")
        for array in ours:
            array[...] = True  # scribble


def _check_independence(notes, make, rng):
    """an episode knows nothing of the answers in another one."""
    task = make()
    actions, others = _actions(task, rng), _actions(task, rng)
    others[:, 1:] = actions[:, 1:]
    one, other = _play(task, 3, actions), _play(task, 3, others)
    rest = [tuple(values[:, 1:] for values in played) for played in (one, other)]
    notes.same("the same observations and rewards, whatever is answered in another episode of the batch", *rest)


def _check_copies(notes, make, rng):
    """a copy in the middle of an episode goes on alike."""
    task, fresh = make(), make()
    actions, others, half = _actions(task, rng), _actions(task, rng), task.T // 2
    for one in (task, fresh):
        one.reset(2)
        for action in actions[:half]:
            one.step(action)
    other = copy.deepcopy(task)
    for action in others[half:]:  # first the original goes on, and another way
        task.step(action)
    for action in actions[half:]:
        what = "copy.deepcopy(task) to go on alike, and to share nothing"
        (*ours, _), (*theirs, _) = other.step(action), fresh.step(action)
        notes.same(what, tuple(ours), tuple(theirs))


def _check_sequences(notes, make, rng):
    """sequences are what reset and step walk through, and are graded from 0 to 1."""
    task = make()
    T, B, A = task.T, task.batch, task.n_outputs
    for how, sequences in (("sequences", task.sequences), ("consecutive", lambda rng: task.consecutive(rng, 0))):
        inputs, targets, counts = sequences(np.random.default_rng(4))
        notes.like(f"{how}: inputs", inputs, (T, B, task.n_inputs), np.float64)
        notes.like(f"{how}: counts", counts, (T, B), bool)
        bits = np.ndim(targets) == 3
        notes.like(f"{how}: targets", targets, (T, B, A) if bits else (T, B), np.float64 if bits else np.int64)
        valid = np.isin(targets, (-1, 1)) if bits else (targets >= 0) & (targets < A)
        notes.holds(valid.all(), f"{how}: targets: expected {'±1' if bits else 'integers in 0 ... A-1'} everywhere")
    inputs, targets, counts = task.sequences(np.random.default_rng(4))
    right = (targets > 0).astype(np.int64) if bits else targets
    observations, decides, begins, rewards = _play(task, np.random.default_rng(4), right)
    notes.same("sequences to return the observations of reset and step", inputs, observations[:-1])
    notes.same('sequences to return as counts what info["decides"] says', counts, decides[:-1])
    notes.same('begins(inputs) to be what info["begins"] says', task.begins(inputs), begins[:-1])
    notes.same("the reward 1 for right answers that count, 0 for others", rewards, counts)
    answers = _actions(task, rng)
    grades, rewards = task.grade(answers, inputs, targets, counts), _play(task, 4, answers)[-1]
    notes.like("grade", np.asarray(grades, float), (T, B), np.float64)
    notes.holds(((grades >= 0) & (grades <= counts)).all(), "grade: expected 0 ... 1, and 0 where answers don't count")
    notes.same("rewards to be the grades of the actions", rewards, grades)
    task.reset(4)
    task.sequences(np.random.default_rng(5))
    what = "sequences to leave the episode under way alone"
    notes.same(what, task.step(answers[0])[0], observations[1])
    notes.refuses("sequences(4)", TypeError, "rng: ", task.sequences, 4)


def _check_summary(notes, make, rng):
    """networks can play, and summarise gives floats, the score first."""
    task = make()
    tasks = [(task, np.float64), (task, np.float32)]
    if task.has_trials:
        tasks.append((ResetAtTrials(make()), np.float64))
    for played, dtype in tasks:
        net = PlasticNetwork(task.n_inputs, 2, task.n_outputs, dtype=dtype)
        summary = played.summarise(rollout(net, net.init(rng), played, rng))
        first = isinstance(summary, dict) and next(iter(summary), None) == "score"
        notes.holds(first, f"summarise: expected a dict with 'score' first, got {summary!r}")
        if first:
            for name, value in summary.items():
                notes.holds(isinstance(value, float), f"summarise: expected a float for {name}, got {value!r}")
            notes.holds(np.isfinite(summary["score"]), f"summarise: expected a finite score, got {summary['score']}")
            taken = [name for name in summary if name in NOT_SCORES]
            notes.holds(not taken, f"summarise: expected names that no column of a curve has, got {', '.join(taken)}")
