"""RGL208."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.keras_api import Effect
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import is_keras_known, is_regularizer, spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.syntax import cst
    from reglint.model import Version


class ActivityScalingChanged(Rule):
    """An activity penalty grows with the batch size in some releases of Keras, and not in others.

    Keras 3.0 to 3.13 and multi-backend Keras 2 add up the penalties of all samples of a batch;
    tf.keras 2 and Keras from 3.14 on take their mean. A penalty of 4.8 for one sample is 4.8, 9.6
    and 19.2 for batches of 1, 2 and 4 in Keras 3.13, and 4.8 for each in 3.14. So whoever comes
    from tf.keras 2 to Keras 3.0 multiplies the strength by the batch size, and whoever goes on to
    3.14 divides it again. Where the penalties are added up, the last batch of an epoch, which may
    be smaller, counts less.

    The rule speaks only where the project says which releases it is for, and one that adds up is
    among these.

    ## Example

    For a project that requires `keras>=3.0,<3.14`:

    ```python
    Dense(8, activity_regularizer=keras.regularizers.L1(1e-5))
    ```

    ## Fix safety

    None is offered. With releases of one kind, the factor is to be chosen for these; with both,
    there is no factor that is right for all.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5, 3.13.2, 3.14.0 and 3.15.1. Keras issue 22018, changed by
    22021.
    """

    code = "RGL208"
    name = "activity-scaling-changed"
    severity = Severity.INFO
    since = (2, 0)
    triggers = (b"keras", b"ctivity", rb"activity_regularizer|ActivityRegularization")
    calls = ("keras.layers.*",)

    def check_call(self, call: Call) -> Iterator[Finding]:
        node = _penalty(call) if is_keras_known(call.module) else None
        summed = frozenset(v for v in call.versions if _is_summed(v, call.root))
        if node is None or not summed:
            return
        message = f"the penalty is the sum over the batch in {spans(summed)}"
        if averaged := call.versions - summed:
            message += f", and the mean in {spans(averaged)}"
        yield Finding(node, message)


def _penalty(call: Call) -> cst.CSTNode | None:
    """Return what tells that the output of a layer is penalised, if it is."""
    if call.short == "ActivityRegularization":
        return call.target
    penalty = call.keyword("activity_regularizer")
    layer = keras_api.layer(call.short)
    if penalty is None or layer is None or not is_regularizer(penalty, call.module):
        return None
    effect = layer.effect("activity_regularizer", keras_api.generation(max(call.versions)))
    return penalty.key if effect is Effect.EFFECTIVE else None


def _is_summed(version: Version, root: str) -> bool:
    """Tell whether a release adds up; under TensorFlow's name Keras 2 never did."""
    of_keras_2 = version < (2, 4) and root == "keras"
    return of_keras_2 or (3, 0) <= version < (3, 14)
