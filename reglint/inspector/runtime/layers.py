"""What a model is made of: layers by path, variables by owner, regularizers by name."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from reglint.inspector.arguments import plain
from reglint.inspector.facts import Regularizer, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.facts import Argument

# Factors of Keras' own regularizers; any other says what it has by `get_config`.
MAX_FACTOR_TEXT = 60

# Not what a user calls a part of it: the functional model that a Sequential is made of, the layer
# that a Bidirectional (of Keras 3.0) copies.
_INTERNAL = ((keras.Sequential, "_functional"), (keras.layers.Bidirectional, "layer"))

# Where Keras lists what attributes hold as well.
_BOOKKEEPING = {"_layers", "_losses", "_modules", "_operations", "_tracker"}
_BOOKKEEPING |= {"_trainable_variables", "_non_trainable_variables"}

_MAX_NESTING = 4  # of lists and dicts of layers


@dataclass(frozen=True, slots=True)
class Node:
    """A layer at its place; the model itself is at the path `""`."""

    layer: Any
    path: str

    @property
    def class_name(self) -> str:
        """Return the name of the layer's Python class."""
        return type(self.layer).__name__


@dataclass(frozen=True, slots=True)
class Tree:
    """All layers of a model, each once, in the order of the first walk that meets it.

    Below a functional model and a Sequential layers go by name, below another layer by the
    attribute that holds them: automatic names in a subclassed model differ from run to run. The
    order is that of creation, the same on every backend.
    """

    nodes: tuple[Node, ...]
    _by_id: dict[int, Node] = field(repr=False)
    _owners: dict[int, tuple[Variable, ...]] = field(repr=False)
    _again: tuple[tuple[str, str], ...] = field(repr=False)  # paths of a layer, and of it once more

    def aliases(self, node: Node) -> list[str]:
        """Return the other paths that lead to a layer, in the order of the walk."""
        ways = ((f"{path}/", f"{again}/") for path, again in self._again)
        place = f"{node.path}/"
        return [(b + place[len(a) :])[:-1] for a, b in ways if place.startswith(a)]

    def node(self, layer: object) -> Node | None:
        """Return where a layer is."""
        return self._by_id.get(id(layer))

    def is_of(self, other: Tree) -> bool:
        """Return whether it has the layers and variables of another, those and no others."""
        return self._by_id.keys() == other._by_id.keys() and (
            self._owners.keys() == other._owners.keys()
        )

    def owners(self, variable: object) -> tuple[Variable, ...]:
        """Return the names of a variable: the layer that made it first, then those that hold it."""
        return self._owners.get(id(variable), ())

    def carrier(self, variable: object) -> Node | None:
        """Return the layer that made a variable."""
        owners = self.owners(variable)
        return next((node for node in self.nodes if owners and node.path == owners[0].layer), None)


def walk(model: Any) -> Tree:
    """Return the tree of a model."""
    nodes: dict[int, Node] = {}
    again: list[tuple[str, str]] = []

    def visit(layer: Any, path: str) -> None:
        if id(layer) in nodes:
            first = nodes[id(layer)].path
            if not f"{path}/".startswith(f"{first}/" if first else ""):  # else it holds itself
                again.append((first, path))
            return
        nodes[id(layer)] = Node(layer, path)
        taken: dict[str, int] = {}
        for label, child in _children(layer):
            below = f"{path}/{label}" if path else label
            clashes = taken[below] = taken.get(below, -1) + 1
            visit(child, f"{below}#{clashes}" if clashes else below)

    visit(model, "")
    return Tree(tuple(nodes.values()), nodes, _owners(nodes.values()), tuple(again))


