"""Chapter 10: a network whose Hebb update is a rule of one's own, composed of the package's pieces.

A ``Rule`` takes the place of (2.5); all around it (plastic weights, cell, readout, drive) stays as in
``bpm_numpy.step``. Two rules: HEBB, which is (2.5) itself with the outer product, and OJA,

    u[b, i, j] = Hebb[b, i, j] + mu[b, j] E[b, i, j],   E[b, i, j] = h[b, i] p[b, j] - p[b, j]² Hebb[b, i, j]
    Hebb(t+1)  = Clip(u)                                  with h = h_{t-1}, p = p_t

Derivation of OJA. From u to mu, E and the first Hebb it is ``hebb_update_backward``; from the product h p to h
and p it is ``outer_backward``. New is that E holds Hebb, and p a second time, squared:

    dhebb[b, i, j] = du[b, i, j] - p[b, j]² dE[b, i, j]
    dp[b, j]       = Σ_i h[b, i] dE[b, i, j] - 2 p[b, j] Σ_i Hebb[b, i, j] dE[b, i, j]
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..equations.eligibility import outer_backward, outer_forward, outer_jvp
from ..equations.hebb_update import hebb_update_backward, hebb_update_forward, hebb_update_jvp
from ..equations.plastic_weights import plastic_input_backward, plastic_input_forward, plastic_input_jvp
from ..equations.readout import readout_backward, readout_forward, readout_jvp
from ..figures.draw_new_rule import plot_norms
from ..network import Gradients, PlasticNetwork, Tangent
from ..proof.gradcheck import gradcheck
from ..proof.problems import join
from ..step import (
    State,
    StepOutput,
    cell_backward,
    cell_forward,
    cell_jvp,
    drive_backward,
    drive_forward,
    drive_jvp,
)


class Rule(NamedTuple):
    """How Hebb is rewritten: hebb (B, N, N), mu (B, N) | (B, 1) | (1, 1), h_prev, p (B, N), the bound of Clip.

    forward(hebb, mu, h_prev, p, bound)       -> Hebb(t+1) (B, N, N), cache: whatever the other two need
    backward(d_hebb_next, cache)              -> dhebb (B, N, N), dmu (B, N), dh_prev, dp (B, N)
    jvp(cache, t_hebb, t_mu, t_h_prev, t_p)   -> tangent of Hebb(t+1) (B, N, N)
    """

    forward: Callable
    backward: Callable
    jvp: Callable


def hebb_forward(hebb, mu, h_prev, p, bound):
    """(2.5) with E = h_{t-1} p_t^T."""
    E = outer_forward(h_prev, p)  # (B, N, N)
    hebb_next, inside = hebb_update_forward(hebb, mu, E, bound)
    return hebb_next, (hebb, mu, h_prev, p, E, inside)


def hebb_backward(d_hebb_next, cache):
    """The two derivations of the package, one behind the other."""
    _, mu, h_prev, p, E, inside = cache
    dhebb, dmu, dE = hebb_update_backward(d_hebb_next, mu, E, inside)
    return dhebb, dmu, *outer_backward(dE, h_prev, p)


def hebb_jvp(cache, t_hebb, t_mu, t_h_prev, t_p):
    """Likewise, forwards."""
    _, mu, h_prev, p, E, inside = cache
    return hebb_update_jvp(mu, E, inside, t_hebb, t_mu, outer_jvp(h_prev, p, t_h_prev, t_p))


def oja_forward(hebb, mu, h_prev, p, bound):
    """(2.5) with E = h_{t-1} p_t^T - p_t² Hebb(t)."""
    E = outer_forward(h_prev, p) - p[:, None, :] ** 2 * hebb  # (B, N, N)
    hebb_next, inside = hebb_update_forward(hebb, mu, E, bound)
    return hebb_next, (hebb, mu, h_prev, p, E, inside)


def oja_backward(d_hebb_next, cache):
    """Hebb and p have two roles each: both paths are added up."""
    hebb, mu, h_prev, p, E, inside = cache
    dhebb, dmu, dE = hebb_update_backward(d_hebb_next, mu, E, inside)
    dh_prev, dp = outer_backward(dE, h_prev, p)
    dhebb = dhebb - p[:, None, :] ** 2 * dE  # (B, N, N)
    dp = dp - 2 * p * (hebb * dE).sum(axis=1)  # (B, N)
    return dhebb, dmu, dh_prev, dp


def oja_jvp(cache, t_hebb, t_mu, t_h_prev, t_p):
    """The product rule, factor by factor."""
    hebb, mu, h_prev, p, E, inside = cache
    t_E = outer_jvp(h_prev, p, t_h_prev, t_p)  # (B, N, N)
    t_E = t_E - 2 * (p * t_p)[:, None, :] * hebb - p[:, None, :] ** 2 * t_hebb
    return hebb_update_jvp(mu, E, inside, t_hebb, t_mu, t_E)


HEBB = Rule(hebb_forward, hebb_backward, hebb_jvp)
OJA = Rule(oja_forward, oja_backward, oja_jvp)


def draw_inputs(rng, B=2, N=4):
    """Random inputs of a rule, of order 1: a dict hebb (B, N, N), mu (B, N), h_prev and p (B, N)."""
    shapes = {"hebb": (B, N, N), "mu": (B, N), "h_prev": (B, N), "p": (B, N)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def check_rule(rule, rng, bound=np.inf, **options):
    """Gradcheck of the rule alone, for the loss Σ R ⊗ Hebb(t+1) with a random R (``options`` of ``gradcheck``)."""
    inputs = draw_inputs(rng)
    R = rng.standard_normal(inputs["hebb"].shape)  # (B, N, N)
    _, cache = rule.forward(**inputs, bound=bound)
    grads = dict(zip(inputs, rule.backward(R, cache)))

    def loss(moved):
        return (R * rule.forward(**moved, bound=bound)[0]).sum()

    return gradcheck(loss, inputs, grads, method="complex", **options)


def pair_modes(rule, rng, bound=np.inf):
    """<v, J u> by the rule's jvp and <Jᵀ v, u> by its backward, at random inputs, u and v."""
    inputs, u = draw_inputs(rng), draw_inputs(rng)
    v = rng.standard_normal(inputs["hebb"].shape)  # (B, N, N)
    _, cache = rule.forward(**inputs, bound=bound)
    forwards = (v * rule.jvp(cache, *u.values())).sum()
    return forwards, sum((d * t).sum() for d, t in zip(rule.backward(v, cache), u.values()))


