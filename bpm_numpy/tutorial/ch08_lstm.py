"""Chapter 08: the LSTM by scalars, and how long each reading of it holds a bit, with gates set by hand and learnt."""

from math import exp, tanh

import numpy as np

from ..equations.sigmoid import sigmoid
from ..figures.draw_lstm import plot_held, plot_roads
from ..network import PlasticNetwork
from ..state import State
from .grader import Exercise
from .learn import Batch, learn_to_answer

WIDE = 40.0  # σ(±40) is 1 and 4e-18: a gate as good as open, or closed
# b_f and b_o: as ``init`` starts, nearly open, open.
STARTS = {"f = 0.73, o = 0.5": (1.0, 0.0), "f = o = 0.95": (3.0, 3.0), "f = o = 1": (WIDE, WIDE)}


def lstm_step_by_scalars(params, x, h, c, hebb, reading):
    """(2.7-2.12) for one episode, one number at a time: x (D,), h, c (N,), hebb (N, N) -> h, c, i as lists."""
    D, N = len(x), len(h)
    plastic = {(m, n): params["alpha"][m, n] * hebb[m, n] for m in range(N) for n in range(N)}

    def z(k, n):
        total = params[f"b_{k}"][n]
        for d in range(D):
            total += x[d] * params[f"W_{k}x"][d, n]
        for m in range(N):
            total += h[m] * (params[f"W_{k}h"][m, n] + (plastic[m, n] if k == "i" else 0))
        return total

    def sigma(value):
        return 1 / (1 + exp(-value))

    i = [tanh(z("i", n)) for n in range(N)]
    j = [tanh(z("j", n)) if reading == "notes" else sigma(z("j", n)) for n in range(N)]
    carry = h if reading == "notes" else c
    c_t = [carry[n] * sigma(z("f", n)) + i[n] * j[n] for n in range(N)]
    h_t = [tanh(c_t[n]) * sigma(z("o", n)) for n in range(N)]
    return h_t, c_t, i


def holding_network(reading, b_f, b_o):
    """One unit with constant f and o, which takes in its input only where the second input is 1 -> net, params.

    Inputs (value, write, close): i_t = tanh(value), j_t = 1 with write and 0 without, o_t = 0 with close.
    logits_t = h_t. Nothing feeds h_{t-1} back but the carry itself.
    """
    net = PlasticNetwork(3, 1, 1, cell="lstm", plasticity="none", reading=reading)
    params = {name: np.zeros_like(value) for name, value in net.init(np.random.default_rng(0)).items()}
    params["W_ix"][0] = params["W_y"][0] = 1
    params["W_jx"][1], params["W_ox"][2] = 2 * WIDE, -2 * WIDE
    params["b_j"][:] = -WIDE if reading == "paper" else 0  # closed: far out for σ, but at the very middle of tanh
    params["b_f"][:], params["b_o"][:] = b_f, b_o
    return net, params


def written_once(values, T):
    """Inputs (T, B, 3) of the holding network: each of the ``values`` (B,) is written at step 0, then nothing."""
    x = np.zeros((T, len(values), 3))
    x[0, :, 0], x[0, :, 1] = values, 1
    return x


def held(reading, b_f, b_o, value, T):
    """h_t and ∂h_t/∂(what was written), t = 0 ... T-1: two arrays (T,)."""
    net, params = holding_network(reading, b_f, b_o)
    x = written_once([value], T)
    traj = net.forward(params, x)
    d_x = np.zeros_like(x)
    d_x[0, 0, 0] = 1 / (1 - np.tanh(value) ** 2)  # i_0 = tanh(value) moves by 1
    return traj.logits[:, 0, 0], net.jvp(params, traj, {}, d_x).logits[:, 0, 0]


def bit_episodes(rng, batch, delay):
    """A bit (±1) at step 0, noise at its input afterwards, the question ``delay`` steps later -> Batch."""
    bit = rng.integers(2, size=batch)
    x = np.zeros((delay + 1, batch, 3))
    x[1:, :, 0] = rng.standard_normal((delay, batch))
    x[0, :, 0], x[0, :, 1], x[-1, :, 2] = 2 * bit - 1, 1, 1
    targets, mask = np.zeros((delay + 1, batch), int), np.zeros((delay + 1, batch), bool)
    targets[-1], mask[-1] = bit, True
    return Batch(x, targets, mask)


