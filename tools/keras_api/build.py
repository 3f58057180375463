"""Merge what `probe.py` found out about several generations of Keras into one table.

    python build.py PROBE.json... > reglint/keras_api/layers.json

Each probe is the output of `python probe.py`, run where one Keras is installed:

    1.2     Python 3.7   keras==1.2.2 tensorflow==1.15.5 numpy==1.18.5 h5py==2.10.0 protobuf==3.20.3
    2.3     Python 3.7   keras==2.3.1 and the same
    tf2.15  Python 3.11  tensorflow-cpu==2.15.1
    3.0     Python 3.11  keras==3.0.5 tensorflow-cpu==2.16.2
    3.15    Python 3.11  keras==3.15.1 tensorflow-cpu==2.21.0 scipy

The table keeps one line for each set of generations on which a layer is the same, and says only
what does not follow from the rest: keywords are those that are neither positional nor taken by
every layer (`base`), and only accepted arguments have an effect: any other raises, or is dropped by
a layer that swallows whatever it is given.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

GENERATIONS = {"1.2": "1.2", "2.3": "2.3", "2.15": "tf2.15", "3.0": "3.0", "3.15": "3.15"}

# What does the work of a layer that is gone, if given the keyword in the comment.
SUCCESSORS = {
    "AtrousConvolution1D": "Conv1D",  # dilation_rate
    "AtrousConvolution2D": "Conv2D",  # dilation_rate
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "ThresholdedReLU": "ReLU",  # threshold
    "TimeDistributedDense": "Dense",  # which works on the last axis of any input since Keras 2
}


def main() -> None:
    """Read the probes named on the command line, print the table."""
    probes = [json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:]]
    by_generation = {GENERATIONS[p["keras"].rpartition(".")[0]]: p for p in probes}
    print(render(merge({g: by_generation[g] for g in GENERATIONS.values()})))


def merge(probes: dict[str, Any]) -> dict[str, Any]:
    """Return the table for `probes`, which are ordered from the oldest to the newest."""
    base = {g: probe["layers"]["Layer"]["keywords"] for g, probe in probes.items()}
    return {
        "measured": {
            g: f"keras {probe['keras']}, tensorflow {probe['tensorflow']}"
            for g, probe in probes.items()
        },
        "base": base,
        "layers": {
            name: layer(name, found, base)
            for name, found in sorted(by_name(probes, "layers").items())
        },
        "regularizers": {
            name: shared({
                g: probe["regularizers"][name]
                for g, probe in probes.items()
                if name in probe["regularizers"]
            })
            for name in sorted({n for p in probes.values() for n in p["regularizers"]})
        },
    }  # fmt: skip


def by_name(probes: dict[str, Any], section: str) -> dict[str, dict[str, Any]]:
    """Return what each probe found about each class, under the newest name of the class.

    Classes of two generations are the same if they share a public name.
    """
    classes: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for generation, probe in reversed(probes.items()):
        for name, found in probe[section].items():
            known = next((names[n] for n in [name, *found["names"]] if n in names), name)
            names.update(dict.fromkeys(found["names"], known))
            classes.setdefault(known, {})[generation] = found
    return classes


def layer(name: str, found: dict[str, Any], base: dict[str, list[str]]) -> dict[str, Any]:
    """Return one row of the table."""
    row: dict[str, Any] = {}
    if name in SUCCESSORS:
        row["successor"] = SUCCESSORS[name]
    if found.get("2.3", {}).get("renames"):
        row["renames"] = found["2.3"]["renames"]
    signatures = {g: signature(name, f, base[g]) for g, f in found.items()}
    row.update(shared({g: signatures[g] for g in base if g in signatures}))
    return row


def signature(name: str, found: dict[str, Any], base: list[str]) -> dict[str, Any]:
    """Return what is particular to the layer in one generation."""
    row: dict[str, Any] = {}
    if found["names"] != [name]:
        row["names"] = found["names"]
    if "positional" not in found:  # it could not be made
        return row
    row["positional"] = found["positional"]
    row["keywords"] = sorted(set(found["keywords"]) - set(found["positional"]) - set(base))
    row["refused"] = sorted(set(base) - set(found["keywords"]))
    row["swallows"] = found["swallows"]
    for effect in ("effective", "silent", "raises"):
        row[effect] = sorted(a for a in found["keywords"] if found["effects"].get(a) == effect)
    return {key: value for key, value in row.items() if value or key == "positional"}


def shared(rows: dict[str, Any]) -> dict[str, Any]:
    """Put the generations with equal rows under one key, separated by spaces."""
    keys: dict[str, list[str]] = {}
    for generation, row in rows.items():
        keys.setdefault(json.dumps(row), []).append(generation)
    return {" ".join(generations): json.loads(row) for row, generations in keys.items()}


def render(value: Any, depth: int = 0) -> str:
    """Return `value` as JSON, with a line for each row of the table."""
    if depth > 2 or not isinstance(value, dict):  # noqa: PLR2004 - section, name, generations
        return json.dumps(value)
    indent = "\n" + " " * depth
    items = (f"{indent} {json.dumps(k)}: {render(v, depth + 1)}" for k, v in value.items())
    return "{" + ",".join(items) + indent + "}"


if __name__ == "__main__":
    main()
