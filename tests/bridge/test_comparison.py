"""What people get wrong is planted, and the comparison has to say what it is."""

import numpy as np
import pytest
from configurations import random_problem

from bpm_numpy import PlasticNetwork
from bpm_numpy.bridge.comparison import SwappedProduct, compare
from bpm_numpy.proof.gradcheck import gradcheck
from bpm_numpy.proof.mistakes import MISTAKES, gradients_by_step

SIZES = {"T": 6, "B": 4, "D": 2, "N": 5, "A": 3}


def problem_of(**options):
    return random_problem(np.random.default_rng(3), options, **SIZES, regime="sometimes")


def numbers(problem, net=None, params=None):
    """Outputs and gradients of a network (the problem's own if None) at the problem's point, as two dicts."""
    own, x, state = problem.split(problem.inputs)
    net, params = net or problem.net, own if params is None else params
    traj = net.forward(params, x, state)
    grads = net.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state)
    names = ("logits", "values", "modulator", "h", "c", "hebb")
    outputs = {name: getattr(traj, name) for name in names if getattr(traj, name) is not None}
    return outputs, {**grads.params, "x": grads.x}


def compared(problem, outputs, gradients, **changes):
    params, x, state = problem.split(problem.inputs)
    given = {"d_logits": problem.d_logits, "d_values": problem.d_values, "d_state": problem.d_state, "state": state}
    return compare(problem.net, params, x, outputs, gradients, **(given | changes))


def row_of(problem, name, change):
    """The row of one array that ``change`` was applied to; all others are equal."""
    outputs, gradients = numbers(problem)
    place, key = (gradients, name[2:]) if name.startswith("d ") else (outputs, name)
    place[key] = change(place[key])
    report = compared(problem, outputs, gradients)
    rows = {row.name: row for row in report.rows}
    assert not report.equal and all(row.kind == "equal" for row in report.rows if row.name != name)
    return rows[name]


LSTM = {"cell": "lstm", "rule": "trace", "fanout": True, "reading": "paper"}


@pytest.mark.parametrize("options", [LSTM, {"cell": "gru"}, {"plasticity": "hebbian"}, {"plasticity": "none"}])
def test_the_same_numbers_are_equal_and_rounding_too(options):
    problem = problem_of(**options)
    outputs, gradients = numbers(problem)
    assert compared(problem, outputs, gradients).equal
    rounded = {name: value * (1 + 1e-12) for name, value in gradients.items()}
    report = compared(problem, outputs, rounded)
    assert report.equal and len(report.rows) == len(outputs) + len(gradients) and report.not_given == ()
    assert not compared(problem, outputs, gradients | {"x": gradients["x"] * (1 + 1e-8)}).equal


def test_single_precision_is_equal_at_its_own_tolerance():
    problem = problem_of(**LSTM)
    outputs, gradients = ({name: a.astype(np.float32) for name, a in arrays.items()} for arrays in numbers(problem))
    assert compared(problem, outputs, gradients, tolerance=1e-4).equal
    report = compared(problem, outputs, gradients)
    assert not report.equal and {row.kind for row in report.rows} == {"different"}
    scaled = {name: value / np.float32(6) for name, value in gradients.items()}
    rows = compared(problem, outputs, scaled, tolerance=1e-4).rows
    assert {row.words for row in rows if row.name.startswith("d ")} == {"1/T times ours"}


PLANTED = [
    ("d W_ih", lambda a: a.T, "transposed"),
    ("d alpha", lambda a: a.T, "transposed"),
    ("hebb", lambda a: a.swapaxes(2, 3), "transposed"),
    ("logits", lambda a: a.swapaxes(0, 1), "yours has episodes before steps"),
    ("hebb", lambda a: a.swapaxes(0, 1).swapaxes(2, 3), "yours has episodes before steps; transposed"),
    ("d W_ix", lambda a: a / 6, "1/T times ours"),
    ("d W_ix", lambda a: a * 6, "T times ours"),
    ("d b_m", lambda a: a / 4, "1/B times ours"),
    ("d b_o", lambda a: a / 24, "1/(T B) times ours"),
    ("d alpha", lambda a: a / 5, "1/N times ours"),
    ("d b_f", lambda a: 2 * a, "2 times ours"),
    ("d eta", lambda a: -a, "the sign is the other one"),
    ("d W_fx", lambda a: -a.T / 6, "transposed; minus 1/T times ours"),
    ("d b_i", lambda a: 0.37 * a, "0.37 times ours, a factor without a name"),
    ("h", lambda a: a[1:], "without the initial one: yours[t] is our [t + 1]"),
    ("hebb", lambda a: a[:-1], "without the last one: yours[t] is our [t]"),
    ("modulator", lambda a: np.concatenate([a[:1], a[:-1]]), "one step too late: yours[t + 1] is our [t]"),
    ("values", lambda a: np.concatenate([a[1:], a[:1]]), "one step too early: yours[t] is our [t + 1]"),
    (
        "d x",
        lambda a: np.concatenate([a[1:], a[:1]]) / 4,
        "one step too early: yours[t] is our [t + 1]; 1/B times ours",
    ),
]


