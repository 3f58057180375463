"""What a user writes for `reglint tune`, read; a ValueError says in one line what is wrong."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from reglint.inspector.facts import Regularizer
from reglint.tuning.request import Budget, Method

if TYPE_CHECKING:
    from reglint.tuning.request import TuneRequest

_BUDGET = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
}
_RUNS = ("", "run", "runs")


def budget(text: str) -> Budget:
    """Return what `20`, `20runs`, `90s`, `30min` or `2h` means."""
    found = _BUDGET.fullmatch(text.strip())
    unit = found[2].lower() if found else "?"
    if not found or (unit not in _RUNS and unit not in _SECONDS):
        raise ValueError(f"`{text}` is no budget: write 20runs, 90s, 30min or 2h")
    amount = float(found[1])
    if not 0 < amount < math.inf:
        raise ValueError(f"`{text}`: nothing can be done with that")
    return Budget(runs=amount) if unit in _RUNS else Budget(seconds=amount * _SECONDS[unit])


def bounds(text: str) -> tuple[float, float]:
    """Return the ends of `LOW:HIGH`."""
    low, _, high = text.partition(":")
    try:
        found = float(low), float(high)
    except ValueError:
        raise ValueError(f"`{text}` is no range: write LOW:HIGH, as in 1e-6:1") from None
    if not 0 < found[0] < found[1] < math.inf:
        raise ValueError(f"`{text}`: the lower end is more than 0, and less than the upper end")
    return found


def positive(text: str) -> float:
    """Return the number that `text` is, more than 0 and finite."""
    return _number(text, math.inf, "more than 0")


def share(text: str) -> float:
    """Return the number that `text` is, more than 0 and less than 1."""
    return _number(text, 1.0, "between 0 and 1")


def _number(text: str, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < most:
        raise ValueError(f"`{text}` is no number {what}")
    return number


def place(text: str) -> str:
    """Return `text` if it is a `PATTERN:ROLE`."""
    from reglint.regularizing.operations import set_of  # noqa: PLC0415 - few name any

    set_of(text, Regularizer("L2"))
    return text


def checked(asked: TuneRequest) -> TuneRequest:
    """Return `asked` if its numbers go together."""
    if asked.start is not None and not asked.lowest <= asked.start <= asked.highest:
        within = f"{asked.lowest:g}:{asked.highest:g}"
        raise ValueError(f"the search starts at {asked.start:g}, outside of its range, {within}")
    if asked.per_layer and asked.method is not Method.T1_T2:
        raise ValueError(f"`--per-layer` goes with `--method {Method.T1_T2.value}`")
    if asked.validation + asked.test >= 1:
        raise ValueError(
            f"to choose takes {asked.validation:g} of the samples and to test {asked.test:g}:"
            " nothing is left to train on"
        )
    return asked
