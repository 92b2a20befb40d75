"""Entries that are followed by themselves: chunks that Clip cuts are the definition, too.

In small problems every entry may be followed here, as few of the many of a large one may by default.
"""

import numpy as np
import pytest
from chunk_problems import (
    BOUNDS,
    EPS,
    OPTIONS,
    SEEDS,
    as_dict,
    assert_close,
    case,
    definition,
    draw,
    draw_plan,
    results,
)
from configurations import identifier

from bpm_numpy import PlasticNetwork
from bpm_numpy.bptt import ByStep
from bpm_numpy.chunked import chunk, engine
from bpm_numpy.chunked.chunk import Chunk, Work
from bpm_numpy.chunked.plan import FEW, SMALL, Plan, most_followed
from bpm_numpy.tutorial.ch11_fast import few_driven


@pytest.fixture
def all_may_be_followed(monkeypatch):
    for module in (chunk, engine):
        monkeypatch.setattr(module, "most_followed", lambda entries: entries)


def followed(traj):
    """(first step, Segment) of all segments with entries that were followed by themselves."""
    found = []
    for part in traj.record.slices:
        t = 0
        for segment in part.segments:
            if segment.entries.size:
                found.append((t, segment))
            t += len(segment.steps)
    return found


# The two agree.


@pytest.mark.parametrize("seed", SEEDS[::2], ids=lambda seed: f"{seed}-{identifier(OPTIONS[seed % len(OPTIONS)])}")
def test_agrees_with_the_definition(all_may_be_followed, monkeypatch, seed):
    problem, plan = case(seed)
    expected, _ = definition(problem)
    ours = results(problem, plan)
    assert_close(ours, expected, 1e-11)
    assert np.abs(ours["final hebb"]).max() <= problem.net.clip
    if plan.rows > 1:
        monkeypatch.setattr(chunk, "BLOCK", 1)
        assert_close(results(problem, plan), expected, 1e-11)


@pytest.mark.parametrize("seed", range(10))
def test_agrees_over_200_steps(all_may_be_followed, seed):
    rng = np.random.default_rng((31, seed))
    problem = draw(rng, OPTIONS[rng.integers(len(OPTIONS))], 200, BOUNDS[2 + seed % 3])
    plan = draw_plan(rng, problem.inputs["x"].shape[1])
    assert_close(results(problem, plan._replace(chunk=plan.chunk + 1)), definition(problem)[0], 1e-9)


def test_two_pieces_are_the_whole(all_may_be_followed):
    """The second starts at the bound, where the first one left Hebb."""
    for seed in SEEDS[1:250:20]:
        problem, plan = case(seed)
        net, (params, x, state) = problem.net, problem.split(problem.inputs)
        half = -(-len(x) // 2)
        if half == len(x):
            continue
        one = net.forward(params, x[:half], state, plan=plan)
        two = net.forward(params, x[half:], one.state, plan=plan)
        late = net.backward(params, two, problem.d_logits[half:], problem.d_values[half:], problem.d_state)
        early = net.backward(params, one, problem.d_logits[:half], problem.d_values[:half], late.state)
        total = {name: early.params[name] + late.params[name] for name in params}
        gradients = total, np.concatenate([early.x, late.x]), early.state
        expected, _ = definition(problem)
        ours = as_dict({"logits": np.concatenate([one.logits, two.logits])}, two.state, gradients)
        assert_close(ours, {name: expected[name] for name in ours}, 1e-11)


def test_steps_go_on_in_a_segment_that_began_as_a_chunk(all_may_be_followed):
    """Where a chunk is shorter than the plan's, single steps after it fill its segment; some of them are cut."""
    both = 0
    for seed in range(0, 150, 5):
        rng = np.random.default_rng((34, seed))
        problem = draw(rng, OPTIONS[7 * seed % len(OPTIONS)], 30, BOUNDS[2 + seed % 3])
        params, x, state = problem.split(problem.inputs)
        run = problem.net.begin(params, state, plan=Plan(8, x.shape[1], 2))
        for first in range(0, 30, 6):
            run.advance(x[first : first + 4])
            for x_t in x[first + 4 : first + 6]:
                run.step(x_t)
        traj = run.trajectory()
        both += any(s.entries.size and s.cut for part in traj.record.slices for s in part.segments)
        grads = problem.net.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state)
        ours, (expected, _) = as_dict({"h": traj.h, "logits": traj.logits}, traj.state, grads), definition(problem)
        assert_close(ours, {name: expected[name] for name in ours}, 1e-11)
    assert both >= 8


