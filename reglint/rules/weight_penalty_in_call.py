"""RGL504."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.flow import assigned
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, RemoveLine, Safety, Severity
from reglint.penalties import penalties
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments, listed, reference
from reglint.syntax import code, cst, descendants, is_name, number
from reglint.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.model import Change
    from reglint.names import Module
    from reglint.penalties import Penalty
    from reglint.scopes import Site

_REASON = "the penalty no longer counts once for each call, nor when the weight is frozen"
_SUMS = frozenset({"add", "total", "tuple", "each"})
_SQUARE = 2
_CHANGING = re.compile(r"(?i)variable|add_weight|assign")


class WeightPenaltyInCall(Rule):
    """A layer adds a penalty of its own weights whenever it is called.

    What depends on a weight alone can be the weight's regularizer. For a layer that is called
    once the numbers are the same: 0.9 and then 0.864 after a step of `fit`, either way. But a
    penalty that `call` adds

    - counts twice in a layer that is called twice, on TensorFlow and torch: 1.8 in place of 0.9;
    - still counts when the layer is frozen, where Keras 3 leaves out regularizers;
    - is missing from `losses` until the layer is called with data, in Keras 3;
    - is computed in float16 under a mixed policy, a regularizer's in float32.

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(8,))

        def call(self, inputs):
            self.add_loss(0.1 * tf.reduce_sum(tf.square(self.scale)))
            return inputs * self.scale
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(8,), regularizer=keras.regularizers.L2(0.1))

        def call(self, inputs):
            return inputs * self.scale
    ```

    ## Fix safety

    Unsafe: see above for what changes. There is a fix for L1, L2, and the regularizers that a
    layer is given; for another penalty, derive a class from `keras.regularizers.Regularizer`.

    ## References

    Run on tf.keras 2.15, and on Keras 3.15.1 with TensorFlow and JAX.
    """

    code = "RGL504"
    name = "weight-penalty-in-call"
    severity = Severity.INFO
    triggers = (b"keras", b"add_loss", rb"add_weight|add_variable")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for penalty in penalties(module):
            weights = _weights(penalty) if _is_of_call(penalty) else []
            if weights and penalty.site:
                what = listed(dict.fromkeys(weight.path for weight in weights))
                message = f"the penalty of {what} is added at each call, and depends on no input"
                yield Finding(penalty.site.node, message, tuple(_fixes(penalty, weights)))


def _is_of_call(penalty: Penalty) -> bool:
    """Tell whether a layer adds a penalty in its method `call`, whatever it is called for."""
    cls, site = penalty.cls, penalty.site
    if cls is None or site is None or cls.kind not in {Kind.LAYER, Kind.MODEL}:
        return False
    branch = site.branch
    while branch is not None and isinstance(branch.node, (cst.If, cst.IfExp)):
        if "train" in code(branch.node.test):  # `training`, `self.trainable`
            return False
        branch = branch.outer
    return penalty.scope.node is cls.method("call") and branch is None


def _weights(penalty: Penalty) -> list[Term]:
    """Return the weights of a sum of penalties of one weight each; nothing if it is none."""
    found = []
    for summand in _summands(penalty.value, penalty):
        weights = _own(summand, penalty)
        if len({weight.path for weight in weights}) != 1:
            return []
        found += weights[:1]
    return found if _is_constant(penalty.value, penalty) else []


def _own(term: Term, penalty: Penalty) -> list[Term]:
    return [leaf for leaf in term.leaves() if penalty.made(leaf)]


def _summands(term: Term, penalty: Penalty) -> Iterator[Term]:
    parts = term.parts
    if term.operation in {"multiply", "divide"}:  # by something that is the same at each call
        parts = tuple(part for part in parts if _own(part, penalty))
    if term.operation in _SUMS or (len(parts) == 1 and len(term.parts) > 1):
        for part in parts:
            yield from _summands(part, penalty)
    else:
        yield term


def _is_constant(penalised: Term, penalty: Penalty) -> bool:
    """Tell whether a penalty is the same at every call but for its weights."""
    leaves = penalised.leaves()
    return all(
        leaf.operation in {"symbol", "self"} or penalty.made(leaf) or _is_setting(leaf, penalty)
        for leaf in leaves
    ) and all(
        term.operation not in {"unknown", "parameter", "constant_random"}
        and (term.operation != "call" or _is_regularizer(term))
        for term in penalised.walk()
    )


def _is_regularizer(call: Term) -> bool:
    """Tell whether a call makes a regularizer of Keras, or calls one."""
    callee = call.parts[0] if call.parts else call
    return (
        call.name.startswith("keras.regularizers.")
        or callee.name.startswith("keras.regularizers.")
        or (callee.operation == "self" and "regularizer" in call.short)
    )


def _is_setting(leaf: Term, penalty: Penalty) -> bool:
    """Tell whether an attribute of the layer is set once, and is nothing that training changes."""
    if leaf.operation != "attribute" or leaf.parts[0].operation != "self" or penalty.cls is None:
        return False
    values = assigned(penalty.cls.node, leaf.name, penalty.module)
    return bool(values) and not any(
        form.operation == "call" and _CHANGING.search(form.short)
        for value in values for form in value.forms()
    )  # fmt: skip


def _fixes(penalty: Penalty, weights: list[Term]) -> Iterator[Fix]:
    """Give the penalty to the only call of `add_weight`, if it can be written there."""
    made = penalty.made(weights[0])
    line = _line(penalty)
    if len(weights) > 1 or len(made) > 1 or line is None:
        return
    call = cst.ensure_type(made[0].node, cst.Call)
    names = {arg.keyword.value if arg.keyword else arg.star for arg in call.args}
    if "regularizer" in names or "**" in names:
        return
    for text, changes in filter(None, [_regularizer(penalty, made[0])]):
        added = append_arguments(call, f"regularizer={text}")
        title = "Make it the regularizer of the weight"
        yield Fix(title, (added, RemoveLine(line), *changes), Safety.UNSAFE, _REASON)


def _line(penalty: Penalty) -> cst.SimpleStatementLine | None:
    """Return the line of `add_loss`, if nothing is left over when it goes."""
    function = penalty.scope.node
    if penalty.site is None or penalty.site.branch or not isinstance(function, cst.FunctionDef):
        return None
    names = {n.value for n in descendants(penalty.site.node) if isinstance(n, cst.Name)}
    if names & (penalty.scope.names.keys() - {"self"}):
        return None  # a variable that is of no use then
    for statement in function.body.body:
        match statement:
            case cst.SimpleStatementLine(body=[cst.Expr(value)]) if value is penalty.site.node:
                return statement
    return None


def _regularizer(penalty: Penalty, made: Site) -> tuple[str, tuple[Change, ...]] | None:
    """Return how to write the regularizer where the weight is made."""
    match penalty.value:
        case Term(operation="call", name=name, parts=[Term(operation="self"), _]):
            return name, ()
    name, factor = _factor(penalty.value)
    function = made.scope.enclosing(cst.FunctionDef)
    late = function is not None and is_name(function.node.name, "build")  # type: ignore[attr-defined]
    known = reference(penalty, f"regularizers.{name}") if name else None
    if known is None or not (late or not factor.startswith("self.")):
        return None
    return f"{known[0]}({factor})", known[1]


def _factor(term: Term) -> tuple[str, str]:
    """Return the name of the regularizer of Keras that a penalty is, and its factor, as code."""
    match term:
        case Term(operation="sum", parts=[inner]) if not term.options:
            return _norm(inner), "1.0"
        case Term(operation="l2_loss"):
            return "L2", "0.5"
        case Term(operation="multiply", parts=[left, right]):
            for by, rest in ((left, right), (right, left)):
                name, factor = _factor(rest)
                if name and (by.path or (number(by.node) or 0) > 0):
                    own = by.path or code(by.node)
                    return name, own if factor == "1.0" else f"{factor} * {own}"
    return "", ""


def _norm(term: Term) -> str:
    match term:
        case Term(operation="square", parts=[Term(operation="attribute")]):
            return "L2"
        case Term(operation="power", parts=[Term(operation="attribute"), exponent]):
            return "L2" if number(exponent.node) == _SQUARE else ""
        case Term(operation="abs", parts=[Term(operation="attribute")]):
            return "L1"
    return ""
