"""Find out by running what variables the layers of one Keras have, and where it saves them.

    python probe_variables.py [keras|tf_keras]

Prints JSON about the Keras installed for this Python (tf.keras 2.15, Keras 3), for each layer that
can be made and has variables:

    layers.NAME.names    every public spelling of the class, and the name that Python knows
    layers.NAME.python   the latter, which names its group in a `.weights.h5`
    layers.NAME.options  arguments, and states (`lora`, `int8`), that decide which variables it has
    layers.NAME.roles    variable -> the argument, without `_regularizer`, that penalizes it
    layers.NAME.classes  attribute -> class, of the layers that it makes itself
    layers.NAME.saved    options that are on -> attribute -> its variables, as `.weights.h5` numbers
                         them; "" is the layer itself

and `stateless`, the names of those without. A variable is marked with `~` if it is not trainable,
with `+` if it is not saved, with `=` if it is another layer's. Of a layer around other layers only
its own variables count.

How: each variable gets a number of its own for a value, the weights are saved and looked at. A
regularizer that writes down what it sees tells which variables each argument penalizes.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from probe import Lab, Subject, subjects
from recipes import ARGUMENTS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = dict[str, list[str]]

INNER = {"cell", "cells", "layer", "layers"}  # keys of a config with other layers
STATES = ("", "lora", "int8", "int4", "float8")
METHODS = {"": "call", "lora": "enable_lora"}  # that put a layer into a state
# Models, and what stands for an input.
NO_LAYERS = {"Input", "InputLayer", "Layer", "Model", "Sequential"}


class Unmeasured(Exception):  # noqa: N818 - says all there is to say
    """A layer that cannot be made, run or saved in this way."""


class Measurement:
    """The variables of one layer, made with `keywords` and put into `state`."""

    def __init__(self, subject: Subject, keywords: dict[str, Any], state: str) -> None:
        self.keras = subject.lab.keras
        self.seen: dict[float, str] = {}  # mean value -> the argument that penalizes it
        tags = {a: self.tag(a) for a in regularizer_arguments(subject)}
        shapes, invoke = subject.call
        inputs = [self.keras.layers.Input(batch_shape=SHAPES[shape]) for shape in shapes]
        try:
            self.layer = subject.make(**{**tags, **keywords})
            outputs = invoke(self.keras, self.layer, *inputs)
            if state == "lora":
                self.layer.enable_lora(2)
            elif state:
                self.layer.quantize(state)
            self.model = self.keras.Model(inputs, outputs)
            self.weights = list(self.layer.weights)
        except Exception as error:
            raise Unmeasured from error

    def tag(self, argument: str) -> Any:
        """Return a regularizer that writes down what it is asked about."""
        keras, seen = self.keras, self.seen

        class Tag(keras.regularizers.Regularizer):  # type: ignore[misc, name-defined]
            def __call__(self, x: Any) -> Any:
                seen[float(np.mean(np.asarray(x)))] = argument.removesuffix("_regularizer")
                return 0.0

            def get_config(self) -> dict[str, Any]:
                return {}

        return Tag()

    def names(self) -> list[str]:
        """Return the name of each variable."""
        return [w.name.rpartition("/")[2].partition(":")[0] for w in self.weights]

    def owners(self) -> list[list[Any]]:
        """Return the layers that hold each variable."""
        lists = ("_trainable_variables", "_non_trainable_variables")
        if self.keras.__version__ < "3":
            lists = ("_trainable_weights", "_non_trainable_weights")
        return [
            [
                layer
                for layer in self.layer._flatten_layers()  # noqa: SLF001 - nothing public does
                if any(w is weight for name in lists for w in getattr(layer, name))
            ]
            for weight in self.weights
        ]

    def fill(self, zero: str = "") -> None:
        """Give each variable its number, but nothing to those whose name starts with `zero`."""
        self.layer.set_weights([
            np.full(
                tuple(w.shape),
                0 if zero and name.startswith(zero) else number,
                dtype=np.asarray(w).dtype,
            )
            for number, (w, name) in enumerate(zip(self.weights, self.names(), strict=True), 1)
        ])  # fmt: skip

    def groups(self) -> dict[str, list[int]]:
        """Return the numbers of the variables in each group of the saved weights."""
        found: dict[str, dict[int, int]] = {}

        def visit(path: str, item: Any) -> None:
            group, _, name = path.rpartition("/")
            if isinstance(item, h5py.Dataset) and group.rpartition("/")[2] == "vars":
                values = np.unique(item[()].astype("float64"))
                if len(values) != 1 or not 1 <= values[0] <= len(self.weights):
                    return  # a state that is no weight, as a seed is
                found.setdefault(group.removesuffix("vars").rstrip("/"), {})[int(name)] = int(
                    values[0]
                )

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.weights.h5"
            self.model.save_weights(path)
            with h5py.File(path) as file:
                layers = file["layers"]
                (own,) = (name for name in layers if not name.startswith("input_layer"))
                root = layers[own]
                if self.layer not in self.model.layers:  # a cell, in an `RNN`
                    root = root["cell"]
                root.visititems(visit)
        return {group: [v for _, v in sorted(items.items())] for group, items in found.items()}

    def row(self) -> Row:
        """Return what is saved where, with the marks."""
        self.fill(zero="lora_")  # which Keras adds to the kernel that it saves
        names, owners, groups = self.names(), self.owners(), self.groups()
        trainable = [
            any(weight is w for w in self.layer.trainable_weights) for weight in self.weights
        ]
        if INNER & self.layer.get_config().keys():
            groups = {g: numbers for g, numbers in groups.items() if not g}
        saved = {number for numbers in groups.values() for number in numbers}
        rows: dict[str, list[tuple[int, str]]] = {}
        for group, numbers in groups.items():
            for number in numbers:
                mark = "=" if len(owners[number - 1]) > 1 else ""
                mark = mark or ("" if trainable[number - 1] else "~")
                rows.setdefault(group, []).append((number, mark + names[number - 1]))
        for number, holders in enumerate(owners, 1):
            if number not in saved and holders == [self.layer]:
                rows.setdefault("", []).append((number, "+" + names[number - 1]))
        in_order = sorted(rows.items(), key=lambda item: min(item[1]))
        return {group: [name for _, name in found] for group, found in in_order}

    def roles(self) -> dict[str, str]:
        """Return the argument that penalizes each variable."""
        self.fill()
        self.seen.clear()
        _ = self.model.losses
        names = self.names()
        return {names[int(v) - 1]: argument for v, argument in self.seen.items()}

    def classes(self) -> dict[str, str]:
        """Return the classes of the layers that hold the variables."""
        owners = self.owners()
        return {
            group: type(owners[numbers[0] - 1][-1]).__name__
            for group, numbers in self.groups().items()
            if group
        }


def regularizer_arguments(subject: Subject) -> list[str]:
    """Return the arguments that are for variables."""
    named = {p.name for f in subject.functions for p in inspect.signature(f).parameters.values()}
    return [a for a in ARGUMENTS if a in named and a != "activity_regularizer"]


def switches(subject: Subject) -> dict[str, Any]:
    """Return the arguments that may decide which variables there are, and their other value."""
    given = subject.arguments()
    found = {}
    for parameter in subject.parameters():
        if isinstance(parameter.default, bool):
            found[parameter.name] = not parameter.default
        elif parameter.default is None and parameter.name in given:
            found[parameter.name] = None
    return found


def measured(subject: Subject, keywords: dict[str, Any], state: str = "") -> Row | None:
    """Return the row, None if there is none."""
    try:
        return Measurement(subject, keywords, state).row()
    except Unmeasured:
        return None


def report(subject: Subject) -> dict[str, Any] | None:
    """Return all there is to know about a layer, None if it has no variables."""
    plain = Measurement(subject, {}, "")
    base = plain.row() if plain.weights else {}
    if not base:
        return None
    other = switches(subject)
    rows = {name: measured(subject, {name: value}) for name, value in other.items()}
    options = sorted(name for name, row in rows.items() if row not in (base, None))
    states = [s for s in STATES if hasattr(plain.layer, METHODS.get(s, "quantize"))]
    saved: dict[str, Row] = {}
    roles: dict[str, str] = {}
    classes: dict[str, str] = {}
    defaults = {**{p.name: p.default for p in subject.parameters()}, **subject.arguments()}
    for state in states:
        for chosen in itertools.product([False, True], repeat=len(options)):
            keywords = {n: other[n] for n, c in zip(options, chosen, strict=True) if c}
            try:
                measurement = Measurement(subject, keywords, state)
                row = measurement.row()
            except Unmeasured:
                continue
            values = {**defaults, **keywords}
            on = sorted([n for n in options if truth(values[n])] + [state] * bool(state))
            saved[" ".join(on)] = row
            classes.update((g, c) for g, c in measurement.classes().items() if g in row)
            roles.update(measurement.roles())
    return {
        "names": sorted({*subject.names, type(plain.layer).__name__}),
        "python": type(plain.layer).__name__,
        "options": sorted({*options, *(s for key in saved for s in key.split())}),
        "roles": dict(sorted(roles.items())),
        "classes": dict(sorted(classes.items())),
        "saved": dict(sorted(saved.items())),
    }


def truth(value: Any) -> bool:
    """Return whether an argument is on."""
    return value is not inspect.Parameter.empty and bool(value)


def reports(found: Iterable[Subject]) -> dict[str, Any]:
    """Return the report."""
    layers: dict[str, Any] = {}
    stateless: set[str] = set()
    for subject in found:
        if not inspect.isclass(subject.target) or subject.name in NO_LAYERS or not subject.call:
            continue
        try:
            row = report(subject)
        except (Unmeasured, NotImplementedError, ValueError) as error:
            print(subject.name, repr(error), repr(error.__cause__)[:200], file=sys.stderr)
            continue
        if row is None:
            stateless |= {*subject.names, subject.target.__name__}
        else:
            layers[subject.name] = row
    return {"layers": layers, "stateless": sorted(stateless)}


def main() -> None:
    """Probe the Keras named on the command line, print the report."""
    os.environ.update(
        CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3"
    )
    warnings.simplefilter("ignore")
    keras = importlib.import_module([*sys.argv, "keras"][1])
    found = {"keras": keras.__version__, **reports(subjects(Lab(keras)))}
    json.dump(found, sys.stdout, indent=1, sort_keys=False)


if __name__ == "__main__":
    main()
