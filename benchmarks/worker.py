"""One engine, one case, in a process of its own: reads a request (JSON, its argument) and prints the answer (JSON).

request: engine; kind "about", "training" or "acting"; and for the last two case (the fields of a Case), calls (how
many are timed at least), and gradients, a file to which they are written and nothing timed, or null.
"""

import gc
import importlib
import json
import os
import re
import sys

import numpy as np

from bpm_numpy.chunked.plan import choose_plan
from bpm_numpy.commands.bench import Case, make_problem, time_calls

MODULES = {
    "ours": "with_numpy",
    "step by step": "with_numpy",
    "net.step": "with_numpy",
    "Run.step": "with_numpy",
    "PyTorch": "with_torch",
    "JAX": "with_jax",
}
SHORTEST = 0.3  # seconds that timed calls take in all: a short pass is timed more often
ENVIRONMENT = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def answer(request):
    try:
        module = importlib.import_module(MODULES[request["engine"]])
    except ImportError as error:
        return {"skipped": str(error)}
    if request["kind"] == "about":
        return module.about() | {name: os.environ.get(name) for name in ENVIRONMENT}
    case = Case(**request["case"])
    if request["kind"] == "acting":
        act = module.ACTING[request["engine"]](make_problem(case._replace(T=1)))
        time_calls(act, 20)
        return {"seconds": time_calls(act, request["calls"], SHORTEST)}
    training = module.TRAINING[request["engine"]]
    training(make_problem(case._replace(T=2, B=1)))()  # what a library sets up once is not part of the pass
    problem = make_problem(case)
    run = training(problem)
    if request["gradients"]:
        np.savez(request["gradients"], **run())
        return {}
    result = {"peak": peak_above_start(run), "seconds": time_calls(run, request["calls"], SHORTEST)}
    plan = choose_plan(problem.net, case.T, case.B)
    if request["engine"] == "ours" and plan != "steps":
        from products import floor

        products = floor(problem.net, case.T, case.B, plan)
        products()
        result["floor"] = time_calls(products, request["calls"], SHORTEST)
    return result


def peak_above_start(function):
    """Bytes by which the process's resident memory rose at most while ``function`` ran; None where Linux can't say."""
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # sets the peak, VmHWM, to what is resident now
        before = resident("VmRSS")
        result = function()  # noqa: F841, alive until the peak is read
        return max(0, resident("VmHWM") - before)
    except OSError:
        return None


def resident(field):
    with open("/proc/self/status") as file:
        return 1024 * int(re.search(rf"^{field}:\s+(\d+) kB", file.read(), re.M)[1])


if __name__ == "__main__":
    print(json.dumps(answer(json.loads(sys.argv[1]))))
