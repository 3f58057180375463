"""What `reglint tune` reports: data only, what happened rather than what to make of it.

A coefficient is that of `L2`: `coefficient * sum(w ** 2)` is added to the loss. Losses are those of
the data, without any penalty.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read at run time, by the codec
from dataclasses import dataclass, field
from enum import Enum

from reglint.inspector.facts import FileFacts, Run, Variable  # noqa: TC001 - read by the codec
from reglint.tuning.request import TuneRequest  # noqa: TC001 - read by the codec

SCHEMA_VERSION = 1


class Candidate(Enum):
    """What is compared, on samples that no choice has seen."""

    NONE = "none"  # no L2 on the variables in question
    PRESENT = "present"  # what the file has
    WEAK = "1e-4"
    STRONG = "0.01"
    STOPPED = "none, stopped"  # no L2, for as many epochs as the chosen one
    CHOSEN = "chosen"  # one coefficient for all of them
    PER_LAYER = "per layer"  # one for each


@dataclass(frozen=True, slots=True)
class Target:
    """A variable whose L2 is tuned."""

    variable: Variable
    layer_class: str
    present: float = 0.0  # its coefficient in the file


@dataclass(frozen=True, slots=True)
class Attempt:
    """A training of a search: how low the validation loss got."""

    coefficient: float  # of all targets
    loss: float  # the lowest after any epoch, without penalties; infinite if training diverged
    epochs: int  # after how many that was
    last: bool  # whether it was among the last epochs of a training that went to its end


@dataclass(frozen=True, slots=True)
class Choice:
    """What the search of one seed came to."""

    seed: int
    candidate: Candidate  # CHOSEN or PER_LAYER
    coefficients: tuple[float, ...]  # by target; of CHOSEN all the same
    # The geometric means of the coefficients on the way, at most 100 of it, and the choice.
    path: tuple[float, ...]
    runs: float  # what it cost, in training runs
    seconds: float
    epochs: int | None = None  # for how many to train with it; None: as many as all are
    attempts: tuple[Attempt, ...] = ()  # in order


@dataclass(frozen=True, slots=True)
class Trial:
    """A model trained with some coefficients, and tested."""

    seed: int
    candidate: Candidate
    coefficients: tuple[float, ...]  # by target
    loss: float  # on the samples for testing; NaN or infinite if training diverged
    metrics: Mapping[str, float]  # the compiled ones, on the same
    runs: float
    seconds: float
    epochs: int | None = None  # None: as many as all are
    # The loss if each sample had the mean prediction of the model. Where that is no worse, the
    # model tells the samples not apart, or worse than that.
    constant: float | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """How many samples each seed has for what."""

    training: int
    validation: int
    testing: int


@dataclass(frozen=True, slots=True)
class TuneReport:
    """All of it. `trials` has one for each seed and candidate that the budget allowed."""

    file: FileFacts
    run: Run
    asked: TuneRequest
    epochs: int
    optimizer: str
    loss_name: str
    data_sha256: str  # of what `--data` gave, all arrays together
    split: Split
    targets: tuple[Target, ...]
    choices: tuple[Choice, ...]
    trials: tuple[Trial, ...]
    notes: tuple[str, ...] = ()  # what is odd, or was left out, and why: a sentence each
    schema_version: int = field(default=SCHEMA_VERSION)
