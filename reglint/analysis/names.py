"""What each expression of a module means, as far as the text tells.

Followed are imports wherever they stand, `layers = keras.layers`, names that are one layer or
another, `functools.partial`, star imports, and parameters that default to a layer class.
"""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from reglint.analysis.canonical import exported, symbol
from reglint.analysis.file_version import own_releases
from reglint.analysis.scopes import UNKNOWN, Class, Default, Imported, Opaque, Scope, Value, path_in
from reglint.analysis.syntax import cst, is_name, string
from reglint.analysis.walk import Walk
from reglint.project import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from reglint.analysis.scopes import Meaning
    from reglint.model import Settings

S = TypeVar("S")
T = TypeVar("T")

# Names for Keras and its parts, which projects hand around among their modules: a `backend` of
# their own chooses between `keras` and `tf_keras`, and the others import it from there.
_GATES = {"keras", "tf", "tensorflow", "layers", "regularizers", "ops", "K"}

_BUILTINS = frozenset(dir(builtins))
# Packages that no layer comes from, nor, by a star import, any name of Keras.
WITHOUT_KERAS = sys.stdlib_module_names | {
    "numpy", "scipy", "matplotlib", "pylab", "pandas", "sklearn", "tensorflow", "theano", "torch",
    "seaborn", "cv2", "IPython", "tqdm", "nltk", "skimage", "PIL",
}  # fmt: skip


