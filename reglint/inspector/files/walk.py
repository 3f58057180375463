"""The parts of a parsed JSON document, in the order in which they stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PLACE = 200  # characters


def objects(document: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each JSON object, with its place."""
    for where, _, part in _parts(document, place):
        if isinstance(part, dict):
            yield where, part


def values(document: Any, place: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield each value that is no object and no list: its place, the key it is under, itself."""
    for part in _parts(document, place):
        if not isinstance(part[2], (dict, list)):
            yield part


def _parts(document: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Yield everything: place, the nearest key, value."""
    stack: list[tuple[str, str, Any]] = [(place, "", document)]
    while stack:
        where, key, part = stack.pop()
        yield where, key, part
        if isinstance(part, dict):
            stack.extend((join(where, name), name, value) for name, value in reversed(part.items()))
        elif isinstance(part, list):
            # Where in a list a number or a word stands, nobody asks.
            stack.extend(
                (_at(where, i), key, value)
                if isinstance(value, (dict, list))
                else (where, key, value)
                for i, value in reversed([*enumerate(part)])
            )


def _at(place: str, index: int) -> str:
    return f"{place}[{index}]" if len(place) < MAX_PLACE else place


def join(place: str, name: str) -> str:
    """Return the place of what stands under `name` in the object at `place`."""
    return f"{place}/{name}".lstrip("/") if len(place) < MAX_PLACE else place
