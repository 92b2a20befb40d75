"""Training: what a run is made of, one update, and the loop. Nothing is written here; ``runs`` does that.

    for progress in train(settings):        # one turn an update
        ...
    progress.training.params, progress.curve

All that is random comes from generators seeded by ``settings.seed``: starting parameters and then episodes and
actions from one, which is part of the TrainingState; each evaluation from one of its own. So how often, and whether,
a run was interrupted changes no bit of what comes out.
"""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import check_choice, check_count, check_names, check_number, check_size
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..tasks import TASKS, make_task
from .episodes import evaluate, loss_and_gradients, rollout
from .losses import ENTROPIES
from .optimisers import adam, adam_init, clip_gradient_norm
from .storage import TrainingState, load_parameters

# The four networks that the paper compares, by its names.
NETWORKS = {
    "none": {"plasticity": "none", "reading": "paper"},
    "plastic": {"plasticity": "hebbian", "reading": "paper"},
    "simple": {"plasticity": "modulated", "reading": "paper"},
    "retroactive": {"plasticity": "modulated", "eligibility": "trace", "reading": "paper"},
}


class Settings(NamedTuple):
    """All that determines a run; can be written as JSON. ``lab.settings.settings_for`` makes them from a table."""

    task: str  # a name in TASKS
    setting: str  # name of the table's row, a label
    network: str  # name in NETWORKS, a label
    seed: int
    task_options: dict  # of the task's class, and "block" (see ``tasks.make_task``)
    network_options: dict  # of PlasticNetwork, but for n_inputs and n_outputs, which are the task's
    start: dict | str  # parameter -> its starting value, or [low, high] to draw it from, ``net.init`` gives the others;
    # or a file of parameters to start from, all of them: params.npz of a finished run
    updates: int  # of one batch of episodes each
    learning_rate: float  # of Adam
    eps: float  # of Adam
    max_norm: float  # the gradient is shortened to this norm
    discount: float
    value_weight: float
    entropy_weight: float
    entropy: str  # "shannon" | "sum_of_squares"
    evaluate_every: int  # updates: an evaluation and a line of the curve
    evaluation_episodes: int


class Update(NamedTuple):
    """What is noted of one update: its number from 1, the score of its own episodes, loss, gradient norm, seconds."""

    number: int
    score: float
    loss: float
    gradient_norm: float
    seconds: float


class Progress(NamedTuple):
    """A training so far: all that it goes on from, the Updates since the curve's last row, and the curve.

    A row is a dict: update, episodes and seconds so far; training_score, loss, gradient_norm and clipped (the share of
    updates whose gradient was shortened), means over the updates since the row before; and what ``evaluate`` returned.
    """

    training: TrainingState
    recent: list
    curve: list


def check_settings(settings):
    """TypeError or ValueError for settings with which no training can begin; options are the task's and network's."""
    check_choice("task", settings.task, TASKS)
    for name, kinds in (("task_options", dict), ("network_options", dict), ("start", (dict, str))):
        if not isinstance(getattr(settings, name), kinds):
            raise TypeError(f"{name}: expected a dict, got {type(getattr(settings, name)).__name__}")
    check_count("seed", settings.seed, smallest=0)
    for name in ("updates", "evaluate_every", "evaluation_episodes"):
        check_count(name, getattr(settings, name))
    for name in ("learning_rate", "value_weight", "entropy_weight"):
        check_number(name, getattr(settings, name), at_least=0)
    for name in ("eps", "max_norm"):
        check_number(name, getattr(settings, name), above=0)
    check_number("discount", settings.discount, at_least=0, at_most=1)
    check_choice("entropy", settings.entropy, ENTROPIES)


def build(settings):
    """The task and the network of checked Settings."""
    check_settings(settings)
    task = make_task(settings.task, settings.task_options)
    net = PlasticNetwork(n_inputs=task.n_inputs, n_outputs=task.n_outputs, **settings.network_options)
    for name, shape in parameter_shapes(net).items():
        check_size(f"network_options: {name}", *shape)
    check_size("network_options: Hebb", task.batch, net.n_hidden, net.n_hidden)
    return task, net


def begin(settings):
    """Progress before the first update; Adam knows nothing of earlier gradients, wherever the parameters are from."""
    _, net = build(settings)
    rng = np.random.default_rng(settings.seed)
    params = start_parameters(net, settings.start, rng)
    return Progress(TrainingState(net, params, adam_init(params), rng, None, 0), [], [])


def start_parameters(net, start, rng):
    """``net.init(rng)``, with other values where ``start`` (see Settings) has some; or all that are in its file.

    TypeError or ValueError for values that cannot be, a file that is none, and parameters of another network.
    """
    if isinstance(start, str):
        return _trained_parameters(net, start)
    params = net.init(rng)
    check_names("start", start, params, complete=False)
    for name, value in start.items():
        low, high = value if isinstance(value, (list, tuple)) and len(value) == 2 else (value, value)
        check_number(f"start[{name!r}]", low)
        check_number(f"start[{name!r}]", high, at_least=low)
        params[name] = np.asarray(rng.uniform(low, high, params[name].shape), net.dtype)
    return params


def _trained_parameters(net, path):
    if not Path(path).is_file():
        raise ValueError(f"start: expected parameters or a file of them (params.npz of a finished run), got {path!r}")
    trained, params = load_parameters(path)
    if trained.options != net.options:
        raise ValueError(f"start: expected parameters of {net}, got {path}, of {trained}")
    return params


def update(settings, task, training):
    """One batch of episodes, one step of Adam -> TrainingState, Update. The training's rng moves on."""
    started = time.perf_counter()
    net, params = training.net, training.params
    episode = rollout(net, params, task, training.rng)
    score = task.summarise(episode)["score"]
    loss, grads = loss_and_gradients(settings, net, params, episode)
    shortened, norm = clip_gradient_norm(grads.params, settings.max_norm)
    rates = {"learning_rate": settings.learning_rate, "eps": settings.eps}
    params, optimiser = adam(params, shortened, training.optimiser, **rates)
    training = training._replace(params=params, optimiser=optimiser, step=training.step + 1)
    return training, Update(training.step, float(score), loss, norm, time.perf_counter() - started)


def train(settings, progress=None):
    """Go on from ``progress``, or begin, and yield the Progress after every update until ``settings.updates`` are done.

    Rows join the curve every ``evaluate_every`` updates and after the last one.
    """
    training, recent, curve = begin(settings) if progress is None else progress
    task, _ = build(settings)
    held_out = task.for_evaluation()
    while training.step < settings.updates:
        training, done = update(settings, task, training)
        recent = [*recent, done]
        if training.step % settings.evaluate_every == 0 or training.step == settings.updates:
            curve, recent = [*curve, _row(settings, held_out, training, recent, curve)], []
        yield Progress(training, recent, curve)


def _row(settings, task, training, recent, curve):
    """The curve's next row, from the Updates since the last one and a fresh evaluation."""
    started = time.perf_counter()
    rng = np.random.default_rng((settings.seed, 1, training.step))
    scores = evaluate(training.net, training.params, task, rng, settings.evaluation_episodes)
    before = curve[-1]["seconds"] if curve else 0.0
    norms = np.array([done.gradient_norm for done in recent])
    return {
        "update": training.step,
        "episodes": training.step * task.batch,
        "seconds": before + sum(done.seconds for done in recent) + time.perf_counter() - started,
        "training_score": float(np.mean([done.score for done in recent])),
        "loss": float(np.mean([done.loss for done in recent])),
        "gradient_norm": float(norms.mean()),
        "clipped": float((norms > settings.max_norm).mean()),
        **scores,
    }
