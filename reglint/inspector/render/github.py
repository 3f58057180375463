"""Commands of GitHub Actions: annotations of the lines that a pull request shows.

A step shows ten errors, ten warnings and ten notices, so penalties of one call are one notice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.inspector.render.annotations import PENALTY, annotated, relative
from reglint.inspector.render.numbers import count
from reglint.model import Severity
from reglint.report.rows import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.render import Style
    from reglint.inspector.render.annotations import Annotation
    from reglint.inspector.report import PenaltyReport

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_LINES = 10  # of one notice
# In the value of a property a colon and a comma are marks, too.
_MESSAGE, _PROPERTY = re.compile(r"[%\r\n]"), re.compile(r"[%\r\n:,]")


def render(reports: Sequence[PenaltyReport], comparison: Comparison | None, style: Style) -> str:
    """Return a line for each annotation, those of findings before those of penalties."""
    del comparison
    groups: dict[object, list[Annotation]] = {}
    for number, each in enumerate(annotated(reports)):
        key = (each.model, each.site) if each.rule == PENALTY else number
        groups.setdefault(key, []).append(each)
    return "".join(f"{_command(alike, style.root)}\n" for alike in groups.values())


def _command(alike: Sequence[Annotation], root: str) -> str:
    """Return the command for annotations of one place."""
    first = alike[0]
    lines = [each.message for each in alike[:_LINES]]
    if len(alike) > _LINES:
        lines.append(f"and {count(len(alike) - _LINES, 'smaller one')}")
    if first.site and first.site.cell:  # lines of a notebook are not those of its file
        lines.insert(0, f"Cell {first.site.cell}, line {first.site.line}:")
    given = _place(first, root) | {"title": f"reglint {first.rule}"}
    properties = ",".join(f"{key}={_escaped(_PROPERTY, text)}" for key, text in given.items())
    command = _COMMANDS[first.severity or Severity.INFO]
    message = _escaped(_MESSAGE, "\n".join(lines))
    return f"::{command} {properties}::{message}"


def _place(annotation: Annotation, root: str) -> dict[str, str]:
    site = annotation.site
    path = site.path if site else annotation.model
    if path is None:
        return {}
    found = {"file": printable(relative(path, root))}
    if site is None or site.cell:
        return found
    found |= {"line": str(site.line), "endLine": str(site.end_line)}
    if site.line == site.end_line:  # GitHub takes columns of one line only
        found |= {"col": str(site.column), "endColumn": str(site.end_column)}
    return found


def _escaped(marks: re.Pattern[str], text: str) -> str:
    return marks.sub(lambda found: f"%{ord(found[0]):02X}", text)
