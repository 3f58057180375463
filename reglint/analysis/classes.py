"""Classes that derive from something in Keras, also through other files of the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.analysis.canonical import Symbol, symbol
from reglint.analysis.scopes import Class, Opaque
from reglint.analysis.syntax import callee, code, cst, is_name
from reglint.keras_api.classes import Kind, base_class

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Meaning, Scope, Site

    Method: TypeAlias = tuple["Definition", cst.FunctionDef]


# Bases that take no part in what a class is to Keras.
_HARMLESS = {
    "builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol",
    "typing_extensions.Generic", "typing_extensions.Protocol",
}  # fmt: skip
_WHOLE = {"keras.layers.Layer", "keras.Model"}  # write nothing of the layers they hold
_DEEPEST = 8  # imports of imports of imports ...
# What a class decorator speaks of that gives a class other methods than are written in it.
_REWRITING = ("get_config", "from_config", "__init__")


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A class of the project, and the module that it stands in."""

    cls: Class
    module: Module

    @property
    def node(self) -> cst.ClassDef:
        """Return the statement that defines it."""
        return self.cls.node

    @property
    def scope(self) -> Scope:
        """Return the scope that it is defined in."""
        return self.cls.scope

    @property
    def name(self) -> str:
        """Return its name."""
        return self.node.name.value

    def defines(self, cls: KerasClass) -> bool:
        """Tell whether this is the class itself, and no base of it."""
        return self.node is cls.node

    def method(self, name: str) -> cst.FunctionDef | None:
        """Return the method that the class itself defines, the last one of that name."""
        found = None
        for statement in self.node.body.body:
            if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
                found = statement
        return found


@dataclass(frozen=True, slots=True, eq=False)
class KerasClass:
    """A class of the project that derives from a class of Keras."""

    definition: Definition
    kind: Kind
    bases: frozenset[Symbol]  # those in Keras: its own, and those of its bases in the project
    lineage: tuple[Definition, ...]  # itself, then its bases in the project, nearest first
    complete: bool  # it derives from nothing else, and has the methods that are written in it

    @property
    def node(self) -> cst.ClassDef:
        """Return the statement that defines it."""
        return self.definition.node

    @property
    def scope(self) -> Scope:
        """Return the scope that it is defined in."""
        return self.definition.scope

    @property
    def module(self) -> Module:
        """Return the module that it is defined in."""
        return self.definition.module

    @property
    def name(self) -> str:
        """Return its name."""
        return self.definition.name

    @property
    def names(self) -> frozenset[str]:
        """Return the canonical names of its bases: `keras.layers.Dense`."""
        return frozenset(base.name for base in self.bases)

    @property
    def root(self) -> str:
        """Return what Keras is called where the class derives from it: `tensorflow.keras`."""
        return min(base.root for base in self.bases)

    def method(self, name: str) -> cst.FunctionDef | None:
        """Return the method that the class itself defines."""
        return self.definition.method(name)

    def inherited(self, name: str) -> Method | None:
        """Return the method that the class or a base in the project defines, and by which."""
        for definition in self.lineage:
            if found := definition.method(name):
                return definition, found
        return None


def is_base_only(cls: KerasClass) -> bool:
    """Tell whether a class seems to be there for others to derive from, and never made itself."""
    module = cls.module
    if cls.name.lstrip("_").startswith(("Base", "Abstract")) or cls.name.endswith("Base"):
        return True
    derived = any(
        is_name(base.value, cls.name) for other in module.classes for base in other.node.bases
    )
    return derived and not _made(cls)


def is_part(cls: KerasClass) -> bool:
    """Tell whether objects of a class are only made inside other layers and models.

    These make them again themselves, and nobody asks for their configuration; unlike in `RNN`, a
    wrapper or `Sequential`, which write what they hold. As far as the module of the class can tell.
    """
    around = [class_around(site.scope, cls.module) for site in _made(cls)]
    return bool(around) and all(other is not None and other.names <= _WHOLE for other in around)


def _made(cls: KerasClass) -> list[Site]:
    """Return where the module of a class calls it, by its plain name."""
    return [
        site
        for site in cls.module.calls_named(cls.name)
        if is_name(cst.ensure_type(site.node, cst.Call).func, cls.name)
    ]


def is_never_saved(cls: KerasClass) -> bool:
    """Tell whether no configuration of a class is ever asked for, as far as its module can tell.

    A class inside a function is out of reach for other files.
    """
    is_local = cls.scope is not cls.module.scope
    return is_part(cls) or (is_local and not cls.module.project.says("saving"))


