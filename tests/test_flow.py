"""What values are made from, as people really write it."""

from __future__ import annotations

import textwrap

import libcst as cst
import pytest

from reglint.analysis.flow import assigned, returned, value
from reglint.analysis.names import Module
from reglint.keras_api import KNOWN_VERSIONS
from reglint.model import Settings

HEAD = """
import keras
import numpy as np
import tensorflow as tf
from keras import backend as K, ops
"""


def module(text):
    tree = cst.parse_module(textwrap.dedent(text))
    return Module(tree, Settings(frozenset(), frozenset(KNOWN_VERSIONS)))


def shown(term):
    """Write a value like a call: `sum(square(inputs))`."""
    if term.path:
        return term.path
    if term.operation == "number":
        return term.node.value
    if term.operation in {"result", "call", "element"}:
        return f"{term.name}[{', '.join(shown(part) for part in term.parts)}]"
    return f"{term.operation}({', '.join(shown(part) for part in term.parts)})"


def sink(text):
    """Return the value of the argument of the first `sink(...)` in the text."""
    mod = module(HEAD + text)
    (site, *_) = mod.calls_named("sink")
    return value(site.node.args[0].value, site.scope, mod)


def body(text):
    """Return the argument of `sink` in a method `call(self, inputs)`, indented by 8."""
    return sink(f"class A(keras.layers.Layer):\n    def call(self, inputs):\n{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # expressions
        ("sink(tf.reduce_sum(tf.square(inputs)))", "sum(square(inputs))"),
        ("sink(self.rate * inputs ** 2)", "multiply(self.rate, power(inputs, 2))"),
        ("sink(inputs.sum())", "sum(inputs)"),
        ("sink(-abs(inputs) @ self.w)", "matmul(negative(abs(inputs)), self.w)"),
        ("sink(self.dense(inputs))", "self.dense[self, inputs]"),
        ("sink(keras.losses.mse(0, inputs))", "keras.losses.mse[0, inputs]"),
        ("sink(model.losses)", "model.losses"),
        ("sink(inputs if self.flag else 0)", "choice(inputs, 0)"),
        ("sink(sum([ops.sum(w) for w in self.ws]))", "total(each(sum([self.ws])))"),
        ("sink(ops.sum(x=inputs, axis=self.axis))", "sum(inputs)"),
        ("sink(tf.where(inputs > 0, inputs, 0.0))", "where(compare(inputs, 0), inputs, 0.0)"),
        ("sink(getattr(self, 'kernel'))", "self.kernel"),
        ("sink({'a': inputs}['a'])", "inputs"),
        ("sink(dict(a=inputs).get('a'))", "inputs"),
        ("sink((1, inputs)[1])", "inputs"),
        ("sink((lambda x: x + 1)(inputs))", "[add(inputs, 1)]"),
        ("sink(y := inputs)", "inputs"),
        ("sink(f'{inputs}')", "unknown()"),
        ("sink(super().call(inputs))", "super().call[inputs]"),
        # what names mean
        ("x = inputs; x = ops.abs(x); sink(x)", "abs(inputs)"),
        ("x, (y, z) = inputs, (1, 2); sink(z)", "2"),
        ("x, y = inputs; sink(y)", "1[inputs]"),
        ("x = y = inputs; sink(y)", "inputs"),
        ("x: float = inputs; sink(x)", "inputs"),
        ("x = 0.0; x += inputs; x *= 2; sink(x)", "multiply(add(0.0, inputs), 2)"),
        ("self.loss = inputs; sink(self.loss)", "inputs"),
        ("d = {}; d['a'] = inputs; sink(d['a'])", "inputs"),
        ("xs = []; xs.append(inputs); sink(tf.add_n(xs))", "total(tuple(inputs))"),
        ("from keras.ops import sum as total; sink(total(inputs))", "sum(inputs)"),
        ("reduce = K.sum; sink(reduce(inputs, axis=-1))", "sum(inputs)"),
    ],
)
def test_expressions_and_names(text, expected):
    assert shown(body("        " + text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if a:\n    x = 1\nelse:\n    x = 2\nsink(x)", "choice(1, 2)"),
        ("x = 1\nif a:\n    x = 2\nsink(x)", "choice(2, 1)"),
        ("x = 1\nif a:\n    x = 2\nelif b:\n    x = 3\nsink(x)", "choice(2, 3, 1)"),
        ("x = 1\nif a:\n    x = 2\n    return x\nsink(x)", "1"),
        ("x = 1\nfor w in inputs:\n    x += w\nsink(x)", "loop(1, add(1, [inputs]))"),
        ("x = 1\nfor w in inputs:\n    if w: break\n    x = w\nsink(x)", "loop(1, [inputs])"),
        ("x = 1\nwhile x:\n    x = 2\nsink(x)", "loop(1, 2)"),
        ("try:\n    x = 1\nexcept E:\n    x = 2\nsink(x)", "choice(1, 2)"),
        ("try:\n    x = 1\nexcept E:\n    raise\nsink(x)", "1"),
        ("with tf.GradientTape() as tape:\n    x = inputs\nsink(x)", "inputs"),
        (
            "match a:\n    case 1:\n        x = 1\n    case _:\n        x = 2\nsink(x)",
            "choice(1, 2)",
        ),
    ],
)
def test_statements(text, expected):
    indented = "\n".join(f"        {line}" for line in text.split("\n"))
    assert shown(body(indented)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sink(self.p(inputs))\n def p(self, x):\n  return x / 2", "self.p[divide(inputs, 2)]"),
        ("sink(self.p(x=inputs))\n @staticmethod\n def p(y=1, *, x):\n  return x + y",
         "self.p[add(inputs, 1)]"),
        ("sink(self.p)\n @property\n def p(self):\n  return self.w", "self.p[self.w]"),
        ("sink(self.p(1))\n def p(self, x):\n  if x:\n   return 1\n  return self.p(x)",
         "self.p[choice(1, self.p[self, 1])]"),
        ("sink(self.p(*inputs))\n def p(self, x):\n  return x", "self.p[unknown(inputs)]"),
        ("sink(self.p())\n @changed\n def p(self):\n  return 1", "self.p[self]"),
        ("sink(self.p())\n def p(self):\n  raise NotImplementedError", "self.p[self]"),
        ("def p(x):\n   return x + inputs\n  sink(p(1))", "p[add(1, inputs)]"),
        ("x = 1\n  def p(y):\n   sink(x + y)\n   return y\n  return p", "add(1, y)"),
        ("sink(helper(inputs))", "helper[abs(inputs)]"),
        ("sink(RATE * inputs)", "multiply(0.1, inputs)"),
        ("sink(self.inherited(inputs))", "self.inherited[subtract(inputs, self.c)]"),
    ],
)  # fmt: skip
def test_functions_and_methods(text, expected):
    head = (
        "RATE = 0.1\ndef helper(x):\n return ops.abs(x)\n"
        "class Base:\n def inherited(self, x):\n  return x - self.c\n"
    )
    method = f"def call(self, inputs):\n  {text}"
    assert shown(sink(f"{head}class A(Base):\n {method}")) == expected


