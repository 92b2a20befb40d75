"""The benchmarks: that they compare the same functions in the regimes they name. No time is asserted."""

import importlib
import json
import mmap
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from systems import linux

from bpm_numpy.__main__ import main
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.commands.bench import (
    SIZES,
    STUDIED,
    Case,
    bound_shares,
    cases,
    make_problem,
    time_calls,
    trained_networks,
    trained_problem,
)
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.training import NETWORKS
from bpm_numpy.proof.problems import random_problem

FOLDER = Path(__file__).parent.parent / "benchmarks"
RECORDED = [  # options as trained networks have them
    {"plasticity": "none"},
    {"plasticity": "none", "cell": "lstm"},
    {"plasticity": "hebbian"},
    {"plasticity": "hebbian", "cell": "lstm", "alpha": "neuron"},
    {"rule": "trace", "modulator": "difference"},
    {"cell": "lstm", "fanout": True},
]
CELLS = [(cell, rule) for cell, rule, *_ in dict.fromkeys(sizes[:2] for sizes in SIZES.values())]


@pytest.fixture
def benchmark(monkeypatch):
    """Imports a file of benchmarks/."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def tiny(cell, rule, dtype="float64"):
    return make_problem(Case(cell, rule, 20, 3, 5, 2.0, dtype))


def framework(benchmark, engine):
    """The module of an engine, if the framework is installed."""
    name = {"PyTorch": "torch", "JAX": "jax"}[engine]
    pytest.importorskip(name, reason=f"{engine} is not installed: pip install -e '.[bench]'")
    return benchmark(f"with_{name}")


def test_the_cases_are_what_they_say():
    found = list(cases("float32"))
    assert len(found) == 12 and {regime for _, regime, _ in found} == {"inactive", "some", "many"}
    assert all(case.cell in name and case.rule in name and f"N{case.N}" in name for name, _, case in found)
    assert [regime for _, regime, _ in cases("float32", "N32 some")] == ["some"]
    for name, _, case in found:
        drives = [other.drive for other_name, _, other in found if other_name == name]
        assert drives == sorted(drives) and case.drive in drives


def test_regimes_of_the_small_case():
    for _, regime, case in cases("float32", "N32"):
        ever, end = bound_shares(make_problem(case))
        assert {"inactive": ever == 0, "some": 0 < ever < 0.01, "many": 0.1 <= end <= 0.4}[regime]


@pytest.mark.parametrize("cell, rule", CELLS)
def test_problems_are_reproducible_and_of_their_dtype(cell, rule):
    one, two, half = (tiny(cell, rule, dtype) for dtype in ("float64", "float64", "float32"))
    for name, value in one.inputs.items():
        np.testing.assert_array_equal(value, two.inputs[name])
        np.testing.assert_array_equal(value.astype(np.float32), half.inputs[name])
        assert half.inputs[name].dtype == np.float32


@pytest.mark.parametrize("cell, rule", CELLS)
@pytest.mark.parametrize("engine", ["step by step", "PyTorch", "JAX"])
def test_engines_have_the_same_gradients(benchmark, engine, cell, rule):
    problem = tiny(cell, rule)
    assert bound_shares(problem)[1] > 0.1
    module = benchmark("with_numpy") if engine == "step by step" else framework(benchmark, engine)
    ours = problem.gradients()
    theirs = {name: np.asarray(grad) for name, grad in module.TRAINING[engine](problem)().items()}
    assert theirs.keys() <= ours.keys() and theirs.keys() == problem.split(problem.inputs)[0].keys()
    difference = benchmark("compare").largest_difference({name: ours[name] for name in theirs}, theirs)
    assert difference < 1e-12


@pytest.mark.parametrize("options", RECORDED, ids=str)
@pytest.mark.parametrize("reading", ["notes", "paper"])
@pytest.mark.parametrize("engine", ["ours", "PyTorch", "JAX"])
def test_engines_know_the_options_of_trained_networks(benchmark, engine, reading, options):
    problem = random_problem(np.random.default_rng(0), 3, 5, 2, 6, 3, "sometimes", reading=reading, **options)
    problem = problem._replace(d_state=problem.net.initial_state(3))  # the engines' loss ignores the final state
    module = benchmark("with_numpy") if engine == "ours" else framework(benchmark, engine)
    step_by_step = benchmark("with_numpy").TRAINING["step by step"](problem)()
    theirs = {name: np.asarray(grad) for name, grad in module.TRAINING[engine](problem)().items()}
    assert theirs.keys() == step_by_step.keys()
    assert benchmark("compare").largest_difference(step_by_step, theirs) < 1e-12


@pytest.mark.parametrize("network", NETWORKS)
def test_pytorch_makes_the_same_updates(benchmark, network):
    twin = framework(benchmark, "PyTorch").UPDATING["PyTorch"]
    for task, setting in STUDIED:
        settings = settings_for(task, network, setting, changes={"task_options.batch": 3, "task_options.T": 12})
        ours, theirs = benchmark("with_numpy").UPDATING["ours"](settings), twin(settings)
        before = None
        for _ in range(3):
            after, others = ours(), {name: value.numpy() for name, value in theirs().items()}
            assert benchmark("compare").largest_difference(after, others) < 1e-6
            assert before is None or any((after[name] != before[name]).any() for name in after)
            before = after


@pytest.mark.parametrize("engine", ["Run.step", "PyTorch", "JAX"])
def test_engines_act_alike(benchmark, engine):
    problem = tiny("lstm", "trace")
    numpy_engines = benchmark("with_numpy")
    module = numpy_engines if engine == "Run.step" else framework(benchmark, engine)
    ours, theirs = numpy_engines.ACTING["net.step"](problem), module.ACTING[engine](problem)
    for _ in range(4):
        np.testing.assert_allclose(theirs(), ours(), rtol=0, atol=1e-12)


def test_largest_difference(benchmark):
    largest_difference = benchmark("compare").largest_difference
    one = {"a": np.array([1.0, -4.0]), "b": np.zeros(2)}
    assert largest_difference(one, one) == 0
    assert largest_difference(one, one | {"a": np.array([1.5, -4.0])}) == 0.125
    assert largest_difference(one, one | {"b": np.array([0.0, 1e-9])}) == 1
    with pytest.raises(KeyError):
        largest_difference(one, {"a": one["a"]})


def test_gradients_that_differ_end_the_run(benchmark, monkeypatch, capsys):
    compare = benchmark("compare")

    def work(engine, kind, case=None, calls=0, gradients=None):
        if kind == "training":
            assert case.dtype == "float64" and calls == 0
            np.savez(gradients, W_h=np.ones(3) + (1e-8 if engine == "JAX" else 0))
        return {}

    monkeypatch.setattr(compare, "work", work)
    assert compare.main(["--only", "N32 many"]) == 1
    assert "gradients differ" in capsys.readouterr().err


def test_slope(benchmark):
    slope = benchmark("compare").slope
    sizes = [1, 2, 4, 8, 16, 32]
    assert slope(sizes, [7, 5, 3 * 4**2, 3 * 8**2, 3 * 16**2, 3 * 32**2]) == pytest.approx(2)
    assert slope(sizes, [1, 2, 4, 8, 16, None]) is None and slope(sizes, [0, 1, 1, 1, 1, 1]) is None


def test_calls_are_repeated_for_the_time_asked():
    assert len(time_calls(lambda: None, 3)) == 3
    assert sum(time_calls(lambda: None, 1, duration=0.001)) >= 0.001


def test_floor_counts_the_products(benchmark):
    products = benchmark("products")
    net = tiny("rnn", "trace").net
    plan = Plan(chunk=4, rows=2, keep=1)
    first, last = products.unavoidable_products(net, 6, 3, plan)  # chunks of 4 and 2 steps, slices of 2 and 1 episodes
    assert first["h P, h Q", (2, 1, 5), (2, 5, 5)] == last["h P, h Q", (1, 1, 5), (1, 5, 5)] == 12
    assert first["S = (a ⊗ h) alpha", (6, 5), (5, 5)] == 1 and first["S = (a ⊗ h) alpha", (2, 5), (5, 5)] == 2
    assert first["dalpha = Σ (a ⊗ h) Vᵀ", (5, 12), (12, 5)] == first["dalpha = Σ (a ⊗ h) Vᵀ", (5, 2), (2, 5)] == 1
    for counter in (first, last):
        for _, left, right in counter:
            assert np.matmul(np.ones(left), np.ones(right)).size > 0
    products.floor(net, 6, 3, plan)()


def test_worker_measures_ours_and_says_what_is_missing(benchmark, monkeypatch):
    worker = benchmark("worker")
    case = Case("rnn", "outer", 8, 2, 64, 0.1, "float32")._asdict()  # just large enough for chunks
    monkeypatch.setattr(worker, "SHORTEST", 0)
    request = {"engine": "ours", "kind": "training", "case": case, "calls": 2, "gradients": None}
    measured = json.loads(json.dumps(worker.answer(request)))
    assert len(measured["seconds"]) == len(measured["floor"]) == 2
    assert measured["peak"] is None or measured["peak"] >= 0
    assert worker.answer({"engine": "ours", "kind": "about"})["numpy"] == np.__version__
    monkeypatch.setitem(sys.modules, "with_torch", None)
    assert "with_torch" in worker.answer({"engine": "PyTorch", "kind": "about"})["skipped"]


@linux
def test_peak_above_start(benchmark):
    # Pages fresh from the system: malloc may hand out memory that this process has used before. 48 MB, long freed when
    # the function returns.
    peak = benchmark("worker").peak_above_start(lambda: np.frombuffer(mmap.mmap(-1, 48_000_000), np.uint8).fill(1))
    assert 45e6 < peak < 55e6


def test_ours_alone_through_worker_table_and_figures(benchmark, monkeypatch, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    compare = benchmark("compare")
    real = compare.work

    def work(engine, kind, case=None, calls=0, gradients=None):
        if engine in ("PyTorch", "JAX"):
            return {"skipped": "not here"}
        return real(engine, kind, case, calls, gradients)

    monkeypatch.setattr(compare, "work", work)
    monkeypatch.setattr(compare, "CURVES", {"B": [(4, 2, 3), (4, 4, 3)]})
    file = tmp_path / "results.json"
    assert compare.main(["--quick", "--only", "N32 some", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "PyTorch: skipped not here" in printed and "step by step" in printed and "ours / floor" in printed
    (row,) = json.loads(file.read_text("utf-8"))["cases"]
    assert list(row["engines"]) == ["ours", "step by step"] and row["difference"] < 1e-9 and 0 < row["ever"] < 0.01

    curves = compare.time_curves(["ours", "step by step"], 0, 1)
    compare.print_curves(curves)
    from bpm_numpy.figures.draw_benchmark import plot_cases, plot_curves

    results = {"cases": [row], "curves": curves}
    marks, lines = plot_cases(results), plot_curves(results)
    assert [len(axis.lines) for axis in marks.axes] == [3, 2] and len(lines.axes) == 6
    assert compare.main(["--only", "no such case"]) == 2


def test_turns_of_the_engines_that_are_there(benchmark, monkeypatch, capsys):
    turns = benchmark("turns")
    monkeypatch.setattr(turns, "ENGINES", {"ours": "with_numpy", "step by step": "with_numpy"})
    assert turns.main(["--only", "N32 some", "--rounds", "2", "--beside", str(FOLDER.parent)]) == 0
    header, row, note = capsys.readouterr().out.splitlines()
    assert header.split() == "case clip ours, ms step by step / ours beside / ours".split()
    assert re.fullmatch(r"rnn outer N32 +some +\d+\.\d( +\d+\.\d \(\d+\.\d–\d+\.\d\)){2}", row)
    assert "one thread each" in note and turns.main(["--only", "no such case"]) == 2


def test_turns_of_trained_networks(benchmark, monkeypatch, capsys):
    turns = benchmark("turns")
    monkeypatch.setattr(turns, "ENGINES", {"ours": "with_numpy", "step by step": "with_numpy"})
    assert turns.main(["--trained", "--only", "association-verdict", "--rounds", "1"]) == 0
    header, *rows, without, plastic, note = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["study", "network", "plasticity"] and header.endswith("differ last digit")
    assert [row.split()[1:3] for row in rows[::2]] == [["none", "none"], ["simple", "modulated"]] and len(rows) == 4
    ratio = r"( +\d+\.\d \(\d+\.\d–\d+\.\d\))"
    for row in rows:
        assert re.match(rf"association-verdict +\w+ +\w+ +\d+\.\d{ratio}( +\de[-+]\d\d){{2}}$", row)
    assert re.match(rf" +all 1 +none{ratio}$", without)
    assert re.match(rf"association-verdict +all 3{ratio}$", plastic) and "as recorded" in note


def test_a_plain_loop_beside_ours(benchmark, monkeypatch, capsys):
    plain = benchmark("plain")
    monkeypatch.setattr(plain, "PASSES", 1)
    assert plain.main() == 0
    out = capsys.readouterr().out
    assert re.findall(r"^rnn outer N32, (\w+): ours \d+\.\d ms, plain", out, re.M) == ["inactive", "some", "many"]
    assert out.count("an update of") == 2 and out.count("%  ") == 5 * 7
    monkeypatch.setattr(plain, "TOLERANCE", 0.0)
    assert plain.main() == 1 and "gradients differ" in capsys.readouterr().err


def test_turns_of_updates(benchmark, capsys):
    framework(benchmark, "PyTorch")
    assert benchmark("turns").main(["--updates", "--only", "cue-reward tiny none", "--rounds", "1"]) == 0
    header, row, note = capsys.readouterr().out.splitlines()
    assert "ours, a second" in header and "PyTorch / ours" in header and "one thread each" in note
    assert re.match(r"cue-reward +tiny +none +\d+\.\d +\d+\.\d \(\d+\.\d–\d+\.\d\) +\de[-+]\d\d$", row)


@pytest.mark.parametrize("kind, tolerance", [("trained", 1e-9), ("update", 1e-6)])
def test_engines_that_differ_are_found(benchmark, monkeypatch, kind, tolerance):
    turns, named = benchmark("turns"), ["ours", "step by step"]

    def found(engine, last_digit):
        def ask(worker, kind, what, dtype, file, moved=False):
            assert dtype == "float64"
            np.savez(file, W=np.ones(3) + (last_digit if moved else engine * (worker == "ours")))

        monkeypatch.setattr(turns, "ask", ask)
        return turns.check({name: name for name in named}, kind, None)

    numbers, same = found(tolerance / 2, 0.0)
    assert same and numbers[0] == pytest.approx(tolerance / 2, rel=1e-3)
    assert not found(2 * tolerance, 0.0)[1] and not found(np.nan, 0.0)[1]
    assert found(2 * tolerance, tolerance)[1] == (kind == "trained")  # as steep as that by itself


def test_a_trained_network_reads_the_same_episodes_in_either_dtype():
    assert {("association", "none", "none"), ("bandit", "simple", "modulated")} <= set(trained_networks())
    (one, half) = (trained_problem("bandit", "simple", dtype=dtype) for dtype in (None, "float32"))
    assert one.net.dtype == np.float64 and half.net.dtype == half.d_logits.dtype == half.d_values.dtype == np.float32
    for name, value in one.inputs.items():
        np.testing.assert_array_equal(value.astype(np.float32), half.inputs[name])


def test_a_framework_that_is_missing_is_left_out(benchmark, monkeypatch, capsys):
    turns = benchmark("turns")
    monkeypatch.setitem(sys.modules, "with_jax", None)
    turns.work("JAX")
    assert "JAX: left out" in capsys.readouterr().err


def test_bench_command(capsys):
    assert main(["bench", "--only", "N32 some", "--passes", "1"]) == 0
    assert "rnn outer N32" in capsys.readouterr().out


def rows_of(capsys, *words):
    """The rows of bench's table, split; the words of its header are left out."""
    assert main(["bench", "--passes", "1", *words]) == 0
    captured = capsys.readouterr()
    assert re.search(r"^networks (\d+)/\1 in ", captured.err, re.M)  # a line of progress
    return [line.split() for line in captured.out.splitlines()[1:] if re.search(r"\d\.\d+$", line)]


