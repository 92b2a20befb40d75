"""The tasks: episodes, B side by side, on which networks learn to learn.

    task = TASKS["cue-reward"](batch=16, cues=2, T=40)
    obs, info = task.reset(seed=0)
    obs, reward, terminated, truncated, info = task.step(actions)       T times

Every number is a keyword, with the paper's value as default where there is one; ``TASKS[name].SMALL`` has small
settings. ``base`` says what holds for all of them. kind "reward" (learnt from rewards alone): "cue-reward", "maze",
"bandit", "reversal". kind "supervised" (the right answers are known; ``task.sequences``): "association", "completion",
"text", "transitive".
``make_task`` also takes options of every task: "block" (see ``Block``) and "reset_at_trials" (see ``ResetAtTrials``).
"""

from ..arguments import check_bool
from .association import Association
from .bandit import Bandit
from .block import Block
from .completion import Completion
from .cue_reward import CueReward
from .maze import Maze
from .reset import ResetAtTrials
from .reversal import Reversal
from .text import Text
from .transitive import Transitive

TASKS = {task.name: task for task in (CueReward, Maze, Association, Completion, Bandit, Text, Reversal, Transitive)}


def make_task(name, options):
    """The task ``name`` with these options.

    With "reset_at_trials": True among them it is a ``ResetAtTrials`` of it, with "block": [first, width] a ``Block``.
    TypeError or ValueError for options that the task has not, or that cannot be.
    """
    resets = options.get("reset_at_trials", False)
    check_bool("reset_at_trials", resets)
    task = TASKS[name](**{key: value for key, value in options.items() if key not in ("block", "reset_at_trials")})
    if resets:
        task = ResetAtTrials(task)
    if "block" not in options:
        return task
    block = options["block"]
    if not isinstance(block, (list, tuple)) or len(block) != 2:
        raise TypeError(f"block: expected [first, width], got {block!r}")
    return Block(task, *block)
