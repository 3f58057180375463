"""RGL409."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from reglint import keras_api
from reglint.analysis.calls import called
from reglint.analysis.classes import class_around
from reglint.analysis.guards import reachable, releases
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import code, cst, descendants, is_name
from reglint.keras_api.classes import LAYERS
from reglint.model import Finding
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Branch, Scope

    Function: TypeAlias = cst.Lambda | cst.FunctionDef

# What is made the first time only.
_ONCE = re.compile(r"\bNone\b|\b(?:has|get)attr\b|built|\bnot self\.")


class UntrackedLayer(Rule):
    """A layer with weights is made or called where Keras does not know that it exists.

    - A layer that is made in `call` is a new one each time. The model has 0 weights of it and 0
      losses, so it is neither trained nor penalised: silently on JAX, while `fit` on TensorFlow
      raises that variables are created on a later call. Assigned to an attribute it raises as soon
      as Keras 3 builds the model.
    - A layer that a `Lambda` calls from outside belongs to nobody: 0 weights and 0 losses in Keras
      3, without a word, where the same layer called by the model has 2 and 1. tf.keras 2 raises
      `ValueError`.
    - A `tf.Variable` as an attribute is not tracked by Keras 3: 0 weights, and still 1.0 after
      `fit`, where tf.keras 2 has 1 and trains it. This is found where the code is known to run on
      Keras 3.

    Layers without weights can be made anywhere, and those in lists, tuples and dictionaries are
    tracked.

    ## Example

    ```python
    class Head(keras.layers.Layer):
        def call(self, inputs):
            return Dense(10, kernel_regularizer="l2")(inputs)
    ```

    ## Fix safety

    There is no fix: the layer is to be made in `__init__`, once.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    """

    code = "RGL409"
    name = "untracked-layer"
    since = (2, 4)
    triggers = (b"keras", rb"def call\b|Lambda\(")
    calls = ("keras.layers.Lambda",)

    def check_call(self, call: Call) -> Iterator[Finding]:
        given = call.argument("function", 0)
        function = call.module.function(given.value, given.scope) if given else None
        scope = call.module.scope_of(function) if function else None
        if function is None or scope is None:
            return
        for node in descendants(function.body):
            if isinstance(node, cst.Call) and _is_untracked(
                node.func, function, scope, call.module
            ):
                message = "the weights and penalties of a layer inside a `Lambda` are not tracked"
                yield Finding(node.func, message)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named(*sorted(_weighted())):
            if _in_call(site, module) and not _is_once(site.branch) and _is_weighted(site, module):
                name = code(cst.ensure_type(site.node, cst.Call).func)
                message = f"a `{name}` made in `call` is another one each time, and is not tracked"
                yield Finding(site.node, message)
        for site in module.calls_named("Variable"):
            node = cst.ensure_type(site.node, cst.Call)
            if module.meaning(node.func, site.scope) == {"tensorflow.Variable"}:
                yield from _variable(site, module)


@cache
def _weighted() -> frozenset[str]:
    """Return the names of the layers that have weights."""
    return frozenset(
        name
        for name in keras_api.layer_names()
        if (layer := keras_api.layer(name)) and layer.regularizers(list(layer.signatures)[-1])
    )


def _is_weighted(site: Site, module: Module) -> bool:
    names = called(site, module)
    return bool(names) and all(name.removeprefix("keras.layers.") in _weighted() for name in names)


def _in_call(site: Site, module: Module) -> bool:
    """Tell whether a place is in the `call` of a layer or model, which makes no model itself."""
    cls = class_around(site.scope, module)
    method = cls.method("call") if cls and cls.kind in LAYERS else None
    scope: Scope | None = site.scope
    while scope is not None and scope.node is not method:
        scope = scope.parent
    return scope is not None and not any(
        inner.scope is scope for inner in module.calls_named("Model", "Sequential")
    )


def _is_once(branch: Branch | None) -> bool:
    """Tell whether a branch may be taken the first time only."""
    while branch is not None:
        match branch.node:
            case cst.If(test=test) | cst.IfExp(test=test) if not _ONCE.search(code(test)):
                branch = branch.outer
            case _:
                return True
    return False


def _is_untracked(
    layer: cst.BaseExpression, function: Function, scope: Scope, module: Module
) -> bool:
    """Tell whether what a function calls is a layer that only this function knows."""
    if isinstance(layer, cst.Call):
        return _is_weighted(Site(layer, scope, None), module)
    value = module.expression(layer, scope) if isinstance(layer, cst.Name) else None
    if value is None or not isinstance(value.node, cst.Call) or not isinstance(layer, cst.Name):
        return False
    if not _is_weighted(Site(value.node, value.scope, None), module):
        return False
    inside = {id(node) for node in descendants(function)}
    uses = module.reads(layer.value, scope.find(layer.value))
    return all(id(use.node) in inside for use in uses)


def _variable(site: Site, module: Module) -> Iterator[Finding]:
    """Find a variable that becomes an attribute of a layer, in Keras 3."""
    cls = class_around(site.scope, module)
    if cls is None or cls.kind not in LAYERS:
        return
    versions = releases(cls.root, reachable(site.branch, module))
    node = cst.ensure_type(site.node, cst.Call)
    fixed = any(is_name(a.keyword, "trainable") and not is_name(a.value, "True") for a in node.args)
    if fixed or not versions or min(versions) < (3, 0):
        return
    for stores in module.attributes.values():
        for store in stores:
            assign = cst.ensure_type(store.node, cst.Assign)
            name = code(assign.targets[0].target)
            if assign.value is node and name.startswith("self.") and not _is_state(name, module):
                message = "Keras 3 does not track a `tf.Variable`, and so does not train it"
                yield Finding(node, message)


def _is_state(name: str, module: Module) -> bool:
    """Tell whether the code itself gives a variable its values."""
    for site in module.calls_named("assign", "assign_add", "assign_sub"):
        function = cst.ensure_type(site.node, cst.Call).func
        if isinstance(function, cst.Attribute) and code(function.value) == name:
            return True
    return False
