"""RGL403."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.gradients import gradients
from reglint.analysis.losses import calls_in, is_same, losses_in, owner
from reglint.analysis.penalized import penalty_of
from reglint.analysis.syntax import code, cst, descendants, needs_parentheses
from reglint.model import Finding, Fix, RemoveLine, Replace, Safety
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.gradients import Gradient, Trained
    from reglint.analysis.names import Module
    from reglint.analysis.terms import Term
    from reglint.model import Change

_REASON = "the penalties are part of the training from then on"


class LossesOutsideGradient(Rule):
    """A loss contains the penalties of a model, but its gradient does not.

    - `model.losses` that is read before the tape of TensorFlow records is a constant to it. The
      loss has the right value, 0.5 for `L2(0.5)` of a weight of 1, and the weight stays 1. If it
      is added after, `apply_gradients` raises `ValueError`: no gradient is left.
    - On JAX, the gradient is taken of a function of the variables that `stateless_call` is given.
      `model.losses` is made from those that the model itself holds: again the value is right and
      the gradient is 0.
    - `compute_loss` after `stateless_call` has the same fault, and in the `train_step` of a model
      it raises `TypeError` as soon as there is one weight regularizer, because `fit` takes the
      variables out of the model. Activity regularizers are silently left out.

    With `return_losses=True`, `stateless_call` gives the penalties of the variables it is given.

    ## Example

    ```python
    model = keras.Sequential([Dense(1, kernel_regularizer="l2")])


    def step(x, y):
        penalty = sum(model.losses)
        with tf.GradientTape() as tape:
            loss = keras.losses.mse(y, model(x)) + penalty
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    ```

    Use instead:

    ```python
    model = keras.Sequential([Dense(1, kernel_regularizer="l2")])


    def step(x, y):
        with tf.GradientTape() as tape:
            loss = keras.losses.mse(y, model(x)) + sum(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    ```

    ## Fix safety

    Unsafe: the penalties become part of the training.

    ## References

    Run on tf.keras 2.15 and on Keras 3.15.1 with TensorFlow and JAX. Keras issues 19402 and 19430,
    keras-io issue 2188.
    """

    code = "RGL403"
    name = "losses-outside-gradient"
    since = (2, 0)
    triggers = (b"keras", rb"GradientTape|stateless_call", rb"\blosses\b|compute_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for gradient in gradients(module):
            for model in gradient.models:
                if gradient.stateless:
                    yield from _stateless(gradient, model, module)
                elif gradient.tape:
                    yield from _outside(gradient, gradient.tape, model)


def _outside(gradient: Gradient, tape: cst.With, model: Trained) -> Iterator[Finding]:
    """Find the penalties that are read outside of the tape, in the function that opens it."""
    function = gradient.site.scope.node
    places = {id(node): place for place, node in enumerate(descendants(function))}
    recorded = {id(node) for block in _tapes(function) for node in descendants(block)}
    for read in losses_in(gradient.loss):
        here = read.scope is gradient.site.scope and id(read.node) in places
        if not here or id(read.node) in recorded or not is_same(read.parts[0], model.term):
            continue
        if places[id(read.node)] < places[id(tape)]:
            what = "is read before the tape records, so that its gradient is 0"
        else:
            what = "is added after the tape has recorded, so that there is no gradient at all"
        fixes = tuple(_moved(read.node, function, tape))
        yield Finding(read.node, f"`{code(read.node)}` {what}", fixes)


def _tapes(function: cst.CSTNode) -> Iterator[cst.With]:
    """Yield the blocks that any tape records."""
    for node in descendants(function):
        if isinstance(node, cst.With) and any("Tape" in code(item.item) for item in node.items):
            yield node


def _moved(read: cst.CSTNode, function: cst.CSTNode, tape: cst.With) -> Iterator[Fix]:
    """Put what was computed from the penalties where the tape uses it."""
    line = next((n for n in descendants(function) if _assigns(n, read)), None)
    match line:
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(name))], value=right)]
        ):
            uses = [n for n in descendants(function) if isinstance(n, cst.Name) and n.value == name]
            inside = {id(node) for node in descendants(tape.body)}
            _, *others = uses
            if len(others) != 1 or id(others[0]) not in inside:
                return
            text = f"({code(right)})" if needs_parentheses(right) else code(right)
            changes: tuple[Change, ...] = (RemoveLine(line), Replace(others[0], text))
            yield Fix("Compute it inside of the tape", changes, Safety.UNSAFE, _REASON)


def _assigns(node: cst.CSTNode, read: cst.CSTNode) -> bool:
    return (
        isinstance(node, cst.SimpleStatementLine)
        and isinstance(node.body[0], cst.Assign)
        and any(n is read for n in descendants(node.body[0].value))
    )


def _stateless(gradient: Gradient, model: Trained, module: Module) -> Iterator[Finding]:
    """Find the penalties that are made from other variables than those that are differentiated."""
    for read in losses_in(gradient.loss):
        if is_same(read.parts[0], model.term):
            message = (
                f"`{code(read.node)}` is made from the variables that `{model.text}` holds, and "
                "the gradient is of others"
            )
            yield Finding(read.node, message)
    for call in calls_in(gradient.loss, "compute_loss"):
        if _is_of(call, model) and penalty_of(model.term, module):
            message = (
                f"`{code(cst.ensure_type(call.node, cst.Call).func)}` makes the penalties from the "
                f"variables that `{model.text}` holds, and not from those given to `stateless_call`"
            )
            yield Finding(call.node, message)


def _is_of(call: Term, model: Trained) -> bool:
    instance = owner(call)
    return instance is not None and is_same(instance, model.term)
