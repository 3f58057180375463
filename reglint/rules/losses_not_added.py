"""RGL402."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import class_around
from reglint.analysis.flow import assigned, returned
from reglint.analysis.gradients import Trained, gradients
from reglint.analysis.losses import COMPILED, calls_in, leaves_out, replaced
from reglint.analysis.penalized import penalties_in, penalty_of
from reglint.analysis.syntax import cst, descendants, dotted
from reglint.analysis.terms import Term
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, Insert, Replace, Safety, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.calls import Call
    from reglint.analysis.classes import KerasClass
    from reglint.analysis.gradients import Gradient
    from reglint.analysis.names import Module
    from reglint.analysis.penalized import Penalty

_TRAINS = (
    rb"GradientTape|value_and_grad|jax\.grad|\.backward\(|\.minimize\(|compute_loss"
    rb"|get_regularization_loss|REGULARIZATION_LOSSES"
)
_COLLECTION = "REGULARIZATION_LOSSES"
# What puts its penalties into that collection, unlike Keras.
_TF1 = ("tensorflow.layers.", "tensorflow.compat.v1.layers.", "tensorflow.contrib.", "tf_slim.")
_FILLING = ("variable_scope", "get_variable", "arg_scope")
_ACTIVATES = "the penalties are part of the training from then on"


class LossesNotAdded(Rule):
    """A model has penalties, and the loss that it is trained with leaves them out.

    `fit` adds `model.losses`, the values of all regularizers and of `add_loss`, to the loss. A
    training loop of one's own has to do so itself. Otherwise the regularizers do nothing, without a
    word: a weight of 1 with an `L2(0.5)` stays 1 where it should go to 0.9.

    The same happens to a `train_step` or `compute_loss` that is written without `self.losses`; and
    on top of it `evaluate`, which does add them, reports another loss than the one trained.

    - `compiled_loss` of tf.keras 2 adds them only if it gets `regularization_losses=self.losses`.
      In Keras 3 it always does.
    - On JAX, `model.stateless_call` gives the penalties with `return_losses=True`.
    - `tf.compat.v1.losses.get_regularization_loss` and the collection behind it know nothing of
      Keras layers: they come to 0.

    What a model is made from is followed through the functions and classes of the project, also
    where the model is in one module and the loop in another. There is an error only if a penalty is
    really there. A class in a library that trains a model passed to it, whatever that may be, is
    worth a note.

    ## Example

    ```python
    model = keras.Sequential([Dense(1, kernel_regularizer="l2")])
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.Adam()


    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    ```

    Use instead:

    ```python
    model = keras.Sequential([Dense(1, kernel_regularizer="l2")])
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.Adam()


    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x)) + sum(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    ```

    ## Fix safety

    Unsafe: the penalties become part of the training. There is a fix where the loss is a single
    number; the sum of a loss per sample would count them once for each.

    ## References

    Run on tf.keras 2.15 and Keras 3.15.1 with TensorFlow and JAX. Keras issue 16836, TensorFlow
    issues 21237 and 33556.
    """

    code = "RGL402"
    name = "losses-not-added"
    since = (2, 0)
    triggers = (b"keras", _TRAINS)

    calls = (
        "tensorflow.losses.get_regularization_loss",
        "tensorflow.losses.get_regularization_losses",
        "tensorflow.get_collection",
    )

    def check_module(self, module: Module) -> Iterator[Finding]:
        for gradient in gradients(module):
            for model in gradient.models:
                if leaves_out(gradient.loss, model.term, module):
                    yield from _in_loop(gradient, model, module)
        for cls, method in replaced(module):
            yield from _in_compute_loss(cls, method)

    def check_call(self, call: Call) -> Iterator[Finding]:
        module = call.module
        if not _gets_penalties(call) or _fills_collection(module) or not penalties_in(module):
            return
        cls = class_around(call.scope, module)
        message = f"`{call.short}` does not see the penalties of Keras layers"
        fixes: tuple[Fix, ...] = ()
        if cls and cls.kind is Kind.MODEL:
            text = "sum(self.losses)" if call.short == "get_regularization_loss" else "self.losses"
            fix = Fix(f"Use `{text}`", (Replace(call.node, text),), Safety.UNSAFE, _ACTIVATES)
            fixes = (fix,)
        yield Finding(call.node, message, fixes)


# -- Loops


def _in_loop(gradient: Gradient, model: Trained, module: Module) -> Iterator[Finding]:
    penalty = penalty_of(model.term, module)
    if penalty is None and not _comes_from_outside(gradient, model, module):
        return
    compiled = next(calls_in(gradient.loss, COMPILED), None)
    if compiled:
        what, node = f"`{COMPILED}` of Keras 2", compiled.node
        fixes = _told(compiled, model)
    else:
        what, node = "this loss", gradient.node
        fixes = _added(gradient, model)
    yield _finding(node, f"{what} leaves out `{model.text}.losses`", penalty, fixes)


def _finding(
    node: cst.CSTNode, message: str, penalty: Penalty | None, fixes: tuple[Fix, ...]
) -> Finding:
    if penalty is None:
        message += ", and with it all regularizers of a model that is passed in"
        return Finding(node, message, fixes, Severity.INFO)
    return Finding(node, f"{message}, so that {penalty} has no effect", fixes)


def _comes_from_outside(gradient: Gradient, model: Trained, module: Module) -> bool:
    """Tell whether a class trains what others pass to it, and nobody does in its module."""
    cls = class_around(gradient.site.scope, module)
    return cls is not None and _is_for_others(cls) and _is_passed(model.term, cls)


def _is_for_others(cls: KerasClass) -> bool:
    return cls.kind is Kind.MODEL and not cls.module.calls_named(cls.name, "fit")


def _is_passed(model: Term, cls: KerasClass) -> bool:
    """Tell whether a model is what the class of the training loop is given."""
    if model.operation == "self":
        return cls.inherited("call") is None
    if model.operation != "attribute" or model.parts[0].operation != "self":
        return False
    made = assigned(cls.node, model.name, cls.module)
    return bool(made) and all(term.operation == "parameter" for term in made)


def _told(compiled: Term, model: Trained) -> tuple[Fix, ...]:
    call = cst.ensure_type(compiled.node, cst.Call)
    change = append_arguments(call, f"regularization_losses={model.text}.losses")
    return (Fix("Pass the penalties", (change,), Safety.UNSAFE, _ACTIVATES),)


def _added(gradient: Gradient, model: Trained) -> tuple[Fix, ...]:
    """Return the fix that adds the penalties where the loss is computed, inside of the tape."""
    if gradient.tape is None or not isinstance(gradient.node, cst.Name):
        return ()
    name = gradient.node.value
    found = [
        node
        for node in descendants(gradient.tape.body)
        if isinstance(node, (cst.Assign, cst.AugAssign, cst.AnnAssign)) and _binds(node, name)
    ]
    match found:
        case [cst.Assign(value=right)] if right is gradient.loss.node:
            return _plus(right, gradient.loss, model.text)
    return ()


def _binds(statement: cst.Assign | cst.AugAssign | cst.AnnAssign, name: str) -> bool:
    targets = statement.targets if isinstance(statement, cst.Assign) else (statement,)
    return any(dotted(target.target) == (name,) for target in targets)


def _plus(right: cst.BaseExpression, loss: Term, model: str) -> tuple[Fix, ...]:
    simple = isinstance(right, (cst.Call, cst.BinaryOperation)) and not right.lpar
    if not simple or not _is_scalar(loss):
        return ()
    title = f"Add `sum({model}.losses)`"
    change = Insert(right, f" + sum({model}.losses)")
    return (Fix(title, (change,), Safety.UNSAFE, _ACTIVATES),)


def _is_scalar(loss: Term) -> bool:
    """Tell whether a loss surely is one number."""
    match loss.operation:
        case "number":
            return True
        case "mean" | "sum":
            return not loss.options
        case "add" | "multiply" | "subtract" | "divide" | "negative":
            return all(_is_scalar(part) for part in loss.parts)
        case "call":
            made = [*loss.parts[0].forms()] if loss.parts else []
            return bool(made) and all(
                term.operation == "call"
                and term.name.startswith("keras.losses.")
                and term.short[:1].isupper()
                for term in made
            )
    return False


# -- compute_loss


def _in_compute_loss(cls: KerasClass, method: cst.FunctionDef) -> Iterator[Finding]:
    """Judge what a class puts in place of the `compute_loss` that `fit` calls."""
    module = cls.module
    if "y_pred" not in {p.name.value for p in method.params.params}:
        return
    scope = module.scope_of(method)
    step = cls.inherited("train_step")
    if scope is None or (step and _mentions_losses(step[1])):
        return
    itself = Term("self", method, scope, name="self")
    losses = returned(method, module)
    if not losses or not all(leaves_out(loss, itself, module) for loss in losses):
        return
    penalty = penalty_of(itself, module)
    if penalty or (_is_for_others(cls) and _is_passed(itself, cls)):
        message = "this `compute_loss` leaves out `self.losses`"
        fixes = _returned(method, losses[0]) if len(losses) == 1 else ()
        yield _finding(method.name, message, penalty, fixes)


def _mentions_losses(function: cst.FunctionDef) -> bool:
    return any(
        isinstance(node, cst.Attribute) and node.attr.value == "losses"
        for node in descendants(function)
    )


def _returned(method: cst.FunctionDef, loss: Term) -> tuple[Fix, ...]:
    for node in descendants(method.body):
        if isinstance(node, cst.Return) and node.value is loss.node and node.value is not None:
            return _plus(node.value, loss, "self")
    return ()


# -- The collection of TensorFlow 1


def _gets_penalties(call: Call) -> bool:
    """Tell whether a call reads the collection that TensorFlow 1 keeps penalties in."""
    if call.short != "get_collection":
        return True
    key = call.argument("key", 0)
    return key is not None and (dotted(key.value) or ("",))[-1] == _COLLECTION


def _fills_collection(module: Module) -> bool:
    """Tell whether a module makes anything that puts its penalties there."""
    return bool(module.calls_named(*_FILLING)) or any(
        str(meaning).startswith(_TF1)
        for site in module.calls
        for meaning in module.meaning(cst.ensure_type(site.node, cst.Call).func, site.scope)
    )
