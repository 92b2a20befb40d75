"""PlasticNetwork: a recurrent network that rewrites its own weights, with its gradients.

The class holds options and shapes, checks what comes in, and calls ``step`` and ``bptt``. It keeps no
parameters and no state: both are passed in and returned.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from . import cells, modulators, rules  # noqa: F401 - they make the package's own parts known
from .arguments import (
    check_array,
    check_arrays,
    check_bool,
    check_choice,
    check_count,
    check_generator,
    check_names,
    check_number,
    check_shape,
    check_size,
)
from .bptt import ByStep, jvp_through_time
from .chunked.engine import ByChunks
from .chunked.plan import CHUNK, LONGEST, Plan, can_be_chunked, choose_plan
from .equations.readout import readout_forward
from .parameters import init_parameters, parameter_shapes
from .parts import carried_by, check_own, find_part, is_registered
from .rules.base import check_sums
from .state import State
from .step import forward_step


class Gradients(NamedTuple):
    """params: dict like the parameters; x (T, B, D); state: gradient to the initial state."""

    params: dict
    x: np.ndarray
    state: State


class Tangent(NamedTuple):
    """logits (T, B, A); values (T, B); state: tangent of the final state."""

    logits: np.ndarray
    values: np.ndarray
    state: State


class PlasticNetwork:
    """A recurrent network whose recurrent weights are w + alpha ⊗ Hebb(t) (notes §2).

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
        D, N and A.
    cell : "rnn" | "lstm" | "gru" | Cell
        Plain tanh cell; the LSTM of notes (2.7-2.12), plastic in W_ih; the GRU, plastic in W_nh.
    plasticity : "none" | "hebbian" | "modulated"
        No Hebb; driven by a learnt ``rate``; driven by the modulator M(t).
    rule : "outer" | "trace" | "taylor" | "decay" | "oja" | "soft" | Rule
        How Hebb is rewritten: E(t) of notes (2.15), (2.16) and (2.14), and rules from the literature (see ``rules``).
        Anything but "outer" needs plasticity.
    modulator : "tanh" | "sigmoid" | "linear" | "difference" | Modulator
        How M(t) follows from h_t (see ``modulators``). Anything but "tanh" needs plasticity "modulated".
    reading : "notes" | "paper"
        The notes as printed, or the paper's carry, gate and trace (see ``help(bpm_numpy)``).
    alpha : "full" | "neuron" | "scalar"
        One alpha for each connection, for each post-synaptic neuron, or in all.
    fanout : bool
        M(t) reaches neuron j as M(t) W_fan[j] + b_fan[j]; modulated only.
    clip : float
        Bound of Clip, positive; ``np.inf`` for none, which a bound beyond the largest number of the dtype is too.
    readout_hidden : int | None
        K, the width of a hidden tanh layer in the readout F.
    dtype : np.float64 | np.float32
        Of parameters, inputs and states. Nothing is cast: other dtypes are a TypeError. (A float64 network
        also runs *forward* on complex128, for the complex-step derivative.)

    A cell, a rule and a modulator of your own are given as objects, or by the name under which they are registered
    (``bpm_numpy.register``). All options are attributes, cell, rule and modulator as objects; they can't be changed.

    Raises
    ------
    TypeError, ValueError
        For an option that is none of these, naming it.
    """

    _options = ()  # the names of what can't be changed: none before they are set

    def __init__(
        self,
        n_inputs,
        n_hidden,
        n_outputs,
        *,
        cell="rnn",
        plasticity="modulated",
        rule="outer",
        modulator="tanh",
        reading="notes",
        alpha="full",
        fanout=False,
        clip=1.0,
        readout_hidden=None,
        dtype=np.float64,
    ):
        check_count("n_inputs", n_inputs)
        check_count("n_hidden", n_hidden)
        check_count("n_outputs", n_outputs)
        check_choice("plasticity", plasticity, ("none", "hebbian", "modulated"))
        check_choice("reading", reading, ("notes", "paper"))
        check_choice("alpha", alpha, ("full", "neuron", "scalar"))
        check_bool("fanout", fanout)
        if readout_hidden is not None:
            check_count("readout_hidden", readout_hidden)
        if fanout and plasticity != "modulated":
            raise ValueError(f"fanout: expected False unless plasticity is 'modulated', got True with {plasticity!r}")
        cell, rule, modulator = (
            find_part(*named) for named in (("cell", cell), ("rule", rule), ("modulator", modulator))
        )
        check_sums(rule)
        check_own(cell, "fast", ("forward",))
        check_own(modulator, "backward_h", ("forward", "backward"))
        if plasticity == "none" and rule is not find_part("rule", "outer"):
            raise ValueError(f"rule: expected 'outer' with plasticity 'none', got {rule.name!r}")
        if plasticity != "modulated" and modulator is not find_part("modulator", "tanh"):
            raise ValueError(f"modulator: expected 'tanh' unless plasticity is 'modulated', got {modulator.name!r}")
        try:
            if not isinstance(dtype, (str, type, np.dtype)):  # None would be float64
                raise TypeError
            dtype = np.dtype(dtype)
        except (TypeError, SyntaxError):
            raise TypeError(f"dtype: expected float64 or float32, got {dtype!r}") from None
        if dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype: expected float64 or float32, got {dtype}")
        check_number("clip", clip, above=0, finite=False, dtype=dtype)

        options = {
            "n_inputs": int(n_inputs),
            "n_hidden": int(n_hidden),
            "n_outputs": int(n_outputs),
            "cell": cell,
            "plasticity": plasticity,
            "rule": rule,
            "modulator": modulator,
            "reading": reading,
            "alpha": alpha,
            "fanout": bool(fanout),
            "clip": float(clip) if float(clip) <= float(np.finfo(dtype).max) else np.inf,
            "readout_hidden": None if readout_hidden is None else int(readout_hidden),
            "dtype": dtype,
        }
        vars(self).update(options, _options=tuple(options))

    def __setattr__(self, name, value):
        if name in self._options:
            raise AttributeError(f"{name}: expected to stay {getattr(self, name)!r}; make another PlasticNetwork")
        super().__setattr__(name, value)

    def __delattr__(self, name):
        if name in self._options:
            raise AttributeError(f"{name}: expected to stay {getattr(self, name)!r}; make another PlasticNetwork")
        super().__delattr__(name)

    @property
    def options(self):
        """dict of all arguments, such that ``PlasticNetwork(**options)`` is the same network.

        Registered parts stand there by their names, others as objects.
        """
        options = {name: getattr(self, name) for name in self._options}
        for kind in ("cell", "rule", "modulator"):
            if is_registered(options[kind]):
                options[kind] = options[kind].name
        return options

    def __repr__(self):
        return f"PlasticNetwork({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"

    @property
    def plastic_name(self):
        """Name of w, the plastic weights: "W_h" in the rnn, "W_ih" in the lstm, "W_nh" in the gru."""
        return self.cell.plastic_name

    def init(self, rng):
        """Starting parameters: dict of name -> array, drawn from the Generator ``rng`` (see ``parameters``)."""
        check_generator("rng", rng)
        return init_parameters(self, rng)

    def initial_state(self, batch):
        """The State before step 0: all zeros, Hebb(0) = 0 (notes (2.4)), for ``batch`` episodes."""
        check_count("batch", batch)
        shapes = self._state_shapes(int(batch))
        for field, shape in shapes._asdict().items():
            if shape is not None:
                check_size(f"batch: {field}", *shape)
        return shapes.map(lambda shape: np.zeros(shape, self.dtype))

    def step(self, params, x_t, state, modulator=None):
        """One step, for acting: x_t (B, D), State -> StepOutput, next State. Checks shapes only.

        It keeps nothing, so a run can be interfered with between two steps: ``state._replace(hebb=...)`` gives the
        next step another Hebb, and ``modulator`` (B,) takes the place of M(t) in this one, which must be modulated.
        """
        check_shape("x_t", x_t, ("B", self.n_inputs))
        self.check_state("state", state, x_t.shape[0], dtypes=None)
        shapes = parameter_shapes(self)
        check_names("params", params, shapes)
        for name, shape in shapes.items():
            check_shape(f"params[{name!r}]", params[name], shape)
        if modulator is not None:
            if self.plasticity != "modulated":
                raise ValueError(f"modulator: expected None with plasticity {self.plasticity!r}, got a value for M(t)")
            check_shape("modulator", modulator, (x_t.shape[0],))
        out, state, _ = forward_step(self, params, x_t, state, modulator)
        return out, state

    def begin(self, params, state, *, plan=None):
        """Start from ``state``: a ``Run``, whose steps are recorded for ``backward``; ``plan`` as in ``forward``."""
        self.check_state("state", state, batch=None, dtypes=self._forward_dtypes)
        return self._run(params, state, choose_plan(self, CHUNK, len(state.h)) if plan is None else plan)

    def forward(self, params, x, state=None, *, plan=None):
        """The whole sequence x (T, B, D), from ``state`` or from zeros -> Trajectory.

        By default the pass goes chunk by chunk wherever that is exact (see ``chunked``). ``plan``: a
        ``chunked.plan.Plan`` says how, instead of the one that suits the sizes; "steps" goes by the definition, one
        step after the other. It changes time and memory, and results by rounding only, except where a value lies
        within rounding of Clip's bound: there the gradient may fall on the other side of the kink.
        """
        check_array("x", x, ("T", "B", self.n_inputs), self._forward_dtypes)
        T, B = x.shape[:2]
        state = self.initial_state(B) if state is None else state
        self.check_state("state", state, B, self._forward_dtypes)
        return self._run(params, state, choose_plan(self, T, B) if plan is None else plan).advance(x)

    def backward(self, params, traj, d_logits, d_values=None, d_state=None):
        """Gradients of a loss from its gradients to the outputs: backpropagation through time.

        d_logits (T, B, A) = dL/dlogits; d_values (T, B) = dL/dvalues, None for zero; d_state a State with
        dL/d(final state), None (also for single fields) for zero. Returns Gradients. ``params`` must be
        those of the trajectory (ValueError otherwise).
        """
        T, B = self._check_trajectory(params, traj)
        check_array("d_logits", d_logits, (T, B, self.n_outputs), (self.dtype,))
        if d_values is None:
            d_values = np.zeros((T, B), self.dtype)
        check_array("d_values", d_values, (T, B), (self.dtype,))
        d_state = self._complete_state("d_state", d_state, B)
        return Gradients(*traj.record.backward(d_logits, d_values, d_state))

    def jvp(self, params, traj, d_params, d_x=None, d_state=None):
        """Forward mode: how the outputs move when parameters, inputs and initial state move.

        d_params: dict of tangents, zero for names left out; d_x (T, B, D) and d_state (a State, tangent of the
        initial state): None for zero. Returns Tangent.
        """
        T, B = self._check_trajectory(params, traj)
        shapes = parameter_shapes(self)
        check_arrays("d_params", d_params, shapes, (self.dtype,), complete=False)
        if d_x is None:
            d_x = np.zeros((T, B, self.n_inputs), self.dtype)
        check_array("d_x", d_x, (T, B, self.n_inputs), (self.dtype,))
        d_state = self._complete_state("d_state", d_state, B)
        t_params = {name: np.zeros(shape, self.dtype) for name, shape in shapes.items()} | d_params
        return Tangent(*jvp_through_time(self, traj.steps, t_params, d_x, d_state))

    def _run(self, params, state, plan):
        check_arrays("params", params, parameter_shapes(self), self._forward_dtypes)
        if isinstance(plan, Plan):
            for field, value in plan._asdict().items():
                check_count(f"plan.{field}", value)
            check_number("plan.chunk", plan.chunk, at_most=LONGEST)
        elif plan != "steps":
            raise TypeError(f"plan: expected a chunked.plan.Plan, 'steps' or None, got {plan!r}")
        params = {name: np.array(value) for name, value in params.items()}
        for value in params.values():
            value.flags.writeable = False  # the trajectory is compared with them in backward
        return Run(self, params, _copy(state), plan)

    @property
    def _forward_dtypes(self):
        return (self.dtype, np.dtype(np.complex128)) if self.dtype == np.float64 else (self.dtype,)

    def _state_shapes(self, B):
        """Shapes of State's fields for B episodes; None where this configuration has no such field."""
        N, plastic = self.n_hidden, self.plasticity != "none"
        c, trace = carried_by(self.cell, self), carried_by(self.rule, self) if plastic else None
        return State(
            h=(B, N),
            c=None if c is None else (B, *c),
            hebb=(B, N, N) if plastic else None,
            trace=None if trace is None else (B, *trace),
        )

    def check_state(self, name, state, batch, dtypes):
        """A complete State for ``batch`` episodes (any number if None); with ``dtypes`` None shapes only."""
        if not isinstance(state, State):
            raise TypeError(f"{name}: expected a State (see initial_state), got {type(state).__name__}")
        B = batch
        for field, value, shape in zip(State._fields, state, self._state_shapes("B" if B is None else B)):
            if (shape is None) != (value is None):
                expected = "None" if shape is None else f"an array of shape {shape}".replace("'", "")
                came = "None" if value is None else type(value).__name__
                raise ValueError(f"{name}.{field}: expected {expected} in this configuration, got {came}")
            if shape is None:
                continue
            if B is not None:
                shape = (B, *shape[1:])
            if dtypes is None:
                check_shape(f"{name}.{field}", value, shape)
            else:
                check_array(f"{name}.{field}", value, shape, dtypes)
            B = value.shape[0]

    def _complete_state(self, name, state, B):
        """Tangent or adjoint of a state, with zeros where it (or a field of it) is None."""
        zeros = self.initial_state(B)
        if state is None:
            return zeros
        if not isinstance(state, State):
            raise TypeError(f"{name}: expected a State or None, got {type(state).__name__}")
        state = State(*(zero if value is None else value for zero, value in zip(zeros, state)))
        self.check_state(name, state, B, (self.dtype,))
        return state

    def _check_trajectory(self, params, traj):
        """``traj`` is this network's, real, and made with ``params``. Returns T, B."""
        if not isinstance(traj, Trajectory):
            raise TypeError(f"traj: expected a Trajectory (from forward or begin), got {type(traj).__name__}")
        for name, value in self.options.items():
            if traj.net.options[name] != value:
                came = traj.net.options[name]
                raise ValueError(f"traj: expected a trajectory of a network with {name}={value!r}, got {name}={came!r}")
        if any(map(np.iscomplexobj, (traj._x, *traj._first, *traj.params.values()))):
            raise TypeError(f"traj: expected a real trajectory ({self.dtype}), got a complex one (forward only)")
        check_arrays("params", params, parameter_shapes(self), (self.dtype,))
        for name, value in params.items():
            if not np.array_equal(value, traj.params[name]):
                raise ValueError(f"params[{name!r}]: expected the values that the trajectory was made with, got others")
        return traj.logits.shape[:2]


