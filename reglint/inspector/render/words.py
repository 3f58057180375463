"""Words and cells that every part of a report uses; a name from a file passes through here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reglint.inspector.render.document import Cell, elided
from reglint.inspector.render.numbers import count, number
from reglint.model import Severity
from reglint.report.rows import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reglint.inspector.facts import CallSite, Penalty, Variable
    from reglint.inspector.report import PenaltyReport

MODEL = "(model)"
_LONGEST = 500  # characters, of anything that comes from a file


def shown(name: str) -> str:
    """Return a name from a file fit to be shown: one line, nothing that hides or reorders it."""
    return printable(elided(name, _LONGEST))


def title(report: PenaltyReport) -> str:
    """Return the name of a model: its file."""
    return shown(report.file.path) or MODEL


def layer(path: str) -> str:
    """Return the path of a layer, fit to be shown."""
    return shown(path) or MODEL


def variable(name: Variable) -> str:
    """Return the name of a variable, fit to be shown."""
    return shown(str(name))


def place(penalty: Penalty) -> tuple[str, str]:
    """Return the layer of a penalty, and what of it is penalized."""
    return layer(penalty.layer), shown(penalty.role or penalty.kind.value)


def source(site: CallSite | None) -> str:
    """Return where in the source a layer is made, fit to be shown; empty if that is not known."""
    return shown(str(site)) if site else ""


def code(name: str) -> str:
    """Return `name` as code in a message."""
    plain = shown(name).replace("`", "'")
    return f"`{plain}`"


def figure(value: float | None) -> Cell:
    """Return a cell with a number, empty where there is none."""
    return Cell("" if value is None else number(value), value)


def whole(value: int | None) -> Cell:
    """Return a cell with a whole number, empty where there is none."""
    return Cell("" if value is None else count(value), value)


def rank(value: float) -> float:
    """Return what to sort `value` by: what is no number is larger than all."""
    return math.inf if math.isnan(value) else value


def ranked(penalties: Iterable[Penalty]) -> list[Penalty]:
    """Return penalties by value, the largest first, equal ones in their order."""
    return sorted(penalties, key=lambda penalty: -rank(penalty.value))


def worst(severities: Iterable[Severity | None]) -> Severity | None:
    """Return the most severe of `severities`, None if there is none."""
    return min(filter(None, severities), key=list(Severity).index, default=None)


def sentence(text: str) -> str:
    """Return `text` with a capital letter and a full stop."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
