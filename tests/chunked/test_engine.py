"""The chunked engine against the definition, step by step: the same function, in every regime of the clip.

Networks whose weights are larger than those of ``chunk_problems`` are held to what a change of their inputs in the last
place does. Where Clip's bound falls within rounding of a value, the derivative is anyone's choice: entries that are
meant to lie exactly at the bound are sums that are exact in any order.
"""

import copy
import ctypes
import itertools
import multiprocessing
import os
import threading
import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from chunk_problems import (
    BOUNDS,
    EPS,
    OPTIONS,
    SEEDS,
    as_dict,
    assert_close,
    assert_same_bits,
    case,
    definition,
    differences,
    draw,
    draw_plan,
    results,
    segments,
)
from configurations import identifier, read_only

from bpm_numpy import PlasticNetwork, State
from bpm_numpy.chunked import chunk, engine
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.learning.losses import cross_entropy
from bpm_numpy.learning.optimisers import adam, adam_init, clip_gradient_norm
from bpm_numpy.parts import REGISTRIES
from bpm_numpy.proof import problems
from bpm_numpy.proof.problems import join

# The two agree.


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed}-{identifier(OPTIONS[seed % len(OPTIONS)])}")
def test_agrees_with_the_definition(monkeypatch, seed):
    """With all matrices worked on together, and in blocks of one or two episodes, of which the last may be smaller."""
    problem, plan = case(seed)
    expected, _ = definition(problem)
    # What is driven without a bound grows, and so does its rounding.
    tolerance = 1e-10 if problem.net.modulator.name == "linear" else 1e-11
    assert_close(results(problem, plan), expected, tolerance)
    if plan.rows > 1:
        monkeypatch.setattr(chunk, "BLOCK", episodes_in_a_block(seed) * problem.net.n_hidden**2)
        assert_close(results(problem, plan), expected, tolerance)


def episodes_in_a_block(seed):
    """1 in the first case of every configuration, 2 in the second."""
    return 1 + seed // len(OPTIONS)


def test_the_draws_cover_what_can_happen():
    """Among half of the cases of the test above, each of these is met at least 8 times."""
    names = "T=1", "N=1", "B=1", "rest", "masked", "slices", "none", "few", "many", "mixed", "recomputed", "uneven"
    counts = dict.fromkeys(names, 0)
    counts |= {f"chunk {L}": 0 for L in range(1, 11)} | {f"keep {k}": 0 for k in (1, 2, 3)}
    for seed in SEEDS[::2]:
        problem, plan = case(seed)
        T, B, _ = problem.inputs["x"].shape
        by_slice = [[cut for *_, cut in parts] for _, parts in segments(problem.forward(problem.inputs, plan))]
        cut = list(itertools.chain(*by_slice))
        share = problem.cut_share()
        met = {
            "T=1": T == 1,
            "N=1": problem.net.n_hidden == 1,
            "B=1": B == 1,
            "rest": T % plan.chunk and T > plan.chunk,
            "masked": not problem.d_state.h.any(),
            "slices": plan.rows < B,
            "none": share == 0,
            "few": 0 < share < 0.1,
            "many": share > 0.3,
            "mixed": plan.chunk > 1 and any(cut) and not all(cut),
            "recomputed": any(cut and (k + 1) % plan.keep for one in by_slice for k, cut in enumerate(one[:-1])),
            "uneven": any(cut) and plan.rows > 2 and plan.rows % episodes_in_a_block(seed),
            f"chunk {plan.chunk}": True,
            f"keep {plan.keep}": True,
        }
        for name, holds in met.items():
            counts[name] += bool(holds)
    assert min(counts.values()) >= 8, counts


@pytest.mark.parametrize("seed", range(20))
def test_agrees_over_200_steps(seed):
    rng = np.random.default_rng((200, seed))
    problem = draw(rng, OPTIONS[rng.integers(len(OPTIONS))], 200, BOUNDS[seed % 5])
    plan = draw_plan(rng, problem.inputs["x"].shape[1])
    expected, _ = definition(problem)
    assert_close(results(problem, plan), expected, 1e-11)


