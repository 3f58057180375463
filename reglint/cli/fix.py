"""`reglint fix`: put right what can be, and tell what is left."""

from __future__ import annotations

import sys
from typing import Any

import click

from reglint.cli.options import STDIN, Request, shared
from reglint.cli.output import deliver, show_diff, status
from reglint.cli.perform import perform
from reglint.run import Mode


@click.command("fix")
@shared
@click.option("--unsafe-fixes", is_flag=True, help="Apply also what may change behaviour.")
@click.option("--diff", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 if anything was fixed.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    unsafe_fixes: bool,
    diff: bool,
    exit_non_zero_on_fix: bool,
    **given: Any,
) -> None:
    """Apply safe fixes to PATHS, and report the findings that are left.

    PATHS are files and folders, by default the current folder. With `-`, stdin is
    fixed to stdout, and what is left is reported on stderr, as it is with --diff.
    """
    request = Request(**given)
    mode = Mode.FIX_ALL if unsafe_fixes else Mode.FIX
    report, text = perform(request, mode, write=not diff)
    if diff:
        show_diff(report.diff, request.color)
    elif STDIN in request.paths:
        sys.stdout.buffer.write(text)
    taken = diff or STDIN in request.paths
    delivered = deliver(report, request, sys.stderr if taken else sys.stdout)
    left = report.failing or (report.fixed and (diff or exit_non_zero_on_fix))
    context.exit(status(report, delivered=delivered, findings=bool(left)))
