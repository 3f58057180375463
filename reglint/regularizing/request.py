"""What a user asks of `reglint regularize`: data only."""

from __future__ import annotations

from dataclasses import dataclass, field

from reglint.inspector.request import Limits
from reglint.regularizing.operations import Operation, Remove, Scale, Set


@dataclass(frozen=True, slots=True)
class Step:
    """An operation, as JSON can say it: one of these."""

    set: Set | None = None
    remove: Remove | None = None
    scale: Scale | None = None

    @classmethod
    def of(cls, operation: Operation) -> Step:
        """Return `operation` as a step."""
        match operation:
            case Set():
                return cls(set=operation)
            case Remove():
                return cls(remove=operation)
        return cls(scale=operation)

    @property
    def operation(self) -> Operation:
        """Return the operation that it is."""
        found = self.set or self.remove or self.scale
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Edit:
    """What the process that opens the file is to do with it."""

    steps: tuple[Step, ...]
    classes: tuple[str, ...] = ()
    side: str | None = None  # an empty file to write the result to; None: to write nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularizeRequest:
    """How to change a model file. Without `output` and `in_place` nothing is written."""

    path: str
    operations: tuple[Operation, ...]  # one after the other
    classes: tuple[str, ...] = ()  # of layers; empty: of all
    output: str | None = None
    force: bool = False  # write over an `output` that is there
    in_place: bool = False
    backup: bool = True  # keep what was there in place as `.bak`
    limits: Limits = field(default_factory=Limits)
