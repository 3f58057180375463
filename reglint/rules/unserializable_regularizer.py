"""RGL309."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from reglint.analysis.calls import Place
from reglint.analysis.classes import class_around
from reglint.analysis.flow import returned, value
from reglint.analysis.guards import reachable, releases
from reglint.analysis.l1_l2 import L1L2, l1_l2
from reglint.analysis.scopes import Opaque, Value
from reglint.analysis.syntax import cst, number, parameters_of
from reglint.analysis.terms import Term
from reglint.keras_api.classes import LAYERS
from reglint.model import Finding, Fix, Replace, Safety, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import reference, regularizers, spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope, Site
    from reglint.model import Change, Version

    Function: TypeAlias = "cst.FunctionDef | cst.Lambda"

# From the release that asked for a `Regularizer` up to the one that stopped to.
_STRICT = ((3, 1), (3, 14))
_LAMBDA, _PARTIAL, _FUNCTION = "lambda", "`functools.partial`", "function"
_LOST = {
    _LAMBDA: "a model with a lambda as regularizer can be saved, but never loaded or cloned",
    _PARTIAL: "a model with a `functools.partial` as regularizer cannot be saved or cloned",
}
_REASON = "the factor is read only once, when the layer is made, and has to be a plain number"


class UnserializableRegularizer(Rule):
    """A function is used as a regularizer, which Keras may not take, save or load.

    - Keras 3.1 to 3.14 raise `ValueError` for every regularizer of a weight that is no instance
      of `keras.regularizers.Regularizer`: functions, lambdas and `functools.partial`. Releases
      before and after take them, and all releases take them as `activity_regularizer`.
    - A model with a **lambda** is saved without complaint, and never loaded again: `load_model`,
      `clone_model` and `model_from_json` raise `TypeError`, with `custom_objects` and with
      `safe_mode=False`, too.
    - A model with a **`functools.partial`** cannot be saved: `TypeError: Cannot serialize object`.
    - A model with a named function is loaded if the function is in `custom_objects`.

    Keras 3.0 to 3.3 save no `activity_regularizer` at all; there the penalty is lost instead.
    Saving weights only works with all of them. Without a sign of saving or cloning in the project,
    what cannot be saved is worth a note at most.

    ## Example

    ```python
    Dense(8, kernel_regularizer=lambda w: 0.01 * tf.reduce_sum(tf.square(w)))
    ```

    Use instead:

    ```python
    Dense(8, kernel_regularizer=keras.regularizers.l2(0.01))
    ```

    ## Fix safety

    Safe where the function is L1, L2 or both with numbers as factors: the penalty of a kernel of
    12 ones is 0.12 before and after. Unsafe if a factor is anything else. For other functions
    there is no fix: write a class derived from `Regularizer`, with `get_config`, and register it.

    ## References

    Run on tf.keras 2.15 and on Keras 3.0.5, 3.1.1, 3.8.0, 3.14.0 and 3.15.1.
    """

    code = "RGL309"
    name = "unserializable-regularizer"
    severity = Severity.WARNING
    since = (2, 0)
    calls = ("keras.layers.*",)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        for argument in regularizers(call):
            place = Place(argument.scope, call.module, call.root)
            weight = argument.name != "activity_regularizer"
            yield from _judged(argument.value, place, call.versions, weight=weight)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named("add_weight"):
            for arg in cst.ensure_type(site.node, cst.Call).args:
                if arg.keyword and arg.keyword.value == "regularizer":
                    yield from _added(arg.value, site, module)


def _added(node: cst.BaseExpression, site: Site, module: Module) -> Iterator[Finding]:
    """Find a regularizer of `self.add_weight`, which no configuration holds."""
    cls = class_around(site.scope, module)
    if cls is None or cls.kind not in LAYERS:
        return
    versions = releases(cls.root, reachable(site.branch, module))
    place = Place(site.scope, module, cls.root)
    yield from _judged(node, place, versions, weight=True, saved=False)


def _judged(
    node: cst.BaseExpression, place: Place, versions: frozenset[Version], *, weight: bool,
    saved: bool = True,
) -> Iterator[Finding]:  # fmt: skip
    """Find what is wrong with a regularizer, if it is a function."""
    found = _function(node, place.scope, place.module)
    if found is None:
        return
    refusing = frozenset(v for v in versions if weight and _STRICT[0] <= v <= _STRICT[1])
    lost = _LOST.get(found.kind, "") if saved else ""
    refused = f"{spans(refusing)} raise `ValueError`" if refusing else ""
    if lost:
        message = f"{lost}, and {refused}" if refused else lost
    elif refused:
        message = f"{refused} for a {found.kind} as the regularizer of a weight"
    else:
        return
    minor = not refused and not place.module.project.mentions("saving")
    yield Finding(node, message, _fixes(node, found, place), Severity.INFO if minor else None)


class _Found(NamedTuple):
    """A function in place of a regularizer."""

    kind: str
    function: Function | None = None
    module: Module | None = None  # that it is defined in
    bound: Mapping[str, Term] = {}  # what its other parameters are, as far as known


def _function(node: cst.BaseExpression, scope: Scope, module: Module) -> _Found | None:
    """Return the function that an expression is, if it is one."""
    value = module.expression(node, scope) or Value(node, scope)
    match value.node:
        case cst.Lambda():
            return _Found(_LAMBDA, value.node, module)
        case cst.Call(func=func, args=[cst.Arg(value=first), *rest]) if module.meaning(
            func, value.scope
        ) == {"functools.partial"}:
            inner = _function(first, value.scope, module) or _Found(_PARTIAL)
            return inner._replace(kind=_PARTIAL, bound=_bound(rest, [], value.scope, module))
        case cst.Call(func=func, args=args):
            factory = _defined(func, value.scope, module)
            made = _made(*factory) if factory else None
            if made is None or factory is None:
                return None
            names = [p.name.value for p in parameters_of(factory[0].params)]
            return made._replace(bound=_bound(args, names, value.scope, module))
        case cst.Name() | cst.Attribute():
            defined = _defined(value.node, value.scope, module)
            return _Found(_FUNCTION, *defined) if defined and defined[0].params.params else None
    return None


def _bound(
    args: Sequence[cst.Arg], names: Sequence[str], scope: Scope, module: Module
) -> Mapping[str, Term]:
    """Return what a call passes, by the names of the parameters."""
    found: dict[str, Term] = {}
    for i, arg in enumerate(args):
        name = arg.keyword.value if arg.keyword else next(iter(names[i : i + 1]), "")
        found |= {name: _given(arg.value, scope, module)} if name and not arg.star else {}
    return found


def _given(node: cst.BaseExpression, scope: Scope, module: Module) -> Term:
    """Return what an argument is, a number if it is a name for one; else as it is written."""
    known = module.expression(node, scope)
    if known and number(known.node) is not None:
        return Term("number", known.node, known.scope)
    return replace(value(node, scope, module), node=node, scope=scope)


def _made(factory: cst.FunctionDef, module: Module) -> _Found | None:
    """Return the function that another one makes, if that is all it can make."""
    forms = [form for term in returned(factory, module) for form in term.forms()]
    functions = [form.node for form in forms if form.operation == "function"]
    if not functions or not {form.operation for form in forms} <= {"function", "none"}:
        return None
    match functions:
        case [cst.FunctionDef() | cst.Lambda() as function] if len(forms) == 1:
            return _Found(_FUNCTION, function, module)
    return _Found(_FUNCTION)


def _defined(
    node: cst.BaseExpression, scope: Scope, module: Module, depth: int = 4
) -> tuple[cst.FunctionDef, Module] | None:
    """Return the function of the project that a name stands for, and its module."""
    owner = scope.find(node.value) if isinstance(node, cst.Name) else None
    if owner and isinstance(node, cst.Name):
        match owner.names[node.value]:
            case [Opaque(node=cst.FunctionDef() as function)]:
                return (function, module) if not function.decorators else None
    match [*module.meaning(node, scope)]:
        case [str(path)] if depth and (found := module.project.find(path)):
            other, name = found
            return _defined(cst.Name(name), other.scope, other, depth - 1)
    return None


def _fixes(node: cst.BaseExpression, found: _Found, place: Place) -> tuple[Fix, ...]:
    known = _written_out(found, place.module)
    arguments = known.arguments(place.scope) if known else None
    name = reference(place, f"regularizers.{known.name}") if known else None
    if known is None or arguments is None or name is None:
        return ()
    text = f"{name[0]}({arguments})"
    plain = all(factor.is_plain for factor in known.factors)
    safety = Safety.SAFE if plain else Safety.UNSAFE
    changes: tuple[Change, ...] = (Replace(node, text), *name[1])
    return (Fix(f"Use `{text}`", changes, safety, "" if plain else _REASON),)


def _written_out(found: _Found, module: Module) -> L1L2 | None:
    """Return what a function of this module computes, if it does nothing else."""
    function = found.function
    scope = module.scope_of(function) if function else None
    if function is None or found.module is not module or scope is None:
        return None
    parameters = list(parameters_of(function.params))
    outside = scope.parent or scope
    defaults = {
        p.name.value: _given(p.default, outside, module) for p in parameters[1:] if p.default
    }
    bound = {**defaults, **found.bound}
    results = returned(function, module)
    known = all(p.name.value in bound for p in parameters[1:])
    if not parameters or len(results) != 1 or not known or not _only_computes(function):
        return None
    tensor = parameters[0].name.value
    return l1_l2(results[0], lambda t: t.operation == "parameter" and t.name == tensor, bound)


def _only_computes(function: Function) -> bool:
    """Tell whether a function has no statements but assignments and a `return`."""
    if isinstance(function, cst.Lambda):
        return True
    simple = [line for line in function.body.body if isinstance(line, cst.SimpleStatementLine)]
    small = [statement for line in simple for statement in line.body]
    return len(simple) == len(function.body.body) and all(map(_is_harmless, small))


def _is_harmless(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.Assign() | cst.Return():
            return True
        case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()):
            return True
    return False
