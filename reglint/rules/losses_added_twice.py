"""RGL404."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.classes import class_around
from reglint.analysis.flow import assigned, returned, value
from reglint.analysis.gradients import gradients
from reglint.analysis.losses import COMPILED, identity, is_same, is_told, losses_in, owner, replaced
from reglint.analysis.penalized import arguments
from reglint.analysis.syntax import code, cst, descendants
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Fix, RemoveLine, Replace, Safety
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from reglint.analysis.classes import KerasClass
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Site
    from reglint.analysis.terms import Term
    from reglint.model import Change

    Model: TypeAlias = frozenset[str | int]

_MODELS = frozenset({"keras.Model", "keras.Sequential"})
_SELF = frozenset({"self"})
_REASON = "the penalties count once from then on, half as much as before"


class LossesAddedTwice(Rule):
    """The penalties of a model are part of its loss twice.

    - `compute_loss` adds `self.losses` by itself, and `compiled_loss` does so if it gets
      `regularization_losses`, in Keras 3 always. Adding `sum(self.losses)` to what they return
      makes every penalty count double: a weight of 1 with an `L2(0.5)` goes to 0.8 in one step
      with a learning rate of 0.1, and not to 0.9.
    - `fit` adds the losses of a model to what the function says that was given to `compile`.
    - A weight that is made with a regularizer is penalized already. `add_loss` with the same
      regularizer penalizes it once more.

    ## Example

    ```python
    class Robust(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            loss = super().compute_loss(x, y, y_pred, sample_weight)
            return loss + sum(self.losses)
    ```

    Use instead:

    ```python
    class Robust(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            loss = super().compute_loss(x, y, y_pred, sample_weight)
            return loss
    ```

    ## Fix safety

    Unsafe: the penalties are half of what they were. Where their strength was tuned with the
    mistake in place, it has to be doubled.

    ## References

    Run with `fit` on tf.keras 2.15 and on Keras 3.15.1 with TensorFlow and JAX.
    """

    code = "RGL404"
    name = "losses-added-twice"
    since = (2, 8)
    triggers = (b"keras", rb"\blosses\b|add_loss")

    def check_module(self, module: Module) -> Iterator[Finding]:
        losses = [gradient.loss for gradient in gradients(module) if not gradient.stateless]
        for _, method in replaced(module):
            losses += returned(method, module)
        seen: set[int] = set()
        for loss in losses:
            for term in loss.walk():
                if id(term.node) not in seen and _is_double(term, module):
                    seen.add(id(term.node))
                    message = "the loss contains the penalties already, and they are added again"
                    yield Finding(term.node, message, tuple(_once(term.node, term.scope.node)))
        for site in module.calls_named("compile"):
            yield from _in_loss_function(site, module)
        for site in module.calls_named("add_loss"):
            yield from _penalized_twice(site, module)


# -- Sums


def _is_double(term: Term, module: Module) -> bool:
    """Tell whether a sum has the penalties in one part, and in another a loss with them."""
    if term.operation not in {"add", "total"}:
        return False
    parts = [
        p for part in term.parts for p in (part.parts if part.operation == "tuple" else [part])
    ]
    complete = [_complete(part, module) for part in parts]
    bare = [_bare(part) for part in parts]
    return any(
        one & other for i, one in enumerate(complete) for j, other in enumerate(bare) if i != j
    )


def _complete(term: Term, module: Module) -> frozenset[Model]:
    """Return the models whose penalties are in what a method of theirs returns."""
    if term.operation == "call":
        model = _of_keras(term, module)
        return frozenset({model} if model else ())
    return _combined(term, [_complete(part, module) for part in term.parts])


def _bare(term: Term) -> frozenset[Model]:
    """Return the models whose `losses` are part of a sum."""
    if term.operation == "attribute":
        return frozenset({identity(term.parts[0])} if term.name == "losses" else ())
    if term.operation in {"call", "parameter", "self"}:
        return frozenset()
    return _combined(term, [_bare(part) for part in term.parts])


def _combined(term: Term, parts: list[frozenset[Model]]) -> frozenset[Model]:
    if not parts:
        return frozenset()
    if term.operation == "choice":
        return frozenset.intersection(*parts)
    return frozenset().union(*parts)


def _of_keras(call: Term, module: Module) -> Model | None:
    """Return the model of which Keras' own method is called that adds the penalties."""
    cls = class_around(call.scope, module)
    if call.name == "super().compute_loss":
        bases = cls.lineage[1:] if cls and cls.kind is Kind.MODEL and cls.complete else None
        own = bases is None or any(base.method("compute_loss") for base in bases)
        return None if own else _SELF
    model = owner(call)
    if model is None or call.short not in {"compute_loss", COMPILED}:
        return None
    if call.short == COMPILED and not (is_told(call) or min(module.keras) >= (3, 0)):
        return None
    if model.operation == "self":
        known = cls and cls.kind is Kind.MODEL and cls.complete
        return _SELF if cls and known and not cls.inherited(call.short) else None
    made = list(model.forms())
    return identity(model) if all(form.name in _MODELS for form in made) else None


