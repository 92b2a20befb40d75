"""Steps one by one, for one slice of the batch: where Clip cuts, Hebb(t) is formed at every step.

    y_t       = h_{t-1} w + h_{t-1} (alpha ⊗ Hebb(t))
    Hebb(t+1) = Clip(v_t)                  v_t from Hebb(t), h_{t-1}, mu_t and p_t, in a subclass beside the rule's sums

It is the definition, in few passes over the (b, N, N) matrices, all in memory that is there already. Backward, with G
the adjoint of Hebb(t+1):

    G ← G ⊗ inside                         inside: where Clip let v_t pass
    through v_t, in the subclass:          da_t (of h_{t-1}), dmu_t, dp_t, and G ← the adjoint of Hebb(t)
    through drive and cell:                dy_t
    dh_{t-1} += w dy_t + (alpha ⊗ Hebb(t)) dy_t + da_t
    Z = h_{t-1} dy_tᵀ:   dalpha += Hebb(t) ⊗ Z,   G += alpha ⊗ Z

The way back needs Hebb(t) of all steps: it computes them anew from the first one, into ``places`` of their own.
"""

from collections import defaultdict

import numpy as np

from ..equations.plastic_weights import sum_to_shape


class Dense:
    """Steps from the matrices ``places[0]``: Hebb(t0) and, for a trace, the trace, each (b, N, N).

    places: where the matrices of t0, t0 + 1, ... are or will be, a list; all the same ones where no way back is needed.
    inside: (L, b, N, N) bool, where Clip let pass is written to, or None. cut: whether it cut any; asked of each step
    until it is True, and only where ``inside`` is None.
    """

    def __init__(self, net, params, places, work, inside=None, cut=False):
        self.net, self.params, self.alpha, self.w = net, params, params["alpha"], params[net.plastic_name]
        self.places, self.work, self.inside, self.cut = places, work, inside, cut
        self.steps = []  # (a, cache of ``update``)

    def input(self, h_prev):
        """y_t (b, N) of the next step."""
        y, hebb = h_prev @ self.w, self.places[len(self.steps)][0]
        for rows, Z, _ in self.work.blocks:
            np.multiply(self.alpha, hebb[rows], out=Z)
            y[rows] += row_times(h_prev[rows], Z)
        return y

    def append(self, h_prev, p, mu):
        """Take a step in: its a = h_prev and p (b, N), and its drive mu, (b, N) | (b, 1) | (1, 1)."""
        self.steps.append((h_prev, self.update(len(self.steps), h_prev, p, mu)))

    def update(self, t, a, p, mu):
        """Write the matrices of t + 1, Hebb by ``clip`` -> cache."""
        raise NotImplementedError

    def clip(self, t, rows, v):
        """Hebb(t+1) = Clip(v_t) of one block of episodes."""
        hebb, bound = self.places[t + 1][0][rows], self.net.clip
        v.clip(-bound, bound, out=hebb)
        if self.inside is not None:
            np.equal(v, hebb, out=self.inside[t][rows])
        elif not self.cut:
            self.cut = bool((v != hebb).any())

    def begin_backward(self, G):
        """From the end: G, the adjoint of each matrix, which all that follows writes. Returns room for da (L, b, N)."""
        self.G, self.grads, self.dalpha = G, defaultdict(int), np.zeros(G[0].shape[1:], self.net.dtype)
        return np.empty((len(self.steps), *G[0].shape[:2]), self.net.dtype)

    def drive_backward(self, t, da):
        """Through the update by the drive of step t -> dmu_t, dp_t (b, N); writes da[t], G, and adds to ``grads``."""
        return self.update_backward(t, *self.steps[t], da[t])

    def update_backward(self, t, a, cache, da):
        """As ``drive_backward``, with a (b, N), the cache and da (b, N) of the step. Clip's part: ``clip_backward``."""
        raise NotImplementedError

    def clip_backward(self, t, rows):
        """dv_t of one block of episodes, in place of G."""
        G = self.G[0][rows]
        G *= self.inside[t][rows]
        return G

    def step_backward(self, t, dy, dh, da):
        """Through y_t: dy (b, N); adds to dh, the adjoint of h_{t-1} (b, N), all but w dy."""
        a, hebb = self.steps[t][0], self.places[t][0]
        left, right = self.work.outer(a, dy)
        for rows, Z, _ in self.work.blocks:
            np.multiply(self.alpha, hebb[rows], out=Z)
            dh[rows] += times_row(Z, dy[rows])
            np.matmul(left[rows], right[rows], out=Z)
            self.dalpha += sum_of_products(hebb[rows], Z)
            Z *= self.alpha
            self.G[0][rows] += Z

    def end_backward(self, dys, G, grads):
        """Adds to ``grads``; the adjoints of the start are in G."""
        add_gradients(grads, self.grads | {"alpha": sum_to_shape(self.dalpha, self.alpha.shape)})


def spread(value, shape):
    """``np.broadcast_to``, which takes microseconds even where there is nothing to do."""
    return value if value.shape == shape else np.broadcast_to(value, shape)


def add_gradients(grads, more):
    """Add gradients, name by name, to those of a dict."""
    for name, grad in more.items():
        grads[name] += grad


def row_times(row, matrices):
    """row (b, N) times matrices (b, N, N), episode by episode -> (b, N)."""
    return np.matmul(row[:, None, :], matrices)[:, 0, :]


def times_row(matrices, row):
    """matrices (b, N, N) times row (b, N) as a column -> (b, N)."""
    return np.matmul(matrices, row[:, :, None])[:, :, 0]


def sum_of_products(matrices, Z):
    """Σ_b matrices ⊗ Z, both (b, N, N) -> (N, N): dalpha, where each connection has its own alpha."""
    return np.einsum("bij,bij->ij", matrices, Z)
