"""Optimisers: steps by hand, against PyTorch, dtypes, and bad arguments."""

import math

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork
from bpm_numpy.learning.losses import cross_entropy
from bpm_numpy.learning.optimisers import AdamState, adam, adam_init, clip_gradient_norm, decay_parameters

RATE = {"learning_rate": 0.1}


def draw(seed, dtype=np.float64):
    """A dict of arrays of every rank, like a network's parameters."""
    rng = np.random.default_rng(seed)
    shapes = {"W": (3, 2), "b": (2,), "alpha": (), "B": (2, 2, 2)}
    return {name: np.asarray(rng.standard_normal(shape), dtype) for name, shape in shapes.items()}


def freeze(arrays):
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def assert_like(arrays, params):
    """Plain arrays (0-d ones too) with the names, shapes and dtype of ``params``."""
    assert list(arrays) == list(params)
    for name, value in arrays.items():
        assert type(value) is np.ndarray
        assert (value.shape, value.dtype) == (params[name].shape, params[name].dtype)


# Clipping the norm


def test_norm_is_that_of_all_entries_together():
    grads = {"a": np.array([3.0, 0.0]), "b": np.array(4.0), "c": np.array([[12.0]])}
    clipped, norm = clip_gradient_norm(grads, 6.5)
    assert norm == pytest.approx(13, rel=1e-15)
    for name, grad in grads.items():
        np.testing.assert_allclose(clipped[name], grad / 2, rtol=1e-14)
    assert clip_gradient_norm(clipped, 100.0)[1] == pytest.approx(6.5, rel=1e-15)


@pytest.mark.parametrize("max_norm", [13.0, 20])
def test_a_gradient_that_is_short_enough_stays(max_norm):
    grads = {"a": np.array([3.0, 0.0]), "b": np.array(4.0), "c": np.array([[12.0]])}
    clipped, _ = clip_gradient_norm(grads, max_norm)
    for name, grad in grads.items():
        np.testing.assert_array_equal(clipped[name], grad)
        assert not np.shares_memory(clipped[name], grad)


@pytest.mark.parametrize("size", [1e-250, 1e250])
def test_norm_of_very_small_and_very_large_gradients(size):
    clipped, norm = clip_gradient_norm({"a": np.array([3 * size, 4 * size])}, size)
    assert norm == pytest.approx(5 * size, rel=1e-14)
    np.testing.assert_allclose(clipped["a"], [0.6 * size, 0.8 * size], rtol=1e-14)


def test_norm_of_zero():
    clipped, norm = clip_gradient_norm({"a": np.zeros(3)}, 1.0)
    assert norm == 0
    np.testing.assert_array_equal(clipped["a"], 0)


# Adam


def test_adam_by_hand():
    """Algorithm 1 written for one number in Python floats, over several steps."""
    gradients, rate, beta1, beta2, eps = (0.5, -2.0, 0.1, 3.0, -0.7), 0.1, 0.8, 0.95, 1e-3
    params = {"p": np.array(1.0)}
    state = adam_init(params)
    p, m, v = 1.0, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        p -= rate * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
        params, state = adam(params, {"p": np.array(g)}, state, learning_rate=rate, beta1=beta1, beta2=beta2, eps=eps)
        assert state.steps == t
        np.testing.assert_allclose((params["p"], state.m["p"], state.v["p"]), (p, m, v), rtol=1e-14)


def test_adam_first_steps_have_the_length_of_the_learning_rate():
    """The bias correction: under a constant gradient m̂ = g and v̂ = g², at every step and scale of g."""
    params = {"p": np.array([0.0, 0.0, 0.0])}
    state = adam_init(params)
    for t in range(1, 4):
        params, state = adam(params, {"p": np.array([1e-3, -1.0, 1e3])}, state, learning_rate=0.01)
        np.testing.assert_allclose(params["p"], t * 0.01 * np.array([-1, 1, -1]), rtol=2e-5)


def test_adam_goes_on_from_a_stored_state():
    """Split after two steps, the state through its arrays: the same bits as in one go."""
    params, state = draw(3), adam_init(draw(3))
    for t in range(4):
        if t == 2:
            state = AdamState(dict(state.m), dict(state.v), np.int64(state.steps))
            other, other_state = params, state
        params, state = adam(params, draw(20 + t), state, **RATE)
    for t in (2, 3):
        other, other_state = adam(other, draw(20 + t), other_state, **RATE)
    assert other_state.steps == state.steps == 4 and type(state.steps) is int
    for name in params:
        np.testing.assert_array_equal(params[name], other[name])


