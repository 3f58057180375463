"""What a loss is computed from, and whether the penalties of a model are part of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.analysis.classes import Definition, keras_classes
from reglint.analysis.flow import assigned
from reglint.analysis.syntax import cst
from reglint.keras_api.classes import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module
    from reglint.analysis.terms import Term

# Methods of a model that add its penalties; `compiled_loss` of Keras 2 only if told to.
_ADDING = frozenset({"compute_loss", "stateless_compute_loss"})
COMPILED = "compiled_loss"
_TOLD = "regularization_losses"
# What a model has for its weights.
WEIGHTS = frozenset({"trainable_variables", "trainable_weights", "variables", "weights"})
# What gives the predictions of a model.
_PREDICT = frozenset({"call", "__call__", "predict", "stateless_call"})
# Attributes of a model that are functions, once it is compiled.
_OF_KERAS = frozenset({"loss", COMPILED})
# Names of what may hold penalties, and of what is a function of labels and predictions only.
_PENALTY = re.compile(r"(?i)regulari|penalt|decay|(?<![a-z])(?:reg|kl|l1|l2)(?![a-z])|^losses$")
_LOSS = re.compile(r"(?i)loss|criterion|objective")


def replaced(module: Module) -> Iterator[tuple[KerasClass, cst.FunctionDef]]:
    """Yield the models of a module that have a `compute_loss` of their own, and that."""
    if any(Definition(cls, module).method("compute_loss") for cls in module.classes):
        for cls in keras_classes(module):
            method = cls.method("compute_loss") if cls.kind is Kind.MODEL else None
            if method:
                yield cls, method


def losses_in(loss: Term) -> Iterator[Term]:
    """Yield where a loss reads `model.losses`."""
    return (t for t in loss.walk() if t.operation == "attribute" and t.name == "losses")


def calls_in(loss: Term, name: str) -> Iterator[Term]:
    """Yield where a loss calls a method of this name."""
    return (t for t in loss.walk() if t.operation == "call" and t.short == name and owner(t))


def is_told(call: Term) -> bool:
    """Tell whether a call of `compiled_loss` passes the penalties."""
    args = cst.ensure_type(call.node, cst.Call).args
    return any(arg.star or (arg.keyword and arg.keyword.value == _TOLD) for arg in args)


def leaves_out(loss: Term, model: Term, module: Module) -> bool:
    """Tell whether a loss surely has no part in the `losses` of a model."""
    if loss.operation in {"parameter", "unknown", "attribute"}:
        return False
    if any(_may_add(term, module) for term in loss.walk()):
        return False
    return all(_is_plain(term, model, module) for term in _summands(loss))


def _may_add(term: Term, module: Module) -> bool:
    """Tell whether a term may bring penalties into a loss."""
    name = term.short or term.name
    if term.operation == "attribute":
        return name in WEIGHTS or bool(_PENALTY.search(name))
    if term.operation != "call":
        return False
    if name == COMPILED and owner(term):
        return is_told(term) or min(module.keras) >= (3, 0)
    return (name in _ADDING and owner(term) is not None) or "regulariz" in name


def owner(call: Term) -> Term | None:
    """Return what the method is of that a call calls, or the object that it calls."""
    if not isinstance(call.node, cst.Call) or len(call.parts) <= len(call.node.args):
        return None
    return call.parts[0]


def _summands(loss: Term) -> Iterator[Term]:
    """Yield what a loss is computed from, up to the calls of what is not known."""
    stack, seen = [loss], set[int]()
    while stack:
        term = stack.pop()
        if id(term) in seen:
            continue
        seen.add(id(term))
        if term.operation in {"call", "attribute"} or not term.parts:
            yield term
        else:
            stack += term.parts


def _is_plain(term: Term, model: Term, module: Module) -> bool:
    """Tell whether a part of a loss surely knows nothing of the penalties of a model."""
    match term.operation:
        case "call":
            return _is_plain_call(term, model, module)
        case "attribute":
            return not is_same(term.parts[0], model) and not _LOSS.search(term.name)
        case "parameter" | "unknown":
            return bool(term.name) and not _LOSS.search(term.name)
    return True


def is_same(term: Term, other: Term) -> bool:
    """Tell whether two terms are surely one object."""
    return term is other or identity(term) == identity(other)


def identity(term: Term) -> frozenset[str | int]:
    """Return where an object is made, or the path by which the code knows it."""
    return frozenset(form.path or id(form.node) for form in term.forms())


def _is_plain_call(call: Term, model: Term, module: Module) -> bool:
    node = cst.ensure_type(call.node, cst.Call)
    called = owner(call)
    given = call.parts[1:] if called else call.parts
    if any(is_same(part, model) or part.operation == "self" for part in given):
        return False  # what is given the model may look for its losses
    if called is None:
        return not call.name.startswith("super()")
    match node.func:
        case cst.Attribute(attr=cst.Name(name)) if is_same(called, model) and name in _PREDICT:
            return not any(
                arg.keyword and arg.keyword.value == "return_losses" for arg in node.args
            )
        case cst.Attribute(attr=cst.Name(name)) if called.operation == "self":
            return name in _OF_KERAS or _is_object(called, name, module)
        case cst.Attribute():
            return not is_same(called, model) and all(
                _is_plain(part, model, module) for part in _summands(called)
            )
    if is_same(called, model):
        return True
    if called.operation in {"parameter", "unknown", "element"}:
        return bool(_LOSS.search(called.name or called.short))
    return called.operation not in {"function", "class"}


def _is_object(instance: Term, name: str, module: Module) -> bool:
    """Tell whether an attribute of `self` is set by its class, and is no method of a base."""
    cls = instance.scope.parent.node if instance.scope.parent else None
    return isinstance(cls, cst.ClassDef) and bool(assigned(cls, name, module))
