"""The check of tasks: every planted mistake is found and named."""

import numpy as np
import pytest
from outside_parts import Echo

from bpm_numpy import check_task
from bpm_numpy.proof.findings import CheckError
from bpm_numpy.tasks import Association, Bandit
from bpm_numpy.tasks.base import RewardTask


class Guess(RewardTask):
    """A number is drawn and never shown; who names it is paid."""

    name = "guess"

    def __init__(self, *, batch=4, numbers=3, T=6):
        super().__init__(batch, T, n_seen=0, n_actions=numbers)
        self.numbers = numbers

    def draw(self, rng):
        return rng.integers(0, self.numbers, self.batch)

    def _see(self):
        return np.empty((self.batch, 0))

    def _decides(self):
        return np.full(self.batch, self.t < self.T)

    def _earn(self, actions):
        return (actions == self.drawn).astype(float)

    def summarise(self, episode):
        return {"score": float(episode.rewards.mean())}


@pytest.mark.parametrize("task", [Echo, Guess, Echo(numbers=2), Guess(batch=1), Association, Bandit])
def test_right_tasks_pass(task):
    report = check_task(task, np.random.default_rng(0))
    assert report and str(report).endswith("passed") and all(finding.compared for finding in report.findings)


# Tasks that are wrong, each in one way


class ForgetsAnOption(Echo):
    def __init__(self, *, batch=10, numbers=5, T=20, shift=1):
        super().__init__(batch=batch, numbers=numbers, T=T)


class ChangesAnOption(Guess):
    def __init__(self, *, batch=4, numbers=3, T=6):
        super().__init__(batch=batch, numbers=numbers, T=T)
        self.numbers = numbers + 1


class NotForJson(Guess):
    def __init__(self, *, batch=4, numbers=3, T=6, weights=None):
        super().__init__(batch=batch, numbers=numbers, T=T)
        self.weights = np.ones(numbers)


class DrawsOnceForAll(Guess):
    def draw(self, rng):
        self.once = getattr(self, "once", None)
        if self.once is None:
            self.once = super().draw(rng)
        return self.once


class CountsItsEpisodes(Guess):
    episodes = 0

    def draw(self, rng):
        self.episodes += 1
        return (super().draw(rng) + self.episodes) % self.numbers


class DrawsAsItGoes(Guess):
    def _earn(self, actions):
        return (self.rng.random(self.batch) < 0.5).astype(float)


class UsesAnotherGenerator(Guess):
    another = np.random.default_rng(1)

    def draw(self, rng):
        return self.another.integers(0, self.numbers, self.batch)


class SingleRewards(Guess):
    def _earn(self, actions):
        return (actions == self.drawn).astype(np.float32)

    def _act(self, actions):
        return super()._act(actions).astype(np.float32)


class NeverAsks(Guess):
    def _decides(self):
        return np.zeros(self.batch, bool)


class AsksAfterTheEnd(Guess):
    def _decides(self):
        return np.ones(self.batch, bool)


class NotANumber(Echo):
    def lay_out(self, drawn):
        inputs, targets, counts = super().lay_out(drawn)
        inputs[-1] = np.nan
        return inputs, targets, counts


class TrialsThatNeverBegin(Echo):
    has_trials = True


class TakesAnyAction(Guess):
    def _check_actions(self, actions):
        pass


class ReturnsItsOwnArrays(Echo):
    def _observe(self):
        return self.inputs[self.t] if self.t < self.T else np.zeros((self.batch, self.n_inputs))


class ReadsWhatItReturned(Guess):
    def _observe(self):
        self.last = [super()._observe()]
        return self.last[0]

    def _earn(self, actions):
        return super()._earn(actions) + (self.last[0].min() == 1)


class WritesIntoActions(Guess):
    def _earn(self, actions):
        reward = super()._earn(actions)
        actions[:] = 0
        return reward


class SharesRewards(Guess):
    def _earn(self, actions):
        return np.full(self.batch, super()._earn(actions).mean())


class SharesItsPast(Guess):
    past = []

    def _earn(self, actions):
        self.past.append(1)
        return super()._earn(actions) + len(self.past)


class DisturbsTheEpisode(Echo):
    def sequences(self, rng):
        self.reset(rng)
        return self.inputs, self.targets, self.counts


class OtherSequences(Echo):
    def sequences(self, rng):
        inputs, targets, counts = super().sequences(rng)
        return inputs[::-1].copy(), targets, counts


class GradesWhatDoesNotCount(Echo):
    def grade(self, actions, inputs, targets, counts):
        return (actions == targets).astype(float)


class WrongTargets(Echo):
    def lay_out(self, drawn):
        inputs, targets, counts = super().lay_out(drawn)
        return inputs, targets.astype(np.int32), counts


class ScoreLast(Echo):
    def summarise(self, episode):
        return {"accuracy": self._accuracy(episode), "score": self._accuracy(episode)}


class ScoreOfNumPy(Guess):
    def summarise(self, episode):
        return {"score": episode.rewards.mean(dtype=np.float32)}


class LeavesSomethingToItsCopy(Guess):
    """What it pays hangs on a function that a copy takes over as it is, with the original in it."""

    def __init__(self, *, batch=4, numbers=3, T=6):
        super().__init__(batch=batch, numbers=numbers, T=T)
        self.steps = lambda: self.t

    def _earn(self, actions):
        return super()._earn(actions) * (1 + self.steps())


class TakesACurvesColumn(Guess):
    def summarise(self, episode):
        return {"score": float(episode.rewards.mean()), "loss": 0.0}


