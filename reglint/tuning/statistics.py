"""Means over seeds, and how sure they are.

The seeds are random splits of one data set, so that their results depend on each other: the samples
they train on are largely the same. A variance of s**2 / n would be too small; that of a mean is
taken as (1 / n + testing / training) * s**2 instead, the corrected resampled t-test of Nadeau and
Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003), 239-281.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The 0.975 quantiles of Student's t by degrees of freedom, as scipy.stats.t.ppf has them (1.17.1).
_QUANTILES = dict(
    enumerate(
        (
            *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
            *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
            *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
        ),
        start=1,
    )
) | {40: 2.021, 50: 2.009, 60: 2.000, 80: 1.990, 100: 1.984, 200: 1.972}

_ALIKE = 1e-9  # relative: what rounding makes of equal numbers


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean of what seeds came to."""

    mean: float  # not finite if that of a seed is not
    error: float | None  # the standard error, corrected; None of one seed, or without a mean
    seeds: int
    diverged: int = 0  # seeds whose value is not finite

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return where the mean is, with 95 % confidence; None where there is no error."""
        if self.error is None:
            return None
        half = quantile(self.seeds - 1) * self.error
        return self.mean - half, self.mean + half

    @property
    def significant(self) -> bool:
        """Return whether the interval is beside 0; of a difference, whether there is one.

        Seeds that are all alike, as accuracies of few samples can be, say nothing of chance.
        """
        if self.interval is None or self.error is None or self.error <= _ALIKE * abs(self.mean):
            return False
        return not self.interval[0] <= 0 <= self.interval[1]


def estimate(values: Sequence[float], overlap: float) -> Estimate:
    """Return the mean of `values`, one of each seed, at least one.

    `overlap` is how many samples each seed tests on, for one that it trains on.
    """
    diverged = sum(not math.isfinite(value) for value in values)
    count = len(values)
    mean = math.fsum(values) / count if not diverged else _worst(values)
    if diverged or count == 1:
        return Estimate(mean, None, count, diverged)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(mean, math.sqrt((1 / count + overlap) * variance), count)


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of positive `values`: of equals, what they are; 0 with a 0."""
    found = tuple(values)
    if len(set(found)) == 1:
        return found[0]
    return statistics.geometric_mean(found) if all(found) else 0.0


def quantile(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t, or one a little larger, for 1 degree or more."""
    return _QUANTILES[max(known for known in _QUANTILES if known <= freedom)]


def _worst(values: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, values)) else math.inf
