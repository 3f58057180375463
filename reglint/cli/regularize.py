"""`reglint regularize`: regularizers set, removed and scaled in a saved model."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from reglint.cli import FAILURE, OK
from reglint.cli.models import STATUSES, check_packages, read_settings
from reglint.cli.options import Output, check_outputs, color, output_format
from reglint.cli.output import spread, style
from reglint.inspector.render import PLAIN, Style
from reglint.inspector.request import Limits
from reglint.regularizing.operations import (
    WrongOperation,
    parse_remove,
    parse_scale,
    parse_set,
)
from reglint.regularizing.request import RegularizeRequest
from reglint.report.rows import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reglint.regularizing.facts import RegularizeReport
    from reglint.regularizing.operations import Operation

_FORMATS = ("table", "json")
_PARSERS: dict[str, Callable[[str], Operation]] = {
    "set_": parse_set,
    "remove": parse_remove,
    "scale": parse_scale,
}
_ORDER = f"{__name__}.order"  # of the options, in the context
_EPILOG = """\b
PATTERN is a path as `reglint inspect` shows it, or a glob: without `/` it is
matched with the last step of a path (conv*), else with all of it; `*` and
`?` stay within a step, `**` does not; `/dense` is not in another model.
ROLE is a regularizer argument without `_regularizer`: kernel, bias,
recurrent, gamma, activity.

\b
Examples:
  reglint regularize a.keras -o b.keras --set 'conv*:kernel=l2(1e-4)'
  reglint regularize a.keras --in-place --remove 'head:bias' --scale 0.5
  reglint regularize a.keras --dry-run --class Dense --set '*:kernel=l2(0.01)'

\b
Exit status:
  0  all was done
  2  nothing was written: wrong usage, a pattern that fits nothing, a role
     that a layer does not take, a file that could not be written
  3  the file was refused: dangerous or malformed
  4  the model took too much time or memory
"""


class _Ordered(click.Command):
    """A command that knows in which order its options were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


@click.command("regularize", cls=_Ordered, epilog=_EPILOG)
@click.argument("model")
@click.option("--output", "-o", metavar="OUT", help="Write the changed model to this file.")
@click.option("--in-place", is_flag=True, help="Change MODEL; what it was is kept as MODEL.bak.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="PATTERN:ROLE=REGULARIZER",
    help="Give layers a regularizer: l1(1e-4), l2(1e-4), l1_l2(l1=1e-5, l2=1e-4), "
    "orthogonal(0.01, mode=rows).",
)
@click.option(
    "--remove",
    multiple=True,
    metavar="PATTERN[:ROLE]",
    help="Take regularizers off layers.",
)
@click.option(
    "--scale",
    multiple=True,
    metavar="[PATTERN[:ROLE]=]FACTOR",
    help="Multiply the factors of regularizers. These three are applied in the order given.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Only layers of this class. May be repeated.",
)
@click.option("--force", is_flag=True, help="Write over OUT if it is there.")
@click.option("--no-backup", is_flag=True, help="With --in-place, keep no MODEL.bak.")
@click.option("--max-memory", metavar="SIZE", help="Memory that reading it may take (2GiB).")
@click.option("--max-seconds", type=int, metavar="N", help="Time that it may take (300).")
@output_format(_FORMATS)
@click.option("--quiet", "-q", is_flag=True, help="No table on stdout unless asked for by format.")
@color
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Change the regularizers in MODEL, and nothing else in it.

    MODEL is a .keras or .h5 file. Weights, optimizer state and all else stay as
    they are, byte for byte; the result is read again before it is kept.
    """
    check_outputs(given["output_format"])
    check_packages("regularize")
    request = _request(given, _operations(given, context.meta[_ORDER]))
    context.exit(_run(request, given))


def _operations(given: dict[str, Any], order: list[str]) -> Iterator[Operation]:
    texts = {name: iter(given[name]) for name in _PARSERS}
    for name in order:
        if name in _PARSERS:
            try:
                yield _PARSERS[name](next(texts[name]))
            except WrongOperation as error:
                raise click.UsageError(f"--{name.rstrip('_')}: {error}.") from None


def _request(given: dict[str, Any], operations: Iterator[Operation]) -> RegularizeRequest:
    """Return what the options ask for; raise UsageError where they do not go together."""
    if given["in_place"] and given["output"] is not None:
        raise click.UsageError("`--in-place` and `-o` exclude each other.")
    if not (given["in_place"] or given["dry_run"] or given["output"] is not None):
        raise click.UsageError("Name an output with `-o OUT`, or take `--in-place` or `--dry-run`.")
    for name, needed in (("force", "output"), ("no_backup", "in_place")):
        if given[name] and not given[needed]:
            option = {
                "force": "`--force` needs `-o`",
                "no_backup": "`--no-backup` is of `--in-place`",
            }
            raise click.UsageError(f"{option[name]}.")
    limits = read_settings({
        key: given[key] for key in ("max_memory", "max_seconds") if given[key] is not None
    })  # fmt: skip
    usual = Limits()
    request = RegularizeRequest(
        path=given["model"],
        operations=tuple(operations),
        classes=given["classes"],
        output=None if given["dry_run"] else given["output"],
        force=given["force"],
        in_place=given["in_place"] and not given["dry_run"],
        backup=not given["no_backup"],
        limits=replace(
            usual,
            memory=limits.get("max_memory", usual.memory),
            seconds=limits.get("max_seconds", usual.seconds),
        ),
    )
    if not request.operations:
        raise click.UsageError("Nothing to do: give `--set`, `--remove` or `--scale`.")
    return request


def _run(request: RegularizeRequest, given: dict[str, Any]) -> int:
    from reglint.inspector.process.messages import NotRead  # noqa: PLC0415 - `--help` needs none
    from reglint.regularizing.api import regularize_file  # noqa: PLC0415 - the same

    try:
        report = regularize_file(request)
    except NotRead as error:
        _say(request.path, str(error))
        return STATUSES.get(error.trouble, FAILURE)
    if not given["quiet"]:
        for note in report.notes if report.effects else ():
            _say(request.path, note)
    return OK if _delivered(report, given) else FAILURE


def _delivered(report: RegularizeReport, given: dict[str, Any]) -> bool:
    from reglint.regularizing.render import render  # noqa: PLC0415 - the same

    here = style(given["color"], sys.stdout)
    shown = Style(here.color, here.width, sys.stdout.encoding or "ascii", rows=None)
    asked = given["output_format"] or (() if given["quiet"] else (Output("table"),))
    texts = (
        (each.file, render(each.format, report, PLAIN if each.file else shown)) for each in asked
    )
    return spread(texts, color=here.color)


def _say(path: str, line: str) -> None:
    click.echo(printable(f"{path}: {line}"), err=True)
