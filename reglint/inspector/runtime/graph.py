"""What the graph of a functional model tells before it is run: how large, and which ids fit."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.runtime.data import leaves
from reglint.inspector.runtime.layers import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# These hand on the ids that they get, whatever their dtype.
_SHAPE_ONLY = {
    *("Cast", "Cropping1D", "Dropout", "ExpandDims", "Flatten", "GetItem", "Identity", "Masking"),
    *("Permute", "RepeatVector", "Reshape", "Squeeze", "Transpose"),
}


def functional(model: Any) -> Any | None:
    """Return the graph of a model (a Sequential has one inside), None if it has none."""
    inner = getattr(model, "_functional", None) or model
    return inner if hasattr(inner, "_nodes_by_depth") and hasattr(inner, "inputs") else None


def smallest_table(layers: Iterable[Any]) -> int | None:
    """Return how many ids the smallest of the embeddings and encodings among layers has."""
    sizes = [size for layer in layers if (size := _table(layer))]
    return min(sizes, default=None)


def bounds(graph: Any) -> dict[int, int]:
    """Return for each input that holds ids, by its number, what they must be below.

    Follows inputs through everything that keeps ids what they are. Arithmetic may make them
    larger: half the table is left for it.
    """
    found: dict[int, int] = {}
    _trace(graph, [{(number, 1)} for number in range(len(graph.inputs))], found)
    return found


def outputs(
    graph: Any, given: Sequence[tuple[int, ...]]
) -> tuple[list[tuple[str, tuple[Any, ...]]], Exception | None]:
    """Return the name of each operation with the shape of each tensor that it puts out.

    Computed from the shapes of the inputs, without numbers, up to the first operation that they do
    not fit, and what Keras says of that.
    """
    seen: list[tuple[str, tuple[Any, ...]]] = []

    def run(operation: Any, *args: Any, **kwargs: Any) -> Any:
        inner = functional(operation)
        if inner is not None and args:
            return _run(inner, leaves(args[0]), run)
        result = operation.compute_output_spec(*args, **kwargs)
        shapes = (tuple(getattr(tensor, "shape", ())) for tensor in leaves(result))
        seen.extend((operation.name, shape) for shape in shapes)
        return result

    tensors = [
        keras.KerasTensor(shape, dtype=tensor.dtype)
        for shape, tensor in zip(given, graph.inputs, strict=True)
    ]
    try:
        _run(graph, tensors, run)
    except Exception as error:  # noqa: BLE001 - an operation may raise anything
        return seen, error
    return seen, None


def bytes_of(shape: Sequence[int | None]) -> int:
    """Return what a tensor takes in float32."""
    return 4 * math.prod(size or 1 for size in shape)


def _run(graph: Any, tensors: list[Any], run: Callable[..., Any]) -> Any:
    return graph._run_through_graph(  # noqa: SLF001 - what Function.compute_output_spec does
        tensors, operation_fn=lambda operation: functools.partial(run, operation)
    )


def _table(layer: Any) -> int | None:
    """Return how many ids a layer has a row for; somebody else's too, if it has `embeddings`."""
    if isinstance(layer, keras.layers.CategoryEncoding):
        return layer.num_tokens  # type: ignore[no-any-return]
    if isinstance(layer, keras.layers.Embedding):
        return layer.input_dim  # type: ignore[no-any-return]
    embeddings = getattr(layer, "embeddings", None)
    if isinstance(embeddings, keras.Variable) and len(embeddings.shape) == 2:  # noqa: PLR2004
        return int(embeddings.shape[0])
    return None


def _trace(
    graph: Any, incoming: list[set[tuple[int, int]]], found: dict[int, int]
) -> list[set[tuple[int, int]]]:
    """Follow (input, divisor of the bound) through a graph, and return what reaches its outputs."""
    at: dict[int, set[tuple[int, int]]] = {
        id(tensor): sources for tensor, sources in zip(graph.inputs, incoming, strict=False)
    }
    for depth in sorted(graph._nodes_by_depth, reverse=True):  # noqa: SLF001
        for node in graph._nodes_by_depth[depth]:  # noqa: SLF001
            operation = node.operation
            if not operation or node.is_input:
                continue
            arriving = [at.get(id(tensor), set()) for tensor in node.input_tensors]
            inner = functional(operation)
            if inner is not None:
                leaving = _trace(inner, arriving, found)
            else:
                leaving = _through(operation, node, arriving, found)
            at.update(
                (id(tensor), sources)
                for tensor, sources in zip(node.outputs, leaving, strict=False)
            )
    return [at.get(id(tensor), set()) for tensor in graph.outputs]


def _through(
    operation: Any, node: Any, arriving: list[set[tuple[int, int]]], found: dict[int, int]
) -> list[set[tuple[int, int]]]:
    """Note the bound that an operation sets, and return what passes it, output by output."""
    is_layer = isinstance(operation, keras.Layer)
    limit = smallest_table(place.layer for place in walk(operation).nodes) if is_layer else None
    sources = set().union(*arriving)
    if limit is not None:
        for number, divisor in sources:
            found[number] = min(found.get(number, limit), max(limit // divisor, 1))
        return [set() for _ in node.outputs]
    if type(operation).__name__ in _SHAPE_ONLY:
        return [sources for _ in node.outputs]
    ids = (has for has, tensor in zip(arriving, node.input_tensors, strict=True) if _is_int(tensor))
    changed = {(number, 2) for has in ids for number, _ in has}
    return [changed if _is_int(tensor) else set() for tensor in node.outputs]


def _is_int(tensor: Any) -> bool:
    return "int" in str(tensor.dtype)
