"""RGL405."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.calls import targets
from reglint.classes import class_around, class_of
from reglint.guards import reachable, releases
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, RemoveLine, Safety
from reglint.models import is_built_layer, made_by
from reglint.rules.rule import Rule
from reglint.rules.values import append_arguments, keras_name
from reglint.scopes import Class, Opaque, Site
from reglint.syntax import code, cst, descendants, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.classes import KerasClass
    from reglint.names import Module
    from reglint.scopes import Value

_FUNCTION = "`add_loss` of Keras 3 takes a tensor, and not a function"
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
    | `add_loss` of a `Sequential`, or layer | a tensor is lost, a function raises | functions only |
    | `add_loss` of a functional model | `NotImplementedError`, with no message | symbolic tensors |

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],))
            self.add_loss(lambda: keras.regularizers.L2(0.01)(self.scale))

        def call(self, inputs):
            return inputs * self.scale
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), regularizer=keras.regularizers.L2(0.01))

        def call(self, inputs):
            return inputs * self.scale
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
                case cst.Call(
                    func=cst.Attribute(value=owner), args=[cst.Arg(star="", value=loss)]
                ) as call:
                    found = (
                        _in_class(loss, site, module)
                        if is_name(owner, "self")
                        else _outside(owner, loss, site, module)
                    )
                    if found:
                        yield Finding(call, found, tuple(_fixes(call, loss, site, module)))


def _in_class(loss: cst.BaseExpression, site: Site, module: Module) -> str | None:
    """Return what is wrong with a loss that a method adds to its own layer or model."""
    cls = class_around(site.scope, module)
    function = site.scope.node
    if (
        cls is None
        or cls.kind not in {Kind.LAYER, Kind.MODEL}
        or cls.inherited("add_loss")
        or not isinstance(function, cst.FunctionDef)
        or cls.method(function.name.value) is not function
        or function.name.value not in {"__init__", "build"}
    ):
        return None
    keras_3 = _may_be_keras_3(cls.root, site, module)
    if _is_function(loss, site, module):
        return _FUNCTION if keras_3 else None
    if function.name.value == "__init__" and _is_functional(cls, function):
        return _FUNCTIONAL if keras_3 else None
    return f"a loss that `{function.name.value}` adds is lost when the layer is called"


def _outside(
    owner: cst.BaseExpression, loss: cst.BaseExpression, site: Site, module: Module
) -> str | None:
    """Return what is wrong with a loss that is added to a layer or model from outside."""
    if class_around(site.scope, module) and _kind_around(site, module) in {Kind.LAYER, Kind.MODEL}:
        return None
    ...
