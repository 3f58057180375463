"""What a report means: how well each candidate did, which coefficient to take, how sure that is."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.tuning.facts import Candidate
from reglint.tuning.statistics import Estimate, estimate, geometric_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reglint.tuning.facts import Choice, Trial, TuneReport
    from reglint.tuning.request import TuneRequest

LOSS = "loss"  # what the loss is called beside metrics
_HARDLY = 0.02  # of a loss
_AT = 1.05  # a factor; nearer to an end of the range than this is at the end


@dataclass(frozen=True, slots=True)
class Score:
    """How a candidate did in one respect, over the seeds."""

    candidate: Candidate
    measure: str  # LOSS, or the name of a metric
    value: Estimate
    # This minus that of CHOSEN, over the seeds that have both; None of CHOSEN itself, and where
    # there is no such seed. Of a loss, more than 0 is worse than CHOSEN.
    difference: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """The coefficients that the choices of all seeds come to."""

    candidate: Candidate  # PER_LAYER only if it is significantly better than CHOSEN
    coefficients: tuple[float, ...]  # by target, to two digits: the seeds do not agree on more
    epochs: int  # the median of the seeds' choices
    spread: tuple[float, float]  # the least and the largest choice of a seed
    lowest: int  # seeds that ended at the lower end of the range
    highest: int  # at the upper end
    weakest: int  # seeds whose choice is the least of several trials, within the range
    strongest: int  # the largest
    constant: int  # seeds in which it did hardly better than one prediction for all samples
    seeds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a report comes to."""

    scores: tuple[Score, ...]  # in the order of `Candidate`, the loss before the metrics
    advice: Advice | None  # None: no seed came to a choice

    def loss(self, candidate: Candidate) -> Score | None:
        """Return how `candidate` did on the loss; None if it was not tried."""
        found = (s for s in self.scores if (s.candidate, s.measure) == (candidate, LOSS))
        return next(found, None)

    @property
    def chosen(self) -> Score | None:
        """Return the loss of the one coefficient that was chosen."""
        return self.loss(Candidate.CHOSEN)

    @property
    def baseline(self) -> Score | None:
        """Return the loss of what the model has now, which may be no L2."""
        return self.loss(Candidate.PRESENT) or self.loss(Candidate.NONE)


def judged(report: TuneReport) -> Verdict:
    """Return what `report` comes to."""
    scores = tuple(_scores(report))
    return Verdict(scores, _advice(report, scores))


def _scores(report: TuneReport) -> Iterable[Score]:
    training = report.split.training + report.split.validation  # of what is tested: both
    overlap = report.split.testing / training if training else 0.0
    metrics = dict.fromkeys(name for trial in report.trials for name in trial.metrics)
    measures: dict[str, Callable[[Trial], float]] = {LOSS: lambda trial: trial.loss}
    measures |= {name: _metric(name) for name in metrics if name != LOSS}
    chosen = {trial.seed: trial for trial in report.trials if trial.candidate is Candidate.CHOSEN}
    for candidate in Candidate:
        trials = [trial for trial in report.trials if trial.candidate is candidate]
        for name, value in measures.items():
            values = [value(trial) for trial in trials]
            pairs = [
                value(trial) - value(chosen[trial.seed])
                for trial in trials
                if trial.seed in chosen and candidate is not Candidate.CHOSEN
            ]
            if values:
                difference = estimate(pairs, overlap) if pairs else None
                yield Score(candidate, name, estimate(values, overlap), difference)


def _metric(name: str) -> Callable[[Trial], float]:
    return lambda trial: trial.metrics.get(name, math.nan)


def _advice(report: TuneReport, scores: Iterable[Score]) -> Advice | None:
    candidate = Candidate.CHOSEN
    for score in scores:
        better = score.difference and score.difference.significant and score.difference.mean < 0
        if (score.candidate, score.measure) == (Candidate.PER_LAYER, LOSS) and better:
            candidate = Candidate.PER_LAYER
    choices = [choice for choice in report.choices if choice.candidate is candidate]
    if not choices or not report.targets:
        return None
    trials = [trial for trial in report.trials if trial.candidate is candidate]
    asked = report.asked
    return Advice(
        candidate,
        tuple(
            float(f"{geometric_mean(column):.2g}")
            for column in zip(*(choice.coefficients for choice in choices), strict=True)
        ),
        epochs=round(statistics.median(choice.epochs or report.epochs for choice in choices)),
        spread=(min(map(_least, choices)), max(map(_most, choices))),
        lowest=sum(_least(choice) <= asked.lowest * _AT for choice in choices),
        highest=sum(_most(choice) >= asked.highest / _AT for choice in choices),
        weakest=sum(_is_end(choice, min, asked) for choice in choices),
        strongest=sum(_is_end(choice, max, asked) for choice in choices),
        constant=sum(map(_is_constant, trials)),
        seeds=len(choices),
    )


def _is_end(choice: Choice, end: Callable[[list[float]], float], asked: TuneRequest) -> bool:
    """Return whether the best of several trials is the one at an end of them, not of the range."""
    tried = [attempt.coefficient for attempt in choice.attempts]
    within = asked.lowest * _AT < choice.coefficients[0] < asked.highest / _AT
    return len(tried) > 1 and within and choice.coefficients[0] == end(tried)


def _is_constant(trial: Trial) -> bool:
    """Return whether the mean prediction in place of each would have done as well."""
    if trial.constant is None or not math.isfinite(trial.loss):
        return False
    return trial.loss >= trial.constant - _HARDLY * abs(trial.constant)


def _least(choice: Choice) -> float:
    return min(choice.coefficients)


def _most(choice: Choice) -> float:
    return max(choice.coefficients)
