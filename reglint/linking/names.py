"""What names a call may give to a layer, as far as the text tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.syntax import cst, descendants, is_name, parameters_of, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.linking.places import Site


class Name(NamedTuple):
    """The names that a piece of code may give."""

    pattern: str  # a regular expression for all of it
    automatic: bool = False  # whether Keras may choose: the code may come to None

    def fits(self, name: str, layer_class: str) -> bool:
        """Tell whether a layer of this class may get the name."""
        return self.written(name) or (self.automatic and number(name, layer_class) is not None)

    def written(self, name: str) -> bool:
        """Tell whether the code itself may say the name."""
        return re.fullmatch(self.pattern, name, re.DOTALL) is not None

    @property
    def literal(self) -> bool:
        """Tell whether it can be one name only."""
        return not self.automatic and not re.search(r"\.\*|\|", self.pattern)


AUTOMATIC = Name(r"(?!)", automatic=True)
ANY = Name(".*", automatic=True)


def number(name: str, layer_class: str) -> int | None:
    """Return the number in a name as Keras gives it: 0 for `dense`, 2 for `dense_2`, else None."""
    match = re.fullmatch(rf"{snake_case(layer_class)}(?:_(\d+))?", name)
    return int(match[1] or 0) if match else None


def snake_case(name: str) -> str:
    """Return `conv2d_transpose` for `Conv2DTranspose`, as Keras does it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def of(  # noqa: C901 - a case per form
    node: cst.CSTNode, scope: Scope, module: Module, known: Mapping[str, Name]
) -> Name:
    """Return the names an expression may be; `known` are those of the parameters around it."""

    def part(node: cst.CSTNode) -> str:
        return of(node, scope, module, known).pattern

    match node:
        case cst.SimpleString():
            return Name(re.escape(string(node) or ""))
        case cst.Integer(value=digits):
            return Name(re.escape(digits))
        case cst.ConcatenatedString(left=left, right=right):
            return Name(part(left) + part(right))
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
            return Name(part(left) + part(right))
        case cst.BinaryOperation(left=cst.SimpleString() as left, operator=cst.Modulo()):
            return Name(re.sub(r"%[\d.]*\w", ".*", part(left)))
        case cst.Call(
            func=cst.Attribute(value=cst.SimpleString() as text, attr=cst.Name("format"))
        ):
            return Name(re.sub(r"\\\{.*?\\\}", ".*", part(text)))
        case cst.Call(func=cst.Name("str"), args=[cst.Arg(value=inner)]):
            return Name(part(inner))
        case cst.FormattedString(parts=parts):
            return Name("".join(map(_formatted(part), parts)))
        case cst.IfExp(body=left, orelse=right) | cst.BooleanOperation(left=left, right=right):
            both = [of(each, scope, module, known) for each in (left, right)]
            pattern = "|".join(each.pattern for each in both)
            return Name(f"(?:{pattern})", any(each.automatic for each in both))
    if is_name(node, "None"):
        return AUTOMATIC
    if isinstance(node, cst.Name):
        return _named(node, scope, module, known)
    return ANY


def _formatted(part: Callable[[cst.CSTNode], str]) -> Callable[[cst.CSTNode], str]:
    def pattern(piece: cst.CSTNode) -> str:
        match piece:
            case cst.FormattedStringText(value=text):
                return re.escape(text.replace("{{", "{").replace("}}", "}"))
            case cst.FormattedStringExpression(expression=inner, conversion=None, format_spec=None):
                return part(inner)
        return ".*"

    return pattern


def _named(node: cst.Name, scope: Scope, module: Module, known: Mapping[str, Name]) -> Name:
    owner = scope.find(node.value)
    if owner is scope and len(scope.names[node.value]) == 1 and node.value in known:
        return known[node.value]
    value = module.expression(node, scope)
    if value and isinstance(value.node, (cst.SimpleString, cst.Integer)):
        return of(value.node, value.scope, module, {})
    return ANY


