"""RGL210."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.analysis.syntax import cst
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call

# What something is called that penalises weights, and what penalises activities. A plain "weight"
# does not tell: the factor of any penalty may be called so.
_PENALTY = r"_?(?:reg|decay|l1|l2|penalty)"
_OF_WEIGHTS = re.compile(rf"(?i)^(?!.*activ).*(?:kernel|bias|weights?){_PENALTY}")
_OF_ACTIVITY = re.compile(rf"(?i)^(?!.*(?:kernel|weight)).*activ(?:ity|ations?){_PENALTY}")


class RegularizerArgumentMixup(Rule):
    """A regularizer is passed to an argument that its own name contradicts.

    What a regularizer penalises is decided by the argument alone: the same `L2(0.01)` acts on the
    weights as a `kernel_regularizer` and on the output as an `activity_regularizer`. Both are
    accepted and train without a word. `activity_regularizer=weight_decay` leaves the weights
    alone, and makes the outputs small.

    ## Example

    ```python
    weight_decay = keras.regularizers.L2(1e-4)
    Dense(8, activity_regularizer=weight_decay)
    ```

    ## Fix safety

    None is offered: either the name or the argument may be what is meant.

    ## References

    Keras issues 3236, 5186 and 6360, in which one is taken for the other.
    """

    code = "RGL210"
    name = "regularizer-argument-mixup"
    severity = Severity.WARNING
    triggers = (b"keras", b"_regularizer", b"ctiv")
    calls = ("keras.layers.*",)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        for argument in regularizers(call):
            name = _name(argument.value)
            of_output = argument.name == "activity_regularizer"
            if (_OF_WEIGHTS if of_output else _OF_ACTIVITY).match(name):
                what, where = ("weights", "the output") if of_output else ("activities", "weights")
                message = (
                    f"`{name}`, which by its name is for {what}, is passed to `{argument.name}`,"
                    f" which penalises {where}"
                )
                yield Finding(argument.value, message)


def _name(node: cst.BaseExpression) -> str:
    """Return what a regularizer is called: itself, what makes it, or what that is made with."""
    match node:
        case cst.Name(name) | cst.Attribute(attr=cst.Name(name)):
            return name
        case cst.Call(func=function, args=args):
            inner = [_name(arg.value) for arg in args if not isinstance(arg.value, cst.Call)]
            names = [_name(function), *inner]
            return next((n for n in names if _OF_WEIGHTS.match(n) or _OF_ACTIVITY.match(n)), "")
    return ""
