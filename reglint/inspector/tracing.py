"""From what is reported of a model back to the calls in the source that make its layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reglint.inspector.facts import Dormant, Finding, Penalty, Untraced
from reglint.linking import match, sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reglint.inspector.report import PenaltyReport
    from reglint.linking.sites import Sources

Row = TypeVar("Row", Penalty, Dormant, Finding)


def look(paths: Sequence[str]) -> Sources:
    """Return the calls that make layers in files and folders; raise FileNotFoundError."""
    for path in paths:
        if not Path(path).exists():
            message = f"{path}: no such file or folder to trace layers to"
            raise FileNotFoundError(message)
    return sites.find(paths)


def notes(sources: Sources) -> tuple[str, ...]:
    """Return what keeps layers from being traced, a sentence each."""
    unread = tuple(f"source that was not read: {each}" for each in sources.errors)
    return unread if sources.sites or unread else ("the source makes no layers",)


def traced(report: PenaltyReport, sources: Sources) -> PenaltyReport:
    """Return `report` with the place of the call that makes each layer that it tells of.

    A layer whose call is not certain is in `untraced`, with the reason. What is told of the model
    as a whole has no place. Source that could not be read is in the notes.
    """
    links = match.link(report.layers, sources, report.model_class)
    places = {path: found.site.place for path, found in links.found.items()}

    def placed(rows: Iterable[Row]) -> tuple[Row, ...]:
        return tuple(replace(row, source=places.get(row.layer)) for row in rows)

    rows: tuple[Penalty | Dormant | Finding, ...] = (
        *report.penalties,
        *report.dormant,
        *report.findings,
    )
    told = dict.fromkeys(row.layer for row in rows if row.layer)
    return replace(
        report,
        penalties=placed(report.penalties),
        dormant=placed(report.dormant),
        findings=placed(report.findings),
        untraced=tuple(
            Untraced(path, links.refused.get(path, "the model has no such layer"))
            for path in told
            if path not in links.found
        ),
        notes=(*report.notes, *notes(sources)),
    )