@pytest.mark.parametrize("seed", range(0, 48, 2))
def test_where_rounding_grows_it_grows_no_faster_than_the_definitions_own(seed):
    """Hebb without limit and larger weights: against what one unit in the last place of every input does."""
    rng = np.random.default_rng((5, seed))
    problem = draw(rng, OPTIONS[5 * seed % len(OPTIONS)], int(rng.integers(20, 61)), "none", tame=False)
    expected, _ = definition(problem)
    moved = {
        name: np.asarray(value * (1 + EPS[np.float64] * rng.choice([-1, 1], value.shape)))
        for name, value in problem.inputs.items()
    }
    yardstick = max(differences(definition(problem, moved)[0], expected).values())
    assert_close(results(problem, draw_plan(rng, 1)), expected, 1e-12 + 10 * yardstick)


@pytest.mark.parametrize("seed", range(72))
def test_two_pieces_are_the_whole(seed):
    """The second piece starts from the first one's state, and hands its gradient back."""
    rng = np.random.default_rng((6, seed))
    T = int(rng.integers(2, 41))
    problem = draw(rng, OPTIONS[7 * seed % len(OPTIONS)], T)
    net, (params, x, state) = problem.net, problem.split(problem.inputs)
    cut, plans = int(rng.integers(1, T)), [draw_plan(rng, x.shape[1]) for _ in range(2)]
    one = net.forward(params, x[:cut], state, plan=plans[0])
    two = net.forward(params, x[cut:], one.state, plan=plans[1])
    late = net.backward(params, two, problem.d_logits[cut:], problem.d_values[cut:], problem.d_state)
    early = net.backward(params, one, problem.d_logits[:cut], problem.d_values[:cut], late.state)
    total = {name: early.params[name] + late.params[name] for name in params}
    outputs = {"logits": np.concatenate([one.logits, two.logits]), "h": np.concatenate([one.h, two.h[1:]])}
    ours = as_dict(outputs, two.state, (total, np.concatenate([early.x, late.x]), early.state))
    expected, _ = definition(problem)
    assert_close(ours, {name: expected[name] for name in ours}, 1e-12)


# Entries exactly at the bound. Every number is a small multiple of a power of two, so all sums are exact.


def exact_drive(net, rng):
    """Parameters with which mu is 1, -1 or 0 times a power of two; or, where Hebb is shrunk by it, 1 - mu is."""
    N, of_gates = net.n_hidden, net.rule.name in ("decay", "oja")
    if net.plasticity == "hebbian":
        return {"rate": np.asarray(-1.0 if of_gates else 0.25)}
    params = {"W_m": (1.0 if net.modulator.name == "linear" else 40.0) * (np.arange(N) == 0)}  # M = h_0, or 0 for -1
    if net.modulator.name == "difference":
        params |= {"W_m2": -params["W_m"], "gain": np.asarray(0.5)}
    if net.fanout:
        params["W_fan"], params["b_fan"] = rng.choice([-0.25, 0.25], N), np.full(N, 0.5)
        if of_gates and net.modulator.name == "sigmoid":  # mu is 0 or -1
            params["W_fan"], params["b_fan"] = np.full(N, -1.0), np.zeros(N)
        elif of_gates:  # 1/2 or -1
            params["W_fan"], params["b_fan"] = np.full(N, 0.75), np.full(N, -0.25)
    return params


