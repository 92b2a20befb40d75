"""Checks of a rule, a modulator or a cell, the package's own or yours: alone, and inside networks.

    print(check_rule(MyRule(), np.random.default_rng(0)))

Alone (``alone``): in both readings and three regimes of the clip, and of a rule also where Hebb stands at its bound;
and that all is finite from a state of zeros, from which every episode begins. In networks:
``configuration.check_configuration`` through time, with the package's other parts, and by chunks where the part goes by
chunks. Square matrices let a product that is transposed in both passes pass all of these: only sums over
single numbers tell. With ``loops`` the part is held against yours.
"""

import itertools

import numpy as np

from ..arguments import check_generator
from ..cells import Cell
from ..equations.clip import clip_forward
from ..modulators import Modulator
from ..network import PlasticNetwork
from ..parts import BUILT_IN, REGISTRIES, carried_by, check_parameter_table, find_part
from ..rules import Rule
from .alone import Case, check_alone, compare, draw, read_only
from .configuration import check_configuration, regimes_of
from .findings import CheckReport, Finding, conclude, raised
from .problems import ALPHAS, REGIMES

B, D, N = 2, 2, 3  # sizes that differ
READINGS = ("notes", "paper")
RULE_INPUTS = ("hebb", "mu", "h_prev", "p", "trace")
AT_BOUND = "Hebb at its bound"
CELL_INPUTS = ("x", "h_prev", "c_prev", "y")


def check_rule(rule, rng, *, loops=None, raise_on_failure=True):
    """Check a Rule; random numbers come from the Generator ``rng`` -> CheckReport.

    loops(net, params, hebb, mu, h_prev, p, trace): the rule for ONE episode in sums over single numbers: nested lists
    (mu one number for each neuron) -> Hebb(t+1) and the next trace (or None) as nested lists. CheckError (an
    AssertionError) if anything is wrong, unless ``raise_on_failure`` is False.
    """
    _check_kind("rule", rule, Rule, rng)
    findings = []
    for reading in READINGS:
        places = _rule_places(rule, *_rule_inputs(rule, rng, reading))
        for title, net, inputs in places:
            case = _rule_case(rule, net)
            findings += check_alone(f"{reading}, {title}: ", case, inputs, rng, at_kink=title == AT_BOUND)
            findings += _each_alone(f"{reading}, {title}: ", case, inputs, RULE_INPUTS)
            findings += _against_loops(case, inputs, loops, net, RULE_INPUTS)
            findings += _within_clip(f"{reading}, {title}: ", case, net, inputs) if rule.uses_clip else []
        _, net, inputs = places[0]
        findings += _from_zeros(f"{reading}: ", _rule_case(rule, net), inputs, ("hebb", "h_prev", "trace"))
    return _conclude(rule, findings, rng, loops, raise_on_failure)


def check_modulator(modulator, rng, *, loops=None, raise_on_failure=True):
    """Check a Modulator, as ``check_rule``. loops(net, params, h): h a list of one episode -> M, a number."""
    _check_kind("modulator", modulator, Modulator, rng)
    net = PlasticNetwork(D, N, 2, modulator=modulator)
    inputs = draw(rng, {"h": (B, N)} | _shapes(modulator, net))

    def forward(given):
        M, cache = modulator.forward(net, given, given["h"])
        return [M], cache

    def backward(d_outputs, cache):
        dh, grads = modulator.backward(net, d_outputs[0], cache)
        return {"h": dh} | grads

    def backward_h(d_outputs, cache):
        return {**backward(d_outputs, cache), "h": modulator.backward_h(net, d_outputs[0], cache)}

    case = Case(forward, backward, lambda t, cache: [modulator.jvp(net, t, t["h"], cache)], ("M(t)",))
    findings = check_alone("", case, inputs, rng)
    findings += check_alone("backward_h: ", case._replace(backward=backward_h), inputs, rng)
    findings += _each_alone("", case, inputs, ("h",))
    outputs = loops and (lambda *given: [loops(*given)])
    findings += _against_loops(case, inputs, outputs, net, ("h",))
    return _conclude(modulator, findings, rng, loops, raise_on_failure)


def check_cell(cell, rng, *, loops=None, raise_on_failure=True):
    """Check a Cell, as ``check_rule``.

    loops(net, params, x, h_prev, c_prev, y): lists of one episode -> h_t, c_t (or None) and p_t as lists. Its ``fast``
    form, if it has one, is held against the definition inside networks.
    """
    _check_kind("cell", cell, Cell, rng)
    findings = []
    for reading in READINGS:
        net = PlasticNetwork(D, N, 2, cell=cell, reading=reading)
        carried, own = carried_by(cell, net), _shapes(cell, net)
        own.pop(cell.plastic_name, None)  # the network reads it, and the cell's gradients leave it out
        carried = {} if carried is None else {"c_prev": (B, *carried)}
        inputs = draw(rng, {"x": (B, D), "h_prev": (B, N), "y": (B, N)} | carried | own)
        case = _cell_case(cell, net)
        findings += check_alone(f"{reading}: ", case, inputs, rng)
        findings += _each_alone(f"{reading}: ", case, inputs, CELL_INPUTS)
        findings += _from_zeros(f"{reading}: ", case, inputs, ("h_prev", "c_prev", "y"))
        findings += _against_loops(case, inputs, loops, net, CELL_INPUTS)
    return _conclude(cell, findings, rng, loops, raise_on_failure)


