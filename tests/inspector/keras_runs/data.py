"""Print what becomes of data in many forms, and what is said of those that do not fit."""

import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
from keras import layers

from reglint.inspector.runtime.data import DataError, load_data, structured

X, Y = np.arange(24.0).reshape(6, 4), np.arange(6)
HERE = Path(tempfile.mkdtemp())

ONE = keras.Sequential([keras.Input((4,), name="values"), layers.Dense(1, name="out")])
A, B = keras.Input((4,), name="a"), keras.Input((3,), dtype="int32", name="b")
TABLE = layers.Flatten()(layers.Embedding(5, 2)(B))
TWO = keras.Model([A, B], [layers.Dense(1, name="p")(A), layers.Dense(2, name="q")(TABLE)])
SWAPPED = keras.Model([B, A], TWO.outputs)
NAMED = keras.Model({"one": A}, {"p": layers.Dense(1)(A)})
FIXED = keras.Sequential([keras.Input(batch_shape=(4, 4)), layers.Dense(1)])
IDS = np.ones((6, 3))

module = ModuleType("my_data")
module.pair = lambda: (X, Y)
module.triple = lambda: ([X, IDS], [Y, Y], Y)
module.named = lambda: ({"a": X, "b": IDS}, [Y, Y])
module.unlabelled = lambda: (X, None)
module.none = lambda: None
module.raising = lambda: 1 / 0
sys.modules["my_data"] = module


def shown(batch):
    def describe(array):
        return [str(array.dtype), *array.shape]

    return {
        "x": structured(describe, batch.x),
        "y": structured(describe, batch.y),
        "sample_weight": structured(describe, batch.sample_weight),
        "samples": batch.samples,
        "notes": batch.notes,
    }


def loaded(model, **arrays):
    path = HERE / "file.npz"
    np.savez(path, **arrays)
    return attempt(model, str(path))


def attempt(model, spec):
    try:
        return shown(load_data(spec, model))
    except DataError as error:
        return str(error).replace(str(HERE), "...")


def folder():
    (HERE / "arrays").mkdir()
    for name, array in {"x_a": X, "x_b": IDS, "y_p": Y, "y_q": Y}.items():
        np.save(HERE / "arrays" / f"{name}.npy", array)
    return attempt(TWO, str(HERE / "arrays"))


class Trap:
    """An object that would leave a trace if it were unpickled."""

    def __reduce__(self):
        return (Path.touch, (HERE / "trace",))


def pickled():
    np.save(HERE / "trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    Path(HERE / "traps").mkdir()
    (HERE / "trap.npy").rename(HERE / "traps" / "x.npy")
    said = attempt(ONE, str(HERE / "traps")), loaded(ONE, x=np.array([Trap()], dtype=object), y=Y)
    return [*said, (HERE / "trace").exists()]


def text(name, content):
    (HERE / name).write_text(content)
    return attempt(ONE, str(HERE / name))


def spread():
    np.savez(HERE / "many.npz", x=np.arange(400.0).reshape(100, 4), y=np.arange(100))
    batch = load_data(str(HERE / "many.npz"), ONE)
    sizes = [count for count, *_ in batch.batches()]
    return [sizes, batch.spread(4).y.tolist(), batch.spread(1000).samples]


def fixed():
    np.savez(HERE / "fixed.npz", x=np.zeros((40, 4)), y=np.zeros(40))
    batch = load_data(str(HERE / "fixed.npz"), FIXED)
    return [batch.fixed, batch.spread(10).samples]


nan = np.where(X == 3, np.nan, X)
print(
    json.dumps(
        {
            "plain": loaded(ONE, x=X, y=Y),
            "weighted": loaded(ONE, x=X, y=Y, sample_weight=Y),
            "train": loaded(ONE, x_train=X, y_train=Y, x_test=X, y_test=Y),
            "by name": loaded(TWO, x_a=X, x_b=IDS, y_p=Y, y_q=Y),
            "by number": loaded(TWO, x0=X, x1=IDS, y0=Y, y1=Y),
            "dict": loaded(NAMED, x_one=X, y_p=Y),
            "folder": folder(),
            "function": attempt(ONE, "my_data:pair"),
            "triple": attempt(TWO, "my_data:triple"),
            "by input": attempt(SWAPPED, "my_data:named"),
            "nan": loaded(ONE, x=nan, y=Y),
            "spread": spread(),
            "fixed": fixed(),
            "pickled": pickled(),
            "errors": {
                "no file": attempt(ONE, str(HERE / "absent.npz")),
                "kind": text("data.csv", "1,2"),
                "broken": text("broken.npz", "PK no archive"),
                "no module": attempt(ONE, "no_such_module:f"),
                "no function": attempt(ONE, "my_data:absent"),
                "nothing": attempt(ONE, "my_data:none"),
                "unlabelled": attempt(ONE, "my_data:unlabelled"),
                "raising": attempt(ONE, "my_data:raising"),
                "names": loaded(ONE, images=X, labels=Y),
                "half": loaded(TWO, x_a=X, y_p=Y, y_q=Y),
                "shape": loaded(ONE, x=X[:, :3], y=Y),
                "counts": loaded(ONE, x=X, y=Y[:5]),
                "empty": loaded(ONE, x=X[:0], y=Y[:0]),
                "text": loaded(ONE, x=X.astype(str), y=Y),
                "fractions": loaded(TWO, x_a=X, x_b=IDS / 2, y_p=Y, y_q=Y),
                "batches": loaded(FIXED, x=X, y=Y),
                "scalar": loaded(ONE, x=X, y=np.array(1.0)),
            },
        }
    )
)
