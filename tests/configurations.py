"""What many tests share: every configuration, a problem to differentiate, and the complex step."""

import itertools

import numpy as np

from bpm_numpy.chunked.plan import Plan
from bpm_numpy.proof import problems

STEP = 1e-30  # nothing is subtracted in the complex step, so it can be as small as we like
PLANS = (Plan(8, 2, 1), "steps")  # chunk by chunk where that is possible, and the definition


def all_configurations():
    """List of dicts of options, without sizes, clip and dtype: a part of all that covers them.

    Every configuration of the notes and the paper, and of the others so many that every cell meets every rule under
    every drive, and every other two choices meet. (``python -m bpm_numpy check`` tries every one.)
    """
    chosen, others, seen = [], [], set()
    for options in problems.configurations():
        if is_of_the_paper(options):
            chosen.append(options)
            seen |= meetings(options)
        else:
            others.append(options)
    for options in others:
        if not meetings(options) <= seen:
            chosen.append(options)
            seen |= meetings(options)
    return chosen


def is_of_the_paper(options):
    """Cell, rule and modulator are the notes' or the paper's."""
    of_the_rule = options["rule"] in ("outer", "trace", "taylor")
    return of_the_rule and options["cell"] != "gru" and options["modulator"] == "tanh"


def meetings(options):
    """The pairs of choices that meet in these options, and the triple of cell, rule and drive."""
    drive = options["plasticity"], options["modulator"], options["fanout"]
    others = ("cell", "rule", "reading", "alpha", "readout_hidden")
    choices = [("drive", drive), *((key, options[key]) for key in others)]
    pairs = itertools.combinations(choices, 2)
    return {*pairs, (options["cell"], options["rule"], drive)}


def identifier(options):
    """Short name of a configuration, for pytest's ids: "lstm-modulated-trace-fanout-paper-neuron-deep"."""
    words = (
        options["cell"],
        options["plasticity"],
        options["rule"],
        options["modulator"] if options["modulator"] != "tanh" else "",
        "fanout" if options["fanout"] else "",
        options["reading"],
        options["alpha"],
        "deep" if options["readout_hidden"] else "",
    )
    return "-".join(word for word in words if word)


def random_problem(rng, options, T=3, B=2, D=2, N=3, A=4, regime=None):
    """A ``bpm_numpy.proof.problems.Problem`` of these options, all of order 1; the four sizes differ on purpose.

    ``problem.loss`` is a function of ``problem.inputs`` (parameters, x and initial state in one dict), linear
    in logits, values and final state, with random coefficients; it takes complex inputs.
    """
    return problems.random_problem(rng, D, N, A, T, B, regime, **options)


def read_only(arrays):
    """The same dict of arrays; from now on, whoever writes into one of them raises ValueError."""
    for value in arrays.values():
        value.flags.writeable = False
    return arrays


def random_like(rng, arrays):
    """Dict of normal draws with the names and shapes of ``arrays``."""
    return {name: np.asarray(rng.standard_normal(value.shape)) for name, value in arrays.items()}


def derivative_along(function, inputs, tangents):
    """Complex-step derivative of ``function(inputs)``, scalar or array, along the dict ``tangents``."""
    moved = {name: value + 1j * STEP * tangents[name] for name, value in inputs.items()}
    return np.imag(function(moved)) / STEP


def derivative_at(function, inputs, name, index):
    """Complex-step derivative of ``function(inputs)`` to the one entry ``inputs[name][index]``."""
    tangents = {key: np.zeros(value.shape) for key, value in inputs.items()}
    tangents[name][index] = 1
    return derivative_along(function, inputs, tangents)