def learn_bit(rng, reading, delay, bias=None, updates=100, n_hidden=8, batch=16):
    """Share right over the last 30 updates, after training without plasticity; ``bias``: where b_f and b_o start."""
    net = PlasticNetwork(3, n_hidden, 2, cell="lstm", plasticity="none", reading=reading)
    params = net.init(rng)
    if bias is not None:
        params |= {"b_f": np.full(n_hidden, bias), "b_o": np.full(n_hidden, bias)}
    _, right = learn_to_answer(net, params, lambda: bit_episodes(rng, batch, delay), updates, learning_rate=0.02)
    return right[-30:].mean()


def hebb_holds(rng, reading, delay, bit, noise=1.0):
    """The logit at the end: a bit goes into Hebb, ``delay`` steps of noise follow, then the cue asks for it.

    Set by hand. Units: cue, bit, write. The forget gates are shut, so the cell itself remembers nothing. The only
    plastic connection leads from cue to bit; M(t) is 1 while the unit ``write`` is on and 0 otherwise.
    """
    net = PlasticNetwork(3, 3, 1, cell="lstm", reading=reading)
    params = {name: np.zeros_like(value) for name, value in net.init(rng).items()}
    params["W_ix"][:] = np.diag([WIDE, 1, WIDE])  # cue and write are 0 or 1; the bit's input is noise otherwise
    params["b_j"][:], params["b_f"][:], params["b_o"][:] = WIDE, -WIDE, WIDE
    params["alpha"][0, 1], params["W_m"][2], params["W_y"][1] = 2, WIDE, 1

    x = np.zeros((delay + 4, 1, 3))
    x[2:-2, 0, 1] = noise * rng.standard_normal(delay)
    x[0, 0, 0], x[1, 0, 1:] = 1, (bit, 1)  # the cue, then the bit with the order to write
    x[-2, 0, 0] = 1  # the cue again; Hebb answers one step later
    return net.forward(params, x, net.initial_state(1)).logits[-1, 0, 0]


def mirrored(params, n):
    """The same parameters with i_t and j_t of unit ``n`` negated."""
    turned = dict(params)
    for name in ("W_ix", "W_ih", "b_i", "W_jx", "W_jh", "b_j"):
        turned[name] = params[name].copy()
        turned[name][..., n] *= -1
    return turned


def adjoint_of_initial_state(net, params, x, d_logits):
    """dL/dh and dL/dc (B, N) of the initial state, from a start where neither is 0."""
    start = net.initial_state(x.shape[1])
    start = State(np.full_like(start.h, 0.3), np.full_like(start.c, -0.4), start.hebb, start.trace)
    return net.backward(params, net.forward(params, x, start), d_logits).state


def figure_held():
    """What is left of a written 1, and of its gradient, in both readings and with three settings of the gates."""
    curves = {name: {reading: held(reading, *start, 1.0, 200) for reading in ("notes", "paper")}
              for name, start in STARTS.items()}  # fmt: skip
    return plot_held(curves)


FIGURES = {"lstm_held.png": figure_held, "lstm_roads.png": plot_roads}


# What the reader writes. Every mistake names the line of the chapter's derivation.


def _cell(carry, f, i, j, o):
    c = carry * f + i * j  # (2.11)
    return np.tanh(c) * o, c  # (2.12)


def _cell_backward(dh, dc_later, carry, f, i, j, o, dc=None):
    """The gradients of ``_cell``; with any other dc (N,) in place of the right one."""
    tanh_c = np.tanh(carry * f + i * j)
    dc = dc_later + dh * o * (1 - tanh_c**2) if dc is None else dc
    return {"carry": dc * f, "f": dc * carry, "i": dc * j, "j": dc * i, "o": dh * tanh_c}


def _draw_cell(rng, N=5):
    inputs = {name: rng.uniform(0.1, 0.9, N) for name in "fjo"}
    return inputs | {"carry": rng.standard_normal(N), "i": rng.uniform(-1, 1, N)}


