"""Two readings of one file, as one report."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from reglint.inspector.facts import AGREEMENT, Cause, Finding, Kind
from reglint.inspector.report import PenaltyReport
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from reglint.inspector.facts import Dormant, Penalty, RuntimeReading, StaticReading

    _Key: TypeAlias = tuple[str, str | None]

# How much of a penalty may be rounding, relatively. Keras computes in the dtype of the variable,
# the static reader in 64 bits. Of half-precision numbers each square, the sum and the product with
# the factor are rounded, to half a unit in the last place: two units are all that can come of that.
# Run on 3.15.1, all three backends, L1 and L2 of up to a million weights: at most 6e-4 in float16,
# 2.8e-3 in bfloat16, and 3.4e-7 in float32.
TOLERANCE = {"float16": 2.0**-9, "bfloat16": 2.0**-6}
_SMALLEST = {"float16": 2.0**-24}  # what a penalty in it underflows by


def merged(
    static: StaticReading, runtime: RuntimeReading | None = None, notes: tuple[str, ...] = ()
) -> PenaltyReport:
    """Return the report of both readings; values are those of the run, where there was one."""
    report = PenaltyReport(
        static.file,
        verdict=static.verdict,
        penalties=static.penalties,
        dormant=static.dormant,
        unknown=static.unknown,
        histograms=static.histograms,
        layers=static.layers,
        model_class=static.model_class,
        notes=notes,
        static_seconds=static.seconds,
    )
    if runtime is None:
        return report
    known = {_key(penalty): penalty for penalty in static.penalties}
    penalties = tuple(_with_static(penalty, known) for penalty in runtime.penalties)
    return replace(
        report,
        level=runtime.run.level,
        penalties=penalties,
        dormant=_dormant(static, runtime),
        unknown=(),
        findings=(*runtime.findings, *_disagreements(static, runtime, penalties)),
        run=runtime.run,
        data=runtime.data,
        optimizer=runtime.optimizer,
        decays=runtime.decays,
        scale_invariance=runtime.scale_invariance,
        notes=(*runtime.notes, *notes),
        histograms=runtime.histograms or static.histograms,
        layers=runtime.layers or static.layers,
        model_class=runtime.model_class or static.model_class,
    )


def agree(value: float, static: float, dtype: str) -> bool:
    """Tell whether what Keras computed in `dtype` is `static`, rounding apart."""
    if math.isnan(value) or math.isnan(static):
        return math.isnan(value) and math.isnan(static)
    if math.isinf(value) and dtype in TOLERANCE:
        return True  # it overflowed, which is a finding of its own
    if math.isinf(value) or math.isinf(static):
        return value == static
    tolerance = TOLERANCE.get(dtype, AGREEMENT)
    return math.isclose(value, static, rel_tol=tolerance, abs_tol=_SMALLEST.get(dtype, 1e-30))


def _key(penalty: Penalty) -> _Key:
    return penalty.layer, penalty.role


def _names(penalty: Penalty) -> Iterator[_Key]:
    """Yield what the variable of a penalty is called, by whichever layer holds it."""
    yield _key(penalty)
    for variable in penalty.also:
        yield variable.layer, variable.role


def _with_static(penalty: Penalty, known: Mapping[_Key, Penalty]) -> Penalty:
    if penalty.kind is not Kind.WEIGHT:
        return penalty
    found = next((known[name] for name in _names(penalty) if name in known), None)
    return replace(penalty, static=found.value) if found else penalty


def _dormant(static: StaticReading, runtime: RuntimeReading) -> tuple[Dormant, ...]:
    """Return what the run found, and what layers dropped, which only the file still has."""
    seen: set[_Key] = {(dormant.layer, dormant.role) for dormant in runtime.dormant}
    seen |= {name for penalty in runtime.penalties for name in _names(penalty)}
    dropped = (
        dormant
        for dormant in static.dormant
        if dormant.cause is Cause.DROPPED and (dormant.layer, dormant.role) not in seen
    )
    return (*runtime.dormant, *dropped)


def _disagreements(
    static: StaticReading, runtime: RuntimeReading, penalties: tuple[Penalty, ...]
) -> Iterator[Finding]:
    for penalty in penalties:
        if penalty.static is None or agree(penalty.value, penalty.static, penalty.dtype):
            continue
        yield _disagreement(penalty, f"{penalty.static:.9g}", f"{penalty.value:.9g}")
    in_run = {name for penalty in penalties for name in _names(penalty)}
    in_run |= {(dormant.layer, dormant.role) for dormant in runtime.dormant}
    for penalty in static.penalties:
        if in_run.isdisjoint(_names(penalty)):
            yield _disagreement(penalty, f"{penalty.value:.9g}", "nothing")


def _disagreement(penalty: Penalty, static: str, value: str) -> Finding:
    return Finding(
        "readers-disagree",
        Severity.ERROR,
        penalty.layer,
        f"the penalty of `{penalty.name}` is {value} as Keras runs the model, and {static} as the"
        " file has it",
        "Trust neither number, and report it: one of the two readers is wrong",
    )
