"""Where results go, and what the exit status says of them."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from reglint.cli import FAILURE, FINDINGS, OK
from reglint.cli.options import Output
from reglint.report import PLAIN, Style, render
from reglint.report.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TextIO

    from reglint.cli.options import Request
    from reglint.model import Report


def style(color: str, stream: TextIO) -> Style:
    """Return what `stream` can show, given `--color`."""
    width = shutil.get_terminal_size((PLAIN.width, 0)).columns
    return Style(_colorful(color, stream), max(40, width))


def _colorful(color: str, stream: TextIO) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def deliver(report: Report, request: Request, stream: TextIO | None = None) -> bool:
    """Write `report` as `request` says, to `stream` what has no file; return whether all could be.

    The last line goes to stderr.
    """
    stream = stream or sys.stdout
    outputs = request.outputs or (Output("text" if stream.isatty() else "concise"),)
    here = style(request.color, stream)
    pieces = (
        (output.file, render(output.format, report, PLAIN if output.file else here))
        for output in outputs
    )
    done = spread(pieces, color=here.color, stream=stream)
    if report.errors or not request.quiet:
        click.echo(summary(report), err=True, nl=False)
    return done


def spread(
    pieces: Iterable[tuple[Path | None, str]], *, color: bool, stream: TextIO | None = None
) -> bool:
    """Write each text to its file, or to `stream` (stdout); return whether all could be.

    Those of one file are one after the other in it.
    """
    texts: dict[Path | None, str] = {}
    for file, text in pieces:
        texts[file] = texts.get(file, "") + text
    click.echo(texts.pop(None, ""), file=stream, nl=False, color=color)
    failures = [failure for file, text in texts.items() if file and (failure := _write(file, text))]
    for failure in failures:
        click.echo(failure, err=True)
    return not failures


def _write(file: Path, text: str) -> str:
    """Write an output to its file; return why it could not be done, if so."""
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        return f"{file}: cannot be written: {error.strerror}"
    return ""


def show_diff(diff: str, color: str) -> None:
    """Write a diff to stdout, byte for byte unless it is coloured."""
    here = style(color, sys.stdout)
    if not here.color:
        sys.stdout.buffer.write(diff.encode(errors="surrogateescape"))
        sys.stdout.buffer.flush()  # before anybody is asked about it
        return
    colors = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.splitlines(keepends=True):
        click.echo(here.paint(line, fg=colors.get(line[0])), nl=False, color=True)


def status(report: Report, *, delivered: bool, findings: bool) -> int:
    """Return the exit status: the worst of what happened."""
    if report.errors or not delivered:
        return FAILURE
    return FINDINGS if findings else OK
