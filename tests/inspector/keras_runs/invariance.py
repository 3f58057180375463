"""Print how outputs change when kernels are doubled."""

import json

import keras
import numpy as np
from keras import layers, regularizers

from reglint.inspector.codec import encode
from reglint.inspector.runtime import invariance
from reglint.inspector.runtime.data import Batch
from reglint.inspector.runtime.layers import walk
from reglint.inspector.runtime.measures import trainable

L2 = regularizers.L2(0.01)


def dense(name, *arguments, **keywords):
    return layers.Dense(8, *arguments, kernel_regularizer=L2, name=name, **keywords)


def wide(deviation):
    return keras.initializers.RandomNormal(0, deviation, seed=1)


def normalized():
    """Return a model in which a normalization follows some kernels, and some matter to nothing."""
    inputs = keras.Input((8, 8, 3))
    conv = layers.Conv2D(4, 3, kernel_regularizer=L2, name="batch", kernel_initializer=wide(0.3))
    x = layers.BatchNormalization()(conv(inputs))
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.3)(layers.ReLU()(x)))
    x = layers.LayerNormalization()(dense("layer", kernel_initializer=wide(2.0))(x))
    x = dense("plain", "gelu")(x)
    x = layers.LayerNormalization()(dense("relu", "relu", kernel_initializer=wide(20.0))(x))
    # Doubled without its bias, this is another function.
    x = layers.BatchNormalization()(dense("biased", "relu", bias_initializer="ones")(x))
    x = layers.Add()([x, dense("dead", kernel_initializer="zeros")(x)])
    x = layers.Add()([x, dense("faint", kernel_initializer=wide(1e-4))(x)])
    return keras.Model(inputs, dense("head", "softmax")(x))


def saturated():
    head = dense("sure", "softmax", kernel_initializer=wide(4.0))
    return keras.Sequential([keras.Input((4,)), dense("first", bias_initializer=wide(3.0)), head])


def constant():
    """Return a model whose output hardly varies beside how large it is."""
    large = keras.initializers.Constant(1e4)
    return keras.Sequential([keras.Input((4,)), dense("offset", bias_initializer=large)])


def spectral():
    return keras.Sequential([keras.Input((4,)), layers.SpectralNormalization(dense("inner"))])


def measured(model):
    variables = [
        (one.variable, one.name) for one in trainable(model, walk(model)) if one.regularizer
    ]
    shape = (40, *model.inputs[0].shape[1:])
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in model.variables]
    found = invariance.measure(model, variables, Batch(x, x, None, "data", 40))
    after = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
    return {
        "change": {one.variable.layer: one.change for one in found},
        "left out": invariance.left_out([name for _, name in variables], found),
        "findings": [json.loads(encode(one)) for one in invariance.findings(found)],
        "same": all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)),
    }


def trained(scale, optimizer):
    """Return what a normalized network puts out before and after ten steps from `scale` * w."""
    keras.utils.set_random_seed(0)
    head = layers.Dense(1, trainable=False)
    normalization = layers.BatchNormalization(epsilon=1e-7, center=False, scale=False)
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, use_bias=False), normalization, head]
    )
    kernel = model.layers[0].kernel
    kernel.assign(scale * kernel.value)
    x, y = (np.random.default_rng(0).normal(size=(64, n)).astype("float32") for n in (6, 1))
    model.compile(optimizer, "mse")
    outputs = []
    for steps in (0, 10):
        for _ in range(steps):
            model.train_on_batch(x, y)
        outputs.append(keras.ops.convert_to_numpy(model(x, training=True)))
    return outputs


def learning_rates():
    """Return how far ten steps go, and how far off they are from twice the weights.

    There the learning rate is as large, and twice or four times as large.
    """
    for name in ("SGD", "Adam"):
        optimizer = getattr(keras.optimizers, name)
        before, after = trained(1, optimizer(0.01))
        yield (
            name,
            {
                "went": float(np.abs(after - before).max()),
                "off": {
                    factor: float(np.abs(trained(2, optimizer(factor * 0.01))[1] - after).max())
                    for factor in (1, 2, 4)
                },
            },
        )


keras.utils.set_random_seed(0)
models = (normalized, saturated, constant, spectral)
found = {build.__name__: measured(build()) for build in models}
found |= {"threshold": invariance.THRESHOLD, "learning rates": dict(learning_rates())}
print(json.dumps(found))
