"""Measure what the old spellings in `tests/numbers/cases.toml` come to on the Keras of their time.

    python tools/legacy_numbers.py 1.2=PYTHON 2.3=PYTHON tf1.15=PYTHON tf2.15=PYTHON ...

Each argument names a Python in which one Keras is installed:

    1.2     Python 3.7   keras==1.2.2 tensorflow==1.15.5 numpy==1.18.5 h5py==2.10.0 protobuf==3.20.3
    2.3     Python 3.7   keras==2.3.1 and the same
    tf1.15  Python 3.7   any of these two: its `tf.keras`
    tf2.15  Python 3.11  tensorflow-cpu==2.15.1
    3.0     Python 3.11  keras==3.0.5 tensorflow-cpu==2.16.2
    3.15    Python 3.11  keras==3.15.1 tensorflow-cpu==2.21.0 scipy

The numbers of a Keras that is not named are kept. What comes out, `tests/numbers/measured.json`,
says for each snippet, and for what reglint makes of it where that is of interest, what each Keras
came to: a penalty, or `raises TypeError`. It is never edited by hand. A test compares it with the
penalties of the fixed snippets on the Keras at hand.

Needs reglint itself in the Python that runs it; `tests/numbers/measure.py` runs in the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

from reglint import engine
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings
from reglint.rules import RULES
from reglint.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Outcome: TypeAlias = float | str | list[float]

NUMBERS = Path(__file__).parents[1] / "tests" / "numbers"
MEASURED = NUMBERS / "measured.json"
ROOTS = defaultdict(lambda: "keras", {"tf1.15": "tensorflow.keras"})  # where each Keras is


@dataclass(frozen=True)
class Case:
    """One snippet of `cases.toml`, where the fields are explained."""

    rule: str
    code: str
    input: list[int]
    declared: int | None = None
    on: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    raises: list[str] = field(default_factory=list)
    fixed_on: list[str] = field(default_factory=list)
    means: dict[str, str] | None = None
    gone: bool = False

    @property
    def claims(self) -> set[str]:
        """Return every Keras that something is said of about the old spelling."""
        return {*self.on, *self.differs, *self.raises}

    def fix(self) -> tuple[str, set[str]]:
        """Return the new spelling, by safe fixes only, and the codes of the rules it is due to."""
        keras = {v for v in KNOWN_VERSIONS if self.declared in {None, v[0]}}
        settings = Settings(frozenset(rule.code for rule in RULES), frozenset(keras))
        fixed = engine.fix(Source.from_bytes("code.py", self.code.encode()), settings)
        return fixed.source.text, {diagnostic.code for diagnostic in fixed.applied}

    def job(self, code: str) -> dict[str, Any]:
        """Return what `measure.py` needs to measure `code` as it would this case."""
        return {"code": code, "input": self.input}


def cases() -> list[Case]:
    """Return every snippet."""
    table = tomli.loads((NUMBERS / "cases.toml").read_text(encoding="utf-8"))
    return [
        Case(code=case["code"].replace("???", filling).lstrip(), **rest)
        for case in table["case"]
        for rest in [{k: v for k, v in case.items() if k not in {"code", "with"}}]
        for filling in case.get("with", ["???"])
    ]


def measure(
    python: str,
    jobs: list[dict[str, Any]],
    root: str = "keras",
    env: Mapping[str, str] | None = None,
) -> tuple[str, list[Outcome]]:
    """Return what measured `jobs` in another Python, and their outcomes."""
    command = [python, str(NUMBERS / "measure.py"), root]
    done = subprocess.run(
        command, input=json.dumps(jobs), env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    found = json.loads(done.stdout)
    return found["by"], found["outcomes"]


def jobs_on(keras: str) -> list[dict[str, Any]]:
    """Return what is to be measured on a Keras."""
    old = [case.job(case.code) for case in cases() if keras in case.claims]
    return old + [case.job(case.fix()[0]) for case in cases() if keras in case.fixed_on]


def main() -> None:
    """Measure with each Python named on the command line, and write it down."""
    record = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    by = record.get("by", {})
    outcomes = defaultdict(dict, record.get("outcomes", {}))
    pythons = dict(argument.split("=", 1) for argument in sys.argv[1:])
    for keras, python in pythons.items():
        for found in outcomes.values():
            found.pop(keras, None)
        jobs = jobs_on(keras)
        by[keras], new = measure(python, jobs, ROOTS[keras])
        for job, outcome in zip(jobs, new, strict=True):
            outcomes[job["code"]][keras] = outcome
    kept = {code: found for code, found in outcomes.items() if found}
    text = json.dumps({"by": by, "outcomes": kept}, indent=1, sort_keys=True)
    MEASURED.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
