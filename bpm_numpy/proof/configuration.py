"""One configuration of a network checked in four ways, on a random problem."""

import numpy as np

from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import find_part
from .gradcheck import gradcheck
from .problems import random_problem
from .ways import differences

TOLERANCE = 1e-10  # of forward mode and of the two ways, relative
DRAWS = 10  # of problems, until one is at no kink


def check_configuration(options, regime, rng, full=False):
    """Check a network with these options in one regime of the clip -> a dict of numbers and strings, with "passed".

    The complex step on single entries (all if ``full``), central differences along random directions, reverse against
    forward mode, and the way by chunks against the definition: of parameters, inputs and the initial state.
    """
    sample = {} if full else {"max_entries": 3, "rng": rng}
    projections = {} if full else {"directions": 1, "rng": rng}
    for _ in range(DRAWS):
        problem = random_problem(rng, 2, *_sizes(options), 2, regime, **options)
        grads = problem.gradients("steps")
        by_central = _check(problem, grads, "central", projections)
        if by_central.passed or any(row.failed for row in by_central.parameters):
            break  # else it stands at a kink of Clip, where central differences say too little
    by_complex, ways = _check(problem, grads, "complex", sample), differences(problem)
    adjoint, chunks = adjoint_error(problem, grads, rng), float(np.max(list(ways.values())))
    reports = [report for report in (by_complex, by_central) if not report.passed]
    wrong = [f"backward is wrong in {_blamed(report)}, by {report.method} step:\n{report}" for report in reports]
    if not adjoint <= TOLERANCE:
        wrong.append(f"jvp is not the transpose of backward: off by {adjoint:.1e}")
    if not chunks <= TOLERANCE:
        worst = next(name for name, error in ways.items() if not error <= TOLERANCE)
        wrong.append(
            f"the way by chunks is another function than the definition: {worst} differs, the worst by {chunks:.1e}"
        )
    return {
        "options": options,
        "regime": regime,
        "passed": not wrong,
        "cut_share": problem.cut_share(),
        "compared": sum(row.checked for report in (by_complex, by_central) for row in report.parameters),
        "complex_error": by_complex.max_relative_error,
        "central_error": by_central.max_relative_error,
        "kinks": len(by_central.kinks),
        "adjoint_error": adjoint,
        "chunks_error": chunks,
        "message": "\n".join(wrong),
    }


def _blamed(report):
    """Names of the inputs that haven't passed."""
    return ", ".join(row.name for row in report.parameters if not row.passed)


def _check(problem, grads, method, sample):
    return gradcheck(problem.loss, problem.inputs, grads, method=method, **sample, raise_on_failure=False)


def regimes_of(options, regimes):
    """Those of the regimes that differ: one stands for all without plasticity, or with a rule that uses no Clip."""
    clipped = options["plasticity"] != "none" and find_part("rule", options["rule"]).uses_clip
    return regimes if clipped else regimes[:1]


def _sizes(options):
    """n_hidden, A, T: smaller where parameters grow with a high power of n_hidden."""
    shapes = parameter_shapes(PlasticNetwork(1, 1, 1, **options)).values()
    return (2, 2, 4) if max(map(len, shapes)) > 2 else (3, 2, 5)


def adjoint_error(problem, grads, rng):
    """|<v, J u> - <Jᵀ v, u>|, relative to the sum of the absolute terms; u random, v the loss's coefficients."""
    tangents = {name: np.asarray(rng.standard_normal(value.shape)) for name, value in problem.inputs.items()}
    params, x, state = problem.split(problem.inputs)
    moved = problem.net.jvp(params, problem.net.forward(params, x, state), *problem.split(tangents))
    terms = [(grads[name] * tangents[name]).sum() for name in grads]
    return float(abs(problem.pair(*moved) - sum(terms)) / sum(map(abs, terms)))
