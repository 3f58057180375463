"""A model file on disk: what it is, its configuration, and its weights, opened but not read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import zipfile
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from reglint.inspector.facts import Changed, FileFacts, Format, Refused
from reglint.inspector.files import document, hdf5, zipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import h5py

ZIP_MAGIC = b"PK\x03\x04"
MAX_WORD = 100  # characters of a version or a date

SAVE_AS_KERAS = "load it where it was made, and save it with model.save('model.keras')"

# What else a model may come in, by how it begins; the offset, the bytes, and what it is.
OTHERS = (
    (4, b"TFL3", "a TensorFlow Lite model, which has lost its regularizers"),
    (0, b"\x80", "a pickle, which is a program: it is never opened"),
    (0, b"PK\x05\x06", "an empty zip archive"),
    (0, b"\x08", "an ONNX or TensorFlow graph, which has lost its regularizers"),
    (0, b"{", "JSON: name the weights, and this file with --model-config"),
)
SUFFIXES = {
    ".onnx": "an ONNX model, which has lost its regularizers",
    ".tflite": "a TensorFlow Lite model, which has lost its regularizers",
    ".pb": "a TensorFlow graph, which has lost its regularizers",
}


_LOOKED_AT = 10_000  # entries of a folder, for a hint


class WrongUsage(Refused):
    """Nothing is wrong with the file: another option goes with it."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An open model file."""

    facts: FileFacts
    config: dict[str, Any] | None  # the serialized model
    compile_config: dict[str, Any] | None  # how it was compiled (`training_config` of a `.h5`)
    weights: h5py.Group | None  # the root of the HDF5 file


@contextlib.contextmanager
def opened(
    path: str, config: str | None = None, known: FileFacts | None = None
) -> Iterator[ModelFile]:
    """Open a `.keras`, a `.h5`, or a `.weights.h5` with its `config`; raise Refused.

    It is WrongUsage if a `.weights.h5` lacks its `config`, or another file is given one; Changed if
    `known` was found before, and this is another file, by the hash of all of it.

    What kind of file it is tells its content, not its name.
    """
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(regular(path))
        start = stream.read(len(hdf5.MAGIC))
        if start.startswith(ZIP_MAGIC):
            read = _keras
        elif start == hdf5.MAGIC:
            read = _hdf5
        else:
            raise Refused(_unknown(path, start))
        _check_name(path, stream, read is _keras)
        stream.seek(0)
        file = read(stack, path, config, stream)
        if known is not None and replace(file.facts, path=known.path) != known:
            raise Changed
        yield file


def regular(path: str) -> IO[bytes]:
    """Open a regular file of this machine, no link; raise Refused."""
    if "://" in path:
        raise Refused("an address: download the file, look at where it is from, and name it here")
    try:
        kind = os.lstat(path).st_mode
        if stat.S_ISDIR(kind):
            raise Refused(_folder(Path(path)))
        if not stat.S_ISREG(kind):
            raise Refused(
                f"{_KINDS.get(stat.S_IFMT(kind), 'no regular file')}: name the file itself"
            )
        flags = (
            getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        descriptor = os.open(path, os.O_RDONLY | flags)
    except (OSError, ValueError) as error:
        raise Refused(f"it cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # replaced since
        stream.close()
        raise Refused("no regular file: name the file itself")
    return stream


_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _check_name(path: str, stream: IO[bytes], archive: bool) -> None:  # noqa: FBT001
    """Refuse what is two files in one: Keras goes by the name, and would read the other."""
    suffix = Path(path).suffix.lower()
    if archive and suffix in {".h5", ".hdf5"}:
        raise Refused("a .keras archive under the name of an HDF5 file: name it .keras")
    if not archive and suffix == ".keras" and zipfile.is_zipfile(stream):
        raise Refused("both an HDF5 file and a zip archive")


def _keras(
    stack: contextlib.ExitStack, path: str, config: str | None, stream: IO[bytes]
) -> ModelFile:
    if config is not None:
        raise WrongUsage("a .keras file has its own config.json: leave --model-config out")
    archive = stack.enter_context(zipped.opened(stream))
    model = document.model(archive.text("config.json"), "config.json")
    about = document.parsed(archive.text("metadata.json"), "metadata.json")
    weights = stack.enter_context(
        hdf5.opened(stack.enter_context(archive.stream("model.weights.h5")))
    )
    facts = _facts(path, Format.KERAS, stream, about)
    return ModelFile(facts, model, _dict(model.get("compile_config")), weights)


def _hdf5(
    stack: contextlib.ExitStack, path: str, config: str | None, stream: IO[bytes]
) -> ModelFile:
    root = stack.enter_context(hdf5.opened(stream))
    written = hdf5.text(root, "model_config")
    about = {"keras_version": hdf5.text(root, "keras_version")}
    if written is not None:
        if config is not None:
            raise WrongUsage("the file has its own configuration: leave --model-config out")
        training = hdf5.text(root, "training_config")
        return ModelFile(
            _facts(path, Format.H5, stream, about),
            document.model(written, "model_config"),
            None if training is None else _dict(document.parsed(training, "training_config")),
            root,
        )
    if config is None:
        kind = WrongUsage if path.endswith(".weights.h5") else Refused  # it should have one
        raise kind("it has weights and no config: name its config.json with --model-config")
    with regular(config) as other:
        if other.read(len(ZIP_MAGIC)) == ZIP_MAGIC:
            raise Refused(f"{config} is an archive: --model-config takes JSON (model.to_json())")
        other.seek(0)
        content = other.read(document.MAX_BYTES + 1)
    model = document.model(content, config)
    digest = hashlib.sha256(content).hexdigest()
    facts = replace(_facts(path, Format.WEIGHTS, stream, about), config_sha256=digest)
    return ModelFile(facts, model, _dict(model.get("compile_config")), root)


def _facts(path: str, kind: Format, stream: IO[bytes], about: Mapping[str, Any]) -> FileFacts:
    stream.seek(0)
    digest = hashlib.sha256()
    size = 0
    while block := stream.read(1 << 20):
        digest.update(block)
        size += len(block)
    version, date = (
        value[:MAX_WORD] if isinstance(value := about.get(key), str) else None
        for key in ("keras_version", "date_saved")
    )
    return FileFacts(path, kind, size, digest.hexdigest(), version, _iso(date))


def _iso(date: str | None) -> str | None:
    """Return Keras' `2026-11-21@12:30:00` as ISO 8601."""
    return date.replace("@", "T") if date else None


def _dict(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return f"a SavedModel, which has lost its regularizers: {SAVE_AS_KERAS}"
    if any(each.suffix == ".keras" for each in islice(path.rglob("*"), _LOOKED_AT)):
        return f"a folder: name the files, as in '{path}/**/*.keras'"
    return f"a folder: {SAVE_AS_KERAS}"


def _unknown(path: str, start: bytes) -> str:
    if not start:
        return "the file is empty"
    what = SUFFIXES.get(Path(path).suffix.lower()) or next(
        (what for offset, magic, what in OTHERS if start[offset:].startswith(magic)), None
    )
    if what is None:
        return f"neither a zip archive nor HDF5: if it is a model, {SAVE_AS_KERAS}"
    return what if ":" in what else f"{what}: {SAVE_AS_KERAS}"
