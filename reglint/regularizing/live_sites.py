"""What can be regularized in a model in memory, and where a regularizer has to be put for that.

A regularizer of a layer is at several places: the layer has it as an attribute, which `get_config`
writes; the variable has it, which alone is what `losses` looks at; and a layer that makes others
(the cell of an LSTM, the projections of an attention) has handed it on to these.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras

from reglint import keras_api
from reglint.inspector.facts import Regularizer
from reglint.inspector.runtime.layers import describe, variables, walk
from reglint.keras_api import Effect
from reglint.regularizing.plan import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.inspector.runtime.layers import Node, Tree

SUFFIX = "_regularizer"
ACTIVITY = "activity"
ITSELF = keras.layers.ActivityRegularization  # its factors are arguments of its own, too
_MARK = 0.0123456789  # a factor that nobody else uses
_LORA = re.compile(r"lora_(\w+)_[ab]")
# They write the layers that they hold into their config; others of Keras make theirs themselves.
_WRITERS = (
    *(keras.Model, keras.layers.Bidirectional, keras.layers.StackedRNNCells),
    *(keras.layers.TimeDistributed, keras.layers.Wrapper),
)


@dataclass(frozen=True, slots=True, eq=False)
class Held(Regularizer):
    """What describes a regularizer, with the object itself.

    Those of Keras are equal when their factors are; somebody else's only to themselves; one that
    is not in all of its places, as after `layer.kernel_regularizer = ...`, to none.
    """

    made: Any = None
    everywhere: bool = True

    def __eq__(self, other: object) -> bool:
        if not self.everywhere:
            return False
        if isinstance(other, Held) and not (_is_own(self.made) and _is_own(other.made)):
            return self.made is other.made
        return isinstance(other, Regularizer) and self.plain() == (
            other.plain() if isinstance(other, Held) else other
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def plain(self) -> Regularizer:
        """Return it without the object."""
        return Regularizer(self.name, self.factors)


def held(regularizer: Any) -> Held:
    """Return the description of a regularizer; one that only has a name of Keras' gets another."""
    facts = describe(regularizer)
    name = facts.name
    if not _is_own(regularizer) and keras_api.regularizer(name) is not None:
        name = f"{type(regularizer).__module__}.{name}"
    return Held(name, facts.factors, regularizer)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a regularizer is kept: an attribute of a layer, or of a variable."""

    holder: Any
    attribute: str

    @property
    def is_variable(self) -> bool:
        """Return whether it is a variable that keeps it."""
        return isinstance(self.holder, keras.Variable)


@dataclass(frozen=True, slots=True)
class Site:
    """A target, and the layer that it tells of."""

    target: Target
    node: Node


def sites(tree: Tree) -> list[Site]:
    """Return what can be regularized, in the order of creation; the model itself is left out."""
    made = _made_by_others(tree)
    cells = {id(cell) for node in tree.nodes for cell in _cells(node.layer)}
    uncalled = {
        id(node.layer.layer)
        for node in tree.nodes
        if isinstance(node.layer, keras.layers.TimeDistributed)
    }
    found = []
    for node in tree.nodes:
        if not node.path or id(node.layer) in made:
            continue
        below = [part for part in tree.nodes if made.get(id(part.layer)) is node]
        is_cell = isinstance(node.layer, keras.layers.RNN)
        names = {part.path: part.class_name for part in below}
        aliases = dict.fromkeys(tree.aliases(node), node.class_name)
        roles, refused = _roles(node, tree)
        if id(node.layer) in cells:
            refused[ACTIVITY] = "is a cell, and `fit` raises where a cell has an activity penalty"
        if id(node.layer) in uncalled:
            refused[ACTIVITY] = (
                "is in a `TimeDistributed`, which leaves out its activity penalty: set it there"
            )
        target = Target(
            path=node.path,
            layer_class=node.class_name,
            roles=roles,
            refused={role: why for role, why in refused.items() if role in roles},
            also={**aliases, **(names if is_cell else {})},
            parts={} if is_cell else names,
            own=_is_own(node.layer),
        )
        found.append(Site(target, node))
    return found


def places(node: Node, role: str, tree: Tree) -> list[Place]:
    """Return all places of a role of a layer: those that it would have, had it been made with it.

    What a class that is not Keras' own does with an argument only it knows: a copy of it is made
    with a mark, and where the mark turns up in the copy are the places. Where that cannot be done,
    they are the attribute and the variable of that name.
    """
    if not _is_own(node.layer) and (marked := _marked(node.layer, role)):
        return marked
    return list(_named(node, role, tree))


def attribute(layer: Any, role: str) -> str:
    """Return the attribute with the regularizer of a role, `_kernel_regularizer` or without `_`."""
    private = f"_{role}{SUFFIX}"
    return private if private in vars(layer) else private[1:]


def _roles(node: Node, tree: Tree) -> tuple[dict[str, Regularizer | None], dict[str, str]]:
    """Return the roles of a layer with what they have, and those not to be set with the reason."""
    layer, known = node.layer, None
    if isinstance(layer, keras.Model):
        return {}, {}
    if _is_own(layer):
        known = keras_api.layer(node.class_name)
    generation = keras_api.generation(_version())
    roles: dict[str, Regularizer | None] = {}
    refused: dict[str, str] = {}
    for name in dict.fromkeys(_arguments(layer)):
        effect = known and known.effect(f"{name}{SUFFIX}", generation)
        if (
            known
            and effect not in {Effect.EFFECTIVE, Effect.SILENT}
            and not isinstance(layer, ITSELF)
        ):
            continue
        roles[name] = _present(_named(node, name, tree))
        if effect is Effect.SILENT:
            refused[name] = f"takes `{name}{SUFFIX}` and drops it"
        elif (other := _holder_of(node, name, tree)) is not None:
            refused[name] = f"has the `{name}` of `{other}`: set it there"
        elif known and name != ACTIVITY and layer.built and not _has_variable(node, name, tree):
            refused[name] = f"has no variable for `{name}{SUFFIX}`, as it is configured"
    return roles, refused


def _present(found: Iterable[Place]) -> Held | None:
    """Return the regularizer that is in places."""
    values = [getattr(place.holder, place.attribute) for place in found]
    several = [held(value) for value in values if value is not None]
    if not several:
        return None
    same = len(several) == len(values) and all(each == several[0] for each in several)
    return replace(several[0], everywhere=same)


def _arguments(layer: Any) -> Iterator[str]:
    """Yield the roles of a layer, that of its output last."""
    written = [*vars(layer), *(name for name in dir(type(layer)) if name.endswith(SUFFIX))]
    for name in written:
        role = name.removesuffix(SUFFIX).lstrip("_")
        if name.endswith(SUFFIX) and role not in {"", ACTIVITY}:
            yield role
    yield ACTIVITY


def _holder_of(node: Node, role: str, tree: Tree) -> str | None:
    """Return the path of another layer whose variable this one has for a role."""
    for variable in variables(node.layer):
        first, *_ = owners = tree.owners(variable)
        mine = any(owner.layer == node.path and owner.role == role for owner in owners)
        if mine and first.layer != node.path:
            return first.layer
    return None


def _named(node: Node, role: str, tree: Tree) -> Iterator[Place]:
    """Yield the places of a role, as all of Keras' own layers have them."""
    layer = node.layer
    own = attribute(layer, role)
    if own in vars(layer):
        yield Place(layer, own)
    if role != ACTIVITY:
        for variable in variables(layer):
            if _role(variable, node, tree) == role and _is_float(variable):
                yield Place(variable, "regularizer")
    elif isinstance(layer, keras.layers.RNN):
        return
    for part in _parts(node, tree):
        yield from _named(part, role, tree)


