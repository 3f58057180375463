"""Where a legacy `.h5` stores the variables of each layer.

Each layer of the model has a group with all variables in it, also those of the layers within, in
the order `weight_names`: what is trainable first, then the rest, each in the order in which it was
made. Only the last part of a name says what a variable is, so a layer is read only if the names
are exactly those that are expected, in that order, and none names another layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py

from reglint.inspector.files import hdf5
from reglint.inspector.static import variables
from reglint.inspector.static.groups import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.static.layers import Layer
    from reglint.inspector.static.variables import Slot

NAMES = "weight_names"
LAYERS = "layer_names"


class _Unclear(Exception):  # noqa: N818 - says why, in one clause
    """A group that cannot be attributed."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """A variable that a layer should have."""

    layer: Layer
    slot: Slot

    @property
    def trainable(self) -> bool:
        return self.slot.trainable and self.layer.trainable


def is_legacy(weights: h5py.Group) -> bool:
    """Return whether the file has this layout."""
    return "model_weights" in weights or LAYERS in weights.attrs or f"{LAYERS}0" in weights.attrs


def located(root: Layer, weights: h5py.Group) -> dict[str, Stored]:
    """Return what the file has of each layer, by path; raise Refused."""
    inner = hdf5.child(weights, "model_weights")
    group = inner if isinstance(inner, h5py.Group) else weights
    found: dict[str, Stored] = {}
    for layer in root.children:
        own = hdf5.at(group, layer.name) if layer.name else None
        try:
            found.update(_attributed(layer, own if isinstance(own, h5py.Group) else None))
        except _Unclear as error:
            found.update({inner.path: Stored(problem=str(error)) for inner in layer.walk()})
    return found


def _attributed(layer: Layer, group: h5py.Group | None) -> dict[str, Stored]:
    """Return what the group of a layer of the model has of each layer in it; raise _Unclear."""
    names = [] if group is None else hdf5.texts(group, NAMES)
    if group is None or not names:
        return {inner.path: Stored() for inner in layer.walk()}
    if len(set(names)) < len(names):
        raise _Unclear("a name of a variable occurs twice in the file")
    for candidate in range(_candidates(layer)):
        expected = list(_expected(layer, candidate))
        in_order = sorted(expected, key=lambda variable: not variable.trainable)
        if [variable.slot.name for variable in in_order] == [_last(name) for name in names]:
            break
    else:
        raise _Unclear("the file has other variables than the layer should have")
    datasets: dict[str, dict[Slot, h5py.Dataset]] = {}
    lineages = dict(_lineages(layer, frozenset()))
    layer_names = frozenset[str]().union(*lineages.values())
    for variable, name in zip(in_order, names, strict=True):
        holder = _holder(name)
        if holder in layer_names and holder not in lineages[variable.layer.path]:
            raise _Unclear(f"`{name}` stands where a variable of `{variable.layer.name}` should")
        dataset = hdf5.at(group, name)
        if not isinstance(dataset, h5py.Dataset):
            raise _Unclear(f"`{name}` is missing in the file")
        datasets.setdefault(variable.layer.path, {})[variable.slot] = dataset
    return {
        inner.path: Stored(layouts[min(candidate, len(layouts) - 1)], datasets.get(inner.path, {}))
        if (layouts := variables.layouts(inner.class_name, dict(inner.config)))
        else Stored()
        for inner in layer.walk()
    }


def _candidates(layer: Layer) -> int:
    """Return how many generations of layouts there are to try."""
    return max(
        len(variables.layouts(inner.class_name, dict(inner.config))) or 1 for inner in layer.walk()
    )


def _expected(layer: Layer, candidate: int) -> Iterator[_Expected]:
    """Yield the variables of a layer in the order in which they are made; raise _Unclear."""
    if not layer.is_model and layer.class_name != "InputLayer":
        layouts = variables.layouts(layer.class_name, dict(layer.config))
        if not layouts:
            raise _Unclear(f"which variables `{layer.class_name}` has is not known")
        for slot in layouts[min(candidate, len(layouts) - 1)].slots:
            if not slot.alias:
                yield _Expected(layer, slot)
    for child in layer.children:
        yield from _expected(child, candidate)


def _lineages(layer: Layer, above: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the path of each layer with its name and the names of those it is in."""
    names = above | {layer.name}
    yield layer.path, names
    for child in layer.children:
        yield from _lineages(child, names)


def _holder(name: str) -> str:
    """Return `dense` of `dense/kernel:0`."""
    return name.rpartition("/")[0].rpartition("/")[2]


def _last(name: str) -> str:
    """Return `kernel` of `dense/kernel:0`."""
    return name.rpartition("/")[2].partition(":")[0]
