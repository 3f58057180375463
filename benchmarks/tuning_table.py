"""Prints what `tuning.py` found, as markdown: over all settings, and of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tuning import METHODS, results

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tuning import Result

GRID = "grid of 13"
SURE = 2.262  # standard errors: the 0.975 quantile of Student's t for 10 seeds

HEAD = """# Ways to choose a coefficient

Made by `python benchmarks/tuning_table.py` from the results of `python benchmarks/tuning.py`, on
Keras 3.15.1 with JAX; these files say what is compared, and how. Differences are those to the
grid, paired over seeds; less than 0 is better. ± is one standard error. Costs are in trainings on
all samples for training and validation, the last training included; a look at the validation
loss counts as a third of the gradients on these samples.

## All settings

Test loss: the mean over the settings of the difference to the grid, as a share of the grid's
loss, and the worst of them; better, worse: in how many it is so by more than chance (95 %).
"""


@dataclass(frozen=True)
class Mean:
    """The mean over seeds, and its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Mean:
        """Return the mean of some values."""
        found = list(values)
        spread = np.std(found, ddof=1) if len(found) > 1 else math.nan
        return cls(float(np.mean(found)), float(spread / math.sqrt(len(found))))

    @property
    def sign(self) -> int:
        """Return on which side of 0 it is, 0 where that is not sure."""
        return (self.value > SURE * self.error) - (self.value < -SURE * self.error)

    def __format__(self, form: str) -> str:
        return f"{self.value:{form}} ± {self.error:{form.removeprefix('+')}}"


@dataclass(frozen=True)
class Outcome:
    """What a method came to in a setting."""

    loss: Mean
    cost: Mean
    against: Mean  # the loss, less that of the grid
    accuracy: Mean | None
    gain: Mean | None  # the same of the accuracy
    coefficient: float  # the geometric mean


def outcome(own: dict[int, Result], grid: dict[int, Result]) -> Outcome:
    """Return what became of a method, by seed, beside the grid."""
    both = [(own[seed], grid[seed]) for seed in own if seed in grid]
    accuracies = [result.accuracy for result in own.values() if result.accuracy is not None]
    gains = [
        result.accuracy - other.accuracy
        for result, other in both
        if result.accuracy is not None and other.accuracy is not None
    ]
    chosen = [result.coefficient for result in own.values()]
    return Outcome(
        Mean.of(result.loss for result in own.values()),
        Mean.of(result.cost for result in own.values()),
        Mean.of(result.loss - other.loss for result, other in both),
        Mean.of(accuracies) if accuracies else None,
        Mean.of(gains) if gains else None,
        math.exp(np.mean(np.log(chosen))) if all(chosen) else 0.0,
    )


def outcomes() -> dict[str, dict[str, Outcome]]:
    """Return what became of each method, by setting."""
    found: dict[str, dict[str, dict[int, Result]]] = {}
    for each in results():
        found.setdefault(each.setting, {}).setdefault(each.method, {})[each.seed] = each
    return {
        setting: {
            method: outcome(methods[method], methods[GRID])
            for method in METHODS
            if method in methods
        }
        for setting, methods in found.items()
    }


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def head(*columns: str) -> list[str]:
    """Return the rows that a table begins with."""
    return [row(*columns), row(*["---"] * len(columns))]


def summary(settings: dict[str, dict[str, Outcome]]) -> list[str]:
    """Return the table over all settings."""
    rows = head("method", "cost, of the grid's", "test loss", "worst", "better", "worse")
    for method in METHODS:
        pairs = [(found[method], found[GRID]) for found in settings.values() if method in found]
        if not pairs:
            continue
        shares = [own.against.value / grid.loss.value for own, grid in pairs]
        costs = [own.cost.value / grid.cost.value for own, grid in pairs]
        signs = [own.against.sign for own, _ in pairs]
        rows.append(
            row(
                method,
                f"{np.mean(costs):.2f}",
                f"{np.mean(shares):+.1%}",
                f"{max(shares):+.1%}",
                f"{signs.count(-1)} of {len(signs)}",
                f"{signs.count(1)} of {len(signs)}",
            )
        )
    return rows


def details(found: dict[str, Outcome]) -> list[str]:
    """Return the table of a setting."""
    rows = head("method", "L2", "cost", "test loss", "difference", "accuracy", "difference")
    for method, own in found.items():
        rows.append(
            row(
                method,
                f"{own.coefficient:.1g}",
                f"{own.cost.value:.2f}",
                f"{own.loss:.4f}",
                "" if method == GRID else f"{own.against:+.4f}",
                f"{own.accuracy.value:.1%}" if own.accuracy else "",
                f"{own.gain:+.1%}" if own.gain and method != GRID else "",
            )
        )
    return rows


def main() -> None:
    """Print all tables."""
    settings = outcomes()
    lines = [HEAD, *summary(settings)]
    for name, found in settings.items():
        lines += ["", f"## {name}", "", *details(found)]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
