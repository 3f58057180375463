"""Train with PenaltyMonitor on the backend of this process, and print what it recorded."""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import Input, layers, regularizers

from reglint.keras import PenaltyMonitor

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))

import custom

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(32, 4)).astype("float32")
Y = RANDOM.normal(size=(32, 3)).astype("float32")


def model():
    """Return a model with nested, frozen, custom and activity penalties, noise and statistics."""
    keras.utils.set_random_seed(1)
    block = keras.Sequential(
        [Input((4,)), layers.Dense(4, kernel_regularizer="l1", name="inner")], name="block"
    )
    stack = [
        Input((4,)),
        block,
        layers.BatchNormalization(),
        layers.Dropout(0.5, seed=3),
        layers.Dense(4, kernel_regularizer="l2", trainable=False, name="frozen"),
        layers.Dense(4, kernel_regularizer=custom.Cubic(), name="cubic"),
        layers.Dense(3, activity_regularizer=regularizers.L2(0.1), name="last"),
    ]
    made = keras.Sequential(stack)
    made.compile("sgd", "mean_squared_error")
    return made


def fitted(*callbacks, made=None, epochs=2):
    """Return a trained model, with 4 batches in an epoch, and what `fit` put into its history."""
    made = made or model()
    options = {"batch_size": 8, "epochs": epochs, "verbose": 0, "shuffle": False}
    return made, made.fit(X, Y, **options, callbacks=list(callbacks)).history


def weights(made):
    """Return all variables as lists."""
    return [keras.ops.convert_to_numpy(each).tolist() for each in made.weights]


def penalties(made):
    """Return what the callback must have at the end, computed by hand."""
    inner = keras.ops.convert_to_numpy(made.get_layer("block").get_layer("inner").kernel)
    cubic = keras.ops.convert_to_numpy(made.get_layer("cubic").kernel)
    output = keras.ops.convert_to_numpy(made(X[:8], training=False))
    return {
        "penalty/block/inner.kernel": 0.01 * float(np.abs(inner).sum()),
        "penalty/cubic.kernel": 1e-3 * float((np.abs(cubic) ** 3).sum()),
        "penalty/last.activity": 0.1 * float((output**2).sum()) / 8,
    }


def main():
    found = {}
    plain, history = fitted()
    with tempfile.TemporaryDirectory() as name:
        table = Path(name, "penalties.csv")
        monitor = PenaltyMonitor(frequency=3, x=X[:8], csv=table)
        watched, found["logs"] = fitted(monitor)
        found["same training"] = (
            weights(plain) == weights(watched) and history["loss"] == found["logs"]["loss"]
        )
        found["records"] = monitor.history
        found["by hand"] = penalties(watched)
        found["table"] = table.read_text().splitlines()

        table.write_text(table.read_text() + "1,2")  # as a process that was killed leaves it
        fitted(PenaltyMonitor(x=X[:8], csv=table), epochs=1)
        found["appended"] = table.read_text().splitlines()[len(found["table"]) :]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted(PenaltyMonitor(csv=table))
        except ValueError as error:
            found["other columns"] = str(error).removeprefix(name)

        try:
            monitor = PenaltyMonitor(x=X[:8], log_dir=Path(name, "board"))
        except ImportError as error:
            found["no board"] = str(error)
        else:
            fitted(monitor)
            found["board"] = scalars(str(Path(name, "board")))
            found["boarded"] = monitor.history

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monitor = PenaltyMonitor()
        fitted(monitor)
        fitted(monitor)
        empty = keras.Sequential([Input((4,)), layers.Dense(3)])
        empty.compile("sgd", "mean_squared_error")
        _, found["nothing"] = fitted(PenaltyMonitor(), made=empty)
    found["warnings"] = [
        str(each.message) for each in caught if "PenaltyMonitor" in str(each.message)
    ]
    for value in ("often", 0):
        try:
            PenaltyMonitor(frequency=value)
        except ValueError as error:
            found[f"frequency {value}"] = str(error)
    print(json.dumps(found))


def scalars(folder):
    """Return what TensorBoard itself reads, as (step, value) by tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(folder)
    events.Reload()
    return {
        tag: [(each.step, each.value) for each in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


if __name__ == "__main__":
    main()
