"""Penalties beside the data loss: too small to matter, or all that there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.facts import Finding, Kind
from reglint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.inspector.facts import LayerGradient, Penalty

NEGLIGIBLE, DOMINATING = 1e-3, 10.0  # all penalties together, of the data loss
MILLIONTH = 1e-6  # one of them, the same
_SMALL = 1e-3  # a variable whose values are below that on average may be so for its penalty


def weigh(
    penalties: tuple[Penalty, ...],
    total: float,
    loss: float,
    gradients: tuple[LayerGradient, ...] = (),
) -> tuple[Finding, ...]:
    """Return what is very small or very large: all penalties together, or a single one.

    A penalty that is small may still pull as strongly as the data do: where a model is trained to
    the end both gradients cancel. So the ratio of the norms of `gradients` is told, too.
    """
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
    return tuple(_together(total, loss, gradients)) or tuple(_alone(penalties, loss))


def _together(total: float, loss: float, gradients: tuple[LayerGradient, ...]) -> Iterator[Finding]:
    if not math.isfinite(total) or total <= 0:
        return
    if total < NEGLIGIBLE * loss:
        code, what = "negligible-penalty", f"below {NEGLIGIBLE:g} of"
    elif total > DOMINATING * loss:
        code, what = "dominating-penalty", f"above {DOMINATING:g} times"
    else:
        return
    message = f"all penalties add up to {total:.3g}, {what} the data loss of {loss:.3g}"
    yield Finding(code, Severity.WARNING, "", message + _pull(gradients))


def _pull(gradients: tuple[LayerGradient, ...]) -> str:
    """Return how their gradient compares with that of the data, over all layers, as a clause."""
    penalty = math.hypot(*(each.penalty for each in gradients))
    loss = math.hypot(*(each.loss for each in gradients))
    if not loss or not math.isfinite(penalty / loss):
        return ""
    return f"; their gradient is {penalty / loss:.3g} times as long as that of the data"


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