class NotItsKind(Guess):
    kind = "rewards"


class BetterUpwards(Guess):
    better = "up"


WRONG = [
    (ForgetsAnOption, "options are those that were given, and make the same task, also through JSON: AttributeError"),
    (ChangesAnOption, "options: expected {'batch': 4, 'numbers': 4, 'T': 6} again"),
    (NotForJson, "the same task, also through JSON: TypeError: Object of type ndarray"),
    (DrawsOnceForAll, "reset: expected new episodes, got the same ones 5 times"),
    (CountsItsEpisodes, "a copy of the Generator (what else is kept between episodes?), got others"),
    (DrawsAsItGoes, "step: expected nothing to be drawn"),
    (UsesAnotherGenerator, "expected the same episodes from the same seed, got others"),
    (SingleRewards, "reward: expected an array (4,) of float64, got (4,) of float32"),
    (NeverAsks, 'info["decides"]: expected True somewhere'),
    (AsksAfterTheEnd, 'info["decides"]: expected False after the end'),
    (NotANumber, "obs: expected finite numbers"),
    (TrialsThatNeverBegin, 'info["begins"]: expected some after t = 0 with has_trials = True'),
    (BetterUpwards, "better: expected 'more' or 'less', got 'up'"),
    (TakesAnyAction, "step with a list for actions: expected TypeError"),
    (ReturnsItsOwnArrays, "expected returned arrays to be the caller's"),
    (ReadsWhatItReturned, "expected the same whatever the caller does to arrays that were returned"),
    (WritesIntoActions, "what is returned is the caller's, what is passed in stays: ValueError"),
    (SharesRewards, "whatever is answered in another episode of the batch, got others"),
    (LeavesSomethingToItsCopy, "expected copy.deepcopy(task) to go on alike, and to share nothing"),
    (SharesItsPast, "expected the same episodes"),
    (DisturbsTheEpisode, "expected sequences to leave the episode under way alone"),
    (OtherSequences, "expected sequences to return the observations of reset and step"),
    (GradesWhatDoesNotCount, "grade: expected 0 ... 1, and 0 where answers don't count"),
    (WrongTargets, "targets: expected an array (20, 10) of int64, got (20, 10) of int32"),
    (ScoreLast, "summarise: expected a dict with 'score' first"),
    (ScoreOfNumPy, "summarise: expected a float for score"),
    (TakesACurvesColumn, "summarise: expected names that no column of a curve has, got loss"),
    (NotItsKind, "kind: expected 'reward' or 'supervised', got 'rewards'"),
]


@pytest.mark.parametrize("task, words", WRONG, ids=[task.__name__ for task, _ in WRONG])
def test_a_wrong_task_is_found_and_named(task, words):
    as_defaults = type(task.__name__, (task,), {"SMALL": {}})
    report = check_task(as_defaults, np.random.default_rng(0), raise_on_failure=False)
    found = "\n".join(f"{finding.what}: {finding.wrong}" for finding in report.wrong())
    assert not report and words in found


class IgnoresTheBatch(Guess):
    SMALL = {"small": {"batch": 8}}

    def __init__(self, *, batch=4, numbers=3, T=6):
        super().__init__(batch=4, numbers=numbers, T=T)


class PlaysByAnotherPay(Guess):
    SMALL = {"small": {"pay": 2.0}}

    def __init__(self, *, batch=4, numbers=3, T=6, pay=1.0):
        super().__init__(batch=batch, numbers=numbers, T=T)
        self._pay, self.pay = pay, 1.0

    def _earn(self, actions):
        return super()._earn(actions) * self._pay


@pytest.mark.parametrize("task", [IgnoresTheBatch, PlaysByAnotherPay])
def test_a_setting_whose_options_are_lost_is_found(task):
    report = check_task(task, np.random.default_rng(0), raise_on_failure=False)
    assert "small: options" in str(report) and "options: expected those given" in str(report)
    given = next(iter(task.SMALL.values()))
    made = check_task(task(**given), np.random.default_rng(0), raise_on_failure=False)
    assert made.passed == (task is IgnoresTheBatch)  # as an object it is a whole task
    assert made or "expected the same episodes of a task with the same options, got others" in str(made)


def test_the_error_says_which_setting_is_wrong():
    class CannotBeMade(Echo):
        SMALL = Echo.SMALL | {"none": {"T": 0}}

    with pytest.raises(CheckError, match="^task echo: none: can be made: ValueError: T: expected an integer"):
        check_task(CannotBeMade, np.random.default_rng(0))
    with pytest.raises(CheckError, match="^task guess: seeds and Generators decide all that is random: "):
        check_task(DrawsOnceForAll(), np.random.default_rng(0))


def test_a_task_is_left_as_it_is():
    task = Association(batch=2, pairs=2, bits=4)
    obs, _ = task.reset(3)
    check_task(task, np.random.default_rng(0))
    assert task.t == 0
    np.testing.assert_array_equal(task.inputs[0], obs)


def test_a_task_without_a_name_is_found():
    with pytest.raises(CheckError, match="^task None: name, kind, labels and SMALL: name: expected a name, got None"):
        check_task(RewardTask, np.random.default_rng(0))


@pytest.mark.parametrize("value", ["bandit", Bandit().summarise, int])
def test_what_is_no_task_is_refused(value):
    with pytest.raises(TypeError, match="^task: expected a Task, an object or a class, got "):
        check_task(value, np.random.default_rng(0))
    with pytest.raises(TypeError, match="^rng: expected a numpy.random.Generator"):
        check_task(Bandit, 0)
