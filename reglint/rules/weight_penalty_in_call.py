"""RGL504."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.analysis.flow import assigned
from reglint.analysis.l1_l2 import l1_l2
from reglint.analysis.penalties import penalties
from reglint.analysis.syntax import code, cst, descendants, is_name
from reglint.analysis.terms import Term
from reglint.model import Finding, Fix, RemoveLine, Safety, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import line_of, listed, reference, regularized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.penalties import Penalty
    from reglint.analysis.scopes import Site
    from reglint.model import Change

_REASON = "the penalty no longer counts once for each call, nor when the weight is frozen"
_SUMS = frozenset({"add", "total", "tuple", "each"})
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
            weights = _weights(penalty) if _is_always_added(penalty) else []
            if weights and penalty.site:
                what = listed(dict.fromkeys(weight.path for weight in weights))
                message = f"the penalty of {what} is added at each call, and depends on no input"
                yield Finding(penalty.site.node, message, tuple(_fixes(penalty, weights)))


def _is_always_added(penalty: Penalty) -> bool:
    """Tell whether a layer adds a penalty whenever it is called, whatever it is called for."""
    branch = penalty.site.branch if penalty.site else None
    while branch is not None and isinstance(branch.node, (cst.If, cst.IfExp)):
        if "train" in code(branch.node.test):  # `training`, `self.trainable`
            return False
        branch = branch.outer
    return penalty.is_of_call and branch is None


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
    known = _regularizer(penalty, weights[0].path, made[0])
    given = regularized(cst.ensure_type(made[0].node, cst.Call), known[0]) if known else None
    if known and given:
        title = "Make it the regularizer of the weight"
        yield Fix(title, (given, RemoveLine(line), *known[1]), Safety.UNSAFE, _REASON)


def _line(penalty: Penalty) -> cst.SimpleStatementLine | None:
    """Return the line of `add_loss`, if nothing is left over when it goes."""
    function = penalty.scope.node
    if penalty.site is None or penalty.site.branch or not isinstance(function, cst.FunctionDef):
        return None
    names = {n.value for n in descendants(penalty.site.node) if isinstance(n, cst.Name)}
    if names & (penalty.scope.names.keys() - {"self"}):
        return None  # a variable that is of no use then
    return line_of(penalty.site.node, function)


def _regularizer(
    penalty: Penalty, weight: str, made: Site
) -> tuple[str, tuple[Change, ...]] | None:
    """Return how to write the regularizer where the weight is made."""
    match penalty.value:
        case Term(operation="call", name=own, parts=[Term(operation="self"), _]):
            return own, ()
    known = l1_l2(penalty.value, lambda term: term.path == weight)
    factor = known.arguments(made.scope) if known else None
    name = reference(penalty, f"regularizers.{known.name.upper()}") if known else None
    function = made.scope.enclosing(cst.FunctionDef)
    late = function is not None and is_name(function.node.name, "build")  # type: ignore[attr-defined]
    if name is None or factor is None or not (late or "self." not in factor):
        return None
    return f"{name[0]}({factor})", name[1]
