"""Where a model is penalized, as far as the code tells that makes it.

Followed are the functions and classes that a model is made by, in this module and in those of the
project that it imports from, and what they are given. Only what surely adds a penalty counts: a
regularizer that may be `None` or have a factor of 0 does not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.analysis.classes import class_of
from reglint.analysis.expressions import Expressions
from reglint.analysis.flow import Flow, assigned, returned, value
from reglint.analysis.scopes import Class, Imported, Value
from reglint.analysis.syntax import cst, number, parameters_of
from reglint.keras_api.classes import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Binding, Scope
    from reglint.analysis.terms import Term

_STRINGS = frozenset({"l1", "l2", "L1", "L2", "l1_l2", "orthogonal_regularizer"})
_MANY = 400  # terms looked at, before a model is too large to be judged
_OFTEN = 12  # calls of one function: there are functions that call each other


@dataclass(frozen=True, slots=True)
class Penalty:
    """Something that adds to the `losses` of a model."""

    name: str  # "kernel_regularizer", "add_loss"
    where: str  # the function or class it stands in; nothing for the top of a module
    value: Term  # the regularizer, or the call of `add_loss`

    def __str__(self) -> str:
        where = f" in `{self.where}`" if self.where else ""
        return f"the `{self.name}`{where}"


def penalty_of(model: Term, module: Module) -> Penalty | None:
    """Return a penalty that a model surely has: each of them, if a term stands for several."""
    modules = {id(module.scope): module}
    forms = [form for form in _Search(modules).forms(model) if form.operation != "none"]
    found = [next(_Search(modules).of(form), None) for form in forms]
    return found[0] if found and all(found) else None


def penalties_of(model: Term, module: Module) -> Iterator[Penalty]:
    """Yield the penalties of what a model is, or may be, made from."""
    return _Search({id(module.scope): module}).of(model)


def penalties_in(module: Module) -> list[Penalty]:
    """Return the penalties of all layers that a module makes."""
    return module.once(_penalties_in)


def _penalties_in(module: Module) -> list[Penalty]:
    search = _Search({id(module.scope): module})
    made = (site for site in module.calls if _passes_regularizer(site.node))
    return [p for site in made for p in search.of(value(site.node, site.scope, module))]


def _passes_regularizer(node: cst.CSTNode) -> bool:
    args = cst.ensure_type(node, cst.Call).args
    return any(arg.keyword and arg.keyword.value.endswith("_regularizer") for arg in args)


class _Search:
    """One search through what a model is made from."""

    def __init__(self, modules: dict[int, Module]) -> None:
        self._modules = modules  # by their outermost scope; those of the project are added
        self._seen: dict[int, Term] = {}
        self._classes: set[int] = set()
        self._calls: Counter[int] = Counter()  # of the functions of other modules

    def of(self, model: Term) -> Iterator[Penalty]:
        """Yield the penalties of what a term is made from."""
        for term in model.walk():
            if id(term) not in self._seen and len(self._seen) < _MANY:
                self._seen[id(term)] = term
                yield from self._term(term, self._module(term.scope))

    def forms(self, model: Term, depth: int = 8) -> Iterator[Term]:
        """Yield all that a model may be; functions of other modules are looked through."""
        for form in model.forms():
            made: list[Term] = []
            if depth and form.operation == "call" and isinstance(form.node, cst.Call):
                made = list(self._made_elsewhere(form, form.node, self._module(form.scope)))
            for other in made:
                yield from self.forms(other, depth - 1)
            if not made:
                yield form

    def _term(self, term: Term, module: Module) -> Iterator[Penalty]:
        made: Iterable[Term] = ()
        match term.operation:
            case "call" if isinstance(term.node, cst.Call):
                yield from self._call(term, term.node, module)
            case "symbol":
                yield from self._imported(term.name, module)
            case "self" if isinstance(cls := _class_node(term), cst.ClassDef):
                yield from self._class(cls, module)
                made = _instances(cls, module)
            case "parameter":
                made = _given(term, module)
            case "attribute" if term.parts[0].operation == "self":
                made = _assigned(term, module)
            case "function" if isinstance(term.node, (cst.FunctionDef, cst.Lambda)):
                made = returned(term.node, module)
        for other in made:
            yield from self.of(other)

    def _module(self, scope: Scope) -> Module:
        top = scope
        while top.parent is not None:
            top = top.parent
        return self._modules[id(top)]

    def _call(self, term: Term, node: cst.Call, module: Module) -> Iterator[Penalty]:
        if self._is_layer(term, module):
            for name, given in arguments(term, node):
                if name.endswith("_regularizer") and self._is_penalty(given, module):
                    yield Penalty(name, _where(term.scope), given)
        for cls, there in self._classes_called(term, module):
            yield from self._class(cls, there)
        for made in self._parts(term, node, module):
            yield from self.of(made)

    def _classes_called(self, term: Term, module: Module) -> Iterator[tuple[cst.ClassDef, Module]]:
        if term.parts and isinstance(cls := term.parts[0].node, cst.ClassDef):
            yield cls, self._module(term.parts[0].scope)
        elif "." in term.name:
            for other, binding in self._definitions(term.name, module):
                if isinstance(binding, Class):
                    yield binding.node, other

    def _parts(self, term: Term, node: cst.Call, module: Module) -> Iterator[Term]:
        """Yield what else goes into the result of a call than its arguments."""
        yield from self._made_elsewhere(term, node, module)
        partial = module.expression(node.func, term.scope)
        if partial and isinstance(partial.node, cst.Call) and partial.node is not node.func:
            yield value(partial.node, partial.scope, module)
        for site in module.calls_named("add") if term.name == "keras.Sequential" else ():
            match site.node:
                case cst.Call(func=cst.Attribute(value=model), args=[cst.Arg(value=layer)]):
                    forms = value(model, site.scope, module).forms()
                    if any(form.node is node for form in forms):
                        yield value(layer, site.scope, module)

    def _is_layer(self, term: Term, module: Module) -> bool:
        if term.name == "functools.partial":
            return bool(term.parts) and term.parts[0].name.startswith("keras.layers.")
        if term.name.startswith("keras.layers."):
            return True
        elsewhere = "." in term.name and any(
            isinstance(binding, Class)
            and (cls := class_of(binding, other))
            and cls.kind is Kind.LAYER
            for other, binding in self._definitions(term.name, module)
        )
        return elsewhere or _kind(term, module) is Kind.LAYER

    def _made_elsewhere(self, term: Term, node: cst.Call, module: Module) -> Iterator[Term]:
        """Yield what functions of other modules give that a call may call."""
        for other, binding in self._definitions(term.name, module):
            function = getattr(binding, "node", None)
            if isinstance(function, cst.FunctionDef) and self._calls[id(function)] < _OFTEN:
                self._calls[id(function)] += 1
                flow = other.once(Flow)
                caller = Expressions(flow, other.scope)
                made = flow.call(caller, function, arguments(term, node), node, term.name)
                yield from filter(None, (made,))

    def _imported(self, path: str, module: Module) -> Iterator[Penalty]:
        """Yield the penalties of an object that another module makes."""
        for other, binding in self._definitions(path, module):
            if isinstance(binding, Value):
                yield from self.of(value(binding.node, binding.scope, other))

    def _definitions(
        self, path: str, module: Module, depth: int = 8
    ) -> Iterator[tuple[Module, Binding]]:
        """Yield what a path means in the module of the project that defines it."""
        found = module.project.find(path) if depth else None
        if found is None:
            return
        other, name = found
        self._modules[id(other.scope)] = other
        for binding in other.scope.names.get(name, ()):
            if isinstance(binding, Imported):
                yield from self._definitions(binding.path, other, depth - 1)
            else:
                yield other, binding

    def _class(self, cls: cst.ClassDef, module: Module) -> Iterator[Penalty]:
        """Yield the penalties of what the methods of a class make."""
        keras = _keras_class(cls, module)
        for definition in keras.lineage if keras else ():
            if id(definition.node) in self._classes:
                continue
            self._classes.add(id(definition.node))
            there = definition.module
            self._modules[id(there.scope)] = there
            for site in there.calls:
                around = site.scope.enclosing(cst.ClassDef)
                if around is None or around.node is not definition.node:
                    continue
                made = value(site.node, site.scope, there)
                if made.name == "self.add_loss":
                    yield Penalty("add_loss", definition.name, made)
                yield from self.of(made)

    def _is_penalty(self, given: Term, module: Module) -> bool:
        """Tell whether the value of a regularizer argument surely penalizes."""
        forms = list(given.forms())
        return bool(forms) and all(self._penalizes(form, module) for form in forms)

    def _penalizes(self, term: Term, module: Module) -> bool:
        match term.operation:
            case "string":
                return term.name in _STRINGS
            case "symbol":
                return term.name.startswith("keras.regularizers.")
            case "call" if term.name.startswith("keras.regularizers."):
                return not term.parts or any(_may_count(part) for part in term.parts)
            case "call":
                return _kind(term, module) is Kind.REGULARIZER
            case "attribute" if term.parts[0].operation == "self":
                made = list(_assigned(term, module))
                return bool(made) and all(
                    form.operation in {"call", "string"} and self._penalizes(form, module)
                    for given in made
                    for form in given.forms()
                )
            case "parameter":
                default = _default(term, module)
                return (
                    default is not None
                    and default.operation in {"call", "string"}
                    and (self._penalizes(default, module))
                )
        return False


def arguments(term: Term, node: cst.Call) -> list[tuple[str, Term]]:
    """Return what a call passes, each with its keyword or stars; entries of `**{...}` by name."""
    found: list[tuple[str, Term]] = []
    if not node.args:
        return found
    for arg, part in zip(node.args, term.parts[-len(node.args) :], strict=False):
        if arg.star == "**" and part.operation == "dict":
            found += part.options.items()
        else:
            found.append((arg.star or (arg.keyword.value if arg.keyword else ""), part))
    return found


def l2_factor(regularizer: Term) -> Term | None:
    """Return the factor of an L2 penalty, or the regularizer itself if that is the default."""
    node = regularizer.node
    if regularizer.operation == "string":
        return regularizer if regularizer.name in {"l2", "L2"} else None
    if not isinstance(node, cst.Call) or not regularizer.name.startswith("keras.regularizers."):
        return None
    if regularizer.short in {"l2", "L2"}:
        return regularizer.parts[0] if regularizer.parts else regularizer
    if regularizer.short in {"l1_l2", "L1L2"}:
        by_place = dict(zip(("l1", "l2"), regularizer.parts, strict=False))
        return {**by_place, **dict(arguments(regularizer, node))}.get("l2")
    return None


def _may_count(factor: Term) -> bool:
    """Tell whether a factor is another number than 0, or comes from somewhere else."""
    match factor.operation:
        case "number":
            return number(factor.node) != 0
        case "parameter":
            default = getattr(factor.node, "default", None)
            return default is None or (number(default) or 0) != 0
        case "none":
            return False
    return True


def _default(parameter: Term, module: Module) -> Term | None:
    node = getattr(parameter.node, "default", None)
    around = parameter.scope.parent
    if node is None or around is None:
        return None
    return Expressions(module.once(Flow), around).expression(node)


def _kind(call: Term, module: Module) -> Kind | None:
    """Return what a call of a class of the module makes."""
    if call.parts and isinstance(cls := call.parts[0].node, cst.ClassDef):
        found = _keras_class(cls, module)
        return found.kind if found else None
    return None


def _keras_class(cls: cst.ClassDef, module: Module) -> KerasClass | None:
    known = next((each for each in module.classes if each.node is cls), None)
    return class_of(known, module) if known else None


def _class_node(term: Term) -> cst.CSTNode | None:
    """Return the class that a `self` is of."""
    return term.scope.parent.node if term.scope.parent else None


def _assigned(attribute: Term, module: Module) -> Iterator[Term]:
    """Yield what the class of `self.model`, or a base of it, assigns to it."""
    cls = _class_node(attribute.parts[0])
    if isinstance(cls, cst.ClassDef):
        yield from assigned(cls, attribute.name, module)


def _instances(cls: cst.ClassDef, module: Module) -> Iterator[Term]:
    """Yield the calls that make an instance of a class, in its module."""
    for site in module.calls_named(cls.name.value):
        made = value(site.node, site.scope, module)
        if made.parts and made.parts[0].node is cls:
            yield made


def _given(parameter: Term, module: Module) -> Iterator[Term]:
    """Yield what the calls of a function in its module pass for a parameter."""
    function = parameter.scope.node
    if not isinstance(function, cst.FunctionDef):
        return
    names = [p.name.value for p in parameters_of(function.params)]
    cls = parameter.scope.parent.node if parameter.scope.parent else None
    called = function.name.value
    if isinstance(cls, cst.ClassDef):
        names = names[1:]
        called = cls.name.value if called == "__init__" else called
    for site in module.calls_named(called):
        args = cst.ensure_type(site.node, cst.Call).args
        if any(arg.star for arg in args):
            continue
        by_place = zip(names, (arg.value for arg in args if not arg.keyword), strict=False)
        given = {**dict(by_place), **{a.keyword.value: a.value for a in args if a.keyword}}
        if parameter.name in given:
            yield value(given[parameter.name], site.scope, module)


def _where(scope: Scope) -> str:
    """Return the name of the outermost function or class that a place stands in."""
    names = []
    around: Scope | None = scope
    while around is not None:
        if isinstance(around.node, (cst.ClassDef, cst.FunctionDef)):
            names.append(around.node.name.value)
        around = around.parent
    return names[-1] if names else ""
