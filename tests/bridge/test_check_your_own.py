"""CHECK_YOUR_OWN.md: its blocks run in order, and print what stands below them."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "CHECK_YOUR_OWN.md").read_text(encoding="utf-8")


def blocks():
    """(code, what it prints or None) of every block of the page; the empty string for a block that prints nothing."""
    found = re.findall(r"^```(python|text)\n(.*?)^```$", PAGE, re.S | re.M)
    assert {language for language, _ in found} == {"python", "text"}
    return [
        (code, printed if following == "text" else "")
        for (language, code), (following, printed) in zip(found, [*found[1:], ("", "")])
        if language == "python"
    ]


def run(chosen):
    namespace = {}
    for number, (code, printed) in enumerate(chosen):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, f"CHECK_YOUR_OWN.md, block {number}", "exec"), namespace)
        assert out.getvalue() == printed, f"block {number}"


def needs_torch(block):
    return "import torch" in block[0]


def test_what_needs_no_pytorch_runs_without_it():
    chosen = blocks()
    first = next(number for number, block in enumerate(chosen) if needs_torch(block))
    assert first == 1
    run(chosen[:first])


def test_the_whole_page_runs_with_pytorch():
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[torch]'")
    assert len(blocks()) == 8
    run(blocks())


def test_links_of_the_page_lead_somewhere_and_the_readme_leads_here():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links and all((ROOT / link).exists() for link in links)
    assert "](CHECK_YOUR_OWN.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_torch_is_imported_in_one_module_of_the_package():
    importers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "bpm_numpy").rglob("*.py")
        if re.search(r"^\s*(import|from) torch\b", path.read_text(encoding="utf-8"), re.M)
    ]
    assert importers == ["bpm_numpy/bridge/torch_network.py"]


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_the_module_says_what_to_install():
    with pytest.raises(ImportError, match="expected PyTorch to be installed"):
        importlib.import_module("bpm_numpy.bridge.torch_network")
