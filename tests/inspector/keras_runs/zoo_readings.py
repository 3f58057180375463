"""Print what the runtime reader says of each model of the zoo, and what Keras itself does."""

import json
import sys
import warnings
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))
warnings.simplefilter("ignore")  # of Keras and the backends

import zoo  # noqa: E402

from reglint.inspector.codec import encode  # noqa: E402
from reglint.inspector.runtime.attribution import value  # noqa: E402
from reglint.inspector.runtime.layers import walk  # noqa: E402
from reglint.inspector.runtime.reading import read_model  # noqa: E402


def weights(model):
    """Return each weight penalty as its own regularizer computes it, by variable."""
    tree = walk(model)
    return {
        str(tree.owners(variable)[0]): value(variable.regularizer(variable))
        for variable in model.trainable_weights
        if variable.regularizer is not None
    }


def state(model):
    """Return all that a reading must leave as it was."""
    layers = [node.layer for node in walk(model).nodes]
    kept = [v for layer in layers for v in getattr(layer, "states", None) or ()]  # of stateful RNNs
    held = [*model.variables, *kept]
    numbers = [np.asarray(keras.ops.convert_to_numpy(v), "float64") for v in held]
    return [
        [array.tolist() for array in numbers],
        [str(getattr(layer, "activity_regularizer", None)) for layer in layers],
        [[id(loss) for loss in layer._losses] for layer in layers],
        [id(keras.Layer.add_loss), id(keras.Layer.__call__)],
    ]


found = {}
for name in zoo.CASES:
    model = zoo.made(name)
    if model.built:
        before = state(model)
    reading = read_model(model, seed=3)
    restored = not model.built or state(model) == before
    found[name] = {
        "reading": json.loads(encode(reading)),
        "weights": json.loads(encode(weights(model))),
        "restored": restored,
    }
print(json.dumps(found))
