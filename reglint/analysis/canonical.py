"""What a fully qualified name means in Keras, whichever of its many paths it was written with.

Keras has lived under a dozen roots (`keras`, `tf.keras`, `tf_keras`, `tensorflow.python.keras`,
`tf.contrib.keras` ...), and its classes under several modules in each of them
(`keras.layers.core.Dense`, `keras.src.layers.core.dense.Dense`, `keras.engine.topology.Layer`).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from reglint import keras_api
from reglint.keras_api.classes import base_class_names

if TYPE_CHECKING:
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.analysis.syntax import cst

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
# Functions that every release keeps in another place: `utils`, `models`, `saving`, `engine`.
_SAVING = {
    **{
        name: f"keras.saving.{name}"
        for name in (
            "custom_object_scope",
            "deserialize_keras_object",
            "get_custom_objects",
            "get_registered_name",
            "get_registered_object",
            "register_keras_serializable",
            "serialize_keras_object",
        )
    },
    **{
        name: f"keras.models.{name}"
        for name in (
            "clone_model",
            "load_model",
            "model_from_config",
            "model_from_json",
            "model_from_yaml",
            "save_model",
        )
    },
    "CustomObjectScope": "keras.saving.custom_object_scope",
}
_TOP = frozenset({"Input", "Model", "Sequential", "Variable"})
# Classes that Keras 3 has at the top as well.
_BASES = {
    "Initializer": "keras.initializers.Initializer",
    "Layer": "keras.layers.Layer",
    "Loss": "keras.losses.Loss",
    "Metric": "keras.metrics.Metric",
    "Optimizer": "keras.optimizers.Optimizer",
    "Regularizer": "keras.regularizers.Regularizer",
}
# What holds everything directly, whichever module of it defines the thing.
_FLAT = {
    "callbacks": "callbacks",
    "callbacks_v1": "callbacks",
    "constraints": "constraints",
    "initializers": "initializers",
    "losses": "losses",
    "metrics": "metrics",
    "regularizers": "regularizers",
}
_LAYERS = frozenset({"layers", "engine", "legacy", "feature_column"})
_OPTIMIZERS = frozenset({"optimizers", "optimizer_v2", "optimizer_experimental"})
_LEGACY_OPTIMIZERS = frozenset({"legacy", "optimizer_v2"})


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


def keras_name(node: cst.CSTNode, scope: Scope, module: Module) -> str | None:
    """Return the canonical name of what an expression is, if it can be only one thing."""
    names = {
        found.name if isinstance(meaning, str) and (found := symbol(meaning)) else None
        for meaning in module.meaning(node, scope)
    }
    return names.pop() if len(names) == 1 else None


def _public(rest: str) -> str:
    """Return the public name of what a root holds under `rest`."""
    *modules, last = rest.split(".")
    package = modules[0] if modules else ""
    if any(not m.islower() or m in keras_api.regularizer_names() for m in modules):
        return f"keras.{rest}"  # an attribute of a class, not of a module
    if package in {*_LAYERS, "models", ""} and last in _TOP:
        return f"keras.{last}"
    if package in _LAYERS and _is_layer(last) and "legacy_rnn" not in modules:
        return f"keras.layers.{last}"
    if not modules and last in _BASES:
        return _BASES[last]
    if last in _SAVING and package in {"engine", "legacy", "models", "saving", "utils"}:
        return _SAVING[last]
    if package in _OPTIMIZERS and last[:1].isupper():
        return f"keras.optimizers.{_optimizer(modules, last)}"
    if package in _FLAT:
        return f"keras.{_FLAT[package]}.{last}"
    return f"keras.{rest}" if rest else "keras"


def _optimizer(modules: list[str], last: str) -> str:
    """Return the public name under `keras.optimizers` of a class in one of its modules."""
    if "schedules" in modules or "learning_rate_schedule" in modules:
        return f"schedules.{last}"
    if _LEGACY_OPTIMIZERS.intersection(modules):
        return f"legacy.{'Optimizer' if last == 'OptimizerV2' else last}"
    return last


def _is_layer(name: str) -> bool:
    return name in keras_api.layer_names() or f"keras.layers.{name}" in base_class_names()


def exported(module: str, name: str) -> bool:
    """Tell whether `from module import *` is known to bind `name`."""
    found = symbol(f"{module}.{name}")
    if found is None or not found.root:
        return False
    head, _, _ = found.name.rpartition(".")
    if head == "keras.layers":
        return _is_layer(name)
    if head == "keras.regularizers":
        return name in keras_api.regularizer_names()
    if found.name in base_class_names():
        return True
    return head == "keras" and (name in _TOP or name in {"layers", "regularizers", "models"})
