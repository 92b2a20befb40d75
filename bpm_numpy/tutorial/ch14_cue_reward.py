"""Chapter 14: the three terms of the actor-critic loss as exercises, and the figures of the recorded studies.

T steps, B episodes, A actions; z are the logits (T, B, A), ``counts`` (T, B) is 1 where the action matters, else 0.
Letters as in the chapter's derivation.
"""

from functools import partial

import numpy as np

from ..equations.softmax import log_softmax_forward, softmax_forward
from ..figures.draw_studies import study_figures
from .grader import Exercise


def policy_term(z, chosen, advantage, counts):
    """-(1/B) Σ_tb g_tb (R_tb - v_tb) log P_tb(a_tb): z and chosen, one-hot, (T, B, A); the others (T, B)."""
    log_p = (chosen * log_softmax_forward(z)).sum(axis=-1)  # (T, B)
    return -(counts * advantage * log_p).sum() / z.shape[1]


def critic_term(v, returns):
    """(1/B) Σ_tb (R_tb - v_tb)²: both (T, B)."""
    return ((returns - v) ** 2).sum() / v.shape[1]


def even_term(z, counts):
    """(1/B) Σ_tb g_tb Σ_a P_tb(a)²: z (T, B, A), counts (T, B)."""
    return (counts[:, :, None] * softmax_forward(z) ** 2).sum() / z.shape[1]


def _draw_counts(rng, T, B):
    counts = (rng.random((T, B)) < 0.5).astype(float)
    counts[:2, 0] = 0, 1  # both are there
    return counts


def _draw_policy(rng):
    return {
        "z": rng.standard_normal((4, 3, 5)),
        "chosen": np.eye(5)[rng.integers(0, 5, (4, 3))],
        "advantage": rng.standard_normal((4, 3)),
        "counts": _draw_counts(rng, 4, 3),
    }


def _policy_mistake(d, z, chosen, advantage, counts, wrong):
    P = 0 if wrong == "softmax" else softmax_forward(z)
    advantage = 1 if wrong == "advantage" else advantage
    counts = np.ones_like(counts) if wrong == "counts" else counts
    mean_over = {"mean": 1, "steps": counts.size}.get(wrong, counts.shape[1])
    sign = -1 if wrong == "sign" else 1
    return {"z": sign * d * (counts * advantage)[:, :, None] * (P - chosen) / mean_over}


POLICY = Exercise(
    forward=policy_term,
    draw=_draw_policy,
    wanted=("z",),
    mistakes={
        text: partial(_policy_mistake, wrong=wrong)
        for wrong, text in {
            "sign": "(a): the term has a minus, so its gradient is P(a) - [a = c], and not [a = c] - P(a)",
            "softmax": "(a): every logit is in the sum of the softmax, so P(a) stands beside [a = c]",
            "counts": "(a): only steps with g = 1 are in the sum",
            "mean": "(a): the loss is the mean over the B episodes",
            "steps": "(a): the loss is the mean over the B episodes, and a sum over the T steps",
            "advantage": "(a): the gradient is scaled by the advantage R - v",
        }.items()
    },
)

CRITIC = Exercise(
    forward=critic_term,
    draw=lambda rng: {"v": rng.standard_normal((4, 3)), "returns": rng.standard_normal((4, 3))},
    wanted=("v",),
    mistakes={
        "(b): v stands behind a minus, so dv has one too": lambda d, v, returns: {
            "v": 2 * d * (returns - v) / v.shape[1]
        },
        "(b): the square brings a factor 2": lambda d, v, returns: {"v": -d * (returns - v) / v.shape[1]},
        "(b): the loss is the mean over the B episodes": lambda d, v, returns: {"v": -2 * d * (returns - v)},
        "(b): the loss is the mean over the B episodes, and a sum over the T steps": lambda d, v, returns: {
            "v": -2 * d * (returns - v) / v.size
        },
    },
)

EVEN = Exercise(
    forward=even_term,
    draw=lambda rng: {"z": rng.standard_normal((4, 3, 5)), "counts": _draw_counts(rng, 4, 3)},
    wanted=("z",),
    mistakes={
        "(c): 2 P(k) is the step to P(k); the step from P(k) to the logits is missing": lambda d, z, counts: {
            "z": 2 * d * counts[:, :, None] * softmax_forward(z) / z.shape[1]
        },
        "(d): P(k) moves with all logits, so Σ P(k)² has to be taken off": lambda d, z, counts: {
            "z": 2 * d * counts[:, :, None] * softmax_forward(z) ** 2 / z.shape[1]
        },
        "(d): the factor P(a) in front is missing": lambda d, z, counts: {
            "z": 2 * d * counts[:, :, None] * (softmax_forward(z) - _squares(z)) / z.shape[1]
        },
        "(c): only steps with g = 1 are in the sum": lambda d, z, counts: {
            "z": 2 * d * softmax_forward(z) * (softmax_forward(z) - _squares(z)) / z.shape[1]
        },
        "(c): the loss is the mean over the B episodes": lambda d, z, counts: {
            "z": 2 * d * counts[:, :, None] * softmax_forward(z) * (softmax_forward(z) - _squares(z))
        },
    },
)


def _squares(z):
    return (softmax_forward(z) ** 2).sum(axis=-1, keepdims=True)  # (T, B, 1)


EXERCISES = {"policy_backward": POLICY, "critic_backward": CRITIC, "even_backward": EVEN}

FIGURES = study_figures()
