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

from ..arguments import check_bool, check_choice, check_count, check_names, check_number, check_size
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import check_name
from ..tasks import TASKS, make_task
from .episodes import fresh_episodes, loss_and_gradients, means, rollout
from .losses import ENTROPIES
from .optimisers import adam, adam_init, clip_gradient_norm, decay_parameters
from .signs import SIGNS, signs
from .storage import TrainingState, load_parameters

# The four networks that the paper compares, by its names.
NETWORKS = {
    "none": {"plasticity": "none", "reading": "paper"},
    "plastic": {"plasticity": "hebbian", "reading": "paper"},
    "simple": {"plasticity": "modulated", "reading": "paper"},
    "retroactive": {"plasticity": "modulated", "rule": "trace", "reading": "paper"},
}


class Settings(NamedTuple):
    """All that determines a run; can be written as JSON. ``lab.settings.settings_for`` makes them from a table.

    Fields with a default are controls, and the default is "none of it": settings written down before there was such a
    field are those of the same run. Controls of an episode are the task's: see ``tasks.make_task``.
    """

    task: str  # a name in TASKS
    setting: str  # name of the table's row, a label
    network: str  # name in NETWORKS, a label
    seed: int
    task_options: dict  # of the task's class, "block" and "reset_at_trials" (see ``tasks.make_task``)
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
    rate_factors: dict = {}  # parameter -> factor on its learning rate; 0 freezes it
    decay: dict = {}  # parameter -> share that it loses after each update: p <- (1 - share) p
    warm_up: int = 0  # updates over which the learning rate rises, in a straight line from 0
    final_rate_factor: float = 1.0  # the learning rate then falls, in a straight line, to this share at the last update
    loss_per_step: bool = False  # the loss of rewards is divided by T, as the paper's authors do
    hebb_penalty: float = 0.0  # weight of the mean of Hebb(T)² in the loss
    carry: bool = False  # h, c, Hebb and trace go on from batch to batch; no gradient goes from one to another


class Update(NamedTuple):
    """What is noted of one update: its number from 1, the score of its own episodes, loss, gradient norm, seconds."""

    number: int
    score: float
    loss: float
    gradient_norm: float
    seconds: float


# The columns of a curve that no task may use for a score.
NOT_SCORES = (
    *("update", "episodes", "seconds", "training_score", "loss", "gradient_norm", "largest_gradient", "clipped"),
    *SIGNS,
)


class Progress(NamedTuple):
    """A training so far: all that it goes on from, the Updates since the curve's last row, and the curve.

    A row is a dict: update, episodes and seconds so far; training_score, loss, gradient_norm and clipped (the share of
    updates whose gradient was shortened), means over the updates since the row before, and largest_gradient, the
    largest norm among them; ``signs`` of the evaluation's first batch; and the evaluation's scores.
    """

    training: TrainingState
    recent: list
    curve: list


def check_settings(settings):
    """TypeError or ValueError for settings with which no training can begin; options are the task's and network's."""
    check_name("task", settings.task, TASKS)
    for name, kinds in (("task_options", dict), ("network_options", dict), ("start", (dict, str))):
        if not isinstance(getattr(settings, name), kinds):
            raise TypeError(f"{name}: expected a dict, got {type(getattr(settings, name)).__name__}")
    for name in ("setting", "network"):
        if not isinstance(getattr(settings, name), str):
            raise TypeError(f"{name}: expected a string, got {type(getattr(settings, name)).__name__}")
    check_count("seed", settings.seed, smallest=0)
    for name in ("updates", "evaluate_every", "evaluation_episodes"):
        check_count(name, getattr(settings, name))
    for name in ("learning_rate", "value_weight", "entropy_weight"):
        check_number(name, getattr(settings, name), at_least=0)
    check_number("max_norm", settings.max_norm, above=0)
    check_number("discount", settings.discount, at_least=0, at_most=1)
    check_choice("entropy", settings.entropy, ENTROPIES)
    check_count("warm_up", settings.warm_up, smallest=0)
    if settings.warm_up >= settings.updates:
        raise ValueError(f"warm_up: expected fewer than the {settings.updates} updates, got {settings.warm_up}")
    check_number("final_rate_factor", settings.final_rate_factor, at_least=0, at_most=1)
    check_number("hebb_penalty", settings.hebb_penalty, at_least=0)
    for name in ("loss_per_step", "carry"):
        check_bool(name, getattr(settings, name))


def build(settings):
    """The task and the network of checked Settings."""
    check_settings(settings)
    task = make_task(settings.task, settings.task_options)
    net = PlasticNetwork(n_inputs=task.n_inputs, n_outputs=task.n_outputs, **settings.network_options)
    for name, shape in parameter_shapes(net).items():
        check_size(f"network_options: {name}", *shape)
    check_size("network_options: Hebb", task.batch, net.n_hidden, net.n_hidden)
    check_controls(settings, task, net)
    return task, net


