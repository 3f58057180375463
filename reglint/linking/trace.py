"""Which layers a piece of code makes, in which order: functions of the source are followed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.syntax import (
    children,
    cst,
    descendants,
    number,
    string,
)
from reglint.linking import names
from reglint.linking.arguments import of_self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.scopes import Scope
    from reglint.linking.names import Name
    from reglint.linking.places import File, Site
    from reglint.linking.sites import Sources

_DEEPEST = 20  # calls of calls
_MOST = 5_000  # layers
_MOST_ROUNDS = 100  # of a loop that is followed round by round


class Times(IntEnum):
    """How often."""

    ONCE = 1
    MAYBE = 2  # or not at all
    MANY = 3  # any number of times


@dataclass(frozen=True, slots=True)
class Made:
    """What one run of a call makes."""

    site: Site
    name: Name
    times: Times
    held: str = ""  # by what attribute of `self`: `dense`, `blocks[0]`
    inner: tuple[Made, ...] = ()  # layers made in its arguments, which it holds


@dataclass(frozen=True, slots=True)
class Trace:
    """What a piece of code makes, in order."""

    made: tuple[Made, ...] = ()
    foreign: str = ""  # a call of code elsewhere, which may make layers
    unknown: bool = False  # calls what only the running program knows

    @property
    def open(self) -> bool:
        """Tell whether it may make more than is listed."""
        return bool(self.foreign) or self.unknown


class TooMuchError(Exception):
    """The code makes more layers than anybody wants to follow."""


class _Around(NamedTuple):
    """What surrounds a piece of code that is run."""

    file: File
    scope: Scope
    known: Mapping[str, Name]  # what parameters may be, as names
    times: Times = Times.ONCE
    held: str = ""
    calls: tuple[int, ...] = ()  # ids of the functions that are running

    def at(self, times: Times) -> _Around:
        return self._replace(times=max(self.times, times))


@dataclass
class Tracer:
    """Follows the code of the source; what a function makes is worked out once."""

    sources: Sources
    _known: dict[object, Trace] = field(default_factory=dict)
    _busy: dict[int, set[int]] = field(default_factory=dict)

    def busy(self, file: File) -> set[int]:
        """Return the ids of the nodes of a file with something in them that may make layers."""
        found = self._busy.get(id(file))
        if found is None:
            found = self._busy[id(file)] = set()
            above = _above(file.module.tree)
            calls = [
                key for key, spot in file.calls.items() if any(self.sources.target(spot, file))
            ]
            # `self.head = head` tells who holds what was made before.
            held = [id(spot.node) for every in file.module.attributes.values() for spot in every]
            for key in (*calls, *held):
                node: int | None = key
                while node is not None and node not in found:
                    found.add(node)
                    node = above.get(node)
        return found

    def module(self, file: File) -> Trace:
        """Return what a script or notebook makes when it is run from top to bottom."""
        return self.code(file.module.tree, file.module.scope, file)

    def code(self, node: cst.CSTNode, scope: Scope, file: File) -> Trace:
        """Return what a piece of code makes when it is run once."""
        return _Run(self).trace([node], _Around(file, scope, {}))

    def function(
        self,
        node: cst.FunctionDef,
        file: File,
        known: Mapping[str, Name] | None = None,
        calls: tuple[int, ...] = (),
    ) -> Trace:
        """Return what one call of a function makes."""
        key = id(node), tuple(sorted((known or {}).items()))
        if key not in self._known:
            scope = file.module.scope_of(node) or file.module.scope
            around = _Around(file, scope, known or {}, calls=(*calls, id(node)))
            self._known[key] = _Run(self).trace([node.body], around)
        return self._known[key]

    def cls(self, cls: KerasClass) -> Trace:
        """Return what the methods of a class make, those of its bases in the source as well."""
        every = [
            self.function(node, file)
            for definition in cls.lineage
            if (file := self.sources.file_of(definition.module))
            for node in definition.node.body.body
            if isinstance(node, cst.FunctionDef)
        ]
        return Trace(
            tuple(made for trace in every for made in trace.made),
            next((trace.foreign for trace in every if trace.foreign), ""),
            any(trace.unknown for trace in every),
        )


@dataclass
class _Run:
    tracer: Tracer
    made: list[Made] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)  # calls whose layer another layer holds
    foreign: str = ""
    unknown: bool = False

    def trace(self, nodes: Iterable[cst.CSTNode], around: _Around) -> Trace:
        try:
            for node in nodes:
                self.visit(node, around)
        except (RecursionError, TooMuchError):
            return Trace(unknown=True)
        made = tuple(made for made in self.made if id(made.site.node) not in self.taken)
        return Trace(made, self.foreign, self.unknown)

    def visit(self, node: cst.CSTNode, around: _Around) -> None:  # noqa: C901, PLR0912 - see `case`
        if not isinstance(node, cst.Module) and id(node) not in self.tracer.busy(around.file):
            return  # nothing is made in there
        match node:
            case cst.FunctionDef() | cst.Lambda():
                return  # runs when it is called
            case cst.Module() | cst.IndentedBlock() | cst.SimpleStatementSuite():
                self._block(node.body, around)
            case cst.If() | cst.IfExp():
                self._choice(node, around)
            case cst.BooleanOperation(left=left, right=right):
                self.visit(left, around)
                self.visit(right, around.at(Times.MAYBE))
            case cst.For() | cst.While():
                self._loop(node, around)
            case cst.ListComp() | cst.SetComp() | cst.DictComp() | cst.GeneratorExp():
                self._comprehension(node, around)
            case cst.Try() | cst.TryStar():
                self.visit(node.body, around)
                self._all(node.handlers, around.at(Times.MAYBE))
                self._all(filter(None, [node.orelse, node.finalbody]), around)
            case cst.Match():
                self.visit(node.subject, around)
                self._all(node.cases, around.at(Times.MAYBE))
            case cst.ClassDef():
                scope = around.file.module.scope_of(node) or around.scope
                self.visit(node.body, around._replace(scope=scope))
            case cst.Assign(targets=targets, value=value):
                self._held(
                    value, next(filter(None, (of_self(t.target) for t in targets)), ""), around
                )
            case cst.AnnAssign(target=target, value=cst.BaseExpression() as value):
                self._held(value, of_self(target), around)
            case cst.Call():
                self._call(node, around)
            case _:
                self._all(children(node), around)

    def _all(self, nodes: Iterable[cst.CSTNode], around: _Around) -> None:
        for node in nodes:
            self.visit(node, around)

    def _block(self, statements: Sequence[cst.CSTNode], around: _Around) -> None:
        busy = self.tracer.busy(around.file)
        left = sum(id(statement) in busy for statement in statements)
        for statement in statements:
            self.visit(statement, around)
            left -= id(statement) in busy
            if not left:
                return
            if _may_leave(statement):
                around = around.at(Times.MAYBE)
            if _leaves(statement):
                return

    def _choice(self, node: cst.If | cst.IfExp, around: _Around) -> None:
        self.visit(node.test, around)
        sure = _is_main(node.test)
        self.visit(node.body, around if sure else around.at(Times.MAYBE))
        if node.orelse:
            self.visit(node.orelse, around.at(Times.MAYBE))

    def _loop(self, node: cst.For | cst.While, around: _Around) -> None:
        self.visit(node.iter if isinstance(node, cst.For) else node.test, around)
        ends = any(isinstance(n, (cst.If, cst.Try)) for n in _own_statements(node.body))
        rounds = _rounds(node.iter, around) if isinstance(node, cst.For) and not ends else None
        for _ in range(1 if rounds is None else rounds):
            self.visit(node.body, around.at(Times.MANY) if rounds is None else around)
        if node.orelse:
            self.visit(node.orelse, around.at(Times.MAYBE))

    def _comprehension(self, node: cst.BaseComp, around: _Around) -> None:
        inside = around._replace(scope=around.file.module.scope_of(node) or around.scope)
        loop = node.for_in
        plain = not loop.ifs and loop.inner_for_in is None
        rounds = _rounds(loop.iter, around) if plain else None
        parts = [child for child in children(node) if child is not loop]
        self.visit(loop, inside.at(Times.MANY))
        for _ in range(1 if rounds is None else rounds):
            self._all(parts, inside.at(Times.MANY) if rounds is None else inside)

    def _held(self, value: cst.BaseExpression, attribute: str, around: _Around) -> None:
        """Visit what is bound to an attribute, item by item if it is a list or dictionary."""
        if not attribute:
            self.visit(value, around)
            return
        if isinstance(value, cst.Name):
            found = around.file.module.expression(value, around.scope)
            if found and found.node is not value and not isinstance(found.node, cst.Name):
                # Its layers were made above already; here it turns out who holds them.
                run = _Run(self.tracer)
                run._held(found.node, attribute, around._replace(scope=found.scope))
                again = {id(made.site.node) for made in run.made}
                self.made = [m for m in self.made if id(m.site.node) not in again] + run.made
                return
        match value:
            case cst.List(elements=elements) | cst.Tuple(elements=elements):
                for i, element in enumerate(elements):
                    self.visit(element.value, around._replace(held=f"{attribute}[{i}]"))
            case cst.Dict(elements=elements):
                for each in elements:
                    key = string(each.key) if isinstance(each, cst.DictElement) else None
                    held = attribute if key is None else f"{attribute}[{key!r}]"
                    self.visit(each.value, around._replace(held=held))
            case _:
                self.visit(value, around._replace(held=attribute))

    def _call(self, node: cst.Call, around: _Around) -> None:
        spot = around.file.calls.get(id(node))
        if spot is None:
            self._all(children(node), around)
            return
        around = around._replace(scope=spot.scope)
        target = self.tracer.sources.target(spot, around.file)
        if target.site is not None:
            self._layer(target.site, around)
            return
        self.visit(node.func, around)
        for arg in node.args:
            held = around.held
            match node.func:
                case cst.Attribute(value=owner, attr=cst.Name("append" | "extend" | "insert")):
                    held = of_self(owner) or held
            self.visit(arg.value, around._replace(held=held))
        if target.function is not None:
            self._function(node, *target.function, around)
        self.foreign = self.foreign or target.foreign
        self.unknown |= target.unknown

    def _layer(self, site: Site, around: _Around) -> None:
        run = _Run(self.tracer)
        for arg in site.node.args:
            run.visit(arg.value, around._replace(held="", times=Times.ONCE))
            value = around.file.module.expression(arg.value, around.scope)
            if isinstance(arg.value, cst.Name) and value and value.node is not arg.value:
                held = {id(n) for n in descendants(value.node) if isinstance(n, cst.Call)}
                self.taken |= held
                run.visit(value.node, around._replace(scope=value.scope, times=Times.ONCE))
        if len(self.made) >= _MOST:
            raise TooMuchError
        name = names.given(site, around.known)
        self.made.append(Made(site, name, around.times, around.held, tuple(run.made)))
        self.foreign = self.foreign or run.foreign
        self.unknown |= run.unknown

    def _function(
        self, node: cst.Call, file: File, function: cst.FunctionDef, around: _Around
    ) -> None:
        if id(function) in around.calls or len(around.calls) > _DEEPEST:
            self.unknown = True
            return

        def read(argument: cst.CSTNode) -> Name:
            return names.of(argument, around.scope, around.file.module, around.known)

        known = dict(names.parameters(node, function, read))
        inner = self.tracer.function(function, file, known, around.calls)
        if len(self.made) + len(inner.made) >= _MOST:
            raise TooMuchError
        self.made += [
            replace(made, times=max(made.times, around.times), held=around.held)
            for made in inner.made
        ]
        self.foreign = self.foreign or inner.foreign
        self.unknown |= inner.unknown


def _above(tree: cst.Module) -> dict[int, int]:
    """Return the id of the node around each node, by its id."""
    found: dict[int, int] = {}
    stack: list[cst.CSTNode] = [tree]
    while stack:
        node = stack.pop()
        below = children(node)
        found.update((id(child), id(node)) for child in below)
        stack += below
    return found


def _rounds(node: cst.BaseExpression, around: _Around) -> int | None:
    """Return how many items there are to loop over, if the text tells."""
    value = around.file.module.expression(node, around.scope)
    match value.node if value else None:
        case cst.List(elements=items) | cst.Tuple(elements=items) | cst.Set(elements=items):
            # A list by another name may have grown since.
            plain = value is not None and (value.node is node or isinstance(value.node, cst.Tuple))
            starred = any(isinstance(item, cst.StarredElement) for item in items)
            return len(items) if plain and not starred and len(items) <= _MOST_ROUNDS else None
        case cst.Call(func=cst.Name("enumerate" | "reversed" | "sorted"), args=[first, *_]):
            return _rounds(first.value, around)
        case cst.Call(func=cst.Name("zip"), args=[_, *_] as args):
            every = [_rounds(arg.value, around) for arg in args]
            known = [rounds for rounds in every if rounds is not None]
            return min(known) if len(known) == len(every) else None
        case cst.Call(func=cst.Name("range"), args=args):
            ends = [int(end) for arg in args if (end := number(arg.value)) is not None]
            if len(ends) == len(args) and len(ends) in {1, 2}:
                count = len(range(*ends))
                return count if count <= _MOST_ROUNDS else None
    return None


def _is_main(test: cst.BaseExpression) -> bool:
    """Tell whether it is `__name__ == "__main__"`."""
    match test:
        case cst.Comparison(left=cst.Name("__name__")):
            return True
    return False


def _leaves(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(
            body=[*_, cst.Return() | cst.Raise() | cst.Continue() | cst.Break()]
        ):
            return True
    return False


def _may_leave(statement: cst.CSTNode) -> bool:
    """Tell whether what follows may not be run: there is a `return` in a branch."""
    if not isinstance(statement, (cst.If, cst.For, cst.While, cst.Try, cst.With, cst.Match)):
        return False
    return any(isinstance(node, cst.Return) for node in _own_statements(statement))


def _own_statements(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if not isinstance(current, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            stack += children(current)
