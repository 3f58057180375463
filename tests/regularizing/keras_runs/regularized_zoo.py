"""Make the zoo, put L2 on all that takes it in each file, and say what Keras makes of it.

With CASE... as arguments, those only. Prints by file: how many regularizers there are now, what the
loss is said to rise by and does, and whether weights, predictions and the rest stayed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np

from reglint.inspector.facts import Regularizer
from reglint.inspector.files.archive import opened
from reglint.inspector.runtime import probe
from reglint.regularizing.document import places
from reglint.regularizing.job import regularize
from reglint.regularizing.operations import Set
from reglint.regularizing.request import Edit, Step

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "models"))

OWN = {"L1", "L2", "L1L2", "OrthogonalRegularizer"}
ASKED = Regularizer("L2", {"l2": 0.003})  # that none has


def checked(path):
    """Return what regularizing a file does."""
    side = path.with_name(f"changed-{path.name}")
    side.touch()
    with opened(str(path)) as file:
        steps = tuple(
            Step(set=Set(f"/{target.path}", role, ASKED))
            for target in (place.target for place in places(file))
            for role, present in target.roles.items()
            if target.own
            and role != "activity"
            and role not in target.refused
            and (present is None or present.name in OWN)  # of others no file tells the penalty
        )
    message = regularize(str(path), Edit(steps, side=str(side)))
    if message.regularized is None:
        return {"raised": str(message.failure)}
    effects = message.regularized.effects
    if not effects:  # nothing was written
        return {"changes": 0}
    found = {
        "changes": len(effects),
        "said": message.regularized.rise,
        "told": all(effect.rise is not None or effect.note for effect in effects),
        "members": _members(path) == _members(side) if path.suffix == ".keras" else True,
    }
    try:
        before = _loaded(path)
    except Exception as error:  # noqa: BLE001 - Keras cannot load it, whatever we do
        return found | {"not_loaded": str(error)}
    return found | _compared(before, _loaded(side))


def _loaded(path):
    return keras.saving.load_model(path, compile=False, safe_mode=False)


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return [(n, archive.read(n)) for n in archive.namelist() if n != "config.json"]


def _compared(before, after):
    values = [[keras.ops.convert_to_numpy(v) for v in m.weights] for m in (before, after)]
    penalties = [
        sum(float(keras.ops.sum(keras.ops.cast(each, "float32"))) for each in model.losses)
        for model in (before, after)
    ]
    dtypes = {str(keras.backend.standardize_dtype(v.dtype)) for v in before.trainable_weights}
    return {
        "weights": all(a.tobytes() == b.tobytes() for a, b in zip(*values, strict=True)),
        "rise": penalties[1] - penalties[0],
        "scale": max(map(abs, penalties)),
        "exact": dtypes <= {"float32", "float64"},
        "predictions": _predictions(before, after),
    }


def _predictions(before, after):
    """Return whether both put out the same, bit by bit; None if inputs cannot be made up."""
    try:
        (inputs,) = next(iter(probe.attempts(before, batch_size=4, seed=0))).args
        one = before(inputs)
    except Exception:  # noqa: BLE001 - not our business here
        return None
    pairs = zip(*map(keras.tree.flatten, (one, after(inputs))), strict=True)
    return all(
        np.array_equal(
            *(keras.ops.convert_to_numpy(keras.ops.cast(each, "float32")) for each in pair),
            equal_nan=True,
        )
        for pair in pairs
    )


def main(*cases):
    import zoo

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zoo.build(folder, cases)
        files = [
            path
            for path in sorted(folder.iterdir())
            if path.suffix in {".keras", ".h5"} and not path.name.endswith(".weights.h5")
        ]
        print(json.dumps({path.name: checked(path) for path in files}))


if __name__ == "__main__":
    main(*sys.argv[1:])
