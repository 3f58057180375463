"""What `reglint regularize` reports: data only.

A penalty is what the loss gets, in float64, from the variables as they are stored. What activity
regularizers and classes that are not Keras' own add, no file tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reglint.inspector.facts import FileFacts  # noqa: TC001 - read by the codec
from reglint.regularizing.plan import Change  # noqa: TC001 - read by the codec

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Effect:
    """A change, and what it does to the loss."""

    change: Change
    penalty_before: float | None  # None: the file does not tell
    penalty_after: float | None
    note: str = ""  # why it adds nothing, or why the file does not tell; without a full stop

    @property
    def rise(self) -> float | None:
        """Return how much larger the loss becomes, None if the file does not tell."""
        if self.penalty_before is None or self.penalty_after is None:
            return None
        return self.penalty_after - self.penalty_before


@dataclass(frozen=True, slots=True)
class RegularizeReport:
    """What was changed, or would be."""

    file: FileFacts  # as it was
    effects: tuple[Effect, ...]  # none: everything was as asked for
    rise: float  # of the loss, by all effects that the file tells
    notes: tuple[str, ...] = ()  # what to know before training goes on, a sentence each
    sha256: str = ""  # of what was written
    output: str | None = None  # where to, as the user wrote it; None: nothing was written
    backup: str | None = None  # where the original is kept
    schema_version: int = field(default=SCHEMA_VERSION)
