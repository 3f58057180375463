"""The types the rest is made of: data only, no input or output, no libcst at run time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    import libcst as cst

    from reglint.source import Source

    Change: TypeAlias = "Replace | Remove | RemoveLine | Insert | Prepend | InsertLines | AddImport"
    Version: TypeAlias = tuple[int, int]  # (3, 15) is Keras 3.15


class Severity(Enum):
    """How much a finding matters."""

    ERROR = "error"  # raises, or is silently wrong
    WARNING = "warning"  # likely wrong
    INFO = "info"  # worth knowing

    def reaches(self, limit: Severity) -> bool:
        """Tell whether this is as severe as `limit`, or more."""
        order = list(Severity)
        return order.index(self) <= order.index(limit)


class Safety(Enum):
    """What may be done with a fix without asking."""

    SAFE = "safe"  # same behaviour, or the plainly intended one
    UNSAFE = "unsafe"  # may change numbers, saved models or an API
    DISPLAY = "display"  # shown, never applied


# What a rule speaks in: nodes of the tree, no positions.


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `text` in place of `node`."""

    node: cst.CSTNode
    text: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Take `node` out of the comma-separated `siblings` it is one of."""

    node: cst.CSTNode
    siblings: tuple[cst.CSTNode, ...]


@dataclass(frozen=True, slots=True)
class RemoveLine:
    """Take out a line of simple statements, and the line break behind it."""

    node: cst.SimpleStatementLine


@dataclass(frozen=True, slots=True)
class Insert:
    """Put `text` right after `node`."""

    node: cst.CSTNode
    text: str


@dataclass(frozen=True, slots=True)
class Prepend:
    """Put `text` right before `node`."""

    node: cst.CSTNode
    text: str


@dataclass(frozen=True, slots=True)
class InsertLines:
    """Put `text`, which are whole lines, behind the line that `node` ends on."""

    node: cst.CSTNode
    text: str


@dataclass(frozen=True, slots=True)
class AddImport:
    """Make `from module import name` hold for the whole file, once."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to put a finding right: applied whole or not at all."""

    title: str  # imperative, no full stop
    changes: tuple[Change, ...]
    safety: Safety = Safety.SAFE
    reason: str = ""  # why it is not safe; required unless it is


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule yields: a node, a sentence, and the ways to put it right, the best one first."""

    node: cst.CSTNode
    message: str
    fixes: tuple[Fix, ...] = ()
    severity: Severity | None = None  # None: the one of the rule


# What everything after the engine speaks in: text and places.


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a person finds it. Lines, columns and cells count from 1; cell 0: not a notebook."""

    cell: int
    line: int
    column: int

    def __str__(self) -> str:
        prefix = f"cell {self.cell}:" if self.cell else ""
        return f"{prefix}{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Put `text` in place of `source.text[start:end]`; offsets count characters."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix as text edits, sorted and not overlapping."""

    title: str
    edits: tuple[Edit, ...]
    safety: Safety
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding with its place: what is suppressed, reported and fixed."""

    path: str
    code: str
    name: str
    severity: Severity
    message: str
    start: int  # offsets into `Source.text`
    end: int
    place: Place
    end_place: Place
    offers: tuple[Offer, ...] = ()

    @property
    def offer(self) -> Offer | None:
        """Return the offer that `reglint fix` would consider, if there is one."""
        return self.offers[0] if self.offers else None

    @property
    def order(self) -> tuple[str, Place, str, str]:
        """Return the key that every output sorts by."""
        return (self.path, self.place, self.code, self.message)


@dataclass(frozen=True, slots=True)
class FileError:
    """A file that was not checked, or not written, and why, in one line."""

    path: str
    message: str
    place: Place | None = None

    def __str__(self) -> str:
        where = f"{self.path}:{self.place}" if self.place else self.path
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the engine needs to know of the configuration for one file."""

    codes: frozenset[str]  # of the rules that are on
    keras: frozenset[Version]  # the Keras releases the code may run on
    shadowed: frozenset[str] = frozenset()  # top-level packages that the project itself defines
    assumed: bool = False  # whether `keras` is only what the project's requirements leave
    severities: frozenset[tuple[str, Severity]] = frozenset()  # by code, where it is not the rule's
    decorators: frozenset[str] = frozenset()  # dotted names of those that register a class
    package: str = ""  # what classes of the project are registered under


@dataclass(frozen=True, slots=True)
class Result:
    """What checking one source found."""

    diagnostics: tuple[Diagnostic, ...] = ()  # in order, without the suppressed ones
    suppressed: int = 0
    errors: tuple[FileError, ...] = ()  # a cell that does not parse, a rule that crashed


@dataclass(frozen=True, slots=True)
class Fixed:
    """What fixing one source did; `result` tells what is left in `source`."""

    source: Source
    applied: tuple[Diagnostic, ...]
    result: Result


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """A requirement that limits which Keras there is."""

    path: str
    line: int
    text: str  # as written, more or less


@dataclass(frozen=True, slots=True)
class Assumption:
    """The Keras that files are judged for where nobody but their project's requirements says it."""

    label: str  # "Keras 3.4 or later"
    releases: frozenset[Version]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run; outputs and the exit status are functions of it."""

    diagnostics: tuple[Diagnostic, ...] = ()  # what is left, in order
    errors: tuple[FileError, ...] = ()
    checked: int = 0  # files
    suppressed: int = 0
    fixed: tuple[Diagnostic, ...] = ()  # what `fix` really applied
    changed: tuple[str, ...] = ()  # the files that it rewrote, or would (`--diff`)
    diff: str = ""
    sources: Mapping[str, Source] = field(default_factory=dict)  # of files with diagnostics
    failing: int = 0  # diagnostics as severe as `fail-on` of their file says, or more
    assumptions: Mapping[Assumption, int] = field(default_factory=dict)  # for how many files
