"""Arrays from other layouts to ours: by hand, there and back, and against networks that compute the same otherwise."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.bridge.conventions import ORDERS, cell_from_torch, cell_to_torch, partly_modulated, sigmoid_by_tanh


def stacked(gates, D=2, N=3):
    """Arrays of a cell in PyTorch's layout, every number another one."""
    sizes = {"weight_ih": (gates * N, D), "weight_hh": (gates * N, N), "bias_ih": (gates * N,), "bias_hh": (gates * N,)}
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape) for name, shape in sizes.items()}


def test_lstm_gates_are_pytorchs_by_hand():
    theirs = stacked(4)
    ours = cell_from_torch("lstm", theirs)
    rows = {"j": slice(0, 3), "f": slice(3, 6), "i": slice(6, 9), "o": slice(9, 12)}  # their i, f, g, o
    assert sorted(ours) == sorted(f"{a}{k}{z}" for k in "ijfo" for a, z in (("W_", "x"), ("W_", "h"), ("b_", "")))
    for k, row in rows.items():
        for pre in range(2):
            for post in range(3):
                assert ours[f"W_{k}x"][pre, post] == theirs["weight_ih"][row][post, pre]
        assert np.array_equal(ours[f"W_{k}h"], theirs["weight_hh"][row].T)
        assert np.array_equal(ours[f"b_{k}"], theirs["bias_ih"][row] + theirs["bias_hh"][row])


@pytest.mark.parametrize(
    "cell, order", [("rnn", None), ("lstm", None), ("lstm", "ijfo"), ("gru", None), ("gru", "zrn")]
)
def test_there_and_back(cell, order):
    net = PlasticNetwork(2, 3, 1, cell=cell, plasticity="none")
    params = net.init(np.random.default_rng(1))
    theirs = cell_to_torch(cell, params, order)
    back = cell_from_torch(cell, theirs, order)
    assert back.keys() == net.cell.parameters(net).keys()
    assert all(np.array_equal(back[name], params[name]) for name in back)
    if order is not None:  # as another order it is something else
        other = cell_from_torch(cell, theirs)
        assert any(not np.array_equal(other[name], params[name]) for name in back)


def test_two_biases_are_summed_but_not_their_gradients():
    theirs = stacked(4)
    theirs["bias_hh"] = theirs["bias_ih"].copy()  # as autograd leaves them: the same gradient twice
    split = cell_from_torch("lstm", theirs, gradients=True)
    assert np.array_equal(split["b_f"], theirs["bias_ih"][3:6])
    assert np.array_equal(cell_from_torch("lstm", theirs)["b_f"], 2 * split["b_f"])
    for given in ("bias_ih", "bias_hh"):
        one = {name: value for name, value in theirs.items() if name.startswith("w") or name == given}
        for gradients in (False, True):
            assert np.array_equal(cell_from_torch("lstm", one, gradients=gradients)["b_f"], split["b_f"])
    none = {name: value for name, value in theirs.items() if name.startswith("w")}
    assert not cell_from_torch("lstm", none)["b_f"].any()


def test_second_bias_of_a_grus_candidate_is_refused_unless_zero():
    theirs = stacked(3)
    with pytest.raises(ValueError, match=r"^arrays\['bias_hh'\]: expected 0 for the candidate n of a gru"):
        cell_from_torch("gru", theirs)
    theirs["bias_hh"][6:] = 0
    ours = cell_from_torch("gru", theirs)
    assert np.array_equal(ours["b_n"], theirs["bias_ih"][6:])
    assert np.array_equal(ours["b_r"], theirs["bias_ih"][:3] + theirs["bias_hh"][:3])


def test_arrays_of_a_cell_are_copies():
    theirs = stacked(1)
    ours = cell_from_torch("rnn", theirs)
    assert sorted(ours) == ["W_h", "W_x", "b"]
    assert not any(np.shares_memory(one, other) for one in ours.values() for other in theirs.values())


