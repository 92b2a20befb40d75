"""Chapter 04: backward passes to write, adjoints through time, how numerical derivatives err, what a check catches."""

import inspect

import numpy as np

from .. import one_page
from ..figures.draw_backpropagation import animate_roads, plot_caught, plot_flow, plot_roads, plot_step_graph
from ..network import PlasticNetwork
from ..proof.gradcheck import gradcheck
from ..proof.mistakes import MISTAKES, gradients_by_step
from ..proof.problems import join, random_problem
from ..state import State
from ..step import backward_step
from .grader import Exercise

# The backward passes that the reader writes, one arrow more each time. The forward passes are shown in the chapter,
# and so are the backward passes, as folded solutions.


def rate_forward(x, h_prev, hebb, W_x, w, alpha, rate):
    """One step: h_{t-1} (N,), Hebb(t) (N, N) -> h_t (N,), Hebb(t+1) (N, N)."""
    W = w + alpha * hebb  # (N, N)
    h = np.tanh(x @ W_x + h_prev @ W)  # (N,)
    return h, hebb + rate * np.outer(h_prev, h)


def rate_backward(dh, dhebb_next, x, h_prev, hebb, W_x, w, alpha, rate):
    W = w + alpha * hebb
    h = np.tanh(x @ W_x + h_prev @ W)
    drate = (np.outer(h_prev, h) * dhebb_next).sum()  # (c) the update
    dX = rate * dhebb_next
    dp = h_prev @ dX  # (e) the product, to p_t = h_t
    dh = dh + dp  # (g) h_t is complete
    dz = (1 - h**2) * dh  # (h) the cell
    dW = np.outer(h_prev, dz)  # (i) the plastic input
    dh_prev = dX @ h + W @ dz  # (e) and (i)
    dhebb = dhebb_next + alpha * dW  # (c) it is kept, (j) it is used
    return {"h_prev": dh_prev, "hebb": dhebb, "w": dW, "alpha": hebb * dW, "rate": drate}


def clip_forward(hebb, rate, X):
    """T updates with Clip: Hebb(0) (N, N), X (T, N, N) -> Hebb(T) (N, N)."""
    for X_t in X:
        hebb = np.clip(hebb + rate * X_t, -1, 1)
    return hebb


def clip_backward(dhebb, hebb, rate, X):
    us = []
    for X_t in X:
        us.append(hebb + rate * X_t)
        hebb = np.clip(us[-1], -1, 1)
    drate, dX = 0.0, np.zeros_like(X)
    for t in reversed(range(len(X))):
        du = dhebb * (np.abs(us[t]) <= 1)  # (b) what was cut has no gradient
        drate += (X[t] * du).sum()  # (c) the update
        dX[t] = rate * du
        dhebb = du  # (c) Hebb(t) is kept
    return {"hebb": dhebb, "rate": drate, "X": dX}


def modulated_forward(h_prev, h, hebb, W_m, b_m):
    """The update with M: h_{t-1}, h_t (N,), Hebb(t) (N, N) -> Hebb(t+1) (N, N)."""
    M = np.tanh(h @ W_m + b_m)
    return hebb + M * np.outer(h_prev, h)


def modulated_backward(dhebb_next, h_prev, h, hebb, W_m, b_m):
    M, X = np.tanh(h @ W_m + b_m), np.outer(h_prev, h)
    dM = (X * dhebb_next).sum()  # (c) the update
    dX = M * dhebb_next
    dh_prev = dX @ h  # (e) the product
    dp = h_prev @ dX
    dm = (1 - M**2) * dM  # (f) the modulator
    dh = dp + W_m * dm  # (g) from both that read h_t
    return {"h_prev": dh_prev, "h": dh, "hebb": dhebb_next, "W_m": h * dm, "b_m": dm}


def trace_forward(X, M, eta):
    """T updates from zeros with the trace: X (T, N, N), M (T,) -> Hebb(T) (N, N)."""
    hebb, E = np.zeros(X[0].shape), np.zeros(X[0].shape)  # Hebb(0), E(-1)
    for X_t, M_t in zip(X, M):
        E = (1 - eta) * E + eta * X_t
        hebb = hebb + M_t * E
    return hebb


