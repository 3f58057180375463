"""What makes an inspection fail: too much penalty, or findings that matter.

What rests on the made-up inputs of a probe fails nothing. A baseline, which is an earlier report,
takes away findings and dormant regularizers that it has, too; `max_total` and `max_share` hold with
it as they do without.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.inspector.facts import Kind
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.comparison import Comparison
    from reglint.inspector.report import PenaltyReport


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is too much; None: nothing is."""

    max_total: float | None = None  # of penalties, in units of the loss
    max_share: float | None = None  # of penalties in the loss, which needs data
    fail_on: Severity | None = Severity.ERROR  # the least severity that fails


def exceeded(
    report: PenaltyReport, budget: Budget, comparison: Comparison | None = None
) -> Iterator[str]:
    """Yield what fails in `report`, a line each; `comparison` is that with its baseline."""
    counted = [
        penalty for penalty in report.penalties if report.data or penalty.kind is Kind.WEIGHT
    ]
    total = sum(penalty.value for penalty in counted)
    # Written so that NaN, which is less than nothing, exceeds every budget.
    if budget.max_total is not None and not total <= budget.max_total:
        what = "penalties" if report.data else "weight penalties"
        yield f"{what} of {total:.6g} exceed --max-total {budget.max_total:g}"
    if budget.max_share is not None:
        yield from _share(report.loss, total, budget.max_share)
    if budget.fail_on is not None:
        yield from _failing(report, budget.fail_on, comparison)


def _share(loss: float | None, total: float, most: float) -> Iterator[str]:
    if loss is None:
        yield f"there is no loss on data for --max-share {most:g}"
    elif not math.isfinite(total) or total > most * loss:
        yield f"penalties of {total:.6g} in a loss of {loss:.6g} exceed --max-share {most:g}"


def _failing(
    report: PenaltyReport, least: Severity, comparison: Comparison | None
) -> Iterator[str]:
    findings = comparison.new_findings if comparison else report.findings
    for finding in findings:
        if finding.severity.reaches(least) and (report.data or not finding.probed):
            where = f"{finding.layer}: " if finding.layer else ""
            yield f"{finding.severity.value}: {where}{finding.message} [{finding.code}]"
    for dormant in comparison.new_dormant if comparison else report.dormant:
        if dormant.cause.severity.reaches(least):
            name = f"{dormant.layer}.{dormant.role}" if dormant.layer else dormant.role
            yield (
                f"{dormant.cause.severity.value}: {name}: {dormant.regularizer} adds nothing:"
                f" {dormant.message} [{dormant.cause.value}]"
            )