# The three kinds as Cases


def _rule_case(rule, net):
    def forward(given):
        *outputs, cache = rule.forward(net, given, *_values(given, RULE_INPUTS))
        return outputs, cache

    def backward(d_outputs, cache):
        *gradients, grads = rule.backward(net, *d_outputs, cache)
        return _present(RULE_INPUTS, gradients) | grads

    def jvp(tangents, cache):
        return rule.jvp(net, tangents, *_values(tangents, RULE_INPUTS), cache)

    return Case(forward, backward, jvp, ("Hebb(t+1)", "the next trace"))


def _cell_case(cell, net):
    def forward(given):
        *outputs, cache = cell.forward(net, given, *_values(given, CELL_INPUTS))
        return outputs, cache

    def backward(d_outputs, cache):
        *gradients, grads = cell.backward(net, *d_outputs, cache)
        return _present(CELL_INPUTS, gradients) | grads

    def jvp(tangents, cache):
        return cell.jvp(net, tangents, *_values(tangents, CELL_INPUTS), cache)

    return Case(forward, backward, jvp, ("h_t", "c_t", "p_t"))


def _rule_inputs(rule, rng, reading):
    """A network without Clip, and inputs of its rule."""
    net = PlasticNetwork(D, N, 2, rule=rule, reading=reading, clip=np.inf)
    carried = carried_by(rule, net)
    shapes = {"hebb": (B, N, N), "mu": (B, N), "h_prev": (B, N), "p": (B, N)}
    carried = {} if carried is None else {"trace": (B, *carried)}
    return net, draw(rng, shapes | carried | _shapes(rule, net))


def _rule_places(rule, net, inputs):
    """(title, network, inputs) of all places at which a rule is checked: the regimes of Clip, and at the bound."""
    case = _rule_case(rule, net)
    try:
        free = np.abs(case.forward(inputs)[0][0])  # (B, N, N)
        bound = _own_bound(case, inputs)
    except Exception:  # ``check_alone`` says what it is
        return [("as it is", net, inputs)]
    places = [("clip inactive", net, inputs)]
    if rule.uses_clip:
        for regime, share in (("sometimes", 0.5), ("mostly", 0.9)):
            bound = float(np.quantile(free, 1 - share))
            clipped = PlasticNetwork(**net.options | {"clip": bound})
            inside = inputs | {"hebb": read_only(clip_forward(inputs["hebb"], bound)[0])}
            places.append((f"clip {regime}", clipped, inside))
    if bound is not None:  # with mu = 0 Hebb stays as it is, at the bound; its derivative there is 1
        at_bound = np.where(inputs["hebb"] > 0, bound, -bound)
        still = {"hebb": read_only(at_bound), "mu": read_only(np.zeros_like(inputs["mu"]))}
        places.append((AT_BOUND, places[-1][1], inputs | still))
    return places


def _within_clip(title, case, net, inputs):
    """The Finding that Hebb(t+1) of a rule with ``uses_clip`` is within ``net.clip``, as a list."""
    try:
        hebb = np.abs(case.forward(inputs)[0][0])
    except Exception:  # ``check_alone`` says what it is
        return []
    wrong = "" if hebb.max() <= net.clip else "forward: expected Hebb(t+1) within net.clip, or uses_clip = False"
    return [Finding(f"{title}bound of Hebb", hebb.size, max(0.0, float(hebb.max() - net.clip)), wrong)]


def _own_bound(case, inputs):
    """The bound of a rule that cuts without Clip: where Hebb ends, however far it is driven; None if it has none."""
    ends = []
    for far in (1e3, 1e6):
        (hebb, *_), _ = case.forward(inputs | {name: far * inputs[name] for name in ("hebb", "mu")})
        ends.append(float(np.abs(hebb).max()))
    return ends[0] if ends[0] == ends[1] > 0 else None


def _values(given, names):
    return [given.get(name) for name in names]


def _present(names, values):
    """dict: name -> value, of those that are not None."""
    return {name: value for name, value in zip(names, values) if value is not None}


def _shapes(part, net):
    """dict: name -> shape of the part's parameters, which are checked."""
    parameters = part.parameters(net)
    check_parameter_table(parameters, part)
    return {name: parameter.shape for name, parameter in parameters.items()}


# Episodes and orientation


def _each_alone(title, case, inputs, names):
    """The Finding that no episode changes what comes of another, as a list. names: the inputs that have episodes."""
    what = f"{title}one episode at a time"
    try:
        ours, _ = case.forward(inputs)
        episodes = [{name: inputs[name][b : b + 1] for name in names if name in inputs} for b in range(B)]
        alone = zip(*(case.forward(inputs | episode)[0] for episode in episodes))
        theirs = [None if values[0] is None else np.concatenate(values) for values in alone]
    except Exception as error:
        return [raised(what, error)]
    return [compare(what, case.outputs, theirs, ours, "forward: an episode changes what comes of another:")]