def exact_problem(rng, options, eta):
    """Hebb starts at multiples of half the bound, and half of its entries so that the first step takes them to it.

    h, p and M are 1, -1 or 0: tanh(40) is 1. Silent units stay at h = p = 0, so Oja leaves their entries alone.
    """
    T, B, N = 13, 3, 5
    large = options["rule"] in ("decay", "oja") or (options["plasticity"] == "modulated" and not options["fanout"])
    unit = 1.0 if large else 0.25
    net = PlasticNetwork(N, N, 2, **options, clip=2 * unit)
    silent = np.arange(N) >= 3
    params = {name: np.zeros_like(value) for name, value in net.init(rng).items()}
    params |= {name: rng.standard_normal(params[name].shape) for name in params if name[:3] in ("W_y", "W_v", "W_k")}
    params |= exact_drive(net, rng)
    if net.rule.name == "trace":
        params["eta"] = np.asarray(eta)
    alpha = np.where(silent, 0, 0.125)  # tanh(0) is 0, but its derivative is 1: a silent unit has gradients
    params["alpha"] = {"full": np.tile(alpha, (N, 1)), "neuron": alpha}[net.alpha]
    state = net.initial_state(B)
    signs = rng.choice([-1.0, 1.0], (T + 1, B, N)) * ~silent
    signs[1, :2, 0] = -1, 1  # so that M has both signs, or both values, at the first step
    state = state._replace(h=signs[0])
    if net.cell.name == "rnn":
        params["W_x"] = np.eye(N)
    elif net.cell.name == "gru":  # z = 0 and r = 1: h = n
        params |= {"W_nx": np.eye(N), "b_z": np.full(N, -80.0), "b_r": np.full(N, 80.0)}
    else:  # reading "paper", with f = o = 1 and j = ½: h = tanh(c) stays the sign of the initial c
        params |= {"W_ix": np.eye(N), "b_f": np.full(N, 80.0), "b_o": np.full(N, 80.0)}
        state = state._replace(c=64 * signs[0])
    trace = None if state.trace is None else rng.integers(-1, 2, state.hebb.shape).astype(float)
    state = state._replace(trace=trace)

    def after(hebb):
        return net.step(params, 40 * signs[1], state._replace(hebb=np.full_like(state.hebb, hebb)))[1].hebb

    first, kept = after(0.0), (after(2.0**-10) - after(0.0)) * 2**10  # what the first step adds, and keeps of Hebb
    keeps = kept != 0
    reach = (np.where(first < 0, -net.clip, net.clip) - first) / np.where(keeps, kept, 1)  # from here it gets there
    start = unit * rng.integers(-2, 3, first.shape)
    state = state._replace(hebb=np.where(keeps & (rng.random(first.shape) < 0.5), reach, start))
    d_state = State(*(None if v is None else rng.standard_normal(v.shape) for v in state))
    loss = rng.standard_normal((T, B, 2)), rng.standard_normal((T, B)), d_state
    return problems.Problem(net, read_only(join(params, 40 * signs[1:], state)), *loss)


def is_exact(options):
    """Whether ``exact_problem`` can make one: where mu is 0 or 1, decay never leaves the bound's inside."""
    shrinks = options["rule"] in ("decay", "oja") and options["modulator"] == "sigmoid" and not options["fanout"]
    stays = options["cell"] != "lstm" or options["reading"] == "paper"
    return stays and not shrinks and options["readout_hidden"] is None and options["alpha"] != "scalar"


EXACT = [
    (options, eta)
    for options in filter(is_exact, OPTIONS)
    for eta in ((0.0, 0.5, 1.0) if options["rule"] == "trace" else (None,))
]


