"""Calls of things in Keras, with the arguments that really reach them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reglint.analysis.canonical import symbol
from reglint.analysis.scopes import Class, Imported, Value
from reglint.analysis.syntax import children, code, cst, is_name, string
from reglint.model import Insert, Remove, Replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.canonical import Symbol
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Meaning, Scope, Site
    from reglint.model import Version


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """One argument of a call, wherever it is written."""

    name: str | None  # the keyword; None: positional
    value: cst.BaseExpression
    key: cst.CSTNode  # what names it: the keyword, the key of a dictionary; else the value
    node: cst.CSTNode  # the whole of it
    siblings: tuple[cst.CSTNode, ...]  # what it stands among; empty: it stands alone
    scope: Scope  # where its value is seen from
    shared: bool = False  # in a dictionary that others use too
    goes_to: frozenset[str] = frozenset()  # all that such a dictionary is passed to, in Keras

    def renamed(self, name: str) -> Replace:
        """Return the change that gives the argument another name."""
        if isinstance(self.key, cst.SimpleString):
            quote = self.key.quote
            return Replace(self.key, f"{self.key.prefix}{quote}{name}{quote}")
        return Replace(self.key, name)

    def twin(self, name: str) -> Insert | None:
        """Return the change that passes the same under another name as well, if there is one."""
        text = code(self.value)
        if isinstance(self.node, cst.Arg):
            return Insert(self.value, f", {name}={text}")
        if isinstance(self.node, cst.DictElement) and isinstance(self.key, cst.SimpleString):
            return Insert(self.value, f", {self.key.quote}{name}{self.key.quote}: {text}")
        return None

    def removed(self) -> Remove | None:
        """Return the change that takes the argument out, if that is possible."""
        return Remove(self.node, self.siblings) if self.siblings else None


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of something in Keras, whatever the module imported it as.

    `complete` is False when a `*args` or `**kwargs` may bring arguments that are not listed.
    """

    node: cst.Call
    name: str  # canonical: "keras.layers.Dense" for `tf.keras.layers.Dense` too
    root: str  # "keras", "tensorflow.keras" ...: what the file calls Keras
    target: cst.BaseExpression  # the expression that is called
    arguments: tuple[Argument, ...]
    complete: bool
    versions: frozenset[Version]  # the releases of Keras it may run on
    assumed: bool  # that what is called is the default of a parameter
    scope: Scope
    module: Module

    @property
    def short(self) -> str:
        """Return the last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def positional(self) -> tuple[Argument, ...]:
        """Return the positional arguments."""
        return tuple(a for a in self.arguments if a.name is None)

    def argument(self, name: str, place: int) -> Argument | None:
        """Return the argument passed by this name, or else at this place."""
        return self.keyword(name) or next(iter(self.positional[place : place + 1]), None)

    def keyword(self, name: str) -> Argument | None:
        """Return the argument passed by this name."""
        return next((a for a in self.arguments if a.name == name), None)


def targets(site: Site, module: Module) -> tuple[frozenset[Symbol], int, cst.BaseExpression]:
    """Return what in Keras a call may call, how many arguments to skip, and the callee.

    `functools.partial(Dense, 8)` and `super().__init__(8)` in a subclass of Dense are calls of
    Dense. Empty when anything it may call is not known, or not Keras.
    """
    node = cst.ensure_type(site.node, cst.Call)
    match node.func:
        case cst.Attribute(value=owner, attr=cst.Name("__init__")):
            cls = _enclosing_class(site, module) if _is_super(owner) else None
            if cls:
                return _symbols(_bases(cls, module), module), 0, node.func
            return _symbols(module.meaning(owner, site.scope), module), 1, node.func
    meanings = module.meaning(node.func, site.scope)
    if meanings == {"functools.partial"} and node.args:
        target = node.args[0].value
        return _symbols(module.meaning(target, site.scope), module), 1, target
    return _symbols(meanings, module), 0, node.func


def called(site: Site, module: Module) -> frozenset[str]:
    """Return the canonical names of what in Keras a call may call; empty as for `targets`."""
    return frozenset(found.name for found in targets(site, module)[0])


def _enclosing_class(site: Site, module: Module) -> Class | None:
    scope = site.scope.enclosing(cst.ClassDef)
    if scope is None or not isinstance(scope.node, cst.ClassDef):
        return None
    return Class(scope.node, scope.parent or module.scope)


def _is_super(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Call) and is_name(node.func, "super")


def _symbols(meanings: frozenset[Meaning], module: Module) -> frozenset[Symbol]:
    found: set[Symbol] = set()
    for meaning in meanings:
        if isinstance(meaning, Class):
            # A subclass that adds no `__init__` is called like its base.
            own = {n.name.value for n in meaning.node.body.body if isinstance(n, cst.FunctionDef)}
            inherited = () if {"__init__", "__new__"} & own else _bases(meaning, module)
            symbols = _symbols(frozenset(inherited), module)
            if not symbols:
                return frozenset()
            found |= symbols
        elif (known := symbol(meaning)) is None:
            return frozenset()
        else:
            found.add(known)
    return frozenset(found)


def enclosing_bases(site: Site, module: Module) -> frozenset[Symbol]:
    """Return all that the class around a place is known to derive from in Keras.

    Followed through the classes of this module; what is not known is left out.
    """
    cls = _enclosing_class(site, module)
    waiting: list[Meaning] = [cls] if cls else []
    seen: set[int] = set()
    found: set[Symbol] = set()
    while waiting:
        meaning = waiting.pop()
        if isinstance(meaning, Class):
            if id(meaning.node) not in seen:
                seen.add(id(meaning.node))
                for base in meaning.node.bases:
                    waiting += module.meaning(base.value, meaning.scope)
        elif (known := symbol(meaning)) and known.root:
            found.add(known)
    return frozenset(found)


def _bases(cls: Class, module: Module) -> frozenset[Meaning]:
    """Return what the only base of a class may be; with several, who knows whose turn it is."""
    if len(cls.node.bases) != 1 or cls.node.bases[0].star:
        return frozenset()
    meanings = module.meaning(cls.node.bases[0].value, cls.scope)
    if any(isinstance(m, Class) and m.node is cls.node for m in meanings):
        return frozenset()  # `class Dense(Dense)`
    return meanings


def arguments(site: Site, module: Module, skip: int = 0) -> tuple[tuple[Argument, ...], bool]:
    """Return the arguments of a call without the first `skip`, and whether these are all."""
    node = cst.ensure_type(site.node, cst.Call)
    found: list[Argument] = []
    complete = not _is_partial(node.func, site.scope, module)
    for arg in node.args[skip:]:
        if arg.star == "**":
            entries = _splat(arg.value, site.scope, module)
            complete &= entries is not None
            found += entries or _written(arg.value, site.scope, module)
        elif arg.star:
            complete = False
        else:
            name = arg.keyword.value if arg.keyword else None
            key = arg.keyword or arg.value
            found.append(Argument(name, arg.value, key, arg, tuple(node.args), site.scope))
    return tuple(found), complete


def _is_partial(function: cst.BaseExpression, scope: Scope, module: Module) -> bool:
    """Tell whether a function is a name for `functools.partial(...)`, which has arguments too."""
    value = module.expression(function, scope)
    return value is not None and isinstance(value.node, cst.Call)


def _splat(node: cst.BaseExpression, scope: Scope, module: Module) -> list[Argument] | None:
    """Return what `**node` passes, if `node` is a dictionary written in this module."""
    value = module.expression(node, scope)
    if value is None:
        return None
    entries = _entries(value, module, _use(node, scope, module))
    return None if entries is None else entries + _written(node, scope, module)


def _entries(value: Value, module: Module, use: _Use) -> list[Argument] | None:
    """Return the entries of `{...}` or `dict(...)`; nothing if it is neither, or not all known."""
    node, scope = value.node, value.scope
    found = []
    if isinstance(node, cst.Dict):
        for element in node.elements:
            name = string(element.key) if isinstance(element, cst.DictElement) else None
            if name is None or not isinstance(element, cst.DictElement):
                return None
            siblings = tuple(node.elements)
            found.append(Argument(name, element.value, element.key, element, siblings, scope, *use))
        return found
    if isinstance(node, cst.Call) and module.meaning(node.func, scope) == {"builtins.dict"}:
        for arg in node.args:
            if arg.star or arg.keyword is None:
                return None
            name = arg.keyword.value
            found.append(Argument(name, arg.value, arg.keyword, arg, tuple(node.args), scope, *use))
        return found
    return None


def _written(node: cst.BaseExpression, scope: Scope, module: Module) -> list[Argument]:
    """Return what was put into the dictionary `node` by `d["key"] = ...` or `setdefault`."""
    owner = scope.find(node.value) if isinstance(node, cst.Name) else None
    if owner is None or not isinstance(node, cst.Name):
        return []
    use = _use(node, scope, module)
    found = []
    for write in owner.writes.get(node.value, ()):
        name = string(write.key)
        if name is not None:
            found.append(Argument(name, write.value, write.key, write.node, (), write.scope, *use))
    return found


class _Use(NamedTuple):
    """What becomes of a dictionary that is splatted into a call."""

    shared: bool = False  # it is used for more than to be splatted into calls of Keras
    goes_to: frozenset[str] = frozenset()  # the names of what these calls call


def _use(node: cst.BaseExpression, scope: Scope, module: Module) -> _Use:
    if not isinstance(node, cst.Name):
        return _Use()
    owner = scope.find(node.value)
    known: set[int] = set()
    goes_to: set[str] = set()
    for call in module.calls:
        for arg in cst.ensure_type(call.node, cst.Call).args:
            if arg.star == "**" and is_name(arg.value, node.value):
                names = called(call, module)
                known |= {id(arg.value)} if names else set()
                goes_to |= names
    for write in owner.writes.get(node.value, ()) if owner else ():
        known |= {id(n) for n in _dictionary_names(write.node)}
    shared = any(id(use.node) not in known for use in module.reads(node.value, owner))
    return _Use(shared, frozenset(goes_to))


def _dictionary_names(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    match node:
        case cst.Assign():
            for target in node.targets:
                yield from children(target.target)
        case cst.Call(func=cst.Attribute(value=value)):
            yield value


class Spot(Protocol):
    """A place in the code, and what Keras is called there."""

    @property
    def scope(self) -> Scope:
        """Return the scope."""

    @property
    def module(self) -> Module:
        """Return the module."""

    @property
    def root(self) -> str:
        """Return the root: "keras", "tensorflow.keras" ..."""


class Place(NamedTuple):
    """A spot of its own, for code that no call of Keras stands in."""

    scope: Scope
    module: Module
    root: str


def spelling(name: str, spot: Spot) -> str | None:
    """Return how code at this place can write a name of Keras with what the module has at hand.

    `name` is canonical. The shortest is preferred: a direct import, then `regularizers.L2`, then
    `keras.regularizers.L2`.
    """
    found: list[tuple[int, str]] = []
    seen: set[str] = set()
    for scope in spot.scope.outward():
        for local in scope.names.keys() - seen:
            path = _path(local, scope, spot.module)
            found += [
                (suffix.count("."), f"{local}{suffix}")
                for suffix in _suffixes(name)
                if path and symbol(f"{path}{suffix}") == (name, spot.root)
            ]
        seen |= scope.names.keys()
    return min(found)[1] if found else None


def _path(local: str, scope: Scope, module: Module) -> str | None:
    """Return what a name stands for, if it is an import or another name for one."""
    match scope.names[local]:
        case [Imported() | Value(node=cst.Name() | cst.Attribute())]:
            match [*module.meaning(cst.Name(local), scope)]:
                case [str(path)]:
                    return path
    return None


def _suffixes(name: str) -> list[str]:
    """Return "", ".L2", ".regularizers.L2", ".keras.regularizers.L2" for the name of L2."""
    parts = name.split(".")
    return ["".join(f".{p}" for p in parts[i:]) for i in range(len(parts), -1, -1)]