def test_the_draws_cover_what_can_happen(all_may_be_followed):
    """Among the cases of the first test, each of these is met at least 8 times."""
    names = "first step", "last step", "middle", "back inside", "one column", "one row", "one episode", "eta outside"
    counts = dict.fromkeys([*names, "carried", "recomputed", "uncut", *("full", "neuron", "scalar")], 0)
    for seed in SEEDS[::2]:
        problem, plan = case(seed)
        inside, met = definition(problem)[1], set()
        traj = problem.forward(problem.inputs, plan)
        for rows, part in zip(traj.record.rows, traj.record.slices):
            t = 0
            for number, segment in enumerate(part.segments):
                L, at = len(segment.steps), segment.entries
                m = inside[t : t + L, rows].reshape(L, -1)[:, at]  # (L, n)
                t += L
                cut = ~m.all(axis=0)
                if not at.size:
                    continue
                b, i, j = np.unravel_index(at[cut], inside[0, rows].shape)
                met |= {"first step"} if not m[0].all() else set()
                met |= {"last step"} if not m[-1].all() else set()
                met |= {"middle"} if (m[0] & m[-1] & cut).any() else set()
                met |= {"back inside"} if (~m[:-1] & m[1:]).any() else set()
                met |= {"one column"} if len(set(zip(b, j))) < len(b) else set()
                met |= {"one row"} if len(set(zip(b, i))) < len(b) else set()
                met |= {"one episode"} if len(set(b)) < len(b) else set()
                met |= {"uncut"} if not cut.all() else set()
                met |= {"recomputed"} if number % plan.keep < plan.keep - 1 and cut.any() else set()
                met |= {"carried"} if number == 0 and problem.inputs["state.hebb"].any() and cut.any() else set()
                if cut.any():
                    met |= {problem.net.alpha}
                    met |= {"eta outside"} if not 0 <= problem.inputs.get("eta", 0) <= 1 else set()
        for name in met:
            counts[name] += 1
    assert min(counts.values()) >= 8, counts


# The certificate, entry by entry, and the entries alone.


@pytest.mark.parametrize("seed", SEEDS[::8])
def test_entries_alone_are_those_of_the_definition(all_may_be_followed, monkeypatch, seed):
    """On the definition's own activities; those that are not at risk are never cut."""
    monkeypatch.setattr(chunk, "FAR", np.inf)
    problem, plan = case(seed)
    net, (params, x, state) = problem.net, problem.split(problem.inputs)
    record = ByStep(net, params, state)
    record.advance(x)
    steps = record.steps[: plan.chunk]
    L, (b, N) = len(steps), steps[0].h.shape
    sums = net.rule.sums(net, params, L, b, net.rule.sums.prepare(net, params, L))
    matrices = [matrix for matrix in steps[0].state[2:] if matrix is not None]
    one = Chunk(net, params, sums, matrices, Work(net, b))
    for step in steps:
        one.append(step.state.h, step.p, step.mu)
    at = one.at_risk(net.clip)
    one.follow(at)
    entries, inside = one.followed, np.stack([step.inside.reshape(-1) for step in steps])  # (L, b N²)
    rest = np.setdiff1d(np.arange(b * N**2), at)
    assert inside[:, rest].all()
    if not at.size:
        assert entries is None
        return
    assert np.array_equal(entries.inside, inside[:, at])
    assert np.array_equal(one.cut, np.flatnonzero(~inside.all(axis=0)))
    hebb = [*(step.state.hebb for step in steps), (record.steps[L].state if L < len(x) else record.state).hebb]
    expected = np.stack(hebb).reshape(L + 1, -1)[:, at]
    np.testing.assert_allclose(entries.hebb, expected, rtol=0, atol=1e-13 * net.clip)


