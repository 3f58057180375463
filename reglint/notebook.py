"""Jupyter notebooks: the Python in their code cells, edited inside the JSON text."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from json import JSONDecodeError, JSONDecoder, dumps
from typing import TYPE_CHECKING, Any

from reglint.magics import blanked, indentation
from reglint.model import Edit, Place
from reglint.source import Cell, PlainText, SourceError, place_after, splice, split_bom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_JSON = JSONDecoder(parse_int=float)  # its numbers do not matter, and int() refuses very long ones
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u....|.)")


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook of nbformat 4, or of 2 or 3."""

    data: bytes
    text: str
    cells: tuple[Cell, ...]

    @classmethod
    def from_bytes(cls, data: bytes) -> Notebook:
        """Read a notebook; cells in other languages than Python are left out."""
        _, body = split_bom(data)
        try:
            content = _JSON.decode(body.decode())
        except UnicodeDecodeError as error:
            raise SourceError(
                f"byte 0x{body[error.start]:02x} is not utf-8; save the notebook as UTF-8",
                place_after(body[: error.start].decode()),
            ) from None
        except JSONDecodeError as error:
            place = Place(0, error.lineno, error.colno)
            raise SourceError(f"this notebook is not valid JSON: {error.msg}", place) from None
        except RecursionError:
            raise SourceError("this notebook is nested too deeply to be read") from None
        listed = _cells(content)
        if not _speaks_python(content.get("metadata")):
            listed = []
        cells: list[Cell] = []
        pieces: list[str] = []
        start = 0
        for number, cell in enumerate(listed, 1):
            written = _python(cell, number)
            if written is None:
                continue
            plain = PlainText(written, indentation(written))
            piece = blanked(plain.text)
            pieces.append(piece if piece.endswith("\n") else piece + "\n")
            cells.append(Cell(number, start, start + len(pieces[-1]), plain))
            start += len(pieces[-1])
        return cls(data, "".join(pieces), tuple(cells))

    def spliced(self, edits: Mapping[int, Sequence[Edit]]) -> bytes:
        """Return the bytes after `edits`, in which only the touched source strings differ."""
        bom, body = split_bom(self.data)
        raw = body.decode()
        starts = _cell_starts(raw, _skip(raw, 0))

        def changes() -> Iterator[Edit]:
            for number, changed in edits.items():
                members = _members(raw, starts[number - 1])
                start, end = members["source" if "source" in members else "input"]
                style = {"ascii_only": raw.isascii(), "compact": raw[start - 1] == ":"}
                yield Edit(start, end, _respelled(raw[start:end], changed, **style))

        return bom + splice(raw, changes()).encode()


def _cells(content: Any) -> list[Any]:
    match content:
        case {"cells": [*cells]}:
            return cells
        case {"worksheets": [*sheets], **others} if "cells" not in others:
            return [cell for sheet in sheets for cell in _cells(sheet)]
    raise SourceError("this is not a Jupyter notebook: it has no list of `cells`", Place(0, 1, 1))


def _python(cell: Any, number: int) -> str | None:
    """Return the source of a cell, None if it is not Python."""
    match cell:
        case {"cell_type": "code", "source": source} | {"cell_type": "code", "input": source}:
            if not (_speaks_python(cell) and _speaks_python(cell.get("metadata"))):
                return None
        case _:
            return None
    match source:
        case str():
            return source
        case [*strings] if all(isinstance(string, str) for string in strings):
            return "".join(strings)
    raise SourceError("the source of this cell is not text", Place(number, 1, 1))


def _speaks_python(metadata: Any) -> bool:
    """Tell whether a notebook or a cell is Python by what is said there; if nothing is, it is."""
    match metadata:
        case (
            {"language_info": {"name": str(name)}}
            | {"kernelspec": {"language": str(name)}}
            | {"vscode": {"languageId": str(name)}}
            | {"language": str(name)}
        ):
            return name.lower().startswith(("python", "ipython", "pyspark"))
    return True


# Where things are in JSON text that is known to be valid.


def _skip(raw: str, at: int) -> int:
    while raw[at] in " \t\n\r":
        at += 1
    return at


