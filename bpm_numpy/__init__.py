r"""bpm_numpy: differentiable neuromodulated plasticity ("Backpropamine") in NumPy, every gradient by hand.

    from bpm_numpy import PlasticNetwork, gradcheck

A recurrent network whose weights change while it runs, w + alpha ⊗ Hebb(t), with forward and backward
code for every equation of X. Garcia, *Notes on "Backpropamine"* (2019); the paper is T. Miconi, A. Rawal,
J. Clune, K. O. Stanley, *Backpropamine*, ICLR 2019. Equation numbers such as (2.5) count the displayed
equations of a section of the notes in order of appearance; the six lines of the LSTM count as six.

Where things are
----------------
equations/      what all networks share: plastic weights, Clip, the Hebb update, readout; each with its derivation
rules/          how Hebb is rewritten, one file each: outer, trace, taylor, decay, oja, soft
modulators/     how M(t) follows from h_t: tanh, sigmoid, linear, difference;  drive.py: what reaches each neuron
cells/          how h_t follows from x_t and y_t: rnn, lstm, gru
step.py         one step of the network, composed of these, and its backward;  bptt.py: the steps through time
chunked/        the same gradients faster: Hebb unrolled over chunks of steps
network.py      PlasticNetwork: options, checks, forward, backward, jvp, step, begin;  state.py: what it carries
parts.py        what rules, modulators and cells have in common, by name;  plugins.py: the door for yours
proof/          gradcheck, check_vjp, check_jvp, checks of parts, random problems to check on, mistakes made on purpose
learning/       losses, optimisers, episodes and their gradients, the training loop, files
tasks/          what networks are trained on, one class each, batches of episodes at once
lab/            settings of every task, runs in folders, studies over seeds, interventions, findings (RESULTS.md)
bridge/         a plastic network in PyTorch, its parameters as ours, and a comparison of two programs
commands/       the command line;  site/: notebooks executed, and written as web pages
tutorial/       what the notebooks run, one module each;  figures/: functions that draw

Symbols
-------
Row vectors: every weight is stored [pre, post] and used as ``h @ W``. Steps are t = 0 ... T-1; step t maps
(h_{t-1}, Hebb(t)) to (h_t, Hebb(t+1)).

notes            code                    shape           meaning
---------------  ----------------------  --------------  -------------------------------------------------
T                T                       ()              steps of an episode
                 B                       ()              episodes in a batch, independent of one another
                 D, N, A, K              ()              inputs, hidden units, outputs, hidden readout units
x_t              x[t]                    (B, D)          input: s_t, one-hot a_{t-1} and r_{t-1}, joined
h_t              h[t+1]                  (B, N)          hidden state after step t; h[0] the initial one
c_t              c[t+1]                  (B, N)          cell state (lstm)
w                W_h, W_ih, W_nh         (N, N)          the fixed part of the plastic weights (rnn, lstm, gru)
α                alpha                   (N, N)|(N,)|()  how plastic a connection is
Hebb(t)          hebb[t]                 (B, N, N)       the plastic part, used at step t
w(t)             W~, plastic_weights     (B, N, N)       w + alpha ⊗ Hebb(t)
M(t)             modulator, M            (B,)            how much is written, and with which sign
                 mu                      (B, N)          the drive of each neuron: M(t) or its fan-out, or rate
                 W_m, b_m                (N,), ()        M(t) = tanh(h_t · W_m + b_m), or another modulator of it
                 W_m2, b_m2, gain        (N,), (), ()    further ones of the modulator "difference"
                 W_fan, b_fan            (N,), (N,)      fan-out: mu_j = M(t) W_fan[j] + b_fan[j]
                 rate                    ()              drive without modulation
E(t)             eligibility, E          (B, N, N)       what the drive multiplies
h_{t-1} i_t^T    X                       (B, N, N)       X[b, pre, post] = h_{t-1}[b, pre] p_t[b, post]
                 p                       (B, N)          post-synaptic activity: h_t (rnn), i_t (lstm), n_t (gru)
η                eta                     ()              weight of the new product in the trace
                 trace                   (B, N, N)       what the rule carries: E(t-1) ("notes") or E(t) ("paper")
A, B, C          A, B, C                 N², N³, N³      tensors of the Taylor series of E
D, G, H          D, G, H                 N⁴ each         likewise, second order
Clip             clip_forward            any             to [-clip, clip]; clip = 1 in the notes
i_t j_t f_t o_t  Gates                   (B, N)          candidate, input, forget and output gate (lstm)
W_ix ... b_o     W_ix, W_ih, b_i, ...    (D, N) (N, N)   weights of the gates, [pre, post]
F(h_t)           logits                  (B, A)          readout; softmax of it is P(a_t = ·)
                 values                  (B,)            value of the state, for a critic
∂L/∂(name)       d + name                as name         gradient of the loss
                 t_ + name               as name         tangent, in the jvp functions

Two readings
------------
reading              "notes" (default): as printed    "paper": as in Miconi et al.
carry in c_t         h_{t-1}                          c_{t-1}
g in j_t             tanh                             sigmoid
trace                E(t) includes X_t                E(t) excludes X_t

Differences from the notes
--------------------------
 1. c_t carries h_{t-1} as printed; an LSTM carries c_{t-1}: reading "paper".
 2. j_t is printed with tanh; as a gate it is a sigmoid: reading "paper".
 3. (2.16) has E(t) on both sides; taken literally its only solution (eta ≠ 0) is E(t) = X_t, no trace at
    all. The right-hand side is read as E(t-1).
 4. (2.14) ends in i_t^T H h_t; the variables of the series are (h_{t-1}, i_t), so it is h_{t-1} here. The
    factors ½ of the second order are absorbed in the tensors.
 5. "H is the identity" is the 4-index identity H_abcd = [a = c][b = d].
 6. E = h_{t-1} i_t^T is [pre, post] while W_ih h_{t-1} is written [post, pre]. All is [pre, post] here.
 7. x_t is called a function of (s_t, a_t, r_t), but a_t is drawn after x_t is read: (s_t, a_{t-1}, r_{t-1}).
 8. Which weights are plastic is not said; here, as in the paper, the recurrent weights of i_t.
 9. psi is said to depend on h_{t-1} and x_t alone, but Hebb(t) depends on the whole history.
10. M(t) has no formula in the notes; here it is tanh(h_t · W_m + b_m), read from h_t.
11. i_t and j_t are swapped against textbooks: i_t is the candidate, j_t the input gate.
12. R sums t = 0 ... T, T+1 terms; an episode here has T steps, 0 ... T-1.
13. The Markov sentence leaves out s_t and a_t, and a chess position is not quite Markov.
14. h_t = f_w(x_t, h_{t-1}) leaves out c and Hebb: the state that stands for the history is (h, c, Hebb, E).
15. "Clipping lets the weights be the dominant force" holds only while |alpha| clip is small beside |w|.
16. E is given an explicit t, but the tensors of the series are constant in t.
17. One readout, one value and one alpha layout are not the only ones here: ``alpha``, ``readout_hidden``.

Differences from the paper
--------------------------
- Its networks are our reading "paper": "simple" neuromodulation is modulated + outer, "retroactive" is
  modulated + trace, plain plasticity is hebbian + outer with a learnt rate.
- Its Taylor series is the notes' own; the paper has none.
- clip, the initial Hebb and the initial state are arguments here.
- The rules decay (its predecessor's), oja and soft, the cell gru and the modulators other than tanh are not in it.

Differences from the authors' code
----------------------------------
- It stores the outer product in either orientation, file by file; here it is [pre, post] throughout.
- Fan-out (``fanout=True``) is theirs; the paper's text speaks of a scalar M(t).
- Its actor-critic subtracts the baseline of episode 0 from every episode; here each has its own.
- Its "entropy" term is a sum of squared probabilities; both that and the entropy are in ``losses``.
- It divides the gradient of alpha by about N in the language model; no gradient is rescaled here.
- Its starting values differ; ours are in ``parameters``.
"""

# ruff: noqa: F403, F405
import importlib

__version__ = "0.1.0"
TYPE_CHECKING = False
if TYPE_CHECKING:  # editors and type checkers take it for True
    from .public import *

__all__ = [
    "GradientCheckError",
    "PlasticNetwork",
    "State",
    "check_cell",
    "check_jvp",
    "check_modulator",
    "check_rule",
    "check_task",
    "check_vjp",
    "compare_ways",
    "gradcheck",
    "register",
    "register_network",
    "register_setting",
    "register_study",
]


def __getattr__(name):
    """What isn't there yet is loaded now: the command line answers Ctrl-C, and sets its threads, before NumPy is."""
    if name in __all__:
        return getattr(importlib.import_module(".public", __name__), name)
    if not name.startswith("_"):
        try:
            return importlib.import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
