"""The comments of a text, and the statement that each one belongs to."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Lines: TypeAlias = tuple[int, int]  # first and last, from 0


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, from its `#` to the end of the line."""

    start: int  # offset into the text
    text: str
    alone: bool  # on its line
    statement: int | None  # the one that it stands in or directly above


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of a text in order, and its statements by number.

    A statement is what its logical line is; of a compound statement, that is the header. Decorators
    belong to the header below them. A comment above a statement is directly above it if there is
    nothing but comments in between.
    """

    comments: tuple[Comment, ...]
    exact: bool  # all the comments, and nothing else
    _starts: Sequence[int]  # of lines, as offsets
    _statements: Sequence[Lines]

    def statement(self, offset: int) -> int | None:
        """Return the statement on the line of `offset`, if there is one."""
        return _holding(self._statements, bisect_right(self._starts, offset) - 1)


def find(text: str) -> Comments:
    """Return the comments of `text`, whose lines end with line feeds.

    A text that Python's tokenizer rejects, as it may be older than the syntax, is taken line by
    line, each one as a statement with a comment from the first `#` on.
    """
    from tokenize import TokenError  # noqa: PLC0415 - few texts have comments for reglint

    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    try:
        statements, hashes = _tokenized(text, starts)
        exact = True
    except (SyntaxError, TokenError):
        statements = [(row, row) for row, line in enumerate(lines) if not _is_comment(line)]
        hashes = [starts[row] + line.find("#") for row, line in enumerate(lines) if "#" in line]
        exact = False

    below = {first: number for number, (first, _) in enumerate(statements)}
    comments = []
    for start in reversed(hashes):
        row = bisect_right(starts, start) - 1
        line = lines[row]
        statement = _holding(statements, row)
        if statement is None and (row + 1) in below:
            statement = below[row] = below[row + 1]
        comment = line[start - starts[row] :]
        comments.append(Comment(start, comment, _is_comment(line), statement))
    return Comments(tuple(reversed(comments)), exact, starts, statements)


def _tokenized(text: str, starts: Sequence[int]) -> tuple[list[Lines], list[int]]:
    """Return the lines of each statement and the offset of each comment, or raise."""
    from io import StringIO  # noqa: PLC0415
    from tokenize import COMMENT, DEDENT, INDENT, NEWLINE, NL, generate_tokens  # noqa: PLC0415

    statements, hashes = [], []
    first: int | None = None
    inside = decorator = False
    for kind, string, (row, column), *_ in generate_tokens(StringIO(text).readline):
        if kind == COMMENT:
            hashes.append(starts[row - 1] + column)
        elif kind == NEWLINE:
            if first is not None and not decorator:
                statements.append((first, row - 1))
                first = None
            inside = False
        elif not inside and kind not in (NL, INDENT, DEDENT):
            inside, decorator = True, string == "@"
            first = row - 1 if first is None else first
    return statements, hashes


def _holding(statements: Sequence[Lines], row: int) -> int | None:
    number = bisect_right(statements, row, key=lambda lines: lines[0]) - 1
    return number if number >= 0 and row <= statements[number][1] else None


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