def variables(layer: Any) -> list[Any]:
    """Return the variables that a layer itself holds, those of its sublayers apart."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]  # noqa: SLF001


def role(layer: Any, attribute: str) -> str:
    """Return the role of the variable that `attribute` of a layer holds.

    That is the argument that regularizes it, less `_regularizer`: `recurrent` for
    `recurrent_kernel`; `depthwise` for the `kernel` of DepthwiseConv2D. Without such an argument
    it is the attribute itself.
    """
    bare = attribute.lstrip("_")
    candidates = [bare, bare.removesuffix("_kernel")]
    if bare == "kernel":
        candidates.append("depthwise")
    return next((name for name in candidates if hasattr(layer, f"{name}_regularizer")), bare)


def arguments(layer: Any) -> dict[str, Argument]:
    """Return the plain arguments that a layer tells; nothing if it cannot, as not all classes do.

    A model is left out: its configuration is that of all layers in it.
    """
    if isinstance(layer, keras.Model):
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a user's class may be careless
            return plain(layer.get_config())
    except Exception:  # noqa: BLE001 - it may be a user's code
        return {}


def describe(regularizer: Any) -> Regularizer:
    """Return the name and the factors of a regularizer: of Keras, of a user, or a function."""
    kind = regularizer if callable(getattr(regularizer, "__get__", None)) else type(regularizer)
    own = type(regularizer).__module__.partition(".")[0] == "keras"
    name = type(regularizer).__name__ if own else keras.saving.get_registered_name(kind)
    try:
        config = regularizer.get_config()
    except (AttributeError, NotImplementedError):
        config = {}  # a function, or a class that is not made to be saved
    return Regularizer(name, {key: _factor(value) for key, value in config.items()})


def _factor(value: Any) -> float | str:
    if isinstance(value, (bool, str)):
        return str(value)[:MAX_FACTOR_TEXT]
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)[:MAX_FACTOR_TEXT]


def _children(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the sublayers of a layer and what they are called there, each once."""
    labels = dict(_held(layer))
    inner = getattr(layer, "layers", None)
    named = inner if isinstance(inner, list) else []
    if isinstance(layer, keras.Sequential) or hasattr(type(layer), "operations"):  # functional
        labels.update((id(child), child.name) for child in named)
    seen = set()
    for child in [*named, *layer._layers]:  # noqa: SLF001 - in the order of creation
        if id(child) not in seen and isinstance(child, keras.Layer):
            seen.add(id(child))
            label = labels.get(id(child), child.name)
            if not any(isinstance(layer, kind) and label == name for kind, name in _INTERNAL):
                yield label.lstrip("_"), child


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a layer that its author wrote.

    torch keeps those that are layers in `_modules`; on TensorFlow there are `_self_*` of its own.
    """
    for attributes in (vars(layer), vars(layer).get("_modules") or {}):
        for name, value in list(attributes.items()):
            if name not in _BOOKKEEPING and not name.startswith("_self_"):
                yield name, value


def _held(layer: Any) -> Iterator[tuple[int, str]]:
    """Yield the id of each sublayer that an attribute holds and how, the first attribute last."""
    found = []
    for attribute, value in _attributes(layer):
        found += [(id(item), text) for text, item in _leaves(attribute, value, keras.Layer)]
    yield from reversed(found)


def _leaves(text: str, value: Any, kind: type, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield each `kind` in nested lists and dicts with its index: `blocks[0]`, `heads['a']`."""
    if isinstance(value, kind):
        yield text, value
    elif depth < _MAX_NESTING and isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _leaves(f"{text}[{index}]", item, kind, depth + 1)
    elif depth < _MAX_NESTING and isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{text}[{key!r}]", item, kind, depth + 1)


def _owners(nodes: Any) -> dict[int, tuple[Variable, ...]]:
    found: dict[int, list[tuple[bool, Variable]]] = {}
    for node in nodes:
        roles: dict[int, str] = {}
        for attribute, value in _attributes(node.layer):
            for text, variable in _leaves(attribute, value, keras.Variable):
                roles.setdefault(id(variable), role(node.layer, text))
        for variable in variables(node.layer):
            maker = variable.path.split("/")[-2:-1] == [node.layer.name]
            name = Variable(node.path, roles.get(id(variable), variable.name))
            found.setdefault(id(variable), []).append((not maker, name))
    return {
        key: tuple(name for _, name in sorted(names, key=lambda pair: pair[0]))
        for key, names in found.items()
    }
