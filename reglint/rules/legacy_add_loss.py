"""RGL111."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.built import receivers
from reglint.analysis.classes import class_around
from reglint.analysis.scopes import Imported
from reglint.analysis.syntax import code, cst, descendants, dotted, is_name, number
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, Remove, Replace
from reglint.rules.rule import Rule
from reglint.rules.values import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.built import Receiver
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site

_KERAS_3 = (3, 0)


class LegacyAddLoss(Rule):
    """A loss is added to a layer or model in a way that Keras 3 does not know any more.

    - `add_loss(loss, inputs)` and `add_loss(loss, inputs=...)` raise `TypeError` in Keras 3;
      tf.keras 2 ignores the keyword, and refuses the position. In multi-backend Keras 2 it told
      that the loss depends on these inputs, as in the variational autoencoders of that time.
    - `add_loss(losses=...)` raises `TypeError` in Keras 3, where the parameter is called `loss`.
    - `add_loss(0.0)` raises `ValueError` in Keras 3, which takes tensors only; tf.keras 2 adds it.
    - `get_losses_for` is gone in Keras 3, and since 2.15 at the latest in tf.keras.
    - What a layer appends to `self.regularizers`, as layers of Keras 1 did, is not read by Keras 2
      and 3: the weights are not regularized.

    ## Example

    ```python
    class Sparse(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.01 * tf.reduce_mean(tf.square(inputs)), inputs=inputs)
            return inputs
    ```

    Use instead:

    ```python
    class Sparse(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.01 * tf.reduce_mean(tf.square(inputs)))
            return inputs
    ```

    ## Fix safety

    Safe: tf.keras 2 makes the same of both, and Keras 3 raised. For the rest no fix is offered:
    `get_losses_for(None)` is `losses` of the weights alone, and a list of regularizers becomes the
    argument `regularizer` of `add_weight`.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    """

    code = "RGL111"
    name = "legacy-add-loss"
    since = (2, 0)
    triggers = (b"keras", rb"add_loss|get_losses_for|\.regularizers\.")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named("add_loss", "get_losses_for"):
            call, found = cst.ensure_type(site.node, cst.Call), receivers(site, module)
            if not found or not all(map(_may_be_keras_3, found)):
                continue
            if not code(call.func).endswith("get_losses_for"):
                yield from _arguments(call, found[0])
            elif not _is_override(site):
                yield Finding(call.func, "`get_losses_for` is gone in Keras 3")
        yield from _collected(module)


def _may_be_keras_3(receiver: Receiver) -> bool:
    return any(version >= _KERAS_3 for version in receiver.versions)


def _is_override(site: Site) -> bool:
    """Tell whether a method hands on what it was asked: nobody in Keras 3 asks `get_losses_for`."""
    function = site.scope.enclosing(cst.FunctionDef)
    node = function.node if function else None
    return isinstance(node, cst.FunctionDef) and node.name.value == "get_losses_for"


def _arguments(call: cst.Call, receiver: Receiver) -> Iterator[Finding]:
    if not call.args or any(arg.star for arg in call.args):
        return
    loss, *others = call.args
    for place, arg in enumerate(call.args):
        if arg.keyword and arg.keyword.value == "losses":
            fixes = () if place else (Fix("Pass it by position", (Replace(arg, code(arg.value)),)),)
            yield Finding(arg.keyword, "`losses` of `add_loss` is `loss` in Keras 3", fixes)
        if is_name(arg.keyword, "inputs") or (place == 1 and arg.keyword is None):
            fix = Fix("Remove the inputs", (Remove(arg, tuple(call.args)),))
            yield Finding(arg, "`add_loss` of Keras 3 takes no inputs", (fix,))
    value = receiver.module.expression(loss.value, receiver.scope)
    if value and number(value.node) is not None and not others:
        message = "`add_loss` of Keras 3 takes a tensor, and not a number"
        yield Finding(loss.value, message, tuple(_converted(loss.value, receiver)))


def _converted(node: cst.BaseExpression, receiver: Receiver) -> Iterator[Fix]:
    """Make a tensor of a number, in a way that every Keras in question has."""
    function = None
    if receiver.module.meaning(cst.Name("tf"), receiver.scope) == {"tensorflow"}:
        function = "tf.constant"
    elif all(version >= _KERAS_3 for version in receiver.versions):
        ops = reference(receiver, "ops")
        function = f"{ops[0]}.convert_to_tensor" if ops and not ops[1] else None
    if function and (value := number(node)) is not None:
        change = Replace(node, f"{function}({float(value)})")
        yield Fix(f"Use `{function}`", (change,))


def _collected(module: Module) -> Iterator[Finding]:
    """Find what layers put into `self.regularizers`, if nobody in the file takes it out again."""
    put: list[cst.Attribute] = []
    for site in module.calls_named("append", "extend"):
        match site.node:
            case cst.Call(
                func=cst.Attribute(
                    value=cst.Attribute(
                        value=cst.Name("self"), attr=cst.Name("regularizers")
                    ) as kept
                )
            ) if (cls := class_around(site.scope, module)) and cls.kind is Kind.LAYER:
                put.append(kept)
    stores = len(module.attributes.get("regularizers", ()))
    if put and sum(_is_of_object(n, module) for n in descendants(module.tree)) == len(put) + stores:
        message = "`regularizers` of a layer is not read since Keras 2: there is no penalty"
        yield from (Finding(kept, message) for kept in put)


def _is_of_object(node: cst.CSTNode, module: Module) -> bool:
    """Tell whether this is `regularizers` of anything but a package."""
    if not isinstance(node, cst.Attribute) or node.attr.value != "regularizers":
        return False
    first = next(iter(dotted(node)), "")
    return not any(isinstance(b, Imported) for b in module.scope.names.get(first, ()))
