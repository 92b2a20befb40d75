"""Chapter 12: experiments on the places where the notes slip or leave a choice."""

import numpy as np

from ..figures.draw_slips import plot_literal_trace, plot_orientations
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..rules.trace import trace_forward


def hold_a_bit(reading, steps):
    """c_t (steps,) of a one-unit LSTM with open forget and output gates that reads a 1 at step 0 and 0 from then on."""
    net = PlasticNetwork(1, 1, 1, cell="lstm", plasticity="none", reading=reading)
    params = {name: np.zeros(shape) for name, shape in parameter_shapes(net).items()}
    for name in ("W_ix", "W_jx", "b_f", "b_o"):  # i_0 = j_0 = 1, f = o = 1; i_t = 0 from then on
        params[name] = params[name] + 40.0
    x = np.zeros((steps, 1, 1))
    x[0] = 1
    return net.forward(params, x).c[1:, 0, 0]


def literal_trace(eta, X, start, repeats):
    """(2.16) as a command at one step t, E(t) ← (1-eta) E(t) + eta X -> every E (repeats + 1, ...)."""
    E = [start]
    for _ in range(repeats):
        E.append(trace_forward(E[-1], X, eta)[0])
    return np.array(E)


def literal_traces():
    """The curves of the chapter's first figure: dict eta -> (31,), from -½ towards X = 1."""
    return {eta: literal_trace(eta, 1.0, -0.5, 30) for eta in (0.1, 0.3, 1.0, 1.7)}


def resume(net, params, x, cut, forgotten=None):
    """Run x (T, B, D), stop before step ``cut``, set one field of the state to zero, go on.

    Returns the largest change of a logit from step ``cut`` on, against the run without a stop.
    """
    whole = net.forward(params, x)
    state = net.forward(params, x[:cut]).state
    if forgotten is not None:
        state = state._replace(**{forgotten: np.zeros_like(getattr(state, forgotten))})
    return float(np.abs(net.forward(params, x[cut:], state).logits - whole.logits[cut:]).max())


def figure_literal_trace():
    """(2.16) applied to itself."""
    return plot_literal_trace(literal_traces())


def figure_orientations():
    """The outer product and its transpose, and what each calls up."""
    h, p = np.random.default_rng(9).uniform(-1, 1, (2, 16))
    return plot_orientations(h, p)


FIGURES = {"trace_taken_literally.png": figure_literal_trace, "orientation.png": figure_orientations}
