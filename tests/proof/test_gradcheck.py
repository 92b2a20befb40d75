"""The checker itself: it passes right gradients, catches broken ones, and says what it saw and what it left out."""

import copy
import functools
import multiprocessing
import pickle
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from configurations import all_configurations

from bpm_numpy import GradientCheckError, gradcheck
from bpm_numpy.equations.clip import clip_forward
from bpm_numpy.proof import analytic
from bpm_numpy.proof.mistakes import MISTAKES, gradients_by_step
from bpm_numpy.proof.problems import REGIMES, Problem, random_problem

METHODS = ("complex", "central")
both_methods = pytest.mark.parametrize("method", METHODS)


# Right gradients pass and broken ones do not, in every configuration.


class Remembered(Problem):
    """A Problem that computes nothing twice, so that all mistakes are held against the same derivatives."""

    @functools.cached_property
    def trajectory(self):
        return super().forward(self.inputs)

    @functools.cached_property
    def losses(self):
        return {}

    def forward(self, inputs, plan=None):
        return self.trajectory if inputs is self.inputs else super().forward(inputs, plan)

    def loss(self, inputs):
        key = b"".join(value.tobytes() for value in inputs.values())
        if key not in self.losses:
            self.losses[key] = super().loss(inputs)
        return self.losses[key]


@functools.cache
def problems():
    """One of each configuration; each rule, cell and reading meets each regime of the clip twice."""
    rng = np.random.default_rng(2021)
    drawn = []
    for number, options in enumerate(all_configurations()):
        n_hidden = 2 if options["rule"] == "taylor" else 3
        problem = None
        while problem is None or (problem.cut_share() or 0) > 0.95:  # if all is cut, nothing else matters
            problem = Remembered(*random_problem(rng, 2, n_hidden, 2, 3, 2, REGIMES[number % 3], **options))
        drawn.append(problem)
    return drawn


def check(problem, grads, method, analytic=False):
    """Along one random direction in each input: the same directions whatever the gradients are.

    ``analytic``: that the complex step sees all of the loss is known, and not looked at again.
    """
    options = {"method": method, "directions": 1, "rng": np.random.default_rng(7), "raise_on_failure": False}
    return gradcheck(problem.loss, problem.inputs, grads, stop_gradient=analytic and method == "complex", **options)


@both_methods
def test_right_gradients_pass_in_every_configuration(method):
    reports = [check(problem, gradients_by_step(problem), method) for problem in problems()]
    assert not any(report.failures for report in reports)
    # At a kink a direction says nothing, so a report may not pass; but kinks are rare: nearly all was compared.
    kinks = sum(len(report.kinks) for report in reports)
    assert kinks <= 5 and sum(not report.passed for report in reports) <= kinks


@pytest.mark.parametrize("name", MISTAKES)
def test_a_broken_gradient_is_caught_wherever_it_matters(name):
    matters = [problem for problem in problems() if MISTAKES[name].matters(problem)]
    assert len(matters) >= 20
    for number, problem in enumerate(matters):
        with MISTAKES[name].made():
            grads = gradients_by_step(problem)
        # Both methods find the same derivatives everywhere (the test above), so central differences, which take most
        # of the time, meet every fourth problem. Where nearly all is cut, what passes is less than their tolerance.
        for method in METHODS if number % 4 == 0 and (problem.cut_share() or 0) < 0.8 else ("complex",):
            report = check(problem, grads, method, analytic=True)  # the test above has looked at that
            # What central differences leave out at a kink, they don't judge.
            assert not report.passed or report.kinks, f"{method} missed {name!r} in {problem.net}"


@pytest.mark.parametrize("name", MISTAKES)
def test_a_broken_gradient_is_right_where_it_does_not_matter_and_afterwards(name):
    for problem in problems():
        if not MISTAKES[name].matters(problem):
            right = gradients_by_step(problem)
            with MISTAKES[name].made():
                grads = gradients_by_step(problem)
            assert all(np.array_equal(grads[key], right[key]) for key in right), problem.net
    problem = problems()[-1]
    with MISTAKES[name].made():
        pass
    assert check(problem, gradients_by_step(problem), "complex").passed


def test_there_are_at_least_ten_broken_gradients():
    assert len(MISTAKES) >= 10
    assert all(mistake.description for mistake in MISTAKES.values())


@both_methods
def test_the_failure_of_a_network_names_the_parameters_that_are_wrong(method):
    problem = random_problem(np.random.default_rng(3), 2, 3, 2, 3, 2, "inactive", rule="trace")
    with MISTAKES["missing path through eta"].made():
        grads = gradients_by_step(problem)
    report = gradcheck(problem.loss, problem.inputs, grads, method=method, raise_on_failure=False)
    assert [row.name for row in report.parameters if row.failed] == ["eta"]
    with pytest.raises(GradientCheckError, match="^eta: analytic "):
        gradcheck(problem.loss, problem.inputs, grads, method=method)


# Kinks.


def clipped(params):
    return (2 * clip_forward(params["x"], 1.0)[0]).sum()


def check_clip(x, slope, **options):
    return gradcheck(clipped, {"x": np.array([x])}, {"x": np.array([slope])}, raise_on_failure=False, **options)


