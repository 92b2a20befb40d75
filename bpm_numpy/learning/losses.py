"""Losses of a trajectory's logits and values, each with its gradient by hand; ``net.backward`` takes it on.

    cross_entropy        supervised: -log P(target), the mean over the steps that count
    binary_cross_entropy likewise where a target is a pattern of ±1, each bit with a logit of its own
    discounted_returns   R_t = r_t + discount R_{t+1}; no loss, but what the next ones learn from
    reinforce            -Σ_t (R_t - baseline_t) log P(a_t), policy gradient of the cumulative reward (1.2)
    value_loss           Σ_t (R_t - v_t)², which trains the critic
    entropy_bonus        keeps the policy from deciding too early
    actor_critic         the three before, with the baseline v_t

Shapes: T steps, B episodes, A actions; logits (T, B, A), everything else (T, B). All but the two
cross-entropies sum over an episode's steps and take the mean over the B episodes, so that the losses of two
halves of a sequence add up to that of the whole. Every column of the batch is one of the B, whatever its length.

``mask`` (T, B), bool, is True where a step counts; None counts all. Episodes of different lengths share a
batch that way: what stands beyond an episode's end has no influence, and its gradient is exactly 0. (It
must be valid all the same: finite, and an action in range.)

Dtypes: float32 or float64 throughout, never mixed; a gradient has the dtype of what it belongs to. ``logits``
and ``values`` may also be complex128, beside float64, for the complex-step derivative of the loss.

Raised by all: TypeError for another type or dtype, ValueError for another shape, NaN or infinity, an action
outside 0 ... A-1, a mask without a single True, an unknown option; each names the argument.
"""

import numpy as np

from ..arguments import check_array, check_choice, check_number
from ..equations.sigmoid import sigmoid
from ..equations.softmax import log_softmax_backward, log_softmax_forward

FLOATS = (np.float32, np.float64)
FLOATS_AND_COMPLEX = (*FLOATS, np.complex128)
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
ENTROPIES = ("shannon", "sum_of_squares")


def cross_entropy(logits, targets, mask=None):
    """Mean of -log P(target) over the n steps that count: logits (T, B, A), targets (T, B) -> loss, d_logits.

        L = -(1/n) Σ_tb mask_tb log P_tb(target_tb)

    Derivation. L is linear in log P: dlog P_tba = -(mask_tb / n) [a = target_tb]. Through log softmax,

        dlogits_tba = (mask_tb / n) (P_tba - [a = target_tb])
    """
    check_array("logits", logits, ("T", "B", "A"), FLOATS_AND_COMPLEX)
    _check_actions("targets", targets, logits.shape)
    mask = _full_mask(mask, logits.shape[:2])
    logits = _where_it_counts(logits, mask)
    return _weighted_log_likelihood(logits, targets, -mask.astype(logits.real.dtype) / int(mask.sum()))


def binary_cross_entropy(logits, targets, mask=None):
    """Mean of -log P(bit) over the bits of the n steps that count: logits, targets (T, B, A) -> loss, d_logits.

        L = -(1/nA) Σ_tba mask_tb log P_tba(y_tba),    P(y = ±1) = σ(±logit)

    Targets y are -1 or 1, of the dtype of the (real) logits.

    Derivation. With u = -y logit, -log P(y) = -log σ(-u) = log(1 + e^u), whose derivative is σ(u):

        dlogits_tba = -(mask_tb / nA) y_tba σ(-y_tba logit_tba)

    log(1 + e^u) = u + log(1 + e^{-u}); the one whose exponent is not positive cannot overflow.
    """
    check_array("logits", logits, ("T", "B", "A"), FLOATS_AND_COMPLEX)
    check_array("targets", targets, logits.shape, (logits.real.dtype,))
    if not (np.abs(targets) == 1).all():
        raise ValueError(f"targets: expected -1 or 1, got {targets[np.abs(targets) != 1][0]}")
    mask = _full_mask(mask, logits.shape[:2])
    logits = _where_it_counts(logits, mask)
    weights = (mask.astype(targets.dtype) / (int(mask.sum()) * logits.shape[2]))[:, :, None]  # (T, B, 1)
    u = -targets * logits  # (T, B, A)
    positive = u.real > 0
    terms = np.where(positive, u, 0) + np.log1p(np.exp(np.where(positive, -u, u)))
    return (weights * terms).sum(), -weights * targets * sigmoid(u)