@pytest.mark.exact("few binary digits throughout, so that every product and sum is exact")
@pytest.mark.parametrize("options, eta", EXACT, ids=lambda v: identifier(v) if isinstance(v, dict) else str(v))
def test_entries_that_land_exactly_on_the_bound(monkeypatch, options, eta):
    """... by steps, and where all entries may be followed by themselves, however far."""
    rng = np.random.default_rng(7)
    problem = exact_problem(rng, options, eta)
    params, x, state = problem.split(problem.inputs)
    steps = problem.net.forward(params, x, state, plan="steps").steps
    sums = np.stack([step.state.hebb + step.mu[:, None, :] * step.eligibility for step in steps])  # before Clip
    on_it, moved = np.abs(sums) == problem.net.clip, sums != np.stack([step.state.hebb for step in steps])
    assert (on_it & ~moved).any() or options["rule"] == "decay"  # stay there, by an update of zero
    assert (on_it & moved).any() and (np.abs(sums) > problem.net.clip).any()
    expected, inside = definition(problem)
    assert inside[on_it].all()
    for followed in (False, True):
        if followed:
            for module in (chunk, engine):
                monkeypatch.setattr(module, "most_followed", lambda entries: entries)
            monkeypatch.setattr(chunk, "FAR", np.inf)
        for plan in (Plan(1, 3, 2), Plan(8, 2, 1), Plan(5, 1, 2)):
            ours = results(problem, plan)
            assert np.array_equal(ours["final hebb"], expected["final hebb"])
            assert_close(ours, expected, 1e-12)


# Whole chunks where they are certified, single steps elsewhere.


@pytest.mark.parametrize("bound", ("none", "ample"))
@pytest.mark.parametrize("options", OPTIONS[::5], ids=identifier)
def test_far_from_the_bound_every_chunk_is_taken_whole(certificates, monkeypatch, options, bound):
    rng = np.random.default_rng(10)
    problem = draw(rng, options, 23, bound, "carried", B=5)
    monkeypatch.setattr(engine.SliceRun, "step", None)  # not one step is taken alone
    traj = problem.forward(problem.inputs, Plan(6, 2, 2))
    assert certificates == [True] * 3 * 4  # 3 slices, 4 chunks
    for _, parts in segments(traj):
        assert [(first, end) for first, end, _ in parts] == [(0, 6), (6, 12), (12, 18), (18, 23)]
        assert not any(cut for *_, cut in parts)


@pytest.mark.parametrize("seed", range(0, len(SEEDS), 4))
def test_steps_are_taken_alone_where_an_entry_is_cut(seed):
    problem, plan = case(seed)
    inside = definition(problem)[1]
    for rows, parts in segments(problem.forward(problem.inputs, plan)):
        assert parts[-1][1] == len(inside)
        for first, end, cut in parts:
            assert cut == (not inside[first:end, rows].all())


# Acting and learning in one pass.


@pytest.fixture
def cells(monkeypatch):
    """The list of names of all cells that are run forward from now on, "fast" where it is by its fast form."""
    calls = []

    def counted(name, function):
        def wrapper(*args):
            calls.append(name)
            return function(*args)

        return wrapper

    for cell in REGISTRIES["cell"].values():
        for name, kind in ((cell.name, type(cell)), (f"fast {cell.name}", type(cell.fast))):  # what is undone on an
            monkeypatch.setattr(kind, "forward", counted(name, kind.forward))  # object itself would stay there
    return calls


@pytest.mark.parametrize("bound", ("ample", "some"))
@pytest.mark.parametrize("options", OPTIONS[::7], ids=identifier)
def test_a_rollout_agrees_and_is_run_once(cells, options, bound):
    rng = np.random.default_rng(11)
    problem = draw(rng, options, 21, bound)
    expected, _ = definition(problem)
    params, x, state = problem.split(problem.inputs)
    run = problem.net.begin(params, state, plan=Plan(8, x.shape[1], 1))
    cells.clear()
    outs = [run.step(x_t) for x_t in x]
    assert cells == [f"fast {options['cell']}"] * len(x)
    traj = run.trajectory()
    grads = problem.net.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state)
    assert len(cells) == len(x)
    outputs = {"logits": np.stack([out.logits for out in outs]), "values": np.stack([out.values for out in outs])}
    outputs |= {"modulator": None if outs[0].modulator is None else np.stack([out.modulator for out in outs])}
    ours = as_dict(outputs | {"h": traj.h, "c": traj.c}, run.state, grads)
    assert_close(ours, expected, 1e-12)
    np.testing.assert_allclose(traj.logits, outputs["logits"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(36))
def test_steps_and_whole_sequences_mix(seed):
    """A run in pieces of any length, some as steps and some as sequences, by any plan."""
    rng = np.random.default_rng((12, seed))
    problem = draw(rng, OPTIONS[7 * seed % len(OPTIONS)], 50)
    params, x, state = problem.split(problem.inputs)
    run = problem.net.begin(params, state, plan=draw_plan(rng, x.shape[1]))
    cuts = np.unique(rng.integers(0, 51, 6))
    for first, end in zip([0, *cuts], [*cuts, 50]):
        if end > first and rng.random() < 0.5:
            run.advance(x[first:end])
        else:
            for x_t in x[first:end]:
                run.step(x_t)
    traj = run.trajectory()
    grads = problem.net.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state)
    expected, _ = definition(problem)
    ours = as_dict({"h": traj.h, "logits": traj.logits}, traj.state, grads)
    assert_close(ours, {name: expected[name] for name in ours}, 1e-11)  # 50 steps; seen: 1.2e-12


