"""One line per finding, as editors and CI logs like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.model import Safety

if TYPE_CHECKING:
    from reglint.model import Diagnostic, Report
    from reglint.report import Style

_MARKS = {Safety.SAFE: "[*] ", Safety.UNSAFE: "[?] ", Safety.DISPLAY: ""}


def render(report: Report, style: Style) -> str:
    """Return `path:line:column: RGL101 [*] message` for each finding.

    `[*]`: `reglint fix` puts it right; `[?]`: it does with `--unsafe-fixes`.
    """
    return "".join(f"{_line(each, style)}\n" for each in report.diagnostics)


def _line(diagnostic: Diagnostic, style: Style) -> str:
    where = style.paint(f"{diagnostic.path}:{diagnostic.place}:", bold=True)
    code = style.paint(diagnostic.code, fg="red", bold=True)
    mark = style.paint(_MARKS[diagnostic.offer.safety], fg="cyan") if diagnostic.offer else ""
    return f"{where} {code} {mark}{diagnostic.message}"