class Run:
    """Acting and learning in one pass: ``step`` as often as you like, then ``trajectory`` for ``backward``."""

    def __init__(self, net, params, state, plan):
        self._net, self._params, self._plan, self._first, self._xs = net, params, plan, state, []
        self._chunked = plan != "steps" and can_be_chunked(net, *params.values(), *state)
        self._record = None  # of the steps of _xs, made when it is asked for

    @property
    def state(self):
        """The State after the last step; a copy."""
        return _copy(self._whole_record().state)

    def step(self, x_t):
        """x_t (B, D) -> StepOutput; the state moves on."""
        check_array("x_t", x_t, (len(self._first.h), self._net.n_inputs), self._net._forward_dtypes)
        x_t = np.array(x_t)
        return _copy(self._move("step", x_t, x_t[None]))

    def advance(self, x):
        """All steps of x (T, B, D) -> Trajectory."""
        check_array("x", x, ("T", len(self._first.h), self._net.n_inputs), self._net._forward_dtypes)
        x = np.array(x)
        self._move("advance", x, x)
        return self.trajectory()

    def _move(self, name, x, xs):
        """What the record's method gives for x, which holds the steps xs (T, B, D).

        Whatever it raises in the middle of a step (overflow, Ctrl-C), the steps before it stay whole: the record that
        was begun is forgotten, and made anew when it is asked for.
        """
        if self._chunked and np.iscomplexobj(x):  # chunks are for real numbers
            self._chunked, self._record = False, None
        record, self._record = self._whole_record(), None
        out = getattr(record, name)(x)
        self._xs.extend(xs)
        self._record = record
        return out

    def _whole_record(self):
        """The record of the steps so far."""
        if self._record is None:
            start = self._net, self._params, self._first
            record = ByChunks(*start, self._plan) if self._chunked else ByStep(*start)
            for x_t in self._xs:
                record.step(x_t)
            self._record = record
        return self._record

    def trajectory(self):
        """The Trajectory of the steps so far; at least one (ValueError otherwise)."""
        if not self._xs:
            raise ValueError("trajectory: expected at least one step before it, got none")
        return Trajectory(self._net, self._params, self._first, self._xs, self._whole_record().snapshot())