CELL = Exercise(
    forward=_cell,
    draw=_draw_cell,
    mistakes={
        "(h1): c_t also reaches the loss through h_t": lambda dh, dc_later, **values: _cell_backward(
            dh, dc_later, **values, dc=dc_later
        ),
        "(h1): c_t also lives on in the next step, dc_later is added": lambda dh, dc_later, **values: _cell_backward(
            dh, 0 * dc_later, **values
        ),
        "(h1): from h_t to c_t there is the slope of tanh, 1 - tanh(c)²": lambda dh, dc_later, o, **values: (
            _cell_backward(dh, dc_later, **values, o=o, dc=dc_later + dh * o)
        ),
        "(h1): from h_t to c_t there is the factor o": lambda dh, dc_later, o, **values: _cell_backward(
            dh, dc_later, **values, o=o, dc=dc_later + dh * (1 - np.tanh(_cell(**values, o=o)[1]) ** 2)
        ),
        "(h1): the partner of o in h_t is tanh(c), not c": lambda dh, dc_later, **values: {
            "o": dh * _cell(**values)[1]
        },
        "(h2): the partner of f is the carry, and that of the carry is f": lambda dh, dc_later, **values: {
            "f": _cell_backward(dh, dc_later, **values)["carry"],
            "carry": _cell_backward(dh, dc_later, **values)["f"],
        },
        "(h2): the partner of i is j, and that of j is i": lambda dh, dc_later, **values: {
            "i": _cell_backward(dh, dc_later, **values)["j"],
            "j": _cell_backward(dh, dc_later, **values)["i"],
        },
    },
)


def _gate(x, h, W_x, W_h, b):
    return sigmoid(x @ W_x + h @ W_h + b)  # (B, N)


def _below_z(dz, x, h, W_x, W_h):
    """What comes of dz (B, N), right or wrong."""
    return {"x": dz @ W_x.T, "h": dz @ W_h.T, "W_x": x.T @ dz, "W_h": h.T @ dz, "b": dz.sum(axis=0)}


def _dz(df, x, h, W_x, W_h, b):
    f = _gate(x, h, W_x, W_h, b)
    return df * f * (1 - f)  # (B, N)


def _draw_gate(rng, B=3, D=2, N=4):
    shapes = {"x": (B, D), "h": (B, N), "W_x": (D, N), "W_h": (N, N), "b": (N,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


GATE = Exercise(
    forward=_gate,
    draw=_draw_gate,
    mistakes={
        "(h3): the slope of σ is missing, dz = f (1 - f) df": lambda df, x, h, W_x, W_h, b: _below_z(
            df, x, h, W_x, W_h
        ),
        "(h3): the slope of σ is f (1 - f); 1 - f² is that of tanh": lambda df, x, h, W_x, W_h, b: _below_z(
            df * (1 - _gate(x, h, W_x, W_h, b) ** 2), x, h, W_x, W_h
        ),
        "(h3): f is a σ already, no second σ": lambda df, x, h, W_x, W_h, b: _below_z(
            df * sigmoid(_gate(x, h, W_x, W_h, b)) * (1 - sigmoid(_gate(x, h, W_x, W_h, b))), x, h, W_x, W_h
        ),
        "(h6): the row of dW_h is pre, its column post": lambda df, x, h, W_x, W_h, b: {
            "W_h": _dz(df, x, h, W_x, W_h, b).T @ h
        },
        "(h6): dh sums over post, W_h[m, n] dz[n] over all n": lambda df, x, h, W_x, W_h, b: {
            "h": _dz(df, x, h, W_x, W_h, b) @ W_h
        },
        "(h6): the weights serve all episodes: their parts are summed, not averaged": lambda df, x, h, W_x, W_h, b: {
            "W_x": x.T @ _dz(df, x, h, W_x, W_h, b) / len(x),
            "W_h": h.T @ _dz(df, x, h, W_x, W_h, b) / len(x),
            "b": _dz(df, x, h, W_x, W_h, b).mean(axis=0),
        },
    },
)
EXERCISES = {"cell_backward": CELL, "gate_backward": GATE}
