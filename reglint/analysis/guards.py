"""Which Keras releases a piece of code can meet, given the version checks around it.

Projects that support several releases write the old spelling on purpose, in the branch where it is
right. The tests of the surrounding `if`s are evaluated for each release; one that mentions a
version but cannot be evaluated leaves no release at all, so that its branches stay silent.
"""

from __future__ import annotations

import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reglint.analysis.syntax import code, cst, descendants, is_name, number, string

if TYPE_CHECKING:
    from collections.abc import Callable

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Branch, Scope
    from reglint.model import Version

# `keras_2`, `KERAS2`, `is_keras_v2`, `USE_TF_KERAS_2`, `keras_version_1` ...
_FLAG = re.compile(
    r"(?i)^(?:is|use|has|using)?_*(?:tf_?)?keras_?(?:version_?|ver_?|v)?([123])(?:_?x)?$"
)
_VERSIONISH = re.compile(r"(?i)__version__|keras.*ver|ver.*keras|tf_?ver|keras_?v?[123]\b")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equal": operator.eq, "NotEqual": operator.ne, "LessThan": operator.lt,
    "LessThanEqual": operator.le, "GreaterThan": operator.gt, "GreaterThanEqual": operator.ge,
    "In": lambda a, b: a in b, "NotIn": lambda a, b: a not in b,
    "Is": operator.eq, "IsNot": operator.ne,
}  # fmt: skip
_CALLS = {"int": int, "float": float, "str": str, "tuple": list, "list": list, "bool": bool}
_PARSERS = ("LooseVersion", "StrictVersion", "Version", "parse_version", "version.parse", "parse")
# The releases that each name of Keras can be; the others can be any.
_LIFE = {
    "tensorflow.keras": ((2, 0), (99, 0)),
    "tf_keras": ((2, 0), (2, 99)),
    "keras_core": ((3, 0), (99, 0)),
}
_CATCH_ALL = {
    "Exception",
    "BaseException",
    "TypeError",
    "ValueError",
    "AttributeError",
    "ImportError",
}


class _UnknownError(Exception):
    """The expression does not follow from the version of Keras alone."""


def reachable(branch: Branch | None, module: Module) -> frozenset[Version]:
    """Return the releases, out of the module's, on which code in this branch is meant to run."""
    versions = module.keras
    while branch is not None and versions:
        match branch.node:
            case cst.With():
                return frozenset()  # what is wrong inside is there to be refused
            case cst.Try():
                if _is_fallback(branch):
                    return frozenset()
            case cst.If(test=test) | cst.IfExp(test=test):
                versions = _narrow(test, branch, versions, module)
        branch = branch.outer
    return versions


@lru_cache(maxsize=256)
def releases(root: str, versions: frozenset[Version]) -> frozenset[Version]:
    """Return those of the releases that the name used for Keras can be."""
    first, last = _LIFE.get(root, ((0, 0), (99, 0)))
    return frozenset(v for v in versions if first <= v <= last)


def _narrow(
    test: cst.BaseExpression, branch: Branch, versions: frozenset[Version], module: Module
) -> frozenset[Version]:
    if branch.first and _is_for_old_backend(test):
        return frozenset(v for v in versions if v < (3, 0))
    if not _about_versions(test, branch.scope, module):
        return versions
    try:
        return frozenset(
            v for v in versions if bool(_Evaluator(v, module)(test, branch.scope)) is branch.first
        )
    except (_UnknownError, TypeError, ValueError, IndexError, AttributeError):
        return frozenset()


def _is_for_old_backend(test: cst.BaseExpression) -> bool:
    """Tell whether a test asks for a backend that Keras 3 does not have."""
    match test:
        case cst.Comparison(
            left=cst.Call(func=cst.Attribute(attr=cst.Name("backend")) | cst.Name("backend")),
            comparisons=[cst.ComparisonTarget(operator=cst.Equal(), comparator=name)],
        ):
            return string(name) in {"theano", "cntk"}
    return False


def _is_fallback(branch: Branch) -> bool:
    """Tell whether a `try` is there to do without something this Keras may lack."""
    node = branch.node
    assert isinstance(node, cst.Try)
    caught = " ".join(code(h.type) if h.type else "Exception" for h in node.handlers)
    names = set(re.findall(r"\w+", caught))
    if not _CATCH_ALL & names:
        return False
    if not branch.first or "AttributeError" in names:
        return True
    # The body is one of two attempts only if a handler does over what the body does.
    attempts = _attempts(node.body)
    return any(attempts & _attempts(h.body) for h in node.handlers)


