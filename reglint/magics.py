"""What IPython adds to Python, blanked: magics, shell lines and questions."""

from __future__ import annotations

import re

# The cell magics whose cell is Python all the same.
_PYTHON_CELL = re.compile("capture|debug|ipytest|memit|prun|px|pypy|python3?|time|timeit")
_CELL_MAGIC = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?P<magic>%%[ \t]*(?P<name>\w*))")
# Some magics need no `%` where nothing else can be meant.
_AUTOMAGIC = (
    r"(?:cat|cd|conda|cp|ls|mkdir|mv|pip3?|pwd|rm)"
    r"(?=\n|\Z|[ \t]+[-\w~./])(?![ \t]+(?:in|is|if|and|or|not)\b)"
)
_LINE_MAGIC = re.compile(rf"[ \t]*(?P<magic>(?:[%!?,;/]|{_AUTOMAGIC})(?:\\\n|[^\n])*)")
_INDENT = re.compile(r"(?:[ \t]*\n)*([ \t]+)(?=\S)")
_TOKEN = re.compile(
    r"""
    \#[^\n]*
    | \"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z) | '{3}(?:\\.|[^\\])*?(?:'{3}|\Z)
    | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    | \\\n
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<end>\n)
    | (?P<question>\?)[ \t]*(?=\n|\Z)
    | =[ \t]*(?P<assigned>[%!](?:\\\n|[^\n])*)
    """,
    re.VERBOSE | re.DOTALL,
)


def indentation(written: str) -> str:
    """Return the blanks before the first line of a cell, which IPython takes off every line."""
    first = _INDENT.match(written.replace("\r\n", "\n").replace("\r", "\n"))
    return first[1] if first else ""


def blanked(text: str) -> str:
    """Return the `text` of one cell as Python with the same lines and columns.

    Only a logical line can start with a magic: `%` within brackets or a string is what it is in
    Python. The cell of a cell magic is blanked as a whole unless that magic runs it as Python.
    """
    cell = _CELL_MAGIC.match(text)
    if cell and not _PYTHON_CELL.fullmatch(cell["name"]):
        start = cell.start("magic")
        return text[:start] + _blank(text[start:])
    pieces = []
    done = 0
    while done < len(text):
        start, end = _magic(text, done)
        pieces += [text[done:start], _blank(text[start:end])]
        done = end
    return "".join(pieces)


def _magic(text: str, start: int) -> tuple[int, int]:
    """Return the span of the magic in the logical line at `start`: empty, at its end, if none."""
    if magic := _LINE_MAGIC.match(text, start):
        return magic.span("magic")
    depth, end = 0, start
    while token := _TOKEN.search(text, end):
        end = token.end()
        kind = token.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind and depth == 0:
            if kind == "question":  # it makes the whole line one
                return end - len(text[start:end].lstrip()), end
            return token.span("assigned") if kind == "assigned" else (end, end)
    return len(text), len(text)


def _blank(text: str) -> str:
    """Return an expression that has the lines and the length of `text`."""
    return text and "0" + re.sub("[^\n]", " ", text[1:])