def test_a_factor_on_the_rate_is_a_rate_of_its_own():
    params, grads = draw(17), draw(18)
    one, state = adam(params, grads, adam_init(params), learning_rate=0.1, rate_factors={"W": 0.5, "alpha": 0})
    for name, rate in {"W": 0.05, "b": 0.1, "alpha": 0.0, "B": 0.1}.items():
        alone, _ = adam(params, grads, adam_init(params), learning_rate=rate)
        np.testing.assert_array_equal(one[name], alone[name])
    assert state.m["alpha"] != 0  # the gradient is Adam's business still: see ``training.descend``
    np.testing.assert_array_equal(one["alpha"], params["alpha"])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_decay_takes_a_share_of_what_is_named(dtype):
    params = freeze(draw(19, dtype))
    shrunk = decay_parameters(params, {"W": 0.25, "alpha": np.float64(0.5)})
    assert_like(shrunk, params)
    for name, share in {"W": 0.25, "b": 0, "alpha": 0.5, "B": 0}.items():
        np.testing.assert_allclose(shrunk[name], params[name] - dtype(share) * params[name], rtol=1e-6)
    np.testing.assert_array_equal(shrunk["B"], params["B"])


# Against PyTorch


def follow_torch(ours, theirs, start, dtype, rtol):
    """Ten steps of both on the same gradients."""
    torch = pytest.importorskip("torch")
    params = draw(4, dtype)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    optimiser = theirs(torch.optim, list(tensors.values()))
    state = start(params)
    for t in range(10):
        grads = draw(30 + t, dtype)
        params, state = ours(params, grads, state)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name])
        optimiser.step()
    for name, tensor in tensors.items():
        np.testing.assert_allclose(params[name], tensor.detach().numpy(), rtol=rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_adam_against_torch(dtype, rtol):
    follow_torch(
        lambda *step: adam(*step, learning_rate=0.05, beta1=0.8, beta2=0.95, eps=1e-4),
        lambda optim, tensors: optim.Adam(tensors, lr=0.05, betas=(0.8, 0.95), eps=1e-4),
        adam_init,
        dtype,
        rtol,
    )


def test_clipping_against_torch():
    torch = pytest.importorskip("torch")
    grads = draw(5)
    tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads.values()]
    for tensor, g in zip(tensors, grads.values()):
        tensor.grad = torch.tensor(g)
    theirs = torch.nn.utils.clip_grad_norm_(tensors, 1.5)
    clipped, norm = clip_gradient_norm(grads, 1.5)
    np.testing.assert_allclose(norm, float(theirs), rtol=1e-12)
    for tensor, g in zip(tensors, clipped.values()):
        np.testing.assert_allclose(g, tensor.grad.numpy(), rtol=1e-5)  # torch adds 1e-6 to the norm


# With a network


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_network_learns_an_association(dtype):
    net = PlasticNetwork(2, 4, 2, rule="trace", dtype=dtype)
    rng = np.random.default_rng(6)
    params = net.init(rng)
    x = rng.standard_normal((4, 3, 2)).astype(dtype)  # (T, B, D)
    targets = rng.integers(0, 2, (4, 3))
    state, losses = adam_init(params), []
    for _ in range(40):
        traj = net.forward(params, x)
        loss, d_logits = cross_entropy(traj.logits, targets)
        grads, _ = clip_gradient_norm(net.backward(params, traj, d_logits).params, 2.0)
        params, state = adam(params, grads, state, learning_rate=0.1)
        losses.append(loss)
    assert losses[-1] < 0.6 * losses[0]
    assert_like(params, net.init(rng))


# Dtypes and arguments


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dtypes_and_shapes_stay(dtype):
    params, grads = draw(7, dtype), draw(8, dtype)

    def results(third):
        m, v = grads, {name: np.square(g) for name, g in grads.items()}
        options = {"learning_rate": third, "beta1": third, "beta2": third, "eps": third}
        moved, state = adam(params, grads, AdamState(m, v, 3), **options)
        clipped, _ = clip_gradient_norm(grads, third)
        return moved, state.m, state.v, clipped

    # A hyperparameter that is a NumPy float64 would carry float32 along, were it let.
    for one, two in zip(results(1 / 3), results(np.float64(1 / 3))):
        assert_like(one, params)
        assert_like(two, params)
        for name in params:
            np.testing.assert_array_equal(one[name], two[name])


