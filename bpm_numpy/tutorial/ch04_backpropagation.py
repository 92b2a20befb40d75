"""Chapter 04: adjoints through time, how numerical derivatives err, and what a check catches."""

import numpy as np

from ..figures.draw_backpropagation import plot_caught, plot_flow, plot_step_graph
from ..network import PlasticNetwork
from ..proof.gradcheck import gradcheck
from ..proof.mistakes import MISTAKES, gradients_by_step
from ..proof.problems import join, random_problem
from ..state import State
from ..step import backward_step


def walk_back(net, steps, d_logits):
    """``bptt.backward_through_time`` with its steps to be seen, for a loss of the logits: d_logits (T, B, A).

    Yields, from the last step to the first, t, dL/d(state that enters step t), and the gradients of the parameters
    through step t alone.
    """
    no_values = np.zeros(d_logits.shape[1])
    adjoint = net.initial_state(d_logits.shape[1])  # zeros: nothing depends on the final state
    for t in reversed(range(len(steps))):
        _, adjoint, grads = backward_step(net, steps[t], d_logits[t], no_values, adjoint)
        yield t, adjoint, grads


def adjoints_through_time(traj, d_logits):
    """dL/d(state that enters step t) for t = 0 ... T, as a State of arrays (T+1, B, ...); d_logits (T, B, A).

    The last one, of the final state, is zero: L is a function of the logits.
    """
    adjoints = [traj.net.initial_state(d_logits.shape[1])]
    adjoints += [adjoint for _, adjoint, _ in walk_back(traj.net, traj.steps, d_logits)]
    return State(*(None if values[0] is None else np.stack(values[::-1]) for values in zip(*adjoints)))


# How a numerical derivative errs


def errors_of_steps(problem, rng, steps, directions=12):
    """dict: method -> relative errors (steps, directions) of the derivative along random directions in all inputs.

    Held against the complex step with step 1e-40. "one-sided" is (L(x + s v) - L(x)) / s.
    """
    at = problem.loss(problem.inputs)
    errors = {name: np.empty((len(steps), directions)) for name in ("one-sided", "central", "complex step")}
    for k in range(directions):
        v = {name: rng.standard_normal(value.shape) for name, value in problem.inputs.items()}

        def along(s, v=v):
            return problem.loss({name: value + s * v[name] for name, value in problem.inputs.items()})

        exact = along(1e-40j).imag / 1e-40
        for row, s in enumerate(steps):
            up = along(s)
            numeric = (up - at) / s, (up - along(-s)) / (2 * s), along(1j * s).imag / s
            for name, value in zip(errors, numeric):
                errors[name][row, k] = abs(value - exact) / abs(exact)
    return errors


# What a check catches


def checked_problems(rng):
    """dict: description -> (Problem, names of the inputs to check), from the most forgiving to the most demanding."""
    small = {"n_inputs": 2, "n_hidden": 3, "n_outputs": 2, "T": 3, "B": 2}
    drawn = {
        "no plasticity": {"plasticity": "none"},
        "hebbian": {"plasticity": "hebbian"},
        "outer": {},
        "outer, cut by Clip": {"regime": "sometimes"},
        "trace": {"rule": "trace"},
        "trace, paper": {"rule": "trace", "reading": "paper"},
        "Taylor": {"rule": "taylor", "n_hidden": 2},
        "fan-out, trace, cut": {"fanout": True, "rule": "trace", "regime": "sometimes"},
        "lstm": {"cell": "lstm"},
        "lstm, paper, Taylor": {"cell": "lstm", "reading": "paper", "rule": "taylor", "n_hidden": 2},
    }
    problems = {
        "one step from zeros": from_zeros(rng, T=1),
        "two steps from zeros": from_zeros(rng, T=2),
        "starting values": from_zeros(rng, T=5, start=True),
    }
    for name, options in drawn.items():
        problem = random_problem(rng, **(small | {"regime": "inactive"} | options))
        problems[name] = problem, list(problem.inputs)
    return problems


