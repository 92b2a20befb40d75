"""Is a gradient right? Compare it with derivatives that know nothing about it.

Central differences     (L(x + s) - L(x - s)) / 2s: wrong by O(s²) + rounding / s, so about ten digits at best.
Complex step            Im L(x + i s) / s: no subtraction, so s can be 1e-20 and every digit counts. The loss
                        must be written with analytic functions (no abs, no conjugate), as the network is; along one
                        direction it is compared with a central difference, which would show a part that is lost.

Clip has kinks. A central difference that steps over one mixes the slopes of both sides; it says nothing
about the gradient on either. ``derivatives`` tells kinks from curvature and rounding, and takes smaller steps where a
kink lies beside x. An entry at a kink is listed in ``kinks`` and counted neither as passed nor as failed. If it isn't
even between the slopes of both sides, its parameter is not passed. The complex step stays at x, so it knows no kinks.

A check that can't fail proves nothing. So a parameter passes only if at least a quarter of its entries could be
compared, and the tolerance atol follows the parameter's gradient where that is small. The verdict says what was less
than a full comparison: entries that are small beside atol, or that no step gives well.
"""

import numpy as np

from .comparison import compare, read_settings
from .report import GradientCheckError, failure_message
from .trees import check_gradients, check_parameters


def gradcheck(
    loss,
    params,
    grads,
    *,
    method="central",
    step=None,
    rtol=None,
    atol=None,
    max_entries=None,
    directions=None,
    rng=None,
    only=None,
    stop_gradient=False,
    raise_on_failure=True,
):
    """Compare ``grads`` with numerical derivatives of ``loss`` at ``params``.

    Parameters
    ----------
    loss : function of a tree like ``params`` that returns a scalar
        Pure: the same value at the same parameters. It is called with copies that are read-only. With "complex" it
        gets complex128 and must return a complex number.
    params, grads : dict of name -> array, or dicts, lists and tuples of arrays in any depth
        The same keys and shapes; ``grads`` is dL/dparams as you derived it. float64 or float32. With "central" also
        complex: then grads is dL/d(real part) + i dL/d(imaginary part), the direction of steepest ascent, as in
        PyTorch (JAX gives its conjugate). None stands for no parameter.
    method : "central" | "complex"
    step : float
        Of the difference, relative to max(1, |entry|) for "central". Default 6.1e-6, or more where the loss is
        rounded; 1e-20 for "complex", and less for entries below 1e-8. Where the slopes of both sides differ,
        "central" tries smaller ones.
    rtol, atol : float
        An entry passes if |a - n| ≤ atol + rtol max(|a|, |n|). Default 1e-5 and 1e-7 for "central", 1e-10 and
        1e-12 for "complex", 1e-3 and 1e-4 for float32. The default atol is at most a thousandth of the parameter's
        largest derivative, and at least what the rounding of the loss allows; both are said in the report.
    max_entries : int
        Compare at most so many entries of each parameter, drawn by ``rng``; every entry if None.
    directions : int
        Instead of entries compare so many random directions v in each parameter: <grad, v> against the
        derivative along v. Two evaluations per direction, whatever the size.
    rng : numpy.random.Generator
        Needed with ``max_entries`` or ``directions``.
    only : str or list of str
        Names of the parameters to check, as in the report ("layers[0].W"); the name of a branch ("layers[0]")
        stands for all of it. The rest may be of any type, and its gradients may be left out.
    stop_gradient : bool
        With "complex": the loss takes real parts on purpose, to hold a part of it fixed (``values.real`` as a
        baseline). Else a loss that drops imaginary parts is an error.
    raise_on_failure : bool
        Raise GradientCheckError (an AssertionError) that names the worst failure, instead of returning.

    Returns
    -------
    Report, which is true if passed

    Raises
    ------
    GradientCheckError; ValueError for a loss that gives two values at the same parameters; TypeError or ValueError
    for a loss that the complex step can't differentiate; TypeError and ValueError for arguments that are none of
    the above.
    """
    settings = read_settings(method, step, rtol, atol, max_entries, directions, rng, stop_gradient)
    return check_gradient(loss, ("params", params), ("grads", grads), settings, only, raise_on_failure)


def check_gradient(loss, params, grads, settings, only, raise_on_failure):
    """``gradcheck`` with (name, tree) of parameters and gradients, so that messages call them as the caller does."""
    chosen = check_parameters(*params, only)
    arrays = check_gradients(grads, params, list(chosen))

    def analytic(name, where, direction):
        if isinstance(where, tuple):
            return arrays[name][where]
        with np.errstate(invalid="ignore"):  # of infinite gradients, which fail
            return (np.conj(arrays[name]) * direction).real.sum()

    report = compare(loss, *params, chosen, analytic, settings)
    return finish(report, raise_on_failure)


def finish(report, raise_on_failure):
    """Return the report, or raise it as a GradientCheckError."""
    if raise_on_failure and not report.passed:
        raise GradientCheckError(failure_message(report), report)
    return report
