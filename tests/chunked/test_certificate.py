"""The certificate: what it calls uncut, Clip never cuts, down to the last unit in the last place."""

import itertools

import numpy as np
import pytest
from chunk_problems import EPS, OPTIONS, draw
from configurations import identifier

from bpm_numpy import PlasticNetwork
from bpm_numpy.bptt import ByStep
from bpm_numpy.chunked import chunk
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.chunked.plan import Plan


def brink(rng, dtype, options, L):
    """A network and L steps of input that take Hebb to the bound, or just below, within a few units in the last place.

    Hebb has no part in what happens (alpha = 0) and x W_x is x itself, so every way to run it has the same terms to
    sum. The terms of an entry all have one sign, so nothing is lost in the triangle inequality: unit i has the sign
    sigma_i at every step. But where eta > 1 the trace changes sign from step to step, so X has to as well: the units
    then go + + - - + + ..., and unit 0, from which M takes its sign, goes + - + - ...; its own entries stay far inside.

    Where the rule scales Hebb by g, its drive has the sign that makes g > 1, so that g takes nothing away either.

    Returns the network, params, x and state.
    """
    B, N = 1, 3
    net = PlasticNetwork(N, N, 1, **options, clip=np.inf, dtype=dtype)
    params, state = {name: np.zeros_like(value) for name, value in net.init(rng).items()}, net.initial_state(B)
    of_gates = net.rule.name in ("decay", "oja")
    eta = rng.choice([0, 1, rng.uniform(-0.2, 0), rng.uniform(0, 1), rng.uniform(1, 1.4)])
    sigma, k = rng.choice([-1, 1], N), np.arange(L + 1)[:, None]
    signs = np.tile(sigma, (L + 1, 1))
    if eta > 1 and net.rule.name == "trace":
        signs = sigma * np.where(np.arange(N) == 0, (-1) ** k, (-1) ** (k // 2))
    rows = signs[:, None, :] * rng.uniform(0.1, 1.5, (L + 1, B, N))  # h_{-1}, then x
    if net.cell.name == "rnn":
        params["W_x"] = np.eye(N)
    elif net.cell.name == "gru":  # z = 0: h_t = n_t has the sign of x_t
        params |= {"W_nx": np.eye(N), "b_z": np.full(N, -200.0)}
    else:  # f = 0 and j > 0: h_t has the sign of x_t
        params |= {"W_ix": np.eye(N), "b_f": np.full(N, -200.0), "b_j": rng.uniform(0.1, 1, N)}
    if net.plasticity == "hebbian":
        params["rate"] = -abs(rng.normal()) if of_gates else rng.normal()
    else:  # M has the sign of W_m h_0, except a sigmoid's
        strength = -sigma[0] * rng.uniform(0.1, 2) if of_gates else rng.uniform(0.1, 2)
        params["W_m"] = strength * (np.arange(N) == 0)
        params |= {"gain": rng.uniform(0.5, 2)} if net.modulator.name == "difference" else {}
    if net.fanout:
        params["W_fan"] = rng.normal(size=N)
        if of_gates:
            params["W_fan"] = np.abs(params["W_fan"]) * (-1 if net.modulator.name == "sigmoid" else 1)
    if net.rule.name == "trace":
        params["eta"] = eta
        first = (1 if 0 <= eta <= 1 else -1) * sigma[:, None] * sigma  # (1 - eta) trace has the sign of eta X
        state = state._replace(trace=np.asarray(first * rng.uniform(0, 1, state.trace.shape), dtype))
    params = {name: np.asarray(value, dtype) for name, value in params.items()}
    x, state = rows[1:].astype(dtype), state._replace(h=rows[0].astype(dtype))

    record = ByStep(net, params, state)
    record.advance(x)
    added = np.stack([step.state.hebb for step in record.steps] + [record.state.hebb]).astype(float)  # from Hebb = 0
    gates = np.ones((L + 1, B, N))
    if of_gates:
        gates[1:] = [net.rule.factors(net, params, step.mu, step.p)[0] for step in record.steps]
    kept = np.broadcast_to(np.cumprod(gates, axis=0)[:, :, None, :], added.shape)  # of Hebb(0), at every step
    farthest = np.abs(added).argmax(axis=0)[None]
    added, kept = (np.take_along_axis(values, farthest, axis=0)[0] for values in (added, kept))
    clip = float(dtype(np.abs(added).max() * rng.uniform(1.5, 3)))
    rounding = (2 if of_gates else 1) * L + 2
    near = rng.choice([0, rng.uniform(0, 4), 4], p=[0.7, 0.15, 0.15]) * rounding  # the certificate's own limit is at 4
    below = near + rng.integers(-1, 2) + rng.integers(0, 20, added.shape)  # in units of eps
    below[:, -1, -1] = near + rng.integers(-1, 2)  # at least one lands there
    hebb = np.where(added < 0, -1, 1) * (clip * (1 - below * EPS[dtype]) - np.abs(added)) / kept
    hebb[:, 0] = hebb[:, :, 0] = 0
    net = PlasticNetwork(N, N, 1, **options, clip=clip, dtype=dtype)
    return net, params, x, state._replace(hebb=hebb.astype(dtype))


def is_cut(net, params, x, state):
    """True if Clip cuts any entry at any step, by the definition."""
    record = ByStep(net, params, state)
    record.advance(x)
    return not all(step.inside.all() for step in record.steps)


def count_on_the_brink(certificates, dtype, rules):
    """dict: (certified, cut) -> how often, over 300 chunks of 1 to 10 steps. A single step asks for no certificate."""
    rng = np.random.default_rng(8)
    options = [options for options in OPTIONS if options["alpha"] == "full" and options["rule"] in rules]
    counts = dict.fromkeys(itertools.product((True, False), repeat=2), 0)
    for number in range(300):
        L = 1 + number % 10
        drawn = options[rng.integers(len(options))] | {"readout_hidden": None}
        net, params, x, state = brink(rng, dtype, drawn, L)
        net.forward(params, x, state, plan=Plan(L, 1, 1))
        assert len(certificates) <= 1
        if certificates:
            counts[certificates.pop(), is_cut(net, params, x, state)] += 1
    return counts


every_sum = pytest.mark.parametrize("rules", [("outer",), ("decay", "oja"), ("trace",)], ids="-".join)
both_precisions = pytest.mark.parametrize("dtype", (np.float32, np.float64))


@both_precisions
@every_sum
def test_what_is_certified_is_never_cut(certificates, rules, dtype):
    """On sums that were built to land within rounding of the bound, or of the certificate's own limit."""
    counts = count_on_the_brink(certificates, dtype, rules)
    assert counts[True, True] == 0
    assert min(counts[True, False], counts[False, True], counts[False, False]) >= 10, counts


@both_precisions
@every_sum
def test_without_its_margin_the_certificate_would_be_wrong(monkeypatch, certificates, rules, dtype):
    """The same sums find it out, so the test above can fail."""
    with_margin = chunk.Chunk.at_risk

    def without(self, bound):
        *_, rounding = self.sums.bounds()
        return with_margin(self, bound / (1 - 4 * (rounding * self.L + 2) * EPS[dtype]))

    monkeypatch.setattr(chunk.Chunk, "at_risk", without)
    counts = count_on_the_brink(certificates, dtype, rules)
    assert counts[True, True] >= 2


@both_precisions
@pytest.mark.parametrize("rule, rounding", [("outer", 1), ("decay", 2), ("oja", 2), ("trace", 1)])
@pytest.mark.parametrize("L", [2, 5, 10])
def test_the_margin_is_four_units_for_each_rounding(certificates, L, rule, rounding, dtype):
    """A product with g rounds once more at every step. Where nothing is added, Hebb itself is the whole sum."""
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule=rule, dtype=dtype)
    params = {name: np.zeros_like(value) for name, value in net.init(np.random.default_rng(0)).items()}
    margin = 4 * (rounding * L + 2)
    for units, expected in ((margin, True), (margin - 1, False)):
        hebb = np.full((1, 1, 1), 1 - units * EPS[dtype], dtype)
        net.forward(params, np.ones((L, 1, 1), dtype), net.initial_state(1)._replace(hebb=hebb), plan=Plan(L, 1, 1))
        assert certificates.pop() is expected


@both_precisions
def test_the_certificate_counts_gates_above_1(monkeypatch, certificates, dtype):
    """Were they taken for 1, entries that grow past the bound would be certified."""
    monkeypatch.setattr(Gated, "bounds", lambda self: ((1,), np.abs(self.q), 1))
    assert count_on_the_brink(certificates, dtype, ("decay", "oja"))[True, True] >= 50


@pytest.mark.parametrize("options", OPTIONS[1::6], ids=identifier)
def test_what_is_certified_in_a_plain_network_is_never_cut(certificates, options):
    """... nor is the certificate refused where the bound is far away."""
    rng = np.random.default_rng(9)
    for bound, T in itertools.product(("ample", "near", "some"), range(2, 11, 2)):
        problem = draw(rng, options, T, bound, rng.choice(["zero", "carried"]))
        params, x, state = problem.split(problem.inputs)
        problem.net.forward(params, x, state, plan=Plan(T, x.shape[1], 1))
        (certified,) = certificates
        assert certified or bound != "ample"
        assert not (certified and is_cut(problem.net, params, x, state))
        certificates.clear()
