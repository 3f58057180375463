"""Facts as JSON, and back, strictly: a file may come from anyone, or from an older reglint.

JSON has no NaN and no infinities: they are the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Malformed(Exception):  # noqa: N818 - what is wrong stands in its message
    """JSON that is not what it should be: one line, with the place in it."""


def encode(value: Any, *, indent: int | None = None) -> str:
    """Return a dataclass of `facts` as strict JSON."""
    return json.dumps(_finite(msgspec.to_builtins(value)), indent=indent, allow_nan=False)


def decode(text: str | bytes, kind: type[T]) -> T:
    """Return the `kind` that `text` has; raise Malformed."""
    try:
        return msgspec.convert(json.loads(text), kind, strict=False)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise Malformed(str(error)) from None


def schema(kind: type) -> dict[str, Any]:
    """Return the JSON schema of `kind`; non-finite numbers are strings beside it."""
    return msgspec.json.schema(kind)


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value
