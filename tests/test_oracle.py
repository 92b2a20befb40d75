"""The forward pass against the oracle's sums over single numbers, and against examples worked by hand."""

import itertools
from math import atanh, exp, log, tanh

import numpy as np
import oracle
import pytest
from configurations import PLANS, all_configurations, identifier, is_of_the_paper, meetings, random_problem

from bpm_numpy import PlasticNetwork
from bpm_numpy.parts import REGISTRIES
from bpm_numpy.proof.problems import ALPHAS, configurations
from bpm_numpy.state import State

CONFIGURATIONS = all_configurations()
every_configuration = pytest.mark.parametrize("options", CONFIGURATIONS, ids=identifier)


def key(options):
    return tuple(sorted(options.items(), key=str))


def test_the_list_of_configurations_is_complete():
    """Whatever the constructor accepts is in it, or is the same function, to the last bit, as one that is."""
    choices = REGISTRIES | {
        "plasticity": ("none", "hebbian", "modulated"),
        "fanout": (False, True),
        "reading": ("notes", "paper"),
        "alpha": ALPHAS,
        "readout_hidden": (None, 2),
    }
    listed, left_out = {key(options) for options in configurations()}, []
    for values in itertools.product(*choices.values()):
        options = dict(zip(choices, values))
        try:
            PlasticNetwork(1, 1, 1, **options)
        except ValueError:
            assert key(options) not in listed
            continue
        if key(options) not in listed:
            left_out.append(options)
    assert len(listed) == len(list(configurations())) == 1412 and len(left_out) == 1980 - 1412

    def logits(options):
        problem = random_problem(np.random.default_rng(0), options, T=2)
        return problem.forward(problem.inputs).logits

    for options in left_out:
        twins = [options | {"reading": reading, "alpha": alpha} for reading in ("notes", "paper") for alpha in ALPHAS]
        twins = [twin for twin in twins if twin["alpha"] == options["alpha"] or options["plasticity"] == "none"]
        twins = [logits(twin) for twin in twins if key(twin) in listed]
        assert any(np.array_equal(logits(options), twin) for twin in twins), options
        assert len(twins) == len({twin.tobytes() for twin in twins})  # no two that are listed are the same


def test_the_configurations_that_the_tests_use_cover_the_list():
    every, used = list(configurations()), {key(options) for options in CONFIGURATIONS}
    assert len(used) == len(CONFIGURATIONS) and used <= {key(options) for options in every}
    assert all(key(options) in used for options in every if is_of_the_paper(options))
    assert set().union(*map(meetings, every)) == set().union(*map(meetings, CONFIGURATIONS))


# Every configuration against the oracle.


def differences(problem, plan="steps"):
    """dict: name -> largest difference between the package's forward pass and the oracle's, relative to entries > 1."""
    params, x, state = problem.split(problem.inputs)
    numbers = {name: value.tolist() for name, value in params.items()}
    episodes = []
    for b in range(x.shape[1]):
        start = tuple(None if value is None else value[b].tolist() for value in state)
        episodes.append(oracle.episode(problem.net.options, numbers, x[:, b].tolist(), start))
    outputs, states = zip(*episodes)

    def stacked(runs, position):
        """[b][t][position] -> array (time, B, ...), or None."""
        values = [[at_t[position] for at_t in run] for run in runs]
        return None if values[0][-1] is None else np.swapaxes(np.array(values), 0, 1)

    traj = problem.net.forward(params, x, state, plan=plan)
    pairs = {
        "logits": (traj.logits, stacked(outputs, 0)),
        "values": (traj.values, stacked(outputs, 1)),
        "modulator": (traj.modulator, stacked(outputs, 2)),
        "h": (traj.h, stacked(states, 0)),
        "c": (traj.c, stacked(states, 1)),
        "hebb": (traj.hebb, stacked(states, 2)),
    }
    for position, field in enumerate(State._fields):
        every = stacked(states, position)
        pairs[f"state.{field}"] = (getattr(traj.state, field), None if every is None else every[-1])
    found = {}
    for name, (ours, theirs) in pairs.items():
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            assert ours.shape == theirs.shape, name
            found[name] = np.abs(ours - theirs).max() / max(1, np.abs(theirs).max())
    return found


