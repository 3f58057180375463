"""The static reader: what a model file adds to the loss, as far as the file alone tells."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from reglint import keras_api
from reglint.inspector.arguments import plain
from reglint.inspector.facts import (
    Cause,
    Dormant,
    Kind,
    LayerFacts,
    Penalty,
    Regularizer,
    Unknown,
    Variable,
)
from reglint.inspector.files.hdf5 import chunks
from reglint.inspector.histogram import histogram
from reglint.inspector.static import groups, layers, legacy, regularizers, variables
from reglint.inspector.static.groups import Stored
from reglint.inspector.static.layers import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import h5py

    from reglint.inspector.facts import Histogram
    from reglint.inspector.files.archive import ModelFile
    from reglint.inspector.static.layers import Layer
    from reglint.inspector.static.variables import Slot

ACTIVITY = "activity"

Also: TypeAlias = "Mapping[tuple[str, Slot], list[Variable]]"  # by path and variable
Reading: TypeAlias = tuple[tuple[Penalty, ...], tuple[Dormant, ...], tuple[Unknown, ...]]


def read(file: ModelFile, stored: Mapping[str, Stored] | None = None) -> Reading:
    """Return the weight penalties of a model file, what contributes nothing, what is not known.

    Values are computed in float64 from the variables as they are stored, which are read in pieces;
    those without a regularizer are not read. Frozen variables have no penalty, as in Keras 3, also
    where tf.keras wrote the file, which penalizes them. `stored` is what `located` returns, if
    that is known. Raise Refused where the HDF5 data is damaged or dangerous.
    """
    if file.config is None or file.weights is None:
        return (), (), (Unknown("", "", "the file has no configuration"),)
    root = layers.tree(file.config)
    if stored is None:
        stored = located(file)
    also = _also(root, stored)
    found = [
        fact
        for layer in root.walk()
        for fact in _facts(layer, stored.get(layer.path, Stored()), also)
    ]
    return (
        tuple(fact for fact in found if isinstance(fact, Penalty)),
        tuple(fact for fact in found if isinstance(fact, Dormant)),
        tuple(fact for fact in found if isinstance(fact, Unknown)),
    )


def layers_of(file: ModelFile) -> tuple[str, tuple[LayerFacts, ...]]:
    """Return the class of the model and all layers below it, in the order of the file.

    Those in a layer of somebody else's are not known. A layer that two models hold is there twice.
    """
    if file.config is None:
        return "", ()
    root, *below = layers.tree(file.config).walk()
    return root.class_name, tuple(
        LayerFacts(each.path, each.class_name, each.name, plain(each.config)) for each in below
    )


def located(file: ModelFile) -> dict[str, Stored]:
    """Return what a model file has of each layer, by path; raise Refused."""
    if file.config is None or file.weights is None:
        return {}
    locate = legacy.located if legacy.is_legacy(file.weights) else groups.located
    return locate(layers.tree(file.config), file.weights)


def datasets(file: ModelFile, stored: Mapping[str, Stored]) -> dict[Variable, h5py.Dataset]:
    """Return where the file has each variable of Keras' own layers, out of what `located` found."""
    if file.config is None:
        return {}
    return {
        Variable(holder(layer, slot)[0], slot.role): dataset
        for layer in layers.tree(file.config).walk()
        for slot, dataset in stored.get(layer.path, Stored()).datasets.items()
    }


def histograms(
    file: ModelFile, stored: Mapping[str, Stored], penalties: Iterable[Penalty]
) -> tuple[Histogram, ...]:
    """Return one for each variable with a penalty; raise Refused."""
    held = datasets(file, stored)
    wanted = [Variable(p.layer, p.role) for p in penalties if p.role is not None]
    found = (
        histogram(variable, partial(chunks, held[variable]))
        for variable in wanted
        if variable in held
    )
    return tuple(made for made in found if made is not None)


def _also(root: Layer, stored: Mapping[str, Stored]) -> Also:
    """Return the other names of the variables that several layers hold."""
    found: dict[tuple[str, Slot], list[Variable]] = {}
    for layer in root.walk():
        own = stored.get(layer.path, Stored())
        if own.same_as is not None:  # one layer in two models
            path = own.same_as.path
            for slot in stored[path].datasets:
                found.setdefault((path, slot), []).append(
                    Variable(holder(layer, slot)[0], slot.role)
                )
        for alias in own.layout.slots if own.layout is not None else ():
            if alias.alias:  # `SpectralNormalization` holds the main variable of the layer in it
                for child in layer.children:
                    main = next(iter(stored[child.path].datasets), None)
                    if main is not None:
                        found.setdefault((child.path, main), []).append(
                            Variable(layer.path, alias.role)
                        )
    return found


def _facts(layer: Layer, stored: Stored, also: Also) -> Iterator[Penalty | Dormant | Unknown]:
    """Yield what there is to say about a layer, without those in it."""
    serialized = layer.regularizers()
    activity = serialized.pop(ACTIVITY, None)
    if layer.origin is Origin.CUSTOM:
        yield Unknown(
            layer.path,
            layer.class_name,
            "the class is not Keras' own, and the file does not tell which of its variables are"
            " penalized, what it adds with `add_loss` and which layers are in it",
        )
        return
    if activity is None and layer.class_name == "ActivityRegularization":
        activity = {"class_name": "L1L2", "config": dict(layer.config)}
    if activity is not None:
        yield _activity(layer, regularizers.regularizer(activity))
    if stored.same_as is not None:
        return  # its penalty counts once, where it is stored
    found = {
        argument: regularizers.regularizer(value)
        for argument, value in serialized.items()
        if not layer.children  # those around other layers do not use it
    }
    if found:
        yield from _weights(layer, stored, found, also)


