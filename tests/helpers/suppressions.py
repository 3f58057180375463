"""Programs with suppressions, and findings of rules that are made up."""

from __future__ import annotations

import re
from dataclasses import dataclass

from helpers.rules import Rule
from reglint.selectors import Catalog
from reglint.suppress import apply

RULES = Catalog.of(
    [
        Rule("RGL001", "unused-suppression"),
        Rule("RGL101", "legacy-regularizer-argument"),
        Rule("RGL102", "removed-regularizer"),
        Rule("RGL201", "constant-activity-penalty"),
        Rule("RGL202", "normalized-activity-penalty", default=False),
    ]
)


@dataclass(frozen=True)
class Found:
    code: str
    start: int


def findings(text):
    """Return a finding for each `RGLnnn` that is a name of the program `text`."""
    return [Found(m[1], m.start()) for m in re.finditer(r"\b(RGL\d+)_\w+", text)]


def run(text, enabled=RULES.default):
    return apply(text, findings(text), frozenset(enabled), RULES)


def removed(text, edits):
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def told(text, enabled=RULES.default):
    return [unused.message for unused in run(text, enabled).unused]
