# ruff: noqa: ARG002 - a script of Keras, run by a test
"""Print what training sees: with a data loss of 0 and no steps, the loss is the penalties alone."""

import json
import sys
import warnings

import keras
import numpy as np
from keras import layers, ops, regularizers

from reglint.inspector.codec import encode
from reglint.inspector.runtime.reading import read_model

warnings.simplefilter("ignore")  # of Keras and the backends

L2 = regularizers.L2(0.1)


class Zero(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return 0.0 * ops.sum(ops.cast(y_pred, "float32"), axis=-1)


def functional(shape, build):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layers.Dense(1, dtype="float32")(layers.Flatten()(build(inputs))))


def top():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    model.activity_regularizer = L2
    return model


def shared(x):
    layer = layers.Dense(6, activity_regularizer=L2)
    return layer(layer(x))


def dense(**kwargs):
    return lambda: functional((6,), layers.Dense(8, **kwargs))


CASES = {
    "plain": dense(activity_regularizer=L2, kernel_regularizer=L2),
    "cell": lambda: functional((5, 3), layers.RNN(layers.LSTMCell(2, activity_regularizer=L2))),
    "unrolled cell": lambda: functional(
        (5, 3), layers.RNN(layers.LSTMCell(2, activity_regularizer=L2), unroll=True)
    ),
    "mixed activity": dense(dtype="mixed_float16", activity_regularizer=L2),
    "mixed weight": dense(dtype="mixed_float16", kernel_regularizer=L2),
    "half weight": dense(dtype="bfloat16", kernel_regularizer=L2),
    "top": top,
    "shared": lambda: functional((6,), shared),
    "grouped": lambda: functional(
        (5, 8),
        lambda x: layers.GroupQueryAttention(4, 2, 2, activity_regularizer=L2)(x, x),
    ),
}


def case(model):
    x = np.random.default_rng(0).normal(size=(4, *model.input_shape[1:])).astype("float32")
    reading = json.loads(encode(read_model(model, x=x)))
    model.compile(keras.optimizers.SGD(0.0), Zero())
    try:
        history = model.fit(x, np.zeros((4, 1)), batch_size=4, verbose=0).history
    except Exception as error:  # noqa: BLE001 - what it raises is what this finds out
        return reading, type(error).__name__
    return reading, history["loss"][0]


keras.utils.set_random_seed(0)
json.dump({name: case(build()) for name, build in CASES.items()}, sys.stdout)
