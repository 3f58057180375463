"""RGL105."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reglint.analysis.canonical import keras_name
from reglint.analysis.scopes import Class, Value
from reglint.analysis.syntax import code, cst, is_name, number, string
from reglint.model import Finding, Fix, Insert, Replace
from reglint.rules.legacy_regularizer_argument import LEGACY
from reglint.rules.rule import Rule
from reglint.rules.values import listed, reference, regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call
    from reglint.model import Change

_GET = "keras.regularizers.get"
# Strings that a Keras accepts and that then mean nothing, or that only an older Keras knew.
_SILENT = {"l1l2", "L1L2"}  # no penalty at all
_KERAS_1 = {"activity_l1": "l1", "activity_l2": "l2"}
_ABSTRACT = {"regularizer", "Regularizer"}
_NUMBER = r"((?:0|[1-9]\d*)(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)"
_SPELT = re.compile(rf"\s*(l[12])\s*(?:\(\s*{_NUMBER}\s*\)|[:=]\s*{_NUMBER})\s*", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(?:[\w.]+>)?\w+")
_OFF = {"none", "null", "false", "off", ""}
_MEANT_L1_L2 = re.compile(r"(?i)l1[-_+ ,&]*l2|l2[-_+ ,&]*l1|elastic_?net")
# Classes and functions that stand for themselves with a strength of 0.01 when not called.
_DEFAULTED = {"l1", "l2", "L1", "L2", "OrthogonalRegularizer", "orthogonal_regularizer"}


class UninterpretableRegularizer(Rule):
    """A regularizer argument gets something Keras cannot make a regularizer of.

    - Strings: `"l1"`, `"l2"`, `"L1"`, `"L2"` and names of registered classes are fine.
      `"l1_l2"` raises `ValueError` in Keras 3, although its documentation lists it; `"l1l2"` and
      `"L1L2"` are accepted and add **no penalty**; `"l2(0.01)"` never worked.
    - Numbers: `kernel_regularizer=0.01` raises in every release, because nobody can tell whether
      L1 or L2 is meant. So do `0` and `False`: only `None` is "off".
    - Lists and sums: no release takes `[L1(), L2()]` or `L1(0.1) + L2(0.1)`. `L1L2` is both.
    - The class instead of an instance: `kernel_regularizer=L2` raises in Keras 2; Keras 3 makes
      an instance with the default, 0.01, and for `L1L2` that default is **no penalty**.

    ## Example

    ```python
    keras.layers.Dense(8, kernel_regularizer="l1_l2")
    ```

    Use instead:

    ```python
    keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L1L2(l1=0.01, l2=0.01))
    ```

    ## Fix safety

    Safe: each fix keeps the numbers of the releases that took the old form, or writes out what
    the code plainly says (`"l2(0.01)"`, `0`, `L1(a) + L2(b)`) where it never ran. Where it can be
    read in two ways (`0.01`, `"L1L2"`), there is no fix.

    ## References

    Run on Keras 2.3.1, tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL105"
    name = "uninterpretable-regularizer"
    since = (2, 0)
    calls = ("keras.layers.*", _GET)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        arguments = call.arguments[:1] if call.name == _GET else regularizers(call)
        for argument in arguments:
            value = call.module.expression(argument.value, argument.scope)
            given = _Given(argument, value or Value(argument.value, argument.scope), call)
            found = next(filter(None, (check(given) for check in _CHECKS)), None)
            if found:
                yield Finding(argument.value, *found)


_Found: TypeAlias = "tuple[str, tuple[Fix, ...]] | None"


@dataclass(frozen=True, slots=True)
class _Given:
    """A regularizer argument, and the expression that it stands for."""

    argument: Argument
    value: Value
    call: Call

    def replaced(self, text: str, *changes: Change) -> tuple[Fix, ...]:
        """Return the fix that writes `text` in place of the argument."""
        return (Fix(f"Write `{text}`", (Replace(self.argument.value, text), *changes)),)

    def built(self, name: str, factors: str) -> tuple[Fix, ...]:
        """Return the fix that builds a regularizer in place of the argument."""
        known = reference(self.call, f"regularizers.{name}")
        return self.replaced(f"{known[0]}({factors})", *known[1]) if known else ()


