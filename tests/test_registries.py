"""Rules, modulators and cells as parts: the registries that know them by name, and the parameters that they bring."""

import copy
import pickle
import re

import numpy as np
import pytest
from own_parts import Carrying, Leak, SometimesGated, Square, TwoMemories

from bpm_numpy import PlasticNetwork, gradcheck
from bpm_numpy.cells.rnn import RNN
from bpm_numpy.chunked.gated import Gated
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.chunked.traced import Traced
from bpm_numpy.modulators import Modulator
from bpm_numpy.modulators.tanh import Tanh
from bpm_numpy.parameters import parameter_shapes, parameter_table
from bpm_numpy.parts import REGISTRIES, Parameter, Part, add_part, find_part, is_registered, normal
from bpm_numpy.proof.problems import configurations, random_problem
from bpm_numpy.rules import EligibilityRule, Rule
from bpm_numpy.rules.outer import Outer

OWN = {"rule": Leak, "modulator": Square, "cell": TwoMemories}
every_kind = pytest.mark.parametrize("kind", REGISTRIES)


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    """What a test registers is forgotten after it."""
    for kind, known in list(REGISTRIES.items()):
        monkeypatch.setitem(REGISTRIES, kind, dict(known))


# Names and objects.


@every_kind
def test_a_part_is_found_by_its_name_and_is_itself(kind):
    for name, part in REGISTRIES[kind].items():
        assert part.name == name and part.kind == kind and repr(part) == f"<{kind} {name}>"
        assert find_part(kind, name) is find_part(kind, part) is part and is_registered(part)


@every_kind
def test_a_part_of_ones_own_is_known_once_it_is_registered(kind):
    part = OWN[kind]()
    with pytest.raises(ValueError, match=f"^{kind}: expected '.*, got {part.name!r}; register one of your own first"):
        find_part(kind, part.name)
    assert not is_registered(part)
    add_part(part)
    assert find_part(kind, part.name) is part and is_registered(part)
    assert getattr(PlasticNetwork(1, 2, 1, **{kind: part.name}), kind) is part


@every_kind
def test_a_part_of_ones_own_is_replaced_by_a_later_one_of_its_name(kind):
    first, second = OWN[kind](), OWN[kind]()
    add_part(first)
    net = PlasticNetwork(1, 2, 1, **{kind: first.name})
    assert net.options[kind] == first.name
    add_part(second)
    assert find_part(kind, first.name) is second and not is_registered(first)
    assert getattr(net, kind) is first and net.options[kind] is first  # the name alone would lead to another


@every_kind
def test_a_part_of_the_packages_own_cannot_be_replaced(kind):
    for name, part in list(REGISTRIES[kind].items()):
        impostor = OWN[kind]()
        impostor.name = name
        with pytest.raises(ValueError, match=f"^part.name: expected .*{kind}.*, got '{name}'$"):
            add_part(impostor)
        assert find_part(kind, name) is part
    for other in OWN.keys() - {kind}:  # the same name for another kind of part is another name
        named = OWN[other]()
        named.name = name
        if name not in REGISTRIES[other]:
            add_part(named)
            assert find_part(other, name) is named and find_part(kind, name) is part


@pytest.mark.parametrize("wrong", [Outer, "outer", None, 3, Part(), object()], ids=str)
def test_what_is_no_part_is_not_registered(wrong):
    with pytest.raises(TypeError, match="^part: expected a Rule, a Modulator or a Cell .*, got "):
        add_part(wrong)


@pytest.mark.parametrize("name", [None, "", 3])
def test_a_part_without_a_name_is_not_registered(name):
    part = Leak()
    part.name = name
    with pytest.raises(ValueError, match=f"^part.name: expected a name for Leak, got {name!r}$"):
        add_part(part)


@every_kind
def test_a_part_of_another_kind_is_refused(kind):
    for other in OWN.keys() - {kind}:
        for value in (OWN[other](), next(iter(REGISTRIES[other].values()))):
            with pytest.raises(ValueError, match=f"^{kind}: expected .* or a {kind.capitalize()}, got <{other} "):
                PlasticNetwork(1, 2, 1, **{kind: value})


