"""Chapter 04: its exercises know right from wrong, the adjoints are gradients, and the test problems are what they are
called.
"""

import inspect
import io
import re

import nbformat
import numpy as np
import pytest
from PIL import Image

from bpm_numpy import one_page
from bpm_numpy.figures import draw_backpropagation as draw
from bpm_numpy.proof.mistakes import MISTAKES
from bpm_numpy.proof.problems import random_problem
from bpm_numpy.site.notebooks import find_notebooks, solutions
from bpm_numpy.state import State
from bpm_numpy.step import backward_step
from bpm_numpy.tutorial import ch04_backpropagation as chapter
from bpm_numpy.tutorial.grader import grade

TASKS = {  # the right function of each exercise
    "rate": (chapter.RATE, chapter.rate_backward),
    "clip": (chapter.CLIP, chapter.clip_backward),
    "modulator": (chapter.MODULATOR, chapter.modulated_backward),
    "trace": (chapter.TRACE, chapter.trace_backward),
    "one page": (chapter.ONE_PAGE, chapter.one_page_with(one_page.backward)),
}
by_task = pytest.mark.parametrize("exercise, right", TASKS.values(), ids=TASKS)


@by_task
@pytest.mark.parametrize("seed", (0, 1))
def test_the_grader_accepts_the_right_function(exercise, right, seed):
    assert grade(exercise, right, np.random.default_rng(seed)).right


@by_task
@pytest.mark.parametrize("seed", (0, 1))
def test_the_grader_names_every_planted_mistake(exercise, right, seed):
    assert len(exercise.mistakes) >= 3
    for says, wrong in exercise.mistakes.items():
        verdict = grade(exercise, wrong, np.random.default_rng(seed))
        assert verdict.written and not verdict.right and verdict.text.endswith(says), verdict.text
        assert re.match(r"\([a-j]\): ", says)


def test_a_piece_that_does_not_stand_once_in_the_source_is_refused():
    with pytest.raises(ValueError, match="right: expected a piece that stands once in rate_backward, got 'nowhere'"):
        chapter.mistaken(chapter.rate_backward, "nowhere", "")
    with pytest.raises(ValueError, match="right: expected"):
        chapter.mistaken(chapter.rate_backward, "dW", "")


def test_the_folded_solutions_are_the_functions_that_are_tested_here():
    path = next(path for path in find_notebooks() if path.name.startswith("04"))
    folded = "\n".join(solutions(nbformat.read(path, as_version=4)))
    for _, right in list(TASKS.values())[:4]:
        body = inspect.getsource(right).split("\n", 1)[1].rstrip()
        assert f"def my_{right.__name__}" in folded and body in folded
    walk = inspect.getsource(one_page.backward)
    assert walk[walk.index("    dh_later") :].rstrip() in folded


def test_clip_cuts_in_its_exercise():
    inputs = chapter.CLIP.draw(np.random.default_rng(0))
    hebb, cut = inputs["hebb"], []
    for X_t in inputs["X"]:
        cut.append(np.abs(hebb + inputs["rate"] * X_t) > 1)
        hebb = np.clip(hebb + inputs["rate"] * X_t, -1, 1)
    assert 0.05 < np.mean(cut) < 0.7
    p = chapter.ONE_PAGE.draw(np.random.default_rng(0))
    x = p.pop("x")
    assert 0.05 < np.mean([~inside for *_, inside in one_page.forward(p, x, chapter.BOUND)[1]]) < 0.95


@pytest.mark.parametrize("options", [{}, {"cell": "lstm", "reading": "paper", "rule": "trace"}])
def test_the_first_adjoint_is_the_gradient_to_the_initial_state_and_the_last_is_zero(options):
    problem = random_problem(np.random.default_rng(0), 2, 3, 2, 5, 2, "sometimes", **options)
    traj = problem.forward(problem.inputs)
    adjoints = chapter.adjoints_through_time(traj, problem.d_logits)
    gradient = problem.net.backward(traj.params, traj, problem.d_logits).state
    for adjoint, expected in zip(adjoints, gradient):
        assert (adjoint is None) == (expected is None)
        if adjoint is not None:
            assert np.allclose(adjoint[0], expected, rtol=1e-10, atol=1e-12)
            assert adjoint.shape == (6, *expected.shape) and np.all(adjoint[-1] == 0)


