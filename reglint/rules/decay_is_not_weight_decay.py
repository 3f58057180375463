"""RGL109."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.syntax import is_name, number
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call

_OPTIMIZERS = (
    "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam",
    "Ftrl", "Lion",
)  # fmt: skip


class DecayIsNotWeightDecay(Rule):
    """The `decay` of an optimizer is not weight decay, and does nothing in Keras 3.

    Up to tf.keras 2.10, `Adam(decay=1e-4)` made the learning rate smaller from step to step. It
    has never been a penalty on the weights. tf.keras 2.11 to 2.15 raise `ValueError`; Keras 3
    warns that the argument "will be ignored", and trains with a constant learning rate.

    ## Example

    ```python
    keras.optimizers.Adam(learning_rate=1e-3, decay=1e-4)
    ```

    There is no fix. What is meant is either a schedule for the learning rate,
    `learning_rate=keras.optimizers.schedules.InverseTimeDecay(1e-3, 1, 1e-4)`, or decay of the
    weights, `weight_decay=1e-4`, and the two train differently.

    ## Fix safety

    None is offered.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1, with all optimizers of each.
    """

    code = "RGL109"
    name = "decay-is-not-weight-decay"
    severity = Severity.WARNING
    since = (2, 11)
    triggers = (b"keras", b"ptimizer", rb"\bdecay\b")
    calls = tuple(f"keras.optimizers.{name}" for name in _OPTIMIZERS)

    def check_call(self, call: Call) -> Iterator[Finding]:
        decay = call.keyword("decay")
        if decay is None or call.keyword("lr"):  # beside `lr`, the learning rate is meant
            return
        value = call.module.expression(decay.value, decay.scope)
        if value and (number(value.node) == 0 or is_name(value.node, "None")):
            return
        message = f"`decay` of `{call.short}` never was weight decay"
        if any(version >= (3, 0) for version in call.versions):
            message += ", and Keras 3 ignores it"
        yield Finding(decay.key, message)
