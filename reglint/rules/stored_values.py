"""What `get_config` has to write for the parameters of a class, as `__init__` stores them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import keras_name
from reglint.analysis.constructors import always_stored
from reglint.analysis.syntax import code, cst, descendants, dotted, is_name, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.constructors import Init

# Conversions that Keras can do again: the result may be passed in place of what was converted.
_REPEATABLE = {"float", "int", "bool", "str", "tuple", "list", "dict"}
_TO_TENSOR = {
    "constant", "convert_to_tensor", "cast_to_floatx", "variable", "Variable", "float32", "asarray",
    "array", "cast",
}  # fmt: skip
# Types of what a configuration can hold; one that says nothing is believed.
_PLAIN_TYPES = {
    "int", "float", "str", "bool", "None", "list", "tuple", "dict", "List", "Tuple", "Dict",
    "Sequence", "Iterable", "Mapping", "Optional", "Union", "Literal", "Any", "Text", "Number",
}  # fmt: skip
# What Keras makes of a string or a dictionary, by the end of the name of a parameter.
_FAMILIES = {
    "regularizer": "regularizers",
    "initializer": "initializers",
    "constraint": "constraints",
}


def config_value(name: str, init: Init, cls: KerasClass) -> str | None:
    """Return what `get_config` has to write for a parameter; nothing if that is not clear."""
    if init.definition.module is not cls.module or _is_remade(name, init):
        return None
    always = always_stored(init.function, init.definition.module)
    for attribute in (name, *init.stored):
        values = init.stored.get(attribute, [])
        if attribute not in always or len({code(value) for value in values}) != 1:
            continue
        known = _stored_as(values[0], name, f"self.{attribute}", init)
        if known == f"self.{attribute}" and not _is_plain(name, attribute, init, cls):
            return None
        if known:
            return known
    return None


def config_values(names: Iterable[str], init: Init, cls: KerasClass) -> dict[str, str] | None:
    """Return what `get_config` has to write for some parameters, if that is clear for each."""
    values = {name: config_value(name, init, cls) for name in names}
    known = {name: value for name, value in values.items() if value is not None}
    return known if len(known) == len(values) else None


def _is_plain(name: str, attribute: str, init: Init, cls: KerasClass) -> bool:
    """Tell whether a parameter may be something that a configuration can hold as it is.

    That is nothing that is called or has attributes, such as a layer, a function or a class.
    """
    param = init.parameters[name].node
    if param.default is not None and not _is_literal(param.default):
        return False
    if param.annotation and not _PLAIN_TYPES.issuperset(_words(param.annotation.annotation)):
        return False
    paths: set[tuple[str, ...]] = {(name,), ("self", attribute)}
    return not any(
        dotted(node) in paths
        for definition in cls.lineage
        for whole in descendants(definition.node.body)
        if isinstance(whole, (cst.Call, cst.Attribute))
        for node in [whole.func if isinstance(whole, cst.Call) else whole.value]
    )


def _is_remade(name: str, init: Init) -> bool:
    """Tell whether a parameter is replaced by what cannot be passed again: `size = 2 * size`."""
    for node in descendants(init.function.body):
        match node:
            case cst.AugAssign(target=target) if is_name(target, name):
                return True
            case cst.Assign(targets=[cst.AssignTarget(target=target)], value=value) if (
                is_name(target, name)
                and any(is_name(part, name) for part in descendants(value))
                and _stored_as(value, name, name, init) != name
            ):
                return True
    return False


def _is_literal(node: cst.BaseExpression) -> bool:
    """Tell whether a default is made of numbers, strings, `None`, `True` and `False` only."""
    return all(
        part.value in {"None", "True", "False"}
        for part in descendants(node)
        if isinstance(part, cst.Name)
    ) and not any(isinstance(part, cst.Lambda) for part in descendants(node))


def _words(annotation: cst.BaseExpression) -> set[str]:
    """Return the names in an annotation, without the modules that they come from."""
    owners = {id(n.value) for n in descendants(annotation) if isinstance(n, cst.Attribute)}
    return {
        node.value
        for node in descendants(annotation)
        if isinstance(node, cst.Name) and id(node) not in owners
    }


def _stored_as(value: cst.BaseExpression, name: str, attribute: str, init: Init) -> str | None:
    family = _FAMILIES.get(name.rpartition("_")[2])
    match value:
        case cst.Name(stored) if stored == name:
            return None if family else attribute
        case cst.BooleanOperation(left=cst.Name(stored), operator=cst.Or()) if stored == name:
            return None if family else attribute
        case cst.Call(func=function, args=[cst.Arg(value=cst.Name(stored), keyword=None), *_]) if (
            stored == name
        ):
            return _converted(function, name, attribute, init)
    return None


def _converted(function: cst.BaseExpression, name: str, attribute: str, init: Init) -> str | None:
    """Return how to write what came out of `function(parameter)`."""
    module, scope = init.definition.module, init.definition.scope
    known = keras_name(function, scope, module) or ""
    if (
        known.startswith("keras.")
        and known.endswith(".get")
        and isinstance(function, cst.Attribute)
    ):
        return f"{code(function.value)}.serialize({attribute})"
    if isinstance(function, cst.Name) and function.value in _REPEATABLE:
        return attribute
    last = function.attr.value if isinstance(function, cst.Attribute) else code(function)
    scalar = last == "cast_to_floatx" or _is_number(init.parameters[name].node)
    return f"float({attribute})" if last in _TO_TENSOR and scalar else None


def _is_number(param: cst.Param) -> bool:
    """Tell whether a parameter surely is one number."""
    if param.annotation:
        return _words(param.annotation.annotation) <= {"float", "int"}
    return number(param.default) is not None
