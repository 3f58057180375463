"""What is said of a penalty report: the order, the words and the figures of every format."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

from reglint.inspector.facts import Danger, Kind
from reglint.inspector.listing import few
from reglint.inspector.render.document import (
    LAST,
    Cell,
    Column,
    Document,
    Look,
    Notice,
    Section,
    Table,
    elided,
)
from reglint.inspector.render.head import about, headline, tone
from reglint.inspector.render.numbers import count, number, parameters, percent, shape
from reglint.inspector.render.words import (
    MODEL,
    code,
    figure,
    layer,
    place,
    rank,
    ranked,
    sentence,
    shown,
    source,
    title,
    variable,
    whole,
)
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reglint.inspector.facts import Decay, Dormant, Finding, Penalty, Reason
    from reglint.inspector.report import PenaltyReport

_LINE = 300  # characters of a list of names
_NAMED = 3  # variables that a remark names before it counts the others


def document(report: PenaltyReport) -> Document:
    """Return what is said of one model."""
    sections = (
        _preflight(report),
        _penalties(report),
        dormant(report.dormant, "dormant", "Dormant regularizers"),
        _unknown(report),
        findings(report.findings, "findings", "Findings"),
        _data(report),
        _decay(report),
        _invariance(report),
        _untraced(report),
        Section("notes", "Notes", remarks=tuple(sentence(shown(note)) for note in report.notes)),
    )
    return Document(
        title=title(report),
        headline=headline(report),
        tone=tone(report),
        about=tuple(about(report)),
        sections=told(sections),
    )


def told(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Return the sections that have something to tell."""
    return tuple(
        each for each in sections if each.lead or each.tables or each.notices or each.remarks
    )


def _penalties(report: PenaltyReport) -> Section:
    if not report.penalties:
        advice = _advice(report)
        said = (sentence(advice),) if advice else tuple(_asides(report))
        return Section("penalties", "Penalties", remarks=said)
    rows = ranked(report.penalties)
    largest = max((each.value for each in rows if math.isfinite(each.value)), default=0.0)
    kinds = ", ".join(f"{kind.value} {number(value)}" for kind, value in report.by_kind.items())
    table = Table(
        (
            Column("Layer", Look.NAME),
            Column("Variable", Look.TERM),
            Column("Regularizer", Look.TERM, 2),
            Column("Source", Look.NAME, LAST),
            Column("Shape", Look.TERM, 5),
            Column("Parameters", Look.NUMBER, 4),
            Column("Penalty", Look.NUMBER),
            Column("Share", Look.NUMBER, 1),
            Column("", Look.BAR, 3),
        ),
        tuple(_row(each, report, largest) for each in rows),
        "and {} smaller ones",
    )
    shared = "the loss" if report.data else "all penalties"
    lead = f"{number(report.total)} in all: {kinds}; shares are of {shared}"
    return Section("penalties", "Penalties", lead, (table,), remarks=tuple(_asides(report)))


def _row(penalty: Penalty, report: PenaltyReport, largest: float) -> tuple[Cell, ...]:
    share = report.share(penalty)
    owner, penalized = place(penalty)
    weight = penalty.kind is Kind.WEIGHT
    held = parameters(penalty.shape) if weight and penalty.shape else None
    fraction = penalty.value / largest if largest > 0 and math.isfinite(penalty.value) else 0.0
    return (
        Cell(owner),
        Cell(penalized),
        Cell(shown(str(penalty.regularizer or ""))),
        Cell(source(penalty.source)),
        Cell(shape(penalty.shape)),
        whole(held),
        figure(penalty.value),
        Cell("", None) if share is None else Cell(percent(share), share),
        Cell("", max(0.0, fraction), kind=penalty.kind),
    )


def _advice(report: PenaltyReport) -> str:
    verdict = report.verdict
    if verdict and verdict.found(Danger.REFUSED):
        return ""
    if report.run and report.run.probe and report.run.probe.failed:
        return ""
    if report.unknown and report.notes:
        return "only the running model can tell; the notes say why it was not run"
    if report.unknown and verdict and verdict.found(Danger.CUSTOM):
        return "run the model, with its modules named by `--import`, to know more"
    if report.unknown:
        return "run the model to know more"
    if report.dormant:
        return "each regularizer is listed below, with the reason why it adds nothing"
    return "give a layer `kernel_regularizer=keras.regularizers.L2(...)` if it should have some"


