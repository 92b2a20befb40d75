"""The tasks, measures, recorded controls and exercises of chapter 01."""

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork, gradcheck
from bpm_numpy.equations.plastic_weights import plastic_input_backward as plastic_input_backward_of_the_package
from bpm_numpy.equations.plastic_weights import plastic_input_forward
from bpm_numpy.figures.draw_weights import plot_one_shot
from bpm_numpy.learning.losses import cross_entropy
from bpm_numpy.tutorial import ch01_weights as weights
from bpm_numpy.tutorial.ch01_weights import BITS, EXERCISES, PAIRS, STEPS
from tests.tutorial.exercises import check_named, check_right

MISTAKES = [(name, text) for name, exercise in EXERCISES.items() for text in exercise.mistakes]


def plastic_input_backward(dy, h, w, alpha, hebb):
    dW = np.outer(h, dy)
    return {"h": (w + alpha * hebb) @ dy, "w": dW, "alpha": hebb * dW, "hebb": alpha * dW}


def hebb_update_backward(d_hebb_next, hebb, rate, X):
    return {"hebb": d_hebb_next, "rate": (X * d_hebb_next).sum(), "X": rate * d_hebb_next}


def shared_backward(dy, h, w, alpha, hebb):
    dW = h[:, :, None] * dy[:, None, :]
    return {"w": dW.sum(axis=0), "alpha": (hebb * dW).sum(axis=(0, 1))}