@pytest.mark.parametrize("name, change, words", PLANTED, ids=[f"{name} {words}" for name, _, words in PLANTED])
def test_a_planted_difference_is_said_in_words(name, change, words):
    row = row_of(problem_of(**LSTM), name, change)
    assert (row.kind, row.words) == ("related", words)


def test_a_factor_that_may_be_two_sizes_names_both():
    problem = random_problem(np.random.default_rng(3), {"cell": "lstm"}, T=2, B=4, D=2, N=4, A=3)
    outputs, gradients = numbers(problem)
    rows = compared(problem, outputs, gradients | {"W_ix": 2 * gradients["W_ix"], "b_i": gradients["b_i"] / 4}).rows
    words = {row.name: row.words for row in rows if row.kind != "equal"}
    assert words == {"d W_ix": "T or 2 times ours", "d b_i": "1/B or 1/N times ours"}


def test_gates_under_one_anothers_names():
    problem = problem_of(**LSTM)
    outputs, gradients = numbers(problem)
    swapped = gradients | {f"W_{k}x": gradients[f"W_{other}x"] / 6 for k, other in ("ij", "ji")}
    rows = {row.name: row for row in compared(problem, outputs, swapped).rows}
    for k, other in ("ij", "ji"):
        assert rows[f"d W_{k}x"].words == f"it is our W_{other}x: another order of the gates; 1/T times ours"


def test_only_gates_are_taken_for_one_another():
    """In an rnn with N = D = A, W_y for W_h is no order of gates."""
    problem = random_problem(np.random.default_rng(3), {}, T=6, B=4, D=3, N=3, A=3)
    outputs, gradients = numbers(problem)
    rows = compared(problem, outputs, gradients | {"W_h": gradients["W_y"], "b": gradients["W_m"]}).rows
    assert [row.name for row in rows if row.kind != "equal"] == ["d W_h", "d b"]
    assert all(row.kind == "different" for row in rows if row.name in ("d W_h", "d b"))


def test_what_is_simply_wrong_is_different():
    problem = problem_of(**LSTM)
    rng = np.random.default_rng(0)
    for change in (lambda a: a + 0.1 * rng.standard_normal(a.shape), lambda a: np.zeros_like(a), lambda a: a + 1):
        assert row_of(problem, "d W_jh", change).words.startswith("different: up to")
    assert row_of(problem, "d W_jh", lambda a: a[:2]).words == "different: shape (2, 5), ours is (5, 5)"
    assert row_of(problem, "d W_jh", lambda a: a * np.nan).words == "different: yours holds NaN or infinity"
    # One number is a multiple of any other, which says nothing.
    assert row_of(problem, "d eta", lambda a: 0.37 * a).kind == "different"
    report = compared(problem, {"logits": numbers(problem)[0]["logits"] + 1}, {})
    assert report.explanations == () and "no single change" in str(report)


@pytest.mark.parametrize("mistake", ["missing alpha", "detached trace"])
def test_a_missing_term_leaves_outputs_equal_and_explains_nothing(mistake):
    problem = problem_of(**LSTM)
    outputs, _ = numbers(problem)
    with MISTAKES[mistake].made():
        grads = gradients_by_step(problem)
    report = compared(problem, outputs, {name: value for name, value in grads.items() if not name.startswith("state.")})
    rows = {row.name: row.kind for row in report.rows}
    assert all(rows[name] == "equal" for name in outputs) and "different" in rows.values()
    assert report.explanations == ()


def test_zeros_are_said_to_be_zeros():
    problem = problem_of(cell="rnn", plasticity="hebbian")
    zero = {"d_logits": np.zeros_like(problem.d_logits), "d_values": None, "d_state": None}
    params = problem.split(problem.inputs)[0]
    report = compared(problem, {}, {name: np.zeros(value.shape) for name, value in params.items()}, **zero)
    assert report.equal and {row.words for row in report.rows} == {"equal: 0 everywhere, in both"}


def explained(problem, net=None, params=None, rename=lambda gradients: gradients, options=None):
    """The explanations of what another network, or other parameters, compute."""
    outputs, gradients = numbers(problem, net, params)
    report = compared(problem, outputs, rename(gradients))
    assert any(row.kind == "different" for row in report.rows)
    for words, rows in report.explanations:
        assert f"with {words} all would be equal" in str(report) and all(row.kind == "equal" for row in rows)
    return [words for words, _ in report.explanations]


