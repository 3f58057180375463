"""Every safe fix of the legacy rules keeps the numbers.

The old spellings were measured on the Keras of their time (`tools/legacy_numbers.py`); here reglint
fixes them, and the Keras at hand measures what became of them.
"""

import importlib.util
import json
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from reglint import engine, keras_api
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Safety, Settings
from reglint.rules import RULES
from reglint.source import Source

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("numbers_tool", ROOT / "tools" / "legacy_numbers.py")
tool = sys.modules["numbers_tool"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

LEGACY = {rule.code: rule for rule in RULES if "RGL101" <= rule.code <= "RGL108"}
MEASURED = json.loads(tool.MEASURED.read_text())["outcomes"]
# What a fix could get wrong: the factor, the default, the weight, and whether it runs at all.
MISTAKES = (
    ("l2(0.1)", "l2(0.2)"),
    ("l2=0.01", "l2=0.0"),
    ("kernel_regularizer=", "bias_regularizer="),
    ("embeddings_regularizer", "kernel_regularizer"),
)


@dataclass(frozen=True)
class Trial:
    """A case, a new spelling of it, and what came of that on the Keras at hand."""

    case: tool.Case
    code: str
    outcome: float | str | list[float] = "not measured"


@cache
def fixed():
    return [(case, *case.fix()) for case in tool.cases()]


def measured(keras, code):
    found = MEASURED.get(code, {})
    assert keras in found, f"run tools/legacy_numbers.py {keras}=... for:\n{code}"
    return found[keras]


def same(found, expected):
    if isinstance(found, str) or isinstance(expected, str):
        return False
    return abs(found - expected) <= 1e-6 * max(1, abs(expected))


def disagreeing(trials):
    """Return a line for each trial that does not come to what it should."""
    lines = []
    for trial in trials:
        case, outcome = trial.case, trial.outcome
        if case.means is None:
            expected = {keras: measured(keras, case.code) for keras in case.on}
        else:
            outcome, meant = outcome if isinstance(outcome, list) else (outcome, "a number")
            expected = {"meant": meant}
            if bool(case.means) is not (outcome != 0):
                expected["effective"] = bool(case.means)
        if not all(same(outcome, number) for number in expected.values()):
            lines.append(f"{case.rule}: {outcome}, not {expected}:\n{trial.code}")
    return lines


def mistaken(trials):
    """Yield trials like those given, each with a mistake."""
    for right, wrong in MISTAKES:
        trial = next(t for t in trials if t.case.on and right in t.code)
        yield Trial(trial.case, trial.code.replace(right, wrong))


# What is on record.


@pytest.mark.parametrize("code", LEGACY)
def test_each_case_shows_a_safe_fix_of_its_rule(code):
    mine = [(case, codes) for case, _, codes in fixed() if case.rule == code]
    assert [case.code for case, codes in mine if code not in codes] == []


def test_every_legacy_rule_with_safe_fixes_has_cases():
    safe = set()
    for majors in ({1, 2, 3}, {2}):
        versions = frozenset(v for v in KNOWN_VERSIONS if v[0] in majors)
        settings = Settings(frozenset(LEGACY), versions)
        for rule in LEGACY.values():
            data = (ROOT / "fixtures" / "rules" / rule.name / "bad.py").read_bytes()
            found = engine.check(Source.from_bytes("code.py", data), settings).diagnostics
            safe |= {d.code for d in found for o in d.offers if o.safety is Safety.SAFE}
    assert {case.rule for case, _, _ in fixed()} == safe


def test_every_argument_that_keras_2_renamed_has_a_case():
    renamed = {
        (layer.name, old)
        for layer in map(keras_api.layer, keras_api.layer_names())
        for old in layer.renames
        if old.endswith("_regularizer")
    }
    shown = set()
    for case, _, _ in fixed():
        names = set(re.findall(r"\w+", case.code)) if case.rule == "RGL101" else set()
        layers = {keras_api.layer(name).name for name in names & keras_api.layer_names()}
        shown |= {(layer, name) for layer in layers for name in names}
    assert renamed - shown == set()


def test_every_removed_regularizer_has_a_case():
    called = {name for case, _, _ in fixed() for name in re.findall(r"\w+(?=\()", case.code)}
    names = {name.rpartition(".")[2] for name in LEGACY["RGL102"].calls}
    assert names - called == {"EigenvalueRegularizer"}  # which has no fix


def test_what_the_cases_say_of_old_releases_was_measured():
    wrong = []
    for case, code, _ in fixed():
        numbers = [measured(keras, case.code) for keras in case.on]
        numbers += [measured(keras, code) for keras in case.fixed_on]
        assert bool(numbers) is (case.means is None)
        if not all(same(number, numbers[0]) for number in numbers):
            wrong.append(("on", case.code))
        others = [measured(keras, case.code) for keras in case.differs]
        if any(isinstance(other, str) or same(other, numbers[0]) for other in others):
            wrong.append(("differs", case.code))
        failures = [measured(keras, case.code) for keras in case.raises]
        if not all(str(failure).startswith("raises ") for failure in failures):
            wrong.append(("raises", case.code))
    assert wrong == []


def test_nothing_else_is_on_record():
    claimed = {(case.code, keras) for case, _, _ in fixed() for keras in case.claims}
    claimed |= {(code, keras) for case, code, _ in fixed() for keras in case.fixed_on}
    assert {(code, keras) for code, found in MEASURED.items() for keras in found} == claimed


# What the Keras at hand makes of the fixed snippets.


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def trials(request):
    """Return what became of each case, and then of some mistakes."""
    for package in ("keras", request.param):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")
    if not metadata.version("keras").startswith("3."):
        pytest.skip("the fixes are for Keras 3")
    tensorflow = importlib.util.find_spec("tensorflow")
    planned = [
        Trial(case, code)
        for case, code, _ in fixed()
        if not case.gone and (tensorflow or "tensorflow" not in code)
    ]
    planned += mistaken(planned)
    environment = {**os.environ, "KERAS_BACKEND": request.param}
    jobs = [{**t.case.job(t.code), **({} if t.case.means is None else {"means": t.case.means})}
            for t in planned]  # fmt: skip
    _, outcomes = tool.measure(sys.executable, jobs, env=environment)
    return [Trial(t.case, t.code, o) for t, o in zip(planned, outcomes, strict=True)]


def test_safe_fixes_keep_the_numbers(trials):
    lines = disagreeing(trials[: -len(MISTAKES)])
    assert not lines, "\n".join(lines)


def test_a_fix_with_a_mistake_would_be_found_out(trials):
    assert len(disagreeing(trials[-len(MISTAKES) :])) == len(MISTAKES)
