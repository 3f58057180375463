"""A model file written anew with another configuration, and nothing else in it changed."""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from itertools import pairwise
from typing import IO, TYPE_CHECKING

import h5py
import numpy as np

from reglint.inspector.facts import Format
from reglint.inspector.files import hdf5, zipped
from reglint.inspector.files.archive import regular

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG = "config.json"
_ATTRIBUTE = "model_config"
_BLOCK = 1 << 20
# What the directory of an archive says of a member, its place apart.
_SAID = (
    "filename", "date_time", "compress_type", "comment", "extra", "create_system", "flag_bits",
    "internal_attr", "external_attr", "CRC", "compress_size", "file_size",
)  # fmt: skip


class NotTheSame(Exception):  # noqa: N818 - says what
    """The new file differs from the old one where it must not: a mistake, or a failing disk."""


def write(path: str, kind: Format, config: str, side: str) -> None:
    """Write the model file at `path` with `config`, JSON, to `side`, an empty file that is there.

    It is on the disk when this returns. Raise Refused, OSError.
    """
    text = config.encode()
    with regular(path) as source, open(side, "r+b") as target:  # noqa: PTH123
        if kind is Format.KERAS:
            _write_archive(source, target, text)
        else:
            _copy(source, target, os.fstat(source.fileno()).st_size)
    if kind is not Format.KERAS:
        _write_attribute(side, text)
    with open(side, "r+b") as target:  # noqa: PTH123
        os.fsync(target.fileno())


def compare(path: str, kind: Format, side: str) -> None:
    """Raise NotTheSame if `side` differs from the model file at `path`, its configuration apart."""
    with regular(path) as before, regular(side) as after:
        if kind is Format.KERAS:
            _compare_archives(before, after)
        else:
            with hdf5.opened(before) as one, hdf5.opened(after) as other:
                _compare_groups(one, other)


def _write_archive(source: IO[bytes], target: IO[bytes], text: bytes) -> None:
    """Copy all members as they are stored, byte for byte; only the configuration is packed."""
    with zipped.opened(source) as opened, zipfile.ZipFile(target, "w") as made:
        for info, start, end in _spans(opened.archive):
            if info.filename == _CONFIG:
                made.writestr(_described(info), text)
                continue
            source.seek(start)
            target.seek(made.start_dir)
            info.header_offset = made.start_dir
            _copy(source, target, end - start)
            made.filelist.append(info)
            made.NameToInfo[info.filename] = info
            made.start_dir = target.tell()
        order = {name: position for position, name in enumerate(opened.archive.namelist())}
        made.filelist.sort(key=lambda info: order[info.filename])


def _spans(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, int, int]]:
    """Yield the members in the order of the file, each with where it begins and ends.

    That is where the next one begins: a member may be followed by its sizes.
    """
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    bounds = [info.header_offset for info in infos] + [archive.start_dir]
    for info, (start, end) in zip(infos, pairwise(bounds), strict=True):
        yield info, start, end


def _described(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a member of that name and kind, of which the size is open."""
    made = zipfile.ZipInfo(info.filename, info.date_time)
    made.compress_type = info.compress_type
    made.create_system = info.create_system
    made.internal_attr = info.internal_attr
    made.external_attr = info.external_attr
    made.comment = info.comment
    return made


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """Copy from where `source` is to where `target` is, within the kernel if it can do that."""
    target.flush()
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):  # between file systems of some kinds; the rest is copied below
            start, end = source.tell(), target.tell()
            while size and (
                done := os.copy_file_range(source.fileno(), target.fileno(), size, start, end)
            ):
                start, end, size = start + done, end + done, size - done
                source.seek(start)
                target.seek(end)
    while size and (block := source.read(min(size, _BLOCK))):
        target.write(block)
        size -= len(block)


def _compare_archives(before: IO[bytes], after: IO[bytes]) -> None:
    with zipped.opened(before) as one, zipped.opened(after) as other:
        if one.archive.namelist() != other.archive.namelist():
            raise NotTheSame("its members")
        spans = zip(_spans(one.archive), _spans(other.archive), strict=True)
        for (info, start, end), (copied, copied_start, copied_end) in spans:
            if info.filename == copied.filename == _CONFIG:
                continue
            same = all(getattr(info, said) == getattr(copied, said) for said in _SAID)
            before.seek(start)
            after.seek(copied_start)
            if not (same and end - start == copied_end - copied_start):
                raise NotTheSame(f"member {info.filename!r}")
            _compare_bytes(before, after, end - start, info.filename)


def _compare_bytes(before: IO[bytes], after: IO[bytes], size: int, name: str) -> None:
    while size:
        block = before.read(min(size, _BLOCK))
        if not block or after.read(len(block)) != block:
            raise NotTheSame(f"member {name!r}")
        size -= len(block)


def _write_attribute(side: str, text: bytes) -> None:
    with h5py.File(side, "r+") as root:
        kind = root.attrs.get_id(_ATTRIBUTE).dtype.kind
        # Keras 3 writes strings of any length; one of a fixed length has no room for more.
        dtype = h5py.string_dtype() if kind != "O" else root.attrs.get_id(_ATTRIBUTE).dtype
        root.attrs.create(_ATTRIBUTE, text, dtype=dtype)


def _compare_groups(before: h5py.Group, after: h5py.Group) -> None:
    _compare_attributes(before, after)
    if hdf5.names(before) != hdf5.names(after):
        raise NotTheSame(f"what is in {before.name}")
    for name in hdf5.names(before):
        one, other = hdf5.child(before, name), hdf5.child(after, name)
        if isinstance(one, h5py.Group) and isinstance(other, h5py.Group):
            _compare_groups(one, other)
        elif isinstance(one, h5py.Dataset) and isinstance(other, h5py.Dataset):
            _compare_attributes(one, other)
            _compare_datasets(one, other)
        else:
            raise NotTheSame(f"{before.name}/{name}")


def _compare_attributes(before: h5py.HLObject, after: h5py.HLObject) -> None:
    names = sorted(before.attrs)
    if names != sorted(after.attrs):
        raise NotTheSame(f"the attributes of {before.name}")
    for name in names:
        if before.name == "/" and name == _ATTRIBUTE:
            continue
        one, other = np.asarray(before.attrs[name]), np.asarray(after.attrs[name])
        if one.dtype != other.dtype or one.shape != other.shape or one.tolist() != other.tolist():
            raise NotTheSame(f"the attribute {name!r} of {before.name}")


def _compare_datasets(before: h5py.Dataset, after: h5py.Dataset) -> None:
    if before.shape != after.shape or before.dtype != after.dtype:
        raise NotTheSame(str(before.name))
    for piece in hdf5.pieces(before.shape or ()):
        if np.asarray(before[piece]).tobytes() != np.asarray(after[piece]).tobytes():
            raise NotTheSame(str(before.name))
