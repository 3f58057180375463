"""RGL405."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.built import receivers
from reglint.analysis.canonical import keras_name
from reglint.analysis.classes import class_around
from reglint.analysis.guards import reachable, releases
from reglint.analysis.syntax import code, cst, descendants, is_name
from reglint.keras_api.classes import LAYERS
from reglint.model import Finding, Fix, RemoveLine, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import line_of, regularized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site
    from reglint.model import Version

_FUNCTION = "`add_loss` of Keras 3 takes a tensor, and not a function"
_IN_BUILD = "a loss that `build` adds is lost when the layer is called"
_IN_INIT = "a loss that `__init__` adds is lost when the layer is called, in Keras 3"
_FROM_OUTSIDE = "a loss that is added outside of `call` is lost at the next call, in Keras 3"
_FUNCTIONAL = "`add_loss` of a functional model raises `NotImplementedError` in Keras 3"


class AddLossOutsideCall(Rule):
    """A loss is added outside of `call`, where it is lost or refused.

    What `call` adds is there until the next call. Measured for a weight of 1.0 and
    `add_loss(0.02 * w)`:

    | where | Keras 3 | tf.keras 2 |
    |---|---|---|
    | a tensor in `call` | 0.02 | 0.02 |
    | a tensor in `build` | lost, 0.0 in `evaluate` | 0.0 in `evaluate`, the weight stays 1.0 |
    | a tensor in `__init__` | in `losses`, lost at the first call | `ValueError` |
    | a function in `__init__` or `build` | `ValueError` | 0.02 |
    | to a `Sequential` or a layer | a tensor is lost, a function raises | only functions |
    | to a functional model | `NotImplementedError`, with no message | symbolic tensors only |

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=input_shape[1:])
            self.add_loss(lambda: keras.regularizers.L2(0.01)(self.w))

        def call(self, inputs):
            return inputs * self.w
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=input_shape[1:], regularizer=keras.regularizers.L2(0.01))

        def call(self, inputs):
            return inputs * self.w
    ```

    ## Fix safety

    Unsafe: in Keras 3 the penalty is there from then on, where it was lost; in tf.keras 2 the
    number of a function stays the same. There is no fix for losses of anything but one weight:
    those belong into `call`, or into a layer of their own.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    """

    code = "RGL405"
    name = "add-loss-outside-call"
    since = (2, 4)
    triggers = (b"keras", b"add_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named("add_loss"):
            match site.node:
                case (
                    cst.Call(
                        func=cst.Attribute(value=owner), args=[cst.Arg(star="", value=loss)]
                    ) as call
                ):
                    found = (
                        _in_class(loss, site, module)
                        if is_name(owner, "self")
                        else _outside(loss, site, module)
                    )
                    if found:
                        yield Finding(call, found, tuple(_fixes(call, loss, site, module)))


def _in_class(loss: cst.BaseExpression, site: Site, module: Module) -> str | None:
    """Return what is wrong with a loss that a method adds to its own layer or model."""
    cls = class_around(site.scope, module)
    function = site.scope.node
    if (
        cls is None
        or cls.kind not in LAYERS
        or cls.inherited("add_loss")
        or not isinstance(function, cst.FunctionDef)
        or cls.method(function.name.value) is not function
        or function.name.value not in {"__init__", "build"}
    ):
        return None
    in_build = function.name.value == "build"
    if not _may_be_keras_3(releases(cls.root, reachable(site.branch, module))):
        tensor_in_build = in_build and not _is_function(loss, site, module)
        return _IN_BUILD if tensor_in_build else None
    if _is_function(loss, site, module):
        return _FUNCTION
    if in_build:
        return _IN_BUILD
    return _FUNCTIONAL if _is_made_functional(function) else _IN_INIT


def _outside(loss: cst.BaseExpression, site: Site, module: Module) -> str | None:
    """Return what is wrong with a loss that is added to a layer or model from outside."""
    cls = class_around(site.scope, module)
    if cls and cls.kind in LAYERS:
        return None  # who knows when
    found = receivers(site, module)
    if not found or not all(map(_may_be_keras_3, (receiver.versions for receiver in found))):
        return None
    if all(receiver.is_functional for receiver in found):
        return _FUNCTIONAL
    return _FUNCTION if _is_function(loss, site, module) else _FROM_OUTSIDE


def _may_be_keras_3(versions: frozenset[Version]) -> bool:
    return any(version >= (3, 0) for version in versions)


def _is_function(node: cst.BaseExpression, site: Site, module: Module) -> bool:
    """Tell whether an expression is a function: a lambda, a name for one, a `partial`."""
    value = module.expression(node, site.scope)
    if value and isinstance(value.node, cst.Call):
        return module.meaning(value.node.func, value.scope) == {"functools.partial"}
    return module.function(node, site.scope) is not None


def _is_made_functional(function: cst.FunctionDef) -> bool:
    """Tell whether a constructor hands inputs and outputs on to that of `Model`."""
    for node in descendants(function.body):
        if isinstance(node, cst.Call) and code(node.func).endswith("__init__"):
            given = {arg.keyword.value if arg.keyword else i for i, arg in enumerate(node.args)}
            if given & {"inputs", "outputs", 1}:
                return True
    return False


def _fixes(call: cst.Call, loss: cst.BaseExpression, site: Site, module: Module) -> Iterator[Fix]:
    """Hand the regularizer of one weight to the `add_weight` that makes it."""
    function = site.scope.node
    penalty = loss.body if isinstance(loss, cst.Lambda) else loss
    match function, penalty:
        case (
            cst.FunctionDef() as method,
            cst.Call(
                func=regularizer,
                args=[cst.Arg(value=cst.Attribute(value=cst.Name("self")) as weight, keyword=None)],
            ),
        ) if _is_regularizer(regularizer, site, module):
            line = line_of(call, method)
            made = [*_made(code(weight), method)]
            given = regularized(made[0], code(regularizer)) if len(made) == 1 else None
            if line and given:
                reason = "it adds a penalty that is lost in Keras 3"
                title = "Give the regularizer to the weight"
                yield Fix(title, (given, RemoveLine(line)), Safety.UNSAFE, reason)


def _is_regularizer(node: cst.BaseExpression, site: Site, module: Module) -> bool:
    match node:
        case cst.Call(func=function):
            name = keras_name(function, site.scope, module) or ""
            return name.startswith("keras.regularizers.")
        case cst.Attribute(value=cst.Name("self"), attr=cst.Name(name)):
            return name.endswith("regularizer")
    return False


def _made(weight: str, method: cst.FunctionDef) -> Iterator[cst.Call]:
    """Yield the calls of `add_weight` that make a weight, in lines of their own."""
    for line in method.body.body:
        match line:
            case cst.SimpleStatementLine(
                body=[
                    cst.Assign(
                        targets=[cst.AssignTarget(target)],
                        value=cst.Call(func=cst.Attribute(attr=cst.Name("add_weight"))) as made,
                    )
                ]
            ) if code(target) == weight:
                yield made
