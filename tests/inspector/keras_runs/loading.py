"""Print what a file may bring in, beside the model, once modules are named."""

from __future__ import annotations

import json
import sys
import tempfile
import types
from dataclasses import replace
from pathlib import Path

import keras

from reglint.inspector.codec import decode, encode
from reglint.inspector.facts import Danger, Level, Reason, Refused, Verdict
from reglint.inspector.files.archive import opened
from reglint.inspector.process import child
from reglint.inspector.process.messages import Job
from reglint.inspector.request import Limits, Request
from reglint.inspector.runtime import loading, measures
from reglint.inspector.runtime.layers import walk


class Own(keras.layers.Layer):
    """A layer of the user's."""


def module(name, **has):
    """Make a module of the user's."""
    made = sys.modules[name] = types.ModuleType(name)
    vars(made).update(has)


def custom(place, name="evil.A"):
    return Reason(Danger.CUSTOM, place, "is not of Keras", name)


def kept(compile_config, *places):
    """Return which parts of a compile configuration are left."""
    verdict = Verdict(tuple(map(custom, places)))
    request = Request("model.keras")
    return sorted(loading.without_foreign(compile_config, verdict, request, Level.RUN))


def refusal(*modules):
    """Return what is said of modules to import."""
    try:
        loading.load(Request("model.keras", imports=modules), Level.IMPORT, Verdict())
    except Refused as error:
        return str(error)
    return None


def in_modules(name, *modules):
    return loading._in_modules(name, modules) is not None


def swapped():
    """Return what is said of a file that was read, and of another in its place."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
        with opened(str(path)) as file:
            known = replace(file.facts, path="model.keras")
        job = Job(Request(str(path)), Limits(), Level.RUN, Verdict(), file=known)
        job = decode(encode(job).encode(), Job)
        for units in (0, 2):
            if units:
                keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)]).save(path)
            message = child.perform(job, lambda *_: None)
            yield json.loads(encode(message.failure)) if message.failure else None


Own.__module__ = "pkg._own"
module("pkg.layers", Own=Own, Popen=types.SimpleNamespace, os=sys, Dense=keras.layers.Dense)
learning_rate = keras.layers.Dense(3)
optimizer = {
    "class_name": "SGD",
    "module": "keras.optimizers",
    "config": {"learning_rate": keras.saving.serialize_keras_object(learning_rate)},
    "registered_name": None,
}
notes: list[str] = []
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer="l2")])
trained = measures.trainable(model, walk(model))
facts = measures.optimizer_facts(model, trained, {"optimizer": optimizer}, notes)
parts = {"loss": "mse", "metrics": [], "metrics[x": [], "loss/x": []}
print(
    json.dumps(
        {
            "kept": {
                "all": kept(parts),
                "no metrics": kept(parts, "compile_config/metrics[0]"),
                "an object": kept({**parts, "class_name": "A"}),
                "a foreign object": kept(parts, "compile_config"),
            },
            "own": [in_modules("pkg.layers.Own", "pkg.layers"), in_modules("Own", "pkg.layers")],
            "others": [
                in_modules(name, "pkg.layers") for name in ("Popen", "os", "Dense", "pkg.os.A", "")
            ],
            "absent": refusal("no_such_module"),
            "optimizer": [facts, notes],
            "swapped": list(swapped()),
        }
    )
)
