"""What goes between reglint and the process that reads or runs a model: lines of JSON.

One `Job` goes in; `Message`s come out, of which the last has a result. Once a model runs, whatever
comes from there may be the model's work: it is decoded strictly, and is data only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from reglint.inspector import facts
from reglint.inspector.request import Limits, Request  # noqa: TC001 - read by the codec
from reglint.regularizing.facts import RegularizeReport  # noqa: TC001 - read by the codec
from reglint.regularizing.request import Edit  # noqa: TC001 - read by the codec
from reglint.tuning.facts import TuneReport  # noqa: TC001 - read by the codec
from reglint.tuning.request import TuneRequest  # noqa: TC001 - read by the codec

# What frameworks raise or print when they get no memory (each has its own exceptions), and what a
# probe says of a tensor that it does not try.
NO_MEMORY = re.compile(
    r"RESOURCE_EXHAUSTED|out of memory|bad_alloc|cannot allocate|can't allocate|Unable to allocate"
    r"|OOM when allocating|not enough memory|MemoryError|failed to (allocate|map segment)"
    r"|would take [\d.,]+ [GT]iB|error return without exception set",
    re.IGNORECASE,
)


class Trouble(Enum):
    """Why there is no result."""

    REFUSED = "refused"  # the file is dangerous, malformed, or wants code that was not allowed
    LIMIT = "limit"  # it took too much time or memory
    UNAVAILABLE = "unavailable"  # a file, option, backend, GPU or data that it takes is not there
    INTERNAL = "internal"  # a mistake of reglint's, or of what it runs on


class NotRead(Exception):  # noqa: N818 - it says what came of a job
    """A job has no result: `trouble` says whose fault it is, the message what to do."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is to do: to read a file, or, with a level, to run the model in it."""

    request: Request
    limits: Limits
    level: facts.Level = facts.Level.STATIC
    verdict: facts.Verdict | None = None  # of the preflight; None: to be found
    file: facts.FileFacts | None = None  # that the verdict is of; another is not run
    edit: Edit | None = None  # to change the file so, and not only to read it
    tune: TuneRequest | None = None  # to train the model so, and not only to run it


@dataclass(frozen=True, slots=True)
class Failure:
    """What a process says of a job that it could not do."""

    trouble: Trouble
    message: str


@dataclass(frozen=True, slots=True)
class Message:
    """One line from a process: one of these."""

    stage: str | None = None  # what it does now, for a progress bar
    done: float | None = None  # what share of all is done, from 0 to 1, where that is known
    static: facts.StaticReading | None = None
    runtime: facts.RuntimeReading | None = None
    regularized: RegularizeReport | None = None
    tuned: TuneReport | None = None
    failure: Failure | None = None
    unconfined: tuple[str, ...] = ()  # which limits this system does not have, with a result
