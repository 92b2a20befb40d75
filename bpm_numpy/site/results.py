"""RESULTS.md and the README's table of results, made of what the studies have kept.

``python -m bpm_numpy.site.results`` writes both. What they say of a study stands in ``lab.findings``.
"""

import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..files import read_text, replace_file
from ..lab.findings import FINDINGS, Finding
from ..lab.kept import Kept, median, number
from ..lab.studies import DATA, join_curriculum
from ..learning.training import NETWORKS
from .notebooks import find_notebooks
from .readme import README, markdown_table, replace_table

RESULTS = README.parent / "RESULTS.md"
HEAD = """# Results

What the paper reports, and what is found here: four networks on each task, several seeds each. *None* has fixed
recurrent weights, *plastic* writes into them with a learnt rate, *simple* with a modulator M(t), *retroactive* with
M(t) and a trace. The numbers are the median and, below it, all seeds. Minutes are those of all runs together, on one
core of a shared machine. All sizes are small; a verdict is about these sizes and numbers of updates, and no more.

This page is written by `python -m bpm_numpy.site.results` from [`figures/data`](figures/data), which holds the curves,
the settings and a trained network of each kind. A command of the table, behind `python -m bpm_numpy`, makes all runs of
its study anew.

"""


class Told(NamedTuple):
    """A Finding with its numbers: the Kept study, the scores of each network at the end (S,), task and text."""

    finding: Finding
    kept: Kept
    scores: dict
    task: str
    text: str

    def holds(self):
        """Whether the verdict is true of the medians."""
        return bool(self.finding.holds(**{name: float(np.median(of)) for name, of in self.scores.items()}))


def tell(findings=FINDINGS, data=DATA):
    """list of Told: the Findings with what is kept in ``data``; ValueError for a number that the facts lack."""
    told = []
    for finding in findings:
        kept = Kept(finding.study, data)
        scores = finding.scores(kept)
        facts = finding.facts(kept, scores)
        try:
            words = [" ".join(text.split()).format(**facts) for text in (finding.task, finding.text)]
        except KeyError as error:
            raise ValueError(f"facts: expected {error}, which a text on {finding.study} names, got none") from None
        told.append(Told(finding, kept, scores, *words))
    return told


def short_table(told):
    """The README's table: medians and verdicts."""
    rows = []
    for finding, _, scores, task, _ in told:
        medians = [median(scores[name], finding.digits) if name in scores else "–" for name in NETWORKS]
        rows.append((task, finding.paper, *medians, f"**{finding.verdict}**"))
    return markdown_table(("task", "the paper", *NETWORKS, "here"), rows)


def full_table(told):
    """The table of RESULTS.md: medians and all seeds, verdict, command and minutes."""
    rows = []
    for finding, kept, scores, task, _ in told:
        cells = [every_seed(scores.get(name), finding.digits) for name in NETWORKS]
        link = f"[{task}](#{anchor(task)})"
        minutes = number(kept.about["core_minutes"], 0)
        command = kept.about["command"].removeprefix("python -m bpm_numpy ")
        rows.append((link, finding.paper, *cells, finding.verdict, f"`{command}`", minutes))
    return markdown_table(("task", "the paper", *NETWORKS, "verdict", "command", "minutes"), rows)


def every_seed(scores, digits):
    """A cell: the median, and all seeds from the lowest to the highest."""
    if scores is None:
        return "–"
    return f"**{median(scores, digits)}**<br>{' '.join(number(score, digits) for score in np.sort(scores))}"


def anchor(heading):
    """The name by which GitHub links to a heading."""
    return "".join(letter for letter in heading.lower().replace(" ", "-") if letter.isalnum() or letter == "-")


def section(told):
    """Heading, what was run, paragraph and picture of one Finding."""
    finding, kept, _, task, text = told
    versions = kept.about["versions"]
    ran = (
        f"Numbers: {finding.measured}. Runs: {kept.size()}; recorded with Python {versions['python']}, NumPy "
        f"{versions['numpy']}."
    )
    if finding.chapter:
        path = next(path for path in find_notebooks() if path.name.startswith(finding.chapter))
        ran += f" More in [chapter {finding.chapter}](notebooks/{path.name})."
    more = [Kept(name, kept.data).about for name in finding.also]
    if more:
        commands = [f"`{about['command']}` ({number(about['core_minutes'], 0)} minutes)" for about in more]
        ran += f" Further runs: {', '.join(commands)}."
    drawn, _ = join_curriculum(list(kept.groups.values()))
    lines = "; ".join(group.label for group in drawn)
    seen = f"{task}: learning curves, a thin line per seed, their median and quartiles, of {lines}"
    return "\n\n".join([f"## {task}", fill(text), fill(ran), f"![{seen}](figures/study_{finding.study}.png)"])


def fill(text):
    """A paragraph in lines of at most 120 letters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def results_page(told):
    """RESULTS.md."""
    return HEAD + full_table(told) + "\n" + "\n\n".join(section(one) for one in told) + "\n"


def main():
    """Write RESULTS.md and the README's table."""
    told = tell()
    readme = replace_table(read_text(README), "Results", short_table(told))
    for path, content in ((RESULTS, results_page(told)), (README, readme)):
        with replace_file(Path(path)) as file:
            file.write(content.encode())
        print(path.name)


if __name__ == "__main__":
    main()
