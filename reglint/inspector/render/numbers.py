"""Figures as people read them: four significant digits, and no more than they mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DIGITS = 4
_TINY, _HUGE = 1e-4, 1e6  # beyond these, powers of ten
_LEAST, _MANY = 0.0005, 1e4  # shares that are still written out


def number(value: float) -> str:
    """Return `value` with four significant digits: `0.01230`, `1,234`, `1.234e-07`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value) or not value:
        return f"{value + 0:g}"  # which makes -0 a 0
    scientific = f"{value:.{_DIGITS - 1}e}"
    if not _TINY <= abs(float(scientific)) < _HUGE:
        return scientific
    exponent = int(scientific.partition("e")[2])  # after rounding: 9.9999 is 10.00
    return f"{float(scientific):,.{max(0, _DIGITS - 1 - exponent)}f}"


def change(value: float) -> str:
    """Return a difference, with its sign."""
    return number(value) if value <= 0 or math.isnan(value) else f"+{number(value)}"


def percent(share: float) -> str:
    """Return a share of 0.123 as `12.3%`; what is too small for that as `<0.1%`."""
    if share and abs(share) < _LEAST:
        return "<0.1%" if share > 0 else ">-0.1%"
    return f"{share:,.1%}" if abs(share) < _MANY else f"{100 * share:.1e}%"


def count(value: int, noun: str = "") -> str:
    """Return `1,234`, or with a noun `1 layer`, `2 layers`, `2 penalties`."""
    if noun and value != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{value:,} {noun}".rstrip()


def size(octets: int) -> str:
    """Return a number of bytes: `12 bytes`, `1.2 MB`."""
    if octets < 1000:  # noqa: PLR2004 - decimal prefixes
        return count(octets, "byte")
    value = float(octets)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if round(value, 1) < 1000:  # noqa: PLR2004
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def duration(seconds: float) -> str:
    """Return seconds: `35 ms`, `1.2 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.0995 else f"{seconds:.1f} s"  # noqa: PLR2004


def shape(sizes: Sequence[int]) -> str:
    """Return `3 x 3 x 64`, with the sign of multiplication."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, sizes))


def parameters(sizes: Iterable[int]) -> int:
    """Return how many numbers a tensor of this shape has."""
    return math.prod(sizes)


def aligned(numbers: Sequence[str]) -> list[str]:
    """Return `numbers`, padded to one width, with their points below each other."""
    tails = [len(text) - len(text.partition(".")[0]) for text in numbers]
    padded = [
        text + " " * (max(tails) - tail) if text else ""
        for text, tail in zip(numbers, tails, strict=True)
    ]
    widest = max(map(len, padded), default=0)
    return [text.rjust(widest) for text in padded]
