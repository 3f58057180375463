"""What reglint fixes works: models that Keras 3 runs before the fixes, and after.

Each file in `fixtures/runs` is for the rule after which its folder is named, those in
`fixtures/seeds` are for several. `tests/runs/execute.py` tells what a file defines, and what is
seen of its model. What is to be seen is in the file: before the fixes `BEFORE`, after them `AFTER`,
and then also that nothing is lost when the model is saved and loaded. `BEFORE_ON_JAX` is for JAX
alone, and `BACKENDS` are the only ones the file runs on.

The fixtures of the rules are run too, as they are after the fixes, where they are not for a Keras
that is gone or with something wrong that has no fix: these say so.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from reglint import engine
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings
from reglint.rules import RULES
from reglint.source import Source

ROOT = Path(__file__).parents[1]
EXECUTE = ROOT / "tests" / "runs" / "execute.py"
CODES = {rule.name: rule.code for rule in RULES}
SETTINGS = Settings(frozenset(CODES.values()), frozenset(KNOWN_VERSIONS))
RUNS = sorted((ROOT / "fixtures" / "runs").glob("*/*.py"))
SEEDS = [
    path
    for path in sorted((ROOT / "fixtures" / "seeds").glob("*.py"))
    if not path.match("*.fixed.py") and "\ndef build():" in path.read_text()
]
FIXTURES = sorted((ROOT / "fixtures" / "rules").glob("*/bad.fixed.py"))
EXCUSE = "\n# Does not run: "
# What is to be seen of every model in the end.
RIGHT = {"raises": None, "changed": []}


@cache
def fixed(path):
    return engine.fix(Source.from_bytes(path.name, path.read_bytes()), SETTINGS, unsafe=True)


@cache
def constants(path):
    """Return what a file says of itself."""
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(path.read_bytes()).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]).isupper()
    }


def before(path, backend):
    said = constants(path)
    return said.get(f"BEFORE_ON_{backend.upper()}", said.get("BEFORE"))


def after(path):
    said = constants(path).get("AFTER", {})
    return said if "raises" in said else {**RIGHT, **said}


def shows(outcome, expected):
    return all(same(outcome.get(what), value) for what, value in expected.items())


def same(found, expected):
    if isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected) <= 1e-5 * max(1, abs(expected))
    return found == expected


# What the files say.


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_rule_fixes_it(path):
    done = fixed(path)
    assert CODES[path.parent.name] in {diagnostic.code for diagnostic in done.applied}
    assert not done.result.errors


def test_every_rule_with_fixes_is_shown():
    fixing = set()
    for rule in RULES:
        bad = ROOT / "fixtures" / "rules" / rule.name / "bad.py"
        if bad.exists():  # RGL001 has none
            source = Source.from_bytes("bad.py", bad.read_bytes())
            only = replace(SETTINGS, codes=frozenset({rule.code}))
            if any(diagnostic.offers for diagnostic in engine.check(source, only).diagnostics):
                fixing.add(rule.name)
    assert fixing <= {path.parent.name for path in RUNS}


# What Keras makes of them.


@pytest.fixture(scope="module", params=["tensorflow", "jax", "torch"])
def outcomes(request, tmp_path_factory):
    """Return what became of each file, before the fixes and after, on one backend."""
    backend = request.param
    for package in ("keras", backend):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")
    if not metadata.version("keras").startswith("3."):
        pytest.skip("the fixes are for Keras 3")
    paths = [p for p in RUNS + SEEDS if backend in constants(p).get("BACKENDS", (backend,))]
    if not importlib.util.find_spec("tensorflow"):
        paths = [path for path in paths if "tensorflow" not in path.read_text()]
    texts = [text for path in paths for text in (path.read_text(), fixed(path).source.text)]
    fixtures = FIXTURES if backend == "tensorflow" else []
    texts += [path.read_text() for path in fixtures]
    run = subprocess.run(
        [sys.executable, EXECUTE],
        cwd=tmp_path_factory.mktemp(backend),
        env={**os.environ, "KERAS_BACKEND": backend},
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    seen = iter(json.loads(run.stdout))
    of_models = {path: (next(seen), next(seen)) for path in paths}
    return backend, of_models, dict(zip(fixtures, seen, strict=True))


def test_they_were_wrong(outcomes):
    backend, seen, _ = outcomes
    for path, (outcome, _) in seen.items():
        expected = before(path, backend)
        assert path in SEEDS or expected
        if expected:
            assert shows(outcome, expected), f"{path}: {outcome}, not {expected}"
            assert not shows(outcome, after(path)), f"{path} has nothing wrong to show"


def test_they_are_right(outcomes):
    _, seen, _ = outcomes
    wrong = [f"{path}: {now}" for path, (_, now) in seen.items() if not shows(now, after(path))]
    assert not wrong, "\n".join(wrong)


def test_the_fixtures_run(outcomes):
    _, _, seen = outcomes
    for path, outcome in seen.items():
        excused = EXCUSE in path.read_text()
        assert ("raises" in outcome) is excused, f"{path}: {outcome}"
