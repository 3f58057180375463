"""JSON of a model file, parsed within limits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from reglint.inspector.facts import Refused

MAX_BYTES = 64 << 20
MAX_DEPTH = 120
MAX_VALUES = 8_000_000
BLOCK = 1 << 20  # bytes


def model(text: str | bytes, name: str) -> dict[str, Any]:
    """Return a serialized model; raise Refused."""
    found = parsed(text, name)
    if not isinstance(found.get("class_name"), str) or not isinstance(
        found.get("config"), (dict, list)
    ):
        raise Refused(f"{name} is no serialized model: it has no class_name and config")
    return found


def parsed(text: str | bytes, name: str) -> dict[str, Any]:
    """Return the object that is JSON in `text`; raise Refused."""
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        text = raw.decode()
    except UnicodeError:
        raise Refused(f"{name} is no UTF-8") from None
    if len(raw) > MAX_BYTES:
        raise Refused(f"{name} is over {MAX_BYTES >> 20} MiB long")
    depth, values = measured(raw)
    if depth > MAX_DEPTH:
        raise Refused(f"{name} is nested {depth} deep, over {MAX_DEPTH}")
    if values > MAX_VALUES:
        raise Refused(f"{name} has {values:,} values, over {MAX_VALUES:,}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refused(f"{name} is no JSON object")
    return found


def measured(raw: bytes) -> tuple[int, int]:
    """Return how deep the JSON is nested, and about how many values it has.

    Without recursion, before anything is parsed. What is no JSON may be counted wrong, but not too
    low where a parser that goes from left to right would get.
    """
    plain = raw.replace(b"\\\\", b"").replace(b'\\"', b"")  # only quotes that delimit are left
    deepest = depth = values = 0
    within = np.uint8(0)  # a string that began in the block before
    for start in range(0, len(plain), BLOCK):
        block = np.frombuffer(plain, np.uint8, min(BLOCK, len(plain) - start), start)
        quotes = np.bitwise_xor.accumulate((block == ord('"')).view(np.uint8)) ^ within
        within = quotes[-1]
        outside = block[quotes == 0]
        step = np.isin(outside, (ord("["), ord("{"))).astype(np.int32)
        values += int(step.sum()) + int((outside == ord(",")).sum())
        step -= np.isin(outside, (ord("]"), ord("}")))
        if len(step):
            level = depth + np.cumsum(step)
            deepest = max(deepest, int(level.max()))
            depth = int(level[-1])
    return deepest, values