def _values(raw: str, at: int) -> Iterator[tuple[Any, int, int]]:
    """Yield what is in the array or object at `at` with its span; keys and values take turns."""
    at = _skip(raw, at + 1)
    while raw[at] not in "]}":
        value, end = _JSON.raw_decode(raw, at)
        yield value, at, end
        at = _skip(raw, end)
        if raw[at] in ",:":
            at = _skip(raw, at + 1)


def _members(raw: str, at: int) -> dict[str, tuple[int, int]]:
    """Return the spans of the values of the object at `at`; of equal keys the last one counts."""
    values = _values(raw, at)
    return {key: (start, end) for (key, _, _), (_, start, end) in zip(values, values, strict=True)}


def _cell_starts(raw: str, at: int) -> list[int]:
    """Return where the cells of the notebook or worksheet at `at` start."""
    members = _members(raw, at)
    if "cells" in members:
        return [start for _, start, _ in _values(raw, members["cells"][0])]
    sheets = _values(raw, members["worksheets"][0])
    return [start for _, sheet, _ in sheets for start in _cell_starts(raw, sheet)]


@dataclass(frozen=True)  # no slots: what is computed on demand is kept
class _String:
    """A string in JSON text."""

    text: str
    spelled: str  # with escapes, without the quotes
    start: int  # offset of `text` in that of the whole source
    span: tuple[int, int]  # in the JSON of the source, with the quotes

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @cached_property
    def _escapes(self) -> tuple[list[int], list[int]]:
        """Return the offsets of escaped characters, and how much the first n of them add."""
        offsets, added = [], [0]
        for match in _ESCAPE.finditer(self.spelled):
            offsets.append(match.start() - added[-1])
            added.append(added[-1] + len(match[0]) - 1)
        return offsets, added

    def spelling(self, start: int, end: int) -> str:
        """Return how what the string has of `start` to `end` of the whole source is spelled."""
        offsets, added = self._escapes
        first, last = (
            offset + added[bisect_left(offsets, offset)]
            for offset in (max(start - self.start, 0), min(end, self.end) - self.start)
        )
        return self.spelled[first:last]


def _strings(raw: str) -> Iterator[_String]:
    """Yield the strings of the source whose JSON is `raw`."""
    offset = 0
    values = _values(raw, 0) if raw[0] == "[" else [(_JSON.decode(raw), 0, len(raw))]
    for text, start, end in values:
        yield _String(text, raw[start + 1 : end - 1], offset, (start, end))
        offset += len(text)


def _respelled(raw: str, edits: Sequence[Edit], *, ascii_only: bool, compact: bool) -> str:
    """Return the JSON of a source, a string or an array of strings, after `edits` of its text.

    What is left of a string keeps its spelling. In an array each new line is a string of its own,
    set off as its neighbours are.
    """
    is_array = raw[0] == "["
    strings = list(_strings(raw))
    ends = [string.end for string in strings]
    first, last = (strings[0].span[0], strings[-1].span[1]) if strings else (1, len(raw) - 1)
    gaps = [raw[one.span[1] : other.span[0]] for one, other in pairwise(strings)]
    gaps = gaps or ["," + (raw[1:first] or " " * (not compact))]
    pieces: list[str] = []

    def put(spelled: str, index: int, *, apart: bool) -> None:
        if apart and pieces and is_array:
            pieces.append('"' + gaps[max(1, min(index, len(gaps))) - 1] + '"')
        pieces.append(spelled)

    done = 0
    whole = line = False  # whether what was put last ends a string of old, or a line
    beyond = len(raw)  # past every string, also an empty one at the end
    for edit in (*edits, Edit(beyond, beyond, "")):
        for index in range(bisect_left(ends, done), len(strings)):
            string = strings[index]
            if string.start >= edit.start:
                break
            if max(done, string.start) < min(edit.start, string.end) or not string.text:
                put(string.spelling(done, edit.start), index, apart=whole or line)
                whole = edit.start >= string.end
                line = whole and string.text.endswith("\n")
        for text in re.findall(r"[^\n]*\n|[^\n]+", edit.text):
            spelled = dumps(text, ensure_ascii=ascii_only)[1:-1]
            put(spelled, bisect_left(ends, edit.start), apart=line)
            whole, line = False, text.endswith("\n")
        done = edit.end
    if not pieces:
        return "[]" if is_array else '""'
    return raw[:first] + '"' + "".join(pieces) + '"' + raw[last:]