def _activity(layer: Layer, regularizer: Regularizer) -> Dormant | Unknown:
    measured = keras_api.layer(layer.class_name)
    generation = keras_api.Generation.KERAS_3
    effect = measured and measured.effect("activity_regularizer", generation)
    if effect is keras_api.Effect.SILENT and not layer.is_model:
        message = f"`{layer.class_name}` takes `activity_regularizer` and drops it"
        return _dormant(layer, ACTIVITY, regularizer, Cause.DROPPED, message)
    if not layer.called:
        message = "`TimeDistributed` calls it in a way that evaluates no `activity_regularizer`"
        return _dormant(layer, ACTIVITY, regularizer, Cause.NOT_EVALUATED, message)
    return Unknown(
        layer.path,
        layer.class_name,
        f"`activity_regularizer` {regularizer} penalizes what the layer puts out, which only a"
        " run tells",
    )


def _weights(
    layer: Layer, stored: Stored, found: Mapping[str, Regularizer], also: Also
) -> Iterator[Penalty | Dormant | Unknown]:
    """Yield what the regularizers of a layer's variables do."""
    if stored.problem or layer.origin is Origin.UNMEASURED:
        written = ", ".join(f"`{argument}_regularizer` {r}" for argument, r in found.items())
        why = stored.problem or "which variables it has is not known"
        yield Unknown(layer.path, layer.class_name, f"{written}: {why}")
        return
    used: set[str] = set()
    for slot in slots(layer, stored):
        regularizer = None if slot.argument is None else found.get(slot.argument)
        if regularizer is None or slot.argument is None:
            continue
        used.add(slot.argument)
        yield _weight(layer, slot, stored, regularizer, also)
    for argument in sorted(found.keys() - used):
        if argument in variables.arguments(layer.class_name):
            cause, why = Cause.NO_VARIABLE, "has no such variable with these arguments"
        else:
            cause, why = Cause.DROPPED, f"takes `{argument}_regularizer` and drops it"
        message = f"`{layer.class_name}` {why}"
        yield _dormant(layer, argument, found[argument], cause, message)


def slots(layer: Layer, stored: Stored) -> tuple[Slot, ...]:
    """Return the variables that a layer has, or will have when it is built, as far as known."""
    if stored.layout is not None:
        return stored.layout.slots
    candidates = variables.layouts(layer.class_name, dict(layer.config))
    return candidates[0].slots if candidates else ()


def _weight(
    layer: Layer, slot: Slot, stored: Stored, regularizer: Regularizer, also: Also
) -> Penalty | Dormant | Unknown:
    path, class_name = holder(layer, slot)
    cause = _cause(layer, slot, stored)
    if cause is not None:
        why, message = cause
        return Dormant(path, class_name, slot.role, regularizer, why, message)
    dataset = stored.datasets.get(slot)
    try:
        if dataset is None:
            shape, dtype = _lora_shape(layer, slot, stored), "float32"
            value = regularizers.of_zeros(regularizer, shape)
        else:
            shape, dtype = tuple(dataset.shape), _dtype(dataset.dtype)
            value = regularizers.penalty(regularizer, dataset)
    except regularizers.Incomputable as error:
        return Unknown(path, class_name, f"the penalty of `{slot.role}`: {error}")
    return Penalty(
        layer=path,
        layer_class=class_name,
        kind=Kind.WEIGHT,
        value=value,
        role=slot.role,
        regularizer=regularizer,
        shape=shape,
        dtype=dtype,
        static=value,
        also=tuple(also.get((layer.path, slot), ())),
    )


def _cause(layer: Layer, slot: Slot, stored: Stored) -> tuple[Cause, str] | None:
    """Return why a variable adds nothing, None if it does."""
    states = variables.state(dict(layer.config)).split()
    if not slot.trainable:
        if variables.LORA in states:
            return Cause.LORA, f"`{slot.name}` is frozen under a low-rank adapter"
        return Cause.QUANTIZED, f"`{slot.name}` is quantized ({' '.join(states)})"
    if not layer.trainable:
        return Cause.FROZEN, "the layer is not trainable, by itself or with one around it"
    if stored.layout is None:
        return Cause.NOT_BUILT, "the file has no variables of the layer: it was never built"
    return None


def _lora_shape(layer: Layer, slot: Slot, stored: Stored) -> tuple[int, ...]:
    """Return the shape of a factor of a low-rank adapter: a file has only the merged matrix."""
    written = layer.config.get("lora_rank")
    rank = written if isinstance(written, int) else 0
    whole = next(
        (dataset.shape for base, dataset in stored.datasets.items() if base.role == slot.argument),
        (),
    )
    return (*whole[:-1], rank) if slot.name.endswith("_a") else (rank, *whole[-1:])


def holder(layer: Layer, slot: Slot) -> tuple[str, str]:
    """Return path and class of the layer that has the variable."""
    if not slot.holder:
        return layer.path, layer.class_name
    attribute = slot.holder.lstrip("_")
    return (f"{layer.path}/{attribute}" if layer.path else attribute), slot.holder_class


def _dtype(dtype: Any) -> str:
    return "bfloat16" if dtype.kind == "V" else str(dtype)


def _dormant(
    layer: Layer, role: str, regularizer: Regularizer, cause: Cause, message: str
) -> Dormant:
    return Dormant(layer.path, layer.class_name, role, regularizer, cause, message)
