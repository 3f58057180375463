"""Many names in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def few(names: Sequence[str], most: int, between: str = ", ") -> str:
    """Return the first of `names`, and how many more there are: `a, b and 3 more`.

    Between sentences stands a semicolon, also before the last: `a; b; and 3 more`.
    """
    text, left = between.join(names[:most]), len(names) - most
    return f"{text}{between.strip(', ')} and {left:,} more" if left > 0 else text
