"""A generated code base: the same files for the same seed, shaped like public code near Keras.

Of 13,264 public Python files near Keras, 909 (7 %) mention `regulariz`, and about 15 % define
classes that derive from Keras, many by way of a base in another file; those are what a linter has
to parse.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MENTIONING = 0.07  # of the files
DEFINING = 0.15  # of them, whether or not they mention it
WRONG = 0.35  # of those

_PLAIN = '''
def {name}(values, scale={number}, *, verbose=False):
    """Return the {name} of the values."""
    result = {{}}
    for index, value in enumerate(values):
        if value is None or index % {step} == 0:
            continue
        result[f"{name}_{{index}}"] = [value * scale ** k for k in range({step})]
    if verbose:
        print("{name}", len(result), sorted(result)[:{step}])
    return {{key: sum(items) / len(items) for key, items in result.items() if items}}
'''
_MODEL = """
def {name}_model(units={step}, rate={number}, classes=10):
    inputs = layers.Input((32, 32, 3), name="{name}")
    x = layers.Conv2D(units, 3, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.Flatten()(layers.Dropout(rate)(x))
    x = layers.Dense(units, activation="relu", {regularizer})(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""
_LAYER = """
class {name}_Layer(Scaled):
    def __init__(self, units, rate={number}, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.rate = rate

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))

    def call(self, inputs):
        return self.scale * self.rate * keras.ops.matmul(inputs, self.kernel)

    def get_config(self):
        config = super().get_config()
        config.update({{"units": self.units, "rate": self.rate}})
        return config
"""
_BASE = """
class Scaled(layers.Layer):
    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
"""
_RIGHT = ("kernel_regularizer=regularizers.l2(1e-4)", "kernel_regularizer='l2'")
_WRONG = (
    "W_regularizer=regularizers.l2(1e-4)",
    "kernel_regularizer=regularizers.l2(l=1e-4)",
    "kernel_regularizer=regularizers.l1_l2(1e-4)",
    "bias_regularizer=0",
)
_HEAD = "import os\nimport sys\n\nimport numpy as np\nimport keras\nfrom keras import layers\n"


def text(rng: random.Random, *, mentions: bool, defines: bool = False, blocks: int = 12) -> str:
    """Return one module of about `blocks` functions and classes."""
    wrong = mentions and rng.random() < WRONG
    parts = [_HEAD + ("from keras import regularizers\n" if mentions else "")]
    parts += ["from .base import Scaled\n"] if defines else []
    for i in range(blocks):
        values = {
            "name": f"step_{i}_{rng.randrange(1000)}",
            "number": round(rng.random(), 3),
            "step": rng.randrange(2, 9),
            "regularizer": "use_bias=False",
        }
        if mentions and i % 3 == 0:
            values["regularizer"] = rng.choice(_WRONG if wrong and i % 2 == 0 else _RIGHT)
        other = _LAYER if defines and i % 3 == 1 else _PLAIN
        parts.append((_MODEL if i % 3 == 0 else other).format(**values))
    return "\n".join(parts)


def write(folder: Path, files: int, seed: int = 0) -> list[Path]:
    """Write a code base of so many files and return those that have to be parsed."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    needed = []
    for i in range(files):
        path = folder / f"package_{i // 50:03}" / f"module_{i % 50:02}.py"
        base = path.parent / "base.py"
        if not base.exists():
            path.parent.mkdir(parents=True)
            base.write_text(_HEAD + _BASE, encoding="utf-8")
            needed.append(base)
        mentions, defines = rng.random() < MENTIONING, rng.random() < DEFINING
        path.write_text(text(rng, mentions=mentions, defines=defines), encoding="utf-8")
        if mentions or defines:
            needed.append(path)
    return needed


def findings(count: int) -> str:
    """Return one module with so many findings that can be fixed."""
    lines = ["from keras.layers import Dense", "from keras.regularizers import l2"]
    return "\n".join([*lines, *["Dense(8, W_regularizer=l2(0.01))"] * count, ""])
