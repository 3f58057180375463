"""RGL407."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import keras_name
from reglint.analysis.classes import keras_classes
from reglint.analysis.constructors import init
from reglint.analysis.syntax import children, cst, descendants, is_name, last_name
from reglint.keras_api.classes import LAYERS, base_class
from reglint.model import Finding, Severity
from reglint.rules.rule import CLASS, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.constructors import Init
    from reglint.analysis.names import Module

# What may look at attributes and parameters without naming them.
_REFLECTION = frozenset({"__dict__", "getattr", "locals", "setattr", "vars"})


class UnusedRegularizerParameter(Rule):
    """A layer takes a regularizer, and does nothing with it.

    The parameter is stored at most, and never reaches a weight: not `add_weight(regularizer=...)`,
    not a layer inside, not the base class. Whoever passes one gets a model that trains without:
    measured for `Linear(8, kernel_regularizer="l2")` as below, `losses` is `[]`.

    ## Example

    ```python
    class Linear(keras.layers.Layer):
        def __init__(self, units, kernel_regularizer=None):
            super().__init__()
            self.units = units
            self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units))

        def call(self, inputs):
            return inputs @ self.kernel
    ```

    ## Fix safety

    There is no fix: which weight it is meant for, the class has to tell.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1.
    """

    code = "RGL407"
    name = "unused-regularizer-parameter"
    severity = Severity.WARNING
    triggers = (b"keras", b"def __init__", b"_regularizer", CLASS)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for cls in keras_classes(module):
            made = init(cls)
            if made is None or not made.definition.defines(cls):
                continue
            for parameter in made.parameters.values():
                name = parameter.name
                if name.endswith("regularizer") and _is_unused(name, made, cls) and _is_whole(cls):
                    message = f"`{cls.name}` takes `{name}`, and does nothing with it"
                    yield Finding(parameter.node.name, message)


def _is_whole(cls: KerasClass) -> bool:
    """Tell whether a class is a layer or model that does something, and plainly."""
    if cls.kind not in LAYERS or any(map(_reflects, descendants(cls.node))):
        return False
    return any(cls.inherited(name) for name in ("build", "call", "__call__"))


def _reflects(node: cst.CSTNode) -> bool:
    return last_name(node) in _REFLECTION


def _is_unused(name: str, made: Init, cls: KerasClass) -> bool:
    stores = list(_stores(name, made))
    inside = {id(node) for store in stores for node in descendants(store)}
    for node in descendants(made.function.body):
        if is_name(node, name) and id(node) not in inside:
            return False
    attributes = {attribute for store in stores for attribute in _attributes(store)}
    return not attributes or not (_is_read_by_keras(attributes, cls) or _are_read(attributes, cls))


def _stores(name: str, made: Init) -> Iterator[cst.Assign]:
    """Yield where a parameter, or the regularizer that it tells, is put into an attribute."""
    module, scope = made.definition.module, made.definition.scope
    for node in descendants(made.function.body):
        match node:
            case cst.Assign(targets=targets, value=cst.Name() as value):
                pass
            case cst.Assign(targets=targets, value=cst.Call(func=function, args=[cst.Arg(value)])):
                if keras_name(function, scope, module) != "keras.regularizers.get":
                    continue
            case _:
                continue
        if is_name(value, name) and all(_is_own(target.target) for target in targets):
            yield node


def _is_own(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Attribute) and is_name(node.value, "self")


def _attributes(store: cst.Assign) -> Iterator[str]:
    for target in store.targets:
        yield cst.ensure_type(target.target, cst.Attribute).attr.value


def _is_read_by_keras(attributes: set[str], cls: KerasClass) -> bool:
    """Tell whether a base in Keras, or an unknown one, may look at an attribute."""
    if not cls.complete or attributes & {"activity_regularizer", "_activity_regularizer"}:
        return True
    for name in cls.names:
        base = base_class(name)
        if base is None or not base.measured:
            return True
        taken = {*base.config, *base.parameters}
        if taken & {attribute.lstrip("_") for attribute in attributes}:
            return True
    return False


def _are_read(attributes: set[str], cls: KerasClass) -> bool:
    """Tell whether anything looks at an attribute but what is written to a configuration."""
    family = [definition.node for definition in cls.lineage]
    family += [other.node for other in keras_classes(cls.module) if _derives(other, cls)]
    modules = {id(definition.module): definition.module for definition in cls.lineage}
    return any(_reads(module.tree, attributes, family) for module in modules.values())


def _derives(cls: KerasClass, base: KerasClass) -> bool:
    return any(definition.node is base.node for definition in cls.lineage)


def _reads(tree: cst.CSTNode, attributes: set[str], family: list[cst.ClassDef]) -> bool:
    """Tell whether code reads one of the attributes: that of `self` only within the family."""
    stack = [(tree, True)]
    while stack:
        node, counts = stack.pop()
        match node:
            case cst.FunctionDef(name=cst.Name("get_config" | "from_config")):
                continue
            case cst.AssignTarget(target=cst.Attribute(value=owner)):
                stack.append((owner, counts))
                continue
            case cst.ClassDef():
                counts = any(node is member for member in family)
            case cst.Attribute(value=owner, attr=cst.Name(name)) if name in attributes:
                if counts or not is_name(owner, "self"):
                    return True
        stack.extend((child, counts) for child in children(node))
    return False
