"""RESULTS.md and the README's table: made of what is recorded, and every number in them computed."""

import ast
import csv
import inspect
import re
import shutil
import string

import numpy as np
import pytest

from bpm_numpy.files import read_text
from bpm_numpy.lab import findings
from bpm_numpy.lab.findings import FINDINGS
from bpm_numpy.lab.interventions import load_interventions
from bpm_numpy.lab.kept import Kept, median, number, span
from bpm_numpy.lab.studies import DATA, STUDIES
from bpm_numpy.site.readme import README, markdown_table, replace_table
from bpm_numpy.site.results import RESULTS, anchor, every_seed, full_table, results_page, short_table, tell

TOLD = tell()
SPACE = "\N{NO-BREAK SPACE}"
RUN = "run `python -m bpm_numpy.site.results`"
each_finding = pytest.mark.parametrize("told", TOLD, ids=lambda told: told.finding.study)


def test_the_page_and_the_readme_s_table_are_made_of_what_is_recorded():
    assert read_text(RESULTS) == results_page(TOLD), RUN
    readme = read_text(README)
    assert replace_table(readme, "Results", short_table(TOLD)) == readme, RUN


def test_every_recorded_study_is_told():
    recorded = [name for name in STUDIES if (DATA / name / "about.json").exists()]
    told = [name for finding in FINDINGS for name in (finding.study, *finding.also)]
    assert sorted(told) == sorted(recorded)


@each_finding
def test_a_verdict_is_three_words_and_true(told):
    assert len(told.finding.verdict.split()) == 3 and told.holds()


@each_finding
def test_a_verdict_would_be_noticed_to_be_wrong(told):
    """With the scores of the networks exchanged, or moved far apart, it is false at least once."""
    names, values = list(told.scores), list(told.scores.values())
    others = [dict(zip(names, values[k:] + values[:k])) for k in range(1, len(names))]
    others.append({name: of + 10.0 * k for k, (name, of) in enumerate(told.scores.items())})
    assert not all(told._replace(scores=scores).holds() for scores in others)


@each_finding
def test_no_cell_of_the_readme_s_table_has_more_than_twelve_words(told):
    assert all(len(text.split()) <= 12 for text in (told.task, told.finding.paper))


@each_finding
def test_what_is_written_by_hand_holds_no_number(told):
    for text in (told.finding.task, told.finding.text):
        parts = list(string.Formatter().parse(text))
        assert any(name for _, name, _, _ in parts) or text == told.finding.task
        assert not re.search(r"\d", "".join(words for words, *_ in parts))
        assert not any(spec or conversion for _, name, spec, conversion in parts if name)


def test_no_number_is_computed_for_nothing():
    """What ``maze`` gives to two Findings counts for both."""
    named = {name for of in FINDINGS for _, name, _, _ in string.Formatter().parse(of.task + of.text) if name}
    for told in TOLD:
        assert set(told.finding.facts(told.kept, told.scores)) <= named


def test_facts_hold_no_sentence_of_their_own():
    """Words are in the text, where the test above reads them: a string in a function of facts is a name or a joint."""
    labels = {label for told in TOLD for label in told.kept.groups} | set(load_interventions(DATA / "maze")[0])
    for function in {of.facts for of in FINDINGS} | {findings.maze}:
        nodes = ast.walk(ast.parse(inspect.getsource(function)))
        constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
        strings = [value for value in constants if isinstance(value, str) and value not in labels]
        assert all(len(text.split()) <= 3 for text in strings), function.__name__


@pytest.mark.parametrize(
    "study, runs",
    [("maze", [("simple", 4)]), ("maze-decay", []), ("maze-large-decay", []),
     ("maze-large", [*(("simple", seed) for seed in (0, 1, 3, 4)), *(("retroactive", seed) for seed in (0, 2, 3))])],
)  # fmt: skip
def test_the_lost_runs_of_the_maze(study, runs):
    """Of the small room too, where steps at random find more."""
    assert findings.lost_runs(Kept(study)) == runs


def test_each_room_has_its_own_kind_of_modulation_ahead_with_decay():
    """As the paragraph of the larger room says of both."""
    every_seed = {}
    for study in ("maze-decay", "maze-large-decay"):
        kept = Kept(study)
        plastic = kept.end("plastic", 0.2)
        kinds = [name for name in ("simple", "retroactive") if np.all(kept.end(name, 0.2) > plastic)]
        every_seed[study] = kinds
    assert every_seed == {"maze-decay": ["simple"], "maze-large-decay": ["retroactive"]}


SAME_NUMBERS = {"cue-reward", "association", "association-verdict", "completion", "bandit"}  # at the last evaluation


