"""What the commands that run a model do alike: read the options of how, and say what it needs."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reglint.cli import LIMIT, REFUSED
from reglint.cli.options import Misconfigured
from reglint.inspector.process.messages import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

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
