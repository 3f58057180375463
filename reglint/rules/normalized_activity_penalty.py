"""RGL202."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import cst, is_name
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import norms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

# What scales and shifts the normalized output, and the argument that leaves it out.
_PARAMETERS = {
    "BatchNormalization": {"scale": "gamma", "center": "beta"},
    "LayerNormalization": {"scale": "gamma", "center": "beta"},
    "GroupNormalization": {"scale": "gamma", "center": "beta"},
    "RMSNormalization": {"": "scale"},
    "UnitNormalization": {},
}
_ALONE = "keras.layers.ActivityRegularization"


class NormalizedActivityPenalty(Rule):
    """An L2 penalty is put on the output of a normalization, where it is nearly constant.

    Normalization makes the sum of the squares of its output what it is whatever comes in. With a
    factor of 0.01, three random batches of 6 units had penalties of 0.05998, 0.05998 and 0.05999
    behind a `LayerNormalization`, and the gradient at its input was 1e-6. What is left of the
    penalty shrinks `gamma` and `beta`; without them, as in `UnitNormalization`, nothing is
    regularized. `BatchNormalization` is meant in training: where it uses its averages, the output
    is not normalized.

    An L1 penalty there is not constant (0.049, 0.050 and 0.053; gradients of 2e-3): it favours
    few large outputs.

    ## Example

    ```python
    keras.layers.LayerNormalization(activity_regularizer="l2")
    ```

    ## Fix safety

    None is offered: whether to penalise what goes into the layer, or `gamma`, depends on what is
    meant.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL202"
    name = "normalized-activity-penalty"
    severity = Severity.INFO
    since = (2, 0)
    triggers = (b"keras", b"Normalization", rb"activity_regularizer|ActivityRegularization")
    calls = ("keras.Sequential", *(f"keras.layers.{name}" for name in _PARAMETERS))
    argument = "activity_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        penalty = call.keyword("activity_regularizer")
        if call.name == "keras.Sequential":
            yield from _in_sequence(call)
        elif penalty and norms(penalty.value, penalty.scope, call.module) == {"l2"}:
            yield Finding(penalty.key, _message(call.node, call.short))


def _in_sequence(call: Call) -> Iterator[Finding]:
    """Find an `ActivityRegularization` right behind a normalization."""
    layers = call.argument("layers", 0)
    if layers is None or not isinstance(layers.value, (cst.List, cst.Tuple)):
        return
    nodes = [element.value for element in layers.value.elements]
    for node, following in pairwise(nodes):
        normalization = _made(node, layers.scope, call.module).removeprefix("keras.layers.")
        if (
            normalization in _PARAMETERS
            and isinstance(node, cst.Call)
            and _made(following, layers.scope, call.module) == _ALONE
            and norms(following, layers.scope, call.module) == {"l2"}
        ):
            yield Finding(following, _message(node, normalization))


def _made(node: cst.BaseExpression, scope: Scope, module: Module) -> str:
    """Return the canonical name of what is made by a call."""
    found = keras_name(node.func, scope, module) if isinstance(node, cst.Call) else None
    return found or ""


def _message(node: cst.Call, name: str) -> str:
    given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword}
    left = [
        parameter
        for argument, parameter in _PARAMETERS[name].items()
        if not is_name(given.get(argument), "False")
    ]
    effect = f"acts on {' and '.join(f'`{p}`' for p in left)} alone" if left else "is constant"
    when = " in training" if name == "BatchNormalization" else ""
    return f"an L2 penalty on the output of `{name}` {effect}{when}"
