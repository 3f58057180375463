"""One walk over a module: which names are bound where, and the places that rules ask about.

libcst's own metadata (scopes, qualified names, parents) costs three to six times the parsing; this
walk costs a tenth of it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from reglint.analysis.scopes import (
    Branch,
    Class,
    Default,
    Imported,
    Opaque,
    Scope,
    Site,
    Value,
    Write,
    path_in,
)
from reglint.analysis.syntax import children, cst, dotted, last_name, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Walk:
    """What is in a module. The sites are in the order of the source."""

    def __init__(self, tree: cst.Module) -> None:
        self.tree = tree
        self.scope = Scope(tree)
        self.calls: list[Site] = []
        self.imports: list[Site] = []  # `from` imports
        self.decorators: list[Site] = []
        self.classes: list[Class] = []
        self.loads: dict[str, list[Site]] = {}  # the plain names: no attributes, no keywords
        self.stores: set[int] = set()  # ids of the nodes that bind a name rather than read it
        self.attributes: dict[str, list[Site]] = {}  # `x.name = value`, by the name
        self.stars: list[str] = []  # the modules of which everything is imported
        self._scopes = [self.scope]
        self._walk(tree)
        self._reads: dict[str, dict[Scope | None, list[Site]]] = {}  # by name and who binds it
        self._calls: dict[str, list[Site]] | None = None  # by the last name of what is called
        self._scope_of: dict[int, Scope] | None = None

    def reads(self, name: str, owner: Scope | None) -> list[Site]:
        """Return the places that read a name and mean the one that `owner` binds."""
        if name not in self._reads:
            owners = self._reads[name] = dict[Scope | None, list[Site]]()
            for site in self.loads.get(name, ()):
                if id(site.node) not in self.stores:
                    owners.setdefault(site.scope.find(name), []).append(site)
        return self._reads[name].get(owner, [])

    def calls_named(self, *names: str) -> list[Site]:
        """Return the calls of something whose last name is one of these: `f()`, `a.b.f()`."""
        if self._calls is None:
            self._calls = {}
            for site in self.calls:
                if name := last_name(cst.ensure_type(site.node, cst.Call).func):
                    self._calls.setdefault(name, []).append(site)
        return [site for name in names for site in self._calls.get(name, ())]

    def scope_of(self, node: cst.CSTNode) -> Scope | None:
        """Return the scope that belongs to a class, function or comprehension."""
        if self._scope_of is None:
            self._scope_of = {id(scope.node): scope for scope in self._scopes}
        return self._scope_of.get(id(node))

    def close(self) -> None:
        """Let go of everything: scopes and what is bound in them hold each other alive."""
        for scope in self._scopes:
            scope.names.clear()
            scope.writes.clear()

    def _walk(self, tree: cst.Module) -> None:
        # An explicit stack: generated code nests deeper than Python's own stack allows.
        visitors, passages = _visitors(), _passages()
        stack: list[tuple[cst.CSTNode, Scope, Branch | None]] = [(tree, self.scope, None)]
        while stack:
            node, scope, branch = stack.pop()
            while (only := passages.get(type(node))) is not None:
                node = getattr(node, only)
            visit = visitors.get(type(node))
            below = visit(self, Site(node, scope, branch)) if visit else None
            if below is None:
                stack += [(n, scope, branch) for n in reversed(children(node))]
            else:
                stack += [(s.node, s.scope, s.branch) for s in reversed(below)]

    def _visit_Name(self, site: Site) -> list[Site]:
        self.loads.setdefault(site.node.value, []).append(site)  # type: ignore[attr-defined]
        return []

    def _visit_Call(self, site: Site) -> None:
        node = cst.ensure_type(site.node, cst.Call)
        self.calls.append(site)
        if type(node.func) is not cst.Attribute or node.func.attr.value != "setdefault":
            return
        match node:
            case cst.Call(
                func=cst.Attribute(value=cst.Name(name)),
                args=[cst.Arg(value=key, star=""), cst.Arg(value=value, star="")],
            ):
                self._write(name, Write(key, value, node, site.scope))

    def _visit_Import(self, site: Site) -> list[Site]:
        node = cst.ensure_type(site.node, cst.Import)
        for alias in node.names:
            path = dotted(alias.name)
            if alias.asname and isinstance(alias.asname.name, cst.Name):
                site.scope.bind(alias.asname.name.value, Imported(".".join(path), alias, node))
            else:
                site.scope.bind(path[0], Imported(path[0], alias, node))
        return []

    def _visit_ImportFrom(self, site: Site) -> list[Site]:
        node = cst.ensure_type(site.node, cst.ImportFrom)
        module = "." * len(node.relative) + ".".join(dotted(node.module))
        if isinstance(node.names, cst.ImportStar):
            self.stars.append(module)
            return []
        self.imports.append(site)
        for alias in node.names:
            name = alias.asname.name if alias.asname else alias.name
            site.scope.bind(
                cst.ensure_type(name, cst.Name).value,
                Imported(path_in(module, dotted(alias.name)[0]), alias, node),
            )
        return []

    def _visit_Decorator(self, site: Site) -> None:
        self.decorators.append(site)

    def _visit_FunctionDef(self, site: Site) -> list[Site]:
        node = cst.ensure_type(site.node, cst.FunctionDef)
        site.scope.bind(node.name.value, Opaque(node))
        inner = self._function(site, node.params)
        outside = [*node.decorators, *filter(None, [node.returns])]
        return [
            *(Site(n, site.scope, site.branch) for n in outside),
            *self._defaults(site, node.params),
            Site(node.body, inner, site.branch),
        ]

    def _visit_Lambda(self, site: Site) -> list[Site]:
        node = cst.ensure_type(site.node, cst.Lambda)
        inner = self._function(site, node.params)
        return [*self._defaults(site, node.params), Site(node.body, inner, site.branch)]

    def _function(self, site: Site, parameters: cst.Parameters) -> Scope:
        inner = self._inside(site.node, site.scope)
        for p in parameters_of(parameters):
            value = Default(p.default, site.scope) if p.default else Opaque(p)
            inner.bind(p.name.value, value)
        return inner

    def _defaults(self, site: Site, parameters: cst.Parameters) -> list[Site]:
        nodes = [n for p in parameters_of(parameters) for n in (p.annotation, p.default) if n]
        return [Site(n, site.scope, site.branch) for n in nodes]

    def _visit_ClassDef(self, site: Site) -> list[Site]:
        node = cst.ensure_type(site.node, cst.ClassDef)
        found = Class(node, site.scope)
        self.classes.append(found)
        site.scope.bind(node.name.value, found)
        outside = [*node.decorators, *node.bases, *node.keywords]
        return [
            *(Site(n, site.scope, site.branch) for n in outside),
            Site(node.body, self._inside(node, site.scope), site.branch),
        ]

    def _visit_ListComp(self, site: Site) -> list[Site]:
        inner = self._inside(site.node, site.scope)
        return [Site(n, inner, site.branch) for n in children(site.node)]

    _visit_SetComp = _visit_DictComp = _visit_GeneratorExp = _visit_ListComp

    def _visit_Global(self, site: Site) -> list[Site]:
        for item in cst.ensure_type(site.node, cst.Global).names:
            # Who assigns to a global, and when, is beyond one reading.
            self.scope.bind(item.name.value, Opaque(item))
        return []

    def _visit_Assign(self, site: Site) -> None:
        node = cst.ensure_type(site.node, cst.Assign)
        for target in node.targets:
            match target.target:
                case cst.Subscript(
                    value=cst.Name(name), slice=[cst.SubscriptElement(cst.Index(key))]
                ):
                    self._write(name, Write(key, node.value, node, site.scope))
                case cst.Attribute(attr=cst.Name(name)):
                    self.attributes.setdefault(name, []).append(site)
                case other:
                    self._bind(other, node.value, site)

    def _visit_AnnAssign(self, site: Site) -> None:
        node = cst.ensure_type(site.node, cst.AnnAssign)
        if node.value is not None:
            self._bind(node.target, node.value, site)

    def _visit_NamedExpr(self, site: Site) -> None:
        node = cst.ensure_type(site.node, cst.NamedExpr)
        self._bind(node.target, node.value, site)

    def _visit_AugAssign(self, site: Site) -> None:
        self._bind(cst.ensure_type(site.node, cst.AugAssign).target, None, site)

    def _visit_AsName(self, site: Site) -> None:
        self._bind(cst.ensure_type(site.node, cst.AsName).name, None, site)

    def _visit_For(self, site: Site) -> None:
        node = site.node
        assert isinstance(node, (cst.For, cst.CompFor))
        if isinstance(node.iter, (cst.Tuple, cst.List)):
            for element in node.iter.elements:
                self._bind(node.target, element.value, site)
        else:
            self._bind(node.target, None, site)

    _visit_CompFor = _visit_For

    def _visit_If(self, site: Site) -> list[Site]:
        node = site.node
        assert isinstance(node, (cst.If, cst.IfExp))
        arms = [Branch(node, first, site.scope, site.branch) for first in (True, False)]
        below = [Site(node.test, site.scope, site.branch), Site(node.body, site.scope, arms[0])]
        return [*below, Site(node.orelse, site.scope, arms[1])] if node.orelse else below

    _visit_IfExp = _visit_If

    def _visit_Try(self, site: Site) -> list[Site]:
        node = cst.ensure_type(site.node, cst.Try)
        body, handler = (Branch(node, first, site.scope, site.branch) for first in (True, False))
        rest = [n for n in (node.orelse, node.finalbody) if n]
        return [
            Site(node.body, site.scope, body),
            *(Site(n, site.scope, handler) for n in node.handlers),
            *(Site(n, site.scope, site.branch) for n in rest),
        ]

    def _visit_With(self, site: Site) -> list[Site] | None:
        node = cst.ensure_type(site.node, cst.With)
        if not any(_expects_failure(item.item) for item in node.items):
            return None
        below = [Site(item, site.scope, site.branch) for item in node.items]
        branch = Branch(node, True, site.scope, site.branch)  # noqa: FBT003
        return [*below, Site(node.body, site.scope, branch)]

    def _visit_IndentedBlock(self, site: Site) -> list[Site]:
        """`if test: return ...` makes the rest of the block an `else`."""
        block = site.node
        assert isinstance(block, (cst.IndentedBlock, cst.Module))
        branch, below = site.branch, []
        for statement in block.body:
            below.append(Site(statement, site.scope, branch))
            if isinstance(statement, cst.If) and not statement.orelse and _leaves(statement.body):
                branch = Branch(statement, False, site.scope, branch)  # noqa: FBT003
        return below

    _visit_Module = _visit_IndentedBlock

    def _bind(self, target: cst.CSTNode, value: cst.BaseExpression | None, site: Site) -> None:
        match target:
            case cst.Name(name):
                binding = Value(value, site.scope) if value else Opaque(site.node)
                site.scope.bind(name, binding)
                self.stores.add(id(target))
            case cst.Tuple() | cst.List():
                values: list[cst.BaseExpression | None] = [None] * len(target.elements)
                if isinstance(value, (cst.Tuple, cst.List)) and len(value.elements) == len(values):
                    values = [e.value for e in value.elements]
                for element, v in zip(target.elements, values, strict=True):
                    self._bind(element.value, v, site)

    def _write(self, name: str, write: Write) -> None:
        write.scope.writes.setdefault(name, []).append(write)

    def _inside(self, node: cst.CSTNode, outer: Scope) -> Scope:
        """Return the new scope of a class, function or comprehension."""
        self._scopes.append(Scope(node, outer))
        return self._scopes[-1]


@cache
def _visitors() -> dict[type, Callable[[Walk, Site], list[Site] | None]]:
    """Return the methods that visit a kind of node, by its class.

    Each returns what is to be visited below, or nothing: then that is all the node holds.
    """
    methods = (n for n in vars(Walk) if n.startswith("_visit_"))
    return {getattr(cst, name.removeprefix("_visit_")): getattr(Walk, name) for name in methods}


@cache
def _passages() -> dict[type, str]:
    """Return the kinds of nodes that only lead to another one, and by which field.

    They are half of all nodes, and nobody has a question about them.
    """
    by_field = {
        "value": ("Expr", "Arg", "Attribute", "Element", "Index", "StarredElement"),
        "target": ("AssignTarget",),
        "slice": ("SubscriptElement",),
        "expression": ("UnaryOperation",),
    }
    return {getattr(cst, kind): field for field, kinds in by_field.items() for kind in kinds}


def _leaves(body: cst.BaseSuite) -> bool:
    """Tell whether control never runs off the end of these statements."""
    match body.body:
        case [*_, cst.SimpleStatementLine(body=[*_, last])]:
            return isinstance(last, (cst.Return, cst.Raise, cst.Continue, cst.Break))
        case [*_, (cst.Return() | cst.Raise() | cst.Continue() | cst.Break())]:
            return True
    return False


def _expects_failure(item: cst.BaseExpression) -> bool:
    """Tell whether a `with` is `pytest.raises(...)` or one of `self.assertRaises...(...)`."""
    name = last_name(item.func) if isinstance(item, cst.Call) else ""
    return name == "raises" or name.startswith("assertRaises")
