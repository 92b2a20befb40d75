"""Chapter 07: gradients that are wrong on purpose, and what tells one mistake from another.

Most mistakes are planted into the one page: ``with_line`` gives its ``forward`` or ``backward`` with one line changed.
"""

import inspect

import numpy as np

from .. import one_page
from ..figures.draw_debugging import plot_by_size
from ..learning.losses import reinforce
from ..network import PlasticNetwork
from ..proof.gradcheck import gradcheck
from .grader import Exercise

SIZES = np.geomspace(0.01, 2, 9)  # of the weights, in the chapter's first figure
BY_SIZE = {  # name: the right line of ``one_page.backward``, the wrong one
    "pre and post exchanged": ("dW = np.outer(h_prev, dz)", "dW = np.outer(dz, h_prev)"),
    "slope of tanh taken twice": ("dz = (1 - h**2) * dh", "dz = (1 - np.tanh(h) ** 2) * dh"),
    "no mask of Clip": ("du = dhebb * inside", "du = dhebb"),
}


def with_line(function, right, wrong):
    """The function with ``wrong`` in the place of ``right``, which its source must hold once (ValueError)."""
    return with_lines(function, (right, wrong))


def with_lines(function, *changes):
    """The function with several such changes."""
    source = inspect.getsource(function)
    for right, wrong in changes:
        if source.count(right) != 1:
            raise ValueError(f"right: expected code that {function.__name__} has once, got {right!r}")
        source = source.replace(right, wrong)
    names = dict(function.__globals__)
    exec(source, names)
    return names[function.__name__]


def draw_episode(rng, size=1.0, T=8, D=3, N=5, A=2):
    """Parameters of the one page, of order ``size``, x (T, D) and d_logits (T, A)."""
    sizes = {"W_x": (D, N), "W_h": (N, N), "alpha": (N, N), "b": N, "W_m": N, "b_m": (), "W_y": (N, A), "b_y": A}
    p = {name: np.asarray(size * rng.standard_normal(shape)) for name, shape in sizes.items()}
    return p, rng.standard_normal((T, D)), rng.standard_normal((T, A))


def error(backward, p, x, d_logits, clip=1.0):
    """The largest relative error of a parameter's gradient, |a - b| / max(|a|, |b|) with a, b as vectors: 0 to 2."""
    steps = one_page.forward(p, x, clip)[1]
    right, claimed = one_page.backward(p, steps, d_logits), backward(p, steps, d_logits)
    size = np.linalg.norm
    pairs = [(np.ravel(claimed[name]), np.ravel(right[name])) for name in right]
    return max(size(a - b) / max(size(a), size(b)) for a, b in pairs)


def errors_by_size(seed, sizes=SIZES):
    """Name of a mistake -> ``error`` at each size of the weights; the episode is the same."""
    errors = {}
    for name, lines in BY_SIZE.items():
        backward = with_line(one_page.backward, *lines)
        errors[name] = np.array([error(backward, *draw_episode(np.random.default_rng(seed), size)) for size in sizes])
    return errors


def wrong_in(backward, p, x, d_logits, clip=1.0, forward=one_page.forward, method="complex"):
    """Names of the parameters whose gradient is wrong, by ``gradcheck``."""

    def loss(p):
        return (forward(p, x, clip)[0] * d_logits).sum()

    grads = backward(p, forward(p, x, clip)[1], d_logits)
    report = gradcheck(loss, p, grads, method=method, raise_on_failure=False)
    return [row.name for row in report.parameters if row.failed]


def exactly_zero(rng, lengths, **options):
    """Whether dalpha is exactly 0, for each length of an episode that starts with h = 0 and Hebb = 0: list of bool."""
    net = PlasticNetwork(3, 5, 2, **options)
    params, found = net.init(rng), []
    for T in lengths:
        traj = net.forward(params, rng.standard_normal((T, 1, 3)))
        grads = net.backward(params, traj, rng.standard_normal(traj.logits.shape))
        found.append(not grads.params["alpha"].any())
    return found


def mean_and_spread(logits, returns, baseline):
    """Mean and standard deviation of ``reinforce``'s d_logits over the actions that may be drawn, two (T, B, A).

    Exact: d_logits of a step depends on its own action alone, so every action is tried, and weighed with its
    probability. returns(action) -> (T, B).
    """
    T, B, A = logits.shape
    p = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)  # (T, B, A)
    grads = []
    for action in range(A):
        actions = np.full((T, B), action)
        grads.append(reinforce(logits, actions, returns(action), baseline)[1])
    grads = np.array(grads)  # (A, T, B, A)
    weights = np.moveaxis(p, 2, 0)[..., None]  # (A, T, B, 1)
    mean = (weights * grads).sum(axis=0)
    return mean, np.sqrt((weights * (grads - mean) ** 2).sum(axis=0))


# Exercises: the forward passes, each followed by a backward pass with one mistake in it


def update_forward(hebb, M, h_prev, h):
    """One step of (2.5): hebb (N, N), M (), h_prev and h (N,) -> Hebb(t+1) (N, N)."""
    return np.clip(hebb + M * np.outer(h_prev, h), -1, 1)


def broken_update(dhebb_next, hebb, M, h_prev, h):
    inside = np.abs(hebb) <= 1
    du = dhebb_next * inside
    dE = M * du
    return {"hebb": du, "M": (np.outer(h_prev, h) * du).sum(), "h_prev": dE @ h, "h": h_prev @ dE}


def trace_forward(X, eta, start):
    """(2.16) in a row: X (T, N, N), eta (), start (N, N) -> E(0) ... E(T-1) (T, N, N)."""
    E, trace = [], start
    for X_t in X:
        trace = (1 - eta) * trace + eta * X_t
        E.append(trace)
    return np.array(E)


