"""RGL205."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import arguments, called
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import cst, is_name
from reglint.model import Finding, Fix, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import moved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Argument, Call
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

_NAME = "activity_regularizer"
_STACK = "keras.layers.StackedRNNCells"
_CELLS = {_STACK, *(f"keras.layers.{name}Cell" for name in ("LSTM", "GRU", "SimpleRNN"))}


class RnnCellActivityRegularizer(Rule):
    """An `activity_regularizer` is given to the cell of a recurrent layer.

    The penalty is then made at every time step, inside the loop, from where it cannot get out:
    `fit` raises `InaccessibleTensorError` on TensorFlow and `UnexpectedTracerError` on JAX. On
    torch there is one penalty for each step, output and state.

    `RNN` itself takes an `activity_regularizer`, for its output. A cell that is called by the
    code itself, and not by `RNN`, is none of this rule's business: there the penalty works.

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
    calls = ("keras.layers.RNN",)

    def check_call(self, call: Call) -> Iterator[Finding]:
        cell = call.argument("cell", 0)
        if cell is None:
            return
        for site in _cells(cell.value, cell.scope, call.module):
            found, _ = arguments(site, call.module)
            penalty = next((argument for argument in found if argument.name == _NAME), None)
            if penalty and not is_name(penalty.value, "None"):
                message = f"`{_NAME}` of a cell cannot leave the loop over time: `fit` raises"
                fixes = _moved(penalty, call) if site.node is cell.value else ()
                yield Finding(penalty.key, message, tuple(fixes))


def _cells(node: cst.BaseExpression, scope: Scope, module: Module) -> Iterator[Site]:
    """Yield where the cells are made that an expression holds."""
    value = module.expression(node, scope)
    if value and isinstance(value.node, (cst.List, cst.Tuple)):
        for element in value.node.elements:
            yield from _cells(element.value, value.scope, module)
    elif value and isinstance(value.node, cst.Call):
        site = Site(value.node, value.scope, None)
        names = called(site, module)
        if names and names <= _CELLS:
            yield site
        if names == {_STACK} and value.node.args:
            yield from _cells(value.node.args[0].value, value.scope, module)


def _moved(penalty: Argument, call: Call) -> Iterator[Fix]:
    """Give the regularizer to the `RNN(...)` around the cell."""
    changes = () if call.keyword(_NAME) else moved(penalty, call.node)
    if changes:
        reason = "the output is penalised, and not what the cell gives at each step"
        yield Fix("Move it to the `RNN`", changes, Safety.UNSAFE, reason)
