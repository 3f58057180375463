"""Where a `.keras` or `.weights.h5` stores the variables of each layer.

A layer is a group, its variables are the datasets `vars/0`, `vars/1` ... in it; the group of a
layer in another one is named by the attribute, that of a layer in a list by its class (`dense_1`).
Files of Keras 3.4 and later tell the name of each layer as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h5py

from reglint.inspector.files import hdf5
from reglint.inspector.static import variables

if TYPE_CHECKING:
    from reglint.inspector.static.layers import Layer
    from reglint.inspector.static.variables import Layout, Slot


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file has of a layer's own variables."""

    layout: Layout | None = None  # None: there is nothing, or it fits no known layout
    datasets: Mapping[Slot, h5py.Dataset] = field(default_factory=dict)
    problem: str = ""  # why it fits none
    same_as: Layer | None = None  # the layer is this one, which is stored there


def located(root: Layer, weights: h5py.Group) -> dict[str, Stored]:
    """Return what the file has of each layer, by path; raise Refused."""
    found: dict[str, Stored] = {}
    for layer, group in _walk(root, weights):
        found[layer.path] = _stored(layer, group)
    stored: dict[tuple[str, str], Layer] = {}
    for layer in root.walk():
        own, key = found[layer.path], (layer.name, layer.class_name)
        if own.datasets:
            stored.setdefault(key, layer)
        elif own.layout is None and not own.problem and key in stored and _same(layer, stored[key]):
            found[layer.path] = Stored(same_as=stored[key])
    return found


def _same(layer: Layer, other: Layer) -> bool:
    """Return whether a layer without weights may be `other`, which Keras saves only once."""
    return bool(_plain(layer.config) == _plain(other.config))


def _plain(value: Any) -> Any:
    """Return a config without the marks of what is shared, which only a later copy may have."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if key != "shared_object_id"}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _walk(layer: Layer, group: h5py.Group | None) -> Iterator[tuple[Layer, h5py.Group | None]]:
    yield layer, group
    containers: dict[str, _Container] = {}
    for child in layer.children:
        place = child.place
        if not place.key:
            yield from _walk(child, _group(group, place.attribute))
            continue
        if place.attribute not in containers:
            containers[place.attribute] = _Container(group, place.attribute, layer.children)
        yield from _walk(child, containers[place.attribute].group(child))


class _Container:
    """The group of a list of layers."""

    def __init__(self, parent: h5py.Group | None, attribute: str, layers: Iterable[Layer]) -> None:
        self.groups = _group(parent, attribute)
        if self.groups is None and attribute == "layers":  # tf.keras before 2.13
            self.groups = _group(parent, "_layer_checkpoint_dependencies")
        self.by_name: dict[str, str] = {}
        wanted = {layer.place.name for layer in layers}
        self.taken: set[str] = set()  # groups that name another layer of the list
        for key in [] if self.groups is None else hdf5.names(self.groups):
            own = _group(_group(self.groups, key), "vars")
            name = None if own is None else hdf5.text(own, "name")
            if name is not None and name in wanted:
                self.by_name.setdefault(name, key)
                self.taken.add(key)

    def group(self, layer: Layer) -> h5py.Group | None:
        """Return the group of a layer: by its name where the file has that, else in order."""
        key = self.by_name.get(layer.place.name)
        if key is None and layer.place.key not in self.taken:
            key = layer.place.key
        return None if key is None else _group(self.groups, key)


def _stored(layer: Layer, group: h5py.Group | None) -> Stored:
    """Return the first layout that the file has exactly."""
    layouts = variables.layouts(layer.class_name, dict(layer.config))
    if not layouts:
        return Stored(problem="which variables it has is not known")
    empty = True
    for layout in layouts:
        datasets: dict[Slot, h5py.Dataset] = {}
        fits = True
        for holder, slots in layout.holders().items():
            saved = [slot for slot in slots if slot.saved]
            own = _group(_group(group, holder) if holder else group, "vars")
            stored = 0 if own is None else len(hdf5.names(own))
            empty &= not stored
            fits &= stored == len(saved)
            for position, slot in enumerate(saved):
                dataset = None if own is None else hdf5.child(own, str(position))
                if isinstance(dataset, h5py.Dataset):
                    datasets[slot] = dataset
                else:
                    fits = False
        if fits:
            return Stored(layout, datasets)
    if empty:
        return Stored()
    return Stored(problem="the file has other variables than this class has in any known Keras")


def _group(parent: h5py.Group | None, name: str) -> h5py.Group | None:
    found = None if parent is None else hdf5.child(parent, name)
    return found if isinstance(found, h5py.Group) else None
