"""Saving and loading: the same bits come back, a damaged file is refused, and no file is ever lost."""

import functools
import json
import operator
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest
from systems import posix

from bpm_numpy import PlasticNetwork, State
from bpm_numpy.learning.optimisers import adam, adam_init
from bpm_numpy.learning.storage import TrainingState, load_parameters, load_training, save_parameters, save_training

BIT_GENERATORS = (
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.MT19937,
    np.random.Philox,
    np.random.SFC64,
)
NETWORKS = {
    "static rnn": {"plasticity": "none"},
    "fan-out, no clip, deep": {"fanout": True, "clip": np.inf, "readout_hidden": 3, "alpha": "neuron"},
    "lstm, trace, paper": {"cell": "lstm", "rule": "trace", "reading": "paper", "clip": 0.1},
    "hebbian taylor, float32": {"plasticity": "hebbian", "rule": "taylor", "dtype": np.float32},
}
every_network = pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS)
every_bit_generator = pytest.mark.parametrize("kind", BIT_GENERATORS, ids=lambda kind: kind.__name__)


def same(a, b):
    """Equal in type, order of names, dtype, shape and every bit."""
    if isinstance(a, PlasticNetwork):
        return isinstance(b, PlasticNetwork) and same(a.options, b.options)
    if isinstance(a, np.random.Generator):
        return same(a.bit_generator.state, b.bit_generator.state)
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, np.generic)):
        b_is_array = isinstance(b, np.ndarray)
        return b_is_array and (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return type(a) is type(b) and a == b


def small_parameters():
    net = PlasticNetwork(1, 2, 1, plasticity="none")
    return net, net.init(np.random.default_rng(1))


def small_training(kind=np.random.PCG64, **options):
    """A training that has begun: no part of it is as it started."""
    net = PlasticNetwork(2, 3, 2, **options)
    rng = np.random.Generator(kind(7))
    training = TrainingState(net, net.init(rng), None, rng, net.initial_state(2), 0)
    training = training._replace(optimiser=adam_init(training.params))
    return train(training, updates=2)


def train(training, updates):
    """Episodes cut into pieces, the state carried from one to the next; all is drawn from training.rng."""
    net, params, optimiser, rng, state, step = training
    for _ in range(updates):
        x = rng.standard_normal((3, 2, net.n_inputs)).astype(net.dtype)
        traj = net.forward(params, x, state)
        target = rng.integers(2, size=traj.values.shape, dtype=np.uint8)  # small integers come from a buffer
        grads = net.backward(params, traj, traj.logits, traj.values - target.astype(net.dtype))
        params, optimiser = adam(params, grads.params, optimiser, learning_rate=0.05)
        state, step = traj.state, step + 1
    return TrainingState(net, params, optimiser, rng, state, step)


def rewrite(path, change):
    """Rewrite a file with ``change(header, arrays)`` done to its content."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    header = json.loads(arrays.pop("header").item())
    change(header, arrays)
    with open(path, "wb") as file:
        np.savez(file, header=json.dumps(header), **arrays)


@pytest.fixture
def parameters_file(tmp_path):
    path = tmp_path / "parameters.npz"
    save_parameters(path, *small_parameters())
    return path


@pytest.fixture
def training_file(tmp_path):
    path = tmp_path / "training.npz"
    save_training(path, small_training())
    return path


# The same comes back.


@every_network
def test_parameters_come_back_bit_for_bit(tmp_path, options):
    net = PlasticNetwork(2, 3, 4, **options)
    params = net.init(np.random.default_rng(0))
    params["b_y"][:] = [-0.0, np.finfo(net.dtype).smallest_subnormal, np.finfo(net.dtype).max, 1 / 3]
    save_parameters(tmp_path / "p.npz", net, params)
    assert same(load_parameters(tmp_path / "p.npz"), (net, params))


def test_layout_and_kind_of_an_array_do_not_matter(tmp_path):
    net = PlasticNetwork(2, 3, 4)
    params = net.init(np.random.default_rng(0))
    params["W_h"] = np.asfortranarray(params["W_h"])
    params["W_y"] = np.repeat(params["W_y"], 2, axis=1)[:, ::2]
    params["b_v"] = np.float64(0.25)
    save_parameters(tmp_path / "p.npz", net, params)
    _, loaded = load_parameters(tmp_path / "p.npz")
    assert same(loaded, {name: np.asarray(value) for name, value in params.items()})
    assert all(value.flags.writeable for value in loaded.values())


def test_options_that_are_texts_of_numpy(tmp_path):
    names = np.array(["lstm", "modulated", "trace", "tanh", "paper", "neuron"])
    options = dict(zip(("cell", "plasticity", "rule", "modulator", "reading", "alpha"), names))
    net = PlasticNetwork(2, 3, 2, **options)
    save_parameters(tmp_path / "p.npz", net, net.init(np.random.default_rng(0)))
    loaded, _ = load_parameters(tmp_path / "p.npz")
    assert same(loaded, PlasticNetwork(2, 3, 2, **{name: str(value) for name, value in options.items()}))


@every_network
@every_bit_generator
def test_a_training_comes_back_bit_for_bit(tmp_path, options, kind):
    training = small_training(kind, **options)
    save_training(tmp_path / "t.npz", training)
    assert same(load_training(tmp_path / "t.npz"), training)


def test_a_training_without_network_state(tmp_path):
    training = small_training()._replace(state=None, step=np.int64(5))
    save_training(tmp_path / "t.npz", training)
    assert same(load_training(tmp_path / "t.npz"), training._replace(step=5))


@every_network
def test_a_training_goes_on_as_if_it_had_never_stopped(tmp_path, options):
    uninterrupted = train(small_training(**options), updates=6)
    save_training(tmp_path / "t.npz", train(small_training(**options), updates=3))
    assert same(train(load_training(tmp_path / "t.npz"), updates=3), uninterrupted)


@every_bit_generator
def test_the_rng_goes_on_drawing_and_spawning(tmp_path, kind):
    training = small_training(kind)
    training.rng.spawn(2)
    training.rng.integers(9, dtype=np.uint8)
    save_training(tmp_path / "t.npz", training)
    rng, loaded = training.rng, load_training(tmp_path / "t.npz").rng
    for draw in (
        lambda g: g.integers(9, size=7, dtype=np.uint8),
        lambda g: g.standard_normal(700),
        lambda g: g.random(5, dtype=np.float32),
        lambda g: g.permutation(20),
        lambda g: g.spawn(3)[2].random(4),
    ):
        assert same(draw(rng), draw(loaded))


OF_OBJECTS = np.array([2**70, 1], object)


@pytest.mark.parametrize(
    "seed",
    [None, 0, np.int64(5), (1, 2), [1, np.int64(3)], np.array([4, 5]), 2**200, ["0x1f", 3], range(3), OF_OBJECTS],
    ids=str,
)
def test_every_kind_of_seed(tmp_path, seed):
    seeds = np.random.SeedSequence(seed)
    training = small_training()._replace(rng=np.random.default_rng(seeds))
    save_training(tmp_path / "t.npz", training)
    rng, again = load_training(tmp_path / "t.npz").rng, np.random.default_rng(seeds)
    assert same(rng.random(3), again.random(3))
    assert same(rng.spawn(1)[0].random(3), again.spawn(1)[0].random(3))


@pytest.mark.parametrize("nested", [[1, [2, 3]], [[1], [[2], 3], []], {"array": "a"}])
def test_a_file_whose_seed_was_a_nested_list_loads_where_numpy_takes_none(tmp_path, nested):
    # NumPy 2.4 and earlier took such seeds, as the list of their numbers, and files made there hold them.
    save_training(tmp_path / "t.npz", small_training()._replace(rng=np.random.default_rng([1, 2, 3])))

    def nest(header, arrays):
        header["content"]["rng"]["seeds"]["entropy"] = nested
        if "array" in nested:
            arrays["a"] = np.array([[1], [2], [3]])

    rewrite(tmp_path / "t.npz", nest)
    rng = load_training(tmp_path / "t.npz").rng
    assert same(rng.random(3), np.random.default_rng([1, 2, 3]).random(3))
    assert same(rng.spawn(1)[0].random(3), np.random.default_rng([1, 2, 3]).spawn(1)[0].random(3))


def test_saving_changes_nothing_of_the_callers(tmp_path):
    training, twin = small_training(), small_training()
    save_training(tmp_path / "t.npz", training)
    assert same(training, twin)


def test_numpy_opens_the_file_too(training_file):
    with np.load(training_file, allow_pickle=False) as archive:
        assert same(archive["params/W_h"], small_training().params["W_h"])
        assert json.loads(archive["header"].item())["kind"] == "training"


# Where it is written.


@pytest.mark.parametrize("name", ["p", "p.npz", "p.dat", "p.npz.bak", "ü 1"])
@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_exactly_the_path_is_written(tmp_path, name, kind):
    save_parameters(kind(tmp_path / name), *small_parameters())
    assert os.listdir(tmp_path) == [name]
    assert same(load_parameters(kind(tmp_path / name)), small_parameters())


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_parameters("p", *small_parameters())
    assert os.listdir(tmp_path) == ["p"]
    assert same(load_parameters("p"), small_parameters())


@pytest.mark.parametrize("path", [None, 3, b"p.npz", ["p.npz"]])
def test_a_path_that_is_none(path):
    for use in (
        lambda: save_parameters(path, *small_parameters()),
        lambda: save_training(path, small_training()),
        lambda: load_parameters(path),
        lambda: load_training(path),
    ):
        with pytest.raises(TypeError, match=r"^path: expected a str or os.PathLike, got "):
            use()


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(ValueError, match=r"^path: expected a file in an existing folder, got .*nowhere"):
        save_parameters(tmp_path / "nowhere" / "p.npz", *small_parameters())
    assert os.listdir(tmp_path) == []


def test_a_file_that_does_not_exist(tmp_path):
    for load in (load_parameters, load_training):
        with pytest.raises(FileNotFoundError, match="nothing.npz"):
            load(tmp_path / "nothing.npz")


# No file is lost.


class FullDisk:
    """A file that takes some bytes and then raises."""

    def __init__(self, handle, mode, error):
        self.file, self.error = open(handle, mode), error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        self.file.write(data[:1000])
        raise self.error


@pytest.mark.parametrize("error", [OSError(28, "no space left"), KeyboardInterrupt()], ids=["OSError", "Ctrl-C"])
@pytest.mark.parametrize("at", ["write", "fsync", "replace"])
@pytest.mark.parametrize("existing", [True, False])
def test_an_interrupted_save_leaves_everything_as_it_was(tmp_path, monkeypatch, error, at, existing):
    path = tmp_path / "p.npz"
    if existing:
        path.write_bytes(b"precious")

    def interrupted(*_):
        raise error

    if at == "write":
        monkeypatch.setattr(os, "fdopen", lambda handle, mode: FullDisk(handle, mode, error))
    else:
        monkeypatch.setattr(os, at, interrupted)
    with pytest.raises(type(error)):
        save_training(path, small_training())
    assert os.listdir(tmp_path) == (["p.npz"] if existing else [])
    assert not existing or path.read_bytes() == b"precious"


def nan_parameters(params):
    return params | {"W_h": np.full_like(params["W_h"], np.nan)}


REFUSED_PARAMETERS = {
    "net": (lambda net, params: ("rnn", params), TypeError, "^net: expected a PlasticNetwork, got str"),
    "params": (lambda net, params: (net, list(params)), TypeError, "^params: expected a dict"),
    "missing": (lambda net, params: (net, {"W_h": params["W_h"]}), ValueError, "^params: .*missing W_x"),
    "nan": (
        lambda net, params: (net, nan_parameters(params)),
        ValueError,
        r"^params\['W_h'\]: expected finite",
    ),
    "dtype": (lambda net, params: (net, params | {"b": np.ones(2, object)}), TypeError, r"^params\['b'\]: "),
}


@pytest.mark.parametrize("change, error, message", REFUSED_PARAMETERS.values(), ids=REFUSED_PARAMETERS)
def test_parameters_that_are_none_are_not_saved(parameters_file, change, error, message):
    before = parameters_file.read_bytes()
    with pytest.raises(error, match=message):
        save_parameters(parameters_file, *change(*small_parameters()))
    assert parameters_file.read_bytes() == before


class OwnSeeds(np.random.bit_generator.ISeedSequence):
    def generate_state(self, n_words, dtype=np.uint32):
        return np.ones(n_words, dtype)


REFUSED_TRAININGS = {
    "net": ("net", lambda t: None, TypeError),
    "params": ("params", lambda t: t.params | {"W": t.params["b"]}, ValueError),
    "no optimiser": ("optimiser", lambda t: None, TypeError),
    "plain tuple": ("optimiser", lambda t: tuple(t.optimiser), TypeError),
    "optimiser of other parameters": ("optimiser", lambda t: adam_init({"a": np.ones(1)}), ValueError),
    "negative count": ("optimiser", lambda t: t.optimiser._replace(steps=-1), ValueError),
    "count without end": ("optimiser", lambda t: t.optimiser._replace(steps=10**400), ValueError),
    "squares below 0": ("optimiser", lambda t: t.optimiser._replace(v=t.optimiser.v | {"b": -np.ones(3)}), ValueError),
    "float count": ("optimiser", lambda t: t.optimiser._replace(steps=1.0), TypeError),
    "seed": ("rng", lambda t: 7, TypeError),
    "RandomState": ("rng", lambda t: np.random.RandomState(7), TypeError),
    "seeds of its own": ("rng", lambda t: np.random.Generator(np.random.PCG64(OwnSeeds())), TypeError),
    "state tuple": ("state", lambda t: tuple(t.state), TypeError),
    "state shape": ("state", lambda t: t.state._replace(h=np.zeros((3, 3))), ValueError),
    "state of another network": ("state", lambda t: t.state._replace(c=np.zeros((2, 3))), ValueError),
    "negative step": ("step", lambda t: -1, ValueError),
    "no step": ("step", lambda t: None, TypeError),
}


@pytest.mark.parametrize("field, value, error", REFUSED_TRAININGS.values(), ids=REFUSED_TRAININGS)
def test_trainings_that_are_none_are_not_saved(training_file, field, value, error):
    before = training_file.read_bytes()
    training = small_training()
    with pytest.raises(error, match=rf"^training\.{field}\S*: expected .*(got|missing|unknown)"):
        save_training(training_file, training._replace(**{field: value(training)}))
    assert training_file.read_bytes() == before


def test_a_training_is_a_training_state(tmp_path):
    with pytest.raises(TypeError, match="^training: expected a TrainingState, got tuple"):
        save_training(tmp_path / "t.npz", tuple(small_training()))
    assert os.listdir(tmp_path) == []


class Tagged(PlasticNetwork):
    pass


def test_a_network_that_would_not_come_back_as_it_is_is_not_saved(tmp_path):
    tagged, noted, changed = Tagged(1, 2, 1), PlasticNetwork(1, 2, 1), PlasticNetwork(1, 2, 1)
    vars(noted)["note"], vars(changed)["clip"] = "best so far", -1.0
    for net, error in ((tagged, TypeError), (noted, ValueError), (changed, ValueError)):
        params = PlasticNetwork(1, 2, 1).init(np.random.default_rng(0))
        with pytest.raises(error, match="^net: expected"):
            save_parameters(tmp_path / "p.npz", net, params)
        with pytest.raises(error, match=r"^training\.net: expected"):
            save_training(tmp_path / "t.npz", small_training()._replace(net=net, params=params))
    assert os.listdir(tmp_path) == []


def test_a_generator_with_a_pool_that_takes_minutes_is_neither_saved_nor_loaded(training_file):
    before = training_file.read_bytes()
    rng = np.random.default_rng(np.random.SeedSequence(1, pool_size=1025))
    with pytest.raises(ValueError, match=r"^training\.rng: pool_size: expected an integer of at most 1024, got 1025"):
        save_training(training_file, small_training()._replace(rng=rng))
    assert training_file.read_bytes() == before
    for size, expected in ((10**6, "at most 1024"), (-1, "at least 4"), ("4", "an integer")):
        rewrite(training_file, set_in("rng", "seeds", "pool_size", value=size))
        with pytest.raises(ValueError, match=f"pool_size: expected .*{expected}"):
            load_training(training_file)


@posix
def test_a_pipe_and_an_archive_that_unpacks_to_more_than_it_is(tmp_path, parameters_file):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="^path: expected an ordinary file, got .*pipe"):
        load_parameters(tmp_path / "pipe")
    rewrite(parameters_file, set_array("params/b", np.zeros(10_000)))
    data = bytearray(parameters_file.read_bytes())
    with zipfile.ZipFile(parameters_file) as archive:
        big = archive.getinfo("params/b.npy")
    # All names in the directory at the end lead to the same big entry.
    place, count = data.find(b"PK\x01\x02"), 0
    while place >= 0:
        for at, value in ((16, big.CRC), (20, big.file_size), (24, big.file_size), (42, big.header_offset)):
            data[place + at : place + at + 4] = value.to_bytes(4, "little")
        place, count = data.find(b"PK\x01\x02", place + 4), count + 1
    assert count > 5
    parameters_file.write_bytes(data)
    with pytest.raises(ValueError, match="do not overlap"):
        load_parameters(parameters_file)


def test_an_array_that_says_it_is_enormous(parameters_file):
    with zipfile.ZipFile(parameters_file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    said = b"(2,), }" + 12 * b" "
    assert said in entries["params/b.npy"]
    entries["params/b.npy"] = entries["params/b.npy"].replace(said, b"(1000000000000,), }")
    with zipfile.ZipFile(parameters_file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match=r"params/b.npy to hold float64 of shape \(1000000000000,\), got"):
        load_parameters(parameters_file)


@pytest.mark.parametrize("name, reason", [("params/b", r"params\['b'\]: expected shape"), ("more", "got more as well")])
def test_what_is_wrong_in_an_array_is_found_before_it_is_read(parameters_file, monkeypatch, name, reason):
    rewrite(parameters_file, set_array(name, np.zeros(10_000)))
    read = []
    whole = zipfile.ZipFile.read
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda file, entry: read.append(entry.filename) or whole(file, entry))
    with pytest.raises(ValueError, match=reason):
        load_parameters(parameters_file)
    assert read == ["header.npy"]


# Damaged files.


def assert_refused_or_same(path, load, expected):
    """Loading raises a ValueError that names the path, or gives exactly ``expected``; True if it raises."""
    try:
        loaded = load(path)
    except ValueError as error:
        assert str(error).startswith("path: expected a ")
        assert str(path) in str(error)
        return True
    assert same(loaded, expected)
    return False


def test_one_flipped_byte_anywhere(parameters_file):
    data, expected = parameters_file.read_bytes(), small_parameters()
    masks = np.random.default_rng(2).integers(1, 256, size=len(data))
    refused = 0
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= int(masks[position])
        parameters_file.write_bytes(damaged)
        refused += assert_refused_or_same(parameters_file, load_parameters, expected)
    assert refused > 0.7 * len(data) / 3  # the rest are dates and the like


def test_a_flipped_byte_in_a_training(training_file):
    data, expected = training_file.read_bytes(), small_training()
    rng = np.random.default_rng(3)
    refused = 0
    for position in rng.choice(len(data), size=300, replace=False):
        damaged = bytearray(data)
        damaged[position] ^= int(rng.integers(1, 256))
        training_file.write_bytes(damaged)
        refused += assert_refused_or_same(training_file, load_training, expected)
    assert refused > 200


def test_a_file_cut_off_anywhere(parameters_file):
    data = parameters_file.read_bytes()
    for length in (*range(0, len(data), 13), *range(len(data) - 30, len(data))):
        parameters_file.write_bytes(data[:length])
        assert assert_refused_or_same(parameters_file, load_parameters, None)


# Foreign files.


class Payload:
    """Unpickling it would make a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def write_npy(path, array):
    with open(path, "wb") as file:
        np.save(file, array, allow_pickle=True)


def write_npz(path, **arrays):
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def write_compressed(path):
    with np.load(path) as archive:
        arrays = dict(archive)
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)


