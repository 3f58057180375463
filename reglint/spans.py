"""Where nodes stand in the text.

libcst's position providers compute the place of every node, in lines and columns, at twice the
cost of parsing. Here the code generator runs once and notes the offsets of the few nodes asked for.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, NamedTuple

from libcst._nodes.internal import CodegenState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    import libcst as cst

_DEPTH = 20_000  # of Python's own stack: a sum of a thousand strings nests a thousand nodes deep

_NOTHING = contextlib.nullcontext()


class Span(NamedTuple):
    """The offsets of a node's syntax, and the end of all it owns (parentheses, comma, blanks)."""

    start: int
    end: int
    full_end: int


class _AllFoundError(Exception):
    """What is behind the last node asked for need not be generated."""


class _Recorder(CodegenState):
    def __init__(self, tree: cst.Module, nodes: Iterable[cst.CSTNode]) -> None:
        super().__init__(tree.default_indent, tree.default_newline)
        self.offset = 0
        self.wanted = {id(n) for n in nodes}
        self.syntax: dict[int, tuple[int, int]] = {}
        self.full: dict[int, tuple[int, int]] = {}
        self._open: list[int] = []

    def add_indent_tokens(self) -> None:
        self.offset += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.offset += len(value)

    def pop_trailing_newline(self) -> None:
        pass  # there are no tokens to take it from, and no node behind it

    def before_codegen(self, node: cst.CSTNode) -> None:
        if id(node) in self.wanted:
            self._open.append(self.offset)

    def after_codegen(self, node: cst.CSTNode) -> None:
        if id(node) in self.wanted:
            self.full[id(node)] = (self._open.pop(), self.offset)
            if len(self.full) == len(self.wanted):
                raise _AllFoundError

    def record_syntactic_position(  # type: ignore[override] # libcst only enters what it returns
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> AbstractContextManager[None]:
        if id(node) not in self.wanted:
            return _NOTHING
        return self._record(node, start_node, end_node)

    @contextlib.contextmanager
    def _record(
        self, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> Iterator[None]:
        self.wanted |= {id(n) for n in (start_node, end_node) if n is not None}
        start = self.offset
        yield
        end = self.offset
        if start_node is not None:
            start = self.range(start_node)[0]
        if end_node is not None:
            end = self.range(end_node)[1]
        self.syntax[id(node)] = (start, end)

    def range(self, node: cst.CSTNode) -> tuple[int, int]:
        return self.syntax.get(id(node)) or self.full[id(node)]


def locate(tree: cst.Module, nodes: Iterable[cst.CSTNode]) -> dict[int, Span]:
    """Return the span of each node, by its `id`. Offsets count characters of `tree.code`."""
    nodes = list(nodes)
    recorder = _Recorder(tree, nodes)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        with contextlib.suppress(_AllFoundError):
            tree._codegen(recorder)  # noqa: SLF001 - as libcst's own providers do
    finally:
        sys.setrecursionlimit(limit)
    return {id(n): Span(*recorder.range(n), recorder.full[id(n)][1]) for n in nodes}
