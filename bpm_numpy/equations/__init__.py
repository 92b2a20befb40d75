"""Every equation, one file each, with its three functions side by side.

    X_forward(inputs)             -> outputs
    X_backward(d_outputs, ...)    -> d_inputs     reverse mode: dL/d(input) from dL/d(output)
    X_jvp(inputs, t_inputs)       -> t_outputs    forward mode: how the output moves when the inputs move

In a ``backward``, a name that starts with ``d`` is a gradient of the loss L. In a ``jvp``, a name that
starts with ``t`` is a tangent: the derivative of that quantity along one chosen direction of the inputs.
All functions are pure: they read their arguments, write into none of them and keep nothing.

The notes number no equation. Here (2.5) means the fifth displayed equation of section 2, counted in
order of appearance, with the six lines of the LSTM counted as six.

    plastic_weights   (2.2)         y_t = h_{t-1} W~(t),  W~(t) = w + alpha ⊗ Hebb(t)
    clip              (2.6)         Clip
    hebb_update       (2.5)         Hebb(t+1) = Clip(Hebb(t) + M(t) E(t))
    modulator         below (2.6)   M(t) = tanh(h_t · W_m + b_m), its fan-out, and the fixed rate
    eligibility       (2.13-2.16)   E(t): outer product, Taylor series, trace
    rnn               §1            h_t = tanh(x_t W_x + y_t + b)
    lstm              (2.7-2.12)    the six lines of the LSTM
    readout           (1.3)         logits F(h_t) and the value
    softmax           (1.3)         P(a_t = ·) = softmax(logits)

Shapes: B episodes in a batch, D inputs, N hidden units, A outputs. Row vectors: a weight is stored
[pre, post] and used as ``h @ W``.
"""
