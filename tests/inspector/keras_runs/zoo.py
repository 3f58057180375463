"""Make the zoo on the backend of this process, and read its files by both readers.

With CASE... as arguments, those only. Prints what was not made, and what was read, by file. The
formats differ in how they are read, not in how they are run: all of them on TensorFlow only.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np

from reglint.inspector.facts import Kind, Level, Refused
from reglint.inspector.files.archive import opened
from reglint.inspector.files.preflight import preflight
from reglint.inspector.merge import agree
from reglint.inspector.request import Request
from reglint.inspector.runtime import loading, probe
from reglint.inspector.runtime import reading as runtime
from reglint.inspector.runtime.devices import backend_version
from reglint.inspector.static import reader as static

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))

SUFFIXES = (".keras", ".h5", ".weights.h5")
UNTRAINABLE = {"cell-activity-regularizer", "mixed-precision-activity"}


class Nothing(keras.losses.Loss):
    """A data loss of zero: what `evaluate` returns is the penalties."""

    def call(self, target, output):
        del target
        output = keras.ops.cast(output, "float32")
        return 0.0 * keras.ops.mean(keras.ops.reshape(output, (len(output), -1)), axis=-1)


def reading(path, config):
    """Return what the readers say of a file; `refused` where Keras cannot load it."""
    with opened(path, config) as file:
        penalties, _, unknown = static.read(file)
        verdict, known = preflight(file), file.facts
    found = {"unknown": [each.layer for each in unknown]}
    # The zoo is trusted: its own classes, and the code in it.
    request = Request(path, config, imports=("custom",))
    try:
        ran = runtime.read(request, Level.LAMBDA, verdict, known=known, progress=lambda _: None)
    except Refused as error:
        return {**found, "refused": str(error)}
    except Exception as error:  # noqa: BLE001 - a reader must not raise it: a test says so
        return {**found, "raised": f"{type(error).__name__}: {error}"}
    return {
        **found,
        "total": ran.total,
        "attributed": sum(each.value for each in ran.penalties),
        "weights": _compared(ran.penalties, penalties),
        "failed": ran.run.probe.failed,
        "findings": [each.code for each in ran.findings],
        "evaluated": _evaluated(request, verdict, ran) if config is None else None,
    }


def _compared(ran, read):
    """Return the weight penalties of both readers, and whether they agree, by variable."""
    known = {name: each for each in read for name in _names(each) if each.kind is Kind.WEIGHT}
    compared = {each.name: {"static": each.value, "runtime": None} for each in read}
    for penalty in ran:
        if penalty.kind is not Kind.WEIGHT:
            continue
        same = next((known[name] for name in _names(penalty) if name in known), None)
        compared[same.name if same else penalty.name] = {
            "layer": penalty.layer,
            "runtime": penalty.value,
            "static": same and same.value,
            "agree": same and agree(penalty.value, same.value, penalty.dtype),
        }
    return compared


def _names(penalty):
    return [penalty.name, *map(str, penalty.also)]


def _evaluated(request, verdict, ran):
    """Return what `evaluate` adds to a data loss of zero, if that depends on weights alone."""
    if ran.run.probe.failed or any(each.kind is not Kind.WEIGHT for each in ran.penalties):
        return None
    if any(each.code in UNTRAINABLE for each in ran.findings):
        return None
    model = loading.load(request, Level.LAMBDA, verdict)
    (inputs,) = next(iter(probe.attempts(model, batch_size=4, seed=0))).args
    outputs = model(inputs)
    losses = keras.tree.map_structure(lambda _: Nothing(), outputs)
    targets = keras.tree.map_structure(lambda each: np.zeros(each.shape, "float32"), outputs)
    model.compile(loss=losses, run_eagerly=True)
    size = len(keras.tree.flatten(inputs)[0])
    return model.evaluate(inputs, targets, batch_size=size, verbose=0, return_dict=True)["loss"]


def main(*cases):
    import zoo

    warnings.simplefilter("ignore")
    suffixes = SUFFIXES if keras.backend.backend() == "tensorflow" else SUFFIXES[:1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        failures = zoo.build(folder, cases)
        read = {}
        for path in sorted(folder.iterdir()):
            case, dot, rest = path.name.partition(".")
            if (suffix := dot + rest) in suffixes:
                config = str(folder / f"{case}.json") if suffix == ".weights.h5" else None
                read[path.name] = reading(str(path), config)
    print(json.dumps({"version": backend_version(), "failures": failures, "files": read}))


if __name__ == "__main__":
    main(*sys.argv[1:])