def broken_trace(dE, X, eta, start):
    E = trace_forward(X, eta, start)
    dX, deta, later = np.zeros(X.shape), 0.0, np.zeros(start.shape)
    for t in reversed(range(len(X))):
        whole = dE[t] + later  # E(t) is read by the loss and by E(t+1)
        dX[t] = eta * whole
        deta = deta + ((X[t] - E[t]) * whole).sum()
        later = (1 - eta) * whole
    return {"X": dX, "eta": deta, "start": later}


def steps_forward(W, alpha, x):
    """A plastic network whose M(t) is 1, without Clip: W and alpha (N, N), x (T, N) -> h (T, N)."""
    h, hebb, hs = np.zeros(len(W)), np.zeros(W.shape), []
    for x_t in x:
        h_prev, h = h, np.tanh(x_t + h @ (W + alpha * hebb))
        hebb = hebb + np.outer(h_prev, h)
        hs.append(h)
    return np.array(hs)


def broken_steps(d_hs, W, alpha, x):
    h, hebb = [np.zeros(len(W))], [np.zeros(W.shape)]
    for h_t in steps_forward(W, alpha, x):
        hebb.append(hebb[-1] + np.outer(h[-1], h_t))
        h.append(h_t)  # so h[t] is h_{t-1}, and hebb[t] is Hebb(t)
    dW, dalpha, dx = np.zeros(W.shape), np.zeros(W.shape), np.zeros(x.shape)
    dh_later, dhebb = np.zeros(len(W)), np.zeros(W.shape)
    for t in reversed(range(len(x))):
        dh = d_hs[t] + dh_later + h[t] @ dhebb
        dx[t] = (1 - h[t + 1] ** 2) * dh
        dW_t = np.outer(h[t], dx[t])
        dh_later = dhebb @ h[t + 1] + (W + alpha * hebb[t]) @ dx[t]
        dhebb = alpha * dW_t
        dW += dW_t
        dalpha += hebb[t] * dW_t
    return {"W": dW, "alpha": dalpha, "x": dx}


def _draw_update(rng):
    start = {"hebb": rng.uniform(-1, 1, (4, 4)), "M": np.array(rng.uniform(0.5, 1))}
    return start | {"h_prev": rng.permutation([-2.0, -1.0, 0.2, 1.0]), "h": rng.permutation([-2.0, -1.0, 0.3, 1.0])}


# What mends each broken function; the other mistakes are made in the mended one

U_MASK = ("np.abs(hebb) <= 1", "np.abs(hebb + M * np.outer(h_prev, h)) <= 1")
E_BEFORE = ("E = trace_forward(X, eta, start)", "E = [start, *trace_forward(X, eta, start)]")
HEBB_KEPT = ("dhebb = alpha * dW_t", "dhebb = dhebb + alpha * dW_t")

UPDATE = Exercise(
    forward=update_forward,
    draw=_draw_update,
    mistakes={
        "(b): the mask asks Hebb(t), which is never outside. What is cut is u = Hebb(t) + M E": broken_update,
        "(b): the mask belongs to du, before the way parts: dM needs it too": with_lines(
            broken_update, U_MASK, ("(np.outer(h_prev, h) * du).sum()", "(np.outer(h_prev, h) * dhebb_next).sum()")
        ),
        "(e): pre and post are exchanged": with_lines(
            broken_update, U_MASK, ('"h_prev": dE @ h, "h": h_prev @ dE', '"h_prev": h @ dE, "h": dE @ h_prev')
        ),
    },
)

TRACE = Exercise(
    forward=trace_forward,
    draw=lambda rng: {
        "X": rng.standard_normal((4, 3, 3)),
        "eta": np.array(rng.uniform(0.2, 0.8)),
        "start": rng.standard_normal((3, 3)),
    },
    mistakes={
        "(d): in deta stands E(t), off by one step: what (1 - eta) multiplies is E(t-1)": broken_trace,
        "(d): eta stands in two places, and (1 - eta) E(t-1) is forgotten": with_lines(
            broken_trace, ("((X[t] - E[t]) * whole)", "(X[t] * whole)")
        ),
        "(d): the slope of 1 - eta is -1": with_lines(broken_trace, E_BEFORE, ("X[t] - E[t]", "X[t] + E[t]")),
    },
)

STEPS = Exercise(
    forward=steps_forward,
    draw=lambda rng: {
        "W": rng.standard_normal((3, 3)),
        "alpha": rng.standard_normal((3, 3)),
        "x": rng.standard_normal((6, 3)),
    },
    mistakes={
        "(c): Hebb(t) has two readers, w(t) and Hebb(t+1): dHebb(t) has lost what Hebb(t+1) says": broken_steps,
        "(e): the product reads h_{t-1} as well: dh_{t-1} has lost a term": with_lines(
            broken_steps, HEBB_KEPT, ("dhebb @ h[t + 1] + ", "")
        ),
        "(j): dHebb(t) needs the factor alpha": with_lines(broken_steps, (HEBB_KEPT[0], "dhebb = dhebb + dW_t")),
        "(j): dalpha needs Hebb(t), the one that the step used": with_lines(
            broken_steps, HEBB_KEPT, ("dalpha += hebb[t] * dW_t", "dalpha += hebb[t + 1] * dW_t")
        ),
    },
)

EXERCISES = {"mended_update": UPDATE, "mended_trace": TRACE, "mended_steps": STEPS}


def figure_by_size():
    """What small weights hide from a check."""
    return plot_by_size(SIZES, errors_by_size(7))


FIGURES = {"mistakes_by_size.png": figure_by_size}
