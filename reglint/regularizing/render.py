"""A report of what was regularized as text: a table for people, JSON for programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.codec import encode
from reglint.inspector.render.document import Cell, Column, Document, Look, Section, Table
from reglint.inspector.render.numbers import change, count, number
from reglint.inspector.render.words import code, layer, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.facts import Regularizer
    from reglint.inspector.render import Style
    from reglint.regularizing.facts import Effect, RegularizeReport

_COLUMNS = (
    Column("layer", Look.NAME),
    Column("class", Look.TERM, 2),
    Column("role", Look.TERM),
    Column("before", Look.TERM),
    Column("after", Look.TERM),
    Column("loss", Look.NUMBER),
)


def render(name: str, report: RegularizeReport, style: Style) -> str:
    """Return `report` in the format `name`, `table` or `json`: whole lines."""
    if name == "json":
        return encode(report, indent=2) + "\n"
    from reglint.inspector.render.table import pages  # noqa: PLC0415 - with rich

    return pages([_document(report)], style)


def headline(report: RegularizeReport) -> str:
    """Return what happens to the loss, in a sentence without a full stop."""
    if not report.effects:
        return "nothing changes: all is as asked for"
    done = "changed" if report.output else "would change"
    changed = f"{count(len(report.effects), 'regularizer')} {done}"
    untold = any(effect.rise is None for effect in report.effects)
    if untold and all(effect.rise is None for effect in report.effects):
        return f"{changed}; what that does to the loss only a run tells"
    rise = report.rise
    by = f"{'rises' if rise > 0 else 'falls'} by {number(abs(rise))}" if rise else "stays"
    if math.isnan(rise):
        by = "changes to or from what is no number"
    beside = ", beside what only a run tells" if untold else ""
    return f"{changed}; the loss {by}{beside}"


def _document(report: RegularizeReport) -> Document:
    about = [("written to", shown(report.output or "")), ("before", shown(report.backup or ""))]
    table = Table(_COLUMNS, tuple(map(_row, report.effects)), "and {} more")
    section = Section("changes", "Changes", tables=(table,), remarks=tuple(_remarks(report)))
    return Document(
        title=shown(report.file.path),
        headline=headline(report),
        tone=None,
        about=tuple((label, text) for label, text in about if text),
        sections=(section,) if report.effects else (),
    )


def _row(effect: Effect) -> tuple[Cell, ...]:
    changed, rise = effect.change, effect.rise
    return (
        Cell(layer(changed.layer)),
        Cell(shown(changed.layer_class)),
        Cell(shown(changed.role)),
        Cell(_written(changed.before)),
        Cell(_written(changed.after)),
        Cell("?" if rise is None else change(rise), rise),
    )


def _written(regularizer: Regularizer | None) -> str:
    return "none" if regularizer is None else shown(str(regularizer))


def _remarks(report: RegularizeReport) -> Iterator[str]:
    """Yield what the rows do not say, once for all layers of which it is true."""
    same: dict[str, list[str]] = {}
    for effect in report.effects:
        changed = effect.change
        others = [path for path in changed.also if not path.startswith(f"{changed.layer}/")]
        others = [path for path in others if not any(path.startswith(f"{o}/") for o in others)]
        if others:
            names = ", ".join(map(code, others))
            same.setdefault(f"shares its configuration with {names}", []).append(changed.layer)
        if effect.note:
            same.setdefault(f"({changed.role}) {shown(effect.note)}", []).append(changed.layer)
    for said, paths in same.items():
        first, *more = dict.fromkeys(paths)
        yield f"{code(first)}{f' and {count(len(more))} more' if more else ''}: {said}."
