"""Suppression comments: which findings they cover, and which of them have no effect.

    layer = Dense(8, W_regularizer=l2(0.1))  # reglint: ignore[RGL101] why

covers the statement that it stands in or directly above. Several rules are separated by commas, and
named by code, by name, or by the start of the code; without brackets, all rules are meant.
`# reglint: ignore-file[RGL101]`, on a line of its own, covers the file; `# noqa: RGL101` and
`# noqa`, the statement that it stands in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from reglint.comments import find
from reglint.model import Edit
from reglint.rules.unused_suppression import UnusedSuppression
from reglint.selectors import catalog, closest, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from reglint.comments import Comment, Comments
    from reglint.selectors import Catalog

_SELF = UnusedSuppression.code
_HINT = re.compile(r"#\s*(?:reglint\b|noqa\b(?!\s*:)|noqa\s*:.*RGL)", re.IGNORECASE)
_REASON = r"(?:[^\#]|\#(?=\d))*"  # up to the next comment; `#12` is an issue
_NOQA = re.compile(
    rf"\#+\s*(?i:noqa)\b(?:\s*:\s*(?P<list>[A-Z]+\d+\b(?:[,\s]+[A-Z]+\d+\b)*)|(?!\s*:)){_REASON}"
)
_OWN = re.compile(
    rf"\#+\s*reglint\b\s*(?P<colon>:?)\s*(?P<verb>[\w-]*)\s*"
    rf"(?:\[(?P<list>[^\]\#]*)\])?(?P<rest>{_REASON})",
    re.IGNORECASE,
)
_ITEM = re.compile(r"[^\s,]+")
_VERBS = ("ignore", "ignore-file")
_OURS = "RGL"  # what our codes start with
_ALL_STATEMENTS = -1


class Found(Protocol):
    """What can be suppressed."""

    @property
    def code(self) -> str:
        """Return the code of the rule."""

    @property
    def start(self) -> int:
        """Return the offset into the text."""


F = TypeVar("F", bound=Found)


@dataclass(frozen=True, slots=True)
class Unused:
    """A suppression without effect, or a part of one; and how to remove it, if that is safe."""

    start: int
    end: int
    message: str
    title: str = ""  # of the edit
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Suppressed(Generic[F]):
    """What suppression comments leave, how many findings they take, and what has no effect."""

    kept: tuple[F, ...]
    count: int = 0
    unused: tuple[Unused, ...] = ()


@dataclass(frozen=True, slots=True)
class _Item:
    """An element of a list, or the whole of a suppression without one."""

    start: int
    end: int
    text: str  # empty: all rules
    codes: frozenset[str]  # empty: it names no rule
    theirs: bool  # other tools may need it


@dataclass(frozen=True, slots=True)
class _Suppression:
    start: int
    end: int  # of the reason
    statement: int | None  # that it covers
    items: tuple[_Item, ...]


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A comment."""

    start: int
    end: int
    suppressions: tuple[_Suppression, ...]
    malformed: tuple[Unused, ...]


def apply(
    text: str, found: Sequence[F], enabled: frozenset[str], rules: Catalog | None = None
) -> Suppressed[F]:
    """Return what the comments of `text` leave of `found`, and what in them has no effect.

    The latter is told if RGL001 is `enabled`, and only of what the enabled rules had use for.
    """
    if not _HINT.search(text):
        return Suppressed(tuple(found))
    rules = rules or catalog()
    comments = find(text)
    parsed = [_parsed(comment, comments, rules) for comment in comments.comments]
    covering: defaultdict[int | None, list[_Item]] = defaultdict(list)
    for suppression in chain.from_iterable(comment.suppressions for comment in parsed):
        covering[suppression.statement] += suppression.items
    everywhere = covering[_ALL_STATEMENTS]

    kept = []
    used = set()
    for one in found:
        statement = comments.statement(one.start)
        here = [] if statement is None else covering[statement]
        items = () if one.code == _SELF else (*here, *everywhere)
        hits = {item for item in items if one.code in item.codes}
        used |= hits
        if not hits:
            kept.append(one)

    idle = {
        item
        for item in chain.from_iterable(covering.values())
        if item not in used and not item.theirs and _is_judged(item, enabled, rules)
    }
    told = comments.exact and _SELF in enabled
    unused = chain.from_iterable(_reports(text, comment, idle, rules) for comment in parsed)
    return Suppressed(tuple(kept), len(found) - len(kept), tuple(unused) if told else ())


def _is_judged(item: _Item, enabled: frozenset[str], rules: Catalog) -> bool:
    """Return whether the `enabled` rules include all that `item` is likely to be there for."""
    return bool(item.codes & enabled) and not item.codes & rules.default - enabled


