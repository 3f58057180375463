"""RGL110."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.calls import enclosing_bases
from reglint.analysis.classes import class_around, is_rewritten
from reglint.analysis.guards import reachable
from reglint.analysis.syntax import code, cst, string
from reglint.model import Finding, Fix, Replace
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site

# The order of Keras 2; Keras 3 starts with the shape.
_PARAMETERS = (
    "name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint",
)  # fmt: skip


class LegacyAddWeight(Rule):
    """`add_weight` gets the name of the weight by position.

    In Keras 2 the first parameter of `Layer.add_weight` is `name`, in Keras 3 it is `shape`. So
    `self.add_weight("kernel", (3, 4), regularizer="l2")` takes the name for a shape: Keras 3.0
    raises `ValueError` or `TypeError`, Keras 3.15 `ValueError`, when the layer is built.

    By keyword, the call means the same in both.

    ## Example

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight("scale", (input_shape[-1],), regularizer="l2")
    ```

    Use instead:

    ```python
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), regularizer="l2")
    ```

    ## Fix safety

    Safe: the call is the same in Keras 2, and in Keras 3 it could not run.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL110"
    name = "legacy-add-weight"
    since = (3, 0)
    triggers = (b"keras", b"add_weight")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls:
            call = cst.ensure_type(site.node, cst.Call)
            match call:
                case cst.Call(
                    func=cst.Attribute(value=cst.Name("self"), attr=cst.Name("add_weight")),
                    args=[cst.Arg(keyword=None, star="", value=first), *_],
                ) if string(first) is not None and self._is_layer_of_keras_3(site, module):
                    message = "`add_weight` of Keras 3 takes the shape first, and not the name"
                    yield Finding(first, message, _fixes(call))

    def _is_layer_of_keras_3(self, site: Site, module: Module) -> bool:
        """Tell whether a method may belong to a layer of a Keras this is wrong in."""
        bases = enclosing_bases(site, module)
        if any(base.root == "tf_keras" for base in bases):
            return False  # the project sees to it that this is Keras 2
        names = [base.name.removeprefix("keras.layers.") for base in bases]
        if not any(name == "keras.Model" or keras_api.layer(name) for name in names):
            return False
        if _has_its_own(site, module):
            return False
        return any(v >= self.since for v in reachable(site.branch, module))


def _has_its_own(site: Site, module: Module) -> bool:
    """Tell whether the class around a place has an `add_weight` of the project."""
    cls = class_around(site.scope, module)
    return cls is not None and (
        cls.inherited("add_weight") is not None
        or any(is_rewritten(definition, ("add_weight",)) for definition in cls.lineage)
    )


def _fixes(call: cst.Call) -> tuple[Fix, ...]:
    positional = [arg for arg in call.args if arg.keyword is None]
    given = {arg.keyword.value for arg in call.args if arg.keyword}
    names = _PARAMETERS[: len(positional)]
    if any(arg.star for arg in call.args) or len(positional) > len(names) or given & set(names):
        return ()
    pairs = zip(names, positional, strict=True)
    changes = tuple(Replace(arg, f"{name}={code(arg.value)}") for name, arg in pairs)
    return (Fix("Pass it by keyword", changes),)
