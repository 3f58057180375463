"""Everything, for programs and for `--like`; a breaking change raises `facts.SCHEMA_VERSION`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reglint.inspector import codec
from reglint.inspector.facts import Variable  # noqa: TC001 - read at run time, by msgspec
from reglint.inspector.render.json import described
from reglint.tuning.facts import SCHEMA_VERSION, Candidate, TuneReport
from reglint.tuning.render.words import headline, sentences
from reglint.tuning.verdict import judged

if TYPE_CHECKING:
    from reglint.tuning.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Coefficient:
    """An `L2` that is recommended for a variable."""

    variable: Variable
    coefficient: float


@dataclass(frozen=True, slots=True)
class Result:
    """An estimate over the seeds, with its 95 % interval."""

    mean: float
    error: float | None  # the standard error; null of one seed, or if training diverged
    interval: tuple[float, float] | None
    significant: bool  # 0 is not in the interval
    seeds: int
    diverged: int


@dataclass(frozen=True, slots=True)
class Compared:
    """How a candidate did in one respect: the loss, or a metric."""

    candidate: Candidate
    measure: str
    value: Result
    above_chosen: Result | None  # minus that of `chosen`, paired over the seeds


@dataclass(frozen=True, slots=True)
class Summary:
    """What a report comes to."""

    headline: str
    sentences: tuple[str, ...]
    coefficients: tuple[Coefficient, ...]  # empty: nothing was chosen
    epochs: int | None  # for how many to train with them
    scores: tuple[Compared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What `reglint tune` prints as JSON."""

    schema_version: int = SCHEMA_VERSION
    report: TuneReport
    summary: Summary


def render(report: TuneReport) -> str:
    """Return one JSON object, an `Output`; numbers that are not finite are strings."""
    return f"{codec.encode(Output(report=report, summary=_summary(report)), indent=1)}\n"


def schema() -> dict[str, Any]:
    """Return the JSON schema of what `render` returns."""
    return described(Output, "Output of `reglint tune` as JSON")


def _summary(report: TuneReport) -> Summary:
    verdict = judged(report)
    advice = verdict.advice
    advised = advice.coefficients if advice else ()
    return Summary(
        headline(report, verdict),
        tuple(sentences(report, verdict)),
        tuple(
            Coefficient(target.variable, value)
            for target, value in zip(report.targets, advised, strict=False)
        ),
        advice.epochs if advice else None,
        tuple(
            Compared(
                score.candidate,
                score.measure,
                _result(score.value),
                _result(score.difference) if score.difference else None,
            )
            for score in verdict.scores
        ),
    )


def _result(found: Estimate) -> Result:
    return Result(
        found.mean,
        found.error,
        found.interval,
        found.significant,
        found.seeds,
        found.diverged,
    )