def _parsed(comment: Comment, comments: Comments, rules: Catalog) -> _Parsed:
    suppressions = []
    malformed = []
    for match in _NOQA.finditer(comment.text):
        inside = comments.statement(comment.start)
        suppressions.append(_suppression(comment, match, inside, rules))
    for match in _OWN.finditer(comment.text):
        verb = match["verb"].lower().lstrip("-")
        if not match["colon"] and not verb.startswith("ignore"):
            continue  # it only speaks of reglint
        if fault := _fault(match, verb, comment, rules):
            malformed.append(Unused(*_span(comment, match), f"not a suppression: {fault}"))
        else:
            statement = comment.statement if verb == "ignore" else _ALL_STATEMENTS
            suppressions.append(_suppression(comment, match, statement, rules))
    suppressions.sort(key=lambda suppression: suppression.start)
    end = comment.start + len(comment.text)
    return _Parsed(comment.start, end, tuple(suppressions), tuple(malformed))


def _fault(match: re.Match[str], verb: str, comment: Comment, rules: Catalog) -> str:
    """Return what is wrong with the form of a comment for reglint; nothing if it is right."""
    rest = match["rest"]
    word = rest.lstrip(":=( ").partition(" ")[0].rstrip(",")
    if not match["colon"]:
        return "no colon after `reglint`"
    if verb not in _VERBS:
        return f"unknown word `{match['verb']}`{did_you_mean(closest(verb, _VERBS))}"
    if verb == "ignore-file" and not comment.alone:
        return "`ignore-file` is not on a line of its own"
    if match["list"] is not None:
        return "" if _ITEM.search(match["list"]) else "no rule in the brackets"
    if rest.startswith("["):
        return "no closing bracket"
    if rest.startswith((":", "=", "(")) or word.upper().startswith(_OURS) or rules.find(word):
        return "no brackets around the rules"
    return ""


def _suppression(
    comment: Comment, match: re.Match[str], statement: int | None, rules: Catalog
) -> _Suppression:
    start, end = _span(comment, match)
    noqa = match.re is _NOQA
    if match["list"] is None:
        return _Suppression(
            start, end, statement, (_Item(start, end, "", frozenset(rules.names), noqa),)
        )
    items = []
    for item in _ITEM.finditer(comment.text, *match.span("list")):
        selector = rules.find(item[0])
        codes = selector.codes if selector else frozenset[str]()
        theirs = noqa and not item[0].startswith(_OURS)
        span = comment.start + item.start(), comment.start + item.end()
        items.append(_Item(*span, item[0], codes, theirs))
    return _Suppression(start, end, statement, tuple(items))


def _span(comment: Comment, match: re.Match[str]) -> tuple[int, int]:
    start = comment.start + match.start()
    return start, start + len(match[0].rstrip())


def _reports(
    text: str, comment: _Parsed, idle: Collection[_Item], rules: Catalog
) -> Iterator[Unused]:
    """Yield what in `comment` has no effect; each one's edit removes all that is safe to remove."""
    yield from comment.malformed
    items = [item for suppression in comment.suppressions for item in suppression.items]
    guesses = {
        item: rules.closest(item.text) for item in items if not item.codes and not item.theirs
    }
    # A misspelt rule is not removed: it is better spelt right.
    gone = [item for item in items if item in idle or guesses.get(item, item.text) is None]
    title = f"Remove the suppression of {_listed(gone)}"
    fix = (title, _removal(text, comment, gone)) if gone else ()
    for suppression in comment.suppressions:
        if unused := [item for item in suppression.items if item in idle]:
            subject = f"suppression of {_listed(unused)}"
            covers = suppression.statement is not None
            message = f"unused {subject}" if covers else f"{subject} covers no statement"
            yield Unused(unused[0].start, unused[-1].end, message, *fix)
    for item, guess in guesses.items():
        message = f"unknown rule `{item.text}` in a suppression{did_you_mean(guess)}"
        yield Unused(item.start, item.end, message, *(() if guess else fix))


def _removal(text: str, comment: _Parsed, gone: Collection[_Item]) -> Edit:
    """Return the edit that takes `gone` out of `comment`, with the blanks or the line it leaves."""
    left = ""
    at = comment.start
    for suppression in comment.suppressions:
        left += text[at : suppression.start]
        rest = text[suppression.end : comment.end]
        if kept := _kept(text, suppression, gone):
            left += kept
            at = suppression.end
        else:
            at = comment.end - len(rest.lstrip())
    left = (left + text[at : comment.end]).rstrip()
    if left:
        return Edit(comment.start, comment.end, left)
    line = text.rfind("\n", 0, comment.start) + 1
    if before := text[line : comment.start].rstrip():
        return Edit(line + len(before), comment.end, "")
    goes_on = text.endswith("\\\n", 0, line)  # the line is the end of a statement
    return Edit(line, comment.end if goes_on else min(comment.end + 1, len(text)), "")


def _kept(text: str, suppression: _Suppression, gone: Collection[_Item]) -> str:
    """Return `suppression` without `gone`; nothing if there is no other item."""
    kept = ""
    at = suppression.items[0].start
    for item in suppression.items:
        if item not in gone:
            kept += (text[at : item.start] if kept else "") + text[item.start : item.end]
        at = item.end
    if not kept:
        return ""
    return text[suppression.start : suppression.items[0].start] + kept + text[at : suppression.end]


def _listed(items: Sequence[_Item]) -> str:
    names = [f"`{item.text}`" if item.text else "all rules" for item in items]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
