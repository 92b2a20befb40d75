"""Arrays in the layouts of other programs, and in ours. NumPy alone: PyTorch's come in by ``tensor.detach().numpy()``.

Ours: every weight is [in, out], and used as ``h @ W``; alpha, Hebb and E are [pre, post]; a gate has one bias; gates
have the notes' letters, i the candidate and j the input gate. PyTorch: every weight is [out, in], a gate has two
biases, and the gates of a cell are stacked in one array, in an order of its own.
"""

import numpy as np

from ..arguments import check_array, check_choice, check_is_array, check_names, check_number, check_shape

# The gates as PyTorch stacks them, in the notes' letters: its i, f, g, o are our j, f, i, o.
ORDERS = {"rnn": "", "lstm": "jfio", "gru": "rzn"}
BIASES = ("bias_ih", "bias_hh")


def cell_from_torch(cell, arrays, order=None, *, gradients=False):
    """Parameters of a cell in PyTorch's layout -> ours: dict W_x, W_h, b, or W_kx, W_kh, b_k of every gate k.

    cell: "rnn" | "lstm" | "gru"; arrays: dict weight_ih (kN, D), weight_hh (kN, N), bias_ih and bias_hh (kN,), as in
    nn.RNNCell, nn.LSTMCell and nn.GRUCell; a bias may be missing. order: the notes' letters of the gates as they are
    stacked, PyTorch's if None. Our bias is the sum of the two. With ``gradients`` the arrays are gradients: the two
    biases have the same gradient, which is ours, so that the sum would be twice too large.

    ValueError for a GRU whose bias_hh of the candidate is not 0: r_t multiplies it, and ours has no such term.
    """
    order = _check_order(cell, order)
    check_names("arrays", arrays, ("weight_ih", "weight_hh", *BIASES), complete=False)
    check_names("arrays", {**dict.fromkeys(BIASES), **arrays}, ("weight_ih", "weight_hh", *BIASES))
    rows = _rows(arrays["weight_hh"], order)
    check_shape("arrays['weight_ih']", arrays["weight_ih"], (rows, "D"))
    for name in BIASES:
        if name in arrays:
            check_shape(f"arrays[{name!r}]", arrays[name], (rows,))
    zeros = np.zeros(rows, arrays["weight_hh"].dtype)
    weights_x, weights_h = (_split(arrays[name], order) for name in ("weight_ih", "weight_hh"))
    biases_x, biases_h = (_split(arrays.get(name, zeros), order) for name in BIASES)
    ours = {}
    for k in weights_x:
        bias_x, bias_h = biases_x[k], biases_h[k]
        if cell == "gru" and k == "n":
            if not gradients and bias_h.any():
                raise ValueError("arrays['bias_hh']: expected 0 for the candidate n of a gru, which r_t multiplies")
            bias = bias_x
        elif gradients:
            bias = bias_x if "bias_ih" in arrays else bias_h
        else:
            bias = bias_x + bias_h
        ours |= {f"W_{k}x": weights_x[k].T.copy(), f"W_{k}h": weights_h[k].T.copy(), _bias(k): bias.copy()}
    return ours


def cell_to_torch(cell, params, order=None):
    """The inverse of ``cell_from_torch``: our bias goes to bias_ih, and bias_hh is 0. Other params are left out."""
    order = _check_order(cell, order)
    gates = order or ("",)
    stacked = {
        "weight_ih": np.concatenate([params[f"W_{k}x"].T for k in gates]),  # (kN, D)
        "weight_hh": np.concatenate([params[f"W_{k}h"].T for k in gates]),  # (kN, N)
        "bias_ih": np.concatenate([params[_bias(k)] for k in gates]),  # (kN,)
    }
    return stacked | {"bias_hh": np.zeros_like(stacked["bias_ih"])}


def sigmoid_by_tanh(W_m, b_m):
    """M = σ(h · W_m + b_m) in a network with fan-out and modulator "tanh": dict W_m, b_m, W_fan, b_fan.

    σ(a) = ½ + ½ tanh(a/2). (Without fan-out of its own, ``modulator="sigmoid"`` is the shorter way.) W_m (N,), b_m ().
    """
    check_shape("W_m", W_m, ("N",))
    check_shape("b_m", b_m, ())
    half = np.full(W_m.shape, 0.5, W_m.dtype)
    return {"W_m": W_m / 2, "b_m": np.asarray(b_m / 2), "W_fan": half, "b_fan": half.copy()}


def partly_modulated(modulated, rate):
    """A network of which one part is driven by M(t) and the rest by a fixed rate, as fan-out: dict W_fan, b_fan.

    modulated (N,) of bool: which neurons M(t) drives; rate: a number. (The gradient of a learnt rate is the sum of
    db_fan[j] over the neurons j that M(t) does not drive.)
    """
    check_array("modulated", modulated, ("N",), (np.dtype(bool),))
    check_number("rate", rate)
    return {"W_fan": modulated.astype(float), "b_fan": np.where(modulated, 0.0, rate)}


def _check_order(cell, order):
    check_choice("cell", cell, tuple(ORDERS))
    if order is None:
        return ORDERS[cell]
    if not isinstance(order, str) or sorted(order) != sorted(ORDERS[cell]):
        raise ValueError(f"order: expected the letters of {ORDERS[cell]!r} in some order for {cell!r}, got {order!r}")
    return order


def _rows(weight_hh, order):
    """kN of weight_hh (kN, N)."""
    check_is_array("arrays['weight_hh']", weight_hh)
    N, gates = weight_hh.shape[-1] if weight_hh.ndim else 0, len(order or ("",))
    check_shape("arrays['weight_hh']", weight_hh, (gates * N, "N"))
    return gates * N


def _split(array, order):
    """dict: gate -> its part of the stacked array."""
    gates = order or ("",)
    return dict(zip(gates, np.split(array, len(gates))))


def _bias(k):
    return f"b_{k}" if k else "b"
