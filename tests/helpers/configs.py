"""Configurations, of rules that are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.rules import Rule
from reglint.config import ConfigError, Resolver
from reglint.selectors import Catalog

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
RULES = Catalog.of(
    [
        Rule("RGL001", "unused-suppression"),
        Rule("RGL101", "legacy-regularizer-argument"),
        Rule("RGL102", "removed-regularizer"),
        Rule("RGL103", "legacy-strength-keyword"),
        Rule("RGL201", "constant-activity-penalty"),
        Rule("RGL202", "normalized-activity-penalty", default=False),
    ]
)


def resolver(*args, **kwargs):
    return Resolver(*args, rules=RULES, **kwargs)


def config(folder, text, name="reglint.toml", **kwargs):
    (folder / name).write_text(text)
    return resolver(**kwargs).for_directory(folder)


def problems(call, *args, **kwargs):
    with pytest.raises(ConfigError) as caught:
        call(*args, **kwargs)
    return [str(problem) for problem in caught.value.problems]
