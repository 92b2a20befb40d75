"""One page of the site, from a notebook, a Markdown file or a Python file: its HTML, and what is read off it.

Nothing is executed: the stored outputs are shown.
"""

import ast
import re
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..files import FilesWarning, read_text
from .formulas import plain
from .notebooks import FOLD

TEMPLATES = Path(__file__).resolve().parent / "templates"
NO_TEXT = "No description has been provided for this image"  # nbconvert's words
HEADINGS = ("h1", "h2", "h3")
UNSEARCHED = ("output_wrapper", "anchor-link", "fold")


class Page(NamedTuple):
    """number: of the chapter, or empty; description: its first words; contents: list of (level, id, HTML);
    sections: list of (id, heading, text), what a search looks through; soup: the page's content.
    """

    path: Path
    number: str
    title: str
    description: str
    contents: list
    sections: list
    soup: object

    @property
    def name(self):
        """Number and title."""
        return f"{self.number} {self.title}".strip()


def read_page(path, notebook=None):
    """The Page of a file, or of ``notebook`` in its place.

    ValueError for a file that is no notebook, or one that lacks a picture that was pasted. FilesWarning, naming the
    file, for what the page lacks: a title, a text for those who cannot see a picture; and for stored errors.
    """
    from bs4 import BeautifulSoup

    notebook = read_notebook(path) if notebook is None else notebook
    try:
        body, _ = _exporter().from_notebook_node(notebook)
    except Exception as error:  # nbconvert too
        raise ValueError(f"paths: expected a notebook that can be shown, got {path} ({error})") from None
    soup = BeautifulSoup(body, "html.parser")
    number = re.match(r"(?:(\d+)_)?", path.stem)[1] or ""
    title = _title(soup, path)
    _number_figures(soup, path)
    _name_columns(soup)
    if path.suffix == ".md":
        _place_headings(soup)
    contents, sections = _contents(soup), _sections(soup, title)
    description = plain(_first_words(soup, path)) or title
    if number:
        mark = soup.new_tag("span", attrs={"class": "number"})
        mark.string = number
        soup.h1.insert(0, " ")
        soup.h1.insert(0, mark)
    return Page(path, number, title, description, contents, sections, soup)


def read_notebook(path):
    """The notebook of a file, or one that holds the text or the code of a file.

    ValueError, naming it, if it should be a notebook and is none. FilesWarning if it holds errors of its cells.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    if path.suffix == ".md":
        return new_notebook(cells=[new_markdown_cell(read_text(path))])
    if path.suffix == ".py":
        return new_notebook(cells=[new_markdown_cell(f"# `{path.name}`"), new_code_cell(read_text(path))])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, which older programs write
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except Exception as error:  # nbformat raises nearly anything
        raise ValueError(f"paths: expected a notebook, got {path} ({type(error).__name__}: {error})") from None
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    if any(output.output_type == "error" for output in outputs):
        warn(path, "a cell that failed, whose error the page shows")
    return notebook


def warn(path, what):
    """A FilesWarning about a file."""
    warnings.warn(f"{path.name} has {what}", FilesWarning, stacklevel=3)


@cache
def _exporter():
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="notebook", extra_template_basedirs=[str(TEMPLATES)], filters={"fold_title": fold_title}
    )


def fold_title(cell):
    """What the folded code of a cell is, in a word or two; empty for a cell that is not folded."""
    if FOLD not in cell.metadata.get("tags", []):
        return ""
    if re.match(r"(import|from) ", cell.source):
        return "Imports"
    kinds = [("show_figure(", "drawing"), ("show_table(", "table"), ("assert ", "checks")]
    found = [kind for mark, kind in kinds if mark in cell.source]
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]])).capitalize() or "Code"


def _title(soup, path):
    """The text of the first heading, which is put there if it is missing."""
    if soup.h1 is None or not _text(soup.h1):
        warn(path, "no heading; its name is the page's title")
        if soup.h1:
            soup.h1.decompose()
        heading = soup.new_tag("h1")
        heading.string = path.stem
        soup.insert(0, heading)
    for link in soup.h1.find_all(class_="anchor-link"):
        link.decompose()
    return plain(_text(soup.h1))


def _first_words(soup, path):
    """What the page begins with: the first line of code's docstring, or the first paragraph."""
    if path.suffix == ".py":
        return (ast.get_docstring(ast.parse(read_text(path))) or "").partition("\n")[0].replace("``", "")
    return soup.p.get_text() if soup.p else ""


def _text(heading):
    return "".join(heading.find_all(string=lambda text: text != "¶")).strip()


def _number_figures(soup, path):
    """Each picture that stands alone becomes a figure with a number, and with its text as the caption."""
    number = 0
    for image in soup.find_all("img"):
        text = image.get("alt", "")
        if text in ("", NO_TEXT):
            text = ""
            warn(path, "a picture without a text for those who cannot see it")
            image["alt"] = NO_TEXT
        around = image.parent
        if around.name not in ("p", "div") or around.get_text(strip=True):
            continue
        around.name = "div"  # a figure may not be inside a paragraph
        number += 1
        caption = soup.new_tag("figcaption")
        name = soup.new_tag("b")
        name.string = f"Figure {number}"
        caption.extend([name, f" {text}"])
        image.wrap(soup.new_tag("figure", id=f"figure-{number}")).append(caption)


def _name_columns(soup):
    """Each cell of a text's table knows its column's name, for screens on which columns have no room."""
    for table in soup.select(".text_cell_render table"):
        names = [cell.get_text(strip=True) for cell in table.select("thead th")]
        for row in table.select("tbody tr"):
            for name, cell in zip(names, row.find_all("td")):
                if name:
                    cell["data-column"] = name


def _place_headings(soup):
    """Headings get the ids that links between texts count on: those that GitHub gives them."""
    for heading in soup.find_all(HEADINGS):
        heading["id"] = re.sub(r"[^\w -]", "", _text(heading).lower()).replace(" ", "-")


def _contents(soup):
    """list of (level, id, HTML) of the headings below the title; each gets an id of its own."""
    contents, taken = [], {soup.h1.get("id")}
    for heading in soup.find_all(HEADINGS[1:]):
        if heading.find_parent("details") or heading.find_parent(class_="output_wrapper"):
            continue
        place, count = heading.get("id") or "part", 1
        while heading.get("id") in taken or not heading.get("id"):
            count += 1
            heading["id"] = f"{place}-{count}"
        taken.add(heading["id"])
        for link in heading.find_all(class_="anchor-link"):
            link["href"] = f"#{heading['id']}"
        inside = "".join(str(part) for part in heading.contents if getattr(part, "name", None) != "a")
        contents.append((int(heading.name[1]), heading["id"], inside))
    return contents


def _sections(soup, title):
    """list of (id, heading, text): the text and the code below each heading, without outputs and folded code."""
    sections = [("", title, [])]

    def walk(tag):
        for part in tag.children:
            if isinstance(part, str):
                sections[-1][2].append(part)
            elif part.name in HEADINGS and part.get("id") and part is not soup.h1:
                sections.append((part["id"], plain(_text(part)), []))
            elif part.name in ("pre", "svg"):
                sections[-1][2].append(part.get_text())
            elif part is not soup.h1 and not set(UNSEARCHED) & set(part.get("class", [])):
                sections[-1][2].append(" ")
                walk(part)

    walk(soup)
    return [(place, heading, plain("".join(texts))) for place, heading, texts in sections]
