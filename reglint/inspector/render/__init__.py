"""Penalty reports as text: one module per format, each with a `render`.

`document` is what reports consist of: sections, tables, notices. `head`, `sections` and `several`
say what stands in them, `words` and `numbers` how; `table`, `markdown` and `html` show that, each
in its way. `json` has everything, for programs. `annotations` is what can be shown at a line of the
source, by `github` and `sarif`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.report import PenaltyReport

FORMATS = ("table", "json", "html", "markdown", "github", "sarif")


@dataclass(frozen=True, slots=True)
class Style:
    """What the destination can show; all but `root` is of the format `table`."""

    color: bool = False
    width: int = 100  # columns
    encoding: str = "utf-8"  # what it cannot say is written in ASCII
    rows: int | None = 30  # of each table; None: all
    root: str = ""  # the folder that paths of annotations start from; empty: the current one


PLAIN = Style(rows=None)  # a file


def render(
    name: str,
    reports: Sequence[PenaltyReport],
    comparison: Comparison | None = None,
    style: Style = PLAIN,
) -> str:
    """Return `reports` in the format `name`, one of `FORMATS`: whole lines, each with its end."""
    module = import_module(f"{__name__}.{name}")
    text: str = module.render(reports, comparison, style)
    return text
