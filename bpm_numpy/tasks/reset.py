"""Trials that start from nothing but Hebb: the network's h is set to zero at their borders."""


class ResetAtTrials:
    """A task that wants h, c and the trace of the network set to zero where one of its trials begins, and Hebb kept.

    Whoever plays its episodes does that (``learning.trials``): in training, in evaluations and under interventions
    alike. All else is the task's own: every attribute that is not here. ValueError for a task without trials.
    """

    reset_at_trials = True

    def __init__(self, task):
        if not getattr(task, "has_trials", False):
            came = f"True with {type(task).__name__}, whose episodes are one trial each"
            raise ValueError(f"reset_at_trials: expected False, got {came}")
        self.task = task

    def __getattr__(self, name):
        if name == "task":  # while it is not set yet, as in a copy being made
            raise AttributeError(name)
        return getattr(self.task, name)

    @property
    def options(self):
        """As in ``Task``, with "reset_at_trials", for ``make_task``."""
        return self.task.options | {"reset_at_trials": True}

    def for_evaluation(self):
        return ResetAtTrials(self.task.for_evaluation())
