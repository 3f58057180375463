"""What differs between two reports: penalties that came, went, grew or shrank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reglint.inspector.facts import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reglint.inspector.facts import Dormant, Finding, Penalty
    from reglint.inspector.report import PenaltyReport

    _Key: TypeAlias = tuple[str, str | None, Kind, int]


@dataclass(frozen=True, slots=True)
class Change:
    """A penalty before and after; at least one of them is there."""

    before: Penalty | None  # None: it was added
    after: Penalty | None  # None: it was removed

    @property
    def penalty(self) -> Penalty:
        """Return what names it: the penalty as it is, or as it was."""
        named = self.after or self.before
        assert named is not None
        return named

    @property
    def difference(self) -> float:
        """Return by how much the loss is larger for it now, in units of the loss."""
        return _value(self.after) - _value(self.before)

    @property
    def ratio(self) -> float | None:
        """Return how many times what it was it is; None where it was nothing, or is not there."""
        if self.before is None or self.after is None or not self.before.value:
            return None
        return self.after.value / self.before.value

    @property
    def regularizer_changed(self) -> bool:
        """Return whether another regularizer, or another factor, is at work."""
        if self.before is None or self.after is None:
            return False
        return self.before.regularizer != self.after.regularizer


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports, row by row."""

    before: PenaltyReport
    after: PenaltyReport
    changes: tuple[Change, ...]  # in the order of `after`, then what was removed; equal ones too
    new_findings: tuple[Finding, ...]
    gone_findings: tuple[Finding, ...]
    new_dormant: tuple[Dormant, ...]
    gone_dormant: tuple[Dormant, ...]
    note: str = ""  # what is not compared, and why; one sentence without a full stop

    @property
    def totals(self) -> tuple[float, float]:
        """Return the sums of what is compared, before and after, in units of the loss."""
        return (
            sum(_value(change.before) for change in self.changes),
            sum(_value(change.after) for change in self.changes),
        )

    @property
    def difference(self) -> float:
        """Return by how much the total of what is compared is larger now."""
        before, after = self.totals
        return after - before


def compare(before: PenaltyReport, after: PenaltyReport) -> Comparison:
    """Return what differs: penalties by layer, role and kind, findings by code and layer.

    A finding is new, too, where it was known as less severe; a dormant regularizer where another
    cause keeps it from acting. Several penalties of one layer, role and kind (the calls of a shared
    layer) are matched in their order.

    Compared is what both reports can know: of a file that was only read, weight penalties of Keras'
    own layers, and nothing is gone that only a run finds; where the models were called on
    different inputs, weight penalties.
    """
    why = _incomparable(before, after)
    unknown = {each.layer for report in (before, after) for each in report.unknown}
    old, new = (
        _by_key(
            each
            for each in report.penalties
            if not why or (each.kind is Kind.WEIGHT and not _within(each.layer, unknown))
        )
        for report in (before, after)
    )
    changes = [Change(old.get(key), penalty) for key, penalty in new.items()]
    changes += [Change(penalty, None) for key, penalty in old.items() if key not in new]
    return Comparison(
        before,
        after,
        tuple(changes),
        new_findings=_findings_beyond(after, before),
        gone_findings=_findings_beyond(before, after) if after.run or not before.run else (),
        new_dormant=_dormant_beyond(after, before),
        gone_dormant=_dormant_beyond(before, after) if after.run or not before.run else (),
        note=f"activity and add_loss penalties are not compared: {why}" if why else "",
    )


def _incomparable(before: PenaltyReport, after: PenaltyReport) -> str:
    """Return why penalties that depend on a call cannot be compared, if so."""
    runs = [report.run for report in (before, after) if report.run]
    if len(runs) == 1:
        return "one model was only read"
    if runs and _inputs(before) != _inputs(after):
        return "the models were called on different inputs"
    return ""


def _inputs(report: PenaltyReport) -> object:
    """Return what a model was called on."""
    probe = report.run.probe if report.run else None
    return probe and (probe.source, probe.batch_size, dict(probe.shapes))


def _within(layer: str, others: set[str]) -> bool:
    return any(layer == other or layer.startswith(f"{other}/") for other in others)


def _by_key(penalties: Iterable[Penalty]) -> dict[_Key, Penalty]:
    found: dict[_Key, Penalty] = {}
    for penalty in penalties:
        number = 0
        while (key := (penalty.layer, penalty.role, penalty.kind, number)) in found:
            number += 1
        found[key] = penalty
    return found


def _findings_beyond(report: PenaltyReport, other: PenaltyReport) -> tuple[Finding, ...]:
    return tuple(
        finding
        for finding in report.findings
        if not any(
            (finding.code, finding.layer) == (known.code, known.layer)
            and known.severity.reaches(finding.severity)
            for known in other.findings
        )
    )


def _dormant_beyond(report: PenaltyReport, other: PenaltyReport) -> tuple[Dormant, ...]:
    known = {(dormant.layer, dormant.role, dormant.cause) for dormant in other.dormant}
    return tuple(
        dormant
        for dormant in report.dormant
        if (dormant.layer, dormant.role, dormant.cause) not in known
    )


def _value(penalty: Penalty | None) -> float:
    return penalty.value if penalty else 0.0
