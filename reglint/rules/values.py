"""What several rules ask of the regularizers that a call passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.calls import spelling
from reglint.canonical import symbol
from reglint.model import AddImport, Insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.calls import Argument, Call, Spot
    from reglint.names import Module
    from reglint.scopes import Scope
    from reglint.syntax import cst


def regularizers(call: Call) -> Iterator[Argument]:
    """Yield the arguments of a layer that are meant to be regularizers."""
    return (a for a in call.arguments if a.name and a.name.endswith("_regularizer"))


def keras_name(node: cst.CSTNode, scope: Scope, module: Module) -> str | None:
    """Return the canonical name of what an expression is, if it can be only one thing."""
    names = {
        found.name if isinstance(meaning, str) and (found := symbol(meaning)) else None
        for meaning in module.meaning(node, scope)
    }
    return names.pop() if len(names) == 1 else None


def reference(spot: Spot, name: str) -> tuple[str, tuple[AddImport, ...]] | None:
    """Return how to write `keras.<name>` at a place in the code, and the import that it needs.

    Nothing if the name is taken by something else.
    """
    known = spelling(f"keras.{name}", spot)
    if known:
        return known, ()
    package, _, last = name.rpartition(".")
    if spot.scope.find(last) is not None:
        return None
    return last, (AddImport(f"{spot.root}.{package}".rstrip("."), last),)


def append_arguments(call: cst.Call, text: str) -> Insert:
    """Return the change that adds `text` behind the arguments of a call."""
    if call.args:
        return Insert(call.args[-1], f", {text}")
    return Insert(call.whitespace_before_args, text)  # the place between the parentheses


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence holds them: "`a`, `b` and `c`"."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))
