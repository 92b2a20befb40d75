"""Chapter 05: the flagged pairs are what they say, and dL/dM(t) is right for batches and a clip that cuts."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.tutorial.ch05_modulator import (
    BITS,
    KEYS,
    LABELS,
    flagged_pairs,
    influence,
    modulator_adjoints,
    step_names,
)


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