def test_entries_at_risk_are_those_whose_sum_passes_the_limit(all_may_be_followed):
    """Hebb(0) alone, since nothing is written: within the margin of the bound is at risk, and no other."""
    net = PlasticNetwork(1, 3, 1, rule="trace")
    params, (hebb, trace) = net.init(np.random.default_rng(32)), np.zeros((2, 2, 3, 3))
    margin, matrices = 4 * (3 + 2), [hebb, trace]
    hebb[0, 1, 2] = hebb[1, 2, 0] = -net.clip
    hebb[1, 1, 1] = net.clip * (1 - (margin - 1) * EPS[np.float64])
    hebb[1, 0, 0] = net.clip * (1 - (margin + 1) * EPS[np.float64])
    for block in (1, 1000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chunk, "BLOCK", block)
            sums = net.rule.sums(net, params, 3, 2, net.rule.sums.prepare(net, params, 3))
            one = Chunk(net, params, sums, matrices, Work(net, 2))
            for _ in range(3):
                one.append(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 1)))
            assert one.at_risk(net.clip).tolist() == [5, 13, 15]
            assert one.at_risk(np.inf).size == 0
            assert one.at_risk(net.clip / 2.1) is None  # too far


# Which entries, and when.


def test_how_many_entries_are_followed():
    assert most_followed(SMALL) == most_followed(0) == 0
    assert most_followed(SMALL + 1000) == FEW * 1000


def some_driven(rule, sizes, reading="notes"):
    return few_driven(np.random.default_rng(33), sizes, rule, reading)


PLAN = Plan(8, 8, 1)


@pytest.mark.parametrize(
    "rule, reading", [("outer", "notes"), ("decay", "notes"), ("oja", "notes"), ("trace", "notes"), ("trace", "paper")]
)
def test_few_of_many_entries_are_followed_by_default(monkeypatch, rule, reading):
    problem = some_driven(rule, np.full(30, 1.0 if rule in ("decay", "oja") else 0.7), reading)
    expected, inside = definition(problem)
    traj = problem.forward(problem.inputs, PLAN)
    assert followed(traj) and 0 < (~inside).mean() < 0.01
    assert all(0 < segment.entries.size <= most_followed(inside[0].size) for _, segment in followed(traj))
    assert_close(results(problem, PLAN), expected, 1e-12)
    monkeypatch.setattr(engine.SliceRun, "step", None)  # not one step is taken alone
    problem.forward(problem.inputs, PLAN)


def test_entries_found_late_are_followed_from_the_start_of_their_chunk(monkeypatch):
    """None is expected in a first chunk: that some are cut is found when it is done, and it is done anew."""
    problem, asked, original = some_driven("outer", np.full(8, 1.4)), [], Chunk.at_risk
    monkeypatch.setattr(Chunk, "at_risk", lambda self, *args: asked.append(original(self, *args)) or asked[-1])
    expected, _ = definition(problem)
    assert followed(problem.forward(problem.inputs, PLAN)) and len(asked) == 2
    assert_close(results(problem, PLAN), expected, 1e-12)
    monkeypatch.setattr(engine, "TRIES", 1)  # never anew: step by step
    traj = problem.forward(problem.inputs, PLAN)
    assert not followed(traj) and traj.record.slices[0].segments[0].cut
    assert_close(results(problem, PLAN), expected, 1e-12)


def test_chunks_come_back_after_steps():
    """A loud passage would take sums without Clip too far; what it has left at the bound is followed after it."""
    sizes = np.full(40, 0.3)
    sizes[8:16] = 4
    problem = some_driven("outer", sizes)
    problem = problem._replace(inputs=problem.inputs | {"rate": np.asarray(0.9)})
    segments = problem.forward(problem.inputs, PLAN).record.slices[0].segments
    ways = ["steps" if s.cut else "followed" if s.entries.size else "plain" for s in segments]
    assert ways[:2] == ["plain", "steps"] and ways[-1] == "followed", ways
    assert_close(results(problem, PLAN), definition(problem)[0], 1e-12)
