"""Saving parameters and whole trainings to one file, and loading them bit for bit.

    save_parameters(path, net, params)       net, params = load_parameters(path)
    save_training(path, training)            training = load_training(path)

A file is an ordinary NumPy archive (.npz) without pickle, so that loading a file of unknown origin runs
nothing of it; ``numpy.load`` opens it too. Its entry ``header`` is a JSON text (in Python's dialect, where an
infinite clip is Infinity),

    {"format": "bpm_numpy", "version": 1, "kind": "parameters" or "training", "content": {...}}

and the content is a tree of dicts and lists in which {"array": name} stands for the archive's entry of that
name.

A file is written under another name first and put in place when complete. On loading all of it is checked,
down to the shape of every array, before anything is returned. NaN and infinity are refused both ways.
"""

import io
import json
import math
import numbers
import os
import zipfile
from typing import NamedTuple

import numpy as np

from ..arguments import LAST, check_arrays, check_choice, check_count, check_generator, check_number
from ..files import check_ordinary, check_path, replace_file
from ..network import PlasticNetwork
from ..parameters import parameter_shapes
from ..parts import check_registered
from ..state import State
from .optimisers import AdamState, check_adam_state

FORMAT, VERSION = "bpm_numpy", 1
LARGEST_HEADER, LARGEST_POOL = 10**7, 1024  # bytes; words of 32 bits (4 is usual)
BIT_GENERATORS = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}


class TrainingState(NamedTuple):
    """All that a training goes on from.

    net and params; optimiser, the state of ``adam``; rng, the Generator that the training draws from; state, the
    network's State where it is carried from one batch to the next, else None; step, updates done.
    """

    net: PlasticNetwork
    params: dict
    optimiser: AdamState
    rng: np.random.Generator
    state: State | None
    step: int


def save_parameters(path, net, params):
    """Write a network's options and parameters to exactly ``path``, a str or os.PathLike; no suffix is added.

    An existing file is replaced at once when the new one is complete, and kept if anything goes wrong.
    TypeError or ValueError for a network, parameters or path that are none; OSError if the disk refuses.
    """
    _check_parameters("", net, params)
    _save(path, "parameters", {"options": _options(net), "params": params})


def load_parameters(path):
    """The net and params of ``save_parameters``, with the same bits.

    FileNotFoundError where there is no file; ValueError, naming the path and what is wrong, for a file that
    is damaged, was made by something else or by a newer version, or holds a training.
    """
    return _load(path, "parameters", _parameters_from)


def save_training(path, training):
    """Write a TrainingState to exactly ``path``; otherwise as ``save_parameters``."""
    if not isinstance(training, TrainingState):
        raise TypeError(f"training: expected a TrainingState, got {type(training).__name__}")
    _check_training(training)
    net, params, optimiser, rng, state, step = training
    content = {
        "options": _options(net),
        "params": params,
        "optimiser": {"kind": "AdamState", "fields": optimiser._asdict()},
        "rng": {"bits": rng.bit_generator.state, "seeds": _with_flat_entropy(rng.bit_generator.seed_seq.state)},
        "state": None if state is None else state._asdict(),
        "step": step,
    }
    _save(path, "training", content)


def load_training(path):
    """The TrainingState of ``save_training``; errors as ``load_parameters``.

    It is the same in every bit, so a training goes on as if it had never stopped. That includes its rng: the
    numbers still to be drawn, and the generators still to be spawned.
    """
    return _load(path, "training", _training_from)


# What is in a file: checked by the same functions before saving and after loading.


def _check_parameters(prefix, net, params):
    if type(net) is not PlasticNetwork:  # of a subclass the file could not say what it adds
        raise TypeError(f"{prefix}net: expected a PlasticNetwork, got {type(net).__name__}")
    for kind in ("cell", "rule", "modulator"):
        check_registered(f"{prefix}net.{kind}", getattr(net, kind))  # a file holds its name alone
    try:
        again = PlasticNetwork(**_options(net))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{prefix}net: expected what its constructor can make again, got {net} ({error})") from None
    further = [name for name in vars(net) if name not in vars(again)]
    if further or vars(again) != vars(net):
        came = f"{net} with {', '.join(further)}" if further else f"{net}, which was changed"
        raise ValueError(f"{prefix}net: expected what its constructor makes, {again}, got {came}")
    check_arrays(f"{prefix}params", params, parameter_shapes(net), (net.dtype,))