def test_nothing_of_the_callers_is_written_to():
    params, grads = freeze(draw(9)), freeze(draw(10))
    v = freeze({name: np.square(value, out=value) for name, value in draw(12).items()})
    state = AdamState(freeze(draw(11)), v, 3)
    dicts = [params, grads, state.m, state.v]
    copies = [{name: np.array(value) for name, value in arrays.items()} for arrays in dicts]
    clip_gradient_norm(grads, 0.1)
    adam(params, grads, state, **RATE)
    for arrays, copy in zip(dicts, copies):
        assert arrays.keys() == copy.keys()
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], copy[name])


def test_the_order_of_the_gradients_does_not_matter():
    params, grads = draw(13), draw(14)
    backwards = dict(reversed(grads.items()))
    one, _ = adam(params, grads, adam_init(params), **RATE)
    two, _ = adam(params, backwards, adam_init(params), **RATE)
    assert list(one) == list(two)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_a_numpy_scalar_is_a_0d_parameter():
    params = {"alpha": np.float64(1.0)}
    moved, _ = adam(params, {"alpha": np.float64(2.0)}, adam_init(params), **RATE)
    assert type(moved["alpha"]) is np.ndarray and moved["alpha"] == pytest.approx(0.9)


P, G = draw(15), draw(16)
HALF = {name: value.astype(np.float32) for name, value in G.items()}
M = adam_init(P)
ERRORS = [
    (TypeError, "params", lambda: adam_init([1.0])),
    (ValueError, r"params\['W'\]", lambda: adam(P | {"W": P["W"] + np.inf}, G, M, **RATE)),
    (TypeError, "grads", lambda: adam(P, None, M, **RATE)),
    (ValueError, "learning_rate", lambda: adam(P, G, M, learning_rate=-0.1)),
    (TypeError, "grads", lambda: clip_gradient_norm(list(G.values()), 1.0)),
    (ValueError, "grads", lambda: clip_gradient_norm({}, 1.0)),
    (TypeError, r"grads\['W'\]", lambda: clip_gradient_norm({"W": [1.0]}, 1.0)),
    (TypeError, r"grads\['W'\]", lambda: clip_gradient_norm({"W": np.array([1])}, 1.0)),
    (TypeError, r"grads\['W'\]", lambda: clip_gradient_norm({"W": np.array([1j])}, 1.0)),
    (TypeError, r"grads\['b'\]", lambda: clip_gradient_norm(G | {"b": HALF["b"]}, 1.0)),
    (ValueError, r"grads\['b'\]", lambda: clip_gradient_norm(G | {"b": G["b"] * np.nan}, 1.0)),
    (ValueError, "max_norm", lambda: clip_gradient_norm(G, 0.0)),
    (TypeError, "max_norm", lambda: clip_gradient_norm(G, None)),
    (ValueError, "params", lambda: adam_init({})),
    (TypeError, r"params\['p'\]", lambda: adam_init({"p": 1.0})),
    (ValueError, r"grads\['alpha'\]", lambda: adam(P, G | {"alpha": np.array(np.nan)}, M, **RATE)),
    (ValueError, r"grads\['W'\]", lambda: adam(P, G | {"W": G["W"].T}, M, **RATE)),
    (TypeError, r"grads\['W'\]", lambda: adam(P, HALF, M, **RATE)),
    (TypeError, "state", lambda: adam(P, G, {"m": G, "v": G, "steps": 0}, **RATE)),
    (TypeError, "state", lambda: adam(P, G, None, **RATE)),
    (ValueError, r"state\.m\['b'\]", lambda: adam(P, G, M._replace(m=P | {"b": np.zeros(3)}), **RATE)),
    (ValueError, r"state\.v\['W'\]", lambda: adam(P, G, M._replace(v=P | {"W": P["W"] * np.nan}), **RATE)),
    (TypeError, r"state\.steps", lambda: adam(P, G, M._replace(steps=1.0), **RATE)),
    (ValueError, r"state\.v\['b'\]", lambda: adam(P, G, M._replace(v=M.v | {"b": M.v["b"] - 1}), **RATE)),
    (ValueError, r"state\.steps", lambda: adam(P, G, M._replace(steps=-1), **RATE)),
    (ValueError, r"state\.steps", lambda: adam(P, G, M._replace(steps=10**400), **RATE)),
    (ValueError, "learning_rate", lambda: adam(P, G, M, learning_rate=np.inf)),
    (TypeError, "learning_rate", lambda: adam(P, G, M, learning_rate="0.1")),
    (ValueError, "beta1", lambda: adam(P, G, M, **RATE, beta1=1.0)),
    (ValueError, "beta2", lambda: adam(P, G, M, **RATE, beta2=-0.5)),
    (ValueError, "eps", lambda: adam(P, G, M, **RATE, eps=0.0)),
    (TypeError, "rate_factors", lambda: adam(P, G, M, **RATE, rate_factors=[0.1])),
    (ValueError, r"rate_factors\['b'\]", lambda: adam(P, G, M, **RATE, rate_factors={"b": -1})),
    (TypeError, r"rate_factors\['b'\]", lambda: adam(P, G, M, **RATE, rate_factors={"b": None})),
    (TypeError, "params", lambda: decay_parameters([1.0], {})),
    (TypeError, "decay", lambda: decay_parameters(P, 0.1)),
    (ValueError, r"decay\['W'\]", lambda: decay_parameters(P, {"W": 1.0})),
    (TypeError, r"decay\['W'\]", lambda: decay_parameters(P, {"W": "0.1"})),
]


