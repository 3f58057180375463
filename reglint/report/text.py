"""For people: the code under each finding, and the patch that would put it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.model import Safety, Severity
from reglint.report.frame import frame
from reglint.report.patch import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.model import Diagnostic, Offer, Report
    from reglint.report import Style
    from reglint.report.rows import Row
    from reglint.source import Source

_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_MARGIN = 8  # columns for line numbers and bars
_CAVEATS = {Safety.UNSAFE: "unsafe", Safety.DISPLAY: "never applied"}


def render(report: Report, style: Style) -> str:
    """Return a block of lines per finding, each followed by an empty line."""
    return "".join(
        f"{line}\n"
        for each in report.diagnostics
        for line in _block(each, report.sources[each.path], style)
    )


def _block(diagnostic: Diagnostic, source: Source, style: Style) -> Iterator[str]:
    color = _COLORS[diagnostic.severity]
    kind = style.paint(f"{diagnostic.severity.value}[{diagnostic.code}]", fg=color, bold=True)
    yield f"{kind}{style.paint(f': {diagnostic.message}', bold=True)}"

    width, cell = style.width - _MARGIN, diagnostic.place.cell
    code = list(frame(source, diagnostic, width))
    patches = [list(patch(source, each.edits, cell, width)) for each in diagnostic.offers]
    gutter = max(len(row.label) for rows in (code, *patches) for row in rows if row.sign)
    edge = style.paint(f"{'':{gutter}} |", fg="blue")

    yield f"{'':{gutter}}{style.paint('-->', fg='blue')} {diagnostic.path}:{diagnostic.place}"
    yield edge
    yield from (_row(row, gutter, color, style) for row in code)
    for number, (offer, rows) in enumerate(zip(diagnostic.offers, patches, strict=True)):
        yield edge
        yield _title(offer, style, first=number == 0)
        yield from (_row(row, gutter, color, style) for row in rows)
        if offer.safety in _CAVEATS and offer.reason:
            yield f"{'':{gutter}} = {_CAVEATS[offer.safety]}: {offer.reason}"
    yield ""


def _title(offer: Offer, style: Style, *, first: bool) -> str:
    lead = "help" if first else "  or"
    return f"{style.paint(f'{lead}:', fg='cyan', bold=True)} {offer.title}"


def _row(row: Row, gutter: int, color: str, style: Style) -> str:
    label = f"{row.label:>{gutter}}"
    match row.sign:
        case "":  # in the place of lines
            return f"{row.label:{gutter + 3}}{row.text}".rstrip()
        case "-" | "+":
            line = f"{label} {row.sign} {row.text}".rstrip()
            return style.paint(line, fg="red" if row.sign == "-" else "green")
        case "^":
            edge = style.paint(f"{label} |", fg="blue")
            return f"{edge} {style.paint(row.text, fg=color, bold=True)}"
        case _:
            return f"{style.paint(f'{label} {row.sign}', fg='blue')} {row.text}".rstrip()