@every_configuration
@pytest.mark.parametrize("regime", ["inactive", "sometimes"])
def test_forward_equals_the_oracle(options, regime):
    problem = random_problem(np.random.default_rng(1), options, T=9, regime=regime)
    for plan in PLANS:
        found = differences(problem, plan)
        assert max(found.values()) < 1e-11, (plan, found)


def transposed(rows):
    return [list(column) for column in zip(*rows)]


def swap_outer(monkeypatch):
    outer = oracle.outer
    monkeypatch.setattr(oracle, "outer", lambda h_prev, p: transposed(outer(h_prev, p)))


def swap_taylor(monkeypatch):
    taylor = oracle.taylor
    monkeypatch.setattr(oracle, "taylor", lambda params, h, p, a, b: taylor(params, h, p, b, a))


def swap_weights(monkeypatch):
    weights = oracle.weights
    monkeypatch.setattr(oracle, "weights", lambda *arguments: transposed(weights(*arguments)))


def swap_alpha(monkeypatch):
    alpha = oracle.alpha
    monkeypatch.setattr(oracle, "alpha", lambda options, params, i, j: alpha(options, params, j, i))


def swap_fanout(monkeypatch):
    drive = oracle.drive
    monkeypatch.setattr(oracle, "drive", lambda options, params, M, i, j: drive(options, params, M, j, i))


def swap_forgetting(monkeypatch):
    forgetting = oracle.forgetting
    monkeypatch.setattr(oracle, "forgetting", lambda options, p, i, j: forgetting(options, p, j, i))


def swap_room(monkeypatch):
    room = oracle.room
    monkeypatch.setattr(oracle, "room", lambda hebb, d, i, j: room(hebb, d, j, i))


def plastic(options):
    return options["plasticity"] != "none"


@pytest.mark.parametrize(
    "swap, field, matters",
    [
        (swap_outer, "hebb", lambda options: plastic(options) and options["rule"] != "taylor"),
        (swap_taylor, "hebb", lambda options: options["rule"] == "taylor"),
        (swap_weights, "h", lambda options: True),
        (swap_alpha, "h", lambda options: plastic(options) and options["alpha"] != "scalar"),
        (swap_fanout, "hebb", lambda options: options["fanout"]),
        (swap_forgetting, "hebb", lambda options: options["rule"] == "oja"),
        (swap_room, "hebb", lambda options: options["rule"] == "soft"),
    ],
)
def test_the_oracle_would_notice_pre_and_post_exchanged(monkeypatch, swap, field, matters):
    """One side of the comparison is transposed: wherever that matters, the difference is plain to see."""
    swap(monkeypatch)
    for options in filter(matters, CONFIGURATIONS):
        found = differences(random_problem(np.random.default_rng(1), options, T=4, regime="inactive"))
        assert found[field] > 1e-2, identifier(options)


# Worked by hand. One input, one output, weights zero unless given; h is set through x by atanh.


def run(net, x, state=None, **given):
    """Trajectory of one episode with x[t][d]; all parameters are 0 but the given ones."""
    params = {name: np.zeros(value.shape) for name, value in net.init(np.random.default_rng(0)).items()}
    for name, value in given.items():
        params[name] = np.asarray(value, dtype=float).reshape(params[name].shape)
    return net.forward(params, np.array(x, dtype=float)[:, None, :], state)


def close(ours, expected):
    np.testing.assert_allclose(np.ravel(ours), np.ravel(expected), rtol=0, atol=1e-14)


def test_hebb_t_is_used_at_step_t_and_e_t_makes_hebb_t_plus_1():
    # w = 0, alpha = 2, M = 1/2: h_t = tanh(x_t + h_{t-1} 2 Hebb(t)), Hebb(t+1) = Hebb(t) + h_{t-1} h_t / 2.
    #   t  h_{t-1}  Hebb(t)  x_t        h_t                    E(t)         Hebb(t+1)
    #   0  0        0        atanh .8   .8                     0            0
    #   1  .8       0        atanh .5   .5                     .8 .5 = .4   .2
    #   2  .5       .2       0          tanh(.5 2 .2) = th .2  .5 th .2     .2 + .25 th .2
    net = PlasticNetwork(1, 1, 1)
    traj = run(net, [[atanh(0.8)], [atanh(0.5)], [0]], W_x=1, alpha=2, b_m=atanh(0.5))
    close(traj.h, [0, 0.8, 0.5, tanh(0.2)])
    close(traj.hebb, [0, 0, 0.2, 0.2 + 0.25 * tanh(0.2)])
    close(traj.modulator, [0.5, 0.5, 0.5])