@pytest.mark.parametrize("error, name, call", ERRORS, ids=[f"{i}-{name}" for i, (_, name, _) in enumerate(ERRORS)])
def test_errors_name_the_argument(error, name, call):
    with pytest.raises(error, match=f"^{name}: expected .*, got "):
        call()


@pytest.mark.parametrize(
    "call",
    [lambda: adam(P, G, M, **RATE, rate_factors={"c": 0.1}), lambda: decay_parameters(P, {"c": 0.1})],
    ids=["rate_factors", "decay"],
)
def test_a_factor_of_an_unknown_parameter_is_refused_with_all_names(call):
    with pytest.raises(ValueError, match="expected the parameters W, b, alpha, B; unknown 'c'$"):
        call()


@pytest.mark.parametrize(
    "change, said", [(lambda g: g.pop("b"), "missing b"), (lambda g: g.update(c=0), "unknown 'c'")]
)
def test_a_missing_and_an_unknown_gradient_are_named(change, said):
    grads = dict(G)
    change(grads)
    with pytest.raises(ValueError, match=f"^grads: expected the parameters W, b, alpha, B; {said}$"):
        adam(P, grads, M, **RATE)


# At the edges of the dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_gives_a_state_that_it_takes_or_says_why_not(dtype):
    params = {"w": np.array([1.0, -2.0], dtype), "b": np.array(0.5, dtype)}
    largest, smallest = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    grads = {"w": np.array([np.sqrt(largest) * 0.5, smallest], dtype), "b": np.array(0, dtype)}
    state = adam_init(params)
    for _ in range(3):
        params, state = adam(params, grads, state, learning_rate=0.1)
    too_large = grads | {"w": np.array([np.sqrt(largest) * 2, 0], dtype)}
    with pytest.raises(ValueError, match=r"^grads\['w'\]: expected numbers whose square fits float"):
        adam(params, too_large, state, learning_rate=0.1)
    with pytest.raises(ValueError, match=r"^params\['w'\]: expected a step that stays in float"):
        adam(params | {"w": np.array([-largest, 0], dtype)}, grads, state, learning_rate=float(largest))


@pytest.mark.parametrize("eps", [1e-50, 1e40])
def test_adam_refuses_an_eps_that_is_0_or_infinite_in_the_dtype(eps):
    params = {"w": np.zeros(1, np.float32)}
    with pytest.raises(ValueError, match="^eps: expected a finite number above 0 in float32, got 1e"):
        adam(params, params, adam_init(params), learning_rate=0.1, eps=eps)
    moved, _ = adam(params, params, adam_init(params), learning_rate=0.1, eps=1e-45)
    assert moved["w"] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_norm", [1.0, 1e-20])
def test_the_largest_gradients_are_shortened_to_the_norm(dtype, max_norm):
    grads = {"w": np.full(4, np.finfo(dtype).max / 4, dtype), "b": np.array(0, dtype)}
    shortened, norm = clip_gradient_norm(grads, max_norm)
    assert norm == pytest.approx(float(np.finfo(dtype).max) / 2)
    np.testing.assert_allclose(shortened["w"], max_norm / 2, rtol=1e-6)
    with pytest.raises(ValueError, match="^grads: expected a norm that fits a float"):
        clip_gradient_norm({"w": np.full(4, np.finfo(np.float64).max)}, max_norm)
