"""Another program's numbers against ours: equal, or related in a way that has a name.

    print(compare(net, params, x, their_outputs, their_gradients, d_logits=d_logits))

Each of their arrays is compared with ours of the same name. Where the two differ, what people get wrong is tried: the
last two axes swapped, episodes before steps, one step too early or too late, a factor (T, B, N, 2, their inverses and
the sign), and another gate's array. If some array is like ours in none of these ways, whole networks are tried, one
change at a time: another reading, rule, modulator or clip, the outer product the other way round, weights transposed,
and gates in another order. Two changes at once in the network are not tried.
"""

import itertools
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arguments import check_is_array, check_names, check_number
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import REGISTRIES
from ..rules import Rule

WITH_INITIAL = ("h", "c", "hebb")  # they have T + 1 entries: the initial state comes first
OVER_STEPS = ("logits", "values", "modulator", *WITH_INITIAL, "d x")  # their first two axes are steps and episodes
OUTPUTS = OVER_STEPS[:-1]


class Row(NamedTuple):
    """One array. kind: "equal" | "related" | "different"; words: how it is related, or what differs."""

    name: str
    kind: str
    words: str


@dataclass(frozen=True, repr=False)
class Comparison:
    """Result of ``compare``: rows, one per array that was given, and what would explain the others.

    not_given: names of ours that there was nothing to compare with. explanations: of each change of the network with
    which every array is equal or related, its words and its rows; tried only where a row is "different".
    """

    rows: tuple
    not_given: tuple
    explanations: tuple

    @property
    def equal(self):
        """True if every array that was given is equal to ours as it stands."""
        return all(row.kind == "equal" for row in self.rows)

    def __str__(self):
        width = max(len(row.name) for row in self.rows)
        lines = [f"{row.name.ljust(width)}  {row.words}" for row in self.rows]
        counts = {kind: sum(row.kind == kind for row in self.rows) for kind in ("equal", "related", "different")}
        lines.append(", ".join(f"{count} {kind}" for kind, count in counts.items()) + f" of {len(self.rows)} arrays")
        if self.not_given:
            lines.append(f"not given, so not compared: {', '.join(self.not_given)}")
        for words, rows in self.explanations:
            lines.append(f"with {words} all would be equal{_exceptions(rows)}")
        if counts["different"] and not self.explanations:
            lines.append("no single change of the network that was tried explains the arrays that are different")
        return "\n".join(lines)

    __repr__ = __str__


def compare(
    net,
    params,
    x,
    their_outputs,
    their_gradients=None,
    *,
    d_logits=None,
    d_values=None,
    d_state=None,
    state=None,
    tolerance=1e-9,
):
    """Another program's outputs and gradients against those of ``net`` at ``params`` and x (T, B, D) -> Comparison.

    Parameters
    ----------
    their_outputs : dict
        Any of logits (T, B, A), values, modulator (T, B), h and c (T+1, B, N), hebb (T+1, B, N, N), as they come.
    their_gradients : dict | None
        Gradients by the names of our parameters, and "x"; as they come. They need ``d_logits``.
    d_logits, d_values, d_state
        The loss, by its gradients to our outputs, as in ``PlasticNetwork.backward``.
    state : State | None
        The initial state, zeros if None.
    tolerance : float
        Of the largest difference, relative to the largest entry of ours. 1e-9 suits float64; float32 needs about 1e-4.

    Raises
    ------
    TypeError, ValueError
        For wrong arguments. Shapes of theirs are compared, never refused.
    """
    check_number("tolerance", tolerance, above=0, below=1)
    d = d_logits, d_values, d_state
    their_gradients = {} if their_gradients is None else their_gradients
    check_names("their_outputs", their_outputs, OUTPUTS, complete=False)
    check_names("their_gradients", their_gradients, ("x", *parameter_shapes(net)), complete=False)
    ours = _numbers(net, params, x, state, d, their_outputs, their_gradients)
    check_names(
        "their_outputs", their_outputs, [name for name in OUTPUTS if ours.get(name) is not None], complete=False
    )
    theirs = their_outputs | {f"d {name}": value for name, value in their_gradients.items()}
    if not theirs:
        raise ValueError("their_outputs: expected at least one array, got none")
    for name, value in theirs.items():
        check_is_array(name, value)
        if value.dtype.kind not in "fiu":
            raise TypeError(f"{name}: expected real numbers, got {value.dtype}")

    sizes = {"T": len(x), "B": x.shape[1], "N": net.n_hidden}
    rows = _rows(ours, theirs, sizes, tolerance)
    explanations = []
    if any(row.kind == "different" for row in rows):
        for words, other, other_params, back in _changes(net, params):
            changed = back(_numbers(other, other_params, x, state, d, their_outputs, their_gradients))
            other_rows = _rows(changed, theirs, sizes, tolerance)
            if all(row.kind != "different" for row in other_rows):
                explanations.append((words, other_rows))
    not_given = [name for name in ("logits", "values") if name not in theirs]
    not_given += [f"d {name}" for name in parameter_shapes(net) if f"d {name}" not in theirs]
    return Comparison(rows, tuple(not_given), tuple(explanations))


