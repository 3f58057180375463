"""Change models that are not as others in memory; print what comes of it, and what is refused."""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import Input, layers, regularizers

from reglint.keras import regularize

register = keras.saving.register_keras_serializable("live")
X = np.ones((2, 5, 4), "float32")


@register
class Block(layers.Layer):
    """Hands its argument on to layers within, and uses it in its call besides."""

    def __init__(self, units, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.stages = [
            layers.Dense(units, kernel_regularizer=kernel_regularizer),
            layers.MultiHeadAttention(2, 2, kernel_regularizer=kernel_regularizer),
            layers.Dense(units),
        ]

    def build(self, shape):
        self.stages[0].build(shape)
        shape = (*shape[:-1], self.units)
        self.stages[1].build(shape, shape)
        self.stages[2].build(shape)
        self.kernel = self.add_weight(shape=(3,), name="kernel", initializer="ones")

    def call(self, x):
        if self.kernel_regularizer:
            self.add_loss(self.kernel_regularizer(self.kernel))
        x = self.stages[0](x)
        return self.stages[2](self.stages[1](x, x))

    def get_config(self):
        kernel = regularizers.serialize(self.kernel_regularizer)
        return {**super().get_config(), "units": self.units, "kernel_regularizer": kernel}


@register
class Scaled(regularizers.Regularizer):
    """A regularizer of a user's."""

    def __call__(self, x):
        return 3 * keras.ops.sum(x * x)

    def get_config(self):
        return {}


class Two(keras.Model):
    """A model whose config cannot tell what is in it."""

    def __init__(self):
        super().__init__()
        self.first, self.last = layers.Dense(3), layers.Dense(2)

    def call(self, x):
        return self.last(self.first(x))


def sequential(*stack):
    return keras.Sequential([Input(X.shape[1:]), *stack])


def carriers(model):
    return [v.path for v in model.weights if getattr(v, "regularizer", None) is not None]


def total(model):
    model(X)
    return sum(float(keras.ops.sum(each)) for each in model.losses)


def attempt(model, **asked):
    """Return what was said, and the error."""
    before = [getattr(v, "regularizer", None) for v in model.weights]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            changes = regularize(model, **asked)
        except (TypeError, ValueError) as error:
            after = [getattr(v, "regularizer", None) for v in model.weights]
            return [type(error).__name__, str(error), before == after]
    return [[f"{c.layer}:{c.role} {c.before} -> {c.after}" for c in changes]] + [
        str(each.message) for each in caught if "hold in memory" in str(each.message)
    ]


def handed_on(folder):
    model = sequential(Block(3, name="block"))
    model(X)
    state = random.getstate()
    found = {"changes": attempt(model, set={"block:kernel": regularizers.L2(0.1)})}
    found["random"] = random.getstate() == state
    found["carriers"] = carriers(model)
    found["total"] = total(model)
    model.save(Path(folder, "block.keras"))
    found["loaded"] = total(keras.saving.load_model(Path(folder, "block.keras")))
    attempt(model, remove="block")
    found["removed"] = total(model)
    found["within"] = attempt(model, set={"block/stages[2]:kernel": "l2(0.1)"})
    return found


def others():
    found = {}
    two = Two()
    two(X)
    found["subclassed"] = [attempt(two, set={"**:kernel": "l2(1)"}), total(two) > 0]

    late = keras.Sequential([layers.Dense(3), layers.Dense(2, use_bias=False)])
    attempt(late, set={"**:kernel": "l2(1)", "**:bias": "l2(1)"})
    late.build((None, 4))
    found["built later"] = carriers(late)

    trap = sequential(layers.Dense(3, name="dense"))
    trap.layers[0].kernel_regularizer = regularizers.L2(0.5)
    found["set after build"] = [
        carriers(trap),
        attempt(trap, set={"dense:kernel": "l2(0.5)"}),
        carriers(trap),
        attempt(trap, set={"dense:kernel": "l2(0.5)"}),
    ]

    adapted = sequential(layers.Dense(3, name="dense"))
    adapted.layers[0].enable_lora(1)
    attempt(adapted, set={"dense:kernel": "l2(1)"})
    found["adapters"] = [v.name for v in adapted.trainable_weights if v.regularizer]

    frozen = sequential(layers.Dense(3, name="dense", trainable=False))
    attempt(frozen, set={"dense:kernel": "l2(1)"})
    quiet = total(frozen)
    frozen.trainable = frozen.layers[0].trainable = True
    found["frozen"] = [quiet, total(frozen) > 0]

    itself = sequential(layers.ActivityRegularization(l2=0.5, name="penalty"))
    one = total(itself)
    found["itself"] = [attempt(itself, scale=3.0), total(itself) / one]
    found["itself saved"] = itself.layers[0].get_config()["l2"]

    dense = layers.Dense(4, name="dense")
    shared = keras.Sequential(
        [Input((5, 4)), sequential_of(dense, "one"), sequential_of(dense, "two")]
    )
    found["shared"] = [attempt(shared, set={"two/dense:kernel": "l2(1)"}), carriers(shared)]

    own = Scaled()
    found["own"] = [
        attempt(trap, set={"dense:kernel": own}),
        trap.layers[0].kernel.regularizer is own,
        attempt(trap, set={"dense:kernel": own}),
        attempt(trap, set={"dense:kernel": Scaled()}),
        attempt(trap, scale=0.5),
    ]
    found["order"] = attempt(
        sequential(layers.Dense(3, name="a", kernel_regularizer="l2"), layers.Dense(3, name="b")),
        scale=2.0,
        set={"b:kernel": "l2(1)", "a:bias": "l1(1)"},
        remove=["a:bias"],
    )
    return found


def sequential_of(layer, name):
    return keras.Sequential([Input((5, 4)), layer], name=name)


def broken(_):
    raise RuntimeError("not\ntoday")


def refused():
    model = functional()
    asked = {
        "nothing": {},
        "role": {"set": {"dense:kernle": "l2(1)"}},
        "layer": {"set": {"dens:kernel": "l2(1)"}},
        "regularizer": {"set": {"dense:kernel": "l3(1)"}},
        "class": {"set": {"dense:kernel": regularizers.L2}},
        "none": {"set": {"dense:kernel": None}},
        "not a dict": {"set": "dense:kernel=l2(1)"},
        "dropped": {"set": {"rnn:activity": "l2(1)"}},
        "uncalled": {"set": {"each/layer:activity": "l2(1)"}},
        "no bias": {"set": {"each/layer:bias": "l2(1)"}},
        "part": {"set": {"attention/query_dense:kernel": "l2(1)"}},
        "rank": {"set": {"dense:kernel": "l2(1)", "dense:bias": "orthogonal(1)"}},
        "broken": {"set": {"**:kernel": broken}},
        "factor": {"scale": 0},
        "text": {"scale": "0.5"},
        "classes": {"scale": 2, "classes": ["Dens"]},
        "remove": {"remove": [3]},
        "no list": {"remove": 3},
        "place": {"set": {3: "l2(1)"}},
        "scaled place": {"scale": {3: 2.0}},
    }
    found = {name: attempt(model, **each) for name, each in asked.items()}
    found["model"] = attempt_of_no_model()
    return found


def functional():
    inputs = Input(X.shape[1:])
    x = layers.Dense(4, name="dense", kernel_regularizer="l2")(inputs)
    x = layers.SimpleRNN(3, name="rnn", return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Dense(3, use_bias=False), name="each")(x)
    return keras.Model(inputs, layers.MultiHeadAttention(1, 2, name="attention")(x, x))


def attempt_of_no_model():
    try:
        regularize("model.keras", scale=2)
    except TypeError as error:
        return str(error)
    return None


def main():
    with tempfile.TemporaryDirectory() as folder:
        found = {"handed on": handed_on(folder), "others": others(), "refused": refused()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