def _once(node: cst.CSTNode, function: cst.CSTNode) -> Iterator[Fix]:
    """Take out the term of a sum that is nothing but the penalties."""
    change: Change | None = None
    match node:
        case cst.BinaryOperation(left=left, right=right, lpar=[]) if _is_sum_of_losses(right):
            change = Replace(node, code(left))
        case cst.BinaryOperation(left=left, right=right, lpar=[]) if _is_sum_of_losses(left):
            change = Replace(node, code(right))
        case cst.AugAssign(value=right) if _is_sum_of_losses(right):
            change = _line_of(node, function)
    if change:
        yield Fix("Do not add the penalties again", (change,), Safety.UNSAFE, _REASON)


def _is_sum_of_losses(node: cst.CSTNode) -> bool:
    match node:
        case cst.Call(args=[cst.Arg(value=cst.Attribute(attr=cst.Name("losses")))]):
            return True
    return False


def _line_of(node: cst.CSTNode, function: cst.CSTNode) -> RemoveLine | None:
    """Return the change that takes a statement out of a block that has others."""
    for block in descendants(function):
        if isinstance(block, cst.IndentedBlock) and len(block.body) > 1:
            for line in block.body:
                if isinstance(line, cst.SimpleStatementLine) and [*line.body] == [node]:
                    return RemoveLine(line)
    return None


# -- compile


def _in_loss_function(site: Site, module: Module) -> Iterator[Finding]:
    """Find the penalties in the loss function that a model is compiled with."""
    node = cst.ensure_type(site.node, cst.Call)
    given = next((a.value for a in node.args if a.keyword and a.keyword.value == "loss"), None)
    if not isinstance(given, (cst.Name, cst.Lambda)) or not isinstance(node.func, cst.Attribute):
        return
    model = value(node.func.value, site.scope, module)
    for function in value(given, site.scope, module).forms():
        if isinstance(function.node, (cst.FunctionDef, cst.Lambda)):
            for loss in returned(function.node, module):
                for term in losses_in(loss):
                    if is_same(term.parts[0], model):
                        message = f"`fit` adds `{code(term.node)}` to the loss function by itself"
                        sums = (t.node for t in loss.walk() if t.operation == "add")
                        fixes = (fix for node in sums for fix in _once(node, function.node))
                        yield Finding(term.node, message, tuple(fixes))


# -- Layers


def _penalized_twice(site: Site, module: Module) -> Iterator[Finding]:
    """Find a weight that has a regularizer and is given to the same one for `add_loss`."""
    cls = class_around(site.scope, module)
    match site.node:
        case cst.Call(func=cst.Attribute(value=cst.Name("self")), args=[cst.Arg(value=given)]):
            if cls and _has_it_already(value(given, site.scope, module), cls):
                message = "`add_loss` penalizes a weight that has this regularizer already"
                yield Finding(site.node, message)


def _has_it_already(penalty: Term, cls: KerasClass) -> bool:
    node = penalty.node
    if penalty.operation != "call" or not isinstance(node, cst.Call) or len(node.args) != 1:
        return False
    weight = penalty.parts[-1].path
    if not weight.startswith("self."):
        return False
    return any(
        made.short == "add_weight"
        and isinstance(made.node, cst.Call)
        and any(
            name == "regularizer" and code(given.node) == code(node.func)
            for name, given in arguments(made, made.node)
        )
        for made in assigned(cls.node, weight.removeprefix("self."), cls.module)
    )
