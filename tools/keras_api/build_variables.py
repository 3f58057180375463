"""Merge what `probe_variables.py` found out about three generations of Keras into one table.

    python build_variables.py PROBE.json... > reglint/inspector/static/variables.json

Each probe is the output of `python probe_variables.py`, run where one Keras is installed: those of
`build.py` from tf.keras 2.15 on. The table keeps one line for each set of generations in which a
layer has the same variables.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from build import GENERATIONS, by_name, render, shared


def main() -> None:
    """Read the files named on the command line, print the table."""
    probes = [json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
    by_generation = {GENERATIONS[p["keras"].rpartition(".")[0]]: p for p in probes}
    print(render(merge({g: by_generation[g] for g in GENERATIONS.values() if g in by_generation})))


def merge(probes: dict[str, Any]) -> dict[str, Any]:
    """Return the table for `probes`, which are ordered from the oldest to the newest."""
    return {
        "measured": {g: f"keras {probe['keras']}" for g, probe in probes.items()},
        "stateless": sorted({name for probe in probes.values() for name in probe["stateless"]}),
        "layers": {
            name: {
                "names": sorted({name for f in found.values() for name in f["names"]}),
                "python": found[next(iter(found))]["python"],
                **shared({g: row(found[g]) for g in probes if g in found}),
            }
            for name, found in sorted(by_name(probes, "layers").items())
        },
    }


def row(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is particular to the layer in one generation."""
    return {key: found[key] for key in ("options", "roles", "classes", "saved") if found[key]}


if __name__ == "__main__":
    main()
