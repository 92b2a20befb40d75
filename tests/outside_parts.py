"""Parts of one's own, as somebody outside the package writes them: what tests of the door share.

None is registered here; with the lines of ``REGISTER`` behind it this file is a plugin.
"""

import numpy as np

from bpm_numpy.cells.rnn import RNN
from bpm_numpy.modulators.base import OfWeightedSum
from bpm_numpy.parts import Parameter
from bpm_numpy.rules import Rule
from bpm_numpy.rules.outer import outer_backward, outer_forward, outer_jvp
from bpm_numpy.tasks.base import SequenceTask, one_hot

REGISTER = """
from bpm_numpy import register, register_network, register_setting, register_study
from bpm_numpy.lab.studies import Line, Study

for thing in (Drift(), Half(), Stacked(), Echo):
    register(thing)
register_network("all mine", rule="drift", modulator="half", cell="stacked")
register_setting("echo", "large", 6, task_options={"batch": 3, "numbers": 2, "T": 5}, updates=4, evaluate_every=2)
changes = {"updates": 2, "evaluate_every": 2, "evaluation_episodes": 6}
lines = [Line("mine", "echo", "all mine", "large", changes), Line("plain", "echo", "plastic", "large", changes)]
register_study("my study", Study(1, lines, interventions=True))
"""


class Drift(Rule):
    """Hebb(t+1) = Bound(keep Hebb(t) + mu ⊗ (h_{t-1} (p + s)ᵀ)), with a state s (2, N), a parameter and a bound of 2.

    s[0] becomes s[1] and s[1] becomes p_t, so that the rule sees p two steps late.
    """

    name = "drift"
    uses_clip = False
    bound = 2.0

    def parameters(self, net):
        return {"keep": Parameter((), 0.9)}

    def carried(self, net):
        return 2, net.n_hidden

    def forward(self, net, params, hebb, mu, h_prev, p, s):
        X, of_X = outer_forward(h_prev, p + s[:, 0])
        u = params["keep"] * hebb + mu[:, None, :] * X
        beyond = np.abs(u.real) > self.bound
        s_next = np.stack([s[:, 1], p], axis=1)  # (B, 2, N)
        return (
            np.where(beyond, np.sign(u.real) * u.dtype.type(self.bound), u),
            s_next,
            (params, hebb, mu, X, of_X, ~beyond),
        )

    def backward(self, net, d_hebb_next, d_s_next, cache):
        params, hebb, mu, X, of_X, inside = cache
        du = d_hebb_next * inside
        dh_prev, dq = outer_backward(mu[:, None, :] * du, of_X)
        ds = np.stack([dq, d_s_next[:, 0]], axis=1)
        return params["keep"] * du, (X * du).sum(axis=1), dh_prev, dq + d_s_next[:, 1], ds, {"keep": (hebb * du).sum()}

    def jvp(self, net, t_params, t_hebb, t_mu, t_h_prev, t_p, t_s, cache):
        params, hebb, mu, X, of_X, inside = cache
        t_X = outer_jvp(t_h_prev, t_p + t_s[:, 0], of_X)
        t_u = t_params["keep"] * hebb + params["keep"] * t_hebb + t_mu[:, None, :] * X + mu[:, None, :] * t_X
        return t_u * inside, np.stack([t_s[:, 1], t_p], axis=1)


class Stacked(RNN):
    """An rnn whose h leaks through a state c of shape (2, N): the last two h."""

    name, fast = "stacked", None

    def carried(self, net):
        return 2, net.n_hidden

    def forward(self, net, params, x, h_prev, c_prev, y):
        h, _, p, cache = super().forward(net, params, x, h_prev, None, y)
        h = h + c_prev[:, 1] / 2
        return h, np.stack([h, c_prev[:, 0]], axis=1), p, cache

    def backward(self, net, dh, dc, dp, cache):
        dh = dh + dc[:, 0]
        dx, dh_prev, _, dy, grads = super().backward(net, dh, None, dp, cache)
        return dx, dh_prev, np.stack([dc[:, 1], dh / 2], axis=1), dy, grads

    def jvp(self, net, t_params, t_x, t_h_prev, t_c_prev, t_y, cache):
        t_p, _, _ = super().jvp(net, t_params, t_x, t_h_prev, None, t_y, cache)
        t_h = t_p + t_c_prev[:, 1] / 2
        return t_h, np.stack([t_h, t_c_prev[:, 0]], axis=1), t_p


class Half(OfWeightedSum):
    """M = tanh(a) / 2."""

    name = "half"

    def f(self, a):
        return np.tanh(a) / 2

    def slope(self, M):
        return (1 - 4 * M**2) / 2


class Echo(SequenceTask):
    """A number is shown at every step; the answer is the one before."""

    name = "echo"
    SMALL = {"small": {"batch": 4, "numbers": 3, "T": 6}}

    def __init__(self, *, batch=10, numbers=5, T=20):
        super().__init__(batch, T, numbers, numbers)
        self.numbers = numbers

    def draw(self, rng):
        return rng.integers(0, self.numbers, (self.T, self.batch))

    def lay_out(self, drawn):
        targets = np.concatenate([drawn[:1], drawn[:-1]])  # (T, B)
        counts = np.repeat(np.arange(self.T)[:, None] > 0, self.batch, axis=1)
        return one_hot(drawn, self.numbers), targets, counts

    def summarise(self, episode):
        return {"score": self._accuracy(episode)}
