"""NumPy as on another machine: results that depend on the processor differ in their last bits.

    SHAKE=3 PYTHONPATH=tests/shaken python -m pytest

Python imports this module at its start, so that notebooks' kernels and other processes are shaken as well. Every
result of tanh, exp and log, of a product of matrices and of a sum is multiplied by 1 + 1e-15 u (float32: 1e-7 u), -1 <=
u < 1. Here u is chosen by the bits of the result and by the seed, the number in SHAKE: the same computation gives
the same bits again, as it does on a machine, but another order of the same sum does not. The real and the imaginary
part are shaken each for itself, since a complex step lives in the small one. Whole numbers stay: counts are exact on
every machine, and so are 0 and the bounds of tanh. Odd functions stay odd.
"""

import ctypes
import os

import numpy as np

SIZES = {np.dtype(np.float64): 1e-15, np.dtype(np.float32): 1e-7}
FACTOR_BITS = 12
COMPLEX = (np.dtype(np.complex128), np.dtype(np.complex64))
LOOP = ctypes.CFUNCTYPE(
    None,
    ctypes.POINTER(ctypes.c_void_p),  # the arrays
    ctypes.POINTER(ctypes.c_ssize_t),  # their sizes: the outer loop, and for a product m, k and n
    ctypes.POINTER(ctypes.c_ssize_t),  # their strides: the outer ones, and for a product those of its two axes
    ctypes.c_void_p,
)


class UFunc(ctypes.Structure):
    """The beginning of PyUFuncObject in NumPy's public header ufuncobject.h."""

    _fields_ = [
        ("head", ctypes.c_char * object.__basicsize__),
        ("counts", ctypes.c_int * 4),  # nin, nout, nargs, identity
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
    ]


class Memory:
    """An array that stands somewhere in memory, for np.asarray."""

    def __init__(self, address, typestr, shape, strides):
        self.__array_interface__ = dict(version=3, data=(address, False), typestr=typestr, shape=shape, strides=strides)


class Shaken:
    """A function of NumPy whose results are shaken; equal to the function itself, so that it is found in a dict."""

    def __init__(self, function, shake):
        self.function, self.shake = function, shake

    def __call__(self, *args, **kwargs):
        result = self.function(*args, **kwargs)
        if any(np.may_share_memory(result, array) for array in args if isinstance(array, np.ndarray)):
            return result  # einsum("ij->ji", a) is a itself: nothing was added up
        return self.shake(result)

    def __eq__(self, other):
        return other is self or other is self.function

    def __hash__(self):
        return hash(self.function)

    def __getattr__(self, name):
        return getattr(self.function, name)


class ShakenAdd(Shaken):
    """np.add, of which nothing but ``reduce`` is shaken: a single sum is rounded alike everywhere."""

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def reduce(self, *args, **kwargs):
        return self.shake(self.function.reduce(*args, **kwargs))


def shaker(seed):
    """-> shake_real(array of one dimension or more), in its place; and shake(result), which returns a scalar anew."""
    rng = np.random.default_rng(seed)
    # The bits of a number times an even one: the sign is pushed out, and the first bits choose one of the factors.
    evens, shifts, factors = {}, {}, {}
    for dtype, size in SIZES.items():
        unsigned = np.dtype(f"u{dtype.itemsize}").type
        evens[dtype] = unsigned(2 * (2 * rng.integers(2 ** (4 * dtype.itemsize), 2 ** (7 * dtype.itemsize)) + 1))
        shifts[dtype] = unsigned(8 * dtype.itemsize - FACTOR_BITS)
        factors[dtype] = (1 + size * rng.uniform(-1, 1, 2**FACTOR_BITS)).astype(dtype)

    def shake_real(out):
        dtype = out.dtype
        chosen = (out.view(evens[dtype].dtype) * evens[dtype]) >> shifts[dtype]
        np.multiply(out, factors[dtype][chosen], out=out, where=np.rint(out) != out)  # whole and infinite numbers stay

    def shake(result):
        dtype = getattr(result, "dtype", None)
        if dtype not in SIZES and dtype not in COMPLEX:
            return result
        array = result.view(np.ndarray) if isinstance(result, np.ndarray) else np.array(result)
        for part in (array.real, array.imag) if dtype in COMPLEX else (array,):
            shake_real(part[None])
        return result if isinstance(result, np.ndarray) else array[()]

    return shake_real, shake


def shake_loops(ufunc, shake_real, kept):
    """Shake what the compiled loops of a ufunc write; ``kept`` holds what must live on."""
    head = UFunc.from_address(id(ufunc))
    functions = (ctypes.c_void_p * ufunc.ntypes)(*head.functions[: ufunc.ntypes])
    for number, types in enumerate(ufunc.types):
        if types[-1] in "fdFD" and types[-1] == types[0]:
            loop = shaken_loop(functions[number], np.dtype(types[-1]), ufunc, shake_real, kept)
            functions[number] = ctypes.cast(loop, ctypes.c_void_p).value
    kept.append(functions)
    head.functions = functions


def shaken_loop(address, dtype, ufunc, shake_real, kept):
    loop = LOOP(address)
    matrices, out = ufunc.signature is not None, ufunc.nargs - 1
    typestr, is_complex = dtype.str, dtype in COMPLEX

    def shaken(arrays, sizes, strides, data):
        address = arrays[out]  # before the loop, which may count it up
        loop(arrays, sizes, strides, data)
        shape, steps = (sizes[0],), (strides[out],)
        if matrices:
            shape, steps = (sizes[0], sizes[1], sizes[3]), (strides[2], strides[7], strides[8])
        written = np.asarray(Memory(address, typestr, shape, steps))
        for part in (written.real, written.imag) if is_complex else (written,):
            shake_real(part)

    kept += [loop, LOOP(shaken)]
    return kept[-1]


def shake_numpy(seed, kept=[]):  # noqa: B006 - it lives as long as the process
    """Shake the results of NumPy in this process, for good."""
    shake_real, shake = shaker(seed)
    for ufunc in (np.tanh, np.exp, np.log, np.matmul):
        shake_loops(ufunc, shake_real, kept)
    methods = np._core._methods if hasattr(np, "_core") else np.core._methods
    methods.umr_sum = ShakenAdd(np.add, shake).reduce  # .sum(), .mean(), .var() ...
    np.add = ShakenAdd(np.add, shake)
    for name in ("dot", "vdot", "inner", "tensordot", "einsum"):
        setattr(np, name, Shaken(getattr(np, name), shake))


if "SHAKE" in os.environ:
    shake_numpy(int(os.environ["SHAKE"]))