class RuleStep(NamedTuple):
    """What a forward step leaves behind for the other two: as ``bpm_numpy.step.Step``, with the rule's cache."""

    x: np.ndarray
    state: State
    h: np.ndarray
    gates: tuple | None
    k: np.ndarray
    M: np.ndarray | None
    cache: tuple


class RuleTrajectory(NamedTuple):
    """logits (T, B, A); values (T, B); h (T+1, B, N); hebb (T+1, B, N, N); the final State; the RuleSteps."""

    logits: np.ndarray
    values: np.ndarray
    h: np.ndarray
    hebb: np.ndarray
    state: State
    steps: list


def rule_forward_step(net, rule, params, x_t, state):
    """x_t (B, D), state at t -> StepOutput, state at t+1, RuleStep."""
    y = plastic_input_forward(state.h, params[net.plastic_name], params["alpha"], state.hebb)  # (B, N)
    h, c, p, gates = cell_forward(net, params, x_t, state, y)
    logits, values, k = readout_forward(h, params)
    M, mu = drive_forward(net, params, h)
    hebb_next, cache = rule.forward(state.hebb, mu, state.h, p, net.clip)
    return StepOutput(logits, values, M), State(h, c, hebb_next), RuleStep(x_t, state, h, gates, k, M, cache)


def rule_backward_step(net, rule, params, step, d_logits, d_values, d_state):
    """The same lines from the bottom to the top -> dx_t (B, D), dL/d(state at t), gradients."""
    w, alpha = params[net.plastic_name], params["alpha"]
    dhebb, dmu, dh_prev, dp = rule.backward(d_state.hebb, step.cache)
    dh_drive, drive_grads = drive_backward(net, params, dmu, step.h, step.M)
    dh_readout, grads = readout_backward(d_logits, d_values, step.h, step.k, params)
    dh = d_state.h + dh_readout + dh_drive  # (B, N)
    dx, dh_cell, dc, dy, cell_grads = cell_backward(net, params, step, dh, d_state.c, dp)
    dh_plastic, dw, dalpha, dhebb_weights = plastic_input_backward(dy, step.state.h, w, alpha, step.state.hebb)
    d_state = State(dh_prev + dh_cell + dh_plastic, dc, dhebb + dhebb_weights)
    return dx, d_state, grads | drive_grads | cell_grads | {net.plastic_name: dw, "alpha": dalpha}


def rule_jvp_step(net, rule, params, step, t_params, t_x, t_state):
    """The tangents of the same lines, from the top -> of logits (B, A), values (B,) and the state at t+1."""
    inputs = step.state.h, params[net.plastic_name], params["alpha"], step.state.hebb
    t_inputs = t_state.h, t_params[net.plastic_name], t_params["alpha"], t_state.hebb
    t_y = plastic_input_jvp(*inputs, *t_inputs)  # (B, N)
    t_h, t_c, t_p = cell_jvp(net, params, step, t_x, t_state, t_y, t_params)
    t_logits, t_values = readout_jvp(step.h, step.k, params, t_h, t_params)
    t_mu = drive_jvp(net, params, step.h, step.M, t_h, t_params)
    return t_logits, t_values, State(t_h, t_c, rule.jvp(step.cache, t_state.hebb, t_mu, t_state.h, t_p))