def _attempts(node: cst.CSTNode) -> set[str]:
    """Return what is imported below, or called by a capitalised name: layers, not helpers."""
    found = set()
    for n in descendants(node):
        if isinstance(n, (cst.Import, cst.ImportFrom)):
            found.add("import")
        elif isinstance(n, cst.Call):
            name = code(n.func).rpartition(".")[2]
            found |= {name} if name[:1].isupper() else set()
    return found


def _about_versions(test: cst.BaseExpression, scope: Scope, module: Module) -> bool:
    if _VERSIONISH.search(code(test)):
        return True
    for node in descendants(test):
        if isinstance(node, cst.Call) and is_name(node.func, "hasattr") and node.args:
            owners = module.meaning(node.args[0].value, scope)
            if any(isinstance(owner, str) and "keras" in owner for owner in owners):
                return True
        if isinstance(node, cst.Name):
            value = module.expression(node, scope)
            if value and value.node is not node and _VERSIONISH.search(code(value.node)):
                return True
    return False


class _Evaluator:
    """Evaluates an expression as it would come out on one release of Keras."""

    def __init__(self, version: Version, module: Module) -> None:
        self.version = version
        self.module = module

    def __call__(self, node: cst.CSTNode, scope: Scope) -> Any:  # noqa: C901 - one case per form
        match node:
            case cst.Attribute(attr=cst.Name("__version__")):
                return self._version(node.value, scope)
            case cst.Attribute(attr=cst.Name("major" | "minor" as part)):
                return self(node.value, scope)[part == "minor"]
            case cst.Name(name):
                return self._name(node, name, scope)
            case cst.Subscript(slice=[cst.SubscriptElement(slice=index)]):
                return self(node.value, scope)[self._index(index, scope)]
            case cst.Comparison(comparisons=[cst.ComparisonTarget(operator=op, comparator=right)]):
                compare = _COMPARE.get(type(op).__name__)
                if compare:
                    return compare(*_alike(self(node.left, scope), self(right, scope)))
            case cst.BooleanOperation():
                left = self(node.left, scope)
                decided = bool(left) is isinstance(node.operator, cst.Or)
                return left if decided else self(node.right, scope)
            case cst.UnaryOperation(operator=cst.Not()):
                return not self(node.expression, scope)
            case cst.Tuple() | cst.List():
                return [self(e.value, scope) for e in node.elements]
            case cst.Call():
                return self._call(node, scope)
        for literal in (number(node), string(node)):
            if literal is not None:
                return literal
        raise _UnknownError

    def _version(self, of: cst.CSTNode, scope: Scope) -> str:
        meanings = self.module.meaning(of, scope)
        if not any(isinstance(m, str) and "keras" in m for m in meanings):
            raise _UnknownError  # TensorFlow's and everybody else's
        return "{}.{}.0".format(*self.version)

    def _name(self, node: cst.Name, name: str, scope: Scope) -> Any:
        if name in {"True", "False"}:
            return name == "True"
        if flag := _FLAG.match(name):
            return self.version[0] >= int(flag[1]) if flag[1] != "1" else self.version[0] == 1
        value = self.module.expression(node, scope)
        if value and value.node is not node:
            return self(value.node, value.scope)
        if any(isinstance(m, str) and re.match(r"keras\b.*__version__$", m)
               for m in self.module.meaning(node, scope)):  # fmt: skip
            return "{}.{}.0".format(*self.version)
        raise _UnknownError

    def _index(self, index: cst.BaseSlice, scope: Scope) -> Any:
        if isinstance(index, cst.Index):
            return self(index.value, scope)
        assert isinstance(index, cst.Slice)
        parts = (index.lower, index.upper, index.step)
        return slice(*(None if p is None else self(p, scope) for p in parts))

    def _call(self, node: cst.Call, scope: Scope) -> Any:
        function = code(node.func)
        arguments = [a.value for a in node.args]
        if function == "map" and len(arguments) == 2:  # noqa: PLR2004 - map(int, ...)
            return [_CALLS[code(arguments[0])](v) for v in self(arguments[1], scope)]
        values = [self(a, scope) for a in arguments]
        if function in _CALLS:
            return _CALLS[function](*values)
        if function.endswith(_PARSERS) and len(values) == 1:
            return _release(values[0])
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in {"split", "startswith"}:
            return getattr(self(node.func.value, scope), node.func.attr.value)(*values)
        raise _UnknownError


def _release(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Make both sides comparable: a parsed release against a text, a tuple against a list."""
    if isinstance(left, list) and isinstance(right, str):
        return left, _release(right)
    if isinstance(left, str) and isinstance(right, list) and all(isinstance(x, int) for x in right):
        return _release(left), right
    return left, right
