"""Run models on Keras 3: each is built, called, trained, saved, and loaded by another process.

    python execute.py < JOBS > OUTCOMES

The jobs are the texts of modules, which define

    build()                           returns a model and what it is called on, an array or several;
                                      without it, the module is run, and that is all
    train(model, inputs, targets)     trains for one step; without it, `fit` does
    save(model, path)                 saves the model; without it, `model.save` does
    FORMAT                            of the file, "h5"; without it "keras"

The targets are what the model predicts, so that of its losses only the penalties train it.

An outcome is an object of what was seen:

    penalty   the sum of the losses after a call
    twice     the same, of a batch that has every sample twice
    moved     how far a step of training moves the weights, summed
    reloaded  the penalty of the model that was loaded
    changed   in what else that model differs, in order
    raises    what was raised, and when, as "TypeError at load"; what would come later is missing

Importing Keras takes long, so the processes are one: whoever loads a model has run its module anew,
in a Keras that has nothing registered.
"""

from __future__ import annotations

import contextlib
import json
import linecache
import os
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")

import keras  # noqa: TID251 - this is the process that has to
import numpy as np

RATE = 0.1
JIT = keras.backend.backend() == "jax"  # which then traces, as TensorFlow does in any case


def outcome(text: str, folder: Path) -> dict[str, Any]:
    """Return what was seen of one module."""
    seen: dict[str, Any] = {}
    step = "build"
    try:
        module = fresh(text, folder)
        if not hasattr(module, "build"):
            return seen
        model, inputs = module.build()
        step = "call"
        model(inputs)
        seen["penalty"] = penalty(model)
        model(keras.tree.map_structure(lambda x: np.concatenate([x, x]), inputs))
        seen["twice"] = penalty(model)
        step = "train"
        seen["moved"] = moved(module, model, inputs)
        step = "save"
        path = folder / f"model.{getattr(module, 'FORMAT', 'keras')}"
        module.save(model, path) if hasattr(module, "save") else model.save(path)
        before = description(model, inputs)
        step = "load"
        fresh(text, folder)
        loaded = keras.saving.load_model(path, compile=False)
        after = description(loaded, inputs)
        seen["reloaded"] = penalty(loaded)
        seen["changed"] = [what for what in before if before[what] != after[what]]
    except Exception as error:  # noqa: BLE001 - whatever Keras raises is the outcome
        seen["raises"] = f"{type(error).__name__} at {step}"
    return seen


def fresh(text: str, folder: Path) -> ModuleType:
    """Import the text of a module as a new process would."""
    keras.saving.get_custom_objects().clear()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(1)
    path = folder / "case.py"
    path.write_text(text)
    linecache.clearcache()
    module = sys.modules["case"] = ModuleType("case")
    module.__file__ = str(path)
    exec(compile(text, path, "exec"), vars(module))  # noqa: S102 - the project's own
    return module


def penalty(model: Any) -> float | str:
    """Return the sum of the losses that the last call left."""
    return number(sum(float(keras.ops.sum(loss)) for loss in model.losses))


def moved(module: ModuleType, model: Any, inputs: Any) -> float | str:
    """Return how far a step of training moves the weights, and take it back."""
    start = model.get_weights()
    targets = keras.tree.map_structure(keras.ops.convert_to_numpy, model(inputs))
    if hasattr(module, "train"):
        module.train(model, inputs, targets)
    else:
        if not model.compiled:
            # Not "mse": Keras 3.15 cannot load that from HDF5.
            loss = keras.losses.MeanSquaredError()
            model.compile(keras.optimizers.SGD(RATE), loss, jit_compile=JIT)
        model.fit(inputs, targets, epochs=1, verbose=0)
    end = model.get_weights()
    model.set_weights(start)
    return number(sum(np.abs(b - a).sum() for a, b in zip(start, end, strict=True)))


def description(model: Any, inputs: Any) -> dict[str, Any]:
    """Return what is to be the same in a model that was saved and loaded."""
    output = model(inputs)
    return {
        "config": json.dumps(keras.saving.serialize_keras_object(model)["config"], sort_keys=True),
        "layers": [(layer.name, layer.dtype_policy.name) for layer in model.layers],
        "weights": [array.tolist() for array in model.get_weights()],
        "trainable": [weight.trainable for weight in model.weights],
        "penalty": penalty(model),
        "output": [
            keras.ops.convert_to_numpy(tensor).tolist() for tensor in keras.tree.flatten(output)
        ],
    }


def number(value: float) -> float | str:
    """Return a number as JSON has it; those that are none become words."""
    return round(float(value), 5) if np.isfinite(value) else str(float(value))


def main() -> None:
    """Run every job."""
    warnings.simplefilter("ignore")
    jobs = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        outcomes = [outcome(text, Path(folder)) for text in jobs]
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
