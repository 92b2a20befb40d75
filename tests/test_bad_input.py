"""Bad input: a TypeError or ValueError that names the argument. And nothing of the caller's is written to."""

import re
import types
from fractions import Fraction

import numpy as np
import pytest
from configurations import PLANS, all_configurations, identifier, random_problem, read_only

from bpm_numpy import PlasticNetwork, State, bptt
from bpm_numpy.cells.rnn import RNN
from bpm_numpy.chunked import engine
from bpm_numpy.chunked.plan import Plan
from bpm_numpy.modulators.tanh import Tanh
from bpm_numpy.parts import REGISTRIES

T, B, D, N, A = 11, 2, 3, 4, 5  # all different, so that no swapped axis fits


class Kit:
    """A network with everything that its methods take, and a trajectory; each test gets a fresh one."""

    def __init__(self, seed=0, regime=None, **options):
        problem = random_problem(np.random.default_rng(seed), options, T, B, D, N, A, regime)
        self.net, self.inputs = problem.net, problem.inputs
        self.params, self.x, self.state = problem.split(problem.inputs)
        self.d_logits, self.d_values, self.d_state = problem.d_logits, problem.d_values, problem.d_state
        self.traj = self.net.forward(self.params, self.x, self.state)

    def forward(self, **changes):
        """net.forward with some of params, x, state exchanged; likewise the next three."""
        return self.net.forward(**{"params": self.params, "x": self.x, "state": self.state} | changes)

    def step(self, **changes):
        return self.net.step(**{"params": self.params, "x_t": self.x[0], "state": self.state} | changes)

    def backward(self, **changes):
        arguments = {"params": self.params, "traj": self.traj, "d_logits": self.d_logits}
        arguments |= {"d_values": self.d_values, "d_state": self.d_state}
        return self.net.backward(**arguments | changes)

    def jvp(self, **changes):
        arguments = {"params": self.params, "traj": self.traj, "d_params": self.params}
        arguments |= {"d_x": self.x, "d_state": self.d_state}
        return self.net.jvp(**arguments | changes)

    def run(self):
        return self.net.begin(self.params, self.state)


def table(cases):
    """Parametrise over a dict: name of the case -> values of ``names``."""
    return [pytest.param(*values, id=name) for name, values in cases.items()]


# Arguments that are arrays, each with every fault that an array can have.

FAULTS = {
    "list": (lambda a: a.tolist(), TypeError, "expected a NumPy array, got list"),
    "number": (lambda a: 1.0, TypeError, "expected a NumPy array, got float"),
    "masked": (np.ma.masked_array, TypeError, "expected a NumPy array, got MaskedArray"),
    "integers": (lambda a: a.astype(int), TypeError, "expected dtype float64.*, got int"),
    "booleans": (lambda a: a > 0, TypeError, "expected dtype float64.*, got bool"),
    "float32": (lambda a: a.astype(np.float32), TypeError, "expected dtype float64.*, got float32"),
    "byte order": (lambda a: a.astype(">f8"), TypeError, "expected dtype float64.*, got >f8"),
    "complex64": (lambda a: a.astype(np.complex64), TypeError, "expected dtype float64.*, got complex64"),
    "strings": (lambda a: a.astype(str), TypeError, "expected dtype float64.*, got <U"),
    "objects": (lambda a: a.astype(object), TypeError, "expected dtype float64.*, got object"),
    "nan": (lambda a: np.where(a == a.max(), np.nan, a), ValueError, "expected finite numbers, got NaN"),
    "infinity": (
        lambda a: np.where(a == a.min(), -np.inf, a),
        ValueError,
        "expected finite numbers, got NaN",
    ),
    "one axis more": (lambda a: a[None], ValueError, r"expected shape \(.*\), got \(1, "),
    "one axis less": (lambda a: a[0], ValueError, r"expected shape \(.*\), got \("),
    "scalar": (lambda a: np.float64(1), ValueError, r"expected shape \(.*\), got \(\)"),
    "one unit more": (
        lambda a: np.concatenate([a, a], axis=-1),
        ValueError,
        r"expected shape \(.*\), got \(",
    ),
    "empty": (lambda a: a[..., :0], ValueError, r"expected shape \(.*\), got \(.*0,?\)"),
    "transposed": (lambda a: a.T[..., :-1], ValueError, r"expected shape \(.*\), got \("),
}
ARRAYS = {
    "params['W_x']": lambda kit, fault: kit.forward(params=kit.params | {"W_x": fault(kit.params["W_x"])}),
    "params['alpha']": lambda kit, fault: kit.backward(params=kit.params | {"alpha": fault(kit.params["alpha"])}),
    "params['W_fan']": lambda kit, fault: kit.jvp(params=kit.params | {"W_fan": fault(kit.params["W_fan"])}),
    "x": lambda kit, fault: kit.forward(x=fault(kit.x)),
    "x_t": lambda kit, fault: kit.run().step(fault(kit.x[0])),
    "state.h": lambda kit, fault: kit.forward(state=kit.state._replace(h=fault(kit.state.h))),
    "state.hebb": lambda kit, fault: kit.net.begin(kit.params, kit.state._replace(hebb=fault(kit.state.hebb))),
    "state.trace": lambda kit, fault: kit.forward(state=kit.state._replace(trace=fault(kit.state.trace))),
    "d_logits": lambda kit, fault: kit.backward(d_logits=fault(kit.d_logits)),
    "d_values": lambda kit, fault: kit.backward(d_values=fault(kit.d_values)),
    "d_state.h": lambda kit, fault: kit.backward(d_state=kit.d_state._replace(h=fault(kit.d_state.h))),
    "d_state.hebb": lambda kit, fault: kit.jvp(d_state=kit.d_state._replace(hebb=fault(kit.d_state.hebb))),
    "d_params['W_x']": lambda kit, fault: kit.jvp(d_params={"W_x": fault(kit.params["W_x"])}),
    "d_x": lambda kit, fault: kit.jvp(d_x=fault(kit.x)),
}


