"""Print what is measured on data, and what `evaluate` says of the same."""

import json
import tempfile

import keras
import numpy as np
from keras import layers, losses, ops, regularizers

from reglint.inspector.codec import encode
from reglint.inspector.runtime.data import Batch, DataError
from reglint.inspector.runtime.measures import measure

L2 = regularizers.L2(0.01)


def numbers(*shape):
    """Return the same numbers on each backend."""
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


def classes(count, *shape):
    return np.random.default_rng(1).integers(0, count, shape)


def set_weights(model):
    generator = np.random.default_rng(7)
    for variable in model.weights:
        if variable.dtype == "float32":
            # Small: TensorFlow alone has gradients where a softmax is saturated.
            values = generator.normal(size=variable.shape) / 8
            variable.assign(1 + np.abs(values) if "variance" in variable.name else values)
    return model


def convolutional():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, kernel_regularizer=L2, name="conv")(inputs)
    x = layers.Dropout(0.5)(layers.ReLU()(layers.BatchNormalization(name="bn")(x)))
    x = layers.Flatten()(layers.Conv2D(4, 3, bias_regularizer="l1", name="conv2")(x))
    x = layers.Dense(5, "softmax", kernel_regularizer=regularizers.L1L2(1e-3, 1e-2), name="head")(x)
    model = keras.Model(inputs, x)
    model.compile(keras.optimizers.SGD(0.1, weight_decay=0.01), "sparse_categorical_crossentropy")
    return model, numbers(64, 8, 8, 3), classes(5, 64), None


def several():
    dense, ids = keras.Input((4,), name="a"), keras.Input((6,), dtype="int32", name="b")
    x = layers.Embedding(10, 3, mask_zero=True, embeddings_regularizer=L2, name="table")(ids)
    x = layers.LSTM(5, return_sequences=True, recurrent_regularizer=L2, name="lstm")(x)
    x = layers.GlobalAveragePooling1D()(x)
    first = layers.Dense(2, name="first", kernel_regularizer=L2)(layers.Concatenate()([dense, x]))
    second = layers.Dense(1, name="second")(x)
    model = keras.Model([dense, ids], [first, second])
    model.compile(
        loss={"first": "mse", "second": losses.MeanAbsoluteError()},
        loss_weights={"first": 2.0, "second": 0.5},
    )
    x = [numbers(64, 4), classes(10, 64, 6).astype("int32")]
    return model, x, [numbers(64, 2), numbers(64, 1)], np.abs(numbers(64))


def masked():
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 3, mask_zero=True, embeddings_regularizer=L2)(ids)
    model = keras.Model(ids, layers.Dense(1, name="each")(x))
    model.compile(loss="mse")
    return model, classes(10, 64, 6).astype("int32"), numbers(64, 6, 1), None


class Plain(keras.Model):
    """A model whose call does not know `training`."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, kernel_regularizer=L2)

    def call(self, x):
        return self.dense(x)


def subclassed():
    model = Plain()
    model(np.zeros((1, 4)))
    model.compile(loss=lambda y, predicted: ops.mean(ops.square(y - predicted)))
    return model, numbers(50, 4), numbers(50, 3), None


def mixed():
    inputs = keras.Input((4,))
    x = layers.Dense(8, dtype="mixed_float16", kernel_regularizer=L2)(inputs)
    model = keras.Model(inputs, layers.Dense(1, dtype="float32")(x))
    model.compile(loss="mse")
    return model, numbers(50, 4), numbers(50), None


def activity():
    inputs = keras.Input((4,))
    x = layers.Dense(8, activity_regularizer=L2, name="penalized")(inputs)
    model = keras.Model(inputs, layers.Dense(1, kernel_regularizer=L2)(x))
    model.compile(loss="mse")
    return model, numbers(320, 4), numbers(320, 1), None


def linear(factor=0.1):
    kernel = layers.Dense(
        1, use_bias=False, kernel_regularizer=regularizers.L2(factor), name="linear"
    )
    model = keras.Sequential([keras.Input((4,)), kernel])
    model.compile(loss="mse")
    return model, numbers(50, 4), numbers(50, 1), None


def cell():
    """Return a model that `fit` cannot train on TensorFlow and JAX."""
    inner = layers.SimpleRNNCell(3, activity_regularizer=L2, kernel_regularizer=L2)
    model = keras.Sequential([keras.Input((5, 2)), layers.RNN(inner)])
    model.compile(loss="mse")
    return model, numbers(20, 5, 2), numbers(20, 3), None


def batch_of(x, y, weight):
    return Batch(x, y, weight, "data.npz", len(y[0] if isinstance(y, list) else y))


def values(model):
    return [ops.convert_to_numpy(variable) for variable in model.variables]


def measured(model, x, y, weight, **arguments):
    """Return what is measured of a model as JSON, and whether it is left as it was."""
    set_weights(model)
    before = values(model)
    found = measure(model, batch_of(x, y, weight), **arguments)
    same = all(
        np.array_equal(one, other, equal_nan=True)
        for one, other in zip(before, values(model), strict=True)
    )
    return {**json.loads(encode(found)), "same": same}


def compared(model, x, y, weight):
    """Return the same with the loss of `evaluate`, and with weight penalties apart."""
    found = measured(model, x, y, weight)
    logs = model.evaluate(x, y, sample_weight=weight, batch_size=32, verbose=0, return_dict=True)
    penalties = [v.regularizer(v) for v in model.trainable_weights if v.regularizer is not None]
    return {
        **found,
        "evaluated": logs["loss"],
        "penalty": sum(float(ops.convert_to_numpy(ops.sum(one))) for one in penalties),
    }


def saved():
    """Return the data loss of a model as compiled, then as loaded without being compiled."""
    model, *data = several()
    compiled = measured(model, *data)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras", compile=False)
    config = keras.saving.serialize_keras_object(model.get_compile_config())
    again = measured(loaded, *data, compile_config=config)
    return compiled, again


def error(model, x, y, weight, **arguments):
    try:
        measured(model, x, y, weight, **arguments)
    except DataError as caught:
        return str(caught)


def uncompiled():
    model, *data = linear()
    return keras.Sequential([keras.Input((4,)), *model.layers]), *data


def errors():
    model, x, y, weight = linear()
    yield "no loss", error(*uncompiled())
    yield "unknown loss", error(*uncompiled(), loss_name="mean_of_nothing")
    yield "shape", error(*subclassed()[:2], numbers(50, 2), None)
    model.compile(loss=losses.MeanSquaredError(reduction=None))
    yield "no reduction", error(model, x, y, weight)
    model, x, y, weight = masked()
    yield "ids", error(model, x + 5, y, weight)
    yield "negative ids", error(model, x - 1, y, weight)


def findings():
    for name, factor in (("negligible", 1e-6), ("dominating", 1e4), ("neither", 0.1)):
        yield name, measured(*linear(factor))
    model, x, y, weight = linear()
    yield "not finite", measured(model, np.where(x > 1, np.nan, x), y, weight)


models = (convolutional, several, masked, subclassed, mixed, activity, linear)
x, y = linear()[1:3]
print(
    json.dumps(
        {
            **{build.__name__: compared(*build()) for build in models},
            "truth": {"x": x.tolist(), "y": y.tolist()},
            "kernel": np.ravel(set_weights(linear()[0]).get_weights()[0]).tolist(),
            "saved": saved(),
            "named": measured(*uncompiled(), loss_name="mae"),
            "named, of a file": measured(*uncompiled(), loss_name="mae", compile_config={}),
            "cell": measured(*cell()),
            "errors": dict(errors()),
            "findings": dict(findings()),
        }
    )
)
