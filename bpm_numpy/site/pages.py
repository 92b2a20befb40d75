"""The notebooks as linked web pages: what they look like without Jupyter, and what a folder needs to be a site.

All that the pages lead to is in the folder, and they need no network: formulas are typeset by the MathJax that
JupyterLab brings (``mathjax``), and the index of the search is a script, because pages on a disk may load no data.
"""

import json
import warnings
from pathlib import Path

from .. import __version__
from ..files import FilesWarning, check_outputs, locked, make_folder, read_text, write_output
from . import play
from .formulas import LETTERS
from .links import read_pages
from .mathjax import find_mathjax
from .page import TEMPLATES

HERE = Path(__file__).resolve().parent
OWN = ("page.js", "search.js", "typeset.js", "favicon.svg")


def write_site(paths, folder, force=False):
    """Write one page for each notebook of ``paths``, an index, and what they need into ``folder``. Returns exit code 0.

    ValueError for a file that is no notebook, and for files in ``folder`` that are not of a site that was written there
    (which ``force`` replaces). FilesWarning, naming the notebook, for what a page lacks: a title, a text for those who
    cannot see a picture, a file that it leads to; and for stored errors. Another if formulas stay in TeX.
    """
    make_folder(folder)
    with locked(folder):
        files = site_files(paths)
        check_outputs(folder, files, force)
        for name, data in files.items():
            write_output(folder, name, data)
            if name.endswith(".html"):
                print(f"{folder}/{name}", flush=True)
    others = sorted(path.name for path in Path(folder).glob("*.html") if path.name not in files)
    if others:
        print(f"in {folder}, but not in its index: {', '.join(others)}")
    print(f"open {folder}/index.html")
    return 0


def site_files(paths):
    """dict: name in the site -> bytes; errors and warnings as ``write_site``."""
    from jinja2 import Environment, FileSystemLoader

    root = paths[0].resolve().parent.parent
    mathjax = find_mathjax()
    files = {name: (HERE / name).read_bytes() for name in OWN}
    files |= {"page.css": _style(), "play.html": play.page().encode()}
    if not mathjax:
        warnings.warn("formulas stay in TeX: no MathJax 3 among JupyterLab's files", FilesWarning, stacklevel=3)
    else:
        files["mathjax.js"], files["mathjax-licence.txt"] = (text.encode() for text in mathjax)
    if (root / "LICENSE").is_file():
        files["LICENSE.txt"] = (root / "LICENSE").read_bytes()
    names = {path.resolve(): f"{path.stem}.html" for path in paths}
    if taken := {"index.html", *files} & set(names.values()):
        raise ValueError(f"paths: expected names other than {min(taken)[:-5]}, which is another page of the site")
    files |= {path.name: path.read_bytes() for path in paths}
    pages = read_pages(paths, root, names, {*files, "search-index.js"})
    files |= {name: file.read_bytes() for file, name in names.items() if name not in pages}
    files["search-index.js"] = _search_index(pages)
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("page.html")
    chapters = [names[path.resolve()] for path in paths]
    for name, page in pages.items():
        text = template.render(
            page=page,
            index=name == "index.html",
            body=str(page.soup),
            neighbours=_neighbours(name, chapters, pages),
            notebook=page.path.name if name in chapters else "",
            notation=names.get(paths[0].resolve().parent / "NOTATION.md"),
            mathjax=bool(mathjax),
            licence="LICENSE.txt" in files,
            version=__version__,
        )
        files[name] = text.encode()
    return files


def _neighbours(name, chapters, pages):
    """list of (relation, word, name, title) of the chapters before and after one."""
    if name not in chapters:
        return []
    at = chapters.index(name)
    found = [("prev", "← Previous", other) for other in chapters[max(at - 1, 0) : at]]
    found += [("next", "Next →", other) for other in chapters[at + 1 : at + 2]]
    return [(relation, word, other, pages[other].name) for relation, word, other in found]


def _search_index(pages):
    """The script of the search: (address, page, heading, text) of each part of each page, and the names of letters."""
    entries = [
        (f"{name}#{place}" if place else name, page.name, heading, text)
        for name, page in pages.items()
        for place, heading, text in page.sections
    ]
    entries.append(("play.html", *play.searched()))
    data = {"SEARCH_INDEX": entries, "LETTERS": LETTERS}
    return "".join(f"const {name} = {json.dumps(data[name], ensure_ascii=False)};\n" for name in data).encode()


def _style():
    """page.css, and the colours of code by day and by night."""
    from pygments.formatters import HtmlFormatter

    light, dark = (
        HtmlFormatter(style=style, nobackground=True).get_style_defs(".highlight") for style in ("default", "monokai")
    )
    by_night = f"@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
    return "\n".join((read_text(HERE / "page.css"), light, by_night)).encode()
