"""A network that rewrites its own weights, and its gradient by hand, on one page. Nothing is needed except NumPy.

    w(t) = w + alpha ⊗ Hebb(t),   Hebb(t+1) = Clip(Hebb(t) + M(t) h_{t-1} h_tᵀ),   M(t) = tanh(h_t · W_m + b_m)

One episode: x (T, D) -> logits (T, A). Weights are [pre, post] and used as h @ W. p: dict of parameters, W_x (D, N),
W_h and alpha (N, N), b and W_m (N,), b_m (), W_y (N, A), b_y (A,). ⊗ is entry by entry; dA means dL/dA.
``python one_page.py`` checks every entry of the gradient.
"""

import numpy as np


def forward(p, x, clip=1.0):
    """-> logits (T, A), and what each step leaves for the way back."""
    h, hebb = np.zeros(len(p["b"])), np.zeros(p["W_h"].shape)  # h_{-1}, Hebb(0)
    logits, steps = [], []
    for x_t in x:
        before, h_prev = hebb, h
        W = p["W_h"] + p["alpha"] * hebb  # w(t) (N, N)
        h = np.tanh(x_t @ p["W_x"] + h_prev @ W + p["b"])  # h_t (N,)
        M = np.tanh(h @ p["W_m"] + p["b_m"])  # M(t)
        E = np.outer(h_prev, h)  # E(t) [pre, post]
        u = hebb + M * E
        hebb = np.clip(u, -clip, clip)  # Hebb(t+1)
        logits.append(h @ p["W_y"] + p["b_y"])
        steps.append((x_t, h_prev, before, W, h, M, E, np.abs(u) <= clip))
    return np.array(logits), steps


def backward(p, steps, d_logits):
    """d_logits (T, A) = dL/dlogits -> dL/dp, a dict like p."""
    d = {name: np.zeros(np.shape(value)) for name, value in p.items()}
    dh_later, dhebb = np.zeros(len(p["b"])), np.zeros(p["W_h"].shape)  # dL/dh_t by later steps, dL/dHebb(t+1)
    for (x, h_prev, hebb, W, h, M, E, inside), g in zip(reversed(steps), d_logits[::-1]):
        dh = dh_later + p["W_y"] @ g  # (a) the readout
        d["W_y"] += np.outer(h, g)
        d["b_y"] += g
        du = dhebb * inside  # (b) Clip: what was cut has no gradient
        dM, dE = (E * du).sum(), M * du  # (c) the update u = Hebb + M E
        dX = dE  # (d) no trace here: E is the product X
        dh_prev, dp = dX @ h, h_prev @ dX  # (e) the product, to h_{t-1} and to p_t = h_t
        dm = (1 - M**2) * dM  # (f) the modulator
        d["W_m"] += h * dm
        d["b_m"] += dm
        dh += dp + p["W_m"] * dm  # (g) now h_t has heard from all who read it
        dz = (1 - h**2) * dh  # (h) the cell
        d["W_x"] += np.outer(x, dz)
        d["b"] += dz
        dW = np.outer(h_prev, dz)  # (i) the plastic input y_t = h_{t-1} w(t), dy = dz
        dh_later = dh_prev + W @ dz
        d["W_h"] += dW  # (j) w(t) = w + alpha ⊗ Hebb(t)
        d["alpha"] += hebb * dW
        dhebb = du + p["alpha"] * dW  # (c), (j): Hebb(t) is kept, and it is used
    return d


def check(seed=0, T=8, D=3, N=5, A=2, clip=0.5, step=1e-6):
    """Hold every entry of the gradient against a central difference; prints the largest error of each parameter."""
    rng = np.random.default_rng(seed)
    sizes = {"W_x": (D, N), "W_h": (N, N), "alpha": (N, N), "b": N, "W_m": N, "b_m": (), "W_y": (N, A), "b_y": A}
    p = {name: np.asarray(0.7 * rng.standard_normal(size)) for name, size in sizes.items()}
    x, d_logits = rng.standard_normal((T, D)), rng.standard_normal((T, A))  # the loss is Σ d_logits ⊗ logits
    steps = forward(p, x, clip)[1]
    print(f"Clip cuts {1 - np.mean([inside for *_, inside in steps]):.0%} of what it is given")
    for name, grad in backward(p, steps, d_logits).items():

        def loss(move, name=name):
            return (forward(p | {name: p[name] + move.reshape(p[name].shape)}, x, clip)[0] * d_logits).sum()

        numeric = [(loss(move) - loss(-move)) / (2 * step) for move in step * np.eye(grad.size)]  # entry by entry
        error = np.abs(grad.ravel() - numeric).max()
        print(f"{name:6} {grad.size:2} entries, largest error {error:.0e}")
        assert error < 1e-6, f"the gradient of {name} is wrong"


if __name__ == "__main__":
    check()
