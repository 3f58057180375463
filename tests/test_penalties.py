"""Where the penalties of a module are, and what they are of."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from reglint.analysis.names import Module
from reglint.analysis.packages import package_within
from reglint.analysis.penalties import Of, penalties
from reglint.analysis.syntax import code
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings

HEAD = "import keras\nimport tensorflow as tf\nfrom keras import layers, ops, regularizers\n"


def found(text):
    tree = cst.parse_module(HEAD + textwrap.dedent(text))
    return penalties(Module(tree, Settings(frozenset(), frozenset(KNOWN_VERSIONS))))


def shown(text):
    return [(penalty.of, penalty.root, code(penalty.value.node)) for penalty in found(text)]


LAYER = """
    class Own(tf.keras.layers.Layer):
        def __init__(self):
            self.rate = 0.1
        def build(self, shape):
            self.w = None
            self.w = self.add_weight(shape=(3,))
        def call(self, inputs):
            self.add_loss(%s)
    """


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layers.Dense(1, kernel_regularizer=lambda w: abs(w))", (Of.WEIGHT, "keras", "abs(w)")),
        ("layers.Dense(1, activity_regularizer=lambda x: x)", (Of.ACTIVITY, "keras", "x")),
        ("def f(w):\n return w\nself.add_weight(regularizer=f)", (Of.WEIGHT, "", "w")),
        ("def f(w):\n return w\nr = {'r': f}\nx(bias_regularizer=r['r'])", (Of.WEIGHT, "", "w")),
        ("def f(c):\n return lambda w: c * w\nlayers.Dense(1, kernel_regularizer=f(2))",
         (Of.WEIGHT, "keras", "c * w")),
        (LAYER % "self.w", (Of.ADDED, "tensorflow.keras", "self.w")),
        (LAYER % "[self.w]", (Of.ADDED, "tensorflow.keras", "self.w")),
        (LAYER % "lambda: self.w", (Of.ADDED, "tensorflow.keras", "self.w")),
        ("model.add_loss(1)", (Of.ADDED, "", "1")),
    ],
)  # fmt: skip
def test_penalties_are_found(text, expected):
    assert shown(text) == [expected]


def test_each_return_of_a_regularizer_is_one():
    text = """
        class Own(regularizers.Regularizer):
            def __call__(self, x):
                if x:
                    return 0.0
                return x
        class Other:
            def __call__(self, x):
                return x
        """
    assert shown(text) == [(Of.TENSOR, "keras", "0.0"), (Of.TENSOR, "keras", "x")]


@pytest.mark.parametrize(
    "text",
    [
        "layers.Dense(1, kernel_regularizer='l2')",
        "layers.Dense(1, kernel_regularizer=regularizers.L2())",
        "layers.Dense(1, activation=lambda x: x)",
        "model.add_loss(*losses)",
    ],
)
def test_others_are_none(text):
    assert found(text) == ()


def test_what_a_penalty_is_made_of():
    (penalty,) = found(LAYER % "self.w * inputs + self.rate + tf.shape(self.inner.kernel)[0]")
    leaves = list(penalty.value.leaves())
    assert [leaf.path for leaf in leaves if penalty.is_weight(leaf)] == [
        "self.w",
        "self.inner.kernel",
    ]
    assert [leaf.path for leaf in leaves if penalty.made(leaf)] == ["self.w"]
    assert [leaf.path for leaf in leaves if not penalty.is_tensor(leaf)] == ["self.rate"]
    product, size = penalty.value.parts[0].parts[0], penalty.value.parts[1]
    assert penalty.takes_tensor(product)
    assert not penalty.takes_tensor(size)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ops.sum(w)", "ops.mean"),
        ("tf.linalg.norm(w)", "tf.reduce_mean"),
        ("2 * tf.keras.backend.sum(w)", "tf.keras.backend.mean"),
        ("w.sum()", None),
        ("abs(w)", None),
    ],
)
def test_another_operation_of_the_same_package(text, expected):
    (penalty,) = found(f"layers.Dense(1, kernel_regularizer=lambda w: {text})")
    known = package_within(penalty.value)
    assert (known.function("mean") if known else None) == expected
