"""Chapter 06's experiments: what the notebook takes for granted."""

import numpy as np

from bpm_numpy.rules.outer import outer_forward
from bpm_numpy.rules.taylor import taylor_forward
from bpm_numpy.tutorial import ch06_eligibility as chapter


def test_taylor_tensors_recover_a_polynomial():
    rng = np.random.default_rng(0)
    N = 3
    A, B, C, D, G, H = (rng.standard_normal((N,) * rank) for rank in (2, 3, 3, 4, 4, 4))
    D, G = D + D.swapaxes(2, 3), G + G.swapaxes(2, 3)  # only the symmetric part has a meaning
    tensors = A, B, C, D, G, H
    found = chapter.taylor_tensors(lambda h, p: taylor_forward(h, p, *tensors)[0], N)
    for tensor, other in zip(tensors, found):
        np.testing.assert_allclose(other, tensor, rtol=0, atol=1e-9)


def test_a_quiet_verdict_follows_its_pairing_and_nothing_else():
    x, cue, goal = chapter.late_verdict(np.random.default_rng(1), delay=3, batch=5)
    label, verdict = x[1, :, chapter.CUE : -1], x[4, :, -1]
    assert x.shape == (5, 5, chapter.CUE + chapter.LABEL + 1)
    assert np.array_equal(x[0, :, : chapter.CUE], cue) and np.array_equal(goal, verdict[:, None] * label)
    assert np.count_nonzero(x) == cue.size + label.size + verdict.size


def test_a_busy_stream_shows_every_step_a_pairing_but_one_verdict():
    x, cue, _ = chapter.late_verdict(np.random.default_rng(2), delay=3, batch=5, busy=True)
    assert np.all(np.abs(x[:, :, : chapter.CUE]) == 1) and np.all(np.abs(x[1:, :, chapter.CUE : -1]) == 1)
    assert np.all(x[:-1, :, -1] == 0) and np.all(np.abs(x[-1, :, -1]) == 1)
    assert np.array_equal(x[0, :, : chapter.CUE], cue)


def test_recall_of_the_product_itself_is_one_and_of_its_transpose_is_not():
    rng = np.random.default_rng(3)
    x, cue, goal = chapter.late_verdict(rng, delay=0, batch=4)
    ends = np.zeros((2, 4, x.shape[-1]))
    ends[0, :, : chapter.CUE], ends[1, :, chapter.CUE : -1] = cue, goal
    np.testing.assert_allclose(chapter.recall(outer_forward(*ends)[0], cue, goal), 1)
    np.testing.assert_allclose(chapter.recall(outer_forward(*ends[::-1])[0], cue, goal), 0)


def test_the_verdict_network_writes_only_at_the_verdict():
    net, params = chapter.verdict_network("trace", eta=0.4, held=True)
    x, _, _ = chapter.late_verdict(np.random.default_rng(4), delay=4, batch=3, busy=True)
    traj = net.forward(params, x)
    assert np.all(traj.modulator[:-1] == 0) and np.all(np.abs(traj.modulator[-1]) > 0.999)
    assert np.all(traj.hebb[:-1] == 0) and traj.hebb[-1].any()
