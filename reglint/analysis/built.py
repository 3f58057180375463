"""Which expressions are layers and models, and whether they are built, as far as the text tells.

`model.layers[0]`, `model.get_layer("head")` and the variable of a loop over `model.layers` are
layers of a model. A model is taken for built unless it is seen to wait for its first input.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis import calls
from reglint.analysis.classes import class_around, class_of
from reglint.analysis.guards import reachable, releases
from reglint.analysis.scopes import Class, Site, Value
from reglint.analysis.syntax import code, cst, descendants, is_name, path_to
from reglint.keras_api.classes import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.model import Version

_LAYERS = frozenset({"layers", "_layers"})
_FLATTENED = frozenset({"_flatten_layers", "flatten_layers"})
_ITERATORS = frozenset({"enumerate", "filter", "list", "reversed", "tuple", "zip"})
# What tells a Sequential the shape of its input, or uses it.
_SHAPED = re.compile(r"\bInput|input_(?:shape|dim|length)\b|\.(?:build|fit|predict|summary)\(")


def body(scope: Scope, module: Module) -> cst.CSTNode:
    """Return the function that a place stands in, or else the module."""
    function = scope.enclosing(cst.FunctionDef)
    return function.node if function else module.tree


def loops_around(site: Site, module: Module) -> Iterator[cst.For | cst.CompFor]:
    """Yield the loops of its function that a place is in, the innermost first."""
    for node in reversed(path_to(site.node, body(site.scope, module))):
        if isinstance(node, cst.For):
            yield node
        elif isinstance(node, cst.BaseComp):
            yield from reversed([n for n in descendants(node) if isinstance(n, cst.CompFor)])


def targets(loop: cst.For | cst.CompFor) -> set[str]:
    """Return the names that a loop binds anew in each turn."""
    return {n.value for n in descendants(loop.target) if isinstance(n, cst.Name)}


def made_by(model: cst.BaseExpression, scope: Scope, module: Module) -> Iterator[Value]:
    """Yield what a variable or attribute is bound to, in this module."""
    if isinstance(model, cst.Attribute):
        for site in module.attributes.get(model.attr.value, ()):
            yield Value(cst.ensure_type(site.node, cst.Assign).value, site.scope)
    elif isinstance(model, cst.Name) and (owner := scope.find(model.value)):
        for binding in owner.names[model.value]:
            # `model = model.load(path)` is what it was before.
            if isinstance(binding, Value) and not _is_own(binding.node, model.value):
                yield binding


def _is_own(node: cst.BaseExpression, name: str) -> bool:
    match node:
        case cst.Call(func=cst.Attribute(value=owner)):
            return is_name(owner, name)
    return False


class Receiver(NamedTuple):
    """A layer or model that a method of Keras is called on, and the place where it is."""

    root: str  # what the file calls Keras
    is_functional: bool
    versions: frozenset[Version]
    scope: Scope
    module: Module


def receivers(site: Site, module: Module) -> list[Receiver]:
    """Return all that a method may be called on; nothing if that may be none of Keras."""
    function = cst.ensure_type(site.node, cst.Call).func
    made = list(_made(function, site, module)) if isinstance(function, cst.Attribute) else []
    known = [(root, functional) for root, functional in made if root]
    branch = reachable(site.branch, module)
    return [
        Receiver(root, functional, releases(root, branch), site.scope, module)
        for root, functional in known if len(known) == len(made)
    ]  # fmt: skip


def _made(function: cst.Attribute, site: Site, module: Module) -> Iterator[tuple[str, bool]]:
    """Yield what Keras is called where a layer or model is made, and whether it is functional.

    No name stands for what is none, or has its own method.
    """
    owner, method = function.value, function.attr.value
    if is_name(owner, "self") or (isinstance(owner, cst.Call) and is_name(owner.func, "super")):
        cls = class_around(site.scope, module)
        own = is_name(owner, "self") and cls is not None and cls.inherited(method)
        yield cls.root if cls and cls.kind in LAYERS and not own else "", False
        return
    model = model_of(owner, site, module)
    for value in made_by(model or owner, site.scope, module):
        root, functional = _root(value, method, module)
        yield root, functional and model is None


def _root(value: Value, method: str, module: Module) -> tuple[str, bool]:
    if not isinstance(value.node, cst.Call):
        return "", False
    for meaning in module.meaning(value.node.func, value.scope):
        if isinstance(meaning, Class):
            cls = class_of(meaning, module)
            known = cls and cls.kind in LAYERS and not cls.inherited(method)
            return cls.root if cls and known else "", False
    symbols, _, _ = calls.targets(Site(value.node, value.scope, None), module)
    names = {symbol.name for symbol in symbols}
    root = min((symbol.root for symbol in symbols), default="")
    if names == {"keras.Model"}:
        return root if value.node.args else "", True
    layers = all(name == "keras.Sequential" or name.startswith("keras.layers.") for name in names)
    return root if layers else "", False


def is_built_layer(node: cst.BaseExpression, site: Site, module: Module) -> bool:
    """Tell whether an expression in a statement or call is a layer of a model that is built."""
    model = model_of(node, site, module)
    return model is not None and not _waits(model, site.scope, module)


def model_of(node: cst.BaseExpression, site: Site, module: Module) -> cst.BaseExpression | None:
    """Return the model that an expression is a layer of."""
    match node:
        case cst.Subscript(value=cst.Attribute(value=model, attr=cst.Name(name))):
            return model if name in _LAYERS else None
        case cst.Call(func=cst.Attribute(value=model, attr=cst.Name("get_layer"))):
            return model
        case cst.Name(name):
            for loop in loops_around(site, module):
                if name in targets(loop):
                    return _iterated(loop.iter, site.scope, module)
            value = module.expression(node, site.scope)
            if value and not isinstance(value.node, cst.Name):
                return model_of(value.node, Site(value.node, value.scope, None), module)
    return None


def _iterated(
    node: cst.BaseExpression, scope: Scope, module: Module, depth: int = 8
) -> cst.BaseExpression | None:
    """Return the model whose layers a loop runs over."""
    if depth == 0:  # `layers = list(layers)`
        return None
    match node:
        case cst.Attribute(value=model, attr=cst.Name(name)) if name in _LAYERS:
            return model
        case cst.Call(func=cst.Attribute(value=model, attr=cst.Name(name))) if name in _FLATTENED:
            return model
        case cst.Subscript(value=whole):
            return _iterated(whole, scope, module, depth - 1)
        case cst.BaseComp(for_in=turn):
            return _iterated(turn.iter, scope, module, depth - 1)
        case cst.Call(func=cst.Name(name), args=args) if name in _ITERATORS:
            found = (_iterated(arg.value, scope, module, depth - 1) for arg in args)
            return next(filter(None, found), None)
        case cst.Name():
            value = module.expression(node, scope)
            if value and not isinstance(value.node, cst.Name):
                return _iterated(value.node, value.scope, module, depth - 1)
    return None


def _waits(model: cst.BaseExpression, scope: Scope, module: Module) -> bool:
    """Tell whether a model may not know the shape of its input yet: then nothing is built."""
    if is_name(model, "self"):
        return True
    return any(_makes_waiting(value, module) for value in made_by(model, scope, module))


def _makes_waiting(value: Value, module: Module) -> bool:
    if not isinstance(value.node, cst.Call):
        return False
    function = value.node.func
    if any(isinstance(m, Class) for m in module.meaning(function, value.scope)):
        return True  # who knows when it is called
    names = calls.called(Site(value.node, value.scope, None), module)
    if "keras.Sequential" in names:
        return not _SHAPED.search(code(body(value.scope, module)))
    made = code(module.function(function, value.scope) or value.node)
    return "Sequential(" in made and not _SHAPED.search(made)
