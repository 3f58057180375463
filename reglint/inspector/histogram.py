"""Histograms of variables that may be larger than memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reglint.inspector.facts import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from reglint.inspector.facts import Variable

BINS = 40


def histogram(
    variable: Variable, chunks: Callable[[], Iterable[NDArray[np.floating]]], bins: int = BINS
) -> Histogram | None:
    """Return the histogram of a variable, None if none of its values is finite.

    `chunks` is called twice, for the range and for the counts; each time it gives all values of the
    variable, in arrays of any shape. One array is in memory at a time.
    """
    low, high = np.inf, -np.inf
    for values in map(_finite, chunks()):
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        return None
    low, high = _widened(low, high, bins)
    counts = np.zeros(bins, dtype=np.int64)
    for values in map(_finite, chunks()):
        # Halves: the difference of two large numbers overflows. The last bin includes its end.
        places = (values / 2 - low / 2) / (high / 2 - low / 2) * bins
        counts += np.bincount(places.astype(np.int64).clip(0, bins - 1), minlength=bins)
    parts = np.linspace(0.0, 1.0, bins + 1)
    edges = low * (1 - parts) + high * parts
    return Histogram(variable, tuple(edges.tolist()), tuple(counts.tolist()))


def _finite(values: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = np.asarray(values, dtype=np.float64).ravel()
    return flat[np.isfinite(flat)]


def _widened(low: float, high: float, bins: int) -> tuple[float, float]:
    """Return `low` and `high`, or a range around them where they are too close for `bins` bins."""
    size = max(abs(low), abs(high))
    if high / 2 - low / 2 > bins * float(np.spacing(size)):
        return low, high
    margin = size / 2 if size > float(np.finfo(np.float64).tiny) else 0.5
    largest = float(np.finfo(np.float64).max)
    return max(low - margin, -largest), min(high + margin, largest)
