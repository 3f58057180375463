"""What variables Keras' own layers have, as data: `variables.json`, made by `tools/keras_api`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

LORA = "lora"
# Layers of tf.keras that no user makes: calls of TensorFlow functions in a functional model.
_CALLS = frozenset({
    "ClassMethod", "InstanceMethod", "InstanceProperty", "SlicingOpLambda", "TFOpLambda",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable that a layer has."""

    holder: str  # the attribute with the layer that holds it (`cell`), "" for the layer itself
    holder_class: str  # "" for the layer itself
    name: str  # as Keras calls it: `recurrent_kernel`
    role: str  # `recurrent`
    argument: str | None  # that penalizes it, without `_regularizer`
    trainable: bool
    saved: bool  # False: `.weights.h5` has none, and loading makes it zeros
    alias: bool  # another layer holds it as well


@dataclass(frozen=True, slots=True)
class Layout:
    """The variables that a class has with certain options, holder by holder, in order."""

    slots: tuple[Slot, ...]

    def holders(self) -> dict[str, tuple[Slot, ...]]:
        """Return what each holder has; the positions are those in `.weights.h5`."""
        return {
            holder: tuple(slot for slot in self.slots if slot.holder == holder)
            for holder in dict.fromkeys(slot.holder for slot in self.slots)
        }


def known(class_name: str) -> bool:
    """Return whether the class was measured, in any Keras."""
    return class_name in _rows() or class_name in _stateless()


def python_name(class_name: str) -> str:
    """Return what Python calls a class: `GroupedQueryAttention` for `GroupQueryAttention`."""
    return str(_rows()[class_name]["python"]) if class_name in _rows() else class_name


def state(config: dict[str, Any]) -> str:
    """Return the states of the layer that decide its variables: `lora`, `int8`, `int8 lora`, ""."""
    found = [LORA] if config.get("lora_rank") else []
    policy = config.get("dtype")
    settings = policy.get("config") if isinstance(policy, dict) else {"name": policy}
    if isinstance(settings, dict):  # {"mode": "int8/64"}, {"name": "int8_from_float32"}
        name, separator, _ = str(settings.get("name")).partition("_from_")
        mode = settings.get("mode") or (name if separator else None)
        found += [str(mode).partition("/")[0]] if mode else []
    return " ".join(sorted(found))


def layouts(class_name: str, config: dict[str, Any]) -> tuple[Layout, ...]:
    """Return what the layer may have, what the newest Keras gives it first; () if not known."""
    if class_name in _stateless() and class_name not in _rows():
        return (Layout(()),)
    found = (
        _layout(row, config)
        for key, row in reversed(_rows().get(class_name, {}).items())
        if isinstance(row, dict) and key != "names"
    )
    return tuple(dict.fromkeys(layout for layout in found if layout is not None))


def arguments(class_name: str) -> frozenset[str]:
    """Return the regularizer arguments that penalize a variable, without `_regularizer`."""
    return frozenset(
        argument
        for row in _rows().get(class_name, {}).values()
        if isinstance(row, dict)
        for argument in row.get("roles", {}).values()
    )


def _layout(row: dict[str, Any], config: dict[str, Any]) -> Layout | None:
    options = row.get("options", [])
    states = set(state(config).split())
    if not states <= set(options):
        return None
    saved = _saved(row["saved"], {option for option in options if config.get(option)}, states)
    if saved is None:
        return None
    roles: dict[str, str] = row.get("roles", {})
    counts = list(roles.values())
    classes = row.get("classes", {})

    def slot(holder: str, written: str) -> Slot:
        name = written.lstrip("~+=")
        argument = roles.get(name)
        alone = argument is not None and (counts.count(argument) == 1 or argument == name)
        return Slot(
            holder=holder,
            holder_class=classes.get(holder, ""),
            name=name,
            role=argument if alone and argument is not None else name,
            argument=argument,
            trainable="~" not in written,
            saved="+" not in written,
            alias="=" in written,
        )

    return Layout(tuple(slot(holder, name) for holder, names in saved.items() for name in names))


def _saved(
    table: dict[str, dict[str, list[str]]], on: set[str], states: set[str]
) -> dict[str, list[str]] | None:
    """Return what a row of the table has for options and states.

    An adapter on a quantized layer adds to it what it adds to any other (run on 3.15.1).
    """
    if LORA in states and len(states) > 1:
        quantized = _saved(table, on, states - {LORA})
        adapted = _saved(table, on, {LORA})
        if quantized is None or adapted is None:
            return None
        return {
            holder: names + [name for name in adapted.get(holder, ()) if name.startswith("+")]
            for holder, names in quantized.items()
        }
    return table.get(" ".join(sorted(on | states)))


@cache
def _table() -> dict[str, Any]:
    text = resources.files("reglint.inspector.static").joinpath("variables.json").read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@cache
def _rows() -> dict[str, dict[str, Any]]:
    return {name: row for row in _table()["layers"].values() for name in row["names"]}


@cache
def _stateless() -> frozenset[str]:
    return _CALLS.union(_table()["stateless"])
