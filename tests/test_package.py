"""The package as a user meets it: what an import loads, what the command line says, what the README promises."""

import json
import pydoc
import re
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

import bpm_numpy
from bpm_numpy.__main__ import COMMANDS, main
from bpm_numpy.commands.check import SHORT, WHOLE, jobs
from bpm_numpy.commands.figures import all_files
from bpm_numpy.files import check_outputs, read_text, replace_file
from bpm_numpy.lab.interventions import load_interventions
from bpm_numpy.lab.studies import DATA
from bpm_numpy.parameters import parameter_shapes
from bpm_numpy.parts import REGISTRIES
from bpm_numpy.proof.problems import configurations
from bpm_numpy.site.readme import README, run_example
from bpm_numpy.site.results import anchor

ROOT = Path(__file__).parent.parent


def test_import_loads_numpy_and_nothing_else():
    script = (
        "import sys; import numpy, numpy.random; numpy_only = set(sys.modules); import bpm_numpy;"
        "new = {name.split('.')[0] for name in set(sys.modules) - numpy_only} - {'bpm_numpy'};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_no_command_prints_what_there_is(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    for command in ("quickstart", "check", "figures"):
        assert re.search(rf"^\s+{command}\s+\w", printed, re.M)


def test_check_covers_every_configuration_in_every_regime():
    selected = jobs({}, ("inactive", "sometimes", "mostly"), seed=0, full=False)
    every = list(configurations())
    static = sum(options["plasticity"] == "none" for options in every)  # for these one regime stands for all
    assert len(selected) == static + 3 * (len(every) - static)
    for kind, known in REGISTRIES.items():
        assert {options[kind] for options, *_ in selected} == set(known)
    assert len({(*sorted(options.items(), key=str), regime) for options, regime, _, _ in selected}) == len(selected)


def test_check_of_one_configuration(tmp_path, capsys):
    file = tmp_path / "table.json"
    options = "--cell lstm --plasticity modulated --modulator tanh --rule trace --fanout yes --reading paper"
    assert main(["check", *options.split(), "--alpha", "neuron", "--readout", "linear", "--json", str(file)]) == 0
    content = json.loads(file.read_text("utf-8"))
    assert [check["regime"] for check in content["checks"]] == ["inactive", "sometimes", "mostly"]
    assert all(check["passed"] and check["complex_error"] < 1e-10 for check in content["checks"])
    assert content["checks"][0]["cut_share"] == 0 and content["checks"][2]["cut_share"] > 0.8
    printed = capsys.readouterr().out
    assert all(cell in printed for cell in content["table"][0])


def test_check_fails_when_a_gradient_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr("bpm_numpy.equations.hebb_update.clip_backward", lambda d_clipped, inside: d_clipped)
    options = "--cell rnn --plasticity hebbian --rule outer --reading notes --alpha full --readout linear"
    assert main(["check", *options.split()]) == 1
    printed = capsys.readouterr().out
    assert "FAILED" in printed and "1 of 3 checks passed" in printed  # no entry is cut in the inactive regime


def test_check_of_many_wrong_gradients_is_short_and_sums_up(monkeypatch, tmp_path, capsys):
    right = bpm_numpy.cells.rnn.RNN.backward

    def wrong(self, net, dh, dc, dp, cache):
        dx, *rest = right(self, net, dh, dc, dp, cache)
        return -dx, *rest

    monkeypatch.setattr(bpm_numpy.cells.rnn.RNN, "backward", wrong)
    monkeypatch.setattr("bpm_numpy.commands.check.ProcessPoolExecutor", InThisProcess)
    file = tmp_path / "table.json"
    options = "--cell rnn --rule outer --modulator tanh --reading notes --alpha full".split()
    assert main(["check", *options, "--json", str(file)]) == 1
    checks, lines = json.loads(file.read_text("utf-8"))["checks"], capsys.readouterr().out.splitlines()
    failed = [line for line in lines if line.startswith("FAILED ")]
    assert len(checks) == 20 and not any(check["passed"] for check in checks)
    assert len(failed) == WHOLE + SHORT and "... and 7 more, which the table counts; --json FILE has them all" in lines
    assert len(lines) < 70 and all("backward is wrong in x, by complex step" in line for line in failed)
    assert re.match(r"0 of 20 checks passed, 20 FAILED, largest error 2e\+00 \(.*\), [\d.]+ s$", lines[-2])
    capsys.readouterr()
    again = failed[0].partition(": ")[0].split()[1:]
    assert main(["check", *again]) == 1
    assert "0 of 1 checks passed, 1 FAILED" in capsys.readouterr().out


class InThisProcess:
    """In place of a pool of processes, which wouldn't know what was patched where they are spawned."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, job):
        future = Future()
        future.set_result(function(job))
        return future


def test_check_ends_with_a_legend_and_one_line(capsys):
    assert main("check --cell rnn --rule soft --modulator tanh --alpha full --readout linear".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    errors = r"largest error \de-1\d \(\de-\d+ by central differences\)"
    assert re.match(rf"(\d+) of \1 checks passed, {errors}, .* s$", lines[-1])
    assert sum(line.startswith(("cut by Clip:", "backward:", "against forward mode")) for line in lines) == 3


@pytest.mark.parametrize("arguments", ["--plasticity none --rule trace", "--plasticity none --json /no/such/folder/x"])
def test_check_refuses_what_it_cannot_do(arguments, capsys):
    assert main(["check", *arguments.split()]) == 2
    assert re.search("expected a file|no valid configuration", capsys.readouterr().err)


def test_the_package_has_its_names_although_it_loads_them_when_they_are_asked_for():
    assert set(bpm_numpy.__all__) <= set(dir(bpm_numpy)) and "register" in bpm_numpy.__all__
    script = "import sys; before = set(sys.modules); import bpm_numpy; assert 'numpy' not in set(sys.modules) - before"
    script += "; from bpm_numpy import *; print(gradcheck.__name__)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed == "gradcheck\n"
    assert bpm_numpy.lab.settings.SETTINGS
    assert "class PlasticNetwork(builtins.object)" in pydoc.render_doc(bpm_numpy, renderer=pydoc.plaintext)
    assert set(bpm_numpy.__all__) == {name for name in vars(bpm_numpy.public) if not name.startswith("_")}
    with pytest.raises(AttributeError, match="module 'bpm_numpy' has no attribute 'nothing'"):
        _ = bpm_numpy.nothing
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from bpm_numpy import nothing  # noqa: F401


def test_any_module_can_be_imported_first_and_the_parts_are_known():
    script = (
        "import importlib, pkgutil, sys, numpy, bpm_numpy\n"
        "names = [m.name for m in pkgutil.walk_packages(bpm_numpy.__path__, 'bpm_numpy.')]\n"
        "for name in names:\n"
        "    if name.rpartition('.')[2] in ('__main__', 'torch_network') or '.figures' in name: continue\n"
        "    for known in [known for known in sys.modules if known.partition('.')[0] == 'bpm_numpy']:\n"
        "        del sys.modules[known]\n"
        "    importlib.import_module(name)\n"
        "    plugins = importlib.import_module('bpm_numpy.plugins')\n"
        "    assert all(importlib.import_module('bpm_numpy.parts').REGISTRIES.values()), name\n"
        "print(len(names))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == "" and int(done.stdout) > 100


def test_the_pictures_of_the_clone_are_known_as_the_commands_own():
    """So that it replaces them, and none that somebody has changed. After another way of writing one: note_output."""
    check_outputs(ROOT / "figures", all_files())


def test_figures_are_the_same_bytes_on_every_run(tmp_path):
    name = "hebb_over_time.png"
    for folder in ("one", "two"):
        assert main(["figures", "--folder", str(tmp_path / folder), name]) == 0
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert main(["figures", "no_such.png"]) == 2


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), replace_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    with replace_file(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"after" and list(tmp_path.iterdir()) == [path]
    for wrong, error in ((3, TypeError), (tmp_path, ValueError), (tmp_path / "no" / "folder", ValueError)):
        with pytest.raises(error, match="^path: expected"), replace_file(wrong):
            pass


def quick_start_blocks():
    section = re.search(r"^## Quick start\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)[1]
    return re.findall(r"^```(\w*)\n(.*?)^```$", section, re.S | re.M)


def test_readme_quick_start_is_two_lines_that_ci_runs():
    blocks = quick_start_blocks()
    assert [language for language, _ in blocks] == ["sh", "sh"]
    assert all(len(code.strip().splitlines()) == 1 for _, code in blocks)
    assert "bpm_numpy quickstart" in blocks[0][1] and "-m pytest" in blocks[1][1]


def test_readme_example_prints_what_stands_below_it():
    """What holds on every machine: the words and counts, a network that has learnt, and errors of rounding."""
    _, printed, says = run_example()
    right, errors = re.compile(r"^\d+(?=% right)"), re.compile(r"(?<=largest relative error )[\d.e-]+")
    for text in (printed, says):
        assert int(right.search(text)[0]) > 85 and float(errors.search(text)[0]) < 1e-12
    assert errors.sub("", right.sub("", printed)) == errors.sub("", right.sub("", says))
    with pytest.raises(ValueError, match="a block of python and one of text"):
        run_example("```python\nprint()\n```\n")


def test_readme_is_short_and_so_are_its_cells():
    readme = read_text(README)
    assert len(readme.split()) <= 900
    cells = [cell for line in readme.splitlines() if line.startswith("|") for cell in line.strip("|").split("|")]
    assert len(cells) > 150 and max(len(cell.split()) for cell in cells) <= 12


def test_the_first_screen_says_what_why_and_for_whom_and_leads_to_the_one_page():
    start = read_text(README).split("## Quick start")[0]
    assert len(start.splitlines()) < 40 and "](bpm_numpy/one_page.py)" in start
    assert all(f"**{word}.**" in start for word in ("What", "Why", "For whom"))


def test_the_walker_of_the_first_picture_needs_its_hebb():
    assert "without it, it finds less than half as often" in " ".join(read_text(README).split())
    (row,) = (of for of in load_interventions(DATA / "maze") if (of["label"], of["seed"]) == ("retroactive", 0))
    assert row["Hebb stays 0"] < 0.5 * row["untouched"]


PAGES = ("README", "RESULTS", "COMMANDS", "CONTRIBUTING", "ARCHITECTURE", "CHANGELOG", "notebooks/README")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    """To files that are there, and to headings of these pages."""
    path = ROOT / f"{page}.md"
    for link in re.findall(r"\]\(([^)\s]+)", re.sub(r"^```.*?^```$", "", read_text(path), flags=re.M | re.S)):
        if "://" not in link:
            file, _, heading = link.partition("#")
            target = path.parent / file if file else path
            assert target.exists(), link
            if heading:
                headings = re.findall(r"^#+ (.*)$", read_text(target), re.M)
                assert heading in map(anchor, headings), link


def test_the_papers_have_addresses_and_the_versions_agree():
    cff = read_text(ROOT / "CITATION.cff")
    for address in ("https://arxiv.org/abs/2002.10585", "https://arxiv.org/abs/1804.02464"):
        assert address in cff and address in read_text(README)
    version = bpm_numpy.__version__
    assert re.search(r"^version: (.*)$", cff, re.M)[1] == version
    assert re.findall(r"^## (\S+)", read_text(ROOT / "CHANGELOG.md"), re.M)[0] == version


def test_every_command_has_its_row_and_the_options_in_it_are_there(capsys):
    page = read_text(ROOT / "COMMANDS.md")
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `python -m bpm_numpy (\w+).*$", page, re.M)}
    assert list(rows) == list(COMMANDS)
    assert f"({len(list(configurations()))})" in rows["check"]
    for name, row in rows.items():
        with pytest.raises(SystemExit):
            main([name, "--help"])
        printed = capsys.readouterr().out
        assert set(re.findall(r"--[a-z]+", row)) <= set(re.findall(r"--[a-z]+", printed)) | {"--help"}, name


def test_symbol_table_names_every_parameter():
    names = set()
    for options in configurations():
        names |= set(parameter_shapes(bpm_numpy.PlasticNetwork(1, 2, 1, **options)))
    # The gates' and the readouts' are named by their pattern: W_ix ... b_o, F(h_t), values.
    patterns = re.compile(r"(W|b)_[ijfornz][xh]?$|[Wb]_[kyv]$|W_x$|b$")
    documented = set(re.findall(r"\w+", bpm_numpy.__doc__))
    assert {name for name in names if not patterns.match(name)} <= documented


def test_init_is_reproducible_and_as_documented():
    net = bpm_numpy.PlasticNetwork(2, 3, 2, cell="lstm", rule="trace", fanout=True)
    one, two = (net.init(np.random.default_rng(7)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not np.any(one["alpha"] == 0) and one["eta"] == 0.1
