"""What both readers say of every model of the zoo, on each backend that is installed.

    python benchmarks/zoo.py [CASE...]     # writes zoo.md beside it; some minutes

The same as `tests/inspector/test_zoo.py` looks at, as a table for people.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RUN = ROOT / "tests" / "inspector" / "keras_runs" / "zoo.py"
BACKENDS = ("tensorflow", "jax", "torch")
WIDEST = 90  # characters of a reason

HEAD = """# Both readers on the zoo

`python benchmarks/zoo.py` writes this file: Keras {keras}, {backends}, on CPU. Each cell
has `sum(model.losses)` of the `.keras` file after one call on the same made-up inputs, then what
adds up or agrees: entries that are attributed to a layer (sum), weight penalties that the static
reader computes the same from the file alone (static, of those there are), and what `evaluate` adds
to a data loss of zero, where no penalty depends on data (evaluate). Otherwise, why not.

| model | {columns} |
|---|{rule}
"""


def main() -> None:
    """Read the zoo on each backend, and write the table."""
    backends = [name for name in BACKENDS if importlib.util.find_spec(name)]
    read = {name: _read(name) for name in backends}
    names = list(dict.fromkeys(name for found in read.values() for name in found["files"]))
    versions = ", ".join(f"{name} {found['version']}" for name, found in read.items())
    text = HEAD.format(
        keras=version("keras"),
        backends=versions,
        columns=" | ".join(backends),
        rule="---|" * len(backends),
    )
    for name in names:
        if name.endswith(".keras"):
            cells = [_cell(found["files"][name]) for found in read.values()]
            text += f"| {name.removesuffix('.keras')} | {' | '.join(cells)} |\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def _read(backend: str) -> dict[str, Any]:
    environment = {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(RUN), *sys.argv[1:]],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _cell(found: dict[str, Any]) -> str:
    reason = found.get("refused") or found.get("raised") or found["failed"]
    if "total" not in found:
        return _short(reason)
    weights = found["weights"].values()
    agreed = sum(bool(each.get("agree")) for each in weights)
    total = found["total"]
    facts = [f"{total:.6g}", f"sum {_tick(found['attributed'], total)}"]
    if weights:
        facts.append(f"static {agreed}/{len(weights)}")
    if found["evaluated"] is not None:
        facts.append(f"evaluate {_tick(found['evaluated'], total)}")
    return ", ".join([*facts, _short(f"not run: {reason}")] if reason else facts)


def _tick(one: float, other: float) -> str:
    same = one == other or abs(one - other) <= 1e-5 * abs(other)
    return "yes" if same else f"NO ({one:.6g})"


def _short(reason: str) -> str:
    return " ".join(reason.replace("|", "/").split())[:WIDEST]


if __name__ == "__main__":
    main()
