"""Each rule on its own: all that a rule must do, then its backward entry by entry, and its kinks."""

import numpy as np
import pytest
from derivatives import Case, check, check_backward, draw, of_part

from bpm_numpy import PlasticNetwork
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.parts import REGISTRIES
from bpm_numpy.rules.base import EligibilityRule
from bpm_numpy.rules.outer import outer_backward, outer_forward, outer_jvp
from bpm_numpy.rules.taylor import TAYLOR_TENSORS, taylor_backward, taylor_forward, taylor_jvp
from bpm_numpy.rules.trace import trace_backward, trace_forward, trace_jvp

B, N = 2, 3
BOUND = 0.8  # of the clip; what is clipped is of order 1, so some is cut and some is not
TENSORS = {name: (N,) * rank for name, rank in zip(TAYLOR_TENSORS, (2, 3, 3, 4, 4, 4))}
DRIVES = {"of each neuron": (B, N), "of each episode": (B, 1), "one": (1, 1)}

every_rule = pytest.mark.parametrize("name", REGISTRIES["rule"])
both_readings = pytest.mark.parametrize("reading", ["notes", "paper"])
every_drive = pytest.mark.parametrize("mu_shape", DRIVES.values(), ids=DRIVES)


def network(name, clip=BOUND, reading="notes"):
    return PlasticNetwork(2, N, 2, rule=name, clip=clip, reading=reading)


def rule_case(net, mu_shape=(B, N)):
    carried = net.rule.carried(net)
    shapes = {"hebb": (B, N, N), "mu": mu_shape, "h_prev": (B, N), "p": (B, N)}
    return of_part(net.rule, net, shapes | {"trace": carried and (B, *carried)})


@every_rule
@both_readings
@every_drive
@pytest.mark.parametrize("clip", [BOUND, np.inf])
def test_a_rule_has_the_derivatives_of_its_forward(name, reading, mu_shape, clip):
    check(rule_case(network(name, clip, reading), mu_shape))


@every_rule
def test_the_cases_cut_some_values_and_pass_others(name):
    case = rule_case(network(name))
    hebb = case.outputs(draw(case, seed=0)[1])[0]
    assert 0.1 < (np.abs(hebb) == BOUND).mean() < 0.9


@every_rule
@both_readings
def test_the_gradient_of_the_drive_is_left_for_every_neuron(name, reading):
    """Also where neurons or episodes share one: it is not the rule that sums."""
    net = network(name, reading=reading)
    _, values, d_outputs = draw(rule_case(net), seed=1)
    given = [values.get(key) for key in ("h_prev", "p", "trace")]
    for mu in (values["mu"][:, :1], values["mu"][:1, :1]):
        shared, whole = (net.rule.forward(net, values, values["hebb"], m, *given) for m in (mu, mu + np.zeros((B, N))))
        assert np.array_equal(shared[0], whole[0])
        adjoints = (*d_outputs, None)[:2]
        ours, expected = (net.rule.backward(net, *adjoints, cache)[1] for *_, cache in (shared, whole))
        assert ours.shape == (B, N) and np.array_equal(ours, expected)


EQUATIONS = {
    "outer": Case(outer_forward, outer_backward, outer_jvp, {"h_prev": (B, N), "p": (B, N)}),
    "trace": Case(trace_forward, trace_backward, trace_jvp, {"trace": (B, N, N), "X": (B, N, N), "eta": ()}),
    "taylor": Case(taylor_forward, taylor_backward, taylor_jvp, {"h_prev": (B, N), "p": (B, N)} | TENSORS),
}


@pytest.mark.parametrize("case", EQUATIONS.values(), ids=EQUATIONS)
def test_an_equation_of_a_rule_has_the_derivatives_of_its_forward(case):
    check(case)


# The form g ⊗ Hebb + h qᵀ, by which a rule goes by chunks.

GATED = [name for name, rule in REGISTRIES["rule"].items() if rule.sums is Gated]