def test_the_modulator_is_read_from_h_t_not_from_h_t_minus_1():
    # h_{-1} = .5, h_0 = .8, h_1 = .4 and W_m = 1: M(t) = tanh(h_t) = tanh .8, tanh .4.
    # Hebb(1) = tanh(.8) .5 .8, and Hebb(2) = Hebb(1) + tanh(.4) .8 .4.
    net = PlasticNetwork(1, 1, 1)
    start = State(np.array([[0.5]]), None, np.zeros((1, 1, 1)), None)
    traj = run(net, [[atanh(0.8)], [atanh(0.4)]], start, W_x=1, W_m=1)
    close(traj.modulator, [tanh(0.8), tanh(0.4)])
    close(traj.hebb, [0, 0.4 * tanh(0.8), 0.4 * tanh(0.8) + 0.32 * tanh(0.4)])


def test_hebb_is_pre_by_post():
    # Two neurons, h_{-1} = (.6, 0), h_0 = (0, .5), rate 2: the pre-synaptic neuron 0 and the post-synaptic
    # neuron 1 were active, so Hebb(1)[0, 1] = 2 .6 .5 = .6 alone has changed.
    # Step 1 with h_0 = (0, .5): Hebb(1)[0, 1] leads from neuron 0, which is silent, so x_1 = 0 gives h_1 = 0.
    net = PlasticNetwork(2, 2, 1, plasticity="hebbian")
    start = State(np.array([[0.6, 0]]), None, np.zeros((1, 2, 2)), None)
    given = {"W_x": np.eye(2), "alpha": np.ones((2, 2)), "rate": 2}
    traj = run(net, [[0, atanh(0.5)], [0, 0]], start, **given)
    close(traj.hebb[1], [0, 0.6, 0, 0])
    close(traj.h, [0.6, 0, 0, 0.5, 0, 0])
    # The same Hebb read with h_{t-1} = (.5, 0): .5 .6 = .3 arrives at neuron 1, nothing at neuron 0.
    start = State(np.array([[0.5, 0]]), None, np.array([[[0, 0.6], [0, 0]]]), None)
    close(run(net, [[0, 0]], start, **given).h[1], [0, tanh(0.3)])


@pytest.mark.parametrize(
    "reading, hebb",
    [
        ("notes", [0, 0.2, 0.5, 0.75]),  # E = .2, .3, .25: E(t) holds X_t already
        ("paper", [0, 0, 0.2, 0.5]),  # E = 0, .2, .3: X_t enters after it drove nothing
    ],
)
def test_when_the_trace_drives_hebb(reading, hebb):
    # h = .5, .8, .5, .4 gives X_t = .4, .4, .2; with eta = 1/2 the trace after X_t is .2, .3, .25 in both.
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule="trace", reading=reading)
    start = net.initial_state(1)._replace(h=np.array([[0.5]]))
    traj = run(net, [[atanh(0.8)], [atanh(0.5)], [atanh(0.4)]], start, W_x=1, rate=1, eta=0.5)
    close(traj.hebb, hebb)
    close(traj.state.trace, 0.25)


@pytest.mark.parametrize(
    "clip, hebb",
    [(1, [0.9, 1, 0.5]), (0.8, [0.9, 0.8, 0.3]), (np.inf, [0.9, 1.3, 0.8])],
)
def test_clip_works_at_every_step_and_forgets_what_it_cut(clip, hebb):
    # X_0 = .8 .5 = .4, X_1 = .5 (-1), rate 1, Hebb(0) = .9. Bound 1: .9 + .4 is cut to 1, then 1 - .5 = .5.
    # (h_1 = tanh(-40) is -1 to the last bit.)
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", clip=clip)
    start = State(np.array([[0.8]]), None, np.array([[[0.9]]]), None)
    close(run(net, [[atanh(0.5)], [-40]], start, W_x=1, rate=1).hebb, hebb)