@pytest.mark.parametrize("bound", ("ample", "some"))
@pytest.mark.parametrize("options", OPTIONS[3::16], ids=identifier)
@pytest.mark.parametrize("plan", (None, Plan(4, 1, 2), Plan(7, 2, 1)), ids=("chosen", "4", "7"))
def test_a_run_goes_on_and_leaves_older_trajectories_alone(options, plan, bound):
    rng = np.random.default_rng(13)
    problem = draw(rng, options, 29, bound)
    net, (params, x, state) = problem.net, problem.split(problem.inputs)
    run = net.begin(params, state, plan=plan)
    for x_t in x[:11]:
        run.step(x_t)
    older = run.trajectory()

    def of_older():
        grads = net.backward(params, older, problem.d_logits[:11], problem.d_values[:11], problem.d_state)
        return copy.deepcopy(as_dict({"h": older.h, "logits": older.logits}, older.state, grads))

    before = of_older()
    run.advance(x[11:20])
    for x_t in x[20:]:
        run.step(x_t)
    newer = run.trajectory()
    assert_same_bits(of_older(), before)
    grads = net.backward(params, newer, problem.d_logits, problem.d_values, problem.d_state)
    expected, _ = definition(problem)
    ours = as_dict({"h": newer.h}, newer.state, grads)
    assert_close(ours, {name: expected[name] for name in ours}, 1e-12)
    assert_same_bits(of_older(), before)


# Nothing of anyone else's is touched.


@pytest.mark.parametrize("seed", range(0, len(SEEDS), 12))
def test_backward_twice_is_the_same_and_writes_to_nothing(seed):
    problem, plan = case(seed)  # its inputs are read-only
    params, _, _ = problem.split(problem.inputs)
    traj = problem.forward(problem.inputs, plan)
    loss = {"d_logits": problem.d_logits, "d_values": problem.d_values}
    loss = read_only({name: value.copy() for name, value in loss.items()})
    d_state = {field: value.copy() for field, value in problem.d_state._asdict().items() if value is not None}
    d_state = State(**read_only(d_state))

    def all_of_it():
        h, c, M = traj.record.history()
        arrays = {"h": traj.h, "c": traj.c, "logits": traj.logits, "values": traj.values, "modulator": traj.modulator}
        arrays |= {"record h": h, "record c": c, "record M": M}
        arrays |= {f"record state.{field}": value for field, value in traj.record.state._asdict().items()}
        return {name: value.copy() for name, value in arrays.items() if value is not None}

    before = all_of_it()
    first = problem.net.backward(params, traj, **loss, d_state=d_state)
    kept = copy.deepcopy(join(*first))
    other = problem.net.backward(params, traj, -2 * problem.d_logits)  # another loss in between
    again = problem.net.backward(params, traj, **loss, d_state=d_state)
    assert_same_bits(join(*again), kept)
    assert_same_bits(join(*first), kept)  # what was returned stays the caller's
    assert_same_bits(all_of_it(), before)
    for one, two in itertools.combinations((first, other, again), 2):
        for a, b in itertools.product(join(*one).values(), join(*two).values()):
            assert not np.shares_memory(a, b)


