"""The head of a report: the answer, the file, and how it was measured."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from reglint.inspector.facts import Danger, Format, Level
from reglint.inspector.render.numbers import count, duration, number, percent, shape, size
from reglint.inspector.render.words import shown, worst
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.facts import FileFacts, Run
    from reglint.inspector.report import PenaltyReport

_FORMATS = {
    Format.KERAS: ".keras archive",
    Format.H5: "HDF5 model",
    Format.WEIGHTS: "HDF5 weights",
    Format.MEMORY: "a model of this process",
}
_LEVELS = {
    Level.STATIC: "read, not run",
    Level.RUN: "run in a limited process",
    Level.IMPORT: "run with the modules that you named",
    Level.LAMBDA: "run with the code in the file",
}


def headline(report: PenaltyReport) -> str:
    """Return the answer, in a sentence without a full stop."""
    counts = Counter(finding.severity for finding in report.findings)
    found = ", ".join(
        count(counts[severity], severity.value)
        for severity in (Severity.ERROR, Severity.WARNING)
        if counts[severity]
    )
    return "; ".join(filter(None, (_total(report), found)))


def tone(report: PenaltyReport) -> Severity | None:
    """Return how bad the worst is."""
    severities = [finding.severity for finding in report.findings]
    if _failed(report) and not report.penalties:
        severities.append(Severity.WARNING)
    if not math.isfinite(report.total) or _refused(report):
        severities.append(Severity.ERROR)
    return worst(severities)


def _refused(report: PenaltyReport) -> bool:
    return bool(report.verdict and report.verdict.found(Danger.REFUSED))


def _failed(report: PenaltyReport) -> bool:
    """Return whether the model was to be called, and could not be."""
    return bool(report.run and report.run.probe and report.run.probe.failed)


def _partial(report: PenaltyReport) -> bool:
    """Return whether there may be penalties that have no row.

    That of a recurrent cell is missing from `model.losses` on jax: run with Keras 3.15.1.
    """
    in_cell = any(finding.code == "cell-activity-regularizer" for finding in report.findings)
    return bool(report.unknown) or in_cell or _failed(report)


def _total(report: PenaltyReport) -> str:
    if report.penalties:
        text = f"Penalties add {number(report.total)} to the loss"
        if _partial(report):
            return f"{text}, as far as is known"
        share = report.total / report.loss if report.loss else None
        in_data = report.data is not None and share is not None and 0 <= share < math.inf
        return f"{text}, {percent(share)} of it" if in_data and share is not None else text
    if _refused(report):
        return "Refused, not read any further"
    if _failed(report):
        return "Not known: the model could not be called"
    if report.unknown:
        return "No penalty that can be known without running the model"
    if report.dormant:
        return f"No penalties: {count(len(report.dormant), 'regularizer')}, none of them at work"
    return "No regularization: nothing is added to the loss"


def about(report: PenaltyReport) -> Iterator[tuple[str, str]]:
    """Yield what was inspected and how, as label and text."""
    yield "file", file(report.file)
    if report.verdict is not None:
        yield "verdict", _verdict(report)
    if report.run is not None:
        yield "run", run(report.run)
        yield "time", _time(report)
        if report.run.probe is not None and report.run.probe.batch_size:
            yield "probe", _probe(report.run)
    elif report.static_seconds:
        yield "time", f"{duration(report.static_seconds)} to read the file"


def file(facts: FileFacts) -> str:
    """Return what is known of a model file, but its path."""
    return ", ".join(_file(facts))


def _file(file: FileFacts) -> Iterator[str]:
    yield _FORMATS[file.format]
    if file.size:
        yield size(file.size)
    if file.keras_version:
        yield f"written by Keras {shown(file.keras_version)}"
    if file.date_saved:
        yield shown(file.date_saved)
    if file.sha256:
        yield f"sha256 {shown(file.sha256)[:12]}"


def _verdict(report: PenaltyReport) -> str:
    assert report.verdict is not None
    if report.verdict.data_only:
        return f"data only, no code but Keras' own; {_LEVELS[report.level]}"
    if report.level is Level.RUN:  # it would not have been run
        names = ", ".join(dict.fromkeys(shown(each.name) for each in report.verdict.reasons))
        return f"data only, but for {names}, for training only; {_LEVELS[report.level]}"
    words = {
        Danger.REFUSED: "refused",
        Danger.CODE: "has code in it",
        Danger.CUSTOM: "needs code of somebody else's",
    }
    found = [text for danger, text in words.items() if report.verdict.found(danger)]
    return f"{', '.join(found)}; {_LEVELS[report.level]}"


def run(run: Run) -> str:
    """Return what a model was run on."""
    memory = f", {size(run.device_memory)}" if run.device_memory else ""
    backend = f"{run.backend} {run.backend_version}".rstrip()
    return shown(f"Keras {run.keras_version} on {backend}, {run.device}{memory}")


def _time(report: PenaltyReport) -> str:
    assert report.run is not None
    spent = report.run.seconds
    parts = {
        "import": spent.importing,
        "load": spent.loading,
        "probe": spent.probing,
        "attribution": spent.attributing,
        "static reader": report.static_seconds,
    }
    split = ", ".join(f"{name} {duration(each)}" for name, each in parts.items() if each)
    total = duration(sum(parts.values()))
    return f"{total}: {split}" if split else total


def _probe(run: Run) -> str:
    assert run.probe is not None
    shapes = ", ".join(f"{name} {shape(sizes)}".strip() for name, sizes in run.probe.shapes.items())
    text = f"{run.probe.source}, batch of {run.probe.batch_size}"
    return shown("; ".join(part for part in (text, shapes, *run.probe.assumed) if part))
