"""Sentences and figures: what is said of scores, differences and choices."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from reglint.inspector.render.numbers import count, duration, number
from reglint.inspector.render.words import shown
from reglint.tuning.facts import Candidate
from reglint.tuning.verdict import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.tuning.facts import TuneReport
    from reglint.tuning.request import TuneRequest
    from reglint.tuning.statistics import Estimate
    from reglint.tuning.verdict import Advice, Score, Verdict

NAMES = {
    Candidate.NONE: "no L2",
    Candidate.PRESENT: "what the model has now",
    Candidate.WEAK: "L2(1e-4)",
    Candidate.STRONG: "L2(0.01)",
    Candidate.STOPPED: "no L2, for as many epochs",
    Candidate.CHOSEN: "one coefficient for all",
    Candidate.PER_LAYER: "one coefficient for each variable",
}
_ONE_SEED = "one seed says nothing of chance: try --seeds 5"

_ACCURACY = "acc"  # in names of metrics: `accuracy`, `acc`, `sparse_categorical_accuracy`
_FEW = 100  # samples to choose on
_MINUTE, _HOUR = 60, 3600
_LONG = 100  # seconds that are still told as such
_MOST = 6  # digits after the point


# Figures


def coefficient(value: float) -> str:
    """Return a coefficient as one writes it: `0.0032`, `1e-06`."""
    return f"{value:.3g}"


def span(values: Iterable[float]) -> str:
    """Return one coefficient, or from which to which some are."""
    texts = tuple(dict.fromkeys(map(coefficient, sorted(values))))
    return texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}" if texts else ""


def decimals(estimates: Iterable[Estimate | None]) -> int | None:
    """Return how many digits after the point mean something: two of the smallest error.

    None where no error says so.
    """
    errors = [each.error for each in estimates if each and each.error]
    digits = 1 - math.floor(math.log10(min(errors))) if errors else _MOST + 1
    return max(0, digits) if digits <= _MOST else None


def fixed(value: float, digits: int | None) -> str:
    """Return `value` with so many digits after the point, or with four that count if None."""
    return number(value) if digits is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def interval(difference: Estimate, digits: int | None) -> str:
    """Return from where to where a difference may be; empty where that is not known."""
    if difference.interval is None:
        return ""
    low, high = (fixed(end + 0, digits) for end in difference.interval)
    return f"{low} to {high}"


def spent(seconds: float) -> str:
    """Return how long something took: `35 ms`, `1.2 s`, `12 min`, `3.1 h`."""
    if seconds < _LONG:
        return duration(seconds)
    minutes = seconds / _MINUTE
    return f"{minutes:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"


def runs(value: float) -> str:
    """Return a number of training runs, which need not be whole."""
    return f"{value:,.1f}"


# Sentences


def headline(report: TuneReport, verdict: Verdict) -> str:
    """Return the answer, in a sentence without a full stop."""
    advice, chosen, base = verdict.advice, verdict.chosen, verdict.baseline
    if advice is None:
        return "No coefficient was chosen" if report.targets else "There is nothing to tune"
    term = _term(advice)
    if advice.epochs != report.epochs:
        term = f"{term} for {count(advice.epochs, 'epoch')} instead of {report.epochs:,}"
    if chosen is None:
        return f"{term}, which was not tested"
    if chosen.value.diverged:
        return f"{term} is of no use: {_diverged(chosen)}"
    digits = decimals([chosen.value])
    tested = f"{term}: test loss {fixed(chosen.value.mean, digits)}"
    if base is None or base.difference is None:
        return f"{tested}, compared with nothing"
    name = NAMES[base.candidate]
    if base.value.diverged:
        return f"{tested}; with {name}, {_diverged(base)}"
    if base.difference.error is not None and not base.difference.significant:
        keep = "keep it" if base.candidate is Candidate.PRESENT else "leave it so"
        text = f"No significant difference between {term} and {name}: {keep}"
    else:
        text = f"{tested}, against {fixed(base.value.mean, digits)} with {name}: {_by(base)}"
        if base.difference.error is None:
            text += ", with one seed"
    best = [NAMES[score.candidate] for score in _better(verdict) if score is not base]
    return f"{text}; but {' and '.join(best)} did better" if best else text


def sentences(report: TuneReport, verdict: Verdict) -> Iterator[str]:
    """Yield what is to be said beside the headline, a sentence without a full stop each."""
    advice = verdict.advice
    for score in sorted(verdict.scores, key=lambda score: score.measure != LOSS):
        if score.candidate is not Candidate.CHOSEN and (text := compared(score, verdict)):
            yield text
    if advice is None:
        return
    seeds = count(advice.seeds, "seed")
    if report.split.validation < _FEW:
        yield f"chosen on {count(report.split.validation, 'sample')} only: that is few"
    yield from _disagreeing(verdict)
    if advice.seeds == 1:
        yield _ONE_SEED
    else:
        yield f"{_term(advice)} is the geometric mean of {seeds}: {span(advice.spread)}"
    yield from _ends(report.asked, advice)
    if advice.constant:
        yield (
            f"in {_of(advice.constant, advice.seeds)} the model that was chosen does hardly better"
            " than its mean prediction would, for all samples alike: look at the labels, the"
            " learning rate and --epochs before the coefficient"
        )


def _ends(asked: TuneRequest, advice: Advice) -> Iterator[str]:
    """Yield that the best may be beyond what was tried."""
    for where, ended, end in (
        ("lower", advice.lowest, asked.lowest),
        ("upper", advice.highest, asked.highest),
    ):
        if ended:
            yield (
                f"{_of(ended, advice.seeds)} ended at the {where} end of the range,"
                f" {coefficient(end)}: widen --range"
            )
    for word, ended in (("weakest", advice.weakest), ("strongest", advice.strongest)):
        if ended > advice.seeds / 2:
            yield (
                f"in {_of(ended, advice.seeds)} the choice is the {word} that was tried: go on from"
                f" there with --start {coefficient(advice.coefficients[0])}, or try more: --trials"
                f" {asked.trials + 2}"
            )


def _disagreeing(verdict: Verdict) -> Iterator[str]:
    """Yield that loss and accuracy say opposite things of the choice, if they do."""
    base = verdict.baseline
    if base is None or base.difference is None or not base.difference.significant:
        return
    for score in verdict.scores:
        found = score.difference
        alike = score.candidate is base.candidate and _ACCURACY in score.measure
        # Of a loss less is better, of an accuracy more.
        if alike and found and found.significant and found.mean * base.difference.mean > 0:
            both = ("the loss", shown(score.measure))
            better, worse = both if found.mean > 0 else both[::-1]
            yield f"{better} is better and {worse} is worse: choose which of them counts"


def compared(score: Score, verdict: Verdict) -> str:
    """Return how the chosen coefficient compares with a candidate; empty if that says nothing.

    Of metrics, whose better direction is not known, only those of the baseline are compared.
    """
    name, other, loss = NAMES[score.candidate], score.difference, score.measure == LOSS
    base = verdict.baseline
    if not loss and (base is None or score.candidate is not base.candidate):
        return ""
    if loss and score.value.diverged:
        return f"with {name}, {_diverged(score)}"
    if other is None or other.diverged:
        return ""
    seeds = verdict.chosen.value.seeds if verdict.chosen else other.seeds
    over = f", over {_of(other.seeds, seeds)}" if other.seeds < seeds else ""
    what = "" if loss else f" in {shown(score.measure)}"
    if not other.error and not other.mean:
        return f"no difference{what} to {name}{over}"
    if other.error is not None and not other.significant:
        return f"no significant difference{what} to {name}: {_by(score)}{over}"
    if loss:
        return f"{_by(score, f' than {name}')}{over}"
    return f"{shown(score.measure)} {_by(score, f' than with {name}')}"


def _by(score: Score, than: str = "") -> str:
    """Return by how much the chosen coefficient did better than `score`, or worse."""
    difference = score.difference
    assert difference is not None
    words = ("better", "worse") if score.measure == LOSS else ("lower", "higher")
    if not difference.mean:
        return "no difference"
    up = difference.mean > 0  # of what is compared: the chosen one is below it
    positive = difference if up else replace(difference, mean=-difference.mean)
    digits = decimals([difference])
    within = interval(positive, digits)
    size = fixed(positive.mean, digits) if within else f"{positive.mean:.2g}"
    return f"{words[0] if up else words[1]}{than} by {size}{f' ({within})' if within else ''}"


def _of(some: int, seeds: int) -> str:
    return f"{some} of {count(seeds, 'seed')}"


def _better(verdict: Verdict) -> list[Score]:
    """Return the candidates without a search for L2 that did significantly better."""
    given = (each for each in NAMES if each is not Candidate.PER_LAYER)
    scores = filter(None, map(verdict.loss, given))
    return [
        score
        for score in scores
        if score.difference and score.difference.significant and score.difference.mean < 0
    ]


def _term(advice: Advice) -> str:
    return f"L2({span(advice.coefficients)})"


def _diverged(score: Score) -> str:
    return f"training diverged with {score.value.diverged} of {count(score.value.seeds, 'seed')}"
