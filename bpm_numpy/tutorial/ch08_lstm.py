"""Chapter 08: the LSTM by scalars, and how long each reading of it holds a bit, with gates set by hand and learnt."""

from math import exp, tanh

import numpy as np

from ..figures.draw_lstm import plot_held
from ..network import PlasticNetwork
from ..state import State
from .learn import Batch, learn_to_answer

WIDE = 40.0  # σ(±40) is 1 and 4e-18: a gate as good as open, or closed
STARTS = {"as init starts": (1.0, 0.0), "f = o = 0.95": (3.0, 3.0), "f = o = 1": (WIDE, WIDE)}  # b_f, b_o


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


FIGURES = {"lstm_held.png": figure_held}
