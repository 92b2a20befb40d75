"""What a study has kept, as numbers to be told: scores of runs at the end, sizes, and how they are printed.

    kept = Kept("cue-reward");  kept.end("simple")      scores of the seeds after the last update (S,)

What is printed is rounded alike on every machine.
"""

import numpy as np

from ..learning.training import NETWORKS
from .runs import settings_from
from .settings import settings_for
from .studies import DATA, load_study


class Kept:
    """A kept study: ``about``, ``groups`` (label -> ``runs.Group``), the Settings of its first line, its folder."""

    def __init__(self, name, data=DATA):
        self.name, self.data, self.folder = name, data, data / name
        self.about, groups = load_study(name, data)
        self.groups = {group.label: group for group in groups}
        self.settings = self.settings_of(groups[0].label)

    def settings_of(self, label):
        """The Settings of a label's runs."""
        return settings_from(self.about["lines"][label]["settings"], self.folder / "about.json")

    def end(self, label, share=0.0):
        """Scores of a label's runs at the end (S,): of the last evaluation, or the mean of the last ``share``."""
        return final_scores(self.groups[label].scores, share)

    def at(self, label, update):
        """Scores of a label's runs at the first evaluation that is not before ``update`` (S,)."""
        group = self.groups[label]
        return group.scores[:, np.searchsorted(group.updates, update)]

    def column(self, label, name):
        """Another column of curves.csv (S, R)."""
        return {group.label: group for group in load_study(self.name, self.data, name)[1]}[label].scores

    def size(self):
        """What was trained, in words: options of the task, units, updates, parameters, seeds."""
        seeds = max(len(group.scores) for group in self.groups.values())
        parameters = span([group.parameters for group in self.groups.values()], 0)
        return f"{size(self.settings)}; {parameters} parameters; {seeds} {'seed' if seeds == 1 else 'seeds'}"


def final_scores(scores, share):
    """Scores of all evaluations (S, R) -> the mean of the last ``share`` of them, or the last one, (S,)."""
    return scores[:, -max(1, int(share * scores.shape[1])) :].mean(axis=1)


def is_lost(scores):
    """Which runs end, in the last fifth of their evaluations, below half of their best fifth: scores (S, R) -> (S,)."""
    fifth = max(1, scores.shape[1] // 5)
    means = np.lib.stride_tricks.sliding_window_view(scores, fifth, axis=1).mean(axis=-1)  # (S, R - fifth + 1)
    return means[:, -1] < means.max(axis=1) / 2


def of_labels(share=0.0, **labels):
    """A function of a Kept -> {network: its scores at the end (S,)}; labels: network -> its label, if it has another.

    share: as in ``Kept.end``. A network that the study lacks is left out.
    """

    def scores(kept):
        found = {network: labels.get(network, network) for network in NETWORKS}
        return {network: kept.end(label, share) for network, label in found.items() if label in kept.groups}

    return scores


def size(settings):
    """The options of a run's task, its hidden units and its updates, in words."""
    options = {key.replace("_", " "): of for key, of in settings.task_options.items() if key not in ("batch", "block")}
    words = [key if of is True else f"{key} {of}" for key, of in options.items() if of]  # none, no and 0 go unsaid
    words.append(f"N {settings.network_options['n_hidden']}")
    return f"{', '.join(words)}; {number(settings.updates, 0)} updates of {settings.task_options['batch']} episodes"


def paper_size(task):
    """``size`` of a task's setting "paper"."""
    return size(settings_for(task, "simple", "paper"))


def number(value, digits=2):
    """A number as it is printed: a tie falls alike on every machine, there is no -0.00, and 76500 is 76 500.

    The space in it is one at which no line ends.
    """
    grouped = "," if abs(value) >= 10_000 else ""
    text = f"{round(float(value), 9):{grouped}.{digits}f}".replace(",", "\N{NO-BREAK SPACE}")
    return text.removeprefix("-") if not any(digit in text for digit in "123456789") else text


def median(values, digits=2):
    """The median as it is printed."""
    return number(np.median(values), digits)


def medians(scores, digits=2):
    """The medians of scores, {network: (S,)}, as they are printed: "none 0.50, plastic 0.69"."""
    return ", ".join(f"{name} {median(of, digits)}" for name, of in scores.items())


def span(values, digits=2):
    """The smallest and the largest as they are printed, "0.03 to 0.65"; or one number, if they are the same."""
    low, high = number(min(values), digits), number(max(values), digits)
    return low if low == high else f"{low} to {high}"
