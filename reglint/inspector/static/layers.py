"""The layers in a serialized model: a tree of paths, classes and configs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from reglint.inspector.static import variables
from reglint.inspector.static.packages import of_keras

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPERATIONS = ("keras.ops", "keras.src.ops")
_MODELS = {"Functional", "Model", "Sequential"}
# Layers around other layers: key of the config -> attribute that holds the layer.
_WRAPPERS = {
    "Bidirectional": {"layer": "forward_layer", "backward_layer": "backward_layer"},
    "RNN": {"cell": "cell"},
    "SpectralNormalization": {"layer": "layer"},
    "StackedRNNCells": {"cells": "cells"},
    "TimeDistributed": {"layer": "layer"},
    "Wrapper": {"layer": "layer"},
}


class Origin(Enum):
    """Whose class a layer is."""

    KERAS = "keras"  # and was measured
    UNMEASURED = "unmeasured"  # of Keras
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer is in the one that holds it."""

    attribute: str  # `layers`, `forward_layer`
    key: str = ""  # its name in that container, if it is one: `dense_1`
    name: str = ""  # the name of the layer; newer files tell it


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a serialized model."""

    path: str
    class_name: str
    origin: Origin
    name: str
    config: Mapping[str, Any]
    trainable: bool  # and everything it is in
    place: Place
    children: tuple[Layer, ...] = ()
    is_model: bool = False  # holds `layers`
    called: bool = True  # through its `__call__`, which evaluates activity regularizers

    def walk(self) -> Iterator[Layer]:
        """Yield the layer and all those below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def regularizers(self) -> dict[str, Any]:
        """Return what is serialized for each regularizer argument, without `_regularizer`."""
        return {
            key.removesuffix("_regularizer").lstrip("_"): value
            for key, value in self.config.items()
            if key.endswith("_regularizer") and value
        }


@dataclass(frozen=True, slots=True)
class _Around:
    """What the layers around a layer say of it."""

    trainable: bool = True
    called: bool = True
    both_ways: bool = False  # in a `Bidirectional`


def tree(model: Mapping[str, Any]) -> Layer:
    """Return the layers of a serialized model."""
    return _layer(model, "", Place(""), _Around())


def _layer(serialized: Mapping[str, Any], path: str, place: Place, around: _Around) -> Layer:
    class_name = str(serialized.get("class_name"))
    written = serialized.get("config")
    if isinstance(written, list):  # Sequential of Keras 2.2 and before
        written = {"layers": written}
    config: dict[str, Any] = written if isinstance(written, dict) else {}
    trainable = around.trainable and config.get("trainable", True) is not False
    is_model = class_name in _MODELS or {"layers", "input_layers"} <= config.keys()
    origin = _origin(serialized, class_name, is_model=is_model)
    inside = replace(around, trainable=trainable, called=True)
    children: tuple[Layer, ...] = ()
    if is_model:
        children = tuple(_children_of_model(class_name, config, path, inside))
    elif origin is Origin.KERAS and class_name in _WRAPPERS:
        children = tuple(_wrapped(class_name, config, path, inside))
    return Layer(
        path=path,
        class_name=class_name,
        origin=origin,
        name=_name(serialized),
        config=config,
        trainable=trainable,
        place=place,
        children=children,
        is_model=is_model,
        called=around.called,
    )


def _origin(serialized: Mapping[str, Any], class_name: str, *, is_model: bool) -> Origin:
    module = serialized.get("module")
    registered = str(serialized.get("registered_name") or class_name)
    foreign = module is not None and not of_keras(module)
    if foreign or ">" in registered or ("module" in serialized and module is None):
        return Origin.CUSTOM
    if (is_model and class_name in _MODELS) or class_name == "InputLayer":
        return Origin.KERAS
    if variables.known(class_name):
        return Origin.KERAS
    # A `.h5` names no modules.
    return Origin.UNMEASURED if module is not None else Origin.CUSTOM


def _children_of_model(
    class_name: str, config: Mapping[str, Any], path: str, around: _Around
) -> Iterator[Layer]:
    keys = _Keys()
    names: dict[str, int] = {}
    layers = config.get("layers")
    for serialized in layers if isinstance(layers, list) else []:
        if not isinstance(serialized, dict) or _is_operation(serialized):
            continue
        inner = str(serialized.get("class_name"))
        if class_name == "Sequential" and inner == "InputLayer":
            continue
        name = _name(serialized)
        names[name] = names.get(name, -1) + 1
        step = f"{name}#{names[name]}" if names[name] else name
        place = Place("layers", keys.next(inner), name)
        yield _layer(serialized, _join(path, step), place, around)


def _wrapped(
    class_name: str, config: Mapping[str, Any], path: str, around: _Around
) -> Iterator[Layer]:
    # `TimeDistributed` calls `layer.call`. Two `Bidirectional` around each other, which Keras does
    # not make, would double what is within at each level.
    inside = replace(
        around,
        called=class_name != "TimeDistributed",
        both_ways=around.both_ways or class_name == "Bidirectional",
    )
    for key, attribute in _WRAPPERS[class_name].items():
        value = config.get(key)
        if key == "backward_layer" and value is None and not around.both_ways:
            value = config.get("layer")
        if isinstance(value, list):
            keys = _Keys()
            for position, item in enumerate(value):
                if isinstance(item, dict):
                    place = Place(attribute, keys.next(str(item.get("class_name"))))
                    yield _layer(item, _join(path, f"{attribute}[{position}]"), place, inside)
        elif isinstance(value, dict):
            yield _layer(value, _join(path, attribute), Place(attribute), inside)


def _is_operation(serialized: Mapping[str, Any]) -> bool:
    """Return whether it is a call of `keras.ops`, which is no layer: it cannot be trained."""
    config = serialized.get("config")
    return str(serialized.get("module")).startswith(_OPERATIONS) or (
        serialized.get("module") is None
        and isinstance(config, dict)
        and not {"trainable", "layers", "batch_shape", "batch_input_shape"} & config.keys()
    )


def _name(serialized: Mapping[str, Any]) -> str:
    config = serialized.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    return str(name or serialized.get("name") or "")


def _join(path: str, step: str) -> str:
    return f"{path}/{step}" if path else step


class _Keys:
    """The names that Keras gives to the layers of one container when it saves them."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    def next(self, class_name: str) -> str:
        """Return the name of the next layer: `dense`, `dense_1`."""
        key = _snake_case(variables.python_name(class_name.rpartition(">")[2]))
        number = self.used.get(key, -1) + 1
        self.used[key] = number
        return f"{key}_{number}" if number else key


def _snake_case(name: str) -> str:
    """Return `conv2d_transpose` for `Conv2DTranspose`, as Keras does it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