@pytest.mark.parametrize("x, slope", [(0.5, 2.0), (-0.99, 2.0), (1.5, 0.0), (-1.01, 0.0)])
@both_methods
def test_beside_a_kink_gradients_are_compared(x, slope, method):
    assert check_clip(x, slope, method=method).passed
    wrong = check_clip(x, slope + 0.01, method=method)
    assert not wrong.passed and not wrong.kinks


@pytest.mark.parametrize("x", [1.0, -1.0])
@pytest.mark.parametrize("slope", [2.0, 1.0, 0.0])
def test_at_a_kink_nothing_is_said_but_that_there_is_one(x, slope):
    report = check_clip(x, slope)
    assert report.kinks == [("x", (0,))]
    (row,) = report.parameters
    assert (row.checked, row.failed, row.worst) == (0, 0, None)
    assert not report.passed and not report.failures and report.max_relative_error == 0  # nothing was compared
    assert "1 left out at a kink" in report.verdict() and "0 of 1 compared" in report.verdict()


@pytest.mark.parametrize("x", [1.0, -1.0])
@pytest.mark.parametrize("slope", [17.0, 2.01, -0.01])
def test_a_gradient_at_a_kink_lies_between_the_slopes_of_both_sides(x, slope):
    loss = lambda params: clipped(params) + params["y"].sum()  # noqa: E731
    here, grads = {"x": np.array([x, 0.0]), "y": np.ones(2)}, {"x": np.array([slope, 2.0]), "y": np.ones(2)}
    report = gradcheck(loss, here, grads, raise_on_failure=False)
    assert report.kinks == [("x", (0,))] and not report.passed and not report.failures
    assert "x: 1 at a kink, such as x[0], are not between the slopes of both sides: wrong, unless" in report.verdict()


