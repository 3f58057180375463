"""What a report consists of, for every format: sections of sentences, tables and notices."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reglint.inspector.facts import Kind
    from reglint.model import Severity


_CUT = "\N{HORIZONTAL ELLIPSIS}"


LAST = 0.5  # `Column.spare` of what goes after everything else


class Look(Enum):
    """How a column is set."""

    NAME = auto()  # of something in the model: short enough with its middle left out
    TERM = auto()  # a word of the field, never cut
    PROSE = auto()  # may go over several lines
    NUMBER = auto()  # aligned by its point
    BAR = auto()  # the share of the largest that `Cell.value` is


@dataclass(frozen=True, slots=True)
class Column:
    """A column; where space is narrow the one with the largest `spare` goes first, 0 never."""

    title: str
    look: Look
    spare: float = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and the number behind it."""

    text: str
    value: float | None = None
    tone: Severity | None = None
    kind: Kind | None = None  # of the penalty that a bar shows
    many: bool = False  # it says how many there are, in place of a name

    @property
    def alarming(self) -> bool:
        """Return whether there is a number that is none."""
        return self.value is not None and not math.isfinite(self.value)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the most important first."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    rest: str  # what is said of rows that are left out; `{}` stands for how many

    def filled(self) -> list[int]:
        """Return the indexes of the columns that have something to show; a bar is no text."""
        return [
            index for index in range(len(self.columns)) if any(r[index].text for r in self.rows)
        ]


@dataclass(frozen=True, slots=True)
class Notice:
    """A judgement, or a reason: how severe, of what, and what to do."""

    severity: Severity
    code: str
    where: str
    message: str
    help: str = ""
    remark: str = ""
    source: str = ""  # where in the source


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report; `key` is the same in every report and every release."""

    key: str
    title: str
    lead: str = ""  # a sentence
    tables: tuple[Table, ...] = ()
    notices: tuple[Notice, ...] = ()
    remarks: tuple[str, ...] = ()  # sentences below


@dataclass(frozen=True, slots=True)
class Document:
    """A report, or a comparison of two."""

    title: str  # the file
    headline: str  # the answer, in a sentence without a full stop
    tone: Severity | None  # of the worst there is
    about: tuple[tuple[str, str], ...]  # label and what it says
    sections: tuple[Section, ...]


def spans(message: str) -> list[tuple[str, bool]]:
    """Return the parts of a message, and for each whether it is code: what is between backticks."""
    parts = message.split("`")
    if len(parts) % 2 == 0:  # one is alone
        return [(message, False)]
    return [(part, number % 2 == 1) for number, part in enumerate(parts) if part]


def elided(text: str, width: int) -> str:
    """Return `text`, no longer than `width`: without its middle, parts of a path, if need be."""
    if len(text) <= width:
        return text
    head, *parts = text.split("/")
    short = _ending(f"{head}/{_CUT}", parts[1:], width)
    return short or _cut(text, width, max(0, width - 1) // 3)


def apart(texts: Iterable[str], width: int) -> dict[str, str]:
    """Return each of `texts` as `elided`, in other ways where two would come out the same.

    In a width that is too small for their differences some are the same all the same.
    """
    short = {text: elided(text, width) for text in texts}
    for before in (None, 0, width // 2, width - 1):  # characters; None: parts of a path
        times = Counter(short.values())
        alike = [text for text, cut in short.items() if times[cut] > 1]
        if not alike:
            break
        for text in alike:
            short[text] = _end(text, width) if before is None else _cut(text, width, before)
    return short


def _end(text: str, width: int) -> str:
    """Return the last parts of a path, as many as there is room for."""
    if len(text) <= width:
        return text
    return _ending(_CUT, text.split("/")[1:], width) or _cut(text, width, 0)


def _ending(start: str, parts: list[str], width: int) -> str:
    """Return `start` and the last of `parts`, as many as fit; empty if none does."""
    kept, used = len(parts), len(start)
    while kept and used + 1 + len(parts[kept - 1]) <= width:
        kept -= 1
        used += 1 + len(parts[kept])
    return "/".join((start, *parts[kept:])) if kept < len(parts) else ""


def _cut(text: str, width: int, before: int) -> str:
    """Return `text` with `before` of its first characters, and as many last ones as fit."""
    after = max(0, width - 1 - before)
    return text if len(text) <= width else f"{text[:before]}{_CUT}{text[len(text) - after :]}"