def discounted_returns(rewards, discount, mask=None, bootstrap=None):
    """What is still to come of the reward: rewards (T, B), 0 <= discount <= 1 -> returns (T, B).

        R_t = r_t + discount R_{t+1},    R_T = bootstrap (B,), or 0

    Nothing is earned beyond an episode's end: R is 0 where the mask is False. So a mask must be True up to
    each episode's end and False from there on (ValueError otherwise).

    Unrolled, R_t = Σ_{k=t}^{T-1} discount^{k-t} r_k + discount^{T-t} R_T. If the sequence is cut before
    step T while an episode goes on (truncated backpropagation), ``bootstrap`` stands for the rest: the return
    at T, or the critic's estimate of it. An episode that the mask ends earlier has no rest, and its bootstrap
    is not used; for one that ends with step T-1 it should be 0.
    """
    check_array("rewards", rewards, ("T", "B"), FLOATS)
    check_number("discount", discount, at_least=0, at_most=1)
    discount = float(discount)
    mask = _full_mask(mask, rewards.shape)
    if (mask[1:] & ~mask[:-1]).any():
        raise ValueError("mask: expected True up to each episode's end and False from there on, got True after False")
    if bootstrap is None:
        bootstrap = np.zeros_like(rewards[0])
    check_array("bootstrap", bootstrap, rewards.shape[1:], (rewards.dtype,))

    rewards = _where_it_counts(rewards, mask)
    returns = np.empty_like(rewards)  # (T, B)
    to_come = _where_it_counts(bootstrap[None], mask[-1:])[0]  # (B,)
    for t in reversed(range(len(rewards))):
        to_come = returns[t] = mask[t] * (rewards[t] + discount * to_come)
    return returns


def reinforce(logits, actions, returns, baseline=None, mask=None):
    """REINFORCE (Williams 1992): logits (T, B, A); actions, returns, baseline (T, B) -> loss, d_logits.

        L = -(1/B) Σ_b Σ_t (R_tb - baseline_tb) log P_tb(a_tb)

    Returns and baseline are constants here: no gradient goes through them, whatever they were computed from.
    Every episode has its own baseline.

    Derivation. For an expectation over what the policy draws, ∇P = P ∇log P gives

        ∇ E[R] = ∇ Σ_a P(a) R(a) = Σ_a P(a) R(a) ∇log P(a) = E[R ∇log P(a)]

    so the gradient of -R log P(a), at drawn actions, is on average that of -E[R]. Since Σ_a P(a) ∇log P(a) =
    ∇ Σ_a P(a) = 0, whatever was settled before a_t is drawn may be taken off R: the rewards before step t,
    which leaves R_t, and any baseline that does not depend on a_t. Through log softmax,

        dlogits_tba = (1/B) (R_tb - baseline_tb) (P_tba - [a = a_tb])
    """
    check_array("logits", logits, ("T", "B", "A"), FLOATS_AND_COMPLEX)
    shape, dtype = logits.shape[:2], logits.real.dtype
    _check_actions("actions", actions, logits.shape)
    check_array("returns", returns, shape, (dtype,))
    if baseline is None:
        baseline = np.zeros_like(returns)
    check_array("baseline", baseline, shape, (dtype,))
    mask = _full_mask(mask, shape)
    logits, returns, baseline = (_where_it_counts(value, mask) for value in (logits, returns, baseline))
    return _weighted_log_likelihood(logits, actions, mask * (baseline - returns) / shape[1])


def value_loss(values, returns, mask=None):
    """Squared error of the critic: values, returns (T, B) -> loss, d_values (T, B). Returns are constants.

    L = (1/B) Σ_b Σ_t (R_tb - v_tb)²,    dv_tb = -(2/B) (R_tb - v_tb)
    """
    check_array("values", values, ("T", "B"), FLOATS_AND_COMPLEX)
    check_array("returns", returns, values.shape, (values.real.dtype,))
    mask = _full_mask(mask, values.shape)
    error = _where_it_counts(returns, mask) - _where_it_counts(values, mask)  # (T, B)
    B = values.shape[1]
    return (error**2).sum() / B, -2 * error / B


def entropy_bonus(logits, kind="shannon", mask=None):
    """How undecided the policy is, to be maximised: logits (T, B, A) -> bonus, d_logits = dbonus/dlogits.

        "shannon":          (1/B) Σ_b Σ_t H_tb,    H = -Σ_a P_a log P_a       the entropy
        "sum_of_squares":   (1/B) Σ_b Σ_t S_tb,    S = -Σ_a P_a²              the authors' code

    Both are largest for the uniform policy: log A and -1/A.

    Derivation. With l = log P and P = e^l: dH/dl_a = -P_a (l_a + 1) and dS/dl_a = -2 P_a². Log softmax takes
    P_a Σ_k dl_k off. In the first, Σ_k P_k (l_k + 1) = 1 - H, so that

        dH/dlogits_a = -P_a (l_a + H)
        dS/dlogits_a = -2 P_a (P_a - Σ_k P_k²) = -2 P_a (P_a + S)
    """
    check_array("logits", logits, ("T", "B", "A"), FLOATS_AND_COMPLEX)
    check_choice("kind", kind, ENTROPIES)
    mask = _full_mask(mask, logits.shape[:2])
    logits, mask = _where_it_counts(logits, mask), mask[:, :, None]  # (T, B, A), (T, B, 1)
    log_p = log_softmax_forward(logits)  # (T, B, A)
    p = np.exp(log_p)  # (T, B, A)
    if kind == "shannon":
        finite = np.where(p == 0, p, log_p)  # P log P goes to 0 with P, whose logarithm may be infinite
        terms, d_log_p = -p * finite, -p * (finite + 1)
    else:
        terms, d_log_p = -(p**2), -2 * p**2
    B = logits.shape[1]
    return (mask * terms).sum() / B, log_softmax_backward(mask * d_log_p, log_p) / B


