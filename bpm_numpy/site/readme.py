"""The README: its tables, which the package writes, and its example, which is run."""

import contextlib
import io
import re
from pathlib import Path

from ..files import read_text

README = Path(__file__).resolve().parents[2] / "README.md"


def markdown_table(header, rows):
    """A table in Markdown, one line per row; ValueError for a cell that would end before its end."""
    for cell in (cell for row in rows for cell in row if "|" in str(cell) or "\n" in str(cell)):
        raise ValueError(f"rows: expected cells without '|' and line breaks, got {cell!r}")
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"|{'|'.join(map(str, cells))}|\n" for cells in lines)


def replace_table(text, heading, table):
    """``text`` with the one table of the section ``heading`` replaced; ValueError if it has none, or several."""
    head, section, rest = split_section(text, heading)
    tables = re.findall(r"(?:^\|.*\n)+", section, re.M)
    if len(tables) != 1:
        raise ValueError(f"text: expected one table under '## {heading}', found {len(tables)}")
    return head + section.replace(tables[0], table) + rest


def split_section(text, heading):
    """(what is before, the section with its heading, what is behind); ValueError if there is no such section."""
    found = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", text, re.M | re.S)
    if not found:
        raise ValueError(f"text: expected a section '## {heading}', found none")
    return text[: found.start()], found[0], text[found.end() :]


def run_example(readme=None):
    """Run the README's Python block -> (its names, what it printed, what the README says that it prints).

    readme: another text than the README's. ValueError if there is no block of Python with one of text behind it.
    """
    found = re.search(r"^```python\n(.*?)^```\n+```text\n(.*?)^```$", readme or read_text(README), re.M | re.S)
    if not found:
        raise ValueError("readme: expected a block of python and one of text behind it, found none")
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], README.name, "exec"), names)
    return names, printed.getvalue(), found[2]


def figure_example():
    """Hebb(t) of the network that the README's example trains."""
    return run_example()[0]["figure"]
