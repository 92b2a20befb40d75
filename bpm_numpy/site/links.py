"""Which pages and files a site has: the notebooks, the index, and all that they lead to; and the links between them."""

import re
import urllib.parse

from ..files import read_text
from .page import read_page, warn

PAGES = (".md", ".py")  # files that become pages where a page leads to them; others are copied


def read_pages(paths, root, names, taken):
    """dict: name in the site -> Page, of the notebooks, the index, and the texts and code that they lead to.

    ``names``: dict, file -> name in the site, has the notebooks and gets all other files that pages lead to; ``taken``:
    names that are no longer free. FilesWarning, naming the page, for a link to a file that is not there.
    """
    pages = {names[path.resolve()]: read_page(path) for path in paths}
    names[root / "README.md"] = "index.html"
    pages["index.html"] = read_page(root / "README.md", _index(root, pages))
    for page in (todo := list(pages.values())):  # it grows
        for file in _relink(page, root, names, taken):
            if file.suffix in PAGES:
                pages[names[file]] = read_page(file)
                todo.append(pages[names[file]])
    return pages


def _index(root, pages):
    """A notebook that is the index: how the README begins, its part on the notebooks, without the rows of those that
    are not in the site, and a list of those that it does not mention.
    """
    from nbformat.v4 import new_markdown_cell, new_notebook

    readme = read_text(root / "README.md") if (root / "README.md").is_file() else "# bpm_numpy: the notebooks\n"
    link = re.compile(r"\]\(([^)#]+\.ipynb)\)")
    begin, *parts = re.split(r"^(?=## )", readme, flags=re.M)
    part = max(parts, key=lambda part: len(link.findall(part)), default="")
    here = {urllib.parse.quote(page.path.resolve().relative_to(root).as_posix()): page.name for page in pages.values()}
    lines = _lines(part, lambda line: set(link.findall(line)) <= set(here))
    listed = link.findall(part)
    more = [f"- [{name}]({address})" for address, name in here.items() if address not in listed]
    texts = [begin, "\n".join(lines), *(["## More notebooks" if listed else "", "\n".join(more)] if more else [])]
    return new_notebook(cells=[new_markdown_cell("\n\n".join(texts))])


def _lines(part, kept):
    """The lines of a text with those rows of its tables that are ``kept``. A first cell that is empty is that of the
    row above: the name of a group, which stands in the group's first row here too.
    """
    lines, group, named = [], "", ""
    for line in part.split("\n"):
        if line.startswith("|"):
            first, bar, rest = line[1:].partition("|")
            group = first or group
            if not kept(line):
                continue
            line = "|" + (first or ("" if group == named else group)) + bar + rest
            named = group
        lines.append(line)
    return lines


def _relink(page, root, names, taken):
    """The page's links lead into the site. Returns the files that have a name in it from now on."""
    new = []
    for tag in page.soup.find_all(lambda tag: tag.get("href") or tag.get("src")):
        key = "href" if tag.get("href") else "src"
        address, mark, place = tag[key].partition("#")
        if not address or re.match(r"[a-zA-Z][\w+.-]*:|/", address):
            continue
        file = (page.path.parent / urllib.parse.unquote(address)).resolve()
        if file not in names:
            if file.is_dir() and root in file.parents:
                tag.unwrap()  # a folder has no page
                continue
            if not file.is_file() or root not in file.parents:
                warn(page.path, f"a link to {address}, where no file of the notebooks is")
                continue
            names[file] = _free_name(file, root, {*names.values(), *taken})
            new.append(file)
        tag[key] = urllib.parse.quote(names[file]) + mark + place
    return new


def _free_name(file, root, taken):
    name = "-".join(file.relative_to(root).parts) + (".html" if file.suffix in PAGES else "")
    while name in taken:
        name = f"other-{name}"
    return name
