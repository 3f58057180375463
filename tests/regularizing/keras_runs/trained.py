"""Train a model with all kinds of layers in layers, regularize its files, and go on.

Prints by format whether weights, predictions, optimizer state and compile config stayed, how much
`evaluate` was to rise and did, and whether training goes on.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import layers

from reglint.regularizing.api import regularize_file
from reglint.regularizing.operations import parse_remove, parse_set
from reglint.regularizing.request import RegularizeRequest

ASKED = (
    parse_set("conv*:kernel=l2(3e-4)"),
    parse_set("batch*:gamma=l1(1e-3)"),
    parse_set("encoder/each/layer:kernel=l2(1e-4)"),
    parse_set("shared:bias=l1(0.5)"),
    parse_set("attention:kernel=l2(2e-4)"),
    parse_set("both/**:kernel=l1_l2(l1=1e-5, l2=1e-4)"),
    parse_set("both/backward_layer/cell:recurrent=l2(0.01)"),
    parse_set("out:bias=l2(1)"),
    parse_remove("out:bias"),
    parse_remove("out:kernel"),
)
random = np.random.default_rng(0)
X = random.normal(size=(32, 12, 8)).astype("float32")
Y = random.integers(0, 3, 32)


def made():
    keras.utils.set_random_seed(3)
    encoder = keras.Sequential(
        [
            keras.Input((12, 8)),
            layers.Conv1D(6, 3, padding="same", activation="relu", name="conv"),
            layers.BatchNormalization(name="batch"),
            layers.TimeDistributed(layers.Dense(8), name="each"),
        ],
        name="encoder",
    )
    shared = layers.Dense(8, name="shared")
    inputs = keras.Input((12, 8))
    x = encoder(inputs)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = shared(shared(x))
    x = layers.Bidirectional(layers.LSTM(4), name="both")(x)
    l1 = keras.regularizers.L1(1e-3)
    outputs = layers.Dense(3, activation="softmax", kernel_regularizer=l1, name="out")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-2, clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def checked(path):
    out = path.with_name(f"out{path.suffix}")
    request = RegularizeRequest(path=str(path), operations=ASKED, output=str(out))
    report = regularize_file(request)
    before, after = keras.saving.load_model(path), keras.saving.load_model(out)
    losses = [
        model.evaluate(X, Y, verbose=0, return_dict=True)["loss"] for model in (before, after)
    ]
    found = {
        "changes": [
            [each.change.layer, each.change.role, str(each.change.after)] for each in report.effects
        ],
        "notes": list(report.notes),
        "said": report.rise,
        "rise": losses[1] - losses[0],
        "losses": sum(map(float, after.losses)) - sum(map(float, before.losses)),
        "weights": _same(before.weights, after.weights),
        "state": _same(before.optimizer.variables, after.optimizer.variables),
        "slots": len(after.optimizer.variables),
        "predictions": before.predict(X, verbose=0).tobytes()
        == after.predict(X, verbose=0).tobytes(),
        "compiled": before.get_compile_config() == after.get_compile_config(),
    }
    try:
        after.fit(X, Y, epochs=1, verbose=0)
        found["trained"] = int(after.optimizer.iterations)
    except Exception as error:  # noqa: BLE001 - what Keras does with an .h5
        found["trained"] = f"{type(error).__name__}: {error}"[:200]
    return found


def _same(before, after):
    pairs = zip(before, after, strict=True)
    arrays = ([keras.ops.convert_to_numpy(each).tobytes() for each in pair] for pair in pairs)
    return all(one == other for one, other in arrays)


def main():
    warnings.simplefilter("ignore")
    logging.getLogger("absl").setLevel(logging.ERROR)
    model = made()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for suffix in (".keras", ".h5"):
            path = Path(name, f"model{suffix}")
            model.save(path)
            found[suffix] = checked(path)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
