"""RGL406."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.calls import called
from reglint.model import Finding, Fix, Insert, Replace, Safety
from reglint.models import loops_around, targets
from reglint.rules.rule import Rule
from reglint.rules.values import listed
from reglint.scopes import Opaque, Site
from reglint.syntax import code, cst, descendants, is_name, path_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from reglint.model import Change
    from reglint.names import Module

    Function: TypeAlias = cst.Lambda | cst.FunctionDef
    Loop: TypeAlias = cst.For | cst.CompFor

# With any of these in its body a loop makes one model after the other, and each penalty is used up
# before its variable changes.
_ONE_BY_ONE = frozenset({
    "Input", "Model", "Sequential", "compile", "evaluate", "fit", "fit_generator",
    "train_on_batch",
})  # fmt: skip
_COLLECTS = frozenset({"add", "append", "extend", "insert"})


class LateBindingPenalty(Rule):
    """A penalty is a function that uses the variable of a loop, and sees only its last value.

    Python looks the variable up when the function is called, and Keras calls it when the loss is
    asked for, long after the loop. Measured for three layers with kernels of six ones and the
    factors 0.1, 0.2 and 0.3, `kernel_regularizer=lambda w: factor * sum(w)` makes penalties of
    1.8, 1.2 and 1.2 where 0.6, 0.8 and 1.2 are meant (the kernels of the second and third are
    smaller): each with the factor of the last. In tf.keras 2,
    `model.add_loss(lambda: penalty(layer.kernel))` in a loop penalises the last layer three times,
    and no other.

    A function that is used up in the same turn of the loop is no problem, as where each turn makes
    and trains a model of its own.

    ## Example

    ```python
    blocks = []
    for factor in (0.1, 0.2, 0.3):
        blocks.append(Dense(8, kernel_regularizer=lambda w: factor * keras.ops.sum(keras.ops.abs(w))))
    ```

    Use instead:

    ```python
    blocks = []
    for factor in (0.1, 0.2, 0.3):
        blocks.append(Dense(8, kernel_regularizer=lambda w, factor=factor: factor * keras.ops.sum(keras.ops.abs(w))))
    ```

    ## Fix safety

    Unsafe: the penalties become other ones, the ones that were meant.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    (Keras 3 has no `add_loss` of functions, and 3.1 to 3.14 refuse functions as regularizers of
    weights.) [tensorflow#42880](https://github.com/tensorflow/tensorflow/issues/42880),
    [tensorflow#37511](https://github.com/tensorflow/tensorflow/issues/37511).
    """

    code = "RGL406"
    name = "late-binding-penalty"
    triggers = (b"keras", b"for ", rb"lambda|def ", rb"add_loss|regularizer")

    def check_module(self, module: Module) -> Iterator[Finding]:
        for value, site in _penalties(module):
            function = _function(value, site, module)
            late = _late(function, site, module) if function else set()
            if function and late:
                message = f"the penalty sees {listed(sorted(late))} as the last turn of the loop left it"
                yield Finding(value, message, tuple(_fixes(function, late, value)))


def _penalties(module: Module) -> Iterator[tuple[cst.BaseExpression, Site]]:
    """Yield what is passed as a penalty, with the call that it is passed to."""
    for site in module.calls_named("add_loss"):
        node = cst.ensure_type(site.node, cst.Call)
        if node.args and isinstance(node.func, cst.Attribute):
            yield node.args[0].value, site
    for site in module.calls:
        for arg in cst.ensure_type(site.node, cst.Call).args:
            if arg.keyword and arg.keyword.value.endswith("regularizer"):
                if isinstance(arg.value, (cst.Lambda, cst.Name)) and _is_sink(site, module):
                    yield arg.value, site


def _is_sink(site: Site, module: Module) -> bool:
    node = cst.ensure_type(site.node, cst.Call)
    if isinstance(node.func, cst.Attribute) and node.func.attr.value == "add_weight":
        return is_name(node.func.value, "self")
    names = called(site, module)
    return bool(names) and all(name.startswith("keras.layers.") for name in names)
