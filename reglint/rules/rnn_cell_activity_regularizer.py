"""RGL205."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.calls import targets
from reglint.model import Finding, Fix, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments
from reglint.syntax import code, cst, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.calls import Argument, Call

_NAME = "activity_regularizer"


class RnnCellActivityRegularizer(Rule):
    """An `activity_regularizer` is given to the cell of a recurrent layer.

    The penalty is then made at every time step, inside the loop, from where it cannot get out:
    `fit` raises `InaccessibleTensorError` on TensorFlow and `UnexpectedTracerError` on JAX. On
    torch there is one penalty for each step, output and state.

    `RNN` itself takes an `activity_regularizer`, for its output.

    ## Example

    ```python
    keras.layers.RNN(keras.layers.LSTMCell(8, activity_regularizer="l2"))
    ```

    Use instead:

    ```python
    keras.layers.RNN(keras.layers.LSTMCell(8), activity_regularizer="l2")
    ```

    ## Fix safety

    Unsafe: the output of the layer is penalised, and not what the cell gives at each step.

    ## References

    Run with `fit` on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1
    with JAX, for each cell and for `StackedRNNCells`.
    """

    code = "RGL205"
    name = "rnn-cell-activity-regularizer"
    since = (2, 4)
    triggers = (b"keras", b"activity_regularizer", rb"Cell")
    calls = tuple(
        f"keras.layers.{name}"
        for name in ("LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells")
    )
    argument = _NAME

    def check_call(self, call: Call) -> Iterator[Finding]:
        penalty = call.keyword(_NAME)
        if penalty is None or is_name(penalty.value, "None"):
            return
        message = f"`{_NAME}` of a cell cannot leave the loop over time: `fit` raises"
        yield Finding(penalty.key, message, tuple(_moved(penalty, call)))


def _moved(penalty: Argument, call: Call) -> Iterator[Fix]:
    """Give the regularizer to the `RNN(...)` around the cell, if that is where it stands."""
    removed = penalty.removed()
    for site in call.module.calls:
        outer = cst.ensure_type(site.node, cst.Call)
        if not any(arg.value is call.node for arg in outer.args) or removed is None:
            continue
        names = {found.name for found in targets(site, call.module)[0]}
        given = {arg.keyword.value for arg in outer.args if arg.keyword}
        if names == {"keras.layers.RNN"} and _NAME not in given:
            changes = (removed, append_arguments(outer, f"{_NAME}={code(penalty.value)}"))
            reason = "the output is penalised, and not what the cell gives at each step"
            yield Fix("Move it to the `RNN`", changes, Safety.UNSAFE, reason)