@pytest.mark.parametrize("reading, c", [("notes", 0.68), ("paper", 0.35)])
def test_what_the_lstm_carries_and_how_its_gate_is_squashed(reading, c):
    # f = o = 1/2 and i = .6. tanh(ln 3) = (9 - 1) / (9 + 1) = .8, but sigma(ln 3) = 3 / (3 + 1) = .75.
    # From h_{-1} = .4 and c_{-1} = -.2:  notes c = .4/2 + .6 .8 = .68;  paper c = -.2/2 + .6 .75 = .35.
    net = PlasticNetwork(1, 1, 1, cell="lstm", reading=reading)
    start = State(np.array([[0.4]]), np.array([[-0.2]]), np.zeros((1, 1, 1)), None)
    traj = run(net, [[0]], start, b_i=atanh(0.6), b_j=log(3))
    close(traj.c, [-0.2, c])
    close(traj.h, [0.4, tanh(c) / 2])


def test_the_lstm_learns_from_i_not_from_h():
    # h_{-1} = .4 and i_0 = .6 (h_0 is much smaller): Hebb(1) = .4 .6.
    net = PlasticNetwork(1, 1, 1, cell="lstm", plasticity="hebbian")
    start = State(np.array([[0.4]]), np.array([[0.0]]), np.zeros((1, 1, 1)), None)
    close(run(net, [[0]], start, b_i=atanh(0.6), rate=1).hebb, [0, 0.24])


def test_fanout_gives_each_post_synaptic_neuron_its_own_drive():
    # M = 1/2, so mu_0 = 1/2 1 + 0 = .5 and mu_1 = 1/2 2 - .75 = .25.
    # h_{-1} = (.5, 1), h_0 = (.8, .4): X = [[.4, .2], [.8, .4]], so Hebb(1) = [[.2, .05], [.4, .1]].
    net = PlasticNetwork(2, 2, 1, fanout=True)
    start = State(np.array([[0.5, 1]]), None, np.zeros((1, 2, 2)), None)
    given = {"W_x": np.eye(2), "b_m": atanh(0.5), "W_fan": [1, 2], "b_fan": [0, -0.75]}
    close(run(net, [[atanh(0.8), atanh(0.4)]], start, **given).hebb[1], [0.2, 0.05, 0.4, 0.1])


@pytest.mark.parametrize(
    "modulator, M",
    [
        ("tanh", tanh(0.5)),
        ("sigmoid", 1 / (1 + exp(-0.5))),
        ("linear", 0.5),
        ("difference", 3 * (tanh(0.5) - tanh(-0.1))),
    ],
)
def test_what_each_modulator_makes_of_h(modulator, M):
    # h_0 = .8, W_m = 1 and b_m = -.3, so a = .5; W_m2 = .5 and b_m2 = -.5, so a2 = -.1; gain = 3.
    net = PlasticNetwork(1, 1, 1, modulator=modulator)
    given = {"W_m": 1, "b_m": -0.3}
    if modulator == "difference":
        given |= {"W_m2": 0.5, "b_m2": -0.5, "gain": 3}
    close(run(net, [[atanh(0.8)]], W_x=1, **given).modulator, M)


@pytest.mark.parametrize(
    "rule, hebb",
    [
        ("outer", 0.7),  # .6 + .5 .4 .5
        ("decay", 0.4),  # .6 + .5 (.4 .5 - .6): half of the way to .2
        ("oja", 0.625),  # .6 + .5 (.4 .5 - .5² .6)
        ("soft", 0.64),  # .6 + .5 .4 .5 (1 - .6)
    ],
)
def test_each_rule_in_one_step(rule, hebb):
    # h_{-1} = .4, h_0 = p = .5, rate .5, Hebb(0) = .6.
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule=rule)
    start = State(np.array([[0.4]]), None, np.array([[[0.6]]]), None)
    close(run(net, [[atanh(0.5)]], start, W_x=1, rate=0.5).hebb, [0.6, hebb])