def _string(given: _Given) -> _Found:
    text = string(given.value.node)
    if text is None:
        return None
    shown = f"`{text!r}`"
    if text.strip().lower() in _OFF:
        return f"{shown} is not how a regularizer is switched off", given.replaced("None")
    if text in _KERAS_1:
        fixes = given.replaced(f'"{_KERAS_1[text]}"')
        return f"Keras 2 removed the regularizer {shown}", fixes
    if text == "l1l2" and given.argument.name in LEGACY:
        fixes = given.built("L1L2", "l1=0.01, l2=0.01")
        return f"{shown}, which Keras 1 understood, adds no penalty in later releases", fixes
    if text in _SILENT:
        return f"{shown} is accepted by Keras 3 and adds no penalty at all", ()
    if text in _ABSTRACT:
        return f"{shown} names the base class, which is no regularizer itself", ()
    if text == "l1_l2":
        if all(version < (3, 0) for version in given.call.versions):
            return None
        fixes = given.built("L1L2", "l1=0.01, l2=0.01")
        return f"Keras 3 does not know {shown}, although its documentation lists it", fixes
    spelt = _SPELT.fullmatch(text)
    if spelt or _MEANT_L1_L2.fullmatch(text) or not _IDENTIFIER.fullmatch(text):
        fixes = given.built(spelt[1].lower(), spelt[2] or spelt[3]) if spelt else ()
        return f"{shown} is not a string that Keras understands", fixes
    return None


def _off_or_number(given: _Given) -> _Found:
    node = given.value.node
    factor = number(node)
    if is_name(node, "False") or factor == 0:
        off = "only `None` switches a regularizer off"
        return f"`{code(node)}` raises: {off}", given.replaced("None")
    if is_name(node, "True") or factor is not None:
        return f"`{code(node)}` is no regularizer: it does not say whether L1 or L2 is meant", ()
    return None


def _collection(given: _Given) -> _Found:
    if isinstance(given.value.node, (cst.List, cst.Tuple, cst.Set)):
        return "no Keras layer takes several regularizers for one weight", ()
    return None


def _sum(given: _Given) -> _Found:
    node = given.value.node
    if not isinstance(node, cst.BinaryOperation):
        return None
    parts = [_strength(side, given) for side in (node.left, node.right)]
    if not any(parts):
        return None
    message = "regularizers cannot be added to each other"
    strengths = dict(filter(None, parts))
    if set(strengths) != {"l1", "l2"} or not isinstance(node.operator, cst.Add):
        return message, ()
    return message, given.built("L1L2", f"l1={strengths['l1']}, l2={strengths['l2']}")


def _strength(node: cst.BaseExpression, given: _Given) -> tuple[str, str] | None:
    """Return ("l2", "0.01") for `L2(0.01)`; empty texts if it is another regularizer."""
    if not isinstance(node, cst.Call):
        return None
    name = keras_name(node.func, given.value.scope, given.call.module) or ""
    if not name.startswith("keras.regularizers."):
        return None
    match node.args:
        case [cst.Arg(star="", keyword=None | cst.Name("l" | "l1" | "l2"), value=factor)]:
            return name.rpartition(".")[2].lower(), code(factor)
    return "", ""


def _class(given: _Given) -> _Found:
    argument, call = given.argument, given.call
    if not isinstance(argument.value, (cst.Name, cst.Attribute)):
        return None
    if call.module.is_up_to_the_caller(argument.value, argument.scope):
        return None
    match [*call.module.meaning(argument.value, argument.scope)]:
        case [Class() as cls]:
            required = _required(cls, call)
            if required:
                name = cls.node.name.value
                return f"`{name}` is a class, and its {listed(required)} must be given", ()
            return None
    name = keras_name(argument.value, argument.scope, call.module) or ""
    short = name.removeprefix("keras.regularizers.")
    if short in _DEFAULTED:
        fix = Fix("Call it", (Insert(argument.value, "()"),))
        return f"`{code(argument.value)}` is passed without being called", (fix,)
    if short in {"L1L2", "l1_l2"}:
        return f"`{code(argument.value)}` is passed without factors, and adds no penalty", ()
    return None


def _required(cls: Class, call: Call) -> list[str]:
    """Return the parameters that a Keras regularizer of this module cannot do without."""
    bases = (keras_name(base.value, cls.scope, call.module) for base in cls.node.bases)
    if "keras.regularizers.Regularizer" not in bases:
        return []
    for statement in cls.node.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == "__init__":
            parameters = [*statement.params.posonly_params, *statement.params.params][1:]
            return [p.name.value for p in parameters if p.default is None]
    return []


_CHECKS = (_string, _off_or_number, _collection, _sum, _class)
