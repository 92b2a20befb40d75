"""The fast way against the definition: one function computed in two ways, compared number by number.

A rule that goes by chunks says twice what it does, in its equations and in its ``factors``. Where the two disagree,
both passes of a network are wrong together in the fast way, and no gradient check notices; this comparison does.
"""

import numpy as np

from ..chunked.plan import Plan
from .problems import Problem, join

CHUNK = 4  # steps: small enough for a few of them


def compare_ways(net, params, x, rng, state=None, plan=None):
    """Outputs, final state and gradients by chunks against those of the definition -> the largest difference, a float.

    x (T, B, D); ``state`` as in ``forward``; rng draws the loss, a random linear one. Each difference is relative to
    the largest entry of its array, or to 1. Around 1e-14 in float64 is rounding; 1e-2 is another function.
    plan: a Plan, or None for two: one episode at a time, and all B together, which shows whether a chunk mixes them.
    """
    T, B = x.shape[:2]
    state = net.initial_state(B) if state is None else state
    d_state = state.map(lambda v: rng.standard_normal(v.shape).astype(net.dtype))
    d_logits = rng.standard_normal((T, B, net.n_outputs)).astype(net.dtype)
    d_values = rng.standard_normal((T, B)).astype(net.dtype)
    problem = Problem(net, join(params, x, state), d_logits, d_values, d_state)
    return float(np.max(list(differences(problem, plan).values())))


def differences(problem, plan=None):
    """Of a Problem: dict, name of an output, a field of the final state or an input (its gradient) -> difference."""
    theirs, B = _results(problem, "steps"), problem.inputs["x"].shape[1]
    plans = [Plan(CHUNK, rows, keep=1) for rows in sorted({1, B})] if plan is None else [plan]
    ways = [_results(problem, way) for way in plans]
    return {
        name: max(float(np.abs(ours[name] - value).max(initial=0)) for ours in ways)
        / max(float(np.abs(value).max(initial=0)), 1)
        for name, value in theirs.items()
    }


def _results(problem, plan):
    traj = problem.forward(problem.inputs, plan)
    final = {f"final {name}": value for name, value in traj.state._asdict().items() if value is not None}
    return {"logits": traj.logits, "values": traj.values} | final | problem.gradients(plan)
