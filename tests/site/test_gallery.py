"""The page of figures/: up to date, and where the line of a picture comes from."""

from functools import partial
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from bpm_numpy.commands.figures import all_figures
from bpm_numpy.site.gallery import ROOT, describe, gallery


def test_the_page_is_up_to_date_and_has_a_line_for_every_picture():
    text = (ROOT / "figures" / "README.md").read_bytes()
    assert gallery(all_figures()) == text, "run `python -m bpm_numpy figures README.md`"
    pictures = sorted(path.name for path in Path(ROOT / "figures").iterdir() if path.suffix in (".png", ".gif"))
    assert [line.split("](")[0][3:] for line in text.decode().splitlines() if line.startswith("- [")] == pictures


def plot_rise():
    """A line that rises.

    More about it.
    """


def draw_rise():
    return plot_rise()


def plot_silent(): ...


for function in (plot_rise, draw_rise, plot_silent):
    function.__module__ = "bpm_numpy.tutorial.ch03_rise"


def shown(source, alt):
    picture = new_output("display_data", data={"image/png": ""}, metadata={"image/png": {"alt": alt}})
    return new_code_cell(source, outputs=[picture])


def test_the_text_of_a_page_comes_first_then_the_notebooks_then_the_docstring():
    once = [("03", new_notebook(cells=[shown("show_figure(plot_rise(), alt)", "A line\nfrom 0 to 1.")]))]
    page = "![A rising line](figures/rise.png)"
    assert describe("rise.png", draw_rise, page, once) == "A rising line"
    assert describe("rise.png", draw_rise, "", once) == "A line from 0 to 1. (Chapter 03.)"
    assert describe("rise.png", plot_rise, "", []) == "A line that rises."
    assert describe("rise.png", partial(plot_rise, "bandit"), "", []) == "A line that rises. `bandit`"


def test_a_picture_of_another_chapter_or_one_of_two_is_not_taken():
    cells = [shown("plot_rise()", "One."), shown("plot_rise()", "Two.")]
    assert describe("rise.png", plot_rise, "", [("03", new_notebook(cells=cells))]) == "A line that rises."
    assert describe("rise.png", plot_rise, "", [("04", new_notebook(cells=cells[:1]))]) == "A line that rises."


def test_a_picture_without_any_text_is_refused():
    with pytest.raises(ValueError, match="silent.png: expected an alt text or a docstring of plot_silent"):
        describe("silent.png", plot_silent, "", [])
