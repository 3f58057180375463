"""RGL406."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reglint.analysis.built import body, loops_around, targets
from reglint.analysis.scopes import Site
from reglint.analysis.syntax import (
    code,
    cst,
    descendants,
    is_name,
    last_name,
    parameters_of,
    path_to,
)
from reglint.model import Finding, Fix, Insert, Replace, Safety
from reglint.rules.rule import Rule
from reglint.rules.values import listed, regularizers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from reglint.analysis.calls import Call
    from reglint.analysis.names import Module
    from reglint.model import Change

    Function: TypeAlias = cst.Lambda | cst.FunctionDef
    Loop: TypeAlias = cst.For | cst.CompFor

# With any of these in its body a loop makes one model after the other, and each penalty is used up
# before its variable changes.
_ONE_BY_ONE = frozenset({
    "Input", "Model", "Sequential", "compile", "evaluate", "fit", "fit_generator",
    "train_on_batch",
})  # fmt: skip
_COLLECTS = frozenset({"add", "append", "extend", "insert"})


class LateBindingPenalty(Rule):
    """A penalty is a function that uses the variable of a loop, and sees only its last value.

    Python looks the variable up when the function is called, and Keras calls it when the loss is
    asked for, long after the loop. Measured for three layers with kernels of 6, 4 and 4 ones and
    the factors 0.1, 0.2 and 0.3: `kernel_regularizer=lambda w: factor * sum(w)` makes penalties of
    1.8, 1.2 and 1.2, all with the last factor, where 0.6, 0.8 and 1.2 are meant. In tf.keras 2,
    `model.add_loss(lambda: penalty(layer.kernel))` in a loop over three layers penalises the last
    one three times, and no other.

    A function that is used up in the same turn of the loop is no problem, as where each turn makes
    and trains a model of its own.

    ## Example

    ```python
    blocks = []
    for rate in (0.1, 0.2, 0.3):
        blocks.append(Dense(8, kernel_regularizer=lambda w: rate * tf.reduce_sum(w**2)))
    ```

    Use instead:

    ```python
    blocks = []
    for rate in (0.1, 0.2, 0.3):
        blocks.append(Dense(8, kernel_regularizer=lambda w, rate=rate: rate * tf.reduce_sum(w**2)))
    ```

    ## Fix safety

    Unsafe: the penalties become other ones, the ones that were meant.

    ## References

    Run on tf.keras 2.15, Keras 3.0.5 and 3.15.1 with TensorFlow, and on Keras 3.15.1 with JAX.
    (Keras 3 has no `add_loss` of functions, and 3.1 to 3.14 refuse functions as regularizers of
    weights.) [tensorflow#42880](https://github.com/tensorflow/tensorflow/issues/42880),
    [tensorflow#37511](https://github.com/tensorflow/tensorflow/issues/37511).
    """

    code = "RGL406"
    name = "late-binding-penalty"
    triggers = (b"keras", b"for ", rb"lambda|def ", rb"add_loss|regularizer")
    calls = ("keras.layers.*",)
    argument = "_regularizer"

    def check_call(self, call: Call) -> Iterator[Finding]:
        for penalty in regularizers(call):
            if penalty.scope is call.scope:
                yield from _late(penalty.value, Site(call.node, call.scope, None), call.module)

    def check_module(self, module: Module) -> Iterator[Finding]:
        for site in module.calls_named("add_loss", "add_weight"):
            match site.node:
                case cst.Call(func=cst.Attribute(attr=cst.Name("add_loss")), args=[loss, *_]):
                    yield from _late(loss.value, site, module)
                case cst.Call(func=cst.Attribute(value=cst.Name("self")), args=args):
                    for arg in args:
                        if arg.keyword and arg.keyword.value == "regularizer":
                            yield from _late(arg.value, site, module)


def _late(penalty: cst.BaseExpression, site: Site, module: Module) -> Iterator[Finding]:
    """Find a penalty that is a function made in a loop, and outlives the turn that made it."""
    function = module.function(penalty, site.scope)
    inside = module.scope_of(function) if function else None
    if function is None or inside is None:
        return
    for loop in loops_around(Site(function, site.scope, None), module):
        names = [n for n in sorted(targets(loop)) if _reads(function, n) and n not in inside.names]
        if names and _outlives(site, loop, module):
            what = f"the penalty sees {listed(names)} as the last turn of the loop left it"
            reason = "each penalty becomes the one that was meant"
            fix = Fix(
                "Bind it when the function is made", _bound(function, names), Safety.UNSAFE, reason
            )
            yield Finding(penalty, what, (fix,))
            return


def _reads(function: Function, name: str) -> bool:
    return any(is_name(node, name) for node in descendants(function.body))


def _outlives(site: Site, loop: Loop, module: Module) -> bool:
    """Tell whether what a call makes is still there when its loop is over."""
    path = path_to(site.node, body(site.scope, module))
    if isinstance(loop, cst.CompFor):
        around = [node for node in path if isinstance(node, cst.BaseComp)]
        return bool(around) and not any(map(_uses_up, descendants(around[0])))
    inside = next((path[i:] for i, node in enumerate(path) if node is loop), [])
    return any(_keeps(node, site) for node in inside) and not any(
        map(_uses_up, descendants(loop.body))
    )


def _uses_up(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and last_name(node.func) in _ONE_BY_ONE


def _keeps(node: cst.CSTNode, site: Site) -> bool:
    """Tell whether a statement or call puts what it is given where it stays."""
    match node:
        case cst.Call():
            return last_name(node.func) in _COLLECTS or (
                node is site.node and last_name(node.func) in {"add_loss", "add_weight"}
            )
        case cst.Assign(targets=assigned, value=value):
            return any(
                not isinstance(target.target, cst.Name)
                or any(is_name(n, target.target.value) for n in descendants(value))
                for target in assigned
            )
    return False


def _bound(function: Function, names: list[str]) -> tuple[Change, ...]:
    """Give a function the variables as defaults of parameters."""
    text = ", ".join(f"{name}={name}" for name in names)
    parameters = list(parameters_of(function.params))
    if parameters:
        return (Insert(parameters[-1], f", {text}"),)
    if isinstance(function, cst.Lambda):
        return (Replace(function, f"lambda {text}: {code(function.body)}"),)
    return (Insert(function.whitespace_before_params, text),)
