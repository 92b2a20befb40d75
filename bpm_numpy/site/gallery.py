"""The page figures/README.md: one line per picture, made from the texts that stand in for the pictures elsewhere."""

import inspect
import re
from functools import partial
from pathlib import Path

from ..files import read_text
from .notebooks import find_notebooks

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "notebooks/README.md", "ARCHITECTURE.md", "RESULTS.md")  # whose pictures have texts
HEAD = """# The figures

All of them are made by `python -m bpm_numpy figures`, this page too. One line per picture says what is seen.

"""


def gallery(figures):
    """The page as bytes; figures: dict, file name -> function that makes the Figure (or the bytes of an animation)."""
    import nbformat

    notebooks = [(path.name[:2], nbformat.read(path, as_version=4)) for path in find_notebooks()]
    cells = [cell.source for _, notebook in notebooks for cell in notebook.cells if cell.cell_type == "markdown"]
    pages = "\n".join([read_text(ROOT / name) for name in PAGES] + cells)
    lines = [f"- [{name}]({name}): {describe(name, make, pages, notebooks)}" for name, make in sorted(figures.items())]
    return (HEAD + "\n".join(lines) + "\n").encode()


def describe(name, make, pages, notebooks):
    """The alt text of a picture: the first one in ``pages``, Markdown; or that of the one picture of its chapter's
    notebook that the same function draws; or what its function's docstring begins with. notebooks: list of (number,
    notebook).

    ValueError if there is none of these.
    """
    shown = re.search(rf"!\[([^]]+)\]\((?:\.\./)?figures/{re.escape(name)}\)", pages)
    if shown:
        return shown[1]
    of, arguments = (make.func, make.args) if isinstance(make, partial) else (make, ())
    function = inspect.unwrap(of)
    number = re.search(r"\.ch(\d\d)_|$", function.__module__)[1]
    alike = [alt for other, notebook in notebooks if other == number for alt in _drawn_by(function, notebook)]
    if len(alike) == 1:
        return f"{alike[0]} (Chapter {number}.)"
    if not function.__doc__:
        raise ValueError(f"{name}: expected an alt text or a docstring of {function.__name__}, found neither")
    names = "".join(f" `{word}`" for word in arguments if isinstance(word, str))
    return inspect.getdoc(function).split("\n\n")[0].replace("\n", " ").replace("``", "`") + names


def _drawn_by(function, notebook):
    """The alt texts of a notebook's pictures that ``function``, or a function ``plot_...`` that it calls, draws."""
    drawing = {function.__name__, *(name for name in function.__code__.co_names if name.startswith("plot_"))}
    for cell in notebook.cells:
        if drawing & set(re.findall(r"(\w+)\(", cell.source)):
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    yield " ".join(output.metadata["image/png"]["alt"].split())
