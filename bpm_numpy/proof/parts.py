"""Checks of a rule, a modulator or a cell, the package's own or yours: alone, and inside networks.

    print(check_rule(MyRule(), np.random.default_rng(0)))

Alone: every entry of backward against the complex step and central differences, jvp against the complex step, in both
readings and three regimes of the clip; shapes, dtypes, and that nothing is written into what was given. In networks:
``configuration.check_configuration`` through time, with what else a network can have. Square matrices let a transposed
product pass all of these: only sums over single numbers tell. With ``loops`` the part is held against yours.
"""

import itertools
from functools import partial
from typing import NamedTuple

import numpy as np

from ..arguments import check_generator
from ..cells import Cell
from ..equations.clip import clip_forward
from ..modulators import Modulator
from ..network import PlasticNetwork
from ..parts import REGISTRIES, find_part
from ..rules import Rule
from .configuration import check_configuration, regimes_of
from .gradcheck import gradcheck
from .problems import ALPHAS, REGIMES

B, D, N = 2, 2, 3  # sizes that differ
STEP = 1e-30  # of the complex step
TOLERANCE = 1e-10
QUIET = {"raise_on_failure": False}


class PartCheckError(AssertionError):
    """A part is not what it should be. ``report`` holds all that was found."""

    def __init__(self, message, report=None):
        super().__init__(message)
        self.report = report


class Finding(NamedTuple):
    """One check: what, how many numbers were compared, the largest error, and what is wrong ("" if nothing)."""

    what: str
    compared: int
    error: float
    wrong: str


class PartReport(NamedTuple):
    """All that was found about a part; true if it passed. Prints as a table."""

    part: str
    findings: list
    not_checked: str

    @property
    def passed(self):
        return not any(finding.wrong for finding in self.findings)

    def __bool__(self):
        return self.passed

    def __str__(self):
        lines = [f"{f.what:<58} {f.compared:>6} compared  {f.error:8.1e}  {f.wrong or 'ok'}" for f in self.findings]
        verdict = f"{self.part}: {'passed' if self.passed else 'FAILED'}"
        return "\n".join([*lines, verdict + (f"; not checked: {self.not_checked}" if self.not_checked else "")])

    __repr__ = __str__


def check_rule(rule, rng, *, loops=None, raise_on_failure=True):
    """Check a Rule; random numbers come from the Generator ``rng`` -> PartReport.

    loops(net, params, hebb, mu, h_prev, p, trace): the rule for ONE episode in sums over single numbers: nested lists
    (mu one number for each neuron) -> Hebb(t+1) and the next trace (or None) as nested lists. PartCheckError (an
    AssertionError) if anything is wrong, unless ``raise_on_failure`` is False.
    """
    _check_kind("rule", rule, Rule, rng)
    findings = []
    for reading, regime in itertools.product(("notes", "paper"), regimes_of(_plastic(rule), REGIMES)):
        net, inputs, share = _rule_inputs(rule, rng, reading, regime)
        case = Case(
            lambda given, net=net: rule.forward(net, given, *(given.get(name) for name in RULE_INPUTS))[:2],
            lambda d_outputs, given, net=net: _rule_backward(rule, net, d_outputs, given),
            lambda tangents, given, net=net: _rule_jvp(rule, net, tangents, given),
            ("Hebb(t+1)", "the next trace"),
        )
        findings += _alone(f"{reading}, clip {regime} ({share:.0%} cut): ", case, inputs, rng)
        if loops is not None:
            findings.append(_against_loops(case, inputs, partial(_episodes, loops, net, RULE_INPUTS)))
    findings += _in_networks(rng, "rule", rule)
    return _report(rule, findings, loops, raise_on_failure)


