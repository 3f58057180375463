"""Which Keras a file is for, by what it says itself."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from reglint.analysis.names import Module
from reglint.keras_version import EVERY, described, matching
from reglint.model import Settings
from reglint.parsing import parse


def own(code: str, *, keras: str = "", assumed: bool = False, shadowed: str = "") -> str:
    settings = Settings(
        frozenset(), matching(keras, EVERY), frozenset(shadowed.split()), assumed=assumed
    )
    module = Module(parse(code), settings)
    try:
        return described(module.keras).removeprefix("Keras ")
    finally:
        module.close()


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("import keras", "1.0 or later"),
        ("import numpy", "1.0 or later"),
        ("import tensorflow as tf", "2.0 or later"),
        ("from tensorflow.keras.layers import *", "2.0 or later"),
        ("import tf_keras as keras", "2.15 to 2.21"),
        ("import keras, tf_keras", "1.0 or later"),
        ("import keras_core", "3.0 or later"),
        ("from keras import ops", "3.0 or later"),
        ("from tensorflow.keras.ops import mean", "3.0 or later"),
        ("import keras\ndef f(x):\n    return keras.ops.mean(x)", "3.0 or later"),
        ("import keras\nv = keras.Variable(1)", "3.0 or later"),
        ("import tensorflow as tf\nv = tf.Variable(1)", "2.0 or later"),
        ("from keras import tree", "3.1 or later"),
        ("from keras.distillation import Distiller", "3.12 or later"),
        ("import keras\nkeras.ops.mean(1)\nkeras.visualization.draw()", "3.7 or later"),
        # What may not run says nothing.
        ("try:\n    from keras import ops\nexcept ImportError:\n    ops = None", "1.0 or later"),
        ("import keras\nif keras.__version__ > '3':\n    keras.ops.mean(1)", "1.0 or later"),
        ("import keras\ndef f(keras):\n    keras.ops.mean(1)", "1.0 or later"),
        ("from .keras import ops", "1.0 or later"),
        # What is gone is what is to be found.
        ("from keras.layers.core import Dense", "1.0 or later"),
        # TensorFlow may be told to be another one.
        (
            "import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\nimport tensorflow as tf",
            "2.15 to 2.21",
        ),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '0'\nimport tensorflow", "2.0 or later"),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\nimport keras", "1.0 or later"),
    ],
)
def test_what_a_file_can_run_on(code, label):
    assert own(code) == label


def test_a_package_of_the_project_is_not_keras():
    assert own("from keras import ops", shadowed="keras") == "1.0 or later"


@pytest.mark.parametrize(
    ("code", "keras", "said", "assumed"),
    [
        ("from keras import ops", ">=2.10,<4", "3.0 or later", "3.0 or later"),
        # What the user has said holds; requirements may be those of other files.
        ("from keras import ops", "<3", "1.0 to 2.21", "3.0 or later"),
        ("import tf_keras", ">=3.4", "3.4 or later", "2.15 to 2.21"),
        ("import tf_keras, keras", ">=3.4", "3.4 or later", "2.15 to 2.21 or 3.4 or later"),
        ("import tf_keras, keras", "2.3", "2.3", "2.3 or 2.15 to 2.21"),
    ],
)
def test_a_file_is_judged_by_what_it_needs(code, keras, said, assumed):
    assert own(code, keras=keras) == said
    assert own(code, keras=keras, assumed=True) == assumed


@pytest.mark.skipif(not (find_spec("keras") and find_spec("jax")), reason="no Keras")
def test_new_names_are_in_the_keras_at_hand(python):
    code = (
        "import keras; from reglint.analysis.file_version import _SINCE;"
        "here = tuple(map(int, keras.__version__.split('.')[:2]));"
        "print(*(n for n, since in _SINCE.items() if hasattr(keras, n) != (here >= since)))"
    )
    assert python("-c", code, env={"KERAS_BACKEND": "jax"}).stdout == "\n"
