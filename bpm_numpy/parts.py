"""Parts that plug in: what a rule, a modulator and a cell have in common, and the registries that know them by name.

A part is an object that brings all that belongs to it: the names, shapes and starting values of its parameters, the
state that it carries, and three functions in one convention,

    forward(net, params, inputs)         -> outputs, cache
    backward(net, d_outputs, cache)      -> gradients of the inputs in their order, then a dict: those of its parameters
    jvp(net, t_params, t_inputs, cache)  -> tangents of the outputs

``net`` is the ``PlasticNetwork`` that it is part of; only its options are read. ``params`` are all parameters of that
network. The three kinds are ``rules.Rule``, ``modulators.Modulator`` and ``cells.Cell``.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .arguments import nearest


class Parameter(NamedTuple):
    """A parameter's shape, a tuple, and how it starts: a number, or a function of rng (a Generator) and shape."""

    shape: tuple
    start: float | Callable


class Part:
    """A rule, a modulator or a cell. ``name``: under which it is registered and saved."""

    kind = None  # "rule" | "modulator" | "cell"
    name = None

    def parameters(self, net):
        """dict: name -> Parameter, of all parameters that are its own."""
        return {}

    def lacks(self, function):
        """NotImplementedError: a part of this kind needs a function that this one doesn't have."""
        raise NotImplementedError(f"{self.kind}: expected {type(self).__name__} to have {function}, got none")

    def __reduce_ex__(self, protocol):
        """Copied and pickled by its name if that is registered: a copy of a network has the very same parts."""
        return (find_part, (self.kind, self.name)) if is_registered(self) else super().__reduce_ex__(protocol)

    def __repr__(self):
        return f"<{self.kind} {self.name}>"


REGISTRIES = {"rule": {}, "modulator": {}, "cell": {}}  # kind -> name -> Part
INPUTS = ("x", "y", "h", "h_prev", "c_prev", "hebb", "mu", "p", "trace")  # of parts
BUILT_IN = set()  # (kind, name) of the package's own


def add_part(part):
    """Make a part known by its name. One of your own replaces an earlier one of that name; the package's own stay.

    TypeError for anything that is no Part; ValueError for a name that cannot be.
    """
    if not isinstance(part, Part) or part.kind not in REGISTRIES:
        raise TypeError(f"part: expected a Rule, a Modulator or a Cell (an object, not a class), got {part!r}")
    if not isinstance(part.name, str) or not part.name:
        raise ValueError(f"part.name: expected a name for {type(part).__name__}, got {part.name!r}")
    if (part.kind, part.name) in BUILT_IN:
        raise ValueError(f"part.name: expected a name that no {part.kind} of the package has, got {part.name!r}")
    REGISTRIES[part.kind][part.name] = part


def add_built_in(*parts):
    """Likewise for the package's own parts, which cannot be replaced."""
    for part in parts:
        add_part(part)
        BUILT_IN.add((part.kind, part.name))


def find_part(kind, value):
    """The part of that kind that ``value`` names, or is. ValueError for a name that nobody has registered."""
    if isinstance(value, Part) and value.kind == kind:
        return value
    check_name(kind, value, REGISTRIES[kind], also=f" or a {kind.capitalize()}")
    return REGISTRIES[kind][value]


def check_name(kind, value, known, also=""):
    """``value`` is a name in the registry ``known``, or ValueError, which says how to register one."""
    if not isinstance(value, str) or value not in known:
        names = " | ".join(repr(name) for name in known)
        how = nearest(value, known)
        how += "; register one of your own first: bpm_numpy.register, or --plugin FILE" * isinstance(value, str)
        raise ValueError(f"{kind}: expected {names}{also}, got {value!r}{how}")


def check_own(part, attribute, functions):
    """What belongs to the ``functions`` of a class, such as their faster form, does not outlive a change of them.

    ValueError for a part that has one of them of its own, and its ``attribute`` from a class that it comes from; what
    the kind itself has fits all.
    """
    places = [vars(part), *map(vars, type(part).__mro__)]

    def place(name):
        return next((number for number, names in enumerate(places) if name in names), len(places))

    if place(attribute) >= place("kind"):
        return
    changed = [name for name in functions if place(name) < place(attribute)]
    if changed:
        raise ValueError(
            f"{part.kind}: expected {type(part).__name__}, which has {' and '.join(changed)} of its own, to have its "
            f"own {attribute} as well, got that of the class that it comes from"
        )


def check_parameter_table(parameters, of):
    """A dict, name -> Parameter: names as Python has them that are none of the INPUTS, shapes as tuples.

    TypeError for another kind of thing, ValueError for another name.
    """
    if not isinstance(parameters, dict):
        raise TypeError(f"parameters: expected a dict of name -> Parameter, got {type(parameters).__name__} from {of}")
    names = list(parameters)
    inputs = [name for name in names if name in INPUTS]
    if inputs:
        raise ValueError(f"parameters: expected names that no input has, got {', '.join(inputs)} from {of}")
    others = [name for name in names if not isinstance(name, str) or not name.isidentifier()]
    if others:
        raise ValueError(f"parameters: expected names such as W_m2, got {', '.join(map(repr, others))} from {of}")
    for name, parameter in parameters.items():
        if not isinstance(parameter, Parameter):
            raise TypeError(f"parameters: expected a Parameter for {name}, got {parameter!r} from {of}")
        if not isinstance(parameter.shape, tuple):
            raise TypeError(f"parameters: expected the shape of {name} as a tuple, got {parameter.shape!r} from {of}")


def carried_by(part, net):
    """The shape of what a rule or a cell carries along in each episode, a tuple, or None; TypeError otherwise."""
    shape = part.carried(net)
    if shape is not None and not isinstance(shape, tuple):
        raise TypeError(f"carried: expected a shape as a tuple, or None, got {shape!r} from {part}")
    return shape


def is_registered(part):
    """Whether this very part is the one that its name stands for, so that the name is enough to find it again."""
    return REGISTRIES[part.kind].get(part.name) is part


def check_registered(name, part):
    """ValueError, under the argument's ``name``, for a part whose own name would not find it again."""
    if not is_registered(part):
        another = "; another one is registered under its name" * (part.name in REGISTRIES[part.kind])
        raise ValueError(f"{name}: expected one that bpm_numpy.register has made known, got {part}{another}")


# How parameters start.


def normal(rng, shape):
    """N(0, 1/n), n the number of inputs that a weight sums over: its first axis."""
    return rng.standard_normal(shape) / np.sqrt(shape[0])
