"""Chapter 05: the flagged pairs, dM(t) for batches and a clip that cuts, and exercises that tell mistakes apart."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.tutorial.ch05_modulator import (
    BITS,
    EXERCISES,
    KEYS,
    LABELS,
    flagged_pairs,
    influence,
    modulator_adjoints,
    step_names,
)
from tests.tutorial.exercises import check_named, check_right

MISTAKES = [(name, text) for name, exercise in EXERCISES.items() for text in exercise.mistakes]


def write_backward(d_hebb_next, hebb, M, E):
    du = d_hebb_next * (np.abs(hebb + M * E) <= 1)
    return {"hebb": du, "M": (E * du).sum(), "E": M * du}


def modulator_backward(dM, h, W_m, b_m):
    dz = dM * (1 - np.tanh(h @ W_m + b_m) ** 2)
    return {"h": dz[:, None] * W_m, "W_m": dz @ h, "b_m": dz.sum()}


def fanout_backward(dmu, M, W_fan, b_fan):
    return {"M": dmu @ W_fan, "W_fan": M @ dmu, "b_fan": dmu.sum(axis=0)}


def difference_backward(dM, h, W_m, b_m, W_m2, b_m2, gain):
    one = modulator_backward(dM * gain, h, W_m, b_m)
    two = modulator_backward(-dM * gain, h, W_m2, b_m2)
    difference = np.tanh(h @ W_m + b_m) - np.tanh(h @ W_m2 + b_m2)
    others = {"W_m2": two["W_m"], "b_m2": two["b_m"], "gain": dM @ difference}
    return one | others | {"h": one["h"] + two["h"]}


RIGHT = [write_backward, modulator_backward, fanout_backward, difference_backward]
RIGHT = {function.__name__: function for function in RIGHT}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_backward_pass_is_right(name):
    check_right(EXERCISES[name], RIGHT[name])


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(EXERCISES[name], RIGHT[name], text)


def test_the_answers_are_the_flagged_labels():
    pairs = flagged_pairs(np.random.default_rng(0), 20)
    assert pairs.mask.sum(axis=0).tolist() == [KEYS] * 20
    for b in range(20):
        labels = {flag: {} for flag in (True, False)}
        for t in np.flatnonzero(pairs.label[:, b] >= 0):
            labels[bool(pairs.flagged[t, b])][pairs.key[t - 1, b]] = pairs.label[t, b]
            assert pairs.x[t, b, BITS : BITS + LABELS].argmax() == pairs.label[t, b]
            assert pairs.x[t, b, -2] == pairs.flagged[t, b]
        asked = {pairs.key[t - 1, b]: pairs.targets[t, b] for t in np.flatnonzero(pairs.mask[:, b])}
        assert asked == labels[True] and set(labels[False]) == set(asked)
        assert all(labels[False][k] != labels[True][k] for k in asked)
        shown, again = ({k: pairs.x[t, b, :BITS] for t in part for k in [pairs.key[t, b]] if k >= 0}
                        for part in (range(4 * KEYS), range(4 * KEYS, 6 * KEYS)))  # fmt: skip
        assert all(np.array_equal(shown[k], again[k]) for k in asked)


def test_step_names():
    names = step_names(flagged_pairs(np.random.default_rng(0), 1))
    assert len(names) == 6 * KEYS and sum(name.endswith("!") for name in names) == KEYS == names.count("?")


@pytest.mark.parametrize("clip", [0.05, np.inf])
def test_the_gradient_to_the_modulator_adds_up_to_that_of_its_weights(clip):
    rng = np.random.default_rng(1)
    net = PlasticNetwork(3, 4, 2, clip=clip)
    params, x, d_logits = net.init(rng), rng.standard_normal((6, 3, 3)), rng.standard_normal((6, 3, 2))
    traj = net.forward(params, x)
    dz = modulator_adjoints(net, params, x, d_logits) * (1 - traj.modulator**2)
    grads = net.backward(params, traj, d_logits).params
    assert (np.abs(traj.hebb) == clip).any() == (clip == 0.05)
    np.testing.assert_allclose(np.einsum("tb,tbk->k", dz, traj.h[1:]), grads["W_m"], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(dz.sum(), grads["b_m"], rtol=1e-10, atol=1e-14)


def test_influence_treats_every_step_by_itself():
    rng = np.random.default_rng(2)
    net = PlasticNetwork(3, 4, 2)
    params, x = net.init(rng), rng.standard_normal((5, 1, 3))
    d_logits = np.ones((5, 1, 2))
    np.testing.assert_allclose(
        influence(net, params, x).sum(axis=1),
        modulator_adjoints(net, params, x, d_logits)[:, 0],
        rtol=1e-10,
        atol=1e-14,
    )
