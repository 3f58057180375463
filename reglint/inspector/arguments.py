"""The plain arguments in the configuration of a layer: those that a reader can take in."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.inspector.facts import Argument

# Not what a layer is made of, but what it is called, or what may change at any time.
_LEFT_OUT = frozenset({"dtype", "name", "seed", "trainable"})
_MOST = 64  # arguments; a file may come from anyone
_MOST_ITEMS = 8
_LONGEST = 60  # of a text, which is left out if it is longer
_LARGEST = 1 << 53


def plain(config: Mapping[str, Any]) -> dict[str, Argument]:
    """Return what stands in `config` as a number, a word or a few whole numbers, up to 64.

    Regularizers, initializers and all that is made of parts are left out.
    """
    return dict(islice(_found(config), _MOST))


def _found(config: Mapping[str, Any]) -> Iterator[tuple[str, Argument]]:
    for name, value in config.items():
        if name in _LEFT_OUT or name.endswith(("_constraint", "_initializer", "_regularizer")):
            continue
        if len(name) <= _LONGEST and (kept := _plain(value)) is not None:
            yield name, kept


def _plain(value: Any) -> Argument | None:
    """Return an argument if it is plain: of the types of Python itself, as the codec has them."""
    kind = type(value)
    if kind is bool or (kind is int and abs(value) < _LARGEST):
        fits = True
    elif kind is float:
        fits = math.isfinite(value)
    elif kind is str:
        fits = len(value) <= _LONGEST
    elif kind is list or kind is tuple:
        fits = 0 < len(value) <= _MOST_ITEMS and all(
            type(item) is int and abs(item) < _LARGEST for item in value
        )
        value = tuple(value)
    else:
        fits = False
    return value if fits else None
