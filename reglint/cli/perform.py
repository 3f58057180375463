"""What every command that looks at files does: settings, files or stdin, and a bar meanwhile."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reglint import run
from reglint.cli.options import STDIN, Misconfigured
from reglint.cli.progress import progress
from reglint.config import Resolver
from reglint.tomlfile import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.cli.options import Request
    from reglint.model import Report

_UNNAMED = "stdin.py"


def perform(request: Request, mode: run.Mode, *, write: bool = True) -> tuple[Report, bytes]:
    """Do as `mode` says with the files, or the stdin, of `request`.

    Returns what stdin has become, besides the report.
    """
    plan = run.Plan(mode, write, request.force_exclude, request.cache, request.jobs)
    overrides = request.overrides
    resolver = Resolver(request.config, isolated=request.isolated, overrides=overrides)
    try:
        if STDIN in request.paths:
            outcome = _stdin(request, resolver, plan)
            return run.report([outcome], diff=not plan.write), outcome.after
        with _no_search_for_garbage(), progress() as show:
            return run.run(request.paths or (".",), resolver, plan, show), b""
    except ConfigError as error:
        raise Misconfigured(error) from None


@contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Save a tenth of the time of a run.

    A syntax tree is a hundred thousand objects that go all at once, and leave no garbage; to look
    for some among them, over and over, finds nothing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _stdin(request: Request, resolver: Resolver, plan: run.Plan) -> run.Outcome:
    path = request.stdin_filename or _UNNAMED
    data = sys.stdin.buffer.read()
    if plan.force_exclude:
        found = run.discover([path], resolver, force_exclude=True)
        if not found.files and not found.errors:
            return run.Outcome(path, before=data, checked=False)
    config = resolver.for_directory(Path(path).parent)
    outcome = run.examine(path, data, config.settings(Path(path)), plan.mode)
    return replace(outcome, before=data, terms=run.terms(config, path))