def _asides(report: PenaltyReport) -> Iterator[str]:
    """Yield what the rows do not say: other names, and why a kind of penalty is missing."""
    for penalty in report.penalties:
        if penalty.also:
            others = ", ".join(code(str(each)) for each in penalty.also)
            yield sentence(f"{code(penalty.name)} is {others} too, and counts once")
    probe = report.run.probe if report.run else None
    if probe and probe.failed:
        missing = "the model could not be run, so activity and add_loss penalties are missing"
        yield sentence(f"{missing}: {shown(probe.failed)}")
    elif probe and not report.data and report.by_kind.keys() - {Kind.WEIGHT}:
        yield "Activity and add_loss penalties are those of the probe, not of your data."


def dormant(found: Sequence[Dormant], key: str, heading: str) -> Section:
    """Return a section of regularizers that add nothing."""
    table = Table(
        (
            Column("Layer", Look.NAME),
            Column("Variable", Look.TERM),
            Column("Regularizer", Look.TERM, 2),
            Column("Cause", Look.TERM, 1),
            Column("Source", Look.NAME, LAST),
            Column("Why", Look.PROSE),
        ),
        tuple(
            (
                Cell(layer(each.layer)),
                Cell(shown(each.role)),
                Cell(shown(str(each.regularizer))),
                Cell(each.cause.value, tone=each.cause.severity),
                Cell(source(each.source)),
                Cell(shown(each.message)),
            )
            for each in found
        ),
        "and {} more",
    )
    verb = "adds" if len(found) == 1 else "add"
    lead = f"{count(len(found), 'regularizer')} that {verb} nothing to the loss"
    return Section(key, heading, lead, (table,)) if found else Section(key, heading)


def _unknown(report: PenaltyReport) -> Section:
    table = Table(
        (
            Column("Layer", Look.NAME),
            Column("Class", Look.TERM, 1),
            Column("What, and why", Look.PROSE),
        ),
        tuple(
            (Cell(layer(each.layer)), Cell(shown(each.layer_class)), Cell(shown(each.message)))
            for each in report.unknown
        ),
        "and {} more",
    )
    if not report.unknown:
        return Section("unknown", "Not known")
    return Section("unknown", "Not known", "what only the running model can tell", (table,))


def _preflight(report: PenaltyReport) -> Section:
    reasons: tuple[Reason, ...] = report.verdict.reasons if report.verdict else ()
    notices = tuple(
        Notice(
            Severity.ERROR if each.danger is Danger.REFUSED else Severity.WARNING,
            each.danger.value,
            shown(each.place),
            shown(each.message),
            remark="" if each.name in each.message else shown(each.name),
        )
        for each in reasons
    )
    return Section("preflight", "Preflight", notices=notices)


def findings(found: Sequence[Finding], key: str, heading: str) -> Section:
    """Return a section of judgements, the most severe first, few of a kind."""
    order = list(Severity)
    found = sorted(found, key=lambda finding: (order.index(finding.severity), finding.code))
    kinds = groupby(found, key=lambda finding: (finding.severity, finding.code))
    notices = (notice for _, kind in kinds for notice in _notices(list(kind)))
    return Section(key, heading, notices=tuple(notices))


def _notices(alike: Sequence[Finding]) -> Iterator[Notice]:
    """Yield the first of many findings in full, and of the others where they are."""
    few = alike if len(alike) <= _NAMED + 1 else alike[:_NAMED]
    said = ""
    for each in few:
        yield Notice(
            each.severity,
            shown(each.code),
            shown(each.layer),
            shown(each.message),
            "" if each.help == said else shown(each.help),
            "rests on made-up inputs" if each.probed else "",
            source(each.source),
        )
        said = each.help
    if others := alike[len(few) :]:
        names = dict.fromkeys(code(each.layer or MODEL) for each in others)
        where = elided(", ".join(names), _LINE)
        yield Notice(
            alike[0].severity, shown(alike[0].code), "", f"{len(others)} more like these: {where}"
        )


