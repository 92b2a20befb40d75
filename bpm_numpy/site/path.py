"""The reader's path: what each chapter needs, how long it takes, and what kind it is; all read off the notebooks.

``python -m bpm_numpy.site.path`` writes the minutes into the notebooks' openings, and the README's table of chapters.
A new chapter needs a line in PROMISES.
"""

import ast
import math
import re
from pathlib import Path
from typing import NamedTuple

from ..files import read_text, replace_file
from .notebooks import FOLD, find_notebooks, write_notebook
from .readme import README, markdown_table, replace_table

GROUPS = {"core": "the core", "branch": "branches", "task": "tasks"}  # kind -> what it is called
PROMISES = {  # number -> what the reader can do or knows behind the chapter, in at most five words
    "00": "one episode by hand",
    "01": "what changing weights hold",
    "02": "train one, read it",
    "03": "a derivative with kinks",
    "04": "every path from the loss",
    "05": "storing what is flagged",
    "06": "rewards that come late",
    "07": "find planted mistakes",
    "08": "every gate, two readings",
    "09": "check your code",
    "10": "a rule of yours, proved",
    "11": "plasticity is attention",
    "12": "misprints, settled",
    "13": "policies that need memory",
    "14": "the paper's first task",
    "15": "what Hebb can bind",
    "16": "restoring missing bits",
    "17": "when activity is enough",
    "18": "where the goal is kept",
    "19": "a loss and its floor",
    "20": "what is forgotten",
    "21": "undoing what was learnt",
    "22": "order from neighbours alone",
}

# Rates, for a student who reads in a language that is not the first one. R. P. Carver, "Reading rate: theory, research,
# and practical implications", Journal of Reading 36 (1992), has 200 words per minute for text that is to be learnt, in
# the first language; three quarters of it stand here. The others are our estimates: no class was timed.
WORDS_PER_MINUTE = 150
WORDS_PER_FORMULA = 3  # one inside a sentence
MINUTES_PER_DISPLAY = 0.5  # a displayed formula
MINUTES_PER_FIGURE = 0.5
CODE_LINES_PER_MINUTE = 15
MINUTES_PER_TASK = 10  # a backward pass from an empty function
MINUTES_PER_EXERCISE = 5
MINUTES_PER_QUESTION = 1

STATED = re.compile(
    r"\*\*\d+ minutes\*\*(?:\s+to\s+read)?(?:,\s+\*\*\d+\*\*\s+with\s+the\s+tasks)?"
    r"(?:,?\s+with\s+the\s+(?:\w+\s+)?tasks)?(?:\s+twice\s+as\s+long)?"
)


class Chapter(NamedTuple):
    """A notebook on the path: its number and name; the numbers of those that it needs; minutes, to read and with tasks.

    kind: "core" (00 to 07), "branch" (08 to 12) or "task" (from 13 on). title: its heading, up to a colon or comma.
    promise: what it is read for. file: its name.
    """

    number: str
    name: str
    kind: str
    needs: tuple
    reading: int
    with_tasks: int
    title: str
    promise: str
    file: str


def chapters(paths=None):
    """list of Chapter, in reading order; of the notebooks in the clone, or of ``paths``.

    ValueError for a notebook that promises nothing.
    """
    import nbformat

    found = []
    for path in map(Path, paths or find_notebooks()):
        number, name = path.stem.split("_", 1)
        kind = "core" if number < "08" else "branch" if number < "13" else "task"
        notebook = nbformat.read(path, as_version=4)
        if number not in PROMISES:
            raise ValueError(f"path: expected a promise of {path.name} in PROMISES, found none")
        title = re.match(r"# ([^:,\n]+)", notebook.cells[0].source)[1]
        reading, with_tasks = minutes(notebook)
        words = (title, PROMISES[number], path.name)
        found.append(Chapter(number, name.replace("_", " "), kind, needs(notebook), reading, with_tasks, *words))
    return found


def needs(notebook):
    """Numbers of the chapters that the opening's "You need" links; a part with the word "help" names none."""
    opening = re.split(r"\*\*You need\*\*|\*\*\d+ minutes", notebook.cells[0].source)
    parts = re.split(r";|\.\s", opening[1])
    return tuple(sorted({n for part in parts if "help" not in part for n in re.findall(r"\]\((\d\d)_", part)}))


