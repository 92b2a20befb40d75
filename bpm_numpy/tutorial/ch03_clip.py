"""Chapter 03: the kinks of Clip along a line, what happens without it, and which weights dominate."""

from typing import NamedTuple

import numpy as np

from ..figures.draw_clip import plot_dominance, plot_growth
from ..network import PlasticNetwork
from .ch00_start_here import read_sentence
from .ch04_backpropagation import adjoints_through_time
from .grader import Exercise
from .learn import Batch, learn_to_answer


def rms(array):
    """Root of the mean square: the size of a typical entry."""
    return np.sqrt(np.mean(np.square(array)))


# Kinks


def moved(problem, name, value):
    """The problem with its 0-d input ``name`` set to the value."""
    return problem._replace(inputs=problem.inputs | {name: np.asarray(value)})


def passing(problem):
    """Where Clip lets the value pass, at every step: (T, B, N, N)."""
    return np.stack([step.inside for step in problem.forward(problem.inputs).steps])


def slopes_along(problem, name, values):
    """dL/d(input), by backward, as the 0-d input ``name`` takes the K values: (K,)."""
    return np.array([moved(problem, name, value).gradients()[name] for value in values])


def find_kinks(problem, name, values):
    """Where, between neighbours of ``values``, Clip starts or stops cutting something: by bisection, to rounding.

    Between two neighbours one entry at most should cross the bound; of several crossings one is found.
    """
    kinks = []
    masks = [passing(moved(problem, name, value)) for value in values]
    for low, high, mask, next_mask in zip(values, values[1:], masks, masks[1:]):
        if np.array_equal(mask, next_mask):
            continue
        while low < (middle := (low + high) / 2) < high:
            if np.array_equal(passing(moved(problem, name, middle)), mask):
                low = middle
            else:
                high = middle
        kinks.append(high)
    return np.array(kinks)


# Without Clip


class Growth(NamedTuple):
    """hebb: mean |Hebb(t)|; h: mean |h_{t-1}|; adjoint: norm of dL/dh_{t-1}; each (n_networks, T+1)."""

    hebb: np.ndarray
    h: np.ndarray
    adjoint: np.ndarray


def growth(rng, clips, alpha=0.3, n_networks=20, T=60, N=20):
    """dict: clip -> Growth. Networks of the same number differ in the clip alone; alpha ~ N(0, alpha²).

    The loss is a random combination of the logits of the last step.
    """
    rows = {clip: [] for clip in clips}
    for _ in range(n_networks):
        params = PlasticNetwork(4, N, 3).init(rng) | {"alpha": alpha * rng.standard_normal((N, N))}
        x, d_logits = rng.standard_normal((T, 1, 4)), np.zeros((T, 1, 3))
        d_logits[-1] = rng.standard_normal((1, 3))
        for clip in clips:
            traj = PlasticNetwork(4, N, 3, clip=clip).forward(params, x)
            adjoint = np.linalg.norm(adjoints_through_time(traj, d_logits).h, axis=(1, 2))  # (T+1,)
            rows[clip].append((np.abs(traj.hebb).mean(axis=(1, 2, 3)), np.abs(traj.h).mean(axis=(1, 2)), adjoint))
    return {clip: Growth(*map(np.stack, zip(*measured))) for clip, measured in rows.items()}


# Which weights dominate


class Dominance(NamedTuple):
    """|alpha| clip, and |alpha ⊗ Hebb|, beside |w| (rms); over: share of connections with the larger plastic part."""

    limit: float
    share: float
    over: float


def dominance(net, params, hebb):
    """Dominance of a network whose Hebb is ``hebb`` (any shape that ends in N, N)."""
    w, plastic = params[net.plastic_name], params["alpha"] * hebb
    over = np.mean(np.abs(plastic) > np.abs(w))
    return Dominance(rms(params["alpha"]) * net.clip / rms(w), rms(plastic) / rms(w), over)


def dominance_of_random_networks(rng, scales, n_networks=20, T=60, N=20):
    """Dominance of (len(scales), n_networks) arrays: at the end of an episode, alpha ~ N(0, scale²), clip 1."""
    net = PlasticNetwork(4, N, 3)
    rows = []
    for scale in scales:
        for _ in range(n_networks):
            params = net.init(rng) | {"alpha": scale * rng.standard_normal((N, N))}
            hebb = net.forward(params, rng.standard_normal((T, 1, 4))).hebb[-1]
            rows.append(dominance(net, params, hebb))
    return Dominance(*(np.reshape(column, (len(scales), n_networks)) for column in zip(*rows)))


