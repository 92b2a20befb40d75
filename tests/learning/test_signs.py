"""Signs of a lost training, held to loops over matrices and numbers; and in the curve of a run."""

import math

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.signs import SIGNS, signs, spectral_radius
from bpm_numpy.learning.training import train
from bpm_numpy.learning.trials import TrialRun


def share(values, bound):
    values = list(np.ravel(values))
    return sum(abs(value) > bound for value in values) / len(values)


def seen_by_loops(net, params, hs, modulators, hebb):
    w, radii = params[net.plastic_name], []
    for one in hebb:
        matrix = w + params["alpha"] * one
        radii.append(max(abs(value) for value in np.linalg.eigvals(matrix)))
    return {
        "radius_w": max(abs(value) for value in np.linalg.eigvals(w)),
        "radius_plastic": sum(radii) / len(radii),
        "saturated_h": share(hs, 0.99),
        "saturated_m": share(modulators, 0.99),
        "saturated_hebb": share(hebb, 0.99 * net.clip),
    }


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
@pytest.mark.parametrize("in_trials", [False, True])
def test_signs_are_those_of_loops(cell, in_trials):
    rng = np.random.default_rng(3)
    net = PlasticNetwork(2, 5, 2, cell=cell, clip=0.3)
    params = {name: 3 * value + 0.5 for name, value in net.init(rng).items()}  # so that each share is between 0 and 1
    x, state = rng.standard_normal((6, 4, 2)), net.initial_state(4)
    if in_trials:
        run = TrialRun(net, params, state)
        for t, x_t in enumerate(x):
            run.step(x_t, np.full(4, t in (0, 3)))
        trajectory = run.trajectory()
        pieces = trajectory.pieces
    else:
        trajectory = net.forward(params, x, state)
        pieces = [trajectory]
    hs = [h for piece in pieces for h in piece.h[1:]]
    modulators = [m for piece in pieces for m in piece.modulator]
    expected = seen_by_loops(net, params, hs, modulators, trajectory.state.hebb)
    found = signs(net, params, trajectory)
    assert list(found) == list(SIGNS) == list(expected)
    assert found == pytest.approx(expected, rel=1e-12)
    if cell == "rnn":
        assert 0 < found["saturated_h"] < 1 and 0 < found["saturated_m"] and 0 < found["saturated_hebb"] < 1


@pytest.mark.parametrize(
    "plasticity, there", [("none", {"radius_w", "saturated_h"}), ("hebbian", set(SIGNS) - {"saturated_m"})]
)
def test_what_a_network_does_not_have_is_nan(plasticity, there):
    net = PlasticNetwork(2, 5, 2, plasticity=plasticity)
    rng = np.random.default_rng(0)
    params = net.init(rng)
    found = signs(net, params, net.forward(params, rng.standard_normal((3, 2, 2))))
    assert {name for name, value in found.items() if not math.isnan(value)} == there


def test_the_spectral_radius_counts_complex_eigenvalues():
    turn = 2.0 * np.array([[0.0, -1.0], [1.0, 0.0]])  # eigenvalues ± 2i
    assert spectral_radius(turn) == pytest.approx(2)
    assert spectral_radius(np.stack([turn, np.diag([-4.0, 1.0])])) == pytest.approx(3)


@pytest.mark.parametrize("network", ["none", "retroactive"])
def test_a_curve_holds_them_and_the_largest_gradient(network):
    changes = {"updates": 4, "evaluate_every": 2, "evaluation_episodes": 16}
    settings = settings_for("cue-reward", network, "tiny", 0, changes)
    seen = [progress for progress in train(settings)]
    for number, row in enumerate(seen[-1].curve):
        first = seen[2 * number].recent[0].gradient_norm  # of two updates; the second closes the row
        assert row["largest_gradient"] == pytest.approx(max(first, 2 * row["gradient_norm"] - first), rel=1e-12)
        assert set(SIGNS) <= set(row) and row["radius_w"] > 0
