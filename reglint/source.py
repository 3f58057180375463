"""From the bytes of a file to the text that is analysed, and back with nothing else changed."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from codecs import BOM_UTF8
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from itertools import groupby
from tokenize import detect_encoding
from typing import TYPE_CHECKING, Protocol

from reglint.model import Edit, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_ASCII = bytes(range(128)) + b"?" * 128
_TWO_LINES = re.compile(rb"(?:[^\r\n]*(?:\r\n?|\n|\Z)){0,2}")


class SourceError(Exception):
    """The bytes are not readable source, or an edit cannot be written in them."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


@dataclass(frozen=True)  # no slots: what is computed on demand is kept
class PlainText:
    r"""A text as it was `written`, and as it is analysed: lines end in `\n`, no form feeds.

    The `indent`, if any, is not part of the lines that start with it.
    """

    written: str
    indent: str = ""

    @cached_property
    def text(self) -> str:
        """Return the text as analysed."""
        text = self.written.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")
        text = re.sub(f"(?m)^{self.indent}", "", text) if self.indent else text
        # JSON and some encodings can spell a lone surrogate, which no parser takes: `?` for it.
        return text if text.isascii() else text.encode(errors="replace").decode()

    @cached_property
    def _dropped(self) -> tuple[array[int], array[int]]:
        r"""Return the offsets of each newline that was `\r\n`, and of what follows a gap.

        A gap is a form feed, or a character of the indent.
        """
        pairs, feeds = array("Q"), array("Q")
        indent = rf"|(?:\A|(?<=[\n\r])){self.indent}" if self.indent else ""
        for match in re.finditer(rf"\r\n|\f{indent}", self.written):
            offset = match.start() - len(pairs) - len(feeds)
            if match[0] == "\r\n":
                pairs.append(offset)
            else:
                feeds.extend([offset] * len(match[0]))
        return pairs, feeds

    @cached_property
    def _lines(self) -> array[int]:
        """Return the offsets at which lines start."""
        return array("Q", [0, *(match.end() for match in re.finditer("\n", self.text))])

    def _start(self, offset: int) -> int:
        """Return where the character at `offset` starts in `written`."""
        pairs, feeds = self._dropped
        return offset + bisect_left(pairs, offset) + bisect_right(feeds, offset)

    def _end(self, offset: int) -> int:
        """Return where the character before `offset` ends in `written`."""
        pairs, feeds = self._dropped
        return offset + bisect_left(pairs, offset) + bisect_left(feeds, offset)

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and the column, both from 1, that `offset` has in `written`."""
        line = bisect_right(self._lines, offset)
        return line, self._start(offset) - self._end(self._lines[line - 1]) + 1

    def _newline(self, offset: int) -> str:
        """Return the newline that ends the line at `offset`; for the last line, the one before."""
        at = self.text.find("\n", offset)
        if at < 0:
            at = self.text.rfind("\n")
        return self.written[self._start(at) : self._end(at + 1)] if at >= 0 else "\n"

    def translated(self, edits: Iterable[Edit]) -> Iterator[Edit]:
        """Yield `edits` of `text` as edits of `written`, with the newlines that are used there."""
        for edit in edits:
            start = self._start(edit.start)
            end = self._end(edit.end) if edit.end > edit.start else start
            newline = self._newline(edit.start) + self.indent
            yield Edit(start, end, edit.text.replace("\n", newline))


def splice(text: str, edits: Iterable[Edit]) -> str:
    r"""Apply `edits`, sorted and not overlapping; no `\r` and `\n` become one newline by it."""

    def parts() -> Iterator[str]:
        done = 0
        for edit in edits:
            yield text[done : edit.start]
            yield edit.text
            done = edit.end
        yield text[done:]

    spliced: list[str] = []
    for part in filter(None, parts()):
        if spliced and spliced[-1].endswith("\r") and part.startswith("\n"):
            spliced.append("\n")  # so that the `\r` stays a newline of its own
        spliced.append(part)
    return "".join(spliced)


def split_bom(data: bytes) -> tuple[bytes, bytes]:
    """Return the byte order mark of UTF-8, if there is one, and the rest."""
    body = data.removeprefix(BOM_UTF8)
    return data[: len(data) - len(body)], body


def place_after(written: str) -> Place:
    """Return the place in a file right after this beginning of it."""
    plain = PlainText(written)
    return Place(0, *plain.place(len(plain.text)))


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: `source.text[start:end]`. A Python file is one cell, with the number 0."""

    number: int  # among all cells of the notebook, from 1, as Jupyter shows and ruff counts them
    start: int
    end: int
    plain: PlainText = field(repr=False)

    def local(self, edit: Edit) -> Edit:
        """Return `edit` of `source.text` as an edit of `plain.text`."""
        start, end, text = edit.start - self.start, edit.end - self.start, edit.text
        length = len(self.plain.text)
        if end > length:  # past the final newline, which the cell has in `source.text` only
            text = text.removesuffix("\n")
            if start > length:
                text = "\n" + text
        return Edit(min(start, length), min(end, length), text)