def dominance_by_training(rng, clips, updates=80):
    """dict: clip -> (Dominance before, Dominance after) learning chapter 00's sentence, at its last letter."""
    demo = read_sentence(rng)
    sentence, measured = Batch(demo.x, demo.targets, None), {}
    for clip in clips:
        net = PlasticNetwork(**demo.net.options | {"clip": clip})
        learnt, _ = learn_to_answer(net, demo.params, lambda: sentence, updates, learning_rate=0.01, max_norm=None)
        measured[clip] = tuple(dominance(net, p, net.forward(p, demo.x).hebb[-1]) for p in (demo.params, learnt))
    return measured


# Backward passes that the reader writes. The bound is 1.


def _inside(hebb, M, E):
    return np.abs(hebb + M * E) <= 1


def _continued(u):
    """Clip, with the line of the inside drawn a little beyond the bound, so that at the tie it has the slope 1."""
    return np.where(np.abs(u) <= 1.001, u, np.copysign(1, u))


CLIP = Exercise(
    forward=lambda u: np.clip(u, -1, 1),
    draw=lambda rng: {"u": 1.5 * rng.standard_normal((4, 4))},
    mistakes={
        "(b): what was cut has no gradient; here everything passes": lambda d, u: {"u": d},
        "(b): the mask is the wrong way round, it lets pass what was cut": lambda d, u: {"u": d * (np.abs(u) > 1)},
        "(b): there are two bounds, and -1 is forgotten": lambda d, u: {"u": d * (u <= 1)},
        "(b): the value is cut, not the gradient": lambda d, u: {"u": np.clip(d, -1, 1)},
        "(b): inside, the slope is 1, not u": lambda d, u: {"u": d * np.clip(u, -1, 1)},
        "(b): the mask is the slope; du is the mask times what comes in": lambda d, u: {"u": np.abs(u) <= 1},
    },
)

AT_BOUND = Exercise(
    forward=_continued,
    draw=lambda rng: {"u": rng.permutation([-1.3, -1.0, -1.0, -0.7, 0.7, 1.0, 1.0, 1.3])},
    mistakes={
        "(b): at the bound itself the slope is 1 here: the mask is <=, not <": lambda d, u: {"u": d * (np.abs(u) < 1)},
        "(b): a mask taken after clipping lets everything pass": lambda d, u: {"u": d},
        "(b): at the bound itself the slope is 1 here, not 1/2": lambda d, u: {
            "u": d * ((np.abs(u) < 1) + 0.5 * (np.abs(u) == 1))
        },
        "(b): at -1 the mask is <= as well": lambda d, u: {"u": d * ((u > -1) & (u <= 1))},
    },
)

CLIPPED_UPDATE = Exercise(
    forward=lambda hebb, M, E: np.clip(hebb + M * E, -1, 1),
    draw=lambda rng: {
        "hebb": rng.uniform(-1, 1, (4, 4)),
        "M": np.array(rng.uniform(0.5, 1)),
        "E": rng.standard_normal((4, 4)),
    },
    mistakes={
        "(b): the mask is forgotten: du = dHebb(t+1) only where |u| <= 1": lambda d, hebb, M, E: {
            "hebb": d,
            "M": (E * d).sum(),
            "E": M * d,
        },
        "(b): the mask belongs to du, before the way parts: dM and dE need it too": lambda d, hebb, M, E: {
            "M": (E * d).sum(),
            "E": M * d,
        },
        "(b): the mask belongs to du, before the way parts: dHebb(t) needs it too": lambda d, hebb, M, E: {"hebb": d},
        "(c): Hebb(t) is added as it is, dHebb has no factor M": lambda d, hebb, M, E: {
            "hebb": M * d * _inside(hebb, M, E)
        },
        "(c): the partner of M is E, dM needs it as a factor": lambda d, hebb, M, E: {
            "M": (d * _inside(hebb, M, E)).sum()
        },
        "(c): M is one number for all entries: their parts are summed, not averaged": lambda d, hebb, M, E: {
            "M": (E * d * _inside(hebb, M, E)).mean()
        },
        "(c): the partner of E is M, dE needs it as a factor": lambda d, hebb, M, E: {"E": d * _inside(hebb, M, E)},
    },
)
EXERCISES = {"clip_backward": CLIP, "at_bound": AT_BOUND, "update_backward": CLIPPED_UPDATE}


def figure_growth():
    """Hebb, activity and gradient with and without Clip."""
    return plot_growth(growth(np.random.default_rng(2019), (1.0, np.inf)))


def figure_dominance():
    """The plastic part beside the fixed part, for random and for trained networks."""
    rng = np.random.default_rng(2019)
    return plot_dominance(dominance_of_random_networks(rng, SCALES), dominance_by_training(rng, CLIPS))


SCALES = 10.0 ** np.linspace(-2, 1, 10)  # of alpha
CLIPS = (0.1, 1.0, 10.0)
FIGURES = {"clip_growth.png": figure_growth, "clip_dominance.png": figure_dominance}