def _check_training(training):
    net, params, optimiser, rng, state, step = training
    _check_parameters("training.", net, params)
    check_adam_state("training.optimiser", optimiser, parameter_shapes(net), net.dtype)
    check_generator("training.rng", rng)
    if type(rng.bit_generator) not in BIT_GENERATORS.values():
        expected, came = " or ".join(BIT_GENERATORS), type(rng.bit_generator).__name__
        raise TypeError(f"training.rng: expected a Generator with {expected}, got one with {came}")
    if type(rng.bit_generator.seed_seq) is not np.random.SeedSequence:
        came = type(rng.bit_generator.seed_seq).__name__
        raise TypeError(f"training.rng: expected a Generator seeded by a SeedSequence, got one by {came}")
    _check_seeds("training.rng: ", rng.bit_generator.seed_seq.state)
    if state is not None:
        net.check_state("training.state", state, batch=None, dtypes=(net.dtype,))
    check_count("training.step", step, smallest=0, largest=LAST)


def _check_seeds(prefix, seeds):
    # Making a SeedSequence takes time like the square of its pool.
    check_count(f"{prefix}pool_size", seeds["pool_size"], smallest=4, largest=LARGEST_POOL)


def _options(net):
    return net.options | {"dtype": net.dtype.name}


def _parameters_from(options, params):
    net = PlasticNetwork(**options)
    _check_parameters("", net, params)
    return net, params


def _training_from(options, params, optimiser, rng, state, step):
    check_choice("optimiser: kind", optimiser["kind"], ("AdamState",))
    _check_seeds("rng: ", rng["seeds"])
    training = TrainingState(
        PlasticNetwork(**options),
        params,
        AdamState(**optimiser["fields"]),
        _rng_from(**rng),
        None if state is None else State(**state),
        step,
    )
    _check_training(training)
    return training


def _rng_from(bits, seeds):
    # NumPy takes these two positions unchecked, and would read memory beyond the generator's buffer.
    if bits["bit_generator"] == "MT19937":
        check_number("rng: pos", bits["state"]["pos"], at_least=0, at_most=624)
    if bits["bit_generator"] == "Philox":
        check_number("rng: buffer_pos", bits["buffer_pos"], at_least=0, at_most=4)
    seeds = np.random.SeedSequence(**_with_flat_entropy(seeds))
    bit_generator = BIT_GENERATORS[bits["bit_generator"]](seeds)
    bit_generator.state = bits
    return np.random.Generator(bit_generator)


def _with_flat_entropy(seeds):
    return seeds | {"entropy": _flat(seeds["entropy"])}


def _flat(entropy):
    """Entropy as plain numbers: one, or a list of all of them, whatever sequences they are in.

    NumPy before 2.5 joined lists in lists itself, later ones refuse them.
    """
    if isinstance(entropy, np.ndarray):
        entropy = entropy.tolist()
    if entropy is None or isinstance(entropy, (numbers.Number, str)):
        return entropy
    parts = [_flat(item) for item in entropy]
    return [number for part in parts for number in (part if isinstance(part, list) else [part])]


# How it is written down.


def _save(path, kind, content):
    arrays = {}
    header = {"format": FORMAT, "version": VERSION, "kind": kind, "content": _detach(content, (), arrays)}
    archive = io.BytesIO()  # whole in memory first, so that only the disk can fail once the file is open
    np.savez(archive, header=json.dumps(header), **arrays)
    with replace_file(path) as file:
        file.write(archive.getbuffer())


