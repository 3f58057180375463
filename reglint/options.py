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
        known = {option.name.replace("_", "-"): option for option in fields(Options)}
        found = {}
        for key, value in self._origin.values.items():
            if option := known.get(key):
                found[option.name] = option.metadata["read"](self, (key,), value)
            else:
                hint = did_you_mean(closest(key, known))
                self._note(f"unknown key `{key}`{hint}", (key,), with_value=False)
        return found

    def boolean(self, key: Key, value: object) -> bool:
        """Read `true` or `false`."""
        return bool(self._expect(bool, "a boolean", key, value))

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
        for text, raw in (self._expect(dict, "a table", key, value) or {}).items():
            at = (*key, text)
            selectors = self.selectors(at, raw)
            if self._matches_some(at, text, alone=True):
                codes = frozenset[str]().union(*(selector.codes for selector in selectors))
                found.append((self._compiled([text]), codes))
        return tuple(found)

    def releases(self, key: Key, value: object) -> frozenset[Version] | None:
        """Read a release of Keras, the start of one, a specifier, or `auto` for none of these."""
        text = self._expect(str, "a string in quotes", key, value)
        if text is None or text == "auto":
            return None
        try:
            found = matching(text, KNOWN_VERSIONS)
        except ValueError:
            choices = "`auto`, a version like `3.15` or a specifier like `>=2.10,<4`"
            self._note(f"expected {choices} for {self._origin.label(key)}, found `{text}`", key)
            return None
        if not found:
            first, last = ("{}.{}".format(*KNOWN_VERSIONS[at]) for at in (0, -1))
            label = self._origin.label(key)
            self._note(f"`{text}` in {label} is no release of Keras from {first} to {last}", key)
        return found

    def severity(self, key: Key, value: object) -> Severity | None:
        """Read the name of a severity."""
        names = [each.value for each in Severity]
        if value in names:
            return Severity(value)
        text = self._expect(str, "a string", key, value)
        if text is not None:
            hint = did_you_mean(closest(text, names))
            choices = "`{}`, `{}` or `{}`".format(*names)
            label = self._origin.label(key)
            self._note(f"expected {choices} for {label}, found `{text}`{hint}", key)
        return None

    def limit(self, key: Key, value: object) -> Severity:
        """Read the least severity of some."""
        return self.severity(key, value) or DEFAULT_LIMIT

    def severities(self, key: Key, value: object) -> tuple[tuple[Selector, Severity], ...]:
        """Read a table of selectors, with a severity for each."""
        found = []
        for text, raw in (self._expect(dict, "a table", key, value) or {}).items():
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
                label = self._origin.label(key)
                self._note(f"expected names like `package.register` in {label}, found `{text}`", at)
        return frozenset(found)

    def package(self, key: Key, value: object) -> str | None:
        """Read what classes are registered under, which Keras writes before a `>`."""
        text = self._expect(str, "a string", key, value)
        if text is not None and ">" in text:
            self._note(f"{self._origin.label(key)} cannot have a `>` in it, found `{text}`", key)
        return text

    def _strings(self, key: Key, value: object) -> Iterator[tuple[Key, str]]:
        """Yield each string of a list with its key."""
        for index, item in enumerate(self._expect(list, "a list of strings", key, value) or ()):
            at = (*key, index)
            text = self._expect(str, "strings", at, item)
            if text is not None:
                yield at, text

    def _selector(self, key: Key, text: str, *, with_value: bool = True) -> Selector | None:
        selector = self._rules.find(text)
        if not selector:
            hint = did_you_mean(self._rules.closest(text))
            message = f"unknown rule `{text}` in {self._origin.label(key)}{hint}"
            self._note(message, key, with_value=with_value)
        return selector

    def _expect(self, kind: type[T], expected: str, key: Key, value: object) -> T | None:
        if isinstance(value, kind):
            return value
        label, found = self._origin.label(key), _TYPES[type(value)]
        self._note(f"expected {expected} for {label}, found {found}", key)
        return None

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
        message = f"the pattern `{text}` in {self._origin.label(key)} cannot match anything"
        self._note(message, key, with_value=not alone)
        return False

    def _compiled(self, lines: list[str]) -> Patterns:
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - most projects have no patterns

        return Patterns(self._origin.base, GitIgnoreSpec.from_lines(lines))

    def _note(self, message: str, key: Key, *, with_value: bool = True) -> None:
        self.problems.append(self._origin.problem(message, key, with_value=with_value))


def _option(read: Callable[[Reader, Key, object], T], doc: str, default: T) -> T:
    option: T = field(default=default, metadata={"read": read, "doc": doc})
    return option


@dataclass(frozen=True, slots=True)
class Options:
    """All keys, with dashes for underscores: how each is read, what it does, its default."""

    select: tuple[Selector, ...] | None = _option(
        Reader.selectors, "rules to check, instead of those that are on by default", None
    )
    extend_select: tuple[Selector, ...] = _option(
        Reader.selectors, "rules to check in addition to those of `select`", ()
    )
    ignore: tuple[Selector, ...] = _option(Reader.selectors, "rules not to check", ())
    per_file_ignores: tuple[tuple[Patterns, frozenset[str]], ...] = _option(
        Reader.ignores, "rules not to check in the files that match a pattern", ()
    )
    exclude: Patterns | None = _option(  # noqa: RUF009 - it is a field
        Reader.patterns, "files and folders to pass over", None
    )
    respect_gitignore: bool = _option(
        Reader.boolean, "whether to pass over the files that git ignores", default=True
    )
    keras_version: frozenset[Version] | None = _option(
        Reader.releases, "the releases of Keras that the code is to run on", None
    )
    fail_on: Severity = _option(  # noqa: RUF009 - it is a field
        Reader.limit, "the least severity that makes the exit status 1", DEFAULT_LIMIT
    )
    severity: tuple[tuple[Selector, Severity], ...] = _option(
        Reader.severities, "severities of rules, instead of their own", ()
    )
    registration_decorators: frozenset[str] = _option(
        Reader.dotted_names, "decorators that register a class with Keras", frozenset()
    )
    serialization_package: str | None = _option(
        Reader.package, "what classes are registered under; by default the project's name", None
    )
