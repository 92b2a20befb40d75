"""The tasks: episodes, B side by side, on which networks learn to learn.

    task = TASKS["cue-reward"](batch=16, cues=2, T=40)
    obs, info = task.reset(seed=0)
    obs, reward, terminated, truncated, info = task.step(actions)       T times

Every number is a keyword, with the paper's value as default where there is one; ``TASKS[name].SMALL`` has small
settings. ``base`` says what holds for all of them. kind "reward" (learnt from rewards alone): "cue-reward", "maze",
"bandit". kind "supervised" (the right answers are known; ``task.sequences``): "association", "completion", "text".
``make_task`` also takes the option "block", of every task: see ``Block``.
"""

from .association import Association
from .bandit import Bandit
from .block import Block
from .completion import Completion
from .cue_reward import CueReward
from .maze import Maze
from .text import Text

TASKS = {
    "cue-reward": CueReward,
    "maze": Maze,
    "association": Association,
    "completion": Completion,
    "bandit": Bandit,
    "text": Text,
}


def make_task(name, options):
    """The task ``name`` with these options; with "block": [first, width] among them it is a ``Block`` of it.

    TypeError or ValueError for options that the task has not, or that cannot be.
    """
    task = TASKS[name](**{key: value for key, value in options.items() if key != "block"})
    if "block" not in options:
        return task
    block = options["block"]
    if not isinstance(block, (list, tuple)) or len(block) != 2:
        raise TypeError(f"block: expected [first, width], got {block!r}")
    return Block(task, *block)
