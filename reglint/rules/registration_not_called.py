"""RGL308."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import keras_name
from reglint.analysis.syntax import code, cst
from reglint.model import Finding, Fix, Insert
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module

_REGISTER = "keras.saving.register_keras_serializable"


class RegistrationNotCalled(Rule):
    """`register_keras_serializable` decorates without being called.

    It is not a decorator itself; it makes one, from a package and a name. Without parentheses it
    takes the class for the package, registers nothing, and puts a function in place of the class:
    making an instance raises `AttributeError`, and so do deriving from it and `isinstance`, each
    with an error that says nothing about the cause.

    ## Example

    ```python
    @keras.saving.register_keras_serializable
    class Cubic(keras.regularizers.Regularizer):
        pass
    ```

    Use instead:

    ```python
    @keras.saving.register_keras_serializable()
    class Cubic(keras.regularizers.Regularizer):
        pass
    ```

    ## Fix safety

    Safe: what is decorated cannot be used as it is.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL308"
    name = "registration-not-called"
    triggers = (b"keras", b"register_keras_serializable")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.decorators:
            decorator = cst.ensure_type(site.node, cst.Decorator).decorator
            if not isinstance(decorator, (cst.Name, cst.Attribute)):
                continue
            if keras_name(decorator, site.scope, module) == _REGISTER:
                message = f"`{code(decorator)}` is not called, and takes the class for its package"
                yield Finding(decorator, message, (Fix("Call it", (Insert(decorator, "()"),)),))
