"""softmax (notes (1.3)): P(a_t = a) = exp(logits_a) / Σ_k exp(logits_k).

Derivation. With l = log softmax, l_a = z_a - log Σ_k exp(z_k), so ∂l_a/∂z_k = [a = k] - P_k and

    dz = dl - P Σ_a dl_a                  log softmax
    dz = P ⊗ (dP - Σ_a dP_a P_a)          softmax, from ∂P_a/∂z_k = P_a ([a = k] - P_k)

Subtracting the largest logit first changes nothing except the overflow. The output is all that the other two functions
need, so it is its own cache.
"""

import numpy as np


def log_softmax_forward(logits):
    """logits (..., A) -> log P (..., A). For complex logits the largest real part is subtracted."""
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_softmax_backward(d_log_p, log_p):
    """d_log_p (..., A) -> dlogits (..., A)."""
    return d_log_p - np.exp(log_p) * d_log_p.sum(axis=-1, keepdims=True)


def log_softmax_jvp(t_logits, log_p):
    """Tangent of log P (..., A)."""
    return t_logits - (np.exp(log_p) * t_logits).sum(axis=-1, keepdims=True)


def softmax_forward(logits):
    """logits (..., A) -> P (..., A)."""
    return np.exp(log_softmax_forward(logits))


def softmax_backward(dP, P):
    """dP (..., A) -> dlogits (..., A)."""
    return P * (dP - (dP * P).sum(axis=-1, keepdims=True))


def softmax_jvp(t_logits, P):
    """Tangent of P (..., A)."""
    return P * (t_logits - (P * t_logits).sum(axis=-1, keepdims=True))
