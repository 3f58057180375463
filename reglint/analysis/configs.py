"""What `get_config` writes: one half of saving an object.

Keras makes an object again by `cls(**config)`; what `__init__` takes is the other half. What the
`get_config` of a class writes is read from its text, through `super().get_config()` up to Keras; a
part that cannot be read makes the whole unknown, and the rules stay silent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reglint.analysis.constructors import stored
from reglint.analysis.syntax import children, cst, is_name, last_name, string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.analysis.classes import Definition, KerasClass

# What every layer and model takes besides; their own `get_config` writes it.
COMMON = frozenset({"name", "dtype", "trainable"})
_WRAPPERS = {"dict", "OrderedDict", "list", "deepcopy", "copy"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key that `get_config` writes."""

    key: cst.CSTNode
    value: cst.BaseExpression
    container: cst.CSTNode  # the dictionary, call or assignment that it is written by
    definition: Definition  # the class whose `get_config` it stands in


@dataclass(slots=True)
class Config:
    """What one `get_config` of a class returns, up to where it asks the next class."""

    entries: dict[str, Entry] = field(default_factory=dict)
    asks_super: bool = False
    known: bool = True  # all of it

    def add(self, other: Config) -> None:
        """Take over what another dictionary holds."""
        self.entries |= other.entries
        self.asks_super |= other.asks_super
        self.known &= other.known


