"""Three ways to one chunk: the naive one, the fast one, and Hebb rewritten step by step, are the same function."""

import numpy as np
import pytest
from configurations import derivative_at, random_like, read_only

from bpm_numpy import PlasticNetwork
from bpm_numpy.chunked import chunk
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.chunked.naive import naive_backward, naive_forward
from bpm_numpy.equations.plastic_weights import plastic_input_forward
from bpm_numpy.parts import REGISTRIES
from bpm_numpy.proof.problems import random_problem
from bpm_numpy.rules import Rule

NAMES = ("a", "g", "q", "w", "alpha", "hebb")  # of what a chunk reads, in order
GATED = [name for name, rule in REGISTRIES["rule"].items() if rule.sums is Gated]
lengths = pytest.mark.parametrize("L, N", [(1, 3), (2, 1), (5, 3), (8, 4)])


class Given(Rule):
    """Hebb ← mu ⊗ Hebb + h_{t-1} pᵀ: what it is driven by are the factors themselves."""

    name = "given"
    sums = Gated

    def factors(self, net, params, mu, p):
        return mu, p, None

    def factors_backward(self, net, dg, dq, cache):
        return dg, dq, {}


def draw(L, N, seed, B=1):
    """dict of a, g, q (L, B, N), w, alpha (N, N) and hebb (B, N, N), of dy (L, B, N) and G (B, N, N); read-only."""
    rng = np.random.default_rng(seed)
    shapes = [(L, B, N)] * 3 + [(N, N)] * 2 + [(B, N, N), (L, B, N), (B, N, N)]
    return read_only(random_like(rng, {name: np.zeros(shape) for name, shape in zip((*NAMES, "dy", "G"), shapes)}))


def one_episode(values, b=0):
    """The same numbers of one episode, as ``naive`` takes them."""
    return {
        name: value if value.shape == values["w"].shape and name in ("w", "alpha") else of(name, value, b)
        for name, value in values.items()
    }


def of(name, value, b):
    return value[b] if name in ("hebb", "G") else value[:, b]


def by_definition(a, g, q, w, alpha, hebb):
    """y (L, N) and Hebb(t1) (N, N), with Hebb rewritten at every step."""
    y = []
    for t in range(len(a)):
        y.append(a[t] @ (w + alpha * hebb))
        hebb = g[t] * hebb + a[t][:, None] * q[t]
    return np.stack(y), hebb


def by_chunk(values):
    """The fast way: y (L, B, N), Hebb(t1) (B, N, N) and the gradients, a dict."""
    L, B, N = values["a"].shape
    net = PlasticNetwork(1, N, 1, rule=Given(), clip=np.inf)
    params = {"alpha": values["alpha"], net.plastic_name: values["w"]}
    work, sums = chunk.Work(net, B), Gated(net, params, L, B, None)
    one = chunk.Chunk(net, params, sums, [values["hebb"]], work)
    y = []
    for a, g, q in zip(values["a"], values["g"], values["q"]):
        y.append(one.input(a))
        one.append(a, q, g)
    ends = [np.empty((B, N, N))]
    assert not one.at_risk(np.inf).size
    one.end(ends)

    G, grads, dy = [values["G"].copy()], {"alpha": np.zeros((N, N))}, values["dy"]
    da = one.begin_backward(G)
    dg, dq, dh = np.empty((3, L, B, N))
    for t in reversed(range(L)):
        dg[t], dq[t] = one.drive_backward(t, da)
        dh[t] = dy[t] @ values["w"].T + da[t]
        one.step_backward(t, dy[t], dh[t], da)
    one.end_backward(dy, G, grads)
    dw = np.einsum("tbi,tbj->ij", values["a"], dy)  # the engine's, of all chunks at once
    found = {"a": dh, "g": dg, "q": dq, "w": dw, "alpha": grads["alpha"], "hebb": G[0]}
    return np.stack(y), ends[0], found


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-13)


@lengths
def test_the_naive_forward_is_the_definition(L, N):
    values = one_episode(draw(L, N, seed=0))
    arguments = [values[name] for name in NAMES]
    for ours, expected in zip(naive_forward(*arguments), by_definition(*arguments), strict=True):
        close(ours, expected)


@lengths
def test_the_naive_backward_is_the_definitions_derivative(L, N):
    values = one_episode(draw(L, N, seed=1))
    inputs, dy, G = {name: values[name] for name in NAMES}, values["dy"], values["G"]

    def loss(inputs):
        y, hebb = by_definition(*inputs.values())
        return (dy * y).sum() + (G * hebb).sum()

    grads = naive_backward(*inputs.values(), dy, G)
    for (name, value), grad in zip(inputs.items(), grads, strict=True):
        assert grad.shape == value.shape, name
        close(grad, np.reshape([derivative_at(loss, inputs, name, at) for at in np.ndindex(value.shape)], value.shape))


@lengths
@pytest.mark.parametrize("block", [1, chunk.BLOCK])
def test_the_fast_chunk_is_the_naive_one_episode_by_episode(monkeypatch, L, N, block):
    monkeypatch.setattr(chunk, "BLOCK", block)
    values = draw(L, N, seed=2, B=3)
    y, hebb, found = by_chunk(values)
    shared = dict.fromkeys(("w", "alpha"), 0)
    for b in range(3):
        alone = one_episode(values, b)
        naive = naive_forward(*(alone[name] for name in NAMES))
        close(y[:, b], naive[0])
        close(hebb[b], naive[1])
        grads = dict(zip(NAMES, naive_backward(*(alone[name] for name in NAMES), alone["dy"], alone["G"])))
        for name in ("a", "g", "q", "hebb"):
            close(of(name, found[name], b), grads[name])
        shared = {name: total + grads[name] for name, total in shared.items()}
    for name, total in shared.items():
        close(found[name], total)


@pytest.mark.parametrize("rule", GATED)
def test_the_naive_chunk_of_a_network_is_its_definition(rule):
    """With the factors of the rule, as it meets them in an episode."""
    problem = random_problem(np.random.default_rng(3), 2, 3, 2, 7, 1, rule=rule, clip=np.inf)
    params, _, _ = problem.split(problem.inputs)
    traj = problem.forward(problem.inputs, "steps")
    a, ys, factors = [], [], []
    for step in traj.steps:
        a.append(step.state.h[0])
        ys.append(plastic_input_forward(*step.caches.weights)[0][0])
        g, q, _ = problem.net.rule.factors(problem.net, params, step.mu, step.p)
        factors.append((np.ones(3) if g is None else np.broadcast_to(g, q.shape)[0], q[0]))
    g, q = map(np.stack, zip(*factors))
    start = problem.inputs["state.hebb"][0]
    y, hebb = naive_forward(np.stack(a), g, q, params["W_h"], params["alpha"], start)
    close(y, np.stack(ys))
    close(hebb, traj.state.hebb[0])
