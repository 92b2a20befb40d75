"""The forward pass once more, as sums over single numbers: the judge of orientation and timing.

Square matrices hide a transposed outer product from every shape check and every gradient check. Here each
index is written out, one episode at a time, from the equations alone: nothing is imported from the package.
All vectors and matrices are lists of floats, and a weight is W[pre][post].
"""

from math import exp, tanh


def sigmoid(z):
    return 1 / (1 + exp(-z))


def vector(size, entry):
    return [entry(n) for n in range(size)]


def matrix(size, entry):
    return [[entry(i, j) for j in range(size)] for i in range(size)]


def affine(x, W, b, n):
    """b[n] + the sum over m of x[m] W[m][n]."""
    return b[n] + sum(x[m] * W[m][n] for m in range(len(x)))


def weights(options, params, hebb):
    """W~(t), the recurrent weights that step t uses."""
    w = params[{"rnn": "W_h", "lstm": "W_ih", "gru": "W_nh"}[options["cell"]]]
    if options["plasticity"] == "none":
        return w
    return matrix(len(w), lambda i, j: w[i][j] + alpha(options, params, i, j) * hebb[i][j])


def alpha(options, params, i, j):
    """How plastic the connection from i to j is."""
    if options["alpha"] == "full":
        return params["alpha"][i][j]
    return params["alpha"][j] if options["alpha"] == "neuron" else params["alpha"]


def gru(params, x, h_prev, W):
    """h_t, n_t."""
    N = len(h_prev)
    no_bias = [0.0] * N

    def gate(k, n):
        recurrent = affine(h_prev, params[f"W_{k}h"], no_bias, n)
        return sigmoid(affine(x, params[f"W_{k}x"], params[f"b_{k}"], n) + recurrent)

    r, z = vector(N, lambda n: gate("r", n)), vector(N, lambda n: gate("z", n))
    y = vector(N, lambda n: affine(h_prev, W, no_bias, n))
    candidate = vector(N, lambda n: tanh(affine(x, params["W_nx"], params["b_n"], n) + r[n] * y[n]))
    return vector(N, lambda n: (1 - z[n]) * candidate[n] + z[n] * h_prev[n]), candidate


def cell(options, params, x, h_prev, c_prev, W):
    """h_t, c_t, p_t."""
    N = len(h_prev)
    no_bias = [0.0] * N
    if options["cell"] == "gru":
        h, candidate = gru(params, x, h_prev, W)
        return h, None, candidate
    if options["cell"] == "rnn":
        z = vector(N, lambda n: affine(x, params["W_x"], params["b"], n) + affine(h_prev, W, no_bias, n))
        h = vector(N, lambda n: tanh(z[n]))
        return h, None, h

    def inner(gate, n):
        recurrent = W if gate == "i" else params[f"W_{gate}h"]
        return affine(x, params[f"W_{gate}x"], params[f"b_{gate}"], n) + affine(h_prev, recurrent, no_bias, n)

    as_printed = options["reading"] == "notes"
    carry, g = (h_prev, tanh) if as_printed else (c_prev, sigmoid)
    i = vector(N, lambda n: tanh(inner("i", n)))
    j = vector(N, lambda n: g(inner("j", n)))
    f = vector(N, lambda n: sigmoid(inner("f", n)))
    o = vector(N, lambda n: sigmoid(inner("o", n)))
    c = vector(N, lambda n: carry[n] * f[n] + i[n] * j[n])
    return vector(N, lambda n: tanh(c[n]) * o[n]), c, i


def readout(params, h):
    """logits and value."""
    k = h
    if "W_k" in params:
        k = vector(len(params["b_k"]), lambda n: tanh(affine(h, params["W_k"], params["b_k"], n)))
    logits = vector(len(params["b_y"]), lambda a: affine(k, params["W_y"], params["b_y"], a))
    return logits, params["b_v"] + sum(h[n] * params["W_v"][n] for n in range(len(h)))


def modulator(options, params, h):
    """M, by the modulator's name."""

    def weighted(W, b):
        return params[b] + sum(h[n] * params[W][n] for n in range(len(h)))

    a = weighted("W_m", "b_m")
    if options["modulator"] == "difference":
        return params["gain"] * (tanh(a) - tanh(weighted("W_m2", "b_m2")))
    return {"tanh": tanh, "sigmoid": sigmoid, "linear": float}[options["modulator"]](a)


def drive(options, params, M, i, j):
    """What multiplies E[i][j] in the update."""
    if options["plasticity"] == "hebbian":
        return params["rate"]
    return M * params["W_fan"][j] + params["b_fan"][j] if options["fanout"] else M


def outer(h_prev, p):
    return matrix(len(p), lambda i, j: h_prev[i] * p[j])


def taylor(params, h, p, a, b):
    """E_ab, with h = h_{t-1}."""
    A, B, C, D, G, H = (params[name] for name in "ABCDGH")
    total = A[a][b]
    for c in range(len(p)):
        total += B[a][b][c] * h[c] + C[a][b][c] * p[c]
        for d in range(len(p)):
            total += D[a][b][c][d] * h[c] * h[d] + G[a][b][c][d] * p[c] * p[d] + H[a][b][c][d] * h[c] * p[d]
    return total


def forgetting(options, p, i, j):
    """The share of Hebb[i][j] that E takes off."""
    return 1 if options["rule"] == "decay" else p[j] * p[j]


def room(hebb, d, i, j):
    """How far Hebb[i][j] is from the soft bound that d leads to."""
    return 1 - hebb[i][j] if d > 0 else 1 + hebb[i][j]


def eligibility(options, params, hebb, h_prev, p, trace):
    """E(t) and the next trace."""
    N = len(p)
    if options["rule"] == "taylor":
        return matrix(N, lambda i, j: taylor(params, h_prev, p, i, j)), None
    X = outer(h_prev, p)
    if options["rule"] in ("outer", "soft"):
        return X, None
    if options["rule"] in ("decay", "oja"):
        return matrix(N, lambda i, j: X[i][j] - forgetting(options, p, i, j) * hebb[i][j]), None
    eta = params["eta"]
    trace_next = matrix(N, lambda i, j: (1 - eta) * trace[i][j] + eta * X[i][j])
    return (trace_next if options["reading"] == "notes" else trace), trace_next


def clip(u, bound):
    if u < -bound:
        return -bound
    return u if u <= bound else bound


def step(options, params, x, state):
    """One step of one episode: logits, value, M (or None), and the next (h, c, hebb, trace)."""
    h_prev, c_prev, hebb, trace = state
    h, c, p = cell(options, params, x, h_prev, c_prev, weights(options, params, hebb))
    logits, value = readout(params, h)
    if options["plasticity"] == "none":
        return logits, value, None, (h, c, None, None)
    M = modulator(options, params, h) if options["plasticity"] == "modulated" else None
    E, trace_next = eligibility(options, params, hebb, h_prev, p, trace)

    def updated(i, j):
        d = drive(options, params, M, i, j) * E[i][j]
        if options["rule"] == "soft":
            d *= room(hebb, d, i, j)
        return clip(hebb[i][j] + d, options["clip"])

    return logits, value, M, (h, c, matrix(len(h), updated), trace_next)


def episode(options, params, x, state):
    """All steps of one episode, x[t][d]: (logits, value, M) of every step, and every state, the first too."""
    outputs, states = [], [state]
    for x_t in x:
        *output, state = step(options, params, x_t, state)
        outputs.append(output)
        states.append(state)
    return outputs, states
