"""Several reports: each of them, an overview, and what differs between two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.facts import AGREEMENT, Kind
from reglint.inspector.render.document import Cell, Column, Document, Look, Section, Table
from reglint.inspector.render.head import tone
from reglint.inspector.render.numbers import change, count, number
from reglint.inspector.render.sections import document, dormant, findings, told
from reglint.inspector.render.words import figure, place, rank, sentence, shown, title, whole, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reglint.inspector.comparison import Change, Comparison
    from reglint.inspector.report import PenaltyReport


def documents(
    reports: Sequence[PenaltyReport], comparison: Comparison | None
) -> Iterator[tuple[Document, PenaltyReport | None]]:
    """Yield a document for each report, with it; then what differs, or an overview of several."""
    yield from ((document(report), report) for report in reports)
    if comparison is not None:
        yield difference(comparison), None
    elif len(reports) > 1:
        yield overview(reports), None


def overview(reports: Sequence[PenaltyReport]) -> Document:
    """Return what is said of several models together."""
    table = Table(
        (
            Column("Model", Look.NAME),
            Column("Total", Look.NUMBER),
            *(Column(kind.value, Look.NUMBER, 2) for kind in Kind),
            Column("Dormant", Look.NUMBER, 3),
            Column("Findings", Look.NUMBER, 1),
        ),
        tuple(
            (
                Cell(title(report), tone=tone(report)),
                figure(report.total if report.penalties else None),
                *(figure(report.by_kind.get(kind)) for kind in Kind),
                whole(len(report.dormant)),
                whole(len(report.findings)),
            )
            for report in reports
        ),
        "and {} more",
    )
    section = Section("overview", "Totals", tables=(table,))
    models = count(len(reports), "model")
    return Document(models, _range(reports), worst(map(tone, reports)), (), (section,))


def _range(reports: Iterable[PenaltyReport]) -> str:
    totals = [report.total for report in reports if report.penalties]
    finite = [total for total in totals if math.isfinite(total)]
    if not finite:
        return "No total penalty that is a number" if totals else "No model with penalties"
    return f"Total penalties from {number(min(finite))} to {number(max(finite))}"


def difference(comparison: Comparison) -> Document:
    """Return what is said of the difference between two models."""
    before, after = comparison.before, comparison.after
    changed = [each for each in comparison.changes if _differs(each)]
    same = len(comparison.changes) - len(changed)
    verb = "is" if same == 1 else "are"
    sections = (
        Section(
            "changes",
            "Changes",
            " before, ".join(map(number, comparison.totals)) + " after",
            (_changes(changed),) if changed else (),
            remarks=(
                *((f"{count(same, 'penalty')} {verb} the same.",) if same else ()),
                *((sentence(comparison.note),) if comparison.note else ()),
            ),
        ),
        findings(comparison.new_findings, "new-findings", "New findings"),
        findings(comparison.gone_findings, "gone-findings", "Findings that are gone"),
        dormant(comparison.new_dormant, "new-dormant", "Dormant now"),
        dormant(comparison.gone_dormant, "gone-dormant", "Dormant before"),
    )
    return Document(
        title=f"{title(before)} \N{RIGHTWARDS ARROW} {title(after)}",
        headline=_moved(comparison),
        tone=worst(finding.severity for finding in comparison.new_findings),
        about=(),
        sections=told(sections),
    )


def _moved(comparison: Comparison) -> str:
    before, after = map(number, comparison.totals)
    if _rounding(comparison.difference, comparison.totals[0]):
        return f"The total penalty is the same, {after}"
    if not math.isfinite(comparison.difference):
        return f"The total penalty was {before} and is {after}"
    verb = "rose" if comparison.difference > 0 else "fell"
    return f"The total penalty {verb} by {number(abs(comparison.difference))}, to {after}"


def _changes(changes: Iterable[Change]) -> Table:
    return Table(
        (
            Column("Layer", Look.NAME),
            Column("Variable", Look.TERM),
            Column("Regularizer", Look.TERM, 1),
            Column("Before", Look.NUMBER),
            Column("After", Look.NUMBER),
            Column("Difference", Look.NUMBER),
            Column("Ratio", Look.NUMBER, 2),
        ),
        tuple(
            (
                *map(Cell, place(each.penalty)),
                Cell(_regularizers(each)),
                figure(each.before.value if each.before else None),
                figure(each.after.value if each.after else None),
                Cell(change(each.difference), each.difference),
                figure(each.ratio),
            )
            for each in sorted(changes, key=lambda each: -rank(abs(each.difference)))
        ),
        "and {} smaller ones",
    )


def _differs(each: Change) -> bool:
    if each.regularizer_changed or each.before is None or each.after is None:
        return True
    return not _rounding(each.difference, each.before.value)


def _rounding(difference: float, before: float) -> bool:
    """Return whether two numbers differ by what readers and backends do."""
    return not difference or abs(difference) <= AGREEMENT * abs(before)


def _regularizers(each: Change) -> str:
    old = shown(str((each.before and each.before.regularizer) or ""))
    new = shown(str((each.after and each.after.regularizer) or ""))
    if each.regularizer_changed:
        return f"{old or 'none'} \N{RIGHTWARDS ARROW} {new or 'none'}"
    return new or old
