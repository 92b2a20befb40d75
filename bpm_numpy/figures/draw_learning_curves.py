"""How runs learn: the score over the updates, median and quartiles over seeds."""

import numpy as np

from ..tasks import TASKS
from .style import new_figure, styled


@styled
def plot_learning_curves(groups):
    """A panel a task and setting, a line a ``runs.Group``: the median over seeds, in a band between quartiles."""
    panels = {}
    for group in groups:
        panels.setdefault((group.task, group.setting), []).append(group)
    figure, axes = new_figure(len(panels), 1, height=2.8 * len(panels), squeeze=False)
    for axis, ((task, setting), members) in zip(axes[:, 0], panels.items()):
        for group in members:
            first, median, third = np.quantile(group.scores, (0.25, 0.5, 0.75), axis=0)  # (R,)
            (line,) = axis.plot(group.updates, median, label=f"{group.label} ({len(group.scores)})")
            axis.fill_between(group.updates, first, third, color=line.get_color(), alpha=0.2, linewidth=0)
        axis.set(title=f"{task}, {setting}", xlabel="update", ylabel=TASKS[task].score_label)
        if len({group.updates[-1] for group in members}) > 1:  # or the shortest would be squeezed to a line
            axis.set_xscale("log")
        axis.legend(title="network (seeds)", loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7, title_fontsize=7)
    return figure
