"""Checks of what a caller passes in. Every message names the argument, what was expected and what came."""

import difflib
import math
import numbers

import numpy as np

LARGEST = 2**28  # numbers in one array: 2 GiB in float64
LAST = 2**63 - 1  # of what is counted one by one, such as updates


def check_choice(name, value, choices):
    """``value`` is one of ``choices``, or ValueError."""
    if not isinstance(value, str) or value not in choices:
        expected = " | ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected {expected}, got {value!r}{nearest(value, choices)}")


def nearest(value, known):
    """The end of a message about an unknown name: those of the ``known`` ones that are nearest to it, or ""."""
    near = difflib.get_close_matches(value, list(map(str, known)), cutoff=0.7) if isinstance(value, str) else []
    return f"; nearest: {', '.join(map(repr, near))}" if near else ""


def check_bool(name, value):
    """``value`` is True or False, or TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {value!r}")


def check_count(name, value, smallest=1, largest=None):
    """``value`` is an integer of at least ``smallest`` and, unless None, at most ``largest``: TypeError or ValueError
    otherwise.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer, got {value!r} ({type(value).__name__})")
    if value < smallest:
        raise ValueError(f"{name}: expected an integer of at least {smallest}, got {value}")
    if largest is not None and value > largest:
        raise ValueError(f"{name}: expected an integer of at most {largest}, got {value}")


def check_size(name, *sizes):
    """An array of these integer sizes is one that can be worked with, or ValueError: before memory is asked for it."""
    if math.prod(sizes) > LARGEST:
        came = " x ".join(map(str, sizes))
        raise ValueError(f"{name}: expected arrays of at most {LARGEST} numbers, got one of {came}")


def check_number(name, value, *, above=None, at_least=None, below=None, at_most=None, finite=True, dtype=None):
    """``value`` is a real number inside the bounds, also as ``dtype`` holds it: TypeError or ValueError otherwise."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a real number, got {value!r} ({type(value).__name__})")
    try:
        came = value = float(value)
    except OverflowError:
        raise ValueError(f"{name}: expected a number that fits a float, got a larger one") from None
    if dtype is not None:
        with np.errstate(over="ignore"):
            value = float(np.dtype(dtype).type(value))
    bounds = (
        (above, "above", above is None or value > above),
        (at_least, "at least", at_least is None or value >= at_least),
        (below, "below", below is None or value < below),
        (at_most, "at most", at_most is None or value <= at_most),
    )
    if np.isnan(value) or (finite and np.isinf(value)) or not all(holds for _, _, holds in bounds):
        wanted = " and ".join(f"{word} {bound}" for bound, word, _ in bounds if bound is not None)
        kind = "finite number" if finite else "number"
        where = "" if dtype is None else f" in {np.dtype(dtype)}"
        raise ValueError(f"{name}: expected a {kind}{' ' + wanted if wanted else ''}{where}, got {came}")


def check_generator(name, value):
    """``value`` is a ``numpy.random.Generator``, or TypeError."""
    if not isinstance(value, np.random.Generator):
        came = f"{value!r} ({type(value).__name__})"
        raise TypeError(f"{name}: expected a numpy.random.Generator (np.random.default_rng(seed)), got {came}")


def check_is_array(name, value):
    """``value`` is a plain NumPy array or scalar, or TypeError."""
    if type(value) is np.ndarray:  # nearly always: every step of every episode is checked
        return
    plain = isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, (np.matrix, np.ma.MaskedArray))
    if not plain:
        raise TypeError(f"{name}: expected a NumPy array, got {type(value).__name__}")


def check_shape(name, value, shape):
    """``value`` is an array of that ``shape``, whose entries are sizes, or letters for any size of at least 1."""
    check_is_array(name, value)
    came = value.shape
    if came == shape:
        return

    def wanted():
        return "(" + ", ".join(str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"

    if len(came) != len(shape):
        raise ValueError(f"{name}: expected shape {wanted()}, got {came}")
    for size, expected in zip(came, shape):
        if isinstance(expected, str):
            if size < 1:
                raise ValueError(f"{name}: expected shape {wanted()} with {expected} of at least 1, got {came}")
        elif size != expected:
            raise ValueError(f"{name}: expected shape {wanted()}, got {came}")


def check_array(name, value, shape, dtypes, finite=True):
    """``value`` is a plain NumPy array (or scalar, for shape ()) of that shape and one of those dtypes.

    TypeError for another type or dtype; ValueError for another shape, and for NaN or infinity.
    """
    check_is_array(name, value)
    if value.dtype not in dtypes:
        expected = " or ".join(np.dtype(dtype).name for dtype in dtypes)
        raise TypeError(f"{name}: expected dtype {expected}, got {value.dtype}")
    check_shape(name, value, shape)
    if finite and value.dtype.kind in "fc" and not np.isfinite(value).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")


def check_names(name, values, names, complete=True):
    """``values`` is a dict with these ``names``, all of them unless ``complete`` is False."""
    if not isinstance(values, dict):
        raise TypeError(f"{name}: expected a dict of parameter name -> array, got {type(values).__name__}")
    missing = [key for key in names if key not in values]
    unknown = [key for key in values if key not in names]
    if complete and missing:
        raise ValueError(f"{name}: expected the parameters {', '.join(names)}; missing {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{name}: expected the parameters {', '.join(names)}; unknown {', '.join(map(repr, unknown))}")


def check_arrays(name, values, shapes, dtypes, complete=True, finite=True):
    """``values`` is a dict of arrays with the names and shapes of ``shapes``.

    With ``complete`` False names may be left out, with ``finite`` False NaN may come.
    TypeError unless it is a dict; ValueError for a missing
    or unknown name; else as ``check_array``.
    """
    check_names(name, values, shapes, complete)
    for key, value in values.items():
        check_array(f"{name}[{key!r}]", value, shapes[key], dtypes, finite)
