"""The last words of a run: true whatever happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reglint.model import Safety, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.model import Report

_SHOWN = 3  # assumptions, and reasons of each


def counts(report: Report) -> dict[str, int]:
    """Return the figures of a run; `fixable` with the safe fixes alone, `unsafe` the others."""
    severities = Counter(each.severity for each in report.diagnostics)
    fixes = Counter(each.offer.safety for each in report.diagnostics if each.offer)
    return {
        "errors": severities[Severity.ERROR],
        "warnings": severities[Severity.WARNING],
        "infos": severities[Severity.INFO],
        "fixable": fixes[Safety.SAFE],
        "unsafe": fixes[Safety.UNSAFE],
        "suppressed": report.suppressed,
        "files": report.checked,
        "fixed": len(report.fixed),
        "changed": len(report.changed),
    }


def summary(report: Report) -> str:
    """Return what the run found, did and could not do, as whole lines."""
    lines = [*_failures(report), *_assumptions(report), _outcome(report)]
    return "".join(f"{line}\n" for line in lines)


def _failures(report: Report) -> Iterator[str]:
    paths = len({each.path for each in report.errors})
    if paths:
        verb = "was" if paths == 1 else "were"
        yield f"{_plural(paths, 'file')} {verb} not fully processed:"
        yield from (f"  {each}" for each in report.errors)


def _assumptions(report: Report) -> Iterator[str]:
    """Say which Keras was taken for granted, and why, where most files are concerned."""
    for each in list(report.assumptions)[:_SHOWN]:
        reasons = [f"{why.path}:{why.line} `{why.text}`" for why in each.reasons]
        if len(reasons) > _SHOWN:
            reasons[_SHOWN:] = [f"{len(reasons) - _SHOWN} more"]
        yield f"Assuming {each.label}: {', '.join(reasons)}"
    left = len(report.assumptions) - _SHOWN
    if left > 0:
        yield f"Assuming other releases of Keras in {_plural(left, 'project')}: see the JSON output"


def _outcome(report: Report) -> str:
    number = counts(report)
    left = ", ".join(
        _plural(number[f"{word}s"], word) if word != "info" else f"{number['infos']} info"
        for word in ("error", "warning", "info")
        if number[f"{word}s"]
    )
    suppressed = f" ({number['suppressed']} suppressed)" if number["suppressed"] else ""
    checked = _plural(number["files"], "file")
    if report.fixed:
        verb = "Would fix" if report.diff else "Fixed"
        fixed, changed = _plural(number["fixed"], "finding"), _plural(number["changed"], "file")
        return f"{verb} {fixed} in {changed}, {left or 'none'} left{suppressed}.{_hint(number)}"
    if left:
        return f"{left} in {checked}{suppressed}.{_hint(number)}"
    if not report.checked:
        return "Nothing was checked." if report.errors else "No Python files to check."
    if report.errors:
        return f"No findings in the {checked} checked{suppressed}."
    return f"All clear: {checked} checked{suppressed}."


def _hint(number: dict[str, int]) -> str:
    match number["fixable"], number["unsafe"]:
        case 0, 0:
            return ""
        case 0, unsafe:
            return f" {unsafe} can be fixed: reglint fix --unsafe-fixes"
        case safe, 0:
            return f" {safe} can be fixed: reglint fix"
        case safe, unsafe:
            return f" {safe} can be fixed: reglint fix ({unsafe} more with --unsafe-fixes)"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
