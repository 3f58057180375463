"""What to do with regularizers, as a user writes it: parsed by hand, nothing is ever evaluated."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reglint import keras_api
from reglint.inspector.facts import Regularizer

if TYPE_CHECKING:
    from reglint.keras_api import Factory

_ROLE = re.compile(r"[A-Za-z_]\w*")
_CALL = re.compile(r"(?:\w+\.)*(?P<name>\w+)\s*(?:\((?P<arguments>.*)\))?", re.DOTALL)
_SUFFIX = "_regularizer"
_ALIASES = {"orthogonal": "orthogonal_regularizer"}
_KNOWN = ("l1", "l2", "l1_l2", "orthogonal")
_MODES = ("rows", "columns")
_FORM = "`l1(1e-4)`, `l2(1e-4)`, `l1_l2(l1=1e-5, l2=1e-4)` or `orthogonal(0.01, mode=rows)`"


class WrongOperation(ValueError):  # noqa: N818 - what is wrong stands in its message
    """An operation that makes no sense, or none in this model: one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Set:
    """Give a role of some layers this regularizer, whatever they have."""

    pattern: str
    role: str
    regularizer: Regularizer

    def __str__(self) -> str:
        return f"{self.pattern}:{self.role}"


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the regularizers off a role of some layers, or off all their roles."""

    pattern: str
    role: str | None = None

    def __str__(self) -> str:
        return self.pattern if self.role is None else f"{self.pattern}:{self.role}"


@dataclass(frozen=True, slots=True)
class Scale:
    """Multiply the factors of the regularizers that some layers have; without a pattern, of all."""

    factor: float
    pattern: str | None = None
    role: str | None = None

    def __str__(self) -> str:
        place = self.pattern if self.role is None else f"{self.pattern}:{self.role}"
        return f"{self.factor:g}" if place is None else place


Operation: TypeAlias = Set | Remove | Scale


def parse_set(text: str) -> Set:
    """Return what `PATTERN:ROLE=REGULARIZER` means; raise WrongOperation."""
    # A name of a layer may have `:` and `=`, what stands behind the role has neither `:` nor role.
    found = re.fullmatch(r"(?P<place>.+:\s*\w+)\s*=(?P<regularizer>[^:]*)", text, re.DOTALL)
    if found is None:
        raise WrongOperation(
            f"`{text}`: write PATTERN:ROLE=REGULARIZER, as in `conv*:kernel=l2(1e-4)`"
        )
    try:
        return set_of(found["place"], parse_regularizer(found["regularizer"]))
    except WrongOperation as error:
        raise WrongOperation(f"`{text}`: {error}") from None


def set_of(place: str, regularizer: Regularizer) -> Set:
    """Return what sets `regularizer` at `PATTERN:ROLE`; raise WrongOperation."""
    pattern, role = _place(place)
    if role is None:
        raise WrongOperation(f"`{place}`: write PATTERN:ROLE, as in `conv*:kernel`")
    return Set(pattern, role, regularizer)


def parse_remove(text: str) -> Remove:
    """Return what `PATTERN[:ROLE]` means; raise WrongOperation."""
    return Remove(*_place(text))


def parse_scale(text: str) -> Scale:
    """Return what `[PATTERN[:ROLE]=]FACTOR` means; raise WrongOperation."""
    place, separator, number = text.rpartition("=")
    factor = _number(number)
    if factor is None or not math.isfinite(factor) or factor <= 0:
        raise WrongOperation(
            f"`{text}`: the factor must be a number over 0, as in `0.5` or `conv*:kernel=0.5`; "
            "for 0, --remove"
        )
    return Scale(factor, *_place(place)) if separator else Scale(factor)


def parse_regularizer(text: str) -> Regularizer:
    """Return what `l2(1e-4)` and its like mean, spelled as Keras does; raise WrongOperation."""
    text = text.strip()
    found = _CALL.fullmatch(text)
    name = found["name"] if found else ""
    if name.lower() == "none":
        raise WrongOperation("no regularizer is what --remove makes of it")
    factory = _factory(name)
    if found is None or factory is None:
        from reglint.selectors import closest, did_you_mean  # noqa: PLC0415 - a typo's price

        hint = did_you_mean(closest(name, _KNOWN)) or f"; write {_FORM}"
        raise WrongOperation(f"`{text}` is no regularizer of Keras{hint}")
    if not (found["arguments"] or "").strip():
        raise WrongOperation(f"`{text}` does not say how strong; write {_FORM}")
    return Regularizer(factory.makes, _arguments(text, found["arguments"], factory))


def serialized(regularizer: Regularizer, *, legacy: bool = False) -> dict[str, object]:
    """Return one of Keras' own as Keras 3 writes it to a `.keras`; or `legacy`, to a `.h5`."""
    config = dict(regularizer.factors)
    if legacy:
        return {"class_name": regularizer.name, "config": config}
    return {
        "module": "keras.regularizers",
        "class_name": regularizer.name,
        "config": config,
        "registered_name": None,
    }