def test_what_needs_plasticity_says_so_of_parts_of_ones_own():
    with pytest.raises(ValueError, match="^rule: expected 'outer' with plasticity 'none', got 'leak'$"):
        PlasticNetwork(1, 2, 1, rule=Leak(), plasticity="none")
    with pytest.raises(ValueError, match="^modulator: expected 'tanh' unless plasticity is 'modulated', got 'square'$"):
        PlasticNetwork(1, 2, 1, modulator=Square(), plasticity="hebbian")


def test_registered_parts_are_among_the_configurations():
    before = sum(1 for _ in configurations())
    add_part(Leak())
    with_leak = list(configurations())
    of_leak = [options for options in with_leak if options["rule"] == "leak"]
    of_outer = [options for options in with_leak if options["rule"] == "outer" and options["plasticity"] != "none"]
    assert len(with_leak) == before + len(of_leak) and len(of_leak) > len(of_outer)  # in both readings


# A network of parts.


def test_options_name_registered_parts_and_hold_the_others():
    leak = Leak()
    net = PlasticNetwork(1, 2, 1, rule=leak, cell="gru")
    assert net.options["rule"] is leak and net.options["cell"] == "gru" and net.options["modulator"] == "tanh"
    assert "rule=<rule leak>" in repr(net) and "cell='gru'" in repr(net)
    assert PlasticNetwork(**net.options).rule is leak
    add_part(leak)
    assert net.options["rule"] == "leak" and "rule='leak'" in repr(net)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_of_a_network_has_the_very_parts_that_are_registered(copied):
    add_part(TwoMemories())
    net = PlasticNetwork(2, 3, 2, cell="two memories", rule="oja", modulator="difference")
    twin = copied(net)
    assert twin.options == net.options and repr(twin) == repr(net)
    assert (twin.cell, twin.rule, twin.modulator) == (net.cell, net.rule, net.modulator)
    params, x = net.init(np.random.default_rng(0)), np.ones((3, 2, 2))
    assert net.backward(params, twin.forward(params, x), np.ones((3, 2, 2))).params["gain"].shape == ()


def test_a_part_that_is_not_registered_is_copied_whole():
    part = Leak()
    part.strength = [3]
    twin = copy.deepcopy(part)
    assert twin is not part and twin.strength == [3] and twin.strength is not part.strength
    assert pickle.loads(pickle.dumps(part)).strength == [3]


def test_a_pickled_part_that_nobody_has_registered_here_says_so():
    part = Leak()
    add_part(part)
    stored = pickle.dumps(part)
    del REGISTRIES["rule"]["leak"]
    with pytest.raises(ValueError, match="^rule: expected .*, got 'leak'; register one of your own first"):
        pickle.loads(stored)


def test_a_subclass_of_the_network_has_attributes_of_its_own():
    class Named(PlasticNetwork):
        def __init__(self, title):
            self.title = title
            super().__init__(1, 2, 1)
            self.title += "!"

    net = Named("mine")
    assert net.title == "mine!"
    with pytest.raises(AttributeError, match="^clip: expected to stay 1.0"):
        net.clip = 2.0


def test_a_trajectory_of_another_rule_is_refused_by_its_name():
    net, other = PlasticNetwork(2, 3, 1, rule=Leak()), PlasticNetwork(2, 3, 1, rule=Leak())  # two objects: two rules
    params, x = net.init(np.random.default_rng(0)), np.ones((3, 1, 2))
    assert net.backward(params, net.forward(params, x), np.ones((3, 1, 1)))
    with pytest.raises(ValueError, match="^traj: expected a trajectory of a network with rule=<rule leak>"):
        net.backward(params, other.forward(params, x), np.ones((3, 1, 1)))


# Parameters.


def with_parameters(**table):
    """A network with a rule that brings these."""

    class Bringing(Outer):
        name = "bringing"

        def parameters(self, net):
            return table

    return PlasticNetwork(2, 3, 4, rule=Bringing())


