"""The packages that have come with Keras."""

from __future__ import annotations

# `tensorflow_core` is what TensorFlow 1.15 to 2.1 calls itself inside.
_KERAS = frozenset({"keras", "keras_core", "tensorflow", "tensorflow_core", "tf_keras"})


def of_keras(module: object) -> bool:
    """Return whether a module that a file names for a class is Keras' own."""
    return str(module).partition(".")[0] in _KERAS
