"""RGL207."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.calls import called
from reglint.analysis.classes import class_around
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import cst, descendants
from reglint.model import Finding, Fix, Prepend, Replace, Safety
from reglint.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reglint.analysis.names import Module
    from reglint.model import Change

_LAYER = {"keras.layers.ActivityRegularization"}


class UnusedActivityRegularization(Rule):
    """The output of an `ActivityRegularization` is not used, so that it is not in the model.

    A functional model consists of the layers between its inputs and its outputs. A layer that is
    called beside that path is none of it, and neither is its penalty: the losses of the model are
    empty, and were 4.8 with the layer on the path.

    ## Example

    ```python
    inputs = keras.Input((4,))
    hidden = Dense(3)(inputs)
    keras.layers.ActivityRegularization(l2=0.1)(hidden)
    model = keras.Model(inputs, Dense(1)(hidden))
    ```

    Use instead:

    ```python
    inputs = keras.Input((4,))
    hidden = Dense(3)(inputs)
    hidden = keras.layers.ActivityRegularization(l2=0.1)(hidden)
    model = keras.Model(inputs, Dense(1)(hidden))
    ```

    ## Fix safety

    Unsafe: it adds the penalty to the loss.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    """

    code = "RGL207"
    name = "unused-activity-regularization"
    since = (2, 0)
    triggers = (b"keras", b"ActivityRegularization")

    def check_module(self, module: Module) -> Iterator[Finding]:
        sites = {id(site.node): site for site in module.calls if _is_penalty(site, module)}
        for call, name in _results(module.tree) if sites else ():
            site = sites.get(id(call))
            source = _source(site, module) if site else None
            if site and source and (name is None or _is_unread(name, site, module)):
                message = "the output of `ActivityRegularization` is not used: there is no penalty"
                yield Finding(call, message, (_fix(call, name, source),))


def _fix(call: cst.Call, name: cst.Name | None, source: str) -> Fix:
    change: Change = Replace(name, source) if name else Prepend(call, f"{source} = ")
    title = f"Go on with the output as `{source}`"
    return Fix(title, (change,), Safety.UNSAFE, "it adds the penalty to the loss")


def _results(tree: cst.Module) -> Iterator[tuple[cst.Call, cst.Name | None]]:
    """Yield the calls whose result is thrown away, or only given a name."""
    for statement in descendants(tree):
        match statement:
            case cst.Expr(value=cst.Call() as call):
                yield call, None
            case cst.Assign(
                targets=[cst.AssignTarget(target=cst.Name() as name)], value=cst.Call() as call
            ):
                yield call, name


def _is_penalty(site: Site, module: Module) -> bool:
    """Tell whether a call is one of an `ActivityRegularization` that is called nowhere else."""
    function = cst.ensure_type(site.node, cst.Call).func
    if isinstance(function, cst.Name):
        if not _is_local(function, site) or len(module.reads(function.value, site.scope)) > 1:
            return False
    elif not isinstance(function, cst.Call):
        return False
    value = module.expression(function, site.scope)
    if value is None or not isinstance(value.node, cst.Call):
        return False
    return called(Site(value.node, value.scope, None), module) == _LAYER


def _source(site: Site, module: Module) -> str | None:
    """Return the name of what goes into the layer, if the code goes on with that."""
    if class_around(site.scope, module):
        return None  # in a `call`, what is made on the way counts
    match cst.ensure_type(site.node, cst.Call).args:
        case [cst.Arg(value=cst.Name(name) as node, star="")] if _is_local(node, site):
            return name if len(module.reads(name, site.scope)) > 1 else None
    return None


def _is_unread(name: cst.Name, site: Site, module: Module) -> bool:
    """Tell whether nobody reads a name; who reads what is declared `global` is not known."""
    elsewhere = site.scope is not module.scope and name.value in module.scope.names
    return not elsewhere and _is_local(name, site) and not module.reads(name.value, site.scope)


def _is_local(name: cst.Name, site: Site) -> bool:
    return name.value in site.scope.names
