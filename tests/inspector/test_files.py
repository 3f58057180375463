"""Model files: opened, and what they hold."""

import hashlib
import io
import json
import os
import random
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

import hostile  # noqa: E402 - needs h5py

from reglint.inspector.facts import Changed, Format, Refused  # noqa: E402 - needs h5py
from reglint.inspector.files import archive, document, hdf5  # noqa: E402


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return str(path)


def refusal(path, config=None):
    with pytest.raises(Refused) as caught, archive.opened(str(path), config):
        pass
    return str(caught.value)


def store(**arrays):
    """Return an open HDF5 file with some datasets."""
    file = h5py.File(io.BytesIO(), "w")
    for name, value in arrays.items():
        file[name] = value
    return file


# ------------------------------------------------------------------ files


def test_a_keras_file_has_facts_config_and_weights(tmp_path):
    compiled = {"optimizer": "sgd", "loss": "mse"}
    data = hostile.keras({**hostile.good(), "compile_config": compiled})
    path = write(tmp_path / "a model.keras", data)
    with archive.opened(path) as file:
        assert file.facts.path == path
        assert file.facts.format is Format.KERAS
        assert file.facts.size == len(data)
        assert file.facts.sha256 == hashlib.sha256(data).hexdigest()
        assert file.facts.keras_version == "3.15.1"
        assert file.facts.date_saved == "2026-01-01T00:00:00"
        assert file.config["class_name"] == "Sequential"
        assert file.compile_config == compiled
        kernel = hdf5.at(file.weights, "layers/dense/vars/0")
        assert np.concatenate(list(hdf5.chunks(kernel))).tolist() == [0.5] * 6


def test_an_h5_file_has_its_config_in_attributes(tmp_path):
    def compiled(file):
        file.attrs["training_config"] = '{"loss": "mse", "optimizer_config": {}}'

    path = write(tmp_path / "model.h5", hostile.legacy(None, compiled))
    with archive.opened(path) as file:
        assert file.facts.format is Format.H5
        assert file.facts.keras_version == "2.15.0"
        assert file.facts.date_saved is None
        assert file.compile_config["loss"] == "mse"
        top = hdf5.at(file.weights, "model_weights/dense")
        assert hdf5.texts(top, "weight_names") == ["dense/kernel:0", "dense/bias:0"]


def test_weights_alone_take_a_config(tmp_path):
    path = write(tmp_path / "model.weights.h5", hostile.weights())
    config = write(tmp_path / "config.json", hostile.good())
    with archive.opened(path, config) as file:
        assert file.facts.format is Format.WEIGHTS
        assert file.config == hostile.good()
        assert file.compile_config is None
        assert hdf5.at(file.weights, "layers/dense/vars/1").shape == (3,)
    assert "--model-config" in refusal(path)


def test_a_file_that_is_another_by_now_is_told_by_its_content(tmp_path):
    path = write(tmp_path / "model.keras", hostile.keras())
    with archive.opened(path) as file:
        known = replace(file.facts, path="as it was written")
    with archive.opened(path, known=known) as file:
        assert file.facts.sha256 == known.sha256
    write(tmp_path / "other.keras", hostile.keras({**hostile.good(), "compile_config": {}}))
    (tmp_path / "other.keras").replace(path)
    with pytest.raises(Changed, match="it changed"), archive.opened(path, known=known):
        pass


def test_a_config_that_is_another_by_now_is_told_too(tmp_path):
    path = write(tmp_path / "model.weights.h5", hostile.weights())
    config = write(tmp_path / "config.json", hostile.good())
    with archive.opened(path, config) as file:
        known = file.facts
    assert known.config_sha256 == hashlib.sha256(Path(config).read_bytes()).hexdigest()
    write(tmp_path / "config.json", {**hostile.good(), "compile_config": {}})
    with pytest.raises(Changed), archive.opened(path, config, known):
        pass


