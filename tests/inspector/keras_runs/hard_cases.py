# ruff: noqa: ARG002, FBT002 - a script of Keras, run by a test
"""Print what the runtime reader says of models that are not as the zoo's."""

import json
import warnings

import keras
import numpy as np
from keras import layers, ops, regularizers

from reglint.inspector.codec import encode
from reglint.inspector.runtime import probe
from reglint.inspector.runtime.layers import walk
from reglint.inspector.runtime.reading import read_model

warnings.simplefilter("ignore")  # of Keras and the backends

L2 = regularizers.L2(0.1)


def functional(shape, *stack, dtype=None):
    inputs = keras.Input(shape, dtype=dtype, name="given")
    tensor = inputs
    for layer in stack:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor)


class Raises(layers.Layer):
    def call(self, x):
        if not isinstance(x, keras.KerasTensor) and ops.is_tensor(x) and hasattr(x, "numpy"):
            raise RuntimeError("no luck\nat all")
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


class Tower(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(3, kernel_regularizer=L2, name="one")
        self.again = self.first
        self.group = Group(name="group")

    def call(self, x):
        return self.group(self.first(x))


class Group(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._hidden = layers.Dense(3)
        self.blocks = [layers.Dense(3), [layers.Dense(3)]]
        self.heads = {"a": layers.Dense(3)}
        self.scale = self.add_weight(shape=(), name="anything", regularizer=L2)

    def call(self, x):
        x = self.blocks[1][0](self.blocks[0](self._hidden(x)))
        return self.heads["a"](x) * self.scale


class TwoArguments(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2, activity_regularizer=L2)

    def build(self, x_shape, y_shape):
        self.dense.build(x_shape)

    def call(self, x, y):
        return self.dense(x) + y


class Skips(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.used = layers.Dense(2, activity_regularizer=L2)
        self.spare = layers.Dense(2, activity_regularizer=L2)

    def call(self, x, training=False):
        return self.spare(self.used(x)) if training else self.used(x)


def tower():
    model = Tower()
    model(np.ones((2, 4), "float32"))
    return model


def two_arguments():
    model = TwoArguments()
    model(np.ones((2, 3), "float32"), np.ones((2, 2), "float32"))
    return model


def skips():
    model = Skips()
    model(np.ones((2, 4), "float32"))
    return model


def set_after_build():
    model = functional((4,), layers.Dense(3, name="late"))
    model.get_layer("late").kernel_regularizer = L2
    return model


def no_variable():
    return functional(
        (4,),
        layers.Dense(3, use_bias=False, bias_regularizer=L2, name="dense"),
        layers.LayerNormalization(scale=False, gamma_regularizer=L2, name="norm"),
    )


def not_a_number():
    model = functional((4,), layers.Dense(3, kernel_regularizer=L2, name="dense"))
    model.get_layer("dense").kernel.assign(np.full((4, 3), np.nan))
    return model


def after_fit():
    model = functional((4,), layers.Dense(3, activity_regularizer=L2, kernel_regularizer=L2))
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    return model


def top_activity():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.activity_regularizer = L2
    return model


CASES = {
    "too large": lambda: functional(
        (1, 1, 1), layers.Dense(1, kernel_regularizer=L2), layers.UpSampling2D(60000)
    ),
    "raises": lambda: functional((4,), layers.Dense(3, kernel_regularizer=L2), Raises()),
    "open": lambda: functional(
        (None, None, 1), layers.Conv2D(2, 40, activity_regularizer=L2), layers.Flatten()
    ),
    "small": lambda: functional(
        (None,), layers.Embedding(5, 2, activity_regularizer=L2), dtype="int32"
    ),
    "tower": tower,
    "two arguments": two_arguments,
    "skips": skips,
    "set after build": set_after_build,
    "no variable": no_variable,
    "not a number": not_a_number,
    "after fit": after_fit,
    "top activity": top_activity,
    "unrolled": lambda: functional(
        (3, 2), layers.RNN(layers.LSTMCell(2, activity_regularizer=L2), unroll=True)
    ),
    "looped": lambda: functional((3, 2), layers.RNN(layers.LSTMCell(2, activity_regularizer=L2))),
    "two in a row": lambda: functional(
        (4,), layers.Dense(3, activity_regularizer=L2), layers.ActivityRegularization(l2=0.1)
    ),
}


def inputs(model, **options):
    """Return the numbers of the first inputs that are tried, and what is said of them."""
    tried = next(probe.attempts(model, **{"batch_size": 2, "seed": 0, **options}))
    arrays = [np.asarray(keras.ops.convert_to_numpy(a)).tolist() for a in tried.args]
    return {"arrays": arrays, "probe": json.loads(encode(tried.probe))}


def refusal(model, spec):
    try:
        inputs(model, input_spec=spec)
    except ValueError as error:
        return str(error)
    return None


ids = functional((6,), layers.Embedding(9, 2), dtype="int32")
floats = functional((3,), layers.Dense(2))
unbuilt = keras.Sequential([layers.Dense(2, kernel_regularizer=L2)])
found = {
    "readings": {name: json.loads(encode(read_model(make()))) for name, make in CASES.items()},
    "paths": [[node.path, node.class_name] for node in walk(tower()).nodes],
    "ids": inputs(ids, batch_size=50),
    "floats": [inputs(floats), inputs(floats), inputs(floats, seed=1)],
    "stated": inputs(unbuilt, input_spec="5,4"),
    "stated ids": inputs(unbuilt, input_spec="5,4:int32"),
    "wrong name": refusal(floats, "other=2,3"),
    "wrong number": refusal(floats, "2,3;2,3"),
    "data": json.loads(encode(read_model(after_fit(), x=np.ones((9, 4)), y=np.ones((9, 3))))),
}
print(json.dumps(found))