def test_a_script():
    text = "x = np.ones(3)\nx = x + 1\nsink(x)"
    assert shown(sink(text)) == "add(constant(3), 1)"
    assert shown(sink("sink(keras.losses)")) == "keras.losses"
    assert shown(sink("x = x + 1\ndef f():\n    sink(x)")) == "add(x, 1)"


def test_options_are_told_by_name_and_by_place():
    for text in ("x, 1, True", "x, axis=1, keepdims=True", "x, reduction_indices=1, keep_dims=1"):
        term = sink(f"sink(tf.reduce_sum({text}))")
        assert set(term.options) == {"axis", "keepdims"}
        assert len(term.parts) == 1
    assert set(sink("sink(tf.norm(x, 1, 0))").options) == {"ord", "axis"}


def test_questions_of_a_value():
    term = sink("def f(x, model):\n    sink(ops.sum(x.shape) + sum(model.losses))")
    assert {leaf.path for leaf in term.leaves()} == {"x.shape", "model.losses"}
    assert [t.operation for t in term.walk()][:2] == ["add", "sum"]
    assert term.known()
    assert not sink("sink(unheard(1))").known()
    choice = sink("def f(x, y):\n    sink((x if y else (lambda: 1)()))")
    assert [shown(form) for form in choice.forms()] == ["x", "1"]
    loop = sink("x = 0\nfor y in z:\n    x = 1\nsink(x)")
    assert [shown(form) for form in loop.forms()] == ["0", "1"]
    assert [shown(form) for form in loop.forms(turns=True)] == ["1"]


def test_what_a_function_returns():
    mod = module("def f(x):\n    if x:\n        return 0.0\n    return x\ndef g():\n    pass")
    f, g = (s for s in mod.tree.body if isinstance(s, cst.FunctionDef))
    assert [shown(term) for term in returned(f, mod)] == ["0.0", "x"]
    assert returned(g, mod) == []


def test_code_that_nests_too_deep_is_unknown():
    deep = "+".join(["x"] * 400)
    assert not sink(f"def f(x):\n    sink({deep})").known()
    calls = "\n".join(f"def f{i}(x):\n    return f{i + 1}(x) + f{i + 1}(x)" for i in range(60))
    assert not sink(f"{calls}\nsink(f0(1))").known()


def test_what_a_class_assigns_to_its_attributes():
    mod = module("""
        class A:
            def __init__(self, rate, flag):
                self.rate = rate
                if flag:
                    self.rate = 1.0
            def build(self, shape):
                self.kernel = self.add_weight(shape)
        """)
    (cls,) = (found.node for found in mod.classes)
    assert [shown(term) for term in assigned(cls, "rate", mod)] == ["choice(1.0, rate)"]
    assert [term.name for term in assigned(cls, "kernel", mod)] == ["self.add_weight"]
    assert assigned(cls, "bias", mod) == []
