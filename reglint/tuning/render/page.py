"""What is said of a report: the answer, how sure it is, what was tried, and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.inspector.render import head
from reglint.inspector.render.document import Cell, Column, Document, Look, Section, Table
from reglint.inspector.render.numbers import count
from reglint.inspector.render.sections import told
from reglint.inspector.render.words import figure, sentence, shown, variable, whole
from reglint.model import Severity
from reglint.tuning.facts import Candidate
from reglint.tuning.render.words import (
    NAMES,
    coefficient,
    decimals,
    fixed,
    headline,
    interval,
    runs,
    sentences,
    span,
    spent,
)
from reglint.tuning.statistics import geometric_mean
from reglint.tuning.verdict import LOSS, judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reglint.tuning.facts import Choice, Trial, TuneReport
    from reglint.tuning.statistics import Estimate
    from reglint.tuning.verdict import Score, Verdict

_HASH = 12  # digits of a hash
_WORSE = "Above chosen"
_INTERVAL = "95 % interval"
_MARK = "*"


def page(report: TuneReport) -> Document:
    """Return what is said of a report."""
    verdict = judged(report)
    said = tuple(sentence(text) for text in sentences(report, verdict))
    sections = (
        Section("verdict", "Verdict", _lead(verdict), remarks=said),
        _losses(report, verdict),
        _metrics(verdict),
        _variables(report, verdict),
        _choices(report),
        Section("notes", "Notes", remarks=tuple(sentence(shown(note)) for note in report.notes)),
    )
    return Document(
        title=shown(report.file.path),
        headline=headline(report, verdict),
        tone=_tone(verdict),
        about=tuple(_about(report)),
        sections=told(sections),
    )


def _lead(verdict: Verdict) -> str:
    if verdict.chosen is None:
        return ""
    text = "how the choice did, on samples that it has not seen"
    return f"{text}; in brackets 95 % intervals" if verdict.chosen.value.seeds > 1 else text


def _tone(verdict: Verdict) -> Severity | None:
    base = verdict.baseline
    difference = base.difference if base else None
    if verdict.advice is None or verdict.chosen is None or verdict.chosen.value.diverged:
        return Severity.WARNING
    if difference is None or not difference.significant:
        return Severity.INFO
    return None if difference.mean > 0 else Severity.WARNING


def _about(report: TuneReport) -> Iterator[tuple[str, str]]:
    """Yield what was done and how, as label and text."""
    asked, split = report.asked, report.split
    yield "file", head.file(report.file)
    yield "run", head.run(report.run)
    samples = (
        f"{count(split.training, 'sample')} to train, {count(split.validation)} to choose,"
        f" {count(split.testing)} to test"
    )
    yield (
        "data",
        shown(
            f"{asked.request.data}: {samples}; sha256 {report.data_sha256[:_HASH]}"
            if report.data_sha256
            else f"{asked.request.data}: {samples}"
        ),
    )
    batches = f"{count(report.epochs, 'epoch')} in batches of {asked.batch_size}"
    weights = "from the weights of the file" if asked.keep_weights else "from new weights"
    yield "training", shown(f"{batches}, {report.optimizer}, {report.loss_name}, {weights}")
    within = f"{coefficient(asked.lowest)} to {coefficient(asked.highest)}"
    first = asked.request.seed
    seeds = f"seeds {first} to {first + asked.seeds - 1}" if asked.seeds > 1 else f"seed {first}"
    start = "" if asked.start is None else f" from {coefficient(asked.start)}"
    search = f"{asked.method.value}{start} within {within}"
    yield "search", f"{search}; {seeds} (experimental)"
    yield "cost", _cost(report)


def _cost(report: TuneReport) -> str:
    choosing = sum(choice.runs for choice in report.choices)
    testing = sum(trial.runs for trial in report.trials)
    seconds = sum(each.seconds for each in _made(report))
    return (
        f"{runs(choosing + testing)} training runs, {spent(seconds)}:"
        f" {runs(choosing)} to choose, {runs(testing)} to test"
    )


def _losses(report: TuneReport, verdict: Verdict) -> Section:
    scores = [score for score in verdict.scores if score.measure == LOSS]
    if not scores:
        return Section("overview", "Test loss")
    metrics = tuple(dict.fromkeys(s.measure for s in verdict.scores if s.measure != LOSS))
    values = decimals(score.value for score in scores)
    differences = decimals(score.difference for score in scores)
    table = Table(
        (
            Column("Candidate", Look.TERM),
            Column("L2", Look.TERM, 1),
            Column("Epochs", Look.TERM, 3),
            Column("Test loss", Look.NUMBER),
            Column("SE", Look.NUMBER, 2),
            Column(_WORSE, Look.NUMBER),
            Column(_INTERVAL, Look.TERM),
            Column("", Look.TERM),
            *(Column(shown(name), Look.NUMBER, 3) for name in metrics),
            Column("Seeds", Look.NUMBER, 4),
            Column("Runs", Look.NUMBER, 5),
            Column("Time", Look.TERM, 6),
        ),
        tuple(
            (
                Cell(score.candidate.value),
                Cell(_coefficients(report, score.candidate, verdict)),
                Cell(_epochs(report, score.candidate)),
                _mean(score.value, values),
                _error(score.value, values),
                *_difference(score, differences),
                *(_metric(verdict, score.candidate, name) for name in metrics),
                whole(score.value.seeds),
                *_spent(report, score.candidate, score.value.seeds),
            )
            for score in scores
        ),
        "and {} more",
    )
    remarks = (
        *((f"{_MARK} significant: 0 is not in the interval.",) if _marked(scores) else ()),
        "Chosen are coefficients of each seed's own; what is told of them is the geometric mean."
        if verdict.chosen and verdict.chosen.value.seeds > 1
        else "",
    )
    return Section("overview", "Test loss", tables=(table,), remarks=tuple(filter(None, remarks)))


def _marked(scores: Sequence[Score]) -> bool:
    return any(score.difference and score.difference.significant for score in scores)


def _coefficients(report: TuneReport, candidate: Candidate, verdict: Verdict) -> str:
    if verdict.advice and candidate is verdict.advice.candidate:
        return span(verdict.advice.coefficients)
    tried = [t.coefficients for t in report.trials if t.candidate is candidate]
    return span(map(geometric_mean, zip(*tried, strict=True)))


def _epochs(report: TuneReport, candidate: Candidate) -> str:
    """Return for how many epochs a candidate was trained, where not all have the same."""
    if not any(trial.epochs for trial in report.trials):
        return ""
    alike = [trial for trial in report.trials if trial.candidate is candidate]
    each = sorted({trial.epochs or report.epochs for trial in alike})
    return f"{each[0]}" if len(each) == 1 else f"{each[0]} to {each[-1]}"


def _spent(report: TuneReport, candidate: Candidate, seeds: int) -> tuple[Cell, Cell]:
    """Return what a seed takes to come to a candidate and to test it."""
    each = [made for made in _made(report) if made.candidate is candidate]
    cost = sum(made.runs for made in each) / seeds
    return Cell(runs(cost), cost), Cell(spent(sum(made.seconds for made in each) / seeds))


def _made(report: TuneReport) -> tuple[Choice | Trial, ...]:
    return (*report.choices, *report.trials)


def _mean(value: Estimate, digits: int | None) -> Cell:
    return Cell(fixed(value.mean, digits), value.mean)


def _error(value: Estimate, digits: int | None) -> Cell:
    return Cell("" if value.error is None else fixed(value.error, digits), value.error)


def _difference(score: Score, digits: int | None) -> tuple[Cell, Cell, Cell]:
    found = score.difference
    if found is None or found.diverged:
        return Cell(""), Cell(""), Cell("")
    sign = "+" if found.mean > 0 else ""
    return (
        Cell(f"{sign}{fixed(found.mean, digits)}", found.mean),
        Cell(interval(found, digits)),
        Cell(_MARK if found.significant else ""),
    )


def _metric(verdict: Verdict, candidate: Candidate, name: str) -> Cell:
    alike = [score for score in verdict.scores if score.measure == name]
    found = next((score for score in alike if score.candidate is candidate), None)
    return _mean(found.value, decimals(s.value for s in alike)) if found else figure(None)


def _metrics(verdict: Verdict) -> Section:
    scores = [score for score in verdict.scores if score.measure != LOSS]
    scores.sort(key=lambda score: score.measure)
    if not scores:
        return Section("metrics", "Metrics")
    rows = []
    for score in scores:
        alike = [each for each in scores if each.measure == score.measure]
        values = decimals(each.value for each in alike)
        differences = decimals(each.difference for each in alike)
        rows.append(
            (
                Cell(shown(score.measure)),
                Cell(score.candidate.value),
                _mean(score.value, values),
                _error(score.value, values),
                *_difference(score, differences),
            )
        )
    columns = (
        Column("Metric", Look.NAME),
        Column("Candidate", Look.TERM),
        Column("Mean", Look.NUMBER),
        Column("SE", Look.NUMBER, 1),
        Column(_WORSE, Look.NUMBER),
        Column(_INTERVAL, Look.TERM),
        Column("", Look.TERM),
    )
    return Section("metrics", "Metrics", tables=(Table(columns, tuple(rows), "and {} more"),))


def _variables(report: TuneReport, verdict: Verdict) -> Section:
    if not report.targets:
        return Section("variables", "Variables")
    advice = verdict.advice
    advised = advice.coefficients if advice else ()
    each = [c.coefficients for c in report.choices if c.candidate is Candidate.PER_LAYER]
    own = tuple(map(geometric_mean, zip(*each, strict=True)))
    table = Table(
        (
            Column("Variable", Look.NAME),
            Column("Class", Look.TERM, 1),
            Column("L2 now", Look.TERM),
            Column("L2 chosen", Look.TERM),
            Column("Per layer", Look.TERM, 2),
        ),
        tuple(
            (
                Cell(variable(target.variable)),
                Cell(shown(target.layer_class)),
                Cell(coefficient(target.present)),
                Cell(coefficient(advised[index]) if advised else ""),
                Cell(coefficient(own[index]) if own else ""),
            )
            for index, target in enumerate(report.targets)
        ),
        "and {} more",
    )
    per_layer = advice and advice.candidate is Candidate.PER_LAYER
    lead = (
        f"chosen: {NAMES[Candidate.PER_LAYER]}, which is significantly better" if per_layer else ""
    )
    return Section("variables", "Variables", lead, (table,))


def _choices(report: TuneReport) -> Section:
    if not report.choices:
        return Section("choices", "Choices")
    several = len({choice.candidate for choice in report.choices}) > 1
    table = Table(
        (
            Column("Seed", Look.NUMBER),
            Column("Candidate", Look.TERM, 1),
            Column("L2", Look.TERM),
            Column("Epochs", Look.NUMBER),
            Column("Tried", Look.NUMBER, 2),
            Column("Runs", Look.NUMBER),
            Column("Time", Look.TERM),
        ),
        tuple(
            (
                whole(choice.seed),
                Cell(choice.candidate.value if several else ""),
                Cell(span(choice.coefficients)),
                whole(choice.epochs),
                whole(len(choice.attempts) or None),
                Cell(runs(choice.runs), choice.runs),
                Cell(spent(choice.seconds)),
            )
            for choice in report.choices
        ),
        "and {} more",
    )
    return Section("choices", "Choices", "what the search of each seed came to", (table,))