@pytest.mark.parametrize("seed", range(0, len(SEEDS), 25))
def test_hebb_is_rebuilt_from_where_the_trajectory_started(seed):
    problem, plan = case(seed)
    traj = problem.forward(problem.inputs, plan)
    assert np.array_equal(traj.hebb[0], problem.inputs["state.hebb"])
    rebuilt = {"hebb": traj.hebb[-1], "h": np.stack([step.h for step in traj.steps])}
    assert_close(rebuilt, {"hebb": traj.state.hebb, "h": traj.h[1:]}, 1e-12)


def blas_threads():
    """Number of threads of NumPy's OpenBLAS; None where it is another library."""
    for path in (Path(np.__file__).parent.parent / "numpy.libs").glob("*openblas*"):
        number = getattr(ctypes.CDLL(str(path)), "scipy_openblas_get_num_threads64_", None)
        if number is not None:
            return number()
    return None


def settings():
    return np.geterr(), np.geterrcall(), dict(os.environ), np.get_printoptions(), blas_threads()


def test_the_processs_settings_are_left_alone(monkeypatch):
    """During a pass, too: the certificate, asked in the middle of one, looks at them."""
    seen, original = [], chunk.Chunk.at_risk
    monkeypatch.setattr(chunk.Chunk, "at_risk", lambda *args: seen.append(settings()[1:]) or original(*args))
    before, running = settings(), threading.active_count()
    problem = draw(np.random.default_rng(14), OPTIONS[70], 40, "some", B=4)
    np.random.seed(14)  # NumPy's global generator: nothing else here draws from it
    _, key, position, *_ = np.random.get_state()
    results(problem, Plan(5, 1, 2))
    assert settings() == before and threading.active_count() == running
    assert seen and all(during == before[1:] for during in seen)
    assert np.array_equal(np.random.get_state()[1], key) and np.random.get_state()[2] == position


def gradients_of_a_pass(net, params, x):
    """A dict, in whatever thread or process this is called."""
    return net.backward(
        params, net.forward(params, x, plan=Plan(8, 2, 1)), np.ones((*x.shape[:2], net.n_outputs))
    ).params


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Python 3.12: the matrix products have threads
@pytest.mark.parametrize("others", ["threads", "fork", "spawn"])
def test_the_callers_threads_and_processes_get_the_same_bits(others):
    if others not in ("threads", *multiprocessing.get_all_start_methods()):
        pytest.skip(f"this system has no {others}")
    rng = np.random.default_rng(15)
    net = PlasticNetwork(3, 32, 2, plasticity="modulated", rule="trace", clip=0.3)
    problem = net, net.init(rng), rng.standard_normal((40, 4, 3))
    expected = gradients_of_a_pass(*problem)
    context = None if others == "threads" else multiprocessing.get_context(others)
    with ProcessPoolExecutor(2, mp_context=context) if context else ThreadPoolExecutor(4) as pool:
        for run in [pool.submit(gradients_of_a_pass, *problem) for _ in range(4)]:
            assert_same_bits(run.result(), expected)


def test_the_callers_error_state_holds():
    """A product that overflows is what the caller's np.errstate says it is: here an error, there nothing."""
    options = {"cell": "rnn", "plasticity": "hebbian", "dtype": np.float32}
    net = PlasticNetwork(2, 3, 1, **options)
    params = net.init(np.random.default_rng(15)) | {"rate": np.asarray(3e38, np.float32)}
    x, state = np.full((4, 2, 2), 2, np.float32), net.initial_state(2)
    state = State(np.ones_like(state.h), None, np.full_like(state.hebb, 1e38), None)
    for plan in ("steps", Plan(4, 1, 1)):
        with np.errstate(over="ignore", invalid="ignore"):
            net.forward(params, x, state, plan=plan)
        with np.errstate(over="raise", invalid="raise"), pytest.raises(FloatingPointError):
            net.forward(params, x, state, plan=plan)


