"""Chapter 06: the Taylor series of E, the trace, a reward that comes k steps late, and the other rules."""

import numpy as np

from ..figures.draw_eligibility import (
    plot_impulse_responses,
    plot_late_reward,
    plot_rules,
    plot_truncation_error,
    plot_verdict,
)
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import find_part
from ..rules.taylor import taylor_forward
from ..rules.trace import trace_forward
from ..state import State
from .grader import Exercise
from .learn import learn

CUE, LABEL = 16, 4  # units of the late reward's network; one more carries the verdict
RADII = np.geomspace(1e-2, 1, 13)
DELAYS = np.arange(9)
ETAS = (0.1, 0.3, 0.7)
SHOWN_ETAS = (*ETAS, 1.0, 1.5, 2.05, -0.2)


def smooth_eligibility(rng, N):
    """A smooth E of h, p (B, N) -> E (B, N, N): E_ab = sin(K_ab + U_abc h_c + V_abc p_c).

    Returns the function and its K (N, N), U and V (N, N, N), drawn from ``rng``.
    """
    K, U, V = rng.standard_normal((N, N)), rng.standard_normal((N, N, N)), rng.standard_normal((N, N, N))

    def E(h, p):
        return np.sin(K + np.tensordot(h, U, axes=(1, 2)) + np.tensordot(p, V, axes=(1, 2)))  # (B, N, N)

    return E, K, U, V


def taylor_tensors(E, N, step=1e-4):
    """(A, B, C, D, G, H) of notes (2.14) for an analytic E, by differentiating it at (0, 0).

    First derivatives by the complex step, second ones by central differences of those.
    """
    zeros, units = np.zeros((1, N)), np.eye(N)

    def slopes(h, p):
        """∂E_ab/∂h_c and ∂E_ab/∂p_c at (h, p), each (N, N, N)."""
        by_h, by_p = E(h + 1e-20j * units, p + 0 * units), E(h + 0 * units, p + 1e-20j * units)  # (c, a, b)
        return np.moveaxis(by_h.imag, 0, -1) / 1e-20, np.moveaxis(by_p.imag, 0, -1) / 1e-20

    def differences(which, by_h):
        """Slope ``which`` (of h: 0, of p: 1) differentiated along every h_d, or every p_d: (N, N, N, N)."""
        columns = []
        for unit in step * units[:, None]:
            moved = [slopes(s * unit, zeros) if by_h else slopes(zeros, s * unit) for s in (1, -1)]
            columns.append((moved[0][which] - moved[1][which]) / (2 * step))
        return np.stack(columns, axis=-1)

    B, C = slopes(zeros, zeros)
    D, G, H = differences(0, by_h=True) / 2, differences(1, by_h=False) / 2, differences(0, by_h=False)
    return E(zeros, zeros)[0], B, C, D, G, H


def truncation_errors(E, tensors, h, p, radii):
    """Largest error of the series cut after order 0, 1 and 2 at (r h, r p): h, p (1, N) -> (3, len(radii))."""
    errors = []
    for kept in (1, 3, 6):  # A; A B C; all
        cut = [tensor if n < kept else 0 * tensor for n, tensor in enumerate(tensors)]
        errors.append([np.abs(E(r * h, r * p) - taylor_forward(r * h, r * p, *cut)[0]).max() for r in radii])
    return np.array(errors)


def impulse_response(eta, steps, reading="notes"):
    """E(t), t = 0 ... steps - 1, for products X_0 = 1 and X_t = 0 afterwards: (steps,)."""
    trace, response = np.zeros(()), []
    for t in range(steps):
        after, _ = trace_forward(trace, float(t == 0), eta)
        response.append(after if reading == "notes" else trace)
        trace = after
    return np.array(response)


