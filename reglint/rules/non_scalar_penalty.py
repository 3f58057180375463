"""RGL505."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.guards import releases
from reglint.model import Finding, Fix, Replace, Severity
from reglint.operations import written
from reglint.penalties import Of, penalties
from reglint.rules.rule import Rule
from reglint.rules.values import reference, spans
from reglint.syntax import code, cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.model import Version
    from reglint.names import Module
    from reglint.penalties import Penalty
    from reglint.terms import Term
