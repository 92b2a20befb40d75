"""The form of a chapter: what it ends with, what is folded, and the tasks that the reader writes.

Each rule is a function of a notebook that returns the faults found, so that it can be tried on notebooks that break it.
"""

import ast
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bpm_numpy.site.notebooks import FOLD, clean, find_notebooks, solutions
from bpm_numpy.site.path import graded, tasks

PATHS = find_notebooks()
NAMES = [path.name for path in PATHS]
CORE = [path for path in PATHS if path.name < "08"]
ITEM = re.compile(r"^(?:- |\d\. )", re.M)
NEXT = re.compile(r"^(?:Next:|\*\*Next:\*\*) .*?\]\(([^)#]+)\)")

every_chapter = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def section(notebook, heading):
    """The Markdown from a heading of the second level to the next one; empty if there is none."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def faults_of_end(notebook, following):
    """A chapter ends with three lines to keep, three questions with folded answers, and a link to ``following``."""
    faults = []
    if (count := len(ITEM.findall(section(notebook, "To keep")))) != 3:
        faults.append(f"## To keep: expected 3 lines, got {count}")
    if (count := len(re.findall("<details>.*?</details>", section(notebook, "Questions"), re.S))) != 3:
        faults.append(f"## Questions: expected 3 folded answers, got {count}")
    last = notebook.cells[-1].source.rstrip().split("\n")[-1]
    link = NEXT.match(last)
    if notebook.cells[-1].cell_type != "markdown" or not link or link[1] != following:
        faults.append(f"last line: expected 'Next:' and a link to {following}, got {last!r}")
    return faults


def import_lines(code):
    """How many lines the import statements of a cell take."""
    imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return sum(node.end_lineno - node.lineno + 1 for node in imports)


def faults_of_folding(notebook):
    """Imports of more than six lines start folded; what starts folded has the tag, and JupyterLab's word for it."""
    faults = []
    for number, cell in enumerate(notebook.cells):
        tagged = FOLD in cell.metadata.get("tags", [])
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if tagged != hidden:
            faults.append(f"cell {number}: tag {FOLD!r}: {tagged}, source_hidden: {hidden}")
        if tagged and cell.cell_type != "code":
            faults.append(f"cell {number}: only code is folded so")
        if cell.cell_type == "code" and not tagged and import_lines(cell.source) > 6:
            faults.append(f"cell {number}: {import_lines(cell.source)} lines of imports that are not folded")
    return faults


def faults_of_tasks(notebook):
    """A task has a folded solution that asserts that it is right; who is told "your turn" finds an empty function."""
    solved = set()
    for code in solutions(notebook):
        if re.search(r"^assert .*\.right", code, re.M):
            solved |= {exercise for exercise, _ in graded(code)}
    faults = [f"no folded solution asserts that {name} is right" for name in tasks(notebook) if name not in solved]
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "your turn" in cell.source and graded(cell.source):
            if len(tasks(new_notebook(cells=[cell]))) != len(graded(cell.source)):
                faults.append(f"cell {number}: a function that is graded does not start empty")
    return faults


def read(path):
    return nbformat.read(path, as_version=4)


@every_chapter
def test_ends_with_three_lines_three_questions_and_the_next_chapter(path):
    following = [*NAMES, "../README.md"][NAMES.index(path.name) + 1]  # the last one leads back to the table
    assert not faults_of_end(read(path), following)


@every_chapter
def test_folds_long_imports_and_says_so_twice(path):
    assert not faults_of_folding(read(path))


@every_chapter
def test_tasks_start_empty_and_have_a_folded_solution_that_is_right(path):
    assert not faults_of_tasks(read(path))


def test_the_core_path_has_at_least_twelve_graded_tasks():
    assert sum(len(tasks(read(path))) for path in CORE) >= 12


KEEP = "## To keep\n\n- one\n- two\n- three"
ANSWER = "Why?\n<details><summary>Answer</summary>\nSo.\n</details>\n"
LAST = "## Further reading\n\n- a book\n\n**Next:** [02](02_next.ipynb)."


def made(*texts):
    return new_notebook(cells=[new_markdown_cell(text) for text in texts])


def test_a_right_end_has_no_fault():
    assert faults_of_end(made(KEEP, "## Questions\n" + 3 * ANSWER, LAST), "02_next.ipynb") == []


@pytest.mark.parametrize(
    "texts, fault",
    [
        (("## To keep\n\n- one\n- two", "## Questions\n" + 3 * ANSWER, LAST), "To keep"),
        ((KEEP + "\n- four", "## Questions\n" + 3 * ANSWER, LAST), "To keep"),
        ((KEEP, "## Questions\n" + 2 * ANSWER + "\n## Exercises\n" + ANSWER, LAST), "Questions"),
        ((KEEP, 3 * ANSWER, LAST), "Questions"),
        ((KEEP, "## Questions\n" + 3 * ANSWER, LAST.replace("02_next", "03_after")), "last line"),
        ((KEEP, "## Questions\n" + 3 * ANSWER, LAST + "\n\nThe end."), "last line"),
    ],
)
def test_a_wrong_end_is_one_fault(texts, fault):
    faults = faults_of_end(made(*texts), "02_next.ipynb")
    assert len(faults) == 1 and fault in faults[0]


def test_imports_are_counted_by_their_lines():
    assert import_lines("import a\nfrom b import (\n    c,\n    d,\n)\nx = 1\n") == 5


def test_folding_that_says_half_and_long_imports_that_are_open_are_faults():
    long = "\n".join(f"import a{k}" for k in range(7))
    for metadata in ({}, {"tags": [FOLD]}, {"jupyter": {"source_hidden": True}}):
        assert faults_of_folding(new_notebook(cells=[new_code_cell(long, metadata=metadata)]))
    assert faults_of_folding(clean(new_notebook(cells=[new_markdown_cell("text", metadata={"tags": [FOLD]})])))
    assert not faults_of_folding(clean(new_notebook(cells=[new_code_cell(long, metadata={"tags": [FOLD]})])))
    assert not faults_of_folding(new_notebook(cells=[new_code_cell("import a")]))


EMPTY = 'def back(d, u):\n    """d, u (N,) -> dict."""\n    ...\n\ngrade(chapter.CLIP, back, rng)'
FULL = "def back(d, u):\n    return {'u': d}\n\nassert grade(chapter.CLIP, back, rng).right"


def task(code, solution):
    folded = f"<details><summary>Solution</summary>\n\n```python\n{solution}\n```\n</details>"
    return new_notebook(cells=[new_code_cell(code), new_markdown_cell(folded)])


def test_a_task_is_graded_from_an_empty_function_and_its_solution_is_asserted():
    assert faults_of_tasks(task(EMPTY, FULL)) == [] and tasks(task(EMPTY, FULL)) == ["chapter.CLIP"]
    assert tasks(task(FULL, FULL)) == [] and not faults_of_tasks(task(FULL, FULL))  # shown, not asked for
    assert "empty" in faults_of_tasks(task(FULL + "  # your turn", FULL))[0]
    assert "solution" in faults_of_tasks(task(EMPTY, FULL.replace("assert ", "")))[0]
    assert "solution" in faults_of_tasks(task(EMPTY, FULL.replace("CLIP", "RATE")))[0]
    assert "solution" in faults_of_tasks(task(EMPTY, FULL.replace(".right", ".written")))[0]
