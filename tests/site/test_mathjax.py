"""MathJax is found among JupyterLab's files by what its modules export, however they are written, and comes whole."""

import json
import re

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from bpm_numpy.site.mathjax import EXPORTS, find_mathjax, read_mathjax

# A module as the bundlers of different versions of JupyterLab write it: number, names of the parameters, code.
FORMS = [
    "{0}({1}){{{2}}}",
    "{0}:({1})=>{{{2}}}",
    "{0}: function({1}) {{{2}}}",
]


def bundle(form, *modules):
    """A file of a bundle: modules as (number, code)."""
    texts = ",".join(form.format(number, "e,t,r", code) for number, code in modules)
    return f'"use strict";(self.chunks=self.chunks||[]).push([[7],{{{texts}}}]);'


def font(path, name):
    """Write a font of one empty glyph."""
    made = FontBuilder(1000)
    made.setupGlyphOrder([".notdef"])
    made.setupCharacterMap({})
    made.setupGlyf({".notdef": TTGlyphPen(None).glyph()})
    made.setupHorizontalMetrics({".notdef": (500, 0)})
    made.setupHorizontalHeader()
    made.setupNameTable({"psName": name})
    made.setupPost()
    made.font.flavor = "woff"
    made.save(path)


@pytest.fixture(params=FORMS)
def folder(tmp_path, request):
    """JupyterLab's files: MathJax in three of them, a licence, a font; and others."""
    exports = [(100 + k, f"t.{name}=void 0;r(200)") for k, name in enumerate(EXPORTS)]
    exports[0] = (100, "t.mathjax = void 0;var n=r(201);n.a='%%URL%%/MathJax_Zero.woff'")
    (tmp_path / "1.js").write_text(bundle(request.param, *exports))
    (tmp_path / "2.js").write_text(bundle(request.param, (200, "t.needed=r(202)"), (201, "t.x=1")))
    (tmp_path / "3.js").write_text(bundle(request.param, (202, "t.last=1"), (201, "t.x=1")))
    (tmp_path / "4.js").write_text(bundle(request.param, (201, "t.x=r(300)"), (300, "t.elsewhere=1")))
    (tmp_path / "5.js").write_text("console.log('no bundle')")
    font(tmp_path / "a.woff", "MathJax_Zero")
    font(tmp_path / "b.woff", "Another")
    package = {"name": "mathjax-full", "versionInfo": "3.2.2", "extractedText": "What is allowed"}
    (tmp_path / "third-party-licenses.json").write_text(json.dumps({"packages": [package]}))
    return tmp_path


def test_the_script_has_the_modules_that_are_needed_and_no_others(folder):
    script, licence = read_mathjax(folder)
    assert all((folder / f"{k}.js").read_text("utf-8") in script for k in (1, 2, 3))
    assert "elsewhere" not in script and "no bundle" not in script
    modules = json.loads(re.search(r"modules: (\{.*?\})", script)[1])
    assert modules == {name: str(100 + k) for k, name in enumerate(EXPORTS)}
    fonts = json.loads(re.search(r"fonts: (\{.*?\})", script)[1])
    assert list(fonts) == ["MathJax_Zero"] and fonts["MathJax_Zero"].startswith("data:font/woff;base64,")
    assert licence == "mathjax-full 3.2.2\n\nWhat is allowed"


@pytest.mark.parametrize("missing", ["1.js", "a.woff", "third-party-licenses.json"])
def test_what_is_not_whole_is_not_taken(folder, missing):
    (folder / missing).unlink()
    assert read_mathjax(folder) is None


def test_a_module_that_is_nowhere_is_not_passed_over(folder):
    (folder / "3.js").unlink()
    assert read_mathjax(folder) is None


def test_the_jupyterlab_that_is_installed_has_it():
    pytest.importorskip("jupyterlab")
    script, licence = find_mathjax()
    assert "Apache" in licence and "MathJax_Main-Regular" in script
