"""Lines of code made fit for a terminal: one printed line each, cut where they are very long."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

TAB = 4  # columns
CUT = "..."


@dataclass(frozen=True, slots=True)
class Row:
    """One printed line: `label` in the gutter, then `sign` (`|`, `^`, `-`, `+`), then `text`.

    A row without a sign stands for lines that are not shown.
    """

    label: str
    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Window:
    """The characters of a line that are shown: all of them, unless lines are very long."""

    left: int
    width: int

    @classmethod
    def around(cls, text: str, start: int, end: int, width: int) -> Window:
        """Return the window that shows `text[start:end]`, or its start, and what is before it."""
        if end <= width - len(CUT):
            return cls(0, width)
        return cls(max(0, min(start - width // 3, len(text) - width)), width)

    def show(self, text: str) -> str:
        """Return what is seen of `text`, with dots where it goes on."""
        return printable(self._cut(text))

    def column(self, text: str, index: int) -> int:
        """Return the column, from 0, in which `text[index]` is seen, or the edge next to it."""
        seen = min(max(index - self.left, 0), self.width)
        return columns(printable(self._cut(text)[:seen]))

    def _cut(self, text: str) -> str:
        right = self.left + self.width
        piece = text[self.left : right]
        if self.left and text:
            piece = CUT + piece[len(CUT) :]
        if len(text) > right:
            piece = piece[: -len(CUT)] + CUT
        return piece


def printable(text: str) -> str:
    """Return `text` as a terminal may get it: tabs as spaces, nothing that moves the cursor."""
    if text.isascii() and text.isprintable():
        return text
    shown = ""
    for char in text:
        if char == "\t":
            shown += " " * (TAB - columns(shown) % TAB)
        elif char.isprintable() or unicodedata.category(char) == "Zs":
            shown += char
        else:
            shown += "\N{REPLACEMENT CHARACTER}"
    return shown


def columns(text: str) -> int:
    """Return how many columns of a terminal printable `text` takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
