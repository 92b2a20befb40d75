"""Chapter 10: a plasticity rule of one's own, from paper to proof, and through the door into the package.

The package's "oja" is where the chapter wants to get to; ``OjaDraft`` is the first draft of it, with a mistake in it.
``SignedOja`` is a rule that the package doesn't have. With q = mu p in the place of p,

    Hebb(t+1) = Clip(Hebb(t) + h_{t-1} q_tᵀ - q_t² ⊗ Hebb(t))

which is Oja's rule with a drive of 1. It decays whatever the sign of mu, as long as |q| ≤ 1.

Derivation of SignedOja. Of q it is Oja's own; q is a product, so dmu = p dq and dp = mu dq.
"""

import numpy as np

from ..figures.draw_new_rule import plot_norms
from ..network import PlasticNetwork
from ..proof.gradcheck import gradcheck
from ..rules import EligibilityRule, Rule
from ..rules.oja import Oja
from ..rules.outer import outer_backward, outer_forward, outer_jvp


class OjaDraft(EligibilityRule):
    """E(t) = X_t - p_t² ⊗ Hebb(t), with the backward and the jvp of X_t alone: wrong on purpose."""

    name = "oja draft"

    def eligibility(self, net, params, hebb, h_prev, p, trace):
        X, cache = outer_forward(h_prev, p)  # (B, N, N)
        return X - p[:, None, :] ** 2 * hebb, None, cache

    def eligibility_backward(self, net, dE, d_trace_next, cache):
        dh_prev, dp = outer_backward(dE, cache)
        return None, dh_prev, dp, None, {}

    def eligibility_jvp(self, net, t_params, t_hebb, t_h_prev, t_p, t_trace, cache):
        return outer_jvp(t_h_prev, t_p, cache), None


class SignedOja(Rule):
    """Oja's rule with mu p in the place of p: it forgets for drives of either sign."""

    name = "signed oja"
    oja = Oja()

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        one = np.ones((1, 1), mu.dtype)
        hebb_next, _, cache = self.oja.forward(net, params, hebb, one, h_prev, mu * p, None)
        return hebb_next, None, (mu, p, cache)

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        mu, p, cache = cache
        dhebb, _, dh_prev, dq, _, _ = self.oja.backward(net, d_hebb_next, None, cache)
        return dhebb, p * dq, dh_prev, mu * dq, None, {}

    def jvp(self, net, t_params, t_hebb, t_mu, t_h_prev, t_p, t_trace, cache):
        mu, p, cache = cache
        t_one, t_q = np.zeros((1, 1), mu.dtype), t_mu * p + mu * t_p  # (1, 1), (B, N)
        return self.oja.jvp(net, t_params, t_hebb, t_one, t_h_prev, t_q, None, cache)


# A rule alone, without a network around it. It may have no parameters and carry nothing beside Hebb.


def draw_inputs(rng, B=2, N=4):
    """Random inputs of a rule, of order 1: a dict hebb (B, N, N), mu (B, N), h_prev and p (B, N)."""
    shapes = {"hebb": (B, N, N), "mu": (B, N), "h_prev": (B, N), "p": (B, N)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def forward_alone(rule, inputs, clip=np.inf):
    """Inputs as of ``draw_inputs`` -> Hebb(t+1) (B, N, N), cache."""
    hebb_next, _, cache = rule.forward(_around(rule, clip), {}, *inputs.values(), None)
    return hebb_next, cache


def backward_alone(rule, d_hebb_next, cache, clip=np.inf):
    """d_hebb_next (B, N, N) -> gradients of the inputs, a dict like them."""
    return dict(zip(("hebb", "mu", "h_prev", "p"), rule.backward(_around(rule, clip), d_hebb_next, None, cache)))


def _around(rule, clip):
    """A network with that rule, for its options."""
    return PlasticNetwork(1, 1, 1, rule=rule, clip=clip)


def gradcheck_alone(rule, rng, clip=np.inf, **options):
    """Gradcheck of the rule alone, for the loss Σ R ⊗ Hebb(t+1) with a random R (``options`` of ``gradcheck``)."""
    inputs = draw_inputs(rng)
    R = rng.standard_normal(inputs["hebb"].shape)  # (B, N, N)
    _, cache = forward_alone(rule, inputs, clip)
    grads = backward_alone(rule, R, cache, clip)

    def loss(moved):
        return (R * forward_alone(rule, moved, clip)[0]).sum()

    return gradcheck(loss, inputs, grads, method="complex", **options)


def pair_modes(rule, rng, clip=np.inf):
    """<v, J u> by the rule's jvp and <Jᵀ v, u> by its backward, at random inputs, u and v."""
    inputs, u = draw_inputs(rng), draw_inputs(rng)
    v = rng.standard_normal(inputs["hebb"].shape)  # (B, N, N)
    _, cache = forward_alone(rule, inputs, clip)
    t_hebb_next, _ = rule.jvp(_around(rule, clip), {}, *u.values(), None, cache)
    grads = backward_alone(rule, v, cache, clip)
    return (v * t_hebb_next).sum(), sum((grads[name] * u[name]).sum() for name in u)


# What rules do


def let_run(rng, rule, rate, clip=np.inf, steps=300, n_hidden=16):
    """An untrained network with a constant drive ``rate`` reads random numbers -> Trajectory."""
    net = PlasticNetwork(4, n_hidden, 1, plasticity="hebbian", rule=rule, clip=clip)
    params = net.init(rng) | {"rate": np.asarray(rate)}
    return net.forward(params, rng.standard_normal((steps, 1, 4)))


def norms_of_runs(seed):
    """The norm of Hebb(t) (T+1,) for rates 0.1 and -0.1, each with the same network and inputs: two dicts of names."""

    def norm(*settings):
        return np.linalg.norm(let_run(np.random.default_rng(seed), *settings).hebb[:, 0], axis=(1, 2))

    oja = norm("oja", 0.1)
    growing = {"Hebb": norm("outer", 0.1), "Hebb with Clip": norm("outer", 0.1, 1.0), "Oja": oja}
    return growing, {"Oja, rate 0.1": oja, "Oja, rate -0.1": norm("oja", -0.1)}


def figure_norms():
    """How the size of Hebb grows under each rule."""
    return plot_norms(*norms_of_runs(10))


FIGURES = {"oja_norms.png": figure_norms}
