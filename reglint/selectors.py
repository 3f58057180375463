"""Selectors: how people name rules in settings, in comments and on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_EVERYTHING = "ALL"
_ALIKE = 0.75  # the ratio of difflib: one wrong character of a code, several of a name
_PREFIX = re.compile(r"RGL\d*")


class Nameable(Protocol):
    """What a selector needs to know of a rule; `Rule` classes have it."""

    @property
    def code(self) -> str:
        """Return the stable code, like `RGL101`."""

    @property
    def name(self) -> str:
        """Return the name in words, like `legacy-regularizer-argument`."""

    @property
    def default(self) -> bool:
        """Return whether the rule is on unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Some rules: those of a code, a name, a prefix of codes, or `ALL`."""

    text: str
    codes: frozenset[str]
    weight: int  # of two selectors that disagree on a rule, the one of more weight wins


@dataclass(frozen=True)
class Catalog:
    """The rules that can be named; they are asked for only where one is."""

    rules: Callable[[], Iterable[Nameable]]

    @classmethod
    def of(cls, rules: Iterable[Nameable]) -> Catalog:
        """Return the catalog of `rules`."""
        rules = tuple(rules)
        return cls(lambda: rules)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return the names of all rules, by code."""
        return {rule.code: rule.name for rule in self.rules()}

    @cached_property
    def default(self) -> frozenset[str]:
        """Return the codes that are on unless the settings say otherwise."""
        return frozenset(rule.code for rule in self.rules() if rule.default)

    def find(self, text: str) -> Selector | None:
        """Return what `text` selects, or nothing if it names no rule."""
        if text == _EVERYTHING:
            return Selector(text, frozenset(self.names), 0)
        if _PREFIX.fullmatch(text):
            codes = frozenset(code for code in self.names if code.startswith(text))
            return Selector(text, codes, len(text)) if codes else None
        for code, name in self.names.items():
            if name == text:
                return Selector(text, frozenset({code}), len(code))
        return None

    def closest(self, text: str) -> str | None:
        """Return the code or name that `text` may be a misspelling of."""
        return closest(text, (_EVERYTHING, *self.names, *self.names.values()))


@cache
def catalog() -> Catalog:
    """Return the catalog of reglint's own rules."""
    return Catalog(_own)


def _own() -> Iterable[Nameable]:
    from reglint.rules import RULES  # noqa: PLC0415 - a tenth of a second, that not all need

    return RULES


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `word` may be a misspelling of, whatever the case."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed only where something is wrong

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(word.lower(), by_lower, n=1, cutoff=_ALIKE)
    return by_lower[matches[0]] if matches else None


def did_you_mean(guess: str | None) -> str:
    """Return the end of a message that offers `guess`; nothing without one."""
    return f"; did you mean `{guess}`?" if guess else ""
