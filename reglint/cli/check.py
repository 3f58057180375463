"""`reglint check`: tell what is wrong."""

from __future__ import annotations

from typing import Any

import click

from reglint.cli.options import Request, shared
from reglint.cli.output import deliver, status
from reglint.cli.perform import perform
from reglint.run import Mode


@click.command("check")
@shared
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@click.pass_context
def command(context: click.Context, /, *, exit_zero: bool, **given: Any) -> None:
    """Report what is wrong with the regularization in PATHS.

    PATHS are files and folders, by default the current folder, or `-` for stdin.
    """
    request = Request(**given)
    report, _ = perform(request, Mode.CHECK)
    delivered = deliver(report, request)
    findings = bool(report.failing) and not exit_zero
    context.exit(status(report, delivered=delivered, findings=findings))
