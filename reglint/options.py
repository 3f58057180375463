"""The keys of a configuration: one table, and the readers that validate their values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from reglint.keras_api import KNOWN_VERSIONS
from reglint.keras_version import matching
from reglint.model import Severity
from reglint.selectors import closest, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pathspec import GitIgnoreSpec

    from reglint.inspector.settings import InspectOptions
    from reglint.model import Version
    from reglint.selectors import Catalog, Selector
    from reglint.tomlfile import Key, Problem

T = TypeVar("T")

DEFAULT_LIMIT = Severity.WARNING
_ELSEWHERE = "\0"  # a folder that no pattern names

_TYPES = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "a list",
    dict: "a table",
    datetime: "a date",
    date: "a date",
    time: "a time",
}


@dataclass(frozen=True, slots=True)
class Patterns:
    """Gitignore-style patterns for what is below `base`."""

    base: Path
    spec: GitIgnoreSpec

    def match(self, path: Path, *, is_dir: bool = False) -> bool:
        """Return whether an absolute `path` is meant.

        Of what is not below `base`, the part that is not above both is looked at; a pattern that
        begins with a slash does not match it.
        """
        parts = self.base.parts, path.parts
        shared = len(commonprefix(parts))  # noqa: RUF071 - these are components, not characters
        below = path.parts[shared:]
        if shared < len(self.base.parts):
            below = (_ELSEWHERE, *below)
        return bool(below) and self.spec.match_file("/".join(below) + "/" * is_dir)


class Origin(Protocol):
    """Where raw settings come from."""

    @property
    def values(self) -> Mapping[str, object]:
        """Return the raw values by key."""

    @property
    def base(self) -> Path:
        """Return the absolute path that patterns are relative to."""

    def label(self, key: Key) -> str:
        """Return what a message calls the setting that `key` leads to."""

    def problem(self, message: str, key: Key, *, with_value: bool = True) -> Problem:
        """Return `message` at the value of `key`, or at the key itself."""


class Reader:
    """Turns raw values into settings, and collects everything that is wrong with them."""

    def __init__(self, origin: Origin, rules: Catalog) -> None:
        self.problems: list[Problem] = []
        self._origin = origin
        self._rules = rules

    def options(self) -> dict[str, Any]:
        """Return the values of the options that are given, by field of `Options`."""
        return self.fields(Options, (), self._origin.values)

    def fields(self, kind: type, table: Key, values: Mapping[str, object]) -> dict[str, Any]:
        """Return the values of those fields of `kind` that `values`, below `table`, has."""
        known = {option.name.replace("_", "-"): option for option in fields(kind)}
        found = {}
        for key, value in values.items():
            at = (*table, key)
            if option := known.get(key):
                found[option.name] = option.metadata["read"](self, at, value)
            else:
                hint = did_you_mean(closest(key, known))
                self.note(f"unknown key `{key}`{hint}", at, with_value=False)
        return found

    def inspection(self, key: Key, value: object) -> InspectOptions | None:
        """Read the table of `reglint inspect`."""
        from reglint.inspector.settings import InspectOptions  # noqa: PLC0415 - few have it

        table = self.expect(dict, "a table", key, value)
        return None if table is None else InspectOptions(**self.fields(InspectOptions, key, table))

    def label(self, key: Key) -> str:
        """Return what a message calls the setting that `key` leads to."""
        return self._origin.label(key)

    def boolean(self, key: Key, value: object) -> bool:
        """Read `true` or `false`."""
        return bool(self.expect(bool, "a boolean", key, value))

    def selectors(self, key: Key, value: object) -> tuple[Selector, ...]:
        """Read a list of codes, prefixes of codes, names of rules, and `ALL`."""
        found = (self._selector(at, text) for at, text in self._strings(key, value))
        return tuple(filter(None, found))

    def patterns(self, key: Key, value: object) -> Patterns | None:
        """Read a list of gitignore-style patterns."""
        good = [text for at, text in self._strings(key, value) if self._matches_some(at, text)]
        return self._compiled(good) if good else None

    def ignores(self, key: Key, value: object) -> tuple[tuple[Patterns, frozenset[str]], ...]:
        """Read a table of gitignore-style patterns, with a list of selectors for each."""
        found = []
        for text, raw in (self.expect(dict, "a table", key, value) or {}).items():
            at = (*key, text)
            selectors = self.selectors(at, raw)
            if self._matches_some(at, text, alone=True):
                codes = frozenset[str]().union(*(selector.codes for selector in selectors))
                found.append((self._compiled([text]), codes))
        return tuple(found)

    def releases(self, key: Key, value: object) -> frozenset[Version] | None:
        """Read a release of Keras, the start of one, a specifier, or `auto` for none of these."""
        text = self.expect(str, "a string in quotes", key, value)
        if text is None or text == "auto":
            return None
        try:
            found = matching(text, KNOWN_VERSIONS)
        except ValueError:
            choices = "`auto`, a version like `3.15` or a specifier like `>=2.10,<4`"
            self.note(f"expected {choices} for {self.label(key)}, found `{text}`", key)
            return None
        if not found:
            first, last = ("{}.{}".format(*KNOWN_VERSIONS[at]) for at in (0, -1))
            label = self.label(key)
            self.note(f"`{text}` in {label} is no release of Keras from {first} to {last}", key)
        return found

    def severity(self, key: Key, value: object) -> Severity | None:
        """Read the name of a severity."""
        names = [each.value for each in Severity]
        if value in names:
            return Severity(value)
        text = self.expect(str, "a string", key, value)
        if text is not None:
            hint = did_you_mean(closest(text, names))
            choices = "`{}`, `{}` or `{}`".format(*names)
            label = self.label(key)
            self.note(f"expected {choices} for {label}, found `{text}`{hint}", key)
        return None

    def limit(self, key: Key, value: object) -> Severity:
        """Read the least severity of some."""
        return self.severity(key, value) or DEFAULT_LIMIT

    def severities(self, key: Key, value: object) -> tuple[tuple[Selector, Severity], ...]:
        """Read a table of selectors, with a severity for each."""
        found = []
        for text, raw in (self.expect(dict, "a table", key, value) or {}).items():
            at = (*key, text)
            severity, selector = self.severity(at, raw), self._selector(at, text, with_value=False)
            if severity and selector:
                found.append((selector, severity))
        return tuple(found)

    def dotted_names(self, key: Key, value: object) -> frozenset[str]:
        """Read a list of dotted names of Python."""
        found = set()
        for at, text in self._strings(key, value):
            if all(part.isidentifier() for part in text.split(".")):
                found.add(text)
            else:
                label = self.label(key)
                self.note(f"expected names like `package.register` in {label}, found `{text}`", at)
        return frozenset(found)

    def package(self, key: Key, value: object) -> str | None:
        """Read what classes are registered under, which Keras writes before a `>`."""
        text = self.expect(str, "a string", key, value)
        if text is not None and ">" in text:
            self.note(f"{self.label(key)} cannot have a `>` in it, found `{text}`", key)
        return text

    def _strings(self, key: Key, value: object) -> Iterator[tuple[Key, str]]:
        """Yield each string of a list with its key."""
        for index, item in enumerate(self.expect(list, "a list of strings", key, value) or ()):
            at = (*key, index)
            text = self.expect(str, "strings", at, item)
            if text is not None:
                yield at, text

    def _selector(self, key: Key, text: str, *, with_value: bool = True) -> Selector | None:
        selector = self._rules.find(text)
        if not selector:
            hint = did_you_mean(self._rules.closest(text))
            message = f"unknown rule `{text}` in {self.label(key)}{hint}"
            self.note(message, key, with_value=with_value)
        return selector

    def expect(self, kind: type[T], expected: str, key: Key, value: object) -> T | None:
        """Return `value` if it is of a `kind`, else note that `expected` was meant."""
        if isinstance(value, kind):
            return value
        self.unexpected(expected, key, value)
        return None

    def unexpected(self, expected: str, key: Key, value: object) -> None:
        """Note that `value` is of another type than `expected`."""
        self.note(f"expected {expected} for {self.label(key)}, found {_TYPES[type(value)]}", key)

    def _matches_some(self, key: Key, text: str, *, alone: bool = False) -> bool:
        """Return whether a pattern has an effect; one that stands `alone` cannot take back."""
        try:
            (pattern,) = self._compiled([text]).spec.patterns
        except (ValueError, re.error):
            effect = None
        else:
            effect = pattern.include
        if effect or (effect is False and not alone):
            return True
        message = f"the pattern `{text}` in {self.label(key)} cannot match anything"
        self.note(message, key, with_value=not alone)
        return False

    def _compiled(self, lines: list[str]) -> Patterns:
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - most projects have no patterns

        return Patterns(self._origin.base, GitIgnoreSpec.from_lines(lines))

    def note(self, message: str, key: Key, *, with_value: bool = True) -> None:
        """Remember `message`, at the value of `key` or at the key itself."""
        self.problems.append(self._origin.problem(message, key, with_value=with_value))


def option(read: Callable[[Reader, Key, object], T], doc: str, default: T) -> T:
    """Return a field of options: how it is read, what it does, its default."""
    made: T = field(default=default, metadata={"read": read, "doc": doc})
    return made


@dataclass(frozen=True, slots=True)
class Options:
    """All keys, with dashes for underscores: how each is read, what it does, its default."""

    select: tuple[Selector, ...] | None = option(
        Reader.selectors, "rules to check, instead of those that are on by default", None
    )
    extend_select: tuple[Selector, ...] = option(
        Reader.selectors, "rules to check in addition to those of `select`", ()
    )
    ignore: tuple[Selector, ...] = option(Reader.selectors, "rules not to check", ())
    per_file_ignores: tuple[tuple[Patterns, frozenset[str]], ...] = option(
        Reader.ignores, "rules not to check in the files that match a pattern", ()
    )
    exclude: Patterns | None = option(  # noqa: RUF009 - it is a field
        Reader.patterns, "files and folders to pass over", None
    )
    respect_gitignore: bool = option(
        Reader.boolean, "whether to pass over the files that git ignores", default=True
    )
    keras_version: frozenset[Version] | None = option(
        Reader.releases, "the releases of Keras that the code is to run on", None
    )
    fail_on: Severity = option(  # noqa: RUF009 - it is a field
        Reader.limit, "the least severity that makes the exit status 1", DEFAULT_LIMIT
    )
    severity: tuple[tuple[Selector, Severity], ...] = option(
        Reader.severities, "severities of rules, instead of their own", ()
    )
    registration_decorators: frozenset[str] = option(
        Reader.dotted_names, "decorators that register a class with Keras", frozenset()
    )
    serialization_package: str | None = option(
        Reader.package, "what classes are registered under; by default the project's name", None
    )
    inspect: InspectOptions | None = option(  # noqa: RUF009 - it is a field
        Reader.inspection, "what `reglint inspect` does, and when it fails", None
    )
