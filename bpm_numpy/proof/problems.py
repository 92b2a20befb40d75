"""Small random problems on which gradients are checked: everything of order 1, nothing near zero.

Small starting values hide wrong terms, so parameters, inputs, the initial state and the loss are drawn from
normal distributions here, and Hebb, E and M are far from zero from the first step.
"""

import itertools
from typing import NamedTuple

import numpy as np

from ..network import PlasticNetwork
from ..parts import BUILT_IN, REGISTRIES, find_part
from ..state import State

ALPHAS = ("full", "neuron", "scalar")
REGIMES = ("inactive", "sometimes", "mostly")  # of the clip


def drives():
    """dicts of the options that say what drives the rule: the rate, or each modulator, with and without fan-out."""
    yield {"plasticity": "hebbian", "modulator": "tanh", "fanout": False}
    for modulator, fanout in itertools.product(REGISTRIES["modulator"], (False, True)):
        yield {"plasticity": "modulated", "modulator": modulator, "fanout": fanout}


def configurations(hidden_readout=2):
    """Every set of options that is a different function, except sizes, clip and dtype, as dicts: of all known parts.

    ``reading`` changes the lstm and the trace alone, so all others of the package stand here in the reading "notes";
    without plasticity alpha changes nothing.
    """
    without = {"plasticity": "none", "modulator": "tanh", "fanout": False}
    rules = [(rule, drive, alpha) for rule, drive, alpha in itertools.product(REGISTRIES["rule"], drives(), ALPHAS)]
    for cell, (rule, drive, alpha) in itertools.product(REGISTRIES["cell"], [("outer", without, "full"), *rules]):
        readings = ("notes", "paper") if _may_read("cell", cell) or _may_read("rule", rule) else ("notes",)
        for reading, readout_hidden in itertools.product(readings, (None, hidden_readout)):
            parts = {"cell": cell, "rule": rule} | drive
            yield parts | {"reading": reading, "alpha": alpha, "readout_hidden": readout_hidden}


def _may_read(kind, name):
    """Whether ``reading`` may change this part: one of your own may, for all that is known here."""
    return name in ("lstm", "trace") or (kind, name) not in BUILT_IN


class Problem(NamedTuple):
    """A network, a point at which to differentiate, and a linear loss of all that the network returns.

    inputs: dict of all that the loss depends on: the parameters under their own names, "x" (T, B, D) and the
    initial state as "state.h", "state.c", ... ; d_logits (T, B, A), d_values (T, B) and d_state (State): the
    coefficients of the loss, which are its gradients to logits, values and final state.
    """

    net: PlasticNetwork
    inputs: dict
    d_logits: np.ndarray
    d_values: np.ndarray
    d_state: State

    def split(self, inputs):
        """A dict like ``inputs`` -> params (dict), x, state."""
        state = State(*(inputs.get(f"state.{field}") for field in State._fields))
        params = {name: value for name, value in inputs.items() if name != "x" and not name.startswith("state.")}
        return params, inputs["x"], state

    def forward(self, inputs, plan=None):
        """Trajectory at ``inputs``; ``plan`` as in ``PlasticNetwork.forward``."""
        return self.net.forward(*self.split(inputs), plan=plan)

    def loss(self, inputs):
        """Σ d_logits logits + Σ d_values values + Σ d_state (final state)."""
        traj = self.forward(inputs)
        return self.pair(traj.logits, traj.values, traj.state)

    def pair(self, logits, values, state):
        """The same sum for any logits, values and state, tangents for instance."""
        terms = [(self.d_logits * logits).sum(), (self.d_values * values).sum()]
        return sum(terms + [(d * s).sum() for d, s in zip(self.d_state, state) if s is not None])

    def gradients(self, plan=None):
        """dL/d(inputs), by ``backward``: a dict like ``inputs``."""
        params, _, _ = self.split(self.inputs)
        grads = self.net.backward(params, self.forward(self.inputs, plan), self.d_logits, self.d_values, self.d_state)
        return join(grads.params, grads.x, grads.state)

    def cut_share(self):
        """Share of the entries of Hebb(1) ... Hebb(T) that stand at the bound of Clip; None where there is no Clip:
        without plasticity, and with a rule that has a bound of its own.
        """
        if self.net.plasticity == "none" or not self.net.rule.uses_clip:
            return None
        return float((np.abs(self.forward(self.inputs).hebb[1:]) >= self.net.clip).mean())


def join(params, x, state):
    """params, x and state as one dict; the inverse of ``Problem.split``."""
    return {**params, "x": x, **{f"state.{k}": v for k, v in zip(State._fields, state) if v is not None}}


def random_problem(rng, n_inputs, n_hidden, n_outputs, T, B, regime=None, **options):
    """A Problem drawn from ``rng``. With a ``regime`` the clip's bound is chosen to fit it:

    "inactive" cuts nothing, "sometimes" between 5 and 70 % of all updated entries, "mostly" over 80 %.
    ValueError if 100 draws did not meet it (a single entry is never cut "sometimes").
    """
    if regime is None or options.get("plasticity") == "none" or not _uses_clip(options):
        return _draw(rng, PlasticNetwork(n_inputs, n_hidden, n_outputs, **options), T, B)
    low, high = {"inactive": (0, 0), "sometimes": (0.05, 0.7), "mostly": (0.8, 1)}[regime]
    sizes = n_inputs, n_hidden, n_outputs
    for _ in range(100):
        problem = _draw(rng, PlasticNetwork(*sizes, **options, clip=np.inf), T, B)
        hebb = problem.forward(problem.inputs).hebb
        increments = np.abs(np.diff(hebb, axis=0))
        clip = {
            "inactive": 2 * np.abs(hebb).max(),
            "sometimes": 3 * np.median(increments),
            "mostly": 0.1 * np.median(increments),
        }[regime]
        hebb = np.clip(problem.inputs["state.hebb"], -clip, clip)
        problem = problem._replace(
            net=PlasticNetwork(*sizes, **options, clip=clip), inputs=problem.inputs | {"state.hebb": hebb}
        )
        if low <= problem.cut_share() <= high:
            return problem
    raise ValueError(f"regime: expected one that 100 draws can meet, got {regime!r} with {options}")


def _uses_clip(options):
    return find_part("rule", options.get("rule", "outer")).uses_clip


def _draw(rng, net, T, B):
    normal = rng.standard_normal
    params = {name: np.asarray(0.8 * normal(value.shape)) for name, value in net.init(rng).items()}
    if "eta" in params:
        params["eta"] = np.asarray(rng.uniform(0.2, 0.8, params["eta"].shape))
    state, d_state = (net.initial_state(B).map(lambda v: 0.7 * normal(v.shape)) for _ in range(2))
    inputs = join(params, normal((T, B, net.n_inputs)), state)
    return Problem(net, inputs, normal((T, B, net.n_outputs)), normal((T, B)), d_state)
