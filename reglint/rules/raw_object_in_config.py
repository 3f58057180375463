"""RGL310."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reglint.classes import keras_classes
from reglint.configs import chain, init, stored
from reglint.model import Finding, Fix, Replace, Severity
from reglint.rules.generated import config_value
from reglint.rules.rule import CLASS, Rule
from reglint.rules.values import keras_name
from reglint.syntax import code, cst, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.classes import KerasClass
    from reglint.configs import Entry, Init
    from reglint.names import Module
    from reglint.scopes import Scope

_GETTERS = frozenset({
    "keras.constraints.get", "keras.initializers.get", "keras.regularizers.get",
})  # fmt: skip
# What makes a tensor or a variable; `K.cast_to_floatx` makes an array, which is fine.
_TENSORS = frozenset({
    "tensorflow.Variable", "tensorflow.cast", "tensorflow.constant", "tensorflow.convert_to_tensor",
    "keras.Variable", "keras.backend.constant", "keras.backend.variable", "keras.ops.array",
    "keras.ops.cast", "keras.ops.convert_to_tensor",
})  # fmt: skip


class RawObjectInConfig(Rule):
    """`get_config` writes an object where a plain value belongs.

    - A **tensor or variable** cannot be loaded: a regularizer that keeps its factor as
      `ops.convert_to_tensor(l2)` and writes it so raises `TypeError` in `load_model`,
      `clone_model` and `model_from_json`, on TensorFlow and JAX. Numbers of NumPy are fine.
    - A **regularizer, initializer or constraint** can be loaded from `.keras` files and from JSON,
      but not from HDF5 files: `ValueError: Unknown config_item: 'L2'`. Where the project saves no
      such files, that is worth a note at most.

    ## Example

    ```python
    class Ridge(keras.regularizers.Regularizer):
        def __init__(self, l2=0.01):
            self.l2 = keras.ops.convert_to_tensor(l2)

        def __call__(self, x):
            return self.l2 * keras.ops.sum(keras.ops.square(x))

        def get_config(self):
            return {"l2": self.l2}
    ```

    Use instead:

    ```python
    class Ridge(keras.regularizers.Regularizer):
        def __init__(self, l2=0.01):
            self.l2 = keras.ops.convert_to_tensor(l2)

        def __call__(self, x):
            return self.l2 * keras.ops.sum(keras.ops.square(x))

        def get_config(self):
            return {"l2": float(self.l2)}
    ```

    ## Fix safety

    Safe: training does not call `get_config`, and `__init__` makes the same of what is written. It
    is offered for tensors whose parameter has a number as its default.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, 3.15.1 with JAX: penalties after
    cloning, and after saving and loading as JSON, `.keras` and `.h5`.
    """

    code = "RGL310"
    name = "raw-object-in-config"
    since = (2, 4)
    triggers = (b"keras", b"get_config", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            made = init(cls)
            if made and made.definition.module is module and not cls.inherited("from_config"):
                for name, entry in chain(cls).entries.items():
                    if entry.definition.node is cls.node:
                        yield from _judged(name, entry, made, cls)


class _Kept(NamedTuple):
    """An expression that a method assigns to an attribute of `self`."""

    value: cst.BaseExpression
    scope: Scope


def _judged(name: str, entry: Entry, made: Init, cls: KerasClass) -> Iterator[Finding]:
    match entry.value:
        case cst.Attribute(value=cst.Name("self"), attr=cst.Name(attribute)):
            pass
        case _:
            return
    makers = {_maker(kept, cls.module) for kept in _kept(attribute, cls)}
    shown = f"`{code(entry.value)}`"
    if not makers:
        return
    if makers <= _TENSORS:
        fixes = _fixes(name, entry, made, cls) if _is_scalar(name, made) else ()
        yield Finding(entry.value, f"{shown} is a tensor, which cannot be loaded again", fixes)
    elif makers <= _GETTERS:
        message = f"{shown} is an object, which cannot be loaded from HDF5 files"
        saved = cls.module.project.mentions("hdf5")
        severity = Severity.WARNING if saved else Severity.INFO
        yield Finding(entry.value, message, _fixes(name, entry, made, cls), severity)


def _kept(attribute: str, cls: KerasClass) -> Iterator[_Kept]:
    """Yield all that the methods of a class assign to an attribute."""
    for definition in cls.lineage:
        for function in definition.node.body.body:
            scope = definition.module.scope_of(function)
            if isinstance(function, cst.FunctionDef) and scope:
                for value in stored(function).get(attribute, ()):
                    yield _Kept(value, scope)


def _maker(kept: _Kept, module: Module) -> str:
    """Return what in Keras or TensorFlow is called for a value, if anything is."""
    if not isinstance(kept.value, cst.Call):
        return ""
    return keras_name(kept.value.func, kept.scope, module) or ""


def _is_scalar(name: str, made: Init) -> bool:
    parameter = made.parameters.get(name)
    return parameter is not None and number(parameter.node.default) is not None


def _fixes(name: str, entry: Entry, made: Init, cls: KerasClass) -> tuple[Fix, ...]:
    text = config_value(name, made, cls)
    if text is None or text == code(entry.value):
        return ()
    return (Fix(f"Write `{text}`", (Replace(entry.value, text),)),)
