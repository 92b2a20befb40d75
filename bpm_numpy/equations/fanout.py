"""Fan-out: the scalar M(t) reaches each post-synaptic neuron in its own way (the authors' code).

    mu_j(t) = M(t) W_fan[j] + b_fan[j]

Derivation. M enters every mu_j, so dM = Σ_j dmu_j W_fan[j]; dW_fan[j] = Σ_b M dmu_j, db_fan[j] = Σ_b dmu_j.
"""


def fanout_forward(M, W_fan, b_fan):
    """M (B,), W_fan (N,), b_fan (N,) -> mu (B, N), cache."""
    return M[:, None] * W_fan + b_fan, (M, W_fan)


def fanout_backward(dmu, cache):
    """dmu (B, N) -> dM (B,), dW_fan (N,), db_fan (N,)."""
    M, W_fan = cache
    return dmu @ W_fan, M @ dmu, dmu.sum(axis=0)


def fanout_jvp(t_M, t_W_fan, t_b_fan, cache):
    """Tangent of mu (B, N)."""
    M, W_fan = cache
    return t_M[:, None] * W_fan + M[:, None] * t_W_fan + t_b_fan