def _numbers(net, params, x, state, d, their_outputs, their_gradients):
    """Our arrays by name: outputs (Hebb(t) only if theirs is there, since it costs most), and gradients as "d name"."""
    traj = net.forward(params, x, state)
    ours = {name: getattr(traj, name) for name in OUTPUTS if name != "hebb" or "hebb" in their_outputs}
    if their_gradients:
        if d[0] is None:
            raise ValueError("d_logits: expected an array, since their_gradients are given, got None")
        grads = net.backward(params, traj, *d)
        ours |= {f"d {name}": value for name, value in {**grads.params, "x": grads.x}.items()}
    return ours


def _exceptions(rows):
    """The names of related rows behind the words that they share."""
    shared = {}
    for row in rows:
        if row.kind == "related":
            shared.setdefault(row.words, []).append(row.name)
    return "".join(f"\n  except {words}: {', '.join(names)}" for words, names in shared.items())


# One array


def _rows(ours, theirs, sizes, tolerance):
    return tuple(_row(name, value, ours, sizes, tolerance) for name, value in theirs.items())


def _row(name, theirs, all_ours, sizes, tolerance):
    ours = all_ours[name]
    if not np.isfinite(theirs).all():
        return Row(name, "different", "different: yours holds NaN or infinity")
    found = []  # how many things differ, and their words
    for source, array in _sources(name, all_ours):
        for layout, yours in _layouts(name, theirs):
            for shift, one, other in _shifts(name, yours, array):
                factor = _factor(one, other, sizes, tolerance)
                if factor is not None:
                    words = [word for word in (source, layout, shift, factor) if word]
                    found.append((len(words), words))
    if found:
        count, words = min(found, key=lambda match: match[0])
        if count:
            return Row(name, "related", "; ".join(words))
        return Row(name, "equal", "equal" if ours.any() else "equal: 0 everywhere, in both")
    if theirs.shape != ours.shape:
        return Row(name, "different", f"different: shape {theirs.shape}, ours is {ours.shape}")
    difference = np.abs(theirs - ours).max() / (np.abs(ours).max() or 1)
    return Row(name, "different", f"different: up to {difference:.1e} of our largest entry")


def _sources(name, all_ours):
    """Our array of that name, and those of the other gates."""
    yield "", all_ours[name]
    gates = _gates(key[2:] for key in all_ours if key.startswith("d "))
    match = re.fullmatch(r"d (W_|b_)([a-z])([xh]?)", name)
    if match and match[2] in gates:
        for k in gates:
            other = f"{match[1]}{k}{match[3]}"
            if k != match[2]:
                yield f"it is our {other}: another order of the gates", all_ours[f"d {other}"]


def _layouts(name, theirs):
    """Their array with axes swapped, and what that says about them."""
    by_steps, matrix = name in OVER_STEPS, name == "hebb" or (name not in OVER_STEPS and theirs.ndim == 2)
    for episodes_first in (False, True) if by_steps and theirs.ndim > 1 else (False,):
        array = theirs.swapaxes(0, 1) if episodes_first else theirs
        first = "yours has episodes before steps" if episodes_first else ""
        yield first, array
        if matrix and theirs.ndim > 1:
            yield "; ".join(filter(None, (first, "transposed"))), array.swapaxes(-1, -2)


def _shifts(name, theirs, ours):
    """Pairs of arrays to compare: as they are, and one step apart."""
    if theirs.shape == ours.shape:
        yield "", theirs, ours
    if name not in OVER_STEPS or theirs.shape[1:] != ours.shape[1:]:
        return
    apart = []
    if len(theirs) == len(ours) > 1:
        apart.append(("one step too late: yours[t + 1] is our [t]", theirs[1:], ours[:-1]))
        apart.append(("one step too early: yours[t] is our [t + 1]", theirs[:-1], ours[1:]))
    if len(theirs) == len(ours) - 1 and name in WITH_INITIAL:
        apart.append(("without the initial one: yours[t] is our [t + 1]", theirs, ours[1:]))
        apart.append(("without the last one: yours[t] is our [t]", theirs, ours[:-1]))
    yield from ((words, one, other) for words, one, other in apart if other.any())  # zeros are alike at any step


