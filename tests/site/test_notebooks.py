"""The notebooks: their form, and that a fresh run gives what is stored.

Numbers in text outputs are compared to a tolerance, everything around them to the letter.
"""

import re
from pathlib import Path

import nbformat
import pytest

from bpm_numpy.site.notebooks import clean, execute, find_notebooks, solutions

PATHS = find_notebooks()
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
by_name = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def text_of(output):
    """The text of one output: a stream's, or the plain text of a display."""
    text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def same(stored, fresh, relative=1e-3, absolute=1e-3):
    """Equal but for the last digits of numbers: rounding differs between machines, and may tip a printed digit.

    Tiny numbers are errors near rounding, which differ by factors, so all below ``absolute`` are alike. Versions
    in the first cell and column widths may differ.
    """
    if re.sub(r"\s+", " ", NUMBER.sub("#", stored)) != re.sub(r"\s+", " ", NUMBER.sub("#", fresh)):
        return False
    pairs = zip(map(float, NUMBER.findall(stored)), map(float, NUMBER.findall(fresh)))
    return all(abs(a - b) <= absolute + relative * max(abs(a), abs(b)) for a, b in pairs)


@pytest.mark.notebook
@by_name
def test_runs_afresh_and_gives_what_is_stored(path):
    stored = nbformat.read(path, as_version=4)
    fresh = execute(path, extra_cells=solutions(stored))
    for number, (old, new) in enumerate(zip(stored.cells, fresh.cells)):
        if old.cell_type != "code" or number == first_code_cell(stored):
            continue
        assert [o.output_type for o in old.outputs] == [o.output_type for o in new.outputs], f"cell {number}"
        for before, now in zip(old.outputs, new.outputs):
            assert same(text_of(before), text_of(now)), f"cell {number}:\n{text_of(before)}\n-- now --\n{text_of(now)}"


def first_code_cell(notebook):
    return next(number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code")


@by_name
def test_form(path):
    notebook = nbformat.read(path, as_version=4)
    cells = notebook.cells
    opening = cells[0].source
    assert opening.startswith("# ")
    assert all(phrase in opening for phrase in ("**You will", "You will learn", "You need", "minutes"))
    first = cells[first_code_cell(notebook)].source
    assert "import" in first and "__version__" in first and first.count("default_rng(") == 1
    later = "\n".join(cell.source for cell in cells[first_code_cell(notebook) + 1 :] if cell.cell_type == "code")
    assert "np.random.seed" not in later
    everything = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "## Exercises" in everything and "## Further reading" in everything
    assert everything.count("<details>") == everything.count("</details>") >= 3
    assert len(solutions(notebook)) >= 3 and all("assert" in solution for solution in solutions(notebook))


@by_name
def test_stored_executed_and_clean(path):
    notebook = nbformat.read(path, as_version=4)
    text = path.read_text(encoding="utf-8")
    assert nbformat.writes(clean(nbformat.reads(text, as_version=4))) + "\n" == text  # fixed ids, no stray metadata
    assert "widgets" not in notebook.metadata
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert len(cell.source.splitlines()) <= 25, cell.source
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")
            assert len(text_of(output).splitlines()) <= 60, cell.source
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


@by_name
def test_figures_have_alt_text(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"].split()) >= 5, cell.source


@by_name
def test_links_lead_somewhere(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\(([^)\s#]+)", cell.source):
                assert "://" in link or (path.parent / link).exists(), link


@pytest.mark.parametrize("readme", ["README.md", "notebooks/README.md"])
def test_readmes_list_every_notebook(readme):
    path = Path(__file__).parents[2] / readme
    links = re.findall(r"^\|(?:[^|]*\|)? ?\[\d[^]]*\]\(([^)]*)\)", path.read_text(encoding="utf-8"), re.M)
    assert [path.parent / link for link in links] == PATHS
