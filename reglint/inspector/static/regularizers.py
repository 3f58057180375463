"""Serialized regularizers: what they are, and what they add to the loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reglint.inspector.facts import Regularizer
from reglint.inspector.files.hdf5 import chunks
from reglint.inspector.static.packages import of_keras

if TYPE_CHECKING:
    import h5py

# The spellings of Keras' own, those of tf.keras and Keras 2 among them.
_NAMES = {
    "L1": "L1",
    "l1": "L1",
    "L2": "L2",
    "l2": "L2",
    "L1L2": "L1L2",
    "l1l2": "L1L2",
    "l1_l2": "L1L2",
    "OrthogonalRegularizer": "OrthogonalRegularizer",
    "orthogonal_regularizer": "OrthogonalRegularizer",
}
_DEFAULTS: dict[str, dict[str, float | str]] = {
    "L1": {"l1": 0.01},
    "L2": {"l2": 0.01},
    "L1L2": {"l1": 0.0, "l2": 0.0},
    "OrthogonalRegularizer": {"factor": 0.01, "mode": "rows"},
}
_EPSILON = 1e-7  # `keras.config.epsilon()`: where Keras stops dividing by a norm
_MATRIX = 2  # its rank
_BLOCK = 1024  # rows of a matrix that are compared at a time
_MOST_PRODUCTS = 3e11  # multiplications: half a minute on two cores


class Incomputable(Exception):  # noqa: N818 - says why, in one clause
    """A penalty that the file alone does not tell."""


def regularizer(serialized: Any) -> Regularizer:
    """Return what is serialized in a config: a string, or an object with a class and a config."""
    if not isinstance(serialized, dict):
        name = _NAMES.get(str(serialized))
        return Regularizer(name, dict(_DEFAULTS[name])) if name else Regularizer(str(serialized))
    class_name, config = serialized.get("class_name"), serialized.get("config")
    registered, module = serialized.get("registered_name"), serialized.get("module")
    own = module is None or of_keras(module)
    name = _NAMES.get(str(class_name)) if own and ">" not in str(registered) else None
    if name is None:
        if class_name == "function" and isinstance(config, str):
            return Regularizer(config)
        named = str(registered or class_name)
        return Regularizer(f"{module}.{named}" if named in _NAMES else named, _written(config))
    return Regularizer(name, {**_DEFAULTS[name], **_written(config, _DEFAULTS[name])})


def _written(config: Any, only: Any = None) -> dict[str, float | str]:
    """Return the numbers and strings of a config."""
    found: dict[str, float | str] = {}
    for key, value in (config if isinstance(config, dict) else {}).items():
        if only is not None and (key not in only or value is None):
            continue
        number = _number(value)
        if number is not None:
            found[key] = number
        elif isinstance(value, str):
            found[key] = value
        elif only is not None:
            found[key] = "?"  # which no number is
    return found


def _number(value: Any) -> float | None:
    """Return a number that may be wrapped as an array or tensor of one value."""
    while isinstance(value, (dict, list)):
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        else:
            inner = value.get("config")
            value = inner.get("value") if isinstance(inner, dict) else None
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:  # an integer of hundreds of digits
        return None


def penalty(regularizer: Regularizer, dataset: h5py.Dataset) -> float:
    """Return what `regularizer` makes of a variable, in float64; raise Incomputable, Refused.

    The formulas are those of Keras 3.15.1; tests compare them with the Keras at hand.
    """
    factors = _factors(regularizer)
    if regularizer.name == "OrthogonalRegularizer":
        return factors["factor"] * _orthogonality(
            dataset, rows=regularizer.factors["mode"] == "rows"
        )
    l1, l2 = factors.get("l1"), factors.get("l2")
    absolute = squares = 0.0
    for values in chunks(dataset):
        if l1 is not None:
            absolute += float(np.abs(values).sum())
        if l2 is not None:
            squares += float(np.dot(values, values))
    if regularizer.name == "L1L2":  # a factor of 0 is not applied: 0 * inf would be NaN
        l1, l2 = l1 or None, l2 or None
    return (0.0 if l1 is None else l1 * absolute) + (0.0 if l2 is None else l2 * squares)


def of_zeros(regularizer: Regularizer, shape: tuple[int, ...]) -> float:
    """Return what `regularizer` makes of zeros; raise Incomputable."""
    factors = _factors(regularizer)
    if regularizer.name == "OrthogonalRegularizer":
        size, _ = _vectors(shape, rows=regularizer.factors["mode"] == "rows")
        return math.nan if size == 1 else 0.0
    return math.nan if any(not math.isfinite(factor) for factor in factors.values()) else 0.0


def _factors(regularizer: Regularizer) -> dict[str, float]:
    """Return the numbers among the factors; raise Incomputable."""
    defaults = _DEFAULTS.get(regularizer.name)
    if defaults is None:
        raise Incomputable(f"`{regularizer.name}` is not Keras' own")
    for key, default in defaults.items():
        if type(regularizer.factors[key]) is not type(default):
            raise Incomputable(f"the factor `{key}` of `{regularizer.name}` is no number")
    if regularizer.factors.get("mode", "rows") not in {"rows", "columns"}:
        raise Incomputable(f"`{regularizer}` has a mode that is neither `rows` nor `columns`")
    return {k: v for k, v in regularizer.factors.items() if isinstance(v, float)}


def _orthogonality(dataset: h5py.Dataset, *, rows: bool) -> float:
    """Return the mean |cosine| of two rows, or columns, halved as Keras does it.

    Keras sums over ordered pairs, halves, and divides by the number of pairs; a single row gives
    0 / 0. The products are made block by block: nothing of rows x rows is ever in memory.
    """
    size, length = _vectors(dataset.shape or (), rows=rows)
    if float(size) * size * length > _MOST_PRODUCTS:
        raise Incomputable(f"`OrthogonalRegularizer` compares {size:,} vectors, which takes long")
    if size <= 1:
        return math.nan
    vectors = _matrix(dataset, rows=rows)

    def directions(start: int) -> npt.NDArray[np.float64]:
        block = vectors[start : start + _BLOCK].astype(np.float64)
        norms = np.sqrt(np.square(block).sum(axis=1, keepdims=True))
        return np.asarray(block / np.maximum(norms, _EPSILON))

    total = 0.0
    for start in range(0, size, _BLOCK):
        block = directions(start)
        within = np.abs(block @ block.T)
        np.fill_diagonal(within, 0.0)
        total += float(within.sum()) / 2
        for other in range(start + _BLOCK, size, _BLOCK):
            total += float(np.abs(block @ directions(other).T).sum())
    return total / (size * (size - 1) / 2)


def _vectors(shape: tuple[int, ...], *, rows: bool) -> tuple[int, int]:
    """Return how many rows, or columns, there are, and their length; raise Incomputable."""
    if len(shape) != _MATRIX:
        raise Incomputable(f"`OrthogonalRegularizer` takes a matrix, and the shape is {shape}")
    return (shape[0], shape[1]) if rows else (shape[1], shape[0])


def _matrix(dataset: h5py.Dataset, *, rows: bool) -> npt.NDArray[np.floating[Any]]:
    """Return a matrix, or its transpose, in no more precision than it is stored in."""
    flat = np.empty(math.prod(dataset.shape), np.float64 if dataset.dtype == "f8" else np.float32)
    position = 0
    for values in chunks(dataset):
        flat[position : position + len(values)] = values
        position += len(values)
    return flat.reshape(dataset.shape) if rows else flat.reshape(dataset.shape).T
