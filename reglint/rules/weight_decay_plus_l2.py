"""RGL601."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.flow import value
from reglint.analysis.gradients import owners
from reglint.analysis.penalized import arguments, l2_factor, penalties_of
from reglint.analysis.syntax import cst, number
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.penalized import Penalty
    from reglint.analysis.terms import Term

_BY_DEFAULT = frozenset({"AdamW", "Muon"})  # with 0.004


class WeightDecayPlusL2(Rule):
    """A model is trained with an optimizer that decays the weights, and penalizes them with L2.

    Both pull weights towards 0, in different ways. `weight_decay` takes a fixed share of every
    trainable variable in each step, biases and the scales of normalization layers included, unless
    `exclude_from_weight_decay` is called. The gradient of an L2 penalty goes through the optimizer:
    `Adam` divides it by its own size, so that its factor hardly matters.

    In one step of `SGD(0.1)`, a weight of 1 goes to 0.9 with `L2(0.5)`, to 0.95 with
    `weight_decay=0.5`, and to 0.85 with both. For `Adam` it is 0.9, also for `L2(0.0005)`, 0.95 and
    0.85. `AdamW()` decays with 0.004 if it is not told otherwise.

    ## Example

    ```python
    model = keras.Sequential([Dense(8, kernel_regularizer=keras.regularizers.L2(1e-4))])
    model.compile(keras.optimizers.AdamW(1e-3), loss="mse")
    ```

    There is no fix: either one is left, or both are meant. Then suppress the finding with a reason.

    ## Fix safety

    None is offered.

    ## References

    Run on tf.keras 2.15 and on Keras 3.15.1 with TensorFlow and JAX. Loshchilov and Hutter,
    "Decoupled Weight Decay Regularization".
    """

    code = "RGL601"
    name = "weight-decay-plus-l2"
    severity = Severity.WARNING
    since = (2, 11)
    triggers = (b"keras", b"ptimizer", rb"AdamW|Muon|weight_decay")

    def check_module(self, module: Module) -> Iterator[Finding]:
        if module.calls_named("exclude_from_weight_decay"):
            return
        seen: set[int] = set()
        for optimizer, model in _trained(module):
            for form in optimizer.forms():
                node = _decays(form)
                if node is None or id(node) in seen:
                    continue
                penalty = next(filter(_is_l2, penalties_of(model, module)), None)
                if penalty:
                    seen.add(id(node))
                    message = f"`{form.short}` decays the weights that {penalty} penalizes as well"
                    yield Finding(node, message)


def _trained(module: Module) -> Iterator[tuple[Term, Term]]:
    """Yield the optimizers of a module, each with a model that it trains."""
    for site in module.calls_named("compile"):
        node = cst.ensure_type(site.node, cst.Call)
        named = {a.keyword.value: a.value for a in node.args if a.keyword}
        given = named.get("optimizer", node.args[0].value if node.args else None)
        if isinstance(node.func, cst.Attribute) and isinstance(given, (cst.Name, cst.Call)):
            optimizer = value(given, site.scope, module)
            yield optimizer, value(node.func.value, site.scope, module)
    for site in module.calls_named("apply_gradients", "apply"):
        node = cst.ensure_type(site.node, cst.Call)
        if isinstance(node.func, cst.Attribute):
            optimizer = value(node.func.value, site.scope, module)
            for arg in node.args:
                for model in owners(value(arg.value, site.scope, module)):
                    yield optimizer, model.term


def _decays(optimizer: Term) -> cst.CSTNode | None:
    """Return what says that an optimizer decays the weights, if it surely does."""
    node = optimizer.node
    if not optimizer.name.startswith("keras.optimizers.") or not isinstance(node, cst.Call):
        return None
    for arg, (name, given) in zip(node.args, arguments(optimizer, node), strict=False):
        if name == "weight_decay":
            return arg.keyword if _is_positive(given) else None
        if name.startswith("*"):
            return None
    return node.func if optimizer.short in _BY_DEFAULT else None


def _is_l2(penalty: Penalty) -> bool:
    if penalty.name in {"activity_regularizer", "add_loss"}:
        return False
    factors = [(form, l2_factor(form)) for form in penalty.value.forms()]
    return any(factor and (factor is form or _is_positive(factor)) for form, factor in factors)


def _is_positive(factor: Term) -> bool:
    """Tell whether a factor is a number, and not 0."""
    forms = list(factor.forms())
    return bool(forms) and all((number(form.node) or 0) > 0 for form in forms)
