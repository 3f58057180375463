"""What an expression is made from, when it is known what its names mean; see `flow`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.canonical import symbol
from reglint.analysis.operations import OPERATORS, operation, option, options, tensors
from reglint.analysis.scopes import Class, Value
from reglint.analysis.syntax import callee, children, cst, dotted, number, string
from reglint.analysis.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from reglint.analysis.flow import Flow
    from reglint.analysis.scopes import Scope

    Environment: TypeAlias = "dict[str, Term]"
    # The keyword, or the stars, and what is passed.
    Given: TypeAlias = "tuple[str, Term]"

_DEEP = 100  # expressions within each other
_MANY = 20_000  # in one function
_PROPERTIES = frozenset({"property", "cached_property"})


class Expressions:
    """The names that are bound at some point of a function, and what expressions mean there."""

    def __init__(self, flow: Flow, scope: Scope, outer: Expressions | None = None) -> None:
        self.flow = flow
        self.scope = scope
        self.outer = outer  # the function around this one
        self.env: Environment | None = {}  # None: control does not get here
        self.at: dict[int, Term] = {}  # by the id of the expression
        self.returns: list[Term] = []

    def expression(self, node: cst.BaseExpression) -> Term:
        """Return what an expression is made from."""
        flow = self.flow
        flow.level += 1
        flow.count += 1
        if flow.level > _DEEP or flow.count > _MANY or self.env is None:
            found = self.term("unknown", node)
        else:
            found = self._expression(node)
        flow.level -= 1
        self.at[id(node)] = found
        return found

    def bind(self, target: cst.CSTNode, given: Term) -> None:
        """Let a name, an attribute, or what there is to unpack, be a value from now on."""
        if self.env is None:
            return
        match target:
            case cst.Name(name):
                self.env[name] = given
            case cst.Attribute():
                if path := ".".join(dotted(target)):
                    self.env[path] = given
            case cst.Tuple() | cst.List():
                same = given.operation == "tuple" and len(given.parts) == len(target.elements)
                for index, element in enumerate(target.elements):
                    one = self.term("element", element.value, (given,), str(index))
                    self.bind(element.value, given.parts[index] if same else one)
            case cst.Subscript(value=owner):
                self._put(owner, given, _key(target))

    def term(
        self, kind: str, node: cst.CSTNode, parts: tuple[Term, ...] = (), name: str = ""
    ) -> Term:
        """Return a new value."""
        return Term(kind, node, self.scope, parts, name)

    def choice(self, terms: Iterable[Term], node: cst.CSTNode, kind: str = "choice") -> Term:
        """Return a value that is one of several."""
        flat = (t for term in terms for t in (term.parts if term.operation == kind else (term,)))
        distinct = tuple({id(term): term for term in flat}.values())
        return distinct[0] if len(distinct) == 1 else self.term(kind, node, distinct)

    def _put(self, owner: cst.BaseExpression, given: Term, key: str = "") -> None:
        """Add a value to a list or dictionary."""
        path = ".".join(dotted(owner))
        if not path or self.env is None:
            return
        old = self.expression(owner)
        if old.operation in {"tuple", "dict"}:
            entries = {**old.options, key: given} if key else old.options
            parts = (*old.parts, given)
            self.env[path] = Term(old.operation, owner, self.scope, parts, "", entries)
        else:
            self.env[path] = self.term("unknown", owner, (old, given))

    def _expression(self, node: cst.BaseExpression) -> Term:  # noqa: C901, PLR0912 - a case per form
        match node:
            case cst.Name():
                return self._name(node)
            case cst.Attribute():
                return self._attribute(node)
            case cst.Call():
                return self._call(node)
            case cst.BinaryOperation():
                name = OPERATORS.get(type(node.operator).__name__, "unknown")
                return self.term(name, node, self._all(node.left, node.right))
            case cst.BooleanOperation():
                return self.choice(self._all(node.left, node.right), node)
            case cst.IfExp():
                self.expression(node.test)
                return self.choice(self._all(node.body, node.orelse), node)
            case cst.UnaryOperation() if number(node) is None:
                kind = OPERATORS.get(type(node.operator).__name__, "unknown")
                return self.term(kind, node, self._all(node.expression))
            case cst.Integer() | cst.Float() | cst.UnaryOperation():
                return self.term("number", node)
            case cst.SimpleString():
                return self.term("string", node, name=string(node) or "")
            case cst.Comparison():
                others = (comparison.comparator for comparison in node.comparisons)
                return self.term("compare", node, self._all(node.left, *others))
            case cst.Tuple() | cst.List() | cst.Set():
                return self.term("tuple", node, self._all(*(e.value for e in node.elements)))
            case cst.Dict():
                keys = (string(getattr(element, "key", None)) for element in node.elements)
                return self._dict(node, keys, self._all(*(e.value for e in node.elements)))
            case cst.Subscript():
                return self._subscript(node)
            case cst.NamedExpr():
                given = self.expression(node.value)
                self.bind(node.target, given)
                return given
            case cst.Lambda():
                self.flow.closures[id(node)] = self
                return self.term("function", node)
            case cst.BaseComp():
                return self._comprehension(node)
            case cst.Yield():
                self.returns.append(self.term("unknown", node))
        below = [n for n in children(node) if isinstance(n, cst.BaseExpression)]
        return self.term("unknown", node, self._all(*below))

    def _all(self, *nodes: cst.BaseExpression) -> tuple[Term, ...]:
        return tuple(self.expression(node) for node in nodes)

    # -- Names

    def _name(self, node: cst.Name) -> Term:
        if node.value in {"None", "True", "False"}:
            return self.term("none" if node.value == "None" else "number", node)
        return self._local(node.value) or self._imported(node) or self._global(node)

    def _local(self, name: str) -> Term | None:
        """Return what a variable is, in this function or those around it."""
        frame: Expressions | None = self
        while frame is not None:
            if frame.env and name in frame.env:
                return frame.env[name]
            frame = frame.outer
        return None

    def _imported(self, node: cst.Name | cst.Attribute) -> Term | None:
        """Return what comes from another module, or is built in."""
        paths = self.flow.module.meaning(node, self.scope)
        if not paths or not all(isinstance(path, str) for path in paths):
            return None
        names = {known.name if (known := symbol(str(path))) else str(path) for path in paths}
        if len(names) > 1 and len({operation(name) for name in names}) > 1:
            return None
        return self.term("symbol", node, name=min(names))

    def _global(self, node: cst.Name) -> Term:
        """Return what a name of the module, or of a class, may be."""
        owner = self.scope.find(node.value)
        running = self.flow.running
        found = []
        for binding in owner.names[node.value] if owner else ():
            defined = getattr(binding, "node", node)
            if isinstance(defined, (cst.FunctionDef, cst.ClassDef)):
                kind = "class" if isinstance(defined, cst.ClassDef) else "function"
                found.append(self.term(kind, defined, name=node.value))
            elif isinstance(binding, Value) and not any(defined is n for n in running):
                running.append(defined)
                found.append(Expressions(self.flow, binding.scope).expression(binding.node))
                running.pop()
            else:
                return self.term("unknown", node, name=node.value)
        return self.choice(found, node) if found else self.term("unknown", node, name=node.value)

    def _attribute(self, node: cst.Attribute) -> Term:
        names = dotted(node)
        if names and (assigned := self._local(".".join(names))):
            return assigned
        if names and not self._local(names[0]) and (found := self._imported(node)):
            return found
        owner, name = self.expression(node.value), node.attr.value
        if owner.operation == "symbol":
            return self.term("symbol", node, name=f"{owner.name}.{name}")
        method = self._method(owner, name)
        if method and _PROPERTIES & decorators(method):
            result = self.flow.call(self, method, [("", owner)], node, f"self.{name}")
            return result or self.term("unknown", node, (owner,))
        return self.term("attribute", node, (owner,), name)

    def _method(self, owner: Term, name: str) -> cst.FunctionDef | None:
        """Return the method that `self.<name>` is, if that is in this module."""
        scope = owner.scope.parent if owner.operation == "self" else None
        if scope is None or not isinstance(scope.node, cst.ClassDef):
            return None
        waiting, seen = [Class(scope.node, scope.parent or self.flow.module.scope)], set[int]()
        while waiting:
            cls = waiting.pop(0)
            if id(cls.node) in seen:
                continue
            seen.add(id(cls.node))
            for statement in cls.node.body.body:
                if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
                    return statement
            for base in cls.node.bases:
                meanings = self.flow.module.meaning(base.value, cls.scope)
                waiting += [meaning for meaning in meanings if isinstance(meaning, Class)]
        return None

    # -- Lists and dictionaries

    def _dict(
        self, node: cst.CSTNode, keys: Iterable[str | None], values: tuple[Term, ...]
    ) -> Term:
        entries = {key: given for key, given in zip(keys, values, strict=True) if key}
        return Term("dict", node, self.scope, values, "", entries)

    def _subscript(self, node: cst.Subscript) -> Term:
        owner, key = self.expression(node.value), _key(node)
        if owner.operation == "dict" and key in owner.options:
            return owner.options[key]
        if owner.operation == "tuple" and key.isdigit() and int(key) < len(owner.parts):
            return owner.parts[int(key)]
        return self.term("element", node, (owner,), key)

    def _comprehension(self, node: cst.BaseComp) -> Term:
        before = dict(self.env or {})
        turn: cst.CompFor | None = node.for_in
        while turn is not None:
            every = self.expression(turn.iter)
            self.bind(turn.target, self.term("element", turn.target, (every,)))
            self._all(*(test.test for test in turn.ifs))
            turn = turn.inner_for_in
        elt = node.value if isinstance(node, cst.DictComp) else getattr(node, "elt", node)
        parts = self._all(elt)
        self.env = before
        return self.term("each", node, parts)

    # -- Calls

    def _call(self, node: cst.Call) -> Term:
        given = [
            (arg.star or (arg.keyword.value if arg.keyword else ""), self.expression(arg.value))
            for arg in node.args
        ]
        match node.func:
            case cst.Attribute(value=cst.Call(func=cst.Name("super")), attr=cst.Name(name)):
                return self.term("call", node, tuple(t for _, t in given), f"super().{name}")
        callee = self.expression(node.func)
        terms = tuple(term for _, term in given)
        if callee.operation == "symbol":
            return self._function(callee.name, given, node)
        if callee.operation == "attribute":
            return self._called_method(callee.parts[0], callee.name, given, node)
        if callee.operation == "function":
            assert isinstance(callee.node, (cst.FunctionDef, cst.Lambda))
            result = self.flow.call(self, callee.node, given, node, callee.name)
            if result:
                return result
        name = callee.name if callee.operation in {"function", "class"} else callee.path
        return self.term("call", node, (callee, *terms), name)

    def _function(self, path: str, given: list[Given], node: cst.Call) -> Term:
        """Return what something imported, or built in, gives."""
        if known := operation(path):
            return self._operation(known, path, given, node)
        if path == "builtins.dict" and all(keyword.isidentifier() for keyword, _ in given):
            return self._dict(node, [k for k, _ in given], tuple(t for _, t in given))
        match path, given:
            case "builtins.getattr", [(_, owner), (_, Term(operation="string", name=name)), *_]:
                return self.term("attribute", node, (owner,), name)
        return self.term("call", node, tuple(term for _, term in given), path)

    def _called_method(self, owner: Term, name: str, given: list[Given], node: cst.Call) -> Term:
        method = self._method(owner, name)
        if method:
            bound = given if "staticmethod" in decorators(method) else [("", owner), *given]
            if result := self.flow.call(self, method, bound, node, f"self.{name}"):
                return result
        elif owner.operation == "tuple" and name in {"append", "extend", "add"} and given:
            if isinstance(node.func, cst.Attribute):
                self._put(node.func.value, given[0][1])
        elif owner.operation == "dict" and name == "get" and given:
            if given[0][1].name in owner.options:
                return owner.options[given[0][1].name]
        elif owner.operation != "self" and (known := operation(f".{name}")):
            return self._operation(known, f".{name}", [("", owner), *given], node)
        parts = (owner, *(term for _, term in given))
        return self.term("call", node, parts, f"{owner.path}.{name}")

    def _operation(self, kind: str, path: str, given: list[Given], node: cst.Call) -> Term:
        positional = [term for keyword, term in given if not keyword]
        count = tensors(kind)
        parts = positional[:count]
        told = dict(zip(options(kind), positional[count:], strict=False))
        for keyword, term in given:
            if keyword.startswith("*"):
                parts.append(self.term("unknown", term.node, (term,)))
            elif keyword and (name := option(keyword)):
                told[name] = term
            elif keyword:
                parts.append(term)
        return Term(kind, node, self.scope, tuple(parts), path, told)


def decorators(function: cst.FunctionDef | cst.Lambda) -> set[str]:
    """Return the last names of what decorates a function: {"staticmethod"}."""
    found = set()
    for item in function.decorators if isinstance(function, cst.FunctionDef) else ():
        found.add((dotted(callee(item.decorator)) or ("?",))[-1])
    return found


def _key(node: cst.CSTNode) -> str:
    """Return the key of `d["key"]` and `t[0]`."""
    match node:
        case cst.Subscript(slice=[cst.SubscriptElement(cst.Index(cst.Integer(value=index)))]):
            return index
        case cst.Subscript(slice=[cst.SubscriptElement(cst.Index(index))]):
            return string(index) or ""
    return ""