@pytest.mark.parametrize(
    "options, change",
    [
        (LSTM, {"reading": "notes"}),
        ({"rule": "trace"}, {"reading": "paper"}),
        ({"rule": "outer"}, {"rule": "decay"}),
        ({"cell": "gru", "rule": "oja"}, {"rule": "outer"}),
        ({"modulator": "sigmoid"}, {"modulator": "tanh"}),
        ({"plasticity": "hebbian"}, {"clip": np.inf}),
    ],
)
def test_another_network_is_recognised(options, change):
    problem = problem_of(**options)
    other = PlasticNetwork(**(problem.net.options | change))
    (name, value), *_ = change.items()
    assert f"{name}={value!r}" in explained(problem, other)


def test_the_outer_product_the_other_way_round_is_recognised():
    problem = problem_of(cell="lstm", rule="trace")
    other = PlasticNetwork(**(problem.net.options | {"rule": SwappedProduct(problem.net.rule)}))
    assert explained(problem, other) == ["the outer product p_t h_{t-1}ᵀ in place of h_{t-1} p_tᵀ"]


def test_the_swapped_product_has_the_gradients_of_what_it_computes():
    problem = problem_of(cell="rnn", rule="decay")
    swapped = problem._replace(net=PlasticNetwork(**(problem.net.options | {"rule": SwappedProduct(problem.net.rule)})))
    assert abs(swapped.loss(problem.inputs) - problem.loss(problem.inputs)) > 1e-3
    assert gradcheck(swapped.loss, problem.inputs, swapped.gradients(), method="complex").passed


@pytest.mark.parametrize(
    "names, words",
    [(["W_h"], "W_h transposed"), (["alpha"], "alpha transposed"), (["W_h", "alpha"], "W_h and alpha transposed")],
)
def test_parameters_that_should_have_been_transposed_are_recognised(names, words):
    problem = problem_of(cell="rnn")
    params = problem.split(problem.inputs)[0]
    turned = params | {name: params[name].T.copy() for name in names}

    def turn(gradients):
        return gradients | {name: gradients[name].T for name in names}

    assert explained(problem, params=turned, rename=turn) == [words]


def test_gates_read_in_another_order_are_recognised():
    """PyTorch's i, f, g, o taken for the notes' i, j, f, o: a cycle of three gates."""
    problem = problem_of(cell="lstm", reading="paper")
    params = problem.split(problem.inputs)[0]
    truth = {"i": "j", "j": "f", "f": "i"}  # what was called i is our j, ...

    def renamed(arrays, names):
        pairs = [(f"{a}{k}{z}", f"{a}{names[k]}{z}") for k in names for a, z in (("W_", "x"), ("W_", "h"), ("b_", ""))]
        return arrays | {right: arrays[wrong] for wrong, right in pairs}

    back = {right: wrong for wrong, right in truth.items()}
    words = explained(problem, params=renamed(params, truth), rename=lambda gradients: renamed(gradients, back))
    assert words == ["your gates j, f, i as our f, i, j"]


def test_a_factor_beside_another_network_is_said_too():
    problem = problem_of(**LSTM)
    outputs, gradients = numbers(problem, PlasticNetwork(**(problem.net.options | {"reading": "notes"})))
    report = compared(problem, outputs, {name: value / 6 for name, value in gradients.items()})
    assert [words for words, _ in report.explanations] == ["reading='notes'"]
    assert "except 1/T times ours: d W_ix, d W_ih" in str(report)


def test_what_was_not_given_is_named_and_wrong_arguments_are_refused():
    problem = problem_of(**LSTM)
    outputs, gradients = numbers(problem)
    report = compared(problem, {"values": outputs["values"]}, {"alpha": gradients["alpha"]})
    assert report.equal and "logits" in report.not_given and "d eta" in report.not_given
    assert "not given, so not compared: logits, d W_ix" in str(report)
    with pytest.raises(ValueError, match="^d_logits: expected an array, since their_gradients are given"):
        compared(problem, outputs, gradients, d_logits=None)
    with pytest.raises(ValueError, match="^their_outputs: expected at least one array"):
        compared(problem, {}, {})
    with pytest.raises(ValueError, match="^their_outputs: expected .* unknown 'Hebb'$"):
        compared(problem, {"Hebb": outputs["hebb"]}, {})
    with pytest.raises(ValueError, match="^their_gradients: expected .* unknown 'W_h'$"):
        compared(problem, outputs, {"W_h": gradients["alpha"]})
    with pytest.raises(TypeError, match="^logits: expected a NumPy array, got list$"):
        compared(problem, {"logits": [1.0]}, {})
    with pytest.raises(TypeError, match="^logits: expected real numbers, got complex128$"):
        compared(problem, {"logits": outputs["logits"] + 0j}, {})
    with pytest.raises(ValueError, match="^tolerance: expected a finite number above 0"):
        compared(problem, outputs, gradients, tolerance=0)
    with pytest.raises(ValueError, match="^their_outputs: expected .* unknown 'c'$"):
        rnn = problem_of(cell="rnn")
        compared(rnn, {"c": outputs["c"]}, {})
