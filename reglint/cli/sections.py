"""A command with so many options that its help has them under headings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sectioned(click.Command):
    """A command whose options stand under the headings of `sections`, by name of their parameter.

    Those of no section come last, under `Options`.
    """

    def __init__(
        self, *given: Any, sections: Mapping[str, tuple[str, ...]], **options: Any
    ) -> None:
        super().__init__(*given, **options)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options to the help."""
        left = {o.name: o for o in self.get_params(ctx) if isinstance(o, click.Option)}
        for heading, names in self.sections.items():
            _section(formatter, ctx, heading, [left.pop(name) for name in names])
        _section(formatter, ctx, "Options", list(left.values()))


def _section(
    formatter: click.HelpFormatter,
    ctx: click.Context,
    heading: str,
    parameters: list[click.Parameter],
) -> None:
    rows = [row for row in (each.get_help_record(ctx) for each in parameters) if row]
    if rows:
        with formatter.section(heading):
            formatter.write_dl(rows)
