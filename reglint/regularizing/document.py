"""The layers of a serialized model as targets, and new regularizers in their configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reglint import keras_api
from reglint.inspector.facts import Regularizer, Variable
from reglint.inspector.files.walk import objects
from reglint.inspector.static import layers, reader, regularizers, variables
from reglint.inspector.static.groups import Stored
from reglint.inspector.static.layers import Origin
from reglint.inspector.static.reader import ACTIVITY
from reglint.regularizing.operations import WrongOperation, serialized
from reglint.regularizing.plan import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reglint.inspector.files.archive import ModelFile
    from reglint.inspector.static.layers import Layer
    from reglint.inspector.static.variables import Slot
    from reglint.regularizing.plan import Change

_SUFFIX = "_regularizer"
_ITSELF = "ActivityRegularization"  # its factors are arguments of its own
_INSTEAD = "put an `ActivityRegularization` layer behind it"


@dataclass(frozen=True, slots=True)
class Place:
    """A target, and where the file has it."""

    target: Target
    configs: tuple[dict[str, Any], ...]  # that make it, in the document
    variables: Mapping[Variable, str]  # as the static reader names them: the role in the target


def places(file: ModelFile, stored: Mapping[str, Stored] | None = None) -> tuple[Place, ...]:
    """Return the layers of a model file, the model itself apart; raise Refused.

    `stored` is what `reader.located` returns, if that is known.
    """
    assert file.config is not None
    if stored is None:
        stored = reader.located(file)
    _, *below = layers.tree(file.config).walk()
    same: dict[int, list[Layer]] = {}
    for layer in below:
        origin = stored.get(layer.path, Stored()).same_as or layer
        same.setdefault(id(origin.config), []).append(layer)
    return tuple(_place(each, stored) for each in same.values())


def write(config: Mapping[str, Any], found: Sequence[Place], changes: Iterable[Change]) -> None:
    """Put `changes` into the document `config` that `found` are the places of.

    Raise WrongOperation for what a layer cannot say.
    """
    legacy = not any("registered_name" in each for _, each in objects(config))
    by_path = {place.target.path: place for place in found}
    for change in changes:
        place = by_path[change.layer]
        for layer in place.configs:
            if change.layer_class == _ITSELF and change.role == ACTIVITY:
                layer.update(_own_factors(change))
                continue
            key = _keys(layer).get(change.role, change.role + _SUFFIX)
            after = change.after
            layer[key] = None if after is None else serialized(after, legacy=legacy)


def _place(same: Sequence[Layer], stored: Mapping[str, Stored]) -> Place:
    first = same[0]
    own = stored.get(first.path, Stored())
    known = reader.slots(first, own) if not own.problem else ()
    roles, refused = _roles(first, own, known)
    slots = [(layer, slot) for layer in same for slot in known if slot.holder]
    held = dict(reader.holder(layer, slot) for layer, slot in slots)
    alone = len({slot.holder for _, slot in slots}) == 1  # an `LSTM` has a cell, attention parts
    also = {layer.path: layer.class_name for layer in same[1:]} | (held if alone else {})
    target = Target(
        path=first.path,
        layer_class=first.class_name,
        roles=roles,
        refused=refused,
        also=also,
        parts={} if alone else held,
        own=first.origin is Origin.KERAS,
    )
    return Place(
        target,
        tuple({id(layer.config): _writable(layer) for layer in same}.values()),
        {
            Variable(reader.holder(layer, slot)[0], slot.role): slot.argument
            for layer in same
            if stored.get(layer.path, Stored()).same_as is None
            for slot in known
            if slot.argument is not None
        },
    )


def _writable(layer: Layer) -> dict[str, Any]:
    assert isinstance(layer.config, dict)  # of the document, or empty where it has none
    return layer.config


def _keys(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the key of each role that a configuration has."""
    return {key.removesuffix(_SUFFIX).lstrip("_"): key for key in config if key.endswith(_SUFFIX)}


def _roles(
    layer: Layer, stored: Stored, slots: Iterable[Slot]
) -> tuple[dict[str, Regularizer | None], dict[str, str]]:
    """Return the roles of a layer with what they have, and why some are not to be set."""
    present = {
        role: regularizers.regularizer(value) for role, value in layer.regularizers().items()
    }
    if layer.class_name == _ITSELF and layer.origin is Origin.KERAS:
        own = regularizers.regularizer({"class_name": "L1L2", "config": dict(layer.config)})
        return {ACTIVITY: own if any(own.factors.values()) else None}, {}
    if layer.origin is not Origin.KERAS or layer.is_model:
        names = list(present) if layer.is_model else list(_keys(layer.config))
        return {role: present.get(role) for role in names}, {}
    taken = [role for role in (*_keys(layer.config), *_weights(layer)) if role != ACTIVITY]
    refused = {}
    if not stored.problem:
        used = {slot.argument for slot in slots}
        refused = {role: _unused(layer, role) for role in taken if role not in used}
    effect = _effect(layer, ACTIVITY)
    if effect in {keras_api.Effect.EFFECTIVE, keras_api.Effect.SILENT} or ACTIVITY in present:
        taken.append(ACTIVITY)
        if why := _not_evaluated(layer, effect):
            refused[ACTIVITY] = why
    return {role: present.get(role) for role in dict.fromkeys(taken)}, refused


def _weights(layer: Layer) -> list[str]:
    """Return the roles of variables that the class takes in Keras 3, the main ones first."""
    measured = keras_api.layer(layer.class_name)
    if measured is None or layer.children:
        return []
    known = measured.regularizers(keras_api.Generation.KERAS_3)
    return [argument.removesuffix(_SUFFIX) for argument in known]


def _effect(layer: Layer, role: str) -> keras_api.Effect | None:
    measured = keras_api.layer(layer.class_name)
    if measured is None:
        return None
    return measured.effect(role + _SUFFIX, keras_api.Generation.KERAS_3)


def _unused(layer: Layer, role: str) -> str:
    """Return why no variable has the regularizer of `role`."""
    if role in variables.arguments(layer.class_name):
        return f"has no variable for `{role}{_SUFFIX}`, as it is configured"
    return f"takes `{role}{_SUFFIX}` and drops it"


def _not_evaluated(layer: Layer, effect: keras_api.Effect | None) -> str:
    """Return why an activity regularizer of a layer would add nothing, or do harm; or nothing."""
    if effect is keras_api.Effect.SILENT:
        return f"takes `{ACTIVITY}{_SUFFIX}` and drops it: {_INSTEAD}"
    if layer.place.attribute in {"cell", "cells"}:
        return f"is a cell, and with `{ACTIVITY}{_SUFFIX}` training fails: {_INSTEAD}"
    if not layer.called:
        return (
            f"is called by `TimeDistributed`, which evaluates no `{ACTIVITY}{_SUFFIX}`: "
            "give it an activity regularization in a model around it"
        )
    return ""


def _own_factors(change: Change) -> dict[str, float | str]:
    """Return the arguments of an `ActivityRegularization` that do what is asked for."""
    after = change.after or Regularizer("L1L2")
    if after.name not in {"L1", "L2", "L1L2"}:
        raise WrongOperation(f"`{change.layer}:{change.role}` is an L1L2, and no `{after}`")
    return {key: after.factors.get(key, 0.0) for key in ("l1", "l2")}