def minutes(notebook):
    """(minutes to read, minutes with tasks, exercises and questions), by the rates above, each rounded up to five.

    What is folded is not read: neither folded code nor hints and answers. The code that ``show_source`` prints is read.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    folded = re.findall(r"<details>.*?</details>", text, re.S)
    text = STATED.sub("", re.sub(r"<details>.*?</details>", "", text, flags=re.S))  # the answer is not measured itself
    text, displays = re.subn(r"\$\$.*?\$\$", "", text, flags=re.S)
    text, formulas = re.subn(r"\$[^$]+\$", "", text)
    words = len(re.findall(r"\w+", re.sub(r"\]\([^)]*\)", "]", text))) + WORDS_PER_FORMULA * formulas
    read = [cell.source for cell in code if FOLD not in cell.metadata.get("tags", [])]
    read += [output.get("text", "") for cell in code if "show_source(" in cell.source for output in cell.outputs]
    lines = sum(bool(line.strip()) for part in read for line in part.splitlines())
    figures = sum("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
    reading = (
        words / WORDS_PER_MINUTE
        + MINUTES_PER_DISPLAY * displays
        + lines / CODE_LINES_PER_MINUTE
        + MINUTES_PER_FIGURE * figures
    )
    solved = sum("<summary>Solution" in block for block in folded)
    hints = sum("<summary>Hint" in block for block in folded)
    written = len(tasks(notebook))
    doing = (
        MINUTES_PER_TASK * written
        + MINUTES_PER_EXERCISE * max(solved - written, 0)
        + MINUTES_PER_QUESTION * (len(folded) - solved - hints)
    )
    return _to_five(reading), _to_five(reading + doing)


def _to_five(number):
    return 5 * math.ceil(number / 5)


def graded(code):
    """list of (exercise, function): the arguments of the calls of ``grade`` in Python code."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "grade"]
    return [(ast.unparse(call.args[0]), ast.unparse(call.args[1])) for call in calls]


def tasks(notebook):
    """The exercises that a notebook grades from an empty function in the same cell; what else it grades, it shows."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            functions = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
            empty = {function.name for function in functions if _is_empty(function)}
            found += [exercise for exercise, function in graded(cell.source) if function in empty]
    return found


def _is_empty(function):
    """Whether a function ends in an ellipsis and returns nothing; lines that it is given may stand before."""
    returns = any(isinstance(node, ast.Return) for node in ast.walk(function))
    return ast.unparse(function.body[-1]) == "..." and not returns


def state_minutes(opening, reading, with_tasks):
    """A notebook's opening with its minutes written anew; ValueError if it states none, or states them twice."""
    text, count = STATED.subn(f"**{reading} minutes** to read, **{with_tasks}** with the tasks", opening)
    if count != 1:
        raise ValueError(f"opening: expected '**N minutes**' once, found it {count} times")
    return text


def path_table(found):
    """The README's table of the Chapters: group (once), chapter, promise, minutes."""
    rows, before = [], None
    for chapter in found:
        group = f"**{GROUPS[chapter.kind]}**" if chapter.kind != before else ""
        link = f"[{chapter.number} {chapter.title}](notebooks/{chapter.file})"
        rows.append((group, link, chapter.promise, f"{chapter.reading}, {chapter.with_tasks}"))
        before = chapter.kind
    return markdown_table(("group", "chapter", "promise", "minutes: reading, with tasks"), rows)


def main():
    """Write what ``minutes`` measures into the notebooks, and the README's table; print a line per chapter."""
    import nbformat

    found = chapters()
    for path, chapter in zip(find_notebooks(), found):
        notebook = nbformat.read(path, as_version=4)
        opening = state_minutes(notebook.cells[0].source, chapter.reading, chapter.with_tasks)
        if opening != notebook.cells[0].source:
            notebook.cells[0].source = opening
            write_notebook(notebook, path)
        print(f"{chapter.number} {chapter.reading:3d} {chapter.with_tasks:3d}  needs {' '.join(chapter.needs)}")
    readme = replace_table(read_text(README), "The path", path_table(found))
    with replace_file(README) as file:
        file.write(readme.encode())


if __name__ == "__main__":
    main()