def trace_backward(dhebb, X, M, eta):
    E = [np.zeros(X[0].shape)]  # E[t] is E(t-1), as it enters step t
    for X_t in X:
        E.append((1 - eta) * E[-1] + eta * X_t)
    dX, dM, deta = np.zeros_like(X), np.zeros_like(M), 0.0
    dE_later = np.zeros_like(dhebb)  # the part of dE(t) that comes from step t+1
    for t in reversed(range(len(X))):
        dM[t] = (E[t + 1] * dhebb).sum()  # (c) the update
        dE = dE_later + M[t] * dhebb
        dX[t] = eta * dE  # (d) the trace
        deta += ((X[t] - E[t]) * dE).sum()
        dE_later = (1 - eta) * dE
    return {"X": dX, "M": dM, "eta": deta}


def mistaken(function, right, wrong):
    """A function with one piece of its source, ``right``, replaced by ``wrong``. ValueError if it isn't there once."""
    source = inspect.getsource(function)
    if source.count(right) != 1:
        raise ValueError(f"right: expected a piece that stands once in {function.__name__}, got {right!r}")
    names = dict(function.__globals__)
    exec(source.replace(right, wrong), names)
    return names[function.__name__]


def planted(backward, pieces):
    """The mistakes of an Exercise: pieces, dict: what to say -> (right piece, wrong piece) of backward's source."""
    return {says: mistaken(backward, *piece) for says, piece in pieces.items()}


def normal(**shapes):
    """A function rng -> dict of normal numbers of these shapes."""
    return lambda rng: {name: rng.standard_normal(shape) for name, shape in shapes.items()}


RATE = Exercise(
    rate_forward,
    normal(x=2, h_prev=3, hebb=(3, 3), W_x=(2, 3), w=(3, 3), alpha=(3, 3), rate=()),
    planted(
        rate_backward,
        {
            "(j): the loss reaches Hebb(t) through alpha ⊗ Hebb(t); alpha is missing": ("alpha * dW", "dW"),
            "(j): Hebb(t) is used as a weight; that road is missing": (" + alpha * dW", ""),
            "(c): Hebb(t) is kept in Hebb(t+1); that road is missing": ("dhebb_next + alpha", "alpha"),
            "(i): dW[pre, post] is h_prev[pre] dz[post]; pre and post are exchanged": (
                "np.outer(h_prev, dz)",
                "np.outer(dz, h_prev)",
            ),
            "(i): the weights are multiplied by h_{t-1}, not by h_t": ("np.outer(h_prev, dz)", "np.outer(h, dz)"),
            "(e): the product reaches h_t as well; dp is missing": ("dh + dp", "dh"),
            "(e): the product reaches h_{t-1} as well; that road is missing": ("dX @ h + W", "W"),
            "(h): h is a tanh already; its slope is 1 - h²": ("1 - h**2", "1 - np.tanh(h)**2"),
            "(e): dh_{t-1} sums over post; pre and post are exchanged": ("dX @ h", "h @ dX"),
            "(e): dp sums over pre; pre and post are exchanged": ("h_prev @ dX", "dX @ h_prev"),
            "(i): dh_{t-1} sums over post: W @ dz, not dz @ W": ("W @ dz", "dz @ W"),
            "(i): h_{t-1} meets w + alpha ⊗ Hebb, not w alone": ("W @ dz", "w @ dz"),
            "(i): the plastic input reads h_{t-1} as well; that road is missing": ("dX @ h + W @ dz", "dX @ h"),
            "(c): the rate is missing in dX": ("rate * dhebb_next", "dhebb_next"),
        },
    ),
    wanted=("h_prev", "hebb", "w", "alpha", "rate"),
)
CLIP = Exercise(
    clip_forward,
    lambda rng: normal(hebb=(3, 3), X=(5, 3, 3))(rng) | {"rate": rng.uniform(0.4, 0.6)},
    planted(
        clip_backward,
        {
            "(b): what Clip cut has no gradient; the mask is missing": (" * (np.abs(us[t]) <= 1)", ""),
            "(b): the mask is of u(t), of this step; that of the step before was taken": ("(us[t])", "(us[t - 1])"),
            "(b): 1 where u(t) is inside, 0 outside; the mask is upside down": ("<= 1", "> 1"),
            "(c): what was cut is cut off from all earlier steps; dHebb(t) lacks the mask": ("dhebb = du", "pass"),
            "(c): Hebb(t) is kept in Hebb(t+1); that road is missing": ("dhebb = du", "dhebb = 0 * du"),
        },
    ),
)
MODULATOR = Exercise(
    modulated_forward,
    normal(h_prev=3, h=3, hebb=(3, 3), W_m=3, b_m=()),
    planted(
        modulated_backward,
        {
            "(c): dM has the wrong sign": ("(X * dhebb_next)", "-(X * dhebb_next)"),
            "(c): the drive M is missing in dX": ("M * dhebb_next", "dhebb_next"),
            "(e): pre and post are exchanged": ("dX @ h", "h @ dX"),
            "(f): the slope of tanh is missing": ("(1 - M**2) * dM", "dM"),
            "(f): M is a tanh already; its slope is 1 - M²": ("M**2", "np.tanh(M) ** 2"),
            "(g): M(t) reads h_t; that road is missing": ("dp + W_m * dm", "dp"),
            "(g): the product reads h_t; dp is missing": ("dp + W_m", "W_m"),
        },
    ),
)
TRACE = Exercise(
    trace_forward,
    normal(X=(5, 3, 3), M=5, eta=()),
    planted(
        trace_backward,
        {
            "(d): E(t) lives on in E(t+1); the trace is detached": ("dE_later + M", "M"),
            "(d): what goes back to E(t-1) is weighed by 1 - eta": ("(1 - eta) * dE\n", "dE\n"),
            "(d): X enters with the weight eta": ("= eta * dE", "= dE"),
            "(d): eta stands in two places; - E(t-1) is missing": (" - E[t])", ")"),
            "(c): M(t) multiplies E(t), not E(t-1)": ("E[t + 1]", "E[t]"),
            "(c): the drive M(t) is missing in dE(t)": ("M[t] * dhebb", "dhebb"),
        },
    ),
)

