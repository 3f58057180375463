"""Regularizers that a model has, and that add nothing to its loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reglint.inspector.facts import Cause, Dormant
from reglint.inspector.runtime.layers import Node, Tree, describe, role, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIX = "_regularizer"
_QUANTIZED = {"kernel", "embeddings"}  # what quantization packs, by role


def find(model: Any, tree: Tree, evaluated: set[int] | None) -> tuple[Dormant, ...]:
    """Return the regularizers of a model that add nothing.

    `evaluated`: ids of the layers whose activity regularizer was, in the call of a probe; None
    when there was no call, and nobody knows.
    """
    trained = {id(variable) for variable in model.trainable_weights}
    found: list[Dormant] = []
    for node in tree.nodes:
        found += _weights(node, tree, trained)
        found += _arguments(node)
        if evaluated is not None and id(node.layer) not in evaluated:
            found += _activity(node)
    return tuple(found)


def _weights(node: Node, tree: Tree, trained: set[int]) -> Iterator[Dormant]:
    """Yield regularizers that variables carry and that are not among the losses."""
    for variable in variables(node.layer):
        if getattr(variable, "regularizer", None) is None or id(variable) in trained:
            continue
        if tree.carrier(variable) is not node:
            continue  # told of the layer that made it
        name = tree.owners(variable)[0].role
        if getattr(node.layer, "lora_enabled", False) and not name.startswith("lora_"):
            cause, why = Cause.LORA, "is frozen under its low-rank adapter"
        elif not node.layer.trainable:
            cause, why = Cause.FROZEN, "is not trainable, as its layer is not"
        else:
            cause, why = Cause.FROZEN, "is not trainable"
        yield _dormant(node, name, variable.regularizer, cause, f"`{name}` {why}")


def _arguments(node: Node) -> Iterator[Dormant]:
    """Yield regularizers that a layer has as an attribute, and that none of its variables has."""
    carried = {id(getattr(variable, "regularizer", None)) for variable in node.layer.variables}
    roles = _roles(node.layer)
    for attribute, regularizer in list(vars(node.layer).items()):
        name = attribute.removesuffix(_SUFFIX)
        if name == attribute or name.startswith("_") or name == "activity" or regularizer is None:
            continue
        why = _why(node, name, roles.get(name), handed_on=id(regularizer) in carried)
        if why is not None:
            yield _dormant(node, name, regularizer, *why)


def _why(
    node: Node, name: str, variable: Any | None, *, handed_on: bool
) -> tuple[Cause, str] | None:
    """Return why an argument of a layer adds nothing, None if it does.

    `handed_on`: a sublayer has taken it, a cell or the projections of an attention.
    """
    quantized = getattr(node.layer, "quantization_mode", None)
    if quantized and name in _QUANTIZED and (variable is None or _is_packed(variable)):
        return Cause.QUANTIZED, f"`{name}` was quantized to {quantized}, and is not trained"
    if variable is not None:
        if getattr(variable, "regularizer", None) is not None:
            return None
        return Cause.NOT_CARRIED, (
            f"the layer says so but its `{name}` has none: it was set after the variable was made"
        )
    if handed_on:
        return None
    if not node.layer.built:
        return Cause.NOT_BUILT, f"`{name}` does not exist yet: the layer was never built"
    if node.layer._layers:  # noqa: SLF001 - what it does with it is its own business
        return None
    return Cause.NO_VARIABLE, f"the layer has no `{name}`"


def _activity(node: Node) -> Iterator[Dormant]:
    regularizer = getattr(node.layer, "activity_regularizer", None)
    if regularizer is not None:
        message = (
            "the call did not evaluate it: the layer was not reached, or a wrapper ran its `call`"
            " instead of calling it"
        )
        yield _dormant(node, "activity", regularizer, Cause.NOT_EVALUATED, message)


def _roles(layer: Any) -> dict[str, Any]:
    """Return the variables of a layer by role."""
    held = {id(variable): variable for variable in variables(layer)}
    return {
        role(layer, attribute): value
        for attribute, value in vars(layer).items()
        if id(value) in held
    }


def _is_packed(variable: Any) -> bool:
    """Return whether a variable holds no floating-point numbers, or ones of 8 bits."""
    return "int" in str(variable.dtype) or "float8" in str(variable.dtype)


def _dormant(node: Node, name: str, regularizer: Any, cause: Cause, message: str) -> Dormant:
    return Dormant(node.path, node.class_name, name, describe(regularizer), cause, message)
