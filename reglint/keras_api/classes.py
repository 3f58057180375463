"""The classes of Keras that people derive from: what their constructors take and configs hold.

Measured by running tf.keras 2.15, Keras 3.0 and 3.15; `tools/keras_api` makes the table. Of a
layer that only older generations have, nothing but its kind is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reglint.keras_api import Generation, layer, read, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reglint.model import Version


class Kind(Enum):
    """What a class is to Keras."""

    LAYER = "layer"
    MODEL = "model"
    REGULARIZER = "regularizer"
    CONSTRAINT = "constraint"
    INITIALIZER = "initializer"
    LOSS = "loss"
    METRIC = "metric"
    OPTIMIZER = "optimizer"
    SCHEDULE = "schedule"
    CALLBACK = "callback"


LAYERS = frozenset({Kind.LAYER, Kind.MODEL})  # what can be called, and has weights and losses
# What a saved model is made again from.
SAVED = LAYERS | {Kind.REGULARIZER, Kind.CONSTRAINT, Kind.INITIALIZER}


class Super(Enum):
    """What `super().get_config()` does in a class that derives directly from this one."""

    WRITES = "writes"
    RAISES = "raises"  # NotImplementedError: the subclass is to write everything itself
    UNKNOWN = "unknown"  # no instance could be made where it was measured


@dataclass(frozen=True, slots=True)
class Constructor:
    """What one generation's class takes and writes."""

    names: tuple[str, ...]  # its public spellings
    parameters: tuple[str, ...]  # what may be passed by position, in order
    required: tuple[str, ...]  # the parameters without a default
    keywords: tuple[str, ...]  # the parameters that may be passed by keyword only
    takes_kwargs: bool  # whether there is `**kwargs`, for the base class as a rule
    super_config: Super
    config: frozenset[str]  # the keys that it may write, those left out unless given included


@dataclass(frozen=True, slots=True)
class BaseClass:
    """A public class of Keras under its newest name."""

    name: str  # "keras.layers.Dense"
    kind: Kind
    since: Version | None  # the release of Keras 3 that it came with; None if Keras 2 had it
    constructors: Mapping[Generation, Constructor]  # of the measured generations that have it

    @property
    def until(self) -> Version | None:
        """Return the first release without it, None if there is none yet."""
        if not self.constructors:
            return (2, 4)
        if Generation.KERAS_3 in self.constructors:
            return None
        return (3, 1) if Generation.KERAS_3_0 in self.constructors else (3, 0)

    @property
    def measured(self) -> bool:
        """Tell whether more than its kind is known."""
        return bool(self.constructors) and self.kind is not Kind.CALLBACK

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return what may be passed by position in the newest generation that has it."""
        return self._newest.parameters

    @property
    def required(self) -> tuple[str, ...]:
        """Return the parameters without a default in the newest generation that has it."""
        return self._newest.required

    @property
    def takes_kwargs(self) -> bool:
        """Tell whether there is `**kwargs` in any generation."""
        return any(c.takes_kwargs for c in self.constructors.values())

    @property
    def config(self) -> frozenset[str]:
        """Return the keys that its `get_config` writes in any generation.

        A subclass that calls `super().get_config()` need not write these again.
        """
        return frozenset().union(*(c.config for c in self.constructors.values()))

    @property
    def raises(self) -> bool:
        """Tell whether its `get_config` raises NotImplementedError, in every generation."""
        every = {c.super_config for c in self.constructors.values()}
        return every == {Super.RAISES}

    @property
    def _newest(self) -> Constructor:
        return list(self.constructors.values())[-1] if self.constructors else _NOTHING


_NOTHING = Constructor((), (), (), (), False, Super.UNKNOWN, frozenset())  # noqa: FBT003 - names, parameters ...


@cache
def base_class(name: str) -> BaseClass | None:
    """Return what Keras has under a canonical name, such as `keras.layers.Dense`, in any release.

    The class itself may go by a newer name.
    """
    spelling = name.removeprefix("keras.")
    main = _main_names().get(spelling)
    if main is None:
        package, _, last = spelling.rpartition(".")
        gone = layer(last) if package == "layers" else None
        if gone is None or not gone.removed:
            return None
        return BaseClass(f"keras.layers.{gone.name}", Kind.LAYER, None, {})
    row = read("classes.json")["classes"][main]
    kind = Kind(row["kind"])
    return BaseClass(
        name=f"keras.{main}",
        kind=kind,
        since=_version(row["since"]) if "since" in row else _since(dict(rows(row))),
        constructors=MappingProxyType({
            g: _constructor(main, found, kind, g) for g, found in rows(row)
        }),
    )  # fmt: skip


def base_class_names() -> frozenset[str]:
    """Return every public name of a class: `keras.losses.Huber`."""
    return frozenset(f"keras.{name}" for name in _main_names())


@cache
def _main_names() -> dict[str, str]:
    return {
        name: main
        for main, row in read("classes.json")["classes"].items()
        for _, found in rows(row)
        for name in found.get("names", [main])
    }


def _since(generations: Iterable[Generation]) -> Version | None:
    return None if Generation.TF_KERAS in generations else (3, 0)


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)


def _constructor(name: str, row: dict[str, Any], kind: Kind, generation: Generation) -> Constructor:
    named = [*row.get("parameters", ()), *row.get("keywords", ())]
    super_config = Super(row.get("config", "writes"))
    config: set[str] = set()
    if super_config is Super.WRITES:
        base = read("classes.json")["base"][kind.value][generation.value]
        config = {*base, *named, *row.get("extra", ())}.difference(row.get("missing", ()))
    return Constructor(
        names=tuple(row.get("names", (name,))),
        parameters=tuple(row.get("parameters", ())),
        required=tuple(row.get("required", ())),
        keywords=tuple(row.get("keywords", ())),
        takes_kwargs=row.get("swallows", False),
        super_config=super_config,
        config=frozenset(config),
    )
