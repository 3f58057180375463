"""RGL310."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.canonical import keras_name
from reglint.analysis.classes import keras_classes
from reglint.analysis.configs import chain
from reglint.analysis.constructors import init, stored
from reglint.analysis.syntax import code, cst, number
from reglint.model import Finding, Fix, Replace, Severity
from reglint.rules.rule import CLASS, Rule
from reglint.rules.stored_values import config_values
from reglint.rules.values import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.configs import Entry
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

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
                yield from _judged(cls, made)


def _judged(cls: KerasClass, made: Init) -> Iterator[Finding]:
    """Find what a class writes itself: one finding for all tensors, and one for all objects."""
    own = {
        name: entry for name, entry in chain(cls).entries.items() if entry.definition.defines(cls)
    }
    makers = {name: _makers(entry.value, cls) for name, entry in own.items()}
    tensors = {name: own[name] for name, found in makers.items() if found and found <= _TENSORS}
    if tensors:
        scalars = all(_is_scalar(name, made) for name in tensors)
        fixes = _fixes(tensors, made, cls) if scalars else ()
        yield _finding(tensors, ("is a tensor", "are tensors"), "again", fixes)
    objects = {name: own[name] for name, found in makers.items() if found and found <= _GETTERS}
    if objects:
        severity = Severity.WARNING if cls.module.project.mentions("hdf5") else Severity.INFO
        fixes = _fixes(objects, made, cls)
        found = _finding(objects, ("is an object", "are objects"), "from HDF5 files", fixes)
        yield replace(found, severity=severity)


def _finding(
    entries: Mapping[str, Entry], what: tuple[str, str], where: str, fixes: tuple[Fix, ...]
) -> Finding:
    values = [entry.value for entry in entries.values()]
    several = len(values) > 1
    message = f"{listed(map(code, values))} {what[several]}, which cannot be loaded {where}"
    return Finding(values[0], message, fixes)


def _makers(value: cst.BaseExpression, cls: KerasClass) -> set[str]:
    """Return what makes the attribute of `self` that an expression is; "" is for anything else."""
    match value:
        case cst.Attribute(value=cst.Name("self"), attr=cst.Name(attribute)):
            return {_maker(kept, cls.module) for kept in _kept(attribute, cls)}
    return set()


class _Kept(NamedTuple):
    """An expression that a method assigns to an attribute of `self`."""

    value: cst.BaseExpression
    scope: Scope


def _kept(attribute: str, cls: KerasClass) -> Iterator[_Kept]:
    """Yield all that the methods of a class assign to an attribute."""
    for definition in cls.lineage:
        for function in definition.node.body.body:
            scope = definition.module.scope_of(function)
            if isinstance(function, cst.FunctionDef) and scope:
                for value in stored(function, definition.module).get(attribute, ()):
                    yield _Kept(value, scope)


def _maker(kept: _Kept, module: Module) -> str:
    """Return what in Keras or TensorFlow is called for a value, if anything is."""
    if not isinstance(kept.value, cst.Call):
        return ""
    return keras_name(kept.value.func, kept.scope, module) or ""


def _is_scalar(name: str, made: Init) -> bool:
    parameter = made.parameters.get(name)
    return parameter is not None and number(parameter.node.default) is not None


def _fixes(entries: Mapping[str, Entry], made: Init, cls: KerasClass) -> tuple[Fix, ...]:
    texts = config_values(entries, made, cls)
    if texts is None or any(text == code(entries[name].value) for name, text in texts.items()):
        return ()
    changes = tuple(Replace(entry.value, texts[name]) for name, entry in entries.items())
    return (Fix(f"Write {listed(texts.values())}", changes),)