def scaled(regularizer: Regularizer, factor: float) -> Regularizer:
    """Return `regularizer` with all its factors multiplied; raise WrongOperation."""
    factory = _factory(regularizer.name)
    if factory is None:
        raise WrongOperation(
            f"`{regularizer.name}` is not Keras' own, and how to scale it is not known; name "
            "with a pattern what to scale, and leave it out"
        )
    factors = dict(regularizer.factors)
    for name, default in factory.defaults.items():
        value = factors.get(name, default)
        if isinstance(default, str):
            continue
        if isinstance(value, str):
            raise WrongOperation(f"the factor `{name}` of `{regularizer}` is no number")
        factors[name] = _sensible(value * factor, f"{value:g} * {factor:g}")
    return Regularizer(regularizer.name, factors)


def _factory(name: str) -> Factory | None:
    """Return how Keras 3 makes what is called `name`; None if it is none of its regularizers."""
    known = keras_api.regularizer(_ALIASES.get(name, name))
    factory = known and known.factories.get(keras_api.Generation.KERAS_3)
    return factory if factory and factory.parameters else None


def _arguments(text: str, written: str, factory: Factory) -> dict[str, float | str]:
    values = dict(factory.defaults)
    names: list[str] = []
    for position, argument in enumerate(written.split(",")):
        name, separator, value = (part.strip() for part in argument.rpartition("="))
        if not separator and position < len(factory.parameters) and len(names) == position:
            name = factory.parameters[position]
        if name not in factory.parameters or name in names:
            takes = ", ".join(f"`{each}`" for each in factory.parameters)
            raise WrongOperation(f"`{argument.strip()}` is not for `{text}`, which takes {takes}")
        names.append(name)
        values[name] = _value(name, value, factory.defaults[name])
    return values


def _value(name: str, written: str, default: float | str) -> float | str:
    if isinstance(default, str):
        mode = written.strip("'\"")
        if mode not in _MODES:
            raise WrongOperation(f"`{name}` is one of {', '.join(_MODES)}, not `{written}`")
        return mode
    number = _number(written)
    if number is None:
        raise WrongOperation(f"`{name}` is a number, and `{written}` is none")
    return _sensible(number, written)


def _sensible(factor: float, written: str) -> float:
    """Return a factor that Keras takes; raise WrongOperation."""
    if not math.isfinite(factor) or factor < 0:
        raise WrongOperation(f"`{written}`: Keras takes factors of 0 and more, and finite")
    return factor


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _place(text: str) -> tuple[str, str | None]:
    """Return the pattern and the role of `PATTERN[:ROLE]`; raise WrongOperation."""
    pattern, separator, role = (part.strip() for part in text.rpartition(":"))
    if not separator:
        pattern, role = role, ""
    if not pattern or (separator and not _ROLE.fullmatch(role)):
        raise WrongOperation(f"`{text}`: write PATTERN:ROLE, as in `conv*:kernel`")
    return pattern, role.removesuffix(_SUFFIX) or None