def _data(report: PenaltyReport) -> Section:
    data = report.data
    if data is None:
        return Section("data", "On data")
    samples = f"{count(data.samples, 'sample')} of {shown(data.source)}"
    lead = (
        f"data loss {number(data.loss)} ({shown(data.loss_name)}, {samples}) "
        f"+ penalties {number(report.total)} = {number(data.loss + report.total)}"
    )
    table = Table(
        (
            Column("Layer", Look.NAME),
            Column("Parameters", Look.NUMBER, 1),
            Column("|grad penalty|", Look.NUMBER),
            Column("|grad loss|", Look.NUMBER),
            Column("Ratio", Look.NUMBER),
        ),
        tuple(
            (
                Cell(layer(each.layer)),
                whole(each.parameters),
                figure(each.penalty),
                figure(each.loss),
                figure(each.ratio),
            )
            for each in sorted(data.gradients, key=lambda gradient: -rank(gradient.ratio))
        ),
        "and {} more",
    )
    remarks = tuple(sentence(shown(note)) for note in data.notes)
    return Section("data", "On data", lead, (table,) if data.gradients else (), remarks=remarks)


def _decay(report: PenaltyReport) -> Section:
    rows = decays(report)
    table = Table(
        (
            Column("Variable", Look.NAME),
            Column("Mechanism", Look.TERM, 2),
            Column("Formula", Look.TERM, 3),
            Column("Per step", Look.NUMBER),
            Column("Half-life", Look.NUMBER),
        ),
        tuple(
            (
                Cell(together(alike), many=len(alike) > 1),
                Cell(_mechanism(alike[0])),
                Cell(shown(alike[0].formula)),
                figure(alike[0].per_step),
                figure(alike[0].half_life),
            )
            for alike in rows
        ),
        "and {} more",
    )
    by = f" under {shown(report.optimizer)}" if report.optimizer else ""
    lead = f"what each step takes away{by}, and after how many steps half is left, the data apart"
    if not report.decays:
        return Section("decay", "Weight decay")
    remarks = (*_members(rows), *_reasons(report.decays))
    return Section("decay", "Weight decay", lead, (table,), remarks=remarks)


def decays(report: PenaltyReport) -> list[list[Decay]]:
    """Return what shrinks variables, the fastest first; many of one kind stand together.

    The optimizer does the same to each variable, and a large model has hundreds.
    """
    kinds: dict[tuple[object, ...], list[Decay]] = {}
    for each in report.decays:
        kinds.setdefault((each.mechanism, each.formula, each.per_step), []).append(each)
    rows: list[list[Decay]] = []
    for alike in kinds.values():
        rows += [alike] if len(alike) > _NAMED else [[each] for each in alike]
    return sorted(rows, key=lambda alike: -rank(alike[0].per_step or 0.0))


def together(alike: Sequence[Decay]) -> str:
    """Return the name of a variable, or how many there are."""
    return variable(alike[0].variable) if len(alike) == 1 else count(len(alike), "variable")


def _mechanism(decay: Decay) -> str:
    """Return what shrinks a variable; below the optimizer's name it need not say whose it is."""
    return shown(decay.mechanism).removesuffix(" of the optimizer")


def _members(rows: Iterable[Sequence[Decay]]) -> Iterator[str]:
    """Yield which variables stand together in a row."""
    for alike in rows:
        if len(alike) > 1:
            yield sentence(f"{together(alike)} with {_mechanism(alike[0])}: {_first(alike)}")


def _reasons(decays: Iterable[Decay]) -> Iterator[str]:
    """Yield each note once, with the variables that it is of."""
    noted = sorted((each for each in decays if each.note), key=lambda decay: decay.note)
    for note, group in groupby(noted, key=lambda decay: decay.note):
        yield sentence(f"{_first(list(group))}: {shown(note)}")


def _first(decays: Sequence[Decay]) -> str:
    """Return the names of the first variables, and how many more there are."""
    return few([code(str(decay.variable)) for decay in decays], _NAMED)


def _invariance(report: PenaltyReport) -> Section:
    table = Table(
        (Column("Variable", Look.NAME), Column("Change of the output", Look.NUMBER)),
        tuple(
            (Cell(variable(each.variable)), figure(each.change))
            for each in sorted(report.scale_invariance, key=lambda each: each.change)
        ),
        "and {} more",
    )
    if not report.scale_invariance:
        return Section("scale", "Scale invariance")
    lead = "relative, when the variable is doubled in training mode; near 0, its size means nothing"
    return Section("scale", "Scale invariance", lead, (table,))


def _untraced(report: PenaltyReport) -> Section:
    """Return the section of layers whose call in the source is not known, few of a kind."""
    kinds: dict[str, list[str]] = {}
    for each in report.untraced:
        kinds.setdefault(each.message, []).append(code(each.layer))
    said = (sentence(f"{few(names, _NAMED)}: {shown(message)}") for message, names in kinds.items())
    return Section("untraced", "Not traced to the source", remarks=tuple(said))
