"""Nested parameters, a chosen part of them, float32 and complex ones: names, structures, and what is refused."""

import collections
from typing import NamedTuple

import numpy as np
import pytest

from bpm_numpy import GradientCheckError, gradcheck


class Layer(NamedTuple):
    W: np.ndarray
    b: np.ndarray | None


rng = np.random.default_rng(3)
INPUT = rng.standard_normal((5, 2))
NET = {
    "layers": [Layer(rng.standard_normal((2, 3)), rng.standard_normal(3)), Layer(rng.standard_normal((3, 1)), None)],
    "scale": (np.array(0.7),),
}
NAMES = ["layers[0].W", "layers[0].b", "layers[1].W", "scale[0]"]
both_methods = pytest.mark.parametrize("method", ["central", "complex"])


def loss(net):
    first, second = net["layers"]
    return net["scale"][0] * (np.tanh(INPUT @ first.W + first.b) @ second.W).sum()


def gradient(net):
    first, second = net["layers"]
    hidden = np.tanh(INPUT @ first.W + first.b)
    d_out = net["scale"][0] * np.ones((5, 1))
    d_inner = (d_out @ second.W.T) * (1 - hidden**2)
    layers = [Layer(INPUT.T @ d_inner, d_inner.sum(0)), Layer(hidden.T @ d_out, None)]
    return {"layers": layers, "scale": (np.array((hidden @ second.W).sum()),)}


@both_methods
def test_nested_parameters_are_named_as_they_are_reached(method):
    grads = gradient(NET)
    report = gradcheck(loss, NET, grads, method=method)
    assert [row.name for row in report.parameters] == NAMES
    grads["layers"][0].b[1] *= -1
    with pytest.raises(GradientCheckError, match=r"^layers\[0\]\.b\[1\]: analytic"):
        gradcheck(loss, NET, grads, method=method)


def test_the_loss_gets_containers_of_the_same_kind_that_it_may_change():
    params = {
        "a": collections.OrderedDict(u=np.ones(2)),
        "b": collections.defaultdict(list, {"v": np.ones(1)}),
        "c": None,
    }
    seen = []

    def loss(p):
        seen.append((type(p["a"]), type(p["b"]), p["c"]))
        total = (p["a"].pop("u") ** 2).sum() + (p.pop("b")["v"] ** 3).sum()
        p["a"] = None
        return total

    grads = {"a": {"u": np.full(2, 2.0)}, "b": {"v": np.full(1, 3.0)}}
    assert gradcheck(loss, params, grads)
    assert set(seen) == {(collections.OrderedDict, collections.defaultdict, None)}
    assert list(params["a"]) == ["u"] and list(params) == ["a", "b", "c"]


@pytest.mark.parametrize("key", [0, ("layer", 0), None, 2.5])
def test_keys_may_be_anything(key):
    w = np.array([1.0, 2.0])
    assert gradcheck(lambda p: (p[key] ** 2).sum(), {key: w}, {key: 2 * w}).parameters[0].name == f"[{key!r}]"
    with pytest.raises(GradientCheckError):
        gradcheck(lambda p: (p[key] ** 2).sum(), {key: w}, {key: 3 * w})


def test_one_array_alone_and_lists():
    w = np.array([1.0, 2.0])
    assert gradcheck(lambda w: (w**2).sum(), w, 2 * w)
    assert not gradcheck(lambda w: (w**2).sum(), w, 3 * w, raise_on_failure=False)
    report = gradcheck(lambda p: (p[0] ** 2).sum() + p[1], [w, np.array(1.0)], (2 * w, np.array(1.0)))
    assert [row.name for row in report.parameters] == ["[0]", "[1]"]


def test_names_that_contain_dots_are_what_they_are():
    params = {"state": np.ones(1), "state.h": np.ones(1)}
    report = gradcheck(lambda p: (p["state"] * p["state.h"]).sum(), params, params, only="state")
    assert [row.name for row in report.parameters] == ["state"]
    with pytest.raises(ValueError, match="^params: expected names that differ"):
        gradcheck(lambda p: 1.0, {"a.b": np.ones(1), "a": {"b": np.ones(1)}}, {})


# A part of them.


@pytest.mark.parametrize(
    "only, names",
    [
        ("layers", NAMES[:3]),
        ("layers[0]", NAMES[:2]),
        ("layers[0].b", NAMES[1:2]),
        (["scale", "layers[1].W"], NAMES[2:]),
        ({"scale[0]"}, NAMES[3:]),
    ],
)
def test_a_part_of_the_parameters(only, names):
    report = gradcheck(loss, NET, gradient(NET), only=only)
    assert [row.name for row in report.parameters] == names


def test_what_is_left_out_may_be_anything_and_needs_no_gradient():
    params = {"w": np.ones(2), "power": 3, "mode": "sum", "empty": np.zeros((0, 2)), "counts": np.arange(3)}
    grads = {"w": np.full(2, 3.0)}
    assert gradcheck(lambda p: (p["w"] ** p["power"]).sum() + p["counts"].sum(), params, grads, only="w")
    with pytest.raises(TypeError, match="^params.*'power'.*: expected"):
        gradcheck(lambda p: 1.0, params, grads)