FOREIGN = {
    "empty": (lambda path: path.write_bytes(b""), "not a zip file"),
    "text": (lambda path: path.write_text("W_x = 3\n"), "not a zip file"),
    "npy": (lambda path: write_npy(path, np.ones(3)), "not a zip file"),
    "empty npz": (lambda path: write_npz(path), "expected a text called 'header' in it, got nothing"),
    "other npz": (lambda path: write_npz(path, x=np.ones(3), y=np.ones(2)), "header.* got x, y"),
    "header a number": (lambda path: write_npz(path, header=np.ones(())), "'header'"),
    "header an array": (lambda path: write_npz(path, header=np.array(["{}"])), "'header'"),
    "header no JSON": (lambda path: write_npz(path, header=np.array("hello")), "JSONDecodeError"),
    "header a list": (lambda path: write_npz(path, header=np.array("[1]")), "format 'bpm_numpy', got"),
    "other header": (lambda path: write_npz(path, header=np.array("{}")), "format 'bpm_numpy', got"),
    "compressed": (write_compressed, "expected uncompressed arrays"),
}


@pytest.mark.parametrize("load", [load_parameters, load_training])
@pytest.mark.parametrize("write, reason", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file(parameters_file, load, write, reason):
    write(parameters_file)
    with pytest.raises(ValueError, match=rf"^path: expected a \w+ file of bpm_numpy, got .* \(.*{reason}") as caught:
        load(parameters_file)
    assert str(parameters_file) in str(caught.value)


@pytest.mark.parametrize("load", [load_parameters, load_training])
def test_a_pickle_is_not_run(tmp_path, load):
    path, trap = tmp_path / "p.npz", tmp_path / "trap"
    payload = np.array(Payload(trap), dtype=object)
    pickled = pickle.dumps(Payload(trap))
    kind = "parameters" if load is load_parameters else "training"
    header = np.array(json.dumps({"format": "bpm_numpy", "version": 1, "kind": kind}))
    for write in (
        lambda: path.write_bytes(pickled),
        lambda: write_npy(path, payload),
        lambda: write_npz(path, header=payload),
        lambda: write_npz(path, header=header, W_x=payload),
    ):
        write()
        with pytest.raises(ValueError, match=r"not a zip file|got pickled objects"):
            load(path)
        assert not trap.exists()
    pickle.loads(pickled)
    assert trap.exists()  # it would have


def test_the_two_kinds_are_not_mixed_up(parameters_file, training_file):
    with pytest.raises(ValueError, match="expected kind 'training', got 'parameters'"):
        load_training(parameters_file)
    with pytest.raises(ValueError, match="expected kind 'parameters', got 'training'"):
        load_parameters(training_file)


def branch(header, keys):
    """header["content"][key][key]..."""
    return functools.reduce(operator.getitem, keys, header["content"])


def set_in(*keys, value):
    return lambda header, arrays: branch(header, keys[:-1]).update({keys[-1]: value})


def drop(*keys):
    return lambda header, arrays: branch(header, keys[:-1]).pop(keys[-1])


def set_array(name, value):
    return lambda header, arrays: arrays.update({name: value})


CHANGED_PARAMETERS = {
    "newer": (lambda header, arrays: header.update(version=2), "expected version 1, got the newer 2"),
    "no version": (lambda header, arrays: header.pop("version"), "version: expected an integer, got None"),
    "version 0": (lambda header, arrays: header.update(version=0), "version: expected .* at least 1, got 0"),
    "other format": (lambda header, arrays: header.update(format="x"), "expected a header of format"),
    "no content": (lambda header, arrays: header.pop("content"), "as well"),
    "no params": (drop("params"), "as well"),
    "null params": (set_in("params", value=None), "as well"),
    "no options": (drop("options"), "options"),
    "more content": (set_in("more", value=1), "more"),
    "unknown option": (set_in("options", "depth", value=3), "depth"),
    "bad option": (set_in("options", "cell", value="mlp"), "cell: expected 'rnn'"),
    "bad size": (set_in("options", "n_hidden", value=2.5), "n_hidden: expected an integer"),
    "other size": (set_in("options", "n_hidden", value=4), r"params\['W_x'\]: expected shape \(1, 4\)"),
    "huge size": (set_in("options", "n_hidden", value=10**12), r"params\['W_x'\]: expected shape"),
    "nan clip": (set_in("options", "clip", value=float("nan")), "clip: expected"),
    "bad dtype": (set_in("options", "dtype", value="int8"), "dtype: expected float64 or float32"),
    "other dtype": (set_in("options", "dtype", value="float32"), r"params\['W_x'\]: expected dtype float32"),
    "missing array": (lambda header, arrays: arrays.pop("params/b"), "expected an array 'params/b'"),
    "array used twice": (
        set_in("params", "b", value={"array": "params/W_v"}),
        "expected an array 'params/W_v'",
    ),
    "additional array": (set_array("more", np.ones(2)), "got more as well"),
    "missing parameter": (
        lambda header, arrays: (header["content"]["params"].pop("b"), arrays.pop("params/b")),
        "missing b",
    ),
    "unknown parameter": (set_in("params", "q", value=1.0), "unknown 'q'"),
    "number for array": (
        lambda header, arrays: (arrays.pop("params/b"), header["content"]["params"].update(b=[1.0, 2.0])),
        r"params\['b'\]: expected a NumPy array, got list",
    ),
    "wrong shape": (set_array("params/b", np.ones(3)), r"params\['b'\]: expected shape \(2,\), got \(3,\)"),
    "wrong rank": (set_array("params/b", np.ones((1, 2))), r"params\['b'\]: expected shape"),
    "wrong dtype": (set_array("params/b", np.ones(2, np.float32)), r"params\['b'\]: expected dtype float64"),
    "wrong byte order": (set_array("params/b", np.ones(2, ">f8")), r"params\['b'\]: expected dtype float64"),
    "text": (set_array("params/b", np.array(["1", "2"])), r"params\['b'\]: expected dtype float64"),
    "nan": (set_array("params/b", np.array([1, np.nan])), r"params\['b'\]: expected finite numbers"),
}


@pytest.mark.parametrize("change, reason", CHANGED_PARAMETERS.values(), ids=CHANGED_PARAMETERS)
def test_a_parameters_file_with_something_wrong_in_it(parameters_file, change, reason):
    rewrite(parameters_file, lambda header, arrays: None)
    assert same(load_parameters(parameters_file), small_parameters())
    rewrite(parameters_file, change)
    with pytest.raises(ValueError, match=rf"^path: expected a parameters file of bpm_numpy, got .* \(.*{reason}"):
        load_parameters(parameters_file)


CHANGED_TRAININGS = {
    "no step": (drop("step"), "step"),
    "text for step": (set_in("step", value="2"), r"training\.step: expected an integer"),
    "unknown optimiser": (set_in("optimiser", "kind", value="Popen"), "Popen"),
    "other optimiser": (set_in("optimiser", "kind", value="SgdState"), "SgdState"),
    "no count": (drop("optimiser", "fields", "steps"), "steps"),
    "negative count": (set_in("optimiser", "fields", "steps", value=-3), r"optimiser\.steps: expected"),
    "misshapen m": (set_array("optimiser/fields/m/b", np.ones(2)), r"optimiser\.m\['b'\]: expected shape"),
    "null state field": (
        lambda header, arrays: (arrays.pop("state/hebb"), header["content"]["state"].update(hebb=None)),
        r"training\.state\.hebb: expected an array",
    ),
    "misshapen state": (
        set_array("state/hebb", np.ones((1, 3, 3))),
        r"training\.state\.hebb: expected shape",
    ),
    "unknown state field": (set_in("state", "q", value=None), "q"),
    "unknown bit generator": (set_in("rng", "bits", "bit_generator", value="RandomState"), "RandomState"),
    "other bit generator": (set_in("rng", "bits", "bit_generator", value="SFC64"), "Error"),
    "no generator state": (drop("rng", "bits", "state"), "state"),
    "number too large": (set_in("rng", "bits", "state", "state", value=2**200), "too large"),
    "bad seeds": (set_in("rng", "seeds", "entropy", value=-1), "non-negative"),
}


@pytest.mark.parametrize("change, reason", CHANGED_TRAININGS.values(), ids=CHANGED_TRAININGS)
def test_a_training_file_with_something_wrong_in_it(training_file, change, reason):
    rewrite(training_file, change)
    with pytest.raises(ValueError, match=rf"^path: expected a training file of bpm_numpy, got .* \(.*{reason}"):
        load_training(training_file)


@pytest.mark.parametrize(
    "kind, keys, last", [(np.random.MT19937, ("state", "pos"), 624), (np.random.Philox, ("buffer_pos",), 4)]
)
def test_a_position_beyond_the_generators_buffer(tmp_path, kind, keys, last):
    path, training = tmp_path / "t.npz", small_training(kind)
    for pos in (-1, last + 1):
        save_training(path, training)
        rewrite(path, set_in("rng", "bits", *keys, value=pos))
        with pytest.raises(ValueError, match="pos: expected a finite number at least 0 and at most"):
            load_training(path)


def test_a_state_is_a_state_again(training_file):
    assert type(load_training(training_file).state) is State