@pytest.fixture
def kit():
    return Kit(rule="trace", fanout=True)


@pytest.mark.parametrize("fault, error, message", table(FAULTS))
@pytest.mark.parametrize("argument", ARRAYS)
def test_every_fault_of_every_array(kit, argument, fault, error, message):
    with pytest.raises(error, match=f"^{re.escape(argument)}: {message}"):
        ARRAYS[argument](kit, fault)


@pytest.mark.parametrize("argument", ["params['W_x']", "x_t", "state.h", "d_values", "d_params['W_x']", "d_state.h"])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # NumPy's, of np.matrix
def test_a_matrix_is_no_array(kit, argument):
    with pytest.raises(TypeError, match=f"^{re.escape(argument)}: expected a NumPy array, got matrix"):
        ARRAYS[argument](kit, np.matrix)


@pytest.mark.parametrize("argument", [name for name in ARRAYS if name.startswith("d_")])
def test_no_complex_gradients_or_tangents(kit, argument):
    with pytest.raises(TypeError, match=f"^{re.escape(argument)}: expected dtype float64, got complex128"):
        ARRAYS[argument](kit, lambda array: array.astype(complex))


# All the rest that an argument can be.


def moved(params):
    """The same parameters but for one entry, changed in the last bit."""
    W = params["W_x"].copy()
    W[0, 0] = np.nextafter(W[0, 0], 9)
    return params | {"W_x": W}


def change_in_place(params):
    params["W_x"][0, 0] += 1e-12
    return params


def without(params, name):
    return {key: value for key, value in params.items() if key != name}


OTHER_NETWORKS = {
    "size": {"n_hidden": N + 1},
    "rule": {"rule": "outer"},
    "modulator": {"modulator": "difference"},
    "reading": {"reading": "paper"},
    "alpha": {"alpha": "scalar"},
    "fanout": {"fanout": False},
    "clip": {"clip": 2.0},
    "readout_hidden": {"readout_hidden": N},
    "dtype": {"dtype": np.float32},
}


def on_another(kit, **changes):
    """A network like the kit's but for ``changes``, and a trajectory of its own."""
    net = PlasticNetwork(**kit.net.options | changes)
    params = net.init(np.random.default_rng(0))
    return net, params, net.forward(params, np.ones((T, B, D), net.dtype))