def test_oja_shrinks_by_the_post_synaptic_activity():
    # Two neurons, h_{-1} = 0, h_0 = (.5, .8), rate 1: the columns of Hebb lose .25 and .64 of themselves.
    net = PlasticNetwork(2, 2, 1, plasticity="hebbian", rule="oja")
    start = State(np.zeros((1, 2)), None, np.array([[[0.4, 0.5], [0.8, 1.0]]]), None)
    traj = run(net, [[atanh(0.5), atanh(0.8)]], start, W_x=np.eye(2), rate=1)
    close(traj.hebb[1], [0.3, 0.18, 0.6, 0.36])


@pytest.mark.parametrize("rate, hebb", [(0.5, 0.68), (-0.5, 0.28), (0, 0.6)])
def test_the_soft_bound_leaves_less_room_upwards_than_downwards(rate, hebb):
    # h_{-1} = .8, h_0 = .5 give X = .4, so d = .2, -.2 or 0; Hebb = .6: .6 + .2 .4 = .68, .6 - .2 1.6 = .28.
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule="soft")
    start = State(np.array([[0.8]]), None, np.array([[[0.6]]]), None)
    close(run(net, [[atanh(0.5)]], start, W_x=1, rate=rate).hebb, [0.6, hebb])


def test_the_soft_bound_is_approached_and_clip_cuts_what_passes_its_own():
    # d = 1/2 at every step, as h stays 1 to the last bit: 0, 1/2, 3/4, 7/8; with clip = .6 it is cut there.
    start = State(np.ones((1, 1)), None, np.zeros((1, 1, 1)), None)
    for clip, hebb in ((1.0, [0, 0.5, 0.75, 0.875]), (0.6, [0, 0.5, 0.6, 0.6])):
        net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule="soft", clip=clip)
        close(run(net, [[40]] * 3, start, W_x=1, rate=0.5).hebb, hebb)


def test_the_gru_by_hand():
    # r = σ(ln 3) = .75 and z = σ(-ln 4) = .2, from their biases; h_{-1} = .4, w + alpha Hebb = 1 + .5 2 = 2, so
    # y = .8 and n = tanh(.3 + .75 .8) = tanh .9; h_0 = .8 n + .2 .4. It learns from n: Hebb(1) = 2 + rate .4 n.
    net = PlasticNetwork(1, 1, 1, cell="gru", plasticity="hebbian", clip=np.inf)
    start = State(np.array([[0.4]]), None, np.array([[[2.0]]]), None)
    given = {"W_nx": 1, "W_nh": 1, "alpha": 0.5, "b_r": log(3), "b_z": -log(4), "rate": 0.5}
    traj = run(net, [[0.3]], start, **given)
    close(traj.h, [0.4, 0.8 * tanh(0.9) + 0.08])
    close(traj.hebb, [2, 2 + 0.2 * tanh(0.9)])


# Where the notes slip.


@pytest.fixture
def rule_run():
    """Function of a rule and its parameters -> trajectory; all else is the same in every call."""
    rng = np.random.default_rng(2)
    problem = random_problem(rng, {"plasticity": "hebbian", "clip": np.inf}, T=5)
    params, x, state = problem.split(problem.inputs)

    def trajectory(rule, **given):
        net = PlasticNetwork(2, 3, 4, plasticity="hebbian", clip=np.inf, rule=rule)
        trace = np.zeros((2, 3, 3)) if rule == "trace" else None
        return net.forward(params | given, x, state._replace(trace=trace))

    return trajectory


def test_the_trace_equation_read_literally_is_no_trace(rule_run):
    # E = (1 - eta) E + eta X has the one solution E = X, and so does a trace that forgets all but X: eta = 1.
    np.testing.assert_array_equal(rule_run("trace", eta=np.asarray(1.0)).hebb, rule_run("outer").hebb)
    assert np.abs(rule_run("trace", eta=np.asarray(0.5)).hebb - rule_run("outer").hebb).max() > 0.1


def taylor_tensors(**given):
    """The six tensors for N = 3, zero but for the given ones."""
    return {name: np.zeros((3,) * rank) for name, rank in zip("ABCDGH", (2, 3, 3, 4, 4, 4))} | given


