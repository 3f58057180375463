"""A model file tuned, from start to report; what may run is decided as for an inspection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reglint.inspector.inspection import (
    absolute,
    cleared,
    identity,
    nobody,
    read_static,
    unchanged,
    unconfined,
)
from reglint.inspector.process import sandbox
from reglint.inspector.process.messages import Job, NotRead, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from reglint.tuning.facts import TuneReport
    from reglint.tuning.request import TuneRequest


def tune_file(
    asked: TuneRequest,
    progress: Callable[[str, float], None] = nobody,
    announce: Callable[[str], None] = nobody,
) -> TuneReport:
    """Return the report of a model file, which is trained in a limited process of its own.

    `progress` is told of each stage, and what share of all is done; `announce`, before code of the
    file runs. All of it may take `asked.request.limits.seconds`. Raise NotRead.
    """

    def begin(stage: str) -> None:
        progress(stage, 0.0)

    located = absolute(asked.request)
    before = identity(located)
    static = read_static(located, begin)
    level, backend = cleared(asked.request, static.verdict, announce)
    unchanged(located, before)
    request = replace(located, backend=backend)
    tune = replace(asked, request=request)
    job = Job(request, request.limits, level, static.verdict, static.file, tune=tune)
    message = sandbox.perform(job, begin, backend, advance=progress)
    unchanged(located, before)
    if message.tuned is None:
        raise NotRead(Trouble.INTERNAL, "it was read, and not tuned")
    return replace(
        message.tuned,
        file=replace(static.file, path=asked.request.path),
        asked=asked,
        notes=(*message.tuned.notes, *unconfined(message)),
    )
