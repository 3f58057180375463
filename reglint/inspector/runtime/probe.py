"""Inputs for a model to be called on: from what it says of its inputs, made up with a seed.

The numbers depend on the seed and the inputs alone: they are the same on every backend.
"""

from __future__ import annotations

import importlib
import warnings
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reglint.inspector.facts import Probe
from reglint.inspector.runtime import graph, specs
from reglint.inspector.runtime.layers import walk
from reglint.inspector.runtime.loading import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

# What a dimension that the model leaves open becomes, in this order, until one works: convolutions
# need room, positional embeddings do not have it.
OPEN_DIMENSIONS = (32, 64, 128, 8, 224)

MAX_BYTES = 2 << 30  # of one tensor, in float32: a graph without weights can ask for any memory


class NoProbe(Exception):  # noqa: N818 - why not stands in its message
    """A model cannot be called on made-up inputs: one line that says why."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What to call a model on: `model(*args, **kwargs)`."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    probe: Probe


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One tensor of the inputs."""

    name: str
    shape: tuple[int | None, ...]  # None: left open
    dtype: str | None  # None: nobody says
    bound: int | None = None  # ids are below it


@dataclass(frozen=True, slots=True)
class _Structure:
    """The nested lists and dicts of leaves that a model takes."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def map(self, function: Callable[[_Leaf], Any]) -> _Structure:
        """Return the same structure of what `function` makes of each leaf."""
        return _Structure(_map(function, self.args), _map(function, self.kwargs))

    def leaves(self) -> list[_Leaf]:
        """Return all leaves."""
        found: list[_Leaf] = []
        self.map(found.append)
        return found


def attempts(
    model: Any, *, batch_size: int, seed: int, input_spec: str | None = None
) -> Iterator[Inputs]:
    """Yield inputs for a model, the likeliest first; more than one where the model leaves it open.

    Raise NoProbe when the model does not say what it takes, or no size would do, and
    specs.InvalidSpec.
    """
    stated = _stated(model, specs.parse(input_spec)) if input_spec else _declared(model)
    why: NoProbe | None = None
    fits = False
    for size in OPEN_DIMENSIONS if _is_open(stated) else OPEN_DIMENSIONS[:1]:
        structure = stated.map(lambda leaf, size=size: _sized(leaf, batch_size, size))  # type: ignore[misc]
        try:
            _check(model, structure, open_size=size if _is_open(stated) else None)
        except NoProbe as error:
            why = why or error
            continue
        fits = True
        unsaid = any(leaf.dtype is None for leaf in structure.leaves())
        for dtype in (keras.config.floatx(), "int32") if unsaid else ("",):
            typed = structure.map(lambda leaf, dtype=dtype: _typed(leaf, dtype))  # type: ignore[misc]
            assumed = [f"dimensions that the model leaves open are {size}"] * _is_open(stated)
            yield _draw(model, typed, seed, assumed, unsaid=unsaid)
    if not fits:
        raise why or NoProbe("no size of its open dimensions fits")


def _is_open(structure: _Structure) -> bool:
    return any(None in leaf.shape[1:] for leaf in structure.leaves())


def _map(function: Callable[[_Leaf], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _map(function, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_map(function, item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value if value is None else function(value)


def _declared(model: Any) -> _Structure:
    """Return what a model says that it takes, in its graph or by the shapes it was built with."""
    inner = graph.functional(model)
    if inner is not None:
        bounds = graph.bounds(inner)
        numbers = {id(tensor): number for number, tensor in enumerate(inner.inputs)}
        struct = getattr(inner, "_inputs_struct", inner.inputs)
        if isinstance(struct, list) and len(struct) == 1:
            struct = struct[0]
        return _Structure((struct,)).map(
            lambda tensor: _Leaf(
                tensor.name,
                tuple(tensor.shape),
                str(tensor.dtype),
                bounds.get(numbers.get(id(tensor), -1)),
            )
        )
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise NoProbe(
            "the model was never built and does not say what it takes: call it once before you"
            " save it, or give `--input-spec`"
        )
    bound = graph.smallest_table(node.layer for node in walk(model).nodes)
    leaves = {
        name.removesuffix("_shape"): _shapes(name.removesuffix("_shape"), shape, bound)
        for name, shape in shapes.items()
    }
    return _Structure(tuple(leaves.values())) if len(leaves) == 1 else _Structure((), leaves)


def _shapes(name: str, shape: Any, bound: int | None) -> Any:
    """Return a leaf for each shape in nested shapes."""
    if isinstance(shape, dict):
        return {key: _shapes(str(key), item, bound) for key, item in shape.items()}
    if all(size is None or isinstance(size, int) for size in shape):
        return _Leaf(name, tuple(shape), None, bound)
    return [_shapes(f"{name}[{index}]", item, bound) for index, item in enumerate(shape)]


def _stated(model: Any, stated: tuple[specs.InputSpec, ...]) -> _Structure:
    """Return what the user says that a model takes; what they leave out is as declared."""
    try:
        declared = _declared(model)
    except NoProbe:
        declared = _Structure(())
    leaves = declared.leaves()
    bound = graph.smallest_table(node.layer for node in walk(model).nodes)
    made = [
        _Leaf(spec.name or f"input {number}", spec.shape, spec.dtype, bound)
        for number, spec in enumerate(stated, 1)
    ]
    if graph.functional(model) is None:
        if stated[0].name is not None:
            return _Structure(({leaf.name: leaf for leaf in made},))
        return _Structure((made if len(made) > 1 else made[0],))
    named = {leaf.name: leaf for leaf in made}
    if stated[0].name is None:
        if len(made) != len(leaves):
            inputs = "1 input" if len(leaves) == 1 else f"{len(leaves)} inputs"
            raise specs.InvalidSpec(f"the model takes {inputs}, not {len(made)}")
        named = {leaf.name: own for leaf, own in zip(leaves, made, strict=True)}
    unknown = sorted(named.keys() - {leaf.name for leaf in leaves})
    if unknown:
        names = ", ".join(f"`{leaf.name}`" for leaf in leaves)
        raise specs.InvalidSpec(f"the model has no input `{unknown[0]}`: it has {names}")
    return declared.map(
        lambda leaf: (
            leaf
            if leaf.name not in named
            else replace(
                leaf, shape=named[leaf.name].shape, dtype=named[leaf.name].dtype or leaf.dtype
            )
        )
    )


def _sized(leaf: _Leaf, batch_size: int, size: int) -> _Leaf:
    first, rest = leaf.shape[:1] or (None,), leaf.shape[1:]
    shape = (first[0] or batch_size, *(dim if dim is not None else size for dim in rest))
    return replace(leaf, shape=shape)


def _typed(leaf: _Leaf, dtype: str) -> _Leaf:
    return leaf if leaf.dtype is not None else replace(leaf, dtype=dtype)


def _check(model: Any, structure: _Structure, open_size: int | None) -> None:
    """Raise NoProbe if a tensor on the way is too large, empty, or of a shape that does not fit.

    Some kernels return nonsense for an input that is too small (oneDNN convolutions, on TensorFlow
    2.21), where `compute_output_shape` raises.
    """
    leaves = structure.leaves()
    for leaf in leaves:
        _check_size(f"input `{leaf.name}`", leaf.shape)
    inner = graph.functional(model)
    if inner is None or len(leaves) != len(inner.inputs):
        return
    by_name = {leaf.name: leaf.shape for leaf in leaves}
    shapes = [by_name[tensor.name] for tensor in inner.inputs]
    passed, error = graph.outputs(inner, shapes)  # type: ignore[arg-type]
    for name, shape in passed:
        _check_size(f"`{name}`", shape)
        if any(dim is not None and dim < 1 for dim in shape):
            raise NoProbe(f"`{name}` puts out an empty tensor")
    # Where no dimension is open the graph was made of these very shapes: let it run.
    if error is not None and open_size is not None:
        raise NoProbe(f"open dimensions of {open_size} do not fit: {one_line(error)}")


def _check_size(what: str, shape: tuple[int | None, ...]) -> None:
    size = graph.bytes_of(shape)
    if size > MAX_BYTES:
        raise NoProbe(
            f"{what} would take {size / 2**30:,.0f} GiB, of shape {shape}; more than"
            f" {MAX_BYTES >> 30} GiB for a tensor is not tried"
        )


def _draw(
    model: Any, structure: _Structure, seed: int, assumed: list[str], *, unsaid: bool
) -> Inputs:
    leaves = structure.leaves()
    drawn = structure.map(lambda leaf: _tensor(model, leaf, seed))
    if unsaid:
        dtypes = sorted({str(leaf.dtype) for leaf in leaves})
        assumed.append(f"the model does not say of which dtype its inputs are: {', '.join(dtypes)}")
    assumed += [
        f"`{leaf.name}` has ids from {1 if leaf.bound > 1 else 0} to {max(leaf.bound - 1, 0)}"
        for leaf in leaves
        if leaf.bound is not None
    ]
    shapes = {leaf.name: tuple(dim or 1 for dim in leaf.shape) for leaf in leaves}
    batch = next(iter(shapes.values()))[0]
    return Inputs(drawn.args, drawn.kwargs, Probe(f"seed {seed}", batch, shapes, tuple(assumed)))


def _tensor(model: Any, leaf: _Leaf, seed: int) -> Any:
    shape = tuple(dim or 1 for dim in leaf.shape)
    dtype = str(leaf.dtype)
    if dtype == "string":
        return _strings(model, shape)
    # A generator of its own for each input: the order in which they are drawn does not matter.
    key = zlib.crc32(f"{leaf.name}:{shape}".encode())
    numbers = _numbers(np.random.default_rng([seed, key]), leaf, shape, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX says that it makes 32 bits of 64
        return keras.ops.convert_to_tensor(numbers, dtype=dtype)


def _numbers(
    rng: np.random.Generator, leaf: _Leaf, shape: tuple[int, ...], dtype: str
) -> NDArray[Any]:
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if leaf.bound is not None:
        # From 1: 0 often is the mask. Tables are also given ids that are stored as floats.
        bound = min(leaf.bound, 128) if dtype in {"int8", "uint8"} else leaf.bound
        return rng.integers(min(1, bound - 1), bound, shape).astype(
            dtype if "int" in dtype else "float32"
        )
    if dtype == "uint8":
        return rng.integers(0, 256, shape).astype(dtype)  # an image
    if "int" in dtype:
        return np.ones(shape, dtype)
    return rng.standard_normal(shape).astype("float32")


def _strings(model: Any, shape: tuple[int, ...]) -> Any:
    """Return words that the model knows, if it has a vocabulary."""
    if keras.backend.backend() != "tensorflow":
        raise NoProbe("it takes strings, which only the tensorflow backend has")
    words = ["a"]
    for node in walk(model).nodes:
        if hasattr(node.layer, "get_vocabulary"):
            known = [str(word) for word in node.layer.get_vocabulary()]
            words = [word for word in known if word and not word.startswith("[")] or words
    texts = np.resize(np.array(words), shape)
    return importlib.import_module("tensorflow").constant(texts)
