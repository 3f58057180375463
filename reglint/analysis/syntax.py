"""Small questions about libcst nodes, and libcst itself, imported when the first one is asked."""

from __future__ import annotations

import dataclasses
import functools
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import libcst as cst
else:

    class _Lazy:
        """Stands for libcst until somebody needs it: listing the rules must not cost its import."""

        def __getattr__(self, name: str) -> Any:
            value = getattr(import_module("libcst"), name)
            setattr(self, name, value)
            return value

    cst = _Lazy()

__all__ = [
    "callee", "children", "code", "cst", "descendants", "dotted", "is_name", "last_name",
    "needs_parentheses", "number", "parameters_of", "path_to", "string",
]  # fmt: skip

# Fields that hold no code a rule could be about. Leaving them out makes the walk ten times faster.
_BARE = frozenset({
    "lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "comma", "semicolon", "dot",
    "equal", "colon", "operator", "indent", "newline", "header", "footer", "lines_after_decorators",
})  # fmt: skip
# Of these, the rest are names that look like variables and are none.
_CODE_FIELDS = {"Attribute": ("value",), "Arg": ("value",), "NamedExpr": ("target", "value")}


@functools.cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return _CODE_FIELDS.get(kind.__name__) or tuple(
        f.name
        for f in dataclasses.fields(kind)
        if f.name not in _BARE and not f.name.startswith(("whitespace", "trailing_", "leading_"))
    )


@functools.cache
def _holds_code(kind: type) -> bool:
    """Tell whether a class is one of nodes, and of nodes that a walk has to come by.

    Asked once for each class: libcst's abstract bases are slow to answer, and numbers, strings
    and the like, which lead nowhere, are a third of all nodes.
    """
    return issubclass(kind, cst.CSTNode) and (kind is cst.Name or bool(_fields(kind)))


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the parts of a node that hold code, in the order of the source.

    Left out are blanks and punctuation, and what has no parts and is no name, such as numbers.
    """
    found: list[cst.CSTNode] = []
    for name in _fields(type(node)):
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            found += [item for item in value if _holds_code(item.__class__)]
        elif _holds_code(kind):  # type: ignore[arg-type]
            found.append(value)
    return found


def descendants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the node and all the code below it, in the order of the source."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def path_to(node: cst.CSTNode, root: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the nodes from `root` down to `node`, both included; nothing if it is not below.

    Nobody knows his parent, so all of `root` is searched: not a question to ask of every node.
    """
    path: list[cst.CSTNode] = []
    stack: list[tuple[cst.CSTNode, int]] = [(root, 0)]
    while stack:
        current, depth = stack.pop()
        path[depth:] = [current]
        if current is node:
            return path
        stack.extend((child, depth + 1) for child in reversed(children(current)))
    return []


def dotted(node: cst.CSTNode | None) -> tuple[str, ...]:
    """Return the parts of `a.b.c`; nothing if the node is any other expression."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ()
    return (node.value, *reversed(parts))


def last_name(node: cst.CSTNode) -> str:
    """Return the name that an expression ends with: "c" for `c`, `a.b.c` and `f().c`."""
    match node:
        case cst.Attribute(attr=cst.Name(name)) | cst.Name(name):
            return name
    return ""


def callee(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return `f` for `f(...)`, as a decorator may be either; any other expression as it is."""
    return node.func if isinstance(node, cst.Call) else node


def string(node: cst.CSTNode | None) -> str | None:
    """Return the value of a plain string literal."""
    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def number(node: cst.CSTNode | None) -> float | None:
    """Return the value of a number literal, with its sign."""
    match node:
        case cst.Integer() | cst.Float():
            return node.evaluated_value
        case cst.UnaryOperation(operator=cst.Minus()):
            value = number(node.expression)
            return None if value is None else -value
        case cst.UnaryOperation(operator=cst.Plus()):
            return number(node.expression)
    return None


def parameters_of(parameters: cst.Parameters) -> Iterator[cst.Param]:
    """Yield all parameters of a function, in the order of the source."""
    yield from parameters.posonly_params
    yield from parameters.params
    yield from parameters.kwonly_params
    for star in (parameters.star_arg, parameters.star_kwarg):
        if isinstance(star, cst.Param):
            yield star


def is_name(node: cst.CSTNode | None, value: str) -> bool:
    """Tell whether the node is just this name (`None`, `True`, `self` ...)."""
    return isinstance(node, cst.Name) and node.value == value


def code(node: cst.CSTNode) -> str:
    """Return the source of an expression, without parentheses or blanks around it."""
    return cst.Module(body=()).code_for_node(node).strip()


def needs_parentheses(node: cst.CSTNode) -> bool:
    """Tell whether the expression must be wrapped to become an operand of `*`."""
    atoms = (
        cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.Integer, cst.Float, cst.SimpleString,
    )  # fmt: skip
    return not isinstance(node, atoms) and not getattr(node, "lpar", ())
