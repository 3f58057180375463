"""The call of `setup` in a setup.py, which is read and not run."""

from __future__ import annotations

import ast
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Line: TypeAlias = tuple[int, str]  # its number, and what is in it


class Setup:
    """The arguments of `setup`, as far as they are literals or names of some."""

    def __init__(self, text: str) -> None:
        self._names: dict[str, ast.expr] = {}
        self._arguments: dict[str, ast.expr] = {}
        for node in ast.walk(_tree(text)):
            match node:
                case ast.Assign(targets=[ast.Name(name)], value=value):
                    self._names.setdefault(name, value)
                case ast.Call(func=ast.Name("setup") | ast.Attribute(attr="setup")):
                    self._arguments = dict(self._passed(node))

    def _passed(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """Yield the keyword arguments of a call, also those of `**config`."""
        for each in call.keywords:
            table = self._resolved(each.value)
            if each.arg is not None:
                yield each.arg, each.value
            elif isinstance(table, ast.Dict):
                pairs = zip(table.keys, table.values, strict=True)
                yield from ((str(k.value), v) for k, v in pairs if isinstance(k, ast.Constant))

    def value(self, argument: str) -> ast.expr | None:
        """Return what is passed as `argument`."""
        return self._resolved(self._arguments.get(argument))

    def _resolved(self, node: ast.expr | None) -> ast.expr | None:
        """Return an expression, or what the name that it is was bound to first."""
        return self._names.get(node.id) if isinstance(node, ast.Name) else node

    def strings(self, argument: str) -> Iterator[Line]:
        """Yield the lines of the strings in an argument, with their numbers."""
        yield from self.lines(self.value(argument))

    def lines(self, node: ast.expr | None, depth: int = 4) -> Iterator[Line]:
        """Yield the lines of the strings in an expression, also in what its names are bound to."""
        for each in ast.walk(node) if node else ():
            match each:
                case ast.Constant(str() as text):
                    yield from enumerate(text.splitlines(), each.lineno)
                case ast.Name(name) if depth:
                    yield from self.lines(self._names.get(name), depth - 1)


def _tree(text: str) -> ast.Module:
    """Parse a setup.py; what is not Python says nothing."""
    with warnings.catch_warnings(), suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        warnings.simplefilter("ignore")
        return ast.parse(text)
    return ast.Module([], [])
