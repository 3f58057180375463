"""Everything, for programs. A change that breaks readers raises `facts.SCHEMA_VERSION`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from reglint.inspector import codec
from reglint.inspector.facts import (
    SCHEMA_VERSION,
    Dormant,
    FileFacts,
    Finding,
    Penalty,
)
from reglint.inspector.report import PenaltyReport  # noqa: TC001 - read at run time, by msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.render import Style

_NON_FINITE = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report adds up to."""

    path: str
    total: float  # of all penalties
    by_kind: dict[str, float]
    loss: float | None  # with all penalties; null without data
    shares: tuple[float | None, ...]  # of each penalty in the loss, or else in the total


@dataclass(frozen=True, slots=True)
class Changed:
    """A penalty before and after: null where there is none."""

    before: Penalty | None
    after: Penalty | None
    difference: float


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two reports."""

    before: FileFacts
    after: FileFacts
    difference: float  # of the totals of what is compared
    changes: tuple[Changed, ...]  # equal ones too
    new_findings: tuple[Finding, ...]
    gone_findings: tuple[Finding, ...]
    new_dormant: tuple[Dormant, ...]
    gone_dormant: tuple[Dormant, ...]
    note: str = ""  # what is not compared, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What `reglint inspect` prints as JSON."""

    schema_version: int = SCHEMA_VERSION
    reports: tuple[PenaltyReport, ...]
    summaries: tuple[Summary, ...]  # in the order of `reports`
    comparison: Differences | None = None


def render(reports: Sequence[PenaltyReport], comparison: Comparison | None, style: Style) -> str:
    """Return one JSON object, an `Output`; numbers that are not finite are strings."""
    del style
    output = Output(
        reports=tuple(map(_short, reports)),
        summaries=tuple(map(_summary, reports)),
        comparison=_differences(comparison) if comparison else None,
    )
    return f"{codec.encode(output, indent=1)}\n"


def _short(report: PenaltyReport) -> PenaltyReport:
    """Return a report without what its layers are made of, which would be most of it."""
    return replace(report, layers=tuple(replace(each, arguments={}) for each in report.layers))


def schema() -> dict[str, Any]:
    """Return the JSON schema of what `render` returns."""
    return described(Output, "Output of `reglint inspect` as JSON")


def described(kind: type, title: str) -> dict[str, Any]:
    """Return the JSON schema of `kind` as the codec writes it: see there."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": title, **_described(codec.schema(kind))}


def _described(part: Any) -> Any:
    """Return a part of a schema with what msgspec does not know: see `codec`."""
    match part:
        case {"type": "number", **rest}:
            return {"anyOf": [{"type": "number"}, {"enum": list(_NON_FINITE)}], **rest}
        case {"description": str(text), **rest}:
            return {"description": cleandoc(text), **_described(rest)}
        case dict():
            return {key: _described(item) for key, item in part.items()}
        case list():
            return [_described(item) for item in part]
    return part


def _summary(report: PenaltyReport) -> Summary:
    return Summary(
        report.file.path,
        report.total,
        {kind.value: value for kind, value in report.by_kind.items()},
        report.loss,
        tuple(map(report.share, report.penalties)),
    )


def _differences(comparison: Comparison) -> Differences:
    return Differences(
        comparison.before.file,
        comparison.after.file,
        comparison.difference,
        tuple(Changed(each.before, each.after, each.difference) for each in comparison.changes),
        comparison.new_findings,
        comparison.gone_findings,
        comparison.new_dormant,
        comparison.gone_dormant,
        comparison.note,
    )
