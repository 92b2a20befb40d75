"""How each setting of each task is trained: one table, from which ``settings_for`` makes the Settings of a run.

What a setting of the task itself is, such as the number of cues, stands with the task, in its ``SMALL``; the setting
"paper" is the task's defaults. The weights of the losses and Adam's eps are the paper's throughout, and where a row
of "paper" has a value of its own it is that of the paper's experiment, if there is one.
"""

import inspect

from ..arguments import nearest
from ..learning.training import NETWORKS, Settings, build
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import check_name
from ..tasks import TASKS

SETTINGS = {
    "updates": 1000,
    "learning_rate": 3e-3,
    "eps": 1e-6,
    "max_norm": 2.0,
    "discount": 0.9,
    "value_weight": 0.1,
    "entropy_weight": 0.1,
    "entropy": "sum_of_squares",
    "evaluate_every": 50,
    "evaluation_episodes": 160,
    **Settings._field_defaults,
}
# What the controls of a training do, by the names under which ``changes`` and ``train --set`` take them.
CONTROLS = {
    "rate_factors.NAME": "factor on a parameter's learning rate; 0 freezes it (with start.NAME=0 it has no effect)",
    "decay.NAME": "share that a parameter loses after each update, such as 0.001",
    "warm_up": "updates over which the learning rate rises from 0 (default 0)",
    "final_rate_factor": "factor to which the learning rate falls by the last update, in a straight line (default 1)",
    "loss_per_step": "true: the loss of rewards is divided by T",
    "hebb_penalty": "weight of the mean squared Hebb(T) in the loss (default 0)",
    "carry": "true: h, c, Hebb and trace go on from batch to batch; text of source pydoc is read on",
    "task_options.reset_at_trials": "true: h, c and trace are zero where a trial begins; Hebb stays",
}
# Retroactive networks hardly learn in a short run from a small eta: the trace would forget too slowly to tell
# one step from another. (Another rule's eta is not the trace's.) Parameters that a network lacks are left out, here and
# in rate_factors and decay.
START = {"trace.eta": 0.7}
PAPER_START = {"W_h": [0.0, 0.01], "alpha": [0.0, 0.01], "trace.eta": 0.1}
# What is learnt within an episode goes through alpha ⊗ Hebb: with alpha around zero hardly anything does at first, and
# of both signs much of it cancels.
START_POSITIVE = START | {"alpha": [0.0, 0.1]}
# Keeps the recurrent matrices from growing until h and M are stuck at their bounds.
DECAY = {"W_h": 0.001, "alpha": 0.001}
RESETS = {"reset_at_trials": True}
# The paper's language model: a plastic LSTM with one alpha a neuron, M(t) fanned out, a wider clip.
LANGUAGE = {"cell": "lstm", "alpha": "neuron", "fanout": True, "clip": 2.0}


def row(n_hidden, start=START, network=(), **changes):
    """A row: hidden units, starting values, more options of the network, and what differs from SETTINGS."""
    return {"network_options": {"n_hidden": n_hidden, **dict(network)}, "start": start, **SETTINGS, **changes}


EXPERIMENTS = {  # (task, setting)
    ("cue-reward", "tiny"): row(24),
    ("cue-reward", "small"): row(24, updates=3000, evaluate_every=100),
    ("cue-reward", "four"): row(48, network={"dtype": "float32"}, updates=12_000, evaluate_every=200),
    ("cue-reward", "paper"): row(200, PAPER_START, updates=200_000, learning_rate=1e-4, evaluation_episodes=300),
    ("association", "tiny"): row(24),
    ("association", "small"): row(24, updates=6000, evaluate_every=150),
    ("association", "tiny-verdict"): row(24, updates=2000),
    ("association", "verdict"): row(24, updates=4000, evaluate_every=100),
    ("association", "paper"): row(100, updates=4000, learning_rate=1e-3),
    ("maze", "tiny"): row(24, updates=2000, entropy_weight=0.03, max_norm=4.0),
    ("maze", "small"): row(32, updates=4000, evaluate_every=100, entropy_weight=0.03, max_norm=4.0),
    ("maze", "large"): row(32, updates=4000, evaluate_every=100, entropy_weight=0.03, max_norm=4.0),
    ("maze", "paper"): row(
        100,
        PAPER_START,
        updates=200_000,
        learning_rate=1e-4,
        entropy_weight=0.03,
        max_norm=4.0,
        evaluation_episodes=300,
    ),
    ("bandit", "small"): row(16),
    ("bandit", "paper"): row(100, learning_rate=1e-3),
    ("completion", "tiny"): row(24),
    ("completion", "small"): row(32, updates=2000),
    ("completion", "paper"): row(1000, updates=2000, learning_rate=3e-4),
    # One alpha a connection here: so few units have no LSTM with as many parameters as the plastic one otherwise.
    ("text", "tiny"): row(
        20, network=LANGUAGE | {"alpha": "full"}, updates=6000, learning_rate=1e-2, evaluate_every=100
    ),
    ("text", "small"): row(32, network=LANGUAGE, updates=3000, evaluate_every=100),
    ("text", "pydoc"): row(48, network=LANGUAGE, updates=3000, learning_rate=1e-2, evaluate_every=50),
    ("text", "paper"): row(200, network=LANGUAGE, updates=10_000, learning_rate=1e-3, evaluate_every=100),
    ("reversal", "small"): row(24, START_POSITIVE, updates=4000, evaluate_every=100, decay=DECAY),
    ("reversal", "paper"): row(100, START_POSITIVE, updates=10_000, learning_rate=1e-3, decay=DECAY),
    ("transitive", "small"): row(
        32,
        START_POSITIVE | {"W_h": [0.0, 0.01]},
        task_options=TASKS["transitive"].SMALL["small"] | RESETS,
        learning_rate=1e-2,
        final_rate_factor=0.1,
        decay=DECAY,
        evaluation_episodes=320,
    ),
    ("transitive", "paper"): row(
        200, START_POSITIVE, task_options=RESETS, updates=10_000, learning_rate=1e-3, decay=DECAY
    ),
}


