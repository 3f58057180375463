"""Use `reglint.inspect` as a notebook does, on the backend of this process; print what it gave."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import reglint

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 10)).astype("float32")
Y = np.arange(40) % 2
PAIR = ({"left": X[:, :5], "right": X[:, 5:]}, np.zeros((40, 15), "float32"))


def weights(model):
    """Return all variables as lists."""
    return [keras.ops.convert_to_numpy(each).tolist() for each in model.variables]


def facts(report):
    """Return what the tests look at."""
    return {
        "total": report.total,
        "kinds": sorted(kind.value for kind in report.by_kind),
        "path": report.file.path,
        "format": report.file.format.value,
        "loss": report.data and report.data.loss,
        "samples": report.data and report.data.samples,
        "source": report.data and report.data.source,
        "verdict": report.verdict is not None,
        "run": report.run is not None,
        "notes": report.notes,
    }


class Later(keras.Model):
    """A model whose layers have no variables before it is called."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(3, kernel_regularizer="l2", activity_regularizer="l2")
        self.last = keras.layers.Dense(2, "softmax", kernel_regularizer="l1")

    def call(self, x):
        return self.last(self.first(x))


def called():
    """Return a model of that class that has its variables."""
    model = Later()
    model(X)
    return model


def later(data, *, compiled=True, built=False):
    """Return what is said of such a model, or the error."""
    keras.utils.set_random_seed(0)
    model = Later()
    if compiled:
        rate = keras.optimizers.SGD(0.1, weight_decay=0.01)
        model.compile(rate, "sparse_categorical_crossentropy")
    if built:
        model(X)
    report = reglint.inspect(model, data)
    said = [finding.code for finding in report.findings]
    return {"total": report.total, "rows": report.to_dicts(), "codes": said}


def stateful():
    """Return the sum of the states of an RNN after a look at it: never called, then called."""
    rnn = keras.layers.SimpleRNN(2, stateful=True)
    model = keras.Sequential([rnn])
    batch = np.ones((3, 4, 5), "float32")
    sums = []
    for _ in range(2):
        reglint.inspect(model, batch)
        sums.append(float(keras.ops.sum(keras.ops.abs(rnn.states[0].value))))
        model(batch)
        sums.append(float(keras.ops.sum(keras.ops.abs(rnn.states[0].value))))
    return sums


def main():
    import zoo

    model = zoo.made("sequential")
    before = weights(model)
    found = {
        "model": facts(reglint.inspect(model)),
        "x": facts(reglint.inspect(model, X)),
        "x and y": facts(reglint.inspect(model, (X, Y))),
        "unchanged": weights(model) == before,
        "stateful": stateful(),
        "sources": {
            row.layer: row.source and row.source.line
            for row in reglint.inspect(called(), source=__file__).penalties
        },
        "losses": sum(float(each) for each in model.losses),
    }
    two = zoo.made("shared")
    two.compile("sgd", "mean_squared_error")
    found["two inputs"] = facts(reglint.inspect(two, ([*PAIR[0].values()], PAIR[1])))
    with tempfile.TemporaryDirectory() as folder:
        path, data = Path(folder, "model.keras"), Path(folder, "data.npz")
        model.save(path)
        np.savez(data, x=X, y=Y)
        found["data of a path"] = facts(reglint.inspect(model, data))
        found["static"] = facts(reglint.inspect(path, static=True))
        backend = keras.backend.backend()
        found["file"] = facts(reglint.inspect(os.fspath(path), (X, Y), backend=backend))
        found["missing"] = error(lambda: reglint.inspect(Path(folder, "no.keras")))
        found["missing"] = found["missing"].replace(folder, "")
    for name, data in {"x": X, "x and y": (X, Y)}.items():
        found[f"unbuilt, {name}"] = [later(data), later(data, built=True)]
    found["unbuilt, not compiled"] = [
        later(X, compiled=False),
        later(X, compiled=False, built=True),
    ]
    found["shape"] = error(lambda: reglint.inspect(model, (X[:, :3], Y)))
    found["shape of x"] = error(lambda: reglint.inspect(model, X[:, :3]))
    found["number of inputs"] = error(lambda: reglint.inspect(two, X))
    built = called()
    built.compile(loss="sparse_categorical_crossentropy")
    found["shape, subclassed"] = error(lambda: reglint.inspect(built, (X[:, :3], Y)))
    found["labels"] = error(lambda: reglint.inspect(built, (X, Y + 7)))
    found["no model"] = error(lambda: reglint.inspect(3))
    found["no option"] = error(lambda: reglint.inspect(model, static=True))
    found["no file option"] = error(lambda: reglint.inspect("a.keras", colour="red"))
    found["three"] = error(lambda: reglint.inspect(model, (X, Y, Y)))
    found["no samples fit"] = error(lambda: reglint.inspect(model, (X, Y[:3])))
    print(json.dumps(found))


def error(function):
    """Return the class and the message of what `function` raises."""
    try:
        function()
    except Exception as raised:  # noqa: BLE001 - what it is, is what is asked
        return f"{type(raised).__name__}: {raised}"
    return ""


if __name__ == "__main__":
    main()