@pytest.mark.parametrize(
    "only, error", [("u", ValueError), ([], ValueError), ("", ValueError), (3, TypeError), ([0], TypeError)]
)
def test_names_that_do_not_exist_are_refused(only, error):
    with pytest.raises(error, match="^only: expected"):
        gradcheck(loss, NET, gradient(NET), only=only)


@pytest.mark.parametrize(
    "params, error",
    [
        ({}, ValueError),
        ([], ValueError),
        (None, TypeError),
        ({"a": None}, ValueError),
        ({"a": {"b": {}}}, ValueError),
        ({"a": np.zeros((2, 0))}, ValueError),
        ({"a": 1.0}, TypeError),
        ({"a": np.array([1, 2])}, TypeError),
        ({"a": np.array([True])}, TypeError),
        ({"a": np.array([1.0], object)}, TypeError),
        ({"a": np.array([1.0], np.float16)}, TypeError),
        ({"a": np.array([1.0], np.longdouble)}, TypeError),
        ({"a": np.ma.array([1.0])}, TypeError),
        ({"a": [1.0, 2.0]}, TypeError),
        ({"a": {1.0}}, TypeError),
    ],
)
def test_parameters_that_can_not_be_checked_are_refused_at_the_start(params, error):
    def never(p):
        raise AssertionError("called")

    with pytest.raises(error, match="^params.*: expected"):
        gradcheck(never, params, params)


@pytest.mark.parametrize(
    "grads",
    [
        {"layers": [], "scale": (np.array(1.0),)},
        {"layers": gradient(NET)["layers"]},
        {"layers": {0: 1}, "scale": (np.array(1.0),)},
        {**gradient(NET), "extra": np.ones(1)},
        {**gradient(NET), "scale": np.array(1.0)},
        {**gradient(NET), "scale": (np.ones(2),)},
        {**gradient(NET), "scale": (1.0,)},
        None,
    ],
)
def test_gradients_of_another_structure_are_refused(grads):
    with pytest.raises((TypeError, ValueError), match="^grads.*: expected"):
        gradcheck(loss, NET, grads)


def test_shared_memory_is_named_when_a_check_fails():
    w = np.ones((2, 3))
    params = {"all": w, "row": w[0]}
    with pytest.raises(GradientCheckError, match="all and row share memory"):
        gradcheck(lambda p: (p["all"] ** 2).sum(), params, {"all": 2 * w, "row": 2 * w[0]})


# Other dtypes.


@both_methods
def test_float32_parameters_have_tolerances_of_their_own(method):
    x = np.random.default_rng(0).standard_normal(20).astype(np.float32)
    seen = set()

    def loss(p):
        seen.add(p["x"].dtype)
        return np.tanh(p["x"]).sum() + (p["x"] ** 3).sum()

    right = 1 - np.tanh(x) ** 2 + 3 * x**2
    assert right.dtype == np.float32
    report = gradcheck(loss, {"x": x}, {"x": right}, method=method)
    assert (report.rtol, report.atol) == (1e-3, 1e-4)
    assert seen == {np.dtype(np.float32 if method == "central" else np.complex128)}
    for wrong in (-right, 1.1 * right, 0 * right, right + np.float32(0.1)):
        assert not gradcheck(loss, {"x": x}, {"x": wrong}, method=method, raise_on_failure=False)


def test_complex_parameters():
    z = np.array([1 + 2j, -0.5 + 0.3j, 2 - 1j])
    loss = lambda p: (np.abs(p["z"]) ** 2).sum() + (p["z"] ** 3).real.sum()  # noqa: E731
    right = 2 * z + np.conj(3 * z**2)
    report = gradcheck(loss, {"z": z}, {"z": right})
    assert isinstance(report.parameters[0].numeric, complex) and report.parameters[0].checked == 3
    assert gradcheck(loss, {"z": z}, {"z": right}, directions=3, rng=np.random.default_rng(0))
    with pytest.raises(GradientCheckError, match="conjugate would agree"):
        gradcheck(loss, {"z": z}, {"z": right.conj()})
    for wrong in (-right, right.real, 1j * right, right + 0.01j):
        for options in ({}, {"directions": 3, "rng": np.random.default_rng(0)}):
            wrong = np.asarray(wrong, complex)
            assert not gradcheck(loss, {"z": z}, {"z": wrong}, raise_on_failure=False, **options)
    with pytest.raises(TypeError, match="^params.*: expected real"):
        gradcheck(loss, {"z": z}, {"z": right}, method="complex")


def test_mixed_dtypes_keep_their_own():
    params = {"a": np.ones(2, np.float32), "z": np.full(2, 1j), "b": np.full(2, 0.5)}
    loss = lambda p: (p["a"].astype(float) ** 2).sum() + (np.abs(p["z"]) ** 2).sum() + (p["b"] ** 3).sum()  # noqa: E731
    grads = {"a": 2 * params["a"], "z": 2 * params["z"], "b": 3 * params["b"] ** 2}
    assert gradcheck(loss, params, grads)
    assert not gradcheck(loss, params, grads | {"z": -grads["z"]}, raise_on_failure=False)