def test_the_identity_that_makes_taylor_the_outer_product(rule_run):
    eye = np.eye(3)
    outer = rule_run("outer")
    same = rule_run("taylor", **taylor_tensors(H=np.einsum("ac,bd->abcd", eye, eye)))
    np.testing.assert_allclose(same.hebb, outer.hebb, rtol=0, atol=1e-14)
    # The other pairing of the indices, [a = d][b = c], is the transposed outer product.
    other = rule_run("taylor", **taylor_tensors(H=np.einsum("ad,bc->abcd", eye, eye)))
    first = outer.hebb[1] - outer.hebb[0]
    np.testing.assert_allclose(other.hebb[1] - other.hebb[0], first.swapaxes(1, 2), rtol=0, atol=1e-14)
    assert np.abs(other.hebb - outer.hebb).max() > 0.1


def test_the_last_taylor_term_reads_h_t_minus_1(rule_run):
    # With H alone E is linear in h_{t-1}: from h_{-1} = 0 the first E is 0, whatever h_0 is.
    net = PlasticNetwork(1, 1, 1, plasticity="hebbian", rule="taylor")
    traj = run(net, [[atanh(0.5)], [atanh(0.8)]], W_x=1, rate=1, H=1)
    close(traj.hebb, [0, 0, 0.4])


@pytest.mark.parametrize("reading, expected", [("notes", 0), ("paper", 0.5)])
def test_the_initial_cell_state_matters_only_in_the_paper(reading, expected):
    # f = 1/2: in "paper" half of c_{-1} arrives in c_0, in "notes" nothing.
    net = PlasticNetwork(1, 1, 1, cell="lstm", reading=reading)
    start = net.initial_state(1)
    moved = run(net, [[0.3]], start._replace(c=np.array([[1.0]])), W_ix=1)
    close(moved.c[1] - run(net, [[0.3]], start, W_ix=1).c[1], expected)


def test_h_alone_does_not_hold_the_history():
    # The same x_t and h_{t-1}, another Hebb: another h_t.
    net = PlasticNetwork(1, 1, 1)
    starts = [State(np.array([[0.5]]), None, np.array([[[hebb]]]), None) for hebb in (0.0, 1.0)]
    close([run(net, [[0]], start, alpha=0.4).h[1] for start in starts], [0, tanh(0.2)])


# One step, a run of steps, a whole sequence: the same numbers.


def assert_close(ours, theirs, tolerance=1e-12):
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def over_time(tuples):
    """Outputs or states, one a step -> the same fields with a time axis in front."""
    return [None if values[0] is None else np.stack(values) for values in zip(*tuples)]


@every_configuration
def test_step_begin_and_forward_agree(options):
    problem = random_problem(np.random.default_rng(3), options, T=9)
    params, x, start = problem.split(problem.inputs)
    outputs, states = [], [start]
    for x_t in x:
        out, state = problem.net.step(params, x_t, states[-1])
        outputs.append(out)
        states.append(state)
    outputs, history = over_time(outputs), over_time(states)[:3]
    for plan in PLANS:
        run = problem.net.begin(params, start, plan=plan)
        assert_close(over_time([run.step(x_t) for x_t in x]), outputs)
        for traj in (run.trajectory(), problem.net.forward(params, x, start, plan=plan)):
            assert_close((traj.logits, traj.values, traj.modulator), outputs)
            assert_close((traj.h, traj.c, traj.hebb), history)
            # By the definition there is one cell and one rule: the same bits.
            assert_close(traj.state, states[-1], tolerance=0 if plan == "steps" else 1e-12)


@every_configuration
def test_two_pieces_with_the_state_carried_are_one(options):
    problem = random_problem(np.random.default_rng(4), options, T=9)
    params, x, state = problem.split(problem.inputs)
    whole = problem.net.forward(params, x, state)
    first = problem.net.forward(params, x[:3], state)
    second = problem.net.forward(params, x[3:], first.state)
    assert_close([np.concatenate([first.logits, second.logits])], [whole.logits])
    assert_close([np.concatenate([first.values, second.values])], [whole.values])
    assert_close(second.state, whole.state)


def test_no_state_is_the_state_of_zeros():
    for options in CONFIGURATIONS:
        problem = random_problem(np.random.default_rng(5), options)
        params, x, _ = problem.split(problem.inputs)
        zeros = problem.net.forward(params, x, problem.net.initial_state(2))
        assert not any(value.any() for value in problem.net.initial_state(2) if value is not None)
        np.testing.assert_array_equal(problem.net.forward(params, x).logits, zeros.logits)
