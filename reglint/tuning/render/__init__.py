"""Reports of `reglint tune` as text: `page` says what stands in them, `words` how.

They are shown as those of `reglint inspect` are, by the same modules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reglint.inspector.render import PLAIN, Style

if TYPE_CHECKING:
    from reglint.tuning.facts import TuneReport

FORMATS = ("table", "json", "html", "markdown")


def render(name: str, report: TuneReport, style: Style = PLAIN) -> str:
    """Return `report` in the format `name`, one of `FORMATS`: whole lines, each with its end."""
    if name in {"html", "json"}:
        module = import_module(f"{__name__}.{name}")
        text: str = module.render(report)
        return text
    from reglint.tuning.render.page import page  # noqa: PLC0415

    if name == "markdown":
        from reglint.inspector.render import markdown  # noqa: PLC0415

        return markdown.pages([page(report)])
    from reglint.inspector.render import table  # noqa: PLC0415

    return table.pages([page(report)], style)
