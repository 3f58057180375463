"""RGL309."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reglint.classes import class_around
from reglint.flow import returned
from reglint.guards import reachable, releases
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, Replace, Safety, Severity
from reglint.penalty_forms import penalty
from reglint.rules.rule import Rule
from reglint.rules.values import reference, regularizers, spans
from reglint.scopes import Opaque, Value
from reglint.syntax import cst, number, parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from reglint.calls import Call
    from reglint.model import Change, Version
    from reglint.names import Module
    from reglint.scopes import Scope, Site

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
            place = _Place(argument.scope, call.module, call.root)
            weight = argument.name != "activity_regularizer"
            yield from _judged(argument.value, place, call.versions, weight=weight)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named("add_weight"):
            for arg in cst.ensure_type(site.node, cst.Call).args:
                if arg.keyword and arg.keyword.value == "regularizer":
                    yield from _added(arg.value, site, module)


class _Place(NamedTuple):
    """Where a regularizer is written, and what Keras is called there."""

    scope: Scope
    module: Module
    root: str


def _added(node: cst.BaseExpression, site: Site, module: Module) -> Iterator[Finding]:
    """Find a regularizer of `self.add_weight`, which no configuration holds."""
    cls = class_around(site.scope, module)
    if cls is None or cls.kind not in {Kind.LAYER, Kind.MODEL}:
        return
    versions = releases(cls.root, reachable(site.branch, module))
    place = _Place(site.scope, module, cls.root)
    yield from _judged(node, place, versions, weight=True, saved=False)


def _judged(
    node: cst.BaseExpression, place: _Place, versions: frozenset[Version], *, weight: bool,
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
    bound: Mapping[str, cst.BaseExpression] = {}  # what its other parameters are, as far as known


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
) -> Mapping[str, cst.BaseExpression]:
    """Return what a call passes, by the names of the parameters."""
    found: dict[str, cst.BaseExpression] = {}
    for i, arg in enumerate(args):
        name = arg.keyword.value if arg.keyword else next(iter(names[i : i + 1]), "")
        value = module.expression(arg.value, scope)
        known = value.node if value and number(value.node) is not None else arg.value
        found |= {name: known} if name and not arg.star else {}
    return found


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


def _fixes(node: cst.BaseExpression, found: _Found, place: _Place) -> tuple[Fix, ...]:
    if found.function is None or found.module is not place.module:
        return ()
    known = penalty(found.function, found.bound, place.scope, place.module)
    name = reference(place, f"regularizers.{known.name}") if known else None
    if known is None or name is None:
        return ()
    text = f"{name[0]}({known.arguments()})"
    safety = Safety.SAFE if known.plain else Safety.UNSAFE
    changes: tuple[Change, ...] = (Replace(node, text), *name[1])
    return (Fix(f"Use `{text}`", changes, safety, "" if known.plain else _REASON),)
