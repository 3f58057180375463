"""Change models in memory on the backend of this process; print what Keras makes of it."""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import Input, layers, ops, regularizers

from reglint.inspector.runtime import probe
from reglint.inspector.runtime.layers import describe, walk
from reglint.inspector.runtime.state import preserved
from reglint.keras import regularize
from reglint.regularizing.live_sites import sites

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))

import zoo
from cases import CASES

BACKEND = keras.backend.backend()
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(32, 12, 8)).astype("float32")
Y = RANDOM.integers(0, 3, 32)
KERNELS = {"kernel", "depthwise", "pointwise", "recurrent", "embeddings"}
SET = {
    "enc/conv:kernel": "l2(0.03)",
    "enc/wrap/layer:kernel": "orthogonal(0.2)",
    "attention:kernel": "l2(0.02)",
    "attention:bias": "l1(0.5)",
    "shared:kernel": regularizers.L2(0.04),
    "both/*_layer:recurrent": "l1_l2(l1=1e-3, l2=1e-2)",
    "out:kernel": "l1(0.01)",  # it has another
    "out:activity": "l2(0.1)",
}


def build(*, regularized=False, **options):
    """Return a nested model, compiled; `regularized` as `SET` makes it."""
    keras.utils.set_random_seed(3)

    def has(place):
        names = {"l2": "L2", "l1": "L1", "l1_l2": "L1L2", "orthogonal": "OrthogonalRegularizer"}
        value = SET[place]
        if regularized and isinstance(value, str):
            name, _, factors = value.rstrip(")").partition("(")
            parts = [part.rpartition("=")[2] for part in factors.split(",")]
            value = getattr(regularizers, names[name])(*map(float, parts))
        return value if regularized else None

    conv = layers.Conv1D(
        6, 3, padding="same", kernel_regularizer=has("enc/conv:kernel"), name="conv"
    )
    inner = layers.Dense(8, kernel_regularizer=has("enc/wrap/layer:kernel"))
    wrap = layers.TimeDistributed(inner, name="wrap")
    enc = keras.Sequential([Input((12, 8)), conv, layers.BatchNormalization(), wrap], name="enc")
    attention = layers.MultiHeadAttention(
        *(2, 4),
        kernel_regularizer=has("attention:kernel"),
        bias_regularizer=has("attention:bias"),
        name="attention",
    )
    shared = layers.Dense(8, kernel_regularizer=has("shared:kernel"), name="shared")
    lstm = layers.LSTM(4, recurrent_regularizer=has("both/*_layer:recurrent"))
    first = regularizers.L1(1e-3)
    out = layers.Dense(
        *(3, "softmax"),
        kernel_regularizer=has("out:kernel") or first,
        activity_regularizer=has("out:activity"),
        name="out",
    )
    inputs = Input((12, 8))
    x = enc(inputs)
    x = shared(shared(attention(x, x)))
    model = keras.Model(inputs, out(layers.Bidirectional(lstm, name="both")(x)))
    optimizer = keras.optimizers.AdamW(1e-2, weight_decay=1e-2, clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def fit(model, epochs=1, **options):
    return model.fit(X, Y, batch_size=16, epochs=epochs, verbose=0, shuffle=False, **options)


def loss(model):
    return model.evaluate(X, Y, batch_size=32, verbose=0)[0]


def values(variables):
    return [ops.convert_to_numpy(each).copy() for each in variables]


def equal(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def furthest(one, other):
    return max(float(np.max(np.abs(a - b))) for a, b in zip(one, other, strict=True))


def penalty(model):
    """Return what weights add, in float64, by the formulas of Keras."""
    total = 0.0
    for variable in model.trainable_weights:
        regularizer = variable.regularizer
        if regularizer is None:
            continue
        w = ops.convert_to_numpy(ops.cast(variable, "float32")).astype("float64")
        if isinstance(regularizer, regularizers.OrthogonalRegularizer):
            rows = w / np.linalg.norm(w, axis=1, keepdims=True)
            upper = np.abs(rows @ rows.T)[np.triu_indices(len(rows), 1)]
            total += float(regularizer.factor) * upper.mean()
            continue
        if not isinstance(regularizer, (regularizers.L1, regularizers.L2, regularizers.L1L2)):
            total += number(regularizer(variable))  # a user's
            continue
        total += float(getattr(regularizer, "l1", 0)) * np.abs(w).sum()
        total += float(getattr(regularizer, "l2", 0)) * (w**2).sum()
    return total


def carried(model):
    """Return the positions of the variables that have a regularizer, and which."""
    return {
        str(index): str(describe(variable.regularizer))
        for index, variable in enumerate(model.weights)
        if getattr(variable, "regularizer", None) is not None
    }


def activity(model):
    """Return the penalty of the activity of `out`, by hand."""
    return 0.1 * float((model.predict(X, verbose=0).astype("float64") ** 2).sum()) / len(X)


def trained(folder):
    """Return what becomes of a trained model."""
    found = {}
    model = build()
    fit(model, 2)
    before, weighed = loss(model), penalty(model)
    state = [values(model.weights), values(model.optimizer.variables)]
    model.get_layer("out").kernel_regularizer = regularizers.L2(5.0)
    found["attribute alone"] = loss(model) - before
    model.get_layer("out").kernel_regularizer = regularizers.L1(1e-3)
    was = carried(model)
    model.get_layer("shared").kernel.regularizer = regularizers.L2(5.0)
    found["variable alone"] = loss(model) - before
    model.get_layer("shared").kernel.regularizer = None

    changes = regularize(model, set=SET)
    found["changes"] = [
        [each.layer, each.role, str(each.before), str(each.after)] for each in changes
    ]
    after = loss(model)
    found["rise"] = [after - before, penalty(model) - weighed + activity(model)]
    found["state"] = equal(state[0], values(model.weights)) and equal(
        state[1], values(model.optimizer.variables)
    )
    path = Path(folder, "model.keras")
    model.save(path)
    loaded = keras.saving.load_model(path)
    found["loaded"] = [loss(loaded), after]
    found["same variables"] = carried(loaded) == carried(model)
    found["iterations"] = [int(loaded.optimizer.iterations), int(model.optimizer.iterations)]
    found["cloned"] = carried(keras.models.clone_model(model)) == carried(model)

    twin = build(regularized=True)
    found["as built"] = carried(twin) == carried(model)
    twin.optimizer.build(twin.trainable_variables)
    for copies, originals in (
        (twin.weights, model.weights),
        (twin.optimizer.variables, model.optimizer.variables),
    ):
        for copy, original in zip(copies, originals, strict=True):
            copy.assign(ops.convert_to_numpy(original))  # JAX gives arrays away
    histories = [fit(each).history["loss"][-1] for each in (model, twin)]
    found["step"] = [histories, furthest(values(model.weights), values(twin.weights))]
    found["moved otherwise"] = furthest(values(model.weights), state[0])

    model.set_weights(state[0])
    regularize(model, remove=[*SET])
    regularize(model, set={"out:kernel": "l1(1e-3)"})
    found["back"] = [loss(model), before]
    found["as before"] = carried(model) == was
    return found


class Later(keras.callbacks.Callback):
    """Regularizes in the middle of a training."""

    def on_epoch_begin(self, epoch, logs=None):
        del logs
        if epoch == 1:
            regularize(self.model, set={"out:kernel": "l2(100)"})


def compiled():
    """Return how training takes it, however it is compiled: a change between, and one within."""
    options = {"plain": {}, "eager": {"run_eagerly": True}, "jit": {"jit_compile": True}}
    options["steps"] = {"steps_per_execution": 2}
    if BACKEND == "torch":  # takes one step only, and would need a compiler of C++
        options = {"plain": {}}
    found = {}
    for name, each in options.items():
        model = keras.Sequential([Input((4,)), layers.Dense(3, "softmax", name="out")])
        model.compile("sgd", "sparse_categorical_crossentropy", **each)
        model.optimizer.learning_rate = 0.0
        x = X[:, 0, :4]
        first = model.fit(x, Y, batch_size=8, verbose=0).history["loss"][0]
        batch = model.train_on_batch(x, Y)
        regularize(model, set={"out:kernel": "l2(1)"})
        second = model.fit(x, Y, batch_size=8, verbose=0).history["loss"][0]
        rises = [second - first, float(model.train_on_batch(x, Y)) - float(batch)]
        rises.append(sum(map(number, model.losses)))
        during = model.fit(x, Y, batch_size=8, verbose=0, epochs=2, callbacks=[Later()])
        one, other = during.history["loss"]
        found[name] = {"once": penalty(model) / 100, "rises": rises, "during": (other - one) / 99}
    return found


def of_the_zoo(name, folder):
    """Return what a kernel's L2 adds to a model of the zoo, and that nothing of it stays."""
    try:
        model = zoo.made(name)
    except Exception:  # noqa: BLE001 - not on this backend
        return None
    roles = {r for s in sites(walk(model)) for r in s.target.roles if r in KERNELS}
    taken = {
        role: value
        for role in roles
        for value in [f"**:{role}"]
        if any(role in s.target.roles and role not in s.target.refused for s in sites(walk(model)))
    }
    if not taken:
        return None
    present = {
        f"{s.target.path}:{role}": value.made
        for s in sites(walk(model))
        for role, value in s.target.roles.items()
        if role in roles and value is not None
    }
    before = [variable.regularizer for variable in model.weights]
    called, losses = call(model)
    weighed = sum(map(number, of_weights(model)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        regularize(model, set=dict.fromkeys(taken.values(), "l2(0.125)"))
    found = {"unsaved": any("hold in memory" in str(each.message) for each in caught)}
    if called:
        found["rise"] = [call(model)[1] - losses, penalty(model) - weighed]
    found["carried"] = len(carried(model))
    if not found["unsaved"]:
        found["loaded"] = again(model, Path(folder, f"{name}.keras"))
    regularize(model, remove=list(taken.values()))
    if present:
        regularize(model, set={f"/{place}": value for place, value in present.items()})
    found["restored"] = all(
        a is b for a, b in zip(before, (v.regularizer for v in model.weights), strict=True)
    )
    return found


def of_weights(model):
    return [v.regularizer(v) for v in model.trainable_weights if v.regularizer is not None]


def call(model):
    """Return whether a model could be called, and what all penalties came to."""
    try:
        inputs = next(iter(probe.attempts(model, batch_size=4, seed=0)))
        with preserved(model):
            model(*inputs.args, **inputs.kwargs)
    except Exception:  # noqa: BLE001 - a model without inputs that fit
        return False, 0.0
    return True, sum(map(number, model.losses))


def number(losses):
    return float(ops.convert_to_numpy(ops.sum(ops.cast(losses, "float32"))))


def again(model, path):
    """Return whether the saved model has the same regularizers at the same variables."""
    try:
        model.save(path)
        loaded = keras.saving.load_model(path, safe_mode=False)
    except Exception:  # noqa: BLE001 - of a class that is not registered
        return None
    return carried(loaded) == carried(model)


def main():
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        every = {name: of_the_zoo(name, folder) for name in CASES}
        found = {"trained": trained(folder), "compiled": compiled()}
    found["zoo"] = {name: each for name, each in every.items() if each is not None}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
