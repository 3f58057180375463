"""RGL201."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.model import Finding, Fix, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import keras_name
from reglint.syntax import cst, number, string

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.calls import Argument, Call

# What applies `activation` to what it returns. (A recurrent layer applies it within.)
_ACTIVATED = (
    "Activation", "Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose",
    "Conv2DTranspose", "Conv3DTranspose", "Convolution1D", "Convolution2D", "Convolution3D",
    "SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D",
)  # fmt: skip
_SOFTMAX = frozenset({"keras.activations.softmax", "tensorflow.nn.softmax", "keras.ops.softmax"})


class ConstantActivityPenalty(Rule):
    """An L1 penalty is put on the output of a softmax, where it is constant.

    The outputs of a softmax are positive and sum up to 1, so their L1 norm is 1 whatever the
    weights are. The penalty shifts the reported loss by a constant, its factor for every softmax
    of a sample, and its gradient is zero: nothing is regularized. Measured for a factor of 0.01:
    0.01 for any input, with gradients of at most 1e-9, which is rounding.

    An L2 penalty there is not constant: it favours even outputs. To make few units active,
    penalise the layer before the softmax.

    ## Example

    ```python
    Dense(10, activation="softmax", activity_regularizer=keras.regularizers.L1(0.01))
    ```

    Use instead:

    ```python
    Dense(10, activation="softmax")
    ```

    ## Fix safety

    Unsafe: the loss that is reported becomes smaller by the constant. The model trains the same.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL201"
    name = "constant-activity-penalty"
    since = (2, 0)
    triggers = (b"keras", b"activity_regularizer", rb"(?i)softmax")
    calls = ("keras.layers.Softmax", *(f"keras.layers.{name}" for name in _ACTIVATED))
    argument = "activity_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        penalty = call.keyword("activity_regularizer")
        if penalty is None or not _is_l1(penalty, call):
            return
        if call.short == "Softmax" or _is_softmax(call):
            removed = penalty.removed()
            reason = "the loss that is reported becomes smaller by a constant"
            fix = Fix("Remove the penalty", (removed,), Safety.UNSAFE, reason) if removed else None
            message = "an L1 penalty on the output of a softmax is constant, and has no gradient"
            yield Finding(penalty.key, message, (fix,) if fix else ())


def _is_softmax(call: Call) -> bool:
    layer = keras_api.layer(call.short)
    places = layer.positional(keras_api.generation(max(call.versions))) if layer else ()
    at = places.index("activation") if "activation" in places else len(call.positional)
    activation = call.argument("activation", at)
    if activation is None:
        return False
    value = call.module.expression(activation.value, activation.scope)
    if value and string(value.node) is not None:
        return string(value.node) == "softmax"
    if call.module.is_up_to_the_caller(activation.value, activation.scope):
        return False
    return keras_name(activation.value, activation.scope, call.module) in _SOFTMAX


def _is_l1(penalty: Argument, call: Call) -> bool:
    value = call.module.expression(penalty.value, penalty.scope)
    if value is None:
        return False
    if string(value.node) in {"l1", "L1"}:
        return True
    if not isinstance(value.node, cst.Call):
        return False
    name = (keras_name(value.node.func, value.scope, call.module) or "").removeprefix(
        "keras.regularizers."
    )
    if name in {"l1", "L1"}:
        return True
    return name in {"L1L2", "l1_l2"} and _has_no_l2(value.node, name)


def _has_no_l2(node: cst.Call, name: str) -> bool:
    """Tell whether the L2 factor is 0. `l1_l2` without one had 0.01 in Keras 2."""
    given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword}
    if any(arg.star for arg in node.args) or len(node.args) - len(given) > 1:
        return False
    return number(given["l2"]) == 0 if "l2" in given else name == "L1L2"
