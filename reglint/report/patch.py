"""What an offer would change, as lines that go and lines that come."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from reglint.report.frame import line_end
from reglint.report.rows import CUT, Row, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reglint.model import Edit
    from reglint.source import Source


def patch(source: Source, edits: Iterable[Edit], cell: int, width: int) -> Iterator[Row]:
    """Yield the lines that `edits` take away and those they put there, cut to `width` characters.

    A notebook's cell is named where it is not `cell`, or not that of the lines before.
    """
    for number, group in groupby(edits, key=lambda edit: source.cell_of(edit.start)):
        if number != cell:
            yield Row("", "", f"in cell {number}")
        cell = number
        here = next(c for c in source.cells if c.number == number)
        yield from _changes(here.plain.text, [here.local(edit) for edit in group], width)


def _changes(text: str, edits: Iterable[Edit], width: int) -> Iterator[Row]:
    for number, (start, end, group) in enumerate(_hunks(text, edits)):
        if number:
            yield Row(CUT, "", "")
        old = text[start:end].split("\n")
        new = _spliced(text, start, end, group).split("\n")
        head, tail = _common(old, new)
        gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
        window = _window(gone, come, width)
        line = text.count("\n", 0, start) + 1 + head
        for sign, lines in (("-", gone), ("+", come)):
            yield from (Row(str(i), sign, window.show(each)) for i, each in enumerate(lines, line))


def _hunks(text: str, edits: Iterable[Edit]) -> list[tuple[int, int, list[Edit]]]:
    """Return the runs of whole lines that `edits` touch, as offsets, with their edits."""
    hunks: list[tuple[int, int, list[Edit]]] = []
    for edit in edits:
        start, end = text.rfind("\n", 0, edit.start) + 1, line_end(text, edit.end)
        if hunks and start <= hunks[-1][1]:
            start, _, group = hunks.pop()
            hunks.append((start, end, [*group, edit]))
        else:
            hunks.append((start, end, [edit]))
    return hunks


def _spliced(text: str, start: int, end: int, edits: Iterable[Edit]) -> str:
    """Return `text[start:end]` after `edits`, which are within."""
    pieces = []
    for edit in edits:
        pieces += [text[start : edit.start], edit.text]
        start = edit.end
    return "".join(pieces) + text[start:end]


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Return how many items both begin with, and how many of the others both end with."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    return head, tail


def _window(gone: Sequence[str], come: Sequence[str], width: int) -> Window:
    """Return the window that shows where the first lines differ."""
    longest = max((*gone, *come), key=len, default="")
    head, tail = _common(gone[0], come[0]) if gone and come else (0, len(longest))
    return Window.around(longest, head, len(longest) - tail, width)
