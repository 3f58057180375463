"""The report of one model: what both readers say, as one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reglint import __version__
from reglint.inspector.facts import (
    SCHEMA_VERSION,
    Data,
    Decay,
    Dormant,
    FileFacts,
    Finding,
    Histogram,
    Kind,
    LayerFacts,
    Level,
    Penalty,
    Run,
    ScaleInvariance,
    Unknown,
    Untraced,
    Verdict,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Methods import what renders a report: that imports this module.
# ruff: noqa: PLC0415


@dataclass(frozen=True, slots=True)
class PenaltyReport:
    """What regularization adds to the loss of a model, penalty by penalty.

    Values are in units of the loss. `penalties` stand in the order of `model.losses` reordered by
    layer; `total` is their sum, and equals `sum(model.losses)` where the model was run.
    """

    file: FileFacts
    level: Level = Level.STATIC  # how far the file was trusted
    verdict: Verdict | None = None  # None: no file
    penalties: tuple[Penalty, ...] = ()
    dormant: tuple[Dormant, ...] = ()
    unknown: tuple[Unknown, ...] = ()  # what nobody could look at: empty where the model was run
    findings: tuple[Finding, ...] = ()
    run: Run | None = None  # None: the static reader only
    data: Data | None = None
    optimizer: str | None = None
    decays: tuple[Decay, ...] = ()
    scale_invariance: tuple[ScaleInvariance, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    layers: tuple[LayerFacts, ...] = ()  # all, the model itself apart
    model_class: str = ""  # of the model itself; empty where there is no configuration
    untraced: tuple[Untraced, ...] = ()  # empty where no source was looked at
    notes: tuple[str, ...] = ()  # why there is no more: a sentence each
    static_seconds: float = 0.0
    reglint_version: str = __version__
    schema_version: int = SCHEMA_VERSION

    @property
    def total(self) -> float:
        """Return the sum of all penalties."""
        return sum(penalty.value for penalty in self.penalties)

    @property
    def by_kind(self) -> dict[Kind, float]:
        """Return the total of each kind that occurs."""
        return {
            kind: sum(penalty.value for penalty in self.penalties if penalty.kind is kind)
            for kind in Kind
            if any(penalty.kind is kind for penalty in self.penalties)
        }

    @property
    def by_layer(self) -> dict[str, dict[Kind, float]]:
        """Return the total of each kind by layer, in the order of `penalties`."""
        totals: dict[str, dict[Kind, float]] = {}
        for penalty in self.penalties:
            kinds = totals.setdefault(penalty.layer, {})
            kinds[penalty.kind] = kinds.get(penalty.kind, 0.0) + penalty.value
        return totals

    @property
    def loss(self) -> float | None:
        """Return the data loss with all penalties, None without data."""
        return None if self.data is None else self.data.loss + self.total

    def share(self, penalty: Penalty) -> float | None:
        """Return the share of `penalty` in the loss, or in the total where there is no data.

        None where that is no number: nothing to share, NaN, infinities, or a negative whole.
        """
        whole = self.total if self.loss is None else self.loss
        if not 0 < whole < float("inf"):
            return None
        return penalty.value / whole

    def to_json(self) -> str:
        """Return what `reglint inspect --output-format json` prints, which `--baseline` takes."""
        from reglint.inspector.render import render

        return render("json", [self])

    @classmethod
    def from_json(cls, text: str | bytes) -> PenaltyReport:
        """Return the report that `to_json` wrote; raise ValueError if it is none, or several."""
        from reglint.inspector.codec import Malformed, decode
        from reglint.inspector.render.json import Output

        try:
            reports = decode(text, Output).reports
        except Malformed as error:
            message = f"no report of reglint: {error}"
            raise ValueError(message) from None
        if len(reports) != 1:
            message = f"{len(reports)} reports, not one"
            raise ValueError(message)
        return reports[0]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a row for each penalty: `pandas.DataFrame(report.to_dicts())` is the table."""
        return [
            {
                "layer": penalty.layer,
                "layer_class": penalty.layer_class,
                "kind": penalty.kind.value,
                "variable": penalty.role,
                "regularizer": None if penalty.regularizer is None else str(penalty.regularizer),
                "value": penalty.value,
                "share": self.share(penalty),
                "static": penalty.static,
                "shape": penalty.shape,
                "parameters": math.prod(penalty.shape) if penalty.kind is Kind.WEIGHT else None,
                "dtype": penalty.dtype,
                "source": None if penalty.source is None else str(penalty.source),
            }
            for penalty in self.penalties
        ]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the penalties of each layer as bars, into `ax` or a new figure; return the axes.

        Raise ImportError without matplotlib.
        """
        from reglint.inspector.plot import plot

        return plot(self, ax)

    def __str__(self) -> str:
        from reglint.inspector.render import render

        return render("table", [self]).rstrip("\n")

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from reglint.inspector.render.notebook import notebook

        return notebook(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001
        """Show the table in a terminal with IPython, too."""
        printer.text(str(self))