def _parts(node: Node, tree: Tree) -> Iterator[Node]:
    """Yield the layers that a layer of Keras made itself, and hands its regularizers on to."""
    if _is_own(node.layer) and not isinstance(node.layer, _WRITERS):
        for layer in node.layer._layers:  # noqa: SLF001
            part = tree.node(layer)
            if part is not None and f"kernel{SUFFIX}" in vars(layer):
                yield part


def _has_variable(node: Node, role: str, tree: Tree) -> bool:
    return any(_role(each, node, tree) == role for each in variables(node.layer)) or any(
        _has_variable(part, role, tree) for part in _parts(node, tree)
    )


def _role(variable: Any, node: Node, tree: Tree) -> str | None:
    """Return the role of a variable that a layer made; an adapter has that of what it adapts."""
    first = next(iter(tree.owners(variable)), None)
    if first is None or first.layer != node.path:
        return None
    adapter = _LORA.fullmatch(first.role)
    return adapter[1] if adapter else first.role


def _marked(layer: Any, role: str) -> list[Place]:
    """Return where a copy of a layer has a regularizer that it is given; [] without a copy."""
    mark = keras.regularizers.serialize(keras.regularizers.L2(_MARK))
    state = random.getstate()  # a copy draws seeds
    try:
        copy = type(layer).from_config({**layer.get_config(), f"{role}{SUFFIX}": mark})
        if layer.built:
            copy.build_from_config(layer.get_build_config())
    except Exception:  # noqa: BLE001 - a class may not be made to be copied, and raise anything
        return []
    finally:
        random.setstate(state)
    originals = {node.path: node.layer for node in walk(layer).nodes}
    found: list[Place] = []
    for node in walk(copy).nodes:
        original = originals.get(node.path)
        if original is None or len(variables(original)) != len(variables(node.layer)):
            return []
        found += (
            Place(original, name)
            for name, value in list(vars(node.layer).items())
            if name.endswith(SUFFIX) and _is_mark(value)
        )
        found += (
            Place(variable, "regularizer")
            for variable, copied in zip(variables(original), variables(node.layer), strict=True)
            if _is_mark(getattr(copied, "regularizer", None)) and _is_float(variable)
        )
    return found


def _is_mark(value: Any) -> bool:
    return isinstance(value, keras.regularizers.L2) and abs(float(value.l2) - _MARK) < _MARK / 1e6


def _is_float(variable: Any) -> bool:
    """Return whether a variable is one to be trained: quantization packs kernels into integers."""
    return keras.backend.is_float_dtype(str(variable.dtype)) and "float8" not in variable.dtype


def _made_by_others(tree: Tree) -> dict[int, Node]:
    """Return the layers that a layer of Keras made itself, by id, with the outermost of these."""
    made: dict[int, Node] = {}
    for node in tree.nodes:
        if not _is_own(node.layer) or isinstance(node.layer, _WRITERS) or _cells(node.layer):
            continue
        for below in walk(node.layer).nodes[1:]:
            made.setdefault(id(below.layer), node)
    return made


def _cells(layer: Any) -> Iterable[Any]:
    """Return the cells that somebody gave to a layer, which its config has."""
    if type(layer) is keras.layers.RNN:
        return (layer.cell,)
    return layer.cells if isinstance(layer, keras.layers.StackedRNNCells) else ()


def _is_own(thing: Any) -> bool:
    """Return whether a layer or a regularizer is of a class of Keras' own."""
    return type(thing).__module__.partition(".")[0] == "keras"


def _version() -> tuple[int, int]:
    major, minor, *_ = keras.__version__.split(".")
    return int(major), int(minor)