def check_controls(settings, task, net):
    """The controls in Settings are ones that this task and this network have: TypeError or ValueError otherwise."""
    check_number("eps", settings.eps, above=0, dtype=net.dtype)
    names = parameter_shapes(net)
    check_names("rate_factors", settings.rate_factors, names, complete=False)
    for name, factor in settings.rate_factors.items():
        check_number(f"rate_factors[{name!r}]", factor, at_least=0)
    check_names("decay", settings.decay, names, complete=False)
    for name, share in settings.decay.items():
        check_number(f"decay[{name!r}]", share, at_least=0, below=1)
        if share > 0 and settings.rate_factors.get(name) == 0:
            raise ValueError(f"decay[{name!r}]: expected none, since rate_factors[{name!r}] is 0 (frozen), got {share}")
    if settings.hebb_penalty and net.plasticity == "none":
        raise ValueError(f"hebb_penalty: expected 0 with plasticity 'none', got {settings.hebb_penalty}")
    if settings.loss_per_step and task.kind == "supervised":
        raise ValueError("loss_per_step: expected False in a supervised task, whose loss is a mean, got True")


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
        for bound in (low, high):
            check_number(f"start[{name!r}]", bound, dtype=net.dtype)
        check_number(f"start[{name!r}]", high, at_least=low)
        params[name] = np.asarray(rng.uniform(low, high, params[name].shape), net.dtype)
    return params


def _trained_parameters(net, path):
    if not Path(path).is_file():
        raise ValueError(f"start: expected parameters or a file of them (params.npz of a finished run), got {path!r}")
    try:
        trained, params = load_parameters(path)
    except ValueError as error:
        raise ValueError(f"start: {str(error).removeprefix('path: ')}") from None
    if trained.options != net.options:
        raise ValueError(f"start: expected parameters of {net}, got {path}, of {trained}")
    return params


def update(settings, task, training):
    """One batch of episodes, one step of Adam -> TrainingState, Update. The training's rng moves on."""
    started = time.perf_counter()
    net, params = training.net, training.params
    goes_on = {"state": training.state, "number": training.step} if settings.carry else {}
    episode = rollout(net, params, task, training.rng, **goes_on)
    score = task.summarise(episode)["score"]
    loss, grads = loss_and_gradients(settings, net, params, episode)
    number, state = training.step + 1, (episode.trajectory.state if settings.carry else None)
    params, optimiser, norm = descend(settings, params, grads.params, training.optimiser, number)
    training = training._replace(params=params, optimiser=optimiser, state=state, step=number)
    return training, Update(number, float(score), loss, norm, time.perf_counter() - started)


def descend(settings, params, grads, optimiser, number):
    """All that an update does to the parameters, from their gradient -> params, AdamState, norm of the gradient.

    A frozen parameter has the gradient 0: it isn't counted in the norm, Adam's m and v of it stay 0, and it keeps every
    bit.
    """
    frozen = [name for name, factor in settings.rate_factors.items() if factor == 0]
    grads = grads | {name: np.zeros_like(grads[name]) for name in frozen}
    shortened, norm = clip_gradient_norm(grads, settings.max_norm)
    rate = learning_rate_at(settings, number)
    params, optimiser = adam(
        params, shortened, optimiser, learning_rate=rate, rate_factors=settings.rate_factors, eps=settings.eps
    )
    return decay_parameters(params, settings.decay), optimiser, norm


def learning_rate_at(settings, number):
    """The learning rate of update ``number``, counted from 1: see ``warm_up`` and ``final_rate_factor`` in Settings."""
    if number < settings.warm_up:
        return settings.learning_rate * number / settings.warm_up
    to_come = (settings.updates - number) / (settings.updates - settings.warm_up)  # falls to 0
    return settings.learning_rate * (settings.final_rate_factor + (1 - settings.final_rate_factor) * to_come)


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


def columns(settings, training):
    """Names of the columns of the curve's rows, in their order: found by an evaluation of one batch."""
    task, _ = build(settings)
    settings = settings._replace(evaluation_episodes=1)
    return tuple(_row(settings, task.for_evaluation(), training, [Update(training.step, 0.0, 0.0, 0.0, 0.0)], []))


def _row(settings, task, training, recent, curve):
    """The curve's next row, from the Updates since the last one and a fresh evaluation."""
    started = time.perf_counter()
    net, params, rng = training.net, training.params, np.random.default_rng((settings.seed, 1, training.step))
    found, summaries = None, []
    for episode in fresh_episodes(net, params, task, rng, settings.evaluation_episodes, carry=settings.carry):
        found = found or signs(net, params, episode.trajectory)
        summaries.append(task.summarise(episode))
    before = curve[-1]["seconds"] if curve else 0.0
    norms = np.array([done.gradient_norm for done in recent])
    return {
        "update": training.step,
        "episodes": training.step * task.batch,
        "seconds": before + sum(done.seconds for done in recent) + time.perf_counter() - started,
        "training_score": float(np.mean([done.score for done in recent])),
        "loss": float(np.mean([done.loss for done in recent])),
        "gradient_norm": float(norms.mean()),
        "largest_gradient": float(norms.max()),
        "clipped": float((norms > settings.max_norm).mean()),
        **found,
        **means(summaries),
    }
