"""What values are made from, followed through the statements of a function.

`value` runs a function in the abstract, statement by statement: a name means what was last
assigned to it on the way to its use; after an `if` it may mean either; a loop is done once or not
at all; a call of a function or method of this module is what that returns for these arguments.
What the text does not tell is "unknown". Nothing is run unless a rule asks for a value in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.expressions import Expressions, decorators
from reglint.analysis.operations import OPERATORS
from reglint.analysis.syntax import cst, parameters_of
from reglint.analysis.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reglint.analysis.expressions import Environment, Given
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

_CALLS = 6  # functions that call each other
# Decorators that leave alone what a function returns.
_PLAIN = frozenset({
    "function", "jit", "staticmethod", "classmethod", "property", "cached_property", "override",
    "abstractmethod", "no_automatic_dependency_tracking", "filter_jit",
})  # fmt: skip


def value(node: cst.CSTNode, scope: Scope, module: Module) -> Term:
    """Return what an expression is made from, in the function or script that it stands in."""
    return module.once(Flow).value(node, scope)


def returned(function: cst.FunctionDef | cst.Lambda, module: Module) -> list[Term]:
    """Return what a function may return, one for each `return` with a value."""
    scope = module.scope_of(function)
    return module.once(Flow).frame(scope).returns if scope else []


def assigned(cls: cst.ClassDef, name: str, module: Module) -> list[Term]:
    """Return what the methods of a class assign to `self.<name>`, each at its end."""
    flow = module.once(Flow)
    scopes = (module.scope_of(n) for n in cls.body.body if isinstance(n, cst.FunctionDef))
    ends = (flow.frame(scope).env for scope in scopes if scope)
    return [env[f"self.{name}"] for env in ends if env and f"self.{name}" in env]


class Flow:
    """What is known so far of the functions of one module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.level = 0  # of expressions within each other
        self.count = 0  # of expressions in the function that was asked about
        self.running: list[cst.CSTNode] = []  # functions, the innermost last
        self.closures: dict[int, Expressions] = {}  # where a nested function was defined
        self._frames: dict[int, _Frame] = {}

    def value(self, node: cst.CSTNode, scope: Scope) -> Term:
        """Return what an expression is made from."""
        frame = self.frame(_body(scope))
        if isinstance(frame.scope.node, cst.ClassDef) and isinstance(node, cst.BaseExpression):
            return frame.expression(node)
        return frame.at.get(id(node)) or Term("unknown", node, scope)

    def frame(self, scope: Scope) -> _Frame:
        """Return the run of a function of whose arguments nothing is known."""
        if id(scope) not in self._frames:
            outer = None
            if scope.parent and not isinstance(scope.parent.node, cst.Module):
                outer = self.frame(_body(scope.parent))
            frame = self._frames[id(scope)] = _Frame(self, scope, outer)
            frame.bind_parameters()
            before = self.count, self.level, self.running
            self.count, self.level, self.running = 0, 0, [scope.node]
            frame.run()
            self.count, self.level, self.running = before
        return self._frames[id(scope)]

    def call(
        self, caller: Expressions, function: cst.FunctionDef | cst.Lambda, given: list[Given],
        node: cst.CSTNode, name: str,
    ) -> Term | None:  # fmt: skip
        """Return what a function of this module gives; nothing if that is not known."""
        scope = self.module.scope_of(function)
        known = isinstance(function, cst.Lambda) or decorators(function) <= _PLAIN
        again = any(function is running for running in self.running)
        if scope is None or not known or again or len(self.running) > _CALLS:
            return None
        frame = _Frame(self, scope, self.closures.get(id(function)))
        frame.bind_arguments(function.params, given)
        self.running.append(function)
        frame.run()
        self.running.pop()
        if frame.env is None and not frame.returns:
            return None  # it always raises: subclasses are to say what it gives
        result = frame.choice(frame.returns, node) if frame.returns else frame.term("none", node)
        return Term("result", node, caller.scope, (result,), name)


