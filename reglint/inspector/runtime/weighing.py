"""Penalties beside the data loss: too small to matter, or all that there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.facts import Finding, Kind
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.facts import Penalty

NEGLIGIBLE, DOMINATING = 1e-3, 10.0  # all penalties together, of the data loss
MILLIONTH = 1e-6  # one of them, the same
_SMALL = 1e-3  # a variable whose values are below that on average may be so for its penalty


def weigh(penalties: tuple[Penalty, ...], total: float, loss: float) -> tuple[Finding, ...]:
    """Return what is very small or very large: all penalties together, or a single one."""
    if not math.isfinite(loss):
        finding = Finding(
            "not-finite",
            Severity.ERROR,
            "",
            f"the data loss is {loss}",
            help="Look for NaN and infinities in the data and in the weights",
        )
        return (finding,)
    if loss <= 0:
        return ()
    return tuple(_together(total, loss)) or tuple(_alone(penalties, loss))


def _together(total: float, loss: float) -> Iterator[Finding]:
    if not math.isfinite(total) or total <= 0:
        return
    if total < NEGLIGIBLE * loss:
        code, what = "negligible-penalty", f"below {NEGLIGIBLE:g} of"
    elif total > DOMINATING * loss:
        code, what = "dominating-penalty", f"above {DOMINATING:g} times"
    else:
        return
    message = f"all penalties add up to {total:.3g}, {what} the data loss of {loss:.3g}"
    yield Finding(code, Severity.WARNING, "", message)


def _alone(penalties: tuple[Penalty, ...], loss: float) -> Iterator[Finding]:
    """Yield weight penalties whose factor is far too small, not whose weights it made small."""
    for penalty in penalties:
        if 0 < penalty.value < MILLIONTH * loss and _size(penalty) > _SMALL:
            yield Finding(
                "negligible-penalty",
                Severity.WARNING,
                penalty.layer,
                f"{penalty.regularizer} adds {penalty.value:.3g} for `{penalty.name}`, less than a"
                f" millionth of the data loss of {loss:.3g}",
                help="Take it away, or give it a factor that does something",
            )


def _size(penalty: Penalty) -> float:
    """Return the mean size of the values of a variable with an L1 or L2 penalty, else 0.

    That is the mean absolute value, or the root of the mean square.
    """
    if penalty.kind is not Kind.WEIGHT or penalty.regularizer is None:
        return 0.0
    held = math.prod(penalty.shape)
    factors = {key: each for key, each in penalty.regularizer.factors.items() if each}
    match penalty.regularizer.name, factors:
        case (("L1" | "L1L2"), {"l1": float(factor), **rest}) if held and not rest:
            return penalty.value / factor / held
        case (("L2" | "L1L2"), {"l2": float(factor), **rest}) if held and not rest:
            return math.sqrt(penalty.value / factor / held)
    return 0.0