def keras_classes(module: Module) -> tuple[KerasClass, ...]:
    """Return the classes of a module that derive from Keras, in the order of the source."""
    return module.once(_keras_classes)


def class_around(scope: Scope, module: Module) -> KerasClass | None:
    """Return the class that a place stands in, if it derives from Keras."""
    around = scope.enclosing(cst.ClassDef)
    if around is None:
        return None
    return next((c for c in keras_classes(module) if c.node is around.node), None)


def resolved(
    meanings: frozenset[Meaning], module: Module, depth: int = _DEEPEST
) -> Iterator[Definition | Symbol | str]:
    """Yield what meanings in a module come to: classes of the project, names of Keras, or paths."""
    for meaning in meanings:
        if isinstance(meaning, Class):
            yield Definition(meaning, module)
        elif known := symbol(meaning):
            yield known
        elif depth and (found := module.project.find(meaning)):
            other, name = found
            inner = other.meaning(cst.Name(name), other.scope)
            yield from resolved(inner, other, depth - 1) if inner else iter((meaning,))
        else:
            yield meaning


def class_of(cls: Class, module: Module) -> KerasClass | None:
    """Return a class as one that derives from Keras, if it does."""
    definition = Definition(cls, module)
    lineage: list[Definition] = []
    bases: set[Symbol] = set()
    complete = _collect(definition, lineage, bases)
    kind = _kind(bases)
    return (
        KerasClass(definition, kind, frozenset(bases), tuple(lineage), complete) if kind else None
    )


def _keras_classes(module: Module) -> tuple[KerasClass, ...]:
    return tuple(filter(None, (class_of(cls, module) for cls in module.classes)))


def _collect(definition: Definition, lineage: list[Definition], bases: set[Symbol]) -> bool:
    """Add a class and all it derives from; tell whether that is all there is."""
    if any(definition.node is other.node for other in lineage):
        return True
    lineage.append(definition)
    complete = not is_rewritten(definition)
    for arg in definition.node.bases:
        meanings = definition.module.meaning(_plain(arg.value), definition.scope)
        complete &= bool(meanings) and not arg.star
        for base in resolved(meanings, definition.module):
            if isinstance(base, Definition):
                complete &= _collect(base, lineage, bases)
            elif isinstance(base, Symbol) and base.root:
                bases.add(base)
                complete &= base_class(base.name) is not None
            else:
                complete &= base in _HARMLESS
    return complete


def is_rewritten(definition: Definition, methods: tuple[str, ...] = _REWRITING) -> bool:
    """Tell whether a decorator or a metaclass may give a class other methods than it has."""
    module, scope = definition.module, definition.scope
    decorators = [item.decorator for item in definition.node.decorators]
    return any(
        module.meaning(metaclass, scope) != {"abc.ABCMeta"}
        for metaclass in _metaclasses(definition)
    ) or any(
        word in code(function)
        for decorator in decorators
        for function in functions(callee(decorator), scope, module)
        for word in methods
    )


def _metaclasses(definition: Definition) -> Iterator[cst.BaseExpression]:
    for arg in definition.node.keywords:
        if arg.keyword and arg.keyword.value == "metaclass":
            yield arg.value
    for item in definition.node.decorators:
        match item.decorator:
            case cst.Call(
                func=cst.Attribute(attr=cst.Name("add_metaclass")) | cst.Name("add_metaclass"),
                args=[cst.Arg(value=metaclass)],
            ):
                yield metaclass


def functions(
    node: cst.BaseExpression, scope: Scope, module: Module, depth: int = _DEEPEST
) -> Iterator[cst.CSTNode]:
    """Yield the definitions of the project's functions that an expression may mean."""
    if isinstance(node, cst.Name) and (found := scope.find(node.value)):
        bindings = found.names[node.value]
        yield from (b.node for b in bindings if isinstance(b, Opaque))
    for meaning in module.meaning(node, scope):
        if isinstance(meaning, str) and depth and (where := module.project.find(meaning)):
            other, name = where
            yield from functions(cst.Name(name), other.scope, other, depth - 1)


def _plain(base: cst.BaseExpression) -> cst.BaseExpression:
    """Return `Generic` for `Generic[T]`."""
    return base.value if isinstance(base, cst.Subscript) else base


def _kind(bases: set[Symbol]) -> Kind | None:
    kinds = {known.kind for base in bases if (known := base_class(base.name))}
    # A model is a layer too.
    return Kind.MODEL if Kind.MODEL in kinds else kinds.pop() if len(kinds) == 1 else None