class _Frame(Expressions):
    """One run of a function."""

    def __init__(self, flow: Flow, scope: Scope, outer: Expressions | None) -> None:
        super().__init__(flow, scope, outer)
        self._ends: list[Environment] = []  # at `return`
        self._left: list[Environment] = []  # at `break` and `continue`

    def bind_parameters(self) -> None:
        """Let each parameter be itself."""
        node = self.scope.node
        if not isinstance(node, (cst.FunctionDef, cst.Lambda)):
            return
        parameters = list(parameters_of(node.params))
        for parameter in parameters:
            self.bind(parameter.name, self.term("parameter", parameter, name=parameter.name.value))
        outside = self.scope.parent.node if self.scope.parent else None
        method = isinstance(node, cst.FunctionDef) and isinstance(outside, cst.ClassDef)
        if method and parameters and "staticmethod" not in decorators(node):
            self.bind(parameters[0].name, self.term("self", parameters[0], name="self"))

    def bind_arguments(self, parameters: cst.Parameters, given: list[Given]) -> None:
        """Let the parameters be what a call passes."""
        assert self.env is not None
        positional = [term for keyword, term in given if not keyword]
        named = {keyword: term for keyword, term in given if keyword}
        stars = tuple(term for keyword, term in named.items() if keyword.startswith("*"))
        defaults = Expressions(self.flow, self.scope.parent or self.scope)
        for parameter in (
            *parameters.posonly_params,
            *parameters.params,
            *parameters.kwonly_params,
        ):
            name = parameter.name.value
            if positional and parameter not in parameters.kwonly_params:
                self.env[name] = positional.pop(0)
            elif name in named:
                self.env[name] = named.pop(name)
            elif stars or parameter.default is None:
                self.env[name] = self.term("unknown", parameter, stars)
            else:
                self.env[name] = defaults.expression(parameter.default)
        rest = (*positional, *named.values())
        for star in (parameters.star_arg, parameters.star_kwarg):
            if isinstance(star, cst.Param):
                self.env[star.name.value] = self.term("unknown", star, rest)

    def run(self) -> None:
        """Go through the body."""
        match self.scope.node:
            case cst.Lambda(body=body):
                self.returns.append(self.expression(body))
            case cst.FunctionDef(body=body):
                self._block(body.body)
            case cst.Module(body=statements):
                self._block(statements)
        self.env = self._merged([*self._ends, self.env])

    def _block(self, statements: Iterable[cst.CSTNode]) -> None:
        for statement in statements:
            if self.env is None:
                return
            self._statement(statement)

    def _statement(self, node: cst.CSTNode) -> None:  # noqa: C901, PLR0912 - a case per form
        match node:
            case cst.SimpleStatementLine():
                self._block(node.body)
            case cst.Expr():
                self.expression(node.value)
            case cst.Assign():
                given = self.expression(node.value)
                for target in node.targets:
                    self.bind(target.target, given)
            case cst.AnnAssign(value=cst.BaseExpression() as assigned):
                self.bind(node.target, self.expression(assigned))
            case cst.AugAssign():
                parts = (self.expression(node.target), self.expression(node.value))
                kind = OPERATORS.get(type(node.operator).__name__, "unknown")
                self.bind(node.target, self.term(kind, node, parts))
            case cst.Return():
                self.returns += [self.expression(node.value)] if node.value else []
                self._leave(self._ends)
            case cst.Raise():
                self._leave([])
            case cst.Break() | cst.Continue():
                self._leave(self._left)
            case cst.FunctionDef() | cst.ClassDef():
                kind = "class" if isinstance(node, cst.ClassDef) else "function"
                self.flow.closures[id(node)] = self
                self.bind(node.name, self.term(kind, node, name=node.name.value))
            case cst.If(orelse=orelse):
                self.expression(node.test)
                self._either(
                    node.body.body, [orelse] if isinstance(orelse, cst.If) else _body_of(orelse)
                )
            case cst.For() | cst.While():
                self._loop(node)
            case cst.With():
                for item in node.items:
                    given = self.expression(item.item)
                    if item.asname:
                        self.bind(item.asname.name, given)
                self._block(node.body.body)
            case cst.Try() | cst.TryStar():
                self._try(node)
            case cst.Match():
                self.expression(node.subject)
                self._either(*(case.body.body for case in node.cases), ())
            case cst.Assert():
                self.expression(node.test)

    def _leave(self, ends: list[Environment]) -> None:
        ends += [self.env] if self.env is not None else []
        self.env = None

    def _either(self, *bodies: Iterable[cst.CSTNode]) -> None:
        before, after = dict(self.env or {}), []
        for body in bodies:
            self.env = dict(before)
            self._block(body)
            after.append(self.env)
        self.env = self._merged(after)

    def _loop(self, node: cst.For | cst.While) -> None:
        outside, self._left = self._left, []
        if isinstance(node, cst.For):
            every = self.expression(node.iter)
            before = dict(self.env or {})
            self.bind(node.target, self.term("element", node.target, (every,)))
        else:
            self.expression(node.test)
            before = dict(self.env or {})
        self._block(node.body.body)
        self.env = self._merged([before, self.env, *self._left], "loop")
        self._left = outside
        self._block(_body_of(node.orelse))

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        before = dict(self.env or {})
        self._block([*node.body.body, *_body_of(node.orelse)])
        tried, after = self.env, [self.env]
        for handler in node.handlers:
            self.env = self._merged([before, tried])
            self._block(handler.body.body)
            after.append(self.env)
        self.env = self._merged(after)
        self._block(_body_of(node.finalbody))

    def _merged(
        self, ways: Sequence[Environment | None], kind: str = "choice"
    ) -> Environment | None:
        """Return what names mean where several ways come together."""
        known = [way for way in ways if way is not None]
        if len(known) < 2:  # noqa: PLR2004 - nothing to come together
            return dict(known[0]) if known else None
        merged = {}
        for name in dict.fromkeys(name for way in known for name in way):
            found = [way[name] for way in known if name in way]
            if len(found) < len(known) and "." in name:  # an attribute that was there before
                found.append(self.term("unknown", found[0].node))
            merged[name] = self.choice(found, found[0].node, kind)
        return merged


def _body(scope: Scope) -> Scope:
    """Return the function, class or module that a scope is part of."""
    while isinstance(scope.node, cst.BaseComp) and scope.parent:
        scope = scope.parent
    return scope


def _body_of(node: cst.CSTNode | None) -> Sequence[cst.CSTNode]:
    """Return the statements of an `else` or `finally`, if there is one."""
    return node.body.body if isinstance(node, (cst.Else, cst.Finally)) else ()