@pytest.mark.parametrize("study", sorted(SAME_NUMBERS))
def test_the_medians_are_those_of_the_study_s_summary(study):
    """Read from another file, which was written when the runs ended."""
    (told,) = (told for told in TOLD if told.finding.study == study)
    with open(DATA / study / "summary.csv", newline="") as file:
        summary = {row["label"]: row for row in csv.DictReader(file)}
    for name, scores in told.scores.items():
        said = [float(summary[name][column]) for column in ("median", "min", "max", "seeds")]
        assert [np.median(scores), scores.min(), scores.max(), len(scores)] == pytest.approx(said, abs=6e-4)


def test_other_scores_make_another_page(tmp_path):
    """A study recorded anew shows: in the tables and in the paragraph, or as a verdict that is not true any more."""
    study = "association-verdict"
    shutil.copytree(DATA / study, tmp_path / study)
    (finding,) = (finding for finding in FINDINGS if finding.study == study)
    (before,) = tell([finding], tmp_path)
    path = tmp_path / study / "curves.csv"
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    last = rows[-1][2]
    for row in rows:
        if row[0] == "simple" and row[2] == last:
            row[3] = "0.123"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    (after,) = tell([finding], tmp_path)
    assert "|0.86|" in short_table([before]) and "|0.12|" in short_table([after])
    assert "**0.12**<br>0.12 0.12 0.12 0.12 0.12" in full_table([after])
    assert "at 0.79" in before.text and "at 0.12" in after.text
    assert before.holds() and not after.holds()


def test_a_number_that_nobody_computes_is_an_error():
    finding = FINDINGS[0]._replace(text="There are {no_such} of them.")
    with pytest.raises(ValueError, match="no_such.* cue-reward"):
        tell([finding])


def test_a_study_that_is_not_recorded_is_named_with_its_command(tmp_path):
    with pytest.raises(ValueError, match="python -m bpm_numpy study cue-reward"):
        tell(FINDINGS[:1], tmp_path)


@pytest.mark.parametrize(
    "value, digits, printed",
    [(0.125, 2, "0.12"), (-0.004, 2, "0.00"), (-0.006, 2, "-0.01"), (0.675 + 1e-12, 2, "0.68"),
     (0.675 - 1e-12, 2, "0.68"), (3150, 0, "3150"), (76500, 0, f"76{SPACE}500"), (-12345.6, 1, f"-12{SPACE}345.6")],
)  # fmt: skip
def test_numbers_as_they_are_printed(value, digits, printed):
    assert number(value, digits) == printed


def test_spread_median_and_cell():
    scores = np.array([0.5, -0.001, 0.25])
    assert span(scores) == "0.00 to 0.50" and span([0.501, 0.502]) == "0.50" and median(scores) == "0.25"
    assert every_seed(scores, 2) == "**0.25**<br>0.00 0.25 0.50" and every_seed(None, 2) == "–"


def test_the_end_is_the_last_evaluation_or_a_share_of_them():
    kept = Kept("maze")
    scores = kept.groups["plastic"].scores
    assert kept.end("plastic") == pytest.approx(scores[:, -1])
    assert kept.end("plastic", 0.2) == pytest.approx(scores[:, -8:].mean(axis=1)) and scores.shape[1] == 40
    assert np.array_equal(kept.at("plastic", 150), scores[:, 1])  # evaluations at 100, 200, ...


def test_links_within_the_page_lead_to_headings():
    page = read_text(RESULTS)
    headings = {anchor(heading) for heading in re.findall(r"^## (.*)$", page, re.M)}
    links = re.findall(r"\]\(#([^)]*)\)", page)
    assert sorted(links) == sorted(headings)
    assert anchor("Grid maze, 7×7 squares") == "grid-maze-77-squares"  # as GitHub has it


def test_a_table_has_no_bars_in_its_cells():
    assert markdown_table(("a", "b"), [(1, "two")]) == "|a|b|\n|---|---|\n|1|two|\n"
    with pytest.raises(ValueError, match="without '|'"):
        markdown_table(("a",), [("one|two",)])


@pytest.mark.parametrize("text", ["## Other\n\n|a|\n", "## Here\n\nNo table.\n", "## Here\n\n|a|\n\n|b|\n"])
def test_a_section_without_its_one_table_is_refused(text):
    with pytest.raises(ValueError, match="## Here"):
        replace_table(text, "Here", "|c|\n")


def test_only_the_table_is_replaced():
    text = "# A\n\n|x|\n\n## Here\n\nwords\n\n|a|\n|b|\n\nmore\n\n## Next\n\n|y|\n"
    assert replace_table(text, "Here", "|c|\n") == text.replace("|a|\n|b|\n", "|c|\n")
