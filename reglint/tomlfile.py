"""A TOML file, and where each of its keys and values stands, for errors that point at them."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    Key: TypeAlias = tuple[str | int, ...]  # ("tool", "reglint", "select", 0)
    Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration; without a file, with the command line."""

    message: str
    file: Path | None = None
    line: int = 0  # from 1; 0: the file as a whole
    column: int = 0
    source: str = ""  # the line
    width: int = 1  # columns that are meant, at least 1

    def __str__(self) -> str:
        where = f"{shown(self.file)}:" if self.file else ""
        if self.line:
            where += f"{self.line}:{self.column}:"
        return _printable(f"{where} {self.message}".lstrip())

    @property
    def frame(self) -> str:
        """Return the line with carets under it, and its number; empty where there is no line."""
        if not self.source:
            return ""
        number = str(self.line)
        indent = re.sub(r"[^\t]", " ", self.source[: self.column - 1])
        lines = (f"{number} | {self.source}", f"{' ' * len(number)} | {indent}{'^' * self.width}")
        return "\n".join(map(_printable, lines))


class ConfigError(Exception):
    """Everything that is wrong with a configuration."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Document:
    """A TOML file that was read."""

    path: Path
    text: str
    data: dict[str, Any]

    @classmethod
    def parse(cls, path: Path, data: bytes) -> Document:
        """Return the content `data` of `path`; raise ConfigError where it is not valid TOML."""
        import tomli  # noqa: PLC0415 - most folders have no configuration

        data = data.removeprefix(BOM_UTF8).replace(b"\r\n", b"\n")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            offset = len(data[: error.start].decode())
            message = "not UTF-8, which TOML files have to be"
            seen = data.decode(errors="replace")
            raise ConfigError((_problem(message, path, seen, (offset, offset)),)) from None
        try:
            return cls(path, text, tomli.loads(text))
        except tomli.TOMLDecodeError as error:
            message = f"not valid TOML: {error.msg[0].lower()}{error.msg[1:]}"
            problem = _problem(message, path, text, (error.pos, error.pos))
        except RecursionError:
            problem = Problem("not read: lists or tables are nested too deeply", path)
        raise ConfigError((problem,))

    def problem(self, message: str, key: Key, *, with_value: bool = True) -> Problem:
        """Return `message` at the value of `key`, or at the key; at what holds it when in doubt."""
        while key and key not in self._places:
            key = key[:-1]
        place = self._places.get(key, ((0, 0), (0, 0)))
        return _problem(message, self.path, self.text, place[with_value])

    @cached_property
    def _places(self) -> dict[Key, tuple[Span, Span]]:
        return places(self.text)


def places(text: str) -> dict[Key, tuple[Span, Span]]:
    """Return where each key of a valid TOML `text` stands, and its value; no value: the key twice.

    The elements of lists have their index as last part of the key, and their place twice.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.places


def _problem(message: str, path: Path, text: str, span: Span) -> Problem:
    start, end = span
    line_start = text.rfind("\n", 0, start) + 1
    source = text[line_start:].partition("\n")[0]
    column = start - line_start
    width = max(1, min(end - start, len(source) - column))
    return Problem(message, path, text.count("\n", 0, start) + 1, column + 1, source, width)


def _printable(line: str) -> str:
    """Return `line` without anything that would move a terminal's cursor, but for tabs."""
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in line)


def shown(path: Path) -> Path:
    """Return `path` as a message names it: from the current folder, if it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t]+|\#[^\n]*)
    | (?P<text>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\])*" | '[^']*')
    | (?P<mark>[\[\]{},=.\n])
    | (?P<bare>[^\s\[\]{},=.\#"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Scanner:
    """Walks over the tokens of a text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self.places: dict[Key, tuple[Span, Span]] = {}
        self._tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup != "blank"]
        self._at = 0

    def document(self) -> None:
        table: Key = ()
        while self._peek():
            if self._skip("\n"):
                continue
            if self._skip("["):
                self._skip("[")
                table = self._key(())
                self._skip("]")
                self._skip("]")
            else:
                self._pair(table)

    def _pair(self, table: Key) -> None:
        key = self._key(table)
        self._skip("=")
        self.places[key] = (self.places[key][0], self._value(key))

    def _key(self, table: Key) -> Key:
        """Read a key, dotted or not, and note where each part of it stands unless that is known."""
        while True:
            part = self._next()
            table = (*table, _name(part))
            self.places.setdefault(table, (part.span(), part.span()))
            if not self._skip("."):
                return table

    def _value(self, key: Key) -> Span:
        start = self._tokens[self._at].start()
        if self._skip("["):
            self._list(key)
        elif self._skip("{"):
            self._table(key)
        else:  # a date has blanks in it, a number dots
            while self._peek() not in ("", "\n", ",", "]", "}"):
                self._at += 1
        return start, self._tokens[self._at - 1].end()

    def _list(self, key: Key) -> None:
        index = 0
        while not self._skip("]"):
            if not (self._skip("\n") or self._skip(",")):
                span = self._value((*key, index))
                self.places[(*key, index)] = (span, span)
                index += 1

    def _table(self, key: Key) -> None:
        while not self._skip("}"):
            if not (self._skip("\n") or self._skip(",")):
                self._pair(key)

    def _peek(self) -> str:
        return self._tokens[self._at].group() if self._at < len(self._tokens) else ""

    def _skip(self, mark: str) -> bool:
        found = self._peek() == mark
        self._at += found
        return found

    def _next(self) -> re.Match[str]:
        self._at += 1
        return self._tokens[self._at - 1]


def _name(part: re.Match[str]) -> str:
    import tomli  # noqa: PLC0415 - it has made the document already

    text = part.group()
    return next(iter(tomli.loads(f"{text} = 0"))) if part.lastgroup == "text" else text
