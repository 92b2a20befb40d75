"""What NumPy needs for a small network: ours beside a plain loop, and where ours and an update spend their time.

    python benchmarks/plain.py

The plain loop is written for this one network (rnn, outer product, one alpha a connection): no checks, every array made
beforehand, Hebb(t) of all steps and Clip's masks kept. Its gradients are compared with ours before anything is timed.
Processor time, passes in turn, float32; start it with OPENBLAS_NUM_THREADS=1. The shares are those of a profile, which
makes short functions look longer than they are.
"""

import cProfile
import pstats
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from with_numpy import by_chunks

from bpm_numpy.commands import bench
from bpm_numpy.lab.settings import settings_for
from bpm_numpy.learning.training import begin, build, update

PASSES = 40
TOLERANCE = 1e-9  # of the largest entry of a gradient, in float64


def plain_loop(problem):
    """A function that makes one forward and backward pass of a Problem, and returns the gradients of the parameters."""
    net = problem.net
    params, x, state = problem.split(problem.inputs)
    (T, B, _), N = x.shape, net.n_hidden
    w, alpha, W_m = params["W_h"], params["alpha"], params["W_m"]
    readout = np.column_stack([params["W_y"], params["W_v"]])  # (N, A + 1)
    d_out = np.concatenate([problem.d_logits, problem.d_values[..., None]], axis=2).reshape(T * B, -1)
    inputs = x.reshape(T * B, -1)  # (T B, D)
    h, M, dz, dm = (np.empty(shape, net.dtype) for shape in ((T + 1, B, N), (T, B), (T, B, N), (T, B)))
    hebb, inside = np.empty((T + 1, B, N, N), net.dtype), np.empty((T, B, N, N), bool)
    one, other, dhebb = np.empty((3, B, N, N), net.dtype)
    h[0], hebb[0] = state.h, state.hebb

    def forward():
        z = (inputs @ params["W_x"] + params["b"]).reshape(T, B, N)
        for t in range(T):
            weights = np.add(np.multiply(alpha, hebb[t], out=one), w, out=one)  # (B, N, N)
            z[t] += np.matmul(h[t][:, None, :], weights)[:, 0]
            np.tanh(z[t], out=h[t + 1])
            np.tanh(h[t + 1] @ W_m + params["b_m"], out=M[t])
            np.multiply((h[t] * M[t][:, None])[:, :, None], h[t + 1][:, None, :], out=other)
            np.add(other, hebb[t], out=other)
            np.clip(other, -net.clip, net.clip, out=hebb[t + 1])
            np.equal(other, hebb[t + 1], out=inside[t])
        return h[1:].reshape(T * B, N) @ readout

    def backward():
        after = h[1:].reshape(T * B, N)
        dh_out = (d_out @ readout.T).reshape(T, B, N)
        dw, dalpha, dh = np.zeros((N, N), net.dtype), np.zeros((N, N), net.dtype), np.zeros((B, N), net.dtype)
        dhebb[...] = 0
        for t in reversed(range(T)):
            np.multiply(dhebb, inside[t], out=dhebb)
            by_post = np.matmul(dhebb, h[t + 1][:, :, None])[:, :, 0]  # Σ_j dHebb_ij h_j, (B, N)
            dm[t] = (by_post * h[t]).sum(axis=1) * (1 - M[t] ** 2)
            dh += dh_out[t] + np.matmul((h[t] * M[t][:, None])[:, None, :], dhebb)[:, 0] + np.outer(dm[t], W_m)
            dz[t] = dh * (1 - h[t + 1] ** 2)
            dweights = np.multiply(h[t][:, :, None], dz[t][:, None, :], out=one)
            dw += dweights.sum(axis=0)
            dalpha += np.multiply(dweights, hebb[t], out=other).sum(axis=0)
            weights = np.add(np.multiply(alpha, hebb[t], out=other), w, out=other)
            dh = by_post * M[t][:, None] + np.matmul(weights, dz[t][:, :, None])[:, :, 0]
            np.add(dhebb, np.multiply(dweights, alpha, out=dweights), out=dhebb)
        rows = dz.reshape(T * B, N)
        dreadout, dbias = after.T @ d_out, d_out.sum(axis=0)
        return {
            "W_x": inputs.T @ rows,
            "b": rows.sum(axis=0),
            "W_h": dw,
            "alpha": dalpha,
            "W_m": after.T @ dm.ravel(),
            "b_m": dm.sum(),
            "W_y": dreadout[:, :-1],
            "b_y": dbias[:-1],
            "W_v": dreadout[:, -1].reshape(params["W_v"].shape),
            "b_v": dbias[-1].reshape(params["b_v"].shape),
        }

    def run():
        forward()
        return backward()

    return run


def difference(case):
    """The largest difference between the two, in float64, relative to the largest entry of each gradient."""
    problem = bench.make_problem(case._replace(dtype="float64"))
    one, other = by_chunks(problem)(), plain_loop(problem)()
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max() / np.abs(one[name]).max()) for name in one)


def milliseconds(runs):
    """Of each of the functions, in turn: the median."""
    seconds = [[] for _ in runs]
    for _ in range(PASSES + 1):
        for run, of in zip(runs, seconds):
            started = time.process_time()
            run()
            of.append(time.process_time() - started)
    return [1000 * float(np.median(of[1:])) for of in seconds]


def shares(run):
    """Counter: of a pass, the share in each file of the package, and in NumPy and Python called from there."""
    profile = cProfile.Profile()
    profile.runcall(lambda: [run() for _ in range(PASSES)])
    spent = Counter()
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        path = Path(file)
        spent[f"{path.parent.name}/{path.name}" if "bpm_numpy" in path.parts else "functions of NumPy, Python"] += own
    return Counter({name: own / spent.total() for name, own in spent.items()})


def show(spent):
    for file, share in spent.most_common(7):
        print(f"    {share:4.0%}  {file}")


def main():
    """Exit code 0; 1 if the gradients differ."""
    for name, regime, case in bench.cases("float32", "rnn outer N32"):
        differ = difference(case)
        if not differ < TOLERANCE:
            print(f"plain: {name} {regime}: gradients differ by {differ:.0e}", file=sys.stderr)
            return 1
        problem = bench.make_problem(case)
        mine, plain = milliseconds([by_chunks(problem), plain_loop(problem)])
        print(f"{name}, {regime}: ours {mine:.1f} ms, plain loop {plain:.1f} ms, {plain / mine:.2f} of ours", end="")
        print(f"; gradients differ by {differ:.0e}")
        show(shares(by_chunks(problem)))
    for task_name, setting in bench.STUDIED:
        settings = settings_for(task_name, "simple", setting)
        (task, _), training = build(settings), begin(settings).training
        print(f"an update of {task_name} {setting}, simple")
        show(shares(partial(update, settings, task, training)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
