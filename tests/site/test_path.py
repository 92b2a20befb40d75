"""The reader's path: what each chapter needs, and minutes that notebook and README state as they are measured."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bpm_numpy.figures.draw_path import PLACES, arrows
from bpm_numpy.files import read_text
from bpm_numpy.site.notebooks import FOLD, find_notebooks
from bpm_numpy.site.path import GROUPS, PROMISES, chapters, minutes, needs, path_table, state_minutes
from bpm_numpy.site.readme import README, replace_table

PATHS = find_notebooks()
CHAPTERS = chapters()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.number)
def test_a_chapter_needs_earlier_ones_only_and_has_a_place_on_the_map(chapter):
    assert all(number < chapter.number for number in chapter.needs)
    assert chapter.number in PLACES
    assert 5 <= chapter.reading < chapter.with_tasks


def test_the_core_needs_nothing_outside_the_core():
    kinds = {chapter.number: chapter.kind for chapter in CHAPTERS}
    assert all(kinds[n] == "core" for chapter in CHAPTERS if chapter.kind == "core" for n in chapter.needs)


def test_the_notebooks_state_the_minutes_that_are_measured():
    for path, chapter in zip(PATHS, CHAPTERS):
        opening = nbformat.read(path, as_version=4).cells[0].source
        assert state_minutes(opening, chapter.reading, chapter.with_tasks) == opening, path.name


def test_the_readme_s_table_is_the_one_that_is_measured():
    readme = read_text(README)
    assert replace_table(readme, "The path", path_table(CHAPTERS)) == readme, "run `python -m bpm_numpy.site.path`"
    late = [chapter._replace(reading=chapter.reading + 5) for chapter in CHAPTERS]
    assert replace_table(readme, "The path", path_table(late)) != readme


def test_the_table_has_a_row_per_chapter_and_names_each_group_once():
    rows = [line.strip("|").split("|") for line in path_table(CHAPTERS).splitlines()[2:]]
    assert [re.search(r"\]\(notebooks/(.*)\)$", row[-3])[1] for row in rows] == [path.name for path in PATHS]
    groups = re.findall(r"^\|\*\*(.*?)\*\*\|", path_table(CHAPTERS), re.M)
    assert groups == list(GROUPS.values())
    assert all(1 <= len(chapter.promise.split()) <= 5 for chapter in CHAPTERS)


def test_a_notebook_without_a_promise_is_refused_and_no_promise_is_left_over(tmp_path):
    assert sorted(PROMISES) == [chapter.number for chapter in CHAPTERS]
    path = tmp_path / "99_next.ipynb"
    nbformat.write(opening("**You need** nothing. **20 minutes**."), path)
    with pytest.raises(ValueError, match="99_next.ipynb in PROMISES"):
        chapters([path])


def opening(text):
    return new_notebook(cells=[new_markdown_cell("# Title\n\n**You will** see [00](00_a.ipynb).\n\n" + text)])


def test_needs_are_the_links_behind_you_need_except_what_helps():
    text = "**You need** [01](01_b.ipynb) (Hebb), and [03](03_c.ipynb); [05](05_d.ipynb) helps. About **20 minutes**."
    assert needs(opening(text)) == ("01", "03")
    assert needs(opening("**You need** the chain rule. Chapters [04](04_e.ipynb) and [07](07_f.ipynb) help.")) == ()


@pytest.mark.parametrize(
    "stated",
    ["**20 minutes**", "**20 minutes** to read", "**20 minutes**, with the tasks", "**20 minutes** with the tasks",
     "**60 minutes**, with the five tasks twice as long", "**5 minutes** to read,\n**15** with the tasks"],
)  # fmt: skip
def test_minutes_are_stated_in_one_way_whatever_stood_there(stated):
    text = state_minutes(f"About {stated}. The cells run in 20 seconds.", 25, 60)
    assert text == "About **25 minutes** to read, **60** with the tasks. The cells run in 20 seconds."


@pytest.mark.parametrize("text", ["About an hour.", "About **5 minutes**, or **10 minutes**."])
def test_an_opening_that_states_no_minutes_or_two_is_refused(text):
    with pytest.raises(ValueError, match="once"):
        state_minutes(text, 25, 60)


def test_minutes_count_words_formulas_code_and_figures_but_nothing_that_is_folded():
    words = new_markdown_cell("word " * 1500)  # 10 minutes
    assert minutes(new_notebook(cells=[words])) == (10, 10)
    assert minutes(new_notebook(cells=[words, new_markdown_cell("$$a = b$$\n" * 20)])) == (20, 20)
    assert minutes(new_notebook(cells=[words, new_markdown_cell("$h_{t-1}$ " * 500)])) == (20, 20)
    code = new_code_cell("a = 1\n" * 150)
    assert minutes(new_notebook(cells=[words, code])) == (20, 20)
    assert minutes(new_notebook(cells=[words, new_code_cell(code.source, metadata={"tags": [FOLD]})])) == (10, 10)
    printed = [new_output("stream", text="def f():\n    return 1\n\n" * 75)]
    assert minutes(new_notebook(cells=[words, new_code_cell("show_source(f)", outputs=printed)])) == (25, 25)
    assert minutes(new_notebook(cells=[words, new_code_cell("print(f)", outputs=printed)])) == (15, 15)
    picture = new_output("display_data", data={"image/png": ""})
    drawn = new_code_cell("draw()", outputs=20 * [picture], metadata={"tags": [FOLD]})
    assert minutes(new_notebook(cells=[words, drawn])) == (20, 20)


def test_tasks_take_longer_than_exercises_and_these_longer_than_questions():
    def folded(summary):
        return new_markdown_cell(f"<details><summary>{summary}</summary>\n\n{'word ' * 600}\n</details>")

    code = "def back(d, u):\n    ...\n\ngrade(CLIP, back, rng)"
    task = new_code_cell(code, metadata={"tags": [FOLD]})  # folded, so that its lines take no time
    assert minutes(new_notebook(cells=[folded("Solution")])) == (0, 5)
    assert minutes(new_notebook(cells=[task, folded("Hint 1"), folded("Solution")])) == (0, 10)
    assert minutes(new_notebook(cells=[folded("Answer") for _ in range(3)])) == (0, 5)
    assert minutes(new_notebook(cells=[folded("Hint 1")])) == (0, 0)


def test_an_arrow_that_follows_from_others_is_not_drawn():
    assert arrows({"00": (), "01": ("00",), "02": ("00", "01"), "03": ("00",)}) == [
        ("00", "01"),
        ("01", "02"),
        ("00", "03"),
    ]
