"""What can be shown at a line of the source, or else at the model file.

What was found comes before what adds to the loss: GitHub and others show the first few only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.inspector.facts import Format, Variable
from reglint.inspector.findings import CODES, Judgement
from reglint.inspector.render.numbers import number, percent
from reglint.inspector.render.words import code, ranked, sentence, shown
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reglint.inspector.facts import CallSite, Penalty
    from reglint.inspector.report import PenaltyReport

DORMANT, PENALTY = "dormant", "penalty"

RULES = CODES | {
    DORMANT: Judgement("a regularizer adds nothing to the loss"),
    PENALTY: Judgement("what a regularizer adds to the loss"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A sentence or two, and where it belongs."""

    rule: str  # one of RULES, for what this release finds
    severity: Severity | None = None  # None: nothing is wrong
    model: str | None  # the path of its file; None: it is in memory
    layer: str
    role: str = ""  # what of the layer it is about, if not all of it
    message: str
    site: CallSite | None  # None: the model file


def annotated(reports: Sequence[PenaltyReport]) -> list[Annotation]:
    """Return what was found, the most severe first, and the penalties, the largest first."""
    order: list[Severity | None] = list(Severity)
    found = [each for report in reports for each in _found(report)]
    found.sort(key=lambda each: order.index(each.severity))
    told = [_penalty(each, report) for report in reports for each in ranked(report.penalties)]
    return [*found, *told]


def relative(path: str, root: str) -> str:
    """Return a path from the folder `root` with forward slashes; if not below it, an absolute one.

    An empty `root` is the current folder.
    """
    absolute, base = Path(os.path.abspath(path)), Path(os.path.abspath(root))  # noqa: PTH100
    if absolute.is_relative_to(base):
        return absolute.relative_to(base).as_posix()
    return absolute.as_posix()


def _model(report: PenaltyReport) -> str | None:
    return None if report.file.format is Format.MEMORY else report.file.path


def _found(report: PenaltyReport) -> Iterator[Annotation]:
    untraced = {each.layer: each.message for each in report.untraced}
    for finding in report.findings:
        named = not finding.layer or finding.layer in finding.message
        what = "" if named else f"{code(finding.layer)}: "
        yield Annotation(
            rule=shown(finding.code),
            severity=finding.severity,
            model=_model(report),
            layer=finding.layer,
            message=_sentences(
                f"{what}{shown(finding.message)}",
                shown(finding.help),
                "this rests on made-up inputs" if finding.probed else "",
                _why(finding.layer, untraced),
            ),
            site=finding.source,
        )
    for dormant in report.dormant:
        name = code(str(Variable(dormant.layer, dormant.role)))
        yield Annotation(
            rule=DORMANT,
            severity=dormant.cause.severity,
            model=_model(report),
            layer=dormant.layer,
            role=dormant.role,
            message=_sentences(
                f"{name}: {shown(str(dormant.regularizer))} adds nothing to the loss",
                shown(dormant.message),
                _why(dormant.layer, untraced),
            ),
            site=dormant.source,
        )


def _penalty(penalty: Penalty, report: PenaltyReport) -> Annotation:
    by = f" {shown(str(penalty.regularizer))}" if penalty.regularizer else ""
    share = report.share(penalty)
    whole = "the loss" if report.data else "all penalties"
    part = "" if share is None else f", {percent(share)} of {whole}"
    return Annotation(
        rule=PENALTY,
        model=_model(report),
        layer=penalty.layer,
        role=penalty.role or penalty.kind.value,
        message=f"{code(penalty.name)}:{by} adds {number(penalty.value)} to the loss{part}.",
        site=penalty.source,
    )


def _why(path: str, untraced: Mapping[str, str]) -> str:
    return f"not traced to the source: {shown(untraced[path])}" if path in untraced else ""


def _sentences(*parts: str) -> str:
    return " ".join(sentence(part) for part in parts if part)
