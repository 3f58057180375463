"""The report of one model: what both readers say, as one."""

from __future__ import annotations

from dataclasses import dataclass

from reglint import __version__
from reglint.inspector.facts import (
    SCHEMA_VERSION,
    Data,
    Decay,
    Dormant,
    FileFacts,
    Finding,
    Kind,
    Level,
    Penalty,
    Run,
    ScaleInvariance,
    Unknown,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class PenaltyReport:
    """What regularization adds to the loss of a model, penalty by penalty.

    Values are in units of the loss. `penalties` stand in the order of `model.losses` reordered by
    layer; `total` is their sum, and equals `sum(model.losses)` where the model was run.
    """

    file: FileFacts
    level: Level = Level.STATIC  # how far the file was trusted
    verdict: Verdict | None = None  # None: no file
    penalties: tuple[Penalty, ...] = ()
    dormant: tuple[Dormant, ...] = ()
    unknown: tuple[Unknown, ...] = ()  # what nobody could look at: empty where the model was run
    findings: tuple[Finding, ...] = ()
    run: Run | None = None  # None: the static reader only
    data: Data | None = None
    optimizer: str | None = None
    decays: tuple[Decay, ...] = ()
    scale_invariance: tuple[ScaleInvariance, ...] = ()
    notes: tuple[str, ...] = ()  # why there is no more: a sentence each
    static_seconds: float = 0.0
    reglint_version: str = __version__
    schema_version: int = SCHEMA_VERSION

    @property
    def total(self) -> float:
        """Return the sum of all penalties."""
        return sum(penalty.value for penalty in self.penalties)

    @property
    def by_kind(self) -> dict[Kind, float]:
        """Return the total of each kind that occurs."""
        return {
            kind: sum(penalty.value for penalty in self.penalties if penalty.kind is kind)
            for kind in Kind
            if any(penalty.kind is kind for penalty in self.penalties)
        }

    @property
    def loss(self) -> float | None:
        """Return the data loss with all penalties, None without data."""
        return None if self.data is None else self.data.loss + self.total

    def share(self, penalty: Penalty) -> float | None:
        """Return the share of `penalty` in the loss, or in the total where there is no data.

        None where that is no number: nothing to share, NaN, infinities, or a negative whole.
        """
        whole = self.total if self.loss is None else self.loss
        if not 0 < whole < float("inf"):
            return None
        return penalty.value / whole
