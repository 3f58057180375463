"""What a user asks of `reglint tune`: data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from reglint.inspector.request import Request  # noqa: TC001 - read by the codec


class Method(Enum):
    """How a coefficient is chosen."""

    TRIALS = "trials"  # train with some, one after the other, each stopped early
    T1_T2 = "t1-t2"  # follow the gradient of the validation loss while training


@dataclass(frozen=True, slots=True)
class Budget:
    """What the whole of it may cost; what is None is unlimited.

    It holds between training runs: none is begun that would not fit, as far as known.
    """

    runs: float | None = None  # trainings as long as `TuneRequest.epochs` says
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """How to choose coefficients; the report repeats it, and from that it can be done again."""

    request: Request  # which model and data, and how far to trust them
    optimizer: str | None = None  # a name that Keras knows, where the file has none
    method: Method = Method.TRIALS
    start: float | None = None  # where the search begins; None: 3e-3, or 1e-2 for T1_T2
    lowest: float = 1e-6
    highest: float = 1.0
    per_layer: bool = False  # a coefficient for each variable, beside the one for all
    on: tuple[str, ...] = ()  # `PATTERN:ROLE`; empty: what has L2 now, or else all kernels
    seeds: int = 5  # splits and initial weights; the first is `request.seed`
    epochs: int | None = None  # None: as long as the file was trained, if it says so
    trials: int = 3  # trainings of a search, where it is made of trainings
    keep_epochs: bool = False  # choose a coefficient alone, and train as long with all
    batch_size: int = 32
    validation: float = 0.2  # shares of the samples
    test: float = 0.2
    keep_weights: bool = False  # train on from the weights of the file
    budget: Budget = field(default_factory=Budget)
