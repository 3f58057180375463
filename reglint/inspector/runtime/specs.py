"""Inputs of a model as a user writes them: `4,32,32,3:float32; ids=4,20:int64`. Without Keras."""

from __future__ import annotations

from dataclasses import dataclass

DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "string"),
)


class InvalidSpec(ValueError):  # noqa: N818 - what is wrong stands in its message
    """An input spec that says nothing sensible: one line, with the part of it."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input; the first dimension is the batch. None: a dimension, or dtype, nobody said."""

    shape: tuple[int | None, ...]
    dtype: str | None = None
    name: str | None = None


def parse(text: str) -> tuple[InputSpec, ...]:
    """Return the inputs that `text` names: `[NAME=]SHAPE[:DTYPE]`, joined by `;`.

    Raise InvalidSpec.
    """
    specs = tuple(_one(part.strip()) for part in text.split(";"))
    names = [spec.name for spec in specs if spec.name is not None]
    if names and len(names) < len(specs):
        raise InvalidSpec(f"name all inputs or none: `{text}`")
    if len(set(names)) < len(names):
        raise InvalidSpec(f"two inputs of one name: `{text}`")
    return specs


def _one(part: str) -> InputSpec:
    name, named, rest = part.rpartition("=")
    if named and not name.strip():
        raise InvalidSpec(f"no name before `=`: `{part}`")
    dims, _, dtype = (text.strip() for text in rest.partition(":"))
    if dtype and dtype not in DTYPES:
        raise InvalidSpec(f"`{dtype}` is no dtype: take one of {', '.join(DTYPES)}")
    try:
        shape = tuple(int(dim) for dim in dims.split(","))
    except ValueError:
        raise InvalidSpec(
            f"`{dims}` is no shape: write its dimensions, the batch first, as in `4,32,32,3`"
        ) from None
    if min(shape) < 1:
        raise InvalidSpec(f"`{dims}` has a dimension below 1")
    return InputSpec(shape, dtype or None, name.strip() or None)
