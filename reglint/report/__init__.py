"""Outputs: `Report -> str`, one module per format. They know the data, not where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reglint.model import Report

FORMATS = ("text", "concise", "json", "statistics")  # each a module here with a `render`


@dataclass(frozen=True, slots=True)
class Style:
    """What the destination of an output can show."""

    color: bool = False
    width: int = 100  # columns

    def paint(self, text: str, *, fg: str | None = None, bold: bool = False) -> str:
        """Return `text` in a colour, where there are colours."""
        if not self.color:
            return text
        import click  # noqa: PLC0415  only for those who see it

        return click.style(text, fg=fg, bold=bold or None)


PLAIN = Style()


def render(name: str, report: Report, style: Style = PLAIN) -> str:
    """Return `report` in the format `name`, one of `FORMATS`: whole lines, each with its end."""
    text: str = import_module(f"{__name__}.{name}").render(report, style)
    return text