def check_modulator(modulator, rng, *, loops=None, raise_on_failure=True):
    """Check a Modulator, as ``check_rule``. loops(net, params, h): h a list of one episode -> M, a number."""
    _check_kind("modulator", modulator, Modulator, rng)
    net = PlasticNetwork(D, N, 2, modulator=modulator)
    inputs = _draw(rng, {"h": (B, N)} | _shapes(modulator, net))

    def backward(d_outputs, given):
        _, cache = modulator.forward(net, given, given["h"])
        dh, grads = modulator.backward(net, d_outputs[0], cache)
        np.testing.assert_allclose(modulator.backward_h(net, d_outputs[0], cache), dh, rtol=1e-12, atol=1e-14)
        return {"h": dh} | grads

    case = Case(
        lambda given: modulator.forward(net, given, given["h"])[:1],
        backward,
        lambda t, given: (modulator.jvp(net, t, t["h"], modulator.forward(net, given, given["h"])[1]),),
        ("M(t)",),
    )
    findings = _alone("", case, inputs, rng)
    if loops is not None:
        findings.append(_against_loops(case, inputs, partial(_episodes, lambda *given: (loops(*given),), net, ("h",))))
    findings += _in_networks(rng, "modulator", modulator)
    return _report(modulator, findings, loops, raise_on_failure)


def check_cell(cell, rng, *, loops=None, raise_on_failure=True):
    """Check a Cell, as ``check_rule``.

    loops(net, params, x, h_prev, c_prev, y): lists of one episode -> h_t, c_t (or None) and p_t as lists. Its ``fast``
    form, if it has one, is held against the definition inside networks.
    """
    _check_kind("cell", cell, Cell, rng)
    findings, names = [], ("x", "h_prev", "c_prev", "y")
    for reading in ("notes", "paper"):
        net = PlasticNetwork(D, N, 2, cell=cell, reading=reading)
        carried = cell.carried(net)
        shapes = {"x": (B, D), "h_prev": (B, N), "c_prev": carried and (B, *carried), "y": (B, N)}
        own = _shapes(cell, net)
        own.pop(cell.plastic_name, None)  # the network reads it, and the cell's gradients leave it out
        inputs = _draw(rng, {name: shape for name, shape in shapes.items() if shape} | own)

        def backward(d_outputs, given, net=net):
            *_, cache = cell.forward(net, given, *(given.get(name) for name in names))
            *gradients, grads = cell.backward(net, *d_outputs, cache)
            return {name: d for name, d in zip(names, gradients) if name in given} | grads

        def jvp(t, given, net=net):
            *_, cache = cell.forward(net, given, *(given.get(name) for name in names))
            return cell.jvp(net, t, *(t.get(name) for name in names), cache)

        case = Case(
            lambda given, net=net: cell.forward(net, given, *(given.get(name) for name in names))[:3],
            backward,
            jvp,
            ("h_t", "c_t", "p_t"),
        )
        findings += _alone(f"{reading}: ", case, inputs, rng)
        if loops is not None:
            findings.append(_against_loops(case, inputs, partial(_episodes, loops, net, names)))
    findings += _in_networks(rng, "cell", cell)
    return _report(cell, findings, loops, raise_on_failure)


# A part alone


class Case(NamedTuple):
    """A part as three functions of one dict of inputs, and the names of its outputs.

    forward(inputs) -> outputs, None where there is none; backward(d_outputs, inputs) -> dict; jvp(tangents, inputs).
    """

    forward: object
    backward: object
    jvp: object
    outputs: tuple


RULE_INPUTS = ("hebb", "mu", "h_prev", "p", "trace")


def _plastic(rule):
    return {"plasticity": "modulated", "rule": rule}


