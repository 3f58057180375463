"""Whether a class is registered, so that Keras finds it when a model is loaded.

There are many ways: the decorator, under any name; a decorator of the project that calls it; a call
behind the class; `get_custom_objects().update(...)`; `custom_object_scope({...})` where models are
loaded. Who cannot tell says yes: the rules speak of classes that nobody registers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.analysis.canonical import Symbol, keras_name
from reglint.analysis.classes import Definition, resolved
from reglint.analysis.scopes import Opaque
from reglint.analysis.syntax import callee, code, cst, descendants

if TYPE_CHECKING:
    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

REGISTER = "keras.saving.register_keras_serializable"
# A decorator from elsewhere that says it registers is taken at its word.
_TELLING = re.compile(r"(?i)regist|serializ|export|custom_object")
_REGISTERS = re.compile(r"register_keras_serializable|custom_objects")
_DEEPEST = 8  # decorators made by decorators, imports of imports


def is_registered(cls: KerasClass) -> bool:
    """Tell whether anything in the project registers a class, or may do so."""
    return (
        any(
            _registers(callee(item.decorator), cls.scope, cls.module)
            for item in cls.node.decorators
        )
        or cls.name in cls.module.once(_registered_by_call)
        or cls.module.once(_looks_itself_up)
        or cls.module.project.is_custom_object(cls.name)
    )


def _looks_itself_up(module: Module) -> bool:
    """Tell whether a module has a `deserialize` of its own that finds all its classes.

    `deserialize_keras_object(config, module_objects=globals())`, as Keras' own modules have it.
    """
    return any(
        arg.keyword and arg.keyword.value == "module_objects"
        for site in module.calls_named("deserialize_keras_object")
        for arg in cst.ensure_type(site.node, cst.Call).args
    )


def _registers(node: cst.BaseExpression, scope: Scope, module: Module) -> bool:
    """Tell whether a decorator registers what it decorates."""
    meanings = module.meaning(node, scope)
    for meaning in resolved(meanings, module):
        match meaning:
            case Symbol(name=name) if name == REGISTER or _is_named(name, module):
                return True
            case Definition() if _does_register(meaning.node, meaning.module):
                return True
            case str(path) if _is_named(path, module) or _calls_it(path, module, _DEEPEST):
                return True
    if not meanings:
        return _text_registers(code(node), scope, module)
    return False


def _is_named(path: str, module: Module) -> bool:
    """Tell whether a decorator from elsewhere is one of the option, or says itself what it does."""
    last = path.rpartition(".")[2]
    named = module.settings.decorators
    return path in named or last in named or bool(_TELLING.search(last))


def _text_registers(name: str, scope: Scope, module: Module) -> bool:
    """Tell whether a function of this module registers what it is called with."""
    found = scope.find(name)
    bindings = found.names[name] if found else []
    functions = [b.node for b in bindings if isinstance(b, Opaque)]
    if not functions:  # `module.something`, or a variable
        return bool(_TELLING.search(name)) or name in module.settings.decorators
    return any(_does_register(function, module) for function in functions)


def _does_register(node: cst.CSTNode, module: Module) -> bool:
    """Tell whether a function or class calls `register_keras_serializable`, by whatever name."""
    return bool(_REGISTERS.search(code(node))) or any(
        keras_name(inner.func, module.scope, module) == REGISTER
        for inner in descendants(node)
        if isinstance(inner, cst.Call)
    )


def _calls_it(path: str, module: Module, depth: int) -> bool:
    """Tell whether a function in another file of the project registers."""
    found = module.project.find(path)
    if found is None or depth == 0:
        return False
    other, name = found
    inner = other.meaning(cst.Name(name), other.scope)
    if inner:
        return any(isinstance(m, str) and _calls_it(m, other, depth - 1) for m in inner)
    return _text_registers(name, other.scope, other)


def _registered_by_call(module: Module) -> frozenset[str]:
    """Return the names that a module passes to `register_keras_serializable(...)`."""
    found = set()
    for site in module.calls:
        match site.node:
            case cst.Call(func=cst.Call(func=function), args=[cst.Arg(value=cst.Name(name))]):
                if _registers(function, site.scope, module):
                    found.add(name)
    return frozenset(found)
