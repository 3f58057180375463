"""The process that opens a model file: a job comes in by stdin, messages go out by what was stdout.

Its standard output is taken away before anything else, so that nothing that a model prints gets
among the messages.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from reglint.inspector.codec import decode, encode
from reglint.inspector.facts import Changed, Danger, Level, Refused, StaticReading
from reglint.inspector.process.confine import confine
from reglint.inspector.process.messages import NO_MEMORY, Failure, Job, Message, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Progress(Protocol):
        """Is told what is done now, and what share of all is done, if that is known."""

        def __call__(self, stage: str, done: float | None = None) -> None:  # noqa: D102
            ...


def perform(job: Job, progress: Progress) -> Message:
    """Read the file, or run the model in it; raise Refused, or whatever goes wrong."""
    if job.edit is not None:
        from reglint.regularizing.job import regularize  # noqa: PLC0415 - with numpy, as below

        return regularize(job.request.path, job.edit)
    if job.level is not Level.STATIC:
        return _run(job, progress)
    # Imported once this process is confined, as numpy starts threads.
    from reglint.inspector.files.archive import WrongUsage  # noqa: PLC0415

    try:
        return _read(job)
    except WrongUsage as error:
        return Message(failure=Failure(Trouble.UNAVAILABLE, str(error)))


def main(work: Callable[[Job, Progress], Message] = perform) -> None:
    """Do the job that comes in as `work` does, and say what came of it."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(message: Message) -> None:
        stream.write(encode(message).encode() + b"\n")
        stream.flush()

    job = decode(sys.stdin.buffer.read(), Job)
    unconfined = confine(job.limits)
    try:
        message = work(job, lambda stage, done=None: send(Message(stage=stage, done=done)))
        send(replace(message, unconfined=unconfined))
    except BaseException as error:  # noqa: BLE001 - also SystemExit: it may come from a model
        failure = _failure(error)
        if failure.trouble is Trouble.INTERNAL:
            sys.excepthook(type(error), error, error.__traceback__)
        send(Message(failure=failure))


def _read(job: Job) -> Message:
    from reglint.inspector.files.archive import opened  # noqa: PLC0415
    from reglint.inspector.files.preflight import preflight  # noqa: PLC0415
    from reglint.inspector.static.reader import histograms, layers_of, located, read  # noqa: PLC0415

    start = time.monotonic()
    with opened(job.request.path, job.request.config) as file:
        reading = StaticReading(file.facts, preflight(file))
        if not reading.verdict.found(Danger.REFUSED):
            stored = located(file)
            penalties, dormant, unknown = read(file, stored)
            model_class, below = layers_of(file)
            reading = replace(
                reading,
                penalties=penalties,
                dormant=dormant,
                unknown=unknown,
                histograms=histograms(file, stored, penalties) if job.request.histograms else (),
                layers=below,
                model_class=model_class,
            )
    return Message(static=replace(reading, seconds=time.monotonic() - start))


def _run(job: Job, progress: Progress) -> Message:
    progress("importing Keras")
    from reglint.inspector.runtime.reading import read  # noqa: PLC0415 - first: it takes the time

    assert job.verdict is not None
    from reglint.inspector.runtime.data import DataError  # noqa: PLC0415
    from reglint.inspector.runtime.devices import Unavailable  # noqa: PLC0415
    from reglint.inspector.runtime.specs import InvalidSpec  # noqa: PLC0415

    try:
        if job.tune is not None:
            from reglint.tuning.job import tune  # noqa: PLC0415

            tuned = tune(job.tune, job.level, job.verdict, known=job.file, progress=progress)
            return Message(tuned=tuned)
        reading = read(job.request, job.level, job.verdict, known=job.file, progress=progress)
        return Message(runtime=reading)
    except (Changed, DataError, InvalidSpec, Unavailable) as error:
        return Message(failure=Failure(Trouble.UNAVAILABLE, str(error)))


def _failure(error: BaseException) -> Failure:
    """Return what it means that a job ended with `error`."""
    causes = []  # that the file cannot be loaded may be for want of memory
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(map(_wants_memory, causes)):
        return Failure(Trouble.LIMIT, "memory")
    if any(isinstance(each, OSError) and each.errno == errno.EFBIG for each in causes):
        return Failure(Trouble.LIMIT, "file sizes")
    if isinstance(error, Refused):
        return Failure(Trouble.REFUSED, str(error))
    if isinstance(error, RecursionError):
        return Failure(Trouble.REFUSED, "its parts are nested too deeply")
    return Failure(Trouble.INTERNAL, f"{type(error).__name__}: {error}")


def _wants_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return NO_MEMORY.search(f"{type(error).__name__}: {error}") is not None


if __name__ == "__main__":
    main()
