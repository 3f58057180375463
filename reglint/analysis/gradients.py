"""Where code takes the gradient of a loss, and with respect to the weights of which models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reglint.analysis.classes import class_around
from reglint.analysis.flow import returned, value
from reglint.analysis.losses import WEIGHTS, owner
from reglint.analysis.syntax import code, cst, descendants
from reglint.analysis.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site

_TAPE = "tensorflow.GradientTape"
_TRANSFORMS = frozenset({"jax.grad", "jax.value_and_grad"})
_STATELESS = frozenset({"stateless_call", "stateless_compute_loss"})
# What those who train do with a gradient.
_APPLY = (
    "apply_gradients", "apply", "minimize", "stateless_apply", "assign_sub", "assign_add", "assign",
    "step",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model that a gradient changes."""

    term: Term
    text: str  # what the code calls it


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """One gradient that is taken."""

    site: Site  # the call that takes it
    node: cst.CSTNode  # the loss, as that call names it
    loss: Term
    models: tuple[Trained, ...]
    tape: cst.With | None = None  # the block that TensorFlow records, if it is at hand
    stateless: bool = False  # of a function that is given the weights, as JAX wants it


def gradients(module: Module) -> tuple[Gradient, ...]:
    """Return the gradients that a module takes, and trains models with."""
    return module.once(_gradients)


def _gradients(module: Module) -> tuple[Gradient, ...]:
    if not module.calls_named(*_APPLY):
        return ()
    found = (*_of_tapes(module), *_of_minimize(module), *_of_jax(module), *_of_torch(module))
    return tuple(gradient for gradient in found if gradient.models)


def _of_tapes(module: Module) -> Iterator[Gradient]:
    """Yield those of `tape.gradient(loss, model.trainable_variables)`."""
    for site in module.calls_named("gradient"):
        loss, sources = _arguments(site, ("target", "sources"))
        func = cst.ensure_type(site.node, cst.Call).func
        if loss is None or sources is None or not isinstance(func, cst.Attribute):
            continue
        recorder = value(func.value, site.scope, module)
        if recorder.name == _TAPE:
            models = owners(value(sources, site.scope, module))
            tape = _block(recorder.node, site)
            yield Gradient(site, loss, value(loss, site.scope, module), models, tape)


def _of_minimize(module: Module) -> Iterator[Gradient]:
    """Yield those of `optimizer.minimize(lambda: loss, model.trainable_variables)`."""
    for site in module.calls_named("minimize"):
        loss, sources = _arguments(site, ("loss", "var_list"))
        if loss is None or sources is None:
            continue
        models = owners(value(sources, site.scope, module))
        for made in _results(value(loss, site.scope, module), module):
            yield Gradient(site, loss, made, models)


def _of_jax(module: Module) -> Iterator[Gradient]:
    """Yield those of `jax.grad(compute_loss)`, where that calls a model with given weights."""
    for site in module.calls_named("grad", "value_and_grad"):
        (function,) = _arguments(site, ("fun",))
        if function is None or value(site.node, site.scope, module).name not in _TRANSFORMS:
            continue
        for made in _results(value(function, site.scope, module), module):
            models = _distinct(
                called
                for term in made.walk()
                if term.short in _STATELESS and (called := _called(term))
            )
            loss = made.parts[0] if made.operation == "tuple" and made.parts else made
            yield Gradient(site, function, loss, models, stateless=True)


def _of_torch(module: Module) -> Iterator[Gradient]:
    """Yield those of `loss.backward()`."""
    for site in module.calls_named("backward"):
        match site.node:
            case cst.Call(func=cst.Attribute(value=node), args=[]):
                loss = value(node, site.scope, module)
                called = (found for term in loss.walk() if (found := _called(term)))
                yield Gradient(site, node, loss, _distinct(called))


def _arguments(site: Site, names: tuple[str, ...]) -> list[cst.BaseExpression | None]:
    """Return what a call passes for its first parameters."""
    found: list[cst.BaseExpression | None] = [None] * len(names)
    for place, arg in enumerate(cst.ensure_type(site.node, cst.Call).args):
        name = arg.keyword.value if arg.keyword else None
        index = names.index(name) if name in names else place
        if not arg.star and (name is None or name in names) and index < len(names):
            found[index] = arg.value
    return found


def owners(sources: Term) -> tuple[Trained, ...]:
    """Return the models whose weights these are."""
    return _distinct(
        Trained(term.parts[0], code(term.node.value))
        for term in sources.walk()
        if term.operation == "attribute"
        and term.name in WEIGHTS
        and isinstance(term.node, cst.Attribute)
    )


def _distinct(models: Iterable[Trained]) -> tuple[Trained, ...]:
    return tuple({model.text: model for model in models}.values())


def _called(call: Term) -> Trained | None:
    """Return the model that may be called, directly or without its state."""
    node, called = call.node, owner(call)
    if call.operation != "call" or called is None or not isinstance(node, cst.Call):
        return None
    match node.func:
        case cst.Attribute(value=model, attr=cst.Name(name)) if name in _STATELESS:
            return Trained(called, code(model))
        case cst.Attribute(attr=cst.Name(name)) if called.path:
            return Trained(Term("attribute", node, call.scope, (called,), name), code(node.func))
        case cst.Name(name) if called.operation not in {"function", "class"}:
            return Trained(called, name)
    return None


def _results(function: Term, module: Module) -> list[Term]:
    """Return what a function returns that is passed by name, as a method or a lambda."""
    node = function.node
    if function.operation == "attribute" and function.parts[0].operation == "self":
        cls = class_around(function.scope, module)
        method = cls.inherited(function.name) if cls else None
        node = method[1] if method and method[0].module is module else node
    return returned(node, module) if isinstance(node, (cst.FunctionDef, cst.Lambda)) else []


def _block(recorder: cst.CSTNode, site: Site) -> cst.With | None:
    """Return the `with` statement that opens a tape, if it is in the same function."""
    for node in descendants(site.scope.node):
        if isinstance(node, cst.With) and any(item.item is recorder for item in node.items):
            return node
    return None
