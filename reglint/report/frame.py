"""The code that a finding is about, underlined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.report.rows import CUT, Row, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.model import Diagnostic
    from reglint.source import Source

CONTEXT = 2  # lines shown before and after
HEAD, TAIL = 4, 2  # lines shown of a span that has more


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    start: int  # offset into the text of its cell
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def frame(source: Source, diagnostic: Diagnostic, width: int) -> Iterator[Row]:
    """Yield the lines of `diagnostic` and around it, underlined, cut to `width` characters."""
    cell = next(c for c in source.cells if c.number == diagnostic.place.cell)
    text = cell.plain.text  # `source.text` has a newline more, and its magics are blanked
    start, end = (min(at - cell.start, len(text)) for at in (diagnostic.start, diagnostic.end))
    lines = _excerpt(text, start, end, diagnostic.place.line)
    first = next(line for line in lines if start <= line.end)
    last = next(line for line in lines if end <= line.end)
    start, end = start - first.start, end - last.start
    if first is last:
        window = Window.around(first.text, start, end, width)
        left, right = window.column(first.text, start), window.column(first.text, end)
        caret = Row("", "^", " " * left + "^" * max(1, right - left))
        return _underlined(lines, first, caret, window)
    window = Window.around(first.text, start, len(first.text), width)
    left, right = window.column(first.text, start), window.column(last.text, end)
    opening = Row("", "^", f" {'_' * (left + 1)}^") if first.text[:start].strip() else None
    return _bracketed(lines, (first, last), (opening, Row("", "^", f"|{'_' * right}^")), window)


def _underlined(lines: list[_Line], meant: _Line, caret: Row, window: Window) -> Iterator[Row]:
    for line in lines:
        yield Row(str(line.number), "|", window.show(line.text))
        if line is meant:
            yield caret


def _bracketed(
    lines: list[_Line],
    ends: tuple[_Line, _Line],
    marks: tuple[Row | None, Row],
    window: Window,
) -> Iterator[Row]:
    """Yield `lines` with a bracket from one of `ends` to the other, and without its middle if long.

    `marks` are the rows below the ends; the first has none if the bracket takes in its whole line.
    """
    (first, last), (opening, closing) = ends, marks
    hidden = range(first.number + HEAD, last.number - TAIL + 1)
    for line in lines:
        if line is first:
            bar = " " if opening else "/"
        else:
            bar = "|" if first.number < line.number <= last.number else " "
        if line.number not in hidden:
            yield Row(str(line.number), "|", f"{bar} {window.show(line.text)}")
        elif line.number == hidden.start:
            yield Row(CUT, "", bar)
        if line is first and opening:
            yield opening
        if line is last:
            yield closing


def _excerpt(text: str, start: int, end: int, number: int) -> list[_Line]:
    """Return the lines that `text[start:end]` is in, the first with `number`, and a few around."""
    low, high = text.rfind("\n", 0, start) + 1, line_end(text, end)
    for _ in range(CONTEXT):
        if low:
            low, number = text.rfind("\n", 0, low - 1) + 1, number - 1
        high = line_end(text, high + 1)
    lines: list[_Line] = []
    for content in text[low:high].split("\n"):
        lines.append(_Line(number, low, content))
        low, number = low + len(content) + 1, number + 1
    while lines[0].end < start and not lines[0].text.strip():
        del lines[0]
    while lines[-1].start > end and not lines[-1].text.strip():
        del lines[-1]
    return lines


def line_end(text: str, offset: int) -> int:
    """Return where the line that `text[offset]` is in ends, without its newline."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end
