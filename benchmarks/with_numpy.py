"""Ours: the default engine, the definition step by step, the two ways to act, and updates of training.

Every engine's file has the same three things: ``TRAINING``, dict of engine -> function of a Problem that returns a
function without arguments, one forward and backward pass, which returns the gradients of the parameters; ``ACTING``,
likewise for one step, which returns its logits as NumPy array; and ``about``, its versions and threads. Some have
``UPDATING``, dict of engine -> function of Settings that returns a function without arguments: the next update, which
returns the parameters after it.
"""

import os

import numpy as np

from bpm_numpy.bptt import ByStep


def by_chunks(problem):
    params, _, _ = problem.split(problem.inputs)

    def run():
        grads = problem.gradients()
        return {name: grads[name] for name in params}

    return run


def by_step(problem):
    params, x, state = problem.split(problem.inputs)

    def run():
        record = ByStep(problem.net, params, state)
        record.advance(x)
        return record.backward(problem.d_logits, problem.d_values, problem.d_state)[0]

    return run


def act_with_step(problem):
    params, x, state = problem.split(problem.inputs)

    def act():
        nonlocal state
        out, state = problem.net.step(params, x[0], state)
        return out.logits

    return act


def act_with_run(problem):
    params, x, state = problem.split(problem.inputs)
    run = problem.net.begin(params, state)
    return lambda: run.step(x[0]).logits


def updating(settings):
    from bpm_numpy.learning.training import begin, build, update  # a clone from before it makes passes all the same

    (task, _), training = build(settings), begin(settings).training

    def run():
        nonlocal training
        training, _ = update(settings, task, training)
        return training.params

    return run


def about():
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    asked = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    return {
        "numpy": np.__version__,
        "BLAS": f"{blas['name']} {blas['version']}",
        "BLAS threads": int(asked or os.cpu_count()),
    }


TRAINING = {"ours": by_chunks, "step by step": by_step}
ACTING = {"net.step": act_with_step, "Run.step": act_with_run}
UPDATING = {"ours": updating}
