"""A model file, from start to report: read it, decide how far to trust it, run it, join both.

The file is read in one limited process, which runs nothing. Only if what it found there may run,
the model is loaded in another. This process opens no model file and imports no Keras.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from os.path import abspath
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.inspector.facts import Changed, Danger, Level
from reglint.inspector.listing import few
from reglint.inspector.merge import merged
from reglint.inspector.process import sandbox
from reglint.inspector.process.messages import NO_MEMORY, Job, NotRead, Trouble
from reglint.inspector.request import BACKENDS, GIB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reglint.inspector.facts import Reason, RuntimeReading, StaticReading, Verdict
    from reglint.inspector.process.messages import Message
    from reglint.inspector.report import PenaltyReport
    from reglint.inspector.request import Request

    Identity = tuple[int, ...]

STATIC_MEMORY = 2 * GIB  # what is in memory at a time is one array, and the names of all
_NAMED = 3  # reasons in a message
_LONGEST = 200  # characters of a name, a place or a reason in it
_KERAS = 3  # the first Keras that can be run
_ONLY_STATIC = "look at the file only with `reglint inspect --static`"


def nobody(*_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What came of a file: the report, or why there is none, or why a part of it is missing."""

    report: PenaltyReport | None
    trouble: NotRead | None = None


def inspect_file(request: Request, progress: Callable[[str], None] = nobody) -> PenaltyReport:
    """Return the report of a model file; if the model could not be run, of the file alone.

    Its `notes` say why then. `progress` is told of each stage. Raise NotRead if there is nothing to
    report.
    """
    found = examine(request, progress)
    if found.report is None:
        assert found.trouble is not None
        raise found.trouble
    return found.report


def examine(
    request: Request,
    progress: Callable[[str], None] = nobody,
    announce: Callable[[str], None] = nobody,
) -> Inspection:
    """Return all that came of a model file; `announce` is told before code of the file runs."""
    located = absolute(request)
    try:
        before = identity(located)
        static = read_static(located, progress)
    except NotRead as error:
        return Inspection(None, error)
    static = replace(static, file=replace(static.file, path=request.path))
    if request.static:
        return Inspection(merged(static))
    try:
        level, backend = cleared(request, static.verdict, announce)
        unchanged(located, before)
        runtime, notes = _run(located, level, static, backend, progress)
        unchanged(located, before)
    except NotRead as error:
        trouble = NotRead(error.trouble, f"not run: {error}")
        return Inspection(merged(static, notes=(str(trouble),)), trouble)
    except _NoKeras as note:
        return Inspection(merged(static, notes=(str(note),)))
    runtime = _with_source(runtime, located.data, request.data)
    return Inspection(merged(static, runtime, notes), _too_large(runtime))


def cleared(
    request: Request, verdict: Verdict, announce: Callable[[str], None] = nobody
) -> tuple[Level, str]:
    """Return how far a file may run, and on which backend; tell `announce` of code that will.

    Raise NotRead if it may not run, or if there is no such backend, _NoKeras if there is none.
    """
    needed = verdict.needed(data=request.data is not None)
    level = permitted(request, needed, ci=bool(os.environ.get("CI")))
    backend = chosen_backend(request)
    if level is Level.LAMBDA:
        announce(_what_runs(needed))
    return level, backend


def _with_source(runtime: RuntimeReading, read: str | None, written: str | None) -> RuntimeReading:
    """Return `runtime` with the path of the data as the user wrote it, not as it was read."""
    if written is None or read == written:
        return runtime
    probe, data = runtime.run.probe, runtime.data
    if probe and probe.source == read:
        runtime = replace(runtime, run=replace(runtime.run, probe=replace(probe, source=written)))
    if data and data.source == read:
        runtime = replace(runtime, data=replace(data, source=written))
    return runtime


def _too_large(runtime: RuntimeReading) -> NotRead | None:
    """Return what to say of a model that could be loaded, and is too large to be called."""
    probe = runtime.run.probe
    if probe is None or not NO_MEMORY.search(probe.failed):
        return None
    return NotRead(Trouble.LIMIT, f"called on no input: {probe.failed}")


def permitted(request: Request, verdict: Verdict, *, ci: bool) -> Level:
    """Return how far a file is trusted; raise NotRead if it wants more than `request` allows.

    In continuous integration (`ci`) code in a file runs only if it is the code that was looked at:
    its hash must be given.
    """
    code, custom = verdict.found(Danger.CODE), verdict.found(Danger.CUSTOM)
    if code and not request.unsafe_lambda:
        raise NotRead(
            Trouble.REFUSED,
            f"it has code in it ({listed(code)}); run that with --unsafe-lambda, if you trust it,"
            f" or {_ONLY_STATIC}",
        )
    trust = f"sha256:{verdict.code_sha256}"
    if code and ci and request.trust is None:
        raise NotRead(
            Trouble.REFUSED,
            f"in CI, --unsafe-lambda needs --trust {trust}, once the code is looked at;"
            f" or {_ONLY_STATIC}",
        )
    if code and request.trust not in {None, trust}:
        message = f"the code in it is {trust}, not what --trust has; {_ONLY_STATIC}"
        raise NotRead(Trouble.REFUSED, message)
    if custom and not request.imports:
        names = ", ".join(f"`{_cut(name)}`" for name in dict.fromkeys(each.name for each in custom))
        raise NotRead(
            Trouble.REFUSED,
            f"needs {names}; name the module that defines it with --import, or {_ONLY_STATIC}",
        )
    if code:
        return Level.LAMBDA
    return Level.IMPORT if request.imports else Level.RUN


