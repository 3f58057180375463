"""What `__init__` takes, and what it makes of it: one half of saving an object.

Keras makes an object again by `cls(**config)`; the other half is what `get_config` writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.analysis.classes import is_rewritten
from reglint.analysis.syntax import children, cst, descendants, dotted, is_name, last_name, string

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reglint.analysis.classes import Definition, KerasClass
    from reglint.analysis.names import Module


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of `__init__`."""

    name: str
    node: cst.Param

    @property
    def required(self) -> bool:
        """Tell whether a caller has to pass it."""
        return self.node.default is None


@dataclass(frozen=True, slots=True)
class Init:
    """The `__init__` that makes an object of a class."""

    definition: Definition
    function: cst.FunctionDef
    parameters: Mapping[str, Parameter]
    positional: str  # the name of `*args`, if there is one
    keywords: str  # the name of `**kwargs`, if there is one
    stored: Mapping[str, list[cst.BaseExpression]]  # what is assigned to each `self.<name>`

    @property
    def accepts_anything(self) -> bool:
        """Tell whether it looks into `**kwargs` itself, so that nobody knows what it takes."""
        uses = [n for n in descendants(self.function.body) if is_name(n, self.keywords)]
        return bool(self.keywords) and len(uses) > len(_handed_on(self.function, self.keywords))

    @property
    def asked_of_keywords(self) -> set[str]:
        """Return the names that it looks for in `**kwargs` itself."""
        found = set()
        for node in descendants(self.function.body):
            match node:
                case cst.Call(func=function, args=[cst.Arg(value=key), *_]) if dotted(function) in {
                    (self.keywords, "pop"),
                    (self.keywords, "get"),
                }:
                    found.add(string(key) or "")
        return found

    @property
    def hands_on(self) -> bool:
        """Tell whether `**kwargs` go on to the base."""
        return bool(_handed_on(self.function, self.keywords))

    def reads(self, name: str) -> bool:
        """Tell whether a parameter makes a difference to the object.

        One that is only refused (`if old is not None: raise ...`), or that goes into `**kwargs`
        under another name, makes none of its own.
        """
        stack: list[cst.CSTNode] = [self.function.body]
        while stack:
            node = stack.pop()
            if is_name(node, name):
                return True
            if not _is_moot(node, self.keywords):
                stack.extend(children(node))
        return False


def _is_moot(node: cst.CSTNode, keywords: str) -> bool:
    """Tell whether a statement only complains about arguments, or passes them on as `keywords`."""
    match node:
        case cst.If(body=body, orelse=orelse):
            return _is_moot(body, keywords) and (orelse is None or _is_moot(orelse, keywords))
        case cst.Else(body=body):
            return _is_moot(body, keywords)
        case cst.IndentedBlock(body=lines) | cst.SimpleStatementLine(body=lines):
            return all(_is_moot(line, keywords) for line in lines)
        case cst.Raise() | cst.Assert():
            return True
        case cst.Expr(value=cst.Call(func=function)):
            path = dotted(function)
            puts = path in {(keywords, "update"), (keywords, "setdefault")}
            return puts or path[:1] in {("warnings",), ("logging",), ("logger",), ("print",)}
        case cst.Assign(targets=[cst.AssignTarget(cst.Subscript(value=target))]):
            return is_name(target, keywords)
    return False


def init(cls: KerasClass) -> Init | None:
    """Return the `__init__` of a class, its own or that of a base in the project.

    Nothing if Keras' own is used, or if a decorator, a metaclass or `__new__` may change what it
    takes.
    """
    return cls.module.once_about(cls, _init)


def _init(cls: KerasClass) -> Init | None:
    found = cls.inherited("__init__")
    if found is None or cls.inherited("__new__") or any(map(is_rewritten, cls.lineage)):
        return None
    definition, function = found
    if function.decorators:
        return None
    params = function.params
    _self, *named = *params.posonly_params, *params.params, *params.kwonly_params
    star, stars = params.star_arg, params.star_kwarg
    return Init(
        definition,
        function,
        {p.name.value: Parameter(p.name.value, p) for p in named},
        star.name.value if isinstance(star, cst.Param) else "",
        stars.name.value if stars else "",
        stored(function, definition.module),
    )


def stored(function: cst.FunctionDef, module: Module) -> Mapping[str, list[cst.BaseExpression]]:
    """Return all that a method assigns to attributes of `self`."""
    return module.once_about(function, _stored)


def _stored(function: cst.FunctionDef) -> dict[str, list[cst.BaseExpression]]:
    return _stored_in(function.body)


def _stored_in(code: cst.CSTNode) -> dict[str, list[cst.BaseExpression]]:
    found: dict[str, list[cst.BaseExpression]] = {}
    for node in descendants(code):
        match node:
            case cst.Assign(targets=targets, value=value):
                pairs = [(target.target, value) for target in targets]
            case cst.AnnAssign(target=target, value=value) if value:
                pairs = [(target, value)]
            case cst.AugAssign(target=target, value=value):
                pairs = [(target, value)]
            case _:
                continue
        for target, value in pairs:
            for name, part in _paired(target, value):
                found.setdefault(name, []).append(part)
    return found


def always_stored(function: cst.FunctionDef, module: Module) -> frozenset[str]:
    """Return the attributes of `self` that a method sets whatever happens, under no `if`."""
    return module.once_about(function, _always_stored)


def _always_stored(function: cst.FunctionDef) -> frozenset[str]:
    simple = [line for line in function.body.body if isinstance(line, cst.SimpleStatementLine)]
    return frozenset().union(*(_stored_in(line) for line in simple))


def _paired(
    target: cst.CSTNode, value: cst.BaseExpression
) -> Iterator[tuple[str, cst.BaseExpression]]:
    match target:
        case cst.Attribute(value=cst.Name("self"), attr=cst.Name(name)):
            yield name, value
        case cst.Tuple() | cst.List():
            whole = not isinstance(value, (cst.Tuple, cst.List))
            values = [value] * len(target.elements) if whole else [
                e.value for e in value.elements  # type: ignore[attr-defined]
            ]  # fmt: skip
            for element, part in zip(target.elements, values, strict=False):
                yield from _paired(element.value, part)


def _handed_on(function: cst.FunctionDef, keywords: str) -> list[cst.Arg]:
    """Return where `**kwargs` goes on to `super().__init__`, or that of a base."""
    return [
        arg
        for node in descendants(function.body)
        if isinstance(node, cst.Call) and last_name(node.func) == "__init__"
        for arg in node.args
        if arg.star == "**" and is_name(arg.value, keywords)
    ]
