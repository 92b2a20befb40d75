"""The equations that every network shares, one file each, with three functions side by side.

    X_forward(inputs)             -> outputs, cache    cache: whatever the other two need
    X_backward(d_outputs, cache)  -> d_inputs          reverse mode: dL/d(input) from dL/d(output), in forward's order
    X_jvp(t_inputs, cache)        -> t_outputs         forward mode: how the output moves when the inputs move

In a ``backward``, a name that starts with ``d`` is a gradient of the loss L. In a ``jvp`` (Jacobian-vector product), a
name that starts with ``t`` is a tangent: the derivative of that quantity along one chosen direction of the inputs.
All functions are pure: they read their arguments, write into none of them and keep nothing. The parts that can be
exchanged follow the same convention: ``cells``, ``rules`` and ``modulators``.

The notes number no equation. Here (2.5) means the fifth displayed equation of section 2, counted in
order of appearance, with the six lines of the LSTM counted as six.

    plastic_weights   (2.2)         y_t = h_{t-1} W~(t),  W~(t) = w + alpha ⊗ Hebb(t)
    clip              (2.6)         Clip
    hebb_update       (2.5)         Hebb(t+1) = Clip(Hebb(t) + M(t) E(t))
    fanout            below (2.6)   one drive for every post-synaptic neuron
    readout           (1.3)         logits F(h_t) and the value
    softmax           (1.3)         P(a_t = ·) = softmax(logits)
    sigmoid           (2.8-2.10)    σ, the gates' function

Shapes: B episodes in a batch, D inputs, N hidden units, A outputs. Row vectors: a weight is stored
[pre, post] and used as ``h @ W``.
"""
