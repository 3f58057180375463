"""Which sums are L1 or L2 of a tensor, and with which factors."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from reglint.analysis.flow import returned
from reglint.analysis.l1_l2 import l1_l2
from reglint.analysis.names import Module
from reglint.analysis.terms import Term
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings

HEAD = """
import numpy as np
import tensorflow as tf
from keras import backend as K, ops

RATE = 0.1
variable = K.variable(0.1)


def half(x):
    return ops.sum(x**2) / 2


def weighted(x, c):
    return c * ops.sum(ops.abs(x))


def choose(x):
    if x.shape[0]:
        return ops.sum(ops.abs(x))
    return ops.sum(ops.square(x))
"""


def parsed(text):
    tree = cst.parse_module(HEAD + textwrap.dedent(text))
    return Module(tree, Settings(frozenset(), frozenset(KNOWN_VERSIONS)))


def read(text, given=None):
    module = parsed(f"def penalty(w, rate=None):\n    return {text}\n")
    (term,) = returned(module.tree.body[-1], module)
    return l1_l2(term, lambda t: t.operation == "parameter" and t.name == "w", given), module


def written(text, given=None):
    """Write what is read as code at the top of the module would."""
    found, module = read(text, given)
    return found and f"{found.name}({found.arguments(module.scope)})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ops.sum(ops.square(w))", "l2(1.0)"),
        ("K.sum(w * w)", "l2(1.0)"),
        ("tf.reduce_sum(tf.pow(w, 2))", "l2(1.0)"),
        ("w.abs().sum()", "l1(1.0)"),
        ("tf.nn.l2_loss(w)", "l2(0.5)"),
        ("tf.nn.l2_loss(w) * 0.02", "l2(0.5 * 0.02)"),
        ("0.02 * tf.nn.l2_loss(w)", "l2(0.02 * 0.5)"),
        ("RATE * ops.sum(ops.abs(w))", "l1(RATE)"),
        ("ops.sum(ops.abs(w)) / 2", "l1(1.0 / 2)"),
        ("3 * (ops.sum(ops.abs(w)) / 2)", "l1(3 / 2)"),
        ("ops.sum(ops.abs(w)) / (2 + RATE) * 3", "l1(1.0 / (2 + RATE) * 3)"),
        ("ops.multiply(1 + RATE, 3 * ops.sum(ops.abs(w)))", "l1((1 + RATE) * 3)"),
        ("(1 + RATE) * ops.sum(ops.abs(w))", "l1((1 + RATE))"),
        ("ops.sum(ops.abs(0.1 * w))", "l1(0.1)"),
        ("ops.sum(0.1 * ops.square(w) + RATE * ops.abs(w))", "L1L2(l1=RATE, l2=0.1)"),
        ("0.5 * (half(w) + weighted(w, 0.3))", "L1L2(l1=0.5 * 0.3, l2=0.5 / 2)"),
        ("ops.cast(weighted(w, RATE), 'float32')", "l1(0.1)"),
        # not to be written anywhere else
        ("rate * ops.sum(ops.abs(w))", "l1(None)"),
        # the sum of something else
        ("ops.sum(ops.square(w), axis=0)", None),
        ("ops.sum(w)", None),
        ("ops.square(w)", None),
        ("ops.mean(ops.square(w))", None),
        ("ops.sum(ops.square(w - 1))", None),
        ("ops.sum(ops.square(0.1 * w))", None),
        ("ops.sum(ops.abs(-0.1 * w))", None),
        ("ops.sum(w**3)", None),
        ("ops.sqrt(ops.sum(ops.square(w)))", None),
        ("ops.sum(ops.abs(w)) + ops.sum(ops.abs(w))", None),
        ("ops.sum(ops.abs(w)) + 1.0", None),
        ("choose(w)", None),
        ("np.sum(np.square(w))", None),
        ("np.abs(w).sum()", None),
        # no factor of a regularizer
        ("-0.1 * ops.sum(ops.square(w))", None),
        ("0 * ops.sum(ops.square(w))", None),
        ("2 / ops.sum(ops.square(w))", None),
        ("ops.mean(w) * ops.sum(ops.square(w))", None),
        ("variable * ops.sum(ops.square(w))", None),
        ("tf.constant(0.1) * ops.sum(ops.square(w))", None),
    ],
)
def test_sums_are_read(text, expected):
    assert written(text) == expected


def test_what_a_parameter_is_given_is_its_factor():
    node = cst.Float("0.7")
    _, module = read("w")
    given = {"rate": Term("number", node, module.scope)}
    assert written("rate * ops.sum(ops.abs(w))", given) == "l1(0.7)"
    assert written("rate / 2 * ops.sum(ops.abs(w))", given) == "l1(None)"


@pytest.mark.parametrize(
    ("text", "plain", "literal"),
    [
        ("ops.sum(ops.abs(w))", True, True),
        ("0.1 * ops.sum(ops.abs(w))", True, True),
        ("RATE / 2 * ops.sum(ops.abs(w))", True, False),
        ("unknown * ops.sum(ops.abs(w))", False, False),
        ("0.1 * ops.sum(ops.abs(w)) + unknown * ops.sum(ops.square(w))", False, False),
    ],
)
def test_factors_tell_what_they_are_made_of(text, plain, literal):
    found, _ = read(text)
    assert all(factor.is_plain for factor in found.factors) is plain
    assert all(factor.is_literal for factor in found.factors) is literal


def test_self_is_the_same_in_all_methods_of_a_class():
    module = parsed("""
        class Own:
            def call(self):
                return self.rate * ops.sum(ops.abs(self.w))
            def build(self):
                pass
        class Other:
            def build(self):
                pass
        """)
    own, other = (n for n in module.tree.body if isinstance(n, cst.ClassDef))
    call, build = own.body.body
    (term,) = returned(call, module)
    found = l1_l2(term, lambda t: t.path == "self.w")
    assert found.arguments(module.scope_of(build)) == "self.rate"
    assert found.arguments(module.scope_of(other.body.body[0])) is None
    assert found.arguments(module.scope) is None
