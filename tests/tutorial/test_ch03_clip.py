"""Chapter 03: kinks are found where they are, dominance is what it says, and wrong masks are named."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.equations.clip import clip_forward
from bpm_numpy.proof.problems import random_problem
from bpm_numpy.tutorial import ch03_clip as chapter
from bpm_numpy.tutorial.ch03_clip import EXERCISES
from tests.tutorial.exercises import check_named, check_right

MISTAKES = [(name, text) for name, exercise in EXERCISES.items() for text in exercise.mistakes]


def clip_backward(d_clipped, u):
    return {"u": d_clipped * (np.abs(u) <= 1)}


def update_backward(d_hebb_next, hebb, M, E):
    du = d_hebb_next * (np.abs(hebb + M * E) <= 1)
    return {"hebb": du, "M": (E * du).sum(), "E": M * du}


RIGHT = {"clip_backward": clip_backward, "at_bound": clip_backward, "update_backward": update_backward}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_backward_pass_is_right(name):
    check_right(EXERCISES[name], RIGHT[name])


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(EXERCISES[name], RIGHT[name], text)


def test_the_update_of_the_exercise_cuts_some_entries_and_lets_others_pass():
    for seed in range(20):
        inputs = EXERCISES["update_backward"].draw(np.random.default_rng(seed))
        inside = np.abs(inputs["hebb"] + inputs["M"] * inputs["E"]) <= 1
        assert inside.any() and not inside.all()


def test_at_the_bound_the_exercise_agrees_with_the_package():
    u = EXERCISES["at_bound"].draw(np.random.default_rng(0))["u"]
    clipped, inside = clip_forward(u, 1.0)
    assert np.array_equal(EXERCISES["at_bound"].forward(u), clipped) and np.sum(np.abs(u) == 1) == 4
    assert np.array_equal(clip_backward(np.ones(8), u)["u"], inside)


def test_kinks_of_one_step_are_where_an_entry_reaches_the_bound():
    """After one step u = Hebb(0) + rate E, linear in the rate."""
    options = {"plasticity": "hebbian", "clip": 0.9}
    problem = random_problem(np.random.default_rng(0), 2, 2, 2, 1, 1, **options)
    start = problem.inputs["state.hebb"] = np.array([[[0.3, -0.2], [0.1, 0.0]]])
    E = problem.forward(problem.inputs).eligibility[0]
    reached = np.array([(side * 0.9 - start) / E for side in (-1, 1)]).ravel()
    expected = np.sort(reached)
    values = np.concatenate([expected[:1] - 1, (expected[1:] + expected[:-1]) / 2, expected[-1:] + 1])
    assert len(expected) == 8
    assert np.allclose(chapter.find_kinks(problem, "rate", values), expected, rtol=1e-12)
    below, above = (chapter.slopes_along(problem, "rate", expected + side) for side in (-1e-9, 1e-9))
    assert np.all(np.abs(below - above) > 1e-3)


def test_without_crossings_there_are_no_kinks():
    problem = random_problem(np.random.default_rng(0), 2, 2, 2, 2, 1, clip=np.inf)
    assert len(chapter.find_kinks(problem, "b_m", np.linspace(-2, 2, 9))) == 0


def test_dominance_of_a_network_worked_by_hand():
    net = PlasticNetwork(1, 2, 1, clip=2.0)
    params = {"W_h": np.array([[3.0, 3.0], [3.0, 3.0]]), "alpha": np.array([[2.0, 2.0], [2.0, 2.0]])}
    measured = chapter.dominance(net, params, np.array([[[2.0, -2.0], [0.0, 0.0]]]))
    assert measured.limit == pytest.approx(4 / 3)
    assert measured.share == pytest.approx(np.sqrt(8) / 3)
    assert measured.over == 0.5


def test_growth_with_a_clip_that_cuts_nothing_is_growth_without():
    wide, free = chapter.growth(np.random.default_rng(1), (100.0, np.inf), n_networks=2, T=10, N=4).values()
    assert all(np.array_equal(a, b) for a, b in zip(wide, free))
    assert wide.hebb.shape == wide.h.shape == wide.adjoint.shape == (2, 11)
    assert np.all(wide.hebb[:, :2] == 0) and np.all(wide.adjoint[:, -1] == 0) and np.all(wide.adjoint[:, :-1] > 0)


def test_pytorch_at_the_tie_is_what_the_chapter_says():
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    low, high = torch.tensor(-1.0), torch.tensor(1.0)
    conventions = {
        1.0: lambda u: torch.clamp(u, -1, 1),
        0.5: lambda u: torch.minimum(torch.maximum(u, low), high),
        0.0: torch.nn.functional.hardtanh,
    }
    for slope, clip in conventions.items():
        u = torch.tensor([-1.0, 1.0], requires_grad=True)
        clip(u).sum().backward()
        assert u.grad.tolist() == [slope, slope]