def settings_for(task, network, setting="small", seed=0, changes=None):
    """The Settings of a run; ``changes``: dict of what differs from the table, by name.

    A name is one of Settings, or task_options.X, network_options.X, start.X, rate_factors.X and decay.X for a single
    one of these; for instance {"updates": 200, "task_options.T": 30, "start.eta": 0.3}; or start itself, for a file to
    start from. CONTROLS says what the controls among them do.
    TypeError or ValueError for anything that is none.
    """
    check_name("task", task, TASKS)
    check_name("network", network, NETWORKS)
    check_name("setting", setting, [name for known, name in EXPERIMENTS if known == task])
    defaults = {} if setting == "paper" else TASKS[task].SMALL.get(setting)
    fields = {"task": task, "setting": setting, "network": network, "seed": seed, "task_options": defaults}
    fields |= EXPERIMENTS[task, setting]
    fields["network_options"] = NETWORKS[network] | fields["network_options"]
    if NETWORKS[network].get("plasticity", "modulated") != "modulated":
        fields["network_options"].pop("fanout", None)  # of the modulator
    by_parameter = ("start", "rate_factors", "decay")
    changes = changes or {}
    of_network = [name for name in changes if name.startswith("network_options.")]
    for name in of_network:  # first: they say which parameters there are
        _change(fields, name, changes[name])
    net = build(Settings(**fields | dict.fromkeys(by_parameter, {})))[1]
    for field in by_parameter:
        fields[field] = _of_network(net, fields[field])
    for name, value in changes.items():
        if name not in of_network:
            _change(fields, name, value)
    settings = Settings(**fields)
    return settings._replace(task_options=build(settings)[0].options)


def _of_network(net, values):
    """What of a dict by parameter the network has; "PART.NAME" is the parameter NAME of that part alone."""
    shapes, parts = parameter_shapes(net), {part.name for part in (net.cell, net.rule, net.modulator)}
    split = {tuple(name.rpartition(".")[::2]): value for name, value in values.items()}
    return {name: value for (part, name), value in split.items() if name in shapes and (not part or part in parts)}


def _check_option(task, field, key):
    """The task or the network has such an option, or ValueError; of parameters ``training`` knows the names."""
    own = ("n_inputs", "n_outputs")  # of the task
    of_network = [name for name in inspect.signature(PlasticNetwork).parameters if name not in own]
    of_task = [*inspect.signature(TASKS[task]).parameters, "block", "reset_at_trials"]
    known = {"task_options": of_task, "network_options": of_network}.get(field, [key])
    if key not in known:
        names = f"the name of an option ({', '.join(known)})"
        raise ValueError(f"{field}.{key}: expected {names}, got {key!r}{nearest(key, known)}")


def _change(fields, name, value):
    field, dot, key = name.partition(".")
    if field not in ("task", "setting", "network", "seed") and field in fields:
        file = name == "start" and isinstance(value, str)
        if file or bool(dot) == isinstance(fields[field], dict):
            if dot:
                _check_option(fields["task"], field, key)
            fields[field] = {**fields[field], key: value} if dot else value
            return
    changeable = [field + ".NAME" * isinstance(value, dict) for field, value in list(fields.items())[4:]]
    near = nearest(f"{field}.NAME" if dot else name, changeable)
    raise ValueError(f"changes: expected names from {', '.join(changeable)}, got {name!r}{near}")