def actor_critic(
    logits,
    values,
    actions,
    rewards,
    *,
    discount,
    value_weight,
    entropy_weight,
    entropy="shannon",
    mask=None,
    counts=None,
    bootstrap=None,
):
    """Advantage actor-critic: logits (T, B, A); values, actions, rewards (T, B) -> loss, d_logits, d_values.

        L = reinforce(baseline = v) + value_weight · value_loss - entropy_weight · entropy_bonus

    with R the ``discounted_returns`` of rewards, discount, mask and bootstrap. The weights are at least 0.

    ``mask`` says which steps belong to an episode; ``counts`` (T, B), bool, at which of them the action matters (None
    for all). The policy and the entropy learn from the steps that count alone. Returns are summed, and the critic
    learns, over all steps of the episode.

    The advantage R - v is a constant of the policy's term: d_values comes from the value loss alone. Finite
    differences of L in ``values`` are therefore not d_values: a check must hold the advantage fixed, with
    ``reinforce(logits, actions, returns, baseline=v)`` at a v that is not moved, beside ``value_loss(values,
    returns)``. The complex step needs no such care: the constant takes only the real part of ``values``.
    """
    check_array("logits", logits, ("T", "B", "A"), FLOATS_AND_COMPLEX)
    shape, dtype = logits.shape[:2], logits.real.dtype
    check_array("values", values, shape, (dtype,) if dtype == np.float32 else (dtype, np.complex128))
    check_array("rewards", rewards, shape, (dtype,))
    check_number("value_weight", value_weight, at_least=0)
    check_number("entropy_weight", entropy_weight, at_least=0)
    check_choice("entropy", entropy, ENTROPIES)
    value_weight, entropy_weight = float(value_weight), float(entropy_weight)

    returns = discounted_returns(rewards, discount, mask, bootstrap)  # (T, B)
    decided = mask if counts is None else _full_mask(mask, shape) & _full_mask(counts, shape, "counts")  # (T, B)
    policy, d_policy = reinforce(logits, actions, returns, baseline=values.real, mask=decided)
    critic, d_critic = value_loss(values, returns, mask)
    bonus, d_bonus = entropy_bonus(logits, entropy, decided)
    loss = policy + value_weight * critic - entropy_weight * bonus
    return loss, d_policy - entropy_weight * d_bonus, value_weight * d_critic


def _weighted_log_likelihood(logits, chosen, weights):
    """Σ_tb weights_tb log P_tb(chosen_tb) and its gradient: logits (T, B, A); chosen, weights (T, B)."""
    log_p = log_softmax_forward(logits)  # (T, B, A)
    chosen = chosen[:, :, None]
    d_log_p = np.zeros_like(log_p)
    np.put_along_axis(d_log_p, chosen, weights[:, :, None], axis=-1)  # weights_tb [a = chosen_tb]
    likelihood = (weights * np.take_along_axis(log_p, chosen, axis=-1)[:, :, 0]).sum()
    return likelihood, log_softmax_backward(d_log_p, log_p)


def _full_mask(mask, shape, name="mask"):
    """The mask (T, B) itself, checked, or all True for None."""
    if mask is None:
        return np.ones(shape, bool)
    check_array(name, mask, shape, (np.bool_,))
    if not mask.any():
        raise ValueError(f"{name}: expected at least one True, got none")
    return mask


def _where_it_counts(values, mask):
    """values (T, B, ...), 0 where the mask (T, B) is False: 0 · inf would be NaN, if those there overflow."""
    return np.where(mask.reshape(mask.shape + (1,) * (values.ndim - 2)), values, values.dtype.type(0))


def _check_actions(name, value, logits_shape):
    """``value`` (T, B) holds integers in 0 ... A-1."""
    T, B, A = logits_shape
    check_array(name, value, (T, B), INTEGERS)
    if value.min() < 0 or value.max() >= A:
        raise ValueError(f"{name}: expected integers in 0 ... {A - 1}, got {value.min()} ... {value.max()}")
