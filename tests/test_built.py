"""What methods of layers and models are called on."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from reglint.analysis.built import receivers
from reglint.analysis.names import Module
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings

HEAD = """
import keras
import tensorflow as tf
from keras import layers


class Own(tf.keras.layers.Layer):
    pass


class Overriding(layers.Layer):
    def add_loss(self, loss):
        super().add_loss(loss)


functional = keras.Model(a, b)
sequential = tf.keras.Sequential()
dense = layers.Dense(1)
own = Own()
overriding = Overriding()
either = Own()
either = layers.Dense(2)
unclear = layers.Dense(3)
unclear = make(unclear)
empty = keras.Model()
"""


def found(text):
    module = Module(
        cst.parse_module(HEAD + textwrap.dedent(text)),
        Settings(frozenset(), frozenset(KNOWN_VERSIONS)),
    )
    *_, site = module.calls_named("add_loss")
    return [(receiver.root, receiver.is_functional) for receiver in receivers(site, module)]


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("functional", [("keras", True)]),
        ("sequential", [("tensorflow.keras", False)]),
        ("dense", [("keras", False)]),
        ("own", [("tensorflow.keras", False)]),
        ("functional.layers[0]", [("keras", False)]),
        ("either", [("tensorflow.keras", False), ("keras", False)]),
        ("overriding", []),
        ("unclear", []),
        ("empty", []),
        ("theirs", []),
        ("theirs.add", []),
        ("make()", []),
    ],
)
def test_what_a_method_is_called_on(owner, expected):
    assert found(f"{owner}.add_loss(1)") == expected


@pytest.mark.parametrize(
    ("base", "owner", "expected"),
    [
        ("layers.Layer", "self", [("keras", False)]),
        ("Own", "self", [("tensorflow.keras", False)]),
        ("Overriding", "self", []),
        ("Overriding", "super()", [("keras", False)]),
        ("object", "self", []),
    ],
)
def test_what_a_method_of_a_class_is_called_on(base, owner, expected):
    text = f"class Mine({base}):\n    def call(self, x):\n        {owner}.add_loss(1)\n"
    assert found(text) == expected


def test_a_function_is_called_on_nothing():
    assert found("add_loss(1)") == []