def verdict_network(rule, *, eta=None, reading="notes", held=False):
    """A modulated plastic RNN with weights set by hand -> net, params.

    Every unit copies its input as -1, 0 or 1; M(t) copies the last unit, the verdict, and is 0 without one; alpha
    is 0, so that what Hebb takes up is only written, not yet used. ``held``: cue and label units keep their value
    until another input overrides it.
    """
    N = CUE + LABEL + 1
    net = PlasticNetwork(N, N, 1, rule=rule, reading=reading)
    params = {name: np.zeros(shape) for name, shape in parameter_shapes(net).items()}
    params["W_x"] = 40 * np.eye(N)
    params["W_m"][-1] = 40
    if held:
        params["W_h"] = np.diag([20.0] * (CUE + LABEL) + [0.0])
    if rule == "trace":
        params["eta"] = np.asarray(float(eta))
    return net, params


def late_verdict(rng, delay, batch, busy=False):
    """A pairing, and ``delay`` steps later a verdict on it -> x (delay + 2, B, D), cue (B, CUE), goal (B, LABEL).

    Step 0 shows the cue, step 1 the label, step 1 + delay the verdict ±1; ``goal`` is verdict times label. Nothing
    else happens, or, if ``busy``, every step shows another random pairing.
    """
    x = np.zeros((delay + 2, batch, CUE + LABEL + 1))
    if busy:
        x[1:, :, :CUE] = rng.choice([-1.0, 1.0], (delay + 1, batch, CUE))
        x[2:, :, CUE:-1] = rng.choice([-1.0, 1.0], (delay, batch, LABEL))
    cue = x[0, :, :CUE] = rng.choice([-1.0, 1.0], (batch, CUE))
    label = x[1, :, CUE:-1] = rng.choice([-1.0, 1.0], (batch, LABEL))
    verdict = x[-1, :, -1] = rng.choice([-1.0, 1.0], batch)
    return x, cue, verdict[:, None] * label


def recall(hebb, cue, goal):
    """What the cue calls up through Hebb, beside the goal: 1 as wanted, 0 nothing, negative the opposite. (B, LABEL)"""
    called = (cue[:, None, :] @ hebb[:, :CUE, CUE:-1])[:, 0] / CUE  # (B, LABEL)
    return called * goal


def strength_by_delay(rng, delays, **options):
    """Mean recall after each delay with nothing in between: (len(delays),). ``options`` of verdict_network."""
    net, params = verdict_network(**options)
    strengths = []
    for delay in delays:
        x, cue, goal = late_verdict(rng, delay, batch=8)
        strengths.append(recall(net.forward(params, x).state.hebb, cue, goal).mean())
    return np.array(strengths)


def right_by_delay(rng, delays, *, seeds=9, batch=50, **options):
    """Share of label bits recalled with the right sign in a busy stream: (seeds, len(delays)); nothing counts ½."""
    net, params = verdict_network(**options)
    shares = np.zeros((seeds, len(delays)))
    for row, child in zip(shares, rng.spawn(seeds)):
        for n, delay in enumerate(delays):
            x, cue, goal = late_verdict(child, delay, batch, busy=True)
            recalled = recall(net.forward(params, x).state.hebb, cue, goal)
            row[n] = (np.sign(recalled) / 2 + 0.5).mean()
    return shares


def learn_eta(rng, delay, updates=160, eta=0.8, learning_rate=0.01, reading="notes"):
    """Adam on eta alone, to make the recall after ``delay`` quiet steps strong -> every eta (updates + 1,)."""
    net, params = verdict_network("trace", eta=eta, reading=reading)
    x, cue, goal = late_verdict(rng, delay, batch=1)
    d_hebb = np.zeros((1, net.n_hidden, net.n_hidden))  # of the loss, minus the mean recall
    d_hebb[:, :CUE, CUE:-1] = -cue[:, :, None] * goal[:, None, :] / (CUE * LABEL)
    d_logits = np.zeros((len(x), 1, 1))

    def gradient(learnt, x):
        moved = params | learnt
        grads = net.backward(moved, net.forward(moved, x), d_logits, d_state=State(None, hebb=d_hebb)).params
        return {"eta": np.asarray(grads["eta"])}, float(learnt["eta"])

    learnt, etas = learn({"eta": params["eta"]}, gradient, lambda: x, updates, learning_rate)
    return np.append(etas, learnt["eta"])