def _from_zeros(title, case, inputs, names):
    """The Finding that all is finite at the first step of an episode, whose state is zero, as a list."""
    what = f"{title}from zeros"
    zeros = {name: read_only(np.zeros_like(inputs[name])) for name in names if name in inputs}
    try:
        with np.errstate(all="ignore"):
            outputs, cache = case.forward(inputs | zeros)
            grads = case.backward([None if value is None else np.ones_like(value) for value in outputs], cache)
        found = _present(case.outputs, outputs) | {f"the gradient of {name}": value for name, value in grads.items()}
        others = [name for name, value in found.items() if not np.isfinite(value).all()]
    except Exception as error:
        return [raised(what, error)]
    wrong = f"expected finite numbers where {', '.join(zeros)} are zero, got others in {', '.join(others)}"
    return [Finding(what, len(found), np.inf if others else 0.0, wrong if others else "")]


def _against_loops(case, inputs, loops, net, names):
    """Findings about a Case beside ``loops``, one episode after the other; none without ``loops``."""
    if loops is None:
        return []
    what, params = "against loops over single numbers", {name: value.tolist() for name, value in inputs.items()}
    try:
        episodes = zip(*([None] * B if name not in inputs else params[name] for name in names))
        rows = [loops(net, params, *episode) for episode in episodes]
        theirs = [None if values[0] is None else np.array(values, float) for values in zip(*rows)]
        ours, _ = case.forward(inputs)
        if [value is None for value in ours] != [value is None for value in theirs]:
            wrong = f"loops: expected {', '.join(case.outputs)}, None where the part has none"
            return [Finding(what, 0, np.inf, wrong)]
        wrong = "forward: another function than the loops (transposed?):"
        return [compare(what, case.outputs, theirs, ours, wrong)]
    except Exception as error:
        return [raised(what, error)]


# In networks


def _partners(part):
    """The package's parts of the other kinds: dict kind -> names, and what is left out, in words.

    Left out are those that have a parameter of the same name, which no network with both can have.
    """
    net = PlasticNetwork(D, N, 2, **{part.kind: part})
    own, left_out = part.parameters(net), []
    partners = {kind: [] for kind in REGISTRIES if kind != part.kind}
    for kind, names in partners.items():
        for name, other in REGISTRIES[kind].items():
            shared = [parameter for parameter in other.parameters(net) if parameter in own]
            if (kind, name) in BUILT_IN and shared:
                left_out.append(f"with {kind} {name}, which has {', '.join(shared)} too")
            elif (kind, name) in BUILT_IN:
                names.append(name)
    return partners, left_out


def _in_networks(rng, part, partners):
    """Findings through time, in all regimes: with every partner, reading and alpha, with and without fan-out.

    A rule and a cell are driven by a rate every third time, else by the next modulator.
    """
    kind, alphas = part.kind, itertools.cycle(ALPHAS)
    others = {other: itertools.cycle(names) for other, names in partners.items()}
    findings = []
    for number in range(max(*map(len, partners.values()), 3 * len(partners.get("modulator", ())) // 2)):
        rate = kind != "modulator" and number % 3 == 2
        options = {"plasticity": "hebbian"} if rate else {"plasticity": "modulated"}
        options |= {other: next(names) for other, names in others.items() if not rate or other != "modulator"}
        options |= {kind: part, "alpha": next(alphas), "reading": READINGS[number % 2]}
        options |= {"fanout": not rate and number % 6 > 2, "modulator": options.get("modulator", "tanh")}
        for regime in regimes_of(options, REGIMES):
            try:
                result = check_configuration(options, regime, rng)
            except Exception as error:
                findings.append(raised(_title(options, regime), error))
                continue
            error = max(result["complex_error"], result["adjoint_error"], result["chunks_error"])
            findings.append(Finding(_title(options, regime), result["compared"], error, result["message"]))
    return findings


def _title(options, regime):
    cell, rule, modulator = (find_part(kind, options[kind]).name for kind in ("cell", "rule", "modulator"))
    words = [cell, rule, "rate" if options["plasticity"] == "hebbian" else modulator]
    words += ["fan-out"] * options["fanout"] + [options["alpha"], options["reading"]]
    return f"in a network: {' '.join(map(str, words))}, {regime}"


def _check_kind(name, part, kind, rng):
    if not isinstance(part, kind):
        raise TypeError(f"{name}: expected a {kind.__name__} (an object, not a class), got {part!r}")
    check_generator("rng", rng)


def _conclude(part, findings, rng, loops, raise_on_failure):
    """The report, with what is found in networks if all is right so far."""
    not_checked = ["orientation (give loops=)"] * (loops is None)
    if any(finding.wrong for finding in findings):
        not_checked.append("in networks (first what is wrong alone)")
    else:
        partners, left_out = _partners(part)
        not_checked += left_out
        findings = findings + _in_networks(rng, part, partners)
    return conclude(CheckReport(f"{part.kind} {part.name}", findings, ", ".join(not_checked)), raise_on_failure)