UNKNOWN_CONFIG = Config(known=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """All that the `get_config` of an object writes, from its class up to Keras."""

    entries: Mapping[str, Entry]
    methods: tuple[tuple[Definition, cst.FunctionDef], ...]  # that take part, its own first
    reaches_keras: bool
    known: bool


def chain(cls: KerasClass) -> Chain:
    """Return what the `get_config` of a class writes, with all that it inherits."""
    return cls.module.once_about(cls, _chain)


def _chain(cls: KerasClass) -> Chain:
    entries: dict[str, Entry] = {}
    methods = []
    known = True
    for definition in cls.lineage:
        function = definition.method("get_config")
        if function is None:
            continue
        methods.append((definition, function))
        config = _written(definition, function)
        known &= config.known
        entries = {**config.entries, **entries}
        if not config.asks_super:
            return Chain(entries, tuple(methods), reaches_keras=False, known=known)
    return Chain(entries, tuple(methods), reaches_keras=True, known=known and cls.complete)


def _written(definition: Definition, function: cst.FunctionDef) -> Config:
    if function.decorators:
        return UNKNOWN_CONFIG
    reader = _Reader(definition, function)
    config = Config()
    returns = [n for n in own_statements(function) if isinstance(n, cst.Return)]
    for node in returns:
        config.add(reader.read(node.value) if node.value else UNKNOWN_CONFIG)
    return config if returns else UNKNOWN_CONFIG


def own_statements(function: cst.FunctionDef) -> Iterator[cst.CSTNode]:
    """Yield the nodes of a function without those of the functions and classes inside."""
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            stack.extend(reversed(children(node)))


class _Reader:
    """Reads the dictionaries of one `get_config`."""

    def __init__(self, definition: Definition, function: cst.FunctionDef) -> None:
        self.definition = definition
        self._changes = _changes(function)
        self._reading: set[str] = set()

    def read(self, node: cst.BaseExpression) -> Config:
        match node:
            case cst.Dict():
                return self._literal(node)
            case cst.Name(name):
                return self._variable(name)
            case cst.Call():
                return self._call(node)
            case cst.BinaryOperation(operator=cst.BitOr() | cst.Add(), left=left, right=right):
                both = self.read(left)
                both.add(self.read(right))
                return both
            case cst.Attribute(value=cst.Name("self"), attr=cst.Name(name)):
                return self._attribute(name)
        return Config(known=False)

    def _literal(self, node: cst.Dict) -> Config:
        config = Config()
        for element in node.elements:
            if isinstance(element, cst.StarredDictElement):
                config.add(self.read(element.value))
            elif isinstance(element, cst.DictElement):
                config.add(self._entry(element.key, element.value, node))
        return config

    def _entry(
        self, key: cst.BaseExpression, value: cst.BaseExpression, container: cst.CSTNode
    ) -> Config:
        name = string(key)
        if name is None:
            return Config(known=False)
        return Config({name: Entry(key, value, container, self.definition)})

    def _arguments(self, call: cst.Call) -> Config:
        """Read `dict(base, key=value)`, or `config.update(...)`."""
        config = Config()
        for arg in call.args:
            if arg.keyword:
                entry = Entry(arg.keyword, arg.value, call, self.definition)
                config.entries[arg.keyword.value] = entry
            else:
                config.add(self.read(arg.value))
        return config

    def _call(self, node: cst.Call) -> Config:
        match node.func:
            case cst.Attribute(value=owner, attr=cst.Name("get_config")):
                # `super().get_config()`, `Base.get_config(self)`
                asks = isinstance(owner, cst.Call) and is_name(owner.func, "super")
                asks |= len(node.args) == 1 and is_name(node.args[0].value, "self")
                return Config(asks_super=asks, known=asks)
            case cst.Attribute(value=owner, attr=cst.Name("copy" | "items")) if not node.args:
                return self.read(owner)
        wraps = last_name(node.func) in _WRAPPERS
        return self._arguments(node) if wraps else Config(known=False)

    def _variable(self, name: str) -> Config:
        if name in self._reading or name not in self._changes:
            return Config(known=False)
        self._reading.add(name)
        config = Config()
        for change in self._changes[name]:
            config.add(self._changed(change))
        self._reading.discard(name)
        return config

    def _changed(self, change: cst.CSTNode) -> Config:
        match change:
            case cst.Assign(targets=[cst.AssignTarget(cst.Name()), *_], value=value):
                return self.read(value)
            case (
                cst.AnnAssign(value=value) | cst.AugAssign(operator=cst.BitOrAssign(), value=value)
            ):
                return self.read(value) if value else Config(known=False)
            case cst.Assign(
                targets=[
                    cst.AssignTarget(
                        cst.Subscript(slice=[cst.SubscriptElement(cst.Index(value=key))])
                    )
                ],
                value=value,
            ):
                return self._entry(key, value, change)
            case cst.Call(func=cst.Attribute(attr=cst.Name("update"))):
                return self._arguments(change)
            case cst.Call(func=cst.Attribute(attr=cst.Name("setdefault")), args=[first, second]):
                return self._entry(first.value, second.value, change)
        return Config(known=False)

    def _attribute(self, name: str) -> Config:
        """Read a dictionary that `__init__` made."""
        function = self.definition.method("__init__")
        values = stored(function, self.definition.module).get(name, []) if function else []
        return self.read(values[0]) if len(values) == 1 else Config(known=False)


def _changes(function: cst.FunctionDef) -> dict[str, list[cst.CSTNode]]:
    """Return all that a method does to each of its variables, in order, but read it."""
    found: dict[str, list[cst.CSTNode]] = {}
    for node in own_statements(function):
        names = _passed_on(node) if isinstance(node, cst.Call) else ()
        for name in filter(None, (_changed_name(node), *names)):
            found.setdefault(name, []).append(node)
    return found


def _passed_on(call: cst.Call) -> Iterator[str]:
    """Yield the variables that a call gets, and may change."""
    if last_name(call.func) not in {*_WRAPPERS, "update"}:
        yield from (arg.value.value for arg in call.args if isinstance(arg.value, cst.Name))


def _changed_name(node: cst.CSTNode) -> str | None:
    match node:
        case cst.Assign(targets=[cst.AssignTarget(cst.Name(name)), *_]):
            return name
        case cst.AnnAssign(target=cst.Name(name)) | cst.AugAssign(target=cst.Name(name)):
            return name
        case (
            cst.Assign(targets=[cst.AssignTarget(cst.Subscript(value=cst.Name(name)))])
            | cst.Call(
                func=cst.Attribute(
                    value=cst.Name(name),
                    attr=cst.Name("update" | "setdefault" | "pop" | "clear" | "popitem"),
                )
            )
            | cst.Del(target=cst.Subscript(value=cst.Name(name)))
            | cst.For(target=cst.Name(name))
        ):
            return name
    return None