def given(site: Site, known: Mapping[str, Name]) -> Name:
    """Return what names a call may give to its layer; `known` are the parameters around it."""
    argument = site.argument("name")
    if argument is not None:
        return of(argument.value, argument.scope, site.file.module, known)
    if not site.given[1]:
        return _brought(site, known)
    return AUTOMATIC if site.own is None or _leaves_name(site) else ANY


def _brought(site: Site, known: Mapping[str, Name]) -> Name:
    """Return what names the `**kwargs` of a function around a call may bring."""
    module = site.file.module
    made_by = module.expression(site.node.func, site.scope)
    match [arg for arg in site.node.args if arg.star]:
        case [] if made_by and isinstance(made_by.node, cst.Call):  # `functools.partial`
            keywords = {arg.keyword.value if arg.keyword else arg.star for arg in made_by.node.args}
            return ANY if keywords & {"name", "*", "**"} else AUTOMATIC
        case [cst.Arg(star="**", value=cst.Name(keywords))] if f"**{keywords}" in known:
            owner = site.scope.find(keywords)
            uses = module.reads(keywords, owner)
            if owner is site.scope and all(_is_splat(use.node, module) for use in uses):
                return known[f"**{keywords}"]
    return ANY


def _is_splat(node: cst.CSTNode, module: Module) -> bool:
    return any(
        arg.star == "**" and arg.value is node
        for spot in module.calls
        for arg in cst.ensure_type(spot.node, cst.Call).args
    )


def _leaves_name(site: Site) -> bool:
    """Tell whether a class of the source leaves it to Keras to name its layers."""
    for definition in site.own.lineage if site.own else ():
        init = definition.method("__init__")
        if init is None:
            continue
        parameters = [p.name.value for p in parameters_of(init.params)]
        if "name" in parameters[1 : len(site.node.args) + 1]:
            return False
        if any(
            p.name.value == "name" and not is_name(p.default or cst.Name("None"), "None")
            for p in parameters_of(init.params)
        ):
            return False
        if any(_names_itself(node) for node in descendants(init)):
            return False
    return True


def _names_itself(node: cst.CSTNode) -> bool:
    """Tell whether it is `super().__init__(name=...)` with anything but the name that was given."""
    match node:
        case cst.Call(func=cst.Attribute(attr=cst.Name("__init__")), args=args):
            return any(
                arg.keyword and arg.keyword.value == "name" and not is_name(arg.value, "name")
                for arg in args
            )
    return False


def parameters(
    call: cst.Call, function: cst.FunctionDef, read: Callable[[cst.CSTNode], Name]
) -> Iterator[tuple[str, Name]]:
    """Yield what the parameters of a function are when it is called so, as names.

    `read` tells what an argument may be. What `**kwargs` brings goes by `**kwargs`.
    """
    positional = [*function.params.posonly_params, *function.params.params]
    own = [p.name.value for p in positional]
    if own[:1] == ["self"]:
        own = own[1:]
    if any(arg.star for arg in call.args):
        return
    by_place = [arg.value for arg in call.args if arg.keyword is None]
    by_name = {arg.keyword.value: arg.value for arg in call.args if arg.keyword}
    passed = {**dict(zip(own, by_place, strict=False)), **by_name}
    taken = {*own, *(p.name.value for p in function.params.kwonly_params)}
    if isinstance(function.params.star_kwarg, cst.Param):
        brought = read(passed["name"]) if "name" in passed.keys() - taken else AUTOMATIC
        yield f"**{function.params.star_kwarg.name.value}", brought
    for parameter in [*positional, *function.params.kwonly_params]:
        name, default = parameter.name.value, parameter.default
        if name in passed:
            yield name, read(passed[name])
        elif is_name(default, "None"):
            yield name, AUTOMATIC
        elif isinstance(default, cst.SimpleString):
            yield name, Name(re.escape(string(default) or ""))
