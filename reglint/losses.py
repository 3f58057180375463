"""What a loss adds up, and whether the penalties of a model are part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.classes import class_around
from reglint.flow import assigned
from reglint.syntax import cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.names import Module
    from reglint.terms import Term

# What surely is a function of predictions and labels only.
_LOSS_FUNCTIONS = frozenset({
    "loss", "_loss", "loss_fn", "_loss_fn", "loss_func", "loss_function", "loss_object",
    "criterion",
})  # fmt: skip
# Methods of a model that add its penalties.
_ADD = frozenset({"compute_loss", "compiled_loss", "stateless_compute_loss"})
_PLAIN = ("tensorflow", "keras", "numpy", "jax", "torch", "builtins", "math", "tensorflow_addons", "tensorflow_probability")
_WEIGHTS = frozenset({"trainable_variables", "trainable_weights", "variables", "weights"})


def losses_in(loss: Term) -> Iterator[Term]:
    """Yield where a loss reads `model.losses`."""
    return (t for t in loss.walk() if t.operation == "attribute" and t.name == "losses")


def leaves_out(loss: Term, model: Term, module: Module) -> bool:
    """Tell whether a loss surely has no part in the `losses` of a model."""
    for term in loss.walk():
        name = term.short or term.name
        if name == "losses" or "regulari" in name or "penalt" in name or name in _WEIGHTS | _ADD:
            return False
    return all(_is_plain(term, model, module) for term in _summands(loss))


def _summands(loss: Term) -> Iterator[Term]:
    """Yield what a loss is computed from, up to the calls of what is not known."""
    stack, seen = [loss], set()
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
        case "number" | "string" | "none" | "symbol":
            return True
        case "call":
            return _is_plain_call(term, model, module)
        case "attribute":
            return True
    return False


def _is_plain_call(term, model, module):
    if any(part.path and part.path == model.path for part in term.parts):
        return False
    top = term.name.partition(".")[0]
    if top in _PLAIN:
        return True
    node = term.node
    match node:
        case cst.Call(func=cst.Name(name) | cst.Attribute(attr=cst.Name(name))):
            if name in _LOSS_FUNCTIONS:
                return True
    return False
