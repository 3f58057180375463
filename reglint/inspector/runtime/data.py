"""Data of the user's for a model: read, checked against what the model takes, cut into batches.

Three forms: `file.npz`; a folder of `.npy` files; `package.module:function`, a function without
arguments that returns `(x, y)` or `(x, y, sample_weight)`. In files arrays go by name, the first
line of these that is complete:

- `x` and `y`, for a model with one input and one output;
- `x_image`, `x_tokens`: by the names of inputs, `y_label` by those of outputs;
- `x0`, `x1`: in order, `y0`, `y1` the same;
- `x_train` and `y_train`, as data sets that come with Keras have it.

`sample_weight` goes the same way and may be absent. Files are read without pickle, which runs code.
"""

from __future__ import annotations

import importlib
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import keras
import numpy as np

from reglint.inspector.runtime.loading import import_error, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BATCH_SIZE = 32  # that of `evaluate`
_SHOWN = 12  # names of arrays in an error


class DataError(ValueError):
    """Data that the model cannot be measured on: one line that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Data in the structure that the model takes: an array, or a list or dict of arrays.

    The first dimension is that of samples, the same in all arrays.
    """

    x: Any
    y: Any
    sample_weight: Any  # None: all count alike
    source: str  # as the user wrote it
    samples: int
    fixed: int | None = None  # samples in a batch, where the model takes no other number
    notes: tuple[str, ...] = ()  # what is odd about it, a sentence each

    @property
    def size(self) -> int:
        """Return how many samples the model is called on at a time."""
        return self.fixed or BATCH_SIZE

    def take(self, index: slice | np.ndarray[Any, Any]) -> tuple[Any, Any, Any]:
        """Return x, y and sample_weight of some samples."""
        x, y, weight = (
            structured(lambda array: np.asarray(array[index]), part)
            for part in (self.x, self.y, self.sample_weight)
        )
        return x, y, weight

    def batches(self) -> Iterator[tuple[int, Any, Any, Any]]:
        """Yield the number of samples, x, y and sample_weight of one batch after the other."""
        for start in range(0, self.samples, self.size):
            stop = min(start + self.size, self.samples)
            yield stop - start, *self.take(slice(start, stop))

    def spread(self, most: int) -> Batch:
        """Return at most so many samples, evenly spaced: data are often sorted by class."""
        if self.fixed:
            most = max(most // self.fixed, 1) * self.fixed
        if most >= self.samples:
            return self
        x, y, weight = self.take(np.linspace(0, self.samples - 1, most).astype(int))
        return Batch(x, y, weight, self.source, most, self.fixed, self.notes)


def structured(function: Callable[[Any], Any], value: Any) -> Any:
    """Return the same lists and dicts of what `function` makes of each array; None stays None."""
    if isinstance(value, dict):
        return {key: structured(function, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [structured(function, item) for item in value]
    return None if value is None else function(value)


def leaves(value: Any) -> list[Any]:
    """Return the arrays in lists and dicts, in order, those of a dict by key as Keras has it."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None else [value]


def load_data(spec: str, model: Any) -> Batch:
    """Return the data that `spec` names, as `model` takes them. Raise DataError.

    A function is trusted as any module is that is imported: `spec` comes from the user alone.
    Of an array on disk only what a batch needs is read, where it is a `.npy` file.
    """
    module, colon, function = spec.rpartition(":")
    if colon and not Path(spec).exists() and module.replace(".", "").isidentifier():
        x, y, weight = _called(spec, module, function)
    else:
        x, y, weight = _named(_read(Path(spec)), spec, model)
    return checked(x, y, weight, spec, model)


def _called(spec: str, module: str, function: str) -> tuple[Any, Any, Any]:
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise DataError(f"{spec}: {import_error(error)}") from None
    try:
        made = found()
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything
        raise DataError(f"{spec} raised {type(error).__name__}: {one_line(error)}") from None
    if not isinstance(made, (tuple, list)) or len(made) not in {2, 3} or made[1] is None:
        raise DataError(f"{spec} must return (x, y) or (x, y, sample_weight)")
    x, y, weight = (*made, None)[:3]
    return structured(np.asarray, x), structured(np.asarray, y), structured(np.asarray, weight)


def _read(path: Path) -> dict[str, Any]:
    """Return the arrays of a file or folder by name."""
    if not path.exists():
        raise DataError(
            f"{path}: no such file; give file.npz, a folder, or package.module:function"
        )
    try:
        if path.is_dir():
            found = sorted(path.glob("*.npy"))
            arrays = {f.stem: np.load(f, mmap_mode="r", allow_pickle=False) for f in found}
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        else:
            raise DataError(f"{path}: give file.npz, a folder of .npy files, or module:function")
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: {one_line(error)}") from None
    return arrays


def _named(arrays: Mapping[str, Any], spec: str, model: Any) -> tuple[Any, Any, Any]:
    x = _pick(arrays, "x", _names(model, "input"), _structure(model, "input"))
    outputs, structure = _names(model, "output"), _structure(model, "output")
    y = _pick(arrays, "y", outputs, structure)
    for prefix, part, names in (("x", x, _names(model, "input")), ("y", y, outputs)):
        if part is None:
            wanted = prefix
            if len(names) > 1:
                wanted = ", ".join(f"{prefix}_{name}" for name in names)
            has = ", ".join(f"{name} {np.shape(arrays[name])}" for name in sorted(arrays)[:_SHOWN])
            more = ", ..." if len(arrays) > _SHOWN else ""
            raise DataError(f"{spec} has no {wanted}; it has {has or 'no arrays'}{more}")
    return x, y, _pick(arrays, "sample_weight", outputs, structure)


def _structure(model: Any, end: str) -> Any:
    """Return the inputs or outputs, None where the model does not say, as a `Sequential` of 3.0."""
    try:
        return getattr(model, end, None)
    except ValueError:
        return None


def _names(model: Any, end: str) -> list[str]:
    """Return the names of inputs or outputs, none where the model does not say."""
    structure = _structure(model, end)
    if isinstance(structure, dict):
        return sorted(structure)
    if end == "output":
        return list(getattr(model, "output_names", None) or ())
    return [tensor.name for tensor in getattr(model, "inputs", None) or ()]


def _pick(arrays: Mapping[str, Any], prefix: str, names: Sequence[str], structure: Any) -> Any:
    """Return what goes by `prefix`, in the structure of the model; None: not all of it is there."""
    many = len(names) > 1 or isinstance(structure, dict)
    if prefix in arrays and not many:
        return arrays[prefix]
    by_name = [f"{prefix}_{name}" for name in names]
    by_index = [f"{prefix}{index}" for index in range(len(names))]
    for keys in (by_name, by_index):
        if keys and all(key in arrays for key in keys):
            picked = [arrays[key] for key in keys]
            if isinstance(structure, dict):
                return dict(zip(names, picked, strict=True))
            return picked if many else picked[0]
    if prefix in arrays:  # one weight for all outputs
        return arrays[prefix] if prefix == "sample_weight" else None
    if not names and f"{prefix}0" in arrays:  # a model that does not know its own
        numbered = [f"{prefix}{index}" for index in range(len(arrays))]
        return [arrays[key] for key in numbered if key in arrays]
    return None if many else arrays.get(f"{prefix}_train")


def checked(x: Any, y: Any, weight: Any, spec: str, model: Any) -> Batch:
    """Return the batch, in the dtypes of the model. Raise DataError, if it does not fit.

    All three are arrays or lists and dicts of arrays; y and weight may be None.
    """
    parts = {"x": leaves(x), "y": leaves(y), "sample_weight": leaves(weight)}
    optional = {"sample_weight"} if y is not None else {"y", "sample_weight"}
    for name, arrays in parts.items():
        _check_arrays(name, arrays, spec, optional=name in optional)
    sizes = {name: {len(array) for array in arrays} for name, arrays in parts.items() if arrays}
    counts = sorted(set().union(*sizes.values()))
    if len(counts) > 1:
        each = ", ".join(f"{name} {'/'.join(map(str, found))}" for name, found in sizes.items())
        raise DataError(f"{spec}: the numbers of samples differ: {each}")
    if counts == [0]:
        raise DataError(f"{spec}: there are no samples")
    x, fixed = _fitted(x, spec, model)
    if fixed and counts[0] % fixed:
        raise DataError(
            f"{spec}: the model takes batches of {fixed} only; give a multiple of that, not"
            f" {counts[0]} samples"
        )
    notes = tuple(
        f"{name} has NaN or infinities in it"
        for name, arrays in parts.items()
        if not all(_finite(array) for array in arrays)
    )
    return Batch(x, y, weight, spec, counts[0], fixed, notes)


def _check_arrays(name: str, arrays: list[Any], spec: str, *, optional: bool) -> None:
    if not arrays and not optional:
        raise DataError(f"{spec}: {name} is empty")
    for array in arrays:
        if array.dtype == object:
            raise DataError(f"{spec}: {name} holds Python objects; give numbers of one shape")
        if array.ndim == 0:
            raise DataError(f"{spec}: {name} is a single number; the first dimension is samples")
        if name == "sample_weight" and array.dtype.kind not in "fiub":
            raise DataError(f"{spec}: {name} must be numbers, not {array.dtype}")


def _fitted(x: Any, spec: str, model: Any) -> tuple[Any, int | None]:
    """Return x in the dtypes of the inputs, and the batch size where the model fixes it.

    A model that does not know its inputs takes what it gets.
    """
    wanted = list(getattr(model, "inputs", None) or ())
    if not wanted:
        return x, None
    given = leaves(x)
    names = [tensor.name for tensor in wanted]
    if isinstance(x, dict) and not isinstance(getattr(model, "input", None), dict):
        given = [x[name] for name in names] if x.keys() >= set(names) else given
    if len(given) != len(wanted):
        raise DataError(f"{spec}: the model has {len(wanted)} inputs, x has {len(given)}")
    fitted = {
        id(array): _fit(array, tensor, spec) for array, tensor in zip(given, wanted, strict=True)
    }
    fixed = next((tensor.shape[0] for tensor in wanted if tensor.shape), None)
    return structured(lambda array: fitted.get(id(array), array), x), fixed


def _fit(array: Any, tensor: Any, spec: str) -> Any:
    dtype, shape = keras.backend.standardize_dtype(tensor.dtype), tuple(tensor.shape)
    if not _matches(array.shape, shape):
        raise DataError(
            f"{spec}: input `{tensor.name}` takes {_shape(shape)}, x has {_shape(array.shape)}"
        )
    if array.dtype.name == dtype:
        return array
    text = array.dtype.kind in "SUT"
    if text != (dtype == "string") or array.dtype.kind in "cmMV":
        raise DataError(f"{spec}: input `{tensor.name}` takes {dtype}, x is {array.dtype}")
    if text:
        return array
    if "int" in dtype and array.dtype.kind == "f" and not np.array_equal(array, np.floor(array)):
        raise DataError(
            f"{spec}: input `{tensor.name}` takes {dtype}, x is {array.dtype} with fractions"
        )
    # numpy has no bfloat16; Keras casts to it.
    return array.astype("float32" if dtype == "bfloat16" else dtype)


def _matches(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether Keras takes it: it adds or drops a last dimension of 1."""
    if len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        wanted = wanted[:-1]
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    pairs = zip(shape[1:], wanted[1:], strict=False)
    return len(shape) == len(wanted) and all(b is None or a == b for a, b in pairs)


def _shape(shape: tuple[int | None, ...]) -> str:
    """Return the shape of one sample."""
    return f"({', '.join('any' if size is None else str(size) for size in shape[1:])})"


def _finite(array: Any) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


@contextmanager
def checked_ids() -> Iterator[None]:
    """Within, an Embedding raises DataError for ids that it has no row for, on every backend.

    By themselves TensorFlow and torch raise on the CPU; TensorFlow on a GPU takes zeros and JAX
    NaN, or counts from the end (keras 3.15.1). Calls must be eager: traced ids have no values.
    """
    call = keras.layers.Embedding.call
    said = []  # Keras adds where it happened to the message

    def checked(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        ids = keras.ops.convert_to_numpy(inputs)
        if ids.size and (ids.min() < 0 or ids.max() >= layer.input_dim):
            said.append(
                f"`{layer.name}` has rows for ids from 0 to {layer.input_dim - 1},"
                f" the data have {int(ids.min())} to {int(ids.max())}"
            )
            raise DataError(said[0])
        return call(layer, inputs, *args, **kwargs)

    try:
        with patch.object(keras.layers.Embedding, "call", checked):
            yield
    except DataError as error:
        raise DataError(said[0] if said else str(error)) from None


@contextmanager
def checked_labels() -> Iterator[None]:
    """Within, Keras' sparse categorical crossentropy raises DataError for labels of no class.

    By itself JAX takes them for a loss of 0 (keras 3.15.1). What `ignore_class` names is no label.
    Calls must be eager.
    """
    ops = keras.losses.sparse_categorical_crossentropy.__globals__["ops"]
    compute = ops.sparse_categorical_crossentropy

    def checked(
        target: Any,
        output: Any,
        from_logits: bool = False,  # noqa: FBT001, FBT002 - as Keras has it
        axis: int = -1,
    ) -> Any:
        labels, classes = keras.ops.convert_to_numpy(target), output.shape[axis]
        if labels.size and (labels.min() < 0 or labels.max() >= classes):
            raise DataError(
                f"labels are from {labels.min():g} to {labels.max():g}, and the model puts out"
                f" {classes} classes"
            )
        return compute(target, output, from_logits=from_logits, axis=axis)

    with patch.object(ops, "sparse_categorical_crossentropy", checked):
        yield