def late_reward(rng):
    """The curves of the chapter's figure: strengths in quiet (dict label -> array), shares when busy (dict)."""
    rules = {"simple (outer)": dict(rule="outer")}
    rules |= {f"retroactive, η = {eta}": dict(rule="trace", eta=eta) for eta in ETAS}
    quiet = {label: strength_by_delay(rng, DELAYS, **options) for label, options in rules.items()}
    quiet["simple, activity held"] = strength_by_delay(rng, DELAYS, rule="outer", held=True)
    busy = {label: right_by_delay(rng, DELAYS, **options) for label, options in rules.items()}
    return quiet, busy


RULES = ("outer", "decay", "oja", "soft")
PHASES = {"both active": (10, 0.8, 0.9), "silence": (8, 0.0, 0.0), "post alone": (10, 0.0, 0.9)}  # steps, h, p


def one_connection(mu=0.3):
    """dict rule -> Hebb(t) (T+1,) of one connection through PHASES, with the same drive at every step."""
    net = PlasticNetwork(1, 1, 1)  # what the rules ask of it is its clip, 1
    grown = {}
    for rule in RULES:
        hebb = [np.zeros((1, 1, 1))]
        for steps, h, p in PHASES.values():
            for _ in range(steps):
                ends = np.full((1, 1), mu), np.full((1, 1), h), np.full((1, 1), p)
                hebb.append(find_part("rule", rule).forward(net, {}, hebb[-1], *ends, None)[0])
        grown[rule] = np.ravel(hebb)
    return grown


def figure_verdict():
    """A verdict that comes three steps late, and what each kind of E still holds of the pairing."""
    return plot_verdict(3, 0.3)


def figure_rules():
    """One connection under four rules."""
    return plot_rules(one_connection(), {name: steps for name, (steps, _, _) in PHASES.items()})


def figure_truncation_error():
    """How far the series of a smooth E is off, by order and distance."""
    rng = np.random.default_rng(2014)
    E, *_ = smooth_eligibility(rng, 4)
    h, p = rng.standard_normal((2, 1, 4)) / 4
    return plot_truncation_error(RADII, truncation_errors(E, taylor_tensors(E, 4), h, p, RADII))


def figure_impulse_responses():
    """What one product leaves in the trace, for eta inside and outside [0, 1]."""
    return plot_impulse_responses({eta: impulse_response(eta, 16) for eta in SHOWN_ETAS})


def figure_late_reward():
    """What a verdict k steps late can still write, for the simple and the retroactive rule."""
    return plot_late_reward(DELAYS, *late_reward(np.random.default_rng(2016)))


FIGURES = {
    "taylor_truncation_error.png": figure_truncation_error,
    "trace_impulse_responses.png": figure_impulse_responses,
    "late_reward.png": figure_late_reward,
    "late_verdict.png": figure_verdict,
    "plasticity_rules.png": figure_rules,
}


# What the reader writes. Every mistake names the line of the chapter's derivation.


def _one_term(h, D):
    return np.einsum("abcd,c,d->ab", D, h, h)


def _positions(dE, h, D):
    """What the first h and the second h of the product h_c h_d get: two arrays (N,)."""
    d_hh = np.einsum("ab,abcd->cd", dE, D)  # (N, N)
    return d_hh @ h, h @ d_hh


TAYLOR_TERM = Exercise(
    forward=_one_term,
    draw=lambda rng: {"h": rng.standard_normal(3), "D": rng.standard_normal((3, 3, 3, 3))},
    mistakes={
        "(t3): h stands twice in the product, the second position is missing": lambda dE, h, D: {
            "h": _positions(dE, h, D)[0]
        },
        "(t3): h stands twice in the product, the first position is missing": lambda dE, h, D: {
            "h": _positions(dE, h, D)[1]
        },
        "(t3): the two positions are the same only if D is symmetric in c and d": lambda dE, h, D: {
            "h": 2 * _positions(dE, h, D)[0]
        },
        "(t1): dD_abcd has the indices of D: a and b are those of dE": lambda dE, h, D: {
            "D": np.einsum("ab,c,d->cdab", dE, h, h)
        },
        "(t1): pre and post are exchanged, a is the row of dE": lambda dE, h, D: {
            "D": np.einsum("ba,c,d->abcd", dE, h, h)
        },
        "(t1): the ½ of the series is in D already": lambda dE, h, D: {"D": np.einsum("ab,c,d->abcd", dE, h, h) / 2},
    },
)


