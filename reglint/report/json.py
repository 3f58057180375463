"""Everything, for programs. A change that breaks readers raises `SCHEMA_VERSION`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reglint.report.summary import counts

if TYPE_CHECKING:
    from reglint.model import Assumption, Diagnostic, Edit, FileError, Offer, Place, Report
    from reglint.report import Style
    from reglint.source import Source

SCHEMA_VERSION = 1


def render(report: Report, style: Style) -> str:
    """Return one JSON object: `diagnostics`, `fixed`, `errors` and a `summary` of them."""
    del style
    return json.dumps(as_data(report), indent=2) + "\n"


def as_data(report: Report) -> dict[str, Any]:
    """Return `report` as what JSON is made of; keys and order are part of the schema."""
    return {
        "schema_version": SCHEMA_VERSION,
        "diagnostics": [
            _finding(each) | {"fixes": [_fix(o, report.sources[each.path]) for o in each.offers]}
            for each in report.diagnostics
        ],
        "fixed": [
            _finding(each) | {"title": each.offer.title if each.offer else ""}
            for each in report.fixed
        ],
        "errors": [_error(each) for each in report.errors],
        "assumptions": [_assumption(*each) for each in report.assumptions.items()],
        "summary": counts(report),
    }


def _finding(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "path": diagnostic.path,
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "start": _place(diagnostic.place),
        "end": _place(diagnostic.end_place),
    }


def _fix(offer: Offer, source: Source) -> dict[str, Any]:
    return {
        "title": offer.title,
        "safety": offer.safety.value,
        "reason": offer.reason,
        "edits": [_edit(each, source) for each in offer.edits],
    }


def _edit(edit: Edit, source: Source) -> dict[str, Any]:
    return {
        "start": _place(source.place(edit.start)),
        "end": _place(source.place(edit.end)),
        "text": edit.text,
    }


def _error(error: FileError) -> dict[str, Any]:
    return {
        "path": error.path,
        "message": error.message,
        "start": _place(error.place) if error.place else None,
    }


def _assumption(assumption: Assumption, files: int) -> dict[str, Any]:
    return {
        "keras": assumption.label,
        "releases": ["{}.{}".format(*release) for release in sorted(assumption.releases)],
        "files": files,
        "reasons": [
            {"path": why.path, "line": why.line, "text": why.text} for why in assumption.reasons
        ],
    }


def _place(place: Place) -> dict[str, int]:
    """Return a place; `cell` only in notebooks."""
    cell = {"cell": place.cell} if place.cell else {}
    return cell | {"line": place.line, "column": place.column}
