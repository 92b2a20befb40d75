"""The loop of learning that the chapters share."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.learning.losses import cross_entropy
from bpm_numpy.learning.optimisers import adam, adam_init, clip_gradient_norm
from bpm_numpy.tutorial.learn import Batch, answer_gradient, learn, learn_to_answer, share_right


@pytest.fixture
def net():
    return PlasticNetwork(3, 4, 2)


def draw(rng):
    return Batch(rng.standard_normal((5, 6, 3)), rng.integers(0, 2, (5, 6)), rng.random((5, 6)) < 0.5)


@pytest.mark.parametrize("max_norm", [None, 0.1])
def test_learning_is_adam_written_out_with_a_note_of_each_batch(net, max_norm):
    params = start = net.init(np.random.default_rng(0))
    rng, noted, state = np.random.default_rng(1), [], adam_init(start)
    for _ in range(3):
        batch = draw(rng)
        traj = net.forward(params, batch.x)
        loss, d_logits = cross_entropy(traj.logits, batch.targets, batch.mask)
        noted.append(loss)
        grads = net.backward(params, traj, d_logits).params
        if max_norm is not None:
            grads, norm = clip_gradient_norm(grads, max_norm)
            assert norm > max_norm
        params, state = adam(params, grads, state, learning_rate=0.03)

    def gradient(params, batch):
        grads, logits = answer_gradient(net, params, batch)
        return grads, cross_entropy(logits, batch.targets, batch.mask)[0]

    rng = np.random.default_rng(1)
    learnt, losses = learn(start, gradient, lambda: draw(rng), 3, 0.03, max_norm)
    assert all(np.array_equal(learnt[name], params[name]) for name in params)
    assert np.array_equal(losses, noted) and len(set(noted)) == 3


def test_only_what_gradient_speaks_of_is_learnt(net):
    start = net.init(np.random.default_rng(0))
    batch = draw(np.random.default_rng(1))

    def gradient(learnt, batch):
        grads, _ = answer_gradient(net, start | learnt, batch)
        return {"alpha": grads["alpha"]}, learnt["alpha"]

    learnt, seen = learn({"alpha": start["alpha"]}, gradient, lambda: batch, 2, 0.1)
    assert list(learnt) == ["alpha"] and np.array_equal(seen[0], start["alpha"])
    assert not np.allclose(seen[1], seen[0]) and not np.allclose(learnt["alpha"], seen[1])


def test_answers_are_learnt_by_any_gradient_that_shows_its_logits(net):
    rng = np.random.default_rng(2)
    start, batch = net.init(rng), draw(rng)
    learnt, shares = learn_to_answer(net, start, lambda: batch, 60, 0.05)
    first, last = (share_right(net.forward(params, batch.x).logits, batch) for params in (start, learnt))
    assert shares.shape == (60,) and shares[0] == first < 0.8 < last

    def backwards(net, params, batch):
        grads, logits = answer_gradient(net, params, batch)
        return {name: -grad for name, grad in grads.items()}, logits

    _, shares = learn_to_answer(net, start, lambda: batch, 60, 0.05, gradient=backwards)
    assert shares[0] == first > shares[-1]


def test_the_share_right_counts_where_the_mask_says():
    logits = np.eye(3)[[[0, 1], [2, 2]]]  # (T, B, A)
    targets = np.array([[0, 0], [2, 1]])
    assert share_right(logits, Batch(None, targets, np.array([[True, False], [True, False]]))) == 1
    assert share_right(logits, Batch(None, targets, np.array([[True, True], [False, False]]))) == 0.5
    assert share_right(logits, Batch(None, targets, None)) == 0.5