RIGHT = {
    "plastic_input_backward": plastic_input_backward,
    "hebb_update_backward": hebb_update_backward,
    "shared_backward": shared_backward,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_backward_pass_is_right(name):
    check_right(EXERCISES[name], RIGHT[name])


@pytest.mark.parametrize("name, text", MISTAKES, ids=[text[:40] for _, text in MISTAKES])
def test_every_planted_mistake_is_named(name, text):
    check_named(EXERCISES[name], RIGHT[name], text)


def test_the_exercises_are_of_the_functions_of_the_package(rng):
    inputs = EXERCISES["shared_backward"].draw(rng)
    y, cache = plastic_input_forward(**{"h_prev" if name == "h" else name: value for name, value in inputs.items()})
    assert np.allclose(EXERCISES["shared_backward"].forward(**inputs), y, rtol=0, atol=1e-13)
    dy = rng.standard_normal(y.shape)
    _, dw, dalpha, _ = plastic_input_backward_of_the_package(dy, cache)
    ours = shared_backward(dy, **inputs)
    assert np.allclose(ours["w"], dw, rtol=0, atol=1e-13) and np.allclose(ours["alpha"], dalpha, rtol=0, atol=1e-13)


def test_the_answer_by_hand_is_the_sign_of_a_sum_of_eight_numbers(rng):
    batch = weights.draw_associations(rng, 200)
    answers = weights.answer_by_hand(batch.x)
    for b in range(200):
        memory = [0] * BITS
        for k in range(PAIRS):
            cue, label = batch.x[2 * k, b, :BITS], batch.x[2 * k + 1, b, BITS:]
            for i in range(BITS):
                memory[i] += cue[i] * (1 if label[1] else -1)
        assert answers[b] == (sum(m * a for m, a in zip(memory, batch.x[-2, b, :BITS])) > 0)
    large = weights.draw_associations(rng, 4000)
    assert abs(np.mean(weights.answer_by_hand(large.x) == large.targets[-1]) - 0.948) < 0.02


def test_controls_are_the_same_when_recorded_again(tmp_path):
    once, again = tmp_path / "once.json", tmp_path / "again.json"
    for path in (once, again):
        weights.record_controls(path, seeds=(0, 1), updates=4, every=2)
    assert once.read_bytes() == again.read_bytes()
    controls = weights.load_controls(once)
    assert np.shape(controls["fixed LSTM"]["shares"]) == (2, 2) and np.shape(controls["fixed RNN"]["test"]) == (2,)


def test_the_recorded_controls_begin_as_a_fresh_run_does(tmp_path):
    recorded = weights.load_controls()
    weights.record_controls(tmp_path / "fresh.json", seeds=recorded["seeds"][:1], updates=100)
    fresh = weights.load_controls(tmp_path / "fresh.json")
    for name in ("fixed LSTM", "fixed RNN"):
        assert fresh[name]["parameters"] == recorded[name]["parameters"]
        assert abs(fresh[name]["shares"][0][0] - recorded[name]["shares"][0][0]) < 0.01


def test_every_run_is_drawn_thin_and_every_median_thick():
    rng = np.random.default_rng(0)
    curves = {"plastic RNN": rng.random((3, 40)), "one set per step": rng.random((3, 40))}
    figure = plot_one_shot(curves, weights.load_controls(), {"chance": 0.5})
    drawn = figure.axes[0].lines
    assert len(drawn) == 4 * (3 + 1) + 1
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["plastic RNN", "one set per step", "fixed RNN, 6000 updates", "fixed LSTM, 6000 updates"]


def test_echo_asks_for_the_sign_before(rng):
    batch = weights.draw_echo(rng, 20)
    assert len(np.unique(batch.x[0, :, -1])) == 2  # both signs are asked for
    for t, b in np.ndindex(STEPS, 20):
        if t == 0:
            assert not batch.mask[t, b]
        else:
            asked = 0 if batch.x[t, b, -1] == 1 else 1
            assert batch.mask[t, b] and batch.targets[t, b] == (batch.x[t - 1, b, asked] > 0)


def test_associations_ask_for_a_label_that_was_shown(rng):
    batch = weights.draw_associations(rng, 50)
    assert batch.mask.sum() == 50 and batch.mask[-1].all()
    assert np.all(batch.x[-1, :, -1] == 1) and np.all(batch.x[:-1, :, -1] == 0)
    for b in range(50):
        cues, labels = batch.x[: 2 * PAIRS : 2, b, :BITS], batch.x[1 : 2 * PAIRS : 2, b, BITS : BITS + 2]
        assert np.all(np.abs(cues) == 1) and len(np.unique(cues, axis=0)) == PAIRS
        assert np.all(labels.sum(axis=1) == 1)
        (shown,) = np.flatnonzero((cues == batch.x[-2, b, :BITS]).all(axis=1))
        assert labels[shown].argmax() == batch.targets[-1, b]


@pytest.mark.parametrize("plasticity", ["none", "hebbian", "modulated"])
def test_gradient_of_different_weights_at_every_step(rng, plasticity):
    net = PlasticNetwork(weights.ECHO_BITS + 1, 3, 2, plasticity=plasticity)
    batch = weights.draw_echo(rng, 2)
    sets = weights.one_set_per_step(net.init(rng), STEPS)
    sets = {name: value + 0.3 * rng.standard_normal(value.shape) for name, value in sets.items()}
    logits, steps = weights.forward_per_step(net, sets, batch.x)
    _, d_logits = cross_entropy(logits, batch.targets, batch.mask)

    def loss(p):
        return cross_entropy(weights.forward_per_step(net, p, batch.x)[0], batch.targets, batch.mask)[0]

    grads = weights.backward_per_step(net, sets, steps, d_logits)
    gradcheck(loss, sets, grads, method="complex", max_entries=30, rng=rng)


def test_equal_sets_are_one_set(rng):
    net = PlasticNetwork(BITS + 3, 4, 2, plasticity="hebbian")
    batch, params = weights.draw_associations(rng, 3), net.init(rng)
    shared, logits = weights.loss_gradient(net, params, batch, per_step=False)
    sets = weights.one_set_per_step(params, STEPS)
    each, same_logits = weights.loss_gradient(net, sets, batch, per_step=True)
    assert np.allclose(logits, same_logits, rtol=0, atol=1e-15)
    assert np.allclose(weights.answer(net, sets, batch.x, True), logits, rtol=0, atol=1e-15)
    for name, grad in shared.items():
        assert np.allclose(each[name].sum(axis=0), grad, rtol=0, atol=1e-14)


@pytest.mark.parametrize("field", ["h", "hebb"])
def test_erasing_is_a_state_set_to_zero_before_the_question(rng, field):
    net = PlasticNetwork(BITS + 3, 6, 2, plasticity="hebbian")
    batch, params = weights.draw_associations(rng, 200), net.init(rng)
    params |= {name: 3 * params[name] for name in ("W_h", "alpha", "rate")}
    state = net.initial_state(200)
    for t, x_t in enumerate(batch.x):
        if t == 2 * PAIRS:
            state = state._replace(**{field: np.zeros_like(getattr(state, field))})
        out, state = net.step(params, x_t, state)
    by_hand = np.mean(out.logits.argmax(axis=-1) == batch.targets[-1])
    assert weights.share_after_erasing(net, params, batch, field) == by_hand
    assert by_hand != weights.share_right(net.forward(params, batch.x).logits, batch)


def test_stored_pairs_are_sums_of_outer_products(rng):
    keys, values = rng.choice([-1.0, 1.0], (2, 2, 3, 5))
    hebb = weights.store_pairs(keys, values)
    for k, b, i, j in np.ndindex(4, 2, 5, 5):
        by_hand = sum(keys[b, n, i] * values[b, n, j] for n in range(k)) / 5
        assert np.isclose(hebb[k, b, i, j], by_hand, rtol=0, atol=1e-15)
    read = weights.read_back(hebb[3], keys[:, 1])
    assert np.allclose(read[0], keys[0, 1] @ hebb[3, 0], rtol=0, atol=1e-15)


def test_predicted_recall_is_the_normal_distribution():
    predicted = weights.recall_predicted(4, 5)
    assert predicted[0] == 1.0 and np.isclose(predicted[4], 0.8413447460685429, rtol=0, atol=1e-12)  # Φ(1)
    assert np.all(np.diff(predicted) < 0)


def test_majority_share():
    assert np.isclose(weights.majority_share(), 11 / 16, rtol=0, atol=1e-15)


def test_bytes_kept_counts_every_array_once(rng):
    net = PlasticNetwork(2, 3, 1, plasticity="none")
    steps = net.forward(net.init(rng), np.ones((4, 1, 2))).steps
    # x of four steps, the first h_{t-1} and four h_t, which are also p_t, the readout's input and the next h_{t-1}
    assert weights.bytes_kept(steps) == 8 * (4 * 2 + 5 * 3)