def test_updates_a_second(capsys):
    rows = rows_of(capsys, "--updates")
    assert [row[0] for row in rows] == 4 * ["cue-reward"] + 4 * ["maze"]
    assert [row[2] for row in rows] == 2 * ["none", "plastic", "simple", "retroactive"]
    assert all(abs(float(row[-2]) / 1000 * float(row[-1]) - 1) < 0.5 for row in rows)  # both rounded


def test_only_selects_networks_too(capsys):
    assert [row[:3] for row in rows_of(capsys, "--updates", "--only", "tiny none")] == [["cue-reward", "tiny", "none"]]
    rows = rows_of(capsys, "--trained", "--only", "bandit simple")
    assert [row[:2] for row in rows] == [["bandit", "simple"]]


@pytest.mark.parametrize(
    "words, message",
    [
        ("--only zzz", "--only: expected a part of names such as 'rnn outer N100 inactive', got 'zzz'"),
        ("--trained --only zzz", "--only: expected a part of names such as '"),
        ("--updates --only zzz", "--only: expected a part of names such as 'cue-reward tiny none', got 'zzz'"),
        ("--trained --dtype float64", "--dtype: expected only for the cases, got float64"),
        ("--updates --dtype float64", "--dtype: expected only for the cases, got float64"),
        ("--updates --trained", "--updates: expected without --trained"),
        ("--updates --data .", "--data: expected only together with --trained, got '.'"),
        ("--data .", "--data: expected only together with --trained, got '.'"),
    ],
)
def test_options_that_would_do_nothing_are_refused(capsys, words, message):
    assert main(["bench", *words.split()]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"bench: {message}") and captured.out == ""


@pytest.mark.parametrize("name", ["cue-reward", "association"])
def test_trained_networks_are_timed_on_episodes_of_their_tasks(name):
    assert (name, "simple", "modulated") in set(trained_networks())
    problem = trained_problem(name, "simple")
    fast, steps = problem.gradients(), problem.gradients("steps")
    for parameter, value in steps.items():  # trained networks are steep: rounding grows over the steps
        assert np.abs(fast[parameter] - value).max() <= 1e-6 * max(np.abs(value).max(), 1e-300), parameter