# Single precision.


def cast(problem, dtype):
    """The same Problem in another precision."""
    inputs = {name: value.astype(dtype) for name, value in problem.inputs.items()}
    d_state = State(*(None if d is None else d.astype(dtype) for d in problem.d_state))
    net = PlasticNetwork(**problem.net.options | {"dtype": dtype})
    return problems.Problem(net, inputs, problem.d_logits.astype(dtype), problem.d_values.astype(dtype), d_state)


@pytest.mark.parametrize("seed", range(48))
def test_single_precision(seed):
    """Every result is float32, and near what the definition gives in float64. (Seen: 1e-5.)"""
    rng = np.random.default_rng((16, seed))
    problem = draw(rng, OPTIONS[5 * seed % len(OPTIONS)], int(rng.integers(2, 31)), ("none", "ample")[seed % 2])
    problem = cast(problem, np.float32)
    ours = results(problem, draw_plan(rng, problem.inputs["x"].shape[1]))
    assert all(value.dtype == np.float32 for value in ours.values())
    assert_close(ours, definition(cast(problem, np.float64))[0], 1e-4)


@pytest.mark.exact("few binary digits throughout, so that every product and sum of Hebb is exact in float32, too")
@pytest.mark.parametrize("options, eta", EXACT[::5], ids=lambda v: identifier(v) if isinstance(v, dict) else str(v))
def test_single_precision_where_clip_cuts(options, eta):
    """No entry is on another side of the bound than in float64, so gradients may be compared. (Seen: 2e-5.)"""
    problem = exact_problem(np.random.default_rng(7), options, eta)
    expected, inside = definition(problem)
    assert not inside.all()
    for plan in (Plan(1, 3, 2), Plan(8, 2, 1)):
        ours = results(cast(problem, np.float32), plan)
        assert all(value.dtype == np.float32 for value in ours.values())
        assert np.array_equal(ours["final hebb"], expected["final hebb"])
        assert_close(ours, expected, 1e-4)


# Memory.


def matrices_kept(record, N):
    """How many (B, N, N) arrays a record holds on to, in all its parts; views count as what they are views of."""
    found, seen, todo = 0, set(), [record]
    while todo:
        item = todo.pop()
        while isinstance(item, np.ndarray) and item.base is not None:
            item = item.base
        if id(item) in seen or isinstance(item, PlasticNetwork):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            if item.dtype == np.uint8:  # the room of an aligned array
                found += (item.size - 64) / (8 * N**2)
            elif item.ndim >= 3 and item.shape[-2:] == (N, N):
                found += item.size / N**2
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            todo.extend(item)
        elif hasattr(item, "__dict__"):
            todo.extend(vars(item).values())
    return found


@pytest.mark.parametrize("clip", (0.05, np.inf), ids=("cut", "uncut"))
@pytest.mark.parametrize("rule", ("outer", "oja", "trace"))
def test_the_matrices_kept_grow_like_the_square_root_of_the_length(monkeypatch, rule, clip):
    """By the plan that is chosen for the length. A hundred times as long: at most ten times as many."""
    for name in ("FEWEST", "SHORTEST"):  # or the shortest, of such small matrices, would go step by step
        monkeypatch.setattr(f"bpm_numpy.chunked.plan.{name}", 0)
    N = 3
    net = PlasticNetwork(2, N, 1, rule=rule, clip=clip)
    rng = np.random.default_rng(17)
    params = net.init(rng)
    kept = {}
    for T in (80, 800, 8000):
        traj = net.forward(params, rng.standard_normal((T, 1, 2)))
        kept[T] = matrices_kept(traj.record, N)
    assert 0 < kept[8000] <= 10 * kept[80]
    assert kept[8000] <= 1.5 * np.sqrt(8000)


