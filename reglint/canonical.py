"""What a fully qualified name means in Keras, whichever of its many paths it was written with.

Keras has lived under a dozen roots (`keras`, `tf.keras`, `tf_keras`, `tensorflow.python.keras`,
`tf.contrib.keras` ...), and its classes under several modules in each of them
(`keras.layers.core.Dense`, `keras.src.layers.core.dense.Dense`, `keras.engine.topology.Layer`).
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from reglint import keras_api

_ROOT = re.compile(
    r"""
    (?P<root>
        keras | keras_core | tf_keras
      | (?:tensorflow|tensorflow_core) (?:\.compat\.v[12]|\.python|\.contrib)? \.keras
    )
    (?: \.src | \.api (?:\._v[12]|\._tf_keras)? | \.python )?
    (?: (?<!^keras) \.keras )?
    (?: \.(?P<rest>.*) )? $
    """,
    re.VERBOSE,
)
# The same regularizers, wherever TensorFlow 1 and its heirs keep them.
_TF1 = re.compile(
    r"(?:tensorflow\.contrib\.(?:layers|slim)|tf_slim)(?:\.\w+)*\.(?P<name>l1|l2|l1_l2)_regularizer$"
)
_TF_COMPAT = re.compile(r"^tensorflow(_core)?\.(compat\.v[12]\.)?")
# Under `keras.utils` as well, in every release.
_SAVING = frozenset({"register_keras_serializable"})
_TOP = frozenset({"Input", "Model", "Sequential", "Variable"})


class Symbol(NamedTuple):
    """A thing in Keras: its public name, and the root it was reached through."""

    name: str  # "keras.layers.Dense"
    root: str  # "keras", "tensorflow.keras", "tf_keras" ...: how the file spells it


@functools.lru_cache(maxsize=4096)
def symbol(path: str) -> Symbol | None:
    """Return what a fully qualified name means; nothing if it is neither Keras nor close to it.

    TensorFlow's own names keep their place (`tensorflow.nn.l2_loss`); the regularizers of
    `tf.contrib.layers`, slim and tf-slim are one family under `tensorflow.contrib.layers`.
    """
    if match := _ROOT.match(path):
        root = match["root"].replace("tensorflow_core", "tensorflow")
        root = re.sub(r"\.(compat\.v[12]|python|contrib)\b", "", root)
        return Symbol(_public(match["rest"] or ""), root)
    if match := _TF1.match(path):
        return Symbol(f"tensorflow.contrib.layers.{match['name']}_regularizer", "")
    if _TF_COMPAT.match(path):
        return Symbol(_TF_COMPAT.sub("tensorflow.", path), "")
    return None


def _public(rest: str) -> str:
    """Return the public name of what a root holds under `rest`."""
    *modules, last = rest.split(".")
    package = modules[0] if modules else ""
    if any(not m.islower() or m in keras_api.regularizer_names() for m in modules):
        return f"keras.{rest}"  # an attribute of a class, not of a module
    if package in {"layers", "engine", "legacy", "models", ""} and last in _TOP:
        return f"keras.{last}"
    if rest == "Layer" or (
        package in {"layers", "engine", "legacy"} and last in keras_api.layer_names()
    ):
        return f"keras.layers.{last}"
    if last in _SAVING and package in {"utils", "saving"}:
        return f"keras.saving.{last}"
    if package == "optimizers" and last[:1].isupper():
        return f"keras.optimizers.{'legacy.' if 'legacy' in modules else ''}{last}"
    if package == "regularizers":
        return f"keras.regularizers.{last}"
    return f"keras.{rest}" if rest else "keras"


def exported(module: str, name: str) -> bool:
    """Tell whether `from module import *` is known to bind `name`."""
    found = symbol(f"{module}.{name}")
    if found is None or not found.root:
        return False
    head, _, _ = found.name.rpartition(".")
    if head == "keras.layers":
        return name in keras_api.layer_names()
    if head == "keras.regularizers":
        return name in keras_api.regularizer_names()
    return head == "keras" and (name in _TOP or name in {"layers", "regularizers", "models"})
