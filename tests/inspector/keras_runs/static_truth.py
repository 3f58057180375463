"""Write models, load them again, and say what the regularizers of their variables give.

    python static_truth.py FOLDER [CASE...]

Run in a process of its own, as Keras has one backend. Values are computed in float64 where Keras
can; names come from the runtime reader.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))

import keras
import numpy as np
import zoo
from cases import case
from keras import Input, layers, regularizers

from reglint.inspector.runtime.layers import describe, walk


@case
def adapted_everywhere():
    image = Input((8, 8, 2))
    table = layers.Embedding(9, 4, embeddings_regularizer="l1")
    filters = layers.Conv2D(3, 3, kernel_regularizer="l2", bias_regularizer="l1")
    product = layers.EinsumDense("ab,bc->ac", 5, bias_axes="c", kernel_regularizer="l2")
    flat = layers.Flatten()(filters(image))
    ids = Input((3,), dtype="int32")
    model = keras.Model([image, ids], [product(flat), table(ids)])
    for layer in (table, filters, product):
        layer.enable_lora(2)
    return model


def quantized(mode, *, adapted):
    def build():
        dense = layers.Dense(8, kernel_regularizer="l2", bias_regularizer="l1")
        model = keras.Sequential([Input((16,)), dense])
        model.quantize(mode)
        if adapted:
            dense.enable_lora(2)
        return model

    build.__name__ = f"{mode}_adapted" if adapted else mode
    return build


for mode in ("int8", "int4", "float8"):
    case(quantized(mode, adapted=False))
case(quantized("int8", adapted=True))


@case
def options_off():
    inputs = Input((6, 8))
    outputs = layers.MultiHeadAttention(2, 4, use_bias=False, kernel_regularizer="l2")(
        inputs, inputs
    )
    outputs = layers.GroupQueryAttention(4, 2, 2, use_bias=False, kernel_regularizer="l1")(
        outputs, outputs
    )
    outputs = layers.BatchNormalization(scale=False, beta_regularizer="l2")(outputs)
    outputs = layers.LayerNormalization(center=False, gamma_regularizer="l2")(outputs)
    outputs = layers.GRU(3, use_bias=False, recurrent_regularizer="l2")(outputs)
    return keras.Model(inputs, outputs)


@case
def orthogonal():
    rows = regularizers.OrthogonalRegularizer(0.3)
    columns = regularizers.OrthogonalRegularizer(0.2, mode="columns")
    return keras.Sequential([
        Input((7,)),
        layers.Dense(5, kernel_regularizer=rows),
        layers.Dense(4, kernel_regularizer=columns),
        layers.Dense(1, kernel_regularizer=columns),
    ])  # fmt: skip


@case
def partly_frozen_inside():
    inner = keras.Sequential(
        [
            Input((4,)),
            layers.Dense(4, kernel_regularizer="l2", name="still"),
            layers.BatchNormalization(gamma_regularizer="l1", name="norm"),
            layers.Dense(4, kernel_regularizer="l1", name="moving"),
        ],
        name="inner",
    )
    inner.get_layer("still").trainable = False
    inputs = Input((4,))
    return keras.Model(inputs, layers.Dense(2, bias_regularizer="l2")(inner(inputs)))


def loaded(path):
    """Return the model of a file."""
    if path.name.endswith(".weights.h5"):
        config = path.with_name(path.name.replace(".weights.h5", ".json"))
        model = keras.saving.deserialize_keras_object(json.loads(config.read_text()))
        model.load_weights(path)
        return model
    if path.suffix == ".keras":
        return keras.models.load_model(path, compile=False, safe_mode=False)
    return keras.models.load_model(path, compile=False)


def value(regularizer, variable):
    """Return a penalty in float64, in the dtype of the variable where Keras cannot do that."""
    array = keras.ops.convert_to_numpy(keras.ops.cast(variable.value, "float32"))
    try:
        tensor = keras.ops.convert_to_tensor(array.astype("float64"), dtype="float64")
        return float(np.sum(keras.ops.convert_to_numpy(regularizer(tensor))))
    except Exception:  # noqa: BLE001 - a factor in float32
        return float(np.sum(keras.ops.convert_to_numpy(regularizer(variable.value))))


def penalties(model):
    """Return what the variables of a model add to its losses."""
    tree = walk(model)
    return [
        {
            "names": [[name.layer, name.role] for name in tree.owners(variable)],
            "class": tree.carrier(variable).class_name,
            "regularizer": str(describe(variable.regularizer)),
            "value": value(variable.regularizer, variable),
            "shape": list(variable.shape),
            "dtype": str(variable.dtype),
        }
        for variable in model.trainable_weights
        if variable.regularizer is not None
    ]


def main():
    folder = Path(sys.argv[1])
    failures = zoo.build(folder, sys.argv[2:])
    found = {}
    for path in sorted([*folder.glob("*.keras"), *folder.glob("*.h5")]):
        try:
            found[path.name] = penalties(loaded(path))
        except Exception as error:  # noqa: BLE001 - some are not for Keras to load
            found[path.name] = zoo.said(error)
    truth = {"failures": failures, "files": found}
    (folder / "truth").write_text(json.dumps(truth, indent=1))


if __name__ == "__main__":
    main()
