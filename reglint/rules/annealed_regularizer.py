"""RGL410."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reglint.analysis.built import loops_around
from reglint.analysis.canonical import keras_name
from reglint.analysis.classes import keras_classes
from reglint.analysis.syntax import code, cst, descendants, is_name
from reglint.keras_api.classes import Kind
from reglint.model import Finding, Severity
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.analysis.scopes import Scope

# Until the end of these nothing is compiled.
_EARLY = frozenset({"__init__", "on_train_begin", "set_model", "set_params"})
# What has the step compiled anew, or not at all.
_RECOMPILES = re.compile(r"\bcompile\(|train_function|\bclone_model\(|_from_json\(|\bload_model\(")
_FACTORS = frozenset({"l1", "l2", "factor"})
_REGULARIZER = re.compile(r"(?:^|_)reg(?:ulari[sz]er)?\d*$")


class AnnealedRegularizer(Rule):
    """The factor of a regularizer is changed during training, which the training step never sees.

    The first step compiles the loss with the factor of that time as a constant. Measured for three
    epochs with an `L2` that a callback sets to 1, 2 and 3: penalties of 6.0, 6.0 and 6.0 with
    TensorFlow and JAX, in place of 6.0, 12.0 and 18.0. The same goes for several calls of `fit`
    without `compile` in between. It works with `compile(run_eagerly=True)`, with `compile` after
    each change, before the first step, as in `on_train_begin`, and on torch.

    A variable as the factor, changed by `assign`, works with TensorFlow and torch, and stays at
    6.0 with JAX. What works everywhere is a layer with a weight that is not trainable for the
    factor, and the penalty as `self.add_loss(self.factor * ...)` in its `call`: 6.0, 12.0, 18.0.

    ## Example

    ```python
    class Anneal(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[-1].kernel_regularizer.l2 = 0.01 * epoch
    ```

    ## Fix safety

    There is no fix: the factor has to live elsewhere.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX;
    [keras#4813](https://github.com/keras-team/keras/issues/4813),
    [keras#8793](https://github.com/keras-team/keras/issues/8793),
    [keras#13301](https://github.com/keras-team/keras/issues/13301).
    """

    code = "RGL410"
    name = "annealed-regularizer"
    severity = Severity.WARNING
    since = (2, 4)
    triggers = (b"keras", rb"reg\w*\.\w+(?:\.assign\(|\s*[-+*/]?=[^=])")

    def check_module(self, module: Module) -> Iterator[Finding]:
        if _is_eager(module):
            return
        for part, scope in (*_callbacks(module), *_loops(module)):
            if _RECOMPILES.search(code(part)):
                continue
            for factor, is_variable in _changed(part):
                if not _is_factor(factor, scope, module):
                    continue
                message = f"the training step does not see that `{code(factor)}` changes"
                if not is_variable:
                    yield Finding(factor, message)
                elif module.project.mentions("multi-backend"):
                    yield Finding(factor, f"{message} on JAX")


def _is_eager(module: Module) -> bool:
    """Tell whether nothing is compiled at all, or may not be."""
    return bool(module.calls_named("run_functions_eagerly")) or any(
        arg.keyword and arg.keyword.value == "run_eagerly" and not is_name(arg.value, "False")
        for site in module.calls_named("compile")
        for arg in cst.ensure_type(site.node, cst.Call).args
    )


def _callbacks(module: Module) -> Iterator[tuple[cst.CSTNode, Scope]]:
    """Yield the methods of callbacks that run between the steps."""
    for cls in keras_classes(module):
        for statement in cls.node.body.body if cls.kind is Kind.CALLBACK else ():
            if isinstance(statement, cst.FunctionDef) and statement.name.value not in _EARLY:
                scope = module.scope_of(statement)
                if scope:
                    yield statement.body, scope


def _loops(module: Module) -> Iterator[tuple[cst.CSTNode, Scope]]:
    """Yield the bodies of loops in which one model is fitted again and again."""
    for site in module.calls_named("fit"):
        match site.node:
            case cst.Call(func=cst.Attribute(value=model)):
                loop = next(loops_around(site, module), None)
                if isinstance(loop, cst.For) and not _is_made_in(loop, code(model)):
                    yield loop.body, site.scope


def _is_made_in(loop: cst.For, model: str) -> bool:
    made = (n.target for n in descendants(loop) if isinstance(n, (cst.AssignTarget, cst.For)))
    return any(code(target).partition(".")[0] == model.partition(".")[0] for target in made)


def _changed(part: cst.CSTNode) -> Iterator[tuple[cst.Attribute, bool]]:
    """Yield the attributes that get a new value, and whether this is by `assign`."""
    for node in descendants(part):
        match node:
            case (
                cst.AssignTarget(target=cst.Attribute() as factor)
                | cst.AugAssign(target=cst.Attribute() as factor)
            ):
                yield factor, False
            case cst.Call(
                func=cst.Attribute(value=cst.Attribute() as factor, attr=cst.Name("assign"))
            ):
                yield factor, True


def _is_factor(factor: cst.Attribute, scope: Scope, module: Module) -> bool:
    """Tell whether an attribute is the factor of a regularizer."""
    match factor.value:
        case cst.Attribute(attr=cst.Name(owner)) if owner.endswith("_regularizer"):
            return not is_name(factor.value.value, "self")
        case cst.Attribute(attr=cst.Name(owner)) | cst.Name(owner):
            if factor.attr.value not in _FACTORS:
                return False
            value = module.expression(factor.value, scope)
            if value and isinstance(value.node, cst.Call):
                name = keras_name(value.node.func, value.scope, module) or ""
                return name.startswith("keras.regularizers.")
            return bool(_REGULARIZER.search(owner))
    return False
