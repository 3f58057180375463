"""What names are bound to, scope by scope, and what surrounds a piece of code: data, no walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from reglint.analysis.syntax import cst

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """A name bound by an import: the path it stands for (relative ones start with a dot)."""

    path: str
    alias: cst.ImportAlias
    statement: cst.Import | cst.ImportFrom


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A name bound to an expression, seen from `scope`."""

    node: cst.BaseExpression
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Default:
    """A parameter with a default, which is what it is unless the caller says otherwise."""

    node: cst.BaseExpression
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of this module."""

    node: cst.ClassDef
    scope: Scope  # where it is defined


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A name bound to something only the running program knows."""

    node: cst.CSTNode


Binding: TypeAlias = "Imported | Value | Default | Class | Opaque"
Meaning: TypeAlias = "str | Class"
UNKNOWN: frozenset[Meaning] = frozenset()


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, class, function or comprehension."""

    node: cst.CSTNode
    parent: Scope | None = None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    # `name["key"] = value` and `name.setdefault("key", value)`, by name
    writes: dict[str, list[Write]] = field(default_factory=dict)

    def bind(self, name: str, binding: Binding) -> None:
        """Add one thing that `name` may be in this scope."""
        self.names.setdefault(name, []).append(binding)

    def outward(self) -> Iterator[Scope]:
        """Yield the scopes in which a name is looked up: classes count only for their own code."""
        yield self
        scope = self.parent
        while scope is not None:
            if not isinstance(scope.node, cst.ClassDef):
                yield scope
            scope = scope.parent

    def find(self, name: str) -> Scope | None:
        """Return the scope that binds `name`, as seen from here."""
        return next((scope for scope in self.outward() if name in scope.names), None)

    def enclosing(self, kind: type[cst.CSTNode]) -> Scope | None:
        """Return the nearest scope that belongs to a node of this kind."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, kind):
            scope = scope.parent
        return scope


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """One key put into a dictionary after it was made."""

    key: cst.BaseExpression
    value: cst.BaseExpression
    node: cst.CSTNode
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One arm of an `if`, a conditional expression or a `try`; `outer` is the arm around it.

    A `with` is one that expects what is inside to fail: `with pytest.raises(ValueError):`.
    """

    node: cst.If | cst.IfExp | cst.Try | cst.With
    first: bool  # the body; otherwise the `else`, or a handler
    scope: Scope
    outer: Branch | None


class Site(NamedTuple):
    """A node with what surrounds it."""

    node: cst.CSTNode
    scope: Scope
    branch: Branch | None


def path_in(module: str, name: str) -> str:
    """Return the path of what a module holds: `.layers` is in `.`, `keras.layers` in `keras`."""
    dot = "" if module.endswith(".") else "."
    return f"{module}{dot}{name}"
