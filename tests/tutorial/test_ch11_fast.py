"""Chapter 11's experiments: what the notebook takes for granted."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.proof.problems import Problem, random_problem
from bpm_numpy.tutorial import ch11_fast as chapter

N = 4


class Passes:
    """In the place of a record: a few operations on w (N, N), each of a known size."""

    def __init__(self, net, params, state):
        self.w, self.h = params["W_h"], state.h

    def advance(self, x):
        once = self.w + np.tanh(self.w)  # tanh reads 1 and writes 1, + reads 2 and writes 1
        once *= self.w  # reads 2, writes 1
        np.where(once.copy() > 0, once, 0.0)  # copy 2; > reads 1, writes bytes; where reads 1 and bytes, writes 1
        np.matmul(once, self.w, out=np.empty((N, N)))  # products: 3, 2N operations an entry
        np.concatenate([np.zeros((N, N)), np.zeros((N, N))]).sum(axis=0)  # 4, then 2 and a row

    def backward(self, d_logits, d_values, d_state):
        np.einsum("ij,ij->j", self.w, self.w)  # products: 2 and a row


def test_traffic_of_known_operations():
    problem = random_problem(np.random.default_rng(0), 2, N, 1, 1, 1)
    counts, entry = chapter.traffic(problem, Passes), 8 * N**2
    assert counts["element-wise"].bytes == (2 + 3 + 3 + 2 + 1 + 2 + 4 + 2) * entry + 2 * N**2 + 8 * N
    assert counts["element-wise"].operations == (1 + 1 + 1 + 1 + 2) * N**2
    assert counts["products"] == (5 * entry + 8 * N, (2 * N + 2) * N**2)
    assert type(np.empty(1)) is np.ndarray  # NumPy is as it was


@pytest.mark.parametrize("rule", ({}, {"rule": "trace", "cell": "lstm"}), ids=("rnn outer", "lstm trace"))
def test_counting_does_not_change_the_pass(rule):
    problem = random_problem(np.random.default_rng(1), 2, N, 1, 5, 2, "sometimes", **rule)
    found = {}

    def record_of(*given):
        record = chapter.ByStep(*given)
        back = record.backward
        record.backward = lambda *adjoints: found.update(back(*adjoints)[0])
        return record

    chapter.traffic(problem, record_of)
    expected = problem.gradients("steps")
    assert all(np.array_equal(value, expected[name]) for name, value in found.items()) and "alpha" in found


def test_certificates_see_each_chunk_by_itself():
    rng = np.random.default_rng(2)
    options = {"rule": "trace", "reading": "paper"}
    net = PlasticNetwork(2, N, 1, clip=np.inf, **options)
    params, x = net.init(rng), rng.standard_normal((11, 3, 2))
    free = net.forward(params, x)
    certified, cut = chapter.certificates(free, L=4)  # 4, 4 and 3 steps
    assert certified.tolist() == [True] * 3 and not cut.any()
    bound = np.abs(free.hebb[5:9]).max()  # passed in the second chunk or later if made a little smaller
    traj = PlasticNetwork(2, N, 1, clip=0.9 * bound, **options).forward(params, x)
    certified, cut = chapter.certificates(traj, L=4)
    assert cut.sum() == sum((~step.inside).sum() for step in traj.steps) > 0
    assert not certified[cut > 0].any()
    assert (chapter.before_clip(traj) > 0.9 * bound).any()


def test_a_difference_would_be_seen(monkeypatch):
    problem, plan = chapter.draw_problem(np.random.default_rng(3)), Plan(3, 1, 1)
    cut, whole, difference = chapter.ways_apart(problem, plan)
    assert 0 <= cut <= 1 and 0 <= whole <= 1 and difference < 1e-11
    right = Problem.gradients

    def wrong(problem, plan=None):
        grads = right(problem, plan)
        return grads if plan == "steps" else grads | {"alpha": grads["alpha"] + 1e-3}

    monkeypatch.setattr(Problem, "gradients", wrong)
    assert 1e-6 < chapter.ways_apart(problem, plan)[2] <= 1.001e-3


def test_share_of_steps_in_whole_chunks():
    problem = random_problem(np.random.default_rng(4), 2, N, 1, 7, 3, clip=np.inf)
    for plan, share in ((Plan(7, 2, 1), 1), (Plan(3, 1, 1), 6 / 7), (Plan(1, 3, 1), 0)):
        assert np.isclose(chapter.ways_apart(problem, plan)[1], share)


def test_matrices_are_counted():
    """Definition: Hebb and E of every step, and the last Hebb."""
    net = PlasticNetwork(2, 16, 1)
    rng = np.random.default_rng(5)
    params, x = net.init(rng), rng.standard_normal((40, 1, 2))
    kept = {plan: chapter.matrices_kept(net, params, x, plan) for plan in ("steps", Plan(4, 1, 1), Plan(4, 1, 5))}
    steps, every, fifth = kept.values()
    assert 80 < steps < 90 and every - fifth == 8 and every < 20
    assert chapter.peak_bytes(net, params, x, "steps") > 80 * 16**2 * 8


def test_ratios_are_theirs_by_ours():
    def row(name, dtype, ours, theirs):
        engines = {"ours": ours, "other": theirs}
        engines = {engine: dict(zip(("median", "peak"), values)) for engine, values in engines.items()}
        return {"name": name, "regime": "some", "end": 0.25, "case": {"dtype": dtype}, "engines": engines}

    rows = [row("a", "float32", (2.0, 10), (7.0, 25)), row("b", "float32", (1.0, None), (0.5, 25))]
    header, lines = chapter.ratios({"cases": [*rows, row("c", "float64", (1.0, 1), (1.0, 1))]})
    assert header == ["case", "clip", "at bound", "time: other", "memory: other"]
    assert lines == [["a", "some", "25%", "3.5", "2.5"], ["b", "some", "25%", "0.5", "-"]]


def test_entries_that_are_followed_are_counted():
    problem, plan = chapter.few_driven(np.random.default_rng(6), np.full(20, 0.8)), Plan(8, 8, 1)
    rows = chapter.followed(problem.forward(problem.inputs, plan))
    assert [row[:2] for row in rows] == [(0, 7), (8, 15), (16, 19)]
    *_, inside = (step.inside for step in problem.forward(problem.inputs, "steps").steps[16:])
    assert (~inside).sum() <= rows[-1][3] <= rows[-1][2] <= 8 * 3**2 and rows[-1][3] > 0