# The whole backward pass of the one page

BOUND = 0.5  # of Clip


def one_page_forward(x, **p):
    """The one page's logits (T, A); p: its parameters."""
    return one_page.forward(p, x, BOUND)[0]


def one_page_with(backward):
    """A backward function of the one page as the grader calls it: backward(d_logits, x, **p) -> gradients."""
    return lambda d_logits, x, **p: backward(p, one_page.forward(p, x, BOUND)[1], d_logits)


ONE_PAGE = Exercise(
    one_page_forward,
    normal(x=(6, 3), W_x=(3, 4), W_h=(4, 4), alpha=(4, 4), b=4, W_m=4, b_m=(), W_y=(4, 2), b_y=2),
    {
        says: one_page_with(wrong)
        for says, wrong in planted(
            one_page.backward,
            {
                "(j): the loss reaches Hebb(t) through alpha ⊗ Hebb(t); alpha is missing": ('p["alpha"] * dW', "dW"),
                "(j): Hebb(t) is used as a weight; that road is missing": (' + p["alpha"] * dW', ""),
                "(c): Hebb(t) is kept in Hebb(t+1); that road is missing": ("dhebb = du + ", "dhebb = "),
                "(i): dW[pre, post] is h_prev[pre] dz[post]; pre and post are exchanged": (
                    "np.outer(h_prev, dz)",
                    "np.outer(dz, h_prev)",
                ),
                "(i): the weights are multiplied by h_{t-1}, not by h_t": ("np.outer(h_prev, dz)", "np.outer(h, dz)"),
                "(c): dM has the wrong sign": ("(E * du)", "-(E * du)"),
                "(b): what Clip cut has no gradient; the mask is missing": (" * inside", ""),
                "(h): h is a tanh already; its slope is 1 - h²": ("1 - h**2", "1 - np.tanh(h) ** 2"),
                "(f): M is a tanh already; its slope is 1 - M²": ("1 - M**2", "1 - np.tanh(M) ** 2"),
                "(g): M(t) reads h_t; that road is missing": ('dp + p["W_m"] * dm', "dp"),
                "(e): the product reaches h_{t-1} as well; that road is missing": ("dh_prev + W", "W"),
                "(e): dh_{t-1} sums over post, dp over pre; here they are exchanged": (
                    "dX @ h, h_prev @ dX",
                    "h @ dX, dX @ h_prev",
                ),
                "(i): dh_{t-1} sums over post: W @ dz, not dz @ W": ("W @ dz", "dz @ W"),
                "(g): the product reads h_t; dp is missing": ('dp + p["W_m"]', 'p["W_m"]'),
                "(g): what step t+1 sends to h_t is missing": ("dh_later + p", "p"),
                "(h): dz needs the whole dh, so (g) comes first": ('dh += dp + p["W_m"] * dm', "pass"),
                "(a): walk from the last step to the first, in steps and in d_logits": (
                    "zip(reversed(steps), d_logits[::-1])",
                    "zip(steps, d_logits)",
                ),
                "(a): d_logits is walked from its last step as well": ("d_logits[::-1]", "d_logits"),
                "(b): Hebb(t) is kept through Clip: du, with the mask": ("dhebb = du", "dhebb = dhebb"),
                "(c): the drive M is missing in dE": ("M * du", "du"),
                "(f): the slope of tanh is missing": ("(1 - M**2) * dM", "dM"),
                "(h): the slope of tanh is missing": ("(1 - h**2) * dh", "dh"),
            },
        ).items()
    },
    wanted=("W_x", "W_h", "alpha", "b", "W_m", "b_m", "W_y", "b_y"),
)

