"""NumPy is shaken where it should be, by as much as is said, and nowhere else; each run in a process of its own."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SHAKEN = Path(__file__).parent / "shaken"
RUN = """
import pickle, sys
import numpy as np
rng = np.random.default_rng(0)
a, b, c = rng.uniform(0.1, 1, (5, 4)), rng.uniform(0.1, 1, (4, 4)), rng.uniform(0.1, 1, (3, 5, 4))
z, f = c + 1e-20j * c[::-1], c.astype(np.float32)
def results():
    inner = np.empty((3, 8, 4))[:, ::-2]
    return {
        "tanh": np.tanh(c), "exp": np.exp(a[::-1, ::2]), "log": np.log(a), "matmul": np.matmul(c, b), "@": a @ b,
        "stacked @": c @ c.transpose(0, 2, 1), "transposed @": b.T @ a.T, "vector @": a[0] @ b, "@ scalar": a[0] @ a[1],
        "out": np.matmul(c[:, :4], b, out=inner), "dot": np.dot(a, b), "einsum": np.einsum("ij,kj->ik", a, a),
        "tensordot": np.tensordot(c, b, axes=1), "vdot": np.vdot(a, a), "inner": np.inner(a, a),
        "np.sum": np.sum(a, axis=1), "sum": c.sum(axis=0), "sum of all": c.sum(), "mean": c.mean(axis=2),
        "add.reduce": np.add.reduce(c, axis=1),
        "imaginary tanh": np.tanh(z).imag, "imaginary @": (z @ b).imag, "real sum": z.sum(axis=0).real,
        "float32 tanh": np.tanh(f), "float32 @": f @ b.astype(np.float32), "float32 sum": f.sum(axis=1),
    }
def exact():
    whole, view = np.arange(12.0).reshape(3, 4), a.copy()
    same = np.einsum("ij->ji", view)
    return {
        "a + b": a + a[::-1], "a * b": a * a[::-1], "in place": np.add(a, a[::-1], out=a.copy()), "sqrt": np.sqrt(a),
        "whole sum": whole.sum(axis=0), "whole @": whole @ whole.T, "counts": (a > 0.5).sum(), "bound": np.tanh(40.0),
        "exp(0)": np.exp(np.zeros(2)), "integers": np.arange(5) @ np.arange(5), "a view": same, "its array": view,
        "odd": np.tanh(-c) + np.tanh(c), "infinite": np.exp(np.array([-np.inf, np.inf])),
        "objects": np.array([1, 2], object).sum(), "the same again": results()["@"] - results()["@"],
    }
pickle.dump((results(), exact()), open(sys.argv[1], "wb"))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def run(seed):
        path = tmp_path_factory.mktemp("shaken") / "results"
        environment = {name: value for name, value in os.environ.items() if name != "SHAKE"}
        if seed is not None:
            environment |= {"SHAKE": str(seed), "PYTHONPATH": str(SHAKEN)}
        subprocess.run([sys.executable, "-W", "error", "-c", RUN, path], env=environment, check=True)
        return pickle.loads(path.read_bytes())

    return run


@pytest.fixture(scope="module")
def usual(run):
    return run(None)


def test_every_kind_of_result_differs_in_its_last_bits_and_by_no_more(run, usual):
    for name, shaken in run(1)[0].items():
        as_usual = usual[0][name]
        size = 1e-7 if name.startswith("float32") else 1e-15
        # Half a unit in the last place for the factor and for the product; a mean is divided after its sum.
        moved = np.abs(shaken.astype(float) - as_usual) / np.abs(as_usual)
        assert 0.2 * size < moved.max() <= 2 * size, (name, moved.max())
        assert np.mean(moved > 0) > 0.4, name
        assert (moved * np.sign(shaken - as_usual)).min() < 0 or np.size(moved) < 3, name


def test_what_is_exact_on_every_machine_stays(run, usual):
    for name, shaken in run(1)[1].items():
        np.testing.assert_array_equal(shaken, usual[1][name], err_msg=name)


def test_the_seed_decides(run):
    one, again, other = run(1)[0], run(1)[0], run(2)[0]
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert all(not np.array_equal(one[name], other[name]) for name in one if np.size(one[name]) > 1)


def test_the_tests_refuse_a_seed_without_the_shaking():
    environment = os.environ | {"SHAKE": "1", "PYTHONPATH": ""}
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__]
    done = subprocess.run(collect, env=environment, capture_output=True, text=True)
    assert done.returncode != 0 and "expected NumPy to be shaken" in done.stderr + done.stdout
