"""Weights out of an HDF5 file that nobody vouches for.

HDF5 can point outside of the file (soft and external links, external storage, virtual datasets),
load code (filters), declare what it does not store, and go round in circles. Nothing of that is
ever followed: objects are reached through `child`, `at` and `names` alone, which raise Refused.
"""

from __future__ import annotations

import contextlib
import math
from itertools import count
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt

from reglint.inspector.facts import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

Float64: TypeAlias = npt.NDArray[np.float64]

MAGIC = b"\x89HDF\r\n\x1a\n"
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}

MAX_OBJECTS = 200_000
MAX_DEPTH = 100
MAX_RANK = 32
MAX_TEXT = 64 << 20  # bytes of an attribute
MAX_EXPANSION = 1100  # deflate cannot do better than 1032
EXPANSION_FLOOR = 1 << 20  # bytes: what is this small may be as sparse as it likes
MAX_CHUNK = 256 << 20  # bytes: a compressed chunk is decompressed as a whole
PIECE = 1 << 20  # elements


def opened(stream: IO[bytes]) -> h5py.File:
    """Open an HDF5 file that a binary stream holds; raise Refused."""
    start = stream.read(len(MAGIC))
    if start != MAGIC:  # libhdf5 would look for it further on
        raise Refused("the weights are no HDF5 file")
    with _damage("the weights"):
        return h5py.File(stream, "r", rdcc_nbytes=MAX_CHUNK)