@pytest.mark.parametrize("options", [{}, {"cell": "lstm", "rule": "trace"}], ids=("rnn outer", "lstm trace"))
def test_peak_memory_of_a_long_sequence(options):
    """Forward and backward take less than half of what Hebb at every step would, by itself."""
    T, B, N = 600, 4, 64
    net = PlasticNetwork(2, N, 1, **options)
    rng = np.random.default_rng(18)
    params, x, d_logits = net.init(rng), rng.standard_normal((T, B, 2)), rng.standard_normal((T, B, 1))
    tracemalloc.start()
    try:
        net.backward(params, net.forward(params, x), d_logits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < T * B * N**2 * 8 / 2


# Trained networks, whose entries sit at the bound.


def trained(cell, plasticity, rule, reading):
    """A network after 40 updates on recall: which of 4 cues was shown at the first step? Returns net and params."""
    net = PlasticNetwork(5, 10, 4, cell=cell, plasticity=plasticity, rule=rule, reading=reading, clip=0.3)
    rng = np.random.default_rng(19)
    params = net.init(rng)
    if plasticity == "hebbian":
        params["rate"] = np.asarray(0.5)
    state = adam_init(params)
    mask = np.zeros((16, 8), bool)
    mask[-1] = True
    for _ in range(40):
        x, cues = recall(rng, 16, 8)
        traj = net.forward(params, x)
        targets = np.tile(cues, (len(x), 1))
        _, d_logits = cross_entropy(traj.logits, targets, mask)
        grads, _ = clip_gradient_norm(net.backward(params, traj, d_logits).params, 1.0)
        params, state = adam(params, grads, state, learning_rate=0.03)
    return net, params


def recall(rng, T, B):
    """x (T, B, 5), noise between a cue and the question, and the cues (B,)."""
    x, cues = 0.5 * rng.standard_normal((T, B, 5)), rng.integers(4, size=B)
    x[0], x[-1] = 2 * np.eye(5)[cues], 2 * np.eye(5)[4]
    return x, cues


@pytest.mark.parametrize(
    "cell, plasticity, rule, reading",
    (
        ("rnn", "hebbian", "outer", "notes"),
        ("rnn", "hebbian", "trace", "notes"),
        ("rnn", "modulated", "outer", "notes"),
        ("rnn", "modulated", "trace", "paper"),
        ("lstm", "hebbian", "outer", "notes"),
        ("lstm", "hebbian", "trace", "notes"),
        ("lstm", "modulated", "outer", "paper"),
        ("lstm", "modulated", "trace", "paper"),
        ("rnn", "hebbian", "decay", "notes"),
        ("rnn", "modulated", "oja", "notes"),
        ("gru", "modulated", "decay", "notes"),
        ("gru", "modulated", "oja", "notes"),
    ),
)
def test_trained_networks(cell, plasticity, rule, reading):
    net, params = trained(cell, plasticity, rule, reading)
    rng = np.random.default_rng(20)
    x, _ = recall(rng, 40, 5)
    d_state = State(*(None if v is None else rng.standard_normal(v.shape) for v in net.initial_state(5)))
    inputs = join(params, x, net.initial_state(5))
    problem = problems.Problem(net, inputs, rng.standard_normal((40, 5, 4)), rng.standard_normal((40, 5)), d_state)
    expected, inside = definition(problem)
    assert (np.abs(expected["final hebb"]) == net.clip).mean() > 0.02 and not inside.all()
    for plan in (Plan(8, 2, 1), Plan(5, 5, 3)):
        assert_close(results(problem, plan), expected, 1e-12)


# Memory that passes over matrices are quick in.


@pytest.mark.parametrize("shape", [(3, 2, 5, 5), (1, 1, 1)])
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_aligned_arrays_begin_at_a_line_of_the_cache(dtype, shape):
    for _ in range(5):
        array = chunk.aligned(shape, dtype)
        assert array.shape == shape and array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable
        assert array.ctypes.data % 64 == 0