CALLS = {
    # params
    "forward: params None": (lambda k: k.forward(params=None), TypeError, "^params: expected a dict"),
    "forward: params a list": (
        lambda k: k.forward(params=[1.0]),
        TypeError,
        "^params: expected a dict.*list",
    ),
    "forward: params a proxy": (
        lambda k: k.forward(params=types.MappingProxyType(k.params)),
        TypeError,
        "^params: expected a dict .* got mappingproxy",
    ),
    "forward: params empty": (lambda k: k.forward(params={}), ValueError, "^params: .*missing W_x, W_h"),
    "forward: one missing": (
        lambda k: k.forward(params=without(k.params, "eta")),
        ValueError,
        "^params: .*missing eta",
    ),
    "forward: one unknown": (
        lambda k: k.forward(params=k.params | {"W_k": k.x}),
        ValueError,
        "^params: .*unknown 'W_k'",
    ),
    "forward: a number for a name": (
        lambda k: k.forward(params=k.params | {3: k.x}),
        ValueError,
        "^params: .*unknown 3",
    ),
    "forward: a float for an array": (
        lambda k: k.forward(params=k.params | {"b_m": 0.5}),
        TypeError,
        r"^params\['b_m'\]: expected a NumPy array, got float",
    ),
    "forward: an integer scalar": (
        lambda k: k.forward(params=k.params | {"b_m": np.int64(1)}),
        TypeError,
        r"^params\['b_m'\]: expected dtype",
    ),
    "forward: shape (1,) for ()": (
        lambda k: k.forward(params=k.params | {"eta": np.ones(1)}),
        ValueError,
        r"^params\['eta'\]: expected shape \(\), got \(1,\)",
    ),
    "begin: params None": (lambda k: k.net.begin(None, k.state), TypeError, "^params: expected a dict"),
    "begin: one missing": (
        lambda k: k.net.begin(without(k.params, "b"), k.state),
        ValueError,
        "^params: .*missing b$",
    ),
    "backward: params None": (lambda k: k.backward(params=None), TypeError, "^params: expected a dict"),
    "backward: one missing": (
        lambda k: k.backward(params=without(k.params, "eta")),
        ValueError,
        "^params: .*missing eta",
    ),
    "jvp: one unknown": (lambda k: k.jvp(params=k.params | {"q": k.x}), ValueError, "^params: .*unknown 'q'"),
    "jvp: d_params None": (lambda k: k.jvp(d_params=None), TypeError, "^d_params: expected a dict"),
    "jvp: d_params unknown": (lambda k: k.jvp(d_params={"W": k.x}), ValueError, "^d_params: .*unknown 'W'"),
    "jvp: d_params shape": (
        lambda k: k.jvp(d_params={"eta": np.ones(1)}),
        ValueError,
        r"^d_params\['eta'\]: expected shape \(\)",
    ),
    "init: a seed": (lambda k: k.net.init(3), TypeError, "^rng: expected a numpy.random.Generator"),
    "init: None": (lambda k: k.net.init(None), TypeError, "^rng: expected a numpy.random.Generator"),
    "init: RandomState": (lambda k: k.net.init(np.random.RandomState(0)), TypeError, "^rng: expected"),
    "init: numpy.random": (lambda k: k.net.init(np.random), TypeError, "^rng: expected"),
    # x
    "forward: x None": (lambda k: k.forward(x=None), TypeError, "^x: expected a NumPy array, got NoneType"),
    "forward: T = 0": (lambda k: k.forward(x=k.x[:0]), ValueError, "^x: .*T of at least 1, got"),
    "forward: no episodes": (lambda k: k.forward(x=k.x[:, :0]), ValueError, "^x: .*B of at least 1, got"),
    "forward: no inputs": (
        lambda k: k.forward(x=k.x[:, :, :0]),
        ValueError,
        r"^x: expected shape \(T, B, 3\)",
    ),
    "Run.step: no episodes": (
        lambda k: k.run().step(k.x[0, :0]),
        ValueError,
        r"^x_t: expected shape \(2, 3\)",
    ),
    "Run.step: one episode too few": (
        lambda k: k.run().step(k.x[0, :1]),
        ValueError,
        r"^x_t: expected shape \(2, 3\), got \(1, 3\)",
    ),
    "Run.step: a whole sequence": (lambda k: k.run().step(k.x), ValueError, r"^x_t: expected shape \(2, 3\)"),
    "Run.trajectory: no steps": (
        lambda k: k.run().trajectory(),
        ValueError,
        "^trajectory: expected at least one",
    ),
    # state
    "initial_state: 0": (
        lambda k: k.net.initial_state(0),
        ValueError,
        "^batch: expected an integer of at least 1",
    ),
    "initial_state: -1": (
        lambda k: k.net.initial_state(-1),
        ValueError,
        "^batch: expected an integer of at least",
    ),
    "initial_state: 2.0": (
        lambda k: k.net.initial_state(2.0),
        TypeError,
        "^batch: expected an integer, got 2.0",
    ),
    "initial_state: True": (lambda k: k.net.initial_state(True), TypeError, "^batch: expected an integer"),
    "initial_state: None": (lambda k: k.net.initial_state(None), TypeError, "^batch: expected an integer"),
    "begin: state None": (lambda k: k.net.begin(k.params, None), TypeError, "^state: expected a State"),
    "forward: a tuple": (
        lambda k: k.forward(state=tuple(k.state)),
        TypeError,
        "^state: expected a State.*tuple",
    ),
    "forward: an array": (
        lambda k: k.forward(state=k.state.h),
        TypeError,
        "^state: expected a State.*ndarray",
    ),
    "forward: h None": (
        lambda k: k.forward(state=k.state._replace(h=None)),
        ValueError,
        r"^state\.h: expected an array of shape \(\w+, 4\) in this configuration, got None",
    ),
    "forward: hebb None": (
        lambda k: k.forward(state=k.state._replace(hebb=None)),
        ValueError,
        r"^state\.hebb: expected an array of shape \(\w+, 4, 4\) in this configuration, got None",
    ),
    "begin: trace None": (
        lambda k: k.net.begin(k.params, k.state._replace(trace=None)),
        ValueError,
        r"^state\.trace: expected an array",
    ),
    "forward: c given to the rnn": (
        lambda k: k.forward(state=k.state._replace(c=k.state.h)),
        ValueError,
        r"^state\.c: expected None in this configuration, got ndarray",
    ),
    "step: c given to the rnn": (
        lambda k: k.step(state=k.state._replace(c=k.state.h)),
        ValueError,
        r"^state\.c: expected None",
    ),
    "step: trace None": (
        lambda k: k.step(state=k.state._replace(trace=None)),
        ValueError,
        r"^state\.trace: expected an array",
    ),
    "begin: no episodes": (
        lambda k: k.net.begin(k.params, State(*(v if v is None else v[:0] for v in k.state))),
        ValueError,
        r"^state\.h: .*of at least 1, got \(0, 4\)",
    ),
    "begin: fields of different batches": (
        lambda k: k.net.begin(k.params, k.state._replace(hebb=k.state.hebb[:1])),
        ValueError,
        r"^state\.hebb: expected shape \(2, 4, 4\), got \(1, 4, 4\)",
    ),
    "forward: state of more episodes": (
        lambda k: k.forward(state=k.net.initial_state(B + 1)),
        ValueError,
        r"^state\.h: expected shape \(2, 4\), got \(3, 4\)",
    ),
    "step: state of more episodes": (
        lambda k: k.step(state=k.net.initial_state(B + 1)),
        ValueError,
        r"^state\.h: expected shape \(2, 4\), got \(3, 4\)",
    ),
    # step: shapes and names
    "step: x_t None": (lambda k: k.step(x_t=None), TypeError, "^x_t: expected a NumPy array, got NoneType"),
    "step: x_t a list": (
        lambda k: k.step(x_t=k.x[0].tolist()),
        TypeError,
        "^x_t: expected a NumPy array, got list",
    ),
    "step: x_t a matrix": (
        lambda k: k.step(x_t=np.matrix(k.x[0])),
        TypeError,
        "^x_t: expected a NumPy array",
    ),
    "step: x_t masked": (
        lambda k: k.step(x_t=np.ma.array(k.x[0])),
        TypeError,
        "^x_t: expected a NumPy array",
    ),
    "step: one episode without axis": (
        lambda k: k.step(x_t=k.x[0, 0]),
        ValueError,
        r"^x_t: expected shape \(B, 3\)",
    ),
    "step: a sequence": (lambda k: k.step(x_t=k.x), ValueError, r"^x_t: expected shape \(B, 3\)"),
    "step: no episodes": (lambda k: k.step(x_t=k.x[0, :0]), ValueError, "^x_t: .*B of at least 1"),
    "step: inputs too many": (
        lambda k: k.step(x_t=np.ones((B, D + 1))),
        ValueError,
        r"^x_t: expected shape \(B, 3\)",
    ),
    "step: state None": (lambda k: k.step(state=None), TypeError, "^state: expected a State"),
    "step: params None": (lambda k: k.step(params=None), TypeError, "^params: expected a dict"),
    "step: params a list": (lambda k: k.step(params=list(k.params)), TypeError, "^params: expected a dict"),
    "step: one missing": (
        lambda k: k.step(params=without(k.params, "b_fan")),
        ValueError,
        "^params: .*b_fan",
    ),
    "step: an unused readout": (
        lambda k: k.step(params=k.params | {"W_k": np.eye(N), "b_k": np.ones(N)}),
        ValueError,
        "^params: .*unknown 'W_k', 'b_k'",
    ),
    "step: one misshapen": (
        lambda k: k.step(params=k.params | {"W_fan": np.ones((1, N))}),
        ValueError,
        r"^params\['W_fan'\]: expected shape \(4,\), got \(1, 4\)",
    ),
    "step: a float for an array": (
        lambda k: k.step(params=k.params | {"b_v": 0.0}),
        TypeError,
        r"^params\['b_v'\]: expected a NumPy array, got float",
    ),
    # traj
    "backward: traj None": (
        lambda k: k.backward(traj=None),
        TypeError,
        "^traj: expected a Trajectory.*NoneType",
    ),
    "backward: a Run": (lambda k: k.backward(traj=k.run()), TypeError, "^traj: expected a Trajectory.*Run"),
    "jvp: the logits": (
        lambda k: k.jvp(traj=k.traj.logits),
        TypeError,
        "^traj: expected a Trajectory.*ndarray",
    ),
    "backward: other parameters": (
        lambda k: k.backward(params=moved(k.params)),
        ValueError,
        r"^params\['W_x'\]: expected the values that the trajectory was made with",
    ),
    "jvp: other parameters": (
        lambda k: k.jvp(params=moved(k.params)),
        ValueError,
        r"^params\['W_x'\]: expected the values that the trajectory was made with",
    ),
    "backward: parameters changed in place": (
        lambda k: k.backward(params=change_in_place(k.params)),
        ValueError,
        r"^params\['W_x'\]: expected the values that the trajectory was made with",
    ),
    "jvp: parameters changed in place": (
        lambda k: k.jvp(params=change_in_place(k.params)),
        ValueError,
        r"^params\['W_x'\]: expected the values that the trajectory was made with",
    ),
    # d_logits, d_values, d_state, d_x
    "backward: d_logits None": (
        lambda k: k.backward(d_logits=None),
        TypeError,
        "^d_logits: expected a NumPy array",
    ),
    "backward: one step too few": (
        lambda k: k.backward(d_logits=k.d_logits[1:]),
        ValueError,
        r"^d_logits: expected shape \(11, 2, 5\), got \(10, 2, 5\)",
    ),
    "backward: broadcast episodes": (
        lambda k: k.backward(d_values=k.d_values[:, :1]),
        ValueError,
        r"^d_values: expected shape \(11, 2\), got \(11, 1\)",
    ),
    "backward: d_state a dict": (
        lambda k: k.backward(d_state={"h": k.state.h}),
        TypeError,
        "^d_state: expected a State or None, got dict",
    ),
    "backward: d_state.c given to the rnn": (
        lambda k: k.backward(d_state=State(None, c=k.state.h)),
        ValueError,
        r"^d_state\.c: expected None in this configuration",
    ),
    "backward: d_state of another batch": (
        lambda k: k.backward(d_state=k.net.initial_state(B + 1)),
        ValueError,
        r"^d_state\.h: expected shape \(2, 4\), got \(3, 4\)",
    ),
    "jvp: d_state.c given to the rnn": (
        lambda k: k.jvp(d_state=State(None, c=k.state.h)),
        ValueError,
        r"^d_state\.c: expected None in this configuration",
    ),
    "jvp: d_x of one step": (lambda k: k.jvp(d_x=k.x[0]), ValueError, r"^d_x: expected shape \(11, 2, 3\)"),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("call, error, message", table(CALLS))
def test_bad_calls(kit, call, error, message):
    with pytest.raises(error, match=message):
        call(kit)


@pytest.mark.parametrize("method", ["backward", "jvp"])
@pytest.mark.parametrize("changes", OTHER_NETWORKS.values(), ids=OTHER_NETWORKS)
def test_a_trajectory_of_another_network(kit, method, changes):
    _, _, traj = on_another(kit, **changes)
    with pytest.raises(ValueError, match=f"^traj: expected a trajectory of a network with {next(iter(changes))}="):
        getattr(kit, method)(traj=traj)


@pytest.mark.parametrize("option", [name for name in OTHER_NETWORKS if name not in ("reading", "clip")])
def test_parameters_of_another_network(kit, option):
    _, params, _ = on_another(kit, **OTHER_NETWORKS[option])
    for call in (kit.forward, kit.backward, kit.jvp):
        with pytest.raises((TypeError, ValueError), match="^params"):
            call(params=params)


STATE_FIELDS = {  # options, the fields that these configurations have beside h
    "static rnn": ({"plasticity": "none"}, ()),
    "static lstm": ({"plasticity": "none", "cell": "lstm"}, ("c",)),
    "hebbian": ({"plasticity": "hebbian"}, ("hebb",)),
    "lstm": ({"cell": "lstm"}, ("c", "hebb")),
    "trace": ({"rule": "trace"}, ("hebb", "trace")),
    "taylor": ({"rule": "taylor"}, ("hebb",)),
    "soft": ({"rule": "soft"}, ("hebb",)),
    "gru": ({"cell": "gru"}, ("hebb",)),
}


@pytest.mark.parametrize("options, fields", table(STATE_FIELDS))
def test_state_fields_by_configuration(options, fields):
    kit = Kit(**options)
    for field, shape in {"c": (B, N), "hebb": (B, N, N), "trace": (B, N, N)}.items():
        state = kit.state._replace(**{field: None if field in fields else np.ones(shape)})
        expected = "an array of shape" if field in fields else "None"
        for call in (kit.forward, kit.step):
            with pytest.raises(ValueError, match=rf"^state\.{field}: expected {expected}.* in this configuration"):
                call(state=state)
        if field in fields:
            for call in (kit.backward, kit.jvp):  # None stands for zero
                assert same_bits(call(d_state=state), call(d_state=state._replace(**{field: np.zeros(shape)})))
        else:
            for call in (kit.backward, kit.jvp):
                with pytest.raises(ValueError, match=rf"^d_state\.{field}: expected None in this configuration"):
                    call(d_state=state)


OPTIONS = {
    "no sizes": ((), {}, TypeError, "n_inputs"),
    "options by position": ((1, 2, 3, "lstm"), {}, TypeError, "positional"),
    "unknown option": ((1, 2, 3), {"cel": "lstm"}, TypeError, "'cel'"),
    "n_inputs 0": ((0, 2, 3), {}, ValueError, "^n_inputs: expected an integer of at least 1, got 0"),
    "n_hidden -1": ((1, -1, 3), {}, ValueError, "^n_hidden: expected an integer of at least 1, got -1"),
    "n_outputs 2.0": ((1, 2, 2.0), {}, TypeError, r"^n_outputs: expected an integer, got 2\.0"),
    "n_inputs True": ((True, 2, 3), {}, TypeError, "^n_inputs: expected an integer, got True"),
    "n_inputs text": (("1", 2, 3), {}, TypeError, "^n_inputs: expected an integer, got '1'"),
    "n_hidden None": ((1, None, 3), {}, TypeError, "^n_hidden: expected an integer"),
    "n_hidden an array": ((1, np.array(2), 3), {}, TypeError, "^n_hidden: expected an integer"),
    "cell": ((1, 2, 3), {"cell": "elman"}, ValueError, "^cell: expected 'rnn' .*'lstm'.*, got 'elman'; register"),
    "cell a modulator": ((1, 2, 3), {"cell": Tanh()}, ValueError, "^cell: expected .* a Cell, got <modulator tanh>"),
    "cell a class": ((1, 2, 3), {"cell": RNN}, ValueError, "^cell: expected 'rnn' .* or a Cell, got <class"),
    "cell in capitals": ((1, 2, 3), {"cell": "LSTM"}, ValueError, "^cell: expected 'rnn'"),
    "cell None": ((1, 2, 3), {"cell": None}, ValueError, "^cell: expected 'rnn'"),
    "plasticity": ((1, 2, 3), {"plasticity": False}, ValueError, "^plasticity: expected 'none'"),
    "rule": ((1, 2, 3), {"rule": ["outer"]}, ValueError, r"^rule: expected 'outer' .* or a Rule, got \['outer'\]"),
    "rule unknown": ((1, 2, 3), {"rule": "bcm"}, ValueError, "^rule: expected 'outer' .*, got 'bcm'; register"),
    "rule a cell": ((1, 2, 3), {"rule": RNN()}, ValueError, "^rule: expected 'outer' .* or a Rule, got <cell rnn>"),
    "modulator": ((1, 2, 3), {"modulator": "relu"}, ValueError, "^modulator: expected 'tanh' .*, got 'relu'; register"),
    "modulator None": ((1, 2, 3), {"modulator": None}, ValueError, "^modulator: expected .* or a Modulator, got None"),
    "reading": ((1, 2, 3), {"reading": "code"}, ValueError, "^reading: expected 'notes'"),
    "alpha": ((1, 2, 3), {"alpha": 0.1}, ValueError, "^alpha: expected 'full'"),
    "fanout 1": ((1, 2, 3), {"fanout": 1}, TypeError, "^fanout: expected True or False, got 1"),
    "fanout None": ((1, 2, 3), {"fanout": None}, TypeError, "^fanout: expected True or False"),
    "fanout of a rate": (
        (1, 2, 3),
        {"fanout": True, "plasticity": "hebbian"},
        ValueError,
        "^fanout: expected",
    ),
    "fanout of nothing": ((1, 2, 3), {"fanout": True, "plasticity": "none"}, ValueError, "^fanout: expected"),
    **{
        f"static {rule}": (
            (1, 2, 3),
            {"rule": rule, "plasticity": "none"},
            ValueError,
            f"^rule: expected 'outer' with plasticity 'none', got '{rule}'$",
        )
        for rule in REGISTRIES["rule"]
        if rule != "outer"
    },
    **{
        f"{modulator} of {plasticity}": (
            (1, 2, 3),
            {"modulator": modulator, "plasticity": plasticity},
            ValueError,
            f"^modulator: expected 'tanh' unless plasticity is 'modulated', got '{modulator}'$",
        )
        for modulator in REGISTRIES["modulator"]
        for plasticity in ("none", "hebbian")
        if modulator != "tanh"
    },
    "clip 0": ((1, 2, 3), {"clip": 0}, ValueError, "^clip: expected a number above 0 in float64, got 0"),
    "clip -1": ((1, 2, 3), {"clip": -1.0}, ValueError, "^clip: expected a number above 0"),
    "clip -infinity": ((1, 2, 3), {"clip": -np.inf}, ValueError, "^clip: expected a number above 0"),
    "clip 0 in the dtype": (
        (1, 2, 3),
        {"clip": 1e-46, "dtype": np.float32},
        ValueError,
        "^clip: expected a number above 0 in float32, got 1e-46",
    ),
    "clip nan": ((1, 2, 3), {"clip": np.nan}, ValueError, "^clip: expected a number above 0 in float64, got nan"),
    "clip complex": ((1, 2, 3), {"clip": 1j}, TypeError, "^clip: expected a real number"),
    "clip text": ((1, 2, 3), {"clip": "1"}, TypeError, "^clip: expected a real number"),
    "clip None": ((1, 2, 3), {"clip": None}, TypeError, "^clip: expected a real number"),
    "clip True": ((1, 2, 3), {"clip": True}, TypeError, "^clip: expected a real number"),
    "clip an array": ((1, 2, 3), {"clip": np.ones(2)}, TypeError, "^clip: expected a real number"),
    "clip too large": ((1, 2, 3), {"clip": 10**400}, ValueError, "^clip: expected"),
    "readout_hidden 0": ((1, 2, 3), {"readout_hidden": 0}, ValueError, "^readout_hidden: expected"),
    "readout_hidden True": ((1, 2, 3), {"readout_hidden": True}, TypeError, "^readout_hidden: expected"),
    "readout_hidden 2.5": ((1, 2, 3), {"readout_hidden": 2.5}, TypeError, "^readout_hidden: expected"),
    "dtype float16": ((1, 2, 3), {"dtype": np.float16}, ValueError, "^dtype: expected float64 or float32"),
    "dtype int": ((1, 2, 3), {"dtype": int}, ValueError, "^dtype: expected float64 or float32"),
    "dtype complex": ((1, 2, 3), {"dtype": complex}, ValueError, "^dtype: expected float64 or float32"),
    "dtype swapped": (
        (1, 2, 3),
        {"dtype": ">f8"},
        ValueError,
        "^dtype: expected float64 or float32, got >f8",
    ),
    "dtype record": ((1, 2, 3), {"dtype": "f8,f8"}, ValueError, "^dtype: expected float64 or float32"),
    "dtype text": (
        (1, 2, 3),
        {"dtype": "double precision"},
        TypeError,
        "^dtype: expected float64 or float32",
    ),
    "dtype half a text": ((1, 2, 3), {"dtype": "f8,,"}, TypeError, "^dtype: expected float64 or float32"),
    "dtype None": ((1, 2, 3), {"dtype": None}, TypeError, "^dtype: expected float64 or float32, got None"),
    "dtype a number": ((1, 2, 3), {"dtype": np.float64(3)}, TypeError, "^dtype: expected float64 or float32"),
}


@pytest.mark.parametrize("sizes, options, error, message", table(OPTIONS))
def test_bad_options(sizes, options, error, message):
    with pytest.raises(error, match=message):
        PlasticNetwork(*sizes, **options)


# Real and complex.


@pytest.mark.parametrize("part", ["W_x", "b_v", "x", "state.h", "state.hebb"])
def test_forward_takes_complex_numbers_in_float64_networks_only(part):
    for dtype in (np.float64, np.float32):
        net = PlasticNetwork(D, N, A, dtype=dtype)
        params, state = net.init(np.random.default_rng(0)), net.initial_state(B)
        x = np.ones((T, B, D), dtype)
        real = net.forward(params, x, state)
        if part == "x":
            x = x.astype(complex)
        elif part in params:
            params[part] = params[part].astype(complex)
        else:
            field = part.removeprefix("state.")
            state = state._replace(**{field: getattr(state, field).astype(complex)})
        if dtype == np.float64:
            traj = net.forward(params, x, state)
            assert np.iscomplexobj(traj.values)
            np.testing.assert_allclose(traj.logits, real.logits, rtol=1e-12)
        else:
            name = re.escape(f"params[{part!r}]" if part in params else part)
            with pytest.raises(TypeError, match=f"^{name}: expected dtype float32, got complex128"):
                net.forward(params, x, state)


COMPLEX_PARTS = {  # options, the one complex input, steps; the logits of some of these are real
    "x": ({}, "x", T),
    "h": ({}, "state.h", T),
    "W_h": ({}, "W_h", T),
    "W_v": ({}, "W_v", T),
    "b_v": ({"rule": "taylor"}, "b_v", T),
    "b_v, static": ({"plasticity": "none"}, "b_v", T),
    "W_m in one step": ({}, "W_m", 1),
    "trace in one step": ({"rule": "trace", "reading": "paper"}, "state.trace", 1),
    "c, that notes do not carry": ({"cell": "lstm"}, "state.c", T),
    "c, static": ({"cell": "lstm", "plasticity": "none"}, "state.c", T),
}


@pytest.mark.parametrize("method", ["backward", "jvp"])
@pytest.mark.parametrize("options, part, steps", table(COMPLEX_PARTS))
def test_a_complex_trajectory_is_for_forward_only(method, options, part, steps):
    problem = random_problem(np.random.default_rng(0), options, steps, B, D, N, A)
    params, _, _ = problem.split(problem.inputs)
    traj = problem.forward(problem.inputs | {part: problem.inputs[part].astype(complex)})
    arguments = {"backward": (problem.d_logits,), "jvp": (params,)}[method]
    with pytest.raises(TypeError, match="^traj: expected a real trajectory"):
        getattr(problem.net, method)(params, traj, *arguments)


# Good input that only looks unusual.


def test_a_numpy_scalar_is_fine_for_a_single_parameter():
    kit = Kit(rule="trace", fanout=True, alpha="scalar")
    scalars = {name: value[()] if value.shape == () else value for name, value in kit.params.items()}
    assert isinstance(scalars["alpha"], np.float64)
    traj = kit.forward(params=scalars)
    assert np.array_equal(traj.logits, kit.traj.logits)
    grads = kit.backward(params=scalars, traj=traj).params
    assert all(isinstance(grad, np.ndarray) and grad.shape == () for grad in (grads["eta"], grads["alpha"]))
    assert same_bits(grads, kit.backward().params)
    assert same_bits(kit.step(params=scalars), kit.step())
    assert same_bits(kit.jvp(params=scalars, d_params=scalars), kit.jvp())


def test_layouts_of_memory_do_not_matter(kit):
    def scattered(array):
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1])) if array.ndim else np.zeros(())
        view = wide[..., ::2] if array.ndim else wide
        view[...] = array
        return np.asfortranarray(view) if array.ndim == 2 else view

    params = {name: scattered(value) for name, value in kit.params.items()}
    traj = kit.forward(params=params, x=scattered(kit.x))
    np.testing.assert_allclose(traj.logits, kit.traj.logits, rtol=1e-10, atol=1e-12)
    grads = kit.backward(params=params, traj=traj, d_logits=scattered(kit.d_logits))
    for name, grad in kit.backward().params.items():
        np.testing.assert_allclose(grads.params[name], grad, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("clip", [Fraction(1, 2), np.float32(0.5), np.longdouble(0.5), 1, 10**30, np.inf])
def test_any_real_number_is_a_clip(clip):
    net = PlasticNetwork(1, 2, 3, clip=clip)
    assert type(net.clip) is float
    assert net.clip == float(clip)


@pytest.mark.parametrize("dtype", ["float32", "f4", np.float32, np.dtype(np.float32)])
def test_names_of_a_dtype(dtype):
    net = PlasticNetwork(np.int8(1), 2, 3, dtype=dtype)
    assert net.dtype == np.float32
    assert type(net.n_inputs) is int


def test_step_checks_shapes_only(kit):
    expected, _ = kit.step(x_t=np.ones((B, D)))
    for dtype in (int, np.float32, complex, bool):
        out, _ = kit.step(x_t=np.ones((B, D), dtype))
        np.testing.assert_allclose(out.logits, expected.logits, rtol=1e-12)
    out, state = kit.step(x_t=np.full((B, D), np.nan))
    assert np.isnan(out.logits).all()
    out, _ = kit.step(state=state)
    assert np.isnan(out.logits).all()


@pytest.mark.parametrize("options", all_configurations(), ids=identifier)
def test_options_and_repr_make_the_same_network(options):
    for clip, dtype in ((1.0, np.float64), (np.inf, np.float32), (0.1 + 0.2, np.float64)):
        net = PlasticNetwork(D, N, A, **options, clip=clip, dtype=dtype)
        assert net.options == {"n_inputs": D, "n_hidden": N, "n_outputs": A, "clip": clip, "dtype": dtype} | options
        names = {"PlasticNetwork": PlasticNetwork, "dtype": np.dtype, "inf": np.inf}
        for twin in (PlasticNetwork(**net.options), eval(repr(net), names)):
            assert twin.options == net.options
            assert repr(twin) == repr(net)


def test_options_are_a_copy(kit):
    kit.net.options["cell"] = "lstm"
    assert kit.net.options["cell"] == kit.net.cell.name == "rnn"


@pytest.mark.parametrize("name", PlasticNetwork(D, N, A).options)
def test_no_option_can_be_changed(kit, name):
    before = getattr(kit.net, name)
    with pytest.raises(AttributeError, match=f"^{name}: expected to stay .*; make another PlasticNetwork$"):
        setattr(kit.net, name, before)
    with pytest.raises(AttributeError, match=f"^{name}: expected to stay "):
        delattr(kit.net, name)
    assert getattr(kit.net, name) is before
    kit.net.note = "mine"  # what is no option is the caller's affair
    assert kit.net.note == "mine"


# Nothing of the caller's is written to, and nothing that was handed out is needed again.

KITS = {
    "static rnn": {"plasticity": "none"},
    "static lstm": {"cell": "lstm", "plasticity": "none", "reading": "paper"},
    "hebbian": {"plasticity": "hebbian", "alpha": "neuron"},
    "modulated, no clip": {"regime": "inactive", "alpha": "scalar"},
    "modulated, much clipped": {"regime": "mostly", "readout_hidden": 2},
    "trace, notes": {"rule": "trace", "fanout": True, "regime": "inactive"},
    "trace, paper, lstm": {"rule": "trace", "reading": "paper", "cell": "lstm", "regime": "sometimes"},
    "taylor, lstm": {"rule": "taylor", "cell": "lstm"},
    "decay, gru": {"rule": "decay", "cell": "gru", "modulator": "linear", "regime": "sometimes"},
    "oja, no clip": {"rule": "oja", "modulator": "difference", "fanout": True, "regime": "inactive"},
    "soft, gru": {"rule": "soft", "cell": "gru", "modulator": "sigmoid", "alpha": "neuron"},
}
every_kit = pytest.mark.parametrize("options", KITS.values(), ids=KITS)


def leaves(tree):
    """All arrays in dicts, tuples and lists, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves(item)]
    return [] if tree is None else [tree]


def same_bits(a, b):
    pairs = list(zip(leaves(a), leaves(b), strict=True))
    return bool(pairs) and all((u.dtype, u.shape, u.tobytes()) == (v.dtype, v.shape, v.tobytes()) for u, v in pairs)


def copied(tree):
    return [leaf.copy() for leaf in leaves(tree)]


def spoil(tree):
    """Overwrite all arrays in a tree with NaN, those that let themselves be overwritten."""
    for leaf in leaves(tree):
        if isinstance(leaf, np.ndarray) and leaf.flags.writeable:
            leaf[...] = np.nan


@every_kit
def test_nothing_of_the_callers_is_written_to(options):
    kit = Kit(**options)
    arrays = leaves([kit.inputs, kit.d_logits, kit.d_values, kit.d_state])
    read_only(dict(enumerate(arrays)))
    before = copied(arrays)
    run = kit.run()
    for x_t in kit.x:
        run.step(x_t)
    traj = kit.forward()
    kit.backward(traj=traj)
    kit.backward(traj=run.trajectory(), d_values=None, d_state=None)
    kit.jvp(traj=traj)
    kit.jvp(traj=traj, d_x=None, d_state=None)
    kit.step()
    assert same_bits(before, arrays)


@every_kit
def test_no_result_shares_memory_with_an_argument(options):
    kit = Kit(**options)
    given = leaves([kit.inputs, kit.d_logits, kit.d_values, kit.d_state])
    out, state = kit.step()
    run = kit.run()
    run_out = run.step(kit.x[0])
    traj = kit.traj
    results = [kit.backward(), kit.jvp(), out, state, run_out, run.state, traj.state, traj.params]
    results += [traj.logits, traj.values, traj.modulator, traj.h, traj.c, traj.hebb, traj.eligibility]
    for result in leaves(results):
        assert not any(np.shares_memory(result, value) for value in given)


@every_kit
def test_backward_twice_gives_the_same_bits(options):
    kit = Kit(**options)
    first, tangent = kit.backward(), kit.jvp()
    expected, expected_tangent = copied(first), copied(tangent)
    spoil([first, tangent])
    kit.backward(d_logits=-kit.d_logits, d_values=None)
    assert same_bits(expected, kit.backward())
    assert same_bits(expected_tangent, kit.jvp())
    assert same_bits(expected, kit.backward(traj=kit.forward()))


@every_kit
def test_backward_needs_nothing_that_the_caller_can_change_after_forward(options):
    kit = Kit(**options)
    params = {name: value.copy() for name, value in kit.params.items()}
    expected, expected_tangent = copied(kit.backward()), copied(kit.jvp())
    traj, d_x = kit.forward(), kit.x.copy()
    spoil([kit.params, kit.x, kit.state])
    spoil([traj.logits, traj.values, traj.modulator, traj.h, traj.c, traj.hebb, traj.eligibility, traj.state])
    assert same_bits(expected, kit.backward(params=params, traj=traj))
    assert same_bits(expected_tangent, kit.jvp(params=params, traj=traj, d_params=params, d_x=d_x))


@every_kit
def test_backward_needs_nothing_that_a_run_has_handed_out(options):
    kit = Kit(**options)
    run, twin = kit.run(), kit.run()
    for x_t in kit.x:
        twin.step(x_t)
        x_t = x_t.copy()
        out = run.step(x_t)
        spoil([x_t, out, run.state])
    traj = run.trajectory()
    expected = twin.trajectory()
    assert same_bits(expected.logits, traj.logits)
    assert same_bits(expected.state, traj.state)
    assert same_bits(kit.backward(traj=expected), kit.backward(traj=traj))


@every_kit
def test_a_trajectory_does_not_see_the_steps_after_it(options):
    kit = Kit(**options)
    run = kit.run()
    for x_t in kit.x:
        run.step(x_t)
    traj = run.trajectory()
    expected = copied([traj.logits, traj.state, kit.backward(traj=traj)])
    for x_t in kit.x[::-1]:
        run.step(x_t)
    assert same_bits(expected, [traj.logits, traj.state, kit.backward(traj=traj)])
    assert len(run.trajectory().logits) == 2 * T


@every_kit
def test_a_refused_step_leaves_the_run_as_it_was(options):
    kit = Kit(**options)
    run = kit.run()
    for x_t in kit.x:
        for bad in (x_t[:1], x_t * np.nan, x_t.astype(np.float32)):
            with pytest.raises((TypeError, ValueError), match="^x_t: "):
                run.step(bad)
        run.step(x_t)
    traj = run.trajectory()
    assert traj.logits.shape == (T, B, A)
    np.testing.assert_allclose(traj.logits, kit.traj.logits, rtol=1e-9, atol=1e-11)


@every_kit
@pytest.mark.parametrize("plan", PLANS, ids=["chunks", "steps"])
@pytest.mark.parametrize("move", ["step", "advance"])
def test_what_is_interrupted_midway_leaves_the_run_as_it_was(options, plan, move, monkeypatch):
    kit = Kit(**options)
    run, twin = (kit.net.begin(kit.params, kit.state, plan=plan) for _ in range(2))
    for x_t in kit.x[:2]:
        assert same_bits(twin.step(x_t), run.step(x_t))

    def interrupted(function, after):
        """Does its work, and is interrupted behind its call number ``after``."""
        calls = []

        def call(*arguments):
            calls.append(function(*arguments))
            if len(calls) == after:
                raise KeyboardInterrupt
            return calls[-1]

        return call

    fast = type(kit.net.cell.fast)  # of a step the last equation, or an early one
    places = (engine, "readout_forward") if move == "step" else (fast, "forward"), (bptt, "forward_step")
    with monkeypatch.context() as patch:
        for owner, name in places:
            patch.setattr(owner, name, interrupted(getattr(owner, name), 1 if move == "step" else 2))
        with pytest.raises(KeyboardInterrupt):
            run.step(kit.x[0]) if move == "step" else run.advance(kit.x)
    with monkeypatch.context() as patch:  # and once more, while the steps before it are made anew
        for owner, name in ((engine, "readout_forward"), (bptt, "forward_step")):
            patch.setattr(owner, name, interrupted(getattr(owner, name), 2))
        with pytest.raises(KeyboardInterrupt):
            run.trajectory()
    assert same_bits(twin.state, run.state)
    assert same_bits(twin.step(kit.x[2]), run.step(kit.x[2]))
    assert same_bits(twin.trajectory().state, run.trajectory().state)
    assert len(run.trajectory().logits) == 3


@every_kit
def test_a_trajectorys_parameters_cannot_be_changed_unnoticed(options):
    kit = Kit(**options)
    traj = kit.forward()
    with pytest.raises(ValueError, match="read-only|expected the values that the trajectory was made with"):
        traj.params["W_y"][0, 0] += 1
        kit.backward(params=traj.params, traj=traj)


@every_kit
def test_init_draws_from_the_generator_alone(options):
    net = Kit(**options).net
    state = np.random.get_state()[1].copy()
    first, second = (net.init(np.random.default_rng(5)) for _ in range(2))
    assert same_bits(first, second)
    assert np.array_equal(np.random.get_state()[1], state)


# Enormous, and beyond the dtype


def test_what_no_memory_could_hold_is_refused_before_it_is_asked_for():
    huge = PlasticNetwork(3, 10**6, 2)
    with pytest.raises(ValueError, match="^W_h: expected arrays of at most"):
        huge.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="^batch: hebb: expected arrays of at most"):
        huge.initial_state(1)
    with pytest.raises(ValueError, match="^batch: h: expected arrays of at most"):
        PlasticNetwork(3, 2, 2, plasticity="none").initial_state(10**9)
    net = PlasticNetwork(1, 2, 1)
    params = net.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="^plan.chunk: expected a finite number at most 1000, got"):
        net.forward(params, np.zeros((2, 1, 1)), plan=Plan(10**8, 1, 1))


def test_a_clip_beyond_the_dtype_is_none():
    rng = np.random.default_rng(0)
    net, free = (PlasticNetwork(2, 40, 1, clip=clip, dtype=np.float32) for clip in (1e300, np.inf))
    params, x = net.init(rng), rng.standard_normal((9, 4, 2)).astype(np.float32)
    assert net.clip == np.inf
    for plan in (Plan(4, 2, 1), "steps"):
        np.testing.assert_array_equal(
            net.forward(params, x, plan=plan).logits, free.forward(params, x, plan=plan).logits
        )