def _rule_inputs(rule, rng, reading, regime):
    """A network, inputs of its rule, and the share of entries that its Clip cuts."""
    free = PlasticNetwork(D, N, 2, rule=rule, reading=reading, clip=np.inf)
    carried = rule.carried(free)
    shapes = {"hebb": (B, N, N), "mu": (B, N), "h_prev": (B, N), "p": (B, N)}
    inputs = _draw(rng, shapes | ({"trace": (B, *carried)} if carried else {}) | _shapes(rule, free))
    given = [inputs.get(name) for name in RULE_INPUTS]
    u = rule.forward(free, inputs, *given)[0]  # (B, N, N), before Clip
    clip = {"inactive": np.inf, "sometimes": np.median(np.abs(u)), "mostly": np.quantile(np.abs(u), 0.1)}[regime]
    net = PlasticNetwork(D, N, 2, rule=rule, reading=reading, clip=float(clip))
    if np.isfinite(clip):
        inputs["hebb"] = _read_only(clip_forward(inputs["hebb"], clip)[0])
    share = (np.abs(rule.forward(net, inputs, inputs["hebb"], *given[1:])[0]) >= net.clip).mean()
    return net, inputs, share


def _rule_backward(rule, net, d_outputs, given):
    *_, cache = rule.forward(net, given, *(given.get(name) for name in RULE_INPUTS))
    *gradients, grads = rule.backward(net, *d_outputs, cache)
    return {name: d for name, d in zip(RULE_INPUTS, gradients) if name in given} | grads


def _rule_jvp(rule, net, tangents, given):
    *_, cache = rule.forward(net, given, *(given.get(name) for name in RULE_INPUTS))
    return rule.jvp(net, tangents, *(tangents.get(name) for name in RULE_INPUTS), cache)


def _alone(title, case, inputs, rng):
    """Findings about forward, backward and jvp at ``inputs``, which are read-only."""
    try:
        outputs = case.forward(inputs)
        d_outputs = [None if value is None else _read_only(rng.standard_normal(value.shape)) for value in outputs]
        grads = case.backward(d_outputs, inputs)
        again = case.backward(d_outputs, inputs)
        tangents = _draw(rng, {name: value.shape for name, value in inputs.items()})
        t_outputs = case.jvp(tangents, inputs)
    except Exception as error:  # a part of one's own may do anything; what it did is the finding
        return [Finding(title + "runs", 0, np.inf, f"{type(error).__name__}: {error}")]
    findings = [_shapes_finding(title, case, inputs, outputs, grads, again, t_outputs)]
    if findings[0].wrong:
        return findings

    def loss(given):
        return sum((d * value).sum() for d, value in zip(d_outputs, case.forward(given)) if d is not None)

    for method in ("complex", "central"):
        report = gradcheck(loss, inputs, grads, method=method, **QUIET)
        compared = sum(row.checked for row in report.parameters)
        wrong = "" if report.passed else "backward is wrong:\n" + str(report)
        findings.append(Finding(f"{title}backward, {method}", compared, report.max_relative_error, wrong))
    moved = case.forward({name: value + 1j * STEP * tangents[name] for name, value in inputs.items()})
    pairs = [(np.imag(value) / STEP, t) for value, t in zip(moved, t_outputs) if value is not None]
    findings.append(_compare(f"{title}jvp, complex", pairs, "jvp is wrong"))
    return findings


def _shapes_finding(title, case, inputs, outputs, grads, again, t_outputs):
    wrong = []
    for name, value, t in zip(case.outputs, outputs, t_outputs):
        if (value is None) != (t is None) or (value is not None and np.shape(t) != np.shape(value)):
            wrong.append(f"jvp: expected a tangent of {name} like it, got {_describe(t)} for {_describe(value)}")
    for name, value in inputs.items():
        if name not in grads:
            wrong.append(f"backward: expected a gradient of {name}, got none")
        elif np.shape(grads[name]) != value.shape:
            wrong.append(f"backward: expected a gradient of {name} of shape {value.shape}, got {np.shape(grads[name])}")
        elif not np.array_equal(grads[name], again[name]):
            wrong.append(f"backward: expected the same gradient of {name} when called twice, got another")
    wrong += [f"backward: expected gradients of its inputs, got one of {name}" for name in grads if name not in inputs]
    half = {name: value.astype(np.float32) for name, value in inputs.items()}
    kinds = {np.asarray(value).dtype.name for value in case.forward(half) if value is not None}
    if kinds != {"float32"}:
        wrong.append(f"forward: expected float32 from float32, got {', '.join(sorted(kinds))}")
    return Finding(f"{title}shapes and dtypes", len(inputs) + len(outputs), 0.0, "; ".join(wrong))