class RuleNetwork:
    """A PlasticNetwork with ``rule`` in the place of (2.5); forward, backward and jvp are called as the network's.

    ValueError unless ``net`` is plastic with eligibility "outer": the rule says itself what E is.
    """

    def __init__(self, net, rule):
        if net.plasticity == "none" or net.rule.name != "outer":
            came = f"plasticity {net.plasticity!r} and eligibility {net.rule.name!r}"
            raise ValueError(f"net: expected a plastic network with eligibility 'outer', got {came}")
        self.net, self.rule = net, rule

    def forward(self, params, x, state=None):
        """x (T, B, D), from ``state`` or from zeros -> RuleTrajectory."""
        states, steps, outputs = [self.net.initial_state(x.shape[1]) if state is None else state], [], []
        for x_t in x:
            out, state, step = rule_forward_step(self.net, self.rule, params, x_t, states[-1])
            states.append(state)
            steps.append(step)
            outputs.append(out)
        logits, values = np.stack([out.logits for out in outputs]), np.stack([out.values for out in outputs])
        h, hebb = np.stack([state.h for state in states]), np.stack([state.hebb for state in states])
        return RuleTrajectory(logits, values, h, hebb, states[-1], steps)

    def backward(self, params, traj, d_logits, d_values=None, d_state=None):
        """d_logits (T, B, A), d_values (T, B), d_state a full State, None for zero -> Gradients."""
        T, B, _ = d_logits.shape
        d_values = np.zeros((T, B)) if d_values is None else d_values
        d_state = self.net.initial_state(B) if d_state is None else d_state
        grads, dx = {name: np.zeros_like(value) for name, value in params.items()}, [None] * T
        for t in reversed(range(T)):
            dx[t], d_state, step_grads = rule_backward_step(
                self.net, self.rule, params, traj.steps[t], d_logits[t], d_values[t], d_state
            )
            grads = {name: grad + step_grads[name] for name, grad in grads.items()}
        return Gradients(grads, np.stack(dx), d_state)

    def jvp(self, params, traj, t_params, t_x, t_state):
        """Tangents of all parameters, of x (T, B, D) and of the initial State -> Tangent."""
        t_logits, t_values = [], []
        for step, t_x_t in zip(traj.steps, t_x):
            logits, values, t_state = rule_jvp_step(self.net, self.rule, params, step, t_params, t_x_t, t_state)
            t_logits.append(logits)
            t_values.append(values)
        return Tangent(np.stack(t_logits), np.stack(t_values), t_state)


def check_network(rule, problem, **options):
    """Gradcheck through time of all parameters, the input and the initial state of a ``Problem``, under the rule."""
    network, (params, x, state) = RuleNetwork(problem.net, rule), problem.split(problem.inputs)
    traj = network.forward(params, x, state)
    grads = network.backward(params, traj, problem.d_logits, problem.d_values, problem.d_state)

    def loss(inputs):
        moved = network.forward(*problem.split(inputs))
        return problem.pair(moved.logits, moved.values, moved.state)

    return gradcheck(loss, problem.inputs, join(*grads), method="complex", **options)


def let_run(rng, rule, rate, clip=np.inf, steps=300, n_hidden=16):
    """An untrained network with a constant drive ``rate`` reads random numbers -> RuleTrajectory."""
    net = PlasticNetwork(4, n_hidden, 1, plasticity="hebbian", clip=clip)
    params = net.init(rng) | {"rate": np.asarray(rate)}
    return RuleNetwork(net, rule).forward(params, rng.standard_normal((steps, 1, 4)))


def norms_of_runs(seed):
    """The norm of Hebb(t) (T+1,) for rates 0.1 and -0.1, each with the same network and inputs: two dicts of names."""

    def norm(*settings):
        return np.linalg.norm(let_run(np.random.default_rng(seed), *settings).hebb[:, 0], axis=(1, 2))

    oja = norm(OJA, 0.1)
    growing = {"Hebb": norm(HEBB, 0.1), "Hebb with Clip": norm(HEBB, 0.1, 1.0), "Oja": oja}
    return growing, {"Oja, rate 0.1": oja, "Oja, rate -0.1": norm(OJA, -0.1)}


def figure_norms():
    """How the size of Hebb grows under each rule."""
    return plot_norms(*norms_of_runs(10))


FIGURES = {"oja_norms.png": figure_norms}