class Trajectory:
    """What a forward pass leaves: its outputs and states, and the record that ``backward`` walks back over.

    logits (T, B, A); values (T, B); modulator (T, B), None unless modulated; h (T+1, B, N) with h[t+1] = h_t;
    c likewise, None for the rnn; state, the State after step T-1. Rebuilt step by step when first asked for:
    hebb (T+1, B, N, N) with hebb[t] = Hebb(t) and eligibility (T, B, N, N) with eligibility[t] = E(t), None without
    plasticity (eligibility also with a rule that is no ``rules.EligibilityRule``), and steps, the list of all Steps.
    """

    def __init__(self, net, params, first, xs, record):
        self.net, self.params, self.record = net, params, record
        self._first, self._x = first, np.stack(xs)  # (T, B, D)
        h, c, self.modulator = record.history()
        self.h = np.concatenate([first.h[None], h])  # (T+1, B, N)
        self.c = None if c is None else np.concatenate([first.c[None], c])  # (T+1, B, N)
        T, B, N = h.shape
        logits, values, _ = readout_forward(params, h.reshape(T * B, N))
        self.logits, self.values = logits.reshape(T, B, -1), values.reshape(T, B)

    @cached_property
    def steps(self):
        replay = ByStep(self.net, self.params, self._first)
        replay.advance(self._x)
        return replay.steps

    @cached_property
    def hebb(self):
        if self._first.hebb is None:
            return None
        return np.stack([*(step.state.hebb for step in self.steps), self.record.state.hebb])

    @cached_property
    def eligibility(self):
        steps = self.steps
        return None if steps[0].eligibility is None else np.stack([step.eligibility for step in steps])

    @property
    def state(self):
        return _copy(self.record.state)


def _copy(arrays):
    """A State or StepOutput with arrays of its own."""
    return type(arrays)(*(None if value is None else np.array(value) for value in arrays))