def test_the_letters_as_plain_sums_are_the_step_of_the_package():
    """The chapter's lines (a) to (j), with Clip, M and the trace, as sums over indices, for one step."""
    rng = np.random.default_rng(3)
    problem = random_problem(rng, 2, 4, 3, 6, 2, "sometimes", rule="trace")
    net, traj, t = problem.net, problem.forward(problem.inputs), 3
    step, params, sums = traj.steps[t], traj.params, np.einsum
    h_prev, _, hebb, E_before = step.state
    dh_later, dhebb_next, dE_later = (rng.standard_normal(a.shape) for a in (h_prev, hebb, E_before))
    h, M, E, eta, alpha = step.h, step.M, step.eligibility, params["eta"], params["alpha"]
    assert 0 < step.inside.mean() < 1

    dh = dh_later + sums("ba,ja->bj", problem.d_logits[t], params["W_y"])  # (a)
    du = dhebb_next * (np.abs(hebb + sums("b,bij->bij", M, E)) <= net.clip)  # (b)
    dM, dE = sums("bij,bij->b", E, du), dE_later + sums("b,bij->bij", M, du)  # (c)
    deta = ((sums("bi,bj->bij", h_prev, h) - E_before) * dE).sum()  # (d)
    dX = eta * dE
    dh_prev, dp = sums("bij,bj->bi", dX, h), sums("bi,bij->bj", h_prev, dX)  # (e)
    dm = (1 - M**2) * dM  # (f)
    dh = dh + sums("j,b->bj", params["W_m"], dm) + dp  # (g)
    dy = (1 - h**2) * dh  # (h)
    dW = sums("bi,bj->bij", h_prev, dy)  # (i)
    dh_prev = dh_prev + sums("bij,bj->bi", params["W_h"] + alpha * hebb, dy)
    dhebb = du + alpha * dW  # (j)

    arrives = State(dh_later, None, dhebb_next, dE_later)
    _, adjoint, grads = backward_step(net, step, problem.d_logits[t], np.zeros(2), arrives)
    mine = {"W_h": dW.sum(axis=0), "alpha": (hebb * dW).sum(axis=0), "eta": deta, "W_m": sums("bj,b->j", h, dm)}
    for name, grad in mine.items():
        assert np.allclose(grad, grads[name], rtol=1e-12, atol=1e-13), name
    for one, other in ((dh_prev, adjoint.h), (dhebb, adjoint.hebb), ((1 - eta) * dE, adjoint.trace)):
        assert np.allclose(one, other, rtol=1e-12, atol=1e-13)


def test_the_roads_from_M_to_the_loss_are_counted_on_the_graph_itself():
    """4^(k-1) roads lead from M(t) to the logits of step t+k, along the arrows of the chapter's picture."""
    inside = [edge for edge in draw.EDGES if not {"E", "E_prev", "E_next"} & set(edge)]
    enters = {"h_next": "h_prev", "hebb_next": "hebb"}

    def roads(name, step, k):
        if name == "logits":
            return int(step == k)
        if step > k:
            return 0
        if name in enters:
            return roads(enters[name], step + 1, k)
        return sum(roads(end, step, k) for start, end in inside if start == name)

    assert [roads("M", 0, k) for k in range(1, 6)] == [1, 4, 16, 64, 256]


def test_errors_of_steps_are_relative_to_the_derivative():
    problem = random_problem(np.random.default_rng(1), 2, 3, 2, 3, 1, "inactive")
    errors = chapter.errors_of_steps(problem, np.random.default_rng(2), [1e-20, 1e-5], directions=3)
    assert list(errors) == ["one-sided", "central", "complex step"]
    assert all(values.shape == (2, 3) for values in errors.values())
    assert errors["complex step"].max() < 1e-6 and errors["complex step"][0].max() < 1e-13
    assert np.all(errors["central"][0] == 1)  # x + 1e-20 is x: the difference is 0
    assert np.all(errors["central"][1] < errors["one-sided"][1])