def names(group: h5py.Group) -> list[str]:
    """Return the names of what `group` holds, sorted; raise Refused."""
    with _damage(group.name):
        if len(group) > MAX_OBJECTS:
            raise Refused(f"{group.name}: {len(group)} objects in one group")
        return sorted(group)


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Return what `group` holds under `name`, None if nothing; raise Refused.

    A name with a slash is a path, and not a name.
    """
    if not name or "/" in name or name in {".", ".."}:
        return None
    place = f"{(group.name or '').rstrip('/')}/{name}"
    with _damage(place):
        link = group.get(name, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise Refused(f"{place}: a link to elsewhere ({type(link).__name__})")
        found = group[name]
        if isinstance(found, h5py.Dataset):
            _check(found, place)
        elif not isinstance(found, h5py.Group):
            raise Refused(f"{place}: neither a group nor a dataset")
        return found


def at(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """Return what stands at a path of names joined by `/`, None if nothing; raise Refused."""
    found: h5py.Group | h5py.Dataset | None = group
    for name in filter(None, path.split("/")):
        found = child(found, name) if isinstance(found, h5py.Group) else None
    return found


def texts(owner: h5py.Group | h5py.Dataset, name: str) -> list[str]:
    """Return the strings of an attribute, [] if there is no such; raise Refused.

    Keras 2 wrote bytes, Keras 3 strings; what is too long for one attribute it spread over
    `name0`, `name1` ...
    """
    whole = _strings(owner, name)
    if whole is not None:
        return whole
    found: list[str] = []
    for number in count():
        part = _strings(owner, f"{name}{number}")
        if part is None:
            break
        found += part
    return found


def text(owner: h5py.Group | h5py.Dataset, name: str) -> str | None:
    """Return an attribute that is one string, None if there is none; raise Refused."""
    found = _strings(owner, name)
    return found[0] if found is not None and len(found) == 1 else None


def chunks(dataset: h5py.Dataset) -> Iterator[Float64]:
    """Yield the values as float64, flat, in C order, at most PIECE at a time; raise Refused.

    bfloat16, which HDF5 and numpy lack, is stored by Keras as two opaque bytes.
    """
    with _damage(dataset.name):
        for selection in pieces(dataset.shape or ()):
            yield _float64(np.asarray(dataset[selection]).reshape(-1))


def check(root: h5py.Group) -> int:
    """Look at every object below `root`, return how many bytes they declare; raise Refused."""
    seen = {_address(root)}
    stack = [(root, 0)]
    objects = declared = 0
    while stack:
        group, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Refused(f"the HDF5 groups are nested over {MAX_DEPTH} deep")
        for name in names(group):
            objects += 1
            if objects > MAX_OBJECTS:
                raise Refused(f"over {MAX_OBJECTS} HDF5 objects")
            found = child(group, name)
            if found is None:
                raise Refused(f"{group.name}: holds what has no proper name, {name!r}")
            if isinstance(found, h5py.Dataset):
                declared += bytes_of(found)
                continue
            if _address(found) in seen:
                raise Refused(f"{found.name}: an HDF5 group that is reached twice")
            seen.add(_address(found))
            stack.append((found, depth + 1))
    return declared


def bytes_of(dataset: h5py.Dataset) -> int:
    """Return how many bytes a dataset declares."""
    return math.prod(dataset.shape or ()) * int(dataset.dtype.itemsize)


def _check(dataset: h5py.Dataset, place: str) -> None:
    plan = dataset.id.get_create_plist()
    if dataset.external or plan.get_external_count():
        raise Refused(f"{place}: its values are in another file (external storage)")
    if dataset.is_virtual:
        raise Refused(f"{place}: its values are in other datasets (virtual dataset)")
    for position in range(plan.get_nfilters()):
        number = plan.get_filter(position)[0]
        if number not in FILTERS:
            raise Refused(f"{place}: the HDF5 filter {number} is code of a plugin")
    dtype = dataset.dtype
    if dtype.kind not in "biuf" and not is_bfloat16(dataset):
        raise Refused(f"{place}: its values are no numbers ({dtype})")
    shape = dataset.shape
    if shape is None:
        raise Refused(f"{place}: a dataset without a shape")
    if len(shape) > MAX_RANK:
        raise Refused(f"{place}: {len(shape)} dimensions")
    declared, stored = bytes_of(dataset), int(dataset.id.get_storage_size())
    if declared > max(EXPANSION_FLOOR, MAX_EXPANSION * stored):
        raise Refused(f"{place}: declares {declared:,} bytes and stores {stored:,}")
    chunk = math.prod(dataset.chunks or ()) * int(dtype.itemsize)
    if dataset.chunks and chunk > MAX_CHUNK:
        raise Refused(f"{place}: stored in chunks of {chunk:,} bytes")


def is_bfloat16(dataset: h5py.Dataset) -> bool:
    """Return whether the values are bfloat16, as Keras writes them."""
    return dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2 and not dataset.dtype.names  # noqa: PLR2004


def _float64(values: npt.NDArray[Any]) -> Float64:
    if values.dtype.kind == "V":
        high = np.ascontiguousarray(values).view("<u2").astype(np.uint32) << 16
        return high.view(np.float32).astype(np.float64)
    return values.astype(np.float64)


def pieces(
    shape: tuple[int, ...], prefix: tuple[int, ...] = ()
) -> Iterator[tuple[int | slice, ...]]:
    """Yield selections that cover `shape` in C order, each of at most PIECE elements."""
    if not shape:
        yield prefix
        return
    if 0 in shape:
        return
    inner = math.prod(shape[1:])
    if inner > PIECE:
        for index in range(shape[0]):
            yield from pieces(shape[1:], (*prefix, index))
        return
    step = max(1, PIECE // inner)
    for start in range(0, shape[0], step):
        yield (*prefix, slice(start, min(start + step, shape[0])))


def _strings(owner: h5py.Group | h5py.Dataset, name: str) -> list[str] | None:
    place = f"{owner.name}: attribute {name!r}"
    with _damage(place):
        if name not in owner.attrs:
            return None
        attribute = owner.attrs.get_id(name)
        if attribute.shape == (0,):  # Keras writes an empty list, which numpy takes for numbers
            return []
        if attribute.dtype.kind not in "OSU" or h5py.check_ref_dtype(attribute.dtype):
            raise Refused(f"{place} is no text")
        if attribute.get_storage_size() > MAX_TEXT:
            raise Refused(f"{place} is over {MAX_TEXT >> 20} MiB long")
        value = owner.attrs[name]
        items = value.tolist() if isinstance(value, np.ndarray) else [value]
        return [item.decode() if isinstance(item, bytes) else str(item) for item in items]


def _address(group: h5py.Group) -> int:
    with _damage(group.name):
        return int(h5py.h5o.get_info(group.id).addr)


@contextlib.contextmanager
def _damage(place: str) -> Iterator[None]:
    """Refuse what libhdf5 stumbles over; it also crashes and hangs, which only a process stops."""
    try:
        yield
    except (
        OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Refused(f"{place} is damaged: {reason.rstrip('.')}") from None
