"""The command line: read options, call, print, exit. A command is imported when it is named."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from reglint import __version__

COMMANDS = ("check", "fix", "inspect", "regularize", "rule", "tune")  # modules with a `command`

OK, FINDINGS, FAILURE, REFUSED, LIMIT = range(5)  # the exit status; the largest one that applies
INTERRUPTED = 130  # as shells have it


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args and args[0] not in COMMANDS:
            from reglint.selectors import closest, did_you_mean  # noqa: PLC0415  a typo's price

            guess = did_you_mean(closest(args[0], COMMANDS))
            ctx.fail(f"there is no command `{args[0]}`{guess}")
        return super().resolve_command(ctx, args)


_STATUS = """\b
Exit status:
  0  nothing is left to report, or nothing as severe as --fail-on
  1  there are findings, or penalties beyond the budget of `inspect`
  2  something was not done: wrong usage or settings, or a file that could
     not be read, parsed or written; findings are reported all the same
  3  a model file was refused: dangerous, malformed, or not allowed to run
  4  a model hit a limit of time or memory
"""


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_STATUS)
@click.version_option(__version__, message="reglint %(version)s")
def cli() -> None:
    """Find and fix what is wrong with regularization in Keras code and models."""


def main() -> None:
    """Run the command line, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a path or a line of code may have any character
            stream.reconfigure(errors="backslashreplace")
    try:
        status = cli.main(prog_name="reglint", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = FAILURE
    except click.Abort:  # Ctrl-C
        status = INTERRUPTED
    sys.exit(status)