def _load(path, kind, build):
    """``build(**content)`` of the file; whatever is wrong with the file becomes one ValueError."""
    check_path(path)
    check_ordinary(path)
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_sizes(archive.infolist(), os.fstat(file.fileno()).st_size)
                return _build_from(archive, kind, build)
        except Exception as error:  # on damage zipfile and NumPy raise nearly anything
            came = f"{os.fspath(path)} ({type(error).__name__}: {error})"
            raise ValueError(f"path: expected a {kind} file of {FORMAT}, got {came}") from error


def _build_from(archive, kind, build):
    """``build(**content)`` of an archive. Its header is read and checked before anything else is."""
    entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    if "header" not in entries or entries["header"].file_size > LARGEST_HEADER:
        raise ValueError(f"expected a text called 'header' in it, got {', '.join(entries) or 'nothing'}")
    header = _check_header(_read_array(archive, entries.pop("header")), kind)
    for read in (_stand_in, _read_array):  # what is wrong in names, shapes or dtypes is found before much is read
        arrays = {name: read(archive, entry) for name, entry in entries.items()}
        content = _attach(header, arrays)
        if arrays:
            raise ValueError(f"expected only arrays that the header names, got {', '.join(arrays)} as well")
        built = build(**content)
    return built


def _check_sizes(entries, size):
    """The entries of an archive of ``size`` bytes are all different, uncompressed, and side by side."""
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:  # a small file could unpack to any size
            raise ValueError(f"expected uncompressed arrays, got {entry.filename} compressed")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("expected names that differ, got one twice")
    total = sum(entry.file_size for entry in entries)
    if total > size:
        raise ValueError(f"expected entries that do not overlap, got {total} bytes of them in a file of {size}")


def _check_header(header, kind):
    """The content of a header array."""
    if header.shape != () or header.dtype.kind != "U":
        raise ValueError(f"expected 'header' to be a text, got {header.dtype} of shape {header.shape}")
    header = json.loads(header.item())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"expected a header of format {FORMAT!r}, got {header!r:.80}")
    check_count("version", header.get("version"))
    if header["version"] > VERSION:
        raise ValueError(f"expected version {VERSION}, got the newer {header['version']}")
    if header.get("kind") != kind:
        raise ValueError(f"expected kind {kind!r}, got {header.get('kind')!r}")
    return header.get("content")


def _read_array(archive, entry):
    _layout(archive, entry)  # NumPy makes room for what it says before looking at how much there is
    # Reading an entry to its end has its checksum checked; NumPy alone would stop where the array ends.
    return np.lib.format.read_array(io.BytesIO(archive.read(entry)), allow_pickle=False)


def _stand_in(archive, entry):
    """Zeros of an entry's shape and dtype that take no memory."""
    shape, dtype = _layout(archive, entry)
    return np.broadcast_to(np.zeros((), dtype), shape)


def _layout(archive, entry):
    """Shape and dtype of an entry that has as many bytes as these say."""
    with archive.open(entry) as data:
        version = np.lib.format.read_magic(data)
        formats = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = formats[version](data)
        length = entry.file_size - data.tell()
    if dtype.hasobject:
        raise ValueError(f"expected {entry.filename} to hold numbers or a text, got pickled objects")
    if math.prod(shape) * dtype.itemsize != length:
        raise ValueError(f"expected {entry.filename} to hold {dtype} of shape {shape}, got {entry.file_size} bytes")
    return shape, dtype


def _detach(value, keys, arrays):
    """The tree with its arrays moved to ``arrays``, each under the keys that lead to it."""
    if isinstance(value, dict):
        return {key: _detach(item, (*keys, key), arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_detach(item, (*keys, str(i)), arrays) for i, item in enumerate(value)]
    if isinstance(value, str):  # also NumPy's
        return str(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (np.ndarray, np.generic)):
        name = "/".join(keys)
        arrays[name] = value
        return {"array": name}
    return value


def _attach(value, arrays):
    """The tree with its arrays in place again, taken out of ``arrays``."""
    if isinstance(value, list):
        return [_attach(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"array"}:
        return {key: _attach(item, arrays) for key, item in value.items()}
    if value["array"] not in arrays:
        raise ValueError(f"expected an array {value['array']!r} in it, got {', '.join(arrays) or 'nothing'}")
    return arrays.pop(value["array"])