class Module(Walk):
    """Everything the rules need to know of one module.

    `project` is what it can see of the other modules of its project.
    """

    def __init__(self, tree: cst.Module, settings: Settings, project: View | None = None) -> None:
        super().__init__(tree)
        self.settings = settings
        self.shadowed = settings.shadowed
        self.keras = own_releases(self)
        self.project = project or View(None, Path(), settings)
        self._meanings: dict[tuple[int, str], frozenset[Meaning]] = {}
        self._known: dict[object, object] = {}

    def once(self, question: Callable[[Module], T]) -> T:
        """Return the answer to a question about this module that several rules ask."""
        return self.once_about(self, question)

    def once_about(self, subject: S, question: Callable[[S], T]) -> T:
        """Return the answer to a question about something in this module, as `once` does."""
        key = question, subject
        if key not in self._known:
            self._known[key] = question(subject)
        return cast("T", self._known[key])

    def close(self) -> None:  # noqa: D102 - as in the base
        super().close()
        self._known.clear()

    def meaning(
        self, node: cst.CSTNode, scope: Scope, seen: tuple[object, ...] = ()
    ) -> frozenset[Meaning]:
        """Return everything the expression may be: dotted paths and classes of this module.

        Empty if any of it is unknown: then nobody can tell, and a rule stays silent.
        """
        match node:
            case cst.Name(name) if seen:
                return self._name(name, scope, seen)
            case cst.Name(name):
                key = id(scope), name
                if key not in self._meanings:
                    self._meanings[key] = UNKNOWN  # what star imports in a circle come to
                    self._meanings[key] = self._name(name, scope, seen)
                return self._meanings[key]
            case cst.Attribute(value=owner, attr=attribute):
                return self._member(owner, attribute.value, scope, seen)
            case cst.IfExp():
                return self._union([node.body, node.orelse], scope, seen)
            case cst.Call(args=[_, *_]):
                return self._result(node, scope, seen)
            case cst.Subscript(value=table):
                entries = self.expression(table, scope)
                if entries and isinstance(entries.node, cst.Dict):
                    values = [e.value for e in entries.node.elements]
                    return self._union(values, entries.scope, seen)
        return UNKNOWN

    def _member(
        self, owner: cst.CSTNode, attribute: str, scope: Scope, seen: tuple[object, ...]
    ) -> frozenset[Meaning]:
        owners = self.meaning(owner, scope, seen)
        if any(isinstance(o, Class) for o in owners):
            return UNKNOWN
        return frozenset(f"{o}.{attribute}" for o in owners)

    def _result(self, call: cst.Call, scope: Scope, seen: tuple[object, ...]) -> frozenset[Meaning]:
        """Return what a call gives: `functools.partial(Dense, 8)` is Dense."""
        function = self.meaning(call.func, scope, seen)
        first = call.args[0].value
        if function == {"functools.partial"}:
            return self.meaning(first, scope, seen)
        if function == {"builtins.getattr"} and len(call.args) == 2:  # noqa: PLR2004 - no default
            attribute = string(call.args[1].value)
            return self._member(first, attribute, scope, seen) if attribute else UNKNOWN
        return UNKNOWN

    def expression(self, node: cst.CSTNode, scope: Scope) -> Value | None:
        """Return the one expression a node stands for: itself, or what its name was bound to."""
        for _ in range(8):  # a chain of names longer than this is a cycle
            if not isinstance(node, cst.Name):
                return Value(node, scope) if isinstance(node, cst.BaseExpression) else None
            found = scope.find(node.value)
            if found is None or is_name(node, "None"):
                return Value(node, scope)
            match found.names[node.value]:
                case [Value() as value]:
                    node, scope = value.node, value.scope
                case _:
                    return None
        return None

    def function(self, node: cst.CSTNode, scope: Scope) -> cst.FunctionDef | cst.Lambda | None:
        """Return the function of this module that an expression is, if it can be only one."""
        value = self.expression(node, scope)
        if value and isinstance(value.node, cst.Lambda):
            return value.node
        owner = scope.find(node.value) if isinstance(node, cst.Name) else None
        match owner.names[node.value] if owner and isinstance(node, cst.Name) else None:
            case [Opaque(cst.FunctionDef() as function)]:
                return function
        return None

    def is_up_to_the_caller(self, node: cst.CSTNode, scope: Scope, depth: int = 8) -> bool:
        """Tell whether the expression is, or comes from, a parameter that has a default."""
        while isinstance(node, cst.Attribute):
            node = node.value
        found = scope.find(node.value) if isinstance(node, cst.Name) else None
        if found is None or not isinstance(node, cst.Name) or depth == 0:
            return False
        return any(
            isinstance(b, Default)
            or (isinstance(b, Value) and self.is_up_to_the_caller(b.node, b.scope, depth - 1))
            for b in found.names[node.value]
        )

    def _union(
        self, nodes: list[cst.BaseExpression], scope: Scope, seen: tuple[object, ...]
    ) -> frozenset[Meaning]:
        every = [self.meaning(n, scope, seen) for n in nodes]
        return frozenset().union(*every) if all(every) else UNKNOWN

    def _name(self, name: str, scope: Scope, seen: tuple[object, ...]) -> frozenset[Meaning]:
        found = scope.find(name)
        if found is None:
            return self._unbound(name)
        every: set[Meaning] = set()
        for binding in found.names[name]:
            match binding:
                case Imported(path=path):
                    if path.partition(".")[0] in self.shadowed:
                        return UNKNOWN
                    every |= self._imported(path)
                case Class():
                    every.add(binding)
                case Value() | Default():
                    # `Dense = None` in an `except`, and `layers = layers.core`, add nothing.
                    if binding in seen or is_name(binding.node, "None"):
                        continue
                    some = self.meaning(binding.node, binding.scope, (*seen, binding))
                    if not some:
                        return UNKNOWN
                    every |= some
                case Opaque():
                    return UNKNOWN
        return _without_fallback(frozenset(every))

    def _imported(self, path: str) -> frozenset[Meaning]:
        """Return what an import brings; Keras may come by way of a module of the project."""
        if path.rpartition(".")[2] in _GATES and not symbol(path):
            found = self.project.find(path)
            inner = found[0].meaning(cst.Name(found[1]), found[0].scope) if found else UNKNOWN
            if inner and all(isinstance(meaning, str) for meaning in inner):
                return inner
        return frozenset({path})

    def _unbound(self, name: str) -> frozenset[Meaning]:
        """Return where star imports bring a name from: the last that may bind it decides."""
        for module in reversed(self.stars):
            top = module.partition(".")[0]
            found = symbol(module)
            if found and found.root and top not in self.shadowed:
                if exported(module, name):
                    return frozenset({f"{module}.{name}"})
            elif top not in WITHOUT_KERAS:
                other = self.project.module(module)
                if other is None:
                    return UNKNOWN
                there = other.meaning(cst.Name(name), other.scope)
                if name in other.scope.names or there - {f"builtins.{name}"}:
                    return frozenset({path_in(module, name)})
        return frozenset({f"builtins.{name}"}) if name in _BUILTINS else UNKNOWN


def _without_fallback(meanings: frozenset[Meaning]) -> frozenset[Meaning]:
    """Return the meanings without `tf.keras` where it stands in for `tf_keras`.

    A file that takes `tf_keras` where `tf.keras` would be Keras 3 is for Keras 2 alone.
    """
    paths = [m for m in meanings if isinstance(m, str)]
    old = {path.removeprefix("tf_keras") for path in paths if path.startswith("tf_keras")}
    return meanings - {f"tensorflow.keras{rest}" for rest in old} if old else meanings