def test_a_config_is_refused_where_there_is_one_in_the_file(tmp_path):
    config = write(tmp_path / "config.json", hostile.good())
    for name, data in {"a.keras": hostile.keras(), "a.h5": hostile.legacy()}.items():
        assert "leave --model-config out" in refusal(write(tmp_path / name, data), config)


def test_an_archive_is_no_config(tmp_path):
    path = write(tmp_path / "a.weights.h5", hostile.weights())
    assert "JSON" in refusal(path, write(tmp_path / "a.keras", hostile.keras()))


def test_the_content_says_what_a_file_is(tmp_path):
    with archive.opened(write(tmp_path / "model", hostile.keras())) as file:
        assert file.facts.format is Format.KERAS
    with archive.opened(write(tmp_path / "other.keras", hostile.legacy())) as file:
        assert file.facts.format is Format.H5


def test_stored_weights_are_read_in_place_and_packed_ones_from_a_temporary_file(
    tmp_path, monkeypatch
):
    made = []
    real = tempfile.TemporaryFile

    def counted(*args, **options):
        made.append(1)
        return real(*args, **options)

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    packed = hostile.packed(hostile.members(), zipfile.ZIP_DEFLATED)
    for name, data, files in (("a", hostile.keras(), 0), ("b", packed, 1)):
        with archive.opened(write(tmp_path / f"{name}.keras", data)) as file:
            kernel = hdf5.at(file.weights, "layers/dense/vars/0")
            assert np.concatenate(list(hdf5.chunks(kernel))).tolist() == [0.5] * 6
        assert len(made) == files


def test_only_regular_local_files_are_opened(tmp_path):
    assert "download" in refusal("https://example.com/model.keras")
    assert "No such file" in refusal(tmp_path / "absent.keras")
    assert refusal(os.devnull).startswith("a device")
    assert refusal("a\0b.keras").startswith("it cannot be opened")


def test_a_folder_of_models_is_told_how_to_be_named(tmp_path):
    assert refusal(tmp_path) == f"a folder: {archive.SAVE_AS_KERAS}"
    (tmp_path / "run").mkdir()
    write(tmp_path / "run" / "a.keras", hostile.keras())
    assert refusal(tmp_path) == f"a folder: name the files, as in '{tmp_path}/**/*.keras'"


def test_a_link_put_in_place_of_the_file_is_not_followed(tmp_path, monkeypatch):
    good = tmp_path / "good.keras"
    good.write_bytes(hostile.keras())
    link = tmp_path / "link.keras"
    link.symlink_to(good)
    was = os.stat(good)  # noqa: PTH116
    monkeypatch.setattr(os, "lstat", lambda _: was)  # as it was before
    assert refusal(link).startswith("it cannot be opened")


# ------------------------------------------------------------------ JSON


def naive(value):
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(naive, value.values() if isinstance(value, dict) else value), default=0)


def anything(chance, depth):
    kind = chance.randrange(3) if depth else 2
    if kind == 2:
        return "".join(chance.choice('\\"[]{}, a\u5b22') for _ in range(chance.randrange(9)))
    items = [anything(chance, depth - 1) for _ in range(chance.randrange(4))]
    return items if kind else {str(i) + '\\"[': item for i, item in enumerate(items)}


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_depth_is_measured_as_a_parser_finds_it(block, monkeypatch):
    monkeypatch.setattr(document, "BLOCK", block)
    chance = random.Random(block)  # noqa: S311
    for _ in range(60):
        value = anything(chance, 6)
        for ascii_only in (True, False):
            text = json.dumps(value, ensure_ascii=ascii_only)
            assert document.measured(text.encode())[0] == naive(value), text


def test_values_are_counted():
    assert document.measured(b'{"a": [1, 2, 3], "b": {}}')[1] == 6


def test_numbers_that_only_python_has_are_let_through():
    """Keras writes them, `ReLU(max_value=inf)`, and reads them."""
    assert document.parsed('{"a": Infinity}', "x") == {"a": float("inf")}