def from_zeros(rng, T, start=False):
    """An rnn with the trace that starts with a state of zeros, and a loss of its outputs alone: what a first test
    would try. Only its parameters are checked; with ``start`` they have their starting values.
    """
    problem = random_problem(rng, 2, 3, 2, T, 2, rule="trace")
    params, x, _ = problem.split(problem.inputs)
    zeros = problem.net.initial_state(2)
    if start:
        params = problem.net.init(rng)
    return problem._replace(inputs=join(params, x, zeros), d_state=zeros), list(params)


def error_found(problem, names, rng):
    """The largest relative error that ``gradcheck`` finds in ``gradients_by_step``; 0 if it finds nothing wrong."""
    grads = gradients_by_step(problem)
    inputs, grads = ({name: arrays[name] for name in names} for arrays in (problem.inputs, grads))
    options = {"method": "complex", "directions": 1, "rng": rng, "raise_on_failure": False}
    report = gradcheck(lambda moved: problem.loss(problem.inputs | moved), inputs, grads, **options)
    return 0.0 if report.passed else report.max_relative_error


def mistakes_in(problems):
    """The MISTAKES that change a gradient of at least one of the problems: a dict like them."""
    return {
        name: mistake
        for name, mistake in MISTAKES.items()
        if any(mistake.matters(problem) for problem, _ in problems.values())
    }


def catch_all(rng, mistakes, problems):
    """Array (mistakes, problems): the error found when each mistake is made in each problem."""
    found = np.zeros((len(mistakes), len(problems)))
    for row, mistake in enumerate(mistakes.values()):
        with mistake.made():
            found[row] = [error_found(problem, names, rng) for problem, names in problems.values()]
    return found


def where_it_matters(mistakes, problems):
    """Array (mistakes, problems): whether each mistake changes a gradient of each problem."""
    return np.array([[mistake.matters(p) for p, _ in problems.values()] for mistake in mistakes.values()])


# Where gradients flow

NETWORKS = {
    "no plasticity": {"plasticity": "none"},
    "plastic, clip 1": {"clip": 1.0},
    "plastic, no clip": {"clip": np.inf},
}


def flow(rng, networks=NETWORKS, n_networks=20, T=60, N=20):
    """dict: name -> State of norms (n_networks, T+1) of the adjoints, for a loss of the logits of the last step.

    Networks of the same number share the input, w and the gradient of the loss to the last logits.
    """
    norms = {name: [] for name in networks}
    for seed in rng.integers(2**32, size=n_networks):
        for name, options in networks.items():
            own = np.random.default_rng(seed)
            x, d_last = own.standard_normal((T, 1, 4)), own.standard_normal((1, 3))
            net = PlasticNetwork(4, N, 3, **options)
            d_logits = np.zeros((T, 1, 3))
            d_logits[-1] = d_last
            adjoints = adjoints_through_time(net.forward(net.init(own), x), d_logits)
            norms[name].append(
                [None if a is None else np.sqrt((a**2).reshape(T + 1, -1).sum(axis=1)) for a in adjoints]
            )
    return {name: State(*(None if f[0] is None else np.stack(f) for f in zip(*rows))) for name, rows in norms.items()}


def figure_caught():
    """The table of what is caught where."""
    rng = np.random.default_rng(2019)
    problems = checked_problems(rng)
    mistakes = mistakes_in(problems)
    found, matters = catch_all(rng, mistakes, problems), where_it_matters(mistakes, problems)
    return plot_caught(found, matters, list(mistakes), list(problems))


def figure_gradient_flow():
    """Gradients back through 60 steps, with and without plasticity."""
    return plot_flow(flow(np.random.default_rng(2019)))


FIGURES = {
    "step_graph.png": plot_step_graph,
    "mistakes_caught.png": figure_caught,
    "gradient_flow.png": figure_gradient_flow,
}
