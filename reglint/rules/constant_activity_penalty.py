"""RGL201."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import string
from reglint.model import Finding, Fix, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import norms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call

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
        if penalty is None or norms(penalty.value, penalty.scope, call.module) != {"l1"}:
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