# Adjoints through time


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
        "rate": {"plasticity": "hebbian"},
        "M": {},
        "M, cut by Clip": {"regime": "sometimes"},
        "M, trace": {"rule": "trace"},
        "M, trace, paper": {"rule": "trace", "reading": "paper"},
        "M, Taylor": {"rule": "taylor", "n_hidden": 2},
        "lstm, M": {"cell": "lstm"},
    }
    problems = {
        "1 step from zeros": from_zeros(rng, T=1, rule="trace"),
        "2 steps from zeros": from_zeros(rng, T=2, rule="trace"),
        "starting values": from_zeros(rng, T=5, start=True, rule="trace"),
    }
    for name, options in drawn.items():
        problem = random_problem(rng, **(small | {"regime": "inactive"} | options))
        problems[name] = problem, list(problem.inputs)
    return problems


def from_zeros(rng, T, start=False, **options):
    """An rnn that starts with a state of zeros, and a loss of its outputs alone: what a first test would try. Only its
    parameters are checked; with ``start`` they have their starting values. ``options`` are the network's.
    """
    problem = random_problem(rng, 2, 3, 2, T, 2, **options)
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


def flow(rng, options, n_networks=20, T=60, N=20):
    """Norms of dh_{t-1} and dHebb(t) for t = 0 ... T-1, and a loss of the logits of the last step: two arrays
    (n_networks, T); dHebb is None without plasticity. ``options`` are the networks'.

    Networks of the same number share the input, w and the gradient of the loss to the last logits.
    """
    norms = []
    for seed in rng.integers(2**32, size=n_networks):
        own = np.random.default_rng(seed)
        x, d_logits = own.standard_normal((T, 1, 4)), np.zeros((T, 1, 3))
        d_logits[-1] = own.standard_normal((1, 3))
        net = PlasticNetwork(4, N, 3, **options)
        adjoints = adjoints_through_time(net.forward(net.init(own), x), d_logits)
        norms.append([None if a is None else _norms(a[:-1]) for a in (adjoints.h, adjoints.hebb)])
    return tuple(None if values[0] is None else np.stack(values) for values in zip(*norms))


def _norms(values):
    """One norm per step: (T, ...) -> (T,)."""
    return np.sqrt((values**2).reshape(len(values), -1).sum(axis=1))


FIXED, WHOLE, CUT_OFF = "fixed weights: dh", "plastic: dh", "plastic, dh without the\nroad Hebb(t) to Hebb(t+1)"
REMEMBERED = "plastic: dHebb"


def flows(seed=2019):
    """dict: name -> norms (networks, T): dh with fixed weights, in plastic networks, and in the same plastic networks
    if the backward pass leaves out that Hebb(t) is kept; and dHebb in the plastic networks.
    """
    fixed, _ = flow(np.random.default_rng(seed), {"plasticity": "none"})
    whole, remembered = flow(np.random.default_rng(seed), {})
    with MISTAKES["Hebb not kept"].made():
        cut_off, _ = flow(np.random.default_rng(seed), {})
    return {FIXED: fixed, WHOLE: whole, CUT_OFF: cut_off, REMEMBERED: remembered}


def caught_where(seed=2019):
    """The errors found and where each mistake matters, two arrays (mistakes, problems), and their names: two lists."""
    rng = np.random.default_rng(seed)
    problems = checked_problems(rng)
    mistakes = mistakes_in(problems)
    found, matters = catch_all(rng, mistakes, problems), where_it_matters(mistakes, problems)
    return found, matters, list(mistakes), list(problems)


def figure_caught():
    """The table of what is caught where."""
    return plot_caught(*caught_where())


def figure_gradient_flow():
    """Gradients back through 60 steps, with and without plasticity."""
    return plot_flow(flows())


FIGURES = {
    "two_roads.png": plot_roads,
    "two_roads.gif": animate_roads,
    "step_graph.png": plot_step_graph,
    "mistakes_caught.png": figure_caught,
    "gradient_flow.png": figure_gradient_flow,
}