def _against_loops(case, inputs, of_loops):
    pairs = zip(case.forward(inputs), of_loops(inputs))
    pairs = [(np.array(theirs, float), ours) for ours, theirs in pairs if ours is not None]
    return _compare("against loops over single numbers", pairs, "another function than the loops (transposed?)")


def _episodes(loops, net, names, given):
    """What ``loops`` makes of the inputs ``names``, one episode after the other: outputs as lists, None where none."""
    inputs = ([None] * B if given.get(name) is None else given[name].tolist() for name in names)
    rows = [loops(net, _lists(given), *episode) for episode in zip(*inputs)]
    return [None if values[0] is None else list(values) for values in zip(*rows)]


def _compare(what, pairs, wrong):
    error = max(float(np.abs(a - b).max() / max(np.abs(a).max(), 1)) for a, b in pairs)
    return Finding(what, sum(np.size(a) for a, _ in pairs), error, "" if error <= TOLERANCE else wrong)


# A part in networks


def _in_networks(rng, kind, part):
    """Findings through time: the part with every other part, drive and alpha at least once, in all regimes."""
    others = {other: itertools.cycle(known) for other, known in REGISTRIES.items() if other != kind}
    alphas, readings, fans = map(itertools.cycle, (ALPHAS, ("notes", "paper"), (False, True)))
    findings = []
    for number in range(max(len(known) for known in REGISTRIES.values())):
        options = {other: next(names) for other, names in others.items()} | {kind: part}
        rate = kind != "modulator" and number % 2 == 1
        options |= {"plasticity": "hebbian", "modulator": "tanh"} if rate else {"plasticity": "modulated"}
        options |= {"fanout": not rate and next(fans), "alpha": next(alphas), "reading": next(readings)}
        for regime in regimes_of(options, REGIMES):
            try:
                result = check_configuration(options, regime, rng)
            except Exception as error:
                findings.append(Finding(_title(options, regime), 0, np.inf, f"{type(error).__name__}: {error}"))
                continue
            error = max(result["complex_error"], result["adjoint_error"], result["chunks_error"])
            findings.append(Finding(_title(options, regime), result["compared"], error, result["message"]))
    return findings


def _title(options, regime):
    cell, rule, modulator = (find_part(kind, options[kind]).name for kind in ("cell", "rule", "modulator"))
    words = [cell, rule, "rate" if options["plasticity"] == "hebbian" else modulator]
    words += ["fan-out"] * options["fanout"] + [options["alpha"], options["reading"]]
    return f"in a network: {' '.join(words)}, {regime}"


# Small things


def _check_kind(name, part, kind, rng):
    if not isinstance(part, kind):
        raise TypeError(f"{name}: expected a {kind.__name__} (an object, not a class), got {part!r}")
    check_generator("rng", rng)


def _report(part, findings, loops, raise_on_failure):
    not_checked = "orientation (give loops=)" if loops is None else ""
    report = PartReport(f"{part.kind} {part.name}", findings, not_checked)
    if raise_on_failure and not report.passed:
        first = next(finding for finding in findings if finding.wrong)
        raise PartCheckError(f"{report.part}: {first.what}: {first.wrong}\n\n{report}", report)
    return report


def _shapes(part, net):
    return {name: parameter.shape for name, parameter in part.parameters(net).items()}


def _draw(rng, shapes):
    return {name: _read_only(np.asarray(0.8 * rng.standard_normal(shape))) for name, shape in shapes.items()}


def _lists(arrays):
    return {name: value.tolist() for name, value in arrays.items()}


def _describe(value):
    return "None" if value is None else f"an array of shape {np.shape(value)}"


def _read_only(array):
    array.flags.writeable = False
    return array
