"""Which samples are for what, and which data they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reglint.inspector.runtime.data import Batch, DataError, leaves
from reglint.tuning.facts import Split

if TYPE_CHECKING:
    from collections.abc import Iterable

    Indices = np.ndarray[Any, np.dtype[np.int64]]

_CHUNK = 1 << 24  # bytes that are hashed at a time


@dataclass(frozen=True, slots=True)
class Samples:
    """The numbers of samples, ascending, that one seed has for what; none is in two of them."""

    training: Indices
    validation: Indices
    testing: Indices

    @property
    def development(self) -> Indices:
        """Return all but those for testing, ascending."""
        return np.sort(np.concatenate([self.training, self.validation]))


def sizes(batch: Batch, validation: float, test: float) -> Split:
    """Return how many samples there are for what, at least one each. Raise DataError.

    `validation` and `test` are shares of all samples. Where a model takes batches of one size only
    these are whole batches, and samples may be left over.
    """
    unit = batch.fixed or 1
    units = batch.samples // unit
    testing, validating = (max(round(units * share), 1) for share in (test, validation))
    training = units - testing - validating
    if training < 1:
        raise DataError(
            f"{batch.source}: {batch.samples} samples are too few to split into training,"
            f" validation ({validation:g}) and testing ({test:g}); give more, or ask for less"
        )
    return Split(training * unit, validating * unit, testing * unit)


def split(batch: Batch, count: Split, seed: int) -> Samples:
    """Return the samples of a seed; all parts have the same share of each integer label."""
    order = np.random.default_rng(seed).permutation(batch.samples)
    order = order[: count.training + count.validation + count.testing]
    if (labels := _labels(batch)) is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    rest, testing = _taken(order, count.testing)
    training, validation = _taken(rest, count.validation)
    return Samples(*(np.sort(part) for part in (training, validation, testing)))


def sha256(batch: Batch) -> str:
    """Return the SHA-256 of all arrays: dtypes, shapes and values, in the order of Keras."""
    digest = hashlib.sha256()
    for part in (batch.x, batch.y, batch.sample_weight):
        for array in leaves(part):
            digest.update(f"{array.dtype.str} {array.shape};".encode())
            for piece in _pieces(array):
                digest.update(np.ascontiguousarray(piece).data)
        digest.update(b"|")
    return digest.hexdigest()


def _taken(order: Indices, count: int) -> tuple[Indices, Indices]:
    """Return what is left, and `count` evenly spaced ones: of each run of equals the same share."""
    steps = np.arange(len(order) + 1) * count // len(order)
    taken = np.diff(steps) > 0
    return order[~taken], order[taken]


def _labels(batch: Batch) -> Indices | None:
    """Return the labels, if there is one integer per sample."""
    found = leaves(batch.y)
    if len(found) != 1 or found[0].dtype.kind not in "iub" or found[0].size != batch.samples:
        return None
    return np.asarray(found[0]).reshape(-1).astype(np.int64)


def _pieces(array: Any) -> Iterable[Any]:
    rows = max(_CHUNK // max(array.nbytes // len(array), 1), 1)
    return (array[start : start + rows] for start in range(0, len(array), rows))
