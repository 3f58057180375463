"""RGL302."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import keras_classes
from reglint.analysis.configs import chain
from reglint.analysis.constructors import init
from reglint.analysis.syntax import cst, descendants, is_name
from reglint.keras_api.classes import Kind, base_class
from reglint.model import Finding, Fix, Replace
from reglint.rules.generated import get_config
from reglint.rules.rule import CLASS, Rule
from reglint.rules.stored_values import config_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module


class RegularizerGetConfig(Rule):
    """A custom regularizer has no `get_config` of its own, or asks its base for it.

    `Regularizer.get_config` raises `NotImplementedError`, unlike that of layers and models. A
    model with such a regularizer trains, and then fails where its configuration is needed:
    `model.save`, `to_json` and `clone_model` raise.

    ## Example

    ```python
    class Cubic(keras.regularizers.Regularizer):
        def __init__(self, factor=0.01):
            self.factor = factor

        def __call__(self, x):
            return self.factor * keras.ops.sum(keras.ops.abs(x) ** 3)
    ```

    Use instead:

    ```python
    class Cubic(keras.regularizers.Regularizer):
        def __init__(self, factor=0.01):
            self.factor = factor

        def __call__(self, x):
            return self.factor * keras.ops.sum(keras.ops.abs(x) ** 3)

        def get_config(self):
            return {"factor": self.factor}
    ```

    ## Fix safety

    Safe: training does not call `get_config`, and all that does fails without it. It is offered
    where each argument is stored under its own name.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1: saving, `to_json`, `clone_model`.
    """

    code = "RGL302"
    name = "regularizer-get-config"
    triggers = (b"keras", b"egularizer", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            if cls.kind is not Kind.REGULARIZER or not cls.complete or not _all_raise(cls):
                continue
            written = chain(cls)
            if not written.methods:
                if cls.inherited("__call__"):  # otherwise it is a base for others
                    message = f"`{cls.name}` has no `get_config`: a model with it cannot be saved"
                    yield Finding(cls.node.name, message, tuple(_written(cls)))
            elif written.reaches_keras and written.methods[-1][0].node is cls.node:
                for call in _asking(written.methods[-1][1]):
                    message = "`Regularizer.get_config` raises `NotImplementedError`"
                    fix = Fix("Start from an empty dictionary", (Replace(call, "{}"),))
                    yield Finding(call, message, (fix,))


def _all_raise(cls: KerasClass) -> bool:
    """Tell whether none of its bases in Keras has a `get_config` that works."""
    return all((base := base_class(name)) is not None and base.raises for name in cls.names)


def _written(cls: KerasClass) -> Iterator[Fix]:
    made = init(cls)
    values = config_values(made.parameters, made, cls) if made and not made.positional else {}
    if values is not None and (made or not cls.inherited("__init__")):
        change = get_config(cls, values, asks=False)
        if change:
            yield Fix("Write `get_config`", (change,))


def _asking(function: cst.FunctionDef) -> Iterator[cst.Call]:
    """Yield where a method calls `super().get_config()`."""
    for node in descendants(function.body):
        match node:
            case cst.Call(
                func=cst.Attribute(value=cst.Call(func=owner), attr=cst.Name("get_config")), args=[]
            ) if is_name(owner, "super"):
                yield node