def test_a_parameter_starts_at_a_number_or_as_a_function_says():
    seen = []

    def drawn(rng, shape):
        seen.append(shape)
        return rng.uniform(2, 3, shape)

    net = with_parameters(u=Parameter((3, 2), 0.25), v=Parameter((5,), drawn), s=Parameter((), -1))
    one, two = (net.init(np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one["u"], np.full((3, 2), 0.25)) and one["s"] == -1 and one["s"].shape == ()
    assert seen == [(5,), (5,)] and np.array_equal(one["v"], two["v"]) and ((2 < one["v"]) & (one["v"] < 3)).all()
    assert {name: value.dtype for name, value in one.items()} == dict.fromkeys(one, np.dtype(float))
    assert list(one) == list(parameter_shapes(net))


def test_every_parameter_has_the_networks_dtype():
    for options in configurations():
        net = PlasticNetwork(2, 3, 4, **options, dtype=np.float32)
        params = net.init(np.random.default_rng(2))
        assert {value.dtype for value in params.values()} == {np.dtype(np.float32)}
        assert {name: value.shape for name, value in params.items()} == parameter_shapes(net)


STARTS = {  # as the table in ``parameters`` documents them
    "b_f": 1.0, "rate": 0.1, "eta": 0.1, "gain": 1.0, "W_fan": 1.0, "A": 0.0, "B": 0.0, "C": 0.0, "D": 0.0, "G": 0.0,
}  # fmt: skip


def test_parameters_start_as_documented():
    spread = {}
    for options in configurations():
        net = PlasticNetwork(40, 50 if options["rule"] != "taylor" else 4, 30, **options | {"readout_hidden": None})
        for name, value in net.init(np.random.default_rng(3)).items():
            if name in STARTS or (name.startswith("b") and name not in STARTS):
                assert (value == STARTS.get(name, 0.0)).all(), name
            elif name == "alpha":
                assert (np.abs(value) <= 0.1).all() and (value != 0).all()
            elif name == "H":
                assert np.array_equal(value, np.einsum("ac,bd->abcd", np.eye(4), np.eye(4)))
            elif value.size >= 1000:
                spread[name] = value.std() * np.sqrt(len(value))
                assert abs(value.mean()) * np.sqrt(value.size * len(value)) < 5, name
    assert spread and all(0.9 < size < 1.1 for size in spread.values()), spread


def test_normal_draws_with_the_variance_of_its_inputs():
    draws = normal(np.random.default_rng(4), (400, 100))
    assert draws.shape == (400, 100) and abs(draws.std() * 20 - 1) < 0.02


@pytest.mark.parametrize("name", ["alpha", "W_h", "b_m", "W_y"])
def test_a_name_that_two_parts_bring_is_refused(name):
    net = with_parameters(**{name: Parameter((3,), 0.0)})
    with pytest.raises(ValueError, match=f"^parameters: expected a name once, got {name} from two parts of Plastic"):
        net.init(np.random.default_rng(5))
    with pytest.raises(ValueError, match=f"got {name} from two parts"):
        parameter_table(net)


@pytest.mark.parametrize("came", [(2,), (3, 1), ()])
def test_a_start_of_another_shape_is_refused(came):
    net = with_parameters(u=Parameter((3,), lambda rng, shape: np.zeros(came)))
    message = re.escape(f"parameters: expected u to start with shape (3,), got {came}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        net.init(np.random.default_rng(6))


@pytest.mark.parametrize(
    "start", [None, "0.3", np.nan, lambda rng, shape: np.full(shape, np.inf), lambda rng, shape: np.ones(shape) > 0]
)
def test_a_start_that_is_no_finite_number_is_refused(start):
    with pytest.raises(ValueError, match="^parameters: expected u to start with finite numbers, got "):
        with_parameters(u=Parameter((3,), start)).init(np.random.default_rng(6))


def test_a_shape_that_is_no_tuple_is_refused():
    with pytest.raises(TypeError, match="^parameters: expected the shape of u as a tuple, got 3 from "):
        with_parameters(u=Parameter(3, 0.3)).init(np.random.default_rng(6))
    with pytest.raises(TypeError, match=r"^parameters: expected a Parameter for u, got \(\(3,\), 0.3\) from "):
        with_parameters(u=((3,), 0.3)).init(np.random.default_rng(6))


@pytest.mark.parametrize("name", ["W_fan", "b_fan"])
def test_a_name_of_fan_outs_is_refused_for_a_modulators_parameter(name):
    class Named(Tanh):
        def parameters(self, net):
            return super().parameters(net) | {name: Parameter((3,), 1.0)}

    with pytest.raises(ValueError, match=f"^parameters: expected a name once, got {name} from two parts of Plastic"):
        PlasticNetwork(2, 3, 2, modulator=Named(), fanout=True).init(np.random.default_rng(6))
    assert name in PlasticNetwork(2, 3, 2, modulator=Named()).init(np.random.default_rng(6))


@pytest.mark.parametrize("kind, base", [("rule", Outer), ("cell", RNN)])
def test_what_is_carried_is_a_shape(kind, base):
    class Carries(base):
        def carried(self, net):
            return 2

    with pytest.raises(TypeError, match="^carried: expected a shape as a tuple, or None, got 2 from "):
        PlasticNetwork(2, 3, 2, **{kind: Carries()}).initial_state(1)


# What a rule may be that the package's own are not.


class Threshold(Rule):
    """BCM: Hebb ← B tanh((Hebb + mu h p (p - theta)) / B), and theta a running mean of p²: a state (N,), a bound B of
    its own in the place of Clip, and two parameters."""

    name = "threshold"

    def parameters(self, net):
        return {"slow": Parameter((), 0.2), "bound": Parameter((), 1.5)}

    def carried(self, net):
        return (net.n_hidden,)

    def forward(self, net, params, hebb, mu, h_prev, p, trace):
        slow, bound = params["slow"], params["bound"]
        active = p * (p - trace)  # (B, N)
        X = h_prev[:, :, None] * active[:, None, :]  # (B, N, N)
        squashed = np.tanh((hebb + mu[:, None, :] * X) / bound)
        cache = hebb, mu, h_prev, p, trace, slow, bound, active, X, squashed
        return bound * squashed, (1 - slow) * trace + slow * p**2, cache

    def backward(self, net, d_hebb_next, d_trace_next, cache):
        hebb, mu, h_prev, p, trace, slow, bound, active, X, squashed = cache
        du = d_hebb_next * (1 - squashed**2)  # (B, N, N)
        u = hebb + mu[:, None, :] * X
        d_bound = (d_hebb_next * squashed).sum() - (du * u).sum() / bound
        dX = mu[:, None, :] * du
        d_active = (h_prev[:, :, None] * dX).sum(axis=1)
        dp = d_active * (2 * p - trace) + 2 * slow * p * d_trace_next
        d_trace = (1 - slow) * d_trace_next - d_active * p
        d_slow = ((p**2 - trace) * d_trace_next).sum()
        dh = (dX * active[:, None, :]).sum(axis=2)
        return du, (X * du).sum(axis=1), dh, dp, d_trace, {"slow": d_slow, "bound": d_bound}

    def jvp(self, net, t_params, t_hebb, t_mu, t_h_prev, t_p, t_trace, cache):
        hebb, mu, h_prev, p, trace, slow, bound, active, X, squashed = cache
        t_active = t_p * (2 * p - trace) - p * t_trace
        t_X = t_h_prev[:, :, None] * active[:, None, :] + h_prev[:, :, None] * t_active[:, None, :]
        t_u = t_hebb + t_mu[:, None, :] * X + mu[:, None, :] * t_X
        u = hebb + mu[:, None, :] * X
        t_scaled = t_u / bound - u * t_params["bound"] / bound**2
        t_hebb_next = t_params["bound"] * squashed + bound * (1 - squashed**2) * t_scaled
        t_next = (1 - slow) * t_trace + 2 * slow * p * t_p + t_params["slow"] * (p**2 - trace)
        return t_hebb_next, t_next


@pytest.mark.parametrize("cell", REGISTRIES["cell"])
@pytest.mark.parametrize("options", [{"plasticity": "hebbian"}, {"fanout": True, "modulator": "difference"}])
def test_a_rule_with_a_state_a_bound_and_parameters_of_its_own(cell, options):
    rng = np.random.default_rng(8)
    problem = random_problem(rng, 2, 3, 2, 4, 2, cell=cell, rule=Threshold(), **options)
    params, x, state = problem.split(problem.inputs)
    assert state.trace.shape == (2, 3) and problem.net.initial_state(5).trace.shape == (5, 3)
    grads = problem.gradients()
    assert gradcheck(problem.loss, problem.inputs, grads, method="complex")
    assert all(grads[name].any() for name in ("slow", "bound", "state.trace", "state.hebb"))
    tangents = {name: np.asarray(rng.standard_normal(value.shape)) for name, value in problem.inputs.items()}
    moved = problem.net.jvp(params, problem.forward(problem.inputs), *problem.split(tangents))
    assert np.isclose(problem.pair(*moved), sum((grads[name] * tangents[name]).sum() for name in grads), rtol=1e-12)
    out, after = problem.net.step(params, x[0], state)
    assert after.trace.shape == (2, 3) and np.isfinite(out.logits).all()
    traj = problem.forward(problem.inputs)
    assert traj.eligibility is None and traj.hebb.shape == (5, 2, 3, 3)


@pytest.mark.parametrize("kind, base", [("rule", Rule), ("rule", EligibilityRule), ("modulator", Modulator)])
def test_a_part_that_is_not_finished_says_so(kind, base):
    unfinished = type("Unfinished", (base,), {"name": "unfinished"})()
    net = PlasticNetwork(1, 2, 1, **{kind: unfinished})
    with pytest.raises(NotImplementedError, match=f"^{kind}: expected Unfinished to have "):
        net.forward(net.init(np.random.default_rng(9)), np.ones((1, 1, 1)))


@pytest.mark.parametrize("sums, came", [("gated", "'gated' (str)"), (3, "3 (int)"), (int, "<class 'int'> (type)")])
def test_sums_that_are_no_class_of_sums_are_refused(sums, came):
    class Odd(Outer):
        name = "odd"

    Odd.sums = sums
    message = f"rule: expected sums of <rule odd> to be None or a class such as Gated, and no object, got {came}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        PlasticNetwork(1, 1, 1, rule=Odd())


def test_an_object_in_place_of_the_class_of_sums_is_refused():
    net = PlasticNetwork(1, 2, 1)

    class Odd(Outer):
        name = "odd"
        sums = Gated(net, net.init(np.random.default_rng(0)), 1, 1, None)

    with pytest.raises(TypeError, match="^rule: expected sums of <rule odd> to be .*, got <.*Gated object"):
        PlasticNetwork(1, 1, 1, rule=Odd())


@pytest.mark.parametrize("name, message", [
    ("x", "expected names that no input has, got x from"),
    ("mu", "expected names that no input has, got mu from"),
    ("state.h", "expected names such as W_m2, got 'state.h' from"),
])  # fmt: skip
def test_a_parameter_that_is_named_like_an_input_is_refused_before_a_training_begins(name, message):
    class Odd(Outer):
        def parameters(self, net):
            return {name: Parameter((), 1.0)}

    with pytest.raises(ValueError, match=f"^parameters: {re.escape(message)}"):
        PlasticNetwork(1, 2, 1, rule=Odd()).init(np.random.default_rng(0))


def test_sums_refuse_a_rule_that_they_would_leave_something_out_of():
    for part, message in (
        (Carrying(), "^sums: expected None for <rule carrying>"),
        (SometimesGated(), "^factors: exp"),
    ):
        problem = random_problem(np.random.default_rng(8), 2, 3, 2, 12, 1, "inactive", rule=part)
        assert gradcheck(problem.loss, problem.inputs, problem.gradients("steps"), method="complex")
        with pytest.raises(ValueError, match=message):
            problem.forward(problem.inputs, Plan(12, 1, 1))


def test_the_modulator_by_default_is_the_notes():
    assert isinstance(PlasticNetwork(1, 1, 1).modulator, Tanh) and isinstance(PlasticNetwork(1, 1, 1).rule, Outer)


def test_a_rule_that_changes_another_ones_equation_does_not_inherit_its_fast_form():
    class Halved(Outer):
        name = "halved"

        def eligibility(self, net, params, hebb, h_prev, p, trace):
            X, trace_next, cache = super().eligibility(net, params, hebb, h_prev, p, trace)
            return X / 2, trace_next, cache

    class HalvedSlowly(Halved):
        sums = None

    class Unbounded(Outer):
        name = "unbounded"
        uses_clip = False

    with pytest.raises(ValueError, match="^rule: expected Halved, which has eligibility of its own"):
        PlasticNetwork(1, 1, 1, rule=Halved())
    with pytest.raises(ValueError, match="^rule: expected sums None for <rule unbounded>"):
        PlasticNetwork(1, 1, 1, rule=Unbounded())
    assert PlasticNetwork(1, 1, 1, rule=HalvedSlowly()).rule.sums is None


def test_a_cell_or_a_modulator_that_changes_another_ones_equation_does_not_inherit_what_belongs_to_it():
    class HalfRNN(RNN):
        name = "half rnn"

        def forward(self, net, params, x, h_prev, c_prev, y):
            return super().forward(net, params, x, h_prev, c_prev, y / 2)

    class HalfRNNSlowly(HalfRNN):
        fast = None

    class HalfTanh(Tanh):
        name = "half tanh"

        def forward(self, net, params, h):
            return super().forward(net, params, h / 2)

    class HalfTanhSlowly(HalfTanh):
        backward_h = Modulator.backward_h

    changed = Outer()
    changed.eligibility = lambda *given: None  # an object may have a function of its own, too
    for kind, part, own in (
        ("cell", HalfRNN(), "fast"),
        ("modulator", HalfTanh(), "backward_h"),
        ("rule", changed, "sums"),
    ):
        with pytest.raises(
            ValueError, match=f"^{kind}: expected .*, which has .* of its own, to have its own {own} as"
        ):
            PlasticNetwork(1, 1, 1, **{kind: part})
    assert PlasticNetwork(1, 1, 1, cell=HalfRNNSlowly(), modulator=HalfTanhSlowly()).cell.fast is None


def test_sums_without_what_they_call_are_refused():
    class Half(EligibilityRule):
        name = "half"
        sums = Gated

    class Untraced(Half):
        sums = Traced

    with pytest.raises(
        ValueError, match="^rule: expected factors, factors_backward of <rule half> for its sums, got Gated"
    ):
        PlasticNetwork(1, 1, 1, rule=Half())
    net = PlasticNetwork(1, 2, 1, rule=Untraced())
    with pytest.raises(
        ValueError, match="^sums: expected a rule with eta and a trace .N, N. for Traced, got <rule half>"
    ):
        net.forward(net.init(np.random.default_rng(0)), np.ones((3, 1, 1)), plan=Plan(3, 1, 1))


@pytest.mark.parametrize("name", [None, "W_q", "W_x", 3])
def test_a_cell_without_plastic_weights_is_refused(name):
    class Odd(RNN):
        plastic_name = name

    with pytest.raises(ValueError, match=r"^plastic_name: expected the name of a Parameter \(N, N\) of <cell rnn>, "):
        PlasticNetwork(1, 2, 1, cell=Odd()).init(np.random.default_rng(0))


def test_only_the_registered_part_of_a_name_is_taken_for_none():
    class Named(EligibilityRule):
        name = "outer"

    with pytest.raises(ValueError, match="^rule: expected 'outer' with plasticity 'none'"):
        PlasticNetwork(1, 1, 1, rule=Named(), plasticity="none")
