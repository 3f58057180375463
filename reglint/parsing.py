"""From text to a tree, with errors a person can read."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from reglint.analysis.syntax import cst

if TYPE_CHECKING:
    from reglint.model import Place

_DEPTH = 200  # of brackets: where Python itself gives up; libcst would run out of stack at 3,000
_CHAIN = 2_000  # operators on one line without a comma: as many levels of the tree
_BRACKETS = re.compile(r"[(\[{]|[)\]}]")
_OPERATORS = re.compile(r"\b(?:and|or|not|if|lambda|elif)\b|[-+~*/|&^%.(\[]")


class ParseError(Exception):
    """The text is not Python that libcst can parse."""

    def __init__(self, message: str, place: Place | None = None, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.offset = offset  # into the text


def parse(text: str) -> cst.Module:
    """Parse a text whose lines end in a line feed; raises ParseError."""
    deep = _too_deep(text)
    if deep is not None:
        raise ParseError("nested too deeply to be analysed", offset=deep)
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise _explained(text, error) from None
    except RecursionError:
        raise ParseError("nested too deeply to be analysed") from None


def _explained(text: str, error: cst.ParserSyntaxError) -> ParseError:
    """Say what is wrong as Python itself does: libcst lists all the tokens it would have liked."""
    line, column, message = error.raw_line, error.raw_column, "not valid Python 3"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as python:
        line, column = python.lineno or line, (python.offset or 1) - 1
        message = f"{message}: {python.msg}"
    except (ValueError, RecursionError, MemoryError):
        pass
    before = text.split("\n")[: line - 1]
    return ParseError(message, offset=sum(len(each) + 1 for each in before) + max(column, 0))


def _too_deep(text: str) -> int | None:
    """Return the offset from which on the text nests too deeply; nothing if it does not."""
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth = max(depth + (1 if bracket[0] in "([{" else -1), 0)
        if depth > _DEPTH:
            return bracket.start()
    start = 0
    for line in text.split("\n"):
        parts = line.split(",") if len(line) > _CHAIN else ()
        if any(len(_OPERATORS.findall(part)) > _CHAIN for part in parts):
            return start
        start += len(line) + 1
    return None