@pytest.mark.parametrize(
    "cell, change, order, message",
    [
        ("tree", {}, None, "^cell: expected 'rnn' | 'lstm' | 'gru', got 'tree'"),
        ("lstm", {}, "ifgo", "^order: expected the letters of 'jfio' in some order for 'lstm', got 'ifgo'"),
        ("lstm", {"weight": np.zeros(3)}, None, "^arrays: expected .* unknown 'weight'"),
        ("gru", {}, None, r"^arrays\['weight_hh'\]: expected shape \(9, N\), got \(12, 3\)"),
        ("lstm", {"weight_ih": np.zeros((2, 12))}, None, r"^arrays\['weight_ih'\]: expected shape \(12, D\), got"),
        ("lstm", {"bias_ih": np.zeros(3)}, None, r"^arrays\['bias_ih'\]: expected shape \(12,\), got \(3,\)"),
        ("lstm", {"weight_hh": np.zeros(())}, None, r"^arrays\['weight_hh'\]: expected shape"),
    ],
)
def test_wrong_arrays_are_refused(cell, change, order, message):
    with pytest.raises(ValueError, match=message):
        cell_from_torch(cell, stacked(4) | change, order)


def test_missing_weights_are_refused():
    with pytest.raises(ValueError, match="^arrays: expected .* missing weight_hh"):
        cell_from_torch("rnn", {"weight_ih": np.zeros((3, 2))})
    with pytest.raises(TypeError, match=r"^arrays\['weight_hh'\]: expected a NumPy array, got list"):
        cell_from_torch("rnn", {"weight_ih": np.zeros((3, 2)), "weight_hh": [[1.0]]})


def test_a_sigmoid_is_a_tanh_with_fan_out():
    rng = np.random.default_rng(2)
    one = PlasticNetwork(2, 3, 2, modulator="sigmoid", clip=0.5)
    two = PlasticNetwork(2, 3, 2, fanout=True, clip=0.5)
    params = {name: rng.standard_normal(value.shape) for name, value in one.init(rng).items()}
    x = rng.standard_normal((6, 4, 2))
    traj = one.forward(params, x)
    other = two.forward(params | sigmoid_by_tanh(params["W_m"], np.asarray(params["b_m"])), x)
    assert np.abs(traj.hebb - other.hebb).max() < 1e-14 and np.abs(traj.hebb).max() == 0.5  # Clip is active
    assert np.abs(traj.logits - other.logits).max() < 1e-13
    assert np.abs(traj.modulator - (1 + other.modulator) / 2).max() < 1e-15
    with pytest.raises(ValueError, match=r"^W_m: expected shape \(N,\), got \(1, 3\)"):
        sigmoid_by_tanh(np.zeros((1, 3)), np.zeros(()))


def test_half_of_a_network_is_modulated():
    rng = np.random.default_rng(3)
    net = PlasticNetwork(2, 4, 2, fanout=True, clip=0.5)
    params = {name: np.asarray(rng.standard_normal(value.shape)) for name, value in net.init(rng).items()}
    params |= partly_modulated(np.array([True, True, False, False]), 0.3)
    traj = net.forward(params, rng.standard_normal((5, 2, 2)))
    for t in range(5):
        drive = np.stack([traj.modulator[t]] * 2 + [np.full(2, 0.3)] * 2, axis=1)  # (B, N)
        expected = np.clip(traj.hebb[t] + drive[:, None, :] * traj.eligibility[t], -0.5, 0.5)
        assert np.abs(traj.hebb[t + 1] - expected).max() < 1e-15
    with pytest.raises(TypeError, match="^modulated: expected dtype bool, got float64"):
        partly_modulated(np.ones(4), 0.3)
    with pytest.raises(TypeError, match="^rate: expected a real number"):
        partly_modulated(np.ones(4, bool), "0.3")


def test_every_order_names_the_gates_of_its_cell():
    for cell, order in ORDERS.items():
        net = PlasticNetwork(2, 3, 1, cell=cell)
        gates = {name[2:-1] for name in net.cell.parameters(net) if name.startswith("W_") and name.endswith("h")}
        assert gates == set(order or [""])
