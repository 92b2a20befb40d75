"""The table of machines: what fails, and what can't be had here, is not called passed."""

import platform
import re
import subprocess
import sys

import machines
import pytest
from machines import ROOT, ROWS, Result, Row

on_intel = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="processors of this family only")


def test_the_lowest_versions_are_the_bounds_of_the_requirements():
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    expected = [line.replace(">=", "==") for line in requirements if line != "-e ."]
    assert machines.lowest_versions().splitlines() == expected and len(expected) >= 4
    own = re.search(r'^dependencies = \["(.*)"\]$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert own.group(1) in requirements  # the package asks for the same NumPy


def test_the_rows_cover_every_python_and_five_shakes():
    assert [row.pythons for name, row in ROWS.items() if name.startswith("Python")] == [
        ("3.10",), ("3.11",), ("3.12",), ("3.13",)
    ]  # fmt: skip
    assert {row.variables["SHAKE"] for name, row in ROWS.items() if name.startswith("shake")} == set("12345")


def test_an_interpreter_is_one_of_the_version_asked_for():
    found = machines.find_python((machines.HERE,))
    said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    assert said.startswith(f"Python {machines.HERE}.")
    assert machines.find_python(("2.99",)) is None
    assert machines.find_python(("2.99", machines.HERE)) == found


@pytest.mark.parametrize("names, code", [([], 0), (["lowest"], 1)])
def test_a_row_without_its_python_is_not_here(monkeypatch, capsys, names, code):
    monkeypatch.setattr(machines, "find_python", lambda versions: None)
    monkeypatch.setattr(sys, "argv", ["machines", *names])
    assert machines.main() == code
    said = capsys.readouterr().out
    assert said.count("not here   ") == (len(names) or len(ROWS)) and "0 passed, 0 FAILED" in said


def test_an_emulated_processor_needs_one_of_its_family(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert machines.run_rows({"Haswell": ROWS["Haswell"]})["Haswell"].outcome == "not here"


@pytest.mark.parametrize(
    "body, outcome, says",
    [("assert True", "passed", "1 passed"), ("assert 0", "FAILED", "1 failed"), ("1 +", "FAILED", "1 error")],
)
def test_a_part_says_what_pytest_says(monkeypatch, capsys, tmp_path, body, outcome, says):
    monkeypatch.setattr(machines, "ROOT", tmp_path)
    test = f"import os\ndef test_one():\n    assert os.environ['ONE'] == '1'\n    {body}\n"
    (tmp_path / "test_one.py").write_text(test)
    result = machines.run_part("a row", Row(variables={"ONE": "1"}), sys.executable, "not notebook")
    assert (result.outcome, result.says) == (outcome, says) and "NumPy" in result.versions
    assert ("test_one.py" in capsys.readouterr().out) == (outcome == "FAILED")  # the end of its output


def test_one_failed_part_is_a_failed_row():
    parts = [Result("passed", "NumPy 2", "2 passed", 0.1), Result("FAILED", "NumPy 2", "1 failed", 0.2)]
    assert machines.joined(parts) == ("FAILED", "NumPy 2", "2 passed; 1 failed", pytest.approx(0.3))
    assert machines.joined(parts[:1]) == parts[0]


def test_what_is_left_out_is_there():
    assert all((ROOT / "tests" / place).exists() for place in (*machines.NO_ROUNDING, *machines.NO_TRAINING))


def test_one_failed_row_is_a_failure(monkeypatch, capsys):
    results = {"native": Result("passed", "", "2 passed", 0.1), "lowest": Result("FAILED", "", "1 failed", 0.1)}
    monkeypatch.setattr(machines, "run_rows", lambda rows, rounding: results)
    monkeypatch.setattr(sys, "argv", ["machines"])
    assert machines.main() == 1 and "1 passed, 1 FAILED, 0 not here" in capsys.readouterr().out


def test_a_row_that_nobody_knows_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["machines", "Itanium"])
    with pytest.raises(SystemExit, match="2"):
        machines.main()
    assert "got Itanium" in capsys.readouterr().err


@pytest.mark.exact("it asks a NumPy of its own what it picks")
@on_intel
def test_an_older_processor_leaves_instructions_out():
    left_out = {}
    for name in ("Haswell", "Prescott"):
        variables = machines.older_processor(sys.executable, name)
        assert variables["OPENBLAS_CORETYPE"] == name
        left_out[name] = set(variables["NPY_DISABLE_CPU_FEATURES"].split())
        code = f"import os; os.environ.update({variables}); {machines.PICKED.strip()}"
        still = machines.output_of(sys.executable, code.replace("; import", "\nimport")).split()
        assert not left_out[name] & set(still)
    assert left_out["Haswell"] <= left_out["Prescott"]
    assert set(machines.output_of(sys.executable, machines.PICKED).split()) == left_out["Prescott"]
