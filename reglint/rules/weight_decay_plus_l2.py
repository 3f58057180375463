"""RGL601."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.calls import called
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule
from reglint.rules.values import keras_name
from reglint.scopes import Site
from reglint.syntax import cst, is_name, number, string

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.calls import Call
    from reglint.names import Module
    from reglint.scopes import Scope

_OPTIMIZERS = (
    "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam",
    "Ftrl", "Lion", "Lamb", "Muon",
)  # fmt: skip
_BY_DEFAULT = frozenset({"AdamW", "Muon"})  # with 0.004
# The place of the factor of L2.
_L2 = {"keras.regularizers.l2": 0, "keras.regularizers.L2": 0, "keras.regularizers.l1_l2": 1,
       "keras.regularizers.L1L2": 1}  # fmt: skip


class WeightDecayPlusL2(Rule):
    code = "RGL601"
    name = "weight-decay-plus-l2"
    severity = Severity.WARNING
    since = (2, 11)
    triggers = (b"keras", b"ptimizer", b"egulariz", rb"AdamW|Muon|weight_decay")
    calls = tuple(f"keras.optimizers.{name}" for name in _OPTIMIZERS)

    def check_call(self, call: Call) -> Iterator[Finding]:
        decay = call.keyword("weight_decay")
        if decay is None and not (call.short in _BY_DEFAULT and call.complete):
            return
        if decay is not None and not _is_positive(decay.value, decay.scope, call.module):
            return
        if call.module.calls_named("exclude_from_weight_decay"):
            return
        if any(True for site in call.module.once(_penalized)):
            yield Finding(decay.key if decay else call.target, f"`{call.short}` decays")


def _is_positive(node, scope, module) -> bool:
    value = module.expression(node, scope)
    return value is not None and (number(value.node) or 0) > 0


def _penalized(module: Module) -> tuple[Site, ...]:
    """Return the calls of layers that penalize weights with L2."""
    return tuple(_layers(module))


def _layers(module):
    for site in module.calls:
        node = cst.ensure_type(site.node, cst.Call)
        for argument in node.args:
            name = argument.keyword.value if argument.keyword else ""
            if name.endswith("_regularizer") and name != "activity_regularizer":
                names = called(site, module)
                if names and all(n.startswith("keras.layers.") for n in names) and _is_l2(argument.value, site.scope, module):
                    yield site


def _is_l2(node, scope, module) -> bool:
    value = module.expression(node, scope)
    if value is None:
        return False
    if string(value.node) in {"l2", "L2"}:
        return True
    if not isinstance(value.node, cst.Call):
        return False
    name = keras_name(value.node.func, value.scope, module)
    if name not in _L2:
        return False
    place = _L2[name]
    factors = [a.value for a in value.node.args if a.keyword and a.keyword.value in ("l2", "l")]
    factors += [a.value for a in value.node.args if not a.keyword][place:place+1]
    return _is_positive(factors[0], value.scope, module) if factors else place == 0
