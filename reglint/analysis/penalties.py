"""The expressions of a module that are penalties, and what each of them penalises.

There are three: what `__call__` of a regularizer returns, what a function returns that is passed
as some `*_regularizer=`, and what `add_loss` gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from reglint.analysis.calls import targets
from reglint.analysis.classes import KerasClass, class_around, keras_classes
from reglint.analysis.flow import assigned, returned, value
from reglint.analysis.scopes import Opaque, Site
from reglint.analysis.syntax import cst, parameters_of
from reglint.keras_api.classes import LAYERS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope
    from reglint.analysis.terms import Term


class Of(Enum):
    """What a penalty is of."""

    TENSOR = "tensor"  # a `Regularizer` can be given to a weight as well as to the output
    WEIGHT = "weight"
    ACTIVITY = "activity"
    ADDED = "added"  # whatever `add_loss` is passed


_NO_NUMBERS = frozenset({"shape", "count"})  # of the tensor
# What a layer calls its own weights, and how else it makes them.
_MAKERS = frozenset({"self.add_weight", "self.add_variable"})
_WEIGHTS = frozenset({
    "kernel", "bias", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings",
    "gamma", "beta", "trainable_weights", "trainable_variables",
})  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Penalty:
    """One value that is added to the loss."""

    value: Term
    of: Of
    scope: Scope  # of the function that it stands in
    module: Module
    root: str  # "keras", "tensorflow.keras" ...: the Keras it is for; empty if that is not known
    function: cst.FunctionDef | cst.Lambda | None = None  # whose result it is
    site: Site | None = None  # of `add_loss`
    cls: KerasClass | None = None  # that it stands in

    @property
    def call(self) -> cst.Call | None:
        """Return the call of `add_loss`, if it is one."""
        return cst.ensure_type(self.site.node, cst.Call) if self.site else None

    @property
    def is_of_call(self) -> bool:
        """Tell whether a layer or model adds it when it is called."""
        function = self.scope.enclosing(cst.FunctionDef)
        return (
            self.of is Of.ADDED
            and self.cls is not None
            and self.cls.kind in LAYERS
            and function is not None
            and function.node is self.cls.method("call")
        )

    def is_weight(self, term: Term) -> bool:
        """Tell whether a value is what a regularizer is given, or a weight of the layer."""
        if self.function is not None:
            return term.operation == "parameter" and term.name == self.parameter
        if term.operation != "attribute":
            return False
        return bool(self.made(term)) or (term.name in _WEIGHTS and bool(term.path))

    def is_tensor(self, term: Term) -> bool:
        """Tell whether a value is a weight, or what the layer is called with."""
        return self.is_weight(term) or (self.function is None and term.operation == "parameter")

    def takes_tensor(self, term: Term) -> bool:
        """Tell whether a value depends on the numbers in such a tensor."""
        return any(map(self.is_tensor, term.leaves(_NO_NUMBERS)))

    @property
    def parameter(self) -> str:
        """Return the parameter that a regularizer is given its tensor by."""
        if self.function is None:
            return ""
        names = [parameter.name.value for parameter in parameters_of(self.function.params)]
        method = self.cls is not None and isinstance(self.function, cst.FunctionDef)
        return next(iter(names[1 if method else 0 :]), "")

    def made(self, term: Term) -> list[Site]:
        """Return the calls of `add_weight` that make a weight of the class, `self.kernel`."""
        if self.cls is None or term.operation != "attribute" or term.parts[0].operation != "self":
            return []
        values = assigned(self.cls.node, term.name, self.module)
        return [
            Site(form.node, form.scope, None)
            for some in values for form in some.forms()
            if form.operation == "call" and form.name in _MAKERS
        ]  # fmt: skip


def penalties(module: Module) -> tuple[Penalty, ...]:
    """Return the penalties of a module, each once."""
    return module.once(_penalties)


def _penalties(module: Module) -> tuple[Penalty, ...]:
    every = [*_of_classes(module), *_of_functions(module), *_added(module)]
    return tuple({(id(found.value.node), id(found.site)): found for found in every}.values())


def regularizers(module: Module) -> Iterator[tuple[KerasClass, cst.FunctionDef]]:
    """Yield the classes of regularizers that define what their penalty is, and where they do."""
    for cls in keras_classes(module):
        function = cls.method("__call__") if cls.kind is Kind.REGULARIZER else None
        if function:
            yield cls, function


def _of_classes(module: Module) -> Iterator[Penalty]:
    for cls, function in regularizers(module):
        yield from _results(function, Of.TENSOR, module, cls.root, cls)


def _of_functions(module: Module) -> Iterator[Penalty]:
    for site in module.calls:
        node = cst.ensure_type(site.node, cst.Call)
        for arg in node.args:
            name = arg.keyword.value if arg.keyword else ""
            named = name == "regularizer" or name.endswith("_regularizer")
            if not named or not _may_be_function(arg.value, site.scope, module):
                continue
            of = Of.ACTIVITY if name == "activity_regularizer" else Of.WEIGHT
            for form in value(arg.value, site.scope, module).forms():
                if isinstance(form.node, (cst.FunctionDef, cst.Lambda)):
                    yield from _results(form.node, of, module, _root(site, module))


def _may_be_function(node: cst.BaseExpression, scope: Scope, module: Module) -> bool:
    """Tell whether it is worth following what an argument is."""
    known = module.expression(node, scope)
    if known is None:
        owner = scope.find(node.value) if isinstance(node, cst.Name) else None
        bindings = owner.names[node.value] if owner and isinstance(node, cst.Name) else []
        return any(isinstance(b, Opaque) and isinstance(b.node, cst.FunctionDef) for b in bindings)
    match known.node:
        case cst.SimpleString() | cst.Name("None"):
            return False
        case cst.Call(func=func):  # of something imported: no function of this module
            return not module.meaning(func, known.scope)
    return True


def _results(
    function: cst.FunctionDef | cst.Lambda, of: Of, module: Module, root: str,
    cls: KerasClass | None = None,
) -> Iterator[Penalty]:  # fmt: skip
    scope = module.scope_of(function)
    if scope:
        for result in returned(function, module):
            yield Penalty(result, of, scope, module, root, function=function, cls=cls)


def _added(module: Module) -> Iterator[Penalty]:
    for site in module.calls_named("add_loss"):
        node = cst.ensure_type(site.node, cst.Call)
        cls = class_around(site.scope, module)
        root = cls.root if cls else ""
        for term in _given(node, site, module):
            yield Penalty(term, Of.ADDED, site.scope, module, root, site=site, cls=cls)


def _given(node: cst.Call, site: Site, module: Module) -> Iterable[Term]:
    """Return what is added: the elements of a list, and what a function would return."""
    if not node.args or node.args[0].star:
        return ()
    given = value(node.args[0].value, site.scope, module)
    if given.operation == "tuple":
        return given.parts
    if given.operation == "function" and isinstance(given.node, (cst.FunctionDef, cst.Lambda)):
        return returned(given.node, module)
    return (given,)


def _root(site: Site, module: Module) -> str:
    """Return what the file calls the Keras whose layer is called."""
    symbols, _, _ = targets(site, module)
    roots = {found.root for found in symbols}
    return roots.pop() if len(roots) == 1 else ""