@pytest.mark.parametrize("name", GATED)
@every_drive
def test_the_factors_are_those_of_the_rule(name, mu_shape):
    net = network(name, clip=np.inf)
    _, values, _ = draw(rule_case(net, mu_shape), seed=2)
    hebb, mu, h_prev, p = (values[key] for key in ("hebb", "mu", "h_prev", "p"))
    g, q, _ = net.rule.factors(net, values, mu, p)
    kept = hebb if g is None else g[:, None, :] * hebb
    expected = net.rule.forward(net, values, hebb, mu, h_prev, p, None)[0]
    np.testing.assert_allclose(kept + h_prev[:, :, None] * q[:, None, :], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", GATED)
def test_the_factors_have_their_derivatives(name):
    net = network(name)
    case = of_part(net.rule, net, {"mu": (B, N), "p": (B, N)})
    check_backward(
        case._replace(
            forward=lambda *arguments: net.rule.factors(net, *arguments),
            backward=lambda *arguments: net.rule.factors_backward(net, *arguments),
        )
    )


# Backward, entry by entry, as the docstrings derive it.


def test_outer_backward_by_hand():
    rng = np.random.default_rng(4)
    h, p, dX = rng.standard_normal((B, N)), rng.standard_normal((B, N)), rng.standard_normal((B, N, N))
    dh, dp = np.zeros((B, N)), np.zeros((B, N))
    for b in range(B):
        for i in range(N):
            for j in range(N):
                dh[b, i] += dX[b, i, j] * p[b, j]
                dp[b, j] += dX[b, i, j] * h[b, i]
    for ours, expected in zip(outer_backward(dX, (h, p)), (dh, dp), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_trace_backward_by_hand():
    rng = np.random.default_rng(5)
    (trace, X, d_next), eta = rng.standard_normal((3, B, N, N)), np.asarray(0.3)
    dtrace, dX, deta = np.zeros((B, N, N)), np.zeros((B, N, N)), 0.0
    for b, i, j in np.ndindex(B, N, N):
        dtrace[b, i, j] = (1 - 0.3) * d_next[b, i, j]
        dX[b, i, j] = 0.3 * d_next[b, i, j]
        deta += (X[b, i, j] - trace[b, i, j]) * d_next[b, i, j]
    for ours, expected in zip(trace_backward(d_next, (trace, X, eta)), (dtrace, dX, deta), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)


def test_taylor_backward_by_hand():
    rng = np.random.default_rng(6)
    h, p, dE = rng.standard_normal((B, N)), rng.standard_normal((B, N)), rng.standard_normal((B, N, N))
    tensors = {name: rng.standard_normal(shape) for name, shape in TENSORS.items()}
    dh, dp = np.zeros((B, N)), np.zeros((B, N))
    d = {name: np.zeros(shape) for name, shape in TENSORS.items()}
    for n, i, j in np.ndindex(B, N, N):  # episode n, entry E[n, i, j]
        d["A"][i, j] += dE[n, i, j]
        for k in range(N):
            d["B"][i, j, k] += dE[n, i, j] * h[n, k]
            d["C"][i, j, k] += dE[n, i, j] * p[n, k]
            dh[n, k] += dE[n, i, j] * tensors["B"][i, j, k]
            dp[n, k] += dE[n, i, j] * tensors["C"][i, j, k]
            for m in range(N):
                d["D"][i, j, k, m] += dE[n, i, j] * h[n, k] * h[n, m]
                d["G"][i, j, k, m] += dE[n, i, j] * p[n, k] * p[n, m]
                d["H"][i, j, k, m] += dE[n, i, j] * h[n, k] * p[n, m]
                dh[n, k] += dE[n, i, j] * tensors["D"][i, j, k, m] * h[n, m]
                dh[n, m] += dE[n, i, j] * tensors["D"][i, j, k, m] * h[n, k]
                dp[n, k] += dE[n, i, j] * tensors["G"][i, j, k, m] * p[n, m]
                dp[n, m] += dE[n, i, j] * tensors["G"][i, j, k, m] * p[n, k]
                dh[n, k] += dE[n, i, j] * tensors["H"][i, j, k, m] * p[n, m]
                dp[n, m] += dE[n, i, j] * tensors["H"][i, j, k, m] * h[n, k]
    _, cache = taylor_forward(h, p, *tensors.values())
    for ours, expected in zip(taylor_backward(dE, cache), (dh, dp, *d.values()), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-13)


def rule_backward(net, values, d_next):
    """dhebb, dmu, dh_prev, dp of a rule that carries nothing and has no parameters."""
    *_, cache = net.rule.forward(net, {}, *(values[key] for key in ("hebb", "mu", "h_prev", "p")), None)
    dhebb, dmu, dh_prev, dp, dtrace, grads = net.rule.backward(net, d_next, None, cache)
    assert dtrace is None and grads == {}
    return dhebb, dmu, dh_prev, dp


@pytest.mark.parametrize("clip", [BOUND, np.inf])
@pytest.mark.parametrize("name", ["decay", "oja", "soft"])
def test_backward_of_a_rule_by_hand(name, clip):
    net = network(name, clip)
    _, values, (d_next,) = draw(rule_case(net), seed=7)
    hebb, mu, h, p = (values[key] for key in ("hebb", "mu", "h_prev", "p"))
    dhebb, dmu, dh, dp = np.zeros((B, N, N)), np.zeros((B, N)), np.zeros((B, N)), np.zeros((B, N))
    for b, i, j in np.ndindex(B, N, N):
        X, H, m = h[b, i] * p[b, j], hebb[b, i, j], mu[b, j]
        if name == "soft":
            d = m * X
            room, of_room = (1 - H, -1) if d > 0 else (1 + H, 1)  # and its derivative in H
            u = H + d * room
            to_hebb, to_mu, to_X, to_p = 1 + d * of_room, X * room, m * room, 0.0
        else:
            lost, of_lost = (
                (H, 0.0) if name == "decay" else (p[b, j] ** 2 * H, 2 * p[b, j] * H)
            )  # and its derivative in p
            u = H + m * (X - lost)
            to_hebb, to_mu, to_X, to_p = 1 - m * (1 if name == "decay" else p[b, j] ** 2), X - lost, m, -m * of_lost
        if abs(u) > clip:
            continue
        dhebb[b, i, j] = to_hebb * d_next[b, i, j]
        dmu[b, j] += to_mu * d_next[b, i, j]
        dh[b, i] += to_X * p[b, j] * d_next[b, i, j]
        dp[b, j] += (to_X * h[b, i] + to_p) * d_next[b, i, j]
    for ours, expected in zip(rule_backward(net, values, d_next), (dhebb, dmu, dh, dp), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-13)


# The kinks.


def one_entry(name, hebb, mu, h_prev, p, clip):
    """A rule on one connection: Hebb(t+1), and its derivatives in hebb, mu, h_prev and p."""
    net = PlasticNetwork(1, 1, 1, rule=name, clip=clip)
    numbers = {"hebb": hebb, "mu": mu, "h_prev": h_prev, "p": p}
    values = {key: np.full((1, 1, 1) if key == "hebb" else (1, 1), float(value)) for key, value in numbers.items()}
    hebb_next, trace, _ = net.rule.forward(net, {}, *values.values(), None)
    assert trace is None
    return hebb_next.item(), *(grad.item() for grad in rule_backward(net, values, np.ones((1, 1, 1))))


def test_where_nothing_is_added_the_soft_bound_counts_as_a_way_down():
    # d = mu h p = 0, Hebb = 1/2: the room is 1 + 1/2, and u stays where it is. Upwards it would be 1/2.
    for mu, h_prev, p in ((0, 2, 0.5), (2, 0, 0.5), (2, 0.5, 0)):
        hebb_next, dhebb, dmu, dh, dp = one_entry("soft", 0.5, mu, h_prev, p, 1.0)
        assert (hebb_next, dhebb) == (0.5, 1)
        assert (dmu, dh, dp) == pytest.approx((1.5 * h_prev * p, 1.5 * mu * p, 1.5 * mu * h_prev), rel=1e-14)
    above, below = (one_entry("soft", 0.5, mu, 1, 1, 1.0)[2] for mu in (2**-1000, -(2**-1000)))
    assert (above, below) == pytest.approx((0.5, 1.5), rel=1e-14)


def test_the_soft_bound_itself():
    # At Hebb = 1 there is no room upwards, whatever d is; at -1 none downwards.
    assert one_entry("soft", 1, 0.25, 1, 1, 1.0) == (1, 0.75, 0, 0, 0)
    assert one_entry("soft", -1, -0.25, 1, 1, 1.0) == (-1, 0.75, 0, 0, 0)
    assert one_entry("soft", 1, -0.25, 1, 1, 1.0)[:3] == (0.5, 0.75, 2)


@pytest.mark.parametrize(
    "name, hebb, mu, h_prev, p, reached",
    [
        ("soft", 0.5, 0.5, 1, 1, 0.75),  # 1/2 + 1/2 (1 - 1/2)
        ("soft", -0.5, -0.5, 1, 1, -0.75),
        ("decay", 0.5, 0.5, 1, 1, 0.75),  # half of the way from 1/2 to 1
        ("oja", 0.5, 0.5, 1, 1, 0.75),  # the same, as p² = 1
        ("oja", 1, -1, 1, 0.5, 0.75),  # 1 - (1/2 - 1/4)
        ("outer", 0.25, 0.5, 1, 1, 0.75),
    ],
)
def test_what_just_reaches_the_bound_passes_its_gradient_and_what_is_cut_does_not(name, hebb, mu, h_prev, p, reached):
    free = one_entry(name, hebb, mu, h_prev, p, np.inf)
    assert free[0] == reached and free[1:] != (0, 0, 0, 0)
    assert one_entry(name, hebb, mu, h_prev, p, abs(reached)) == free
    below = np.nextafter(abs(reached), 0)
    assert one_entry(name, hebb, mu, h_prev, p, below) == (np.copysign(below, reached), 0, 0, 0, 0)


# What a Step tells of a rule.


@every_rule
def test_a_step_shows_the_eligibility_and_the_clip_of_rules_that_have_one(name):
    net = network(name, clip=0.05)
    rng = np.random.default_rng(8)
    params = {key: rng.standard_normal(value.shape) for key, value in net.init(rng).items()}
    steps = net.forward(params, rng.standard_normal((3, B, 2))).steps
    for step in steps:
        if not isinstance(net.rule, EligibilityRule):
            assert step.eligibility is None and step.inside is None
            continue
        u = step.state.hebb + step.mu[:, None, :] * step.eligibility  # (B, N, N)
        assert np.array_equal(step.inside, np.abs(u) <= net.clip)
    assert steps[0].inside is None or not all(step.inside.all() for step in steps)
