"""How a pass is cut up: what is chosen for a size, what is refused, and what goes step by step whatever the plan."""

import numpy as np
import pytest
from chunk_problems import OPTIONS, assert_close, case, definition, draw, results

from bpm_numpy import PlasticNetwork
from bpm_numpy.bptt import ByStep
from bpm_numpy.chunked.plan import FEWEST, SHORTEST, Plan, choose_plan
from bpm_numpy.parts import REGISTRIES


@pytest.mark.parametrize("field", Plan._fields)
@pytest.mark.parametrize(
    "value, error",
    ((0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError), (None, TypeError), ("2", TypeError)),
)
def test_a_plan_with_a_wrong_number_is_refused_by_name(field, value, error):
    net = PlasticNetwork(2, 3, 1)
    params, plan = net.init(np.random.default_rng(21)), Plan(8, 2, 1)._replace(**{field: value})
    with pytest.raises(error, match=rf"plan\.{field}: expected an integer.*, got "):
        net.forward(params, np.zeros((4, 2, 2)), plan=plan)
    with pytest.raises(error, match=rf"plan\.{field}: expected an integer.*, got "):
        net.begin(params, net.initial_state(2), plan=plan)


@pytest.mark.parametrize("plan", ((8, 2, 1, 1), "step", 8, {"chunk": 8}, [8, 2, 1, 1]), ids=repr)
def test_what_is_no_plan_is_refused(plan):
    net = PlasticNetwork(2, 3, 1)
    params = net.init(np.random.default_rng(22))
    with pytest.raises(TypeError, match=r"plan: expected a chunked\.plan\.Plan, 'steps' or None, got "):
        net.forward(params, np.zeros((4, 2, 2)), plan=plan)
    with pytest.raises(TypeError, match=r"plan: expected a chunked\.plan\.Plan, 'steps' or None, got "):
        net.begin(params, net.initial_state(2), plan=plan)


@pytest.mark.parametrize("rule", [name for name, rule in REGISTRIES["rule"].items() if rule.sums is not None])
def test_the_plan_changes_with_the_size(rule):
    net = PlasticNetwork(2, 20, 1, rule=rule)
    B = -(-FEWEST // 20**2)  # as few episodes as can go by chunks
    T = -(-SHORTEST // (B * 20**2))  # in as few steps
    assert choose_plan(net, T, B) == Plan(8, B, 1)
    assert choose_plan(net, T - 1, B) == choose_plan(net, T, B - 1) == "steps"


@pytest.mark.parametrize(
    "T, B, N, small",
    (
        (1, 1, 1, True),
        (90, 5, 6, True),
        (520, 5, 6, False),
        (2, 5, 70, True),
        (17, 5, 70, False),
        (17, 13, 100, False),
    ),
)
@pytest.mark.parametrize("bound", ("ample", "some"))
def test_the_plan_that_is_chosen(T, B, N, small, bound):
    """The definition for small matrices, and larger ones in few steps; not where all steps' are many to keep."""
    options = [options for options in OPTIONS if options["rule"] == "trace"][-1]
    problem = draw(np.random.default_rng(23), options, T, bound, B=B, N=N)
    plan = choose_plan(problem.net, T, B)
    if small:
        assert plan == "steps"
        assert isinstance(problem.forward(problem.inputs).record, ByStep)
    else:
        assert all(type(value) is int and value >= 1 for value in plan) and plan.rows <= B
        assert_close(results(problem, None), definition(problem)[0], 1e-12)


def test_plans_larger_than_the_problem():
    problem, _ = case(100)
    assert_close(results(problem, Plan(1000, 1000, 1000)), definition(problem)[0], 1e-12)


UNSUMMED = [{"plasticity": "none"}, *({"rule": name} for name, rule in REGISTRIES["rule"].items() if rule.sums is None)]


@pytest.mark.parametrize("options", UNSUMMED, ids=lambda options: "".join(options.values()))
def test_what_cannot_go_by_chunks_goes_by_steps_under_any_plan(options):
    """... and a pass of any size chooses so."""
    net = PlasticNetwork(2, 3, 1, **options)
    params = net.init(np.random.default_rng(24))
    x = np.random.default_rng(25).standard_normal((9, 2, 2))
    trajs = [net.forward(params, x, plan=plan) for plan in (Plan(4, 1, 1), None, "steps")]
    assert all(isinstance(traj.record, ByStep) for traj in trajs)
    assert all(np.array_equal(traj.logits, trajs[-1].logits) for traj in trajs)
    grads = [net.backward(params, traj, np.ones((9, 2, 1))).params for traj in trajs]
    assert all(np.array_equal(of_one[name], grads[-1][name]) for of_one in grads for name in params)
    assert choose_plan(net, 10_000, 10_000) == "steps"