def _factor(theirs, ours, sizes, tolerance):
    """ "" if equal, words for the factor if theirs is a multiple of ours, None if it is none."""
    largest = np.abs(ours).max(initial=0)
    if np.abs(theirs - ours).max(initial=0) <= tolerance * (largest or 1):
        return ""
    if not largest or not theirs.any():
        return None
    factor = float((theirs * ours).sum() / (ours * ours).sum())
    if np.abs(theirs - factor * ours).max() > tolerance * np.abs(theirs).max():
        return None
    if np.isclose(abs(factor), 1, rtol=10 * tolerance, atol=0):
        return "the sign is the other one" if factor < 0 else None  # None: unequal by little more than the tolerance
    known = {"T": sizes["T"], "B": sizes["B"], "T B": sizes["T"] * sizes["B"], "N": sizes["N"], "2": 2}
    known |= {f"1/({name})" if " " in name else f"1/{name}": 1 / value for name, value in known.items()}
    names = [name for name, value in known.items() if np.isclose(abs(factor), value, rtol=10 * tolerance, atol=0)]
    if names:
        return f"{'minus ' if factor < 0 else ''}{' or '.join(names)} times ours"
    # Two numbers are always multiples of one another, so a factor without a name says something of more entries only.
    return f"{factor:.6g} times ours, a factor without a name" if np.count_nonzero(ours) > 1 else None


# The whole network


class SwappedProduct(Rule):
    """Another rule with its outer product the other way round, p_t h_{t-1}ᵀ: no shape and no gradient check tells."""

    def __init__(self, rule):
        self.rule, self.name, self.uses_clip = rule, f"{rule.name} of p h^T", rule.uses_clip
        self.parameters, self.carried = rule.parameters, rule.carried

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        return self.rule.forward(net, params, hebb, mu, p, h_prev, trace)

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        dhebb, dmu, dp, dh_prev, dtrace, grads = self.rule.backward(net, d_hebb_next, d_trace_next, cache)
        return dhebb, dmu, dh_prev, dp, dtrace, grads


def _changes(net, params):
    """(words, network, parameters, back) of every change that is tried; back turns its arrays into those of ``net``."""
    shapes, states = parameter_shapes(net), _shapes(net.initial_state(1))
    options = {name: tuple(REGISTRIES[name]) for name in ("rule", "modulator")}
    options |= {"reading": ("notes", "paper"), "clip": (np.inf,)}
    for option, values in options.items():
        for value in values:
            try:
                other = PlasticNetwork(**(net.options | {option: value}))
            except ValueError:  # not with this plasticity
                continue
            same = parameter_shapes(other) == shapes and _shapes(other.initial_state(1)) == states
            if same and other.options != net.options:
                yield f"{option}={value!r}", other, params, _unchanged
    if net.plasticity != "none":
        other = PlasticNetwork(**(net.options | {"rule": SwappedProduct(net.rule)}))
        yield "the outer product p_t h_{t-1}ᵀ in place of h_{t-1} p_tᵀ", other, params, _unchanged
    for names in _transposable(net, shapes):
        yield f"{' and '.join(names)} transposed", net, _transposed(params, names), _transpose_back(names)
    yield from _gate_orders(net, params, shapes)


def _shapes(state):
    return [None if value is None else value.shape for value in state]


def _unchanged(arrays):
    return arrays


def _transposable(net, shapes):
    """Lists of square matrices that are transposed together: w, alpha, both, all recurrent ones, and all."""
    square = [name for name, shape in shapes.items() if len(shape) == 2 and shape[0] == shape[1] > 1]
    plastic = [name for name in (net.plastic_name, "alpha") if name in square]
    recurrent = [name for name in square if name == "alpha" or re.fullmatch(r"W_[a-z]?h", name)]
    lists = [*([name] for name in plastic), plastic, recurrent, square]
    return [names for number, names in enumerate(lists) if names and names not in lists[:number]]


def _transposed(arrays, names):
    return arrays | {name: arrays[name].T for name in names if name in arrays}


def _transpose_back(names):
    return lambda arrays: _transposed(arrays, [f"d {name}" for name in names])


def _gate_orders(net, params, shapes):
    """The gates of a gated cell under one another's names."""
    letters = _gates(shapes)
    for order in itertools.permutations(letters):
        ours = dict(zip(letters, order))  # our gate k is what you call ours[k]
        moved = [k for k in letters if ours[k] != k]
        if moved:
            names = {
                f"{kind}{k}{end}": f"{kind}{ours[k]}{end}"
                for k in moved
                for kind, end in (("W_", "x"), ("W_", "h"), ("b_", ""))
            }
            words = f"your gates {', '.join(ours[k] for k in moved)} as our {', '.join(moved)}"
            yield words, net, params | {name: params[yours] for name, yours in names.items()}, _rename_back(names)


def _gates(names):
    """The letters of a gated cell, sorted; none for the rnn."""
    return sorted({match[1] for match in (re.fullmatch(r"W_([a-z])h", name) for name in names) if match})


def _rename_back(names):
    return lambda arrays: (
        arrays | {f"d {yours}": arrays[f"d {name}"] for name, yours in names.items() if f"d {name}" in arrays}
    )