class _NoKeras(Exception):  # noqa: N818 - nothing is wrong: there is the static part
    """There is nothing to run a model with: its message is a note."""


def chosen_backend(request: Request) -> str:
    """Return the backend to run on: the one asked for, Keras' own setting, or what is installed.

    Raise NotRead if what is asked for is not installed, _NoKeras if nothing is.
    """
    explicit = None if request.backend == "auto" else request.backend
    usual = (os.environ.get("KERAS_BACKEND"), _own_setting(), *BACKENDS)
    keras = _has_keras()
    for name in (explicit,) if explicit else usual:
        if keras and name in BACKENDS and find_spec(name):
            return name
    backend = f"the backend `{explicit}`" if explicit else "a backend of Keras"
    missing = backend if keras else f"Keras {_KERAS}"
    message = f'{missing} is not installed: pip install "reglint[{explicit or BACKENDS[1]}]"'
    if explicit or request.data is not None:
        raise NotRead(Trouble.UNAVAILABLE, message)
    raise _NoKeras(f"not run: {message}")


def _has_keras() -> bool:
    try:
        return int(metadata.version("keras").partition(".")[0]) >= _KERAS
    except (metadata.PackageNotFoundError, ValueError):
        return False


def _own_setting() -> str | None:
    """Return the backend in the user's keras.json."""
    folder = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        settings = json.loads(Path(folder, "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return settings.get("backend") if isinstance(settings, dict) else None


def absolute(request: Request) -> Request:
    """Return `request` with paths that hold in any folder."""
    config, data = request.config, request.data
    return replace(
        request,
        path=request.path if "://" in request.path else abspath(request.path),  # noqa: PTH100
        config=None if config is None else abspath(config),  # noqa: PTH100 - links stay
        data=abspath(data) if data is not None and Path(data).exists() else data,  # noqa: PTH100
    )


def identity(request: Request) -> Identity:
    """Return what changes when a file does; raise NotRead if it is not there."""
    identity: list[int] = []
    for path in filter(None, (request.path, request.config)):
        if "://" in path:
            continue  # whoever opens it says what is wrong
        try:
            status = os.lstat(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            where = "" if path is request.path else f"{path}: "
            message = f"{where}{reason[:1].lower()}{reason[1:]}"
            raise NotRead(Trouble.UNAVAILABLE, message) from None
        identity += [status.st_dev, status.st_ino, status.st_size]
        identity += [status.st_mtime_ns, status.st_ctime_ns]  # the first can be set to any time
    return tuple(identity)


def unchanged(request: Request, before: Identity) -> None:
    """Raise NotRead if the file is not what it was."""
    if identity(request) != before:
        raise NotRead(Trouble.UNAVAILABLE, str(Changed()))


def read_static(request: Request, progress: Callable[[str], None]) -> StaticReading:
    """Return what the file alone tells; raise NotRead, also if it is refused."""
    progress("reading")
    memory = min(request.limits.memory, STATIC_MEMORY)
    limits = replace(request.limits, memory=memory)
    try:
        reading = sandbox.perform(Job(request, limits), progress).static
    except NotRead as error:
        if error.trouble is Trouble.REFUSED:
            raise NotRead(error.trouble, f"refused: {error}") from None
        raise
    if reading is None:
        raise NotRead(Trouble.INTERNAL, "it was run, and not read")
    if refused := reading.verdict.found(Danger.REFUSED):
        raise NotRead(Trouble.REFUSED, f"refused: {listed(refused)}")
    return reading


def _run(
    request: Request,
    level: Level,
    static: StaticReading,
    backend: str,
    progress: Callable[[str], None],
) -> tuple[RuntimeReading, tuple[str, ...]]:
    request = replace(request, backend=backend)
    job = Job(request, request.limits, level, static.verdict, static.file)
    message = sandbox.perform(job, progress, backend)
    if message.runtime is None:
        raise NotRead(Trouble.INTERNAL, "it was read, and not run")
    return message.runtime, unconfined(message)


def unconfined(message: Message) -> tuple[str, ...]:
    """Return a note on the limits that this system does not have, if there are such."""
    if not message.unconfined:
        return ()
    missing = ", ".join(message.unconfined)
    return (f"it ran without a limit on {missing}, which this system has not",)


def _what_runs(verdict: Verdict) -> str:
    """Return what to announce before code of the file runs."""
    places = "; ".join(map(_sentence, verdict.found(Danger.CODE)))
    return f"runs the code in it, sha256:{verdict.code_sha256}: {places}"


def listed(reasons: Sequence[Reason]) -> str:
    """Return the first of `reasons`, in one line."""
    return few(list(map(_sentence, reasons)), _NAMED, "; ")


def _sentence(reason: Reason) -> str:
    return f"{_cut(reason.place)}: {_cut(reason.message)}".removeprefix(": ")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
