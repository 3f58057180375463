"""A file of the source, and a call in it that makes a layer: what is known of each by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from reglint.analysis import calls
from reglint.analysis.syntax import cst, descendants
from reglint.inspector.facts import CallSite
from reglint.linking import arguments
from reglint.spans import Span, locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.analysis.scopes import Site as Spot
    from reglint.inspector.facts import Argument
    from reglint.source import Source

# Methods that Keras calls: what they make, the layer or model itself holds.
KERAS_CALLS = frozenset({"__init__", "build", "call", "compile", "fit", "get_config"})


@dataclass(frozen=True, eq=False, repr=False)
class File:
    """A Python file or notebook, parsed."""

    source: Source
    module: Module
    sites: list[Site] = field(default_factory=list)

    @cached_property
    def spans(self) -> Mapping[int, Span]:
        """Return the place of each call that makes a layer, by the `id` of its node."""
        return locate(self.module.tree, [site.node for site in self.sites])

    @cached_property
    def calls(self) -> Mapping[int, Spot]:
        """Return what surrounds each call, by the `id` of its node."""
        return {id(spot.node): spot for spot in self.module.calls}

    @cached_property
    def functions(self) -> tuple[cst.FunctionDef, ...]:
        """Return all functions and methods."""
        nodes = descendants(self.module.tree)
        return tuple(node for node in nodes if isinstance(node, cst.FunctionDef))

    @cached_property
    def hidden_functions(self) -> tuple[cst.FunctionDef, ...]:
        """Return those that may be called where nobody can tell that it is them.

        They are methods, are inside of others, or are handed around.
        """
        called = {id(cst.ensure_type(spot.node, cst.Call).func) for spot in self.module.calls}
        top = {id(node) for node in self.module.tree.body}
        return tuple(
            node
            for node in self.functions
            if (id(node) not in top and node.name.value not in KERAS_CALLS)
            or any(id(s.node) not in called for s in self.module.loads.get(node.name.value, ()))
        )

    @cached_property
    def cells(self) -> tuple[cst.Module, ...]:
        """Return the statements of each cell, if it is a notebook of several."""
        source, body = self.source, self.module.tree.body
        if not source.is_notebook or len(source.cells) < 2:  # noqa: PLR2004
            return ()
        spans = locate(self.module.tree, body)
        by_cell: dict[int, list[cst.CSTNode]] = {}
        for line in body:
            by_cell.setdefault(source.cell_of(spans[id(line)].start), []).append(line)
        return tuple(self.module.tree.with_changes(body=lines) for lines in by_cell.values())


@dataclass(frozen=True, eq=False, repr=False)
class Site:
    """A call that makes a layer."""

    file: File
    node: cst.Call
    scope: Scope
    layer_class: str  # `Dense`, or the name of a class of the source
    roots: tuple[str, ...]  # what the file calls Keras: `tensorflow.keras`
    own: KerasClass | None  # the class, if it is one of the source
    changed: frozenset[str] = frozenset()  # attributes that the source sets from outside

    @cached_property
    def place(self) -> CallSite:
        """Return where it stands."""
        span, source = self.file.spans[id(self.node)], self.file.source
        start, end = source.place(span.start), source.place(span.end)
        return CallSite(
            source.path, start.line, start.column, end.line, end.column, cell=start.cell
        )

    @cached_property
    def given(self) -> tuple[tuple[calls.Argument, ...], bool]:
        """Return its arguments, and whether these are all."""
        return calls.arguments(self.file.calls[id(self.node)], self.file.module)

    @cached_property
    def literals(self) -> Mapping[str, Argument]:
        """Return the arguments whose values are certain, with the defaults of Keras."""
        return arguments.literals(self)

    def argument(self, name: str) -> calls.Argument | None:
        """Return the argument passed by this name."""
        return next((a for a in self.given[0] if a.name == name), None)

    def __str__(self) -> str:
        return str(self.place)