class Document(Protocol):
    """A file of some kind, and the Python it holds."""

    @property
    def data(self) -> bytes:
        """Return what is in the file."""

    @property
    def text(self) -> str:
        """Return what is analysed: the cells, joined."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that hold Python, in order, without gaps between them."""

    def spliced(self, edits: Mapping[int, Sequence[Edit]]) -> bytes:
        """Return the bytes after the `edits` of what is written in the cells of these numbers.

        Raises SourceError if they cannot be written.
        """


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file."""

    data: bytes
    encoding: str
    cells: tuple[Cell]

    @classmethod
    def from_bytes(cls, data: bytes) -> Module:
        """Decode as Python does: by the encoding declaration, else as UTF-8."""
        encoding = _encoding(data)
        _, body = split_bom(data)
        try:
            written = body.decode(encoding)
        except UnicodeDecodeError as error:
            raise SourceError(
                f"byte 0x{error.object[error.start]:02x} is not {encoding}; "
                "save the file as UTF-8 or declare its encoding",
                place_after(error.object[: error.start].decode(errors="replace")),
            ) from None
        except (LookupError, UnicodeError):  # rot13, undefined: codecs, but not of text
            raise SourceError(
                f"{encoding} is no encoding of text; save the file as UTF-8"
            ) from None
        if "\0" in written:
            raise SourceError(
                "a NUL byte cannot be in Python source; save the file as UTF-8 text",
                place_after(written[: written.index("\0")]),
            )
        plain = PlainText(written)
        return cls(data, encoding, (Cell(0, 0, len(plain.text), plain),))

    @property
    def text(self) -> str:
        """Return what is analysed."""
        return self.cells[0].plain.text

    def spliced(self, edits: Mapping[int, Sequence[Edit]]) -> bytes:
        """Return the bytes after `edits`: all encoded anew, once that is known to be harmless."""
        written = self.cells[0].plain.written
        bom, body = split_bom(self.data)
        if written.encode(self.encoding, errors="replace") != body:
            raise SourceError(
                f"{self.encoding} is not reversible; save the file as UTF-8 to fix it"
            )
        try:
            return bom + splice(written, edits.get(0, ())).encode(self.encoding)
        except UnicodeEncodeError as error:
            raise SourceError(
                f"{self.encoding} has no {error.object[error.start]!r}; save the file as UTF-8"
            ) from None


def _encoding(data: bytes) -> str:
    bom, body = split_bom(data)
    match = _TWO_LINES.match(body)
    head = match[0].replace(b"\r\n", b"\n").replace(b"\r", b"\n") if match else b""
    try:  # the declaration is ASCII; what is around it need not be UTF-8
        encoding, _ = detect_encoding(BytesIO(bom + head.translate(_ASCII)).readline)
    except SyntaxError as error:
        line = 1 if b"coding" in head.partition(b"\n")[0] else 2
        raise SourceError(f"{error}; correct the declaration", Place(0, line, 1)) from None
    return "utf-8" if bom else encoding


@dataclass(frozen=True, slots=True)
class Source:
    r"""Python to analyse, and the file it came from.

    Offsets count characters of `text`, in which every line ends in `\n` and which has no byte order
    mark and no form feeds. Of a notebook it is the code cells, each ended by a newline, in which
    magics and shell lines are blanked by as many characters of valid Python.
    """

    path: str  # as shown to the user
    text: str = field(repr=False)
    document: Document = field(repr=False)
    blanked: frozenset[int] = frozenset()  # numbers of the cells that are blank in `text`

    @classmethod
    def from_bytes(cls, path: str, data: bytes) -> Source:
        """Read a Python file, or a notebook if `path` ends in `.ipynb`; raises SourceError."""
        document: Document
        if path.endswith(".ipynb"):
            from reglint.notebook import Notebook  # noqa: PLC0415 (needs json)

            document = Notebook.from_bytes(data)
        else:
            document = Module.from_bytes(data)
        return cls(path, document.text, document)

    @property
    def data(self) -> bytes:
        """Return exactly what is, or would be, in the file."""
        return self.document.data

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the code cells, in order; of a Python file its one cell, with the number 0."""
        return self.document.cells

    @property
    def is_notebook(self) -> bool:
        """Tell whether this is a notebook."""
        return self.path.endswith(".ipynb")

    def _cell(self, offset: int) -> Cell:
        return self.cells[bisect_right(self.cells, offset, key=lambda cell: cell.start) - 1]

    def cell_of(self, offset: int) -> int:
        """Return the number of the cell that `offset` is in: of two, the one that starts there."""
        return self._cell(offset).number

    def place(self, offset: int) -> Place:
        """Return where `offset` is in the original file; columns count its characters."""
        cell = self._cell(offset)
        offset = min(offset - cell.start, len(cell.plain.text))
        return Place(cell.number, *cell.plain.place(offset))

    def without_cells(self, numbers: Collection[int]) -> Source:
        """Return the same file with these cells blank in `text`."""
        blanked = self.blanked.union(numbers)
        pieces = (self.text[cell.start : cell.end] for cell in self.cells)
        text = "".join(
            re.sub("[^\n]", " ", piece) if cell.number in blanked else piece
            for cell, piece in zip(self.cells, pieces, strict=True)
        )
        return replace(self, text=text, blanked=blanked)

    def edited(self, edits: Iterable[Edit]) -> Source:
        r"""Return the source after `edits`: sorted, not overlapping, each within one cell.

        Everything outside of them stays, byte for byte; `\n` becomes the newline of the file. An
        insertion where a cell ends and the next one starts goes to the next one. Raises ValueError
        if the edits are not so, and SourceError if the file cannot hold them.
        """
        edits, done = tuple(edits), 0
        for edit in edits:
            if not done <= edit.start <= edit.end <= self._cell(edit.start).end:
                raise ValueError(f"{edit} overlaps the one before or leaves its cell")
            done = edit.end
        written = {
            cell.number: tuple(cell.plain.translated(map(cell.local, group)))
            for cell, group in groupby(edits, key=lambda edit: self._cell(edit.start))
        }
        source = Source.from_bytes(self.path, self.document.spliced(written))
        return source.without_cells(self.blanked) if self.blanked else source
