"""Problems that go by chunks, and what is compared: the chunked way against the definition, step by step.

Tolerances. The two sum in a different order, so each step differs in the last place, and a network with large
weights makes more of that at every step, as it does of any rounding. Here weight matrices are of order 0.8/√N and
alpha ⊗ Hebb(t) is no larger, and every output, state and gradient agrees to 1e-12 of its own largest entry. (Seen: at
most 1e-13, and 1e-15 in the median. In some thousand more draws one gradient of eta was off by 1.1e-12: one number, a
sum that nearly cancels.)
"""

import itertools
from functools import cache

import numpy as np
from configurations import all_configurations, read_only

from bpm_numpy import PlasticNetwork, State
from bpm_numpy.bptt import ByStep
from bpm_numpy.chunked.engine import ByChunks
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.parts import find_part
from bpm_numpy.proof import problems
from bpm_numpy.proof.problems import join

OPTIONS = [  # of the configurations that cover all, those that can go by chunks
    options
    for options in all_configurations()
    if options["plasticity"] != "none" and find_part("rule", options["rule"]).sums is not None
]
BOUNDS = ("none", "ample", "near", "some", "many")  # the clip's bound, from out of reach to nearly always reached
STARTS = ("zero", "carried", "at the bound")
EPS = {np.float32: float(np.finfo(np.float32).eps), np.float64: float(np.finfo(np.float64).eps)}


# Draws.


def draw(rng, options, T, bound=None, start=None, tame=True, B=None, N=None):
    """A Problem; eta is 0, 1, inside [0, 1] or outside it; a third of the losses end with their episodes."""
    B, N = B or int(rng.integers(1, 6)), N or int(rng.integers(1, 9))
    bound, start = bound or rng.choice(BOUNDS), start or rng.choice(STARTS)
    D = int(rng.integers(1, 4))
    problem = problems.random_problem(rng, D, N, 3, T, B, **options, clip=np.inf)
    inputs = dict(problem.inputs)
    for name, value in inputs.items():
        if name == "alpha" or (name.startswith("W_") and value.ndim == 2):
            inputs[name] = np.asarray(value / np.sqrt(N))
        if start == "zero" and name.startswith("state."):
            inputs[name] = np.zeros_like(value)
    if "eta" in inputs:
        outside = rng.uniform(-0.2, 0), rng.uniform(1, 1.4)
        inputs["eta"] = np.asarray(rng.choice([0, 1, rng.uniform(0, 1), *outside]))
    sizes = np.abs(problem.forward(inputs, plan="steps").hebb)
    if tame:
        inputs["alpha"] = np.asarray(inputs["alpha"] / max(1, sizes.max()))
    sizes = sizes[sizes > 0] if sizes.any() else np.ones(1)
    clip = {
        "none": np.inf,
        "ample": 100 * sizes.max(),
        "near": 1.05 * sizes.max(),
        "some": 1.01 * np.quantile(sizes, 0.9),
        "many": 1.01 * np.quantile(sizes, 0.3),
    }[bound]
    if start == "at the bound" and bound not in ("none", "ample"):
        inputs["state.hebb"] = clip * rng.choice([-1.0, 0.0, 1.0], inputs["state.hebb"].shape)
    problem = problem._replace(net=PlasticNetwork(D, N, 3, **options, clip=float(clip)), inputs=inputs)
    if rng.random() < 1 / 3:
        alive = np.arange(T)[:, None] < rng.integers(1, T + 1, B)  # (T, B)
        problem = problem._replace(
            d_logits=problem.d_logits * alive[:, :, None],
            d_values=problem.d_values * alive,
            d_state=State(*(None if d is None else np.zeros_like(d) for d in problem.d_state)),
        )
    return problem._replace(inputs=read_only(inputs))


def draw_plan(rng, B):
    return Plan(*(int(rng.integers(1, most + 1)) for most in (10, B, 3)))


@cache
def case(seed):
    """The Problem and the Plan of a seed: every configuration twice, T from 1 to 60."""
    rng = np.random.default_rng((4, seed))
    T = int(rng.choice([1, rng.integers(2, 21), rng.integers(2, 61)], p=[0.1, 0.5, 0.4]))
    problem = draw(rng, OPTIONS[seed % len(OPTIONS)], T)
    return problem, draw_plan(rng, problem.inputs["x"].shape[1])


SEEDS = range(2 * len(OPTIONS))


# What is compared.


def results(problem, plan):
    """Outputs, final state and gradients by ``plan``, as a dict of arrays."""
    params, x, state = problem.split(problem.inputs)
    traj = problem.net.forward(params, x, state, plan=plan)
    assert isinstance(traj.record, ByChunks)
    grads = problem.net.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state)
    outputs = {"h": traj.h, "c": traj.c, "modulator": traj.modulator, "logits": traj.logits, "values": traj.values}
    return as_dict(outputs, traj.state, grads)


def definition(problem, inputs=None):
    """The same, by ``ByStep``; and where Clip let the values pass, (T, B, N, N)."""
    params, x, state = problem.split(inputs or problem.inputs)
    record = ByStep(problem.net, params, state)
    outs = [record.step(x_t) for x_t in x]
    h, c, M = record.history()
    outputs = {
        "h": np.concatenate([state.h[None], h]),
        "c": None if c is None else np.concatenate([state.c[None], c]),
        "modulator": M,
        "logits": np.stack([out.logits for out in outs]),
        "values": np.stack([out.values for out in outs]),
    }
    grads = record.backward(problem.d_logits, problem.d_values, problem.d_state)
    return as_dict(outputs, record.state, grads), np.stack([step.inside for step in record.steps])


def as_dict(outputs, state, grads):
    """One dict of all arrays that are there."""
    final = {f"final {field}": value for field, value in state._asdict().items()}
    gradients = {f"gradient of {name}": value for name, value in join(*grads).items()}
    return {name: value for name, value in (outputs | final | gradients).items() if value is not None}


def differences(ours, expected):
    """dict: name -> largest difference, relative to the largest entry of that array (absolute where all are 0)."""
    assert set(ours) == set(expected)
    assert all(np.shape(ours[name]) == np.shape(expected[name]) for name in expected)
    return {name: np.abs(ours[name] - value).max() / (np.abs(value).max() or 1) for name, value in expected.items()}


def assert_close(ours, expected, tolerance):
    far = {name: size for name, size in differences(ours, expected).items() if not size <= tolerance}  # NaN is far
    assert not far, far


def assert_same_bits(ours, expected):
    assert set(ours) == set(expected)
    for name, value in expected.items():
        assert np.array_equal(ours[name], value, equal_nan=True), name


def segments(traj):
    """For every slice of the batch, (episodes, [(first step, behind the last, where Clip cut)]), in order."""
    record = traj.record
    for rows, part in zip(record.rows, record.slices):
        ends = list(itertools.accumulate(len(segment.steps) for segment in part.segments))
        yield rows, [(end - len(s.steps), end, s.cut) for end, s in zip(ends, part.segments)]