def trace_by_steps(X, eta, reading):
    """X (T, N, N), eta () -> E(t) that drives the update of step t, for every t: (T, N, N)."""
    trace, E = np.zeros(X.shape[1:]), []
    for X_t in X:
        after = (1 - eta) * trace + eta * X_t
        E.append(after if reading == "notes" else trace)
        trace = after
    return np.array(E)


def _walk(from_update, X, eta, reading, link=None, late=None, kept=None, factor=None):
    """The gradients of ``trace_by_steps``, with places for a mistake.

    ``link``: in place of 1 - eta, on the way from E(t+1) to E(t); ``late``: by how many steps dX and deta are read
    late, 0 or 1; ``kept``: what X is compared with in deta, in place of the trace before; ``factor``: in dX, in place
    of eta.
    """
    late = (0 if reading == "notes" else 1) if late is None else late
    link = 1 - eta if link is None else link
    T = len(X)
    E = trace_by_steps(X, eta, reading)
    before = np.concatenate([0 * E[:1], E[:-1]]) if reading == "notes" else E  # the trace that X_t is added to
    dE = np.zeros((T + 1, *X.shape[1:]))  # the last is 0
    for t in reversed(range(T)):
        dE[t] = from_update[t] + link * dE[t + 1]
    read = dE[late : late + T]  # the gradient to the trace that X_t went into
    compared = X - (before if kept is None else kept(E))
    return {"X": (eta if factor is None else factor) * read, "eta": (compared * read).sum()}


def _trace_exercise(reading, mistakes):
    return Exercise(
        forward=lambda X, eta: trace_by_steps(X, eta, reading),
        draw=lambda rng: {"X": rng.standard_normal((5, 2, 2)), "eta": np.array(rng.uniform(0.2, 0.4))},
        mistakes={
            text: lambda from_update, X, eta, wrong=wrong: _walk(from_update, X, eta, reading, **wrong(eta))
            for text, wrong in mistakes.items()
        },
    )


DETACHED = "(d1): E(t) also lives on in E(t+1). Without that link the trace is detached"
TRACE = _trace_exercise(
    "notes",
    {
        DETACHED: lambda eta: {"link": 0},
        "(d1): from E(t+1) to E(t) the factor is 1 - eta": lambda eta: {"link": 1},
        "(d1): from E(t+1) to E(t) the factor is 1 - eta, not eta": lambda eta: {"link": eta},
        "(d2): X_t stands in E(t) with the factor eta": lambda eta: {"factor": 1},
        "(d2) and (d3): in this reading X_t is in E(t) already, not first in E(t+1)": lambda eta: {"late": 1},
        "(d3): eta stands twice, in eta X_t and in (1 - eta) E(t-1)": lambda eta: {"kept": np.zeros_like},
        "(d3): the trace beside X_t is E(t-1), not E(t)": lambda eta: {"kept": lambda E: E},
    },
)
PAPER_TRACE = _trace_exercise(
    "paper",
    {
        DETACHED: lambda eta: {"link": 0},
        "(d2) and (d3): in this reading X_t comes into the trace one step later, in E(t+1)": lambda eta: {"late": 0},
        "(d2): X_t stands in E(t+1) with the factor eta": lambda eta: {"factor": 1},
        "(d3): eta stands twice, in eta X_t and in (1 - eta) E(t)": lambda eta: {"kept": np.zeros_like},
    },
)
EXERCISES = {"one_term_backward": TAYLOR_TERM, "trace_backward": TRACE, "paper_trace_backward": PAPER_TRACE}