def test_problems_from_zeros_start_there_and_ask_for_outputs_alone():
    for T, start in ((1, False), (3, True)):
        problem, names = chapter.from_zeros(np.random.default_rng(3), T, start, rule="trace")
        assert len(problem.inputs["x"]) == T
        states = [value for name, value in problem.inputs.items() if name.startswith("state.")]
        assert len(states) == 3 and not any(value.any() for value in states)
        assert not any(value.any() for value in problem.d_state if value is not None)
        assert names == [name for name in problem.inputs if name != "x" and not name.startswith("state.")]


def test_right_gradients_show_no_error_and_wrong_ones_do():
    rng = np.random.default_rng(4)
    problem = random_problem(rng, 2, 3, 2, 3, 2, "sometimes")
    names = list(problem.inputs)
    assert chapter.error_found(problem, names, rng) == 0
    found = chapter.catch_all(rng, MISTAKES, {"": (problem, names)})
    assert np.array_equal(found > 0, chapter.where_it_matters(MISTAKES, {"": (problem, names)}))
    assert found.shape == (len(MISTAKES), 1) and 5 < (found > 0).sum() < len(MISTAKES)


def test_flow_of_networks_that_cannot_differ_is_the_same():
    without, wide = (
        chapter.flow(np.random.default_rng(5), {"clip": clip}, n_networks=2, T=5, N=3) for clip in (np.inf, 1e3)
    )
    for one, other in zip(without, wide):
        assert one.shape == (2, 5) and np.array_equal(one, other) and np.all(one > 0)
    dh, dhebb = chapter.flow(np.random.default_rng(5), {"plasticity": "none"}, n_networks=2, T=5, N=3)
    assert dhebb is None and np.all(dh > 0) and not np.array_equal(dh, without[0])


def test_the_walk_back_gives_gradients_that_add_up_to_those_of_the_whole():
    problem = random_problem(np.random.default_rng(6), 2, 3, 2, 5, 2, "sometimes", rule="trace")
    traj = problem.forward(problem.inputs)
    walked = list(chapter.walk_back(problem.net, traj.steps, problem.d_logits))
    assert [t for t, _, _ in walked] == [4, 3, 2, 1, 0]
    whole = problem.net.backward(traj.params, traj, problem.d_logits).params
    for name, grad in whole.items():
        assert np.allclose(sum(grads[name] for _, _, grads in walked), grad, rtol=1e-10, atol=1e-12)
    assert np.any(walked[0][2]["W_h"]) and not np.allclose(walked[0][2]["W_h"], whole["W_h"])


def test_mistakes_that_no_problem_can_show_are_left_out():
    problems = chapter.checked_problems(np.random.default_rng(7))
    mistakes = chapter.mistakes_in(problems)
    assert chapter.where_it_matters(mistakes, problems).any(axis=1).all()
    others = {name: mistake for name, mistake in MISTAKES.items() if name not in mistakes}
    assert others and not chapter.where_it_matters(others, problems).any()


def test_the_animation_walks_every_arrow_that_reaches_the_loss_once_and_from_complete_nodes_alone():
    walked = [edge for _, edges in draw.WALK for edge in edges]
    reach = {"L"}  # what the loss hears of
    while more := {start for start, end in draw.ROADS if end in reach} - reach:
        reach |= more
    assert sorted(walked) == sorted(edge for edge in draw.ROADS if edge[1] in reach)
    for number, (_, end) in enumerate(walked):  # every arrow that leaves `end` was walked before
        assert {edge for edge in walked if edge[0] == end} <= set(walked[:number])


def test_the_animation_has_a_frame_per_line_and_the_same_bytes_twice():
    data = draw.animate_roads()
    assert data == draw.animate_roads()
    assert Image.open(io.BytesIO(data)).n_frames == len(draw.WALK) and len(data) < 500_000


def test_a_stage_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="stage: expected one of rate, Clip, M, trace, got 'E'"):
        draw.plot_step_graph("E")
