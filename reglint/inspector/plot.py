"""Penalties as a drawing of matplotlib's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.facts import Kind
from reglint.inspector.render.document import elided
from reglint.inspector.render.head import headline
from reglint.inspector.render.numbers import number
from reglint.inspector.render.words import layer, rank, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reglint.inspector.report import PenaltyReport

MOST = 40  # layers
_LABEL = 48  # characters
_COLORS = {Kind.WEIGHT: "#3567c9", Kind.ACTIVITY: "#a9428f", Kind.ADD_LOSS: "#17805f"}
_INCHES = (7.0, 0.28, 1.2)  # width; height of a bar; of all else


def plot(report: PenaltyReport, ax: Axes | None = None) -> Axes:
    """Draw a bar for each layer, the largest on top, in a color for each kind; return the axes.

    What is not finite has its number and no bar. Raise ImportError without matplotlib.
    """
    ordered = sorted(report.by_layer.items(), key=lambda item: -rank(sum(item[1].values())))
    shown = ordered[:MOST]
    if ax is None:
        ax = _axes(len(shown))
    kinds = [kind for kind in Kind if any(kind in totals for _, totals in shown)]
    ends = {True: [0.0] * len(shown), False: [0.0] * len(shown)}  # of bars to the right, the left
    for kind in kinds:
        values = [totals.get(kind, 0.0) for _, totals in shown]
        widths = [value if math.isfinite(value) else 0.0 for value in values]
        lefts = [ends[width >= 0][row] for row, width in enumerate(widths)]
        ax.barh(range(len(shown)), widths, left=lefts, color=_COLORS[kind], label=kind.value)
        for row, width in enumerate(widths):
            ends[width >= 0][row] += width
    for row, (_, totals) in enumerate(shown):
        text = number(sum(totals.values()))
        ax.annotate(
            text, (ends[True][row], row), (4, 0), textcoords="offset points", va="center", size=8
        )
    ax.set_yticks(range(len(shown)), [elided(layer(path), _LABEL) for path, _ in shown])
    ax.invert_yaxis()
    ax.margins(x=0.12)
    left = len(ordered) - len(shown)
    ax.set_xlabel(f"penalty ({left} smaller layers are not shown)" if left else "penalty")
    ax.set_title(f"{title(report)}\n{headline(report)}", fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    if len(kinds) > 1:
        ax.legend(loc="lower right")  # where the shortest bars are
    return ax


def _axes(bars: int) -> Axes:
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - few need it
    except ImportError:
        message = "plot() needs matplotlib: pip install matplotlib"
        raise ImportError(message) from None
    width, bar, rest = _INCHES
    size = (width, bar * max(bars, 2) + rest)
    axes: Axes = plt.subplots(figsize=size, layout="constrained")[1]
    return axes
