"""Merge what `probe_classes.py` found out about three generations of Keras into one table.

    python build_classes.py PROBE.json... WHEEL.whl... > reglint/keras_api/classes.json

Each probe is the output of `python probe_classes.py`, run where one Keras is installed: those of
`build.py` from tf.keras 2.15 on. The wheels are those of the releases of Keras 3 between the first
and the last one probed; what they export tells the release that a class came with.

As most classes write each of their parameters and what the base class of their kind writes (`base`)
into their configuration, a row says only what is `missing` there, and what is `extra`.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from build import GENERATIONS, by_name, render, shared
from recipes import KINDS

EXPORT = re.compile(r"@keras_export\(\s*([^)]*)\)\s*class ")
SPELLING = re.compile(r"""["']keras\.([\w.]+)["']""")


def main() -> None:
    """Read the files named on the command line, print the table."""
    paths = [Path(path) for path in sys.argv[1:]]
    probes = {}
    for path in paths:
        if path.suffix == ".json":
            probe = json.loads(path.read_text(encoding="utf-8"))
            probes[GENERATIONS[probe["keras"].rpartition(".")[0]]] = probe
    exported = {release(path): exports(path) for path in paths if path.suffix == ".whl"}
    ordered = {g: probes[g] for g in GENERATIONS.values() if g in probes}
    oldest_first = sorted(exported, key=lambda version: int(version.rpartition(".")[2]))
    print(render(merge(ordered, {version: exported[version] for version in oldest_first})))


def release(wheel: Path) -> str:
    """Return the major and the minor version of the Keras in a wheel."""
    return wheel.name.split("-")[1].rpartition(".")[0]


def exports(wheel: Path) -> set[str]:
    """Return the public names of the classes in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        sources = [archive.read(name).decode() for name in archive.namelist() if "/src/" in name]
    return {
        name
        for source in sources
        for match in EXPORT.finditer(source)
        for name in SPELLING.findall(match[1])
    }


def merge(probes: dict[str, Any], exported: dict[str, set[str]]) -> dict[str, Any]:
    """Return the table for `probes`, which are ordered from the oldest to the newest."""
    base = {
        kind: {g: probe["classes"][path].get("config") or [] for g, probe in probes.items()}
        for kind, path in KINDS
        if path != "optimizers.legacy.Optimizer"  # of Keras 2 alone
    }
    newest = list(probes)[-1]
    classes = {}
    for name, found in sorted(by_name(probes, "classes").items()):
        kind = next(iter(found.values()))["kind"]
        row: dict[str, Any] = {"kind": kind}
        if list(found) == [newest]:
            row["since"] = next((r for r, names in exported.items() if name in names), newest)
        row.update(shared({
            g: signature(name, found[g], base[kind][g]) for g in probes if g in found
        }))  # fmt: skip
        classes[name] = row
    return {
        "measured": {g: f"keras {probe['keras']}" for g, probe in probes.items()},
        "base": base,
        "classes": classes,
    }


def signature(name: str, found: dict[str, Any], base: list[str]) -> dict[str, Any]:
    """Return what is particular to the class in one generation."""
    row = {
        key: found.get(key) for key in ("names", "parameters", "required", "keywords", "swallows")
    }
    if row["names"] == [name]:
        del row["names"]
    config = found.get("config", "unknown")
    if isinstance(config, list):
        expected = {*base, *found["parameters"], *found["keywords"]}
        row["missing"] = sorted(expected.difference(config))
        row["extra"] = sorted(set(config) - expected)
    elif found["kind"] != "callback":
        row["config"] = config or "raises"
    return {key: value for key, value in row.items() if value}


if __name__ == "__main__":
    main()