@pytest.mark.parametrize("distance", [3e-6, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("side, right", [(-1, 2.0), (1, 0.0)])
def test_a_kink_nearer_than_the_step_hides_nothing(distance, side, right):
    x = 1 + side * distance
    report = check_clip(x, right)
    assert report.passed and not report.kinks
    for wrong in (1.0, 2.0 - right, 17.0):
        assert check_clip(x, wrong).failures == [("x", (0,))]


def test_along_a_direction_across_several_kinks_each_may_have_a_slope_of_its_own():
    """relu(x) - relu(y): along (1, -1/2) the slopes of both sides are 1 and 1/2, and taking 0 at each kink is right."""
    loss = lambda params: np.maximum(params["x"][:2], 0) @ [1.0, -1.0] + params["x"][2:].sum()  # noqa: E731
    options = {"directions": 8, "rng": np.random.default_rng(0), "raise_on_failure": False}
    for slopes in ([0.0, 0.0], [1.0, -1.0], [1.0, 0.0]):
        report = gradcheck(loss, {"x": np.zeros(3)}, {"x": np.array([*slopes, 1.0])}, **options)
        assert not report.failures and report.kinks


def test_the_complex_step_stays_on_its_side_of_the_kink():
    for x, slope in ((1 - 1e-12, 2.0), (1.0, 2.0), (1 + 1e-12, 0.0)):
        assert check_clip(x, slope, method="complex").passed
        assert not check_clip(x, 1.0, method="complex").passed  # half of the jump


def test_a_kink_at_one_entry_leaves_the_others_to_be_compared():
    x = {"x": np.array([0.3, 1.0, 3.0])}
    report = gradcheck(clipped, x, {"x": np.array([2.0, 2.0, 0.0])})
    assert report.kinks == [("x", (1,))] and report.parameters[0].checked == 2
    with pytest.raises(GradientCheckError, match=r"^x\[2\]"):
        gradcheck(clipped, x, {"x": np.array([2.0, 2.0, 2.0])})


def test_a_direction_across_a_kink_is_listed_by_its_number():
    x = {"x": np.array([1.0, 0.0])}
    options = {"directions": 3, "rng": np.random.default_rng(0), "raise_on_failure": False}
    report = gradcheck(clipped, x, {"x": np.array([2.0, 2.0])}, **options)
    assert report.kinks == [("x", 0), ("x", 1), ("x", 2)]


def test_a_kink_too_small_to_matter_is_no_kink():
    loss = lambda params: 1e-9 * clipped(params) + 5 * params["x"].sum()  # noqa: E731
    report = gradcheck(loss, {"x": np.array([1.0])}, {"x": np.array([5.0])})
    assert not report.kinks and report.parameters[0].checked == 1


@pytest.mark.parametrize("loss, slope", [(lambda x: np.exp(30 * x), 30.0), (lambda x: np.sin(1e3 * x), 1e3)])
def test_strong_curvature_is_no_kink(loss, slope):
    x = {"x": np.array(0.0)}
    report = gradcheck(lambda params: loss(params["x"]), x, {"x": np.array(slope)}, rtol=1e-3)
    assert not report.kinks
    with pytest.raises(GradientCheckError):
        gradcheck(lambda params: loss(params["x"]), x, {"x": np.array(1.01 * slope)}, rtol=1e-3)


def test_a_network_at_the_bound_reports_its_kinks():
    """Hebb at the bound and h = 0: the update adds exactly 0, so Clip meets its kink in every entry."""
    problem = random_problem(np.random.default_rng(4), 2, 3, 2, 2, 1, clip=1.0)
    problem.inputs["state.hebb"] = np.ones((1, 3, 3))
    problem.inputs["state.h"] = np.zeros((1, 3))
    names = ("state.hebb", "W_x", "alpha")
    inputs, grads = ({name: arrays[name] for name in names} for arrays in (problem.inputs, gradients_by_step(problem)))

    def loss(moved):
        return problem.loss(problem.inputs | moved)

    report = gradcheck(loss, inputs, grads, raise_on_failure=False)
    assert [row.name for row in report.parameters if not row.passed] == ["state.hebb"] and not report.failures
    assert report.kinks == [("state.hebb", (0, i, j)) for i in range(3) for j in range(3)]
    assert gradcheck(loss, inputs, grads, method="complex").passed


# What a failure says, and what counts as one.


def square(params):
    return (params["w"] ** 2).sum() + 3 * params["b"]


POINT = {"w": np.array([[1.0, -2.0, 0.5], [3.0, 4.0, -1.5]]), "b": np.array(0.7)}
SLOPE = {"w": 2 * POINT["w"], "b": np.array(3.0)}


def changed(name, index, value):
    grads = {key: array.copy() for key, array in SLOPE.items()}
    grads[name][index] = value
    return grads


@both_methods
def test_a_failure_names_parameter_index_values_error_step_and_seed(method):
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(
            square, POINT, changed("w", (1, 2), -3.3), method=method, max_entries=6, rng=np.random.default_rng(77)
        )
    report, first = caught.value.report, str(caught.value).splitlines()[0]
    row = report.parameters[0]
    assert (row.name, row.worst, row.analytic, row.failed) == ("w", (1, 2), -3.3, 1)
    assert row.numeric == pytest.approx(-3.0, rel=1e-8)
    for part in (
        "w[1, 2]: ",
        "analytic -3.3000000000e+00",
        f"numeric {row.numeric:.10e}",
        f"relative error {row.relative_error:.2e}",
        f"{method} step {report.step:.1e}",
        "seed 77",
    ):
        assert part in first
    assert isinstance(caught.value, AssertionError)
    assert str(report) in str(caught.value)


def test_without_a_generator_there_is_no_seed_to_name():
    with pytest.raises(GradientCheckError, match="seed None"):
        gradcheck(square, POINT, changed("b", (), 2.0))


def test_the_worst_failure_of_all_parameters_is_named():
    grads = changed("w", (0, 0), 2.1) | {"b": np.array(30.0)}
    with pytest.raises(GradientCheckError, match="^b: analytic 3.0000000000e"):
        gradcheck(square, POINT, grads)
    report = gradcheck(square, POINT, grads, raise_on_failure=False)
    assert [row.failed for row in report.parameters] == [1, 1] and not report.passed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name, index", [("w", (0, 1)), ("b", ())])
@both_methods
def test_a_gradient_that_is_no_number_fails(name, index, value, method):
    report = gradcheck(square, POINT, changed(name, index, value), method=method, raise_on_failure=False)
    assert [row.failed for row in report.parameters] == [name == "w", name == "b"]
    assert {row.name: row.worst for row in report.parameters}[name] == index


@both_methods
def test_a_loss_that_is_no_number_fails(method):
    report = gradcheck(lambda params: square(params) * np.nan, POINT, SLOPE, method=method, raise_on_failure=False)
    assert not report.passed and not report.kinks and report.max_relative_error == np.inf


def test_an_entry_passes_within_atol_plus_rtol_of_the_larger():
    options = {"method": "complex", "rtol": 1e-3, "atol": 1e-4, "raise_on_failure": False}
    allowed = (3 + 1e-4) / (1 - 1e-3)  # a - 3 = atol + rtol a
    assert gradcheck(square, POINT, changed("b", (), allowed - 1e-9), **options).passed
    report = gradcheck(square, POINT, changed("b", (), allowed + 1e-9), **options)
    assert not report.passed and report.max_relative_error > 1e-3
    small = {"w": np.full((2, 3), 1e-5), "b": np.array(0.0)}  # slopes 2e-5: inside atol of 0
    assert gradcheck(square, small, {"w": np.zeros((2, 3)), "b": SLOPE["b"]}, **options).passed


def test_zero_tolerances_demand_equality():
    x = {"x": np.array([2.0, 0.0])}
    linear = lambda params: 4 * (params["x"][0] + params["x"][1])  # noqa: E731
    assert gradcheck(linear, x, {"x": np.array([4.0, 4.0])}, method="complex", step=2.0**-60, rtol=0, atol=0).passed
    with pytest.raises(GradientCheckError):
        gradcheck(linear, x, {"x": np.array([4.0, 4 + 1e-15])}, method="complex", step=2.0**-60, rtol=0, atol=0)


def test_the_central_step_grows_with_the_entry():
    at = []

    def loss(params):
        at.append(float(params["x"]))
        return params["x"] ** 2

    gradcheck(loss, {"x": np.array(1e6)}, {"x": np.array(2e6)}, step=1e-5)
    assert any(abs(x - 1e6 - 10) < 1e-5 for x in at)


def test_defaults_and_reported_settings():
    report = gradcheck(square, POINT, SLOPE)
    assert (report.method, report.rtol, report.atol, report.seed) == ("central", 1e-5, 1e-7, None)
    assert report.step == pytest.approx(6.06e-6, rel=1e-3)
    report = gradcheck(square, POINT, SLOPE, method="complex", rtol=1e-8)
    assert (report.method, report.step, report.rtol, report.atol) == ("complex", 1e-20, 1e-8, 1e-12)


# What it asks of the loss, and what it leaves alone.


@pytest.mark.parametrize(
    "loss, method, expected",
    [
        (lambda params: params["w"] ** 2, "central", "scalar"),
        (lambda params: params["w"][:1, 0], "central", "scalar"),
        (lambda params: [1.0], "central", "scalar"),
        (lambda params: None, "central", "scalar"),
        (lambda params: "3.0", "central", "scalar"),
        (lambda params: params["b"] > 0, "central", "scalar"),
        (lambda params: params["b"] * 1j, "central", "real"),
        (lambda params: np.abs(params["b"]), "complex", "complex"),
        (lambda params: params["b"].real ** 2, "complex", "complex"),
        (lambda params: 3.0, "complex", "complex"),
    ],
)
def test_a_loss_of_the_wrong_kind_is_a_type_error(loss, method, expected):
    with pytest.raises(TypeError, match=f"^loss: .*{expected}"):
        gradcheck(loss, POINT, SLOPE, method=method)


@both_methods
def test_a_loss_that_writes_into_its_argument_is_stopped(method):
    def loss(params):
        params["w"] *= 2
        return square(params)

    with pytest.raises(ValueError, match="read-only"):
        gradcheck(loss, POINT, SLOPE, method=method)


@both_methods
def test_the_callers_arrays_come_back_unchanged(method):
    params, grads = ({k: v.copy() for k, v in arrays.items()} for arrays in (POINT, SLOPE))
    kept = list(params.values()) + list(grads.values())
    gradcheck(square, params, grads, method=method)
    assert all(a is b for a, b in zip([*params.values(), *grads.values()], kept))
    for arrays, expected in ((params, POINT), (grads, SLOPE)):
        for name, value in arrays.items():
            assert np.array_equal(value, expected[name]) and value.flags.writeable


@pytest.mark.parametrize("seed", (1, 7, 9))
def test_every_entry_is_compared_however_coarse_the_loss_seems(seed):
    rng = np.random.default_rng(seed)
    X, b = rng.standard_normal((5, 3)), 0.3 * rng.standard_normal(4)
    w, Y = 1e-4 * rng.standard_normal((3, 4)), 1e4 * rng.standard_normal((5, 4))
    loss = lambda params: (np.maximum(X @ (1e4 * params["w"]) + params["b"], 0) * Y).sum()  # noqa: E731
    db = ((X @ (1e4 * w) + b > 0) * Y).sum(axis=0)
    report = gradcheck(loss, {"w": w, "b": b}, {"w": 0 * w, "b": -7 * db}, raise_on_failure=False)
    assert [(row.name, row.checked, row.failed) for row in report.parameters] == [("w", 12, 12), ("b", 4, 4)]


def test_a_part_that_is_lost_in_one_parameter_is_found_where_all_together_tell_nothing(monkeypatch):
    known = analytic._real_and_complex
    nothing = lambda at, direction, slope: known(at, direction, slope) if len(direction) == 1 else None  # noqa: E731
    monkeypatch.setattr(analytic, "_real_and_complex", nothing)

    def loss(params):
        return 1e6 * params["steep"].sum() + 1e5 * (np.vdot(params["flat"], params["flat"]) + params["flat"].sum())

    params, grads = (
        {"steep": np.ones(2), "flat": np.array([0.5, 2.0])},
        {"steep": np.full(2, 1e6), "flat": np.full(2, 1e5)},
    )
    with pytest.raises(ValueError, match="^loss: expected an analytic loss, but along a direction in flat"):
        gradcheck(loss, params, grads, method="complex")


def test_a_larger_atol_than_asked_for_is_said():
    a, b = np.array([1e-9, 2e-9]), np.array([0.5, -0.3])
    loss = lambda params: np.log(params["a"]).sum() + 1e-6 * np.exp(params["b"]).sum()  # noqa: E731
    report = gradcheck(loss, {"a": a, "b": b}, {"a": 1 / a, "b": 0 * b}, method="complex")
    assert report.verdict().endswith("atol 1e-12; atol up to 1e-05 was used")


def test_a_kink_at_many_entries_costs_no_more_than_a_few_steps_each():
    calls = []

    def loss(params):
        calls.append(1)
        return np.maximum(params["x"] - 1e-7, 0).sum()

    assert gradcheck(loss, {"x": np.zeros(200)}, {"x": np.zeros(200)}) and len(calls) < 20 * 200


def test_a_loss_that_raises_beside_the_parameters_is_not_called_coarse():
    def loss(params):
        if params["x"][0] != 1:
            raise ValueError("expected 1")
        return 2 * params["x"].sum()

    report = gradcheck(loss, {"x": np.ones(2)}, {"x": 2 * np.ones(2)}, raise_on_failure=False)
    assert report.failures == [("x", (0,))] and not report.problems and "expected 1" in report.hint


# What was less than a full comparison is said.


@both_methods
def test_derivatives_below_atol_are_counted(method):
    loss = lambda params: params["x"] @ [1.0, 1e-9, 1e-12, 0.0]  # noqa: E731
    atol = {"central": 1e-7, "complex": 1e-8}[method]
    grads = {"x": np.array([1.0, -1e-9, -1e-12, 0.0])}  # two of them wrong
    report = gradcheck(loss, {"x": np.ones(4)}, grads, method=method, atol=atol)
    assert f"x: 2 of 4 are so small that atol {atol:.0e} is 1% of them or more: scale" in report.verdict()
    grads = {"x": np.array([1.0, 1e-3, 1e-3, 0.0])}
    large = gradcheck(lambda params: params["x"] @ [1.0, 1e-3, 1e-3, 0.0], {"x": np.ones(4)}, grads, method=method)
    assert "so small that" not in large.verdict()
    grads = {"x": np.array([1.0, 0.0])}  # the second is forgotten, and smaller than atol
    report = gradcheck(lambda params: params["x"] @ [1.0, atol / 2], {"x": np.ones(2)}, grads, method=method, atol=atol)
    assert "x: 1 of 2 are so small" in report.verdict()


@both_methods
def test_a_loss_that_does_not_move_with_a_parameter_is_said(method):
    params = {"x": np.ones(2), "unused": np.ones(2), "also": np.array(2.0)}
    grads = {"x": 3 * np.ones(2), "unused": np.zeros(2), "also": np.array(0.0)}
    report = gradcheck(lambda params: (params["x"] ** 3).sum(), params, grads, method=method)
    assert [row.note != "" for row in report.parameters] == [False, True, True]
    assert "unused, also: the loss doesn't move here, and the gradient is 0" in report.verdict()
    flat = gradcheck(lambda params: (params["x"] ** 4).sum(), {"x": np.zeros(2)}, {"x": np.zeros(2)}, method=method)
    assert not flat.parameters[0].note  # its derivative is 0, but it moves


# Samples and directions.


@both_methods
def test_max_entries_samples_each_parameter_by_the_generator(method):
    params, grads = {"x": np.arange(30.0).reshape(5, 6), "y": np.zeros(2)}, {"x": np.ones((5, 6)), "y": np.ones(2)}
    sampled = []
    for seed in (5, 5, 6):
        seen = set()

        def loss(moved):
            seen.update(np.flatnonzero(moved["x"].ravel() != params["x"].ravel()))  # noqa: B023
            return moved["x"].sum() + moved["y"].sum()

        report = gradcheck(loss, params, grads, method=method, max_entries=4, rng=np.random.default_rng(seed))
        assert [row.checked for row in report.parameters] == [4, 2]
        assert len(seen) == 4 and report.seed == seed
        sampled.append(seen)
    assert sampled[0] == sampled[1] != sampled[2]


@pytest.mark.parametrize("method, evaluations", [("complex", 24), ("central", 24)])
def test_directions_take_the_same_few_evaluations_whatever_the_size(method, evaluations):
    for size in (1, 1000):
        calls = []

        def loss(params):
            calls.append(1)  # noqa: B023
            return (params["w"] ** 2).sum() + 3 * params["b"]

        w = np.linspace(-1, 1, size)
        options = {"method": method, "directions": 3, "rng": np.random.default_rng(0)}
        report = gradcheck(loss, {"w": w, "b": POINT["b"]}, {"w": 2 * w, "b": SLOPE["b"]}, **options)
        assert [row.checked for row in report.parameters] == [3, 3]
        assert len(calls) == evaluations  # central: two each; and some about the loss itself


@both_methods
def test_a_direction_sees_a_single_wrong_entry(method):
    options = {"method": method, "directions": 2, "rng": np.random.default_rng(8)}
    with pytest.raises(GradientCheckError, match=r"^w direction [01]: "):
        gradcheck(square, POINT, changed("w", (1, 1), 8.01), **options)


@pytest.mark.parametrize("scalar", [np.array(0.7), np.float64(0.7)])
@both_methods
def test_parameters_without_dimensions(scalar, method):
    report = gradcheck(lambda params: params["b"] ** 3, {"b": scalar}, {"b": 3 * scalar**2}, method=method)
    assert report.parameters[0].worst == () and report.parameters[0].checked == 1
    with pytest.raises(GradientCheckError, match="^b: analytic"):
        gradcheck(lambda params: params["b"] ** 3, {"b": scalar}, {"b": 2 * scalar**2}, method=method)


# The report.


def test_the_report_is_an_aligned_table():
    grads = changed("w", (1, 2), np.nan)
    point, grads = POINT | {"x": np.array(1.0)}, grads | {"x": np.array(0.0)}
    report = gradcheck(lambda params: square(params) + (params["x"] - 1) ** 2, point, grads, raise_on_failure=False)
    *rows, verdict = str(report).splitlines()
    assert repr(report) == str(report) and verdict == report.verdict()
    assert [row.split()[0] for row in rows] == ["parameter", "w", "b", "x"]
    assert len({len(row) for row in rows}) == 1
    ends = [[match.end() for match in re.finditer(r"\S+(?: \S+)*", row)] for row in rows]  # columns: two spaces apart
    assert [len(row) for row in ends] == [8, 8, 7, 7]  # an index-less parameter leaves "worst" empty
    assert all(set(row[1:]) <= set(ends[0]) for row in ends)
    assert "[1, 2]" in rows[1] and verdict.startswith("FAILED: 8 compared")


def test_the_report_as_a_table_for_notebooks():
    page = gradcheck(square, POINT, SLOPE)._repr_html_()
    assert page.startswith("<table>") and page.count("<tr>") == 3 and page.count("<td>") == 16
    assert "<p>passed: 7 compared" in page
    loss = lambda params: params["<b>"]  # noqa: E731
    assert "&lt;b&gt;" in gradcheck(loss, {"<b>": np.array(1.0)}, {"<b>": np.array(1.0)})._repr_html_()


def test_a_kink_has_a_dash_for_its_numbers():
    header, ((*_, worst, analytic, numeric, error),) = check_clip(1.0, 2.0).table()
    assert header[-4:] == ("worst", "analytic", "numeric", "relative error")
    assert (worst, analytic, numeric, error) == ("-", "-", "-", "-")


def test_the_largest_error_is_that_of_the_worst_entry():
    report = gradcheck(square, POINT, changed("w", (0, 2), 1.1), raise_on_failure=False)
    assert report.max_relative_error == report.parameters[0].relative_error
    assert report.max_relative_error == pytest.approx(0.1 / (1.1 + 1e-2), rel=1e-6)


# Arguments.


@pytest.mark.parametrize(
    "argument, error, options",
    [
        ("method", ValueError, {"method": "forward"}),
        ("method", ValueError, {"method": 1}),
        ("params", TypeError, {"params": [1.0]}),
        ("params", TypeError, {"params": POINT | {"b": 0.7}}),
        ("params", TypeError, {"params": POINT | {"b": np.float16(0.7)}}),
        ("params", ValueError, {"params": {}, "grads": {}}),
        ("params", ValueError, {"params": POINT | {"u": np.zeros((0, 3))}}),
        ("params", TypeError, {"params": POINT | {"b": np.array(1)}}),
        ("params", ValueError, {"params": POINT | {"b": np.array(np.nan)}}),
        ("grads", TypeError, {"grads": [1.0]}),
        ("grads", ValueError, {"grads": {"w": SLOPE["w"]}}),
        ("grads", ValueError, {"grads": SLOPE | {"u": np.array(1.0)}}),
        ("grads", ValueError, {"grads": SLOPE | {"w": SLOPE["w"].T}}),
        ("grads", TypeError, {"grads": SLOPE | {"w": SLOPE["w"].astype(np.float32)}}),
        ("grads", TypeError, {"grads": SLOPE | {"w": SLOPE["w"] * 1j}}),
        ("step", ValueError, {"step": 0}),
        ("step", ValueError, {"step": -1e-6}),
        ("step", ValueError, {"step": 5e-324}),
        ("step", TypeError, {"step": "small"}),
        ("step", ValueError, {"step": np.inf}),
        ("rtol", ValueError, {"rtol": -1e-9}),
        ("rtol", ValueError, {"rtol": np.nan}),
        ("atol", TypeError, {"atol": 1j}),
        ("rtol", ValueError, {"rtol": 1}),
        ("stop_gradient", TypeError, {"stop_gradient": 1}),
        ("stop_gradient", ValueError, {"stop_gradient": True}),
        ("max_entries", ValueError, {"max_entries": 0, "rng": np.random.default_rng(0)}),
        ("max_entries", TypeError, {"max_entries": 2.0, "rng": np.random.default_rng(0)}),
        ("directions", ValueError, {"directions": -1, "rng": np.random.default_rng(0)}),
        ("directions", TypeError, {"directions": True, "rng": np.random.default_rng(0)}),
        ("directions", ValueError, {"directions": 1, "max_entries": 1, "rng": np.random.default_rng(0)}),
        ("rng", TypeError, {"max_entries": 1}),
        ("rng", TypeError, {"directions": 1, "rng": np.random.RandomState(0)}),
    ],
)
def test_a_bad_argument_is_named(argument, error, options):
    arguments = {"params": POINT, "grads": SLOPE} | options
    with pytest.raises(error, match=f"^{argument}.*: expected"):
        gradcheck(square, **arguments)


# A check that can't be fooled.


def sum_of_squares(params):
    return (params["w"] ** 2).sum()


def drawn_anew():
    masks = np.random.default_rng(1)
    return lambda params: sum_of_squares({"w": params["w"] * (masks.random(6) < 0.8)})


def carried(start, keep):
    state = [start]

    def loss(params):
        value = (params["w"] * (1 + 0 * state[0])).sum() * (2 + 1e-9 * state[0])
        state[0] = keep(state[0])
        return value

    return loss


@pytest.mark.parametrize(
    "make",
    [
        drawn_anew,
        lambda: carried(1.0, lambda s: s + 1),
        lambda: carried(1.0, lambda s: -s),
        lambda: carried(0.0, lambda s: s + 1 if s == 0 else 0.5 * s + 1),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_loss_that_is_not_repeatable_is_an_error(make, sign):
    for seed in range(5):
        w = np.random.default_rng(seed).standard_normal(6)
        with pytest.raises(ValueError, match="^loss: expected the same value"):
            gradcheck(make(), {"w": w}, {"w": sign * 2 * w})


def test_a_loss_that_drifts_later_is_an_error_too():
    calls = []

    def loss(params):
        calls.append(1)
        return params["w"].sum() * (1 if len(calls) < 12 else 1 + 1e-6)

    with pytest.raises(ValueError, match="^loss: expected the same value before and after"):
        gradcheck(loss, {"w": np.ones(6)}, {"w": np.ones(6)}, raise_on_failure=False, atol=1.0, rtol=0.1)


def test_a_report_is_true_if_it_passed():
    w = {"w": np.array([1.0, 2.0])}
    assert gradcheck(sum_of_squares, w, {"w": 2 * w["w"]})
    report = gradcheck(sum_of_squares, w, {"w": 3 * w["w"]}, raise_on_failure=False)
    assert not report and not report.passed
    assert report.failures == [("w", (0,)), ("w", (1,))] and report.parameters[0].failures == ((0,), (1,))


def check_factor(factor):
    w = np.array([1.0, 2.0])
    return bool(gradcheck(sum_of_squares, {"w": w}, {"w": factor * w}))


def test_the_error_can_be_pickled_and_copied():
    with pytest.raises(GradientCheckError) as caught:
        check_factor(3)
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value), copy.deepcopy(caught.value)):
        assert type(twin) is GradientCheckError and str(twin) == str(caught.value)
        assert str(twin.report) == str(caught.value.report) and twin.report.failures == caught.value.report.failures


def test_the_error_crosses_a_process_pool():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(check_factor, 2).result()
        with pytest.raises(GradientCheckError, match=r"^w\[1\]: analytic 6"):
            pool.submit(check_factor, 3).result()


@both_methods
@pytest.mark.parametrize("tolerances", [{"rtol": 0, "atol": 0.5}, {"rtol": 0.5, "atol": 0}, {"rtol": 0, "atol": 0}])
def test_the_message_names_an_entry_that_failed(method, tolerances):
    """With rtol = 0 the small entry has the larger relative error, and passes."""
    w = np.array([1e-3, 1e3])
    grads = {"w": np.array([2.1e-3, 2e3 + 1.0]) if tolerances["rtol"] == 0 else np.array([8e-3, 2e3])}
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(sum_of_squares, {"w": w}, grads, method=method, **tolerances)
    worst = caught.value.report.parameters[0].worst
    assert worst in caught.value.report.parameters[0].failures
    assert str(caught.value).startswith(f"w[{worst[0]}]: ")


def test_the_reported_seed_draws_the_same_sample():
    w = {"w": np.linspace(-1, 1, 50)}
    wrong = {"w": 2 * w["w"] + 0.1}

    def failures(rng):
        options = {"max_entries": 5, "rng": rng, "raise_on_failure": False}
        report = gradcheck(sum_of_squares, w, wrong, **options)
        return report.seed, report.failures

    for rng in (np.random.default_rng(9), np.random.default_rng(), np.random.default_rng([1, 2])):
        seed, sample = failures(rng)
        assert seed is not None and failures(np.random.default_rng(seed)) == (seed, sample)
    used = np.random.default_rng(9)
    used.random()
    assert failures(used)[0] is None
    assert failures(np.random.default_rng(9).spawn(1)[0])[0] is None if hasattr(used, "spawn") else True
    assert failures(np.random.Generator(np.random.MT19937(9)))[0] is None


@pytest.mark.parametrize("options", [{}, {"directions": 2, "rng": np.random.default_rng(0)}])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_no_number_fails_at_kinks_too(value, options):
    zeros = {"x": np.zeros(3)}
    loss = lambda params: np.abs(params["x"]).sum()  # noqa: E731
    report = gradcheck(loss, zeros, {"x": np.full(3, value)}, raise_on_failure=False, **options)
    assert not report and report.parameters[0].failed == report.parameters[0].checked > 0


@pytest.mark.parametrize("at_kink, passes", [(0, True), (3, True), (4, False), (10, False)])
def test_at_least_a_quarter_of_a_parameter_must_be_compared(at_kink, passes):
    size = 10 if at_kink == 10 else 4
    x = np.arange(1.0, size + 1)
    x[:at_kink] = 0
    loss = lambda params: np.abs(params["x"]).sum()  # noqa: E731
    report = gradcheck(loss, {"x": x}, {"x": np.sign(x)}, raise_on_failure=False)
    assert report.passed == passes and len(report.kinks) == at_kink
    assert ("must be" in report.verdict()) == (not passes)


@both_methods
def test_below_a_given_atol_nothing_is_passed(method):
    w = np.array([1.0, -2.0])
    loss = lambda params: 1e-8 * sum_of_squares(params)  # noqa: E731
    for factor in (2e-8, -2e-8, 0.0):
        with pytest.raises(GradientCheckError, match="^w: no derivative is larger than atol"):
            gradcheck(loss, {"w": w}, {"w": factor * w}, method=method, atol=1e-7)
    assert gradcheck(loss, {"w": w}, {"w": 2e-8 * w}, method=method)
    with pytest.raises(GradientCheckError, match=r"^w\[\d\]: analytic"):
        gradcheck(loss, {"w": w}, {"w": -2e-8 * w}, method=method)


def test_a_small_parameter_beside_a_large_one():
    point = {"a": np.array([1.0, -2.0]), "b": np.array([0.5, 3.0])}
    for size, noted in ((1e-4, False), (1e-7, False), (1e-12, True)):
        loss = lambda params: (params["a"] ** 2).sum() + size * np.exp(params["b"]).sum()  # noqa: B023, E731
        right = {"a": 2 * point["a"], "b": size * np.exp(point["b"])}
        for method in METHODS:
            report = gradcheck(loss, point, right, method=method)
            assert ("compared with 0 only" in report.verdict()) == (noted and method == "central")
            wrong = gradcheck(loss, point, right | {"b": -right["b"]}, method=method, raise_on_failure=False)
            assert wrong.passed == (noted and method == "central")


def test_the_rounding_of_a_loss_is_told_in_the_verdict():
    w = np.array([1.0, -2.0])
    loss = lambda params: float(sum_of_squares({"w": params["w"].astype(np.float32)}))  # noqa: E731
    report = gradcheck(loss, {"w": w}, {"w": 2 * w})
    assert 1e-8 < report.rounding < 1e-5 and report.parameters[0].step > report.step
    assert "the loss is rounded to about" in report.verdict()
    assert gradcheck(sum_of_squares, {"w": w}, {"w": 2 * w}).rounding == 0


def test_a_part_that_is_held_fixed_on_purpose():
    w = np.array([1.0, -2.0])
    loss = lambda params: (params["w"].real * params["w"] ** 2).sum()  # noqa: E731
    held = {"w": 2 * w**2}  # the first factor stands for a constant
    with pytest.raises(ValueError, match="^loss: expected an analytic loss"):
        gradcheck(loss, {"w": w}, held, method="complex")
    assert gradcheck(loss, {"w": w}, held, method="complex", stop_gradient=True)
    with pytest.raises(GradientCheckError):
        gradcheck(loss, {"w": w}, {"w": 3 * w**2}, method="complex", stop_gradient=True)
    assert gradcheck(loss, {"w": w}, {"w": 3 * w**2})


def test_the_callers_point_survives_a_loss_that_insists_on_writing():
    w = np.array([1.0, -2.0])

    def loss(params):
        try:
            params["w"].setflags(write=True)
            params["w"] *= 0
        except ValueError:
            pass
        value = (params["w"] ** 2).sum()
        params["w"] = None
        return value

    assert gradcheck(loss, {"w": w}, {"w": 2 * w}) and np.array_equal(w, [1.0, -2.0])


def test_a_part_that_is_lost_is_seen_beside_a_much_larger_slope_in_another_parameter():
    def loss(p):
        return 10 * (p["a"] ** 2).sum() + 1e-6 * np.vdot(p["b"], p["b"]) + 1e-9 * p["b"].sum()

    a, b = np.array([0.3, -1.2]), np.array([0.7, 0.4])
    with pytest.raises(ValueError, match="^loss: expected an analytic loss, but along a direction in b the complex"):
        gradcheck(loss, {"a": a, "b": b}, {"a": 20 * a, "b": np.full(2, 1e-9)}, method="complex")


@both_methods
def test_noise_that_is_nothing_at_the_parameters_is_seen(method):
    def dropout(p):
        return (p["x"] ** 2).sum() + (p["b"] * (masks.random(8) < 0.5)).sum()

    params, masks = {"x": np.array([0.3, -1.2]), "b": np.zeros(8)}, np.random.default_rng(0)
    with pytest.raises(ValueError, match="^loss: expected the same value at the same parameters"):
        gradcheck(dropout, params, {"x": 2 * params["x"], "b": np.zeros(8)}, method=method)


@both_methods
@pytest.mark.parametrize(
    "loss, gradient, atol",
    [
        (lambda p: (p["x"] * np.nan).sum(), np.nan, None),  # a network that has blown up
        (lambda p: (p["x"] * np.nan).sum(), 0.0, None),
        (lambda p: (p["x"] ** 2).sum(), 0.0, 0),  # a gradient that was forgotten
    ],
)
def test_a_loss_without_a_slope_to_go_by_fails(method, loss, gradient, atol):
    report = gradcheck(
        loss, {"x": np.ones(2)}, {"x": np.full(2, gradient)}, method=method, atol=atol, raise_on_failure=False
    )
    assert not report.passed
