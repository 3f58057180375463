"""The zip archive that a `.keras` file is, read within limits.

Two readers of one archive may see different things: where members overlap, stand twice, or have
another name in their own header than in the directory, where something comes before or after the
archive. Keras writes nothing of the kind, so all of it is refused.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from reglint.inspector.facts import Refused
from reglint.inspector.files.document import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
ASSETS = "assets/"
MAX_MEMBERS = 10_000
MAX_RATIO = 100
MAX_TOTAL = 1 << 40  # bytes, unpacked
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
DESCRIPTOR = 0x0008  # sizes follow the data
LOCAL = struct.Struct("<4s2xHH8xIIHH")  # signature, flags, method, sizes, lengths
END = struct.Struct("<4s16xH")  # signature, length of the comment: of the end of the directory
GAP = 24  # bytes: a descriptor, at most
ZIP64_END = 76  # bytes: the end record and locator of zip64
UNSAID = 0xFFFFFFFF  # the size is in a zip64 field

ADVICE = {
    "model.weights.json": "its weights are in shards: save it in one file",
    "model.weights.npz": "its weights are .npz: save it with the default weights_format",
    "data.pkl": "it is a PyTorch file: it is never opened",
}


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose directory has been looked at."""

    file: IO[bytes]
    archive: zipfile.ZipFile

    def text(self, name: str) -> bytes:
        """Return a member that is small; raise Refused."""
        info = self._info(name)
        if info.file_size > MAX_BYTES:
            raise Refused(f"{name} is over {MAX_BYTES >> 20} MiB long")
        with _damage(name), self.archive.open(info) as member:
            return member.read()

    @contextlib.contextmanager
    def stream(self, name: str) -> Iterator[IO[bytes]]:
        """Open a member to be read at random places; raise Refused.

        A stored one is read where it is, a compressed one unpacked to a temporary file.
        """
        info = self._info(name)
        if info.compress_type == zipfile.ZIP_STORED:
            yield io.BufferedReader(
                _Window(self.file, data_start(self.file, info), info.file_size), 1 << 16
            )
            return
        with tempfile.TemporaryFile() as unpacked:
            with _damage(name), self.archive.open(info) as member:
                while block := member.read(1 << 20):
                    unpacked.write(block)
            unpacked.seek(0)
            yield unpacked

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            return self.archive.getinfo(name)
        except KeyError:
            raise Refused(f"it has no {name}: it is no model, or was cut") from None


@contextlib.contextmanager
def opened(stream: IO[bytes]) -> Iterator[Archive]:
    """Open the archive and look at its directory; raise Refused."""
    with _damage("the archive"):
        archive = zipfile.ZipFile(stream)
    with archive:
        _check(stream, archive)
        yield Archive(stream, archive)


class _Window(io.RawIOBase):
    """A part of an open file, as a file."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._size - self._position))
        self._file.seek(self._start + self._position)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


@contextlib.contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error,
        NotImplementedError, RuntimeError, KeyError, OverflowError, UnicodeError,
    ) as error:  # fmt: skip
        raise Refused(f"{name} is damaged: {' '.join(str(error).split())}") from None


def _check(stream: IO[bytes], archive: zipfile.ZipFile) -> None:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise Refused(f"the archive has {len(infos):,} members")
    names = [info.filename for info in infos]
    for name, advice in ADVICE.items():
        if any(found == name or found.endswith("/" + name) for found in names):
            raise Refused(advice)
    if names and all(name.endswith(".npy") for name in names):
        raise Refused("it is an .npz of arrays: a model is a .keras or .h5 file")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise Refused(f"member {twice[0]!r} is there twice")
    for info in infos:
        _check_member(info)
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise Refused("the archive is too big")
    _check_layout(stream, archive)


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.filename
    said = getattr(info, "orig_filename", name)
    if said != name or "\\" in name or name.startswith("/") or ":" in name:
        raise Refused(f"member {said!r}: not a plain relative path")
    if ".." in name.split("/"):
        raise Refused(f"member {name!r}: a path that leaves the archive")
    if name not in MEMBERS and not name.startswith(ASSETS):
        raise Refused(f"member {name!r}: Keras writes no such file")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG}:
        raise Refused(f"member {name!r}: not a regular file")
    if info.flag_bits & ENCRYPTED:
        raise Refused(f"member {name!r} is encrypted")
    if info.compress_type not in METHODS:
        raise Refused(f"member {name!r}: compression method {info.compress_type}")
    if info.file_size > MAX_RATIO * max(info.compress_size, 1024):
        raise Refused(f"member {name!r} unpacks {info.compress_size:,} bytes to {info.file_size:,}")
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise Refused(f"member {name!r} says two sizes")


def _check_layout(stream: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Refuse what stands before, between or after the members, or in two places at once."""
    position = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if not position <= info.header_offset <= position + (GAP if position else 0):
            raise Refused(f"member {info.filename!r}: not where the one before it ends")
        position = data_start(stream, info) + info.compress_size
    directory = archive.start_dir
    if not position <= directory <= position + GAP:
        raise Refused("there is something between the members and the directory of the archive")
    size = stream.seek(0, os.SEEK_END)
    end = size - 22
    stream.seek(max(end, 0))
    signature, comment = END.unpack(stream.read(22)[: END.size]) if end > 0 else (b"", 0)
    if signature != b"PK\x05\x06" or comment:
        raise Refused("there is something after the archive, or it was cut")


def data_start(stream: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the data of a member begin; its own header must say what the directory does."""
    with _damage(f"member {info.filename!r}"):
        stream.seek(info.header_offset)
        signature, flags, method, packed, size, name, extra = LOCAL.unpack(stream.read(LOCAL.size))
        said = stream.read(name)
    coding = "utf-8" if flags & 0x800 else "cp437"
    if signature != b"PK\x03\x04" or said.decode(coding, "replace") != info.filename:
        raise Refused(f"member {info.filename!r} has another name in its own header")
    sizes = {UNSAID, 0} if flags & DESCRIPTOR else {UNSAID}
    if (
        method != info.compress_type
        or flags & ENCRYPTED
        or packed not in sizes | {info.compress_size}
        or size not in sizes | {info.file_size}
    ):
        raise Refused(f"member {info.filename!r} has other sizes in its own header")
    return int(info.header_offset + LOCAL.size + name + extra)
