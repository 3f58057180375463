"""What the commands about model files do alike: read options, say what is the case, hand out."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reglint.cli import LIMIT, REFUSED
from reglint.cli.options import Misconfigured, Output
from reglint.cli.output import spread, style
from reglint.inspector.process.messages import Trouble
from reglint.inspector.render import PLAIN, Style
from reglint.report.rows import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reglint.inspector.request import Limits

T = TypeVar("T")

STATUSES = {Trouble.REFUSED: REFUSED, Trouble.LIMIT: LIMIT}  # the exit status; FAILURE of others

_NEEDED = ("h5py", "msgspec", "numpy", "rich")  # what the extra `inspect` brings
_TRUST = re.compile(r"sha256:[0-9a-f]{64}")


def read_settings(given: Mapping[str, object]) -> dict[str, Any]:
    """Return the options that are fields of `InspectOptions`, read; raise Misconfigured."""
    if not given:
        return {}
    # What reads settings knows all of them, which takes a while to import.
    from reglint.config import CommandLine  # noqa: PLC0415
    from reglint.inspector.settings import InspectOptions  # noqa: PLC0415
    from reglint.options import Reader  # noqa: PLC0415
    from reglint.selectors import catalog  # noqa: PLC0415
    from reglint.tomlfile import ConfigError  # noqa: PLC0415

    values = {
        key.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for key, value in given.items()
    }
    reader = Reader(CommandLine(values, Path.cwd()), catalog())
    found = reader.fields(InspectOptions, (), values)
    if reader.problems:
        raise Misconfigured(ConfigError(tuple(reader.problems)))
    return found


def check_trust(trust: str | None, *, unsafe_lambda: bool) -> None:
    """Raise UsageError where `--trust` is none, or for nothing."""
    if trust is not None and not unsafe_lambda:
        raise click.UsageError("`--trust` says which code `--unsafe-lambda` may run.")
    if trust is not None and not _TRUST.fullmatch(trust):
        raise click.UsageError("`--trust` takes `sha256:` and 64 digits, as inspect shows it.")


def check_packages(command: str) -> None:
    """Raise ClickException if the packages are missing that models are read with."""
    if any(find_spec(name) is None for name in _NEEDED):
        message = f'reglint {command} needs more packages: pip install "reglint[inspect]"'
        raise click.ClickException(message)


def limited(limits: Limits, found: dict[str, Any]) -> Limits:
    """Return `limits` with those that `read_settings` found, which are taken out of that."""
    return replace(
        limits,
        memory=found.pop("max_memory", limits.memory),
        seconds=found.pop("max_seconds", limits.seconds),
    )


def earlier(path: Path, kind: type[T], hint: str) -> T:
    """Return what a report in JSON has, a `kind`; raise UsageError, which ends in `hint`."""
    from reglint.inspector.codec import Malformed, decode  # noqa: PLC0415 - `--help` needs none

    try:
        return decode(path.read_bytes(), kind)
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except Malformed as error:
        message = f"{path}: not a report in JSON: {printable(str(error))}; {hint}"
        raise click.UsageError(message) from None


def say(path: str, line: str) -> None:
    """Say something about a model file on stderr."""
    click.echo(printable(f"{path}: {line}"), err=True)


def hand_out(
    outputs: Sequence[Output],
    draw: Callable[[str, Style], str],
    *,
    quiet: bool,
    color: str,
    everything: bool,
) -> bool:
    """Write what `draw` makes of each format to where it goes; return whether all could be.

    Without `outputs` that is a table, unless `quiet`. `everything`: all rows of it on a terminal,
    too.
    """
    here = style(color, sys.stdout)
    shown = Style(here.color, here.width, sys.stdout.encoding or "ascii")
    if everything or not sys.stdout.isatty():
        shown = replace(shown, rows=None)
    asked = outputs or (() if quiet else (Output("table"),))
    pieces = ((each.file, draw(each.format, PLAIN if each.file else shown)) for each in asked)
    return spread(pieces, color=here.color)
