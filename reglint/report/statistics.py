"""How often each rule found something."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reglint.model import Safety

if TYPE_CHECKING:
    from reglint.model import Report
    from reglint.report import Style


def render(report: Report, style: Style) -> str:
    """Return a line per rule: count, code, how many `reglint fix` can fix, name; most first."""
    counts = Counter((each.code, each.name) for each in report.diagnostics)
    fixable = Counter(
        each.code for each in report.diagnostics if each.offer and each.offer.safety is Safety.SAFE
    )
    digits = len(str(max(counts.values(), default=0)))
    return "".join(
        f"{count:>{digits}}  {style.paint(code, fg='red', bold=True)}  {name}"
        + (f"  {style.paint(f'[*] {fixable[code]} fixable', fg='cyan')}" if fixable[code] else "")
        + "\n"
        for (code, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
