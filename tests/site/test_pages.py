"""The notebooks as web pages: the package's own and a reader's, and that the folder is all that a site needs."""

import base64
import html
import json
import re
import shutil
import urllib.parse
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bpm_numpy import __version__
from bpm_numpy.__main__ import main
from bpm_numpy.files import FilesWarning
from bpm_numpy.site.notebooks import FOLD, find_notebooks
from bpm_numpy.site.page import fold_title
from bpm_numpy.site.pages import site_files, write_site

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
OTHER = base64.b64encode(base64.b64decode(PNG) + b"other").decode()
TITLE = new_markdown_cell("# Mine")


def picture(png=PNG, alt=None):
    metadata = {} if alt is None else {"image/png": {"alt": alt}}
    return new_code_cell("plot()", outputs=[new_output("display_data", {"image/png": png}, metadata=metadata)])


def pasted(text="p"):
    return new_markdown_cell(f"![{text}](attachment:p.png)", attachments={"p.png": {"image/png": PNG}})


def write(folder, *cells, name="20_mine"):
    """The path of a notebook of these cells in folder/notebooks."""
    (folder / "notebooks").mkdir(exist_ok=True)
    path = folder / "notebooks" / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def page_of(path, folder):
    write_site([path], folder)
    return (folder / f"{path.stem}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "cells, warning",
    [
        ([TITLE, picture()], "a picture without a text"),
        ([TITLE, pasted("")], "a picture without a text"),
        ([picture(alt="A line that rises")], "no heading"),
        ([new_markdown_cell("# "), picture(alt="A line that rises")], "no heading"),
        ([TITLE, new_markdown_cell("[there](nowhere.txt)")], "a link to nowhere.txt"),
        ([TITLE, new_markdown_cell("[there](../../../etc/hostname)")], "a link to ../../../etc/hostname"),
        (
            [TITLE, new_code_cell("1 / 0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="no")])],
            "a cell that failed",
        ),
    ],
)
def test_what_a_readers_notebook_lacks_is_said_and_the_page_is_written(tmp_path, cells, warning):
    path = write(tmp_path, *cells)
    with pytest.warns(FilesWarning, match=f"^20_mine.ipynb has {re.escape(warning)}") as caught:
        page = page_of(path, tmp_path / "site")
    assert len(caught) == 1 and "<main>" in page and "20_mine.html" in (tmp_path / "site/index.html").read_text("utf-8")


def test_every_picture_has_its_own_text_whatever_is_around_it(tmp_path):
    path = write(tmp_path, TITLE, pasted("pasted"), picture(OTHER, 'second & "quoted"'), picture(OTHER, "third"))
    page = page_of(path, tmp_path / "site")
    images = re.findall(r"<img[^>]*>", page)
    assert len(images) == 3 and all(image.count("alt=") == 1 for image in images)
    assert [OTHER in image for image in images] == [False, True, True]
    assert [html.unescape(re.search(r"""alt=(["'])(.*?)\1""", image)[2]) for image in images] == [
        "pasted",
        'second & "quoted"',
        "third",
    ]


def test_pictures_and_files_that_a_page_leads_to_are_in_the_folder(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/a b.png").write_bytes(base64.b64decode(PNG))
    path = write(
        tmp_path,
        TITLE,
        new_markdown_cell("![A point](../figures/a%20b.png) [data](data.txt) [the other](21_more.ipynb#part-2)"),
        new_markdown_cell("[web](https://example.org/x) [mail](mailto:a@b) [here](#Mine)"),
    )
    (tmp_path / "notebooks/data.txt").write_text("1 2 3")
    (tmp_path / "figures-a b.png").write_text("another file of that name")
    other = write(tmp_path, new_markdown_cell("# More\n\n[x](../figures-a%20b.png)"), name="21_more")
    write_site([path, other], tmp_path / "site")
    moved = shutil.move(tmp_path / "site", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "notebooks")
    shutil.rmtree(tmp_path / "figures")
    pages = {file.name: file.read_text(encoding="utf-8") for file in Path(moved).glob("*.html")}
    assert len(pages) == 4
    for page in pages.values():
        for link in re.findall(r'(?:href|src)="([^"]*)"', page):
            if not re.match(r"\w+:|#", link):
                assert (Path(moved) / urllib.parse.unquote(link.partition("#")[0])).is_file(), link
    assert 'href="21_more.html#part-2"' in pages["20_mine.html"] and "https://example.org/x" in pages["20_mine.html"]
    assert (Path(moved) / "figures-a b.png").read_bytes() == base64.b64decode(PNG)
    assert (Path(moved) / "other-figures-a b.png").read_text("utf-8") == "another file of that name"


def test_files_that_are_not_of_the_site_are_left_alone(tmp_path, capsys):
    path = write(tmp_path, TITLE)
    site = tmp_path / "site"
    site.mkdir()
    for name in ("index.html", "20_mine.html"):
        (site / name).write_text("of the user")
        with pytest.raises(ValueError, match=f"^folder: expected no {name} .*--force"):
            write_site([path], site)
        assert [file.name for file in site.iterdir()] == [name] and (site / name).read_text("utf-8") == "of the user"
        (site / name).unlink()
    write_site([path], site)
    write(tmp_path, TITLE, new_markdown_cell("more"))
    assert "more" in page_of(path, site)
    (site / "index.html").write_text("changed by the user")
    with pytest.raises(ValueError, match="index.html"):
        write_site([path], site)
    write_site([path], site, force=True)


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}'])
def test_a_file_that_is_no_notebook_is_named_before_anything_is_written(tmp_path, content):
    path = write(tmp_path, TITLE)
    broken = path.with_name("21_broken.ipynb")
    broken.write_text(content)
    with pytest.raises(ValueError, match="^paths: expected a notebook, got .*21_broken.ipynb"):
        write_site([path, broken], tmp_path / "site")
    assert not list((tmp_path / "site").iterdir())


def test_a_pasted_picture_that_is_gone_is_named_with_its_notebook(tmp_path):
    path = write(tmp_path, TITLE, new_markdown_cell("![p](attachment:p.png)"))
    with pytest.raises(ValueError, match="^paths: expected a notebook that can be shown, got .*20_mine.ipynb.*p.png"):
        site_files([path])


def test_the_packages_own_pictures_are_all_there(tmp_path):
    paths = [path for path in find_notebooks() if path.name.startswith(("00", "11"))]
    write_site(paths, tmp_path / "site")
    page = (tmp_path / "site/11_fast_exact_gradients.html").read_text(encoding="utf-8")
    sources = re.findall(r'<img[^>]*\ssrc="([^"]*)"', page)
    assert "figures-benchmark.png" in sources
    assert all(source.startswith("data:") or (tmp_path / "site" / source).is_file() for source in sources)
    assert all(re.search(r'alt="[^"]+ [^"]+"', image) for image in re.findall(r"<img[^>]*>", page))


@pytest.fixture
def repository(tmp_path):
    """A folder like the clone: a README with a table, a text and code beside it, and two notebooks."""
    (tmp_path / "README.md").write_text(
        "# It\n\n**What it is.**\n\n## Quick start\n\n## Path\n\n| notebook | promise |\n|---|---|\n"
        "| [20 Mine](notebooks/20_mine.ipynb) | this |\n| [22 Other](notebooks/22_other.ipynb) | that |\n\n"
        "[letters](notebooks/letters.md), [code](code.py), [more](__init__.py), [a folder](notebooks)\n\n"
        "## After\n\nNot in the index.\n"
    )
    (tmp_path / "code.py").write_text('"""What ``it`` is.\n\nMore.\n"""\n\nanswer = 42\n')
    (tmp_path / "__init__.py").write_text("answer = 43\n")
    text = "# Mine\n\nWhat it *is*.\n\n## First\n\nword\n\n## Second\n\n### Third $x_1$\n\n[back](../README.md)"
    write(tmp_path, new_markdown_cell(text))
    write(tmp_path, new_markdown_cell("# More\n\n$\\alpha\\otimes h$ and needle"), picture(alt="A dot"), name="21_more")
    letters = "# Letters\n\n[mine](20_mine.ipynb#Second), [code](../code.py)\n\n## Greek: α, *β*\n\n[here](#greek-α-β)"
    (tmp_path / "notebooks/letters.md").write_text(letters, encoding="utf-8")
    return sorted((tmp_path / "notebooks").glob("*.ipynb"))


def test_the_index_is_the_readmes_path_and_lists_what_that_leaves_out(repository):
    files = site_files(repository)
    index = files["index.html"].decode()
    assert "What it is." in index and "this" in index and 'href="20_mine.html">20 Mine' in index
    assert "22 Other" not in index and "Not in the index" not in index  # that notebook is not in this site
    assert 'href="21_more.html">21 More' in index
    assert "a folder" in index and 'href="notebooks"' not in index
    assert 'href="play.html">A page to play with' in index


def test_each_group_is_named_in_the_first_of_its_rows_that_is_there(tmp_path):
    names = ["20_a", "21_b", "22_c", "23_d"]
    rows = "".join(
        f"|{'' if at % 2 else f'**group {at}**'}|[{name}](notebooks/{name}.ipynb)|\n" for at, name in enumerate(names)
    )
    (tmp_path / "README.md").write_text(f"# It\n\n## Path\n\n|group|chapter|\n|---|---|\n{rows}")
    paths = [write(tmp_path, TITLE, name=name) for name in names]
    for chosen, groups in ((paths, ["**group 0**", "", "**group 2**", ""]), (paths[1:2], ["**group 0**"])):
        index = site_files(chosen)["index.html"].decode()
        cells = re.findall(r'<td data-column="group">(.*?)</td>', index)
        assert [re.sub("</?strong>", "**", cell) for cell in cells] == groups


def test_pages_of_an_earlier_site_that_stay_are_named(tmp_path, capsys):
    one, two = write(tmp_path, TITLE), write(tmp_path, TITLE, name="21_more")
    write_site([one, two], tmp_path / "site")
    assert "not in its index" not in capsys.readouterr().out
    write_site([two], tmp_path / "site")
    out = capsys.readouterr().out.splitlines()
    assert f"in {tmp_path / 'site'}, but not in its index: 20_mine.html" in out
    assert (tmp_path / "site/20_mine.html").is_file()


def test_texts_and_code_that_pages_lead_to_are_pages_too(repository):
    files = site_files(repository)
    letters, code = files["notebooks-letters.md.html"].decode(), files["code.py.html"].decode()
    assert 'href="20_mine.html#Second"' in letters and 'href="code.py.html"' in letters
    assert '<h2 id="greek-α-β">' in letters  # as on GitHub
    assert "<title>Letters · bpm_numpy</title>" in letters and "42" in code and "<h1" in code
    init = files["__init__.py.html"].decode()
    assert "<title>__init__.py · bpm_numpy</title>" in init and "<code>__init__.py</code></h1>" in init
    assert 'name="description" content="__init__.py"' in init
    assert 'name="description" content="What it is."' in code
    assert 'href="index.html">back' in files["20_mine.html"].decode()


def test_a_page_has_a_title_a_description_contents_neighbours_and_its_notebook(repository):
    files = site_files(repository)
    page = files["20_mine.html"].decode()
    assert "<title>20 Mine · bpm_numpy</title>" in page and 'name="description" content="What it is."' in page
    contents = re.search(r'<nav class="contents".*?</nav>', page, re.S)[0]
    assert re.findall(r'href="#([^"]*)"', contents) == ["First", "Second", "Third-$x_1$"] and "Third $x_1$" in contents
    assert 'rel="next" href="21_more.html"' in page and 'rel="prev"' not in page
    assert 'rel="prev" href="20_mine.html"' in files["21_more.html"].decode()
    assert files["20_mine.ipynb"] == repository[0].read_bytes() and 'href="20_mine.ipynb" download' in page
    assert "favicon.svg" in files and 'href="favicon.svg"' in page
    assert f"bpm_numpy {__version__}" in page


def test_figures_have_numbers_and_captions(repository):
    page = site_files(repository)["21_more.html"].decode()
    figure = re.search(r'<figure id="figure-1"><img[^>]*alt="A dot"[^>]*/?><figcaption>(.*?)</figcaption>', page)
    assert figure and re.sub("<.*?>", "", figure[1]) == "Figure 1 A dot"


def test_headings_of_one_name_have_places_of_their_own(tmp_path):
    path = write(tmp_path, new_markdown_cell("# A\n\n## B\n\n## B\n\n## C\n\n## B"))
    page = site_files([path])["20_mine.html"].decode()
    assert re.findall(r'<h2[^>]*id="([^"]*)"', page) == ["B", "B-2", "C", "B-3"]


def test_the_search_index_has_texts_and_code_but_no_outputs_and_no_folded_code(repository):
    shown = new_code_cell("total = 3", outputs=[new_output("stream", text="printed")])
    hidden = new_code_cell("import secret", metadata={"tags": [FOLD]})
    write(repository[0].parents[1], new_markdown_cell("# Mine\n\n## There"), shown, hidden, name="20_mine")
    script = site_files(repository)["search-index.js"].decode()
    entries = json.loads(re.search(r"^const SEARCH_INDEX = (.*);$", script, re.M)[1])
    assert ["20_mine.html#There", "20 Mine", "There", "total = 3"] in entries
    assert ["21_more.html", "21 More", "More", "α ⊗ h and needle plot()"] in entries
    assert "printed" not in script and "secret" not in script
    address, page, heading, text = entries[-1]
    assert address == "play.html" and page == heading == "A plastic network to play with" and "dHebb(t+1)" in text


@pytest.mark.parametrize(
    "source, title",
    [
        ("import numpy as np\nrng = 3", "Imports"),
        ("show_figure(plot())", "Drawing"),
        ("show_figure(plot())\nshow_table(a, b)\nassert a", "Drawing, table and checks"),
        ("assert a", "Checks"),
        ("a = 3", "Code"),
    ],
)
def test_folded_code_says_what_it_is(tmp_path, source, title):
    assert fold_title(new_code_cell(source)) == ""
    path = write(tmp_path, TITLE, new_code_cell(source, metadata={"tags": [FOLD]}))
    page = site_files([path])["20_mine.html"].decode()
    assert f'<details class="fold"><summary>{title}</summary>' in page


def test_without_mathjax_formulas_stay_in_tex_and_the_reader_is_told(repository, monkeypatch):
    monkeypatch.setattr("bpm_numpy.site.pages.find_mathjax", lambda: None)
    with pytest.warns(FilesWarning, match="formulas stay in TeX"):
        files = site_files(repository)
    page = files["21_more.html"].decode()
    assert r"$\alpha\otimes h$" in page and "Formulas stay in TeX here" in page
    assert "mathjax.js" not in page and "mathjax.js" not in files


def test_a_notebook_with_the_name_of_another_page_is_refused(tmp_path):
    with pytest.raises(ValueError, match="^paths: expected names other than index"):
        site_files([write(tmp_path, TITLE, name="index")])


# Executing them all


def notebooks(monkeypatch, tmp_path, **codes):
    """``tutorial`` finds these: name -> code of the one cell."""
    paths = [write(tmp_path, new_code_cell(code), name=name) for name, code in codes.items()]
    monkeypatch.setattr("bpm_numpy.commands.tutorial.find_notebooks", lambda: paths)
    return paths


@pytest.mark.notebook
def test_run_goes_on_after_a_failing_cell_a_dead_kernel_and_a_file_that_is_no_notebook(tmp_path, monkeypatch, capsys):
    paths = notebooks(monkeypatch, tmp_path, a="1 / 0", b="import os; os._exit(1)", c="3", d="print(4)")
    paths[2].write_text("no notebook")
    before = [path.read_bytes() for path in paths]
    assert main(["tutorial", "--run", "--write"]) == 1
    out = capsys.readouterr().out
    assert "ZeroDivisionError" in out and "DeadKernelError" in out and "no notebook" in out
    assert "1 of 4 notebooks ran: FAILED a.ipynb, b.ipynb, c.ipynb" in out
    assert [path.read_bytes() for path in paths[:3]] == before[:3] and paths[3].read_bytes() != before[3]


@pytest.mark.notebook
def test_a_notebook_that_was_edited_while_it_ran_stays_as_it_is(tmp_path, monkeypatch, capsys):
    (path,) = notebooks(monkeypatch, tmp_path, a="print(open('a.ipynb', 'a').write(' '))")
    before = path.read_text("utf-8")
    assert main(["tutorial", "--run", "--write"]) == 1
    assert "got a newer one; it stays" in capsys.readouterr().out and path.read_text("utf-8") == before + " "