# ------------------------------------------------------------------ HDF5


def values(dataset):
    pieces = list(hdf5.chunks(dataset))
    assert all(piece.ndim == 1 and len(piece) <= hdf5.PIECE for piece in pieces)
    return np.concatenate([np.empty(0), *pieces])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "i8", "u1", "bool"])
def test_numbers_come_as_float64(dtype):
    array = np.array([[0, 1], [1, 3]]).astype(dtype)
    with store(x=array) as file:
        read = values(hdf5.child(file, "x"))
    assert read.dtype == "float64"
    assert read.tolist() == array.astype("float64").reshape(-1).tolist()


def test_bfloat16_is_two_opaque_bytes():
    bits = np.array([0x3F80, 0xC000, 0x7F80, 0x0001], "<u2")  # 1, -2, infinity, the least
    with store(x=bits.view("V2")) as file:
        assert values(hdf5.child(file, "x")).tolist() == [1, -2, float("inf"), 2.0**-133]


@pytest.mark.parametrize("piece", [1, 5, 24, 1000])
@pytest.mark.parametrize(
    "shape", [(), (0,), (3, 0, 2), (1,), (7,), (4, 6), (3, 4, 5), (2, 1, 3, 4)]
)
@pytest.mark.parametrize("packed", [False, True])
def test_pieces_cover_a_dataset_in_order(shape, piece, packed, monkeypatch):
    monkeypatch.setattr(hdf5, "PIECE", piece)
    array = np.random.default_rng(0).normal(size=shape).astype("float32")
    chunked = packed and array.size > 0 and shape != ()
    options = {"chunks": tuple(min(2, n) for n in shape), "compression": "gzip"} if chunked else {}
    with store() as file:
        file.create_dataset("x", data=array, shuffle=chunked, fletcher32=chunked, **options)
        read = values(hdf5.child(file, "x"))
    assert read.tolist() == array.reshape(-1).tolist()


def test_a_name_is_no_path():
    with store(**{"a/b": 1.0}) as file:
        assert hdf5.child(file, "a/b") is None
        assert hdf5.child(file["a"], "..") is None
        assert hdf5.child(file, "") is None
        assert hdf5.child(file, "c") is None
        assert hdf5.at(file, "a/b").shape == ()
        assert hdf5.at(file, "a/b/c") is None
        assert hdf5.at(file, "") == file
        assert hdf5.names(file) == ["a"]


def test_texts_are_read_in_every_spelling_of_keras():
    with store() as file:
        file.attrs["new"] = ["a", "b"]
        file.attrs["old"] = np.array([b"a", b"b"])
        file.attrs["one"] = b"a"
        file.attrs["long0"], file.attrs["long1"] = [b"a", b"b"], [b"c"]
        file.attrs["none"] = np.array([], "S1")
        assert hdf5.texts(file, "new") == hdf5.texts(file, "old") == ["a", "b"]
        assert hdf5.texts(file, "long") == ["a", "b", "c"]
        assert hdf5.texts(file, "none") == hdf5.texts(file, "absent") == []
        assert hdf5.text(file, "one") == "a"
        assert hdf5.text(file, "new") is hdf5.text(file, "absent") is None
        file.attrs["number"] = 5
        with pytest.raises(Refused, match="no text"):
            hdf5.text(file, "number")


def test_what_is_well_packed_is_no_bomb():
    with store() as file:
        file.create_dataset("x", data=np.zeros(1 << 20), chunks=(1 << 16,), compression="gzip")
        assert hdf5.check(file) == 8 << 20


def test_a_file_of_too_many_objects_is_refused(monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 3)
    with store(a=1, b=1, c=1) as file:
        assert hdf5.check(file) == 24
    with store(**{"a/x": 1, "b/x": 1}) as file, pytest.raises(Refused, match="over 3"):
        hdf5.check(file)
    with store(a=1, b=1, c=1, d=1) as file, pytest.raises(Refused, match="4 objects"):
        hdf5.check(file)
