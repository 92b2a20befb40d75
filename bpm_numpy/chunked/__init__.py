r"""Exact gradients, chunk by chunk: the fast way through time.

Backpropagation step by step rewrites a (B, N, N) matrix at every step, so its time goes into moving Hebb(t),
not into arithmetic. But as long as Clip cuts nothing, Hebb is a sum of outer products, and inside a chunk of L
steps t0 ≤ t < t1 it need not be formed. With a_s = h_{s-1}, and vectors over post-synaptic neurons that scale
columns, all rules that go by chunks have one form:

    Hebb(t) = Σ_m coef_m(t) ⊗ S_m + Σ_{s<t} a_s driven_s(t)ᵀ
    y_t     = h_{t-1} w + Σ_m coef_m(t) ⊗ (h_{t-1} P_m) + Σ_{s<t} driven_s(t) ⊗ R_ts
              P_m = alpha ⊗ S_m,   R_ts = (a_s ⊗ h_{t-1}) alpha

S_m are the matrices at the chunk's start: Hebb(t0), and for the trace also the trace. The vectors coef and driven are
the rule's ``sums``: ``gated`` for rules Hebb ← g ⊗ Hebb + h_{t-1} qᵀ (outer, decay, Oja), ``traced`` for the trace. The
sum over s is a product of stacked rows with alpha; with one alpha per neuron R_ts = alpha (a_s · h_{t-1}): linear
attention. Each matrix at the end of the chunk is a sum of the same form, with coef_m(t1) and rows r_s:

    S_m(t1) = Σ_k coef_mk ⊗ S_k + Σ_s a_s r_ms^T        (of Hebb: r_s = driven_s(t1))

Backward, with G_m the adjoint of S_m(t1), each line the transpose of one above:

    da_s = Σ_m G_m r_ms,   dr_ms = a_s G_m,   dcoef_mk = Σ_pre G_m ⊗ S_k                    from the chunk's end
    for t = t1-1 ... t0:
        the sums give dmu_t and dp_t; then the backward of drive and cell gives dy_t
        dh_{t-1} += w dy_t + Σ_m P_m (coef_m(t) dy_t) + da_t;   dcoef_m(t) += dy_t ⊗ (h_{t-1} P_m)
        for s < t:  V_ts = driven_s(t) dy_t,   U_ts = alpha V_ts
                    da_s += h_{t-1} U_ts;  dh_{t-1} += a_s U_ts;  ddriven_s(t) += dy_t ⊗ R_ts
                    dalpha += (a_s ⊗ h_{t-1}) V_tsᵀ
    Z_m = Σ_t h_{t-1} (coef_m(t) dy_t)ᵀ:   dalpha += S_m ⊗ Z_m;   G_k ← Σ_m coef_mk ⊗ G_m + alpha ⊗ Z_k

So L steps make a chunk where a certificate proves that Clip cuts nothing. Where it cuts, steps go one by one, with
Hebb(t) in full and clipped at each of them (``dense``): most trained networks live there. Between the two: where the
certificate fails for few entries, these alone are followed step by step beside a chunk of all others (``followed``).

Certificate, entry by entry: where Σ_m |coef|^ ⊗ |S_m| + Σ_s |a_s| (|driven_s|^)ᵀ is at most clip (1 - margin), nothing
is cut. The hats are bounds of |coef_m(t)| and |driven_s(t)| at every step of the chunk, so by the triangle inequality
no sum passes the bound at any step; the margin covers the rounding of both sums. (The same sum of maxima over the
entries is no smaller, and tried first.) It speaks of the activities that the chunk computed: where those of a
step-by-step run differ in their last digits, an entry within rounding of the bound may fall on the other side of Clip's
kink there.

    naive     one chunk of one episode in two short functions, to read
    gated     the sums of rules Hebb ← g ⊗ Hebb + h qᵀ
    traced    the sums of the trace
    followed  entries that Clip may cut, by themselves
    dense     steps one by one, all entries, of a slice of the batch
    chunk     one chunk of a slice
    engine    the whole sequence: slices, starts that are kept, the certificate and the way back
    plan      how a pass is cut up

What goes by chunks is opted into: a rule names its ``sums``; any other rule goes step by step.
"""
