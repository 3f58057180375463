"""RGL206."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.syntax import is_name
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call

_STATES = {"LSTM": "the output and both states", "GRU": "the output and the state"}
_ATTENTION = {
    "MultiHeadAttention": "the projections of query, key and value, and to the output",
    "GroupQueryAttention": "the projections of query, key and value, and twice to the output",
}


class MultipliedActivityRegularizer(Rule):
    """An `activity_regularizer` penalises more than the output of the layer.

    - With `return_state=True`, an `LSTM` penalises three tensors (its output and both states), a
      `GRU` two. Without `return_sequences`, the output is one of the states, and counts twice.
    - `MultiHeadAttention` of Keras 3 hands the regularizer to the projections inside: it is
      applied to query, key, value and output, four times in all. In tf.keras 2 it was applied to
      the output alone, so the same code is penalised harder since Keras 3. In
      `GroupQueryAttention` the output counts twice on top.

    Nothing is wrong with it if it is meant. To penalise the output alone, put
    `ActivityRegularization` behind the layer.

    ## Example

    ```python
    keras.layers.LSTM(8, return_state=True, activity_regularizer="l2")
    ```

    ## Fix safety

    None is offered.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1: the number of entries in `layer.losses`.
    """

    code = "RGL206"
    name = "multiplied-activity-regularizer"
    severity = Severity.INFO
    since = (2, 4)
    triggers = (b"keras", b"activity_regularizer", rb"LSTM|GRU|Attention")
    calls = tuple(f"keras.layers.{name}" for name in (*_STATES, *_ATTENTION))
    argument = "activity_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        penalty = call.keyword("activity_regularizer")
        if penalty is None or is_name(penalty.value, "None"):
            return
        state = call.keyword("return_state")
        where = None
        if call.short in _STATES and state and is_name(state.value, "True"):
            where = _STATES[call.short]
        elif call.short in _ATTENTION and any(v >= (3, 0) for v in call.versions):
            where = f"{_ATTENTION[call.short]} in Keras 3"
        if where:
            message = f"`activity_regularizer` of `{call.short}` is applied to {where}"
            yield Finding(penalty.key, message)
