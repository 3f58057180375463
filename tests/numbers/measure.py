"""Measure the penalty of layers, on whichever Keras this Python has.

    python measure.py [keras|tensorflow.keras] < JOBS > OUTCOMES

Needs numpy and a Keras from 1.2 on, under Python 3.7 or newer; of this project it needs nothing.
A job is an object with `code`, which binds a layer to `layer`, and `input`, the shape of what the
layer is called on, without the batch. An outcome is the penalty, a number, or `raises TypeError`.

Every weight of the layer is filled with the same pattern of exact numbers, so it does not matter
in which order a Keras keeps its weights, nor, while their sizes are multiples of the pattern's,
whether it keeps the four kernels of an LSTM as one. They are told apart by their sizes. The batch
has one sample: a Keras that divides the penalty of an activity by the batch agrees with one that
does not.

With `means`, an object of regularizers by the name of the weight they are for, the outcome is a
pair: the penalty, and what these regularizers make of these weights. That needs Keras 3.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import warnings
from typing import Any

import numpy as np

WEIGHTS = (0.5, -1.0, 1.5, -2.0)
INPUTS = (1.0, 0.0, 2.0)  # also indices, for an Embedding


def outcome(keras: Any, job: dict[str, Any]) -> Any:
    """Return what a job comes to; see the module."""
    try:
        namespace: dict[str, Any] = {}
        exec(job["code"], namespace)  # noqa: S102 - the snippets are the project's own
        layer = namespace["layer"]
        total = penalty(keras, layer, filled((1, *job["input"]), INPUTS))
        return [total, meant(keras, layer, job["means"])] if "means" in job else total
    except Exception as error:  # noqa: BLE001 - whatever this Keras raises is the outcome
        return f"raises {type(error).__name__}"


def penalty(keras: Any, layer: Any, data: np.ndarray) -> float:
    """Return the sum of the losses of a layer after it was called on `data`."""
    if tuple(map(int, keras.__version__.split(".")[:2])) < (2, 4):
        losses = symbolic_losses(keras, layer, data)
    else:
        layer(data)  # to build it
        fill(layer)
        layer(data)
        losses = layer.losses
    return float(sum(np.sum(np.asarray(loss)) for loss in losses))


def symbolic_losses(keras: Any, layer: Any, data: np.ndarray) -> list[Any]:
    """Return the losses of a layer as a Keras without eager execution computes them.

    Clears the session, because all is slow in a large graph.
    """
    tensor = keras.layers.Input(batch_shape=data.shape)
    model = keras.models.Model(tensor, layer(tensor))
    fill(model)
    numbers = [loss for loss in model.losses if isinstance(loss, (int, float))]
    tensors = [loss for loss in model.losses if not isinstance(loss, (int, float))]
    if tensors:
        run = keras.backend.function([tensor, keras.backend.learning_phase()], tensors)
        numbers += run([data, 0])
    keras.backend.clear_session()
    return numbers


def meant(keras: Any, layer: Any, means: dict[str, str]) -> float:
    """Return the sum of what each regularizer makes of the weights of that name."""
    total = 0.0
    for name, text in means.items():
        regularizer = eval(text, vars(keras.regularizers))  # noqa: S307 - the project's own
        weights = [weight for weight in layer.weights if weight.name == name]
        if not weights:
            raise LookupError(name)
        total += sum(float(regularizer(weight)) for weight in weights)
    return total


def fill(owner: Any) -> None:
    """Set every weight of a layer or model to the pattern."""
    owner.set_weights([filled(weight.shape, WEIGHTS) for weight in owner.get_weights()])


def filled(shape: tuple[int, ...], pattern: tuple[float, ...]) -> np.ndarray:
    """Return an array of this shape that repeats the pattern."""
    return np.resize(np.array(pattern, "float32"), shape)


def main() -> None:
    """Measure every job; say by what."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):  # Keras says what it thinks of the code
        keras = importlib.import_module([*sys.argv, "keras"][1])
        outcomes = [outcome(keras, job) for job in json.load(sys.stdin)]
    backend = keras.backend.backend()
    module = importlib.import_module(backend)
    by = f"Keras {keras.__version__}, {backend} {module.__version__}"
    json.dump({"by": by, "outcomes": outcomes}, sys.stdout)


if __name__ == "__main__":
    main()
